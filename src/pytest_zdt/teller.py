"""Tells people of a run that is under way: lines as they come, and once a second what it looks like."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable

LOOK_EVERY = 1.0
"""Seconds between two looks."""
TICK = 0.1
"""Seconds within which the end is noticed."""


class Teller:
    """A thread of its own, since a terminal may block: one that is held, by Ctrl-S say, holds neither deployment nor load.

    ``show`` is called each second, ``tell`` with each line that was `put`, never both at once. `start` and `end` it.
    """

    def __init__(self, show: Callable[[], None], tell: Callable[[str], None]) -> None:
        self._show, self._tell = show, tell
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zdt-teller", daemon=True)

    def put(self, line: str) -> None:
        """Has a line told; returns at once. From any thread."""
        self._lines.put(line)

    def start(self) -> None:
        """Begins to tell."""
        self._thread.start()

    def end(self) -> None:
        """Returns when all lines are told: waits for a terminal that is held."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        while not self._lines.empty():
            self._tell(self._lines.get())

    def _run(self) -> None:
        due = time.monotonic() + LOOK_EVERY
        while not self._over.is_set():
            with contextlib.suppress(queue.Empty):
                self._tell(self._lines.get(timeout=TICK))
            if time.monotonic() >= due:
                due = time.monotonic() + LOOK_EVERY
                self._show()
