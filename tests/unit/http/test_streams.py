"""Answers with ``stream=True``, and encodings and framings of answers, on both transports."""

import gzip
import zlib

import brotli
import pytest

from .conftest import Reply, reply

LINES = b"one\ntwo\nthree"
READINGS = {
    "content": lambda response: response.content,
    "iter_content": lambda response: b"".join(response.iter_content(4)),
    "iter_lines": lambda response: b"\n".join(response.iter_lines()),
    "raw.read": lambda response: response.raw.read(4) + response.raw.read(decode_content=True),
    "raw.stream": lambda response: b"".join(response.raw.stream(4, decode_content=True)),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("reading", READINGS)
def test_every_way_to_read(reading, stream, serve, connect):
    """All that requests offers to read an answer gives it, decoded, after `send` has read it; the connection is kept."""
    server = serve(reply(body=gzip.compress(LINES), Content_Encoding="gzip", Set_Cookie="a=1"))
    session = connect(server.url)
    for _ in range(2):
        with session.get("/", stream=stream) as response:
            assert session.seen[-1].bytes == len(LINES)
            assert READINGS[reading](response) == LINES
            assert response.cookies["a"] == session.cookies["a"] == "1"
    assert server.connections == 1


@pytest.mark.parametrize(
    "name, encoded",
    [("gzip", gzip.compress(LINES)), ("deflate", zlib.compress(LINES)), ("br", brotli.compress(LINES))],
    ids=["gzip", "deflate", "br"],
)
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "until the end"])
def test_encodings(name, encoded, chunked, serve, connect):
    """Encodings are undone in chunks and in a body that ends with its connection."""
    framing, body = ("Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(encoded), encoded))
    if not chunked:
        framing, body = "Connection: close", encoded
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\n{framing}\r\n\r\n".encode()
    assert connect(serve(Reply(head + body, "keep" if chunked else "close")).url).get("/").content == LINES


@pytest.mark.parametrize("method, status", [("GET", 304), ("HEAD", 200), ("HEAD", 404)])
@pytest.mark.parametrize("more", ["", "Content-Encoding: gzip\r\n"], ids=["plain", "gzip"])
def test_a_length_without_a_body(method, status, more, serve, connect):
    """An answer that has no body has none, whatever its headers announce; the connection is kept."""
    server = serve(Reply(f"HTTP/1.1 {status} Fine\r\n{more}Content-Length: 5\r\n\r\n".encode()), reply())
    session = connect(server.url)
    response = session.request(method, "/", stream=True)
    assert (response.status_code, response.content, response.headers["Content-Length"]) == (status, b"", "5")
    assert session.get("/").text == "ok"
    assert server.connections == 1
