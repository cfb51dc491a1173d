"""What can break between a client and an API, each with what it must be called: one table for both transports."""

import contextlib
import os
import resource
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from requests.exceptions import (
    ChunkedEncodingError,
    ConnectionError,
    ConnectTimeout,
    ContentDecodingError,
    ReadTimeout,
    RequestException,
    SSLError,
)

from .conftest import Reply, Server, reply

DATA = Path(__file__).parent / "data"
HEAD = b"HTTP/1.1 200 OK\r\nx-zdt-version: v1\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LONG = HEAD + b"Content-Length: 9\r\n\r\nabc"
GZIP = HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"


@dataclass(frozen=True)
class Fault:
    """How a server answers, and what the sample of the request must say. ``raised`` is exactly the class, None: an answer."""

    answer: Reply
    kind: str
    guilt: str
    version: str
    status: int
    raised: type[RequestException] | None
    on_reused: str = ""
    """The kind on a connection that was kept alive, where it is another."""


RACE = "keep-alive-race"
ANSWERS = {
    # on the wire                                      kind            guilt   version status exception           if reused
    "closed before an answer": (Reply(b"", "close"), "reset", "edge", "", 0, ConnectionError, RACE),
    "reset before an answer": (Reply(b"", "reset"), "reset", "edge", "", 0, ConnectionError, RACE),
    "closed in the status line": (Reply(b"HTTP/1.1 2", "close"), "reset", "edge", "", 0, ConnectionError, RACE),
    "closed in a header": (Reply(HEAD + b"Content-Le", "close"), "truncated", "app", "v1", 200, ChunkedEncodingError),
    "closed between headers": (Reply(HEAD, "close"), "truncated", "app", "v1", 200, ChunkedEncodingError),
    "closed before the version": (Reply(HEAD[:17], "close"), "truncated", "edge", "", 200, ChunkedEncodingError),
    "reset between headers": (Reply(HEAD, "reset"), "reset", "app", "v1", 200, ConnectionError),
    "reset before the version": (Reply(HEAD[:17], "reset"), "reset", "edge", "", 200, ConnectionError),
    "stall before an answer": (Reply(b""), "read-timeout", "app", "", 0, ReadTimeout),
    "stall in the headers": (Reply(HEAD), "read-timeout", "app", "v1", 200, ReadTimeout),
    "stall in the body": (Reply(LONG), "read-timeout", "app", "v1", 200, ReadTimeout),
    "closed in the body": (Reply(LONG, "close"), "truncated", "app", "v1", 200, ChunkedEncodingError),
    "reset in the body": (Reply(LONG, "reset"), "reset", "app", "v1", 200, ConnectionError),
    "closed in a chunk": (Reply(CHUNKED + b"5\r\nabc", "close"), "truncated", "app", "v1", 200, ChunkedEncodingError),
    "no last chunk": (Reply(CHUNKED + b"3\r\nabc\r\n", "close"), "truncated", "app", "v1", 200, ChunkedEncodingError),
    "chunk without length": (Reply(CHUNKED + b"zz\r\nabc\r\n"), "truncated", "app", "v1", 200, ChunkedEncodingError),
    "not HTTP": (Reply(b"SSH-2.0-server\r\n", "close"), "truncated", "edge", "", 0, ChunkedEncodingError),
    "not the encoding it says": (Reply(GZIP), "wrong-body", "app", "v1", 200, ContentDecodingError),
    "502 of an edge": (reply(502, reason="Bad Gateway", version=""), "status-5xx", "edge", "", 502, None),
    "503 of the app": (reply(503, reason="Unavailable", version="v2"), "status-5xx", "app", "v2", 503, None),
    "503 with Retry-After": (reply(503, version="", Retry_After="0"), "status-5xx", "edge", "", 503, None),
    "429": (reply(429, reason="Too Many Requests"), "throttled", "configuration", "v1", 429, None),
}
FAULTS = {name: Fault(*row) for name, row in ANSWERS.items()}
"""What a server does once the request has reached it."""


@dataclass
class Place:
    """Where to send a request that comes to nothing."""

    url: str
    verify: bool | str = True
    connections: Callable[[], int] = lambda: 0


@contextmanager
def closed_port() -> Iterator[Place]:
    """A port that is taken, but where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield Place(f"http://127.0.0.1:{bound.getsockname()[1]}")


@contextmanager
def accept_and_close() -> Iterator[Place]:
    """A listener that closes each connection at once."""
    accepted = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                accepted.append(1)
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Place(f"http://127.0.0.1:{listener.getsockname()[1]}", connections=accepted.__len__)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def full_queue() -> Iterator[Place]:
    """A listener whose queue is full: connecting takes for ever."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield Place(f"http://127.0.0.1:{listener.getsockname()[1]}")


@contextmanager
def unknown_name() -> Iterator[Place]:
    """A name of the reserved domain .invalid (RFC 6761)."""
    yield Place("http://api.invalid")


def certificate(file: str, trusted: bool) -> Callable[[], AbstractContextManager[Place]]:
    """A server with that certificate, which the client trusts but for the fault in it, or does not trust."""

    @contextmanager
    def place() -> Iterator[Place]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(DATA / file)
        server = Server([reply()], tls=context)
        try:
            yield Place(server.url, str(DATA / file) if trusted else True, lambda: server.connections + 9 * len(server.hits))
        finally:
            server.stop()

    return place


@contextmanager
def no_descriptors(url: str = "http://127.0.0.1:9") -> Iterator[Place]:
    """This process cannot open another file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 200), hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with contextlib.suppress(OSError):
            while True:
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        yield Place(url)


UNREACHED = {
    "refuse": (closed_port, "connect-refused", "edge", ConnectionError, 0),
    "accept and close": (accept_and_close, "reset", "edge", ConnectionError, 1),
    "connecting takes too long": (full_queue, "connect-timeout", "edge", ConnectTimeout, 0),
    "name that does not resolve": (unknown_name, "dns", "network", ConnectionError, 0),
    "self-signed certificate": (certificate("self-signed.pem", False), "tls", "edge", SSLError, 1),
    "certificate of another host": (certificate("other-host.pem", True), "tls", "edge", SSLError, 1),
    "expired certificate": (certificate("expired.pem", True), "tls", "edge", SSLError, 1),
    "no descriptors": (no_descriptors, "local", "client", ConnectionError, 0),
    "no descriptors for a name": (lambda: no_descriptors("http://localhost:9"), "local", "client", ConnectionError, 0),
}
"""Place, kind, guilt, exception and connections of requests that never reach an API; ports: see `test_faults`."""
