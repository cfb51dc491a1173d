"""The probe lane: a fixed cadence, whatever the answers do."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest
from requests import Request

from pytest_zdt import prober
from pytest_zdt.evidence.kinds import is_failure
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.http.signing import timed_hmac
from pytest_zdt.prober import AT_A_TIME, Prober, Replays
from pytest_zdt.settings import Run, RunSettings
from pytest_zdt.target import Secret, Target

SECRET = Secret("correct horse battery staple")


@dataclass
class Api:
    """Answers as told by path, 200 without; a path that ``hangs`` is answered when the event is set."""

    status: dict[str, int] = field(default_factory=dict)
    hangs: dict[str, threading.Event] = field(default_factory=dict)
    hits: list[tuple[str, dict[str, str], int]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""

    def took(self, target: str, headers: dict[str, str], port: int) -> int:
        """Notes a request; the answer's status."""
        path = target.partition("?")[0]
        with self.changed:
            self.hits.append((target, headers, port))
            self.changed.notify_all()
        if path in self.hangs:
            self.hangs[path].wait(30.0)
        return self.status.get(path, 200)

    def paths(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(target for target, _, _ in self.hits)

    def wait_for(self, path: str, number: int) -> None:
        """Waits until a path was asked for so often."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.paths()[path] >= number, timeout=30.0)


class Handler(BaseHTTPRequestHandler):
    """HTTP with connections that are kept alive."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Any path."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(self.server.api.took(self.path, headers, self.client_address[1]))  # type: ignore[attr-defined]
        self.send_header("content-length", "2")
        self.send_header("x-zdt-version", "v1")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def api() -> Iterator[Api]:
    """An API in a thread."""
    made = Api()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.api = True, made  # type: ignore[attr-defined]
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    for event in made.hangs.values():
        event.set()
    server.shutdown()
    thread.join()
    server.server_close()


Start = Callable[..., Prober]


@pytest.fixture
def recorded() -> list[Sample]:
    """What was recorded."""
    return []


@pytest.fixture
def start(api: Api, recorded: list[Sample]) -> Iterator[Start]:
    """Starts to probe these paths; ended after the test."""
    started: list[Prober] = []

    def begin(*paths: str, replays: Replays | None = None, life: int = 0, **settings: Any) -> Prober:
        target = Target("mine", api.url, signing="timed-hmac", secret=SECRET, timeout=20.0)
        run = Run("0123abcd", RunSettings(target=target, **{"probe_every": 0.05, "transport": "urllib3"} | settings))
        known = {f"GET {path}": last_of(f"{api.url}{path}") for path in paths} if replays is None else replays
        started.append(Prober(run, life, known, recording(recorded)))
        started[-1].start()
        return started[-1]

    yield begin
    for event in api.hangs.values():
        event.set()
    for one in started:
        one.stop(20.0)


def recording(recorded: list[Sample]) -> Callable[[Iterable[Sample]], None]:
    """Takes samples."""
    return recorded.extend


def last_of(url: str, **headers: str) -> Any:
    """A request as a virtual user sent it."""
    sent = {"x-request-id": "of-the-vu", "x-ov-cf-mac": "old", "x-ov-cf-timestamp": "0000000001", "Accept": "text/x", **headers}
    return Request("GET", url, headers=sent).prepare()


@pytest.mark.parametrize("transport", ["curl", "urllib3"])
def test_each_endpoint_in_turn(transport: str, api: Api, start: Start, recorded: list[Sample]) -> None:
    """Each endpoint is asked for about as often as the other, by nobody, in a lane of its own, over a new connection."""
    probing = start("/a", "/b", transport=transport)
    api.wait_for("/b", 5)
    probing.stop(20.0)
    hits = api.paths()
    assert abs(hits["/a"] - hits["/b"]) <= 1
    assert len({port for _, _, port in api.hits}) == len(api.hits) == len(recorded)
    assert {(one.vu, one.lane, one.reused, one.kind, one.version) for one in recorded} == {(-1, "probe", False, "", "v1")}
    assert {one.endpoint for one in recorded} == {"GET /a", "GET /b"}


class Hours:
    """A clock that only waiting moves on, and the end of a run after so many seconds of it."""

    def __init__(self, seconds: float) -> None:
        self.now, self._end = 0.0, seconds

    def wait(self, seconds: float) -> bool:
        """As that of an event."""
        self.now += seconds
        return self.is_set()

    def is_set(self) -> bool:
        """Whether the run is over."""
        return self.now >= self._end


def test_the_cadence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each endpoint once in ``probe_every``, one after the other."""
    hours, sent = Hours(1.0), []
    run = Run("0123abcd", RunSettings(target=Target("mine", "http://127.0.0.1:1"), probe_every=0.2))
    replays = {f"GET /{name}": last_of(f"http://127.0.0.1:1/{name}") for name in "ab"}
    probing = Prober(run, 0, replays, list, lambda: hours.now)
    monkeypatch.setattr(probing, "_stopped", hours)
    monkeypatch.setattr(probing, "_send", lambda endpoint: sent.append((round(hours.now, 6), endpoint)))
    probing._run_rounds()
    assert sent == [(number / 10, f"GET /{'ab'[number % 2]}") for number in range(10)]


def test_what_is_sent(api: Api, start: Start) -> None:
    """The request of the virtual user with its query and headers, but signed anew and with an id of its own."""
    url = f"{api.url}/a?q=caf%C3%A9&page=2"
    probing = start(replays={"GET /a": last_of(url, Authorization="Bearer t")}, life=2)
    api.wait_for("/a?q=caf%C3%A9&page=2", 3)
    probing.stop(20.0)
    target, headers, _ = api.hits[0]
    assert (headers["accept"], headers["authorization"]) == ("text/x", "Bearer t")
    stamp = int(headers["x-ov-cf-timestamp"])
    assert stamp > 1
    assert headers["x-ov-cf-mac"] == timed_hmac(target, SECRET, stamp)[0]
    ids = [headers["x-request-id"] for _, headers, _ in api.hits]
    assert len(set(ids)) == len(ids)
    assert all(one.startswith("zdt-0123abcd-probe2-") for one in ids)


def test_the_name_of_the_endpoint(api: Api, start: Start, recorded: list[Sample]) -> None:
    """A probe counts for the endpoint by whose name it is known, whatever its path."""
    probing = start(replays={"GET the list": last_of(f"{api.url}/v1/lists/")})
    api.wait_for("/v1/lists/", 1)
    probing.stop(20.0)
    assert {one.endpoint for one in recorded} == {"GET the list"}


def test_a_hanging_answer_holds_nothing_back(api: Api, start: Start, recorded: list[Sample]) -> None:
    """Probes are sent whatever became of those before, to the endpoint that hangs too; all of them are recorded at the end."""
    api.hangs["/slow"] = threading.Event()
    probing = start("/slow", "/fast")
    api.wait_for("/slow", 4)
    api.wait_for("/fast", 6)
    assert "GET /slow" not in {one.endpoint for one in list(recorded)}
    api.hangs["/slow"].set()
    probing.stop(20.0)
    assert Counter(one.endpoint for one in recorded) == Counter(f"GET {path}" for path in api.paths().elements())


def test_many_hanging_answers(api: Api, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most so many are under way; those that would be more are not sent, and counted."""
    monkeypatch.setattr(prober, "AT_A_TIME", 3)
    api.hangs["/slow"] = threading.Event()
    probing = start("/slow", probe_every=0.02)
    api.wait_for("/slow", 3)
    waited_for(lambda: probing.unsent >= 4)
    assert api.paths()["/slow"] == 3
    api.hangs["/slow"].set()
    api.wait_for("/slow", 5)
    assert AT_A_TIME == 64


def waited_for(condition: Callable[[], bool]) -> None:
    """Waits until it holds, 20 seconds at most."""
    wait = threading.Event()
    assert any(condition() or wait.wait(0.01) for _ in range(2000))


@pytest.mark.parametrize(
    "status, kind",
    [
        (200, ""),
        (204, ""),
        (302, ""),
        (400, "expected"),
        (401, "expected"),
        (404, "expected"),
        (410, "expected"),
        (429, "throttled"),
        (500, "status-5xx"),
        (503, "status-5xx"),
    ],
)
def test_answers(status: int, kind: str, api: Api, start: Start, recorded: list[Sample]) -> None:
    """What was deleted since is expected, an overload or an error is a failure; a redirect is not followed."""
    api.status["/a"] = status
    probing = start("/a")
    api.wait_for("/a", 2)
    probing.stop(20.0)
    assert {(one.status, one.kind) for one in recorded} == {(status, kind)}
    assert is_failure(kind) == (status in (429, 500, 503))
    assert set(api.paths()) == {"/a"}


def test_an_api_that_is_gone(start: Start, recorded: list[Sample]) -> None:
    """A probe that finds nobody is a failure, and the next is sent all the same."""
    probing = start(replays={"GET /": last_of("http://127.0.0.1:9/")})
    waited_for(lambda: len(recorded) >= 3)
    probing.stop(20.0)
    assert {one.kind for one in recorded} == {"connect-refused"}


def test_stop_waits_for_those_under_way(api: Api, start: Start, recorded: list[Sample]) -> None:
    """Their answers are recorded before `stop` returns, and nothing is sent or recorded after it."""
    api.hangs["/slow"] = threading.Event()
    probing = start("/slow", "/fast", probe_every=0.02)
    api.wait_for("/slow", 3)
    threading.Timer(0.1, api.hangs["/slow"].set).start()
    probing.stop(20.0)
    hits, seen = len(api.hits), len(recorded)
    assert seen == hits
    threading.Event().wait(0.1)
    assert (len(api.hits), len(recorded)) == (hits, seen)


def test_stop_waits_no_longer_than_told(api: Api, start: Start, recorded: list[Sample]) -> None:
    """What does not come back in the grace is left behind."""
    api.hangs["/slow"] = threading.Event()
    probing = start("/slow")
    api.wait_for("/slow", 1)
    probing.stop(0.0)
    assert recorded == []


def test_endpoints_that_come_later(api: Api, start: Start) -> None:
    """Without an endpoint nothing is sent; those that virtual users reach later are probed from then on, by their last answer."""
    replays: Replays = {}
    start(replays=replays)
    replays["GET /a"] = last_of(f"{api.url}/a?n=1")
    api.wait_for("/a?n=1", 1)
    replays["GET /a"] = last_of(f"{api.url}/a?n=2")
    api.wait_for("/a?n=2", 2)
    last = [target for target, _, _ in api.hits][-1]
    assert last == "/a?n=2"


def test_more_endpoints_than_can_be_probed(api: Api, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are probed in turn, each less often than asked for, so that no more than so many are sent in a second."""
    monkeypatch.setattr(prober, "MOST_A_SECOND", 40)
    probing = start(*(f"/{number}" for number in range(20)), probe_every=0.01)
    api.wait_for("/19", 1)
    probing.stop(20.0)
    assert max(api.paths().values()) <= 2


def test_never_started(api: Api, recorded: list[Sample]) -> None:
    """One that was never started can be stopped."""
    run = Run("0123abcd", RunSettings(target=Target("mine", api.url), probe_every=0.05))
    Prober(run, 0, {}, recording(recorded)).stop(1.0)
    assert recorded == []


class Time:
    """A clock and a stop in one, on which nothing takes time but the waiting; ``stall`` is how long the first wait overshoots."""

    def __init__(self, end: float, stall: float) -> None:
        self.now, self.end, self.stalls = 0.0, end, [stall]

    def __call__(self) -> float:
        return self.now

    def is_set(self) -> bool:
        """Whether the end was reached."""
        return self.now >= self.end

    def wait(self, seconds: float) -> bool:
        """Waits."""
        self.now += seconds + (self.stalls.pop() if self.stalls and seconds else 0.0)
        return self.is_set()


def rounds(stall: float, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a probe of one endpoint is sent in eight seconds, each second one, where the first wait overshoots."""
    time, sent = Time(8.0, stall), list[float]()
    run = Run("0123abcd", RunSettings(target=Target("mine", "http://127.0.0.1:9"), probe_every=1.0))
    probing = Prober(run, 0, {"GET /": last_of("http://127.0.0.1:9/")}, print, time)
    monkeypatch.setattr(probing, "_stopped", time)
    monkeypatch.setattr(probing, "_send", lambda endpoint: sent.append(time.now))
    probing._run_rounds()
    return sent


def test_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first at once, then one a second."""
    assert rounds(0.0, monkeypatch) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_a_stall_causes_no_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was due while the generator stood still is not sent all at once afterwards: that is no fixed cadence."""
    sent = rounds(4.5, monkeypatch)
    assert min(after - before for before, after in pairwise(sent)) >= 0.4
