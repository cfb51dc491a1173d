"""The VUs' loops. Knows no pytest and no HTTP: what to call, when, the clock and the stop come in as arguments."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

LONGEST = 3600.0
"""Seconds of one wait: what is due in a thousand years is more than a lock can wait for."""


@dataclass
class Loop:
    """One VU: runs ``call`` with the next of ``order`` whenever one is ``due``, until the load stops.

    ``due`` takes the seconds since the load's start and gives those at which the next iteration is to start. An iteration for
    which ``call`` returns False, because the end came before it sent anything, is not counted.
    """

    vu: int
    call: Callable[[int], bool | None]
    order: Iterator[int]
    due: Callable[[float], float]
    iterations: int = 0
    begun: int = 0
    current: tuple[int, float] | None = None
    """The test under way, and when its iteration began, on the load's clock."""
    again: int = 0
    """How many others had this VU's place before it."""
    abandoned: bool = False
    """Whether a substitute has taken this VU's place."""
    times: list[float] = field(default_factory=list)
    """When the VU began, and when it ended, on the load's clock; infinite when nothing more was due."""

    def run(self, stop: threading.Event, zero: float, clock: Callable[[], float]) -> None:
        """Loops until ``stop`` is set or nothing more is due; the iteration under way is finished."""
        self.times.append(clock())
        while not self.abandoned:
            due = self.due(clock() - zero)
            if due == inf:
                self.times.append(inf)  # it has done all that was planned for it
                return
            if _stopped(stop, zero + due, clock):
                break
            self.begun += 1
            test = next(self.order)
            self.current = test, clock()
            if self.call(test) is not False:
                self.iterations += 1
            self.current = None
        if not self.abandoned:
            self.times.append(clock())

    def abandon(self, now: float) -> None:
        """Gives the VU up: if its iteration ever ends, so does its thread."""
        self.abandoned = True
        self.times.append(now)

    def ran(self, until: float) -> tuple[float, float]:
        """From when to when this VU's thread has run, on the load's clock, ``until`` at the latest."""
        began, ended = (*self.times, until, until)[:2]
        return min(began, until), min(ended, until)


def _stopped(stop: threading.Event, due: float, clock: Callable[[], float]) -> bool:
    """Waits until ``due`` or the stop; whether it was the stop."""
    while (left := due - clock()) > 0:
        if stop.wait(min(left, LONGEST)):
            return True
    return stop.is_set()


class Load:
    """The VUs of one worker as threads. ``start`` them, ``stop`` them, wait for them with ``join``.

    ``zero`` is the load's start on ``clock``.
    """

    def __init__(self, loops: Sequence[Loop], zero: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.loops = list(loops)
        self.stopped = threading.Event()
        self._zero, self._clock = zero, clock
        self._threads: dict[int, threading.Thread] = {}
        self.broken: list[BaseException] = []
        """What VUs have died of: an error of the engine, since tests' own are outcomes."""

    def start(self) -> None:
        """Starts every VU."""
        for loop in self.loops:
            self._start(loop)

    def _start(self, loop: Loop) -> None:
        # daemons: a VU that hangs in a test must not keep the process from ending
        thread = threading.Thread(target=self._run, args=(loop,), name=f"zdt-vu{loop.vu}", daemon=True)
        self._threads[id(loop)] = thread
        thread.start()

    def _run(self, loop: Loop) -> None:
        try:
            loop.run(self.stopped, self._zero, self._clock)
        except BaseException as error:  # a thread's error would be lost: whoever looks after the load tells of it
            self.broken.append(error)

    def overdue(self, limits: Sequence[float]) -> list[Loop]:
        """The VUs whose iteration has taken longer than the limit of its test, in seconds."""
        now = self._clock()
        under_way = [(loop, loop.current) for loop in self.loops if not loop.abandoned]
        return [loop for loop, one in under_way if one is not None and now - one[1] > limits[one[0]]]

    def thread_of(self, loop: Loop) -> int:
        """The identifier of a VU's thread, as `sys._current_frames` has it."""
        return self._threads[id(loop)].ident or 0

    def substitute(self, hung: Loop, fresh: Loop) -> None:
        """Gives ``hung`` up and starts ``fresh`` in its place."""
        hung.abandon(self._clock())
        self.loops.append(fresh)
        self._start(fresh)

    def stop(self) -> None:
        """Asks every VU to end after its iteration."""
        self.stopped.set()

    def join(self, grace: float) -> list[int]:
        """Waits ``grace`` seconds at most for the VUs to end; the numbers of those that have not, and of those given up."""
        end = self._clock() + grace
        hung = {loop.vu for loop in self.loops if loop.abandoned}
        for loop in self.loops:
            if not loop.abandoned:
                self._threads[id(loop)].join(max(0.0, end - self._clock()))
        return sorted(hung | {loop.vu for loop in self.loops if self._threads[id(loop)].is_alive()})

    def still(self) -> list[Loop]:
        """The VUs that have not ended, but for those given up before."""
        return [loop for loop in self.loops if not loop.abandoned and self._threads[id(loop)].is_alive()]

    def since(self, then: float) -> float:
        """Seconds since a time of the load's clock."""
        return self._clock() - then

    def ended(self) -> list[Loop]:
        """The VUs whose thread has ended."""
        return [loop for loop in self.loops if not self._threads[id(loop)].is_alive()]
