"""The overlap: from the first answer of the new version to the last answer of the old one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.verdict.model import Overlap
from pytest_zdt.verdict.phases import Timeline, answered


def overlap(samples: Sequence[Sample], marks: Sequence[Mark], timeline: Timeline) -> Overlap | None:
    """The overlap of a run, None when no answer of the old version was sent for after one of the new version.

    A deployment that is started again resets it: only what was sent after the last deploy-started mark counts.
    """
    reset = max((mark.at for mark in marks if mark.name == "deploy-started"), default=0.0)
    named = [sample for sample in samples if sample.version and answered(sample)]
    starts = [sample.sent for sample in named if sample.version == timeline.new]
    # The mark may come late, after the first new answers of the first deployment: only a second one resets.
    if sum(mark.name == "deploy-started" for mark in marks) > 1:
        starts = [sent for sent in starts if sent >= reset]
    ends = [sample.sent for sample in named if sample.version == timeline.old]
    if not timeline.new or not starts or ends[-1] < starts[0]:
        return None
    within = [sample.version for sample in named if starts[0] <= sample.sent <= ends[-1]]
    changes = sum(before != after for before, after in pairwise(within))
    counts = Counter(within)
    return Overlap(starts[0], ends[-1], {version: counts[version] for version in timeline.versions}, changes)


def inside(sample: Sample, span: Overlap | None) -> bool:
    """Whether the sample was sent inside the overlap."""
    return span is not None and span.start_s <= sample.sent <= span.end_s
