"""Bodies that are read while they are sent, and big ones, on both transports."""

import io
import tracemalloc

import pytest
import requests

from .conftest import Reply, reply

BIG = 50_000_000


class Zeros(io.RawIOBase):
    """A file of so many zeros, none of which is in memory."""

    def __init__(self, size):
        self._size, self._at = size, 0

    def __len__(self):
        return self._size

    def tell(self):
        return self._at

    def read(self, size=-1):
        size = min(self._size - self._at, size if size >= 0 else self._size)
        self._at += size
        return bytes(size)


def broken(error):
    """Parts, and then the error."""
    yield b"ab"
    raise error


def test_a_file_has_a_length(serve, connect, tmp_path):
    """A file is announced with its length, from where it stands; what follows is an ordinary GET."""
    (tmp_path / "file").write_bytes(b"abcdef")
    server = serve(reply())
    session = connect(server.url)
    with (tmp_path / "file").open("rb") as file:
        file.read(2)
        session.put("/", data=file)
    session.get("/")
    assert (server.hits[0].method, server.hits[0].body, server.hits[0].headers["content-length"]) == ("PUT", b"cdef", "4")
    assert "transfer-encoding" not in server.hits[0].headers
    assert (server.hits[1].method, server.hits[1].body) == ("GET", b"")
    assert not {"transfer-encoding", "content-length", "expect"} & set(server.hits[1].headers)
    assert server.connections == 1


def test_a_generator_goes_in_chunks(serve, connect):
    """A generator is sent in chunks, its texts as UTF-8 and its empty parts not at all; the connection is kept."""
    server = serve(reply())
    session = connect(server.url)
    session.post("/", data=(part for part in [b"ab", b"", "é", bytearray(b"c"), memoryview(b"d")]))
    session.post("/", data=b"plain")
    assert [hit.body for hit in server.hits] == ["abécd".encode(), b"plain"]
    assert server.hits[0].headers["transfer-encoding"] == "chunked"
    assert not {"content-length", "expect"} & set(server.hits[0].headers)
    assert "transfer-encoding" not in server.hits[1].headers
    assert server.connections == 1


@pytest.mark.parametrize(
    "error",
    [RuntimeError("mine"), OSError("my disk"), ConnectionResetError("mine"), requests.ConnectionError("mine"), KeyError("mine")],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_the_generator(error, serve, connect):
    """What a generator raises reaches the caller as it is, and is no failure of the API."""
    session = connect(serve(reply()).url)
    with pytest.raises(type(error)) as caught:
        session.post("/", data=broken(error))
    assert caught.value is error
    assert session.seen == []
    assert session.get("/").ok


@pytest.mark.parametrize("parts, message", [([b"ab"], "ended after 2 bytes"), ([b"ab", b"cd"], "goes on after the 3 bytes")])
def test_a_length_that_is_wrong(parts, message, serve, connect):
    """A body of another length than announced is the test's mistake."""
    session = connect(serve(reply()).url)
    with pytest.raises(ValueError, match=message):
        session.send(prepared(session, iter(parts), "3"))
    assert session.seen == []


def prepared(session, body, length):
    """A POST of that body with that Content-Length."""
    request = session.prepare_request(requests.Request("POST", "/", data=body))
    del request.headers["Transfer-Encoding"]
    request.headers["Content-Length"] = length
    return request


def test_a_part_that_is_no_bytes(serve, connect):
    """A number is no part of a body."""
    session = connect(serve(reply()).url)
    with pytest.raises(TypeError):
        session.post("/", data=(number for number in [1, 2]))
    assert session.seen == []


def test_a_redirect_rewinds_the_file(serve, connect):
    """A redirect that keeps the method sends the file again, from where it stood at first."""
    server = serve(reply(307, Location="/there"), reply())
    session = connect(server.url)
    file = io.BytesIO(b"abcdef")
    file.seek(1)
    assert session.post("/", data=file).request.body is file
    assert [hit.body for hit in server.hits] == [b"bcdef"] * 2
    assert len(session.seen) == 2


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("body", [lambda: iter([b"ab"]), lambda: io.BytesIO(b"ab")], ids=["parts", "file"])
def test_a_kept_connection_that_dies(body, then, serve, connect):
    """A body that is read is not sent twice either."""
    server = serve(reply(), Reply(b"", then), reply())
    session = connect(server.url)
    session.get("/")
    with pytest.raises(requests.ConnectionError, match=r"^keep-alive-race: "):
        session.post("/", data=body())
    assert (len(server.hits), len(session.seen), server.connections) == (2, 2, 1)


@pytest.mark.parametrize("chunked", [False, True], ids=["file", "parts"])
def test_a_big_upload(chunked, serve, connect):
    """50 MB go out without being in memory at any time: the server, in the same process, throws them away."""
    server = serve(reply(), keep=False)
    session = connect(server.url)
    tracemalloc.start()
    try:
        session.post("/", data=iter([bytes(1_000_000)] * 50) if chunked else Zeros(BIG), timeout=60)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert server.hits[0].body == BIG
    assert server.hits[0].headers.get("content-length") == (None if chunked else str(BIG))
    assert peak < BIG / 4


def test_a_big_download(serve, connect):
    """50 MB come in whole, and their number is in the sample."""
    body = bytes(BIG)
    session = connect(serve(reply(body=body)).url, timeout=60.0)
    response = session.get("/")
    assert response.content == body
    assert response.headers["Content-Length"] == str(BIG)
    assert session.seen[0].bytes == BIG
