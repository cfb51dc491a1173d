"""The VUs' loops, on a clock of the test's own."""

from __future__ import annotations

import itertools
import threading

import pytest

from pytest_zdt.engine import Load, Loop


class FakeTime:
    """A clock and a stop in one: waiting moves the clock, the stop comes at ``end``."""

    def __init__(self, end: float) -> None:
        self.now, self.end = 100.0, 100.0 + end

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float) -> bool:
        """Waits until then or until the end; whether the end was reached."""
        self.now = max(self.now, min(self.now + timeout, self.end))
        return self.now >= self.end


def looped(end: float, pace: float, took: list[float], first: float = 0.0) -> tuple[Loop, list[float]]:
    """A loop that has run, and when its iterations started; each takes the next of ``took``, the last for ever."""
    time, starts = FakeTime(end), []
    lengths = itertools.chain(took, itertools.repeat(took[-1]))

    def call(test: int) -> None:
        starts.append(round(time.now - 100, 6))
        time.now += next(lengths)

    loop = Loop(0, call, itertools.count(), pace, first)
    loop.run(time, time)  # type: ignore[arg-type]
    return loop, starts


def test_an_iteration_every_pace() -> None:
    """Iterations start a pace apart, however short they are."""
    loop, starts = looped(end=1.0, pace=0.25, took=[0.1])
    assert starts == [0, 0.25, 0.5, 0.75]
    assert loop.iterations == 4


def test_the_first_start() -> None:
    """The first iteration starts when told."""
    assert looped(end=1.0, pace=0.4, took=[0.1], first=0.3)[1] == [0.3, 0.7]


def test_without_pace_one_follows_the_other() -> None:
    """Without a pace an iteration starts when the one before has ended."""
    assert looped(end=1.0, pace=0.0, took=[0.4])[1] == [0, 0.4, 0.8]


def test_a_slow_iteration_causes_no_burst() -> None:
    """After a slow iteration the next starts at once and the others keep the pace."""
    assert looped(end=3.0, pace=0.5, took=[1.75, 0.1])[1] == [0, 1.75, 2.25, 2.75]


def test_tests_come_in_order() -> None:
    """The tests are called in the order that was given."""
    time, called = FakeTime(1.0), []

    def call(test: int) -> None:
        called.append(test)
        time.now += 0.3

    Loop(0, call, iter([2, 0, 1, 2])).run(time, time)  # type: ignore[arg-type]
    assert called == [2, 0, 1, 2]


def test_an_iteration_that_sent_nothing() -> None:
    """It is not counted: the end of the run came first."""
    time = FakeTime(1.0)

    def call(test: int) -> bool:
        time.now += 0.4
        return test < 2

    loop = Loop(0, call, itertools.count())
    loop.run(time, time)  # type: ignore[arg-type]
    assert loop.iterations == 2


def test_driven() -> None:
    """The time driven is from the beginning to the end of the loop, the iteration under way included."""
    loop, _ = looped(end=1.0, pace=0.0, took=[0.75])
    assert loop.driven(until=500.0) == pytest.approx(1.5)
    assert Loop(0, lambda test: None, itertools.count()).driven(until=500.0) == 0
    assert Loop(0, lambda test: None, itertools.count(), began=3.0).driven(until=5.0) == 2


@pytest.mark.timeout(30)
def test_stop_finishes_the_iteration_under_way() -> None:
    """A stop lets the iteration end, and no other begins."""
    entered, leave, ended = threading.Event(), threading.Event(), []

    def call(test: int) -> None:
        entered.set()
        leave.wait()
        ended.append(test)

    load = Load([Loop(0, call, itertools.count())])
    load.start()
    entered.wait()
    load.stop()
    leave.set()
    assert load.join(20.0) == []
    assert ended == [0]


@pytest.mark.timeout(30)
def test_join_names_the_hung() -> None:
    """VUs that have not ended within the grace are named, the others are not."""
    inside, leave = threading.Event(), threading.Event()

    def hang(test: int) -> None:
        inside.set()
        leave.wait()

    hung = Loop(5, hang, itertools.count())
    load = Load([hung, Loop(6, lambda test: None, itertools.count(), pace=0.01)])
    load.start()
    inside.wait()
    load.stop()
    load._threads[1].join()
    assert load.join(0.0) == [5]
    leave.set()
    assert load.join(20.0) == []


@pytest.mark.timeout(30)
def test_vus_run_side_by_side() -> None:
    """Every VU is inside an iteration at the same time."""
    together = threading.Barrier(5)
    load = Load([])

    def call(test: int) -> None:
        together.wait()
        load.stopped.wait()

    load.loops = [Loop(vu, call, itertools.count()) for vu in range(4)]
    load.start()
    together.wait()  # the fifth party: passes only when four VUs are inside
    load.stop()
    assert load.join(20.0) == []
    assert [loop.iterations for loop in load.loops] == [1] * 4
