"""Whose failure it was, by what else was seen at that time: the control URL, and stalls of this machine."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import replace

import pytest

from pytest_zdt.evidence.marks import Mark
from pytest_zdt.verdict.judge import judge

from .conftest import Story


def control(story: Story, *down: int) -> Story:
    """The control URL was asked once a second, and failed in those."""
    story.marks += [Mark(float(second), "control", {"ok": second not in down}) for second in range(40)]
    return story


def guilts(story: Story) -> list[tuple[str, str, int]]:
    """Kind, guilt and count of the groups of failures."""
    return [(one.kind, one.guilt, one.count) for one in judge(story.evidence).failures]


def test_the_control_url_says_nothing_of_a_clean_run(story: Story) -> None:
    """An unrelated host may fail."""
    assert judge(control(story, 14, 15, 16).evidence).verdict == "verified"


@pytest.mark.parametrize(
    "down, guilt, verdict", [((), "edge", "violated"), ((15,), "client", "inconclusive"), ((30,), "edge", "violated")]
)
def test_a_name_that_does_not_resolve(story: Story, down: tuple[int, ...], guilt: str, verdict: str) -> None:
    """The edge's if the control URL answered at that very time, the client's if it failed too."""
    control(story, *down).break_(300, kind="dns", status=0, version="")
    assert guilts(story) == [("dns", guilt, 1)]
    assert judge(story.evidence).verdict == verdict


def test_a_name_without_a_control_at_that_time(story: Story) -> None:
    """Only what was seen near it counts: the control URL answered much earlier and much later."""
    story.marks += [Mark(at, "control", {"ok": True}) for at in (10.0, 20.0)]
    assert guilts(story.break_(300, kind="dns", status=0, version="")) == [("dns", "network", 1)]


@pytest.mark.parametrize("kind", ["connect-refused", "connect-timeout", "tls", "reset"])
@pytest.mark.parametrize("down, guilt, verdict", [((), "edge", "violated"), pytest.param((15,), "network", "inconclusive")])
def test_a_connection(story: Story, kind: str, down: tuple[int, ...], guilt: str, verdict: str) -> None:
    """The edge's; the network's while an unrelated host cannot be reached either."""
    assert guilts(control(story, *down).break_(300, kind=kind, status=0, version="")) == [(kind, guilt, 1)]
    assert judge(story.evidence).verdict == verdict


@pytest.mark.parametrize("kind", ["read-timeout", "status-5xx", "truncated", "keep-alive-race", "wrong-body", "auth-broken"])
def test_what_the_network_does_not_excuse(story: Story, kind: str) -> None:
    """The connection stood, so it is the API's whatever an unrelated host does."""
    control(story, 14, 15, 16).break_(300, kind=kind, status=0, version="")
    assert judge(story.evidence).verdict == "violated"


@pytest.mark.parametrize("down, guilt", [((18,), "edge"), (range(12, 23), "network"), (range(14, 18), "edge"), ((), "edge")])
def test_a_long_attempt(story: Story, down: Iterable[int], guilt: str) -> None:
    """Nobody's network was gone for ten seconds in which an unrelated host was reached, but for once or twice."""
    control(story, *down).break_(*range(250, 290, 2), kind="connect-timeout", status=0, version="", took=9.0)
    assert guilts(story) == [("connect-timeout", guilt, 20)]


@pytest.mark.parametrize("lag, guilt", [pytest.param(600.0, "client"), (400.0, "app"), (0.0, "app")])
def test_a_time_out_while_this_machine_stalled(story: Story, lag: float, guilt: str) -> None:
    """Check the generator first: it is the client's where a stall lasted half of it."""
    story.health[15] = replace(story.health[15], lags=array("d", [lag]))
    story.break_(300, kind="read-timeout", status=0, version="", took=1.0)
    assert guilts(story) == [("read-timeout", guilt, 1)]


@pytest.mark.parametrize("second", [10, 20])
def test_a_stall_at_another_time_excuses_nothing(story: Story, second: int) -> None:
    """Long before, or long after."""
    story.health[second] = replace(story.health[second], lags=array("d", [900.0]))
    assert guilts(story.break_(300, kind="read-timeout", status=0, version="", took=1.0)) == [("read-timeout", "app", 1)]


def test_a_stall_excuses_no_answer(story: Story) -> None:
    """A 503 came whole, however late."""
    story.health[15] = replace(story.health[15], lags=array("d", [900.0]))
    assert guilts(story.break_(300, took=1.0)) == [("status-5xx", "app", 1)]


def test_failures_of_two_that_are_guilty_are_two_groups(story: Story) -> None:
    """One name did not resolve while the control URL answered, four of its kind while it did not."""
    control(story, 17, 18, 19).break_(300, 360, 362, 364, 366, kind="dns", status=0, version="")
    assert sorted(guilts(story)) == [("dns", "client", 4), ("dns", "edge", 1)]


def test_all_samples_are_kept(story: Story) -> None:
    """Relabelling loses none, whatever the mixture."""
    control(story, 12, 13).break_(*range(200, 400, 7), kind="connect-timeout", status=0, version="")
    story.health[15] = replace(story.health[15], lags=array("d", [900.0]))
    verdict = judge(story.evidence)
    assert sum(one.requests for one in verdict.endpoints) == verdict.generator.samples == 800
