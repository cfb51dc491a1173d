"""What is asked beside the load, against a real small server: a version URL, and whether an unrelated host answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from pytest_zdt import poller
from pytest_zdt.http.versions import polled_version
from pytest_zdt.poller import Poller, answers, control, version_of
from pytest_zdt.processes import free_port
from pytest_zdt.target import Target, VersionSource

from .background import Background

Answer = tuple[int, bytes]


class Server(Background):
    """Answers each request with the next of ``answers``, and then with the last; ``hits`` are the paths that were asked for."""

    def __init__(self, *answers: Answer, port: int = 0) -> None:
        self.answers, self.hits = list(answers), list[str]()
        self.clients = set[Any]()
        super().__init__(_Handler, port)
        self.release.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Answers as the server is told."""
        self.server.hits.append(self.path)
        self.server.clients.add(self.client_address)
        self.server.release.wait(30)
        status, body = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", body.decode())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Seen(list[str]):
    """The versions that were seen; ``until`` waits for one."""

    def __init__(self) -> None:
        super().__init__()
        self._more = threading.Condition()

    def __call__(self, version: str) -> None:
        with self._more:
            self.append(version)
            self._more.notify_all()

    def until(self, version: str) -> None:
        """Waits until the version was seen."""
        with self._more:
            assert self._more.wait_for(lambda: version in self, timeout=60), list(self)


@pytest.fixture
def seen() -> Seen:
    """Takes what the poller sees."""
    return Seen()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers."""
    with ExitStack() as ends:

        def start(*answers: Answer, port: int = 0) -> Server:
            server = Server(*answers, port=port)
            ends.callback(server.stop)
            return server

        yield start


@pytest.fixture
def poll(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Poller]]:
    """Starts a poller of a port, twenty times a second."""
    monkeypatch.setattr(poller, "EVERY", 0.05)
    pollers: list[Poller] = []

    def start(port: int, pointer: str = "/release", path: str = "/version", timeout: float = 5.0) -> Poller:
        target = Target("test", f"http://127.0.0.1:{port}/api", version=VersionSource("url", path, pointer), timeout=timeout)
        pollers.append(Poller(version_of(target, seen)))
        pollers[-1].start()
        return pollers[-1]

    yield start
    for one in pollers:
        one.stop()


def test_versions_by_a_json_pointer(serve: Callable[..., Server], poll: Callable[..., Poller], seen: Seen) -> None:
    """The path is asked for below the base URL, each time over a new connection, and every answer is told of."""
    server = serve((200, b'{"release": "v1"}'), (200, b'{"release": "v1"}'), (200, b'{"release": "v2"}'))
    poll(server.server_port)
    seen.until("v2")
    assert seen[:3] == ["v1", "v1", "v2"]
    assert set(server.hits) == {"/api/version"}
    assert len(server.clients) >= 3


def test_versions_as_text(serve: Callable[..., Server], poll: Callable[..., Poller], seen: Seen) -> None:
    """Without a pointer the whole body is the version."""
    poll(serve((200, b"2026.1\n"), (200, b"2026.2\n")).server_port, pointer="")
    seen.until("2026.2")
    assert seen[:2] == ["2026.1", "2026.2"]


def test_answers_that_name_no_version(serve: Callable[..., Server], poll: Callable[..., Poller], seen: Seen) -> None:
    """Errors are left out though their body names one, and so are bodies that are no JSON or hold none; it goes on."""
    named = b'{"release": "v1"}'
    bad = [*((status, named) for status in (500, 503, 404, 429)), (200, b"{"), (200, b""), (200, b'{"release": null}')]
    poll(serve(*bad, (200, b'{"release": "v2"}')).server_port)
    seen.until("v2")
    assert set(seen) == {"v2"}


def test_connections_that_are_refused(serve: Callable[..., Server], poll: Callable[..., Poller], seen: Seen) -> None:
    """Before the API is there, and while it is gone: the next answer is seen."""
    port = free_port()
    poll(port)
    time.sleep(0.2)
    assert not seen
    server = serve((200, b'{"release": "v1"}'), port=port)
    seen.until("v1")
    server.stop()
    time.sleep(0.2)
    serve((200, b'{"release": "v2"}'), port=port)
    seen.until("v2")


def test_a_time_out(serve: Callable[..., Server], poll: Callable[..., Poller], seen: Seen) -> None:
    """An answer that does not come within the target's time is none; it goes on."""
    server = serve((200, b'{"release": "v1"}'))
    server.release.clear()
    poll(server.server_port, timeout=0.3)
    while len(server.hits) < 2:
        time.sleep(0.01)
    assert not seen
    server.release.set()
    seen.until("v1")


def test_stop(serve: Callable[..., Server], poll: Callable[..., Poller], seen: Seen) -> None:
    """It ends at once, and nothing is asked or told any more; again, or without a start, it troubles nobody."""
    server = serve((200, b'{"release": "v1"}'))
    one = poll(server.server_port)
    seen.until("v1")
    one.stop()
    number = len(server.hits), len(seen)
    time.sleep(0.2)
    assert (len(server.hits), len(seen)) == number
    one.stop()
    Poller(lambda: seen("never")).stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "zdt-poller"]


def test_stop_between_two_requests(
    serve: Callable[..., Server], poll: Callable[..., Poller], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question under way that leads to another one, as a redirect does, ends in silence."""
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    server = serve((302, b"/api/elsewhere"))
    server.release.clear()
    one = poll(server.server_port)
    while not server.hits:
        time.sleep(0.01)
    stopping = threading.Thread(target=one.stop)
    stopping.start()
    time.sleep(0.1)
    server.release.set()
    stopping.join()
    assert not [thread for thread in threading.enumerate() if thread.name == "zdt-poller"]
    assert died == []


def test_stop_has_patience_but_not_for_ever() -> None:
    """It waits for the question under way, so long and no longer."""
    asked, answered = threading.Event(), threading.Event()

    def ask() -> None:
        asked.set()
        answered.wait(60)

    one = Poller(ask)
    one.start()
    assert asked.wait(60)
    began = time.monotonic()
    one.stop(patience=0.2)
    assert 0.15 < time.monotonic() - began < 30
    answered.set()
    one.stop()


# --- an unrelated host


@pytest.mark.parametrize("answer", [(200, b"fine"), (404, b""), (503, b"busy"), (302, b"http://127.0.0.1:1/")])
def test_whatever_it_answers(serve: Callable[..., Server], answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers: with an error too, or a redirect, which is not followed; proxies are not asked."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server = serve(answer)
    assert answers(f"http://127.0.0.1:{server.server_port}/health?deep")
    assert server.hits == ["/health?deep"]


def test_a_host_that_is_silent(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and says nothing: no answer, after the time that it has."""
    monkeypatch.setattr(poller, "CONTROL_TIMEOUT", 0.2)
    server = serve((200, b"fine"))
    server.release.clear()
    began = time.monotonic()
    assert not answers(f"http://127.0.0.1:{server.server_port}/")
    assert 0.15 < time.monotonic() - began < 30


def test_a_host_that_talks_something_else() -> None:
    """What is no HTTP is no answer, and no error either."""

    def talk() -> None:
        with listener.accept()[0] as connection:
            connection.sendall(b"220 mail\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        talker = threading.Thread(target=talk)
        talker.start()
        assert not answers(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        talker.join()


def test_a_name_that_is_none() -> None:
    """A ``control-url`` is not checked that far: it ends the run with a traceback before it begins."""
    assert not answers("http://a..b/")


def test_control_tells(serve: Callable[..., Server]) -> None:
    """Once for each question whether it answered, each time over a new connection; a port that refuses does not."""
    server, told = serve((200, b"fine"), (500, b"")), list[bool]()
    ask = control(f"http://127.0.0.1:{server.server_port}/", lambda asked, ok: told.append(ok))
    ask()
    ask()
    assert (told, len(server.clients)) == ([True, True], 2)
    server.stop()
    ask()
    assert told == [True, True, False]


@pytest.mark.parametrize(
    "pointer, body, version",
    [
        *((pointer, b'{"release": "v1"}', "v1") for pointer in ("/release", "release")),
        ("/meta/version", b'{"meta": {"version": 7}}', "7"),
        ("/0/id", b'[{"id": 1.5}]', "1.5"),
        ("/1", b'["v1"]', ""),
        ("/a~1b/c~0d", b'{"a/b": {"c~d": "v3"}}', "v3"),
        ("a/b", b'{"a/b": "v4"}', "v4"),
        *(("/release", b'{"release": %s}' % value, "") for value in (b"true", b"null", b'{"id": "v1"}', b"NaN")),
        *(("/release", body, "") for body in (b'"v1"', b"v1", b"", b"\xff\xfe", b"[" * 100_000)),
        *(("", body, "v1") for body in (b"v1", b" v1\r\n", b'"v1"')),
        ("", "naïve".encode(), "naïve"),
        ("", b"x" * 100, "x" * 100),
        *(("", body, "") for body in (b"x" * 101, b"<html>\n<body>", b"v1\x00", b"")),
    ],
)
def test_polled_version(pointer: str, body: bytes, version: str) -> None:
    """What the pointer or key points at, if it is a text or a number; without one all of a short text of one line."""
    assert polled_version(VersionSource("url", "/version", pointer), body) == version
