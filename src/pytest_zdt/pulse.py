"""The health of a worker as a load generator: how late its threads wake, its CPU, garbage collection, files and ports."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from array import array
from collections.abc import Callable
from pathlib import Path

from pytest_zdt.evidence.health import PROBE_EVERY, Health

SECOND = 1.0
_PROCESSES = Path("/proc")
_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_SOCKETS = Path("/proc/net/sockstat")
_FILES = Path("/proc/self/fd")


class Pulse:
    """A thread that sleeps, notes how late it woke, and tells ``tell`` of each second; also of the last, begun one.

    ``zero`` gives the run's start on ``clock``. `start` and `stop` it.
    """

    def __init__(
        self, worker: str, zero: Callable[[], float], tell: Callable[[Health], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._worker, self._zero, self._tell, self._clock = worker, zero, tell, clock
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zdt-pulse", daemon=True)
        self._pauses = Pauses(clock)

    def start(self) -> None:
        """Begins to look."""
        gc.callbacks.append(self._pauses)
        self._thread.start()

    def stop(self) -> None:
        """Tells of what it has seen since the last second, and ends."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._pauses in gc.callbacks:
            gc.callbacks.remove(self._pauses)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._second()

    def _second(self) -> None:
        began, cpu, lags = self._clock(), _cpu(), array("d")
        while self._clock() - began < SECOND and not self._stopped.is_set():
            due = self._clock() + PROBE_EVERY
            if not self._stopped.wait(PROBE_EVERY):
                lags.append(max(0.0, self._clock() - due) * 1000)
        now = self._clock()
        share = (_cpu() - cpu) / max(now - began, PROBE_EVERY)
        self._tell(Health(self._worker, now - self._zero(), lags, share, self._pauses.take(), open_files(), free_ports()))


class Pauses:
    """A callback of the garbage collector that keeps the longest of its pauses, in milliseconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._began, self._longest = clock, 0.0, 0.0

    def __call__(self, phase: str, info: object) -> None:
        """Called by the collector before and after each collection."""
        if phase == "start":
            self._began = self._clock()
        else:
            self._longest = max(self._longest, (self._clock() - self._began) * 1000)

    def take(self) -> float:
        """The longest pause since the last call."""
        longest, self._longest = self._longest, 0.0
        return longest


def _cpu() -> float:
    """CPU seconds of this process, of the children that it has waited for, and of those that run, with theirs.

    But for those in a session of their own, as what a run serves and deploys: they are not the load.
    """
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system + sum(map(_cpu_of, _children("self")))


def _cpu_of(pid: str) -> float:
    """CPU seconds of another process and all below it; 0 where it is gone, or in another session."""
    with contextlib.suppress(OSError):
        fields = (_PROCESSES / pid / "stat").read_text().rpartition(")")[2].split()
        if int(fields[3]) == os.getsid(0):
            return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + sum(map(_cpu_of, _children(pid)))
    return 0.0


def _children(pid: str) -> list[str]:
    """The processes that the threads of one have started; none where the system does not tell."""
    with contextlib.suppress(OSError):
        return [child for one in (_PROCESSES / pid / "task").iterdir() for child in (one / "children").read_text().split()]
    return []


def open_files() -> int | None:
    """How many files this process has open; None where the system does not tell."""
    with contextlib.suppress(OSError):
        return sum(1 for _ in os.scandir(_FILES))
    return None


def free_ports() -> int | None:
    """How many local ports are left for TCP connections to one address; None where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError, StopIteration):
        first, last = map(int, _PORTS.read_text().split())
        words = next(line for line in _SOCKETS.read_text().splitlines() if line.startswith("TCP:")).split()
        used = sum(int(words[words.index(name) + 1]) for name in ("inuse", "tw"))
        return max(0, last - first + 1 - used)
    return None
