"""The session: signed, timed, recorded, and still a `requests.Session`."""

import time

import pytest
import requests
from requests.adapters import BaseAdapter
from requests.auth import HTTPDigestAuth

from pytest_zdt.http.session import SignedSession, Stopped
from pytest_zdt.http.signing import timed_hmac
from pytest_zdt.target import Secret, Target, VersionSource

from .conftest import SECRET, reply

MAC, TIMESTAMP, ID = "x-ov-cf-mac", "x-ov-cf-timestamp", "x-request-id"


def is_signed(hit):
    """Whether the signature covers the bytes that came in."""
    timestamp = hit.headers[TIMESTAMP]
    return timed_hmac(hit.target, Secret(SECRET), int(timestamp)) == (hit.headers[MAC], timestamp)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/images/?q=a b",
        "/v1/images/?q=a+b&q=%2B",
        "/v1/images/?q=%2b",
        "/v1/images/?q=naïve café&tags=a,b",
        "/v1/na%C3%AFve path/",
        "/v1/~tilde/%7Etilde/",
        "/v1/it's/(here)/;x=1?a|b",
        "/v1/images/?",
        "/v1//double//",
        "//double",
        "/v1/./a/../b/",
        "/v1/images/?q=what?#top",
        "/v1/?redirect=http://elsewhere.test/",
        "?q=1",
        "",
    ],
)
def test_what_is_signed_is_what_is_sent(path, serve, connect):
    """The signature covers the request target as the server reads it, however odd the URL that was given."""
    server = serve(reply())
    assert connect(server.url).get(path).ok
    (hit,) = server.hits
    assert is_signed(hit)
    assert not hit.target.endswith("/?")
    assert "#" not in hit.target


def test_params_are_signed(serve, connect):
    """Parameters given apart are part of the target."""
    server = serve(reply())
    connect(server.url).get("/v1/images/", params={"q": "a b,c+é", "page": [1, 2], "none": None})
    assert server.hits[0].target == "/v1/images/?q=a+b%2Cc%2B%C3%A9&page=1&page=2"
    assert is_signed(server.hits[0])


@pytest.mark.parametrize(
    "base, url, target",
    [
        ("", "/v1/x", "/v1/x"),
        ("", "v1/x", "/v1/x"),
        ("/api", "/v1/x", "/api/v1/x"),
        ("/api/", "v1/x", "/api/v1/x"),
        ("/api", "", "/api/"),
    ],
)
def test_relative_urls_join_the_base_url(base, url, target, serve, connect):
    """A URL without a scheme is a path below the base URL; the endpoint's name leaves the base's path out."""
    server = serve(reply())
    session = connect(server.url + base)
    session.get(url)
    assert server.hits[0].target == target
    assert session.seen[0].endpoint == "GET /v1/x" if url else "GET /"


def test_sample_of_a_request(serve, connect):
    """The response carries the sample that was observed."""
    server = serve(reply(body=b"{}", version="v7"))
    session = connect(server.url, options={"request_ids": iter(["one", "two"]).__next__})
    before = time.monotonic()
    response = session.get("/v1/images/0aff3595-8168-440b-83ff-7a80b65dea42/thumb/?q=1")
    (sample,) = session.seen
    assert response.zdt is sample
    assert (sample.endpoint, sample.status, sample.kind) == ("GET /v1/images/{id}/thumb/", 200, "")
    assert (sample.version, sample.bytes, sample.request_id, sample.reused) == ("v7", 2, "one", False)
    assert before <= sample.sent <= time.monotonic()
    assert 0 < sample.latency <= sample.took < 5
    assert server.hits[0].headers[ID] == "one"


def test_clocks_are_arguments(serve, connect):
    """Samples are on the clock that was given, signatures on the wall clock that was given."""
    ticks = iter([10.0, 12.5])
    server = serve(reply())
    session = connect(server.url, options={"clock": lambda: next(ticks), "wall": lambda: 1700000000.5})
    session.get("/")
    assert (session.seen[0].sent, session.seen[0].took) == (10.0, 2.5)
    assert server.hits[0].headers[TIMESTAMP] == "1700000000"


def test_headers_of_every_request(serve, connect):
    """The tool names itself, asks for JSON and for encodings that both transports decode, and adds nothing else."""
    server = serve(reply())
    connect(server.url, signing="none").get("/")
    names = {"host", "user-agent", "accept", "accept-encoding", "connection", ID}
    assert set(server.hits[0].headers) == names
    assert server.hits[0].headers["user-agent"].startswith("pytest-zdt/")
    assert server.hits[0].headers["accept-encoding"] == "gzip, deflate"


def test_headers_can_be_taken_away(serve, connect):
    """A header given as None is not sent, as in requests; an empty one is sent empty."""
    server = serve(reply())
    connect(server.url).get("/", headers={"User-Agent": None, "X-Empty": ""})
    assert server.hits[0].headers["x-empty"] == ""
    assert "pytest-zdt" not in server.hits[0].headers.get("user-agent", "")


def test_version_in_the_body(serve, connect):
    """A version source ``json`` reads the answer's body."""
    server = serve(reply(body=b'{"meta": {"version": "v3"}}', version=""))
    session = connect(server.url, version=VersionSource("json", "/meta/version"))
    session.get("/")
    assert session.seen[0].version == "v3"


def test_a_name_that_cannot_be_written(serve, connect):
    """Half a character in a name, of some test's data perhaps, is written out: evidence and channels hold whole ones only."""
    session = connect(serve(reply()).url)
    session.get("/a/", name="/u \ud800/")
    assert session.seen[0].endpoint == "GET /u \\ud800/"


def test_name_and_expected(serve, connect):
    """``name`` replaces the path, ``expected`` declares statuses; both hold for their request only."""
    session = connect(serve(reply(424)).url)
    session.get("/a/", name="/thumb of one/", expected=(424,))
    session.post("/a/")
    session.default_expected = (424,)
    session.get("/a/")
    assert [(sample.endpoint, sample.kind) for sample in session.seen] == [
        ("GET /thumb of one/", "expected"),
        ("POST /a/", ""),
        ("GET /a/", "expected"),
    ]


@pytest.mark.parametrize(
    "status, expected, kind",
    [
        (503, (503,), "expected"),
        (429, (429,), "expected"),
        (200, (200, 424), ""),
        (500, (503,), "status-5xx"),
    ],
)
def test_expected_statuses(status, expected, kind, serve, connect):
    """What the API answers by design is no failure; a success stays a success."""
    session = connect(serve(reply(status)).url)
    session.get("/", expected=expected)
    assert session.seen[0].kind == kind


def test_every_hop_of_a_redirect_is_signed_and_recorded(serve, connect):
    """Each hop has its own signature over its own target, its own id and its own sample."""
    server = serve(reply(301, Location="/v1/moved/?q=a b&r=%2b"), reply(302, Location="/v1/there/"), reply())
    session = connect(server.url)
    response = session.get("/v1/old/?x=1", name="/old/")
    assert [hit.target for hit in server.hits] == ["/v1/old/?x=1", "/v1/moved/?q=a%20b&r=%2B", "/v1/there/"]
    assert all(is_signed(hit) for hit in server.hits)
    assert len({hit.headers[ID] for hit in server.hits}) == 3
    assert [sample.endpoint for sample in session.seen] == ["GET /old/", "GET /v1/moved/", "GET /v1/there/"]
    assert [hop.zdt for hop in (*response.history, response)] == session.seen


def test_redirects_can_be_refused(serve, connect):
    """``allow_redirects=False`` gives the redirect itself, with what would come next."""
    session = connect(serve(reply(302, Location="/there/")).url)
    response = session.get("/", allow_redirects=False)
    assert (response.status_code, len(session.seen)) == (302, 1)
    assert response.next.url.endswith("/there/")


@pytest.mark.parametrize("how", ["redirect", "absolute"])
def test_nothing_private_crosses_to_another_origin(how, serve, connect):
    """Signature, request id, Authorization and cookies stay with the target; the request elsewhere is recorded all the same."""
    elsewhere = serve(reply())
    server = serve(reply(307, Location=f"{elsewhere.url}/cdn/12/"))
    session = connect(server.url)
    session.cookies.set("sessionid", "private")
    url = "/" if how == "redirect" else f"{elsewhere.url}/cdn/12/"
    session.get(url, auth=("user", "private"), cookies={"more": "private"})
    (hit,) = elsewhere.hits
    assert not {MAC, TIMESTAMP, ID, "authorization", "cookie"} & set(hit.headers)
    assert b"private" not in hit.raw
    assert session.seen[-1].endpoint == f"GET {elsewhere.url}/cdn/{{id}}/"
    assert session.seen[-1].request_id == ""
    if how == "redirect":
        assert {MAC, ID, "authorization", "cookie"} <= set(server.hits[0].headers)


def test_a_redirect_back_is_signed_again(serve, connect):
    """A hop that returns to the target is signed like any other."""
    server = serve(lambda hit: reply(302, Location=elsewhere.url + "/") if hit.target == "/" else reply())
    elsewhere = serve(lambda hit: reply(302, Location=server.url + "/back/"))
    session = connect(server.url)
    assert session.get("/").ok
    assert is_signed(server.hits[1])
    assert len(session.seen) == 3


def test_user_information_in_a_url_is_not_shown(serve, connect):
    """A password in an absolute URL is in no sample."""
    elsewhere = serve(reply())
    session = connect(serve(reply()).url)
    session.get(elsewhere.url.replace("//", "//user:private@"))
    assert "private" not in repr(session.seen)


def test_auth_handler_that_answers_a_challenge(serve, connect):
    """The second request of digest auth is signed and recorded as well: two hits, two samples."""
    challenge = reply(401, WWW_Authenticate='Digest realm="r", nonce="n", qop="auth"')
    server = serve(challenge, reply())
    session = connect(server.url)
    assert session.get("/a/?q=1", auth=HTTPDigestAuth("user", "password")).status_code == 200
    assert len(server.hits) == len(session.seen) == 2
    assert all(is_signed(hit) for hit in server.hits)
    assert server.hits[1].headers["authorization"].startswith("Digest ")


def test_basic_auth_and_hooks(serve, connect):
    """Auth and hooks work as in requests; a hook sees the sample."""
    server = serve(reply())
    session = connect(server.url)
    seen = []
    session.hooks["response"].append(lambda response, **_: seen.append(response.zdt))
    session.get("/", auth=("user", "password"))
    assert server.hits[0].headers["authorization"].startswith("Basic ")
    assert seen == session.seen


def test_cookies(serve, connect):
    """Several cookies of one answer land in the jar and go back; the response has them too."""
    server = serve(reply(Set_Cookie=["a=1; Path=/", "b=2; Path=/; HttpOnly"]), reply())
    session = connect(server.url)
    assert session.get("/").cookies.get_dict() == {"a": "1", "b": "2"}
    session.get("/")
    assert sorted(server.hits[1].headers["cookie"].split("; ")) == ["a=1", "b=2"]


def test_cookies_of_a_redirect(serve, connect):
    """A cookie set by a redirect is sent with the next hop."""
    server = serve(reply(302, Location="/next/", Set_Cookie="a=1; Path=/"), reply())
    connect(server.url).get("/")
    assert server.hits[1].headers["cookie"] == "a=1"


def test_prepared_requests(serve, connect):
    """A request that was prepared by hand is signed at each sending."""
    server = serve(reply())
    session = connect(server.url)
    prepared = session.prepare_request(requests.Request("GET", "/v1/x/"))
    session.send(prepared)
    session.send(prepared)
    assert [is_signed(hit) for hit in server.hits] == [True, True]
    assert server.hits[0].headers[ID] != server.hits[1].headers[ID]


def test_environment_proxies_are_not_used(serve, connect, monkeypatch):
    """The load goes where it says."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert connect(serve(reply()).url).get("/").ok


def test_a_stopped_run_sends_nothing(serve, connect):
    """Once the run is over a request raises `Stopped`, unsent and without a sample."""
    server = serve(reply())
    over = []
    session = connect(server.url, options={"stopped": lambda: bool(over)})
    session.get("/")
    over.append(True)
    with pytest.raises(Stopped):
        session.get("/")
    assert len(server.hits) == len(session.seen) == 1


def test_unsigned_target(serve, connect):
    """Signing ``none`` sends no signature, but an id."""
    server = serve(reply())
    connect(server.url, signing="none").get("/")
    assert {MAC, TIMESTAMP} & set(server.hits[0].headers) == set()
    assert server.hits[0].headers[ID]


class _Interrupting(BaseAdapter):
    def send(self, request, **kwargs):
        raise KeyboardInterrupt

    def close(self):
        pass


def test_interrupted_request_is_cut():
    """Ctrl-C in the middle of a request leaves a sample that is neither success nor failure."""
    seen = []
    session = SignedSession(Target("test", "http://api.test"), seen.append, adapter=_Interrupting())
    with pytest.raises(KeyboardInterrupt):
        session.get("/")
    assert [sample.kind for sample in seen] == ["cut"]


def test_no_repr_shows_a_secret(connect):
    """Neither session, target nor anything a traceback shows of them holds the secret."""
    session = connect("http://api.test")
    assert "horse" not in " ".join(f"{key}={value!r}" for key, value in vars(session).items())
