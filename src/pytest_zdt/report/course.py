"""The course of a run in buckets of time, for charts. Fed series by series, so that it grows while a run goes."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Final, NamedTuple

from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.series import Series
from pytest_zdt.verdict.statistics import percentile

WIDTHS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 86400.0)
"""Seconds that a bucket may be wide."""
MOST_BUCKETS, LEAST_BUCKETS = 900, 20
REQUESTS_EACH = 20
"""Requests that a bucket should hold, so that its rate is not mere noise."""
ROUNDING = 1e-9
NOISE: Final = 1e-6
"""Milliseconds that a time may miss by as a binary fraction: 0.57 s are 570 ms."""


def bucket_width(seconds: float, requests: int = 0) -> float:
    """Seconds that a bucket of a run should be wide: there are 900 of them at most, and 20 at least where that is possible."""
    calm = min(REQUESTS_EACH * seconds / requests if requests else 0.0, seconds / LEAST_BUCKETS)
    wanted = max(seconds / MOST_BUCKETS, calm)
    return next((width for width in WIDTHS if width >= wanted - ROUNDING), WIDTHS[-1])


class Group(NamedTuple):
    """What failures have in common."""

    kind: str
    guilt: str
    endpoint: str
    version: str


@dataclass(frozen=True, slots=True)
class Columns:
    """A run in buckets of ``width`` seconds from its start to ``end``; every list but those of failures has one value for each.
    Times are whole milliseconds, so that a failure is in the bucket that its time says; the last one has what came after it too.

    ``answers`` are all good answers by version, ``rates`` those a second, ``failed`` failures a second; ``p50`` and ``p99`` the
    latency of answers to virtual users in milliseconds, ``lag`` (milliseconds) and ``cpu`` (1 is a core) those of the worst
    worker; None: unknown.
    Failures are by time: when each was sent, in seconds, and the number of its group; ``groups`` tells how many each has, also
    where only the latest failures were asked for one by one.
    """

    width: float
    end: float
    answers: dict[str, int]
    rates: dict[str, list[float]]
    failed: list[float]
    p50: list[float | None]
    p99: list[float | None]
    lag: list[float | None]
    cpu: list[float | None]
    groups: dict[Group, int]
    failed_at: Sequence[float]
    failed_group: Sequence[int]

    def as_dict(self) -> dict[str, object]:
        """The columns as JSON holds them in few bytes: times of failures are milliseconds since the failure before."""
        whole = [_whole(at) for at in self.failed_at]
        failed: Counter[str] = Counter()
        for group, count in self.groups.items():
            failed[group.version] += count
        return {
            "width": self.width,
            "end": self.end,
            "versions": [
                {"id": name, "answers": self.answers[name], "failed": failed[name], "rate": rate}
                for name, rate in self.rates.items()
            ],
            **{name: getattr(self, name) for name in ("failed", "p50", "p99", "lag", "cpu")},
            "groups": [{**group._asdict(), "count": count} for group, count in self.groups.items()],
            "failed_at": [after - before for before, after in pairwise([0, *whole])],
            "failed_group": list(self.failed_group),
        }


class Course:
    """What was seen of a run so far, in buckets of ``width`` seconds."""

    def __init__(self, width: float) -> None:
        self.width = width
        self._step = _whole(width)
        self.last = 0.0
        """When the last sample was sent; seconds."""
        self._answers: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._failed: Counter[int] = Counter()
        self._failures: defaultdict[Group, array[int]] = defaultdict(lambda: array("q"))
        self._latencies: defaultdict[int, array[float]] = defaultdict(lambda: array("d"))
        self._percentiles: dict[int, tuple[int, float | None, float | None]] = {}
        self._lag: dict[int, float] = {}
        self._cpu: dict[int, float] = {}

    def add(self, series: Iterable[Series]) -> None:
        """Adds samples; those that the end of the run cut are left out."""
        for one in series:
            if one.labels.counted:
                self._add(one)

    def _add(self, one: Series) -> None:
        labels, at = one.labels, [_whole(sent) for sent in one.sent]
        self.last = max([self.last, *one.sent[-1:]])
        buckets = [sent // self._step for sent in at]
        if labels.failed:
            self._failed.update(buckets)
            self._failures[Group(labels.kind, labels.guilt, labels.endpoint, labels.version)].extend(at)
        else:
            self._answers[labels.version].update(buckets)
        if labels.answered and not labels.probe:
            for bucket, latency in zip(buckets, one.latency, strict=True):
                self._latencies[bucket].append(latency)

    def add_health(self, seconds: Iterable[Health]) -> None:
        """Adds seconds of the workers' own health; each tells of all the buckets that it touches."""
        for second in seconds:
            began, last = (int(max(0.0, at - ROUNDING) / self.width) for at in (second.began, second.at))
            for bucket in range(began, last + 1):
                self._lag[bucket] = max(self._lag.get(bucket, 0.0), max(second.lags, default=0.0))
                self._cpu[bucket] = max(self._cpu.get(bucket, 0.0), second.cpu)

    def columns(self, end: float, versions: Sequence[str] = (), most: int | None = None) -> Columns:
        """The columns up to ``end`` seconds, the versions in that order, others behind; of failures the last ``most``."""
        end = _whole(end) / 1000
        buckets = range(max(1, ceil(_whole(end) / self._step)))
        seen = {*self._answers, *(group.version for group in self._failures if group.version)}
        order = [*(name for name in versions if name in seen), *sorted(seen - set(versions), key=lambda name: (not name, name))]
        percentiles = [*(self._of(bucket) for bucket in buckets[:-1]), self._beyond(buckets[-1])]
        groups, at, group = self._listed(most)
        return Columns(
            width=self.width,
            end=end,
            answers={name: self._answers[name].total() for name in order},
            rates={name: self._rate(self._answers[name], buckets, end) for name in order},
            failed=self._rate(self._failed, buckets, end),
            p50=[pair[0] for pair in percentiles],
            p99=[pair[1] for pair in percentiles],
            lag=[_rounded(self._lag.get(bucket)) for bucket in buckets],
            cpu=[_rounded(self._cpu.get(bucket)) for bucket in buckets],
            groups={group: len(self._failures[group]) for group in groups},
            failed_at=at,
            failed_group=group,
        )

    def _rate(self, counts: Counter[int], buckets: range, end: float) -> list[float]:
        """A second, by bucket; the last one may be shorter, and holds what came at the very end."""
        last = buckets[-1]
        length = max(min(self.width, end - last * self.width), self.width / 3)
        beyond = sum(count for bucket, count in counts.items() if bucket >= last)
        return [*(_significant(counts[bucket] / self.width) for bucket in buckets[:-1]), _significant(beyond / length)]

    def _of(self, bucket: int) -> tuple[float | None, float | None]:
        """Median and 99th percentile of a bucket in milliseconds; sorted again only where answers were added."""
        found = self._latencies.get(bucket, ())
        known = self._percentiles.get(bucket)
        if known is None or known[0] != len(found):
            known = self._percentiles[bucket] = (len(found), *_middle_and_worst(found))
        return known[1:]

    def _beyond(self, last: int) -> tuple[float | None, float | None]:
        """Those of the last bucket and what came at the very end."""
        later = [bucket for bucket in self._latencies if bucket > last]
        if not later:
            return self._of(last)
        return _middle_and_worst([latency for bucket in (last, *later) for latency in self._latencies.get(bucket, ())])

    def _listed(self, most: int | None) -> tuple[list[Group], Sequence[float], Sequence[int]]:
        groups, since = sorted(self._failures), 0 if most is None else self._since(most)
        rows = sorted((at, number) for number, group in enumerate(groups) for at in self._failures[group] if at >= since)
        kept = rows if most is None else rows[-most:]
        return groups, array("d", (at / 1000 for at, _ in kept)), array("l", (number for _, number in kept))

    def _since(self, most: int) -> int:
        """The start of the bucket from which on there are ``most`` failures; milliseconds."""
        seen = 0
        for bucket in sorted(self._failed, reverse=True):
            seen += self._failed[bucket]
            if seen >= most:
                return bucket * self._step
        return 0


def _whole(seconds: float) -> int:
    """Whole milliseconds that have passed since the start."""
    return max(0, int(seconds * 1000 + NOISE))


def _middle_and_worst(latencies: Iterable[float]) -> tuple[float | None, float | None]:
    """Median and 99th percentile in milliseconds."""
    ordered = sorted(latencies)
    p50, p99 = (_rounded(percentile(ordered, share), 1000) for share in (0.5, 0.99))
    return p50, p99


def _significant(rate: float) -> float:
    """A rate with six digits that count: with so many decimals a failure in an hour would be none."""
    return float(f"{rate:.6g}")


def _rounded(value: float | None, factor: float = 1.0) -> float | None:
    return None if value is None else round(value * factor, 2)
