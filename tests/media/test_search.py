"""Searches without a token."""

import pytest

pytestmark = pytest.mark.zdt


@pytest.mark.parametrize("media", ["images", "audio"])
def test_search(zdt_session, pick, media):
    """A search finds works, and each has what a client needs to show it."""
    response = zdt_session.get(f"/v1/{media}/", params={"q": pick("search", media)})
    assert response.status_code == 200
    body = response.json()
    assert 0 < len(body["results"]) <= body["page_size"]
    assert body["result_count"] >= len(body["results"])
    assert all(work["id"] and work["url"] and work["license"] for work in body["results"])


@pytest.mark.parametrize("media", ["images", "audio"])
def test_page_size(zdt_session, media):
    """A search gives as many works as it is asked for."""
    response = zdt_session.get(f"/v1/{media}/", params={"page_size": 3})
    assert response.status_code == 200
    assert response.json()["page_size"] == 3
    assert len({work["id"] for work in response.json()["results"]}) == 3
