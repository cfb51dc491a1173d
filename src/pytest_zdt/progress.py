"""What a run looks like while it goes: looked at once a second. Pure: fed with the time and what was seen."""

from __future__ import annotations

from collections import Counter, deque
from itertools import pairwise

from pytest_zdt.director import Seen
from pytest_zdt.follow import Stage
from pytest_zdt.report.panel import GRAPH, Release, View
from pytest_zdt.settings import Run

RATE_OVER = 5
"""Looks, and so about seconds, over which requests a second are counted."""
PAUSE = 0.2
"""Seconds that two looks are apart at least for both to be kept."""


class Watch:
    """Remembers what was seen when, as far as is needed to say what goes on now."""

    def __init__(self, run: Run) -> None:
        self._settings = run.settings
        self._looks: deque[tuple[float, int, Counter[str]]] = deque([(0.0, 0, Counter())], maxlen=GRAPH + 1)

    def view(self, now: float, seen: Seen, stage: Stage, vus: int) -> View:
        """The run at this moment; ``vus`` are driven."""
        if now - self._looks[-1][0] >= PAUSE:
            self._looks.append((now, seen.samples, Counter(seen.answers)))
        settings = self._settings
        return View(
            now=now,
            limit=stage.limit,
            stage=stage.name,
            done=stage.done,
            needed=stage.needed,
            vus=vus,
            most_vus=settings.vus,
            rate=settings.rate,
            per_second=self._per_second(),
            requests=seen.samples,
            failures=seen.failures,
            last_failure=seen.last_failure,
            kinds=tuple(seen.kinds.items()),
            outages=tuple(seen.outages),
            releases=tuple(self._releases(seen)),
            polled=settings.target.version.kind == "url",
            report=str(settings.report),
        )

    def _per_second(self) -> float:
        """Requests a second of late, by when they were told of."""
        (first, before, _), (last, after, _) = self._looks[max(-len(self._looks), -1 - RATE_OVER)], self._looks[-1]
        return (after - before) / (last - first) if last > first else 0.0

    def _releases(self, seen: Seen) -> list[Release]:
        counts = [answers for _, _, answers in self._looks]
        releases = []
        for name, (first, last) in seen.versions.items():
            by_second = tuple(after[name] - before[name] for before, after in pairwise(counts))
            releases.append(Release(name, seen.answers[name], first, last, by_second))
        return sorted(releases, key=lambda one: one.first)
