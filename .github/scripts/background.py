"""The load as a process that outlives the step which started it, and what it leaves for the steps after that.

Its folder, below RUNNER_TEMP, holds what one step needs to know from another.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from github_jobs import say, variable
from github_step import SUMMARY, on_github, quoted

FILES = ("GITHUB_OUTPUT", SUMMARY)
"""Files of GitHub's that a step may write to until it ends: the load outlives its step, so it is given others."""
JUDGED = (0, 1, 10)
"""Exit statuses of `pytest-zdt judge` that are a verdict."""


def launch(command: list[str]) -> None:
    """The load under a keeper, in a session of its own: the end of the step does not end it."""
    place = folder()
    own = {name: str(place / name) for name in FILES if name in os.environ}
    for path in own.values():
        Path(path).touch()
    (place / "report").write_text(report_of(command))
    token = secrets.token_hex(16) if on_github() else ""
    (place / "token").write_text(token)
    with (place / "output").open("wb") as output, (place / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # keeper and load inherit it, and with them goes what tells that it runs
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("handover.py").resolve()), "keep", str(lock.fileno()), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **own, **({"ZDT_STOP_TOKEN": token} if token else {}), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )


def report_of(command: list[str]) -> str:
    """The folder that a pytest command puts its evidence into, as an absolute path."""
    report = "zdt-report"
    for word, following in itertools.pairwise([*command, ""]):
        if word == "--zdt-report":
            report = following
        elif word.startswith("--zdt-report="):
            report = word.partition("=")[2]
    return str(Path(report).absolute())


def keep(lock: int, command: list[str]) -> int:
    """Runs the load, which holds the lock too, and notes its process id and exit status; 128 + n when signal n ended it."""
    place = folder()
    try:
        load = subprocess.Popen(command, pass_fds=[lock])
    except OSError as error:
        say(f"cannot start {command[0]}: {error.strerror}")
        status = 127
    else:
        write(place / "pid", load.pid)
        status = load.wait()
    write(place / "status", status if status >= 0 else 128 - status)
    return 0


def write(path: Path, number: int) -> None:
    """Puts a number into a file that others look for: it is there with its content, or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(str(number))
    unfinished.rename(path)


def running() -> bool:
    """Whether the load runs: a lock is freed by whatever ends it and its keeper, and no other process can take it over."""
    with (folder() / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def send(number: signal.Signals) -> None:
    """Sends a signal to the load, unless that ends by itself just now, or has not begun."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        os.kill(int((folder() / "pid").read_text()), number)


@contextlib.contextmanager
def showing() -> Iterator[None]:
    """For a step that calls `show`: in what that prints the runner heeds no command. In the end all is shown, to whole lines."""
    with quoted((folder() / "token").read_text()):
        try:
            yield
        finally:
            show()
            if not shown_to_line_end():
                print(flush=True)  # else the line that follows would be no command, nor one of its own


def shown_to_line_end() -> bool:
    """Whether what was shown is nothing or ends with a whole line; the load may have gone on since."""
    place = folder()
    shown = int((place / "shown").read_text())
    with (place / "output").open("rb") as output:
        return shown == 0 or os.pread(output.fileno(), 1, shown - 1) == b"\n"


def show() -> None:
    """Prints what the load has printed since the last time, be that in another step."""
    place = folder()
    shown = int((place / "shown").read_text()) if (place / "shown").exists() else 0
    with (place / "output").open("rb") as output:
        output.seek(shown)
        new = output.read()
    sys.stdout.buffer.write(new)
    sys.stdout.buffer.flush()
    (place / "shown").write_text(str(shown + len(new)))


def exit_status() -> int | None:
    """The exit status of a load that has ended; None where it is not known, since its keeper was killed."""
    path = folder() / "status"
    return int(path.read_text()) if path.exists() else None


def judge() -> None:
    """Judges what a load left that was killed, and puts summary and outputs where it would have put them; it may have done so."""
    place = folder()
    report = Path((place / "report").read_text())
    if not began(report) or ((place / "GITHUB_OUTPUT").exists() and (place / "GITHUB_OUTPUT").stat().st_size):
        return
    command = ["pytest-zdt", "judge", str(report)]
    try:
        with quoted((place / "token").read_text()):
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT).returncode
    except OSError as error:
        say(f"cannot start pytest-zdt, to judge what the load left: {error.strerror}")
        return
    if status in JUDGED:
        hand_in(report)


def began(report: Path) -> bool:
    """Whether that folder has evidence, and the load began it: what an earlier one left tells nothing of this deployment."""
    run, lock = report / "run.json", folder() / "lock"
    return run.exists() and run.stat().st_mtime >= lock.stat().st_mtime


def hand_in(report: Path) -> None:
    """Puts the summary and the outputs of a verdict where the load would have put them."""
    verdict = json.loads((report / "verdict.json").read_text())
    outputs = {"verdict": verdict["verdict"], "level": verdict["level"] or "", "report": str(report)}
    end = f"zdt-{secrets.token_hex(16)}"  # a path may hold an end of line
    texts = {
        "GITHUB_OUTPUT": "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in outputs.items()),
        SUMMARY: (report / "summary.md").read_text() if (report / "summary.md").exists() else "",
    }
    for name, text in texts.items():
        if (path := folder() / name).exists() and not path.stat().st_size:
            path.write_text(text)


def hand_on() -> None:
    """Adds what the load wrote for GitHub to the files of this step."""
    for name in FILES:
        if name in os.environ and (path := folder() / name).exists():
            with Path(os.environ[name]).open("ab") as file:
                file.write(path.read_bytes())


def folder() -> Path:
    """Where the steps of the load job leave what the next one needs."""
    return Path(variable("RUNNER_TEMP")) / "zdt-handover"
