"""Limits on latency: for all endpoints or one, over the run or in every window."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_zdt.verdict.judge import judge
from pytest_zdt.verdict.latency import SHARES, first_slow_window

from .conftest import Story
from .shapes import keep, outcome, where

Answers = list[tuple[float, float]]
FAST, SLOW, LIMIT = 0.01, 1.0, 0.5


def slow(story: Story, start: float, stop: float, endpoint: str = "") -> Story:
    """Makes the answers sent from ``start`` until ``stop`` slow."""
    return story.change(
        latency=lambda item: SLOW if start <= item.sent < stop and item.endpoint.endswith(endpoint) else item.latency
    )


def slow_share(answers: Sequence[tuple[float, float]], share: str) -> bool:
    """Whether less than that share (in percent) of the answers is as fast as the limit."""
    fast = sum(took <= LIMIT for _, took in answers)
    return bool(answers) and Fraction(fast, len(answers)) < Fraction(share) / 100


def brute(answers: Answers, share: str, window: float) -> bool:
    """Whether any window is slow that lies inside the run, wherever it begins; a run that is shorter is one window."""
    first, last = answers[0][0], answers[-1][0]
    edges = {sent for sent, _ in answers} | {sent - window for sent, _ in answers}
    begins = sorted(begin for begin in edges if first <= begin <= last - window) or [first]
    begins += [(before + after) / 2 for before, after in pairwise(begins)]
    return any(slow_share([one for one in answers if begin <= one[0] <= begin + window], share) for begin in begins)


@pytest.mark.parametrize("limit", ["p50", "p90", "p95", "p99", "max"])
def test_a_limit_for_all(story: Story, limit: str) -> None:
    """Every answer slower than the limit."""
    assert outcome(story.require(**{limit: 0.009}), "latency") == ("violated", "too-slow")
    assert f"GET /a/: {limit} 10 ms" in story.requirement("latency").detail
    assert judge(story.evidence).exit_status == 1


@pytest.mark.parametrize("limit", ["p50", "p90", "p95", "p99", "max"])
def test_a_limit_that_is_met_exactly(story: Story, limit: str) -> None:
    """As slow as allowed is fast enough."""
    assert outcome(story.require(**{limit: 0.01}), "latency") == ("verified", "")


@pytest.mark.parametrize(
    "lag, extra, expected",
    [
        (900.0, 0.0, ("inconclusive", "generator-stalls")),
        (400.0, 0.0, ("violated", "too-slow")),
        (900.0, 30.0, ("violated", "too-slow")),
    ],
    ids=["stalled", "stalled for less than half", "slow at another time too"],
)
def test_a_machine_that_stood_still(lag: float, extra: float, expected: tuple[str, str], story: Story) -> None:
    """What only this machine's own stall made slow breaks no limit, and holds none."""
    story.health[15] = replace(story.health[15], lags=array("d", [1.0] * 19 + [lag]))
    slow(story, 15.0, 15.1).require(max=LIMIT, lag=10.0)
    if extra:
        slow(story, extra, extra + 0.1)
    assert outcome(story, "latency") == expected
    assert "GET /a/: max 1000 ms" in story.requirement("latency").detail


def test_fast_answers_beside_a_stall_are_fast(story: Story) -> None:
    """They still are among those that make the slow one no breach, where another stall puts a limit in doubt."""
    for second, lag in ((15, 60.0), (25, 900.0)):
        story.health[second] = replace(story.health[second], lags=array("d", [lag]))
    slow(slow(story, 15.0, 15.1), 25.0, 25.5).require(p95=LIMIT, window=2.5, lag=10.0)
    assert outcome(story, "latency") == ("inconclusive", "generator-stalls")


def test_no_limit(story: Story) -> None:
    """Nothing is required by default, and that is said."""
    assert story.requirement("latency").detail == "No limit was set."


@pytest.mark.parametrize("limit, allowed", [("p50", 200), ("p90", 40), ("p95", 20), ("p99", 4), ("max", 0)])
def test_the_rank_is_exact(story: Story, limit: str, allowed: int) -> None:
    """Of 400 answers of an endpoint over the whole run, so many may be slower; one more violates."""
    story.require(window=0.0, endpoints={"GET /a/": {limit: LIMIT}})
    numbers = where(story, lambda item: item.endpoint == "GET /a/")
    story.break_(*numbers[:allowed], kind="", latency=SLOW)
    assert story.requirement("latency").status == "verified"
    story.break_(*numbers[: allowed + 1], kind="", latency=SLOW)
    assert outcome(story, "latency") == ("violated", "too-slow")
    assert f"{limit} 1000 ms over the run" in story.requirement("latency").detail


def test_a_limit_for_one_endpoint(story: Story) -> None:
    """The other one may be slow."""
    story.require(endpoints={"GET /a/": {"p95": 0.3}})
    assert outcome(slow(story, 0, 40, "b/"), "latency") == ("verified", "")
    assert outcome(slow(story, 0, 40, "a/"), "latency") == ("violated", "too-slow")
    assert "GET /b/" not in story.requirement("latency").detail


def test_an_endpoints_own_limit_wins(story: Story) -> None:
    """A wider one as well as a tighter one."""
    slow(story, 0, 40, "a/").require(p95=0.3, endpoints={"GET /a/": {"p95": 2.0}})
    assert outcome(story, "latency") == ("verified", "")
    story.require(p95=2.0, endpoints={"GET /a/": {"p95": 0.3}})
    assert outcome(story, "latency") == ("violated", "too-slow")


def test_other_limits_hold_for_an_endpoint_with_its_own(story: Story) -> None:
    """A limit of one endpoint on p50 leaves the one for all on p95 as it is."""
    slow(story, 15, 18, "a/").require(p95=0.3, endpoints={"GET /a/": {"p50": 0.3}})
    assert "GET /a/: p95" in story.requirement("latency").detail


@pytest.mark.parametrize("window, status", [(1.0, "violated"), (10.0, "violated"), (25.0, "verified"), (0.0, "verified")])
def test_a_burst_is_seen_in_a_window(story: Story, window: float, status: str) -> None:
    """One second of forty breaks the p95 of ten seconds, and not that of 25 or of the run."""
    assert slow(story, 18, 19).require(p95=LIMIT, window=window).requirement("latency").status == status


@pytest.mark.parametrize("start", [0.0, 0.5, 4.7, 9.5, 9.75, 19.6, 29.9, 35.0, 39.0])
def test_windows_slide(story: Story, start: float) -> None:
    """A burst breaks a window of ten seconds wherever it lies, across a border of ten seconds or at the ends of the run."""
    slow(story, start, start + 1.0).require(p95=LIMIT)
    assert outcome(story, "latency") == ("violated", "too-slow")


@pytest.mark.parametrize("start, stop, status", [(19.75, 20.25, "verified"), (19.7, 20.4, "violated")])
def test_a_burst_over_a_border_counts_as_one(story: Story, start: float, stop: float, status: str) -> None:
    """Five slow answers of 101 in ten seconds are just allowed, seven are not, though neither side of the border has six."""
    assert slow(story, start, stop).require(p95=LIMIT).requirement("latency").status == status


def test_the_window_is_told(story: Story) -> None:
    """Which ten seconds, how slow, and what was allowed."""
    detail = slow(story, 15, 18).require(p95=LIMIT).requirement("latency").detail
    assert detail.startswith("GET /a/: p95 1000 ms in the 10 s from 5.")
    assert detail.endswith("(limit 500 ms).")


@pytest.mark.parametrize("kind, status", [("read-timeout", 0), ("connect-refused", 0), ("cut", 200)])
def test_without_an_answer_there_is_no_latency(story: Story, kind: str, status: int) -> None:
    """A failure without an answer is neither slow nor fast; nor is a request that the end cut."""
    story.break_(*range(300, 340), kind=kind, status=status, version="", latency=SLOW).require(p95=LIMIT)
    assert outcome(story, "latency") == ("verified", "")


def test_a_failed_answer_has_a_latency(story: Story) -> None:
    """A slow 503 is slow."""
    story.break_(*range(300, 340), latency=SLOW).require(p95=LIMIT)
    assert outcome(story, "latency") == ("violated", "too-slow")


def test_an_endpoint_that_never_answered(story: Story) -> None:
    """Its limit held in no window."""
    story.break_(*where(story, lambda item: item.endpoint == "GET /a/"), kind="read-timeout", status=0, version="", latency=0)
    assert outcome(story.require(p95=LIMIT), "latency") == ("inconclusive", "no-answers")
    assert "GET /a/" in story.requirement("latency").detail


def test_the_first_answer_may_be_the_slow_one(story: Story) -> None:
    """With ``max`` one slow answer is enough, wherever it is."""
    story.change(sent=lambda item: item.sent + 0.003 * item.vu).require(max=LIMIT)
    assert outcome(story.break_(1, kind="", latency=SLOW), "latency") == ("violated", "too-slow")


def test_slow_answers_before_a_long_gap(story: Story) -> None:
    """Five slow seconds of an endpoint that is then not asked for half a minute."""
    slow(story, 0, 5).require(p95=LIMIT)
    assert keep(story, lambda item: not 5 <= item.sent < 35).requirement("latency").status == "violated"


times = st.lists(st.integers(0, 60).map(lambda tick: tick / 2), min_size=1, max_size=60).map(sorted)


@settings(deadline=None, max_examples=200)
@given(times, st.data(), st.sampled_from([1.0, 2.5, 10.0, 40.0]), st.sampled_from(["50", "90", "95", "99", "100"]))
def test_windows_against_every_window(sent: list[float], data: st.DataObject, window: float, share: str) -> None:
    """Found if and only if one of all windows is slow, by counting each anew."""
    took = data.draw(st.lists(st.sampled_from([FAST, FAST, FAST, LIMIT, SLOW]), min_size=len(sent), max_size=len(sent)))
    answers = sorted(zip(sent, took, strict=True))
    found = first_slow_window(answers, int(share) / 100, LIMIT, window)
    assert (found is not None) == brute(answers, share, window)
    if found is not None:
        inside = answers[slice(*found)]
        assert inside[-1][0] - inside[0][0] <= window or len(inside) == len(answers)
        assert slow_share(inside, share)


@settings(deadline=None)
@given(st.lists(st.sampled_from([FAST, LIMIT, SLOW]), max_size=40), st.sampled_from(["50", "90", "95", "99", "100"]))
def test_the_whole_run_as_a_window(took: list[float], share: str) -> None:
    """The window without end is slow when the run is."""
    answers = [(float(at), seconds) for at, seconds in enumerate(took)]
    found = first_slow_window(answers, int(share) / 100, LIMIT, inf)
    assert found == ((0, len(answers)) if slow_share(answers, share) else None)


@pytest.mark.parametrize("start, found", [(5.0, (3, 6)), (4.9, None)])
def test_both_ends_of_a_window_belong_to_it(start: float, found: tuple[int, int] | None) -> None:
    """Two slow answers exactly a window apart are in one, further apart in none."""
    answers = [(0.0, FAST), (1.0, FAST), (2.0, FAST), (start, SLOW), (12.0, FAST), (15.0, SLOW)]
    assert first_slow_window(answers, 0.5, LIMIT, 10.0) == found


def test_the_limits_have_names() -> None:
    """Those of the settings."""
    assert list(SHARES) == ["p50", "p90", "p95", "p99", "max"]
