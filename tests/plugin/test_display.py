"""What is to be seen of a run while it goes: on a terminal, as an emulator shows it at every moment, and in a log."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
import sys
import termios
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyte
import pytest

from tests.plugin.conftest import MODES, Zdt
from tests.plugin.project import Project, serving
from tests.signals import heed

pytestmark = pytest.mark.timeout(90)
ONE = """
    import pytest

    @pytest.mark.zdt
    def test_one(zdt_session):
        assert zdt_session.get("/one").json()["path"] == "/one"
"""
HIDDEN = ("COLUMNS", "NO_COLOR", "CI", "BUILD_NUMBER")
"""Variables of an outer run."""
PANEL = re.compile(r"^zdt  (load|head|deploying|tail) ")


def _at_home(terminal: int) -> None:
    """In the new process: the terminal is its own, and what its keys and its end send is heeded."""
    os.login_tty(terminal)
    heed()


@dataclass
class Shown:
    """A run in a terminal of so many columns and rows, read until it has ended."""

    columns: int
    rows: int
    sent: bytes = b""
    screens: list[list[str]] = field(default_factory=list)
    status: int = -1

    def __post_init__(self) -> None:
        self.emulator = pyte.HistoryScreen(self.columns, self.rows, history=10_000, ratio=0.5)
        self._stream = pyte.ByteStream(self.emulator)

    def watch(self, command: list[str], project: Project, do: Callable[[Shown, int], None], **environ: str) -> None:
        """Runs the command; ``do`` is called with the master side after each change."""
        master, slave = os.openpty()
        termios.tcsetwinsize(slave, (self.rows, self.columns))
        environment = {name: value for name, value in project.environment.items() if name not in HIDDEN}
        environment |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environ}
        run = subprocess.Popen(command, cwd=project.path, env=environment, preexec_fn=partial(_at_home, slave))
        os.close(slave)
        try:
            while self._read(master):
                do(self, master)
            self.status = run.wait(30)
        finally:
            run.kill()
            run.wait()
            os.close(master)
            print("\n".join(self.all))

    def _read(self, master: int) -> bool:
        ready, _, _ = select.select([master], [], [], 60)
        with contextlib.suppress(OSError):  # EIO: the last process has closed its side
            if ready and (data := os.read(master, 1 << 16)):
                self.sent += data
                self._stream.feed(data)
                self.screens.append([one.rstrip() for one in self.emulator.display])
                return True
        return False

    def resize(self, master: int, columns: int, rows: int) -> None:
        """The window gets another size."""
        self.columns, self.rows = columns, rows
        termios.tcsetwinsize(master, (rows, columns))
        self.emulator.resize(rows, columns)

    @property
    def all(self) -> list[str]:
        """All lines, those that scrolled away too."""
        above = ["".join(row[column].data for column in sorted(row)).rstrip() for row in self.emulator.history.top]
        return above + [one.rstrip() for one in self.emulator.display]

    @property
    def panels(self) -> list[list[str]]:
        """The panels that were seen."""
        tops = [(screen, [number for number, one in enumerate(screen) if PANEL.match(one)]) for screen in self.screens]
        return [screen[numbers[0] :] for screen, numbers in tops if numbers]


def watched(
    folder: Path,
    *args: str,
    mode: str = "n0",
    tests: str = ONE,
    size: tuple[int, int] = (100, 40),
    do: Callable[[Shown, int], None] = lambda shown, master: None,
    version: str = "v1",
    **environ: str,
) -> Shown:
    """A run in a terminal, to its end."""
    with serving() as api:
        api.version = version
        project = Project(folder, api).write({"test_one.py": tests})
        shown, zdt = Shown(*size), Zdt(project, mode)  # type: ignore[arg-type]
        shown.watch([sys.executable, "-m", "pytest", *zdt.arguments(*args)], project, do, **environ)
        return shown


def nothing_left(shown: Shown) -> bool:
    """Whether the terminal is as if there had been no panel: nothing of it, and one last line of the run."""
    lines = "\n".join(shown.all)
    left = [text for text in ("requests/s", "answers now", "no request failed", "━") if text in lines]
    last = re.findall(r"^(?:\^C)?zdt +\d+s: ended, \d+ requests?, \d+ failed, .*", lines, re.MULTILINE)
    return not left and len(last) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_panel_on_a_terminal(tmp_path, mode):
    """The panel is seen at the bottom while the run goes, and is gone at its end without a trace."""
    shown = watched(tmp_path, "--zdt-duration=4s", mode=mode)
    assert len(shown.panels) >= 2
    top, load, version, failures, evidence = shown.panels[-1]
    assert re.match(r"zdt  load 0:0[234] of 0:04  ━+╌*  at most 0:0[012] left$", top)
    assert re.match(r"     4 VUs, \d+ requests/s now, \d+ requests$", load)
    assert re.match(r"     v1  \d+ answers +[▁-█]+  answers now$", version)
    assert (failures, evidence) == ("     no request failed", "     evidence in zdt-report")
    assert nothing_left(shown)
    assert "[100%]" in "".join(shown.all)
    assert shown.status == 10


TALKS = """
    import os, signal
    import pytest
    from journal import once

    @pytest.mark.zdt
    def test_one(zdt_session, zdt_vu):
        zdt_session.get("/one")
        os.write(2, f"\\nsaid {zdt_vu.index}.{zdt_vu.iteration}.\\n".encode())
        if zdt_vu.iteration == 30 and once("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_others_print_is_not_lost(tmp_path):
    """What workers print by themselves, and what xdist says of one that crashed, stands whole above the panel, and stays."""
    shown = watched(tmp_path, "--zdt-duration=5s", "--zdt-pace=100ms", mode="n2", tests=TALKS)
    assert len(shown.panels) >= 2
    assert nothing_left(shown)
    said = [one for one in shown.all if one.startswith("said ")]
    assert all(re.fullmatch(r"said \d\.\d+\.", one) for one in said)
    assert len(said) == shown.sent.count(b"said ") >= 60
    assert any("node down" in one for one in shown.all)


def test_uncaptured_output_is_above_the_panel(tmp_path):
    """With ``-s`` what tests print stands above the panel, in its order."""
    tests = ONE + "        print('printed', zdt_session.get('/two').json()['path'], flush=True)\n"
    shown = watched(tmp_path, "-s", "--zdt-vus=1", "--zdt-duration=3s", "--zdt-pace=50ms", tests=tests)
    assert shown.panels
    assert nothing_left(shown)
    assert len([one for one in shown.all if one == "printed /two"]) == shown.sent.count(b"printed /two") >= 20


def test_a_window_that_is_resized(tmp_path):
    """The panel fits the new window, and the old one is gone."""

    def resize(shown: Shown, master: int) -> None:
        if len(shown.panels) == 2 and shown.columns == 100:
            shown.resize(master, 45, 12)

    shown = watched(tmp_path, "--zdt-duration=5s", do=resize)
    assert shown.columns == 45
    assert re.match(r"zdt  load 0:0\d of 0:05  [━╌]+  0:0\d left$", shown.panels[-1][0])
    assert sum(bool(PANEL.match(one)) for one in shown.screens[-3]) <= 1
    assert nothing_left(shown)


def test_ctrl_c(tmp_path):
    """After Ctrl-C the terminal is as pytest would have left it."""

    def interrupt(shown: Shown, master: int) -> None:
        if len(shown.panels) == 2 and b"^C" not in shown.sent:
            os.write(master, b"\x03")

    shown = watched(tmp_path, "--zdt-duration=60s", do=interrupt)
    assert shown.status == 2
    assert nothing_left(shown)
    assert shown.emulator.margins in (None, (0, 39))


@pytest.mark.parametrize("mode", ["n0", "n2"])
def test_a_terminal_that_is_closed(tmp_path, mode):
    """Nobody reads on, and nothing can be printed: the run ends, and its evidence is judged."""

    def close(shown: Shown, master: int) -> None:
        if shown.panels and b"the deployment was started" in shown.sent:
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, master)  # as with the window's end, the last one who has the master side is gone
            os.close(null)

    command = "trap '' HUP; echo under way; sleep 600"
    shown = watched(tmp_path, "--zdt-duration=60s", "--zdt-head=0s", f"--zdt-deploy={command}", mode=mode, do=close)
    assert shown.status == 2
    verdict = json.loads((tmp_path / "zdt-report" / "verdict.json").read_text())
    assert "interrupted" in [one["reason"] for one in verdict["requirements"]]
    assert (tmp_path / "zdt-report" / "report.html").exists()


@pytest.mark.parametrize(
    ("args", "environ", "size", "lines"),
    [
        ((), {"TERM": "dumb"}, (100, 40), 2),
        ((), {"CI": "true"}, (100, 40), 2),
        (("-q",), {}, (100, 40), 0),
        ((), {}, (100, 7), 2),
        (("-p", "no:terminal"), {}, (100, 40), 0),
    ],
    ids=["dumb", "ci", "quiet", "short", "no reporter"],
)
def test_terminals_without_a_panel(tmp_path, args, environ, size, lines):
    """A terminal that cannot, is short, or is a log of CI: a line soon after the start and one at the end; with ``-q`` none."""
    shown = watched(tmp_path, "--zdt-duration=3s", *args, size=size, **environ)
    assert shown.status == 10
    assert b"\x1b7" not in shown.sent
    assert len([one for one in shown.all if re.match(r"zdt +\d+s: ", one)]) == lines


def test_without_colours(tmp_path):
    """``NO_COLOR`` is heeded."""
    shown = watched(tmp_path, "--zdt-duration=3s", NO_COLOR="1")
    assert shown.panels
    assert not re.search(rb"\x1b\[[0-9;]*[1-9][0-9;]*m", shown.sent)


def test_a_hostile_version(tmp_path):
    """What an API calls its release sets neither colours nor titles."""
    shown = watched(tmp_path, "--zdt-duration=3s", version="v1\x1b[35m\x1b]0;title\x07")
    assert "v1[35m]0;title" in "".join(shown.panels[-1])
    assert b"\x1b[35m" not in shown.sent
    assert b"\x1b]0;" not in shown.sent


def test_lines_in_a_log(tmp_path):
    """Where there is no terminal: a line soon after the start, none again before 30 s, and one at the end."""
    with serving() as api:
        zdt = Zdt(Project(tmp_path, api).write({"test_one.py": ONE}), "n2")  # type: ignore[arg-type]
        result = zdt.load(duration="4s")
    lines = [one for one in result.outlines if one.startswith("zdt  ")]
    assert re.match(r"zdt    1s: at most 3s left, 4 VUs, \d+ requests/s, \d+ requests, 0 failed, versions: v1$", lines[0])
    assert re.match(r"zdt    4s: ended, \d+ requests, 0 failed, versions: v1$", lines[1])
    assert len(lines) == 2
