"""A target whose answers name no version: a URL beside the load is polled once a second, and answers are placed by time."""

from __future__ import annotations

import pytest

from pytest_zdt.evidence.marks import Mark
from pytest_zdt.verdict.judge import judge

from .conftest import Story
from .shapes import outcome, polled, statuses

MIXED = [*["v1"] * 10, *["v2", "v1"] * 5, *["v2"] * 20]


@pytest.fixture
def seen(story: Story) -> Story:
    """v1 until 10, v2 and v1 in turns until 20, then v2: 40 polls."""
    return polled(story, MIXED)


def test_answers_are_of_the_version_last_seen(seen: Story) -> None:
    """By the time of their sending."""
    old, new = judge(seen.evidence).versions
    assert (old.id, old.first_s, old.last_s) == ("v1", 0.0, pytest.approx(19.95))
    assert (new.id, new.first_s, new.last_s) == ("v2", pytest.approx(10.0), pytest.approx(39.95))
    assert (old.requests, new.requests) == (300, 500)


def test_an_answer_at_the_very_moment_of_a_poll(seen: Story) -> None:
    """Belongs to the version that was just seen."""
    seen.samples = [item for item in seen.samples if item.sent == 15.0 or item.sent < 1]
    assert {one.id: one.requests for one in judge(seen.evidence).versions} == {"v1": 21}


def test_answers_before_the_first_poll_have_no_version(seen: Story) -> None:
    """Nobody knows."""
    seen.marks = [mark for mark in seen.marks if mark.name != "version-polled" or mark.at >= 2]
    verdict = judge(seen.evidence)
    assert sum(one.requests for one in verdict.versions) == 760
    assert verdict.versions[0].first_s == 2.0


def test_flows_cannot_be_judged(seen: Story) -> None:
    """The only thing that is missing: nobody knows which version made a value and which one got it."""
    assert statuses(seen) == {"flows": "polled"}
    assert judge(seen.evidence).verdict == "inconclusive"
    assert "polled" in seen.requirement("flows").detail


def test_without_flows_a_polled_run_can_be_verified(seen: Story) -> None:
    """With pair_uses = 0."""
    assert judge(seen.require(pair_uses=0).evidence).verdict == "verified"


@pytest.mark.parametrize("polls", [MIXED, ["v1"] * 15 + ["v2"] * 25])
def test_the_change_is_told_to_be_by_time(story: Story, polls: list[str]) -> None:
    """In the detail of the requirement."""
    assert "v1 -> v2 (polled, so answers are attributed by time)" in polled(story, polls).requirement("version-change").detail


def test_a_failed_deployment_of_a_polled_target(seen: Story) -> None:
    """Says so too."""
    seen.mark(19.0, "deploy-ended", exit_status=1)
    assert "by time" in seen.requirement("version-change").detail
    assert outcome(seen, "version-change") == ("inconclusive", "deploy-failed")


def test_a_switch_is_no_overlap(story: Story) -> None:
    """Polls that never saw the old version again."""
    assert outcome(polled(story, ["v1"] * 15 + ["v2"] * 25), "overlap") == ("inconclusive", "no-overlap")


def test_polls_that_see_one_version(story: Story) -> None:
    """A no-op."""
    assert outcome(polled(story, ["v1"] * 40), "version-change") == ("inconclusive", "no-version-change")


def test_no_poll_was_answered(story: Story) -> None:
    """The version URL is named as what to check."""
    assert outcome(polled(story, []), "version-change") == ("inconclusive", "no-version-source")
    assert "url:/version#release" in story.requirement("version-change").detail


@pytest.mark.parametrize("kind, status, guilt", [("status-5xx", 503, "edge"), ("truncated", 200, "edge"), ("reset", 0, "edge"),
                                                 ("wrong-body", 200, "app"), ("read-timeout", 0, "app")])  # fmt: skip
def test_the_guilt_is_that_of_an_answer_without_a_version(seen: Story, kind: str, status: int, guilt: str) -> None:
    """What the poll saw does not tell who gave the failing answer; the version beside it is by time."""
    (found,) = judge(seen.break_(300, kind=kind, status=status).evidence).failures
    assert (found.guilt, found.version) == (guilt, "v1")
    assert outcome(seen, "failures") == ("violated", kind)


def test_a_version_that_an_answer_named_by_chance(seen: Story) -> None:
    """Does not count: one source of versions a run."""
    seen.samples[600].version = "v9"
    assert [(one.id, one.requests) for one in judge(seen.evidence).versions] == [("v1", 300), ("v2", 500)]


def test_polls_in_any_order(story: Story) -> None:
    """The file's order does not matter."""
    one = judge(polled(story, MIXED).evidence).as_dict()
    story.marks.reverse()
    assert judge(story.evidence).as_dict() == one


def test_polls_that_ended_early(seen: Story) -> None:
    """The version URL was silent for the last 17 s: which version answered then was not seen, so there is no tail."""
    seen.require(pair_uses=0).marks = [mark for mark in seen.marks if mark.name != "version-polled" or mark.at < 23]
    assert judge(seen.evidence).verdict == "inconclusive"


def test_polls_beside_a_header(story: Story) -> None:
    """Marks of polls mean nothing to a run whose answers name their versions."""
    story.marks += [Mark(float(second), "version-polled", {"version": "v9"}) for second in range(40)]
    assert judge(story.evidence).verdict == "verified"
