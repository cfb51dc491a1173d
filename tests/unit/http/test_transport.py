"""Requests and answers on the wire, the same on both transports: bodies, framing, connections."""

import gzip
import io
import socket

import pytest
import requests

from .conftest import Reply, reply


@pytest.mark.parametrize(
    "body",
    [
        {"data": "text é"},
        {"data": b"\x00\xff"},
        {"data": {"a": "1"}},
        {"json": {"a": 1}},
        {},
        {"data": ""},
        {"files": {"f": ("name", b"content")}},
    ],
    ids=["text", "bytes", "form", "json", "none", "empty", "file"],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_bodies(method, body, serve, connect):
    """The server gets the body that requests prepared, with its type, and the next request is an ordinary GET again."""
    server = serve(reply())
    session = connect(server.url)
    sent = session.request(method, "/", **body).request
    session.get("/")
    expected = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
    assert (server.hits[0].method, server.hits[0].body) == (method, expected)
    assert server.hits[0].headers.get("content-type") == sent.headers.get("Content-Type")
    assert server.hits[0].headers.get("content-length", "0") == str(len(expected))
    assert (server.hits[1].method, server.hits[1].body) == ("GET", b"")
    assert not {"content-type", "content-length"} & set(server.hits[1].headers)


@pytest.mark.parametrize("body", [lambda: iter([b"ab", b"cd"]), lambda: io.BytesIO(b"abcd")], ids=["parts", "file"])
def test_bodies_that_are_read_once(body, serve, connect):
    """Files and iterables are sent whole, with a length or in chunks."""
    server = serve(reply(then="close"))
    assert connect(server.url).post("/", data=body()).ok
    assert server.hits[0].body == b"abcd"


def test_methods_one_after_the_other(serve, connect):
    """No request leaves anything of itself to the next."""
    server = serve(lambda hit: reply(body=b"" if hit.method == "HEAD" else b"ok"))
    session = connect(server.url)
    methods = ["GET", "POST", "GET", "HEAD", "GET", "PUT", "OPTIONS", "DELETE", "HEAD", "POST", "GET"]
    for method in methods:
        session.request(method, "/", data="x" if method in ("POST", "PUT") else None)
    assert [hit.method for hit in server.hits] == methods
    assert [hit.body for hit in server.hits] == [b"x" if method in ("POST", "PUT") else b"" for method in methods]
    assert server.connections == 1


def test_large_body_without_expect(serve, connect):
    """A large body goes out at once, without asking for leave."""
    server = serve(reply())
    connect(server.url).post("/", data=b"x" * 3_000_000)
    assert len(server.hits[0].body) == 3_000_000
    assert "expect" not in server.hits[0].headers


def test_gzip(serve, connect):
    """A compressed answer is decoded; the sample counts the decoded bytes."""
    server = serve(reply(body=gzip.compress(b'{"a": 1}'), Content_Encoding="gzip", Content_Type="application/json"))
    session = connect(server.url)
    assert session.get("/").json() == {"a": 1}
    assert session.seen[0].bytes == 8


def test_chunked_with_trailers(serve, connect):
    """Chunks are joined; trailers are no headers."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = serve(Reply(head + b"2\r\nab\r\n3\r\ncde\r\n0\r\nx-zdt-version: v9\r\n\r\n"), reply())
    session = connect(server.url)
    assert session.get("/").text == "abcde"
    assert session.get("/").ok
    assert [sample.version for sample in session.seen] == ["", "v1"]
    assert server.connections == 1


def test_head_has_no_body(serve, connect):
    """An answer to HEAD ends with its headers, whatever length it names."""
    server = serve(Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), reply())
    session = connect(server.url)
    response = session.head("/")
    assert (response.status_code, response.content, response.headers["Content-Length"]) == (200, b"", "5")
    assert session.get("/").text == "ok"
    assert server.connections == 1


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body(status, serve, connect):
    """Answers that never have a body end with their headers, and the connection is kept."""
    server = serve(Reply(f"HTTP/1.1 {status} Fine\r\n\r\n".encode()), reply())
    session = connect(server.url)
    assert session.get("/").content == b""
    assert session.get("/").text == "ok"
    assert server.connections == 1


@pytest.mark.parametrize(
    "interim", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nx-zdt-version: v0\r\n\r\n"]
)
def test_interim_answers(interim, serve, connect):
    """Interim answers come before the answer and are not it."""
    server = serve(Reply(interim + interim + reply().data), reply())
    session = connect(server.url)
    response = session.get("/")
    assert (response.status_code, response.text, "Link" in response.headers) == (200, "ok", False)
    assert session.get("/").ok
    assert [sample.version for sample in session.seen] == ["v1", "v1"]


def test_body_until_the_end_of_the_connection(serve, connect):
    """An answer without length or chunks ends when the connection does; the next one opens a connection."""
    server = serve(Reply(b"HTTP/1.0 200 OK\r\n\r\nall of it", "close"), reply())
    session = connect(server.url)
    assert session.get("/").text == "all of it"
    assert session.get("/").ok
    assert [sample.reused for sample in session.seen] == [False, False]


def test_repeated_and_folded_headers(serve, connect):
    """Repeated headers are joined; names do not depend on case; a missing reason is empty."""
    server = serve(Reply(b"HTTP/1.1 200\r\nX-A: 1\r\nx-a:2\r\nContent-Length: 0\r\n\r\n"))
    response = connect(server.url).get("/")
    assert response.headers["X-a"] == "1, 2"
    assert response.reason == ""


def test_stream_is_read_at_once(serve, connect):
    """``stream=True`` gives the same content; the sample is complete when the response is handed out."""
    session = connect(serve(reply(body=b"abcdef")).url)
    response = session.get("/", stream=True)
    assert session.seen[0].bytes == 6
    assert b"".join(response.iter_content(4)) == b"abcdef"


def test_connection_is_kept_and_renewed(serve, connect):
    """Connections are kept; after `new_connection` the next request opens one, which is kept in turn."""
    server = serve(reply())
    session = connect(server.url)
    for _ in range(3):
        session.new_connection()
        session.get("/")
        session.get("/")
    assert [sample.reused for sample in session.seen] == [False, True] * 3
    assert server.connections == 3


def test_connections_do_not_pile_up(serve, connect):
    """The server sees the old connection end once there is a new one."""
    server = serve(reply())
    session = connect(server.url)
    session.get("/")
    session.new_connection()
    session.get("/")
    server._threads[1].join(5)
    assert [thread.is_alive() for thread in server._threads[1:]] == [False, True]


def test_new_connection_twice_or_before_anything(serve, connect):
    """Asking twice opens one connection."""
    server = serve(reply())
    session = connect(server.url)
    session.new_connection()
    session.new_connection()
    session.get("/")
    session.get("/")
    assert server.connections == 1


def test_new_connection_that_fails_at_first(serve, connect):
    """The kept connection is not taken up again when the new one could not be opened."""
    server = serve(reply())
    session = connect(server.url)
    session.get("/")
    session.new_connection()
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(requests.ConnectionError):
            session.get(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    session.get("/")
    assert [sample.reused for sample in session.seen] == [False, False, False]


def test_close_and_use_again(serve, connect):
    """As in requests, a closed session can be used again, with a fresh connection."""
    server = serve(reply())
    session = connect(server.url)
    session.get("/")
    session.close()
    assert session.get("/").ok
    assert server.connections == 2


def test_a_connection_closed_between_requests_is_replaced_before_sending(serve, connect):
    """A kept connection that the server has closed while idle is replaced: one hit, and the sample says that it is fresh."""
    server = serve(reply(then="close"), reply())
    session = connect(server.url)
    session.get("/")
    server._threads[1].join()  # the server has closed its side
    assert session.get("/").ok
    assert [sample.reused for sample in session.seen] == [False, False]
    assert len(server.hits) == 2
