"""Coverage: every endpoint of the run was answered by both versions side by side, and driven on both lanes."""

from __future__ import annotations

from collections import Counter, defaultdict

from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.overlap import inside
from pytest_zdt.verdict.phases import good

LANES = ("new", "reused")


def holes(facts: Facts) -> list[str]:
    """The endpoints that too few good answers of a version cover, as texts.

    Lanes are counted together: kept-alive connections stay on the old version until it drains, so that not every lane can see
    both. Where no overlap is required the whole run counts.
    """
    everywhere = facts.soak or not facts.require["overlap"]
    counts = Counter(
        (sample.endpoint, sample.version)
        for sample in facts.samples
        if good(sample) and (everywhere or inside(sample, facts.overlap))
    )
    versions = [version for version in (facts.timeline.old, facts.timeline.new) if version]
    cells = [(endpoint, version) for endpoint in endpoints(facts) for version in versions]
    least = facts.require["endpoint_answers"]
    return [f"{cell[0]} by {cell[1]}: {counts[cell]} of {least}" for cell in cells if counts[cell] < least]


def missing_lanes(facts: Facts) -> list[str]:
    """The endpoints that were not driven on both lanes, as texts."""
    driven: dict[str, set[str]] = defaultdict(set)
    for sample in facts.samples:
        driven[sample.endpoint].add(sample.lane)
    cells = [(endpoint, lane) for endpoint in endpoints(facts) for lane in LANES]
    return [f"{endpoint} never on the `{lane}` lane" for endpoint, lane in cells if lane not in driven[endpoint]]


def endpoints(facts: Facts) -> list[str]:
    """Every endpoint of the run."""
    return sorted({sample.endpoint for sample in facts.samples})
