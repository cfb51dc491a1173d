"""Faults on real sockets: one request that reached the server is one sample with its kind, on both transports."""

import os
import resource
import socket
import ssl
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from requests.exceptions import ChunkedEncodingError, ConnectTimeout, ContentDecodingError, ReadTimeout, SSLError

from pytest_zdt.evidence.kinds import GUILT
from pytest_zdt.http.failures import EXCEPTIONS, KINDS, foreign_wire

from .conftest import Reply, reply

PEM = Path(__file__).parent / "data" / "self-signed.pem"
HEAD = b"HTTP/1.1 200 OK\r\nx-zdt-version: v1\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LONG = HEAD + b"Content-Length: 9\r\n\r\nabc"

FAULTS = {
    "closed before an answer": (Reply(b"", "close"), "reset", ""),
    "reset before an answer": (Reply(b"", "reset"), "reset", ""),
    "closed in the status line": (Reply(b"HTTP/1.1 2", "close"), "reset", ""),
    "closed in a header": (Reply(HEAD + b"Content-Le", "close"), "truncated", "v1"),
    "closed between headers": (Reply(HEAD, "close"), "truncated", "v1"),
    "reset between headers": (Reply(HEAD, "reset"), "reset", "v1"),
    "closed in the body": (Reply(LONG, "close"), "truncated", "v1"),
    "reset in the body": (Reply(LONG, "reset"), "reset", "v1"),
    "closed in a chunk": (Reply(CHUNKED + b"5\r\nabc", "close"), "truncated", "v1"),
    "closed before the last chunk": (Reply(CHUNKED + b"3\r\nabc\r\n", "close"), "truncated", "v1"),
    "a chunk without a length": (Reply(CHUNKED + b"zz\r\nabc\r\n"), "truncated", "v1"),
    "not HTTP": (Reply(b"SSH-2.0-server\r\n", "close"), "truncated", ""),
    "not the encoding it says": (Reply(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"), "wrong-body", "v1"),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_on_a_fresh_connection(fault, method, serve, connect):
    """Each fault is one hit, one connection, one sample, one exception, with the version where its header had come."""
    answer, kind, version = FAULTS[fault]
    server = serve(answer)
    session = connect(server.url)
    with pytest.raises(EXCEPTIONS.get(kind, requests.ConnectionError)):
        session.request(method, "/v1/images/?q=cat")
    (sample,) = session.seen
    assert (sample.kind, sample.version, sample.reused) == (kind, version, False)
    assert sample.status == (200 if version else 0)
    assert len(server.hits) == server.connections == 1
    assert sample.request_id == server.hits[0].headers["x-request-id"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("fault", ["closed before an answer", "reset before an answer", "closed in the status line"])
def test_keep_alive_race(fault, method, serve, connect):
    """A kept connection that dies with the request in flight is a failure: nothing is sent twice, no connection is opened."""
    server = serve(reply(), FAULTS[fault][0], reply())
    session = connect(server.url)
    session.get("/")
    with pytest.raises(requests.ConnectionError, match=r"^keep-alive-race: "):
        session.request(method, "/", data=b"x" if method == "POST" else None)
    assert (session.seen[1].kind, session.seen[1].reused, session.seen[1].status) == ("keep-alive-race", True, 0)
    assert len(server.hits) == len(session.seen) == 2
    assert server.connections == 1
    assert session.get("/").ok


@pytest.mark.parametrize("fault", ["closed between headers", "closed in the body", "reset in the body"])
def test_fault_in_an_answer_on_a_kept_connection(fault, serve, connect):
    """Once an answer has begun, a kept connection fails as a fresh one does."""
    answer, kind, version = FAULTS[fault]
    server = serve(reply(), answer)
    session = connect(server.url)
    session.get("/")
    with pytest.raises(requests.RequestException):
        session.get("/")
    assert (session.seen[1].kind, session.seen[1].version, session.seen[1].reused) == (kind, version, True)
    assert len(server.hits) == 2


def test_a_reset_does_not_colour_the_next_failure(serve, connect):
    """A broken answer after a reset one is judged by itself."""
    server = serve(FAULTS["reset in the body"][0], FAULTS["a chunk without a length"][0])
    session = connect(server.url)
    for _ in range(2):
        with pytest.raises(requests.RequestException):
            session.get("/")
    assert [sample.kind for sample in session.seen] == ["reset", "truncated"]


@pytest.mark.parametrize("answer, version", [(Reply(b""), ""), (Reply(LONG), "v1")], ids=["no answer", "half a body"])
def test_read_timeout(answer, version, serve, connect):
    """Silence before or within an answer is a read time-out; the sample's time is what was waited."""
    session = connect(serve(answer).url, timeout=0.2)
    with pytest.raises(ReadTimeout):
        session.get("/")
    (sample,) = session.seen
    assert (sample.kind, sample.version) == ("read-timeout", version)
    assert 0.19 < sample.took < 2


def test_connect_timeout(connect):
    """A connection that is not accepted in time was never sent on."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):  # fill the queue
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        session = connect(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(ConnectTimeout):
            session.get("/", timeout=(0.2, 5))
    assert [sample.kind for sample in session.seen] == ["connect-timeout"]


def test_connect_refused(connect):
    """A port where nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        session = connect(f"http://127.0.0.1:{bound.getsockname()[1]}")
        with pytest.raises(requests.ConnectionError, match=r"^connect-refused: "):
            session.get("/")
    assert [(sample.kind, sample.status, sample.reused) for sample in session.seen] == [("connect-refused", 0, False)]


def test_name_that_does_not_resolve(connect):
    """A name of the reserved domain .invalid (RFC 6761)."""
    session = connect("http://api.invalid")
    with pytest.raises(requests.ConnectionError, match=r"^dns: "):
        session.get("/")
    assert [sample.kind for sample in session.seen] == ["dns"]


def test_no_descriptors_left(connect):
    """When this process has no file descriptor left the failure is its own: not the edge's, and not the name server's."""
    sessions = [connect("http://127.0.0.1:9"), connect("http://localhost:9")]
    for session in sessions:
        with pytest.raises(requests.ConnectionError, match=r"^connect-refused: "):
            session.get("/")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limits[0], 200), limits[1]))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        _exhaust(stack)
        errors = [_error_of(session) for session in sessions]
    assert [error[:7] for error in errors] == ["local: "] * 2
    assert [session.seen[1].kind for session in sessions] == ["local"] * 2


def _exhaust(stack):
    while True:
        try:
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return


def _error_of(session):
    try:
        session.get("/")
    except requests.ConnectionError as error:
        return str(error)
    return "no error"


@pytest.fixture
def tls():
    """The server's side of TLS, with a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return context


def test_self_signed_certificate(tls, serve, connect):
    """A certificate that is not trusted fails the handshake; no request goes out."""
    server = serve(reply(), tls=tls)
    session = connect(server.url)
    with pytest.raises(SSLError, match=r"^tls: .*self-signed"):
        session.get("/")
    assert [sample.kind for sample in session.seen] == ["tls"]
    assert server.hits == []


def test_trusted_certificate(tls, serve, connect):
    """``verify`` takes a path to the authorities, as in requests; the second request uses the same connection."""
    session = connect(serve(reply(), tls=tls).url)
    session.verify = str(PEM)
    assert [session.get("/").status_code for _ in range(2)] == [200, 200]
    assert [sample.reused for sample in session.seen] == [False, True]


def test_authorities_that_are_not_there(tls, serve, connect):
    """A wrong path is a mistake of the settings: an error, and no sample."""
    session = connect(serve(reply(), tls=tls).url)
    with pytest.raises(OSError, match="invalid path"):
        session.get("/", verify="no-such-file.pem")
    assert session.seen == []


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_unverified_certificate(tls, serve, connect):
    """``verify=False`` is honoured for its request only."""
    session = connect(serve(reply(), tls=tls).url)
    assert session.get("/", verify=False).ok
    with pytest.raises(SSLError):
        session.get("/")


def test_tls_connection_closed_without_notice(tls, serve, connect):
    """Over TLS too, a kept connection that closes with the request in flight is a keep-alive race."""
    server = serve(reply(), Reply(b"", "close"), tls=tls)
    session = connect(server.url)
    session.verify = str(PEM)
    session.get("/")
    with pytest.raises(requests.ConnectionError, match=r"^keep-alive-race: "):
        session.post("/", data="x")
    assert (len(server.hits), server.connections) == (2, 1)


def test_handshake_with_a_server_without_tls(connect):
    """A server that speaks plain HTTP on the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_answer_plainly, args=(listener,))
        server.start()
        session = connect(f"https://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(SSLError):
            session.get("/")
        server.join()
    assert [sample.kind for sample in session.seen] == ["tls"]


def _answer_plainly(listener):
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    "status, reason, version, kind",
    [
        (502, "Bad Gateway", "", "status-5xx"),
        (503, "Service Unavailable", "v2", "status-5xx"),
        (429, "Too Many Requests", "v1", "throttled"),
    ],
)
def test_status_that_is_a_failure(status, reason, version, kind, serve, connect):
    """The answer reaches the test, once, even with Retry-After; the sample says what it is and whose."""
    server = serve(reply(status, reason=reason, version=version, Retry_After="0"))
    session = connect(server.url)
    assert session.get("/").status_code == status
    (sample,) = session.seen
    assert (sample.kind, sample.status, sample.version, sample.message) == (kind, status, version, f"{status} {reason}")
    assert len(server.hits) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 424])
def test_other_refusals_are_the_tests_to_judge(status, serve, connect):
    """Without a token, other 4xx are no failure of the request."""
    session = connect(serve(reply(status)).url)
    session.get("/")
    assert (session.seen[0].kind, session.seen[0].message) == ("", "")


@pytest.mark.parametrize("fault", ["closed before an answer", "closed in the body", "a chunk without a length"])
def test_no_text_of_a_failure_holds_the_query(fault, serve, connect):
    """Neither the exception nor the sample shows the URL's query or the secret."""
    session = connect(serve(FAULTS[fault][0]).url)
    with pytest.raises(requests.RequestException) as caught:
        session.get("/v1/", params={"q": "private"})
    assert "private" not in f"{caught.value!r} {session.seen}"
    assert "horse" not in f"{caught.value!r} {session.seen}"


def test_kinds_are_those_of_the_verdict():
    """The table knows no kind that the verdict does not."""
    assert {*KINDS.values(), *EXCEPTIONS, "keep-alive-race"} <= set(GUILT)


@pytest.mark.parametrize(
    "error, kind",
    [
        (requests.ConnectionError(), "reset"),
        (ConnectTimeout(), "connect-timeout"),
        (ReadTimeout(), "read-timeout"),
        (SSLError(), "tls"),
        (ChunkedEncodingError(), "truncated"),
        (ContentDecodingError(), "wrong-body"),
    ],
)
def test_exceptions_of_other_adapters(error, kind):
    """An adapter that a test mounts itself is recorded by the class of its exceptions."""
    assert foreign_wire(error).kind == kind


def test_exceptions_before_sending():
    """A request that could not be sent at all has no sample."""
    assert foreign_wire(requests.exceptions.InvalidURL()) is None
