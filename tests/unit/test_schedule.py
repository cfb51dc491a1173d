"""The schedule: shares, lanes, orders and starts."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

from hypothesis import given
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
