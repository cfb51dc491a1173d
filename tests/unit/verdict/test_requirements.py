"""Each requirement, with each of its reasons, on evidence made by hand."""

from __future__ import annotations

import pytest

from pytest_zdt.evidence.marks import Mark
from pytest_zdt.verdict.judge import judge

from .conftest import Story


def test_a_clean_rollout_is_verified(story: Story) -> None:
    """Both versions answered side by side, nothing failed or slowed down: verified, level zero-impact, exit status 0."""
    verdict = judge(story.evidence)
    assert (verdict.verdict, verdict.level, verdict.exit_status) == ("verified", "zero-impact", 0)
    assert {item.status for item in verdict.requirements} == {"verified"}
    assert {item.reason for item in verdict.requirements} == {""}


def test_a_violation_outweighs_what_is_not_proven(story: Story) -> None:
    """One failure in an interrupted run: violated, exit status 1."""
    verdict = judge(story.break_(300).unmark("run-ended").evidence)
    assert (verdict.verdict, verdict.level, verdict.exit_status) == ("violated", None, 1)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"interrupted": True}, "interrupted"),
        ({"driven_s": 151.0}, "vu-time-missing"),
        ({"driven_s": None}, "vu-time-missing"),
        ({"planned_vu_s": 0.0}, "vu-time-missing"),
        ({"silent_vus": [3]}, "silent-vus"),
    ],
)
def test_load_that_was_not_driven(story: Story, changes: dict[str, object], reason: str) -> None:
    """The end mark tells of load that was planned and not driven."""
    outcome = story.mark(40.0, "run-ended", **changes).requirement("load")
    assert (outcome.status, outcome.reason) == ("inconclusive", reason)
    assert outcome.detail
    assert judge(story.evidence).exit_status == 10


def test_load_allows_a_twentieth_to_miss(story: Story) -> None:
    """95 % of the planned time is enough."""
    assert story.mark(40.0, "run-ended", driven_s=152.0).requirement("load").status == "verified"


def test_load_of_a_killed_run(story: Story) -> None:
    """No end mark: the run was killed, and is interrupted in the schema too."""
    assert story.unmark("run-ended").requirement("load").reason == "run-not-ended"
    assert judge(story.evidence).run["interrupted"] is True


def test_load_without_samples(story: Story) -> None:
    """Zero samples never pass, nothing is proven of anything."""
    story.samples = []
    verdict = judge(story.evidence)
    assert story.requirement("load").reason == "no-samples"
    assert verdict.verdict == "inconclusive"
    statuses = {item.name: item.status for item in verdict.requirements if item.status == "verified"}
    assert set(statuses) == {"generator", "failures", "outage", "latency"}


@pytest.mark.parametrize("name, reason", [("abort", "aborted"), ("worker-lost", "worker-lost")])
def test_load_with_a_mark_that_spoils_it(story: Story, name: str, reason: str) -> None:
    """An early stop or a lost worker is never verified."""
    story.marks.append(Mark(30.0, name, {"worker": "gw0"}))
    assert (story.requirement("load").status, story.requirement("load").reason) == ("inconclusive", reason)


def test_load_with_torn_lines(story: Story) -> None:
    """Evidence that cannot be read is missing evidence."""
    story.torn_lines = 1
    assert story.requirement("load").reason == "torn-lines"
    assert judge(story.evidence).generator.lost_samples is None


def test_head_too_short(story: Story) -> None:
    """Nine seconds where ten are required."""
    outcome = story.require(head=10.0).requirement("head")
    assert (outcome.status, outcome.reason) == ("inconclusive", "head-too-short")
    assert "9.0 s" in outcome.detail


def test_head_in_which_nothing_was_sent(story: Story) -> None:
    """A long head proves nothing when the load began at its end."""
    story.samples = story.samples[100:]
    assert story.requirement("head").reason == "head-too-short"


def test_failures_before_the_rollout(story: Story) -> None:
    """A failure in the head violates, and is labelled as before the rollout."""
    outcome = story.break_(20).requirement("head")
    assert (outcome.status, outcome.reason) == ("violated", "failures-before-rollout")


def test_no_version_change(story: Story) -> None:
    """A deployment that was a no-op: inconclusive, and the detail says what to check."""
    outcome = story.change(version="v1").requirement("version-change")
    assert (outcome.status, outcome.reason) == ("inconclusive", "no-version-change")
    assert "no-op" in outcome.detail
    reasons = {name: story.requirement(name).reason for name in ("overlap", "coverage", "tail")}
    assert reasons == {"overlap": "no-overlap", "coverage": "no-overlap", "tail": "no-version-change"}
    assert judge(story.evidence).verdict == "inconclusive"


def test_no_version_source(story: Story) -> None:
    """No answer named a version."""
    outcome = story.change(version="").requirement("version-change")
    assert (outcome.status, outcome.reason) == ("inconclusive", "no-version-source")
    assert "header:x-zdt-version" in outcome.detail


def test_a_deployment_that_failed(story: Story) -> None:
    """The command failed and only the old version answered."""
    outcome = story.change(version="v1").mark(19.0, "deploy-ended", exit_status=1).requirement("version-change")
    assert (outcome.status, outcome.reason) == ("inconclusive", "deploy-failed")


def test_a_deployment_that_failed_but_deployed(story: Story) -> None:
    """A new version answered all the same, but the rollout may be incomplete: inconclusive, with the exit status told."""
    outcome = story.mark(19.0, "deploy-ended", exit_status=3).requirement("version-change")
    assert (outcome.status, outcome.reason) == ("inconclusive", "deploy-failed")
    assert "exit status 3" in outcome.detail


def test_a_soak_needs_no_second_version(story: Story) -> None:
    """With version_change off and no marks a clean run on one version is verified."""
    story.change(version="v1").unmark("deploy-started").unmark("deploy-ended").require(version_change=False)
    assert judge(story.evidence).verdict == "verified"
    assert [phase.name for phase in judge(story.evidence).phases] == ["head"]


def test_an_instant_switch_has_no_overlap(story: Story) -> None:
    """No old answer after the first new one: inconclusive, guessed as an instant switch."""
    outcome = story.change(version=lambda item: "v1" if item.sent < 15 else "v2").requirement("overlap")
    assert (outcome.status, outcome.reason) == ("inconclusive", "no-overlap")
    assert "instant switch" in outcome.detail
    assert story.requirement("coverage").reason == "no-overlap"


def test_a_switch_where_no_overlap_is_required(story: Story) -> None:
    """Blue-green: with overlap off the same run is verified."""
    story.change(version=lambda item: "v1" if item.sent < 15 else "v2").require(overlap=False)
    assert judge(story.evidence).verdict == "verified"


def test_reused_connections_only(story: Story) -> None:
    """Nothing but kept-alive connections: the detail asks for the other lane."""
    story.change(version=lambda item: "v1" if item.sent < 15 else "v2", lane="reused")
    assert "drive the `new` lane" in story.requirement("overlap").detail


def test_sticky_connections(story: Story) -> None:
    """Every user keeps its version until late, few answers of one version: guessed as sticky."""
    story.change(version=lambda item: "v1" if item.sent < 10 or (item.sent < 20 and item.vu) else "v2")
    outcome = story.require(overlap_answers=60).requirement("overlap")
    assert outcome.reason == "no-overlap"
    assert "sticky" in outcome.detail


def test_too_few_answers_side_by_side(story: Story) -> None:
    """Fewer answers of a version in the overlap than required."""
    outcome = story.require(overlap_answers=200).requirement("overlap")
    assert outcome.reason == "no-overlap"
    assert "v1 96" in outcome.detail


def test_versions_that_never_take_turns(story: Story) -> None:
    """New, then old again, and never both in turns: one alternation is not side by side."""
    story.change(version=lambda item: "v2" if 10 <= item.sent < 15 or item.sent >= 20 else "v1")
    story.samples = [item for item in story.samples if item.sent < 20]
    assert judge(story.evidence).overlap.alternations == 1  # type: ignore[union-attr]
    assert story.requirement("overlap").reason == "no-overlap"


def test_a_lane_without_a_kept_connection(story: Story) -> None:
    """Both lanes were driven, but nothing is known of connections that are kept alive: the report says so."""
    assert "kept alive" not in story.requirement("coverage").detail
    story.change(reused=False).break_(5, kind="", reused=True)
    assert "kept alive" in story.requirement("coverage").detail  # which was of the other lane
    assert story.requirement("coverage").status == "verified"
    story.break_(6, kind="", reused=True)
    assert "kept alive" not in story.requirement("coverage").detail


def test_a_hole_in_the_coverage(story: Story) -> None:
    """An endpoint that the new version never answered in the overlap is named, with its count."""
    story.change(endpoint=lambda item: "GET /c/" if item.sent < 8 and item.endpoint == "GET /a/" else item.endpoint)
    outcome = story.requirement("coverage")
    assert (outcome.status, outcome.reason) == ("inconclusive", "holes")
    assert "GET /c/ by v2: 0 of 5" in outcome.detail


def test_failures_cover_nothing(story: Story) -> None:
    """A version whose answers all failed has not answered the endpoint."""
    story.break_(*(index for index, item in enumerate(story.samples) if item.endpoint == "GET /a/" and item.version == "v2"))
    assert "GET /a/ by v2: 0 of 5" in story.requirement("coverage").detail


def test_an_expected_answer_covers(story: Story) -> None:
    """What the API answers by design is an answer, whatever its status."""
    story.change(kind="expected", status=424)
    assert judge(story.evidence).verdict == "verified"


def test_an_endpoint_on_one_lane(story: Story) -> None:
    """Each endpoint must have been driven on both lanes."""
    outcome = story.change(lane=lambda item: "new" if item.endpoint == "GET /a/" else item.lane).requirement("coverage")
    assert (outcome.status, outcome.reason) == ("inconclusive", "one-lane")
    assert "GET /a/ on the `reused` lane: 0 of 5" in outcome.detail


def test_lanes_are_counted_together(story: Story) -> None:
    """Kept-alive connections that stay on the old version until it drains leave no hole."""
    story.change(version=lambda item: "v1" if item.lane == "reused" and item.sent < 20 else item.version)
    assert story.requirement("coverage").status == "verified"


@pytest.mark.parametrize("kind", ["status-5xx", "connect-refused", "keep-alive-race", "wrong-body", "read-timeout", "truncated"])
def test_one_failure_violates(story: Story, kind: str) -> None:
    """With budget 0 a single failure of the app or the edge is enough; the reason is its kind."""
    outcome = story.break_(301, kind=kind).requirement("failures")
    assert (outcome.status, outcome.reason) == ("violated", kind)
    assert f"1 x {kind} on GET /b/" in outcome.detail


def test_the_most_frequent_kind_is_the_reason(story: Story) -> None:
    """Of several kinds the most frequent one."""
    assert story.break_(300, 302, kind="reset").break_(310).requirement("failures").reason == "reset"


@pytest.mark.parametrize("kind, reason", [("dns", "network-failures"), ("throttled", "throttled"), ("local", "client-failures")])
def test_failures_of_others(story: Story, kind: str, reason: str) -> None:
    """The network, a rate limit or this machine never violate: they leave the run inconclusive."""
    outcome = story.break_(300, 301, kind=kind, version="", status=0).requirement("failures")
    assert (outcome.status, outcome.reason) == ("inconclusive", reason)
    assert judge(story.evidence).verdict == "inconclusive"


def test_requests_cut_by_the_end_are_no_failures(story: Story) -> None:
    """They are counted apart."""
    story.break_(798, 799, kind="cut", version="", status=0)
    verdict = judge(story.evidence)
    assert verdict.verdict == "verified"
    assert verdict.generator.cut_at_deadline == 2
    assert sum(phase.requests for phase in verdict.phases) == 798


def test_a_test_that_failed_by_itself(story: Story) -> None:
    """A failed test violates even when each of its requests succeeded."""
    story.marks.append(Mark(15.0, "test-failed", {"test": "t.py::test_x", "message": "assert 1 == 2"}))
    outcome = story.requirement("failures")
    assert (outcome.status, outcome.reason) == ("violated", "test-failed")
    assert "t.py::test_x" in outcome.detail


def test_tests_that_failed_on_several_workers(story: Story) -> None:
    """A test is counted once, however many workers it failed on."""
    story.marks += [Mark(15.0, "test-failed", {"test": f"t.py::{test}", "message": "no"}) for test in ("x", "x", "y", "y")]
    assert story.requirement("failures").detail == "2 tests failed, though each request succeeded: t.py::x: no"


def test_an_outage_violates(story: Story) -> None:
    """Two failures in a row; the interval is in the detail."""
    outcome = story.break_(300, 302).requirement("outage")
    assert (outcome.status, outcome.reason) == ("violated", "outage")
    assert "0.100 to 0.300 s on GET /a/ from 15.0 s" in outcome.detail


def test_a_single_failure_is_an_outage_unless_the_budget_excuses_it(story: Story) -> None:
    """It has no proven length, so a budget that is not zero excuses it."""
    assert story.break_(300).requirement("outage").status == "violated"
    assert story.require(max_failures="1").requirement("outage").status == "verified"
    assert story.break_(302).requirement("outage").status == "violated"


@pytest.mark.parametrize(
    "allowed, status, reason",
    [(0.05, "violated", "outage"), (0.2, "inconclusive", "outage-unresolved"), (0.31, "verified", "")],
)
def test_an_outage_is_allowed_for_some_time(story: Story, allowed: float, status: str, reason: str) -> None:
    """Longer for sure violates; perhaps longer is not proven; shorter for sure is verified."""
    outcome = story.require(max_outage=allowed).break_(300, 302).requirement("outage")
    assert (outcome.status, outcome.reason) == (status, reason)


def test_an_outage_of_the_network_violates_nothing(story: Story) -> None:
    """It is not the API's."""
    outcome = story.break_(300, 302, kind="dns", version="", status=0).requirement("outage")
    assert (outcome.status, outcome.reason) == ("inconclusive", "outage-unresolved")


def test_tail_too_short(story: Story) -> None:
    """Twenty seconds where thirty are required."""
    outcome = story.require(tail=30.0).requirement("tail")
    assert (outcome.status, outcome.reason) == ("inconclusive", "tail-too-short")


def test_a_roll_back_has_no_tail(story: Story) -> None:
    """When the old version answers again at the end, the new one was never alone for good."""
    story.change(version=lambda item: "v1" if item.sent > 35 else item.version)
    assert story.requirement("tail").reason == "tail-too-short"


def test_failures_after_the_rollout(story: Story) -> None:
    """A failure in the tail violates, and is labelled so."""
    outcome = story.break_(700).requirement("tail")
    assert (outcome.status, outcome.reason) == ("violated", "failures-after-rollout")
