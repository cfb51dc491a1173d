"""One work by its id."""

import pytest

pytestmark = pytest.mark.zdt


@pytest.mark.parametrize("media", ["images", "audio"])
def test_single(zdt_session, pick, media):
    """The work that was asked for comes back, with its title, its maker's terms and the links to it."""
    identifier = pick("single", media)
    response = zdt_session.get(f"/v1/{media}/{identifier}/")
    assert response.status_code == 200
    work = response.json()
    assert work["id"] == identifier
    assert work["url"]
    assert work["license"]
    assert work["detail_url"].endswith(f"/v1/{media}/{identifier}/")
