"""The loudness of a recording."""

import pytest

pytestmark = pytest.mark.zdt


def test_waveform(zdt_session, pick):
    """A waveform is as many points as it says, each between 0 and 1."""
    response = zdt_session.get(f"/v1/audio/{pick('waveform', 'audio')}/waveform/")
    assert response.status_code == 200
    waveform = response.json()
    assert waveform["len"] == len(waveform["points"]) > 0
    assert all(0 <= point <= 1 for point in waveform["points"])
