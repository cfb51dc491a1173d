"""Outages: maximal runs of failures with no success between; the length of each is an interval."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from pytest_zdt.evidence.kinds import APP, EDGE, NETWORK
from pytest_zdt.evidence.series import Labels, Series
from pytest_zdt.verdict.model import Episode, Outage, User

IN_FLIGHT = frozenset({"reset", "keep-alive-race", "truncated"})


@dataclass(frozen=True, slots=True, order=True)
class Failure:
    """One failure ``at`` the time when it met the state of the API."""

    at: float
    vu: int
    labels: Labels


def failures(series: Iterable[Series]) -> list[Failure]:
    """The failures of the app, the edge and the network, by time.

    A request whose connection broke was sent before the outage and cut by its beginning: it proves a failure only at the time
    of the break. Placed at its sending, a long request would stretch the outage back over a time when all was well.
    """
    found = []
    for one in series:
        if one.labels.failed and one.labels.guilt in (APP, EDGE, NETWORK):
            broken = one.labels.kind in IN_FLIGHT
            rows = zip(one.sent, one.took, one.vu, strict=True)
            found += [Failure(sent + took if broken else sent, vu, one.labels) for sent, took, vu in rows]
    return sorted(found)


@dataclass(frozen=True, slots=True)
class _Interval:
    """Failures with no success between: the last success before came at ``before``, the first after at ``after``."""

    run: list[Failure]
    before: float
    after: float

    @property
    def least(self) -> float:
        return self.run[-1].at - self.run[0].at

    @property
    def most(self) -> float:
        return max(0.0, self.after - self.before)


@dataclass(frozen=True, slots=True)
class Downtime:
    """The outages of each endpoint by start; those that overlap as episodes; the virtual users that were hit."""

    outages: list[Outage]
    episodes: list[Episode]
    users: list[User]


def downtime(series: Sequence[Series], end: float) -> Downtime:
    """What was down in a run that lasted until ``end``."""
    failed = failures(series)
    by_endpoint: dict[str, list[Failure]] = defaultdict(list)
    for failure in failed:
        by_endpoint[failure.labels.endpoint].append(failure)
    found = [interval for endpoint, mine in by_endpoint.items() for interval in _intervals(mine, _well_at(series, endpoint), end)]
    outages = [_outage(interval) for interval in found]
    return Downtime(
        sorted(outages, key=lambda outage: (outage.start_s, outage.endpoint)),
        _episodes(sorted(found, key=lambda interval: (interval.before, interval.after, interval.run[0]))),
        _users(failed, series, end),
    )


def _well(series: Iterable[Series]) -> list[Series]:
    """Neither a cut request nor one that the client or a rate limit broke says whether the API was up."""
    return [one for one in series if one.labels.counted and not one.labels.failed]


def _well_at(series: Iterable[Series], endpoint: str) -> list[float]:
    return sorted(chain.from_iterable(one.sent for one in _well(series) if one.labels.endpoint == endpoint))


def _intervals(failed: Sequence[Failure], well: Sequence[float], end: float) -> Iterable[_Interval]:
    for position, group in groupby(failed, key=lambda failure: bisect_left(well, failure.at)):
        run = list(group)
        after = well[position] if position < len(well) else max(end, run[-1].at)
        yield _Interval(run, well[position - 1] if position else 0.0, after)


def _outage(interval: _Interval) -> Outage:
    run = interval.run
    return Outage(
        endpoint=run[0].labels.endpoint,
        version=", ".join(_versions(run)),
        start_s=run[0].at,
        min_s=interval.least,
        max_s=interval.most,
        failures=len(run),
        kinds=sorted({failure.labels.kind for failure in run}),
        guilt=_guilt(run),
    )


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
    run = sorted(failure for interval in intervals for failure in interval.run)
    return Episode(
        start_s=run[0].at,
        end_s=run[-1].at,
        failures=len(run),
        outages=len(intervals),
        endpoints=sorted({failure.labels.endpoint for failure in run}),
        versions=_versions(run),
        vus=len({failure.vu for failure in run}),
        kinds=sorted({failure.labels.kind for failure in run}),
        guilt=_guilt(run),
    )


def _users(failed: Sequence[Failure], series: Sequence[Series], end: float) -> list[User]:
    """The virtual users that met a failure, each with its longest time without a success."""
    by_vu: dict[int, list[Failure]] = defaultdict(list)
    for failure in failed:
        by_vu[failure.vu].append(failure)
    well: dict[int, list[float]] = {vu: [] for vu in by_vu}
    for one in _well(series) if by_vu else ():
        for sent, vu in zip(one.sent, one.vu, strict=True):
            if vu in well:
                well[vu].append(sent)
    return [_user(vu, list(_intervals(by_vu[vu], sorted(well[vu]), end))) for vu in sorted(by_vu)]


def _user(vu: int, intervals: Sequence[_Interval]) -> User:
    longest = max(intervals, key=lambda interval: (interval.least, interval.most))
    return User(vu, sum(len(interval.run) for interval in intervals), len(intervals), longest.least, longest.most)


def _versions(run: Iterable[Failure]) -> list[str]:
    return sorted({failure.labels.version for failure in run} - {""})


def _guilt(run: Iterable[Failure]) -> str:
    counts = Counter(failure.labels.guilt for failure in run)
    return min(counts, key=lambda name: (-counts[name], name))
