"""Compiled plans: set-up, call and teardown in pytest's order, whatever the user's functions do."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_zdt.outcomes import FAILED, GOOD, SKIPPED, XFAILED, XPASSED, Expectation, Outcome
from pytest_zdt.plans import Constant, Ingredients, Plan, Step, compile_plan


class Diary(list[str]):
    """What happened, in order."""

    def fixture(self, name: str, *arguments: str, fails: str = "") -> Step:
        """A generator fixture that says what it does, and raises in the phase that ``fails`` names."""

        def function(**given: str) -> Iterator[str]:
            self._do(f"{name} up", fails == "setup")
            yield f"{name}({', '.join(given.values())})"
            self._do(f"{name} down", fails == "teardown")

        return Step(name, function, arguments, yields=True)

    def _do(self, what: str, fails: bool) -> None:
        self.append(what)
        if fails:
            raise ValueError(what)

    def test(self, fails: bool = False) -> Callable[..., None]:
        """A test that says what it was given."""
        return lambda **given: self._do(f"test of {', '.join(given.values())}", fails)


@pytest.fixture
def diary() -> Diary:
    """What happens in a test."""
    return Diary()


def planned(ingredients: Ingredients, function: Callable[..., Any], *arguments: str, **more: Any) -> Plan:
    """A plan of a test whose fixtures are named in the order of its ingredients."""
    return compile_plan(list(ingredients), ingredients, function, arguments, **more)


def raised(outcome: Outcome) -> list[tuple[str, str]]:
    """What was raised, and when."""
    return [(problem.when, str(problem.error)) for problem in outcome.problems]


def test_order(diary: Diary) -> None:
    """Fixtures are set up in the order of their names, each after those it needs, once; torn down the other way round."""
    made = {"c": diary.fixture("c", "a", "b"), "b": diary.fixture("b", "a"), "a": diary.fixture("a"), "d": diary.fixture("d")}
    assert planned(made, diary.test(), "c", "d").iterate() is GOOD
    assert diary == ["a up", "b up", "c up", "d up", "test of c(a(), b(a())), d()", "d down", "c down", "b down", "a down"]


def test_unused_fixtures_are_set_up(diary: Diary) -> None:
    """A fixture that the test does not take, an autouse one, is set up all the same; one that nobody names is not."""
    made = {"auto": diary.fixture("auto"), "other": diary.fixture("other")}
    compile_plan(["auto"], made, diary.test(), ()).iterate()
    assert diary == ["auto up", "test of ", "auto down"]


def test_plain_functions_and_constants(diary: Diary) -> None:
    """A plain function's value is what it returns, a constant is what it is; neither has a teardown."""
    made: Ingredients = {"fixed": Constant("7"), "plain": Step("plain", lambda fixed: f"<{fixed}>", ("fixed",), yields=False)}
    assert planned(made, diary.test(), "plain", "fixed").iterate() is GOOD
    assert diary == ["test of <7>, 7"]


def test_given_values(diary: Diary) -> None:
    """A VU's values take the place of the plan's, in that VU's plan only."""
    common = planned(
        {"vu": Constant(None), "name": Step("name", lambda vu: f"of {vu}", ("vu",), yields=False)}, diary.test(), "name"
    )
    one, two = common.given({"vu": "1"}), common.given({"vu": "2"})
    for plan in (one, two, one, common):
        plan.iterate()
    assert diary == ["test of of 1", "test of of 2", "test of of 1", "test of of None"]


def test_an_error_in_set_up(diary: Diary) -> None:
    """What is up already is torn down, the rest and the test are not run."""
    made = {"a": diary.fixture("a"), "b": diary.fixture("b", fails="setup"), "c": diary.fixture("c")}
    outcome = planned(made, diary.test()).iterate()
    assert (outcome.name, raised(outcome)) == (FAILED, [("setup", "b up")])
    assert diary == ["a up", "b up", "a down"]


def test_an_error_in_the_call(diary: Diary) -> None:
    """Everything is torn down after it."""
    outcome = planned({"a": diary.fixture("a")}, diary.test(fails=True), "a").iterate()
    assert raised(outcome) == [("call", "test of a()")]
    assert diary[-1] == "a down"


def test_an_error_in_the_teardown(diary: Diary) -> None:
    """The other fixtures are torn down all the same."""
    made = {"a": diary.fixture("a"), "b": diary.fixture("b", fails="teardown"), "c": diary.fixture("c")}
    outcome = planned(made, diary.test()).iterate()
    assert raised(outcome) == [("teardown", "b down")]
    assert diary[-3:] == ["c down", "b down", "a down"]


def test_several_errors_in_the_teardown(diary: Diary) -> None:
    """They come in one group, in the order of the set-up, beside the call's error."""
    made = {name: diary.fixture(name, fails="teardown" if name != "b" else "") for name in "abc"}
    outcome = planned(made, diary.test(fails=True)).iterate()
    assert [problem.when for problem in outcome.problems] == ["call", "teardown"]
    group = outcome.problems[1].error
    assert isinstance(group, BaseExceptionGroup)
    assert [str(error) for error in group.exceptions] == ["a down", "c down"]


def test_a_generator_that_yields_twice(diary: Diary) -> None:
    """It is an error that says where; the other fixtures are torn down."""

    def twice() -> Iterator[int]:
        yield 1
        yield 2

    made = {"a": diary.fixture("a"), "twice": Step("twice", twice, (), yields=True)}
    outcome = planned(made, diary.test()).iterate()
    (problem,) = outcome.problems
    assert (outcome.name, problem.when) == (FAILED, "teardown")
    assert "fixture function has more than one 'yield'" in str(problem.error)
    assert f"{__file__}:{twice.__code__.co_firstlineno}" in str(problem.error)
    assert diary[-1] == "a down"


def test_a_generator_that_never_yields(diary: Diary) -> None:
    """It is an error in the set-up, in pytest's words."""

    def never() -> Iterator[int]:
        if diary:
            yield 1

    outcome = planned({"never": Step("never", never, (), yields=True)}, diary.test()).iterate()
    assert raised(outcome) == [("setup", "never did not yield a value")]
    assert diary == []


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), pytest.exit.Exception("out")])
@pytest.mark.parametrize("when", ["setup", "call", "teardown"])
def test_nothing_escapes(error: BaseException, when: str, diary: Diary) -> None:
    """Whatever is raised wherever, the iteration returns, and what was set up is torn down."""

    def throw() -> None:
        raise error

    def fixture() -> Iterator[None]:
        throw() if when == "setup" else None
        yield
        throw() if when == "teardown" else None

    made = {"a": diary.fixture("a"), "bad": Step("bad", fixture, (), yields=True)}
    outcome = planned(made, throw if when == "call" else diary.test()).iterate()
    assert outcome.name == FAILED
    assert [(problem.when, problem.error) for problem in outcome.problems] == [(when, error)]
    assert diary[-1] == "a down"


def test_stop_iteration_of_a_fixture(diary: Diary) -> None:
    """A generator that lets a StopIteration out has failed, as in Python; a plain function too."""

    def careless() -> Iterator[int]:
        yield next(iter(()))

    def plain() -> int:
        return next(iter(()))

    for made in (Step("x", careless, (), yields=True), Step("x", plain, (), yields=False)):
        outcome = planned({"x": made}, diary.test()).iterate()
        assert [problem.when for problem in outcome.problems] == ["setup"]
    assert diary == []


def test_marks() -> None:
    """A plan heeds an xfail mark."""

    def test() -> None:
        assert False  # noqa: B011, PT015

    lenient = Expectation("r", False, lambda error: True)
    assert planned({}, test, expected=lenient).iterate().name == XFAILED
    assert planned({}, lambda: None, expected=lenient).iterate().name == XPASSED
    assert planned({}, lambda: pytest.skip("x"), expected=lenient).iterate().name == SKIPPED


def test_no_value_leaks_into_the_next_iteration() -> None:
    """Each iteration makes its own values: what a test does to one is not seen by the next."""
    seen: list[list[int]] = []

    def test(values: list[int]) -> None:
        seen.append(list(values))
        values.append(1)

    plan = planned({"values": Step("values", list, (), yields=False)}, test, "values")
    for _ in range(3):
        plan.iterate()
    assert seen == [[], [], []]
    assert plan.values == {}


def test_an_iteration_leaves_nothing_behind() -> None:
    """Values, generators and errors go when their iteration has ended."""

    class Value:
        pass

    alive: list[weakref.ref[Value]] = []

    def fixture() -> Iterator[Value]:
        value = Value()
        alive.append(weakref.ref(value))
        yield value

    def test(value: Value) -> None:
        assert len(alive) % 2

    plan = planned({"value": Step("value", fixture, (), yields=True)}, test, "value")
    assert [plan.iterate().name for _ in range(4)].count(FAILED) == 2
    gc.collect()
    assert [ref() for ref in alive] == [None] * 4


def test_vus_do_not_share_values() -> None:
    """Many VUs run one plan at once, each with its own values."""
    together, seen = threading.Barrier(4), list[bool]()

    def test(vu: int, value: list[int]) -> None:
        value.append(vu)
        together.wait(20.0)
        seen.append(value == [vu])

    plan = planned({"vu": Constant(None), "value": Step("value", list, (), yields=False)}, test, "vu", "value")
    threads = [threading.Thread(target=plan.given({"vu": vu}).iterate) for vu in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 4


def test_growth() -> None:
    """Thousands of iterations leave as many objects as a few."""

    def fixture() -> Iterator[dict[str, int]]:
        yield {}

    plan = planned({"value": Step("value", fixture, (), yields=True)}, lambda value: value.update(a=1), "value")
    assert grown(lambda: [plan.iterate() for _ in range(2000)]) < 20


def grown(act: Callable[[], object]) -> int:
    """How many objects, that the collector sees, there are more after ``act`` than before; done once before to warm up."""
    act()
    gc.collect()
    before = len(gc.get_objects())
    act()
    gc.collect()
    return len(gc.get_objects()) - before


def test_the_plan_knows_no_hooks() -> None:
    """Running a plan imports nothing: a plan is a plain loop over functions."""
    before = set(sys.modules)
    planned({"a": Constant(1)}, lambda a: None, "a").iterate()
    assert set(sys.modules) == before
