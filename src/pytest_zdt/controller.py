"""The controller's part of a load run: starts the workers' load together, follows the deployment, keeps the evidence, has it
judged, and reports every test once."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pytest

from pytest_zdt.brake import Brake
from pytest_zdt.director import Seen
from pytest_zdt.evidence.bundle import BundleError
from pytest_zdt.evidence.marks import ABORTED, CONTROL, FAILED, HUNG, LOST, POLLED
from pytest_zdt.follow import Following
from pytest_zdt.poller import Poller, control, version_of
from pytest_zdt.processes import ends_interrupt, first_calls
from pytest_zdt.progress import Watch
from pytest_zdt.record import Record
from pytest_zdt.report.panel import View
from pytest_zdt.reports import Tests
from pytest_zdt.schedule import driven_at
from pytest_zdt.settings import Run
from pytest_zdt.team import Message, Team
from pytest_zdt.teller import Teller
from pytest_zdt.verdict.model import VIOLATED, Verdict

HERE = "main"
"""The name of the worker that is this process."""
TICK = 0.1
"""Seconds between two looks at the run."""
GIVE_UP_AFTER = 5.0
"""Seconds, beside a request's, that a worker may take to end."""
ALIGN_EVERY = 5.0
"""Seconds between two looks at the workers' clocks."""


class Controller:
    """One load run, seen from the controller. ``verdict`` is None until it was judged.

    ``show`` takes what the run looks like, once a second, ``announce`` what is told once, ``give_up`` a worker that does not end,
    and its pid. After ``maxfail`` failed tests the run stops (0: it does not).
    """

    def __init__(
        self,
        run: Run,
        show: Callable[[View], None],
        announce: Callable[[str], None] = lambda line: None,
        give_up: Callable[[str, int], None] = lambda worker, pid: None,
        maxfail: int = 0,
    ) -> None:
        self._run, self._show, self._give_up = run, show, give_up
        self._changed = threading.Condition()
        self._team = Team()
        self._refused = ""
        self._record = Record(run)
        self._stopping = ""
        self._ended_at = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._direct, name="zdt-director", daemon=True)
        self._pollers: list[Poller] = []
        self._crash: BaseException | None = None
        self._teller = Teller(self._look, announce)
        self._following = Following(run, self._record.mark, self._record.told, self._teller.put)
        self._watch = Watch(run)
        watched = asdict(run.settings.require) if run.settings.abort_on_violation else None
        self._brake = Brake(maxfail, watched, self._violated, time.monotonic)
        self.seen = Seen()
        self.tests = Tests()
        self.verdict: Verdict | None = None
        self.unwritten: list[str] = []

    # --- the workers

    def join(self, name: str, send: Callable[[Message], None]) -> tuple[int, int]:
        """A worker takes part; the number of its share, and how many have had that before."""
        with self._changed:
            return self._team.join(name, send)

    def receive(self, worker: str, message: Message) -> None:
        """A message of a worker; called in whatever thread carries it, so it only notes things down."""
        now = time.monotonic()
        try:
            with self._changed:
                self._take(worker, message, now)
                self._changed.notify_all()
        except Exception as error:  # e.g. a full disk; an exception here would close the worker's channel
            self._crash = self._crash or error
            self._stop("internal error")

    def _take(self, worker: str, message: Message, now: float) -> None:
        kind, *content = message
        if kind == "gone":
            self._lose(worker)
        elif kind == "batch":
            self._team[worker].received += content[1]
            self._record.write(content[0])
            self._brake.seen(content[2], content.pop())
            self.seen.add(*content[1:])
        elif kind == "health":
            self._record.write(content[0])
        elif kind == "report":
            self._reported(*content)
        elif kind == "hung":
            self._record.mark(HUNG, content[0], **content[1])
        elif kind in ("here", "progress", "endpoints"):
            self._team.note(worker, kind, content[0])
        elif kind == "refused":
            self._refuse(content[0])
        elif kind == "crash":
            self._crash = self._crash or RuntimeError(f"worker {worker} failed:\n{content[0]}")
            self._stop("internal error")
        elif kind == "final":
            self._team[worker].final = content[0]
            self.tests.count(content[1])
            self.tests.add_properties(content[2])
            if not self._stopping and worker != HERE:
                self._record.mark(LOST, worker=worker, reason="ended before the run did")
        elif self._stopping and kind == "ready":
            self._team[worker].tell(("stop", self._stopping))  # it came too late
        else:
            self._team.advance(worker, kind, content, now)

    def _reported(self, test: str, report: dict[str, Any], text: str, at: float, failed: int) -> None:
        self.tests.add_report(test, report)
        if report["outcome"] != "failed":
            return
        self._brake.test_failed(test)
        self._record.mark(FAILED, max(0.0, at), test=test, message=text, failed_requests=failed)

    def _lose(self, worker: str) -> None:
        lost = self._team.lose(worker)
        if lost is not None and lost.final is None and not self._record.begun and not self._stopping:
            self._refuse(f"worker {worker} was lost before the load began: what it says of it is above")
        elif lost is not None and lost.ready and lost.final is None:
            self._record.mark(LOST, worker=worker)

    def _refuse(self, why: str) -> None:
        self._refused = self._refused or why
        self._stop("refused")

    # --- the run

    @contextlib.contextmanager
    def running(self, workers: int) -> Iterator[None]:
        """Around pytest's own loop: the load starts when ``workers`` are ready; afterwards the evidence is judged."""
        self._workers = workers
        interrupted = False
        self._thread.start()
        with ends_interrupt():
            try:
                yield
            except BaseException:  # Ctrl-C and pytest's own ends too: the workers must send what they have
                interrupted = True
                self._wind_up()
                raise
            finally:
                with first_calls(self._following.hurry):
                    self._finish(interrupted)

    def _wind_up(self) -> None:
        """After Ctrl-C: the workers send what they have."""
        self._stop("interrupted")
        with self._changed:
            self._changed.wait_for(lambda: self._team.ended, timeout=self._run.settings.target.timeout + 2.0)

    def _finish(self, interrupted: bool) -> None:
        self._over.set()
        self._thread.join()
        for poller in self._pollers:
            poller.stop()
        try:
            self._following.stop(self._ended_at or self._record.now)
            if self._record.begun:
                self._mark_end(interrupted)
                self.verdict, self.unwritten = self._record.conclude()
        except (OSError, BundleError) as error:
            self._crash = self._crash or error
        self._teller.end()
        if isinstance(self._crash, OSError | BundleError):
            raise pytest.UsageError(f"the evidence cannot be written, so the run was stopped: {self._crash}")
        if self._crash is not None:
            raise self._crash
        if self._refused:
            raise pytest.UsageError(self._refused)

    def _mark_end(self, interrupted: bool) -> None:
        ended = self._ended_at or self._record.now
        planned = round(ended if self._following.begun else self._run.settings.duration, 3)
        told = {"interrupted": interrupted, "stopped_by": self._stopping, "workers": self._workers, "planned_s": planned}
        self._record.end(self._team, ended, **told, tests=len(self.tests.ids), unrun_tests=self.tests.unrun)

    def _stop(self, why: str) -> None:
        with self._changed:
            if not self._stopping:
                self._stopping = why
                self._ended_at = self._record.now
                self._team.tell(("stop", why))

    # --- the director's thread

    def _direct(self) -> None:
        try:
            if not self._assemble():
                return
            self._begin()
            asked = 0.0
            self._teller.start()
            while not self._over.wait(TICK) and not self._stopping:
                now = self._record.now
                if over := self._following.look(now, self.seen):
                    self._stop(over)
                if reason := self._brake.reason():
                    self._record.mark(ABORTED, reason=reason)
                    self._stop(reason)
                if now - asked >= ALIGN_EVERY:
                    asked = now
                    with self._changed:
                        self._team.align()
            self._await_ends()
        except Exception as error:  # e.g. a full disk: ends the run, raised in the main thread
            self._crash = self._crash or error
            self._stop("internal error")

    def _await_ends(self) -> None:
        """Gives workers up that do not end though they were told to: they may be stopped, or cut off."""
        limit = time.monotonic() + self._run.settings.target.timeout + GIVE_UP_AFTER
        while not self._over.wait(TICK):
            with self._changed:
                late = self._team.late() if time.monotonic() > limit else {}
                for worker in late:
                    self._team.lose(worker)
                    self._record.mark(LOST, worker=worker, reason="did not end")
            for worker, pid in late.items():
                self._give_up(worker, pid)

    def _look(self) -> None:
        if not self._stopping:
            self._show(self.view())

    @property
    def begun(self) -> bool:
        """Whether the load has begun."""
        return self._record.begun

    def view(self) -> View:
        """What the run looks like now, or did when it ended."""
        now = self._ended_at or self._record.now
        with self._changed:
            driven = self._team.driven(driven_at(self._run.settings.points, now), self._workers)
            return self._watch.view(now, self.seen, self._following.stage(now, self.seen), driven)

    def _assemble(self) -> bool:
        """Waits until all workers stand ready and their clocks are known; False when the run is over before that."""
        with self._changed:
            if not self._wait(lambda: len(self._team.ready) >= self._workers):
                return False
            self._team.align()
            return self._wait(lambda: all(member.waiting and member.clock.known for member in self._team.ready))

    def _wait(self, enough: Callable[[], bool]) -> bool:
        while not (self._over.is_set() or self._stopping):
            if enough():
                return True
            self._changed.wait(TICK)
        return False

    def _violated(self) -> bool:
        """Whether what was seen so far violates a requirement."""
        return self._record.begun and self._record.judged().verdict == VIOLATED

    def _begin(self) -> None:
        with self._changed:
            zero = self._record.begin(self._team)
            self._teller.put(self._team.ready[0].ways())
            self._team.start(zero)
        target = self._run.settings.target
        if target.version.kind == "url":
            self._pollers.append(Poller(version_of(target, self._polled)))
        if self._run.settings.control_url:
            self._pollers.append(Poller(control(self._run.settings.control_url, self._controlled)))
        for poller in self._pollers:
            poller.start()

    def _controlled(self, asked: float, ok: bool) -> None:
        self._record.mark(CONTROL, asked - self._record.zero, ok=ok)

    def _polled(self, version: str) -> None:
        at = self._record.now
        with self._changed:
            self.seen.add(0, 0, -1.0, [[version, 1, at, at]])
        self._record.mark(POLLED, version=version)
