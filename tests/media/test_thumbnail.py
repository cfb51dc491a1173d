"""The small picture of a work."""

import pytest

pytestmark = pytest.mark.zdt


@pytest.mark.parametrize("media", ["images", "audio"])
def test_thumbnail(zdt_session, pick, media):
    """A thumbnail is a picture; the API may answer 424 when the host of the original fails."""
    response = zdt_session.get(f"/v1/{media}/{pick('thumb', media)}/thumb/", expected=(424,))
    assert response.status_code in (200, 424)
    if response.status_code == 200:
        assert response.headers["Content-Type"].startswith("image/")
        assert response.content
