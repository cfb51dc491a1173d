"""The straight way of a plain GET is told from the way of requests by its cost only."""

import itertools
import re
import string

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from pytest_zdt.http import answers, handle, plain, signing, straight, urls, wire
from pytest_zdt.http.session import SignedSession
from pytest_zdt.http.tokens import Token
from pytest_zdt.http.transport import TRANSPORTS, CurlAdapter
from pytest_zdt.target import Secret, Target

from .conftest import SECRET, Reply, Server, reply


class Stock(SignedSession):
    """A session that has a method of its own, and so never goes straight."""

    def send(self, request, **kwargs):
        return super().send(request, **kwargs)


def session_of(kind, url, transport="curl"):
    """A session whose requests are the same bytes each time: ids are counted, the wall clock stands."""
    seen, numbers = [], itertools.count()
    session = kind(
        Target("test", url, signing="timed-hmac", secret=Secret(SECRET)),
        seen.append,
        adapter=TRANSPORTS[transport](),
        request_ids=lambda: f"id-{next(numbers)}",
        wall=lambda: 1700000000.0,
    )
    session.seen = seen
    return session


@pytest.fixture
def straightened(monkeypatch):
    """The URLs that went straight."""
    urls, get = [], straight.get
    monkeypatch.setattr(straight, "get", lambda session, url, *rest: urls.append(url) or get(session, url, *rest))
    return urls


def answer_to(hit):
    """What the server of these tests answers, by the path."""
    path = hit.target.partition("?")[0]
    return {
        "/cookie/": reply(Set_Cookie=["a=1; Path=/", "b=2; Path=/; Max-Age=60"]),
        "/clear/": reply(Set_Cookie=["a=; Path=/; Max-Age=0", "b=; Path=/; Max-Age=0"]),
        "/moved/": reply(301, Location="/there/?q=1", Set_Cookie="c=3; Path=/there/; Max-Age=60"),
        "/elsewhere/": reply(302, Location=f"http://localhost:{hit.headers['host'].partition(':')[2]}/there/"),
        "/for-ever/": reply(302, Location="/for-ever/"),
        "/nowhere/": reply(302),
        "/gone/": reply(404, reason="Not Found", Content_Type="text/html; charset=latin-1", body=b"\xe9"),
        "/broken/": reply(503, reason=""),
        "/protected/": reply(401, WWW_Authenticate='Digest realm="r", nonce="n"'),
        "/cut/": Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "close"),
        "/odd/": Reply(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nX-B: a\r\n  b\r\nContent-Length: 0\r\n\r\n"),
        "/early/": Reply(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + reply().data),
    }.get(path, reply(body=b"" if hit.method == "HEAD" else b'{"a": 1}', Content_Type="application/json"))


def _set(name, value):
    return lambda session: setattr(session, name, value)


def _get(path, **more):
    return lambda session: session.get(path, **more)


PATHS = ("cookie", "clear", "moved", "elsewhere", "for-ever", "nowhere", "gone", "broken", "cut", "odd", "early", "json")
STEPS = {
    **{path: _get(f"/{path}/") for path in PATHS},
    "params": _get("/json/?a=1", params={"q": "a b,é&", "page": 2}),
    "many params": _get("/json/", params={"q": ["a", "b"], "none": None, "t": True}),
    "path and query": _get("/na\u00efve path/%7e/?q=a b&r=%2b#top", params={"q": "1"}),
    "named": _get("/json/12/", name="/json of one/"),
    "expected": _get("/gone/", expected=(404,)),
    "headers": _get("/json/", headers={"Accept": "text/html", "X-A": "", "User-Agent": None, "X-B": b"2"}),
    "cookies": _get("/json/", cookies={"once": "1"}),
    "not followed": _get("/moved/", allow_redirects=False),
    "not known": _get("/json/", nonsense=1),
    "no host": _get("http:///json/"),
    "digest": lambda session: session.get("/protected/", auth=HTTPDigestAuth("user", "pass")),
    "stream": _get("/json/", stream=True),
    "post": lambda session: session.post("/json/", data={"a": "1"}),
    "put": lambda session: session.put("/json/", json={"a": 1}),
    "delete": lambda session: session.delete("/json/"),
    "head": lambda session: session.head("/json/"),
    "get with a body": _get("/json/", data=b"x"),
    "lower-case method": lambda session: session.request("get", "/json/"),
    "set header": lambda session: session.headers.update({"X-Session": "1", "accept": "text/plain"}),
    "set bytes": lambda session: session.headers.update({"X-Bytes": b"\xe9", "X-Latin": "\xe9", "X-Empty": ""}),
    "take header": lambda session: session.headers.update({"X-Session": None}),
    "set bad header": lambda session: session.headers.update({"X-Session": ["a"]}),
    "set id": lambda session: session.headers.update({"X-Request-ID": "mine", "X-OV-CF-MAC": "mine"}),
    "set params": lambda session: session.params.update(s="1"),
    "no params": lambda session: session.params.clear(),
    "set token": _set("auth", Token(Secret("t"), "v1")),
    "set basic": _set("auth", HTTPBasicAuth("user", "pass")),
    "no auth": _set("auth", None),
    "set hook": lambda session: session.hooks["response"].append(lambda answer, **_: setattr(answer, "reason", "hooked")),
    "no hooks": lambda session: session.hooks["response"].clear(),
    "set cookie": lambda session: session.cookies.set("mine", "1"),
    "no cookies": lambda session: session.cookies.clear(),
    "new connection": lambda session: session.new_connection(),
    "close": lambda session: session.close(),
}
SENT_AS = ("status", "kind", "message", "version", "bytes", "endpoint", "request_id", "reused", "flow", "made_by")


def facts(response):
    """All that a response tells, but for times."""
    if not isinstance(response, requests.Response):
        return None
    sent = response.request
    jars = [cookie.value for cookie in (*response.cookies, *sent._cookies)]
    plain_facts = {name: value for name, value in vars(response).items() if type(value) in (str, int, bytes, bool)}
    more = (response.text, response.ok, response.next and response.next.url, type(response.connection), response.elapsed.days)
    request = (sent.method, sent.url, sent.body, list(sent.headers.items()), len(sent.hooks["response"]))
    headers = (list(response.headers.items()), type(response.headers), set(vars(response)))
    return plain_facts, more, request, headers, jars, [facts(hop) for hop in response.history], response.zdt.endpoint


def outcome(step, session):
    """What a step on a session comes to: the response or the error, the samples, the cookies."""
    session.seen.clear()
    try:
        came = facts(step(session))
    except Exception as error:
        came = type(error), str(error)
    samples = [[getattr(sample, name) for name in SENT_AS] for sample in session.seen]
    return came, samples, sorted((cookie.name, cookie.value) for cookie in session.cookies)


@pytest.fixture(scope="module")
def server():
    server = Server(answer_to)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def same_nonces(monkeypatch):
    """Message signatures of the same request are the same."""
    monkeypatch.setattr("pytest_zdt.http.message_signatures.secrets.token_urlsafe", lambda size: "the same every time")


def raw_hits(server):
    hits = [(hit.raw, hit.body) for hit in server.hits]
    server.hits.clear()
    return hits


@pytest.mark.parametrize("transport", sorted(TRANSPORTS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=12))
def test_any_story_is_the_same(transport, server, names):
    """Whatever was done before, each step gives the same response, error, samples, cookies and bytes on the wire."""
    ways = [session_of(kind, server.url, transport) for kind in (SignedSession, Stock)]
    for name in [*itertools.chain.from_iterable((name, "json") for name in names), "params"]:
        results = [(outcome(STEPS[name], session), raw_hits(server)) for session in ways]
        assert results[0] == results[1], name
    for session in ways:
        session.close()


@pytest.mark.parametrize("name", sorted(STEPS))
def test_nothing_stays_in_the_handle(name, server):
    """After any other request a GET is the same bytes as over a new adapter."""
    used, fresh = (session_of(SignedSession, server.url) for _ in range(2))
    outcome(STEPS[name], used)
    server.hits.clear()
    used.headers, used.cookies, used.auth, used.params, used.hooks = (
        fresh.headers, fresh.cookies, None, {}, {"response": []},
    )  # fmt: skip
    used._request_ids = fresh._request_ids = lambda: "id"
    for session in (used, fresh):
        for path in ("/json/?a=1", "/json/", "/json/"):
            assert session.get(path).json() == {"a": 1}
    raws = raw_hits(server)
    assert raws[:3] == raws[3:]
    used.close()
    fresh.close()


STRAIGHT = ["params", "path and query", "named", "expected", "moved", "cookie", "gone", "cut", *PATHS[-3:]]


@pytest.mark.parametrize("name", STRAIGHT)
def test_plain_gets_go_straight(name, server, straightened):
    """So that the tests above compare two ways at all."""
    session = session_of(SignedSession, server.url)
    session.auth = Token(Secret("t"), "v1")
    outcome(STEPS[name], session)
    assert len(straightened) == 1
    session.close()


REPLACED = {
    "send": lambda self, request, **_: "replaced",
    "prepare_request": lambda self, request: exec("raise KeyError('replaced')"),
    "merge_environment_settings": lambda self, *_: exec("raise KeyError('replaced')"),
}


@pytest.mark.parametrize("name", REPLACED)
@pytest.mark.parametrize("where", ["subclass", "class", "instance", "requests"])
def test_replaced_methods_are_called(name, where, server, straightened, monkeypatch):
    """A session with a method that somebody has replaced calls it."""
    method = REPLACED[name]
    kind = type("Mine", (SignedSession,), {name: method}) if where == "subclass" else SignedSession
    session = session_of(kind, server.url)
    if where == "class":
        monkeypatch.setattr(SignedSession, name, method)
    elif where == "requests":
        monkeypatch.setattr(requests.Session, name, method)
    elif where == "instance":
        monkeypatch.setattr(session, name, method.__get__(session))
    outcome(_get("/json/"), session)
    assert straightened == []


def test_a_subclass_without_such_methods_goes_straight(server, straightened):
    """A class of one's own is no reason by itself."""
    session = session_of(type("Mine", (SignedSession,), {"more": 1}), server.url)
    assert session.get("/json/").ok
    assert straightened
    session.close()


def test_mounted_adapters_are_asked(server, straightened):
    """An adapter that was mounted for a path gets its requests, straight ones too."""
    session, other = session_of(SignedSession, server.url), CurlAdapter()
    session.mount(f"{server.url}/json/", other)
    assert session.get("/json/").ok
    assert session.get("/gone/").status_code == 404
    assert [sample.reused for sample in session.seen] == [False, False]
    assert len(straightened) == 2
    session.close()


TEXT = st.text(st.characters(codec="utf-8"), max_size=8) | st.text(string.printable, max_size=8)
VALUES = TEXT | st.integers() | st.booleans() | st.none() | st.floats() | st.lists(TEXT, max_size=2)


@given(path=TEXT, query=TEXT, params=st.dictionaries(TEXT, VALUES, max_size=3) | st.lists(st.tuples(TEXT, TEXT)) | TEXT)
def test_prepared_urls_are_those_of_requests(path, query, params):
    """A query is joined to a prepared URL as requests joins it before."""
    url = f"http://api.test/{path}?{query}"
    stock = requests.PreparedRequest()
    stock.prepare_url(url, params)
    cheap = plain.prepared_from("GET", url, params, {})
    assert (cheap.url, cheap.path_url) == (stock.url, stock.path_url)
    assert urls.connection_and_target(stock.url) == ("http://api.test/", stock.path_url)


@given(st.text(st.sampled_from("ab/:?#@[]\\ \t\n\xa0%\u2100"), max_size=12))
def test_targets_are_those_of_requests(rest):
    """However odd a URL is, the request target is what requests takes for it; what raises, raises the same."""
    request = requests.PreparedRequest()
    request.url = f"http://api.test{rest}"
    try:
        expected = request.path_url
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error))):
            urls.connection_and_target(request.url)
    else:
        assert urls.connection_and_target(request.url)[1] == expected


LINES = st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 103 Early Hints\r\n", b"HTTP/1.1 200\r\n", b"HTTP/1.1 x y\r\n",
                         b"A: 1\r\n", b"a:2\r\n", b"B:\xe9\r\n", b" folded\r\n", b" \r\n", b"no colon\r\n", b": \r\n", b"\r\n",
                         b"\n", b"\r\r\n", b"Set-Cookie: a=1\r\n"])  # fmt: skip


@given(st.lists(LINES, max_size=8) | st.lists(LINES, max_size=6).map(lambda lines: [b"HTTP/1.1 200 OK\r\n", *lines, b"\r\n"]))
def test_heads_are_read_the_same(lines):
    """An ordinary head is read as any head is."""
    assert wire.parse_head(lines) == wire._parse_slowly(lines)


def test_a_response_begins_with_what_requests_gives_it():
    """Responses share only what cannot be changed: a new attribute of requests that can be must be made anew for each."""
    changeable = {name for name, value in vars(requests.Response()).items() if getattr(type(value), "__hash__", None) is None}
    assert changeable == {"headers", "history", "cookies"}
    assert vars(requests.Response()).keys() == answers._BLANK.keys()


def test_caches_are_bounded():
    """Nothing that is remembered between requests grows with the run."""
    caches = [value for module in (answers, handle, plain, signing, straight, urls, wire) for value in vars(module).values()]
    caches = [cache.cache_info().maxsize for cache in caches if hasattr(cache, "cache_info")]
    assert len(caches) >= 6
    assert max(caches) <= 4096
