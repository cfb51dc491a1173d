"""Probes: sent at a fixed cadence beside the virtual users. Real requests, but no user's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_zdt.evidence.samples import Sample
from pytest_zdt.report.terminal import render
from pytest_zdt.verdict.judge import judge

from .conftest import Story
from .shapes import keep, outcome, probe, statuses, where


def at(story: Story, sent: float, **changes: object) -> Story:
    """Adds one probe of ``GET /a/``."""
    one = Sample(sent, "GET /a/", "p", 0.02, 0.01, 200, version="v1", vu=-1, lane="probe")
    story.samples.append(replace(one, **changes))  # type: ignore[arg-type]
    return story


def shown(story: Story) -> str:
    """The report."""
    return "\n".join(text for text, _ in render(judge(story.evidence)))


# --- they are requests


def test_probes_are_counted_as_requests(story: Story) -> None:
    """In the totals, by phase and version, and in rows of their own lane."""
    verdict = judge(probe(story).evidence)
    assert sum(phase.requests for phase in verdict.phases) == sum(total.requests for total in verdict.totals) == 880
    rows = [row for row in verdict.endpoints if row.lane == "probe"]
    assert sum(row.requests for row in rows) == 80
    assert {(row.p50_ms, row.failures) for row in rows} == {(15.0, 0)}
    assert "0 of 880 requests failed" in story.requirement("failures").detail


def test_a_failed_probe_is_a_failure(story: Story) -> None:
    """Nobody else met it, but the API failed: violated, and an outage."""
    probe(story).break_(where(story, lambda item: item.vu == -1 and item.sent > 15)[0])
    assert outcome(story, "failures") == ("violated", "status-5xx")
    assert outcome(story, "outage") == ("violated", "outage")
    assert judge(story.evidence).failures[0].example["request_id"] == "p30"


def test_a_throttled_probe(story: Story) -> None:
    """The signature did not bypass the limits, for whomever."""
    at(probe(story), 15.0, kind="throttled", status=429)
    assert statuses(story) == {"failures": "throttled"}


def test_a_good_probe_ends_an_outage(story: Story) -> None:
    """It proves that the endpoint was up between two failures."""
    (one,) = judge(story.break_(300, 302).evidence).outages
    two = judge(at(story, 15.05).evidence).outages
    assert one.min_s == pytest.approx(0.1)
    assert [outage.min_s for outage in two] == [0.0, 0.0]


@pytest.mark.parametrize("kind", ["wrong-body", "wrong-status"])
def test_a_good_probe_does_not_end_wrong_answers(kind: str, story: Story) -> None:
    """It asks for a status, tests ask for more: only an answer that a test was content with ends what tests found wrong."""
    story.break_(*where(story, lambda item: item.endpoint == "GET /a/" and 22 <= item.sent < 28), kind=kind, status=200)
    (without,) = judge(story.evidence).outages
    (outage,) = judge(probe(story).evidence).outages
    assert (outage.min_s, outage.max_s) == (without.min_s, without.max_s) == (pytest.approx(5.9), pytest.approx(6.1))


def test_a_good_probe_beside_wrong_answers_long_ago(story: Story) -> None:
    """It ends an outage of other kinds, whatever tests found wrong before a user was content."""
    story.break_(280, kind="wrong-body").break_(300, 302)
    assert [outage.min_s for outage in judge(at(story, 15.05).evidence).outages] == [0.0, 0.0, 0.0]


def test_refused_probes_dilute_no_budget(story: Story) -> None:
    """They are no requests that could have failed, nor ones of the head to compare with."""
    story.require(max_outage=99.0, endpoint_answers=0, pair_uses=0, endpoints={"GET /a/": {"max_failures": "20%"}})
    keep(story, lambda item: item.endpoint == "GET /b/" or round(item.sent * 20) % 40 == 0).change(flow="", made_by="")
    users = where(story, lambda item: item.endpoint == "GET /a/" and item.version == "v2")
    story.break_(*users, kind="wrong-status", status=404)
    without = outcome(story, "failures")
    for index in where(probe(story), lambda item: item.lane == "probe" and item.version == "v2"):
        story.samples[index] = replace(story.samples[index], kind="expected", status=404)
    assert outcome(story, "failures") == without == ("violated", "not-found-on-one-version")


def test_a_refused_probe_is_neither_a_failure_nor_a_success(story: Story) -> None:
    """Its token or what it asked for is gone: that says nothing of the endpoint, so an outage goes on and a gap stays."""
    at(story.break_(300, 302), 15.05, kind="expected", status=401)
    verdict = judge(story.evidence)
    assert [outage.min_s for outage in verdict.outages] == [pytest.approx(0.1)]
    assert sum(group.count for group in verdict.failures) == 2
    assert {line.probes for line in verdict.resolution} == {0}
    assert statuses(at(Story(), 15.0, kind="expected", status=404)) == {}


def test_a_refused_probe_is_no_good_answer(story: Story) -> None:
    """A 404 to a probe of one version does not make the 404 of the other a difference of the versions."""
    story.break_(*where(story, lambda item: item.endpoint == "GET /a/" and item.version == "v2"), kind="wrong-status", status=404)
    keep(story, lambda item: item.endpoint != "GET /a/" or item.version == "v2")
    assert outcome(at(story, 5.0, kind="expected", status=404), "failures")[1] == "wrong-status"
    assert outcome(at(story, 5.5), "failures")[1] == "not-found-on-one-version"


# --- they are no user's


def test_clean_probes_change_no_requirement(story: Story) -> None:
    """What virtual users met is judged as without them: all verified, the same overlap, flows and latencies."""
    without, with_ = judge(Story().evidence), judge(probe(story).evidence)
    assert (with_.verdict, with_.level, statuses(story)) == ("verified", "zero-impact", {})
    for name in ("overlap", "flows", "users", "impact", "changes"):
        assert getattr(with_, name) == getattr(without, name), name
    for name in ("in_overlap", "p95_ms"):
        assert [getattr(cell, name) for cell in with_.cells] == [getattr(cell, name) for cell in without.cells]
    assert [total.p99_ms for total in with_.totals] == [total.p99_ms for total in without.totals]


def test_probes_cover_nothing(story: Story) -> None:
    """An endpoint that users had no answer of, by one version or on one lane, has a hole."""
    keep(story, lambda item: item.endpoint == "GET /b/" or item.version == "v1")
    probe(story)
    assert "GET /a/ by v2: 0 of 5" in story.requirement("coverage").detail
    one_lane = probe(Story().change(lane="new"))
    assert outcome(one_lane, "coverage") == ("inconclusive", "one-lane")


def test_probes_make_no_overlap(story: Story) -> None:
    """They met both versions in turns, the users did not; the report says so."""
    probe(story.change(version=lambda item: "v1" if item.sent < 15 else "v2")).require(overlap_answers=1)
    assert outcome(story, "overlap") == ("inconclusive", "no-overlap")
    assert "probes met both versions side by side, no virtual user did" in story.requirement("overlap").detail
    assert judge(story.evidence).overlap is None


def test_a_version_that_only_probes_met(story: Story) -> None:
    """It answered, so the version changed; nothing else of it is proven."""
    probe(story.change(version="v1", flow="", made_by=""))
    assert outcome(story, "version-change")[0] == "verified"
    found = statuses(story)
    assert (found["overlap"], found["coverage"], found["tail"]) == ("no-overlap", "no-overlap", "tail-too-short")


def test_probes_are_on_no_lane_of_the_users(story: Story) -> None:
    """With kept-alive connections alone the cause is that lane, whatever the probes did."""
    probe(story.change(version=lambda item: "v1" if item.sent < 15 else "v2", lane="reused"))
    assert "drive the `new` lane" in story.requirement("overlap").detail


def test_probes_are_not_sticky(story: Story) -> None:
    """Users that keep their version are recognised beside probes that met both."""
    story.change(version=lambda item: "v1" if item.sent < 10 or (item.sent < 20 and item.vu) else "v2")
    assert "sticky" in probe(story).require(overlap_answers=60).requirement("overlap").detail


def test_no_virtual_user_is_hit_by_a_failed_probe(story: Story) -> None:
    """An episode counts the users that met it, and the list of them has no probe."""
    story.break_(301)
    story = at(at(story, 15.0, kind="reset", status=0), 30.0, kind="reset", status=0, version="")
    verdict = judge(story.evidence)
    assert [user.vu for user in verdict.users] == [1]
    assert [episode.vus for episode in verdict.episodes] == [1, 0]
    assert "1 of 4 virtual users hit" in shown(story)
    assert "probes alone hit" in shown(story)


def test_latency_is_that_of_users(story: Story) -> None:
    """Slow probes break no limit and slow nothing down; their own latency is shown."""
    probe(story, lambda item: item.sent > 8, latency=3.0, took=3.0).require(p99=0.5, impact=True)
    assert statuses(story) == {}
    assert "3000.0 and 3000.0 ms for probes" in shown(story)


# --- they hide nothing


@pytest.mark.parametrize("start, stop", [(21, 38), (12, 19), (30, 41)])
def test_probes_do_not_hide_that_users_were_silent(story: Story, start: float, stop: float) -> None:
    """They go on while all virtual users wait or hang: what the load would have met then is unknown."""
    keep(story, lambda item: not start < item.sent < stop).require(pair_uses=1, overlap_answers=5, endpoint_answers=1)
    found = probe(story).requirement("load")
    assert (found.status, found.reason) == ("inconclusive", "silence")
    assert found.detail.startswith("No virtual user sent anything for")


def test_probes_do_not_hide_a_stall(story: Story) -> None:
    """Users that waited two seconds in the rollout withhold the level zero-impact."""
    keep(probe(story), lambda item: item.vu == -1 or not 14 < item.sent < 16)
    assert statuses(story) == {"impact": "stalled"}
    assert "No virtual user sent anything for 2.0 s" in story.requirement("impact").detail


def test_a_tail_of_probes_alone_is_none(story: Story) -> None:
    """The load had ended: only probes saw the new version alone."""
    keep(story, lambda item: item.sent < 22)
    assert outcome(probe(story), "tail") == ("inconclusive", "tail-too-short")


def test_a_run_of_probes_alone(story: Story) -> None:
    """It drove nothing."""
    story.samples = []
    found = probe(story).requirement("load")
    assert (found.reason, found.detail) == ("no-samples", "No virtual user sent a request.")


def test_a_silent_virtual_user_is_missed(story: Story) -> None:
    """Minus one is nobody's number: with three of four users in the evidence one is missing."""
    keep(probe(story), lambda item: item.vu != 3)
    assert outcome(story, "load")[1] == "silent-vus"


def test_cut_probes_claim_nothing(story: Story) -> None:
    """What the end of the run cut is in no figure, so it spoils none; users' cut requests are judged by themselves."""
    probe(story, lambda item: item.sent > 15, kind="cut", status=0, version="")
    assert statuses(story) == {}
    assert {line.probes for line in judge(story.evidence).resolution} == {0}
    story.break_(*range(780, 800), kind="cut", status=0, version="")
    assert story.requirement("load").detail == "20 of 800 requests were cut before they had an answer."


# --- what could have been missed


def gaps(story: Story, phase: str) -> dict[str, tuple[float, int]]:
    """Endpoint -> longest gap and number of probes in a phase."""
    found = judge(story.evidence).resolution
    return {line.endpoint: (line.max_gap_s, line.probes) for line in found if line.phase == phase}


def test_the_resolution_is_that_of_the_probes_while_users_wait(story: Story) -> None:
    """Users sent nothing from 25 to 29; probes every second did."""
    keep(story, lambda item: not 25 <= item.sent < 29)
    assert gaps(story, "tail")["GET /a/"] == (pytest.approx(4.1), 0)
    assert gaps(probe(story), "tail")["GET /a/"] == (pytest.approx(1.0), 20)


def test_requests_between_two_probes_shorten_the_gap(story: Story) -> None:
    """Every request is knowledge: the gap is between any two."""
    assert gaps(probe(story), "tail")["GET /a/"] == (pytest.approx(0.1), 20)


def test_the_rate_that_clean_requests_rule_out(story: Story) -> None:
    """Clean probes are requests too; a failed one rules out none."""
    rate = {line.endpoint: line.failure_rate_below for line in judge(probe(story).evidence).resolution if line.phase == "head"}
    assert rate["GET /a/"] == pytest.approx(3 / 99)
    failed = judge(at(story, 5.0, kind="status-5xx", status=500).evidence).resolution
    assert [line.failure_rate_below for line in failed if (line.endpoint, line.phase) == ("GET /a/", "head")] == [None]


# --- in words


def test_the_report_tells_of_probes(story: Story) -> None:
    """How many of the requests they were, and their latency beside that of the users, in the rollout."""
    text = shown(probe(story).mark(40.0, "run-ended", unsent_probes=3, unsent_iterations=0))
    assert story.requirement("load").detail == "800 requests by 4 virtual users and 80 probes, 100% of the planned time."
    assert "load: 880 requests (80 of them probes, 3 more were due and not sent) by 4 VUs in 40.0 s" in text
    line = "latency in the rollout (p50 and p99): 10.0 and 10.0 ms for VUs, 15.0 and 15.0 ms for probes, which do not wait for"
    assert line in text
    assert judge(story.evidence).generator.unsent_probes == 3


def test_the_report_of_a_soak_with_probes(story: Story) -> None:
    """There is no rollout: the latency is the head's."""
    probe(story).change(version="v1").unmark("deploy-started").unmark("deploy-ended").require(version_change=False)
    assert "latency in the head" in shown(story)


@pytest.mark.parametrize(
    "fits, told",
    [(lambda item: item.endpoint == "GET /b/", True), (lambda item: True, False), (lambda item: False, False)],
    ids=["one", "both", "none"],
)
def test_the_report_tells_which_endpoint_had_no_probes(fits: Callable[[Sample], bool], told: bool, story: Story) -> None:
    """Where others had: its gap is that of a closed loop."""
    keep(story, lambda item: item.endpoint == "GET /b/" or item.sent * 20 % 4 < 2)
    assert ("GET /a/ (which has no probes)" in shown(probe(story, fits))) is told
