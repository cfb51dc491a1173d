"""Everything that the requirements look at, worked out once from the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

from pytest_zdt.evidence.bundle import Evidence
from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.kinds import APP, EDGE
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.series import Series
from pytest_zdt.verdict.attribution import attribute
from pytest_zdt.verdict.model import Overlap
from pytest_zdt.verdict.outages import Downtime, downtime
from pytest_zdt.verdict.overlap import overlap
from pytest_zdt.verdict.phases import Part, Timeline, timeline

DEFAULTS: Final[dict[str, Any]] = {
    "head": 120.0,
    "tail": 300.0,
    "overlap_answers": 20,
    "endpoint_answers": 5,
    "pair_uses": 3,
    "max_failures": "0",
    "max_outage": 0.0,
    "overlap": True,
    "version_change": True,
    "impact": False,
    "lag": 0.05,
    "window": 10.0,
    "endpoints": {},
}


@dataclass(frozen=True)
class Facts:
    """The evidence by series, and cut at its phases, with overlaps (one for each change) and outages."""

    run: Mapping[str, Any]
    require: Mapping[str, Any]
    series: list[Series]
    parts: list[Part]
    marks: list[Mark]
    health: list[Health]
    torn_lines: int
    timeline: Timeline
    overlaps: list[Overlap | None]
    downtime: Downtime
    shards: list[list[Series]]
    """Of a merged run, what the virtual users of each machine saw; empty otherwise."""

    @property
    def soak(self) -> bool:
        """Whether no change of version was asked for, and none came: what needs two versions is not required."""
        return not self.require["version_change"] and not self.timeline.changed

    @property
    def polled(self) -> bool:
        """Whether versions were polled, so that answers are attributed to them by time."""
        return is_polled(self.run)

    @property
    def of_vus(self) -> list[Series]:
        """The series of the virtual users: all but the probes'."""
        return [one for one in self.series if not one.labels.probe]

    @property
    def probed(self) -> bool:
        """Whether there are probes."""
        return any(one.labels.probe for one in self.series)

    @property
    def total(self) -> int:
        """How many samples count."""
        return sum(len(one) for one in self.series if one.labels.counted)

    def failed(self, *whose: str, phase: str = "") -> list[Part]:
        """The failures of ``whose``, of the app or the edge without any; in that phase, or in all."""
        wanted = whose or (APP, EDGE)
        found = (part for part in self.parts if part.labels.failed and part.labels.guilt in wanted)
        return [part for part in found if phase in ("", part.phase)]

    def marked(self, name: str) -> list[Mark]:
        """The marks of that name, by time."""
        return [mark for mark in self.marks if mark.name == name]

    def limit(self, name: str, endpoint: str) -> Any:
        """A required limit: the endpoint's own, or the one for all; None where neither is set."""
        return self.require["endpoints"].get(endpoint, {}).get(name, self.require.get(name))


def gather(evidence: Evidence) -> Facts:
    """The facts of a run."""
    given = evidence.run.get("require") or {}
    require = {**DEFAULTS, **{name: value for name, value in given.items() if value is not None}}
    marks = sorted(evidence.marks, key=lambda mark: (mark.at, mark.name, repr(sorted(mark.data.items()))))
    health = sorted(evidence.health, key=lambda one: (one.at, one.worker))
    series = attribute(evidence.samples.series(), marks, health, by_time=is_polled(evidence.run))
    settled = max(1.0, min(float(require["head"]), float(require["tail"])) / 2)
    line = timeline(series, marks, settled)
    return Facts(
        run=evidence.run,
        require=require,
        series=series,
        parts=[part for one in series for part in line.parts(one)],
        marks=marks,
        health=health,
        torn_lines=evidence.torn_lines + int(evidence.run.get("torn_lines") or 0),
        timeline=line,
        overlaps=[overlap([one for one in series if not one.labels.probe], change) for change in line.changes],
        downtime=downtime(series, line.end),
        shards=list(_shards(series, evidence.run.get("shard_vus") or [])),
    )


def _shards(series: Sequence[Series], vus: Sequence[int]) -> Iterator[list[Series]]:
    """The series of each machine, whose virtual users are numbered one machine after the other."""
    for first, last in pairwise(accumulate(vus, initial=0)):
        rows = ((one, [row for row, vu in enumerate(one.vu) if first <= vu < last]) for one in series)
        yield [one.part(mine) for one, mine in rows if mine]


def is_polled(run: Mapping[str, Any]) -> bool:
    """Whether the run's versions come from a URL beside the load."""
    return str(run.get("version_source")).startswith("url:")


def count(parts: Iterable[Part]) -> int:
    """How many samples there are in all of them."""
    return sum(len(part.series) for part in parts)
