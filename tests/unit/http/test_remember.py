"""A session tells which requests its target answered well, so that they can be asked again."""

import pytest
import requests

from .conftest import Reply, reply


@pytest.fixture
def remembered():
    """Endpoints and targets, as a session told them."""
    return []


@pytest.fixture
def remembering(connect, remembered):
    """Makes sessions that remember."""
    tell = {"remember": lambda endpoint, request: remembered.append((endpoint, request.path_url))}
    return lambda url: connect(url, options=tell)


def test_a_get_that_was_answered(serve, remembering, remembered):
    """It is told under the name of its sample, as it was sent."""
    session = remembering(serve(reply()).url)
    session.get("/v1/images/12/", params={"q": "a b"})
    session.get("/v1/images/12/", name="/one/", allow_redirects=False)
    assert remembered == [("GET /v1/images/{id}/", "/v1/images/12/?q=a+b"), ("GET /one/", "/v1/images/12/")]


@pytest.mark.parametrize("method", ["HEAD", "POST", "DELETE"])
def test_other_methods_are_not_remembered(method, serve, remembering, remembered):
    """Only what can be asked again without harm, and has a body to compare."""
    remembering(serve(reply(body=b"")).url).request(method, "/")
    assert remembered == []


@pytest.mark.parametrize("status, expected", [(404, ()), (404, (404,)), (424, (424,)), (429, ()), (503, ())])
def test_refusals_are_not_remembered(status, expected, serve, remembering, remembered):
    """Not even those that the test expects."""
    remembering(serve(reply(status)).url).get("/", expected=expected)
    assert remembered == []


def test_failures_are_not_remembered(serve, remembering, remembered):
    """There is no answer."""
    with pytest.raises(requests.RequestException):
        remembering(serve(Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "close")).url).get("/")
    assert remembered == []


def test_each_hop_of_the_target_itself(serve, remembering, remembered):
    """A redirect is an answer like any other; what another origin answers is not the target's."""
    elsewhere = serve(reply())
    server = serve(reply(302, Location="/there/"), reply(302, Location=f"{elsewhere.url}/cdn/"))
    assert remembering(server.url).get("/").ok
    assert remembered == [("GET /", "/"), ("GET /there/", "/there/")]


def test_siblings_remember_too(serve, remembering, remembered):
    """Another session of the same virtual user tells the same."""
    remembering(serve(reply()).url).sibling().get("/")
    assert remembered == [("GET /", "/")]
