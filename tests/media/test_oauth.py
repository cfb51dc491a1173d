"""The OAuth workflow: register an application, get a token, use it."""

from uuid import uuid4

import pytest

from pytest_zdt.http.oauth import OAuthClient

pytestmark = pytest.mark.zdt


@pytest.mark.zdt(weight=2)
def test_register(zdt_session):
    """A signed registration is answered 201 and verified at once; the new application gets a token that is good.

    `OAuthClient` does the two POSTs through the session and checks their answers, so that no secret is in a test's variables.
    """
    client = OAuthClient(zdt_session, f"pytest-zdt {uuid4()}")
    assert client.application["client_id"]
    assert client.rate_limit()["verified"] is True


@pytest.mark.parametrize("media", ["images", "audio"])
def test_authenticated_search(zdt_oauth_client, pick, media):
    """A search with a token finds works, and may ask for more of them than one without."""
    response = zdt_oauth_client.session.get(f"/v1/{media}/", params={"q": pick("search", media), "page_size": 50})
    assert response.status_code == 200
    assert response.json()["page_size"] == 50
    assert response.json()["results"]


def test_rate_limit(zdt_oauth_client):
    """The API says of the token's application that it is verified, and which limits it has."""
    limits = zdt_oauth_client.rate_limit()
    assert limits["verified"] is True
    assert limits["rate_limit_model"]


def test_refresh(zdt_oauth_client, pick):
    """An application gets another token, and the new one is good for a request at once."""
    zdt_oauth_client.refresh()
    response = zdt_oauth_client.session.get(f"/v1/images/{pick('single', 'images')}/")
    assert response.status_code == 200
    assert response.json()["id"]
