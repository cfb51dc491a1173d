"""The workers of a load run, seen from the controller."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_zdt.clocks import TRIPS
from pytest_zdt.team import Member, Message, Team


def final(**figures: Any) -> dict[str, Any]:
    """What a worker tells of its end."""
    return {"samples": 10, "iterations": 5, "hung_vus": [], "cpu": None} | figures


@pytest.fixture
def told() -> list[Message]:
    """What the workers were told."""
    return []


@pytest.fixture
def team(told: list[Message]) -> Team:
    """Three workers."""
    made = Team()
    for name in ("gw0", "gw1", "gw2"):
        made.join(name, told.append)
    return made


def test_numbers(team: Team) -> None:
    """Workers have the numbers from 0, each its first life."""
    assert [member.number for member in team.members] == [0, 1, 2]
    assert Team().join("main", print) == (0, 0)


def test_a_replacement_has_the_place_of_the_lost_one(team: Team, told: list[Message]) -> None:
    """It takes the number, and learns how many had it before."""
    team.lose("gw1")
    assert team.join("gw3", told.append) == (1, 1)
    team.lose("gw3")
    assert team.join("gw4", told.append) == (1, 2)
    assert team.join("gw5", told.append) == (3, 0)


@given(st.lists(st.one_of(st.just("join"), st.integers(0, 9)), max_size=40))
def test_no_two_have_one_number(what: list[Any]) -> None:
    """Whoever comes and goes: the numbers are distinct and without a gap that a later one did not leave."""
    team, names, places = Team(), iter(map(str, range(99))), list[tuple[int, int]]()
    for one in what:
        if one == "join":
            places.append(team.join(next(names), print))
        elif team.members:
            team.lose(list(team._members)[one % len(team.members)])
    numbers = [member.number for member in team.members]
    assert len(set(numbers)) == len(numbers)
    assert len(set(places)) == len(places)
    assert all({number for number, _ in places} >= set(range(number)) for number, _ in places)


def test_a_lost_worker_is_still_known(team: Team) -> None:
    """What it told counts; its loss is told once."""
    member = team["gw1"]
    assert team.lose("gw1") is member
    assert team.lose("gw1") is None
    assert team.lose("nobody") is None
    assert team["gw1"] is member
    assert member not in team.members
    with pytest.raises(KeyError):
        team["nobody"]


def test_messages_reach_those_that_are_there(team: Team, told: list[Message]) -> None:
    """Each gets it, lost ones do not."""
    team.lose("gw0")
    team.tell(("stop", "duration"))
    assert told == [("stop", "duration")] * 2


def test_a_message_to_one_that_is_gone() -> None:
    """A closed channel is no error: the worker's end is told by itself."""

    def closed(message: Message) -> None:
        raise OSError("cannot send to <Channel closed>")

    Member(0, closed).tell(("go", 0.0))


def test_ready_and_ended(team: Team) -> None:
    """The run has ended once all that stood ready have told so; those that never did are not waited for."""
    assert (team.ready, team.ended) == ([], True)
    team["gw0"].ready = team["gw2"].ready = True
    assert team.ready == [team["gw0"], team["gw2"]]
    team["gw0"].final = final()
    assert not team.ended
    team.lose("gw2")
    assert team.ended


def test_sums_and_lists(team: Team) -> None:
    """Figures are those of all that told their end, lost ones included; a number in two lists is one."""
    team["gw0"].final = final(hung_vus=[4, 1])
    team["gw1"].final = final(iterations=7, hung_vus=[1], cpu=3)
    team.lose("gw1")
    assert team.total("iterations") == 12
    assert team.listed("hung_vus") == [1, 4]
    assert team.pinned() == {"gw1": 3, "gw0": None}
    assert len(team.finals()) == 2


def test_nobody_has_told_anything(team: Team) -> None:
    """Then everything is nothing."""
    assert (team.total("iterations"), team.listed("hung_vus"), team.pinned(), team.samples()) == (0, [], {}, 0)


def test_samples(team: Team) -> None:
    """As many as a worker says at its end; of one that was lost before, as many as came."""
    team["gw0"].received, team["gw0"].final = 8, final(samples=9)
    team["gw1"].received = 7
    team["gw2"].received, team["gw2"].final = 1, final(samples=1)
    team.lose("gw1")
    team.lose("gw2")
    assert team.samples() == 17


def test_ask() -> None:
    """A worker is asked for its clock, by a number of its own each time; the question's time is that of the trip's begin."""
    told = list[Message]()
    member = Member(0, told.append)
    for number in range(TRIPS):
        member.ask(10.0 * number)
        (_, question) = told[-1]
        member.clock.answered(question, 10.0 * number + 100.5, 10.0 * number + 1.0)
    assert {message[0] for message in told} == {"clock"}
    assert len(set(told)) == TRIPS
    assert member.clock.shift == 100.0
