"""The requirement ``load`` and what the report says of the load, by executor; and who hung where."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_zdt.evidence.marks import Mark
from pytest_zdt.report import compare
from pytest_zdt.report.terminal import render
from pytest_zdt.verdict.judge import judge

from .conftest import Story
from .shapes import keep, outcome, shards

RAMP = [[10, 4], [20, 4], [10, 0]]


def ramping(story: Story, stages: object = RAMP, **ended: object) -> Story:
    """The story as one of a ramp."""
    story.run |= {"executor": "ramping-vus", "stages": stages}
    return story.mark(40.0, "run-ended", **ended)


def arriving(story: Story, **ended: object) -> Story:
    """The story as one of ten iterations a second, which all started unless the end tells otherwise."""
    story.run |= {"executor": "constant-arrival-rate", "rate": 10.0}
    return story.mark(40.0, "run-ended", **{"planned_iterations": 400, "unsent_iterations": 0, **ended})


def shown(story: Story) -> str:
    """The report's line on the load."""
    return next(text for text, _ in render(judge(story.evidence)) if text.startswith("load: "))


# --- virtual users that had their time to start


def test_a_ramp_that_was_cut_short(story: Story) -> None:
    """The deployment ended before the fourth virtual user's turn: three are all that could send."""
    ramping(keep(story, lambda item: item.vu < 3), started_vus=3)
    assert outcome(story, "load") == ("verified", "")
    assert outcome(story.mark(40.0, "run-ended", started_vus=4), "load") == ("inconclusive", "silent-vus")
    assert "4 virtual users were planned, the evidence has samples of 3" in story.requirement("load").detail


@pytest.mark.parametrize("started", [None, "3", True, -3, 2.5])
def test_an_end_that_does_not_tell_who_started(started: object, story: Story) -> None:
    """Then all that were planned are meant."""
    ramping(keep(story, lambda item: item.vu < 3), started_vus=started)
    assert outcome(story, "load") == ("inconclusive", "silent-vus")


def test_nobody_started(story: Story) -> None:
    """Samples of users that nobody planned prove no load."""
    assert outcome(ramping(story, started_vus=0), "load") == ("inconclusive", "vus-unknown")


def test_who_started_in_each_shard(story: Story) -> None:
    """Their numbers are summed; where one does not tell, all are meant."""
    shards(keep(ramping(story), lambda item: item.vu < 3), {"started_vus": 2, "samples": 300}, {"started_vus": 1, "samples": 300})
    assert story.requirement("load").reason == ""
    shards(story, {"started_vus": 2, "samples": 300}, {"samples": 300})
    assert story.requirement("load").reason == "silent-vus"


# --- iterations at a rate


@pytest.mark.parametrize(
    "planned, unsent, reason",
    [
        (400, 0, ""),
        (400, 20, ""),
        (400, 21, "iterations-unsent"),
        (400, 500, "iterations-unsent"),
        (None, 0, "iterations-unknown"),
        (400, None, "iterations-unknown"),
        (0, 0, "iterations-unknown"),
        (400, -1, "iterations-unknown"),
        (400.0, 0, "iterations-unknown"),
        (True, False, "iterations-unknown"),
    ],
)
def test_iterations_that_were_not_started(story: Story, planned: object, unsent: object, reason: str) -> None:
    """At least 95 % of those whose time came must start, and the run must tell how many that are."""
    arriving(story, planned_iterations=planned, unsent_iterations=unsent)
    assert outcome(story, "load") == ("inconclusive" if reason else "verified", reason)


def test_what_to_do_about_unsent_iterations(story: Story) -> None:
    """The sentence tells the numbers and the way out."""
    found = arriving(story, unsent_iterations=40).requirement("load").detail
    assert found == (
        "40 of 400 iterations (10.0%) were not started: no virtual user was free in time (4 were there); 95% must start: "
        "use more virtual users, or a lower rate."
    )


def test_virtual_users_without_a_turn(story: Story) -> None:
    """A low rate keeps few of them busy: those that sent nothing miss nothing, as the end mark may list too."""
    arriving(keep(story, lambda item: item.vu < 2), silent_vus=[2, 3])
    assert outcome(story, "load") == ("verified", "")


def test_other_executors_tell_of_no_iterations(story: Story) -> None:
    """The figures of an open model say nothing of a closed loop."""
    story.mark(40.0, "run-ended", planned_iterations=100, unsent_iterations=90)
    assert outcome(story, "load") == ("verified", "")


def test_the_iterations_of_all_shards(story: Story) -> None:
    """They are judged together; one that does not tell makes them unknown."""
    shards(
        arriving(story), {"planned_iterations": 200, "unsent_iterations": 15}, {"planned_iterations": 200, "unsent_iterations": 4}
    )
    assert story.requirement("load").reason == ""
    assert judge(story.evidence).generator.unsent_iterations == 19
    shards(story, {"planned_iterations": 200, "unsent_iterations": 15}, {})
    assert story.requirement("load").reason == "iterations-unknown"
    assert judge(story.evidence).generator.unsent_iterations is None


def test_time_that_was_not_driven_counts_for_each_executor(story: Story) -> None:
    """A plan in virtual users' time is there for all of them."""
    assert outcome(arriving(story, driven_s=100.0), "load")[1] == "vu-time-missing"
    assert outcome(ramping(Story(), driven_s=100.0), "load")[1] == "vu-time-missing"


# --- silence


def late(story: Story, start: float, stop: float) -> Story:
    """Only what was sent from ``start`` to ``stop``, with requirements that take no notice."""
    return keep(story, lambda item: start <= item.sent <= stop).require(head=0.0, tail=0.0)


@pytest.mark.parametrize(
    "stages, start, stop, reason",
    [
        pytest.param([[40, 4]], 10, 40, "", id="the first user starts after ten seconds"),
        pytest.param([[40, 4]], 16, 40, "silence", id="it was silent for six"),
        pytest.param([[0, 0], [12, 0], [0, 4], [28, 4]], 16, 40, "", id="silent for four seconds after none was planned"),
        pytest.param([[0, 0], [12, 0], [0, 4], [28, 4]], 18, 40, "silence", id="for six"),
        pytest.param([[0, 4], [32, 4], [0, 0], [8, 0]], 0, 32, "", id="none is planned in the end"),
        pytest.param([[0, 4], [32, 4], [0, 1], [8, 1]], 0, 32, "silence", id="one is planned in the end"),
        pytest.param(None, 10, 40, "silence", id="no stages: as many all the time"),
        pytest.param([["x"]], 10, 40, "silence", id="broken stages"),
    ],
)
def test_silence_where_a_ramp_planned_nobody(story: Story, stages: object, start: float, stop: float, reason: str) -> None:
    """It is no gap in the load; where somebody was planned it is one."""
    assert outcome(late(ramping(story, stages), start, stop), "load")[1] == reason


def test_few_users_send_seldom(story: Story) -> None:
    """One user of a ramp that sends every six seconds is not silent, though the whole load sends much more often."""
    story.samples = [item for index, item in enumerate(story.samples) if index >= 400 or index % 120 == 0]
    assert outcome(ramping(story, [[0, 1], [20, 1], [0, 100]]), "load")[1] == ""
    assert outcome(ramping(story, [[0, 100]]), "load")[1] == "silence"


# --- in words


@pytest.mark.parametrize(
    "run, ended, told",
    [
        ({}, {}, "800 requests by 4 virtual users, 100% of the planned time."),
        (
            {"executor": "ramping-vus", "stages": RAMP},
            {"started_vus": 4},
            "800 requests by up to 4 virtual users (ramp: 4 after 10 s, 4 after 30 s, 0 after 40 s), 100% of the planned time.",
        ),
        ({"executor": "ramping-vus"}, {}, "800 requests by up to 4 virtual users (a ramp), 100% of the planned time."),
        (
            {"executor": "constant-arrival-rate", "rate": 10.0},
            {"planned_iterations": 402, "unsent_iterations": 2},
            "800 requests by up to 4 virtual users, 400 of 402 iterations (99.5%) started on schedule at 10/s, "
            "100% of the planned time.",
        ),
    ],
)
def test_what_was_driven(story: Story, run: dict[str, Any], ended: dict[str, object], told: str) -> None:
    """A verified load says what it was, for each executor."""
    story.run |= run
    assert story.mark(40.0, "run-ended", **ended).requirement("load").detail == told


def test_the_report_of_a_ramp(story: Story) -> None:
    """A closed loop too."""
    text = shown(ramping(story))
    assert "800 requests by up to 4 VUs (a ramp) in 40.0 s" in text
    assert text.endswith("; a closed loop, slow answers thin it out; latencies are to the first byte")


@pytest.mark.parametrize(
    "unsent, told",
    [
        (0, "an open model, every iteration was started in time"),
        (1, "an open model, 1 iteration not started for want of a free VU"),
        (40, "an open model, 40 iterations not started for want of a free VU"),
        (None, "an open model, how many iterations were not started is unknown"),
    ],
)
def test_the_report_of_a_rate(story: Story, unsent: int | None, told: str) -> None:
    """What slow answers cost is what was not started."""
    text = shown(arriving(story, unsent_iterations=unsent))
    assert "800 requests by up to 4 VUs at 10 iterations/s in 40.0 s" in text
    assert text.endswith(f"; {told}; latencies are to the first byte")


def test_runs_of_different_executors_side_by_side() -> None:
    """Who drove each, and on which schedule."""
    one, two = ramping(Story()), arriving(Story())
    lines = [text for text, _ in compare.render(("A", "B"), (one.run, two.run), (judge(one.evidence), judge(two.evidence)))]
    (line,) = (line for line in lines if line.startswith("load  "))
    assert "40.0 s by up to 4 virtual users (a ramp)  40.0 s by up to 4 virtual users at 10 iterations/s" in line
    assert "  executor: ramping-vus -> constant-arrival-rate" in lines


def test_the_verdict_tells_the_plan(story: Story) -> None:
    """The schema's run has the executor with its stages or rate."""
    run = judge(ramping(story).evidence).as_dict()["run"]
    assert (run["executor"], run["stages"], run["rate"]) == ("ramping-vus", RAMP, None)
    assert judge(arriving(Story()).evidence).as_dict()["run"]["rate"] == 10.0


# --- who hung where


def test_where_virtual_users_hung(story: Story) -> None:
    """The marks tell the test of each; who has none is listed too."""
    story.mark(40.0, "run-ended", hung_vus=[3, 1, 2, 0])
    for vu, test in ((3, "t.py::test_b"), (1, "t.py::test_a"), (2, "t.py::test_a")):
        story.marks.append(Mark(20.0, "vu-hung", {"vu": vu, "worker": "main", "test": test, "after_s": 30.0, "stack": ""}))
    found = story.requirement("load")
    assert (found.status, found.reason) == ("inconclusive", "hung-vus")
    assert found.detail == "4 virtual users hung in a test: 0; 1, 2 in t.py::test_a; 3 in t.py::test_b."


def test_where_a_virtual_user_hung_last(story: Story) -> None:
    """It came back from one test and hung in another; a mark that tells no user helps nobody."""
    story.mark(40.0, "run-ended", hung_vus=[1])
    story.marks += [Mark(float(at), "vu-hung", {"vu": 1, "test": f"t.py::test_{at}"}) for at in (10, 20)]
    story.marks.append(Mark(30.0, "vu-hung", {"vu": [1]}))
    assert story.requirement("load").detail == "1 virtual users hung in a test: 1 in t.py::test_20."


def test_a_user_that_came_back_did_not_hang(story: Story) -> None:
    """The run's end lists those that did."""
    story.marks.append(Mark(20.0, "vu-hung", {"vu": 1, "test": "t.py::test_a"}))
    assert outcome(story, "load") == ("verified", "")


# --- which tests never ran


def test_tests_that_never_ran(story: Story) -> None:
    """The run was clean, and has not shown what they would have asked."""
    story.mark(40.0, "run-ended", tests=40, unrun_tests=["t.py::test_b", "t.py::test_a"])
    found = story.requirement("load")
    assert (found.status, found.reason) == ("inconclusive", "tests-not-run")
    assert found.detail.startswith("2 tests never had a turn: t.py::test_a; t.py::test_b. ")


@pytest.mark.parametrize("other, reason", [(["t.py::test_b"], ""), (["t.py::test_a"], "tests-not-run"), (None, ""), (7, "")])
def test_tests_that_ran_on_another_machine(other: object, reason: str, story: Story) -> None:
    """Each must have had its turn on one of them; one that does not tell had it."""
    story.mark(40.0, "run-ended", unrun_tests=["t.py::test_a"], shard="a")
    (whole,) = (mark.data for mark in story.evidence.marks if mark.name == "run-ended")
    half = {"samples": 400, "health": 20, "marks": 1, "driven_s": 80.0, "planned_vu_s": 80.0}
    story.unmark("run-ended")
    story.run["shards"] = ["a", "b"]
    story.marks.append(Mark(40.0, "run-ended", {**whole, **half}))
    story.marks.append(Mark(40.0, "run-ended", {**whole, **half, "shard": "b", "unrun_tests": other}))
    assert story.requirement("load").reason == reason
