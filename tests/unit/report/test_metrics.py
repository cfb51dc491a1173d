"""A run as series over time: they say what the verdict says, second by second."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.samples import NO_VU, PROBE
from pytest_zdt.report.metrics import (
    BOUNDS,
    COUNTER,
    HISTOGRAM,
    LONGEST,
    MOST_INTERVALS,
    MOST_VALUES,
    STATE,
    Distribution,
    Line,
    Metrics,
    measure,
)
from pytest_zdt.verdict.facts import gather
from pytest_zdt.verdict.judge import decide, judge

from ..verdict.conftest import Story


def measured(story: Story) -> Metrics:
    """The series of a story."""
    facts = gather(story.evidence)
    return measure(facts, decide(facts))


def lines(metrics: Metrics, name: str) -> list[Line]:
    """The series of a family."""
    (family,) = [family for family in metrics.families if family.name == name]
    return list(family.lines)


def line(metrics: Metrics, name: str, **labels: str) -> list[Any]:
    """The values of the one series with those labels."""
    (found,) = [one for one in lines(metrics, name) if labels.items() <= one.labels.items()]
    return list(found.values)


def ends(metrics: Metrics, name: str, *labels: str) -> Counter[tuple[str, ...]]:
    """What the series of a family count in the end, by some of their labels."""
    found: Counter[tuple[str, ...]] = Counter()
    for one in lines(metrics, name):
        last = one.values[-1]
        found[tuple(one.labels[label] for label in labels)] += sum(last.counts) if isinstance(last, Distribution) else last
    return found


def mixed() -> Story:
    """A run with failures of several kinds, by the app and the edge, expected answers, cut ones and probes."""
    story = Story().break_(300, 301, 305).break_(302, 500, kind="reset", status=0, version="", latency=0.0)
    story.break_(310, kind="expected", status=404).break_(798, 799, kind="cut", status=0, version="")
    story.samples = [
        replace(one, lane=PROBE, vu=NO_VU, flow="", made_by="") if index % 7 == 0 else one
        for index, one in enumerate(story.samples)
    ]
    return story


@pytest.fixture(params=[Story, mixed])
def story(request: pytest.FixtureRequest) -> Story:
    """A run that is verified, and one that is violated."""
    made: Story = request.param()
    return made


def test_counts_are_those_of_the_verdict(story: Story) -> None:
    """Requests in all and by endpoint and version, failures by kind and guilt: each sum is the verdict's."""
    metrics, verdict = measured(story), judge(story.evidence)
    assert ends(metrics, "zdt.requests").total() == verdict.generator.samples == 800
    outcomes = ends(metrics, "zdt.requests", "endpoint", "version", "outcome")
    for cell in verdict.cells:
        own = {outcome: outcomes[cell.endpoint, cell.version, outcome] for outcome in ("success", "expected", "failed")}
        assert (sum(own.values()), own["failed"]) == (cell.requests, cell.failures)
    assert sum(number for key, number in outcomes.items() if key[2] == "cut") == verdict.generator.cut_at_deadline
    groups: Counter[tuple[str, ...]] = Counter()
    for group in verdict.failures:
        groups[group.kind, group.guilt, group.endpoint, group.version] += group.count
    assert ends(metrics, "zdt.failures", "kind", "guilt", "endpoint", "version") == groups


def test_latencies_are_those_of_virtual_users(story: Story) -> None:
    """Of every answer that one of them got, good or bad; those of probes would move the percentiles."""
    expected = Counter(
        (one.endpoint, one.version) for one in story.samples if one.status and one.lane != PROBE and one.kind != "cut"
    )
    assert ends(measured(story), "zdt.latency", "endpoint", "version") == expected


def test_counts_only_grow(story: Story) -> None:
    """Counters and histograms begin with zero, have no gaps after that, and never fall."""
    metrics = measured(story)
    for family in metrics.families:
        for one in family.lines:
            known = [value for value in one.values if value is not None]
            if family.kind == COUNTER:
                assert known[0] == 0
                assert known == sorted(known)
            elif family.kind == HISTOGRAM:
                assert (sum(known[0].counts), known[0].total) == (0, 0.0)
                for before, after in pairwise(known):
                    assert before.total <= after.total
                    assert all(old <= new for old, new in zip(before.counts, after.counts, strict=True))
            if family.kind in (COUNTER, HISTOGRAM):
                assert list(one.values[-len(known) :]) == known
                assert len(known) == 1 or known[0] != known[1]


def test_when_a_request_counts() -> None:
    """At the first time after it was sent; what was sent when the run ended, or before it began, counts too."""
    story = Story()
    story.samples = [replace(story.samples[0], sent=sent) for sent in (-0.1, 0.0, 0.999, 1.0, 39.999, 40.0)]
    values = line(measured(story), "zdt.requests", outcome="success")
    assert (values[:3], values[38:]) == ([0, 3, 4], [4, 4, 6])


def test_buckets() -> None:
    """A bound belongs to the bucket below it; the last bucket has no bound. The sum is in seconds."""
    story, seconds = Story(), (0.0, 0.005, 0.0051, 0.01, 10.0, 10.1, 1000.0)
    story.samples = [replace(one, latency=latency) for one, latency in zip(story.samples[::8], seconds, strict=False)]
    last = line(measured(story), "zdt.latency")[-1]
    assert last == ((2, 2, *[0] * 11, 1, 2), 1020.1201)
    assert len(last.counts) == len(BOUNDS) + 1


@pytest.mark.parametrize(
    "end, step, intervals",
    [(0.0, 1, 1), (2.0, 1, 2), (2.5, 1, 3), (900.0, 1, 900), (900.1, 2, 451), (3600.0, 5, 720), (86400.0, 120, 720)],
)
def test_intervals(end: float, step: int, intervals: int) -> None:
    """Of a round length, as short as may be, and the last one ends with the run or after it."""
    story = Story().mark(end, "run-ended")
    story.samples = []
    story.marks, story.health = [mark for mark in story.marks if mark.at <= end], []
    times = measured(story).times
    assert (times.step, len(times) - 1, times[0]) == (step, intervals, 0)


@pytest.mark.parametrize("days", [30, 3000])
def test_a_long_run(days: int) -> None:
    """However long it was, there are no more than so many intervals."""
    times = measured(Story().mark(days * 86400.0, "run-ended")).times
    assert MOST_INTERVALS / 2 < len(times) - 1 <= MOST_INTERVALS
    assert times.step % 3600 == 0


def test_many_endpoints() -> None:
    """Then the intervals are longer."""
    story = Story().mark(900.0, "run-ended")
    assert measured(story).times.step == 1
    story.samples = [replace(one, endpoint=f"GET /{index}/", sent=one.sent * 20) for index, one in enumerate(story.samples)]
    metrics = measured(story)
    values = sum(len(BOUNDS) + 3 if family.kind == HISTOGRAM else 1 for family in metrics.families for _ in family.lines)
    assert metrics.times.step == 15
    assert values * len(metrics.times) < 1.2 * MOST_VALUES


def test_phases() -> None:
    """Which phase an interval was in; of one in which the phase changed, both."""
    metrics = measured(Story().mark(8.5, "deploy-started"))
    head, rollout, tail = (line(metrics, "zdt.phase", state=state) for state in ("head", "rollout", "tail"))
    assert (head, rollout) == ([1] * 10 + [0] * 31, [0] * 9 + [1] * 11 + [1] + [0] * 20)
    assert tail == [0] * 20 + [1] * 21


def test_a_short_rollout_is_seen() -> None:
    """A switch within an interval is in that interval."""
    story = Story().unmark("deploy-started").unmark("deploy-ended").mark(86400.0, "run-ended")
    story.change(version=lambda one: "v1" if one.sent < 20 else "v2", flow="", made_by="")
    rollout = line(measured(story), "zdt.phase", state="rollout")
    assert [at for at, value in enumerate(rollout) if value] == [1]


def test_health() -> None:
    """The worst lag and the mean CPU of a worker in an interval; nothing of an interval that nothing is known of."""
    story = Story().mark(1800.0, "run-ended")
    lags = {1.0: [1.0, 3.0], 2.0: [2.0], 3.0: [], 2000.0: [7.0]}
    story.health = [Health("gw0", at, array("d", found), at / 10) for at, found in lags.items()]
    metrics = measured(story)
    assert line(metrics, "zdt.generator.lag", worker="gw0") == [None, 0.003, *[None] * 898, 0.007]
    assert line(metrics, "zdt.generator.cpu", worker="gw0") == [None, 0.15, 0.3, *[None] * 897, 200.0]


def test_marks() -> None:
    """How often each was set until then."""
    metrics = measured(Story().mark(12.3, "cache-cleared"))
    assert {one.labels["mark"] for one in lines(metrics, "zdt.marks")} == {
        "cache-cleared",
        "deploy-ended",
        "deploy-started",
        "run-ended",
    }
    assert line(metrics, "zdt.marks", mark="cache-cleared") == [None] * 12 + [0] + [1] * 28


def test_the_verdict_is_known_at_the_end() -> None:
    """There it and each requirement have one status that is so, and two that are not; before there is none."""
    metrics = measured(Story().break_(300))
    assert line(metrics, "zdt.verdict", state="violated") == [None] * 40 + [1]
    assert (
        line(metrics, "zdt.verdict", state="verified") == line(metrics, "zdt.verdict", state="inconclusive") == [None] * 40 + [0]
    )
    found = {one.labels["requirement"]: one.labels[STATE] for one in lines(metrics, "zdt.requirement") if one.values[-1]}
    assert found == {one.name: one.status for one in judge(Story().break_(300).evidence).requirements}


def test_a_run_without_samples() -> None:
    """It has a verdict and marks."""
    story = Story()
    story.samples, story.health = [], []
    metrics = measured(story)
    assert [family.name for family in metrics.families if family.lines] == [
        "zdt.marks",
        "zdt.phase",
        "zdt.requirement",
        "zdt.verdict",
    ]
    assert line(metrics, "zdt.verdict", state="inconclusive")[-1] == 1


HOSTILE = 'GET /"\\\x1b[31m\r\n\u202e{}\ud800\x00/é'


def texts(metrics: Metrics) -> Iterator[str]:
    """All values of labels."""
    yield from (metrics.run, metrics.target)
    yield from (text for family in metrics.families for one in family.lines for text in one.labels.values())


def hostile() -> Story:
    """A run in which every foreign text is hostile, some of them long."""
    story = Story().change(endpoint=lambda one: HOSTILE + one.endpoint * 1000, version=lambda one: HOSTILE + one.version)
    story.health = [replace(one, worker=HOSTILE) for one in story.health]
    story.run |= {"id": HOSTILE, "target": HOSTILE * 1000}
    return story.mark(3.0, HOSTILE)


def test_hostile_texts() -> None:
    """No control character gets into a label, and none is longer than allowed; what then is alike is one series."""
    metrics = measured(hostile())
    assert not set("".join(texts(metrics))) & set("\x1b\r\n\u202e\ud800\x00")
    assert max(map(len, texts(metrics))) == LONGEST
    assert all(text.encode() for text in {one.labels["endpoint"] for one in lines(metrics, "zdt.requests")})
    assert ends(metrics, "zdt.requests").total() == 800
    story = Story().change(endpoint=lambda one: "x" * LONGEST + one.endpoint)
    assert ends(measured(story), "zdt.requests", "endpoint") == {("x" * (LONGEST - 1) + "…",): 800}


@pytest.mark.parametrize("at", ["2026-01-01T00:00:00Z", "2026-01-01T02:00:00.000+02:00", "2026-01-01T00:00:00"])
def test_when_the_run_was(at: str) -> None:
    """In whatever time zone it tells; without one it is UTC."""
    story = Story()
    story.run["started_at"] = at
    assert measured(story).started == 1767225600.0


@pytest.mark.parametrize("at", [None, "", "yesterday", 1767225600, ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"]])
def test_a_run_that_does_not_tell(at: object) -> None:
    """Nothing can be said of when anything was."""
    story = Story()
    story.run["started_at"] = at
    with pytest.raises(ValueError, match=r"^started_at in its run\.json is missing or broken$"):
        measured(story)


@pytest.mark.parametrize("at, end", [("1969-01-01T00:00:00Z", 40.0), ("9000-01-01T00:00:00Z", 40.0), (None, 1e300)])
def test_times_beyond_what_metrics_hold(at: str | None, end: float) -> None:
    """Before 1970, or so late that the nanoseconds do not fit."""
    story = Story().mark(end, "run-ended")
    story.run["started_at"] = at or story.run["started_at"]
    with pytest.raises(ValueError, match=r"^a run of .* s from .* is beyond what metrics can hold$"):
        measured(story)
