"""Redirects and cookies as requests has them: the same assertions hold for its own session and for ours on both transports."""

import pytest
import requests
from requests.auth import HTTPBasicAuth

from .conftest import reply

REDIRECTS = [
    # status, method, what the next hop is, and whether it has the body
    (301, "GET", "GET", False),
    (301, "POST", "GET", False),
    (301, "PUT", "PUT", False),
    (301, "HEAD", "HEAD", False),
    (302, "POST", "GET", False),
    (302, "PUT", "GET", False),
    (302, "DELETE", "GET", False),
    (302, "HEAD", "HEAD", False),
    (303, "POST", "GET", False),
    (303, "PUT", "GET", False),
    (303, "HEAD", "HEAD", False),
    (307, "GET", "GET", False),
    (307, "POST", "POST", True),
    (307, "PUT", "PUT", True),
    (308, "POST", "POST", True),
    (308, "PATCH", "PATCH", True),
    (308, "DELETE", "DELETE", True),
]


def empty_for_head(first, last):
    """The first answer, then the last; none has a body for HEAD."""
    seen = []

    def answer(hit):
        seen.append(hit)
        return first if len(seen) == 1 else last(hit)

    return answer


@pytest.mark.parametrize("status, method, then, with_body", REDIRECTS)
def test_method_and_body(status, method, then, with_body, api):
    """301, 302 and 303 make a GET of most methods, 307 and 308 change nothing; without its body go the headers of it."""
    session, server, url = api(
        empty_for_head(reply(status, b"", Location="/next/"), lambda hit: reply(body=b"" if hit.method == "HEAD" else b"ok"))
    )
    body = None if method in ("GET", "HEAD") else b"the body"
    response = session.request(method, f"{url}/", data=body, headers={"Content-Type": "text/x"} if body else None)
    second = server.hits[1]
    assert (response.status_code, second.method, second.target) == (200, then, "/next/")
    assert second.body == (body if with_body else b"")
    assert ("content-type" in second.headers) == with_body
    assert [hop.status_code for hop in response.history] == [status]


@pytest.mark.parametrize("status", [300, 304, 305, 306])
def test_other_statuses_are_not_followed(status, api):
    """A Location alone makes no redirect."""
    session, server, url = api(reply(status, b"", Location="/next/"))
    assert session.get(f"{url}/").status_code == status
    assert len(server.hits) == 1


def test_a_redirect_without_location(api):
    """There is nowhere to go: the answer itself is given."""
    session, _, url = api(reply(302))
    response = session.get(f"{url}/")
    assert (response.status_code, response.is_redirect, response.history, response.next) == (302, False, [], None)


@pytest.mark.parametrize(
    "location, target",
    [
        ("/other/?a=1", "/other/?a=1"),
        ("sibling/", "/v1/images/sibling/"),
        ("../up/", "/v1/up/"),
        ("?page=2", "/v1/images/?page=2"),
        ("//{host}/x", "/x"),
        ("http://{host}/y?b=%2B+c", "/y?b=%2B+c"),
        ("/na\u00efve/ path/".encode().decode("latin-1"), "/na%C3%AFve/%20path/"),
        ("/%7Etilde/%2F/", "/~tilde/%2F/"),
    ],
)
def test_where_a_location_leads(location, target, api):
    """Relative to the URL before, with or without scheme and host; in the form that a URL has on the wire."""
    session, server, url = api(lambda hit: reply(302, Location=where) if hit.target == "/v1/images/?page=1" else reply())
    where = location.format(host=f"127.0.0.1:{server.port}")
    session.get(f"{url}/v1/images/", params={"page": 1})
    assert server.hits[1].target == target


@pytest.mark.parametrize("location, fragment", [("/next/", "top"), ("/next/#other", "other")])
def test_the_fragment_is_kept(location, fragment, api):
    """It is not sent, and stays with the URL unless the redirect names another (RFC 9110 section 10.2.2)."""
    session, server, url = api(reply(302, Location=location), reply())
    response = session.get(f"{url}/#top")
    assert [hit.target for hit in server.hits] == ["/", "/next/"]
    assert response.url == f"{url}/next/#{fragment}"


def test_too_many_redirects(api):
    """After ``max_redirects`` it is an error with the last answer."""
    session, server, url = api(reply(302, Location="/again/"))
    session.max_redirects = 3
    with pytest.raises(requests.TooManyRedirects, match=r"^Exceeded 3 redirects\.$") as raised:
        session.get(f"{url}/")
    assert len(server.hits) == 4
    assert raised.value.response.status_code == 302


def test_redirects_that_are_not_followed(api):
    """``allow_redirects=False``, and HEAD by default, give the redirect and what would be next, which can be sent."""
    session, server, url = api(lambda hit: reply(301, b"", Location="/next/") if hit.target == "/" else reply())
    response = session.get(f"{url}/", allow_redirects=False)
    assert (response.is_redirect, response.is_permanent_redirect, response.history) == (True, True, [])
    assert (response.next.method, response.next.url) == ("GET", f"{url}/next/")
    assert session.head(f"{url}/").status_code == 301
    assert len(server.hits) == 2
    assert session.send(response.next).status_code == 200


def test_history(api):
    """Each answer on the way, in order, with its own request and URL."""
    session, _, url = api(reply(301, Location="/a/"), reply(302, Location="/b/"), reply(303, Location="/c/"), reply())
    response = session.get(f"{url}/")
    assert [hop.url for hop in (*response.history, response)] == [f"{url}{path}" for path in ("/", "/a/", "/b/", "/c/")]
    assert [hop.request.url for hop in response.history] == [hop.url for hop in response.history]
    assert [len(hop.history) for hop in response.history] == [0, 1, 2]
    assert response.request.method == "GET"


def test_an_unknown_scheme(api):
    """There is no adapter for it: nothing is sent."""
    session, server, url = api(reply(302, Location="ftp://127.0.0.1/x"))
    with pytest.raises(requests.exceptions.InvalidSchema):
        session.get(f"{url}/")
    assert len(server.hits) == 1


def test_auth_on_a_redirect(api):
    """Authorization goes to the same origin again, and not to another host."""
    session, server, url = api(
        lambda hit: {
            "/here/": reply(302, Location="/there/"),
            "/away/": reply(302, Location=f"http://localhost:{hit.headers['host'].partition(':')[2]}/there/"),
        }.get(hit.target, reply())
    )
    session.get(f"{url}/here/", auth=HTTPBasicAuth("user", "password"))
    session.get(f"{url}/away/", auth=HTTPBasicAuth("user", "password"))
    assert ["authorization" in hit.headers for hit in server.hits] == [True, True, True, False]


# --- cookies


def cookies_of(hit):
    """The cookies that came with a request."""
    return dict(part.split("=", 1) for part in hit.headers.get("cookie", "").split("; ") if part)


def test_cookies_of_every_hop(api):
    """A cookie that a redirect sets goes with the next hop and into the jar; the last answer has only its own."""
    session, server, url = api(
        reply(302, Location="/a/", Set_Cookie="first=1; Path=/"),
        reply(302, Location="/b/", Set_Cookie="second=2; Path=/"),
        reply(Set_Cookie="third=3; Path=/"),
    )
    response = session.get(f"{url}/")
    assert [cookies_of(hit) for hit in server.hits] == [{}, {"first": "1"}, {"first": "1", "second": "2"}]
    assert response.cookies.get_dict() == {"third": "3"}
    assert response.history[0].cookies.get_dict() == {"first": "1"}
    assert session.cookies.get_dict() == {"first": "1", "second": "2", "third": "3"}


@pytest.mark.parametrize(
    "attributes, sent",
    [
        ("Path=/", {"a": "1"}),
        ("Path=/v1/", {"a": "1"}),
        ("Path=/v2/", {}),
        ("", {"a": "1"}),
        ("Path=/; Max-Age=60", {"a": "1"}),
        ("Path=/; Max-Age=0", {}),
        ("Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", {}),
        ("Path=/; Expires=Fri, 01 Jan 2100 00:00:00 GMT", {"a": "1"}),
        ("Path=/; Domain=127.0.0.1", {"a": "1"}),
        ("Path=/; Domain=other.test", {}),
        ("Path=/; Secure", {}),
        ("Path=/; HttpOnly; SameSite=Lax", {"a": "1"}),
    ],
)
def test_path_domain_and_age(attributes, sent, api):
    """A cookie goes back where its attributes let it."""
    session, server, url = api(reply(Set_Cookie=f"a=1; {attributes}"), reply())
    session.get(f"{url}/v1/images/")
    session.get(f"{url}/v1/images/")
    assert cookies_of(server.hits[1]) == sent


def test_a_cookie_is_replaced_and_cleared(api):
    """The last value counts; an age of nothing takes it away."""
    session, server, url = api(
        reply(Set_Cookie="a=1; Path=/"), reply(Set_Cookie="a=2; Path=/"), reply(Set_Cookie="a=; Path=/; Max-Age=0"), reply()
    )
    for _ in range(4):
        session.get(f"{url}/")
    assert [cookies_of(hit) for hit in server.hits] == [{}, {"a": "1"}, {"a": "2"}, {}]


def test_cookies_of_the_request_and_of_the_session(api):
    """Those of a request are for it alone, before the session's of the same name, and not kept."""
    session, server, url = api()
    session.cookies.update({"mine": "1", "both": "session"})
    session.get(f"{url}/", cookies={"once": "2", "both": "request"})
    session.get(f"{url}/")
    assert cookies_of(server.hits[0]) == {"mine": "1", "once": "2", "both": "request"}
    assert cookies_of(server.hits[1]) == {"mine": "1", "both": "session"}


def test_cookies_of_the_request_on_a_redirect(api):
    """They go along; a session does not keep them."""
    session, server, url = api(reply(302, Location="/next/"), reply())
    session.get(f"{url}/", cookies={"once": "1"})
    assert [cookies_of(hit) for hit in server.hits] == [{"once": "1"}] * 2
    assert session.cookies.get_dict() == {}


def test_a_jar_given_to_a_request(api):
    """A jar of requests serves as a dictionary does; a header ``Cookie`` is sent as it is."""
    session, server, url = api()
    jar = requests.cookies.RequestsCookieJar()
    jar.set("a", "1", domain="127.0.0.1", path="/v1/")
    session.get(f"{url}/v1/", cookies=jar)
    session.get(f"{url}/v2/", cookies=jar)
    session.get(f"{url}/", headers={"Cookie": "raw=1"})
    assert [cookies_of(hit) for hit in server.hits] == [{"a": "1"}, {}, {"raw": "1"}]


def test_odd_cookies(api):
    """Quoted values, values with ``=``, and what is no cookie at all."""
    session, server, url = api(reply(Set_Cookie=['q="a b"; Path=/', "e=a=b; Path=/", "=; Path=/", ""]), reply())
    session.get(f"{url}/")
    session.get(f"{url}/")
    assert {"q": '"a b"', "e": "a=b"}.items() <= cookies_of(server.hits[1]).items()
