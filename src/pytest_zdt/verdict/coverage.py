"""Coverage: every endpoint of the run was answered by both versions side by side, and driven on both lanes.

Virtual users alone cover: a probe repeats one request, and is on neither lane.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf

from pytest_zdt.evidence.kinds import EXPECTED
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import Overlap
from pytest_zdt.verdict.phases import Change

LANES = ("new", "reused")


def holes(facts: Facts, change: Change, span: Overlap | None) -> list[str]:
    """The endpoints that too few good answers of a version cover, as texts.

    Lanes are counted together: kept-alive connections stay on the old version until it drains, so that not every lane can see
    both. Where no overlap is required the time from the change before to the one after counts.
    """
    return _short(facts, _span(facts, change, span), [version for version in (change.old, change.new) if version], "by {}", 2)


def missing_lanes(facts: Facts, change: Change, span: Overlap | None) -> list[str]:
    """The endpoints with too few good answers on a lane while it counted, as texts."""
    return _short(facts, _span(facts, change, span), LANES, "on the `{}` lane", 3)


def never_reused(facts: Facts) -> str:
    """That no request of the lane ``reused`` went over a connection that had been kept alive, in words; empty where one did."""
    if any(any(one.reused) for one in facts.of_vus if one.labels.lane == "reused"):
        return ""
    return (
        "; but no connection of the lane `reused` was kept alive: the API closes them, or is asked less often than it keeps them"
    )


def _short(facts: Facts, span: tuple[float, float], wanted: Sequence[str], where: str, label: int) -> list[str]:
    """The endpoints with too few good answers for one of the ``wanted`` values of a label, which is given by its number.

    Answers that a test expects to be refusals count only where the endpoint never gave another.
    """
    plain = {one.labels.endpoint for one in facts.of_vus if one.labels.good and one.labels.kind != EXPECTED}
    counts: Counter[tuple[str, str]] = Counter()
    for one in facts.of_vus:
        if one.labels.good and (one.labels.kind != EXPECTED or one.labels.endpoint not in plain):
            counts[one.labels.endpoint, str(one.labels[label])] += one.answers(*span)
    cells = [(name, value, facts.limit("endpoint_answers", name)) for name in endpoints(facts) for value in wanted]
    return [
        f"{name} {where.format(value)}: {counts[name, value]} of {least}"
        for name, value, least in cells
        if counts[name, value] < least
    ]


def _span(facts: Facts, change: Change, span: Overlap | None) -> tuple[float, float]:
    if span is not None and facts.require["overlap"] and not facts.soak:
        return span.start_s, span.end_s
    return (change.since, change.end) if change.start is not None else (-inf, inf)


def endpoints(facts: Facts) -> list[str]:
    """Every endpoint of the virtual users."""
    return sorted({one.labels.endpoint for one in facts.of_vus})
