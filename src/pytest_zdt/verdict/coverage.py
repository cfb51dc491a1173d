"""Coverage: every endpoint of the run was answered by both versions side by side, and driven on both lanes."""

from __future__ import annotations

from collections import Counter, defaultdict
from math import inf

from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import Overlap
from pytest_zdt.verdict.phases import Change

LANES = ("new", "reused")


def holes(facts: Facts, change: Change, span: Overlap | None) -> list[str]:
    """The endpoints that too few good answers of a version cover, as texts.

    Lanes are counted together: kept-alive connections stay on the old version until it drains, so that not every lane can see
    both. Where no overlap is required the time from the change before to the one after counts.
    """
    start, stop = _span(facts, change, span)
    counts: Counter[tuple[str, str]] = Counter()
    for one in facts.series:
        if one.labels.good:
            counts[one.labels.endpoint, one.labels.version] += one.count(start, stop)
    cells = [(endpoint, version) for endpoint in endpoints(facts) for version in (change.old, change.new) if version]
    limits = {endpoint: facts.limit("endpoint_answers", endpoint) for endpoint in endpoints(facts)}
    return [f"{cell[0]} by {cell[1]}: {counts[cell]} of {limits[cell[0]]}" for cell in cells if counts[cell] < limits[cell[0]]]


def missing_lanes(facts: Facts, change: Change, span: Overlap | None) -> list[str]:
    """The endpoints that were not driven on both lanes while it counted, as texts."""
    driven: dict[str, set[str]] = defaultdict(set)
    for one in facts.series:
        if one.count(*_span(facts, change, span)):
            driven[one.labels.endpoint].add(one.labels.lane)
    cells = [(endpoint, lane) for endpoint in endpoints(facts) for lane in LANES]
    return [f"{endpoint} never on the `{lane}` lane" for endpoint, lane in cells if lane not in driven[endpoint]]


def _span(facts: Facts, change: Change, span: Overlap | None) -> tuple[float, float]:
    if span is not None and facts.require["overlap"] and not facts.soak:
        return span.start_s, span.end_s
    return (change.since, change.end) if change.start is not None else (-inf, inf)


def endpoints(facts: Facts) -> list[str]:
    """Every endpoint of the run."""
    return sorted({one.labels.endpoint for one in facts.series})
