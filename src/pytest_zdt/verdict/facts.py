"""Everything that the requirements look at, worked out once from the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pytest_zdt.evidence.bundle import Evidence
from pytest_zdt.evidence.kinds import APP, EDGE, guilt, is_failure
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.verdict.model import Outage, Overlap
from pytest_zdt.verdict.outages import outages
from pytest_zdt.verdict.overlap import overlap
from pytest_zdt.verdict.phases import Timeline, in_order, timeline

DEFAULTS: Final[dict[str, Any]] = {
    "head": 120.0,
    "tail": 300.0,
    "overlap_answers": 20,
    "endpoint_answers": 5,
    "max_failures": "0",
    "max_outage": 0.0,
    "overlap": True,
    "version_change": True,
}


@dataclass(frozen=True)
class Facts:
    """The evidence, in order, with its phases, overlap and outages."""

    run: dict[str, Any]
    require: dict[str, Any]
    samples: list[Sample]
    failed: list[Sample]
    marks: list[Mark]
    torn_lines: int
    timeline: Timeline
    overlap: Overlap | None
    outages: list[Outage]

    @property
    def soak(self) -> bool:
        """Whether no change of version was asked for, and none came: what needs two versions is not required."""
        return not self.require["version_change"] and not self.timeline.new

    def marked(self, name: str) -> list[Mark]:
        """The marks of that name."""
        return [mark for mark in self.marks if mark.name == name]


def gather(evidence: Evidence) -> Facts:
    """The facts of a run."""
    samples = in_order(evidence.samples)
    line = timeline(evidence, samples)
    return Facts(
        run=evidence.run,
        require={**DEFAULTS, **(evidence.run.get("require") or {})},
        samples=samples,
        failed=[sample for sample in samples if is_failure(sample.kind)],
        marks=sorted(evidence.marks, key=lambda mark: (mark.at, mark.name, repr(sorted(mark.data.items())))),
        torn_lines=evidence.torn_lines,
        timeline=line,
        overlap=overlap(samples, evidence.marks, line),
        outages=outages(samples, line.end),
    )


def guilty(samples: Iterable[Sample], *whose: str) -> list[Sample]:
    """The failed ``samples`` that are the failure of one of ``whose``; of the app or the edge without any."""
    return [sample for sample in samples if guilt(sample.kind, sample.version) in (whose or (APP, EDGE))]
