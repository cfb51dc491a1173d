"""When a run is stopped before its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_zdt.brake import JUDGE_EVERY, JUDGE_SHARE, Brake
from pytest_zdt.require import Require


class Judge:
    """Judges what it is told to, takes so long for it, and is the clock."""

    def __init__(self, verdict: bool = False, took: float = 0.0) -> None:
        self.verdict, self.took, self.now, self.judged = verdict, took, 1000.0, list[float]()

    def __call__(self) -> bool:
        self.judged.append(self.now)
        self.now += self.took
        return self.verdict

    def brake(self, maxfail: int = 0, **require: Any) -> Brake:
        """A brake with these limits beside the defaults."""
        return Brake(maxfail, asdict(Require(**require)), self, lambda: self.now)


def unwatched(maxfail: int) -> tuple[Brake, Judge]:
    """A brake that does not look at requirements."""
    judge = Judge(verdict=True)
    return Brake(maxfail, None, judge, lambda: judge.now), judge


def test_maxfail() -> None:
    """So many different tests have to fail, however often each of them did."""
    brake, _ = unwatched(2)
    for test in ("a", "a", "a"):
        brake.test_failed(test)
        assert brake.reason() == ""
    brake.test_failed("b")
    assert brake.reason() == "2 tests failed"


def test_any_number_of_tests_may_fail() -> None:
    """Without a limit, failed tests stop nothing."""
    brake, _ = unwatched(0)
    for number in range(100):
        brake.test_failed(str(number))
    assert brake.reason() == ""


def test_a_violation_stops_only_a_run_that_is_to_be_stopped() -> None:
    """Without limits nothing is judged, whatever fails."""
    brake, judge = unwatched(0)
    brake.seen(50, 50)
    assert (brake.reason(), judge.judged) == ("", [])


def test_maxfail_beside_the_limits() -> None:
    """The number of tests decides without judging."""
    judge = Judge()
    brake = judge.brake(maxfail=1)
    brake.test_failed("a")
    assert (brake.reason(), judge.judged) == ("1 test failed", [])


@pytest.mark.parametrize("budget", ["0", "0%", "0.0%"])
def test_a_plain_failure_where_none_is_allowed(budget: str) -> None:
    """One that is plainly the API's decides without judging."""
    judge = Judge()
    brake = judge.brake(max_failures=budget, endpoints={"GET /": {"max_failures": "0"}, "GET /b": {"max_outage": 1.0}})
    assert brake.reason() == ""
    brake.seen(1, 1)
    assert (brake.reason(), judge.judged) == ("violated", [])


@pytest.mark.parametrize("verdict, reason", [(True, "violated"), (False, "")])
def test_a_failure_that_is_not_plain(verdict: bool, reason: str) -> None:
    """Whose doing it is, is judged."""
    judge = Judge(verdict)
    brake = judge.brake()
    brake.seen(1, 0)
    assert (brake.reason(), len(judge.judged)) == (reason, 1)


@pytest.mark.parametrize(
    "require",
    [
        {"max_failures": "1"},
        {"max_failures": "0.1%"},
        {"endpoints": {"GET /": {"max_failures": "5"}}},
    ],
)
def test_budgets_need_the_judge(require: dict[str, Any]) -> None:
    """Where some failures are allowed, of one endpoint too, a plain failure alone does not stop."""
    judge = Judge()
    brake = judge.brake(**require)
    brake.seen(3, 3)
    assert (brake.reason(), len(judge.judged)) == ("", 1)
    judge.verdict, judge.now = True, judge.now + JUDGE_EVERY
    brake.seen(1, 1)
    assert brake.reason() == "violated"


def test_without_a_new_failure_nothing_is_judged() -> None:
    """Evidence without failures violates nothing; what was judged is not judged again."""
    judge = Judge()
    brake = judge.brake(max_failures="9")
    for failures in (0, 1, 0, 0, 2, 0):
        brake.seen(failures, 0)
        brake.reason()
        judge.now += 5.0
    assert judge.judged == [1005.0, 1020.0]


@pytest.mark.parametrize("require", [{"p95": 0.5}, {"max": 2.0}, {"endpoints": {"GET /": {"p50": 0.1}}}])
def test_latency_limits(require: dict[str, Any]) -> None:
    """A limit on the latency can be broken without a failure, so it is judged again and again."""
    judge = Judge()
    brake = judge.brake(**require)
    for _ in range(50):
        assert brake.reason() == ""
        judge.now += JUDGE_EVERY / 5
    assert len(judge.judged) == 10
    judge.verdict = True
    judge.now += JUDGE_EVERY
    assert brake.reason() == "violated"


def test_a_required_impact() -> None:
    """An endpoint that becomes slower can violate without a failure, where no impact is a requirement."""
    assert Judge(verdict=True).brake(impact=True).reason() == "violated"


@given(st.lists(st.floats(0.0, 60.0), min_size=5, max_size=30), st.floats(0.01, 1.0))
def test_judging_takes_a_tenth_of_the_time_at_most(took: list[float], tick: float) -> None:
    """After each judgement there is a rest of nine times its length and more, and of a second at least."""
    judge, ended = Judge(), list[float]()
    brake = judge.brake(p95=1.0)
    for number, seconds in enumerate(took):
        judge.took = seconds
        while len(judge.judged) == number:
            assert brake.reason() == ""
            ended += [judge.now] * (len(judge.judged) > number)
            judge.now += tick
    for began, before, seconds in zip(judge.judged[1:], ended, took, strict=False):
        assert began - before >= max(JUDGE_EVERY, seconds * (1 - JUDGE_SHARE) / JUDGE_SHARE) - 1e-6


def test_failures_while_judging_are_judged_next() -> None:
    """What fails while the evidence is judged is not taken for judged."""
    judge = Judge()
    brake = judge.brake(max_failures="9")

    def meanwhile() -> bool:
        brake.seen(1, 0)
        return False

    brake._violated = meanwhile
    brake.seen(1, 0)
    assert brake.reason() == ""
    brake._violated = lambda: True
    judge.now += JUDGE_EVERY
    assert brake.reason() == "violated"


def test_a_crash_while_judging_is_told() -> None:
    """An error is not taken for a good verdict."""

    def broken() -> bool:
        raise OSError("disk")

    brake = Brake(0, asdict(Require(max_failures="1")), broken, clock_of([0.0, 1.0]))
    brake.seen(1, 0)
    with pytest.raises(OSError, match="disk"):
        brake.reason()


def clock_of(times: list[float]) -> Callable[[], float]:
    """A clock that shows these times in turn, the last for ever."""
    return lambda: times.pop(0) if len(times) > 1 else times[0]
