"""`deploy`: put a release in place of the one that serves."""

import contextlib
import os
import signal
import time
from pathlib import Path

from media_sandbox import probe, releases, signals
from media_sandbox.errors import Failed, Interrupted
from media_sandbox.home import Home
from media_sandbox.record import Record
from media_sandbox.releases import Release

_START_TIME = 30  # seconds for a new release to answer
_DRAIN_TIME = 30  # seconds for the old one to end; gunicorn itself kills its workers after 20
_LEFTOVER_TIME = 5  # seconds in which a drain usually ends
_OUTAGE_POLL = 0.005  # seconds


def deploy(home: Home, release: Release, overlap: float, pause: float) -> None:
    """Deploy `release` the way it asks for; `overlap` and `pause` in seconds.

    Raises Refused if another deployment is under way, Failed if the old release still serves alone.
    """
    with home.locked("deploy", "another deployment of this sandbox is under way; wait until it has ended"):
        _end_leftover(home)
        old = _serving(home)
        record = Record(home, release.name, releases.name_of(old))
        record.step(f"deploying {release.name} over {releases.name_of(old)} on {home.state()['url']}")
        result = "failed"
        try:
            if release.way == "none":
                record.step("no-op: nothing is restarted")
            else:
                _Deployment(home, record, old).run(release, overlap, pause)
            result = "no-op" if release.way == "none" else "done"
        except Interrupted:
            result = "interrupted"
            raise
        except Failed as failure:
            record.note(reason=str(failure))
            raise
        finally:
            with signals.ignored():
                record.close(result)


class _Deployment:
    """One deployment, with what it takes to undo it."""

    def __init__(self, home: Home, record: Record, old: Path):
        self.home = home
        self.record = record
        self.old = old
        self.state = home.state()
        self.log = home.log / "gunicorn.log"
        self.new_masters: set[int] = set()
        self.log_size = self.log.stat().st_size

    def run(self, release: Release, overlap: float, pause: float) -> None:
        new = releases.build(self.home, release)
        self.record.step(f"release folder {new.name} built")
        releases.run_django(self.home, self.state["port"], new, "migrate", "--no-input")
        self.record.step("database migrated")
        if release.way == "hard":
            self._replace_hard(new, pause)
        else:
            self._replace_rolling(new, overlap)
        self.record.step("done")

    def _replace_rolling(self, new: Path, overlap: float) -> None:
        """Start the new master beside the old one, and end the old one when the new one has proved itself."""
        old_master = self._master()
        try:
            self._link(new)
            self._start_beside(old_master, new)
            self.record.step(f"{new.name} answers; overlap of {overlap:g} s begins")
            new_master = self._watch_overlap(overlap)
        except (Failed, Interrupted):
            with signals.ignored():
                self._undo()
            raise
        with signals.ignored():  # there is no way back, and the end is near
            _signal(old_master, signal.SIGTERM)
            self.record.step("old master told to drain")
            self._await_sole(old_master, new_master, new)

    def _link(self, folder: Path) -> None:
        releases.link(self.home, folder)
        self.record.step(f"current is {folder.name}")

    def _master(self) -> int:
        """The pid of the only master; a new one is listed as such up to a second after the old one has gone."""
        probe.wait_until(lambda: self.home.master() is not None, 3)
        return self.home.master() or _fail("no gunicorn master runs; see the output of serve")

    def _start_beside(self, old_master: int, new: Path) -> None:
        """Have the old master start the new one on the same socket, and wait until that answers."""
        _signal(old_master, signal.SIGUSR2)
        self.record.step("new master asked for (USR2)")
        answered = False

        def settled() -> bool:
            nonlocal answered
            self.new_masters.update(filter(None, [self.home.next_master()]))
            answered = self._answers(new)
            return answered or any(not probe.is_alive(pid) for pid in self.new_masters)

        if not probe.wait_until(settled, _START_TIME):
            raise Failed(f"{new.name} did not answer within {_START_TIME} s; {self.old.name} serves on")
        if not answered:
            raise Failed(f"{new.name} did not start: {self._complaint()}; {self.old.name} serves on")

    def _watch_overlap(self, seconds: float) -> int:
        """Let both serve; the pid of the new master, which must live through it."""
        new_master = self.home.next_master() or _fail("the new master wrote no pid")
        if probe.wait_until(lambda: not probe.is_alive(new_master), seconds):
            raise Failed(f"the new master ended during the overlap: {self._complaint()}; {self.old.name} serves on")
        return new_master

    def _await_sole(self, old_master: int, new_master: int, new: Path) -> None:
        """Wait until the old master has gone and the new one has taken its place."""
        if not probe.wait_until(lambda: not probe.is_alive(old_master), _DRAIN_TIME):
            raise Failed(f"the old master (pid {old_master}) did not end within {_DRAIN_TIME} s")
        self.record.step("old master gone")
        if not probe.wait_until(lambda: self.home.master() == new_master, 5) or not self._answers(new):
            raise Failed(f"{new.name} does not serve alone: {self._complaint()}")

    def _undo(self) -> None:
        """End the new master, if there is one, and point back to the old release."""
        releases.link(self.home, self.old)
        if not self.new_masters:  # it writes its pid a moment after it was asked for
            probe.wait_until(lambda: self.home.next_master() is not None, 3)
        _end_next_master(self.home)
        self.record.step(f"undone: {self.old.name} serves")

    def _replace_hard(self, new: Path, pause: float) -> None:
        """Kill everything, wait, and have the supervisor start the new release: an outage, measured."""
        self._link(new)
        killed_at, killed = time.time(), time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.state["group"], signal.SIGKILL)
        try:
            self.record.step("old master and workers killed")
            time.sleep(pause)
        finally:
            _signal(self.state["pid"], signal.SIGUSR1)
        if not probe.wait_until(self._accepts, _START_TIME, _OUTAGE_POLL):
            raise Failed(f"{new.name} did not start: {self._complaint()}")
        outage = time.monotonic() - killed
        self.record.note(killed_at=killed_at, accepting_at=time.time(), outage_s=round(outage, 3))
        self.record.step(f"outage: {outage:.3f} s")
        if not probe.wait_until(lambda: self._answers(new), _START_TIME):
            raise Failed(f"{new.name} did not answer within {_START_TIME} s: {self._complaint()}")

    def _accepts(self) -> bool:
        return probe.is_accepting(self.state["host"], self.state["port"])

    def _answers(self, folder: Path) -> bool:
        return probe.build_answering(self.state["host"], self.state["port"]) == folder.name

    def _complaint(self) -> str:
        return releases.complaint(self.log, self.log_size)


def _serving(home: Home) -> Path:
    """The folder of the release that answers; the link may be ahead of it, after a deployment that was killed."""
    state = home.state()
    build = probe.build_answering(state["host"], state["port"])
    return home.releases / (build or _fail(f"nothing answers on {state['url']}; see the output of serve"))


def _end_leftover(home: Home) -> None:
    """Clear up after a deployment that was killed: end the new master, unless the old one was draining already."""
    if not probe.wait_until(lambda: home.next_master() is None, _LEFTOVER_TIME) and home.master():
        _end_next_master(home)


def _end_next_master(home: Home) -> None:
    """End the new master, if there is one, and forget it."""
    if new_master := home.next_master():
        with contextlib.suppress(Failed):  # it may be ending by itself just now
            _signal(new_master, signal.SIGTERM)
            if not probe.wait_until(lambda: not probe.is_alive(new_master), _DRAIN_TIME):
                _signal(new_master, signal.SIGKILL)
    home.forget_next_master()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        _fail(f"process {pid} of the sandbox has gone; see the output of serve")


def _fail(why: str) -> None:
    raise Failed(why)
