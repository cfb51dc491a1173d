"""Follow mode: when the deployment starts and when the run has seen enough. Pure: fed with the time and what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Rows = Sequence[Sequence[float | str]]


@dataclass
class Seen:
    """What the batches have told so far; times in seconds from the run's start, -1 for never."""

    samples: int = 0
    failures: int = 0
    last_failure: float = -1.0
    versions: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Version -> times of its first and last good answer, in the order in which they appeared."""
    answers: Counter[str] = field(default_factory=Counter)
    """Version -> good answers."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Kind -> failures."""
    endpoints: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Endpoint -> times of its last success, and of the first failure since."""
    failed: dict[str, float] = field(default_factory=dict)
    """Endpoint -> time of its last failure."""

    def add(
        self,
        samples: int,
        failures: int,
        last_failure: float,
        versions: Rows,
        kinds: Rows = (),
        endpoints: Rows = (),
    ) -> None:
        """Adds the summary of a batch: see `pytest_zdt.recorder.message`."""
        self.samples += samples
        self.failures += failures
        self.last_failure = max(self.last_failure, last_failure)
        for name, number, first, last in versions:
            known = self.versions.get(str(name), (float(first), float(last)))
            self.versions[str(name)] = (min(known[0], float(first)), max(known[1], float(last)))
            self.answers[str(name)] += int(number)
        for kind, number in kinds:
            self.kinds[str(kind)] += int(number)
        for name, good, since, failed in endpoints:
            before, failing = self.endpoints.get(str(name), (-1.0, -1.0))
            last_good = max(before, float(good))
            later = [at for at in (failing, float(since)) if at > last_good]
            self.endpoints[str(name)] = (last_good, min(later, default=-1.0))
            self.failed[str(name)] = max(float(failed), self.failed.get(str(name), -1.0))

    @property
    def outages(self) -> list[tuple[str, float]]:
        """The endpoints that have failed since their last success, and since when; the longest first."""
        return sorted(((name, since) for name, (_, since) in self.endpoints.items() if since >= 0), key=lambda one: one[1])

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
FAILED_TAIL = 30.0
"""Seconds that a deployment is followed at most whose command failed: nothing can be verified any more, but it may do harm."""


@dataclass
class Director:
    """Decides for a run with a deployment: `due` to deploy, and `enough`. All times in seconds from the run's start.

    ``expects``: the deployment must bring a new version. ``forgives`` says of an endpoint whether some of its failures are
    allowed, so that head and tail go on in spite of them; None: of no endpoint.
    """

    head: float
    tail: float
    expects: bool = True
    forgives: Callable[[str], bool] | None = None
    deployed: float = -1.0
    """When the deployment ended; -1 before."""
    failed: bool = False
    """Whether its command failed."""

    def proven(self, now: float, seen: Seen) -> float:
        """Seconds of head so far, since the first answer and the last failure."""
        if not seen.versions:
            return 0.0
        first = min(first for first, _ in seen.versions.values())
        return now - max(first, self._last_failure(seen))

    def due(self, now: float, seen: Seen) -> bool:
        """Whether the head is proven, long enough since the first answer and the last failure, so that it can start."""
        return bool(seen.versions) and self.proven(now, seen) >= self.head + MARGIN

    def hopeless(self, now: float, seen: Seen) -> bool:
        """Whether there are answers enough, and none of them names a version: such a deployment could never be verified."""
        return not seen.versions and seen.samples > seen.failures and now >= self.head + MARGIN

    def clean(self, now: float, seen: Seen) -> float:
        """Seconds of tail so far: since the deployment, the last answer of old, and the last failure. 0 while old answers."""
        if self.deployed < 0 or self._still_old(seen):
            return 0.0
        return now - max(self.deployed, seen.rolled_out, self._last_failure(seen))

    def _last_failure(self, seen: Seen) -> float:
        if self.forgives is None:
            return seen.last_failure
        return max((at for name, at in seen.failed.items() if not self.forgives(name)), default=-1.0)

    def _still_old(self, seen: Seen) -> bool:
        """Whether old answers still, or no new version does yet: a command may return before its deployment has begun."""
        return seen.rolled_out < 0 and (self.expects or len(seen.versions) > 1)

    def enough(self, now: float, seen: Seen) -> bool:
        """Whether the deployment has ended and the tail is clean, or will not become clean any more."""
        if self.deployed < 0:
            return False
        if self.failed:
            return now - self.deployed >= min(self.tail, FAILED_TAIL) + MARGIN
        if self._still_old(seen):
            return False
        return self.clean(now, seen) >= self.tail + MARGIN or now - max(self.deployed, seen.rolled_out) >= self.longest_tail

    @property
    def longest_tail(self) -> float:
        """Seconds after which a tail is not waited for any more."""
        return 2 * self.tail + MARGIN
