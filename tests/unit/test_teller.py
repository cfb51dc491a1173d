"""What is told of a run while it goes, however slow the terminal is."""

from __future__ import annotations

import threading

from pytest_zdt.teller import Teller


def test_a_terminal_that_is_held() -> None:
    """It holds nobody who has something to tell; once it is let go all is told, in order."""
    told, free, held = [], threading.Event(), threading.Event()

    def tell(line: str) -> None:
        held.set()
        free.wait()
        told.append(line)

    teller = Teller(lambda: None, tell)
    teller.start()
    for line in "abc":
        teller.put(line)
    assert held.wait(10)
    assert told == []
    free.set()
    teller.end()
    assert told == ["a", "b", "c"]


def test_an_end_before_the_start() -> None:
    """What was put is told all the same."""
    told: list[str] = []
    teller = Teller(lambda: None, told.append)
    teller.put("a")
    teller.end()
    assert told == ["a"]


def test_looks(monkeypatch) -> None:
    """The run is shown again and again, until the end."""
    monkeypatch.setattr("pytest_zdt.teller.LOOK_EVERY", 0.0)
    shown = threading.Semaphore(0)
    teller = Teller(shown.release, lambda line: None)
    teller.start()
    assert shown.acquire(timeout=10)
    assert shown.acquire(timeout=10)
    teller.end()
