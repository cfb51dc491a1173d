"""The worker's part of a load run: its VUs, its probes, the stream to the controller."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from pytest_zdt import items, recorder, schedule, selftest
from pytest_zdt.affinity import LOOK, allowed_cpus, choose, idle_since, pinned, ticks
from pytest_zdt.copies import SharedFixtures
from pytest_zdt.crew import Crew, Place
from pytest_zdt.engine import Load
from pytest_zdt.evidence.kinds import is_failure
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.outcomes import Outcome, Problem, judge
from pytest_zdt.printing import Printing
from pytest_zdt.prober import Prober
from pytest_zdt.processes import ENDS, heeding, unreachable
from pytest_zdt.pulse import Pulse
from pytest_zdt.refusals import refusals
from pytest_zdt.settings import Run
from pytest_zdt.vu import first_line

Send = Callable[[tuple[Any, ...]], None]
FLUSH_EVERY = 0.25
"""Seconds between batches."""
SLICE = 64
"""Samples that are packed at a time: some 200 us."""
BREATH = 0.002
"""Seconds between two slices."""
SILENT = 30.0
"""Seconds without a word of the controller, which asks for the time every few, after which a worker takes it to be gone."""
CLOCK = time.monotonic


class Worker:
    """Drives its share of the VUs through the zdt tests; registered as a plugin in the process that runs them.

    ``send`` carries tuples of plain built-ins to the controller; it may block, so VUs never call it. `receive` takes
    ``("clock", question)``, ``("go", zero)`` and ``("zero", zero)`` with the run's start on this process's clock,
    ``("probe", endpoints)`` that this worker is to probe, and ``("stop", why)``.
    """

    def __init__(self, config: pytest.Config, run: Run, name: str, place: Place, send: Send) -> None:
        self._config, self._run, self._name, self._place, self._send = config, run, name, place, send
        self._done = False
        self._asked, self._go, self._stop = threading.Event(), threading.Event(), threading.Event()
        self._zero = 0.0
        self._recorded = 0
        self._probed: frozenset[str] = frozenset()
        self._known: set[str] = set()
        self._outbox: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self._reporting = threading.Lock()
        self._printing = Printing(on=getattr(config.option, "capture", "no") != "no")
        self._heard = CLOCK()

    def receive(self, message: tuple[Any, ...]) -> None:
        """A message of the controller, or the end of its channel."""
        kind, self._heard = message[0], CLOCK()
        if kind == "clock":
            self._send(("clock", message[1], CLOCK()))
            self._asked.set()
        elif kind == "probe":
            self._probed = frozenset(message[1])
        elif kind in ("go", "zero"):
            self._zero = message[1]
            self._go.set()
        else:
            for event in (self._stop, self._go, self._asked):
                event.set()

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: object) -> bool:
        """pytest-timeout must not end a process that loops on purpose; its limit is that of an iteration, see `Crew`."""
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """The first zdt test runs the whole load; the reports are made by the controller."""
        if not self._done:
            self._done = True
            faulthandler.cancel_dump_traceback_later()  # pytest's faulthandler_timeout is about one test
            with warnings.catch_warnings(), self._printing.kept(), self._ends():
                items.error_filters(self._config)
                self._load(item.session)
        return True

    def _ends(self) -> contextlib.AbstractContextManager[None]:
        """A worker of its own process heeds what ends a run as a stop, so that what it has seen is sent."""
        if not hasattr(self._config, "workerinput"):
            return contextlib.nullcontext()
        return heeding(ENDS, lambda number, frame: self.receive(("stop", signal.Signals(number).name)))

    def _load(self, session: pytest.Session) -> None:
        if refused := _uncollected(session) or refusals(session.items) or _misunderstood(session) or self._out_of_reach():
            self._send(("refused", refused))
            return
        tests = [item for item in session.items if isinstance(item, pytest.Function)]
        shared = SharedFixtures(session, tests)
        hung: list[int] = []
        try:
            shared.set_up()
            hung = self._drive(shared, [item for item in tests if item not in shared.errors])
        finally:
            if not hung:  # a VU that hangs still uses them
                self._tear_down(shared, tests)

    def _tear_down(self, shared: SharedFixtures, tests: list[pytest.Function]) -> None:
        """What a higher-scoped fixture raises in its teardown is reported with the last test, as in pytest."""
        try:
            shared.tear_down()
        except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
            self._tell(tests[-1], judge([Problem("teardown", error)]), ())
            self._post()

    def _out_of_reach(self) -> str:
        """Why this machine cannot drive the load: it may be another one than the controller's."""
        url = self._run.settings.target.base_url
        reason = unreachable(url)
        return f"{url} cannot be reached from worker {self._name} ({reason}): is the URL right over there?" if reason else ""

    def _drive(self, shared: SharedFixtures, tests: list[pytest.Function]) -> list[int]:
        for item, error in shared.errors.items():
            self._tell(item, judge([Problem("setup", error)], items.expectation(item)), ())
        crew = Crew(self._run, self._place, shared, tests, self._stop.is_set, self._tell, self._printing)
        loops = crew.loops()
        self._post()
        self._send(("here", os.getpid()))
        self._send(("ready", crew.planned, len(tests) - crew.planned))
        with pinned(self._choose_cpu()) as cpu:
            self._send(("set",))
            self._go.wait()
            if not self._zero:  # the run was over before this worker came
                return []
            return self._run_load(crew, Load(loops, self._zero, CLOCK), cpu)

    def _choose_cpu(self) -> int | None:
        """The CPU to pin to; looks which of them are busy as soon as the controller has all workers waiting."""
        workers = self._place.workers
        if self._run.settings.pin != "auto" or workers > len(allowed_cpus()):
            return None
        self._asked.wait()
        before = ticks()
        self._stop.wait(LOOK)
        return choose(self._place.number, workers, allowed_cpus(), idle_since(before, ticks()))

    def _run_load(self, crew: Crew, load: Load, cpu: int | None) -> list[int]:
        pulse = Pulse(self._name, lambda: self._zero, lambda health: self._outbox.put(("health", health.as_line())), CLOCK)
        name = f"{self._place.number}.{self._place.life}"
        prober = Prober(self._run, name, crew.replays, crew.recorder.add, CLOCK, lambda: self._probed)
        load.start()
        pulse.start()
        if self._run.settings.probe_every:
            prober.start()
        try:
            while not self._stop.wait(FLUSH_EVERY) and CLOCK() - self._heard < SILENT:
                self._flush(crew)
                self._tell_progress(crew, load)
                if load.broken:
                    self._send(("crash", "".join(traceback.format_exception(load.broken[0]))))
                    break
                for hung in crew.substitute(load):
                    self._outbox.put(("hung", CLOCK() - self._zero, {"worker": self._name, **hung}))
        finally:  # after Ctrl-C too: what was seen is evidence
            self._stop.set()
            load.stop()
            ended = CLOCK()
            prober.stop(self._grace)
            still = load.join(max(0.0, ended + self._grace - CLOCK()))
            pulse.stop()
            for hung in crew.left(load):
                self._outbox.put(("hung", CLOCK() - self._zero, {"worker": self._name, **hung}))
            crew.recorder.close()
            self._flush(crew)
            self._post()
            figures = self._figures(crew, load, ended, still) | {"unsent_probes": prober.unsent, "cpu": cpu}
            self._send(recorder.sendable(("final", figures, _counts(crew), crew.properties)))
            crew.close(load)
        return still

    def _tell_progress(self, crew: Crew, load: Load) -> None:
        """What the controller should know of this worker, should it be lost; and what it could probe."""
        self._send(("progress", self._figures(crew, load, CLOCK(), []) | {"unsent_probes": 0}))
        if new := set(crew.replays) - self._known:
            self._known |= new
            self._send(("endpoints", sorted(new)))

    @property
    def _grace(self) -> float:
        """Seconds for requests under way to end."""
        return self._run.settings.target.timeout + 1.0

    def _figures(self, crew: Crew, load: Load, ended: float, hung: list[int]) -> dict[str, Any]:
        """What the worker did, for the mark of the run's end."""
        zero = self._zero
        ran = [(loop.vu, *loop.ran(ended)) for loop in load.loops]
        settings = self._run.settings
        points = settings.points
        due = schedule.due_to_send(points, crew.numbers, settings.pace, ended - zero) if not settings.rate else ()
        return {
            "driven_s": sum(schedule.planned_time(points, vu, since - zero, until - zero) for vu, since, until in ran),
            "silent_vus": sorted(set(due) - {loop.vu for loop in load.loops if loop.begun}),
            "spoken_vus": sorted({loop.vu for loop in load.loops if loop.iterations}),
            "hung_vus": hung,
            "made_flows": crew.made_flows(),
            "iterations": sum(loop.iterations for loop in load.loops),
            "begun": sum(loop.begun for loop in load.loops),
            "samples": self._recorded,
        }

    def _tell(self, item: pytest.Item, outcome: Outcome, samples: Sequence[Sample]) -> None:
        """Puts pytest's reports of an outcome into the outbox, with how many requests of that iteration failed."""
        at = samples[-1].sent - self._zero if samples else CLOCK() - self._zero if self._zero else 0.0
        failed = sum(is_failure(sample.kind) for sample in samples)
        for number in range(max(1, len(outcome.problems))):
            with self._reporting:  # pytest parses source code, which Python does for one thread at a time
                made = _report(item, outcome, number)
                made.sections += [(f"{name} {made.when}", text) for name, text in self._printing.printed()]
                data = self._config.hook.pytest_report_to_serializable(config=self._config, report=made)
            self._outbox.put(("report", item.nodeid, data, _first_line(outcome, number), at, failed))

    def _post(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._send(recorder.sendable(self._outbox.get_nowait()))

    def _flush(self, crew: Crew) -> None:
        samples = crew.recorder.take()
        for first in range(0, len(samples), SLICE):
            part = samples[first : first + SLICE]
            self._recorded += len(part)
            self._send(recorder.message(part, self._name, self._zero))
            self._stop.wait(BREATH)  # an answer that arrives meanwhile is noted late on a pinned CPU
        self._post()


def _report(item: pytest.Item, outcome: Outcome, number: int) -> pytest.TestReport:
    """pytest's report, or where a test's exception cannot even be shown, one that says so."""
    try:
        return items.report(item, outcome, number)
    except Exception as error:  # whatever a test's own exception does when it is shown
        when, hidden = outcome.problems[number]
        told = pytest.fail.Exception(f"{type(hidden).__name__}, which cannot be shown: {error!r}", pytrace=False)
        return items.report(item, Outcome(outcome.name, (Problem(when, items.raised(told)),), outcome.reason))


def _uncollected(session: pytest.Session) -> str:
    """What pytest itself ends with before any test, and xdist's workers only after all of them."""
    if not session.testsfailed or session.config.option.continue_on_collection_errors:
        return ""
    errors = f"{session.testsfailed} error{'s' * (session.testsfailed != 1)}"
    return f"{errors} while the tests were collected, see above: mend them, or give --continue-on-collection-errors"


def _misunderstood(session: pytest.Session) -> str:
    try:
        selftest.check(session)
    except selftest.Misunderstood as error:
        return str(error)
    return ""


def _first_line(outcome: Outcome, number: int) -> str:
    if not outcome.problems:
        return outcome.reason
    return first_line(outcome.problems[number].error)


def _counts(crew: Crew) -> list[list[Any]]:
    return [[test, outcome, number] for (test, outcome), number in crew.outcomes.items()]
