"""What is on a connection besides the answer that is asked for, and what several connections have to do with each other."""

import contextlib
import fcntl
import socket
import ssl
import termios
import threading
import time

import pytest
from requests.exceptions import ConnectionError

from pytest_zdt.http.transport import CurlAdapter

from .conftest import DATA, Reply, reply

OK = b"HTTP/1.1 200 OK\r\nx-zdt-version: v1\r\nContent-Length: 2\r\n\r\n"
PEM = DATA / "self-signed.pem"


class Unasked:
    """Answers "00" on its first connection, on which it sends later a 408 that nobody asked for, and "01" on its second."""

    def __init__(self, tls):
        self.listener, self.tls = socket.create_server(("127.0.0.1", 0)), tls
        self.read, self.said = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with contextlib.suppress(OSError), self.listener, self.accepted() as first:
            first.recv(65536)
            first.sendall(OK + b"00")
            self.read.wait(10)
            first.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
            self.await_arrival(first)
            self.said.set()
            with self.accepted() as second:
                second.recv(65536)
                second.sendall(OK + b"01")

    @staticmethod
    def await_arrival(connection):
        """Returns when the other side has all that was sent: on a busy machine that may be later, even on the loopback."""
        while any(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))):
            time.sleep(0.001)

    def accepted(self):
        connection, _ = self.listener.accept()
        return self.tls.wrap_socket(connection, server_side=True) if self.tls else connection


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2 allowed"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_an_unasked_answer(connect, transport, tls, http2):
    """A server that gives up on an idle connection says so on it: that is no answer to the next request, which goes elsewhere."""
    if http2 and transport == "urllib3":
        pytest.skip("urllib3 has no HTTP/2")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    server = Unasked(context if tls else None)
    url = f"http{'s' * tls}://127.0.0.1:{server.listener.getsockname()[1]}"
    session = connect(url, options={"adapter": CurlAdapter(http2=True)} if http2 else None)
    session.verify = str(PEM)
    assert session.get("/a").text == "00"
    server.read.set()
    assert server.said.wait(10)
    assert session.get("/b").text == "01"
    assert [sample.reused for sample in session.seen] == [False, False]
    server.thread.join(10)


def test_two_origins(serve, connect):
    """Each origin has a kept connection: a request elsewhere in between does not cost the target's."""
    home, other = serve(reply()), serve(reply())
    session = connect(home.url)
    for _ in range(3):
        session.get("/")
        session.get(f"{other.url}/")
    assert (home.connections, other.connections) == (1, 1)
    assert [sample.reused for sample in session.seen] == [False, False, True, True, True, True]


def test_new_connections_to_each(serve, connect):
    """A new iteration of the lane ``new`` opens a connection to each origin, once."""
    home, other = serve(reply()), serve(reply())
    session = connect(home.url)
    for _ in range(2):
        session.new_connection()
        for url in ("/", f"{other.url}/", "/"):
            session.get(url)
    assert [sample.reused for sample in session.seen] == [False, False, True] * 2


def test_many_origins(serve, connect):
    """Not every origin that a run ever sees keeps its connection, but the target's, which is used in between, does."""
    home, *others = servers = [serve(reply()) for _ in range(12)]
    session = connect(home.url)
    for server in others * 2:
        assert session.get(f"{server.url}/").ok
        assert session.get("/").ok
    assert home.connections == 1
    assert sum(server.connections for server in servers) == 1 + 2 * len(others)


def test_the_release_of_another_origin_is_none(serve, connect):
    """What another origin calls its version says nothing of the target's releases."""
    other = serve(reply(version="theirs"))
    session = connect(serve(reply(version="v1")).url)
    session.get("/")
    session.get(f"{other.url}/")
    assert [sample.version for sample in session.seen] == ["v1", ""]


def test_what_an_answer_says_of_itself_is_cut(serve, connect):
    """A release or a reason of a whole page does not fill the evidence."""
    session = connect(serve(reply(503, reason="no " * 1000, version="v" * 3000)).url)
    session.get("/")
    (sample,) = session.seen
    assert (len(sample.version), len(sample.message)) == (200, 200)


def test_latency_is_that_of_the_answer(connect):
    """It begins when the request goes out: what the handshake takes is the connection's, and is in the time taken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run():
            connection, _ = listener.accept()
            time.sleep(0.4)  # what a slow handshake takes
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(65536)
                secured.sendall(OK + b"ok")

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        session = connect(f"https://127.0.0.1:{listener.getsockname()[1]}")
        session.verify = str(PEM)
        session.get("/")
        thread.join()
    (sample,) = session.seen
    assert sample.latency < 0.3 < sample.tls
    assert sample.took > 0.4


@pytest.mark.parametrize("status", ["100 Continue", "103 Early Hints"])
def test_an_interim_answer_is_none(serve, connect, status):
    """A connection that ends after it has not answered: the edge's failure, whatever version that named."""
    session = connect(serve(Reply(f"HTTP/1.1 {status}\r\nx-zdt-version: v1\r\n\r\n".encode(), then="close")).url)
    with pytest.raises(ConnectionError):
        session.get("/")
    (sample,) = session.seen
    assert (sample.kind, sample.status, sample.version) == ("reset", 0, "")


def test_a_host_called_alert(connect):
    """What OpenSSL calls an alert is told from a name."""
    session = connect("http://alert.invalid")
    with pytest.raises(ConnectionError):
        session.get("/")
    assert [sample.kind for sample in session.seen] == ["dns"]


@pytest.mark.parametrize("timeout", [0, -1, (0, 1), "1", (1, 2, 3)], ids=str)
def test_bad_timeouts(serve, connect, timeout):
    """No number of seconds above zero: an error before anything is sent."""
    server = serve(reply())
    session = connect(server.url)
    with pytest.raises(ValueError, match=r"(?i)timeout"):
        session.get("/", timeout=timeout)
    assert not server.hits
    assert not session.seen


def test_head_with_a_body(serve, connect, transport):
    """libcurl would announce it and send nothing: refused. urllib3 sends it."""
    server = serve(Reply(OK[:-2] + b"\r\n"))
    session = connect(server.url)
    if transport == "curl":
        with pytest.raises(ValueError, match="libcurl sends no body with HEAD"):
            session.head("/", data=b"abcd")
        assert not session.seen
    else:
        session.head("/", data=b"abcd")
        assert server.hits[0].body == b"abcd"


def test_no_agent(serve, connect):
    """A session that is to name no agent names none, libcurl neither."""
    server = serve(reply())
    connect(server.url).get("/", headers={"User-Agent": None})
    assert "curl" not in server.hits[0].headers.get("user-agent", "").lower()
