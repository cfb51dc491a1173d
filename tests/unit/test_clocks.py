"""The offset of another machine's clock, from round trips whose ways there and back differ."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_zdt.clocks import TRIPS, Clock, Offset

Trip = tuple[float, float]
"""Seconds there and back."""
ways = st.floats(0.0, 2.0)
trips = st.lists(st.tuples(ways, ways), min_size=TRIPS, max_size=TRIPS)
offsets = st.floats(-1e4, 1e4)


def settled(clock: Clock, now: float, offset: float, trips: Sequence[Trip]) -> float:
    """Lets a clock, ``offset`` ahead of ours, be asked once for each trip; the time after that."""
    for number, (there, back) in enumerate(trips):
        done = clock.answered(clock.ask(now), now + there + offset, now + there + back)
        assert done == (number % TRIPS == TRIPS - 1)
        now += there + back
    return now


@given(trips, offsets)
def test_the_estimate_is_within_its_uncertainty(trips: list[Trip], offset: float) -> None:
    """However asymmetric the trips: the estimate is wrong by half of the shortest trip at most."""
    clock = Clock()
    settled(clock, 1000.0, offset, trips)
    assert abs(clock.offset.value - offset) <= clock.offset.uncertainty + 1e-6
    assert clock.offset.uncertainty == pytest.approx(min(there + back for there, back in trips) / 2, abs=1e-6)


def test_symmetric_trips_leave_nothing_to_guess() -> None:
    """Of symmetric trips the estimate is exact, however long they take."""
    clock = Clock()
    settled(clock, 0.0, 7.5, [(0.25, 0.25)] * TRIPS)
    assert clock.offset == Offset(7.5, 0.25)


def test_unknown_until_there_were_enough_trips() -> None:
    """Until then there is no estimate, and no shift."""
    clock = Clock()
    settled(clock, 0.0, 7.5, [(0.1, 0.1)] * (TRIPS - 1))
    assert (clock.known, clock.shift) == (False, 0.0)
    assert clock.answered(clock.ask(9.0), 9.1 + 7.5, 9.2)
    assert (clock.known, clock.shift) == (True, pytest.approx(7.5))


@given(trips)
def test_one_clock_has_no_shift(trips: list[Trip]) -> None:
    """Where both are one clock, as on one machine, nothing is shifted, however asymmetric the trips."""
    clock = Clock()
    settled(clock, 1234.5, 0.0, [(there + 1e-4, back + 1e-4) for there, back in trips])
    assert clock.shift == 0.0


@given(trips, trips, offsets)
def test_a_worse_estimate_does_not_replace_a_better_one(first: list[Trip], then: list[Trip], offset: float) -> None:
    """The better of two estimates of one offset stays: both may be true."""
    clock = Clock()
    now = settled(clock, 0.0, offset, [(there + 0.01, back + 0.01) for there, back in first])
    before = clock.offset
    settled(clock, now, offset, [(there + 0.01, back + 0.01) for there, back in then])
    assert clock.offset.uncertainty <= before.uncertainty + 1e-6
    assert abs(clock.offset.value - offset) <= clock.offset.uncertainty + 1e-6


def test_a_drift_is_followed() -> None:
    """An estimate that cannot be true any more is replaced, by a worse one too."""
    clock = Clock()
    now = settled(clock, 0.0, 5.0, [(0.001, 0.001)] * TRIPS)
    settled(clock, now, 5.1, [(0.02, 0.02)] * TRIPS)
    assert clock.offset == Offset(pytest.approx(5.1), pytest.approx(0.02))


@given(st.floats(-1e-4, 1e-4), st.lists(trips, min_size=20, max_size=20), offsets)
def test_a_steady_drift_stays_within_reach(rate: float, rounds: list[list[Trip]], offset: float) -> None:
    """While a clock runs fast or slow by as much as 0.01 %, the estimate is never off by more than the latest trips' guess."""
    clock, now = Clock(), 0.0
    for trips in rounds:
        now = settled(clock, now, offset, [(there / 100, back / 100) for there, back in trips])
        half = min(there + back for there, back in trips) / 200
        assert abs(clock.offset.value - offset) <= 2 * half + clock.offset.uncertainty + 1e-5
        now, offset = now + 10.0, offset + rate * 10.0


def test_each_estimate_has_its_own_trips() -> None:
    """A short trip of long ago does not count for the next estimate."""
    clock = Clock()
    now = settled(clock, 0.0, 1.0, [(0.0, 0.0), *[(0.5, 0.5)] * (TRIPS - 1)])
    assert clock.offset == Offset(1.0, 0.0)
    settled(clock, now, 2.0, [(0.5, 0.5)] * TRIPS)
    assert clock.offset == Offset(2.0, 0.5)


def test_two_questions_under_way() -> None:
    """Where a second question goes out before the first is answered, the first answer tells nothing, and asks for no third."""
    clock = Clock()
    for start in range(0, 10 * TRIPS, 10):
        questions = [clock.ask(start), clock.ask(start + 2.0)]
        assert clock.answered(questions[0], start + 1.0 + 5.0, start + 2.1)  # it took a second there, 1.1 back
        assert clock.answered(questions[1], start + 3.0 + 5.0, start + 4.0) == clock.known
    assert clock.offset == Offset(5.0, 1.0)


@pytest.mark.parametrize(
    "one, other, both",
    [
        (Offset(1.0, 0.1), Offset(1.2, 0.1), True),
        (Offset(1.0, 0.1), Offset(1.3, 0.1), False),
        (Offset(-1.0, 0.1), Offset(1.0, 0.1), False),
        (Offset(), Offset(1e9, 0.0), True),
        (Offset(nan, 0.1), Offset(1.0, 0.1), False),
    ],
)
def test_within(one: Offset, other: Offset, both: bool) -> None:
    """Two estimates may both be true where they differ by no more than both may be wrong."""
    assert one.within(other) == other.within(one) == both


def test_a_nonsensical_answer_is_not_kept() -> None:
    """What is no number gives way to the next estimate."""
    clock = Clock()
    settled(clock, 0.0, nan, [(0.001, 0.001)] * TRIPS)
    settled(clock, 50.0, 3.0, [(0.1, 0.1)] * TRIPS)
    assert clock.shift == pytest.approx(3.0)


def test_unknown() -> None:
    """Nothing is known of a clock that was never asked."""
    assert (Clock().known, Clock().shift, Clock().offset.uncertainty) == (False, 0.0, inf)
