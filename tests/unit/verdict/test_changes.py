"""Runs with several changes of version, deployments that are started again, and marks that are late or missing."""

from __future__ import annotations

import pytest

from pytest_zdt.evidence.marks import Mark
from pytest_zdt.report.sections import key_figures
from pytest_zdt.report.terminal import headline
from pytest_zdt.verdict.judge import judge

from .conftest import Story
from .shapes import deployments, only_flows, outcome, plan, statuses, where

BACK = [(9, "v1"), (15, "v1 v2"), (25, "v2"), (31, "v2 v1"), (41, "v1")]
ON = [(9, "v1"), (15, "v1 v2"), (25, "v2"), (31, "v2 v3"), (41, "v3")]


def two(story: Story, spans: list[tuple[float, str]]) -> Story:
    """Two deployments in one run, ten seconds between them."""
    return deployments(plan(story, *spans), (9.0, 15.0), (25.0, 31.0))


def changes(story: Story) -> list[tuple[str, str]]:
    """Old and new version of each change."""
    return [(change.old, change.new) for change in judge(story.evidence).changes]


@pytest.mark.parametrize("spans, last", [(BACK, "v1"), (ON, "v3")])
def test_two_changes_are_both_judged(story: Story, spans: list[tuple[float, str]], last: str) -> None:
    """A roll-back and a second release: two overlaps, five phases, verified."""
    verdict = judge(two(story, spans).evidence)
    assert verdict.verdict == "verified"
    assert changes(story) == [("v1", "v2"), ("v2", last)]
    assert all(change.overlap for change in verdict.changes)
    assert [(one.name, round(one.start_s)) for one in verdict.phases] == [
        ("head", 0), ("rollout", 9), ("tail", 15), ("rollout", 25), ("tail", 31),
    ]  # fmt: skip
    assert f"v2 -> {last}: " in story.requirement("tail").detail


@pytest.mark.parametrize("spans", [BACK, ON])
def test_changes_are_seen_without_marks(story: Story, spans: list[tuple[float, str]]) -> None:
    """The answers alone tell of both."""
    assert judge(deployments(two(story, spans)).evidence).verdict == "verified"


@pytest.mark.parametrize(
    "spans, reasons",
    [
        ([(9, "v1"), (15, "v1 v2"), (25, "v2"), (40, "v1")], {"overlap", "coverage", "flows"}),
        ([(9, "v1"), (15, "v2"), (25, "v2"), (31, "v2 v1"), (40, "v1")], {"overlap", "coverage", "flows"}),
        ([(9, "v1"), (19, "v1 v2"), (25, "v2"), (31, "v2 v1"), (40, "v1")], {"tail", "head"}),
        ([(9, "v1"), (15, "v1 v2"), (25, "v2"), (35, "v2 v1"), (40, "v1")], {"tail"}),
    ],
    ids=["second sharp", "first sharp", "too short between", "too short after"],
)
def test_the_worse_change_decides(story: Story, spans: list[tuple[float, str]], reasons: set[str]) -> None:
    """What one of two changes lacks, the run lacks, and the text tells of which it is."""
    deployments(plan(story, *spans, (41, "v1")))
    found = statuses(story)
    assert found.keys() - {"impact"} == reasons
    assert " -> " in story.requirement(min(reasons)).detail


@pytest.mark.parametrize("made_by, used_on, since", [("v1", "v2", 25.0), ("v2", "v1", 25.0), ("v1", "v2", 0.0)])
def test_flows_of_the_second_change(story: Story, made_by: str, used_on: str, since: float) -> None:
    """A refusal in either change violates."""
    two(story, BACK)
    refused = where(
        story, lambda item: item.sent >= since and item.flow != "" and (item.made_by, item.version) == (made_by, used_on)
    )
    story.break_(refused[0], kind="auth-broken", status=401)
    assert outcome(story, "flows") == ("violated", "flow-broken")


def test_flows_must_cross_in_each_change(story: Story) -> None:
    """Uses in the first change are none in the second."""
    only_flows(two(story, ON), lambda item: item.sent < 20)
    assert outcome(story, "flows") == ("inconclusive", "pair-unused")
    assert "token v2 -> v3: 0 of 3" in story.requirement("flows").detail


def test_a_failure_between_two_changes(story: Story) -> None:
    """It is of the first one's tail, not of the run's head."""
    two(story, BACK).break_(400)
    assert statuses(story).keys() == {"failures", "outage", "tail"}
    assert judge(story.evidence).failures[0].phase == "tail"


def test_a_failure_of_the_head_is_told_once(story: Story) -> None:
    """It is before the first change, not before each."""
    detail = two(story, BACK).break_(20).requirement("head").detail
    assert detail == "v1 -> v2: Before the rollout already 1 x status-5xx on GET /a/ by v1."


@pytest.mark.parametrize("index, change", [(400, "v1 -> v2"), (700, "v2 -> v1")])
def test_a_failure_of_a_tail_is_told_of_its_change(story: Story, index: int, change: str) -> None:
    """After the one rollout, not after the other."""
    detail = two(story, BACK).break_(index).requirement("tail").detail
    assert detail.startswith(f"{change}: After the rollout still 1 x status-5xx")
    assert detail.count("After the rollout") == 1


def test_a_canary_that_was_rolled_back(story: Story) -> None:
    """The new version answered beside the old one and went away: it was never alone, so nothing is verified."""
    plan(story, (9, "v1"), (20, "v1 v2"), (41, "v1"))
    assert changes(story) == [("v1", "v2")]
    assert outcome(story, "tail") == ("inconclusive", "tail-too-short")
    assert judge(story.evidence).verdict == "inconclusive"


def test_a_canary_before_the_release(story: Story) -> None:
    """Rolled back after a while, then deployed for good: one change, of which the canary is part."""
    plan(story, (9, "v1"), (12, "v1 v1 v1 v2"), (18, "v1"), (25, "v1 v2"), (41, "v2"))
    deployments(story, (9.0, None))
    assert changes(story) == [("v1", "v2")]
    assert judge(story.evidence).phases[1].start_s == 9.0


@pytest.mark.parametrize("until, sparse", [(15, 1), (18, 12)], ids=["short", "sparse"])
def test_a_version_alone_for_a_moment_is_no_change(story: Story, until: float, sparse: int) -> None:
    """Three seconds are less than half of the shorter phase, and ten answers are few: both are chance, not a release."""
    plan(story, (12, "v1"), (until, "v2"), (26, "v1"), (31, "v1 v2"), (41, "v2"))
    story.samples = [item for number, item in enumerate(story.samples) if not 12 <= item.sent < 18 or number % sparse == 0]
    assert changes(deployments(story)) == [("v1", "v2")]


def test_a_canary_before_another_release(story: Story) -> None:
    """The version that was tried and given up is named in the change, which is judged from the first of its answers."""
    plan(story, (9, "v1"), (12, "v1 v1 v1 v2"), (18, "v1"), (25, "v1 v3"), (41, "v3"))
    deployments(story, (9.0, None))
    assert changes(story) == [("v1", "v3")]
    assert "v1 -> v2 -> v3" in story.requirement("version-change").detail


def test_three_versions_in_one_rollout(story: Story) -> None:
    """A third version that never was alone: old and new are the first and the last, the one between is named."""
    plan(story, (9, "v1"), (15, "v1 v2"), (20, "v1 v2 v3"), (41, "v3"))
    deployments(story, (9.0, 20.0))
    assert changes(story) == [("v1", "v3")]
    span = judge(story.evidence).overlap
    assert span is not None
    assert set(span.requests) == {"v1", "v2", "v3"}
    assert "v1 -> v2 -> v3" in story.requirement("version-change").detail
    assert " v1 -> v3 (and v2), " in headline(judge(story.evidence))
    assert "v1 → v3 (and v2)" in key_figures(judge(story.evidence))


def test_a_restarted_deployment(story: Story) -> None:
    """The overlap counts from the second start: what the first one showed is no evidence of it."""
    deployments(story, (9.0, 11.0), (15.0, 19.0))
    span = judge(story.evidence).overlap
    assert span is not None
    assert span.start_s == pytest.approx(15.21)
    assert sum(span.requests.values()) < 100
    assert judge(story.evidence).verdict == "verified"


def test_a_restarted_deployment_without_overlap_of_its_own(story: Story) -> None:
    """All the overlap was before the second start."""
    plan(story, (10, "v1"), (14, "v1 v2"), (18, "v1"), (41, "v2"))
    deployments(story, (9.0, 15.0), (17.0, 20.0))
    assert outcome(story, "overlap") == ("inconclusive", "no-overlap")


def test_a_second_deployment_that_failed(story: Story) -> None:
    """The first one had ended well."""
    deployments(story, (9.0, 11.0), (13.0, 19.0))
    story.marks = [Mark(19.0, "deploy-ended", {"exit_status": 1}) if mark.at == 19.0 else mark for mark in story.marks]
    assert outcome(story, "version-change") == ("inconclusive", "deploy-failed")


@pytest.mark.parametrize("ended", [32.0, None])
def test_a_second_deployment_that_changed_nothing(story: Story, ended: float | None) -> None:
    """After a good one: that one is no proof of the other."""
    deployments(story, (9.0, 19.0), (29.0, ended))
    assert changes(story) == [("v1", "v2"), ("v2", "")]
    assert outcome(story, "version-change") == ("inconclusive", "no-version-change")
    assert "v2 alone: Only v2 answered" in story.requirement("version-change").detail
    assert judge(story.evidence).verdict == "inconclusive"


@pytest.mark.parametrize("strays", [1, 5])
def test_stray_old_answers_are_no_second_change(story: Story, strays: int) -> None:
    """A kept-alive connection drains long: the rollout lasts to its last answer, and the tail begins there."""
    story.break_(*range(440, 440 + 10 * strays, 10), kind="", version="v1")
    verdict = judge(story.evidence)
    assert changes(story) == [("v1", "v2")]
    assert verdict.phases[1].end_s == pytest.approx(22 + 0.5 * (strays - 1))
    assert verdict.verdict == "verified"


def test_a_stray_new_answer_in_the_head(story: Story) -> None:
    """It begins the rollout, whatever the mark says: the head was no longer the old version's alone."""
    story.break_(100, kind="", version="v2")
    assert judge(story.evidence).phases[0].end_s == 5.0
    assert outcome(story, "head") == ("inconclusive", "head-too-short")


@pytest.mark.parametrize(
    "started, ended, bounds",
    [
        (12.0, 19.0, (10.4, 19.95)),
        (30.0, 31.0, (10.4, 31.0)),
        (9.0, 10.0, (9.0, 19.95)),
        (9.0, None, (9.0, 19.95)),
        (None, 25.0, (10.4, 25.0)),
        (9.0, 60.0, (9.0, 40.0)),
        (None, None, (10.4, 19.95)),
    ],
)
def test_late_and_missing_marks(story: Story, started: float | None, ended: float | None, bounds: tuple[float, float]) -> None:
    """What was seen bounds the rollout; a mark can only make it longer."""
    story.unmark("deploy-started").unmark("deploy-ended")
    story.marks += [Mark(at, name) for at, name in ((started, "deploy-started"), (ended, "deploy-ended")) if at is not None]
    rollout = judge(story.evidence).phases[1]
    assert (rollout.start_s, rollout.end_s) == (pytest.approx(bounds[0]), pytest.approx(bounds[1]))


def test_a_failure_just_before_the_first_new_answer_without_marks(story: Story) -> None:
    """Migrations run before the new version answers: without a mark it is reported with the rollout, and said so."""
    story.unmark("deploy-started").unmark("deploy-ended").break_(206, version="v1")
    verdict = judge(story.evidence)
    assert verdict.failures[0].phase == "rollout"
    assert outcome(story, "head") == ("verified", "")


def test_a_failure_long_before_the_first_new_answer_without_marks(story: Story) -> None:
    """It is of the head."""
    story.unmark("deploy-started").unmark("deploy-ended").break_(20)
    assert outcome(story, "head") == ("violated", "failures-before-rollout")


def test_a_mark_without_effect_leaves_the_failure_to_the_rollout(story: Story) -> None:
    """With the mark of its start the rollout begins there, so a migration's failure is the rollout's."""
    story.break_(190)
    assert judge(story.evidence).failures[0].phase == "rollout"
    assert outcome(story, "head") == ("verified", "")


@pytest.mark.parametrize(
    "data, told",
    [
        ({"exit_status": 3, "said": "no such image"}, "ended with exit status 3, after printing: no such image"),
        ({"exit_status": 137, "said": ""}, "ended with exit status 137 (SIGKILL)."),
        ({"exit_status": 0, "killed": "it hung", "said": "a"}, "was killed, because it hung, after printing: a"),
        ({"exit_status": "?"}, "ended with exit status ?."),
    ],
)
def test_why_a_deployment_failed(story: Story, data: dict[str, object], told: str) -> None:
    """The exit status, with the signal that it tells of, or why the run killed the command, and its last line."""
    deployments(story, (9.0, 19.0))
    story.marks = [Mark(19.0, "deploy-ended", data) if mark.at == 19.0 else mark for mark in story.marks]
    (found,) = (one for one in judge(story.evidence).requirements if one.name == "version-change")
    assert found.detail.endswith(f"The deployment's command {told}")
