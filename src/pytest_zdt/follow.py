"""Follow mode, carried out: starts the deployment's command when it is due, and tells in marks and lines what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pytest_zdt.director import MARGIN, Director, Seen
from pytest_zdt.evidence.bundle import DEPLOY_LOG
from pytest_zdt.evidence.marks import ABORTED, DEPLOYED, STARTED, Mark, signal_of
from pytest_zdt.manifest import environment
from pytest_zdt.output import mask
from pytest_zdt.processes import Command
from pytest_zdt.settings import Run

LOAD, HEAD, DEPLOYING, TAIL = "load", "head", "deploying", "tail"


class Stage(NamedTuple):
    """How far a run has come: its name, for how many seconds, how many it takes as far as is known (0), and the run's limit."""

    name: str
    done: float
    needed: float
    limit: float


class Following:
    """The deployment of one run; without a command it only says when the run's time is up. Times in seconds from its start.

    ``mark`` takes the name of a mark and its data, ``told`` gives the marks that others have added since it was called last,
    ``announce`` takes lines that are told once. For one thread at a time.
    """

    def __init__(
        self, run: Run, mark: Callable[..., None], told: Callable[[], Iterable[Mark]], announce: Callable[[str], None]
    ) -> None:
        self._run, self._mark, self._told, self._announce = run, mark, told, announce
        require = run.settings.require
        self._director = Director(require.head, require.tail, require.version_change, require.forgives)
        self._command: Command | None = None
        self._running = False
        self._started = self._began = -1.0
        self._killed = ""

    @property
    def begun(self) -> bool:
        """Whether the deployment was started."""
        return self._command is not None

    def stage(self, now: float, seen: Seen) -> Stage:
        """How far the run has come."""
        settings, director, limit = self._run.settings, self._director, self._limit
        if self._began < 0 and not settings.deploy:
            return Stage(LOAD, now, settings.duration, limit)
        if self._began < 0:
            return Stage(HEAD, director.proven(now, seen), director.head + MARGIN, limit)
        if director.deployed < 0:
            late = self._running and now > limit
            return Stage(DEPLOYING, now - self._began, 0.0, self._started + settings.deploy_timeout if late else limit)
        return Stage(TAIL, director.clean(now, seen), director.tail + MARGIN, limit)

    def look(self, now: float, seen: Seen) -> str:
        """Does what is due; why the run is over, or empty."""
        for mark in self._told():
            self._heed(mark)
        if self._run.settings.deploy and self._command is None:
            if self._director.due(now, seen):
                self._start(now)
            elif self._director.hopeless(now, seen):
                self._mark(ABORTED, reason="no answer names a version: the deployment was not started")
                return "no version"
        elif self._command is not None and self._running:
            self._watch(self._command, now)
        if self._command is not None and self._director.enough(now, seen):
            return "complete"
        if self._running or now < self._limit:
            return ""
        self._tell_of_no_start(now, seen)
        return "duration"

    @property
    def _limit(self) -> float:
        """When a run ends that has not seen enough. A deployment is cut off by its own limit only, and has its tail."""
        followed = self._command is not None and self._director.deployed >= 0
        return max(self._run.settings.duration, self._director.deployed + self._director.longest_tail if followed else 0.0)

    def _tell_of_no_start(self, now: float, seen: Seen) -> None:
        """The time is up: whether the deployment was never due."""
        if self._run.settings.deploy and self._command is None:
            clean, needed = self._director.proven(now, seen), self._director.head + MARGIN
            why = f"the head was clean for {clean:.1f} s at the end, and must be for {needed:g} s"
            self._announce(f"zdt: the deployment was not started: {why}")

    def _heed(self, mark: Mark) -> None:
        """A mark of another process: a deployment elsewhere has begun, again perhaps, or ended.

        The end of one ends no deployment of ours that has not begun yet.
        """
        self._announce(f"zdt: marked {mark.name} at {mark.at:.1f} s")
        if mark.name == STARTED:
            self._began, self._director.deployed, self._director.failed = mark.at, -1.0, False
        elif mark.name == DEPLOYED and not self._running and (self._command is not None or not self._run.settings.deploy):
            self._began, self._director.deployed = max(0.0, self._began), mark.at

    def _start(self, now: float) -> None:
        settings = self._run.settings
        shown = mask(settings.deploy, settings.target.secret.reveal())
        self._mark(STARTED, command=shown)
        self._began = self._started = now
        self._running = True
        self._command = Command(settings.deploy, settings.report / DEPLOY_LOG, environment(self._run))
        self._announce(f"zdt: the deployment was started at {now:.1f} s: {' '.join(shown.split())}")

    def _watch(self, command: Command, now: float) -> None:
        limit = self._run.settings.deploy_timeout
        if command.exit_status is not None:
            self._ended(command, now)
        elif now - self._started >= limit and not self._killed:
            self._killed = f"it had not ended after {limit:g} s"
            self._announce(f"zdt: the deployment's command has not ended after {limit:g} s: it is killed")
            command.end()

    def _ended(self, command: Command, now: float) -> None:
        status, said = command.exit_status, command.last_line()
        self._running = False
        data: dict[str, object] = {"exit_status": status, "took_s": round(now - self._started, 3)}
        if self._killed:
            data["killed"] = self._killed
        if status or self._killed:
            data["said"] = said
        self._mark(DEPLOYED, at=now, **data)
        self._director.deployed, self._director.failed = now, bool(status or self._killed)
        how = f"was killed, because {self._killed}" if self._killed else f"ended with exit status {status}{signal_of(status)}"
        tail = f": {said or 'it printed nothing'} (see {self._run.settings.report / DEPLOY_LOG})" if self._director.failed else ""
        self._announce(f"zdt: the deployment's command {how} after {now - self._started:.1f} s{tail}")

    def hurry(self) -> None:
        """A command that is being ended is killed at once. Also for a signal's handler, while `stop` waits."""
        if self._command is not None:
            self._command.hurry()

    def stop(self, now: float) -> None:
        """Ends the command and all it left behind; returns when they are gone. ``now`` is when the run ended."""
        if self._command is None:
            return
        cut = self._running and self._command.exit_status is None
        self._command.stop()
        if self._running:
            self._killed = self._killed or ("the run ended before it did" if cut else "")
            self._ended(self._command, now)
