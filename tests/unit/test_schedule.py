"""The schedule: shares, lanes, orders and starts; ramps and stages, closed loops, arrival rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableSequence, Sequence
from heapq import heappop, heappush
from itertools import cycle, islice, pairwise
from math import ceil, inf
from random import Random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pytest_zdt import schedule


@given(st.integers(1, 200), st.integers(1, 16))
def test_every_vu_has_one_worker(vus: int, workers: int) -> None:
    """The shares hold every VU once and differ by one at most."""
    shares = [schedule.share(vus, worker, workers) for worker in range(workers)]
    assert sorted(vu for share in shares for vu in share) == list(range(vus))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(st.integers(1, 200), st.integers(1, 16))
def test_every_worker_drives_both_lanes(vus: int, workers: int) -> None:
    """A worker with two VUs drives both lanes, in equal shares but for one."""
    for worker in range(workers):
        lanes = Counter(schedule.lane(vu, workers) for vu in schedule.share(vus, worker, workers))
        assert abs(lanes["reused"] - lanes["new"]) <= 1


@given(st.integers(2, 200), st.integers(1, 16))
def test_both_lanes_are_driven(vus: int, workers: int) -> None:
    """Two VUs are enough for both lanes, on however many workers."""
    assert {schedule.lane(vu, workers) for vu in range(vus)} == set(schedule.LANES)


def test_order_is_by_weight_in_every_round() -> None:
    """Each round holds each test as often as its weight says."""
    order = schedule.order(3, [1, 2, 3], Random(1))
    for _ in range(5):
        assert Counter(islice(order, 6)) == {0: 1, 1: 2, 2: 3}


def test_order_follows_the_seed() -> None:
    """The same seed gives the same order, another one another."""
    orders = [list(islice(schedule.order(9, [1] * 9, Random(seed)), 50)) for seed in (7, 7, 8)]
    assert orders[0] == orders[1] != orders[2]


def test_first_starts_are_spread_over_the_pace() -> None:
    """Paced VUs begin at even distances within one pace, unpaced ones at once."""
    assert [schedule.first_start(vu, 4, 2.0) for vu in range(4)] == [0, 0.5, 1, 1.5]
    assert schedule.first_start(3, 4, 0.0) == 0


def test_worker_count() -> None:
    """A worker for each core, not more than VUs, not more than four."""
    assert [schedule.worker_count(*pair) for pair in ((1, 10), (2, 10), (64, 10), (8, 1))] == [1, 2, 4, 1]


# --- ramps and stages

stages = st.lists(st.tuples(st.integers(0, 40).map(lambda tenths: tenths / 10), st.integers(0, 6)), min_size=1, max_size=5)
"""Stages, jumps and flat parts among them."""
plans = st.one_of(
    stages.map(schedule.staged),
    st.integers(1, 6).map(schedule.constant),
    st.builds(schedule.ramping, st.integers(1, 6), st.floats(0.1, 20.0)),
)
VUS = range(6)


def height(points: schedule.Points, at: float) -> float:
    """The number of VUs at a time, by the definition of a broken line; at a jump, what it jumps to."""
    if at >= points[-1][0]:
        return points[-1][1]
    (since, before), (until, after) = next((one, two) for one, two in pairwise(points) if one[0] <= at < two[0])
    return before + (after - before) * (at - since) / (until - since)


def inside(spans: Sequence[schedule.Span], at: float) -> bool:
    """Whether a time lies in one of the spans."""
    return any(start <= at < stop for start, stop in spans)


def test_the_lines() -> None:
    """A constant number, a ramp from none, and stages of which the first begins with none."""
    assert schedule.constant(3) == ((0.0, 3.0),)
    assert schedule.ramping(3, 9.0) == ((0.0, 0.0), (9.0, 3.0))
    assert schedule.staged([(5.0, 2), (0.0, 4), (3.0, 0)]) == ((0.0, 0.0), (5.0, 2.0), (5.0, 4.0), (8.0, 0.0))


@given(plans, st.sampled_from(VUS), st.floats(0.0, 25.0))
def test_a_vu_is_driven_while_the_line_is_above_its_number(points: schedule.Points, vu: int, at: float) -> None:
    """Wherever the line is clearly above or below a VU's number, its spans say so."""
    there = height(points, at)
    assume(abs(there - vu) > 1e-6 and min(abs(at - corner) for corner, _ in points) > 1e-6)
    assert inside(schedule.spans(points, vu), at) == (there > vu)


@given(plans, st.sampled_from(VUS))
def test_spans_are_in_order(points: schedule.Points, vu: int) -> None:
    """Spans follow each other; what is one time is one span, so that no VU begins twice in it; only the last may be endless."""
    found = schedule.spans(points, vu)
    assert all(start <= stop for start, stop in found)
    assert all(before[1] <= after[0] + 1e-9 for before, after in pairwise(found))
    assert [stop for _, stop in found if stop == inf] == [inf] * (points[-1][1] > vu)
    assert all(height(points, after[0] - 1e-9) <= vu + 1e-6 for _, after in pairwise(found))


@pytest.mark.parametrize(
    "plan, vu, expected",
    [
        ([(10.0, 10)], 0, [(0, inf)]),
        ([(10.0, 10)], 4, [(4, inf)]),
        ([(10.0, 10)], 9, [(9, inf)]),
        ([(10.0, 10), (10.0, 0)], 4, [(4, 16)]),
        ([(10.0, 2), (10.0, 2), (10.0, 0)], 1, [(5, 25)]),
        ([(0.0, 5), (10.0, 5), (0.0, 0)], 4, [(0, 10)]),
        ([(0.0, 5), (10.0, 5), (0.0, 0), (5.0, 0), (0.0, 5), (5.0, 5), (0.0, 0)], 4, [(0, 10), (15, 20)]),
        ([(10.0, 4)], 4, []),
        ([(10.0, 0)], 0, []),
    ],
)
def test_spans_by_hand(plan: list[tuple[float, int]], vu: int, expected: list[schedule.Span]) -> None:
    """Ramps up and down, jumps, a rest in between; a VU whose number the line only reaches is never driven."""
    assert [span for span in schedule.spans(schedule.staged(plan), vu) if span[0] < span[1]] == expected


@given(plans, st.floats(0.0, 25.0), st.floats(0.0, 25.0))
def test_planned_time_is_the_area_under_the_line(points: schedule.Points, since: float, length: float) -> None:
    """Over all VUs it is the integral of the number of VUs, as a whole number from the line's height upwards."""
    until, steps = since + length, 4000
    planned = sum(schedule.planned_time(points, vu, since, until) for vu in VUS)
    heights = (height(points, since + (step + 0.5) * length / steps) for step in range(steps))
    area = sum(ceil(one - 1e-9) for one in heights) * length / steps
    assert planned == pytest.approx(area, abs=6 * len(points) * max(length, 1e-9) / steps * 3 + 1e-6)


@given(plans, st.sampled_from(VUS), st.lists(st.floats(0.0, 30.0), min_size=3, max_size=3).map(sorted))
def test_planned_time_adds_up(points: schedule.Points, vu: int, times: list[float]) -> None:
    """The time of two adjoining parts is that of both; of no time, or one that runs backwards, it is 0."""
    first, middle, last = times
    parts = schedule.planned_time(points, vu, first, middle) + schedule.planned_time(points, vu, middle, last)
    assert parts == pytest.approx(schedule.planned_time(points, vu, first, last))
    assert schedule.planned_time(points, vu, last, first) in (0.0, pytest.approx(0.0, abs=1e-9))


@given(plans, st.floats(0.1, 60.0), st.floats(0.0, 20.0))
@example(schedule.constant(4), 9.0, 10.0)
def test_who_is_due_to_send_was_to_begin_an_iteration(points: schedule.Points, until: float, pace: float) -> None:
    """A VU that "must have sent something" has a first iteration before the end: those whose first start is later are not due."""
    vus = max(1, *(int(vus) for _, vus in points), 1)
    for vu in schedule.due_to_send(points, range(vus), pace, until):
        closed = schedule.Closed(schedule.spans(points, vu), pace, schedule.first_start(vu, vus, pace))
        assert closed.due(0.0) < until


def test_due_to_send() -> None:
    """Those with time for an iteration are due to send, those whose time came late are not."""
    line = schedule.ramping(10, 10.0)
    assert schedule.due_to_send(line, range(10), 0.0, 10.0) == list(range(9))
    assert schedule.due_to_send(line, range(10), 3.0, 10.0) == list(range(7))
    assert schedule.due_to_send(line, range(1, 10, 2), 0.0, 4.0) == [1]
    assert schedule.due_to_send(schedule.constant(2), range(2), 0.0, 0.01) == [0, 1]


# --- closed loops

spans = st.lists(st.integers(0, 300), min_size=2, max_size=8, unique=True).map(
    lambda ends: list(zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False))
)


def run(closed: schedule.Closed, took: Sequence[float], until: float = 400.0) -> list[float]:
    """When the iterations of a prompt VU start that take so long in turn."""
    now, starts = 0.0, []
    for length in cycle(took):
        due = closed.due(now)
        if due >= until or len(starts) > 3000:
            return starts
        starts.append(due)
        now = due + length
    raise AssertionError


@given(spans, st.floats(0.1, 50.0), st.floats(0.0, 50.0), st.lists(st.floats(0.0, 120.0), min_size=1, max_size=4))
def test_a_closed_loop(spans: list[schedule.Span], pace: float, first: float, took: list[float]) -> None:
    """No iteration starts outside a span or in the delay at its start, none earlier than a pace after the one before."""
    starts = run(schedule.Closed(spans, pace, first), took)
    assert all(inside([(start + first, stop) for start, stop in spans if start + first < stop], at) for at in starts)
    assert all(after - before >= pace - 1e-6 for before, after in pairwise(starts))


@given(spans, st.floats(1.0, 50.0), st.lists(st.floats(0.0, 120.0), min_size=1, max_size=4))
def test_a_closed_loop_wastes_no_time(spans: list[schedule.Span], pace: float, took: list[float]) -> None:
    """An iteration starts as soon as the pace, the one before and a span allow: no time in a span passes unused."""
    starts, ready = run(schedule.Closed(spans, pace), took), 0.0
    for number, at in enumerate(starts):
        soonest = min(max(ready, start) for start, stop in spans if max(ready, start) < stop)
        assert at == pytest.approx(soonest)
        ready = max(at + pace, at + took[number % len(took)])
    assert not [stop for _, stop in spans if ready < stop - 1e-6]


def test_a_closed_loop_keeps_its_pace_through_a_rest() -> None:
    """The pace holds from the last start of a span to the first of the next."""
    assert run(schedule.Closed([(0, 5), (6, 20)], 4.0), [0.1]) == [0, 4, 8, 12, 16]


def test_the_delay_is_that_of_each_span() -> None:
    """The first iteration of every span is delayed; a span that is shorter has none."""
    assert run(schedule.Closed([(0, 5), (10, 12), (20, 25)], 10.0, 3.0), [0.1]) == [3, 23]


def test_a_jump_up_and_down_again_drives_nobody() -> None:
    """A span without length has no iteration."""
    assert schedule.Closed([(5.0, 5.0)]).due(0.0) == inf
    assert schedule.Closed([]).due(0.0) == inf


def test_a_late_beginner_starts_at_once() -> None:
    """A VU that begins in the middle of a span, a substitute for one, does not wait; one before the load's start does."""
    assert schedule.Closed([(0.0, inf)], 5.0, 3.0).due(60.0) == 60.0
    assert schedule.Closed([(0.0, inf)], 5.0, 3.0).due(-2.0) == 3.0


# --- arrival rates

rates = st.one_of(st.integers(1, 200).map(float), st.integers(1, 600).map(lambda each: each / 60), st.floats(0.2, 300.0))


def arrivals(rate: float, workers: int, took: float = 0.0, until: float = 5.0) -> list[tuple[float, float]]:
    """When the iterations of prompt workers are due, of one VU each, and when that one asked for it."""
    found = []
    for worker in range(workers):
        mine, now = schedule.Arrivals(rate, worker, workers), 0.0
        while (due := mine.due(now)) < until:
            found.append((due, now))
            now = max(due, now) + took
    return sorted(found)


@given(rates, st.integers(1, 8))
def test_each_arrival_is_some_workers(rate: float, workers: int) -> None:
    """Over all workers there is one iteration for each n-th part of a second, on time, none twice and none missing."""
    times = [due for due, _ in arrivals(rate, workers)]
    assert times == pytest.approx([number / rate for number in range(len(times))], abs=1e-9)
    assert len(times) == pytest.approx(ceil(5.0 * rate), abs=1e-6) or rate * 5.0 % 1 in (pytest.approx(0), pytest.approx(1))


@given(rates, st.integers(1, 8), st.data())
def test_planned_counts_what_is_due(rate: float, workers: int, data: st.DataObject) -> None:
    """``planned`` counts the times that ``at`` gives before then; their order is that of their numbers."""
    mine = schedule.Arrivals(rate, data.draw(st.integers(0, workers - 1)), workers)
    until = data.draw(st.floats(-1.0, 5.0))
    times = [mine.at(index) for index in range(mine.planned(until) + 2)]
    assert times == sorted(times)
    assume(min(abs(at - until) for at in times) > 1e-9)
    assert mine.planned(until) == sum(at < until for at in times)


@given(rates, st.integers(1, 8), st.floats(0.0, 30.0))
def test_the_shares_make_up_the_whole(rate: float, workers: int, until: float) -> None:
    """The workers' planned iterations are those of one worker without others."""
    assume(abs(until * rate - round(until * rate)) > 1e-6)
    shares = [schedule.Arrivals(rate, worker, workers).planned(until) for worker in range(workers)]
    assert sum(shares) == schedule.Arrivals(rate).planned(until)
    assert max(shares) - min(shares) <= 1


@given(rates, st.integers(1, 3), st.floats(0.0, 1.0))
def test_no_arrival_is_started_late(rate: float, workers: int, took: float) -> None:
    """What is given to a VU is due now or later, or was so at most `LATE` seconds ago."""
    assert all(due >= asked - schedule.LATE - 1e-9 for due, asked in arrivals(rate, workers, took))


@given(rates, st.integers(1, 40), st.lists(st.floats(0.0, 0.5), min_size=1, max_size=5))
def test_what_no_vu_was_free_for_is_missing(rate: float, vus: int, took: list[float]) -> None:
    """Whatever VUs, each n-th arrival is begun once or left out, and the number left out is planned less begun."""
    mine, lengths = schedule.Arrivals(rate), cycle(took)
    free, begun = [0.0] * vus, list[float]()
    while (due := mine.due(now := heappop(free))) < 3.0:
        begun.append(due)
        heappush(free, max(due, now) + next(lengths))
    indices = [round(at * rate) for at in begun]
    assert indices == sorted(set(indices))
    assert set(indices) <= set(range(mine.planned(3.0) + 1))
    if vus > rate * max(took) + 1:
        assert len(begun) == pytest.approx(mine.planned(3.0), abs=1)


def test_unsent() -> None:
    """One VU of half a second at 10/s begins every fifth arrival: four of five are unsent."""
    begun = arrivals(10.0, 1, took=0.5, until=10.0)
    assert len(begun) == 20
    assert schedule.Arrivals(10.0).planned(10.0) - len(begun) == 80


def test_after_a_stall() -> None:
    """What came due in a stall is left out, but for the last `LATE` seconds of it; no burst makes up for it."""
    mine = schedule.Arrivals(100.0)
    assert mine.due(0.0) == 0.0
    times = [mine.due(7.001) for _ in range(8)]
    assert times == pytest.approx([6.96 + number / 100 for number in range(8)])


def test_a_worker_that_joins_late() -> None:
    """A replacement begins with what is due then, and has nothing that is long over."""
    mine = schedule.Arrivals(4.0, 1, 2)
    assert mine.due(100.0) == 100.25
    assert mine.due(100.0) == 100.75


def test_before_the_start_nothing_is_due() -> None:
    """A worker that asks before the load's start gets the first of its arrivals."""
    assert schedule.Arrivals(10.0, 1, 2).due(-3.0) == 0.1
    assert schedule.Arrivals(10.0, 1, 2).planned(-3.0) == 0


def test_order_of_tests_without_weight() -> None:
    """Tests that are never to be run are an error: a VU must not look for the next one for ever."""

    class Impatient(Random):
        shuffled = 0

        def shuffle(self, x: MutableSequence[int]) -> None:
            self.shuffled += 1
            assert self.shuffled < 100, "it goes round and round"

    with pytest.raises((ValueError, StopIteration)):
        next(schedule.order(2, [0, 0], Impatient()))


@pytest.mark.parametrize(
    ("points", "numbers"),
    [
        (schedule.constant(5), [5, 5, 5, 5]),
        (schedule.ramping(20, 10.0), [0, 1, 10, 20]),
        (schedule.staged([(5.0, 10), (1.0, 0)]), [0, 1, 10, 0]),
    ],
)
def test_driven_at(points, numbers):
    """As many VUs are driven at a time as there are that have it in one of their spans."""
    times = [0.0, 0.1, 4.9, 30.0]
    assert [schedule.driven_at(points, at) for at in times] == numbers
    for at in times[1:]:
        assert sum(start <= at < stop for vu in range(30) for start, stop in schedule.spans(points, vu)) == schedule.driven_at(
            points, at
        )
