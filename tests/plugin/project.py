"""A user's project in a folder of its own: run once, looked at by several tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import CONFIGURATION, MODES, Api, Handler, Server, Zdt
from tests.signals import heed

JOURNAL = '''
"""What happened in this process, in its order: one JSON line each."""
import json, os, pathlib, threading

FOLDER = pathlib.Path(__file__).parent
FILE = os.open(FOLDER / f"events-{os.getpid()}.ndjson", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

def note(what, **data):
    thread = threading.current_thread()
    data = {"what": what, "main": thread is threading.main_thread(), "thread": thread.ident, **data}
    os.write(FILE, json.dumps(data).encode() + b"\\n")

def once(name):
    """True for the first one who asks, whatever process or thread it is."""
    try:
        os.close(os.open(FOLDER / f"once-{name}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
'''
CONFTEST = """
import json, os, pathlib
import pytest

def pytest_runtest_logreport(report):
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    line = {"id": report.nodeid, "when": report.when, "outcome": report.outcome, "text": report.longreprtext,
            "properties": report.user_properties, "sections": report.sections}
    with (pathlib.Path(__file__).parent / "reports.ndjson").open("a") as file:
        file.write(json.dumps(line) + "\\n")

def pytest_terminal_summary(terminalreporter):
    stats = {word: [one.nodeid for one in found if hasattr(one, "when")] for word, found in terminalreporter.stats.items()}
    (pathlib.Path(__file__).parent / "stats.json").write_text(json.dumps(stats))
"""


@contextmanager
def serving() -> Iterator[Api]:
    """A running API."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.api = Api(url=f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.api
        server.shutdown()
        thread.join()


def lines(path: Path) -> list[Any]:
    """The values of a file with a JSON text on each line."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@dataclass
class Project:
    """A folder with tests; `Zdt` runs them as it does pytester's."""

    path: Path
    api: Api

    def write(self, files: Mapping[str, str]) -> Project:
        """Writes the files; those of the same name add to the configuration and to what keeps the events and the reports."""
        ini = "[pytest]\nfilterwarnings = error\n"
        own = {
            "journal.py": JOURNAL,
            "pytest.ini": ini,
            "zdt.toml": CONFIGURATION.format(url=self.api.url),
            "conftest.py": CONFTEST,
        }
        for name in {**own, **files}:
            (self.path / name).write_text(own.get(name, "") + textwrap.dedent(files.get(name, "")))
        (self.path / "temporary").mkdir(exist_ok=True)
        return self

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a run: of nothing that an outer run has set."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONDONTWRITE", "ZDT_"))}
        return {**mine, "PYTEST_DEBUG_TEMPROOT": str(self.path / "temporary"), "COLUMNS": "200"}

    def _command(self, args: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "pytest", *args]

    def runpytest_subprocess(self, *args: str, timeout: float) -> pytest.RunResult:
        """As `pytest.Pytester.runpytest_subprocess`."""
        began = time.monotonic()
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        done = subprocess.run(self._command(args), cwd=self.path, env=self.environment, timeout=timeout, **pipes)
        out, err = done.stdout.splitlines(), done.stderr.splitlines()
        print(done.stdout, done.stderr, sep="\n")  # pytest shows it with a test that fails
        return pytest.RunResult(done.returncode, out, err, time.monotonic() - began)

    @contextmanager
    def started(self, *args: str) -> Iterator[subprocess.Popen[bytes]]:
        """A run as the leader of a process group, its output in ``output.txt``; killed when the test leaves it behind."""
        with (self.path / "output.txt").open("wb") as output:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            run = subprocess.Popen(
                self._command(args), cwd=self.path, env=self.environment, start_new_session=True, preexec_fn=heed, **streams
            )
            try:
                yield run
            finally:
                if run.poll() is None:
                    os.killpg(run.pid, signal.SIGKILL)
                run.wait()
                print(self.output)

    @property
    def output(self) -> str:
        """What a `started` run printed."""
        return (self.path / "output.txt").read_text()


@dataclass
class Ran:
    """A run that is over."""

    zdt: Zdt
    result: pytest.RunResult
    hits: Counter[str] = field(default_factory=Counter)

    @property
    def path(self) -> Path:
        """The project's folder."""
        return self.zdt.pytester.path

    @cached_property
    def processes(self) -> list[list[dict[str, Any]]]:
        """What was noted, by process and in its order."""
        return [found for path in sorted(self.path.glob("events-*.ndjson")) if (found := lines(path))]

    def events(self, *what: str) -> list[dict[str, Any]]:
        """All that was noted under these names."""
        return [event for process in self.processes for event in process if event["what"] in what]

    def count(self, what: str, **data: object) -> int:
        """How often that was noted with these data."""
        return sum(all(event[name] == value for name, value in data.items()) for event in self.events(what))

    @cached_property
    def reports(self) -> dict[str, list[dict[str, Any]]]:
        """The reports that pytest was given, by the test's name."""
        found: dict[str, list[dict[str, Any]]] = {}
        for report in lines(self.path / "reports.ndjson"):
            found.setdefault(report["id"].rpartition("::")[2], []).append(report)
        return found

    def text(self, test: str) -> str:
        """The traceback that is shown for a test."""
        (text,) = (report["text"] for report in self.reports[test] if report["text"])
        return text  # type: ignore[no-any-return]

    @cached_property
    def words(self) -> dict[str, set[str]]:
        """pytest's own words for a test: passed, failed, error, skipped, xfailed, xpassed."""
        found: dict[str, set[str]] = {}
        for word, ids in json.loads((self.path / "stats.json").read_text()).items():
            for nodeid in ids if word else ():
                found.setdefault(nodeid.rpartition("::")[2], set()).add(word)
        return found

    @property
    def output(self) -> str:
        """All that was printed."""
        return f"{self.result.stdout}\n{self.result.stderr}"


def load(folder: Path, files: Mapping[str, str], mode: str, *args: str, duration: str = "1s", smoke: bool = False) -> Ran:
    """Writes a project and runs it, in load mode unless told otherwise."""
    with serving() as api:
        zdt = Zdt(Project(folder, api).write(files), mode)  # type: ignore[arg-type]
        result = zdt.smoke(*args) if smoke else zdt.load(*args, duration=duration)
        return Ran(zdt, result, api.hits)


def run_once(files: Mapping[str, str], *args: str, duration: str = "1s", modes: Mapping[str, Any] = MODES) -> Callable[..., Ran]:
    """A fixture for a test module: a load run of these files, once in each mode."""

    @pytest.fixture(scope="module", params=list(modes))
    def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
        return load(tmp_path_factory.mktemp("project"), files, request.param, *args, duration=duration)

    return ran
