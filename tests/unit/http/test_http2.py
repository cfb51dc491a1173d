"""HTTP/2 over libcurl, when the target allows it."""

import contextlib
import ssl
import threading
from pathlib import Path

import h2.config
import h2.connection
import h2.errors
import h2.events
import pycurl
import pytest
import requests

from pytest_zdt.http.handle import version
from pytest_zdt.http.session import SignedSession
from pytest_zdt.http.transport import TRANSPORTS
from pytest_zdt.target import Secret, Target

from .conftest import Listening, reply

PEM = Path(__file__).parent / "data" / "self-signed.pem"


class Server2(Listening):
    """Speaks HTTP/2 over TLS; the n-th request is served as the n-th word says.

    ``answer``, ``farewell`` (an answer and GOAWAY), ``refuse``, ``reset``, ``close``.
    """

    scheme = "https"

    def __init__(self, *words):
        self.words, self.hits, self.connections = list(words), [], 0
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(PEM)
        self._tls.set_alpn_protocols(["h2", "http/1.1"])
        super().__init__()

    def accepted(self, connection):
        self.connections += 1
        threading.Thread(target=self._secure, args=(connection,), daemon=True).start()

    def _secure(self, accepted):
        with contextlib.suppress(OSError), self._tls.wrap_socket(accepted, server_side=True) as connection:
            self._serve(connection)

    def _serve(self, connection):
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        http.initiate_connection()
        connection.sendall(http.data_to_send())
        heads, bodies = {}, {}
        while data := connection.recv(65536):
            for event in http.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    heads[event.stream_id] = {name.decode(): value.decode() for name, value in event.headers}
                    bodies[event.stream_id] = b""
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                    http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self.hits.append((heads[event.stream_id], bodies[event.stream_id]))
                    word = self.words[min(len(self.hits), len(self.words)) - 1]
                    if word == "close":
                        return
                    _respond(http, event.stream_id, word)
                    if word == "farewell":
                        connection.sendall(http.data_to_send())
                        while connection.recv(65536):  # whatever comes, it is not read as requests
                            pass
                        return
            connection.sendall(http.data_to_send())


def _respond(http, stream, word):
    if word not in ("answer", "farewell"):
        code = h2.errors.ErrorCodes.REFUSED_STREAM if word == "refuse" else h2.errors.ErrorCodes.INTERNAL_ERROR
        http.reset_stream(stream, code)
        return
    http.send_headers(stream, [(":status", "200"), ("x-zdt-version", "v2"), ("set-cookie", "a=1"), ("content-length", "2")])
    http.send_data(stream, b"ok", end_stream=True)
    if word == "farewell":
        http.close_connection(last_stream_id=stream)  # GOAWAY, and the connection stays open


@pytest.fixture
def serve2():
    """Starts servers of HTTP/2."""
    servers = []

    def start(*words):
        servers.append(Server2(*words))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def session_to():
    """Makes sessions over libcurl that may use HTTP/2."""
    with contextlib.ExitStack() as stack:

        def make(url, http2=True):
            seen = []
            target = Target("test", url, signing="timed-hmac", secret=Secret("secret"), timeout=5.0, http2=http2)
            session = stack.enter_context(SignedSession(target, seen.append, adapter=TRANSPORTS["curl"](http2=http2)))
            session.verify, session.seen = str(PEM), seen
            return session

        yield make


def test_an_answer(serve2, session_to):
    """Requests go over one connection; status, headers, cookies, latency and phases are those of any answer."""
    server = serve2("answer")
    session = session_to(server.url)
    responses = [session.get("/a//b/?q=%2F") for _ in range(3)]
    assert [(one.status_code, one.reason, one.text) for one in responses] == [(200, "", "ok")] * 3
    assert session.cookies["a"] == "1"
    assert [(sample.version, sample.reused) for sample in session.seen] == [("v2", False), ("v2", True), ("v2", True)]
    assert all(0 < sample.latency <= sample.took for sample in session.seen)
    assert [sample.tls > 0 for sample in session.seen] == [True, False, False]
    assert [head[":path"] for head, _ in server.hits] == ["/a//b/?q=%2F"] * 3
    assert server.hits[0][0]["x-request-id"] == session.seen[0].request_id
    assert server.connections == 1


@pytest.mark.parametrize("body", [b"abcd", lambda: iter([b"ab", b"cd"])], ids=["bytes", "parts"])
def test_a_body(body, serve2, session_to):
    """Bodies are sent, those of unknown length too, and leave nothing to the next."""
    server = serve2("answer")
    session = session_to(server.url)
    session.post("/", data=body() if callable(body) else body)
    session.get("/")
    assert [(head[":method"], sent) for head, sent in server.hits] == [("POST", b"abcd"), ("GET", b"")]
    assert "transfer-encoding" not in server.hits[0][0]


def test_a_new_connection(serve2, session_to):
    """A fresh connection is opened when asked for."""
    server = serve2("answer")
    session = session_to(server.url)
    session.get("/")
    session.new_connection()
    session.get("/")
    assert [sample.reused for sample in session.seen] == [False, False]


@pytest.mark.parametrize(
    "word, kind", [("refuse", "keep-alive-race"), ("reset", "keep-alive-race"), ("close", "keep-alive-race")]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_sent_twice(word, kind, method, serve2, session_to):
    """A stream that is refused or reset, or ends with its connection, is one hit and one sample, and the next is well again."""
    server = serve2("answer", word, "answer")
    session = session_to(server.url)
    session.get("/")
    with pytest.raises(requests.RequestException):
        session.request(method, "/", data=b"x" if method == "POST" else None)
    assert [sample.kind for sample in session.seen] == ["", kind]
    assert len(server.hits) == 2
    session.new_connection()
    assert session.get("/").ok


def test_a_server_without_it(serve, session_to):
    """A server that offers HTTP/1.1 only is spoken to in that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    session = session_to(serve(reply(), tls=context).url)
    assert [session.get("/").reason for _ in range(2)] == ["OK", "OK"]
    assert [sample.reused for sample in session.seen] == [False, True]


def test_a_plain_server(serve, session_to):
    """Without TLS nothing is offered, and a kept connection that the server has closed is replaced."""
    server = serve(reply(then="close"), reply())
    session = session_to(server.url)
    session.get("/")
    server._threads[1].join()
    assert session.get("/").reason == "OK"
    assert [sample.reused for sample in session.seen] == [False, False]


def test_a_target_that_does_not_allow_it():
    """Without the key, the server is not offered HTTP/2."""
    assert version(False, 0) == pycurl.CURL_HTTP_VERSION_1_1


def test_a_libcurl_without_it():
    """A libcurl that was built without HTTP/2 says so."""
    with pytest.raises(ValueError, match="this libcurl speaks no HTTP/2: leave http2 out"):
        version(True, 0)


def test_urllib3_does_not_speak_it():
    """The stock transport refuses rather than measure something else."""
    with pytest.raises(ValueError, match=r"urllib3 speaks HTTP/1\.1 only"):
        TRANSPORTS["urllib3"](http2=True)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_is_to_end(serve2, session_to, method):
    """A server that drains says so and leaves the connection open: the next request opens another, and nothing is a failure."""
    server = serve2("farewell", "answer")
    session = session_to(server.url)
    for _ in range(2):
        assert session.request(method, "/", data=b"a" if method == "POST" else None).status_code == 200
    assert [(sample.kind, sample.reused) for sample in session.seen] == [("", False), ("", False)]
    assert len(server.hits) == 2
