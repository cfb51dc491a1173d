"""When each VU starts what: arithmetic only. Times are seconds from the load's start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf
from random import Random

LANES = ("reused", "new")
"""The two lanes: connections kept alive, and a new one for each iteration."""
LATE = 0.05
"""Seconds after its time at which an arrival is not started any more: no VU was free for it."""

Span = tuple[float, float]
Points = tuple[tuple[float, float], ...]


def share(vus: int, worker: int, workers: int) -> range:
    """The VUs' numbers that one of ``workers`` drives: every VU has one worker, the shares differ by one at most."""
    return range(worker, vus, workers)


def lane(vu: int, workers: int, lanes: Sequence[str] = LANES) -> str:
    """The lane of a VU. Each worker's VUs alternate, so that every worker drives both lanes where it has two VUs."""
    return lanes[(vu // workers + vu % workers) % len(lanes)]


def order(tests: int, weights: Sequence[int], random: Random) -> Iterator[int]:
    """Indices of tests without end: shuffled rounds in which each test stands as often as its weight says."""
    round_ = [test for test in range(tests) for _ in range(weights[test])]
    if not round_:
        raise ValueError("no test has a weight: there is nothing to run")
    while True:
        random.shuffle(round_)
        yield from round_


def first_start(vu: int, vus: int, pace: float) -> float:
    """Seconds after the run's start at which a VU begins, so that paced VUs do not send in step."""
    return pace * vu / vus


def worker_count(cores: int, vus: int) -> int:
    """How many worker processes carry the load when nobody says."""
    return min(cores, vus, 4)


def constant(vus: int) -> Points:
    """So many VUs all the time."""
    return ((0.0, float(vus)),)


def ramping(vus: int, ramp: float) -> Points:
    """From none to so many in ``ramp`` seconds, then as many as that."""
    return ((0.0, 0.0), (ramp, float(vus)))


def staged(stages: Sequence[tuple[float, int]]) -> Points:
    """Each stage ``(seconds, VUs)`` goes to its number in a straight line; the first from none, the last one stays."""
    points = [(0.0, 0.0)]
    for seconds, vus in stages:
        points.append((points[-1][0] + seconds, float(vus)))
    return tuple(points)


def spans(points: Points, vu: int) -> list[Span]:
    """When a VU is driven: as long as the number of VUs, a broken line through ``points``, is greater than its own from 0."""
    found = [_above(*pair, vu) for pair in pairwise(points)]
    found.append((points[-1][0], inf) if points[-1][1] > vu else None)
    joined: list[Span] = []
    for one in found:
        if one is not None and joined and joined[-1][1] == one[0]:
            joined[-1] = (joined[-1][0], one[1])
        elif one is not None:
            joined.append(one)
    return joined


def _above(start: tuple[float, float], end: tuple[float, float], vu: int) -> Span | None:
    (since, before), (until, after) = start, end
    if before <= vu and after <= vu:
        return None
    if before > vu and after > vu:
        return start[0], end[0]
    crossing = since + (until - since) * (vu - before) / (after - before)
    return (crossing, until) if after > vu else (since, crossing)


def driven_at(points: Points, at: float) -> int:
    """How many VUs are to be driven at a time."""
    for (since, before), (until, after) in pairwise(points):
        if at < until:
            return ceil(before + (after - before) * (at - since) / (until - since))
    return ceil(points[-1][1])


def planned_time(points: Points, vu: int, since: float, until: float) -> float:
    """Seconds for which a VU is to be driven between those times."""
    return sum(max(0.0, min(stop, until) - max(start, since)) for start, stop in spans(points, vu))


def due_to_send(points: Points, vus: Sequence[int], pace: float, until: float) -> list[int]:
    """Those of the VUs that were to begin early enough by then that each must have sent something."""
    most = max(1, ceil(max(number for _, number in points)))
    late = until - min(until / 2, 1.0)
    return [vu for vu in vus if Closed(spans(points, vu), pace, first_start(vu, most, pace)).due(0.0) < late]


@dataclass
class Closed:
    """A closed loop: the next iteration starts when the one before has ended, ``pace`` seconds after its start at least.

    ``first`` is the delay of the first iteration in each span.
    """

    spans: Sequence[Span]
    pace: float = 0.0
    first: float = 0.0
    _due: float = -inf
    _span: int = 0

    def due(self, now: float) -> float:
        """When the next iteration is to start, ``now`` at the earliest; infinite when there is none."""
        while self._span < len(self.spans):
            start, stop = self.spans[self._span]
            at = max(now, start + self.first, self._due)
            if at < stop:
                self._due = at + self.pace  # from start to start: a slow iteration delays the next, it does not cause a burst
                return at
            self._span += 1
        return inf


@dataclass
class Arrivals:
    """An open model: ``rate`` iterations a second in all, whatever the answers do; one of ``workers`` has each n-th of them.

    What is due is given to whoever asks first. What no VU was free for is left out, `LATE` seconds after its time.
    """

    rate: float
    worker: int = 0
    workers: int = 1
    _next: int = 0

    def due(self, now: float) -> float:
        """When the caller's next iteration is to start. Not for several threads at once."""
        self._next = max(self._next, self.planned(now - LATE))
        due = self.at(self._next)
        self._next += 1
        return due

    def at(self, index: int) -> float:
        """When this worker's iteration ``index`` is to start."""
        return (self.worker + index * self.workers) / self.rate

    def planned(self, until: float) -> int:
        """How many of this worker's iterations are to start before then."""
        return max(0, ceil((until * self.rate - self.worker) / self.workers))
