"""Answers as requests gives them: the same assertions hold for its own session and for ours on both transports."""

import codecs
import pickle
from datetime import timedelta

import pytest
import requests

from .conftest import reply

LATIN, UTF_8 = "caf\u00e9 na\u00efve".encode("latin-1"), "caf\u00e9 na\u00efve".encode()


@pytest.mark.parametrize(
    "content_type, body, encoding, text",
    [
        ("text/plain; charset=utf-8", UTF_8, "utf-8", "caf\u00e9 na\u00efve"),
        ("text/plain; charset=latin-1", LATIN, "latin-1", "caf\u00e9 na\u00efve"),
        ('text/plain; charset="UTF-8"; x=y', UTF_8, "UTF-8", "caf\u00e9 na\u00efve"),
        ("text/plain", LATIN, "ISO-8859-1", "caf\u00e9 na\u00efve"),
        ("text/html", UTF_8, "ISO-8859-1", UTF_8.decode("latin-1")),
        ("application/json", UTF_8, "utf-8", "caf\u00e9 na\u00efve"),
        ("text/plain; charset=no-such-charset", UTF_8, "no-such-charset", "caf\u00e9 na\u00efve"),
        ("text/plain; charset=utf-8", codecs.BOM_UTF8 + UTF_8, "utf-8", "\ufeffcaf\u00e9 na\u00efve"),
        ("text/plain; charset=utf-8", LATIN, "utf-8", "caf\ufffd na\ufffdve"),
        ("text/plain; charset=utf-8", b"", "utf-8", ""),
    ],
)
def test_text(content_type, body, encoding, text, api):
    """The charset of the type, or what its kind of type has by default; what does not fit is replaced."""
    session, _, url = api(reply(body=body, Content_Type=content_type))
    response = session.get(url)
    assert (response.encoding, response.text, response.content) == (encoding, text, body)


@pytest.mark.parametrize("more", [{}, {"Content_Type": "application/octet-stream"}], ids=["no type", "no text"])
def test_text_of_no_known_encoding(more, api):
    """Without a charset it is guessed from the body; one may set it."""
    session, _, url = api(reply(body=UTF_8, **more))
    response = session.get(url)
    assert response.encoding is None
    assert response.apparent_encoding.lower().replace("-", "_") == "utf_8"
    assert response.text == "caf\u00e9 na\u00efve"
    response.encoding = "latin-1"
    assert response.text == UTF_8.decode("latin-1")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_in_every_encoding(encoding, api):
    """JSON without a charset says by its first bytes which it is, byte order marks included."""
    session, _, url = api(reply(body='{"caf\u00e9": [1, null]}'.encode(encoding)))
    assert session.get(url).json() == {"caf\u00e9": [1, None]}


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"\xff\xfe"])
def test_what_is_no_json(body, api):
    """An error that is a `ValueError` and one of requests."""
    session, _, url = api(reply(body=body))
    with pytest.raises(requests.exceptions.JSONDecodeError) as raised:
        session.get(url).json()
    assert isinstance(raised.value, ValueError)


def test_json_with_arguments(api):
    """They go to the decoder."""
    session, _, url = api(reply(body=b'{"a": 1.5}'))
    assert session.get(url).json(parse_float=str) == {"a": "1.5"}


@pytest.mark.parametrize(
    "status, text", [(404, "404 Client Error: Gone away for url: {url}/x"), (500, "500 Server Error: Gone away")]
)
def test_raise_for_status(status, text, api):
    """A refusal raises with request and response when asked to, and only then."""
    session, _, url = api(reply(status, reason="Gone away"))
    response = session.get(f"{url}/x")
    assert not response.ok
    assert not response
    with pytest.raises(requests.HTTPError) as raised:
        response.raise_for_status()
    assert str(raised.value).startswith(text.format(url=url))
    assert (raised.value.response, raised.value.request) == (response, response.request)


@pytest.mark.parametrize("status", [200, 204, 302, 399])
def test_no_refusal(status, api):
    """Below 400 all is well."""
    session, _, url = api(reply(status, b""))
    response = session.get(url)
    response.raise_for_status()
    assert response.ok


def test_what_an_answer_knows(api):
    """Its URL, its request, its headers whatever their case, its reason, how long it took."""
    session, _, url = api(reply(201, reason="Made", X_One="1", Link='</b>; rel="next"'))
    response = session.post(f"{url}/a b/#top", params={"q": "1"}, data="x")
    assert response.url == f"{url}/a%20b/?q=1#top"
    assert (response.status_code, response.reason, response.headers["x-ONE"]) == (201, "Made", "1")
    assert (response.request.method, response.request.url, response.request.body) == ("POST", response.url, "x")
    assert timedelta(0) < response.elapsed < timedelta(seconds=10)
    assert response.links == {"next": {"url": "/b", "rel": "next"}}
    assert repr(response) == "<Response [201]>"


def test_elapsed_of_hops(api):
    """Each hop has its own time."""
    session, _, url = api(reply(302, Location="/next/"), reply())
    response = session.get(url)
    assert all(timedelta(0) < hop.elapsed < timedelta(seconds=10) for hop in (response, *response.history))


def test_a_reason_beyond_ascii(api):
    """It is read as Latin-1."""
    session, _, url = api(reply(404, reason="Pas trouv\u00e9"))
    assert session.get(url).reason == "Pas trouv\u00e9"


def test_content_in_parts(api):
    """Parts, lines and the whole, streamed or not; a response is a context of its own."""
    session, _, url = api(reply(body=b"one\ntwo\r\nthree", Content_Type="text/plain; charset=utf-8"))
    with session.get(url, stream=True) as response:
        assert list(response.iter_lines()) == [b"one", b"two", b"three"]
    response = session.get(url)
    assert list(response.iter_content(5)) == [b"one\nt", b"wo\r\nt", b"hree"]
    assert list(response.iter_lines(decode_unicode=True)) == ["one", "two", "three"]
    assert list(response) == [response.content]


def test_pickling(api):
    """A response can be pickled: content, headers, cookies, history and request are in it."""
    session, _, url = api(reply(302, Location="/next/", Set_Cookie="a=1"), reply(body=b'{"a": 1}', Set_Cookie="b=2"))
    response = session.get(f"{url}/", headers={"X-A": "1"}, auth=("user", "pass"))
    copy = pickle.loads(pickle.dumps(response))
    assert (copy.status_code, copy.url, copy.json(), copy.headers) == (200, response.url, {"a": 1}, response.headers)
    assert (copy.elapsed, copy.encoding, copy.reason) == (response.elapsed, response.encoding, response.reason)
    assert copy.cookies.get_dict() == {"b": "2"}
    assert (copy.request.url, copy.request.headers) == (response.request.url, response.request.headers)
    assert [hop.status_code for hop in copy.history] == [302]


def test_requests_that_were_sent(api):
    """A prepared request can be pickled after it was sent, and copied, and its headers are texts."""
    session, _, url = api()
    request = session.get(url, auth=("user", "pass")).request
    assert pickle.loads(pickle.dumps(request)).headers == request.copy().headers == request.headers
    assert f"{request.headers['Authorization']}" == "Basic dXNlcjpwYXNz"
    assert all(isinstance(value, str) for value in request.headers.values())
