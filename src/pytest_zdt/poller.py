"""What is asked once a second beside the load: the API's version URL, and an unrelated host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import requests
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from pytest_zdt.http.session import SignedSession
from pytest_zdt.http.versions import polled_version
from pytest_zdt.target import Target

EVERY = 1.0
CONTROL_TIMEOUT = 2.0
"""Seconds in which the control URL must answer."""


class Poller:
    """A thread that calls ``ask`` once a second. `start` and `stop` it; it ends after the question under way."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zdt-poller", daemon=True)

    def start(self) -> None:
        """Begins to ask."""
        self._thread.start()

    def stop(self, patience: float = 10.0) -> None:
        """Ends; waits that many seconds at most for the question under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            due = max(due, time.monotonic()) + EVERY  # a slow answer delays the next question, it causes no burst
            self._ask()


def version_of(target: Target, seen: Callable[[str], None]) -> Callable[[], None]:
    """Asks the target's version URL over a new connection, and gives ``seen`` what a 200 names; nothing otherwise."""
    session = SignedSession(target, observe=lambda sample: None)

    def ask() -> None:
        session.new_connection()
        try:
            answer = session.get(target.version.key)
        except RequestException:
            return  # the load meets the same, and tells of it
        version = polled_version(target.version, answer.content) if answer.status_code == 200 else ""
        if version:
            seen(version)

    return ask


def control(url: str, tell: Callable[[float, bool], None]) -> Callable[[], None]:
    """Asks an unrelated host, and gives ``tell`` the time (monotonic) of the question and whether anything was answered."""

    def ask() -> None:
        asked = time.monotonic()
        tell(asked, answers(url))

    return ask


def answers(url: str) -> bool:
    """Whether anything answers there, over a new connection and without proxies."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.get(url, timeout=CONTROL_TIMEOUT, stream=True, allow_redirects=False).close()
    except (RequestException, HTTPError):  # requests lets urllib3's own through for a host that is none
        return False
    return True
