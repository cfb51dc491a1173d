"""Runs of the real plugin in processes of their own, mostly against the real sandbox."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..page.conftest import browser, show
from ..signals import heed

__all__ = ["browser", "show"]

ROOT = Path(__file__).parents[2]
SHORT = ("--zdt-target=sandbox", "--zdt-duration=70s", "--zdt-head=4s", "--zdt-tail=4s")
NOT_INHERITED = re.compile("PYTEST_|ZDT_")


class Process:
    """A process started by a test, with a temporary folder of its own and a token in its environment and its descendants'."""

    def __init__(self, directory: Path, command: list[str], cwd: Path, environ: dict[str, str]) -> None:
        self.directory = directory
        self.report = directory / "report"
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        self._token = secrets.token_hex(16)
        self._output = directory / "output.txt"
        inherited = {name: value for name, value in os.environ.items() if not NOT_INHERITED.match(name)}
        self._environ = inherited | {"TMPDIR": str(self.temporary), "SYSTEM_TEST": self._token} | environ
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=cwd,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=heed,
            )

    def end(self, seconds: float = 120) -> int:
        """Waits for its end; its exit status."""
        return self.process.wait(seconds)

    def signal(self, number: int) -> None:
        """To this process alone, not to its group."""
        self.process.send_signal(number)

    @property
    def output(self) -> str:
        """What it wrote to standard output and standard error so far."""
        return self._output.read_text()

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict in its report."""
        return json.loads((self.report / "verdict.json").read_text())

    def requirement(self, name: str) -> dict[str, str]:
        """One requirement of the verdict."""
        return next(requirement for requirement in self.verdict["requirements"] if requirement["name"] == name)

    def section(self) -> list[str]:
        """The lines of its zero-downtime section that are not empty."""
        _, _, text = self.output.partition(" zero-downtime ")
        return [line for line in text.splitlines()[1:] if line.strip()]

    def errors(self) -> list[str]:
        """Its lines of error: of pytest, or of pytest's option parser."""
        return re.findall(r"^(?:ERROR: (?!usage: )|.*: error: ).*", self.output, re.MULTILINE)

    def deployments(self) -> list[dict[str, Any]]:
        """What the sandbox itself noted about deployments."""
        logs = self.temporary.glob("media-sandbox-*/*/deployments.jsonl")
        return [json.loads(line) for log in logs for line in log.read_text().splitlines()]

    def left(self) -> list[str]:
        """The command lines of all that is left of it: they have its token, its run's id or its run's port."""
        wanted = [f"SYSTEM_TEST={self._token}".encode()]
        port = ""
        if (run := self.report / "run.json").is_file():
            facts = json.loads(run.read_text())
            wanted.append(f"ZDT_RUN_ID={facts['id']}".encode())
            port = facts["base_url"].rpartition(":")[2]
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                environ, command = (directory / "environ").read_bytes(), (directory / "cmdline").read_bytes()
            except OSError:
                continue  # ended, or somebody else's
            arguments = command.decode(errors="replace").split("\0")
            if any(text in environ.split(b"\0") for text in wanted) or (port and port in arguments):
                found.append(" ".join(arguments))
        return found


def eventually(condition: Callable[[], object], seconds: float) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture(name="eventually", scope="session")
def eventually_fixture() -> Callable[..., bool]:
    """Waits for a condition."""
    return eventually


@pytest.fixture(scope="session")
def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    """Starts a process: `start(*command, cwd=..., environ=...)`, or pytest where the first argument is an option."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("finds processes by /proc")
    started: list[Process] = []

    def begin(*arguments: str, cwd: Path = ROOT, environ: dict[str, str] | None = None) -> Process:
        directory = tmp_path_factory.mktemp("run")
        command = [sys.executable, "-m", *arguments]
        if arguments[0].startswith("-"):
            command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
            if not any(argument.startswith("--zdt-report") for argument in arguments):
                command += [f"--zdt-report={directory / 'report'}"] if "--zdt-target" in " ".join(arguments) else []
        started.append(Process(directory, command, cwd, environ or {}))
        return started[-1]

    yield begin
    for process in started:
        if process.process.poll() is None:
            process.signal(signal.SIGTERM)
            process.end(30)


@pytest.fixture(scope="module")
def load(start: Callable[..., Process]) -> Callable[..., Process]:
    """Starts a short load run against the sandbox."""
    return lambda *arguments, **options: start(*SHORT, *arguments, **options)
