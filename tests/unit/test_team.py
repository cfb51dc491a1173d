"""The workers of a load run, seen from the controller."""

from __future__ import annotations

import itertools
import time
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


# --- from ready to go


class Worker:
    """A worker whose clock is 100 s ahead, and what it was told; it answers each question, at once or when asked to."""

    def __init__(self, team: Team, name: str = "gw0", *, prompt: bool = True) -> None:
        self.team, self.name, self.prompt, self.told = team, name, prompt, list[Message]()
        team.join(name, self.receive)

    def receive(self, message: Message) -> None:
        """A message of the team."""
        self.told.append(message)
        if self.prompt and message[0] == "clock":
            self.answer()

    def answer(self) -> None:
        """Answers the last question."""
        now = time.monotonic()
        questions = [message[1] for message in self.told if message[0] == "clock"]
        self.team.advance(self.name, "clock", [questions[-1], now + 100.0], now)

    def kinds(self) -> list[str]:
        """What it was told, but for the questions."""
        return [message[0] for message in self.told if message[0] != "clock"]


def test_clocks_are_asked_once_all_are_ready() -> None:
    """Nobody is asked before; then each as often as an estimate needs, by questions of different numbers."""
    worker = Worker(team := Team())
    team.advance("gw0", "ready", [3, 1], 0.0)
    assert worker.told == []
    team.align()
    assert len(worker.told) == len(set(worker.told)) == TRIPS
    assert team["gw0"].clock.shift == pytest.approx(100.0, abs=1.0)


def test_the_load_starts_when_everything_is_known() -> None:
    """A worker goes off once it is set, its clock is known and the run has begun, whatever comes last; only once."""
    steps = {
        "set": lambda team: team.advance("gw0", "set", [], 0.0),
        "clock": lambda team: team.align(),
        "start": lambda team: team.start(7.0),
    }
    for order in itertools.permutations(steps):
        worker = Worker(team := Team())
        team.advance("gw0", "ready", [3, 1], 0.0)
        for step in order:
            assert worker.kinds() == []
            steps[step](team)
        assert [kind for kind in worker.kinds() if kind == "go"] == ["go"]
        assert worker.told[-1] == ("go", pytest.approx(107.0, abs=1.0))


def test_a_replacement_that_joins_late() -> None:
    """It is asked for its clock as soon as it is ready, and goes off with the run's start on its own clock."""
    team = Team()
    team.align()
    team.start(7.0)
    worker = Worker(team, "gw4")
    team.advance("gw4", "ready", [3, 1], 0.0)
    team.advance("gw4", "set", [], 0.0)
    assert worker.told[-1] == ("go", pytest.approx(107.0, abs=1.0))


def test_later_looks_at_the_clock() -> None:
    """Each new estimate is told to a worker that has gone off, and does not start it again."""
    worker = Worker(team := Team())
    team.advance("gw0", "ready", [3, 1], 0.0)
    team.advance("gw0", "set", [], 0.0)
    team.align()
    team.start(7.0)
    team.align()
    assert worker.kinds() == ["go", "zero"]
    assert worker.told[-1] == ("zero", pytest.approx(107.0, abs=1.0))


def test_an_answer_to_an_old_question() -> None:
    """Where a new look begins before the last one has ended, there is still only one question under way."""
    worker = Worker(team := Team(), prompt=False)
    team.advance("gw0", "ready", [3, 1], 0.0)
    team.align()
    team.align()
    (_, old), (_, new) = worker.told
    assert old != new
    team.advance("gw0", "clock", [old, 5.0], time.monotonic())
    assert len(worker.told) == 2
    worker.answer()
    assert len(worker.told) == 3


def test_ways() -> None:
    """How the tests are run, in one line."""
    assert Member(0, print, planned=3, copied=1).ways() == (
        "zdt: 4 tests for each virtual user: 3 by a compiled plan, 1 as copies of their items"
    )
    assert Member(0, print, planned=1).ways().startswith("zdt: 1 test for each")


def test_driven(team: Team) -> None:
    """Only VUs of workers that have gone off, and have neither ended nor been lost, are driven."""
    assert team.driven(10, 3) == 0
    for member in team.members:
        member.gone_off = True
    assert (team.driven(10, 3), team.driven(2, 3), team.driven(0, 3)) == (10, 2, 0)
    team.lose("gw0")
    assert team.driven(10, 3) == 6
    team["gw1"].final = final()
    assert team.driven(10, 3) == 3
