"""Follow mode, carried out: starts the deployment's command when it is due, and tells in marks and lines what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pytest_zdt.director import MARGIN, Director, Seen
from pytest_zdt.evidence.marks import ABORTED, DEPLOYED, STARTED, signal_of
from pytest_zdt.manifest import environment
from pytest_zdt.output import mask
from pytest_zdt.processes import Command
from pytest_zdt.settings import Run

LOG = "deploy.log"
LOAD, HEAD, DEPLOYING, TAIL = "load", "head", "deploying", "tail"


class Stage(NamedTuple):
    """How far a run has come: its name, for how many seconds, and how many it takes, as far as is known (0)."""

    name: str
    done: float
    needed: float


class Following:
    """The deployment of one run; without a command it only says when the run's time is up. Times in seconds from its start.

    ``mark`` takes the name of a mark and its data, ``announce`` lines that are told once. For one thread at a time.
    """

    def __init__(self, run: Run, mark: Callable[..., None], announce: Callable[[str], None]) -> None:
        self._run, self._mark, self._announce = run, mark, announce
        self._director = Director(run.settings.require.head, run.settings.require.tail)
        self._command: Command | None = None
        self._began = 0.0
        self._killed = ""

    @property
    def begun(self) -> bool:
        """Whether the deployment was started."""
        return self._command is not None

    @property
    def _deploying(self) -> bool:
        return self._command is not None and self._director.deployed < 0

    def stage(self, now: float, seen: Seen) -> Stage:
        """How far the run has come."""
        settings, director = self._run.settings, self._director
        if not settings.deploy:
            return Stage(LOAD, now, settings.duration)
        if self._command is None:
            return Stage(HEAD, director.proven(now, seen), director.head + MARGIN)
        if self._deploying:
            return Stage(DEPLOYING, now - self._began, 0.0)
        return Stage(TAIL, director.clean(now, seen), director.tail + MARGIN)

    def look(self, now: float, seen: Seen) -> str:
        """Does what is due; why the run is over, or empty."""
        if self._run.settings.deploy and self._command is None:
            if self._director.due(now, seen):
                self._start(now)
            elif self._director.hopeless(now, seen):
                self._mark(ABORTED, reason="no answer names a version: the deployment was not started")
                return "no version"
        elif self._command is not None and self._deploying:
            self._watch(self._command, now)
        if self._director.enough(now, seen):
            return "complete"
        return "duration" if not self._deploying and now >= self._limit else ""

    @property
    def _limit(self) -> float:
        """When a run ends that has not seen enough. A deployment is cut off by its own limit only, and has its tail."""
        tail = self._director.deployed + self._director.longest_tail if self._director.deployed >= 0 else 0.0
        return max(self._run.settings.duration, tail)

    def _start(self, now: float) -> None:
        settings = self._run.settings
        shown = mask(settings.deploy, settings.target.secret.reveal())
        self._mark(STARTED, command=shown)
        self._announce(f"zdt: the deployment was started at {now:.1f} s: {shown}")
        self._began = now
        self._command = Command(settings.deploy, settings.report / LOG, environment(self._run))

    def _watch(self, command: Command, now: float) -> None:
        limit = self._run.settings.deploy_timeout
        if command.exit_status is not None:
            self._ended(command, now)
        elif now - self._began >= limit and not self._killed:
            self._killed = f"it had not ended after {limit:g} s"
            self._announce(f"zdt: the deployment's command has not ended after {limit:g} s: it is killed")
            command.end()

    def _ended(self, command: Command, now: float) -> None:
        status, said = command.exit_status, command.last_line()
        data: dict[str, object] = {"exit_status": status, "took_s": round(now - self._began, 3)}
        if self._killed:
            data["killed"] = self._killed
        if status or self._killed:
            data["said"] = said
        self._mark(DEPLOYED, at=now, **data)
        self._director.deployed, self._director.failed = now, bool(status or self._killed)
        how = f"was killed, because {self._killed}" if self._killed else f"ended with exit status {status}{signal_of(status)}"
        tail = f": {said or 'it printed nothing'} (see {self._run.settings.report / LOG})" if self._director.failed else ""
        self._announce(f"zdt: the deployment's command {how} after {now - self._began:.1f} s{tail}")

    def stop(self, now: float) -> None:
        """Ends the command and all it left behind; returns when they are gone. ``now`` is when the run ended."""
        if self._command is None:
            return
        cut = self._deploying and self._command.exit_status is None
        self._command.stop()
        if self._deploying:
            self._killed = self._killed or ("the run ended before it did" if cut else "")
            self._ended(self._command, now)
