"""Ramps: how many virtual users were planned when."""

from __future__ import annotations

import pytest

from pytest_zdt.evidence.ramp import STEADY, corners, driven, joined


def test_the_corners_of_a_ramp() -> None:
    """Each stage ends at the sum of the seconds so far; the first begins with nobody."""
    assert corners([[60, 5], [0, 10], [120, 0]], 3.0) == [(3.0, 0.0), (63.0, 5.0), (63.0, 10.0), (183.0, 0.0)]


@pytest.mark.parametrize(
    "stages, start, stop, seconds, vu_s",
    [
        pytest.param([[10, 10]], 0, 10, 9, 49.5, id="up: nobody in the first second"),
        pytest.param([[10, 10]], 10, 15, 5, 50, id="the last count holds"),
        pytest.param([[0, 4], [10, 4], [10, 0]], 0, 20, 17.5, 58.75, id="down: nobody at the end"),
        pytest.param([[10, 0.5]], 0, 20, 0, 0, id="half of one is none"),
        pytest.param([[10, 1]], 5, 12, 2, 2, id="one from the top of the ramp on"),
        pytest.param([[10, 10]], 2, 4, 2, 6, id="a part"),
    ],
)
def test_the_time_that_was_planned(stages: list[list[float]], start: float, stop: float, seconds: float, vu_s: float) -> None:
    """Seconds with a virtual user, and the time of all of them: the area below the line where it is at least 1."""
    assert driven(corners(stages), start, stop) == pytest.approx((seconds, vu_s))


def test_a_steady_load_is_there_all_the_time() -> None:
    """What has no ramp has the same at any time."""
    assert driven(STEADY, 2.5, 7.0) == (4.5, 4.5)


def test_the_sum_of_two_ramps() -> None:
    """Of the same stages with twice the users; of ramps that begin apart with the corners of both."""
    assert joined([corners([[60, 5], [30, 0]])] * 2) == [[60, 10], [30, 0]]
    assert joined([corners([[10, 10]]), corners([[10, 10]], 4.0)]) == [[4, 4], [6, 16], [4, 20]]


def test_jumps_stay_jumps() -> None:
    """A stage of no time is one in the sum too."""
    assert joined([corners([[0, 3], [10, 3], [0, 5]]), corners([[10, 10]])]) == [[0, 3], [10, 13], [0, 15]]
