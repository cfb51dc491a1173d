"""The VUs of one worker: what each of them runs, what came of it, and substitutes for those that hang."""

from __future__ import annotations

import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from math import inf
from random import Random
from types import FrameType
from typing import Any, NamedTuple, Protocol

import pytest

from pytest_zdt import items, schedule
from pytest_zdt.copies import ItemCopy, SharedFixtures, recipe
from pytest_zdt.engine import Load, Loop
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.http.session import Stopped
from pytest_zdt.outcomes import FAILED, PASSED, Outcome, Problem
from pytest_zdt.plans import Plan, compile_plan
from pytest_zdt.printing import Printing
from pytest_zdt.prober import Replays
from pytest_zdt.recorder import Recorder
from pytest_zdt.refusals import Refused
from pytest_zdt.settings import Run
from pytest_zdt.vu import VirtualUser

ENGINE = (*(f"/pytest_zdt/{name}.py" for name in ("plans", "copies", "crew", "engine")), "/_pytest/", "/pluggy/")
"""Files that run a test, seen from above."""
HUNG_AFTER = 60.0
"""Seconds, beside a request's, that an iteration may take where pytest-timeout sets no limit."""
GIVEN = ("zdt_vu",)
"""Fixtures whose value comes with the VU."""


class Runner(Protocol):
    """Runs one test for one VU."""

    def iterate(self) -> Outcome:
        """One iteration."""
        ...


class Place(NamedTuple):
    """Which share of the VUs a worker drives: that of ``number`` of ``workers``; ``life`` workers had it before."""

    number: int
    life: int
    workers: int


Tell = Callable[[pytest.Item, Outcome, Sequence[Sample]], None]


class Crew:
    """Makes the loops of the VUs of one worker through ``tests``, and counts how the tests end.

    ``tell`` gets the first outcome of its kind of each test that did not simply pass. Once ``stopped`` says so, nothing is sent
    any more.
    """

    def __init__(
        self,
        run: Run,
        place: Place,
        shared: SharedFixtures,
        tests: Sequence[pytest.Function],
        stopped: Callable[[], bool],
        tell: Tell,
        printing: Printing | None = None,
    ) -> None:
        self._run, self._place, self._shared, self._tests = run, place, shared, tests
        self._stopped, self._tell, self._printing = stopped, tell, printing or Printing()
        self._plans = [_plan(shared, test) for test in tests]
        marks = [test.get_closest_marker("zdt") for test in tests]
        self._expected = [tuple(mark.kwargs.get("expected", ())) if mark else () for mark in marks]
        self._weights = [int(mark.kwargs.get("weight", 1)) if mark else 1 for mark in marks]
        self._limits = [time_limit(test, HUNG_AFTER + run.settings.target.timeout) for test in tests]
        sharing = min(place.workers, run.settings.vus)  # a worker without a VU has no share of the arrivals either
        self._arrivals = schedule.Arrivals(run.settings.rate, place.number, sharing) if run.settings.rate else None
        self._lock = threading.Lock()
        self._reported: set[tuple[str, str, str, str]] = set()
        self._vus: dict[int, VirtualUser] = {}
        self.numbers = schedule.share(run.settings.vus, place.number, place.workers)
        self.recorder = Recorder()
        self.replays: Replays = {}
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.properties: dict[str, list[tuple[str, object]]] = {}
        """What tests have recorded, by their ids."""

    @property
    def planned(self) -> int:
        """How many tests run by a compiled plan; the others run as copies of their items."""
        return sum(plan is not None for plan in self._plans)

    def loops(self) -> list[Loop]:
        """A loop for each VU."""
        return [self._loop(number) for number in self.numbers] if self._tests else []

    def _loop(self, number: int, again: int = 0, begun: int = 0) -> Loop:
        """The loop of a VU, or of the one that is its substitute ``again`` and goes on after the iterations ``begun``."""
        vu = self._vu(number, again)
        runners = [self._runner(index, vu) for index in range(len(self._tests))]
        loop = Loop(number, lambda test: False, self._order(number, begun), self._due(number), again=again)
        loop.call = partial(self._call, vu, runners, loop)
        self._vus[id(loop)] = vu
        return loop

    def _vu(self, number: int, again: int) -> VirtualUser:
        settings, life = self._run.settings, self._life(again)
        return VirtualUser(
            number,
            schedule.lane(number, self._place.workers, settings.lanes),
            settings.target,
            f"{self._run.id}{life}",
            f"{settings.seed}{life}",
            settings.transport,
            self._stopped,
            self.replays.__setitem__ if settings.probe_every else None,
        )

    def _order(self, number: int, begun: int) -> Iterator[int]:
        """A VU's tests after those begun, in an order of its worker's life. Were it the first order from its start, a test that
        hangs, or ends the worker, would keep all behind it from their turn.
        """
        random = Random(f"{self._run.settings.seed}{self._life()}/{number}/order")
        return islice(schedule.order(len(self._tests), self._weights, random), begun, None)

    def _life(self, again: int = 0) -> str:
        """Tells a VU from those that had its place before; nothing for the first."""
        return f".{self._place.life}.{again}" if self._place.life or again else ""

    def _due(self, number: int) -> Callable[[float], float]:
        """When the iterations of a VU are due."""
        settings, arrivals = self._run.settings, self._arrivals
        if arrivals is None:
            first = schedule.first_start(number, settings.vus, settings.pace)
            return schedule.Closed(schedule.spans(settings.points, number), settings.pace, first).due

        def due(now: float) -> float:
            with self._lock:
                return arrivals.due(now)

        return due

    def _runner(self, index: int, vu: VirtualUser) -> Runner:
        plan, given = self._plans[index], {GIVEN[0]: vu}
        return plan.given(given) if plan is not None else ItemCopy(self._shared, self._tests[index], given)

    def _call(self, vu: VirtualUser, runners: Sequence[Runner], loop: Loop, index: int) -> bool:
        self._printing.begin()
        vu.begin(self._expected[index])
        outcome = runners[index].iterate()
        if any(_is_stopped(problem.error) for problem in outcome.problems):
            left = tuple(problem for problem in outcome.problems if not _is_stopped(problem.error))
            if not left:
                samples = vu.end(None)
                self.recorder.add(samples)
                return bool(samples)
            outcome = replace(outcome, problems=left)
        self.recorder.add(vu.end(None if isinstance(outcome.failure, Refused) else outcome.failure))
        runner, test = runners[index], self._tests[index]
        if isinstance(runner, ItemCopy) and runner.properties:
            self.properties[test.nodeid] = [(name, _plain(value)) for name, value in runner.properties]
        if not loop.abandoned:
            self._count(test, runner.item if isinstance(runner, ItemCopy) else test, outcome, vu.samples)
        return True

    def _count(self, test: pytest.Item, item: pytest.Item, outcome: Outcome, samples: list[Sample]) -> None:
        kinds = [(test.nodeid, outcome.name, when, type(error).__name__) for when, error in outcome.problems]
        if outcome.name != PASSED and not kinds:
            kinds = [(test.nodeid, outcome.name, "call", "")]
        with self._lock:
            self.outcomes[test.nodeid, outcome.name] += 1
            first = not self._reported.issuperset(kinds)
            self._reported.update(kinds)
        if first:
            self._tell(item, outcome, samples)

    def substitute(self, load: Load) -> Iterator[dict[str, Any]]:
        """Gives each VU that hangs a substitute, and counts the iteration as failed; yields what is to be known of it."""
        for loop in load.overdue(self._limits):
            current, frame = loop.current, sys._current_frames().get(load.thread_of(loop))
            if current is not None:  # else it has come back meanwhile
                yield self._hung(loop.vu, current[0], _stack(frame))
                self.recorder.add(self._vus[id(loop)].hand_over())
                begun = sum(one.begun for one in load.loops if one.vu == loop.vu)
                load.substitute(loop, self._loop(loop.vu, loop.again + 1, begun))

    def left(self, load: Load) -> Iterator[dict[str, Any]]:
        """What is to be known of the VUs that have not come back at the end, and their samples."""
        for loop in load.still():
            current, frame = loop.current, sys._current_frames().get(load.thread_of(loop))
            self.recorder.add(self._vus[id(loop)].hand_over())
            if current is not None:
                test, stack = self._tests[current[0]].nodeid, _stack(frame)
                yield {"vu": loop.vu, "test": test, "after_s": round(load.since(current[1]), 3), "stack": stack}

    def _hung(self, vu: int, index: int, stack: str) -> dict[str, Any]:
        test, limit = self._tests[index], self._limits[index]
        text = f"hung: virtual user {vu} has been in this test for more than {limit:g} s\n{stack}"
        self._count(test, test, Outcome(FAILED, (Problem("call", items.raised(pytest.fail.Exception(text, pytrace=False))),)), [])
        return {"vu": vu, "test": test.nodeid, "after_s": limit, "stack": stack}

    def made_flows(self) -> list[str]:
        """The names of the flows in which any VU has made a value."""
        return sorted({name for vu in list(self._vus.values()) for name in vu.made_flows()})

    def close(self, load: Load) -> None:
        """Closes the connections of the VUs that have ended."""
        for loop in load.ended():
            self._vus[id(loop)].close()


def _plain(value: object) -> object:
    """A value that a channel can carry: of exactly these types."""
    return value if type(value) in (bool, int, float, str, type(None)) else str(value)


def _is_stopped(error: BaseException) -> bool:
    """Whether it was the end of the run that kept a test, or its teardown, from sending."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_stopped, error.exceptions))
    cause = error.__cause__ or error.__context__
    return isinstance(error, Stopped) or (cause is not None and _is_stopped(cause))


def time_limit(item: pytest.Item, default: float) -> float:
    """Seconds for which an iteration may take: pytest-timeout's limit of the test, infinite when that is 0, else ``default``."""
    mark, limit = item.get_closest_marker("timeout"), None
    if item.config.pluginmanager.hasplugin("timeout"):
        from pytest_timeout import get_env_settings

        limit = get_env_settings(item.config).timeout
    if mark is not None:
        limit = mark.args[0] if mark.args else mark.kwargs.get("timeout", limit)
    return default if limit is None else float(limit) or inf


def _plan(shared: SharedFixtures, test: pytest.Function) -> Plan | None:
    ingredients = recipe(shared, test, GIVEN)
    if ingredients is None:
        return None
    return compile_plan(ingredients, ingredients, test.obj, items.arguments(test), items.expectation(test))


def _stack(frame: FrameType | None) -> str:
    """Where a thread is, from the user's code on."""
    found = list(traceback.extract_stack(frame)) if frame is not None else []
    ours = [any(part in f"/{one.filename}" for part in ENGINE) for one in found]
    first = next((number for number in range(1, len(found)) if ours[number - 1] and not ours[number]), 0)
    return "".join(traceback.format_list(found[first:])).rstrip()
