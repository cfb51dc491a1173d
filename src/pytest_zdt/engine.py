"""The VUs' loops. Knows no pytest and no HTTP: what to call, the clock and the stop come in as arguments."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass
class Loop:
    """One VU: runs ``call`` with the next of ``order`` until the load stops, ``pace`` seconds from start to start at least.

    ``first`` is when the first iteration starts, in seconds after the load's start; ``driven`` how many seconds the VU drove. An
    iteration for which ``call`` returns False, because the end came before it sent anything, is not counted.
    """

    vu: int
    call: Callable[[int], bool | None]
    order: Iterator[int]
    pace: float = 0.0
    first: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    iterations: int = 0

    def run(self, stop: threading.Event, clock: Callable[[], float]) -> None:
        """Loops until ``stop`` is set; the iteration under way is finished."""
        self.began = clock()
        due = self.began + self.first
        while not stop.wait(max(0.0, due - clock())):
            due = clock() + self.pace  # from start to start: a slow iteration delays the next, it does not cause a burst
            if self.call(next(self.order)) is not False:
                self.iterations += 1
        self.ended = clock()

    def driven(self, until: float) -> float:
        """Seconds this VU has driven by ``until``, on the clock of `run`."""
        return max(0.0, (self.ended or until) - self.began) if self.began else 0.0


class Load:
    """The VUs of one worker as threads. ``start`` them, ``stop`` them, wait for them with ``join``."""

    def __init__(self, loops: Sequence[Loop], clock: Callable[[], float] = time.monotonic) -> None:
        self.loops = loops
        self.stopped = threading.Event()
        self._clock = clock
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Starts every VU."""
        for loop in self.loops:
            # daemons: a VU that hangs in a test must not keep the process from ending
            thread = threading.Thread(target=loop.run, args=(self.stopped, self._clock), name=f"zdt-vu{loop.vu}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Asks every VU to end after its iteration."""
        self.stopped.set()

    def join(self, grace: float) -> list[int]:
        """Waits ``grace`` seconds at most for the VUs to end; the numbers of those that have not."""
        end = self._clock() + grace
        for thread in self._threads:
            thread.join(max(0.0, end - self._clock()))
        return [loop.vu for loop, thread in zip(self.loops, self._threads, strict=True) if thread.is_alive()]
