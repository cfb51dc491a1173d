"""The whole verdict: its schema, that it is a pure function of the evidence, its figures."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_zdt.evidence.bundle import Evidence
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.verdict.judge import judge
from pytest_zdt.verdict.outages import outages
from pytest_zdt.verdict.phases import in_order
from pytest_zdt.verdict.statistics import fisher_greater, percentile

from .conftest import ENDED, RUN, Story

KEYS = [
    "schema",
    "verdict",
    "level",
    "requirements",
    "run",
    "versions",
    "phases",
    "overlap",
    "endpoints",
    "flows",
    "outages",
    "failures",
    "resolution",
    "generator",
]
samples = st.builds(
    Sample,
    sent=st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.5]),
    endpoint=st.sampled_from(["GET /a/", "GET /b/"]),
    request_id=st.sampled_from(["a", "b", "c"]),
    took=st.floats(0, 2),
    latency=st.floats(0, 2),
    status=st.sampled_from([0, 200, 503]),
    kind=st.sampled_from(["", "expected", "status-5xx", "reset", "dns", "throttled", "local", "cut", "keep-alive-race"]),
    version=st.sampled_from(["", "v1", "v2", "v3"]),
    vu=st.integers(0, 2),
    lane=st.sampled_from(["new", "reused"]),
    flow=st.sampled_from(["", "token"]),
    made_by=st.sampled_from(["", "v1", "v2"]),
    message=st.sampled_from(["", "broke"]),
)


@given(st.lists(samples, max_size=30), st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_samples_changes_nothing(seen: list[Sample], order: random.Random, marked: bool) -> None:
    """Shuffled samples give the same verdict, in JSON without NaN."""
    marks = [Mark(1.5, "deploy-started"), Mark(5.0, "run-ended", dict(ENDED))] if marked else []
    shuffled = list(seen)
    order.shuffle(shuffled)
    first, second = (judge(Evidence(RUN, line, marks)).as_dict() for line in (seen, shuffled))
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    assert json.loads(json.dumps(first)) == first


@given(
    cadence=st.floats(0.01, 2.0),
    offset=st.floats(0.0, 1.0),
    start=st.floats(0.0, 20.0),
    length=st.floats(0.0, 20.0),
)
def test_the_true_length_of_an_outage_lies_in_its_interval(cadence: float, offset: float, start: float, length: float) -> None:
    """Requests at a fixed cadence against an API that fails for a while."""
    times = [offset + cadence * index for index in range(int(41 / cadence))]
    down = [start <= sent < start + length for sent in times]
    line = [
        Sample(sent, "GET /a/", status=503 if bad else 200, kind="status-5xx" if bad else "")
        for sent, bad in zip(times, down, strict=True)
    ]
    found = outages(in_order(line), 42.0)
    assert len(found) == any(down)
    for outage in found:
        assert outage.min_s - 1e-9 <= length <= outage.max_s + 1e-9
        assert outage.failures == sum(down)


@given(start=st.floats(2.0, 10.0), length=st.floats(0.5, 5.0), took=st.floats(0.0, 2.0))
def test_requests_cut_in_flight_do_not_lengthen_an_outage(start: float, length: float, took: float) -> None:
    """A long request whose connection broke at the outage's beginning was sent when all was well."""
    cadence, end = 0.1, start + length
    line = [Sample(index * cadence, "GET /a/", status=200) for index in range(200) if not start <= index * cadence < end]
    line += [Sample(start - took, "GET /a/", took=took, kind="reset"), Sample(end - 0.01, "GET /a/", kind="connect-refused")]
    (outage,) = outages(in_order(line), 20.0)
    assert outage.min_s - 1e-9 <= length <= outage.max_s + 1e-9


def test_outages_are_of_one_endpoint_each(story: Story) -> None:
    """Failures of one endpoint between good answers of another are an outage of that endpoint alone."""
    (outage,) = judge(story.break_(300, 302, 304).evidence).outages
    assert (outage.endpoint, outage.failures, outage.kinds, outage.guilt) == ("GET /a/", 3, ["status-5xx"], "app")
    assert (outage.start_s, outage.min_s, outage.max_s) == (15.0, pytest.approx(0.2), pytest.approx(0.4))


def test_a_broken_version_beside_a_good_one_gives_short_outages(story: Story) -> None:
    """The good version's answers come between, so each outage is short and names the broken version."""
    broken = [index for index, item in enumerate(story.samples) if item.version == "v2" and item.sent < 20]
    found = judge(story.break_(*broken).evidence).outages
    assert len(found) > 10
    assert {item.version for item in found} == {"v2"}
    assert max(item.min_s for item in found) < 1


def test_an_outage_that_does_not_end_lasts_to_the_end_of_the_run(story: Story) -> None:
    """No success after: the longest length reaches to the run's end."""
    (outage,) = judge(story.break_(*range(700, 800, 2)).evidence).outages
    assert outage.max_s == pytest.approx(40 - 34.9)


def test_the_schema(story: Story) -> None:
    """The keys, in their order, and JSON-safe values."""
    story.break_(300, message="503 from the app")
    content = judge(story.evidence).as_dict()
    assert list(content) == KEYS
    assert content["schema"] == "zdt-verdict/1"
    assert content["failures"] == [
        {
            "kind": "status-5xx", "guilt": "app", "endpoint": "GET /a/", "version": "v1", "phase": "rollout", "count": 1,
            "first_s": 15.0, "last_s": 15.0, "example": {"request_id": "id300", "message": "503 from the app"},
        }
    ]  # fmt: skip
    assert content["generator"] == {
        "lag_p99_ms": None, "lag_max_ms": None, "cpu_share": None, "samples": 800, "lost_samples": 0, "cut_at_deadline": 0,
    }  # fmt: skip


def test_the_guilt_depends_on_the_version_header(story: Story) -> None:
    """A 503 with a version is the app's, one without is the edge's."""
    groups = judge(story.break_(300).break_(302, version="").evidence).failures
    assert [(group.guilt, group.version) for group in groups] == [("app", "v1"), ("edge", "")]


def test_figures_by_endpoint_phase_version_and_lane(story: Story) -> None:
    """Every counted request is in one line; without an answer the latencies are null, never NaN."""
    story.break_(300, kind="connect-refused", status=0, version="", latency=0.0)
    lines = judge(story.evidence).endpoints
    assert sum(line.requests for line in lines) == 800
    (refused,) = [line for line in lines if not line.version]
    assert (refused.p50_ms, refused.max_ms, refused.failures) == (None, None, 1)
    assert {line.p95_ms for line in lines} == {10.0, None}


def test_flows_are_counted(story: Story) -> None:
    """By flow, the version that made the value and the one that used it."""
    story.break_(300, 301, kind="", flow="token", made_by="v1").break_(302, kind="auth-broken", flow="token", made_by="v1")
    (flow,) = judge(story.evidence).flows
    assert (flow.flow, flow.made_by, flow.used_on, flow.requests, flow.failures) == ("token", "v1", "v1", 3, 1)


def test_the_resolution(story: Story) -> None:
    """Largest gap, and three over the number of clean requests; none after a failure."""
    lines = {(line.endpoint, line.phase): line for line in judge(story.break_(700).evidence).resolution}
    head = lines[("GET /a/", "head")]
    assert (head.max_gap_s, head.failure_rate_below) == (pytest.approx(0.1), pytest.approx(3 / 90))
    assert lines[("GET /a/", "tail")].failure_rate_below is None


@pytest.mark.parametrize("share, value", [(0.5, 5), (0.95, 10), (0.1, 1), (0.11, 2), (1.0, 10), (0.0, 1)])
def test_percentiles_by_nearest_rank(share: float, value: float) -> None:
    """Exact values of the list, none interpolated."""
    assert percentile(list(range(1, 11)), share) == value


def test_no_percentile_without_values() -> None:
    """None, not a number."""
    assert percentile([], 0.5) is None


def test_fisher() -> None:
    """Known values: 3 of 10000 against none of 10000 is not significant, which is why budget 0 asks no statistics."""
    assert fisher_greater(3, 10000, 0, 10000) == pytest.approx(0.125, abs=0.001)
    assert fisher_greater(3, 4, 1, 4) == pytest.approx(17 / 70)
    assert fisher_greater(0, 10, 3, 10) == pytest.approx(1.0)
    assert fisher_greater(3, 10, 0, 0) == 1.0
