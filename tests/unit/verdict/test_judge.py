"""The whole verdict: its schema, that it is a pure function of the evidence, its figures."""

from __future__ import annotations

import pytest

from pytest_zdt.verdict.judge import judge

from .conftest import Story

KEYS = [
    "schema",
    "verdict",
    "level",
    "requirements",
    "run",
    "versions",
    "phases",
    "overlap",
    "changes",
    "endpoints",
    "flows",
    "outages",
    "episodes",
    "users",
    "failures",
    "causes",
    "impact",
    "resolution",
    "generator",
]


def test_outages_are_of_one_endpoint_each(story: Story) -> None:
    """Failures of one endpoint between good answers of another are an outage of that endpoint alone."""
    (outage,) = judge(story.break_(300, 302, 304).evidence).outages
    assert (outage.endpoint, outage.failures, outage.kinds, outage.guilt) == ("GET /a/", 3, ["status-5xx"], "app")
    assert (outage.start_s, outage.min_s, outage.max_s) == (15.0, pytest.approx(0.2), pytest.approx(0.4))
    assert (outage.last_success_s, outage.next_success_s) == (pytest.approx(14.9), pytest.approx(15.3))


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
        "lag_p99_ms": 1.0, "lag_max_ms": 1.0, "cpu_share": 0.2, "samples": 800, "lost_samples": 0, "cut_at_deadline": 0,
        "gc_max_ms": 0.0, "files_max": None, "ports_min": None, "unsent_iterations": None, "unsent_probes": None,
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
    story.change(flow="").break_(300, 301, kind="", flow="token", made_by="v1")
    story.break_(302, kind="auth-broken", flow="token", made_by="v1")
    (flow,) = judge(story.evidence).flows
    assert (flow.flow, flow.made_by, flow.used_on, flow.requests, flow.failures) == ("token", "v1", "v1", 3, 1)


def test_the_resolution(story: Story) -> None:
    """Largest gap, and three over the number of clean requests; none after a failure."""
    lines = {(line.endpoint, line.phase): line for line in judge(story.break_(700).evidence).resolution}
    head = lines[("GET /a/", "head")]
    assert (head.max_gap_s, head.failure_rate_below) == (pytest.approx(0.1), pytest.approx(3 / 90))
    assert lines[("GET /a/", "tail")].failure_rate_below is None
