"""Versions, phases and the overlap."""

from __future__ import annotations

import pytest

from pytest_zdt.evidence.marks import Mark
from pytest_zdt.verdict.judge import judge

from .conftest import Story


def bounds(story: Story) -> list[tuple[str, float, float]]:
    """Name, start and end of the phases of a run."""
    return [(phase.name, phase.start_s, phase.end_s) for phase in judge(story.evidence).phases]


def test_the_rollout_goes_from_the_mark_to_the_last_old_answer(story: Story) -> None:
    """The last old answer came after the deploy-ended mark, so it ends the rollout."""
    assert bounds(story) == [("head", 0, 9), ("rollout", 9, pytest.approx(19.95)), ("tail", pytest.approx(19.95), 40)]


def test_the_rollout_lasts_to_the_mark_when_that_is_later(story: Story) -> None:
    """The deployment went on after the last old answer."""
    assert bounds(story.mark(25.0, "deploy-ended"))[1][2] == 25.0


def test_without_marks_the_answers_bound_the_rollout(story: Story) -> None:
    """From the first new answer to the last old one."""
    story.unmark("deploy-started").unmark("deploy-ended")
    assert bounds(story)[1] == ("rollout", pytest.approx(10.4), pytest.approx(19.95))


def test_without_a_change_and_marks_all_is_head(story: Story) -> None:
    """Nothing happened."""
    assert bounds(story.change(version="v1").unmark("deploy-started").unmark("deploy-ended")) == [("head", 0, 40)]


def test_marks_without_a_change_bound_the_rollout(story: Story) -> None:
    """The tail comes after deploy-ended."""
    assert bounds(story.change(version="v1")) == [("head", 0, 9), ("rollout", 9, 19), ("tail", 19, 40)]


def test_a_deployment_that_never_ended_has_no_tail(story: Story) -> None:
    """Started, not ended, and no new version: the rollout lasts to the end."""
    assert bounds(story.change(version="v1").unmark("deploy-ended"))[1] == ("rollout", 9, 40)


def test_the_versions_and_their_roles(story: Story) -> None:
    """In the order of the first good answer, with times and counts."""
    old, new = judge(story.evidence).versions
    assert (old.id, old.role, old.first_s, new.id, new.role) == ("v1", "old", 0.0, "v2", "new")
    assert (old.requests, new.requests) == (304, 496)


def test_a_failing_answer_does_not_make_the_old_version(story: Story) -> None:
    """What answers well at the start is old, even if another version failed just before."""
    assert [item.id for item in judge(story.break_(0, version="v2").evidence).versions] == ["v1", "v2"]


def test_the_overlap(story: Story) -> None:
    """Bounds, counts by version and alternations."""
    span = judge(story.evidence).overlap
    assert span is not None
    assert (span.start_s, span.end_s) == (pytest.approx(10.41), pytest.approx(19.96))
    assert (span.requests, span.alternations) == ({"v1": 96, "v2": 96}, 23)


def test_a_second_deployment_resets_the_overlap(story: Story) -> None:
    """Only what came after the last start counts."""
    story.marks.append(Mark(15.0, "deploy-started"))
    span = judge(story.evidence).overlap
    assert span is not None
    assert span.start_s >= 15.0
