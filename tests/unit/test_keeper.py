"""The keeper, with real processes: a command's end is told, and nothing of it stays behind.

Whether a process is gone is seen on a FIFO that it holds open for writing: the reader finds its end when the last writer is gone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_zdt.keeper import GRACE
from pytest_zdt.processes import Command

pytestmark = [pytest.mark.timeout(20), pytest.mark.skipif(sys.platform != "linux", reason="child subreapers are Linux's")]
DOUBLE_FORK = (
    "import os, time\n"
    "if os.fork(): os._exit(0)\n"
    "os.setsid()\n"
    "if os.fork(): os._exit(0)\n"
    "print('up', flush=True)\n"
    "time.sleep(600)\n"
)
ESCAPES = {
    "child": "echo up; sleep 600",
    "background": "(echo up; exec sleep 600) & wait",
    "setsid": "setsid sh -c 'echo up; exec sleep 600' & exit 0",
    "double fork": f'exec {sys.executable} -c "{DOUBLE_FORK}"',
}


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A named pipe."""
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.mark.parametrize("command, status", [("true", 0), ("exit 3", 3), ("kill -9 $$", 137), ("no-such-command-here", 127)])
def test_exit_status(tmp_path: Path, command: str, status: int) -> None:
    """The command's exit status is told; 128 + n when a signal ended it."""
    started = Command(command, tmp_path / "log", {})
    started._listener.join()
    assert started.exit_status == status
    started.stop()


def test_output_and_environment(tmp_path: Path) -> None:
    """Both outputs go to the log, and the command finds the variables that it was given."""
    started = Command('echo "out $GIVEN"; echo err >&2', tmp_path / "logs" / "log", {"GIVEN": "value"})
    started._listener.join()
    started.stop()
    assert started.log.read_text() == "out value\nerr\n"
    assert started.last_line() == "err"


@pytest.mark.parametrize("command", ["rm logs/log", "rm -r logs", "rm -r logs; mkdir -p logs/log"])
def test_a_log_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """A command that tidies its own log away has no last line; its exit status is told all the same."""
    monkeypatch.chdir(tmp_path)
    started = Command(f"echo out; {command}; echo err; exit 3", Path("logs/log"), {})
    started._listener.join()
    started.stop()
    assert (started.exit_status, started.last_line()) == (3, "")


@pytest.mark.parametrize("escape", ESCAPES)
def test_stop_ends_all(tmp_path: Path, fifo: Path, escape: str) -> None:
    """After a stop nothing that the command started is left, however it detached itself."""
    started = Command(f"exec > {fifo}\n{ESCAPES[escape]}", tmp_path / "log", {})
    with fifo.open() as pipe:
        assert pipe.readline() == "up\n"
        started.stop()
        os.set_blocking(pipe.fileno(), False)
        assert os.read(pipe.fileno(), 1) == b""


STUBBORN = "trap 'echo no' TERM; echo up; while :; do sleep 0.1; done"


def test_a_stop_can_be_hurried(tmp_path: Path, fifo: Path) -> None:
    """What does not heed SIGTERM has no grace when there is a hurry."""
    started = Command(f"exec > {fifo}\n{STUBBORN}", tmp_path / "log", {})
    with fifo.open() as pipe:
        assert pipe.readline() == "up\n"
        started.end()
        assert pipe.readline() == "no\n"
        began = time.monotonic()
        started.hurry()
        started.stop()
        assert time.monotonic() - began < GRACE
    assert started.exit_status == 137


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_keeper_that_is_told_to_end(tmp_path: Path, fifo: Path, escape: str) -> None:
    """SIGTERM ends the keeper, and with it the command and all it started."""
    started = Command(f"exec > {fifo}\n{ESCAPES[escape]}", tmp_path / "log", {})
    with fifo.open() as pipe:
        assert pipe.readline() == "up\n"
        started.hurry()
        assert pipe.read() == ""
    started.stop()


@pytest.mark.parametrize("escape", ["child", "double fork"])
def test_a_killed_run_leaves_nothing(tmp_path: Path, fifo: Path, escape: str) -> None:
    """When the run's process is killed with SIGKILL, the command and all it started end too."""
    script = (
        "import sys; from pathlib import Path; from pytest_zdt.processes import Command\n"
        f"command = Command(sys.argv[1], Path({str(tmp_path / 'log')!r}), {{}}); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, f"exec > {fifo}\n{ESCAPES[escape]}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as run, fifo.open() as pipe:
        assert pipe.readline() == "up\n"
        run.kill()
        assert pipe.read() == ""


def test_a_command_may_tidy_up(tmp_path: Path, fifo: Path) -> None:
    """The command itself is asked to end first, and may use its own children while it tidies up."""
    command = f"trap 'kill -0 $child && echo tidy; exit 0' TERM; sleep 600 & child=$!; echo up > {fifo}; wait"
    started = Command(command, tmp_path / "log", {})
    with fifo.open() as pipe:
        assert pipe.readline() == "up\n"
    started.stop()
    assert started.last_line() == "tidy"


def test_the_last_line_is_there_with_the_status(tmp_path: Path) -> None:
    """Once the exit status is known, what the command printed before is in the log, though something it left prints on."""
    noise = "(while :; do echo noise; sleep 0.1; done) &"
    command = f"{noise} head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last; exit 5"
    started = Command(command, tmp_path / "log", {})
    started._listener.join()
    assert started.exit_status == 5
    assert "last" in started.log.read_text()[-100:].split()
    started.stop()


def test_an_end_is_not_waited_for(tmp_path: Path) -> None:
    """`Command.end` returns at once, and the status of the command that it ended is told."""
    started = Command("echo up; exec sleep 600", tmp_path / "log", {})
    while not started.log.read_text():
        time.sleep(0.01)
    started.end()
    assert started.exit_status is None
    started._listener.join()
    assert started.exit_status == 143
    started.stop()


@pytest.mark.parametrize(
    ("printed", "line"),
    [
        (b"", ""),
        (b" \n\r\n", ""),
        (b"one\ntwo  \n\n", "two"),
        (b"10%\r50%\r99%", "99%"),
        (b"\x1b[1;31mred\x1b[0m\x1b]0;title\x07\x07", "red"),
        (b"\xff\x00caf\xc3\xa9", "\ufffdcaf\u00e9"),
        (b"x" * 500, "x" * 197 + "..."),
        (b"first\n" + b" " * 100_000, ""),
    ],
)
def test_last_line(tmp_path: Path, printed: bytes, line: str) -> None:
    """The last line that is not empty, short, and without anything that a terminal would obey."""
    started = Command("true", tmp_path / "log", {})
    started.stop()
    started.log.write_bytes(printed)
    assert started.last_line() == line
