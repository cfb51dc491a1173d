"""A small HTTP server that answers as told, faults included, and sessions on both transports."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from pytest_zdt.http.session import SignedSession
from pytest_zdt.http.transport import TRANSPORTS
from pytest_zdt.target import Secret, Target

DATA = Path(__file__).parent / "data"
SECRET = "correct horse battery staple"


@dataclass
class Hit:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    raw: bytes


@dataclass
class Reply:
    """Raw bytes to send, and what then happens to the connection: ``keep``, ``close`` (FIN) or ``reset`` (RST)."""

    data: bytes = b""
    then: str = "keep"


def reply(status=200, body=b"ok", reason="OK", then="keep", version="v1", **headers):
    """A whole and correct answer; ``headers`` with underscores for hyphens, a list for a repeated one."""
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}"]
    lines += [f"x-zdt-version: {version}"] if version else []
    for name, values in headers.items():
        lines += [f"{name.replace('_', '-')}: {value}" for value in ([values] if isinstance(values, str) else values)]
    return Reply("\r\n".join([*lines, "", ""]).encode("latin-1") + body, then)


@dataclass
class Server:
    """Answers the n-th request with the n-th reply, those after the last with the last; or with what a function returns."""

    replies: list[Reply] | Callable[[Hit], Reply]
    tls: ssl.SSLContext | None = None
    keep: bool = True  # the bodies; otherwise a hit has the number of their bytes
    hits: list[Hit] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self):
        return self._listener.getsockname()[1]

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as stack:  # ValueError: what came is not HTTP
            stack.callback(connection.close)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                stack.enter_context(connection)
            self._open.append(connection)
            if self.tls:
                _shake_hands(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = stack.enter_context(connection.makefile("rb"))
            while hit := _read(reader, self.keep):
                answer = self._answer(hit)
                connection.sendall(answer.data)
                if answer.then == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if answer.then != "keep":
                    return

    def _answer(self, hit):
        self.hits.append(hit)
        return self.replies(hit) if callable(self.replies) else self.replies[min(len(self.hits), len(self.replies)) - 1]


def _shake_hands(connection):
    """The server's side of the handshake; after a fatal alert it waits for the client to go, lest a reset overtake the alert."""
    try:
        connection.do_handshake()
    except ssl.SSLError:
        while socket.socket.recv(connection, 65536):
            pass
        raise


def _read(reader, keep):
    lines = []
    while (line := reader.readline()) not in (b"\r\n", b""):
        lines.append(line)
    if not lines:
        return None
    method, target, _ = lines[0].decode("latin-1").split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.decode("latin-1").partition(":") for line in lines[1:])}
    chunked = "chunked" in headers.get("transfer-encoding", "")
    parts = _chunks(reader) if chunked else _blocks(reader, int(headers.get("content-length", 0)))
    body = b"".join(parts) if keep else sum(map(len, parts))
    return Hit(method, target, headers, body, b"".join(lines))


def _chunks(reader):
    while size := int(reader.readline(), 16):
        yield reader.read(size)
        reader.readline()
    reader.readline()


def _blocks(reader, left):
    while left and (block := reader.read(min(left, 65536))):
        left -= len(block)
        yield block


class Listening:
    """Accepts connections on a port of its own, in a thread, and hands each to `accepted`; ``url`` is by its ``scheme``."""

    scheme = "http"

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{self.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                self.accepted(self._listener.accept()[0])


@pytest.fixture
def serve():
    """Starts servers: ``serve(reply, reply, ...)`` or ``serve(function)``."""
    servers = []

    def start(*replies, **settings):
        servers.append(Server(replies[0] if callable(replies[0]) else list(replies), **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(params=sorted(TRANSPORTS))
def transport(request):
    """The name of a transport; each test runs on both."""
    return request.param


@pytest.fixture
def connect(transport):
    """Makes sessions: ``session = connect(url)``; what they observed is in ``session.seen``."""
    sessions = []

    def make(url, *, timeout=5.0, options=None, **target):
        seen = []
        fields = {"signing": "timed-hmac", "secret": Secret(SECRET)} | target
        session = SignedSession(
            Target("test", url, timeout=timeout, **fields), seen.append, **{"adapter": TRANSPORTS[transport]()} | (options or {})
        )
        session.seen = seen
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.close()


KINDS = ["requests", *sorted(TRANSPORTS)]


@pytest.fixture(params=KINDS)
def api(request, serve):
    """``session, server, url = api(reply, ...)``: requests' own session, or ours on a transport; one hit must be one sample."""
    made, samples = [], []

    def make(*replies, **more):
        server = serve(*(replies or (reply(),)), **more)
        if request.param == "requests":
            session = requests.Session()
            session.trust_env = False
        else:
            target = Target("test", server.url, signing="timed-hmac", secret=Secret(SECRET), timeout=5)
            session = SignedSession(target, samples.append, adapter=TRANSPORTS[request.param]())
        made.append((session, server, server.url))
        return made[-1]

    yield make
    for session, _, _ in made:
        session.close()
    assert len(samples) == (0 if request.param == "requests" else sum(len(server.hits) for _, server, _ in made))
