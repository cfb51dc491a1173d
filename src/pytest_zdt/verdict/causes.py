"""Why no overlap was seen: a guess from the lanes and from who saw which version."""

from __future__ import annotations

from collections import defaultdict

from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.overlap import inside


def why_no_overlap(facts: Facts) -> str:
    """The likely cause, with what to do about it."""
    if {sample.lane for sample in facts.samples} == {"reused"}:
        return "keep-alive connections stay on the old version: drive the `new` lane too"
    if facts.overlap is None:
        return "an instant switch from one version to the other (if it is meant so, set overlap = false)"
    seen: dict[int, set[str]] = defaultdict(set)
    for sample in facts.samples:
        if sample.version and sample.lane != "reused" and inside(sample, facts.overlap):
            seen[sample.vu].add(sample.version)
    if len(seen) > 1 and all(len(versions) == 1 for versions in seen.values()):
        return "connections look sticky, no virtual user met both versions: turn off session affinity or use more virtual users"
    return "the overlap was too short or the load too thin: use more virtual users or a shorter pace"
