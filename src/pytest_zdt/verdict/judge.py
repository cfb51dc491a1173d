"""Judging: a pure function of the evidence."""

from __future__ import annotations

from typing import Any

from pytest_zdt.evidence.bundle import Evidence
from pytest_zdt.verdict import figures
from pytest_zdt.verdict.facts import Facts, gather
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED, Requirement, Verdict
from pytest_zdt.verdict.requirements import REQUIREMENTS

_RUN_KEYS = ("id", "target", "base_url", "mode", "executor", "vus", "workers", "started_at")


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a run. Violated if any requirement is, else inconclusive if any is, else verified."""
    facts = gather(evidence)
    requirements = [Requirement(name, *decide(facts)) for name, decide in REQUIREMENTS.items()]
    statuses = {requirement.status for requirement in requirements}
    verdict = next(status for status in (VIOLATED, INCONCLUSIVE, VERIFIED) if status in statuses)
    return Verdict(
        verdict=verdict,
        level="zero-downtime" if verdict == VERIFIED else None,
        requirements=requirements,
        run=_run(facts),
        versions=figures.versions(facts),
        phases=figures.phases(facts),
        overlap=facts.overlap,
        endpoints=figures.endpoints(facts),
        flows=figures.flows(facts),
        outages=facts.outages,
        failures=figures.failure_groups(facts),
        resolution=figures.resolution(facts),
        generator=figures.generator(facts),
        cells=figures.cells(facts),
    )


def _run(facts: Facts) -> dict[str, Any]:
    ended = facts.marked("run-ended")
    return {
        **{key: facts.run.get(key) for key in _RUN_KEYS},
        "duration_s": facts.timeline.end,
        "planned_s": facts.run.get("planned_s"),
        # A run without an end mark was killed: it did not end by itself.
        "interrupted": not ended or any(bool(mark.data.get("interrupted")) for mark in ended),
        "lost_workers": [str(mark.data.get("worker")) for mark in facts.marked("worker-lost")],
    }
