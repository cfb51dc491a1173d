"""Works that are like another."""

import pytest

pytestmark = pytest.mark.zdt


@pytest.mark.parametrize("media", ["images", "audio"])
def test_related(zdt_session, pick, media):
    """Related works are other works than the one asked for, each once."""
    identifier = pick("related", media)
    response = zdt_session.get(f"/v1/{media}/{identifier}/related/")
    assert response.status_code == 200
    related = [work["id"] for work in response.json()["results"]]
    assert related
    assert identifier not in related
    assert len(related) == len(set(related))
