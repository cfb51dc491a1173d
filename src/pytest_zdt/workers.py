"""The worker's part of a load run: its VUs, its copies of the tests, the stream to the controller."""

from __future__ import annotations

import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from pytest_zdt import items, recorder, schedule
from pytest_zdt.engine import Load, Loop
from pytest_zdt.evidence.kinds import is_failure
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.http.session import Stopped
from pytest_zdt.keys import VU
from pytest_zdt.probe import Probe
from pytest_zdt.settings import Run
from pytest_zdt.vu import VirtualUser

Send = Callable[[tuple[Any, ...]], None]
FLUSH_EVERY = 0.5
"""Seconds between batches."""
CLOCK = time.monotonic


class Worker:
    """Drives its share of the VUs through the zdt tests; registered as a plugin in the process that runs them.

    ``send`` carries tuples of plain built-ins to the controller; `receive` takes ``("go", elapsed)`` and ``("stop", why)``.
    """

    def __init__(self, config: pytest.Config, run: Run, name: str, number: int, workers: int, send: Send) -> None:
        self._config, self._run, self._name, self._send = config, run, name, send
        self._share = schedule.share(run.settings.vus, number, workers)
        self._workers = workers
        self._done = False
        self._go, self._stop = threading.Event(), threading.Event()
        self._zero = 0.0
        self._recorder = recorder.Recorder()
        self._recorded = 0
        self._lock = threading.Lock()
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._reported: set[tuple[str, str, str]] = set()

    def receive(self, message: tuple[Any, ...]) -> None:
        """A message of the controller, or the end of its channel."""
        if message[0] == "go":
            self._zero = CLOCK() - message[1]
            self._go.set()
        else:
            self._stop.set()
            self._go.set()

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: object) -> bool:
        """pytest-timeout must not end a process that loops on purpose."""
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """The first zdt test runs the whole load; the reports are made by the controller."""
        if not self._done:
            self._done = True
            with warnings.catch_warnings():  # pytest would keep every warning of every iteration
                warnings.simplefilter("ignore")
                self._load(item.session)
        return True

    def _load(self, session: pytest.Session) -> None:
        for item in session.items:
            if reason := items.refusal(item):
                self._send(("refused", f"{item.nodeid} cannot be run by many virtual users at once: {reason}"))
                return
        tests = [item for item in session.items if isinstance(item, pytest.Function)]
        shared = items.SharedFixtures(session, tests)
        hung: list[int] = []
        try:
            shared.set_up()
            hung = self._drive(shared, [item for item in tests if item not in shared.errors])
        finally:
            if not hung:  # a VU that hangs still uses them
                shared.tear_down()

    def _drive(self, shared: items.SharedFixtures, tests: list[pytest.Function]) -> list[int]:
        for item, error in shared.errors.items():
            self._tell(item, items.Outcome("setup", error, isinstance(error, pytest.skip.Exception)))
        vus = [self._virtual_user(number) for number in self._share] if tests else []
        load = Load([self._loop(vu, shared, tests) for vu in vus], CLOCK)
        self._send(("ready",))
        self._go.wait()
        began = CLOCK()
        load.start()
        probe = Probe(self._name, self._zero, lambda health: self._send(("health", health.as_line())), CLOCK)
        probe.start()
        try:
            while not self._stop.wait(FLUSH_EVERY):
                self._flush()
        finally:  # after Ctrl-C too: what was seen is evidence
            self._stop.set()
            load.stop()
            probe.stop()
            hung = self._finish(load, vus, began)
        return hung

    def _finish(self, load: Load, vus: list[VirtualUser], began: float) -> list[int]:
        ended = CLOCK()
        hung = load.join(grace=self._run.settings.target.timeout + 1.0)
        self._recorder.close()
        self._flush()
        for vu in vus:
            if vu.index not in hung:
                vu.close()
        figures = {
            "driven_s": sum(min(loop.driven(ended), ended - began) for loop in load.loops),
            "planned_vu_s": len(self._share) * (ended - began),
            "silent_vus": [loop.vu for loop in load.loops if not loop.iterations],
            "hung_vus": hung,
            "iterations": sum(loop.iterations for loop in load.loops),
            "samples": self._recorded,
        }
        counts = [[test, outcome, number] for (test, outcome), number in self._outcomes.items()]
        self._send(("final", figures, counts))
        return hung

    def _virtual_user(self, number: int) -> VirtualUser:
        settings = self._run.settings
        lane = schedule.lane(number, self._workers, settings.lanes)
        return VirtualUser(number, lane, settings.target, self._run.id, settings.seed, settings.transport, self._stop.is_set)

    def _loop(self, vu: VirtualUser, shared: items.SharedFixtures, tests: list[pytest.Function]) -> Loop:
        def prepare(item: pytest.Item) -> None:
            item.stash[VU] = vu

        copies = [items.ItemCopy(shared, item, prepare) for item in tests]
        settings = self._run.settings
        marks = [item.get_closest_marker("zdt") for item in tests]
        expected = [tuple(mark.kwargs.get("expected", ())) if mark else () for mark in marks]
        weights = [int(mark.kwargs.get("weight", 1)) if mark else 1 for mark in marks]

        def call(index: int) -> bool:
            vu.begin(expected[index])
            outcome = copies[index].iterate()
            if isinstance(outcome.error, Stopped):
                samples = vu.end(None)
                self._recorder.add(samples)
                return bool(samples)
            failure = None if outcome.skipped else outcome.error
            self._recorder.add(vu.end(failure))
            self._count(copies[index], outcome, vu.samples)
            return True

        order = schedule.order(len(tests), weights, Random(f"{settings.seed}/{vu.index}/order"))
        return Loop(vu.index, call, order, settings.pace, schedule.first_start(vu.index, settings.vus, settings.pace))

    def _count(self, test: items.ItemCopy, outcome: items.Outcome, samples: list[Sample]) -> None:
        nodeid = test.item.nodeid
        name = "passed" if outcome.error is None else "skipped" if outcome.skipped else "failed"
        signature = (nodeid, outcome.when, type(outcome.error).__name__)
        with self._lock:
            self._outcomes[nodeid, name] += 1
            first = outcome.error is not None and signature not in self._reported
            if first:
                self._reported.add(signature)
        if first:
            self._tell(test.copy, outcome, samples)

    def _tell(self, item: pytest.Item, outcome: items.Outcome, samples: Sequence[Sample] = ()) -> None:
        """Sends pytest's report of the first failure of its kind, with how many requests of that iteration failed."""
        made = items.report(item, outcome)
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=made)
        text = (str(outcome.error).strip().splitlines() or [type(outcome.error).__name__])[0][:200]
        at = samples[-1].sent - self._zero if samples else CLOCK() - self._zero if self._zero else 0.0
        self._send(("report", item.nodeid, data, text, at, sum(is_failure(sample.kind) for sample in samples)))

    def _flush(self) -> None:
        samples = self._recorder.take()
        if samples:
            self._recorded += len(samples)
            self._send(recorder.message(samples, self._name, self._zero))
