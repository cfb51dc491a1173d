"""Pinning workers to idle CPUs."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_zdt import affinity
from pytest_zdt.affinity import LEAST_IDLE, allowed_cpus, choose, idle_since, pinned, ticks

linux = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin")
cpus = st.lists(st.integers(0, 255), max_size=40, unique=True)


@given(cpus, st.integers(1, 40), st.data())
def test_no_two_workers_choose_the_same(allowed: list[int], workers: int, data: st.DataObject) -> None:
    """Each worker gets an allowed, idle CPU of its own or none, though each looks at another moment."""
    looks = [data.draw(st.fixed_dictionaries({cpu: st.floats(0.0, 1.0) for cpu in allowed})) for _ in range(workers)]
    chosen = [choose(worker, workers, allowed, look) for worker, look in enumerate(looks)]
    found = [(cpu, look) for cpu, look in zip(chosen, looks, strict=True) if cpu is not None]
    assert len({cpu for cpu, _ in found}) == len(found)
    assert all(cpu in allowed and look[cpu] >= LEAST_IDLE for cpu, look in found)


@given(cpus.filter(bool), st.data())
def test_all_workers_are_pinned_on_an_idle_machine(allowed: list[int], data: st.DataObject) -> None:
    """Where everything is idle and there are enough CPUs, every worker gets one."""
    workers = data.draw(st.integers(1, len(allowed)))
    idle = dict.fromkeys(allowed, 1.0)
    assert None not in {choose(worker, workers, allowed, idle) for worker in range(workers)}


def test_more_workers_than_cpus() -> None:
    """Nobody is pinned where not everybody can have a CPU."""
    assert [choose(worker, 3, [0, 1], {0: 1.0, 1: 1.0}) for worker in range(3)] == [None] * 3
    assert choose(0, 1, [], {}) is None


def test_the_idlest_of_its_own() -> None:
    """A worker takes the idlest of those that no other may choose, whatever the order in which they are told."""
    idle = {4: 0.6, 5: 0.9, 6: 0.95, 7: 0.7}
    assert [choose(worker, 2, [7, 5, 6, 4], idle) for worker in range(2)] == [6, 5]


@pytest.mark.parametrize("idle, chosen", [(LEAST_IDLE, 3), (LEAST_IDLE - 0.01, None), (-0.2, None), (None, None)])
def test_busy_cpus(idle: float | None, chosen: int | None) -> None:
    """A CPU that is busy, or of which nothing is known, is nobody's."""
    assert choose(0, 1, [3], {} if idle is None else {3: idle}) == chosen


def test_idle_since() -> None:
    """The share of the ticks between two looks; nothing of a CPU whose ticks stand still; a new one from its beginning."""
    before, after = {0: (100, 200), 1: (50, 60), 2: (7, 9)}, {0: (150, 300), 1: (50, 80), 2: (7, 9), 3: (3, 4)}
    assert idle_since(before, after) == {0: 0.5, 1: 0.0, 3: 0.75}
    assert idle_since({}, {}) == {}
    assert idle_since(before, {}) == {}


@linux
def test_ticks_of_this_machine() -> None:
    """Every CPU that may be used has ticks, some of them idle; they go on."""
    first = ticks()
    assert set(allowed_cpus()) <= set(first)
    assert all(0 <= idle <= total for idle, total in first.values())
    end = time.monotonic() + 20.0
    while not (shares := idle_since(first, ticks())) and time.monotonic() < end:
        pass
    assert shares


@pytest.mark.parametrize("text", ["", "cpu  1 2 3 4 5\n", "cpu0 1 2\n", "cpux 1 2 3 4 5 6 7 8\n", "cpu0 a b c d e f g h\n"])
def test_systems_that_tell_nothing_useful(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file in another shape nothing is known: no error."""
    (tmp_path / "stat").write_text(text)
    monkeypatch.setattr(affinity, "_STAT", tmp_path / "stat")
    assert ticks() == {}


def test_systems_that_do_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known where there is no such file, and nothing can be pinned where the system has no call for it."""
    monkeypatch.setattr(affinity, "_STAT", tmp_path / "missing")
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    assert (ticks(), allowed_cpus()) == ({}, ())


def test_ticks_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for a disk is idle; a guest's time is in its host's already; the sum over all CPUs is left out."""
    (tmp_path / "stat").write_text("cpu 9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 40 5 6 7 8 1 2\ncpu11 0 0 0 9 0 0 0 0 0 0\nintr 5\n")
    monkeypatch.setattr(affinity, "_STAT", tmp_path / "stat")
    assert ticks() == {0: (45, 72), 11: (9, 9)}


@linux
def test_pinned() -> None:
    """Inside, this thread and those that it starts are on that CPU; afterwards it may run where it might before."""
    before, seen = os.sched_getaffinity(0), list[set[int]]()
    cpu = max(before)
    with pinned(cpu):
        thread = threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
        thread.start()
        thread.join()
        seen.append(os.sched_getaffinity(0))
    assert seen == [{cpu}, {cpu}]
    assert os.sched_getaffinity(0) == before


@linux
def test_other_threads_are_not_pinned() -> None:
    """A thread that was there before stays where it may run."""
    before, pinned_now, look, seen = os.sched_getaffinity(0), threading.Event(), threading.Event(), list[set[int]]()

    def other() -> None:
        look.set()
        pinned_now.wait()
        seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=other)
    thread.start()
    look.wait()
    with pinned(min(before)):
        pinned_now.set()
        thread.join()
    assert seen == [before]


@linux
def test_pinned_ends_with_an_error() -> None:
    """An error inside does not leave the thread pinned."""
    before = os.sched_getaffinity(0)
    with pytest.raises(KeyError), pinned(min(before)):
        raise KeyError
    assert os.sched_getaffinity(0) == before


def test_not_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a CPU nothing is called, so that it works where the system cannot pin."""
    for name in ("sched_setaffinity", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    with pinned(None):
        assert not hasattr(os, "sched_setaffinity")


@linux
def test_pinned_tells_where() -> None:
    """What is inside knows the CPU, so that the evidence can name it: ``with pinned(cpu) as found``."""
    cpu = min(os.sched_getaffinity(0))
    with pinned(cpu) as found:
        assert found == cpu
