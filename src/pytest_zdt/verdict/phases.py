"""Phases come from evidence: which versions answered, in which order, and when each change began and ended.

Send times place everything: a sample belongs to the phase in which it was sent. A version *reigns* while it alone answers, for
long enough that this is no chance of an overlap; a run has a change from each reign to the next.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from math import inf
from operator import add
from typing import NamedTuple

from pytest_zdt.evidence.kinds import APP, EDGE, IN_FLIGHT
from pytest_zdt.evidence.marks import DEPLOYED, ENDED, STARTED, Mark
from pytest_zdt.evidence.series import Labels, Series

HEAD, ROLLOUT, TAIL = "head", "rollout", "tail"
REIGN_ANSWERS = 20
LEAD, LEAD_SHARE = 30.0, 1 / 3
"""Seconds before a rollout that no mark tells of in which a failure may be its doing; at most that share of the time before."""
Answers = Mapping[str, "array[float]"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of version: ``old`` alone from ``since``, the rollout from ``start`` to ``stop``, then ``new`` alone to ``end``.

    ``new`` is empty where none came; ``start`` and ``stop`` are None where nothing tells of a rollout either. ``reset`` is when
    the deployment was started again: what was seen of the new version before is no evidence. ``early``: no mark told of the
    start, and failures shortly before the first answer of the new version are counted to the rollout.
    """

    old: str
    new: str
    since: float
    start: float | None
    stop: float | None
    end: float
    reset: float = -inf
    early: bool = False

    def __str__(self) -> str:
        return f"{self.old} -> {self.new}" if self.new else f"{self.old or 'no version'} alone"


class Part(NamedTuple):
    """The samples of a series in one phase: the number of the phase in the run, its name, and they."""

    number: int
    phase: str
    series: Series

    @property
    def labels(self) -> Labels:
        """Those of the series."""
        return self.series.labels


@dataclass(frozen=True, slots=True)
class Timeline:
    """The versions in the order of their first good answers, the changes from one to the next (at least one), the run's end."""

    versions: tuple[str, ...]
    changes: tuple[Change, ...]
    end: float

    @property
    def old(self) -> str:
        """The version that answers at the start; empty when no answer named one."""
        return self.versions[0] if self.versions else ""

    @property
    def changed(self) -> bool:
        """Whether a second version answered."""
        return any(change.new for change in self.changes)

    def spans(self) -> list[tuple[str, float, float]]:
        """Name, start and end of each phase; what lies between two rollouts is the first one's tail."""
        name, since, found = HEAD, 0.0, []
        for change in self.changes:
            if change.start is not None and change.stop is not None:
                found += [(name, since, change.start), (ROLLOUT, change.start, change.stop)]
                name, since = TAIL, change.stop
        return [*found, (name, since, self.end)]

    def parts(self, series: Series) -> Iterator[Part]:
        """The series cut at the phases; those without samples are left out. The ends of a rollout belong to it."""
        at, series = self._placed(series)
        lower = 0
        for number, (name, _, stop) in enumerate(self.spans()):
            upper = bisect_right(at, stop) if name == ROLLOUT else bisect_left(at, stop)
            upper = len(series) if stop >= self.end else max(lower, upper)
            if upper > lower:
                yield Part(number, name, series.slice(lower, upper))
            lower = upper

    def _placed(self, series: Series) -> tuple[Sequence[float], Series]:
        """The times that place a series' samples in a phase, in order: when they were sent. A request whose connection broke in
        a rollout that began after its sending is that rollout's: it does not prove that anything had failed before.
        """
        if series.labels.kind not in IN_FLIGHT:
            return series.sent, series
        starts = [start for name, start, _ in self.spans() if name == ROLLOUT]
        places = [
            next((start for start in starts if sent < start <= sent + took), sent)
            for sent, took in zip(series.sent, series.took, strict=True)
        ]
        return sorted(places), series.part(sorted(range(len(series)), key=places.__getitem__))


def times(series: Iterable[Series]) -> array[float]:
    """The send times of all those series, in order."""
    return array("d", sorted(chain.from_iterable(one.sent for one in series)))


def timeline(series: Sequence[Series], marks: Sequence[Mark], settled: float) -> Timeline:
    """The versions and changes of a run. A version reigns when it alone answers for ``settled`` seconds."""
    named = sorted({one.labels.version for one in series if one.labels.answered} - {""})
    answers = {name: times(one for one in series if one.labels.version == name and one.labels.answered) for name in named}
    good = {
        name: min((one.sent[0] for one in series if one.labels.good and one.labels.version == name), default=inf)
        for name in named
    }
    # a version that gave only failures comes after the others, by its first answer
    versions = tuple(sorted(named, key=lambda name: (good[name], answers[name][0], name)))
    end = _end(marks, series)
    changes = _changes(versions, answers, sorted(marks, key=lambda mark: mark.at), settled, end)
    marked = any(mark.name == STARTED for mark in marks)
    return Timeline(versions, changes if marked else tuple(_earlier(change, series) for change in changes), end)


@dataclass(frozen=True, slots=True)
class _Reign:
    version: str
    first: float
    last: float


def _reigns(answers: Answers, settled: float) -> list[_Reign]:
    """When a version alone answered; several such times of one version with none of another between are one."""
    found = []
    for version, own in answers.items():
        others = sorted(chain.from_iterable(times for name, times in answers.items() if name != version))
        for before, after in pairwise([-inf, *others, inf]):
            if after - before > settled:
                alone = own[bisect_right(own, before) : bisect_left(own, after)]
                if len(alone) >= REIGN_ANSWERS and alone[-1] - alone[0] >= settled:
                    found.append(_Reign(version, alone[0], alone[-1]))
    joined: list[_Reign] = []
    for reign in sorted(found, key=lambda reign: reign.first):
        if joined and joined[-1].version == reign.version:
            joined[-1] = replace(joined[-1], last=reign.last)
        else:
            joined.append(reign)
    return joined


def _stages(versions: Sequence[str], answers: Answers, settled: float) -> list[_Reign]:
    """The versions in turn: those that reigned, and those at the run's ends that had no time to."""
    if not versions:
        return []
    stages = _reigns(answers, settled) if len(versions) > 1 else []
    if not stages or stages[0].version != versions[0]:
        stages.insert(0, _Reign(versions[0], -inf, -inf))
    # the run ended before it answered alone, or it was rolled back before it did
    late = [name for name in versions if answers[name][-1] > stages[-1].last and name != stages[-1].version]
    late = late or (list(versions[1:]) if len(stages) == 1 else [])
    if late:
        newest = max(late, key=lambda name: (answers[name][0], name))
        stages.append(_Reign(newest, inf, inf))
    return stages


@dataclass(slots=True)
class _Deployment:
    """What the marks tell of one: from ``start`` to ``ended``, infinite when it did not end."""

    start: float
    ended: float = inf


def _deployments(marks: Sequence[Mark]) -> list[_Deployment]:
    found: list[_Deployment] = []
    told = _of_one_shard(marks, STARTED) + _of_one_shard(marks, DEPLOYED)
    for mark in sorted(told, key=lambda mark: mark.at):
        if mark.name == STARTED or (mark.name == DEPLOYED and not found):
            found.append(_Deployment(mark.at))
        if mark.name == DEPLOYED:
            found[-1].ended = mark.at
    return found


def _of_one_shard(marks: Sequence[Mark], name: str) -> list[Mark]:
    """The marks of that name; where several shards of a run have some, those of the shard that was first: they tell the same."""
    named = sorted((mark for mark in marks if mark.name == name), key=lambda mark: mark.at)
    return [mark for mark in named if mark.data.get("shard") == named[0].data.get("shard")]


def _changes(versions: Sequence[str], answers: Answers, marks: Sequence[Mark], settled: float, end: float) -> tuple[Change, ...]:
    stages = _stages(versions, answers, settled) or [_Reign("", -inf, -inf)]
    if len(stages) == 1:
        stages.append(_Reign("", inf, inf))
    stages[0], stages[-1] = replace(stages[0], last=-inf), replace(stages[-1], last=inf)
    borders = [stage.first for stage in stages[1:-1]]
    deployments: list[list[_Deployment]] = [[] for _ in stages[1:]]
    for one in _deployments(marks):
        deployments[bisect_left(borders, one.start)].append(one)
    again = _without_change(deployments[-1], answers, stages[-1].version)
    found = [_change(old, new, answers, mine, end) for (old, new), mine in zip(pairwise(stages), deployments, strict=True)]
    if again:
        stop = max(min(one.ended, end) for one in again)
        found.append(Change(found[-1].new, "", 0.0, again[0].start, stop, end))
    return tuple(_joined(found))


def _without_change(deployments: list[_Deployment], answers: Answers, newest: str) -> list[_Deployment]:
    """Takes out of the last change's ``deployments`` those that began when all was over and brought nothing new."""
    over = max((own[-1] for version, own in answers.items() if version != newest), default=inf)
    done = min((one.ended for one in deployments), default=inf)
    again = [one for one in deployments if newest and one.start > max(over, done)]
    deployments[:] = [one for one in deployments if one not in again]
    return again


def _change(old: _Reign, new: _Reign, answers: Answers, deployments: Sequence[_Deployment], end: float) -> Change:
    """One change; when it is preceded and followed by others is theirs to say."""
    firsts = {
        name: own[bisect_right(own, old.last)] for name, own in answers.items() if own[-1] > old.last and name != old.version
    }
    lasts = [own[at - 1] for name, own in answers.items() if name != new.version and (at := bisect_right(own, new.last))]
    starts = [first for first in firsts.values() if first <= new.last] + [one.start for one in deployments]
    if not starts:
        return Change(old.version, new.version, 0.0, None, None, end)
    stops = [one.ended for one in deployments if one.ended < inf or not new.version]
    stops += [*lasts, firsts[new.version]] if new.version else []
    start = _within(min(starts), end)
    reset = deployments[-1].start if len(deployments) > 1 else -inf
    return Change(old.version, new.version, 0.0, start, max([start, *(_within(stop, end) for stop in stops)]), end, reset)


def _earlier(change: Change, series: Sequence[Series]) -> Change:
    """Migrations run before the new version answers: without a mark, failures shortly before count as the rollout's."""
    if change.start is None:
        return change
    since = change.start - min(LEAD, LEAD_SHARE * (change.start - change.since))
    failed = times(one for one in series if one.labels.failed and one.labels.guilt in (APP, EDGE))
    found = failed[bisect_left(failed, since) : bisect_left(failed, change.start)]
    return replace(change, start=found[0], early=True) if found else change


def _joined(changes: Sequence[Change]) -> Iterator[Change]:
    """Each change from the end of the one before to the start of the next."""
    since = 0.0
    for change, following in pairwise([*changes, None]):
        assert change is not None
        end = change.end if following is None or following.start is None else following.start
        yield replace(change, since=since, end=end)
        since = change.end if change.stop is None else change.stop


def _end(marks: Sequence[Mark], series: Sequence[Series]) -> float:
    ended = [mark.at for mark in marks if mark.name == ENDED]
    sent = [one.sent[-1] for one in series]
    # A run that was killed has no end mark: it lasted as long as something is known of it.
    known = ended or [mark.at for mark in marks] + [max(map(add, one.sent, one.took)) for one in series]
    return max([0.0, *known, *sent])


def _within(time: float, end: float) -> float:
    return min(max(time, 0.0), end)
