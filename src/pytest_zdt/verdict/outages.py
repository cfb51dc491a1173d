"""Outages: maximal runs of failures with no success between; the length of each is an interval."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from pytest_zdt.evidence.kinds import APP, EDGE, IN_FLIGHT, NETWORK
from pytest_zdt.evidence.samples import NO_VU
from pytest_zdt.evidence.series import Labels, Series
from pytest_zdt.verdict.model import Episode, Outage, User

CONTENT = frozenset({"wrong-body", "wrong-status", "not-found-on-one-version"})
"""What a test says of an answer that came."""
Failure = tuple[float, int, Labels]
"""When a failure met the state of the API, of which virtual user, and what it was."""


@dataclass(frozen=True, slots=True)
class Downtime:
    """The outages of each endpoint by start; those that overlap as episodes; the virtual users that were hit."""

    outages: list[Outage]
    episodes: list[Episode]
    users: list[User]


def downtime(series: Sequence[Series], end: float) -> Downtime:
    """What was down in a run that lasted until ``end``."""
    by_endpoint: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        by_endpoint[one.labels.endpoint].append(one)
    found = [interval for own in by_endpoint.values() if any(map(_counts, own)) for interval in _intervals(own, end)]
    return Downtime(
        sorted((interval.outage() for interval in found), key=lambda outage: (outage.start_s, outage.endpoint)),
        _episodes(sorted(found, key=lambda interval: (interval.before, interval.after, interval.endpoint))),
        list(_users(series, end)),
    )


def _counts(series: Series) -> bool:
    """Whether these are failures of the app, the edge or the network."""
    return series.labels.failed and series.labels.guilt in (APP, EDGE, NETWORK)


def _well(series: Iterable[Series]) -> list[Series]:
    """Neither a cut request, nor a refused probe, nor one that the client or a rate limit broke says that the API was up."""
    return [one for one in series if one.labels.telling and not one.labels.failed]


def _failures(series: Iterable[Series]) -> Iterator[Failure]:
    """The failures in no order.

    A request whose connection broke was sent before the outage and cut by its beginning: it proves a failure only at the time
    of the break. Placed at its sending, a long request would stretch the outage back over a time when all was well.
    """
    for one in series:
        if _counts(one):
            broken = one.labels.kind in IN_FLIGHT
            for sent, took, vu in zip(one.sent, one.took, one.vu, strict=True):
                yield sent + took if broken else sent, vu, one.labels


@dataclass(frozen=True, slots=True)
class _Interval:
    """Failures of an endpoint with no success between: the last success before and the first after, and what failed."""

    endpoint: str
    before: float
    after: float
    first: float
    last: float
    failures: int
    vus: frozenset[int]
    labels: Counter[Labels]

    def outage(self) -> Outage:
        """The interval as an outage."""
        return Outage(
            endpoint=self.endpoint,
            version=", ".join(_versions(self.labels)),
            start_s=self.first,
            min_s=self.last - self.first,
            max_s=max(0.0, self.after - self.before),
            failures=self.failures,
            kinds=sorted({labels.kind for labels in self.labels}),
            guilt=_guilt(self.labels),
            last_success_s=self.before,
            next_success_s=self.after,
        )


def _intervals(series: Sequence[Series], end: float) -> Iterator[_Interval]:
    """The intervals of one endpoint."""
    failed = sorted(_failures(series))
    well = _successes(series, [at for at, _, labels in failed if labels.kind in CONTENT])
    for position, group in groupby(failed, key=lambda failure: bisect_left(well, failure[0])):
        run = list(group)
        before, after = _around(well, position, run[-1][0], end)
        vus, labels = frozenset(vu for _, vu, _ in run) - {NO_VU}, Counter(labels for _, _, labels in run)
        yield _Interval(run[0][2].endpoint, before, after, run[0][0], run[-1][0], len(run), vus, labels)


def _successes(series: Sequence[Series], wrong: Sequence[float]) -> list[float]:
    """When an endpoint was well, by send time. A probe knows the status alone: between two successes of users, a test's ``wrong``
    answers say more.
    """
    well = [(one.labels.probe, one.sent) for one in _well(series)]
    users = sorted(chain.from_iterable(sent for probe, sent in well if not probe))
    doubted = {bisect_left(users, at) for at in wrong}
    probes = (at for probe, sent in well if probe for at in sent)
    return sorted([*users, *(at for at in probes if bisect_left(users, at) not in doubted)])


def _around(well: Sequence[float], position: int, last: float, end: float) -> tuple[float, float]:
    """The times of the success before and after; of the run's begin and end where there is none."""
    return well[position - 1] if position else 0.0, well[position] if position < len(well) else max(end, last)


def _episodes(found: Sequence[_Interval]) -> list[Episode]:
    """Joins the outages that may have overlapped."""
    joined: list[list[_Interval]] = []
    until = 0.0
    for interval in found:
        if joined and interval.before < until:
            joined[-1].append(interval)
        else:
            joined.append([interval])
        until = max(until, interval.after)
    return [_episode(intervals) for intervals in joined]


def _episode(intervals: Sequence[_Interval]) -> Episode:
    labels: Counter[Labels] = Counter()
    for interval in intervals:
        labels.update(interval.labels)
    return Episode(
        start_s=min(interval.first for interval in intervals),
        end_s=max(interval.last for interval in intervals),
        failures=sum(interval.failures for interval in intervals),
        outages=len(intervals),
        endpoints=sorted({interval.endpoint for interval in intervals}),
        versions=_versions(labels),
        vus=len(frozenset().union(*(interval.vus for interval in intervals))),
        kinds=sorted({one.kind for one in labels}),
        guilt=_guilt(labels),
    )


def _users(series: Sequence[Series], end: float) -> Iterator[User]:
    """The virtual users that met a failure, each with its longest time without a success."""
    failed: dict[int, array[float]] = defaultdict(lambda: array("d"))
    for at, vu, _ in _failures(one for one in series if not one.labels.probe):
        failed[vu].append(at)
    well: dict[int, array[float]] = {vu: array("d") for vu in failed}
    for one in _well(series) if failed else ():
        for sent, vu in zip(one.sent, one.vu, strict=True):
            if vu in well:
                well[vu].append(sent)
    for vu in sorted(failed):
        lengths = list(_lengths(sorted(failed[vu]), sorted(well[vu]), end))
        yield User(vu, len(failed[vu]), len(lengths), *max(lengths))


def _lengths(failed: Sequence[float], well: Sequence[float], end: float) -> Iterator[tuple[float, float]]:
    """How long each time without a success lasted, at least and at most."""
    for position, group in groupby(failed, key=lambda at: bisect_left(well, at)):
        run = list(group)
        before, after = _around(well, position, run[-1], end)
        yield run[-1] - run[0], max(0.0, after - before)


def _versions(labels: Iterable[Labels]) -> list[str]:
    return sorted({one.version for one in labels} - {""})


def _guilt(labels: Counter[Labels]) -> str:
    counts: Counter[str] = Counter()
    for one, number in labels.items():
        counts[one.guilt] += number
    return min(counts, key=lambda name: (-counts[name], name))
