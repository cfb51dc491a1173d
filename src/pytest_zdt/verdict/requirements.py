"""The requirements: a table of functions, each of which looks at the facts of a run and gives one outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pytest_zdt.verdict import rollout
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.failing import failures, outage
from pytest_zdt.verdict.generator import generator
from pytest_zdt.verdict.latency import impact, latency
from pytest_zdt.verdict.load import load
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED, Outcome, Overlap
from pytest_zdt.verdict.phases import Change

OfChange = Callable[[Facts, Change, Overlap | None], Outcome]


def each(decide: OfChange) -> Callable[[Facts], Outcome]:
    """The requirement that ``decide`` looks at for one change, for every change of a run: the worst outcome is the run's."""

    def decide_all(facts: Facts) -> Outcome:
        pairs = list(zip(facts.timeline.changes, facts.overlaps, strict=True))
        outcomes = [(change, decide(facts, change, span)) for change, span in pairs]
        worst = next(status for status in (VIOLATED, INCONCLUSIVE, VERIFIED) if any(one[0] == status for _, one in outcomes))
        found = [(change, outcome) for change, outcome in outcomes if outcome[0] == worst]
        texts = [
            outcome[2] if len(pairs) == 1 or outcome[2].startswith(str(change)) else f"{change}: {outcome[2]}"
            for change, outcome in found
        ]
        return worst, found[0][1][1], " ".join(texts)

    return decide_all


REQUIREMENTS: Final[dict[str, Callable[[Facts], Outcome]]] = {
    "load": load,
    "generator": generator,
    "head": each(rollout.head),
    "version-change": each(rollout.version_change),
    "overlap": each(rollout.overlap),
    "coverage": each(rollout.coverage),
    "flows": each(rollout.flows),
    "failures": failures,
    "outage": outage,
    "latency": latency,
    "tail": each(rollout.tail),
    "impact": impact,
}
