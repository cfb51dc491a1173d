"""What requests does, and so must we: the same assertions hold for its own session and for ours on both transports."""

import io
import json

import pytest
import requests
from requests.adapters import BaseAdapter
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from .conftest import reply

# --- auth


class Header(AuthBase):
    """An auth object of a test's own."""

    def __call__(self, request):
        request.headers["X-Auth"] = request.method
        return request


@pytest.mark.parametrize("auth", [("user", "p\u00e4ss"), HTTPBasicAuth("user", "p\u00e4ss")])
def test_basic_auth(auth, api):
    """As a pair or as an object, for the request or for the session; that of the request counts."""
    session, server, url = api()
    session.get(url, auth=auth)
    session.auth = auth
    session.get(url)
    session.get(url, auth=("other", ""))
    assert [hit.headers["authorization"] for hit in server.hits] == ["Basic dXNlcjpw5HNz"] * 2 + ["Basic b3RoZXI6"]


def test_auth_in_the_url(api):
    """User information of a URL is basic auth, decoded; the session's auth does not take its place."""
    session, server, url = api()
    session.get(url.replace("//", "//us%20er:pass@"))
    assert server.hits[0].headers["authorization"] == "Basic dXMgZXI6cGFzcw=="


def test_auth_objects(api):
    """Anything that takes the prepared request and gives it back."""
    session, server, url = api()
    session.get(url, auth=Header())
    session.auth = Header()
    session.post(url, data="x")
    assert [hit.headers["x-auth"] for hit in server.hits] == ["GET", "POST"]


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", b"body")])
def test_digest_auth(method, body, api):
    """A challenge is answered by a second request, with the body again; the third knows the nonce."""
    challenge = reply(401, WWW_Authenticate='Digest realm="r", nonce="n", qop="auth", opaque="o"', Set_Cookie="a=1")
    session, server, url = api(challenge, reply())
    auth = HTTPDigestAuth("user", "password")
    response = session.request(method, f"{url}/a/?b=1", data=body, auth=auth)
    assert (response.status_code, [hop.status_code for hop in response.history]) == (200, [401])
    assert [hit.body for hit in server.hits] == [body or b""] * 2
    sent = server.hits[1].headers
    assert sent["authorization"].startswith('Digest username="user", realm="r", nonce="n", uri="/a/?b=1", response="')
    assert sent["cookie"] == "a=1"
    assert session.request(method, f"{url}/a/", data=body, auth=auth).history == []
    assert "nc=00000002" in server.hits[2].headers["authorization"]


def test_digest_auth_that_is_refused(api):
    """It is tried once: the refusal is the answer."""
    session, server, url = api(reply(401, WWW_Authenticate='Digest realm="r", nonce="n", qop="auth"'))
    assert session.get(url, auth=HTTPDigestAuth("user", "wrong")).status_code == 401
    assert len(server.hits) == 2


# --- hooks


def test_hooks(api):
    """Those of a request take the place of the session's; each is given the answer, and what it returns takes its place."""
    session, _, url = api()
    called, other = [], requests.Response()

    def note(response, **kwargs):
        called.append((response.status_code, {"timeout", "verify", "cert", "stream"} <= kwargs.keys()))

    session.hooks["response"].append(note)
    session.get(url)
    assert called == [(200, True)]
    assert session.get(url, hooks={"response": lambda *_, **__: other}) is other
    assert session.get(url, hooks={"response": [note, note]}).status_code == 200
    assert called == [(200, True)] * 3


def test_hooks_of_every_hop(api):
    """A hook sees redirects too; what it raises reaches the test."""
    session, server, url = api(reply(302, Location="/next/"), reply())
    seen = []
    session.get(url, hooks={"response": lambda response, **_: seen.append(response.status_code)})
    assert seen == [302, 200]
    with pytest.raises(ZeroDivisionError):
        session.get(url, hooks={"response": lambda *_, **__: 1 // 0})
    assert len(server.hits) == 3


# --- parameters, headers, URLs


@pytest.mark.parametrize(
    "path, params, target",
    [
        ("/", {"a": "1"}, "/?a=1"),
        ("/?z=0", {"a": ["1", "2"], "n": None}, "/?z=0&a=1&a=2"),
        ("/", "raw=a b&c", "/?raw=a%20b&c"),
        ("/", b"raw=1", "/?raw=1"),
        ("/", [("b", 2), ("a", 1)], "/?b=2&a=1"),
        ("/", {"q": "a+b c&d=\u00e9%"}, "/?q=a%2Bb+c%26d%3D%C3%A9%25"),
        ("/", {}, "/"),
        ("/", {"e": ""}, "/?e="),
        ("/?q=a+b&r=%2B&s=%2b", None, "/?q=a+b&r=%2B&s=%2B"),
        ("/?q=a%20b%2Fc%C3%A9", None, "/?q=a%20b%2Fc%C3%A9"),
        ("/na\u00efve path/\u65e5/?q=\u00e9", None, "/na%C3%AFve%20path/%E6%97%A5/?q=%C3%A9"),
        ("/%zz/100%/", None, "/%25zz/100%25/"),
        ("/a%2Fb%3F/", None, "/a%2Fb%3F/"),
        ("/?", None, "/"),
        ("", None, "/"),
        ("/#top?no", None, "/"),
        ("/a;p=1/(x)!$'*,:@/", None, "/a;p=1/(x)!$'*,:@/"),
    ],
)
def test_request_targets(path, params, target, api):
    """What is encoded stays so, what is not becomes so, and parameters are added to the query that is there."""
    session, server, url = api()
    response = session.get(url + path, params=params)
    assert server.hits[0].target == target
    assert response.request.path_url.rstrip("?") == target


def test_parameters_of_the_session(api):
    """They are merged; None of the request takes one away."""
    session, server, url = api()
    session.params = {"a": "1", "b": "2"}
    session.get(f"{url}/", params={"b": "3", "c": "4"})
    session.get(f"{url}/", params={"a": None})
    assert [hit.target for hit in server.hits] == ["/?a=1&b=3&c=4", "/?b=2"]


def test_headers(api):
    """Merged whatever their case; None takes one away, also one of the session's own; empty ones and bytes are sent."""
    session, server, url = api()
    session.headers.update({"X-One": "session", "X-Two": "session", "X-None": None})
    session.get(url, headers={"x-one": "request", "X-TWO": None, "X-Empty": "", "X-Bytes": b"\xe9", "Accept": None})
    sent = server.hits[0].headers
    assert (sent["x-one"], sent["x-empty"], sent["x-bytes"]) == ("request", "", "\xe9")
    assert not {"x-two", "x-none", "accept"} & set(sent)
    session.get(url)
    assert server.hits[1].headers["x-two"] == "session"


@pytest.mark.parametrize("value", ["a\r\nX-B: 1", "a\nb", " a", ["a"], 1])
def test_bad_headers(value, api):
    """Nothing is sent with a header that is none."""
    session, server, url = api()
    with pytest.raises(requests.exceptions.InvalidHeader):
        session.get(url, headers={"X-A": value})
    assert server.hits == []


@pytest.mark.parametrize("url", ["http://", "http:///x", "http://*.test/", "http://\u2603.test:port/"])
def test_bad_urls(url, api):
    """Nothing is sent to a URL that is none, and the class says so."""
    session, _, _ = api()
    with pytest.raises(requests.exceptions.InvalidURL):
        session.get(url)


# --- bodies


@pytest.mark.parametrize(
    "given, body, content_type",
    [
        ({"data": {"a": "1 2", "b": ["3", "4"]}}, b"a=1+2&b=3&b=4", "application/x-www-form-urlencoded"),
        ({"data": [("a", "1"), ("a", "\u00e9")]}, b"a=1&a=%C3%A9", "application/x-www-form-urlencoded"),
        ({"data": "a=\u00e9"}, "a=\u00e9".encode(), None),
        ({"data": b"\x00\xff"}, b"\x00\xff", None),
        ({"json": {"a": ["\u00e9", None, 1.5]}}, json.dumps({"a": ["\u00e9", None, 1.5]}).encode(), "application/json"),
        ({"json": []}, b"[]", "application/json"),
        ({"data": "x", "json": {"a": 1}}, b"x", None),
        ({}, b"", None),
    ],
    ids=["form", "pairs", "text", "bytes", "json", "empty json", "data before json", "none"],
)
def test_bodies(given, body, content_type, api):
    """Forms, texts, bytes and JSON, each with its type and its length."""
    session, server, url = api()
    session.post(url, **given)
    (hit,) = server.hits
    assert hit.body == body
    assert hit.headers["content-length"] == str(len(body))
    if content_type:
        assert hit.headers["content-type"] == content_type


def test_a_type_of_ones_own(api):
    """A Content-Type that is given stays."""
    session, server, url = api()
    session.post(url, json={}, headers={"content-type": "application/problem+json"})
    assert server.hits[0].headers["content-type"] == "application/problem+json"


def test_multipart(api):
    """Files and fields, with names, types and headers of their own."""
    session, server, url = api()
    files = {"one": ("name.txt", b"content", "text/x", {"X-A": "1"}), "two": io.BytesIO(b"\x00\xff")}
    session.post(url, files=files, data={"field": "\u00e9"})
    (hit,) = server.hits
    kind, _, boundary = hit.headers["content-type"].partition("; boundary=")
    parts = hit.body.split(f"--{boundary}".encode())
    assert (kind, parts[0], parts[-1].strip()) == ("multipart/form-data", b"", b"--")
    assert b'name="field"\r\n\r\n\xc3\xa9\r\n' in parts[1]
    assert b'name="one"; filename="name.txt"' in parts[2]
    assert b"X-A: 1" in parts[2]
    assert parts[3].endswith(b"\r\n\r\n\x00\xff\r\n")


# --- sending


class Answering(BaseAdapter):
    """An adapter of a test's own."""

    closed = 0

    def send(self, request, **kwargs):
        response = requests.Response()
        response.status_code, response.url, response.request, response.raw = 299, request.url, request, io.BytesIO(b"own")
        return response

    def close(self):
        self.closed += 1


def test_adapters_of_ones_own(serve):
    """Mounted for a prefix they get its requests, the longest prefix first; their answers are recorded as well."""
    from pytest_zdt.http.session import SignedSession
    from pytest_zdt.target import Target

    samples, adapter = [], Answering()
    for session in (requests.Session(), SignedSession(Target("test", "http://api.test"), samples.append)):
        session.mount("http://api.test/own/", adapter)
        response = session.get("http://api.test/own/x")
        assert (response.status_code, response.content) == (299, b"own")
        session.close()
    assert [(sample.status, sample.bytes) for sample in samples] == [(299, 3)]
    assert adapter.closed == 2


def test_closing(api):
    """``with`` closes the adapters; a closed session can be used again."""
    session, server, url = api()
    with session as entered:
        assert entered is session
        session.get(url)
    assert session.get(url).ok
    assert server.connections == 2


def test_prepared_requests(api):
    """One's own go as they are: with their own headers, without the session's, as often as one likes."""
    session, server, url = api()
    session.headers["X-Session"] = "1"
    prepared = requests.Request("PUT", f"{url}/a/?b", data=b"x", headers={"X-Own": "1"}, cookies={"c": "1"}).prepare()
    for _ in range(2):
        assert session.send(prepared).ok
    for hit in server.hits:
        assert (hit.method, hit.target, hit.body, hit.headers["x-own"], hit.headers["cookie"]) == (
            "PUT",
            "/a/?b",
            b"x",
            "1",
            "c=1",
        )
        assert "x-session" not in hit.headers
    with pytest.raises(ValueError, match="PreparedRequest"):
        session.send(requests.Request("GET", url))


def test_prepared_by_the_session(api):
    """`Session.prepare_request` merges the session's settings; what is changed after is sent so."""
    session, server, url = api()
    session.params, session.auth = {"s": "1"}, ("user", "pass")
    prepared = session.prepare_request(requests.Request("GET", f"{url}/"))
    prepared.headers["X-Late"] = "1"
    session.send(prepared)
    assert (server.hits[0].target, server.hits[0].headers["x-late"]) == ("/?s=1", "1")
    assert "authorization" in server.hits[0].headers
