"""Asks an API's version URL once a second, for targets whose answers do not name their version."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from requests.exceptions import RequestException

from pytest_zdt.http.session import SignedSession
from pytest_zdt.http.versions import polled_version
from pytest_zdt.target import Target

EVERY = 1.0


class Poller:
    """A thread that gives ``seen`` each version that an answer of the target's version URL names.

    Each time over a new connection; an answer that is no 200, or names none, is left out. `start` and `stop` it.
    """

    def __init__(self, target: Target, seen: Callable[[str], None]) -> None:
        self._target, self._seen = target, seen
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zdt-poller", daemon=True)

    def start(self) -> None:
        """Begins to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the question under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(self._target.timeout + EVERY)

    def _run(self) -> None:
        due = time.monotonic()
        with SignedSession(self._target, observe=lambda sample: None, stopped=self._stopped.is_set) as session:
            while not self._stopped.wait(max(0.0, due - time.monotonic())):
                due += EVERY
                session.new_connection()
                try:
                    answer = session.get(self._target.version.key)
                except RequestException:
                    continue  # the load meets the same, and tells of it
                version = polled_version(self._target.version, answer.content) if answer.ok else ""
                if version:
                    self._seen(version)
