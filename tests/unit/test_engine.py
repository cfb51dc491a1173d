"""The VUs' loops, on a clock of the test's own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from math import inf

import pytest

from pytest_zdt.engine import Load, Loop
from pytest_zdt.schedule import Arrivals, Closed, Points, planned_time, ramping, spans, staged
from pytest_zdt.values import stages

ZERO = 100.0


class FakeTime:
    """A clock and a stop in one: waiting moves the clock, the stop comes at ``end``."""

    def __init__(self, end: float) -> None:
        self.now, self.end = ZERO, ZERO + end

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float) -> bool:
        """Waits until then or until the end; whether the end was reached."""
        self.now = max(self.now, min(self.now + timeout, self.end))
        return self.now >= self.end

    def is_set(self) -> bool:
        """Whether the end was reached."""
        return self.now >= self.end


def looped(end: float, due: Callable[[float], float], took: list[float]) -> tuple[Loop, list[float]]:
    """A loop that has run, and when its iterations started; each takes the next of ``took``, the last for ever."""
    time, starts = FakeTime(end), []
    lengths = itertools.chain(took, itertools.repeat(took[-1]))

    def call(test: int) -> None:
        starts.append(round(time.now - ZERO, 6))
        time.now += next(lengths)

    loop = Loop(0, call, itertools.count(), due)
    loop.run(time, ZERO, time)  # type: ignore[arg-type]
    return loop, starts


def always(pace: float = 0.0, first: float = 0.0) -> Callable[[float], float]:
    """A closed loop that never ends."""
    return Closed([(0.0, inf)], pace, first).due


def at_once(now: float) -> float:
    """The next iteration is due now."""
    return now


def test_an_iteration_every_pace() -> None:
    """Iterations start a pace apart, however short they are."""
    loop, starts = looped(1.0, always(pace=0.25), [0.1])
    assert starts == [0, 0.25, 0.5, 0.75]
    assert loop.iterations == loop.begun == 4


def test_the_first_start() -> None:
    """The first iteration starts when told."""
    assert looped(1.0, always(pace=0.4, first=0.3), [0.1])[1] == [0.3, 0.7]


def test_without_pace_one_follows_the_other() -> None:
    """Without a pace an iteration starts when the one before has ended."""
    assert looped(1.0, always(), [0.4])[1] == [0, 0.4, 0.8]


def test_a_slow_iteration_causes_no_burst() -> None:
    """After a slow iteration the next starts at once and the others keep the pace."""
    assert looped(3.0, always(pace=0.5), [1.75, 0.1])[1] == [0, 1.75, 2.25, 2.75]


def test_spans() -> None:
    """A VU rests between its spans and ends after the last, before the stop."""
    loop, starts = looped(60.0, Closed([(1.0, 2.0), (5.0, 6.0)], 0.4).due, [0.1])
    assert starts == [1, 1.4, 1.8, 5, 5.4, 5.8]
    assert loop.ran(ZERO + 60)[0] == ZERO


def test_a_ramp() -> None:
    """The VUs of a ramp begin one after the other, at the time at which the line reaches their number."""
    begun = [looped(10.0, Closed(spans(ramping(4, 8.0), vu)).due, [0.5])[1][0] for vu in range(4)]
    assert begun == [0, 2, 4, 6]


def test_nothing_due() -> None:
    """A loop of which nothing is due ends at once."""
    loop, starts = looped(10.0, lambda now: inf, [1.0])
    assert starts == []
    assert loop.times == [ZERO, inf]
    assert loop.ran(ZERO + 7.0) == (ZERO, ZERO + 7.0)


def test_the_stop_comes_while_a_loop_waits() -> None:
    """What is due at the stop or after it is not begun."""
    assert looped(5.0, always(pace=5.0), [0.1])[1] == [0]


def test_what_is_overdue_at_the_stop_is_not_begun() -> None:
    """An iteration that lasted until the stop has no successor."""
    assert looped(1.0, always(), [3.0])[1] == [0]


def test_tests_come_in_order() -> None:
    """The tests are called in the order that was given."""
    time, called = FakeTime(1.0), []

    def call(test: int) -> None:
        called.append(test)
        time.now += 0.3

    Loop(0, call, iter([2, 0, 1, 2]), at_once).run(time, ZERO, time)  # type: ignore[arg-type]
    assert called == [2, 0, 1, 2]


def test_an_iteration_that_sent_nothing() -> None:
    """It is begun, but not counted: the end of the run came first."""
    time = FakeTime(1.0)

    def call(test: int) -> bool:
        time.now += 0.4
        return test < 2

    loop = Loop(0, call, itertools.count(), at_once)
    loop.run(time, ZERO, time)  # type: ignore[arg-type]
    assert (loop.begun, loop.iterations) == (3, 2)


def test_the_clock_may_have_another_zero() -> None:
    """What is due is told in seconds since the load's start, wherever the clock stands."""
    seen: list[float] = []
    looped(1.0, lambda now: seen.append(now) or now, [0.4])  # type: ignore[func-returns-value]
    assert seen == pytest.approx([0.0, 0.4, 0.8, 1.2])


def test_ran() -> None:
    """A loop has run from its beginning to its end, the iteration under way included, ``until`` at the latest."""
    loop, _ = looped(1.0, always(), [0.75])
    assert loop.ran(500.0) == (ZERO, pytest.approx(ZERO + 1.5))
    assert loop.ran(ZERO + 1.0) == (ZERO, ZERO + 1.0)
    assert loop.ran(ZERO - 1.0) == (ZERO - 1.0, ZERO - 1.0)


def test_ran_of_one_that_never_began_and_of_one_that_never_ended() -> None:
    """The first has run for no time, the second until now."""
    idle, busy = (Loop(0, lambda test: None, itertools.count(), at_once, times=times) for times in ([], [3.0]))
    assert idle.ran(5.0) == (5.0, 5.0)
    assert busy.ran(5.0) == (3.0, 5.0)


def test_abandoned_loops_have_run_until_then() -> None:
    """What an abandoned loop does later is not counted as driven."""
    time = FakeTime(9.0)

    def call(test: int) -> None:
        time.now += 2.0
        loop.abandon(time.now)
        time.now += 5.0

    loop = Loop(0, call, itertools.count(), at_once)
    loop.run(time, ZERO, time)  # type: ignore[arg-type]
    assert loop.ran(ZERO + 50.0) == (ZERO, ZERO + 2.0)
    assert loop.begun == 1


@pytest.mark.parametrize("text", ["1m:20,1m:0", "1m:5,13m:20,1m:0", "10s:10,1m:10,0s:0,30s:0"])
@pytest.mark.parametrize("pace", [0.0, 1.0, 5.0, 20.0])
def test_prompt_vus_are_driven_for_all_of_their_time(text: str, pace: float) -> None:
    """VUs that begin whatever is due on time have been driven for (nearly) all of the planned time, however great the pace."""
    plan = stages(text)
    points, end, vus = staged(plan), sum(seconds for seconds, _ in plan), range(max(vus for _, vus in plan))
    planned = sum(planned_time(points, vu, 0.0, end) for vu in vus)
    assert sum(driven(points, vu, pace, end) for vu in vus) >= 0.95 * planned


def driven(points: Points, vu: int, pace: float, end: float) -> float:
    """For how much of its planned time a VU was driven whose iterations take 50 ms."""
    loop, _ = looped(end, Closed(spans(points, vu), pace).due, [0.05])
    began, ended = loop.ran(ZERO + end)
    return planned_time(points, vu, began - ZERO, ended - ZERO)


# --- with threads


def test_arrivals_are_shared() -> None:
    """However many VUs ask, each arrival is begun once, by one of them."""
    arrivals, lock, begun = Arrivals(500.0), threading.Lock(), []
    load = Load([])

    def due(now: float) -> float:
        with lock:
            at = arrivals.due(now)
        return at if at < 0.2 else inf

    load = Load([Loop(vu, begun.append, itertools.repeat(vu), due) for vu in range(4)], load._clock())
    load.start()
    assert load.join(20.0) == []
    assert len(begun) == sum(loop.begun for loop in load.loops) <= 100


def test_stop_finishes_the_iteration_under_way() -> None:
    """A stop lets the iteration end, and no other begins."""
    entered, leave, ended = threading.Event(), threading.Event(), []

    def call(test: int) -> None:
        entered.set()
        leave.wait()
        ended.append(test)

    load = Load([Loop(0, call, itertools.count(), at_once)])
    load.start()
    entered.wait()
    load.stop()
    leave.set()
    assert load.join(20.0) == []
    assert ended == [0]


def test_stop_wakes_those_that_wait() -> None:
    """A VU whose next iteration is due in an hour ends at once."""
    load = Load([Loop(0, lambda test: None, itertools.count(), lambda now: now + 3600.0)])
    load.start()
    load.stop()
    assert load.join(20.0) == []
    assert load.ended() == load.loops
    assert load.loops[0].begun == 0


class Hanging:
    """A load of one VU that hangs until told to ``leave``, on a clock that stands still."""

    def __init__(self) -> None:
        self.inside, self.leave, self.now = threading.Event(), threading.Event(), 50.0
        self.loop = Loop(5, self._hang, itertools.count(), lambda now: 0.0)
        self.load = Load([self.loop], zero=50.0, clock=lambda: self.now)
        self.load.start()
        self.inside.wait()

    def _hang(self, test: int) -> None:
        self.inside.set()
        self.leave.wait()

    def end(self) -> list[int]:
        """Lets the VU go, and ends the load."""
        self.load.stop()
        self.leave.set()
        return self.load.join(20.0)


def test_join_names_the_hung() -> None:
    """VUs that have not ended within the grace are named, the others are not."""
    hanging = Hanging()
    other = Loop(6, lambda test: None, itertools.count(), lambda now: inf)
    hanging.load.loops.append(other)
    hanging.load._start(other)
    hanging.load._threads[id(other)].join()
    hanging.load.stop()
    assert hanging.load.join(0.0) == [5]
    assert hanging.load.ended() == [other]
    assert hanging.end() == []


def test_overdue() -> None:
    """A VU is overdue once its iteration has taken longer than the limit of its test; never where that is infinite."""
    hanging = Hanging()
    assert hanging.loop.current == (0, 50.0)
    hanging.now = 60.0
    assert hanging.load.overdue([10.0]) == []
    hanging.now = 60.5
    assert hanging.load.overdue([10.0]) == [hanging.loop]
    assert hanging.load.overdue([inf]) == []
    hanging.end()
    assert hanging.loop.current is None
    assert hanging.load.overdue([0.0]) == []


def test_substitute() -> None:
    """A substitute runs in the place of one that hangs, which is not overdue any more and ends when its iteration does."""
    hanging, called = Hanging(), threading.Event()
    fresh = Loop(5, lambda test: called.set(), itertools.count(), lambda now: inf if called.is_set() else now, again=1)
    hanging.now = 70.0
    hanging.load.substitute(hanging.loop, fresh)
    assert called.wait(20.0)
    assert hanging.load.overdue([0.0]) == []
    assert hanging.loop.ran(99.0) == (50.0, 70.0)
    assert hanging.end() == [5]
    hanging.load._threads[id(hanging.loop)].join(20.0)
    assert hanging.loop.begun == 1
    assert hanging.load.ended() == [hanging.loop, fresh]


def test_an_abandoned_one_counts_as_hung_though_it_has_ended() -> None:
    """A VU that was given up is named at the end, once."""
    hanging = Hanging()
    hanging.load.substitute(hanging.loop, Loop(5, lambda test: None, itertools.count(), lambda now: inf))
    hanging.leave.set()
    hanging.load._threads[id(hanging.loop)].join(20.0)
    assert hanging.end() == [5]


def test_thread_of() -> None:
    """A VU's thread can be found."""
    told: list[int] = []
    loop = Loop(0, lambda test: told.append(threading.get_ident()), itertools.count(), lambda now: inf if told else now)
    load = Load([loop])
    load.start()
    load.join(20.0)
    assert told == [load.thread_of(loop)]


def test_vus_run_side_by_side() -> None:
    """Every VU is inside an iteration at the same time."""
    together = threading.Barrier(5)
    load = Load([])

    def call(test: int) -> None:
        together.wait()
        load.stopped.wait()

    load.loops = [Loop(vu, call, itertools.count(), at_once) for vu in range(4)]
    load.start()
    together.wait()  # the fifth party: passes only when four VUs are inside
    load.stop()
    assert load.join(20.0) == []
    assert [loop.iterations for loop in load.loops] == [1] * 4


@pytest.mark.timeout(30)
def test_a_loop_that_breaks_is_told() -> None:
    """An error that is not a test's ends its VU alone, and is kept for whoever looks after the load."""
    others = threading.Event()

    def breaks(test: int) -> None:
        raise LookupError("broken")

    def goes_on(test: int) -> None:
        others.set()

    load = Load([Loop(vu, call, itertools.count(), lambda now: now) for vu, call in enumerate((breaks, goes_on))])
    load.start()
    assert others.wait(20)
    load._threads[id(load.loops[0])].join(20)
    load.stop()
    assert load.join(20.0) == []
    assert [str(error) for error in load.broken] == ["broken"]
