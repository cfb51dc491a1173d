"""Each row of the table of requirements: what `test_requirements.py` leaves open of the others."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_zdt.evidence.marks import Mark
from pytest_zdt.verdict.judge import judge

from .conftest import Story
from .shapes import keep, lengthen, outcome, shards

Spoil = Callable[[Story], object]
INCONCLUSIVE = "inconclusive"


@pytest.mark.parametrize(
    "counts, reason",
    [
        ({"samples": 801}, "evidence-missing"),
        ({"samples": 799}, "evidence-doubled"),
        ({"health": 41}, "evidence-missing"),
        ({"health": 39}, "evidence-doubled"),
        ({"marks": 3}, "evidence-missing"),
        ({"marks": 1}, "evidence-doubled"),
        ({"samples": None}, "evidence-uncounted"),
        ({"health": "40"}, "evidence-uncounted"),
        ({"marks": None}, "evidence-uncounted"),
    ],
)
def test_load_counts_the_evidence(story: Story, counts: dict[str, object], reason: str) -> None:
    """What the end mark says was recorded must be there, once."""
    assert outcome(story.mark(40.0, "run-ended", **counts), "load") == (INCONCLUSIVE, reason)
    assert judge(story.evidence).exit_status == 10


@pytest.mark.parametrize("said, lost", [(805, 5), (800, 0), (None, None)])
def test_lost_samples_are_counted(story: Story, said: object, lost: int | None) -> None:
    """As a figure too; null where nobody knows."""
    assert judge(story.mark(40.0, "run-ended", samples=said).evidence).generator.lost_samples == lost


def test_load_of_several_shards(story: Story) -> None:
    """Two machines, two end marks: their times and counts add up."""
    assert judge(shards(story, {}, {}).evidence).verdict == "verified"


@pytest.mark.parametrize(
    "ends, reason",
    [
        ([{"samples": 800, "health": 80, "marks": 2, "workers": 2}], "run-not-ended"),
        ([{}, {"interrupted": True}], "interrupted"),
        ([{}, {"driven_s": 71.0}], "vu-time-missing"),
        ([{}, {"silent_vus": [2]}], "silent-vus"),
        ([{}, {"samples": 401}], "evidence-missing"),
        ([{}, {"samples": None}], "evidence-uncounted"),
    ],
)
def test_load_of_shards_of_which_one_is_spoilt(story: Story, ends: list[dict[str, object]], reason: str) -> None:
    """A shard that was killed, stopped or thin spoils the run, however well the other one is."""
    assert outcome(shards(story, *ends), "load") == (INCONCLUSIVE, reason)


def test_one_shards_end_told_twice(story: Story) -> None:
    """It is not the end of the other one."""
    assert outcome(shards(story, {"shard": "one"}, {"shard": "one"}), "load") == (INCONCLUSIVE, "run-not-ended")


def test_a_shard_with_torn_lines(story: Story) -> None:
    """Merging keeps the number of torn lines in the run's facts."""
    story.run["torn_lines"] = 2
    assert story.requirement("load").reason == "torn-lines"
    assert "2 lines" in story.requirement("load").detail


def _lag(lags: list[float], *seconds: int) -> Spoil:
    def spoil(story: Story) -> None:
        for second in seconds:
            story.health[second] = replace(story.health[second], lags=array("d", lags))

    return spoil


def _cpu(share: float, worker: str = "main") -> Spoil:
    def spoil(story: Story) -> None:
        busy = [replace(one, cpu=share, worker=worker) for one in story.health]
        story.health = busy if worker == "main" else [*story.health, *busy]
        story.run["workers"] = len({one.worker for one in story.health})

    return spoil


def _workers(story: Story, number: int, known: int) -> None:
    story.run["workers"] = number
    story.health = [replace(one, worker=f"gw{worker}") for worker in range(known) for one in story.health]


def _no_health(first: int, last: int) -> Spoil:
    def spoil(story: Story) -> None:
        del story.health[first:last]

    return spoil


@pytest.mark.parametrize(
    "spoil, reason",
    [
        pytest.param(_lag([51.0] * 20, *range(40)), "generator-stalls", id="lag"),
        pytest.param(_lag([1000.0], 30), "generator-stalls", id="a stall counts for all that it kept waiting"),
        pytest.param(_cpu(0.97), "cpu-saturated", id="cpu"),
        pytest.param(_cpu(0.97, "gw1"), "cpu-saturated", id="cpu of one worker of two"),
        pytest.param(_no_health(0, 40), "health-unknown", id="no health"),
        pytest.param(_no_health(0, 6), "health-unknown", id="six seconds without"),
        pytest.param(lambda story: story.run.update(workers=2), "health-unknown", id="one of two workers without"),
        pytest.param(lambda story: _workers(story, 12, 11), "health-unknown", id="one of twelve workers without"),
        pytest.param(lambda story: story.break_(300, kind="local", status=0, version=""), "client-failures", id="local"),
    ],
)
def test_the_generator_was_not_well(story: Story, spoil: Spoil, reason: str) -> None:
    """Its own stalls, want of CPU or failures leave the run inconclusive."""
    spoil(story)
    assert outcome(story, "generator") == (INCONCLUSIVE, reason)
    assert judge(story.evidence).verdict == INCONCLUSIVE


@pytest.mark.parametrize(
    "spoil", [_lag([50.0] * 20, *range(40)), _lag([49.0], 3), _cpu(0.95), _no_health(0, 3), lambda story: _workers(story, 12, 12)]
)
def test_the_generator_was_well_enough(story: Story, spoil: Spoil) -> None:
    """Exactly at the limits, or late for a moment."""
    spoil(story)
    assert outcome(story, "generator") == ("verified", "")


def test_a_stall_in_a_short_rollout(story: Story) -> None:
    """A second of 640 is nothing, a second of the rollout's eleven is much."""
    story = lengthen(story, 600)
    _lag([900.0], 14)(story)
    assert outcome(story, "generator") == (INCONCLUSIVE, "generator-stalls")
    assert judge(story.evidence).generator.lag_p99_ms == pytest.approx(800.0)


def test_the_cpu_of_a_short_rollout(story: Story) -> None:
    """A worker out of CPU in the rollout alone, at leisure before and after."""
    story.health = [replace(one, cpu=1.0) if 9 < one.at <= 21 else one for one in story.health]
    assert outcome(story, "generator") == (INCONCLUSIVE, "cpu-saturated")


def test_no_health_in_a_short_rollout(story: Story) -> None:
    """All of a long run is known but the rollout, which is what it is about."""
    story = lengthen(story, 600)
    _no_health(8, 21)(story)
    assert outcome(story, "generator") == (INCONCLUSIVE, "health-unknown")


def test_a_stall_that_outlasts_the_rollout(story: Story) -> None:
    """It is told in the second in which it ended, but it was in the rollout."""
    story = lengthen(story, 1200)
    _lag([7000.0], 22)(story)
    assert outcome(story, "generator") == (INCONCLUSIVE, "generator-stalls")


def test_virtual_users_of_whom_there_is_no_sample(story: Story) -> None:
    """Four were planned, the evidence has one: not every one sent, whatever the end mark says."""
    assert story.change(vu=0).requirement("load").status == INCONCLUSIVE


def test_the_head_needs_a_version(story: Story) -> None:
    """When no answer names one, nobody knows which was alone."""
    assert outcome(story.change(version=""), "head") == (INCONCLUSIVE, "no-version-source")


@pytest.mark.parametrize("phase, index", [("head", 20), ("tail", 700)])
@pytest.mark.parametrize("kind", ["dns", "local", "throttled", "expected", "cut"])
def test_what_is_not_the_apis_violates_neither_head_nor_tail(story: Story, phase: str, index: int, kind: str) -> None:
    """Failures of the network, the client or the rate limits are told elsewhere."""
    story.break_(index, kind=kind, version="", status=0)
    assert outcome(story, phase) == ("verified", "")


@pytest.mark.parametrize("phase, required, status", [("head", 9.0, "verified"), ("tail", 20.05, "verified"),
                                                     ("head", 9.1, INCONCLUSIVE), ("tail", 20.1, INCONCLUSIVE)])  # fmt: skip
def test_head_and_tail_just_long_enough(story: Story, phase: str, required: float, status: str) -> None:
    """To the mark of the deployment's start; from the last answer of the old version."""
    assert story.require(**{phase: required}).requirement(phase).status == status


@pytest.mark.parametrize("least, status", [(96, "verified"), (97, INCONCLUSIVE)])
def test_overlap_answers_just_met(story: Story, least: int, status: str) -> None:
    """96 answers of each version lie in the overlap."""
    assert story.require(overlap_answers=least).requirement("overlap").status == status


@pytest.mark.parametrize("least, status", [(48, "verified"), (49, INCONCLUSIVE)])
def test_coverage_just_met(story: Story, least: int, status: str) -> None:
    """48 answers of each version to each endpoint lie in the overlap; an endpoint may have its own limit."""
    assert story.require(endpoint_answers=least).requirement("coverage").status == status
    own = {"GET /a/": {"endpoint_answers": least}}
    assert story.require(endpoint_answers=5, endpoints=own).requirement("coverage").status == status


def test_coverage_without_overlap_looks_at_the_whole_run(story: Story) -> None:
    """After an instant switch each version must still have answered every endpoint."""
    story.change(version=lambda item: "v1" if item.sent < 15 else "v2").require(overlap=False)
    keep(story, lambda item: item.sent < 15 or item.endpoint == "GET /a/")
    assert outcome(story, "coverage") == (INCONCLUSIVE, "holes")
    assert "GET /b/ by v2: 0 of 5" in story.requirement("coverage").detail


def test_a_lane_of_which_only_the_head_saw_anything(story: Story) -> None:
    """Both lanes must be driven inside the overlap: on one of them alone half of the clients is not covered."""
    story.change(lane=lambda item: "new" if item.sent >= 9 else item.lane)
    assert story.requirement("coverage").status == INCONCLUSIVE


@pytest.mark.parametrize("spoil, reason", [
    (lambda story: story.break_(300, kind="dns", version="", status=0).break_(301), "status-5xx"),
    (lambda story: story.marks.append(Mark(15.0, "test-failed", {"test": "t", "message": "no"})), "test-failed"),
    (lambda story: story.require(max_failures="10", endpoints={"GET /a/": {"max_failures": "0"}}).break_(300), "status-5xx"),
])  # fmt: skip
def test_failures_that_violate(story: Story, spoil: Spoil, reason: str) -> None:
    """The app beside the network; a test by itself; an endpoint with a tighter budget of its own."""
    spoil(story)
    assert outcome(story, "failures") == ("violated", reason)


def test_a_test_that_failed_beside_an_excused_failure(story: Story) -> None:
    """The budget excuses a request, not a test that failed though its requests succeeded."""
    story.require(max_failures="2").break_(300)
    story.marks.append(Mark(15.0, "test-failed", {"test": "t", "message": "assert 1 == 2"}))
    assert outcome(story, "failures") == ("violated", "test-failed")


@pytest.mark.parametrize("own, reason", [({"max_outage": 1.0}, ""), ({"max_outage": 0.0}, "outage"), ({"max_failures": "1"}, "")])
def test_an_outage_of_an_endpoint_with_limits_of_its_own(story: Story, own: dict[str, object], reason: str) -> None:
    """Its own length or budget decides, not that for all."""
    story.require(endpoints={"GET /a/": own}).break_(300)
    assert story.requirement("outage").reason == reason
    assert story.break_(301).requirement("outage").reason == "outage"


def test_the_most_frequent_failures_are_told(story: Story) -> None:
    """Three groups, the others are counted."""
    story.break_(300, 302).break_(301, kind="reset").break_(303, kind="tls").break_(305, kind="truncated")
    detail = story.requirement("failures").detail
    assert "2 x status-5xx on GET /a/ by v1, 1 x reset on GET /b/ by v1, 1 x tls on GET /b/ by v1 and 1 more group." in detail
