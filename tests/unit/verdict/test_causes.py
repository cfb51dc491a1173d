"""From failures to their likely cause: each row of the table, and that guessing changes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from pytest_zdt.evidence.samples import Sample
from pytest_zdt.report.terminal import render
from pytest_zdt.verdict import judge as judging
from pytest_zdt.verdict.causes import TABLE
from pytest_zdt.verdict.judge import judge

from .conftest import Story
from .shapes import deployments, pair, plan, where


def rollout(version: str = "", endpoint: str = "") -> Callable[[Sample], bool]:
    """Whether a sample was sent in the rollout, answered by that version, to that endpoint."""
    return lambda item: 9 <= item.sent < 20 and item.version.endswith(version) and item.endpoint.endswith(endpoint)


def refused(*pairs: tuple[str, str]) -> Callable[[Story], object]:
    """Tokens of one version that the other refused."""

    def spoil(story: Story) -> None:
        for made_by, used_on in pairs:
            story.break_(*where(story, pair(made_by, used_on)), kind="auth-broken", status=401)

    return spoil


def failed(
    kind: str, by: str = "", endpoint: str = "", status: int = 0, every: int = 1, **changes: object
) -> Callable[[Story], object]:
    """Failures in the rollout; ``POST /a/`` writes and ``GET /b/`` reads."""

    def spoil(story: Story) -> None:
        story.change(endpoint=lambda item: item.endpoint.replace("GET /a/", "POST /a/"))
        story.break_(*where(story, rollout(by, endpoint))[::every], kind=kind, status=status, **changes)

    return spoil


ROWS = [
    # title begins with, row, how it shows, what the reason names
    ("a signing key", "C2", refused(("v1", "v2"), ("v2", "v1")), "v1 refused 52 uses of tokens of v2, v2 refused 48 of v1"),
    ("the new version issues tokens", "C1", refused(("v2", "v1")), "v1 refused 52 uses of tokens that v2 had issued"),
    ("the new version needs something of stored", "A22", refused(("v1", "v2")), "v2 refused 48 uses of tokens that v1 had"),
    ("a new column is NOT NULL", "A6", failed("status-5xx", "v1", "a/", 500), "POST /a/"),
    ("a column or table that the old", "A1, A3", failed("status-5xx", "v1", "b/", 500), "GET /b/"),
    ("a column or table that the old", "A1, A3", failed("status-5xx", "v1", "", 500), "GET /b/, POST /a/"),
    ("the new version needs a schema", "A3", failed("status-5xx", "v2", "b/", 500), "v2 answered 5xx and v1 did not: GET /b/"),
    ("the server closes idle", "C14", failed("keep-alive-race", every=40, version=""), "just being closed"),
    ("a migration waits for or holds", "B7", failed("read-timeout", version=""), "reads and writes of most endpoints"),
    ("a migration blocks writes", "B1", failed("read-timeout", "", "a/", version=""), "writes alone timed out: POST /a/"),
    ("the old instances ended", "", failed("connect-refused", version=""), "refused or reset"),
    ("the old instances ended", "", failed("connect-timeout", version=""), "refused or reset"),
    ("the old instances ended", "", failed("reset", version=""), "refused or reset"),
    ("a route exists in one version only", "C4, C5", failed("wrong-status", "v2", "b/", 404), "GET /b/"),
    ("a field of the answers", "C6", failed("wrong-body", "v2", "b/", 200), "answers of one version: GET /b/"),
    ("a request needs more", "C7", failed("wrong-status", "v2", "a/", 422), "the other takes: POST /a/"),
    ("a request needs more", "C7", failed("wrong-status", "v2", "a/", 400), "the other takes: POST /a/"),
    ("what stands before the application", "C14", failed("status-5xx", "", "b/", 502, 9, version=""), "GET /b/"),
    ("the two versions count rate limits", "C11", failed("throttled", "v2", "b/", 429), "GET /b/"),
]
EACH = pytest.mark.parametrize("title, row, spoil, because", ROWS, ids=[f"{row[1]} {row[0]}" for row in ROWS])


def test_the_table_is_whole() -> None:
    """Each row of the table is shown here."""
    assert all(any(row.title.startswith(title) and row.row == number for title, number, *_ in ROWS) for row in TABLE)
    assert {row.title for row in TABLE} == {row.title for row in TABLE for title, *_ in ROWS if row.title.startswith(title)}


@EACH
def test_a_cause_is_named(story: Story, title: str, row: str, spoil: Callable[[Story], object], because: str) -> None:
    """By its row, with the reason why it fits and the safe way, and nothing else is guessed."""
    spoil(story)
    (cause,) = judge(story.evidence).causes
    assert cause.title.startswith(title)
    assert cause.row == row
    assert because in cause.because
    assert cause.safe == next(one.safe for one in TABLE if one.title == cause.title)
    assert any(cause.safe in text for text, _ in render(judge(story.evidence)))


@EACH
def test_a_cause_changes_nothing(
    story: Story, monkeypatch: pytest.MonkeyPatch, title: str, row: str, spoil: Callable[[Story], object], because: str
) -> None:
    """The verdict is the same as one that does not look at causes."""
    spoil(story)
    verdict = judge(story.evidence)
    monkeypatch.setattr(judging, "likely_causes", lambda facts: [])
    assert judge(story.evidence) == dataclasses.replace(verdict, causes=[])


@pytest.mark.parametrize(
    "spoil", [lambda story: None, lambda story: story.break_(20, 40, 60), lambda story: story.change(version="v1")]
)
def test_no_failures_no_cause(story: Story, spoil: Callable[[Story], object]) -> None:
    """A clean run; failures of the head alone, which no deployment caused; a no-op."""
    spoil(story)
    assert judge(story.evidence).causes == []


@pytest.mark.parametrize("kind", ["expected", "cut"])
def test_what_is_no_failure_has_no_cause(story: Story, kind: str) -> None:
    """Expected and cut."""
    failed(kind, "v2", "b/", 404)(story)
    assert judge(story.evidence).causes == []


def test_a_5xx_now_and_then_is_not_systematic(story: Story) -> None:
    """One in twenty of a version's answers to an endpoint is the least that a broken schema would show."""
    story.break_(where(story, rollout("v1", "a/"))[30])
    assert judge(story.evidence).causes == []


def test_failures_of_both_versions_point_to_neither(story: Story) -> None:
    """A field that both versions' answers lack did not change."""
    failed("wrong-body", "", "b/", 200)(story)
    assert judge(story.evidence).causes == []


def test_a_wrong_status_that_tells_nothing(story: Story) -> None:
    """A 409 of one version is neither a missing route nor a narrower request."""
    failed("wrong-status", "v2", "a/", 409)(story)
    assert judge(story.evidence).causes == []


def test_races_among_other_failures(story: Story) -> None:
    """Connections break when instances die, too: only races alone point to the idle time-outs."""
    story.break_(200, 240, kind="keep-alive-race", status=0, version="").break_(280, kind="read-timeout", status=0, version="")
    assert "C14" not in {cause.row for cause in judge(story.evidence).causes}


def test_failures_of_the_tail_have_a_cause(story: Story) -> None:
    """From the rollout on."""
    story.break_(*where(story, lambda item: item.sent > 25 and item.endpoint == "GET /b/"))
    assert [cause.row for cause in judge(story.evidence).causes] == ["A3"]


def test_several_causes(story: Story) -> None:
    """The most telling first."""
    refused(("v2", "v1"))(story)
    story.break_(*where(story, rollout("v2", "b/")))
    assert [cause.row for cause in judge(story.evidence).causes] == ["C1", "A3"]


def test_the_cause_of_a_roll_back(story: Story) -> None:
    """It is told once, of the change in which it was."""
    plan(story, (9, "v1"), (15, "v1 v2"), (25, "v2"), (31, "v2 v1"), (41, "v1"))
    deployments(story, (9.0, 15.0), (25.0, 31.0))
    later = where(story, lambda item: item.sent > 25 and pair("v2", "v1")(item))
    story.break_(*later, kind="auth-broken", status=401)
    (cause,) = judge(story.evidence).causes
    assert cause.because == f"v1 refused {len(later)} uses of tokens that v2 had issued"
