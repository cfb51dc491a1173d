"""The limits at which outcomes turn: each of these fails when the limit moves."""

from __future__ import annotations

import pytest

from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.evidence.series import Table
from pytest_zdt.verdict.judge import judge
from pytest_zdt.verdict.outages import downtime

from .conftest import Story
from .shapes import keep, outcome, where


def test_one_turn_is_not_side_by_side(story: Story) -> None:
    """New for five seconds, then old for five, then new: enough answers of each, and one change in the overlap."""
    story.change(version=lambda item: "v2" if 10 <= item.sent < 15 or item.sent >= 20 else "v1").require(head=20.0, tail=20.0)
    requirement = story.requirement("overlap")
    assert (requirement.status, requirement.reason) == ("inconclusive", "no-overlap")
    assert "1 change from one to the other" in requirement.detail


@pytest.mark.parametrize("kind", ["reset", "keep-alive-race", "truncated"])
def test_what_broke_in_flight_counts_when_it_broke(kind: str) -> None:
    """Sent at 1 s and broken at 3 s, between successes at 2 and 4 s: an outage at 3 s."""
    line = [Sample(at, "GET /", status=200) for at in (0.0, 2.0, 4.0)] + [Sample(1.0, "GET /", took=2.0, kind=kind)]
    (outage,) = downtime(Table(line).series(), 5.0).outages
    assert (outage.start_s, outage.max_s) == (3.0, 2.0)


def test_a_long_outage_holds_short_ones_together(story: Story) -> None:
    """One endpoint is down for ten seconds, the other twice for a moment in it: one episode."""
    long = where(story, lambda item: item.endpoint == "GET /a/" and 10 <= item.sent < 20)
    (episode,) = judge(story.break_(*long, 241, 341).evidence).episodes
    assert (episode.outages, episode.endpoints) == (3, ["GET /a/", "GET /b/"])


def test_a_wide_tolerance_of_the_tail(story: Story) -> None:
    """What fails after the rollout alone is the deployment's doing too."""
    assert outcome(story.require(max_failures="15%").break_(*range(420, 800, 10)), "failures") == ("violated", "worse-than-head")


def test_a_hole_is_no_observation(story: Story) -> None:
    """Nine seconds on the new version of which seven are silent are not eight."""
    story.mark(29.0, "run-ended", driven_s=116.0, planned_vu_s=116.0).health = story.health[:29]
    keep(story, lambda item: item.sent < 21 or 28 < item.sent < 29)
    assert outcome(story, "tail") == ("inconclusive", "tail-too-short")


def test_errors_of_a_version_are_not_the_flows(story: Story) -> None:
    """The old version fails every fifth request, whoever made the token: not the pair's failure."""
    old = where(story, lambda item: item.version == "v1" and 10 <= item.sent < 20)
    story.break_(*old[::5], status=500)
    assert outcome(story, "flows") == ("verified", "")
    assert outcome(story, "failures") == ("violated", "status-5xx")


@pytest.mark.parametrize("many, reason", [(8, ""), (9, "cut-requests")])
def test_cut_requests_of_one_in_a_hundred(story: Story, many: int, reason: str) -> None:
    """Eight of 800 are allowed to four virtual users, nine are not."""
    assert story.break_(*range(780, 780 + many), kind="cut", status=0, version="").requirement("load").reason == reason


@pytest.mark.parametrize("missing, reason", [((3,), ""), ((3, 4, 5), "health-unknown")])
def test_health_of_seven_tenths(story: Story, missing: tuple[int, ...], reason: str) -> None:
    """Of the head's seven seconds without its ends one may be missing, three may not."""
    story.health = [one for number, one in enumerate(story.health) if number not in missing]
    assert story.requirement("generator").reason == reason


def test_an_endpoint_with_a_window_of_its_own(story: Story) -> None:
    """A burst breaks ten seconds and not the whole run, which is what this endpoint's limit is for."""
    story.change(latency=lambda item: 1.0 if 15 <= item.sent < 16 else 0.01)
    assert outcome(story.require(endpoints={"GET /a/": {"p95": 0.5}}), "latency") == ("violated", "too-slow")
    assert outcome(story.require(endpoints={"GET /a/": {"p95": 0.5, "window": 0.0}}), "latency") == ("verified", "")


def test_nobody_knows_which_version_lacks_it_where_versions_are_polled(story: Story) -> None:
    """A 404 by one version alone needs versions that answers name."""
    found = where(story, lambda item: item.endpoint == "GET /a/" and 15 <= item.sent < 20)
    story.break_(*found, kind="wrong-status", status=404).change(version="", made_by="")
    story.run["version_source"] = "url:/version"
    story.marks += [Mark(float(second), "version-polled", {"version": "v1" if second < 15 else "v2"}) for second in range(40)]
    assert {group.kind for group in judge(story.evidence).failures} == {"wrong-status"}


def test_an_answer_after_the_rollout_by_a_third_version(story: Story) -> None:
    """One stray answer is no change of its own: the rollout lasts until it, and the run is judged."""
    story.samples[600].version = "v0"
    verdict = judge(story.evidence)
    assert [(change.old, change.new) for change in verdict.changes] == [("v1", "v2")]
    assert verdict.phases[1].end_s == pytest.approx(30.0)


def test_a_request_that_waited_for_the_new_version_is_no_overlap(story: Story) -> None:
    """An instant switch at 15 s; what was sent just before it was held back, and answered by the new version after."""
    story.change(version=lambda item: "v1" if item.sent < 15 else "v2")
    for item in story.samples[260:300:2]:
        item.version, item.latency = "v2", 15.2 - item.sent
    assert outcome(story, "overlap") == ("inconclusive", "no-overlap")


def test_a_failed_deployment_of_a_soak(story: Story) -> None:
    """No new version is required, but the deployment's command failed."""
    story.change(version="v1").require(version_change=False, overlap=False).mark(19.0, "deploy-ended", exit_status=1)
    assert outcome(story, "version-change") == ("inconclusive", "deploy-failed")


def test_a_deployment_that_nothing_told_the_end_of(story: Story) -> None:
    """The answers tell it, and the report says so."""
    assert "No mark told when it ended" in story.unmark("deploy-ended").requirement("version-change").detail


@pytest.mark.parametrize("spoil", ["one", "cut"])
def test_a_lane_with_too_few_answers(story: Story, spoil: str) -> None:
    """A single request on a lane covers nothing, nor do requests that were cut."""
    rare = where(story, lambda item: item.lane == "new" and 10 <= item.sent < 20)
    story.break_(*rare[2:], kind="cut" if spoil == "cut" else "", lane="new" if spoil == "cut" else "reused")
    assert outcome(story, "coverage") == ("inconclusive", "one-lane")


def test_refusals_by_design_do_not_cover_what_the_old_version_gives(story: Story) -> None:
    """Good answers of the old version, expected refusals of the new one: the endpoint is not covered by both."""
    refused = where(story, lambda item: item.endpoint == "GET /b/" and item.version == "v2")
    story.break_(*refused, kind="expected", status=424)
    assert outcome(story, "coverage") == ("inconclusive", "holes")
    assert "GET /b/ by v2: 0 of 5" in story.requirement("coverage").detail


def test_a_stall_withholds_the_impact(story: Story) -> None:
    """Nobody could send for four seconds of the rollout: no answer was slow, and users waited."""
    keep(story, lambda item: not 12 < item.sent < 16)
    assert outcome(story, "impact") == ("inconclusive", "stalled")


def test_failures_that_were_there_before_have_no_cause_in_the_deployment(story: Story) -> None:
    """The API was down from the first second."""
    story.break_(*range(800), kind="connect-refused", status=0, version="")
    assert judge(story.evidence).causes == []


def test_virtual_users_must_be_planned(story: Story) -> None:
    """A run that does not say how many there were cannot miss one."""
    del story.run["vus"]
    assert outcome(story, "load") == ("inconclusive", "vus-unknown")


@pytest.mark.parametrize(
    "budget, count, status, reason",
    [
        ("2", 2, "verified", ""),
        ("2", 3, "violated", "status-5xx"),
        (2, 2, "verified", ""),
        ("1%", 4, "verified", ""),
        ("1%", 8, "violated", "worse-than-head"),
        ("0.4%", 4, "inconclusive", "budget-unproven"),
        ("1%", 30, "violated", "status-5xx"),
        ("0.1%", 1, "inconclusive", "budget-unproven"),
        ("0%", 1, "violated", "status-5xx"),
    ],
)
def test_budgets(story: Story, budget: object, count: int, status: str, reason: str) -> None:
    """A number is a limit; a share is judged by the rate, and against the head where it is exceeded."""
    outcome = story.require(max_failures=budget).break_(*range(300, 300 + count)).requirement("failures")
    assert (outcome.status, outcome.reason) == (status, reason)
