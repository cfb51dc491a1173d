"""Phases come from evidence: which versions answered, in which order, and when the rollout began and ended.

Send times place everything: a sample belongs to the phase in which it was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from pytest_zdt.evidence.bundle import Evidence
from pytest_zdt.evidence.kinds import is_failure
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import NUMBERS, TEXTS, Sample

HEAD, ROLLOUT, TAIL = "head", "rollout", "tail"
_EVERY_FIELD = attrgetter(*NUMBERS, *TEXTS)


def in_order(samples: Iterable[Sample]) -> list[Sample]:
    """The samples by send time; equal times are told apart by all other fields, so that any order in gives one order out."""
    return sorted(samples, key=_EVERY_FIELD)


def answered(sample: Sample) -> bool:
    """Whether an answer came, good or bad, that was not cut by the end of the run."""
    return sample.status > 0 and sample.kind != "cut"


def good(sample: Sample) -> bool:
    """Whether the sample is a success: answered, as the API gives it by design."""
    return answered(sample) and not is_failure(sample.kind)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The versions in the order of their first good answers and the bounds of the phases; no rollout: both bounds None."""

    versions: tuple[str, ...]
    rollout_start: float | None
    rollout_end: float | None
    end: float

    @property
    def old(self) -> str:
        """The version that answers at the start; empty when no answer named one."""
        return self.versions[0] if self.versions else ""

    @property
    def new(self) -> str:
        """The version that appeared last; empty when there was no change."""
        return self.versions[-1] if len(self.versions) > 1 else ""

    def phase(self, sent: float) -> str:
        """The phase in which something sent at that time belongs."""
        if self.rollout_start is None or self.rollout_end is None or sent < self.rollout_start:
            return HEAD
        return ROLLOUT if sent <= self.rollout_end else TAIL

    def spans(self) -> list[tuple[str, float, float]]:
        """Name, start and end of each phase."""
        if self.rollout_start is None or self.rollout_end is None:
            return [(HEAD, 0.0, self.end)]
        start, stop = self.rollout_start, self.rollout_end
        return [(HEAD, 0.0, start), (ROLLOUT, start, stop), (TAIL, stop, self.end)]


def timeline(evidence: Evidence, samples: Sequence[Sample]) -> Timeline:
    """The versions and phases of a run; ``samples`` are its samples `in_order`."""
    versions = _versions(samples)
    end = _end(evidence.marks, samples)
    new = versions[-1] if len(versions) > 1 else ""
    started = [mark.at for mark in evidence.marks if mark.name == "deploy-started"]
    ended = [mark.at for mark in evidence.marks if mark.name == "deploy-ended"]
    first_new = [next(sample.sent for sample in samples if answered(sample) and sample.version == new)] if new else []
    # A mark that comes late, after the first new answer, does not turn a part of the rollout into head.
    starts = [*started, *first_new] or ended
    if not starts:
        return Timeline(versions, None, None, end)
    # Any version but the new one counts as old here: the tail belongs to the new one alone.
    last_old = [sample.sent for sample in samples if new and answered(sample) and sample.version not in ("", new)][-1:]
    # Without a new version only the mark ends a rollout: a deployment that did not end lasts to the run's end.
    stops = [*ended, *first_new, *last_old] or [end]
    start = _within(min(starts), end)
    return Timeline(versions, start, max(start, _within(max(stops), end)), end)


def _versions(samples: Sequence[Sample]) -> tuple[str, ...]:
    """By first good answer; a version that gave only failures comes after those, by its first answer."""
    named = [sample for sample in samples if sample.version and answered(sample)]
    order = [sample.version for sample in named if good(sample)] + [sample.version for sample in named]
    return tuple(dict.fromkeys(order))


def _end(marks: Sequence[Mark], samples: Sequence[Sample]) -> float:
    ended = [mark.at for mark in marks if mark.name == "run-ended"]
    sent = [samples[-1].sent] if samples else []
    # A run that was killed has no end mark: it lasted as long as something is known of it.
    known = ended or [mark.at for mark in marks] + [sample.sent + sample.took for sample in samples]
    return max([0.0, *known, *sent])


def _within(time: float, end: float) -> float:
    return min(max(time, 0.0), end)
