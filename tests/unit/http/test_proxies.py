"""Proxies, only when asked for, on both transports."""

import contextlib
import socket
import ssl
import threading
from base64 import b64encode
from pathlib import Path

import pytest
import requests
from requests.exceptions import InvalidProxyURL

from .conftest import Listening, Reply, reply

PEM = Path(__file__).parent / "data" / "self-signed.pem"


class Tunnel(Listening):
    """A proxy that knows CONNECT, one connection after the other; ``heads`` are what it was asked."""

    def __init__(self):
        self.heads = []
        super().__init__()

    def accepted(self, client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            self.heads.append(head.decode())
            host, _, port = head.split()[1].decode().partition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connected\r\nx-zdt-version: of-the-proxy\r\n\r\n")
                back = threading.Thread(target=_copy, args=(server, client))
                back.start()
                _copy(client, server)
                back.join()


def _copy(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def tunnel():
    """A proxy for https."""
    proxy = Tunnel()
    yield proxy
    proxy.stop()


@pytest.fixture
def tls():
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return context


def test_a_proxy_of_the_session(serve, connect):
    """The proxy is asked for the whole URL, on a connection that is kept, and the credentials go to it."""
    proxy = serve(reply())
    session = connect("http://api.invalid:8080/base")
    session.proxies = {"http": proxy.url.replace("//", "//me:se%20cret@")}
    assert [session.get("/a/?q=1").text for _ in range(2)] == ["ok", "ok"]
    assert [hit.target for hit in proxy.hits] == ["http://api.invalid:8080/base/a/?q=1"] * 2
    assert proxy.hits[0].headers["host"] == "api.invalid:8080"
    assert proxy.hits[0].headers["proxy-authorization"] == f"Basic {b64encode(b'me:se cret').decode()}"
    assert [sample.reused for sample in session.seen] == [False, True]


def test_a_proxy_of_a_request(serve, connect):
    """``proxies=`` holds for its request only; a proxy of another scheme is not used."""
    proxy, server = serve(reply(body=b"proxy")), serve(reply(body=b"server"))
    session = connect(server.url)
    proxies = [{"http": proxy.url.removeprefix("http://")}, None, {"https": proxy.url}, {"all": proxy.url}]
    assert [session.get("/", proxies=one).text for one in proxies] == ["proxy", "server", "server", "proxy"]
    assert [hit.target for hit in server.hits] == ["/", "/"]
    assert "proxy-authorization" not in proxy.hits[0].headers


def test_a_tunnel(tunnel, tls, serve, connect):
    """https goes through CONNECT, whose answer is not the answer; the proxy sees neither signature nor request id."""
    server = serve(reply(), tls=tls)
    session = connect(server.url)
    session.verify = str(PEM)
    session.proxies = {"https": tunnel.url.replace("//", "//me:secret@")}
    responses = [session.get("/a/") for _ in range(2)]
    assert [hit.target for hit in server.hits] == ["/a/", "/a/"]
    assert [(sample.version, sample.reused) for sample in session.seen] == [("v1", False), ("v1", True)]
    assert responses[0].headers["x-zdt-version"] == "v1"
    (head,) = tunnel.heads
    assert head.startswith(f"CONNECT 127.0.0.1:{server.port} ")
    assert f"Basic {b64encode(b'me:secret').decode()}" in head
    assert not {"x-request-id", "x-ov-cf-mac"} & {line.partition(":")[0].lower() for line in head.splitlines()}
    assert "proxy-authorization" not in server.hits[0].headers


def test_a_new_connection_through_a_proxy(serve, connect):
    """A fresh connection is one to the proxy."""
    proxy = serve(reply())
    session = connect("http://api.invalid")
    session.proxies = {"http": proxy.url}
    session.get("/")
    session.new_connection()
    session.get("/")
    assert [sample.reused for sample in session.seen] == [False, False]
    assert proxy.connections == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_dead_proxy(scheme, connect):
    """A proxy where nothing listens is a connection refused; no text shows its credentials."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        session = connect(f"{scheme}://api.invalid")
        session.proxies = {scheme: f"http://me:secret@127.0.0.1:{bound.getsockname()[1]}"}
        with pytest.raises(requests.ConnectionError, match=r"^connect-refused: ") as caught:
            session.get("/")
    assert "secret" not in f"{caught.value!r} {session.seen}"
    assert [sample.kind for sample in session.seen] == ["connect-refused"]


def test_a_proxy_that_refuses_the_tunnel(serve, connect):
    """A tunnel that was not granted is no answer of the API."""
    proxy = serve(Reply(b"HTTP/1.1 407 No\r\nx-zdt-version: v9\r\nContent-Length: 0\r\n\r\n", "close"))
    session = connect("https://api.invalid")
    session.proxies = {"https": proxy.url.replace("//", "//me:secret@")}
    with pytest.raises(requests.ConnectionError, match=r"^connect-refused: .*407") as caught:
        session.get("/")
    assert "secret" not in f"{caught.value!r} {session.seen}"
    assert [(sample.kind, sample.status, sample.version) for sample in session.seen] == [("connect-refused", 0, "")]
    assert len(proxy.hits) == 1


@pytest.mark.parametrize("url", ["http://me:secret@", "http://me:secret@host:port", "http://me:secret@[::1"])
def test_a_proxy_that_is_no_url(url, connect):
    """A URL that cannot be read is the test's mistake, and its credentials are not shown."""
    session = connect("http://127.0.0.1:9")
    with pytest.raises(InvalidProxyURL, match=r"^the proxy's URL has no host") as caught:
        session.get("/", proxies={"http": url})
    assert "secret" not in repr(caught.value)
    assert session.seen == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_the_environment_is_ignored(name, serve, connect, monkeypatch):
    """A proxy of the environment is not used, and one that was asked for is, whatever the environment excepts."""
    proxy, server = serve(reply(body=b"proxy")), serve(reply(body=b"server"))
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "*")
    session = connect(server.url)
    assert session.get("/").text == "server"
    assert session.get("/", proxies={"http": proxy.url}).text == "proxy"
