"""Load from a machine that shares neither files nor a clock with the one that pytest was started on."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_zdt.evidence.samples import SCHEMA, Sample, unpack

from .conftest import Process
from .machines import CLOCK_AHEAD, FAR, NEAR, PORT, Machines, make_machines

SECRET = "made-up-for-this-test-9c20d1"
WORK = "/run/machine/work"
"""Where the far workers are, on the far machine."""
RSYNC = "ignore:The --rsyncdir:DeprecationWarning"
"""What pytest-xdist says of its own option."""
TOLERANCE = 0.005
"""Seconds by which two machines' times may differ."""
CONFIGURATION = """
[targets.mine]
base-url = "{url}"
secret-env = "REMOTE_SECRET"
vus = 4
pace = "20ms"
head = "0s"
tail = "0s"

[targets.mine.require]
version-change = false
overlap = false
lag = "10s"
"""
TESTS = """
import pytest

@pytest.mark.zdt
@pytest.mark.parametrize("name", ["one", "two"])
def test_read(zdt_session, name):
    assert zdt_session.get(f"/{name}", headers={"x-file": __file__}).status_code == 200
"""


class Arrival(NamedTuple):
    """A request as the API saw it: when, on the near machine's clock, signed or not, by which file of tests."""

    at: float
    signed: bool
    file: str


class Handler(BaseHTTPRequestHandler):
    """Answers everything with an empty object."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Any path."""
        arrival = Arrival(time.monotonic(), "x-ov-cf-mac" in self.headers, self.headers["x-file"])
        self.server.api.note(self.headers["x-request-id"], arrival)  # type: ignore[attr-defined]
        head = ("HTTP/1.1 200 OK", "content-type: application/json", "content-length: 2", "x-zdt-version: v1", "", "{}")
        self.wfile.write("\r\n".join(head).encode())

    def log_message(self, *args: object) -> None:
        """Not on the terminal."""


class Server(ThreadingHTTPServer):
    """Quiet about clients that are gone."""

    daemon_threads = True
    api: Api

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error of the test."""


class Api:
    """An API on the near machine that keeps when each request arrived."""

    def __init__(self, machines: Machines) -> None:
        self.arrivals: dict[str, Arrival] = {}
        self._changed = threading.Condition()
        self._up = threading.Event()
        self._thread = machines.in_near(self._serve)
        assert self._up.wait(10)
        self.url = f"http://{NEAR}:{self._server.server_port}"

    def _serve(self) -> None:
        with Server((NEAR, 0), Handler) as self._server:
            self._server.api = self
            self._up.set()
            self._server.serve_forever(0.01)

    def note(self, request_id: str, arrival: Arrival) -> None:
        """A request came."""
        with self._changed:
            self.arrivals[request_id] = arrival
            self._changed.notify_all()

    def hears(self, run: Process, more: int = 10) -> bool:
        """Waits until the far workers of ``run`` have sent some more requests; false if it ends before, or takes too long."""
        enough, end = self._of_far() + more, time.monotonic() + 30
        with self._changed:
            while self._of_far() < enough and run.process.poll() is None and time.monotonic() < end:
                self._changed.wait(0.1)
        return self._of_far() >= enough

    def _of_far(self) -> int:
        return sum(arrival.file.startswith(WORK) for arrival in list(self.arrivals.values()))

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._thread.join()


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all that the tests of this run write on the near machine."""
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, hidden: Path) -> Iterator[Machines]:
    """The near and the far machine."""
    made = make_machines(tmp_path_factory.mktemp("machines"), hidden)
    yield made
    made.close()


@pytest.fixture(scope="module")
def api(machines: Machines) -> Iterator[Api]:
    """The API."""
    served = Api(machines)
    yield served
    served.close()


def by_ssh(machines: Machines) -> list[str]:
    """A worker here and one over there, with ssh's options in its specification."""
    options = f"-p {PORT} -i {machines.key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    return ["--tx", "popen", "--tx", f"ssh={options} root@{FAR}//python={sys.executable}//chdir={WORK}"]


def by_proxy(machines: Machines) -> list[str]:
    """Two workers over there behind one slow connection, with ssh's options in a file."""
    proxy = f"id=far//execmodel=thread//ssh=slow//ssh_config={machines.ssh_config}//python={sys.executable}"
    return ["--px", proxy, "--tx", f"2*popen//via=far//chdir={WORK}"]


Ways = Callable[[Machines], list[str]]


@pytest.fixture(scope="module")
def start(machines: Machines, api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    """Starts a load run on the near machine: `start(how the workers are reached, duration)`."""
    started: list[Process] = []

    def begin(how: Ways, duration: str) -> Process:
        folder = tmp_path_factory.mktemp("project")
        (folder / "tests").mkdir()
        (folder / "tests/test_remote_load.py").write_text(TESTS)
        (folder / "zdt.toml").write_text(CONFIGURATION.format(url=api.url))
        tests = folder / "tests"
        pytest_ = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--dist=load", "-W", RSYNC]
        zdt = ["--zdt-target=mine", f"--zdt-duration={duration}", f"--zdt-report={folder / 'report'}"]
        command = machines.near(*pytest_, *zdt, *how(machines), f"--rsyncdir={tests}", str(tests))
        started.append(Process(folder, command, folder, {"REMOTE_SECRET": SECRET}))
        return started[-1]

    yield begin
    for process in started:
        if process.process.poll() is None:
            process.signal(signal.SIGKILL)
            process.end(30)


def samples(run: Process) -> dict[str, list[Sample]]:
    """The samples of a run by worker."""
    found: dict[str, list[Sample]] = {}
    for line in (run.report / "samples.ndjson").read_bytes().splitlines():
        columns = json.loads(line)
        if columns["schema"] == SCHEMA:
            found.setdefault(columns["worker"], []).extend(unpack(line))
    return found


class Finished(NamedTuple):
    """A run that has ended by itself, and the command lines of its processes, here and there, in the middle of it."""

    run: Process
    status: int
    processes: list[str]


@pytest.fixture(scope="module", params=[by_ssh, by_proxy])
def finished(request: pytest.FixtureRequest, start: Callable[..., Process], api: Api, machines: Machines) -> Finished:
    """A run with workers on the far machine."""
    run = start(request.param, "1500ms")
    assert api.hears(run), run.output
    processes = run.left() + machines.left()
    return Finished(run, run.end(60), processes)


def test_the_far_machine_has_other_files_and_another_clock(machines: Machines, hidden: Path) -> None:
    """What the tests below rest on."""
    assert list(hidden.iterdir())
    assert machines.on_far(f"ls -A {hidden}") == ""
    ahead = float(machines.on_far(f"{sys.executable} -c 'import time; print(time.monotonic())'")) - time.monotonic()
    assert abs(ahead - CLOCK_AHEAD) < 30


def test_every_test_is_reported_once(finished: Finished) -> None:
    """Whatever the number of workers, and wherever they are; the planned load was driven, and nobody warns."""
    assert finished.status == 0, finished.run.output
    assert "2 passed in" in finished.run.output
    (share,) = re.findall(r"(\d+)% of the planned time", finished.run.output)
    assert 90 <= int(share) <= 110
    assert "arning" not in finished.run.output


def test_every_worker_sends_load_that_is_signed(finished: Finished, api: Api) -> None:
    """The samples name both, the far one's tests came from a copy of the file, and each VU was driven by one of them."""
    found = samples(finished.run)
    assert sorted(found) == ["gw0", "gw1"]
    files = {worker: {api.arrivals[one.request_id].file for one in of_worker} for worker, of_worker in found.items()}
    assert files["gw1"] == {f"{WORK}/tests/test_remote_load.py"}
    assert sorted(vu for of_worker in found.values() for vu in {one.vu for one in of_worker if one.vu >= 0}) == [0, 1, 2, 3]
    assert all(api.arrivals[one.request_id].signed for of_worker in found.values() for one in of_worker)


@pytest.mark.parametrize("worker", ["gw0", "gw1"])
def test_the_times_of_all_workers_are_on_one_clock(finished: Finished, api: Api, worker: str) -> None:
    """By the API's own clock each request arrived when its sample says: after it was sent, before its answer was read."""
    zero = json.loads((finished.run.report / "run.json").read_text())["clock"]["monotonic"]
    of_worker = samples(finished.run)[worker]
    arrived = [api.arrivals[one.request_id].at - zero for one in of_worker]
    early = min(at - one.sent for one, at in zip(of_worker, arrived, strict=True))
    late = max(at - one.sent - one.took for one, at in zip(of_worker, arrived, strict=True))
    assert (early > -TOLERANCE, late < TOLERANCE) == (True, True), f"off by {late * 1000:.1f} to {early * 1000:.1f} ms"


def test_no_worker_sends_before_or_long_after_the_run(finished: Finished) -> None:
    """Where the evidence of the run begins and ends; the word of the end takes its time over a slow line."""
    ended = json.loads((finished.run.report / "marks.ndjson").read_text().splitlines()[-1])["at"]
    sent = [one.sent for of_worker in samples(finished.run).values() for one in of_worker]
    assert min(sent) > -TOLERANCE
    assert max(sent) < ended + 1.0


def test_the_secret_is_in_no_command_line_and_no_evidence(finished: Finished) -> None:
    """It travels inside the connection."""
    assert len(finished.processes) > 4
    told = [*finished.processes, finished.run.output, *(path.read_text() for path in finished.run.report.iterdir())]
    assert not [text for text in told if SECRET in text]


def test_a_finished_run_leaves_nothing_on_the_far_machine(finished: Finished, machines: Machines, eventually: Callable) -> None:
    """No worker, no proxy, no connection."""
    assert eventually(lambda: not machines.left(), 5), machines.left()


@pytest.mark.parametrize("how", [by_ssh, by_proxy])
def test_ctrl_c_keeps_the_evidence_of_the_far_machine_and_leaves_nothing_there(
    start: Callable[..., Process], api: Api, machines: Machines, eventually: Callable[..., bool], how: Ways
) -> None:
    """The exit status is 2; what the far worker saw to the end is there."""
    run = start(how, "100s")
    assert api.hears(run), run.output
    run.signal(signal.SIGINT)
    assert run.end(30) == 2, run.output
    assert run.verdict["run"]["interrupted"]
    recorded = {one.request_id for of_worker in samples(run).values() for one in of_worker}
    assert sum(api.arrivals[one].file.startswith(WORK) for one in recorded) >= 10
    assert eventually(lambda: not machines.left() + run.left(), 10), machines.left() + run.left()


def test_a_killed_run_leaves_nothing_on_the_far_machine(
    start: Callable[..., Process], api: Api, machines: Machines, eventually: Callable[..., bool]
) -> None:
    """After SIGKILL of pytest itself its far workers end by themselves, soon."""
    run = start(by_proxy, "100s")
    assert api.hears(run), run.output
    run.signal(signal.SIGKILL)
    run.end(10)
    assert eventually(lambda: not machines.left() + run.left(), 15), machines.left() + run.left()
