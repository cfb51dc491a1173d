"""The virtual users of one worker: what each of them runs, and what is made of it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import pytest

from pytest_zdt.crew import HUNG_AFTER, Crew, Place, time_limit
from pytest_zdt.engine import Load
from pytest_zdt.outcomes import FAILED, PASSED, SKIPPED
from pytest_zdt.schedule import Arrivals
from pytest_zdt.settings import Run, RunSettings
from pytest_zdt.target import Target

from .inside import PREAMBLE, Inside, inside

ALONE = Place(0, 0, 1)


@contextmanager
def crews(
    pytester: pytest.Pytester, source: str, *places: Place, told: list[Any] | None = None, **settings: Any
) -> Iterator[list[Crew]]:
    """A crew for each of these places, of the tests with this source."""
    run = Run("0123abcd", RunSettings(target=Target("mine", "http://127.0.0.1:9", timeout=2.0), duration=60.0, **settings))
    known = told if told is not None else []
    with inside(pytester, source, "-o", "markers=zdt") as found:
        yield [crew_of(run, place, found, known) for place in places or [ALONE]]


def crew_of(run: Run, place: Place, found: Inside, told: list[Any]) -> Crew:
    """The crew of a place."""
    return Crew(run, place, found.shared, list(found.tests.values()), lambda: False, lambda *what: told.append(what))


def test_every_vu_has_a_loop(pytester: pytest.Pytester) -> None:
    """The loops are those of the worker's share; without a test there is none."""
    with crews(pytester, "def test(): pass", Place(0, 0, 2), Place(1, 0, 2), vus=5) as found:
        numbers = [[loop.vu for loop in crew.loops()] for crew in found]
    assert numbers == [[0, 2, 4], [1, 3]]


def test_outcomes_are_counted(pytester: pytest.Pytester) -> None:
    """Each iteration counts; the first of its kind is told, whichever virtual user has it."""
    source = "def test_a():\n    EVENTS.append(1)\n    assert len(EVENTS) % 2\ndef test_b(): pytest.skip('no')\n"
    told: list[Any] = []
    with crews(pytester, source, vus=2, told=told) as (crew,):
        for loop, test in itertools.product(crew.loops(), (0, 1, 0)):
            assert loop.call(test) is True
        outcomes = {(test.rpartition("::")[2], name): number for (test, name), number in crew.outcomes.items()}
    assert outcomes == {("test_a", PASSED): 2, ("test_a", FAILED): 2, ("test_b", SKIPPED): 2}
    assert [(item.name, outcome.name) for item, outcome, _ in told] == [("test_b", SKIPPED), ("test_a", FAILED)]


STOPPED = """
from pytest_zdt.http.session import Stopped

@pytest.fixture
def cleans():
    yield
    raise Stopped("the run is over")

@pytest.fixture
def cleans_too():
    yield
    raise Stopped("the run is over")

@pytest.fixture
def needs_request(request): pass

"""


@pytest.mark.parametrize(
    "test",
    [
        "def test(): raise Stopped('over')",
        "def test(cleans): pass",
        "def test(cleans): raise Stopped('over')",
        "def test(cleans, cleans_too): pass",
        "def test(cleans, cleans_too, needs_request): pass",
    ],
)
def test_the_end_of_the_run_fails_no_test(test: str, pytester: pytest.Pytester) -> None:
    """An iteration whose requests were not sent any more, in how many teardowns soever, does not count and fails nothing."""
    told: list[Any] = []
    with crews(pytester, STOPPED + test, told=told) as (crew,):
        (loop,) = crew.loops()
        assert loop.call(0) is False
        assert (dict(crew.outcomes), told) == ({}, [])


@pytest.mark.parametrize("workers, vus", [(1, 1), (2, 4), (2, 3), (4, 1), (3, 2)])
def test_every_arrival_has_a_vu(workers: int, vus: int, pytester: pytest.Pytester) -> None:
    """However few virtual users there are for the workers, each arrival of the rate is some virtual user's."""
    places = [Place(number, 0, workers) for number in range(workers)]
    with crews(pytester, "def test(): pass", *places, vus=vus, rate=10.0) as found:
        due: list[float] = []
        for crew in found:
            for loop in crew.loops()[:1]:
                now = 0.0
                while (at := loop.due(now)) < 2.0:
                    due.append(at)
                    now = at
    assert len(due) == pytest.approx(Arrivals(10.0).planned(2.0), abs=1)


def test_weights(pytester: pytest.Pytester) -> None:
    """Each test comes as often in a round as its mark says."""
    source = "@pytest.mark.zdt(weight=3)\ndef test_a(): pass\n@pytest.mark.zdt\ndef test_b(): pass\n"
    with crews(pytester, source) as (crew,):
        (loop,) = crew.loops()
        assert sorted(itertools.islice(loop.order, 8)) == [0] * 6 + [1] * 2


def test_a_substitute_for_one_that_hangs(pytester: pytest.Pytester) -> None:
    """It is told where it hangs, the iteration counts as failed, and another has its place; what comes of it later is dropped."""
    source = """
import threading

INSIDE, LEAVE = threading.Event(), threading.Event()

@pytest.mark.timeout(5)
def test_hangs():
    INSIDE.set()
    LEAVE.wait(30.0)  # it is here
"""
    told: list[Any] = []
    with crews(pytester, source, told=told) as (crew,):
        module, clock = crew._tests[0].module, Clock()  # type: ignore[attr-defined]
        load = Load(crew.loops(), 0.0, clock)
        load.start()
        assert module.INSIDE.wait(20.0)
        assert list(crew.substitute(load)) == []
        clock.now, module.INSIDE = 6.0, threading.Event()
        (hung,) = crew.substitute(load)
        assert module.INSIDE.wait(20.0)
        load.stop()
        module.LEAVE.set()
        assert load.join(20.0) == [0]
        load._threads[id(load.loops[0])].join(20.0)
        assert sorted(crew.outcomes.values()) == [1, 1]
    assert (hung["vu"], hung["after_s"]) == (0, 5.0)
    assert "LEAVE.wait(30.0)  # it is here" in hung["stack"]
    assert "pytest_zdt" not in hung["stack"]
    assert [(loop.again, loop.abandoned) for loop in load.loops] == [(0, True), (1, False)]
    assert "hung: virtual user 0 has been in this test for more than 5 s" in str(told[0][1].problems[0].error)


ROUND = """
import threading

INSIDE, LEAVE = threading.Semaphore(0), threading.Event()

@pytest.mark.timeout(5)
def test_hangs():
    EVENTS.append("test_hangs")
    INSIDE.release()
    LEAVE.wait(30.0)
""" + "".join(f"def test_{number}(): EVENTS.append('test_{number}')\n" for number in range(8))


def test_a_substitute_goes_on_with_the_round(pytester: pytest.Pytester) -> None:
    """A test that always hangs keeps no other from being run: each substitute takes up the order where the one before it left."""
    with crews(pytester, ROUND, seed=3) as (crew,):
        module, clock = crew._tests[0].module, Clock()  # type: ignore[attr-defined]
        load = Load(crew.loops(), 0.0, clock)
        load.start()
        for _ in range(3):
            assert module.INSIDE.acquire(timeout=20.0)
            clock.now += 6.0
            assert len(list(crew.substitute(load))) == 1
        assert module.INSIDE.acquire(timeout=20.0)
        ran, whole = list(module.EVENTS), crew.loops()[0].order
        load.stop()
        module.LEAVE.set()
        load.join(20.0)
        planned = [crew._tests[index].name for index in itertools.islice(whole, len(ran))]
    assert ran == planned
    assert set(ran) == {"test_hangs", *(f"test_{number}" for number in range(8))}


def test_a_worker_in_place_of_a_lost_one_has_another_order(pytester: pytest.Pytester) -> None:
    """Whatever test takes the workers down, its successors come to the others too: the order is the seed's, and their life's."""
    lives = [Place(0, life, 1) for life in (0, 0, 1, 2)]
    with crews(pytester, ROUND, *lives, seed=3) as found:
        first, again, second, third = [list(itertools.islice(crew.loops()[0].order, 9)) for crew in found]
    assert first == again
    assert sorted(first) == sorted(second) == sorted(third)
    assert first != second != third != first


class Clock:
    """A clock that stands still."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    "mark, ini, limit",
    [
        ("", "", 62.0),
        ("@pytest.mark.timeout(3)", "", 3.0),
        ("@pytest.mark.timeout(timeout=4)", "", 4.0),
        ("@pytest.mark.timeout(0)", "", inf),
        ("", "7", 7.0),
        ("", "0", inf),
        ("@pytest.mark.timeout(3)", "7", 3.0),
        ("@pytest.mark.timeout(method='thread')", "7", 7.0),
        ("@pytest.mark.timeout(method='thread')", "", 62.0),
    ],
)
def test_time_limits(mark: str, ini: str, limit: float, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is pytest-timeout's where it sets one, infinite where that is none, and else what a request may take and more."""
    monkeypatch.delenv("PYTEST_TIMEOUT", raising=False)
    module = pytester.getmodulecol(f"{PREAMBLE}{mark}\ndef test(): pass\n", ["-o", f"timeout={ini}"] if ini else [])
    (item,) = pytester.genitems([module])
    assert time_limit(item, HUNG_AFTER + 2.0) == limit
