"""A ramp: how many virtual users were planned at any time. Arithmetic only.

Its stages are ``[seconds, vus]``: so many seconds in a straight line from the count before, 0 at first, to that count. After the
last stage its count holds. A stage of 0 seconds is a jump.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import inf
from typing import Final

Stages = Sequence[Sequence[float]]
Corners = list[tuple[float, float]]
"""Where the line turns: seconds from the start, and virtual users; by time. At a jump there are two."""
STEADY: Final[Corners] = [(0.0, 1.0)]
"""One virtual user all the time."""


def corners(stages: Stages, start: float = 0.0) -> Corners:
    """The corners of a ramp that begins ``start`` seconds into the run. Raises TypeError or ValueError for broken stages."""
    found = [(start, 0.0)]
    for seconds, vus in stages:
        found.append((found[-1][0] + float(seconds), float(vus)))
    return found


def joined(ramps: Sequence[Corners]) -> list[list[float]]:
    """The stages of the sum of some ramps, each with a start of its own."""
    stages: list[list[float]] = []
    last = (0.0, 0.0)
    for at in sorted({at for ramp in ramps for at, _ in ramp}):
        for side in (bisect_left, bisect_right):
            here = at, round(sum(_count(ramp, at, side) for ramp in ramps), 6)
            if here != last:
                stages.append([round(at - last[0], 6), here[1]])
                last = here
    return stages


def driven(ramp: Corners, start: float, stop: float) -> tuple[float, float]:
    """Seconds from ``start`` to ``stop`` in which the ramp had a virtual user, and the time of all of them, in seconds.

    Less than a whole one is none.
    """
    seconds = vu_s = 0.0
    for (since, before), (until, after) in pairwise([*ramp, (inf, ramp[-1][1])]):
        slope = 0.0 if until in (inf, since) else (after - before) / (until - since)
        lower, upper = max(start, since), min(stop, until)
        if slope > 0:
            lower = max(lower, since + (1 - before) / slope)
        elif slope < 0:
            upper = min(upper, since + (1 - before) / slope)
        if upper > lower and (slope or before >= 1):
            seconds += upper - lower
            vu_s += (upper - lower) * (before + slope * ((lower + upper) / 2 - since))
    return seconds, vu_s


def _count(ramp: Corners, at: float, side: Callable[[list[float], float], int]) -> float:
    """The virtual users at a time: just before a jump there, or just after."""
    number = side([time for time, _ in ramp], at)
    if number == 0:
        return 0.0
    if number == len(ramp):
        return ramp[-1][1]
    (since, before), (until, after) = ramp[number - 1], ramp[number]
    return before + (after - before) * (at - since) / (until - since)
