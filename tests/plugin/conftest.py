"""A tiny API in a thread, and pytest runs of the plugin against it."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.evidence.bundle import read_samples

MODES = {"no-xdist": ["-p", "no:xdist"], "n0": ["-n", "0"], "n2": ["-n", "2"]}
CONFIGURATION = """
[targets.mine]
base-url = "{url}"
vus = 4
pace = "20ms"
head = "0s"
tail = "0s"
probe-every = "0s"
"""


@dataclass
class Api:
    """What the API answers, and how often each path was asked for."""

    version: str = "v1"
    next_version: tuple[int, str] | None = None
    """After so many requests, another version."""
    broken: set[str] = field(default_factory=set)
    """Paths answered with 500."""
    refuses: tuple[str, str] = ("", "")
    """A path, and the version that gives a wrong answer to it."""
    deployed: list[str] = field(default_factory=list)
    """The versions that answer in turns, after a request of `/deploy/` and them."""
    hits: Counter[str] = field(default_factory=Counter)
    changed: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""

    def answer(self, path: str) -> tuple[int, str, str]:
        """Notes a request; status, version and path of the answer."""
        with self.changed:
            self.hits[path] += 1
            self.changed.notify_all()
            if self.next_version and self.hits.total() > self.next_version[0]:
                self.version = self.next_version[1]
            if path.startswith("/deploy/"):
                self.deployed = path.removeprefix("/deploy/").split(",")
            if self.deployed:
                self.version = self.deployed[self.hits.total() % len(self.deployed)]
            told = "" if (path, self.version) == self.refuses else path
            return 500 if path in self.broken else 200, self.version, told

    def wait_for(self, hits: int) -> None:
        """Waits until so many requests came."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.hits.total() >= hits, timeout=30)


class Handler(BaseHTTPRequestHandler):
    """Answers JSON."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Any path."""
        status, version, path = self.server.api.answer(self.path)  # type: ignore[attr-defined]
        body = json.dumps({"path": path, "version": version}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-zdt-version", version)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Not on the terminal."""


class Server(ThreadingHTTPServer):
    """Quiet about clients that are gone."""

    daemon_threads = True
    request_queue_size = 128
    api: Api

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error of the test."""


@pytest.fixture
def api() -> Iterator[Api]:
    """A running API."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.api = Api(url=f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.api
        server.shutdown()
        thread.join()


@dataclass
class Zdt:
    """Runs pytest with the plugin in pytester's directory."""

    pytester: pytest.Pytester
    mode: str
    folder: str = "zdt-report"

    @property
    def workers(self) -> int:
        """Processes that carry the load."""
        return 2 if self.mode == "n2" else 1

    def arguments(self, *args: str) -> list[str]:
        """pytest's arguments against the target, in this mode."""
        return ["-p", "no:cacheprovider", "-p", "no:randomly", *MODES[self.mode], "--zdt-target=mine", *args]

    def smoke(self, *args: str) -> pytest.RunResult:
        """A smoke test."""
        return self.pytester.runpytest_subprocess(*self.arguments(*args), timeout=60)

    def load(self, *args: str, duration: str = "600ms") -> pytest.RunResult:
        """A load run."""
        return self.smoke(f"--zdt-duration={duration}", *args)

    @property
    def report(self) -> Path:
        """Where the evidence is."""
        return self.pytester.path / self.folder

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict, its requirements by name."""
        found = json.loads((self.report / "verdict.json").read_text())
        found["requirements"] = {one["name"]: one for one in found["requirements"]}
        return found  # type: ignore[no-any-return]

    def column(self, name: str) -> list[Any]:
        """One field of all samples."""
        return [getattr(sample, name) for sample in read_samples(self.report)]

    def mark(self, name: str) -> dict[str, Any]:
        """The data of the one mark of that name."""
        marks = [json.loads(line) for line in (self.report / "marks.ndjson").read_text().splitlines()]
        (found,) = (mark for mark in marks if mark["name"] == name)
        return found["data"]  # type: ignore[no-any-return]


@pytest.fixture
def make_zdt(pytester: pytest.Pytester, api: Api) -> Callable[[str], Zdt]:
    """Makes the runs of a mode."""
    for name in [name for name in os.environ if name.startswith(("PYTEST_XDIST", "ZDT_"))]:
        pytester._monkeypatch.delenv(name)
    pytester.path.joinpath("zdt.toml").write_text(CONFIGURATION.format(url=api.url))
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    return lambda mode: Zdt(pytester, mode)


@pytest.fixture(params=MODES)
def zdt(request: pytest.FixtureRequest, make_zdt: Callable[[str], Zdt]) -> Zdt:
    """Runs without xdist, with it but in one process, and with two workers."""
    return make_zdt(request.param)


@pytest.fixture
def once(make_zdt: Callable[[str], Zdt]) -> Zdt:
    """Runs of one mode: what is judged does not depend on how the load is distributed."""
    return make_zdt("n2")
