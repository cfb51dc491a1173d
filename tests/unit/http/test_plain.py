"""The cheap preparation of plain requests gives what requests' own gives."""

import pytest
import requests
from requests import Request
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from pytest_zdt.http.plain import is_plain, prepare_plain

URL = "http://user:pass@api.test/v1/na\u00efve path/?q=a b&r=%2b#top"


def session_of():
    session = requests.Session()
    session.trust_env = False
    session.headers.update({"X-Session": "1", "Accept": "application/json"})
    return session


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "headers", [None, {"X-A": "1"}, {"accept": "text/html"}, {"ACCEPT": None, "x-session": None}, {"X-B": b"2"}]
)
@pytest.mark.parametrize("params", [None, {"q": "a b", "none": None, "many": [1, 2]}, "raw=1&\u00e9=2", [("a", "1"), ("a", "2")]])
@pytest.mark.parametrize("auth", [None, ("user", "other"), HTTPBasicAuth("a", "b"), HTTPDigestAuth("a", "b")])
@pytest.mark.parametrize("session_auth", [None, ("session", "pass")])
def test_same_as_requests(method, headers, params, auth, session_auth):
    """URL, headers, hooks and body are those that requests prepares, whatever headers and auth are given."""
    session = session_of()
    session.auth = session_auth
    request = Request(method, URL, headers=headers, params=params, auth=auth)
    assert is_plain(session, request)
    cheap, stock = prepare_plain(session, request), session.prepare_request(request)
    assert (cheap.method, cheap.url, cheap.path_url, cheap.body) == (stock.method, stock.url, stock.path_url, stock.body)
    assert dict(cheap.headers.lower_items()) == dict(stock.headers.lower_items())
    assert {name: len(hooks) for name, hooks in cheap.hooks.items()} == {name: len(hooks) for name, hooks in stock.hooks.items()}


@pytest.mark.parametrize(
    "more",
    [
        {"method": "POST"},
        {"data": "x"},
        {"json": []},
        {"files": {"f": b"x"}},
        {"cookies": {"a": "1"}},
        {"hooks": {"response": print}},
        {"url": b"http://api.test/"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_everything_else_is_left_to_requests(more):
    """A request with anything that the cheap way does not know is not plain."""
    assert not is_plain(session_of(), Request(**{"method": "GET", "url": URL} | more))


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.params.update(q="1"),
        lambda session: session.cookies.set("a", "1"),
        lambda session: session.hooks["response"].append(print),
        lambda session: setattr(session, "trust_env", True),
    ],
    ids=["params", "cookies", "hooks", "environment"],
)
def test_settings_of_the_session_count(change):
    """So does a session with such settings."""
    session = session_of()
    change(session)
    assert not is_plain(session, Request("GET", URL))


def test_bad_urls_raise_as_ever():
    """A URL without a host raises what requests raises, each time."""
    for _ in range(2):
        with pytest.raises(requests.exceptions.InvalidURL):
            prepare_plain(session_of(), Request("GET", "http:///path"))
