"""What the fault table (`test_faults`) does not show: what comes after a fault, TLS that works, texts, foreign adapters."""

import socket
import ssl
import threading
from pathlib import Path

import pytest
import requests
from requests.exceptions import ChunkedEncodingError, ConnectTimeout, ContentDecodingError, ReadTimeout, SSLError

from pytest_zdt.evidence.kinds import GUILT
from pytest_zdt.http.failures import EXCEPTIONS, KINDS, foreign_wire

from .conftest import Reply, reply
from .faults import FAULTS

PEM = Path(__file__).parent / "data" / "self-signed.pem"


def test_a_reset_does_not_colour_the_next_failure(serve, connect):
    """A broken answer after a reset one is judged by itself."""
    server = serve(FAULTS["reset in the body"].answer, FAULTS["chunk without length"].answer)
    session = connect(server.url)
    for _ in range(2):
        with pytest.raises(requests.RequestException):
            session.get("/")
    assert [sample.kind for sample in session.seen] == ["reset", "truncated"]


@pytest.mark.parametrize(
    "answer, version", [(Reply(b""), ""), (FAULTS["stall in the body"].answer, "v1")], ids=["no answer", "half a body"]
)
def test_read_timeout(answer, version, serve, connect):
    """Silence before or within an answer is a read time-out; the sample's time is what was waited."""
    session = connect(serve(answer).url, timeout=0.2)
    with pytest.raises(ReadTimeout):
        session.get("/")
    (sample,) = session.seen
    assert (sample.kind, sample.version) == ("read-timeout", version)
    assert 0.19 < sample.took < 2


@pytest.fixture
def tls():
    """The server's side of TLS, with a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return context


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


@pytest.mark.parametrize("status", [400, 401, 403, 404, 424])
def test_other_refusals_are_the_tests_to_judge(status, serve, connect):
    """Without a token, other 4xx are no failure of the request."""
    session = connect(serve(reply(status)).url)
    session.get("/")
    assert (session.seen[0].kind, session.seen[0].message) == ("", "")


@pytest.mark.parametrize("fault", ["closed before an answer", "closed in the body", "chunk without length"])
def test_no_text_of_a_failure_holds_the_query(fault, serve, connect):
    """Neither the exception nor the sample shows the URL's query or the secret."""
    session = connect(serve(FAULTS[fault].answer).url)
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
