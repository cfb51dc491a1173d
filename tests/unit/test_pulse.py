"""What looks once a second: the probe of the load generator's own health, and the poller's schedule."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pytest_zdt import poller
from pytest_zdt.evidence.health import PROBE_EVERY, Health, read_health
from pytest_zdt.poller import Poller
from pytest_zdt.pulse import SECOND, Pauses, Pulse, free_ports, open_files

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Clock:
    """A clock that goes on by so many seconds each time that somebody looks at it."""

    def __init__(self, *steps: float) -> None:
        self.now, self.steps = 100.0, list(steps)

    def __call__(self) -> float:
        self.now += self.steps.pop(0) if self.steps else 0.0
        return self.now


@pytest.fixture
def uncollected() -> Iterator[None]:
    """The collector, which the probe times by the same clock, does not run by itself."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Told(list[Health]):
    """What a probe tells; ``until`` waits for so much of it."""

    def __init__(self) -> None:
        super().__init__()
        self._more = threading.Condition()

    def __call__(self, health: Health) -> None:
        with self._more:
            self.append(health)
            self._more.notify_all()

    def until(self, number: int) -> None:
        """Waits for that many seconds' health."""
        with self._more:
            assert self._more.wait_for(lambda: len(self) >= number, timeout=60)


@pytest.fixture
def told() -> Told:
    """Takes what the probe tells."""
    return Told()


def from_now() -> Callable[[], float]:
    """The start of a run that starts now."""
    zero = time.monotonic()
    return lambda: zero


def stall(seconds: float) -> None:
    """Holds the interpreter's lock for that long, as a C extension may."""
    ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))


def test_a_second_of_a_real_run(told: Told) -> None:
    """Each line is whole and can be kept; the seconds follow each other; the lags are of the looks that were due."""
    began = time.monotonic()
    probe = Pulse("gw7", lambda: began, told)
    probe.start()
    told.until(2)
    probe.stop()
    for one in told:
        assert one.worker == "gw7"
        assert read_health(one.as_line()).worker == "gw7"
        assert min(one.lags, default=0.0) >= 0.0
        assert one.cpu >= 0.0
        assert one.gc >= 0.0
    assert told[0].at >= 1.0
    assert all(after.at > before.at for before, after in pairwise(told))
    assert told[-1].at <= time.monotonic() - began
    assert 1 <= len(told[0].lags) <= 1.0 / PROBE_EVERY + 1


@linux
def test_files_and_ports(told: Told) -> None:
    """Those that are open, those that are left; one more file is seen."""
    with open("/proc/self/status") as more:
        number = open_files()
        assert not more.closed
    after, ports = open_files(), free_ports()
    assert number is not None
    assert after is not None
    assert ports is not None
    assert number > 0 < ports <= 65536
    assert after < number
    probe = Pulse("main", from_now(), told)
    probe.start()
    probe.stop()
    assert all(one.files and one.ports for one in told)


def test_systems_that_do_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Unknown is None, not 0 and not an error."""
    for name in ("_FILES", "_PORTS", "_SOCKETS", "_PROCESSES"):
        monkeypatch.setattr(f"pytest_zdt.pulse.{name}", tmp_path / "missing")  # type: ignore[operator]
    assert open_files() is None
    assert free_ports() is None


def test_a_stall_is_a_lag(told: Told) -> None:
    """While somebody holds the interpreter's lock nobody sends: seen as a lag of the stall's length, less one sleep at most."""
    probe = Pulse("main", from_now(), told)
    probe.start()
    time.sleep(0.1)
    stall(0.4)
    time.sleep(0.1)
    probe.stop()
    assert max(max(one.lags, default=0.0) for one in told) >= (0.4 - PROBE_EVERY) * 1000 - 1.0


@pytest.mark.usefixtures("uncollected")
def test_lags_by_the_clock(told: Told) -> None:
    """The lag is what the clock says beyond the sleep, in milliseconds, and not less than none."""
    # began; then of each look: is the second over?, when is it due?, how late is it?
    clock = Clock(0.0, 0.0, 0.0, PROBE_EVERY + 0.25, 0.0, 0.0, 0.01, 5.0)
    probe = Pulse("main", lambda: 90.0, told, clock)
    probe.start()
    told.until(1)
    probe.stop()
    assert list(told[0].lags) == [pytest.approx(250.0), 0.0]
    assert told[0].at == pytest.approx(15.0 + PROBE_EVERY + 0.26)


@pytest.mark.usefixtures("uncollected")
def test_the_start_is_asked_for_each_time(told: Told) -> None:
    """Each line is told by the run's start as it is known then: it may have been set right meanwhile."""
    zeros = [50.0, 60.0]
    probe = Pulse("main", lambda: zeros.pop(0), told, Clock(*[SECOND] * 20))
    probe._second()
    probe._second()
    assert told[1].at - told[0].at < 0 < told[1].at


def test_cpu_by_the_clock(told: Told) -> None:
    """Busy for all of the time is one core, whatever the length of the second; never negative."""
    probe = Pulse("main", from_now(), told)
    probe.start()
    before = time.thread_time()
    while time.thread_time() - before < 0.3:
        pass
    busy = time.thread_time() - before
    probe.stop()
    spent = sum(one.cpu * length for one, length in zip(told, lengths(told), strict=True))
    assert spent >= busy * 0.9 - 0.02


BUSY = """import os, time
os.fork()
while time.process_time() < 0.3:
    pass
print(flush=True)
time.sleep(60)
"""


@linux
@pytest.mark.parametrize("apart", [False, True], ids=["ours", "in a session of its own"])
def test_cpu_of_what_runs(told: Told, apart: bool) -> None:
    """What a test has started, and what that has started, counts while it runs; what a run serves does not."""
    probe = Pulse("main", from_now(), told)
    probe.start()
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, start_new_session=apart) as child:
        assert child.stdout is not None
        assert [child.stdout.readline() for _ in range(2)] == [b"\n"] * 2
        (grandchild,) = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        probe.stop()
        os.kill(int(grandchild), signal.SIGKILL)
        child.kill()
    spent = sum(one.cpu * length for one, length in zip(told, lengths(told), strict=True))
    assert spent < 0.3 if apart else spent > 0.55


def lengths(told: Told) -> list[float]:
    """How long each second was."""
    return [after - before for before, after in pairwise([0.0, *(one.at for one in told)])]


def test_the_last_second_is_told_though_it_has_just_begun(told: Told) -> None:
    """What was seen since the last full second is not lost at the end; the end need not be waited for."""
    probe = Pulse("main", from_now(), told)
    probe.start()
    time.sleep(0.2)
    probe.stop()
    assert told[-1].at >= 0.2
    assert told[0].lags


def test_stop_twice_and_without_a_start(told: Told) -> None:
    """Neither troubles anybody; nothing is told after the end, and the collector calls nobody any more."""
    callbacks = list(gc.callbacks)
    probe = Pulse("main", from_now(), told)
    probe.start()
    assert len(gc.callbacks) == len(callbacks) + 1
    probe.stop()
    number = len(told)
    probe.stop()
    Pulse("other", from_now(), told).stop()
    assert len(told) == number
    assert gc.callbacks == callbacks


def test_pauses() -> None:
    """The longest since it was last asked for, in milliseconds."""
    pauses = Pauses(Clock(0.0, 0.004, 1.0, 0.010, 1.0, 0.002, 1.0, 0.001))
    for _ in range(3):
        pauses("start", {})
        pauses("stop", {})
    assert pauses.take() == pytest.approx(10.0)
    assert pauses.take() == 0.0
    pauses("start", {})
    pauses("stop", {})
    assert pauses.take() == pytest.approx(1.0)


def test_a_collection_is_told(told: Told) -> None:
    """The collector's pauses are those of this process."""
    probe = Pulse("main", from_now(), told)
    probe.start()
    time.sleep(0.1)
    gc.collect()
    probe.stop()
    assert max(one.gc for one in told) > 0.0


# --- when the poller asks


class Time:
    """Stands in for the clock and for the event that stops the poller: nothing takes time but the answers."""

    def __init__(self, *took: float) -> None:
        self.now, self.took, self.asked = 100.0, list(took), list[float]()

    def monotonic(self) -> float:
        """What time it is."""
        return self.now

    def wait(self, seconds: float) -> bool:
        """Lets the time pass; True, which ends the poller, when all was answered."""
        self.now += seconds
        return not self.took

    def set(self) -> None:
        """It ends by itself."""

    def ask(self) -> None:
        """Takes as long as it was told."""
        self.asked.append(self.now - 100.0)
        self.now += self.took.pop(0)


def asked(monkeypatch: pytest.MonkeyPatch, *took: float) -> list[float]:
    """When a poller asks whose answers take so long, in seconds since its start."""
    fake = Time(*took)
    monkeypatch.setattr(poller, "time", fake)
    one = Poller(fake.ask)
    monkeypatch.setattr(one, "_stopped", fake)
    one.start()
    one.stop()
    return fake.asked


@pytest.mark.parametrize("took", [0.0, 0.3, 0.9])
def test_once_a_second(took: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """First at once, then by the second, however long an answer takes within it."""
    assert asked(monkeypatch, *[took] * 5) == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0])


def test_slow_answers_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every answer takes longer than a second, the next question follows it."""
    assert asked(monkeypatch, *[2.5] * 4) == pytest.approx([0.0, 2.5, 5.0, 7.5])


@pytest.mark.parametrize("slow", [1.5, 2.5, 9.5])
def test_a_slow_answer_causes_no_burst(slow: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was missed is not made up for."""
    times = asked(monkeypatch, 0.0, slow, 0.0, 0.0, 0.0)
    assert times[:3] == pytest.approx([0.0, 1.0, 1.0 + slow])
    assert min(after - before for before, after in pairwise(times)) >= 0.5
