"""The overlap of a change: from the first answer of the new version to the last answer of the old one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import add

from pytest_zdt.evidence.series import Series
from pytest_zdt.verdict.model import Overlap
from pytest_zdt.verdict.phases import Change


def overlap(series: Sequence[Series], change: Change) -> Overlap | None:
    """The overlap of a change, None when no answer of the old version came after one of the new version.

    What counts is when the first byte of an answer came: a request may wait before the API for the version that answers it. A
    deployment that is started again resets it: only new answers after that count. A run's overlap is that of its virtual users:
    a few probes a second would reach both versions by themselves, whether or not the load did.
    """
    if change.start is None or change.stop is None or not change.new:
        return None
    answers = {}
    for version in sorted({one.labels.version for one in series} - {""}):
        chosen = [one for one in series if one.labels.version == version and one.labels.answered]
        answers[version] = _answered(chosen, change.start, change.stop)
    new, old = answers.get(change.new, []), answers.get(change.old, [])
    new = new[bisect_left(new, change.reset) :]
    if not new or not old or old[-1] < new[0]:
        return None
    start, end = new[0], old[-1]
    within = {version: own[bisect_left(own, start) : bisect_right(own, end)] for version, own in answers.items()}
    within = {version: own for version, own in within.items() if own}
    return Overlap(start, end, {version: len(own) for version, own in within.items()}, alternations(list(within.values())))


def _answered(series: Iterable[Series], start: float, stop: float) -> list[float]:
    """When the answers to what was sent from ``start`` to ``stop`` came, in order."""
    parts = (one.slice(bisect_left(one.sent, start), bisect_right(one.sent, stop)) for one in series)
    return sorted(chain.from_iterable(map(add, one.sent, one.latency) for one in parts))


def alternations(answers: Sequence[Sequence[float]]) -> int:
    """How often the answering version changed; ``answers`` are the times of each version's answers, in order.

    A version's answers between which no other one answered are a turn, and each turn but the first is a change.
    """
    turns = 0
    for own in answers:
        others = sorted(time for other in answers if other is not own for time in other)
        turns += len({bisect_right(others, time) for time in own})
    return turns - 1
