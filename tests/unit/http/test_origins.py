"""Redirects and secrets: each hop is signed for its own origin, nothing private goes to another, none leaves TLS."""

import contextlib
import ssl

import pytest
import requests
from requests.exceptions import InvalidSchema

from pytest_zdt.evidence.kinds import guilt
from pytest_zdt.http.signing import timed_hmac
from pytest_zdt.target import Secret

from .conftest import SECRET, reply
from .faults import DATA

PEM = DATA / "self-signed.pem"
MAC, TIMESTAMP, ID = "x-ov-cf-mac", "x-ov-cf-timestamp", "x-request-id"
PRIVATE = {MAC, TIMESTAMP, ID, "authorization", "cookie", "proxy-authorization"}
STATUSES = [301, 302, 303, 307, 308]


@pytest.fixture
def tls():
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return context


@pytest.fixture
def private(connect):
    """Makes sessions that have a token, cookies and a user's password to lose, and trust the servers here."""

    def make(url):
        session = connect(url)
        session.verify = str(PEM)
        session.headers.update({"Authorization": "Bearer private", "Proxy-Authorization": "private"})
        session.cookies.set("session", "private")
        return session

    return make


def send(session, url, **more):
    """A GET with cookies of its own as well."""
    return session.get(url, cookies={"once": "private"}, **more)


def is_signed(hit):
    """Whether the signature covers the request target as it came in."""
    timestamp = hit.headers[TIMESTAMP]
    return timed_hmac(hit.target, Secret(SECRET), int(timestamp)) == (hit.headers[MAC], timestamp)


def is_bare(hit):
    """Whether nothing private came."""
    return not PRIVATE & set(hit.headers) and b"private" not in hit.raw


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("other", ["host", "port", "scheme"])
def test_nothing_private_at_another_origin(other, status, tls, serve, private):
    """Another host, another port, another scheme: each is another origin, for redirects with every status."""
    server = serve(lambda hit: reply(status, Location=there) if hit.target == "/" else reply())
    elsewhere = serve(reply(), tls=tls if other == "scheme" else None)
    there = f"http://localhost:{server.port}/there/" if other == "host" else f"{elsewhere.url}/there/"
    session = private(server.url)
    assert send(session, "/").ok
    first, last = server.hits[0], (server.hits if other == "host" else elsewhere.hits)[-1]
    assert first.headers.keys() >= PRIVATE
    assert (last.target, is_bare(last)) == ("/there/", True)
    assert [sample.request_id for sample in session.seen] == [first.headers[ID], ""]


@pytest.mark.parametrize("other", ["host", "port", "scheme"])
def test_nothing_private_in_a_request_to_another_origin(other, tls, serve, private):
    """The same for an absolute URL that a test gives itself, on the straight way and on requests' own."""
    server = serve(reply())
    elsewhere = serve(reply(), tls=tls if other == "scheme" else None)
    session = private(server.url)
    there = f"http://localhost:{server.port}/" if other == "host" else f"{elsewhere.url}/"
    send(session, there, auth=("user", "private"))
    session.get(there)
    hits = server.hits if other == "host" else elsewhere.hits
    assert [is_bare(hit) for hit in hits] == [True, True]


def test_home_and_elsewhere_and_home(serve, private):
    """A chain that leaves and comes back: signed anew at home, with the cookies of home; the token stays dropped."""
    elsewhere = serve(lambda hit: reply(302, Location=f"{server.url}/back/?q=1"))
    server = serve(lambda hit: reply(302, Location=f"{elsewhere.url}/out/") if hit.target == "/" else reply())
    session = private(server.url)
    assert send(session, "/").ok
    start, back = server.hits
    assert is_bare(elsewhere.hits[0])
    assert is_signed(start)
    assert is_signed(back)
    assert start.headers[ID] != back.headers[ID]
    assert "authorization" not in back.headers  # as in requests: what was dropped on the way is not taken up again
    assert "private" in back.headers["cookie"]
    assert [sample.status for sample in session.seen] == [302, 302, 200]


def test_a_token_stays_on_a_redirect_at_home(serve, private):
    """``Authorization`` goes along with a redirect within the target."""
    server = serve(reply(302, Location="/next/"), reply())
    send(private(server.url), "/")
    assert [hit.headers["authorization"] for hit in server.hits] == ["Bearer private"] * 2


@pytest.mark.parametrize("straight", [True, False], ids=["straight", "not straight"])
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_redirect_that_leaves_tls_is_refused(host, status, straight, tls, serve, private):
    """From https to http nothing is sent; the answer that asked for it is a failure of the API, the only sample."""
    plain = serve(reply())
    server = serve(reply(status, reason="Moved", Location=f"http://{host}:{plain.port}/?q=hidden"), tls=tls)
    session = private(server.url)
    with pytest.raises(
        InvalidSchema, match=r"^redirect from https://127.0.0.1:\d+ to http://.* refused: it leaves TLS$"
    ) as raised:
        session.get("/") if straight else session.get("/", headers={"X-A": "1"}, stream=True)
    (sample,) = session.seen
    assert (sample.kind, sample.status, guilt(sample.kind, sample.version)) == ("wrong-status", status, "app")
    assert sample.message == f"{status} {raised.value}"
    assert raised.value.response.status_code == status
    assert "hidden" not in f"{raised.value!r} {sample}"
    assert (len(server.hits), plain.connections) == (1, 0)


def test_a_redirect_that_leaves_tls_may_be_looked_at(tls, serve, private):
    """A test that does not follow redirects gets the answer, which is no failure; what is next cannot be sent."""
    plain = serve(reply())
    session = private(serve(reply(301, Location=f"{plain.url}/"), tls=tls).url)
    answer = session.get("/", allow_redirects=False)
    assert (answer.status_code, answer.next.url, session.seen[0].kind) == (301, f"{plain.url}/", "")
    with pytest.raises(InvalidSchema):
        session.send(answer.next)
    assert plain.connections == 0


def test_leaving_tls_elsewhere_is_refused_too(tls, serve, private):
    """The second hop of a chain, of foreign origins, is refused as the first would be."""
    plain = serve(reply())
    secure = serve(reply(302, Location=f"{plain.url}/"), tls=tls)
    session = private(serve(reply(302, Location=f"{secure.url}/")).url)
    with pytest.raises(InvalidSchema):
        session.get("/")
    assert [sample.kind for sample in session.seen] == ["", "wrong-status"]
    assert plain.connections == 0


def test_an_upgrade_to_tls(tls, serve, private):
    """From http to https of the same host is another origin: followed, and without signature."""
    secure = serve(reply(), tls=tls)
    session = private(serve(reply(308, Location=f"{secure.url}/")).url)
    assert session.get("/").ok
    assert is_bare(secure.hits[0])


@pytest.mark.parametrize("location", ["//{host}/x", "http:\\\\{host}/x", "http://{home}@{host}/x", "http://{host}\\@{home}/x"])
def test_addresses_that_only_look_like_home(location, serve, private):
    """However an address is written, what decides is where the request goes."""
    elsewhere = serve(reply())
    places = {"host": f"localhost:{elsewhere.port}"}
    server = serve(lambda hit: reply(302, Location=location.format(**places)))
    places["home"] = f"127.0.0.1:{server.port}"
    session = private(server.url)
    with contextlib.suppress(requests.RequestException):
        session.get("/")
    assert all(is_bare(hit) for hit in elsewhere.hits)
