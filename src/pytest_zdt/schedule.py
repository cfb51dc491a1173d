"""When each VU starts what: arithmetic only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

LANES = ("reused", "new")
"""The two lanes: connections kept alive, and a new one for each iteration."""


def share(vus: int, worker: int, workers: int) -> range:
    """The VUs' numbers that one of ``workers`` drives: every VU has one worker, the shares differ by one at most."""
    return range(worker, vus, workers)


def lane(vu: int, workers: int, lanes: Sequence[str] = LANES) -> str:
    """The lane of a VU. Each worker's VUs alternate, so that every worker drives both lanes where it has two VUs."""
    return lanes[(vu // workers + vu % workers) % len(lanes)]


def order(tests: int, weights: Sequence[int], random: Random) -> Iterator[int]:
    """Indices of tests without end: shuffled rounds in which each test stands as often as its weight says."""
    round_ = [test for test in range(tests) for _ in range(weights[test])]
    while True:
        random.shuffle(round_)
        yield from round_


def first_start(vu: int, vus: int, pace: float) -> float:
    """Seconds after the run's start at which a VU begins, so that paced VUs do not send in step."""
    return pace * vu / vus


def worker_count(cores: int, vus: int) -> int:
    """How many worker processes carry the load when nobody says."""
    return min(cores, vus, 4)
