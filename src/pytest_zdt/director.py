"""Follow mode: when the deployment starts and when the run has seen enough. Pure: fed with the time and what was seen."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Seen:
    """What the batches have told so far; times in seconds from the run's start, -1 for never."""

    samples: int = 0
    failures: int = 0
    last_failure: float = -1.0
    versions: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Version -> times of its first and last good answer, in the order in which they appeared."""

    def add(self, samples: int, failures: int, last_failure: float, versions: list[list[float | str]]) -> None:
        """Adds the summary of a batch."""
        self.samples += samples
        self.failures += failures
        self.last_failure = max(self.last_failure, last_failure)
        for name, _, first, last in versions:
            known = self.versions.get(str(name), (float(first), float(last)))
            self.versions[str(name)] = (min(known[0], float(first)), max(known[1], float(last)))

    @property
    def old(self) -> str:
        """The version that answered first; empty before any has."""
        return min(self.versions, key=lambda name: self.versions[name][0], default="")

    @property
    def rolled_out(self) -> float:
        """When old answered last, if a new version answered after that; else -1."""
        if len(self.versions) < 2:
            return -1.0
        last_of_old = self.versions[self.old][1]
        newest = max(last for name, (_, last) in self.versions.items() if name != self.old)
        return last_of_old if newest > last_of_old else -1.0


MARGIN = 1.0
"""Seconds beyond head and tail, because the last second of samples is still under way."""


@dataclass
class Director:
    """Decides for a run with a deployment: `due` to deploy, and `enough`. All times in seconds from the run's start."""

    head: float
    tail: float
    deployed: float = -1.0
    """When the deployment ended; -1 before."""

    def due(self, now: float, seen: Seen) -> bool:
        """Whether the head is proven, long enough since the first answer and the last failure, so that it can start."""
        if not seen.versions:
            return False
        first = min(first for first, _ in seen.versions.values())
        return now - max(first, seen.last_failure) >= self.head + MARGIN

    def hopeless(self, now: float, seen: Seen) -> bool:
        """Whether there are answers enough, and none of them names a version: such a deployment could never be verified."""
        return not seen.versions and seen.samples > seen.failures and now >= self.head + MARGIN

    def enough(self, now: float, seen: Seen) -> bool:
        """Whether the deployment has ended and the tail is clean, or will not become clean any more."""
        if self.deployed < 0:
            return False
        rollout_end = max(self.deployed, seen.rolled_out)
        if len(seen.versions) > 1 and seen.rolled_out < 0:
            return False  # old is still answering
        clean_since = max(rollout_end, seen.last_failure)
        return now - clean_since >= self.tail + MARGIN or now - rollout_end >= 2 * self.tail + MARGIN
