"""The rows ``flows`` and ``impact`` of the table of requirements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_zdt.verdict.judge import judge

from .conftest import Story
from .shapes import keep, only_flows, outcome, pair, statuses, where

Spoil = Callable[[Story], object]
INCONCLUSIVE = "inconclusive"


def test_flows_verified(story: Story) -> None:
    """Both pairs were used, and how often is told."""
    assert outcome(story, "flows") == ("verified", "")
    assert "token v1 -> v2 48, token v2 -> v1 52" in story.requirement("flows").detail


@pytest.mark.parametrize(
    "spoil, reason, detail",
    [
        (lambda story: story.change(flow="", made_by=""), "no-flow", "zdt_flow"),
        (lambda story: only_flows(story, lambda item: item.made_by == item.version), "pair-unused", "v1 -> v2: 0 of 3"),
        (lambda story: only_flows(story, pair("v1", "v2")), "pair-unused", "token v2 -> v1: 0 of 3"),
        (lambda story: only_flows(story, pair("v2", "v1")), "pair-unused", "token v1 -> v2: 0 of 3"),
        (lambda story: story.change(version="v1"), "no-version-change", "second version"),
        (lambda story: story.change(made_by=""), "pair-unused", "v1 -> v2: 0 of 3"),
        (lambda story: story.require(pair_uses=49), "pair-unused", "v1 -> v2: 48 of 49"),
    ],
)
def test_flows_not_proven(story: Story, spoil: Spoil, reason: str, detail: str) -> None:
    """No flow at all, none that crosses, or only one way: inconclusive, and the missing pair is named."""
    spoil(story)
    assert outcome(story, "flows") == (INCONCLUSIVE, reason)
    assert detail in story.requirement("flows").detail


def test_every_flow_must_cross(story: Story) -> None:
    """A second flow that never crossed is named, though the first one did."""
    story.change(flow=lambda item: "upload" if pair("v1", "v1")(item) else item.flow)
    assert outcome(story, "flows") == (INCONCLUSIVE, "pair-unused")
    assert "upload v1 -> v2: 0 of 3" in story.requirement("flows").detail


@pytest.mark.parametrize("tokens", [True, False])
def test_a_flow_that_is_made_and_never_used(tokens: bool, story: Story) -> None:
    """It has no request; the run's end tells of it. Beside others, and alone."""
    story.mark(40.0, "run-ended", made_flows=["list", "token"])
    if not tokens:
        story.change(flow="", made_by="")
    assert outcome(story, "flows") == (INCONCLUSIVE, "pair-unused")
    assert "list v1 -> v2: 0 of 3; list v2 -> v1: 0 of 3" in story.requirement("flows").detail
    assert ("token" in story.requirement("flows").detail) is not tokens


@pytest.mark.parametrize("made_by, used_on, uses", [("v1", "v2", 48), ("v2", "v1", 52)])
@pytest.mark.parametrize("kind, status", [("auth-broken", 401), ("wrong-status", 404), ("wrong-body", 200), ("status-5xx", 500)])
def test_flows_broken(story: Story, made_by: str, used_on: str, uses: int, kind: str, status: int) -> None:
    """The other version cannot use the values: violated, with the pair named."""
    story.break_(*where(story, pair(made_by, used_on)), kind=kind, status=status)
    assert outcome(story, "flows") == ("violated", "flow-broken")
    assert f"token made by {made_by}, used on {used_on}: {uses} of {uses}" in story.requirement("flows").detail


def test_one_refusal_breaks_a_flow(story: Story) -> None:
    """One of 48 is enough."""
    story.break_(where(story, pair("v2", "v1"))[0], kind="auth-broken", status=401)
    assert outcome(story, "flows") == ("violated", "flow-broken")


def test_a_refusal_among_equals_is_no_broken_flow(story: Story) -> None:
    """A version that refuses its own tokens fails, but nothing crossed."""
    story.break_(*where(story, pair("v1", "v1")), kind="auth-broken", status=401)
    assert outcome(story, "flows") == ("verified", "")
    assert outcome(story, "failures") == ("violated", "auth-broken")


def test_a_version_that_fails_for_everybody_breaks_no_flow(story: Story) -> None:
    """Its 5xx are compared where and when the pair was used: its own values were good before the rollout, and elsewhere."""
    story.change(flow="token", made_by=lambda item: item.made_by or item.version)
    story.break_(*where(story, lambda item: item.version == "v1" and item.endpoint == "GET /a/" and item.sent > 10), status=500)
    only_flows(story, lambda item: not (pair("v2", "v1")(item) and item.endpoint == "GET /b/"))
    assert outcome(story, "failures") == ("violated", "status-5xx")
    assert story.requirement("flows").status != "violated"


def test_a_pair_that_fails_on_one_endpoint_only(story: Story) -> None:
    """It is broken, however often it was good elsewhere; only what failed there is counted."""
    failing = where(story, lambda item: pair("v2", "v1")(item) and item.endpoint == "GET /a/")
    story.break_(*failing[:6], status=500)
    assert outcome(story, "flows") == ("violated", "flow-broken")
    assert "token made by v2, used on v1: 6 of 52 uses failed." in story.requirement("flows").detail


def test_a_pair_whose_every_use_failed(story: Story) -> None:
    """Three uses, three errors, and a budget that excuses them: the pair never worked, so it is not verified."""
    only_flows(story, lambda item: item.made_by == "v1" and item.version == "v2").require(max_failures="5%")
    old = where(story, lambda item: item.version == "v1" and 10.4 < item.sent < 20)[::30][:3]
    story.break_(*old, flow="token", made_by="v2", status=500)
    assert story.requirement("flows").status != "verified"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda story: story.change(flow="").require(pair_uses=0),
        lambda story: only_flows(story, pair("v1", "v2")).require(overlap=False),
    ],
    ids=["no use is required", "nothing goes back"],
)
def test_flows_not_required(story: Story, spoil: Spoil) -> None:
    """No pair at all with pair_uses = 0; only old to new where the versions need not overlap."""
    spoil(story)
    assert outcome(story, "flows") == ("verified", "")


def test_without_overlap_old_to_new_is_still_required(story: Story) -> None:
    """A value of the old version must be good on the new one, however sharp the switch is."""
    only_flows(story, pair("v2", "v1")).require(overlap=False)
    assert outcome(story, "flows") == (INCONCLUSIVE, "pair-unused")


def _slower(item: Any) -> float:
    return 0.02 if 9 <= item.sent < 20 else 0.01


def test_a_slower_rollout_withholds_zero_impact_only(story: Story) -> None:
    """Zero downtime, told as inconclusive impact; the run is verified with exit status 0."""
    verdict = judge(story.change(latency=_slower).evidence)
    assert (verdict.verdict, verdict.level, verdict.exit_status) == ("verified", "zero-downtime", 0)
    assert statuses(story) == {"impact": "slower"}
    assert "GET /a/ 10 -> 20 ms" in story.requirement("impact").detail


def test_a_slower_rollout_where_impact_is_required(story: Story) -> None:
    """It violates."""
    assert outcome(story.change(latency=_slower).require(impact=True), "impact") == ("violated", "slower")
    assert judge(story.evidence).exit_status == 1


def test_impact_of_too_few_answers(story: Story) -> None:
    """Fifty good answers a side are needed: it withholds the level, and the verdict only where it is required."""
    keep(story, lambda item: item.sent >= 4.9).require(head=4.0)
    assert outcome(story, "impact") == (INCONCLUSIVE, "too-few-answers")
    assert judge(story.evidence).level == "zero-downtime"
    assert judge(story.require(impact=True).evidence).verdict == INCONCLUSIVE


def test_a_new_version_that_is_ten_times_slower(story: Story) -> None:
    """Each of its answers, in the rollout and after: that is an impact, though the old one answers more than half of it."""
    story.change(latency=lambda item: 0.1 if item.version == "v2" else 0.01)
    assert outcome(story, "impact") == (INCONCLUSIVE, "slower")


@pytest.mark.parametrize("latency", [0.0119, 0.009])
def test_no_meaningful_slow_down(story: Story, latency: float) -> None:
    """Every answer in the rollout slower by 19 %, however small p is; or faster."""
    story.change(latency=lambda item: latency if 9 <= item.sent < 20 else 0.01).require(impact=True)
    assert judge(story.evidence).level == "zero-impact"


def test_a_small_effect_is_no_impact(story: Story) -> None:
    """Two fifths of the head's answers took 20 ms, three fifths of the rollout's: p is small and the median doubled."""
    for number, item in enumerate(story.samples):
        item.latency = 0.02 if number // 2 % 5 < (3 if 9 <= item.sent < 20 else 2) else 0.01
    assert outcome(story.require(impact=True), "impact") == ("verified", "")
    assert all(one.p is not None and one.p < 0.01 for one in judge(story.evidence).impact)


@pytest.mark.parametrize("until, found", [(11.0, ("violated", "slower")), (9.3, ("verified", ""))])
def test_some_slow_answers(story: Story, until: float, found: tuple[str, str]) -> None:
    """A fifth of the rollout's answers a hundred times slower: an impact, though most are not; three in a hundred: none."""
    story.change(latency=lambda item: 1.0 if 9 <= item.sent < until else 0.01).require(impact=True)
    assert outcome(story, "impact") == found
