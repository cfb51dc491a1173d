"""The course of a run in buckets: what the charts draw."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.evidence.series import Table
from pytest_zdt.report import course as module
from pytest_zdt.report.course import LEAST_BUCKETS, MOST_BUCKETS, WIDTHS, Columns, Course, bucket_width

from ..verdict.conftest import Story


def columns(samples: list[Sample], width: float = 1.0, end: float = 5.0, **how: Any) -> Columns:
    """Those of samples."""
    course = Course(width)
    course.add(Table(samples).series())
    return course.columns(end, **how)


def sample(sent: float, version: str = "v1", **how: Any) -> Sample:
    """A good answer after 10 ms."""
    return replace(Sample(sent, "GET /a/", "id", 0.02, 0.01, 200, "", version, lane="new"), **how)


@pytest.mark.parametrize(
    "seconds, requests, width",
    [
        (0.0, 0, 0.1),
        (2.0, 100, 0.1),
        (37.0, 5437, 0.2),
        (900.0, 450_000, 1.0),
        (900.0, 900, 30.0),  # 20 requests each
        (900.0, 10, 60.0),  # but 20 buckets at least, where the widths allow it
        (3600.0, 18_000, 5.0),
        (86_400.0, 1_000_000, 120.0),
    ],
)
def test_width(seconds: float, requests: int, width: float) -> None:
    """As narrow as the screen shows, as wide as rates need to be calm."""
    assert bucket_width(seconds, requests) == width


@given(st.floats(0, 5e6), st.integers(0, 10**9))
def test_there_are_never_too_many_buckets(seconds: float, requests: int) -> None:
    """However long the run was; nor too few for a look at its course: the next narrower width would give more than 20."""
    width = bucket_width(seconds, requests)
    assert seconds / width <= MOST_BUCKETS + 1e-6
    narrower = max((one for one in WIDTHS if one < width), default=None)
    assert narrower is None or seconds / narrower > LEAST_BUCKETS


def test_rates() -> None:
    """Good answers by version, failures of all, each by when it was sent."""
    found = columns([*(sample(at) for at in (0.0, 0.5, 0.9, 1.0)), sample(1.5, "v2"), sample(4.5, kind="status-5xx", status=500)])
    assert found.rates == {"v1": [3.0, 1.0, 0.0, 0.0, 0.0], "v2": [0.0, 1.0, 0.0, 0.0, 0.0]}
    assert found.failed == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert found.answers == {"v1": 4, "v2": 1}


def test_the_last_bucket_may_be_shorter() -> None:
    """Its rate is of the time that it has; what was sent at the very end is in it."""
    found = columns([sample(at) for at in (0.0, 2.0, 2.25, 2.5)], width=1.0, end=2.5)
    assert found.rates["v1"] == [1.0, 0.0, 6.0]
    assert columns([sample(2.0)], width=1.0, end=2.0).rates["v1"] == [0.0, 1.0]


@pytest.mark.parametrize("width", [300.0, 3600.0, 86400.0])
def test_rare_requests_count(width: float) -> None:
    """In buckets of hours too: their rates add up to what there was, and one failure is not none."""
    found = columns([*(sample(at * width / 7) for at in range(7)), sample(1.0, kind="reset", status=0)], width, 2 * width)
    assert found.rates["v1"][0] * width == pytest.approx(7, rel=1e-5)
    assert found.failed[0] * width == pytest.approx(1, rel=1e-5)


def test_versions_keep_their_order() -> None:
    """That of the run; answers without a version come last, whatever the alphabet says."""
    samples = [sample(0.0, "zebra"), sample(1.0, "ant"), sample(2.0, "")]
    assert list(columns(samples, versions=("zebra", "ant")).rates) == ["zebra", "ant", ""]


def test_latencies() -> None:
    """Median and 99th percentile of what virtual users waited for, good or bad, in milliseconds; None without an answer."""
    answers = [sample(0.1, latency=at / 1000) for at in range(1, 101)]
    failed = [sample(1.1, latency=0.3, kind="status-5xx", status=500), sample(1.2, kind="connect-refused", status=0, latency=0.0)]
    found = columns([*answers, *failed, sample(2.1, latency=9.0, lane="probe", vu=-1)], end=3.0)
    assert (found.p50, found.p99) == ([50.0, 300.0, None], [99.0, 300.0, None])


def test_what_the_end_cut_is_left_out() -> None:
    """It is neither a success nor a failure."""
    found = columns([sample(0.0), sample(4.9, kind="cut", status=0)])
    assert (found.answers, sum(found.failed), list(found.failed_at)) == ({"v1": 1}, 0.0, [])


def test_no_failure_is_left_out() -> None:
    """Each is there at its time with what it was, in the order of time; as JSON in steps of milliseconds."""
    samples = [sample(at / 100, kind=("status-5xx", "reset")[at % 2], status=500 * (1 - at % 2)) for at in range(500)]
    found = columns(samples[::-1])
    assert list(found.failed_at) == [at / 100 for at in range(500)]
    assert [list(found.groups)[number].kind for number in found.failed_group] == ["status-5xx", "reset"] * 250
    told: Any = found.as_dict()
    assert [at / 1000 for at in accumulate(told["failed_at"])] == list(found.failed_at)
    assert told["groups"][told["failed_group"][0]] == {
        "kind": "status-5xx",
        "guilt": "app",
        "endpoint": "GET /a/",
        "version": "v1",
        "count": 250,
    }


@given(st.lists(st.floats(0, 50), min_size=1), st.sampled_from((0.1, 0.2, 0.5, 2.0)), st.floats(0, 50))
def test_buckets_and_times_agree(times: list[float], width: float, end: float) -> None:
    """Each failure is counted in the bucket that its time says, in whole milliseconds; the last has all that came later."""
    told: Any = columns([sample(at, kind="reset", status=0) for at in times], width, end).as_dict()
    last, step = len(told["failed"]) - 1, round(width * 1000)
    found = Counter(min(at // step, last) for at in accumulate(told["failed_at"]))
    length = max(min(width, told["end"] - last * width), width / 3)
    counts = [rate * (length if number == last else width) for number, rate in enumerate(told["failed"])]
    assert counts == pytest.approx([found[number] for number in range(last + 1)], rel=1e-4)


def test_the_very_end() -> None:
    """The last bucket's latencies are those of what was sent at the very end too."""
    found = columns([sample(1.5), sample(2.0, latency=0.03), sample(2.0003, latency=0.03)], end=2.0003)
    assert (found.p50, found.p99) == ([None, 30.0], [None, 30.0])
    assert found.rates == {"v1": [0.0, 3.0]}


def test_the_latest_failures() -> None:
    """Where only so many are wanted; the counts are those of all."""
    found = columns([sample(at, kind="status-5xx", status=500) for at in range(5)], most=2)
    assert list(found.failed_at) == [3.0, 4.0]
    assert sum(found.failed) == 5.0
    assert list(found.groups.values()) == [5]


def test_only_the_latest_failures_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the buckets that they came in, not all that there ever were."""
    course, longest = Course(1.0), 0

    def noted(rows: Iterable[Any], **how: Any) -> list[Any]:
        nonlocal longest
        found = sorted(rows, **how)
        longest = max(longest, len(found))
        return found

    course.add(Table([sample(at / 10, kind="status-5xx", status=500) for at in range(999, -1, -1)]).series())
    monkeypatch.setattr(module, "sorted", noted, raising=False)
    assert list(course.columns(100.0, most=15).failed_at) == [at / 10 for at in range(985, 1000)]
    assert longest <= 100  # the buckets; 20 failures


def test_a_version_that_only_fails() -> None:
    """It is there too, with its failures and no answers."""
    samples = [sample(0.0), sample(1.0, "v2", kind="status-5xx", status=500)]
    told: Any = columns(samples, versions=("v1", "v2")).as_dict()
    assert [(one["id"], one["answers"], one["failed"]) for one in told["versions"]] == [("v1", 1, 0), ("v2", 0, 1)]


def test_health() -> None:
    """Of each second the worst worker, told for all of the second; None where nothing is known."""
    course = Course(0.5)
    course.add_health([Health("a", 1.0, array("d", [2.0] * 20), 0.2), Health("b", 1.0, array("d", [7.5] * 20), 0.1)])
    found = course.columns(2.0)
    assert found.lag == [7.5, 7.5, None, None]
    assert found.cpu == [0.2, 0.2, None, None]


def test_it_grows() -> None:
    """Samples in pieces give what they give at once."""
    story = Story().break_(300, 310)
    whole, piecemeal = Course(1.0), Course(1.0)
    whole.add(Table(story.samples).series())
    for start in range(0, 800, 7):
        piecemeal.add(Table(story.samples[start : start + 7]).series())
        piecemeal.columns(40.0)
    assert piecemeal.columns(40.0) == whole.columns(40.0)
    assert piecemeal.last == whole.last == story.samples[-1].sent


def test_nothing() -> None:
    """A run without anything has one empty bucket."""
    found = Course(0.1).columns(0.0)
    assert (found.rates, found.failed, found.p50, found.lag) == ({}, [0.0], [None], [None])
