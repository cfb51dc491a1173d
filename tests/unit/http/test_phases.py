"""What opening a connection took, on both transports."""

import socket
import ssl
from pathlib import Path

import pytest
import requests

from .conftest import Reply, reply

PEM = Path(__file__).parent / "data" / "self-signed.pem"


@pytest.fixture
def tls():
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return context


def phases(sample):
    """The three phases."""
    return sample.lookup, sample.connect, sample.tls


def test_a_fresh_connection(serve, connect):
    """TCP has taken some time, no longer than the request; there was no handshake."""
    session = connect(serve(reply()).url)
    session.get("/")
    (sample,) = session.seen
    assert sample.connect > 0
    assert sample.lookup >= 0
    assert sum(phases(sample)) <= sample.took
    assert sample.tls == 0


def test_a_kept_connection(serve, connect):
    """A connection that is there takes no time to open; one that replaces it does."""
    session = connect(serve(reply()).url)
    for _ in range(2):
        session.get("/")
    session.new_connection()
    session.get("/")
    assert phases(session.seen[1]) == (0, 0, 0)
    assert session.seen[2].connect > 0


def test_a_handshake(tls, serve, connect):
    """TLS counts by itself, and as the rest of the time once only."""
    session = connect(serve(reply(), tls=tls).url)
    session.verify = str(PEM)
    session.get("/")
    session.get("/")
    assert session.seen[0].connect > 0
    assert session.seen[0].tls > 0
    assert sum(phases(session.seen[0])) <= session.seen[0].took
    assert phases(session.seen[1]) == (0, 0, 0)


def test_a_handshake_that_fails(tls, serve, connect):
    """What was reached is known, what was not is 0."""
    session = connect(serve(reply(), tls=tls).url)
    with pytest.raises(requests.exceptions.SSLError):
        session.get("/")
    assert session.seen[0].connect > 0
    assert session.seen[0].tls == 0


def test_a_port_where_nothing_listens(connect):
    """A connection that was never made has no time."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        session = connect(f"http://127.0.0.1:{bound.getsockname()[1]}")
        with pytest.raises(requests.ConnectionError):
            session.get("/")
    assert (session.seen[0].connect, session.seen[0].tls) == (0, 0)


@pytest.mark.parametrize("fault", [b"", b"HTTP/1.1 200 OK\r\nContent-Le"], ids=["no answer", "half a head"])
def test_a_broken_answer(fault, serve, connect):
    """A failure on a fresh connection knows how long that took, one on a kept connection has none."""
    session = connect(serve(Reply(fault, "close"), reply(), Reply(fault, "close")).url)
    with pytest.raises(requests.RequestException):
        session.get("/")
    session.get("/")
    with pytest.raises(requests.RequestException):
        session.get("/")
    assert session.seen[0].connect > 0
    assert phases(session.seen[2]) == (0, 0, 0)
