"""Outages as people meet them: per virtual user, and as episodes over several endpoints."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_zdt.evidence.samples import Sample
from pytest_zdt.report.terminal import render
from pytest_zdt.verdict.judge import judge
from pytest_zdt.verdict.model import Episode

from .conftest import Story
from .shapes import keep, where


def episodes(story: Story) -> list[Episode]:
    """The episodes of a story."""
    return judge(story.evidence).episodes


def between(start: float, stop: float, endpoint: str = "") -> Callable[[Sample], bool]:
    """Whether a sample of that endpoint was sent then."""
    return lambda item: start - 0.001 < item.sent < stop - 0.001 and item.endpoint.endswith(endpoint)


def test_no_failure_no_episode(story: Story) -> None:
    """And nobody was hit."""
    verdict = judge(story.evidence)
    assert (verdict.outages, verdict.episodes, verdict.users) == ([], [], [])


def test_outages_of_several_endpoints_at_one_time_are_one_episode(story: Story) -> None:
    """One second in which nothing worked: two outages, one burst."""
    (one,) = episodes(story.break_(*where(story, between(15, 16))))
    assert (one.outages, one.failures, one.endpoints, one.versions) == (2, 20, ["GET /a/", "GET /b/"], ["v1", "v2"])
    assert (one.start_s, one.end_s) == (15.0, pytest.approx(15.95))
    assert (one.vus, one.kinds, one.guilt) == (4, ["status-5xx"], "app")


def test_separate_outages_are_separate_episodes(story: Story) -> None:
    """Two bursts with successes between."""
    found = episodes(story.break_(*where(story, between(12, 13)), *where(story, between(16, 17.5))))
    assert [(round(one.start_s), one.failures, one.outages) for one in found] == [(12, 20, 2), (16, 30, 2)]


def test_outages_that_follow_each_other_are_two(story: Story) -> None:
    """The first endpoint was well again before the second one failed."""
    story.break_(*where(story, between(12, 13, "a/")), *where(story, between(13.5, 14.5, "b/")))
    assert [one.endpoints for one in episodes(story)] == [["GET /a/"], ["GET /b/"]]


def test_a_chain_of_outages_is_one_episode(story: Story) -> None:
    """Each overlaps the next, the first and the last do not."""
    story.break_(*where(story, between(12, 13, "a/")), *where(story, between(12.8, 14, "b/")))
    story.break_(*where(story, between(13.8, 15, "a/")))
    (one,) = episodes(story)
    assert (one.outages, one.start_s, one.end_s) == (3, 12.0, pytest.approx(14.9))


def test_two_outages_of_one_endpoint_with_one_success_between(story: Story) -> None:
    """The success proves that they are two."""
    story.break_(300, 302, 306, 308)
    assert [(one.failures, one.outages) for one in episodes(story)] == [(2, 1), (2, 1)]


@pytest.mark.parametrize("second", [301, 303])
def test_outages_that_may_have_overlapped(story: Story, second: int) -> None:
    """Single failures; each endpoint was last well before the other one was well again: one episode, since nobody can tell."""
    (one,) = episodes(story.break_(300, second))
    assert (one.outages, one.endpoints) == (2, ["GET /a/", "GET /b/"])


@pytest.mark.parametrize("vus, hit", [({0, 1}, 2), ({0, 1, 2}, 3), ({0, 1, 2, 3}, 4)])
def test_how_many_users_an_episode_hit(story: Story, vus: set[int], hit: int) -> None:
    """Beside the count of failures."""
    found = where(story, lambda item: 15 <= item.sent < 17 and item.vu in vus)
    verdict = judge(story.break_(*found).evidence)
    assert [user.vu for user in verdict.users] == sorted(vus)
    assert sum(user.failures for user in verdict.users) == len(found)
    assert max(one.vus for one in verdict.episodes) == hit


def test_the_share_of_users_is_shown(story: Story) -> None:
    """On the terminal."""
    story.break_(*where(story, lambda item: 15 <= item.sent < 16 and item.vu < 2))
    text = "\n".join(line for line, _ in render(judge(story.evidence)))
    assert "2 of 4 virtual users hit" in text


def test_an_outage_of_one_user(story: Story) -> None:
    """Its own successes bound it, whatever the others met: a user of a broken connection is down among all the well."""
    (user,) = judge(story.break_(*where(story, lambda item: 15 <= item.sent < 17 and item.vu == 3)).evidence).users
    assert (user.vu, user.failures, user.outages) == (3, 10, 1)
    assert (user.longest_min_s, user.longest_max_s) == (pytest.approx(1.8), pytest.approx(2.2))
    assert max(one.min_s for one in judge(story.evidence).outages) == 0.0


def test_the_longest_outage_of_a_user(story: Story) -> None:
    """Of two it is the longer one, and both count."""
    mine = where(story, lambda item: item.vu == 1 and (12 <= item.sent < 13 or 16 <= item.sent < 18.5))
    (user,) = judge(story.break_(*mine).evidence).users
    assert (user.failures, user.outages) == (len(mine), 2)
    assert (user.longest_min_s, user.longest_max_s) == (pytest.approx(2.4), pytest.approx(2.8))


def test_a_user_that_never_came_back(story: Story) -> None:
    """Its outage may have lasted to the end of the run."""
    (user,) = judge(story.break_(*where(story, lambda item: item.vu == 0 and item.sent >= 30)).evidence).users
    assert user.longest_max_s == pytest.approx(40 - 29.8)


def test_a_user_that_never_succeeded(story: Story) -> None:
    """Its outage may have begun with the run, before the user sent anything."""
    keep(story, lambda item: item.sent >= 0.2)
    (user,) = judge(story.break_(*where(story, lambda item: item.vu == 0)).evidence).users
    assert (user.outages, user.longest_max_s) == (1, pytest.approx(40.0))


@pytest.mark.parametrize("kind", ["local", "throttled", "cut", "expected"])
def test_users_are_hit_by_the_api_alone(story: Story, kind: str) -> None:
    """Neither by this machine nor by a rate limit, a cut or an answer by design."""
    verdict = judge(story.break_(300, kind=kind, version="", status=0).evidence)
    assert (verdict.users, verdict.episodes) == ([], [])


@pytest.mark.parametrize("kind", ["local", "throttled", "cut"])
def test_what_tells_nothing_does_not_end_an_outage(story: Story, kind: str) -> None:
    """Between two failures a request that says nothing of the API is no success."""
    (outage,) = judge(story.break_(300, 304).break_(302, kind=kind, version="", status=0).evidence).outages
    assert (outage.failures, outage.min_s) == (2, pytest.approx(0.2))


def test_an_expected_answer_ends_an_outage(story: Story) -> None:
    """It is an answer."""
    assert len(judge(story.break_(300, 304).break_(302, kind="expected", status=404).evidence).outages) == 2


def test_the_interval_of_an_outage(story: Story) -> None:
    """At least from the first failure to the last, at most from the success before to the one after."""
    (one,) = judge(story.break_(300, 302, 304).evidence).outages
    assert (one.min_s, one.max_s) == (pytest.approx(15.2 - 15.0), pytest.approx(15.3 - 14.9))


def test_a_request_that_was_cut_by_the_outage_does_not_stretch_it(story: Story) -> None:
    """Its connection broke at 15.9, when it had been under way since 15.0, while others succeeded."""
    story.break_(300, kind="reset", took=0.9).break_(318, 320)
    (one,) = judge(story.evidence).outages
    assert (one.failures, one.start_s) == (3, pytest.approx(15.9))
