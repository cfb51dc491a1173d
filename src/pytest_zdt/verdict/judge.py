"""Judging: a pure function of the evidence."""

from __future__ import annotations

from typing import Any

from pytest_zdt.evidence.bundle import Evidence
from pytest_zdt.evidence.marks import ENDED
from pytest_zdt.verdict import figures
from pytest_zdt.verdict.causes import likely_causes
from pytest_zdt.verdict.facts import Facts, gather
from pytest_zdt.verdict.generator import health
from pytest_zdt.verdict.latency import impacts
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED, Requirement, Verdict
from pytest_zdt.verdict.requirements import REQUIREMENTS

_RUN_KEYS = (
    *("id", "target", "base_url", "mode", "executor", "vus", "stages", "rate"),
    *("workers", "probe_every_s", "version_source", "started_at"),
)


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a run."""
    return decide(gather(evidence))


def decide(facts: Facts) -> Verdict:
    """The verdict on the facts of a run. Violated if any requirement is, else inconclusive if any is, else verified."""
    requirements = [Requirement(name, *decide(facts)) for name, decide in REQUIREMENTS.items()]
    without_impact = [one.status for one in requirements if one.name != "impact" or facts.require["impact"]]
    verdict = next(status for status in (VIOLATED, INCONCLUSIVE, VERIFIED) if status in without_impact)
    return Verdict(
        verdict=verdict,
        level=_level(verdict, requirements) if facts.timeline.changed else None,
        requirements=requirements,
        run=_run(facts),
        versions=figures.versions(facts),
        phases=figures.phases(facts),
        overlap=next((span for span in facts.overlaps if span is not None), None),
        changes=figures.changes(facts),
        endpoints=figures.endpoints(facts),
        flows=figures.flows(facts),
        outages=facts.downtime.outages,
        episodes=facts.downtime.episodes,
        users=facts.downtime.users,
        failures=figures.failure_groups(facts),
        causes=likely_causes(facts),
        impact=impacts(facts),
        resolution=figures.resolution(facts),
        generator=health(facts),
        cells=figures.cells(facts),
        totals=figures.totals(facts),
        waiting=figures.waiting(facts),
    )


def _level(verdict: str, requirements: list[Requirement]) -> str | None:
    if verdict != VERIFIED:
        return None
    return "zero-downtime" if any(one.status != VERIFIED for one in requirements) else "zero-impact"


def _run(facts: Facts) -> dict[str, Any]:
    ended = facts.marked(ENDED)
    return {
        **{key: facts.run.get(key) for key in _RUN_KEYS},
        "duration_s": facts.timeline.end,
        "planned_s": facts.run.get("planned_s"),
        # A run without an end mark was killed: it did not end by itself.
        "interrupted": not ended or any(bool(mark.data.get("interrupted")) for mark in ended),
        "shards": [str(shard) for shard in facts.run.get("shards") or ()],
        "lost_workers": [str(mark.data.get("worker")) for mark in facts.marked("worker-lost")],
    }
