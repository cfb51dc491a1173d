"""A run as series over time, for systems that keep metrics; what they look like on the wire is for others to say.

Times are whole seconds after the run's start, one interval apart. A request counts from the first time after it was sent, as the
verdict places it. Counts only grow; a series begins with the last time at which it was zero.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from itertools import accumulate, chain, count, pairwise
from math import ceil, fsum
from operator import add
from typing import Final, NamedTuple

from pytest_zdt.evidence.kinds import EXPECTED, SUCCESS
from pytest_zdt.evidence.series import Labels, Series
from pytest_zdt.report.terminal import clean
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED, Verdict
from pytest_zdt.verdict.phases import HEAD, ROLLOUT, TAIL

COUNTER, GAUGE, HISTOGRAM, STATES = "counter", "gauge", "histogram", "states"
"""Kinds of a family: what only grows, what is measured, latencies by bucket, and which of some states holds (1) or not (0)."""
STATE: Final = "state"
"""The label of a series of `STATES` that names the state."""
BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds of the buckets in seconds, themselves included: OpenTelemetry's semantic conventions for durations of HTTP."""
MOST_INTERVALS, MOST_VALUES = 900, 1_000_000
"""A run of many endpoints has longer intervals, so that there are no more values than that."""
WIDTHS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Lengths of an interval in seconds; beyond the last, whole hours."""
LONGEST: Final = 200
"""Characters of a label's value; longer foreign texts are cut."""
LATEST: Final = 9e9
"""Seconds since 1970: nanoseconds beyond that, in the year 2255, do not fit where they are kept."""
STATUSES = (VERIFIED, VIOLATED, INCONCLUSIVE)

REQUESTS = "Requests by virtual users and probes; of outcome cut are those that the end of the run cut short."
FAILURES = "Requests that failed, by kind, and whose failure it was."
LATENCY = "Seconds to the first byte of the answers, good or bad, that virtual users got."
LAG = "The most that a sleeping thread of the load generator woke late in the interval."
CPU = "CPU time per second of a worker of the load generator; 1 is one core."
MARKS = "Events on the timeline of the run, such as the start and the end of the deployment."
PHASE = "Which phase of the deployment the interval was in; where it changed, both."
REQUIREMENT = "How each requirement ended."
VERDICT = "The verdict on the deployment."


class Distribution(NamedTuple):
    """Latencies until a time: how many in each bucket, the last beyond all `BOUNDS`, and their sum in seconds."""

    counts: tuple[int, ...]
    total: float


Value = int | float | Distribution | None
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A series: its labels and its value at each of the times, None where it has none."""

    labels: dict[str, str]
    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Family:
    """Series of one name, its words joined by dots. ``unit`` is UCUM's: ``s``, ``1``, ``{request}``, or empty of states."""

    name: str
    kind: str
    unit: str
    help: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Metrics:
    """All series of a run, which began ``started`` seconds after 1970, at ``times``."""

    run: str
    target: str
    started: float
    times: range
    families: tuple[Family, ...]

    @property
    def values(self) -> int:
        """How many values there are in all series; a distribution is one."""
        lines = chain.from_iterable(family.lines for family in self.families)
        return sum(value is not None for line in lines for value in line.values)


def measure(facts: Facts, verdict: Verdict) -> Metrics:
    """The series of a run. Raises `ValueError`, with one line, where the evidence does not tell when the run was."""
    started = _started(facts)
    times = _times(facts)
    rows = [_rows(one.sent, times) for one in facts.series]
    families = (
        Family("zdt.requests", COUNTER, "{request}", REQUESTS, _counts(facts, rows, *_REQUESTS)),
        Family("zdt.failures", COUNTER, "{request}", FAILURES, _counts(facts, rows, *_FAILURES)),
        Family("zdt.latency", HISTOGRAM, "s", LATENCY, _latencies(facts, rows)),
        Family("zdt.generator.lag", GAUGE, "s", LAG, _health(facts, times, "lag")),
        Family("zdt.generator.cpu", GAUGE, "1", CPU, _health(facts, times, "cpu")),
        Family("zdt.marks", COUNTER, "{mark}", MARKS, _marks(facts, times)),
        Family("zdt.phase", STATES, "", PHASE, list(_phases(facts, times))),
        Family("zdt.requirement", STATES, "", REQUIREMENT, _requirements(verdict, times)),
        Family("zdt.verdict", STATES, "", VERDICT, _ending({}, verdict.verdict, times)),
    )
    return Metrics(_shown(str(facts.run.get("id"))), _shown(str(facts.run.get("target"))), started, times, families)


def _started(facts: Facts) -> float:
    try:
        began = datetime.fromisoformat(facts.run["started_at"])
    except (KeyError, TypeError, ValueError):
        raise ValueError("started_at in its run.json is missing or broken") from None
    started = (began if began.tzinfo else began.replace(tzinfo=UTC)).timestamp()
    if not 0 <= started < LATEST - facts.timeline.end:
        raise ValueError(f"a run of {facts.timeline.end:g} s from {facts.run['started_at']} is beyond what metrics can hold")
    return started


def _times(facts: Facts) -> range:
    """The start and the end of every interval, as many as there may be; the last is at the run's end or after it."""
    series = [one.labels for one in facts.series]
    numbers = sum(len({key(labels) for labels in series} - {None}) for _, key in (_REQUESTS, _FAILURES))
    numbers += len({_answer(labels) for labels in series} - {None}) * (len(BOUNDS) + 3)
    end = max(1.0, facts.timeline.end)
    most = max(1, min(MOST_INTERVALS, MOST_VALUES // max(1, numbers)))
    width = next(width for width in chain(WIDTHS, count(7200, 3600)) if end <= most * width or width >= end)
    return range(0, (ceil(end / width) + 1) * width, width)


def _rows(sent: Sequence[float], times: range) -> list[int]:
    """How many of the rows were sent before each of the times: none before the first, and all before the last."""
    return [0, *(bisect_left(sent, at) for at in times[1:-1]), len(sent)]


def _request(labels: Labels) -> Key:
    outcome = {SUCCESS: "success", EXPECTED: "expected", "cut": "cut"}.get(labels.kind, "failed")
    return *_whom(labels), _shown(labels.lane), outcome


def _failure(labels: Labels) -> Key | None:
    return (*_whom(labels), labels.kind, labels.guilt) if labels.failed else None


def _answer(labels: Labels) -> Key | None:
    return _whom(labels) if labels.answered and not labels.probe else None


def _whom(labels: Labels) -> Key:
    return _shown(labels.endpoint), _shown(labels.version)


_REQUESTS = ("endpoint", "version", "lane", "outcome"), _request
_FAILURES = ("endpoint", "version", "kind", "guilt"), _failure


@cache
def _shown(text: str) -> str:
    """A foreign text without control characters, and no longer than a label may be."""
    text = clean(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _counts(facts: Facts, rows: Sequence[list[int]], names: Key, key: Callable[[Labels], Key | None]) -> list[Line]:
    """The series by what ``key`` gives of their labels, those of None left out."""
    sums: dict[Key, list[int]] = {}
    for one, own in zip(facts.series, rows, strict=True):
        if (found := key(one.labels)) is not None:
            sums[found] = list(map(add, sums[found], own)) if found in sums else own
    return [_growing(dict(zip(names, found, strict=True)), sums[found]) for found in sorted(sums)]


def _growing(labels: dict[str, str], values: Sequence[int]) -> Line:
    """A series of counts from the last zero on."""
    zeros = max(0, bisect_left(values, 1) - 1)
    return Line(labels, [*[None] * zeros, *values[zeros:]])


def _latencies(facts: Facts, rows: Sequence[list[int]]) -> list[Line]:
    groups: dict[Key, list[tuple[Series, list[int]]]] = defaultdict(list)
    for one, own in zip(facts.series, rows, strict=True):
        if (found := _answer(one.labels)) is not None:
            groups[found].append((one, own))
    return [_distribution({"endpoint": key[0], "version": key[1]}, groups[key]) for key in sorted(groups)]


def _distribution(labels: dict[str, str], group: Sequence[tuple[Series, list[int]]]) -> Line:
    """A series of all latencies until each time, from the last time without any."""
    size = len(BOUNDS) + 1
    found: list[Counter[int]] = [Counter() for _ in group[0][1]]
    seconds = [0.0] * len(found)
    for one, rows in group:
        buckets = bytes(map(partial(bisect_left, BOUNDS), one.latency))
        for at, (lower, upper) in enumerate(pairwise(rows), 1):
            found[at].update(buckets[lower:upper])
            seconds[at] += max(0.0, fsum(one.latency[lower:upper]))
    columns = [list(accumulate(inside[bucket] for inside in found)) for bucket in range(size)]
    totals = (round(total, 6) for total in accumulate(seconds))
    values = [Distribution(counts, total) for counts, total in zip(zip(*columns, strict=True), totals, strict=True)]
    zeros = max(0, sum(not any(value.counts) for value in values) - 1)
    return Line(labels, [*[None] * zeros, *values[zeros:]])


def _health(facts: Facts, times: range, what: str) -> list[Line]:
    """The worst lag, or the mean CPU, of each worker in each interval of which its health is known."""
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in facts.health:
        measured = [max(one.lags) / 1000] if what == "lag" and one.lags else [one.cpu] if what == "cpu" else []
        found[_shown(one.worker)][min(max(1, ceil(one.at / times.step)), len(times) - 1)] += measured
    value: Callable[[list[float]], float] = max if what == "lag" else lambda shares: fsum(shares) / len(shares)
    return [
        Line({"worker": worker}, [round(value(own[at]), 6) if own.get(at) else None for at in range(len(times))])
        for worker, own in sorted(found.items())
    ]


def _marks(facts: Facts, times: range) -> list[Line]:
    found: dict[str, list[float]] = defaultdict(list)
    for mark in facts.marks:
        found[_shown(mark.name)].append(mark.at)
    return [_growing({"mark": name}, _rows(sorted(found[name]), times)) for name in sorted(found)]


def _phases(facts: Facts, times: range) -> Iterator[Line]:
    spans = [span for span in facts.timeline.spans() if span[0] == ROLLOUT or span[1] < span[2]]
    for phase in (HEAD, ROLLOUT, TAIL):
        own = [(start, stop) for name, start, stop in spans if name == phase]
        yield Line({STATE: phase}, [int(any(start <= at and stop > at - times.step for start, stop in own)) for at in times])


def _requirements(verdict: Verdict, times: range) -> list[Line]:
    return [line for one in verdict.requirements for line in _ending({"requirement": one.name}, one.status, times)]


def _ending(labels: Mapping[str, str], status: str, times: range) -> list[Line]:
    """What was known at the end of the run alone."""
    before = [None] * (len(times) - 1)
    return [Line({**labels, STATE: one}, [*before, int(one == status)]) for one in STATUSES]
