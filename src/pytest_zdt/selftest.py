"""The start-up probe: synthetic tests go through pytest's own protocol, through copies and through plans, and must fare the same.

pytest's insides change from release to release. A run on a release that is misunderstood would set up too much or too little in
every iteration, so it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_zdt import items
from pytest_zdt.copies import ItemCopy, SharedFixtures, recipe
from pytest_zdt.outcomes import Outcome, Problem, judge
from pytest_zdt.plans import compile_plan

TESTED = "a release that is known: pytest 8.0, 8.4 and 9.2 are"
Events = list[str]


class Misunderstood(Exception):
    """This pytest does not behave as this plugin knows it; the text says how."""


def check(session: pytest.Session) -> None:
    """Raises `Misunderstood` when this pytest runs tests otherwise than the load does. Takes some milliseconds."""
    try:
        _compare(session)
    except (AttributeError, TypeError, KeyError, ValueError, AssertionError, LookupError) as error:
        raise Misunderstood(f"pytest {pytest.__version__} has other insides ({error!r}): use {TESTED}") from None


def _compare(session: pytest.Session) -> None:
    events: Events = []
    tests = _collected(session, _module(events))
    expected = [_seen(partial(_protocol, test), events) for test in tests]
    shared = SharedFixtures(session, tests)
    events.clear()
    shared.set_up()
    try:
        if events != ["shared up"]:
            raise Misunderstood(f"pytest {pytest.__version__} runs test_shared as {events} in its set-up: use {TESTED}")
        for test, wanted in zip(tests, expected, strict=True):
            for way, iterate in _ways(shared, test).items():
                for found in (_seen(iterate, events), _seen(iterate, events)):
                    if found != wanted or "shared up" in events:
                        raise Misunderstood(
                            f"pytest {pytest.__version__} runs {test.name} as {wanted}, the load's {way} as {found}: use {TESTED}"
                        )
    finally:
        shared.tear_down()


def _ways(shared: SharedFixtures, test: pytest.Function) -> dict[str, Callable[[], Outcome]]:
    ways: dict[str, Callable[[], Outcome]] = {"copies": ItemCopy(shared, test, {}).iterate}
    ingredients = recipe(shared, test, ())
    if ingredients is not None:
        ways["plan"] = compile_plan(ingredients, ingredients, test.obj, items.arguments(test)).iterate
    return ways


def _seen(iterate: Callable[[], Outcome], events: Events) -> tuple[object, ...]:
    """What an iteration did, without what is set up but once, and how it ended."""
    events.clear()
    outcome = iterate()
    problems = [(problem.when, repr(problem.error)) for problem in outcome.problems]
    return [event for event in events if not event.startswith("shared ")], outcome.name, problems


def _protocol(test: pytest.Function) -> Outcome:
    """One iteration as pytest itself makes it, without the hooks around it."""
    problems, when = [], "setup"
    items.begin(test, {})
    state = items.state(test.session)
    try:
        state.setup(test)
        when = "call"
        test.runtest()
    except Exception as error:  # what it is, is what is compared
        problems.append(Problem(when, error))
    try:
        state.teardown_exact(None)
    except Exception as error:  # as above
        problems.append(Problem("teardown", error))
    return judge(problems)


def _collected(session: pytest.Session, module: ModuleType) -> list[pytest.Function]:
    """The tests of a module that no conftest is about, without the fixtures that others have for all tests."""
    collector = pytest.Module.from_parent(session, path=Path(__file__).with_name("zdt_selftest.py"))
    collector.obj = module
    found: list[pytest.Function] = []
    for node in collector.collect():
        inside = node.collect() if isinstance(node, pytest.Class) else [node]
        found += [one for one in inside if isinstance(one, pytest.Function)]
    for test in found:
        names = items.closure(test)
        names[:] = [name for name in names if name == "request" or hasattr(module, name) or name == "number"]
    return found


def _module(events: Events) -> ModuleType:
    """Tests with a fixture of each kind, that tell ``events`` what they do."""

    def noted(name: str) -> Iterator[str]:
        events.append(f"{name} up")
        yield name
        events.append(f"{name} down")

    @pytest.fixture(scope="module")
    def zdt_shared() -> Iterator[str]:
        yield from noted("shared")

    @pytest.fixture
    def zdt_outer(zdt_shared: str) -> Iterator[str]:
        yield from noted(f"outer of {zdt_shared}")

    @pytest.fixture
    def zdt_plain(zdt_outer: str) -> str:
        return f"plain of {zdt_outer}"

    @pytest.fixture
    def zdt_inner(request: pytest.FixtureRequest, zdt_outer: str) -> str:
        request.addfinalizer(lambda: events.append("inner down"))  # noqa: PT021  this way is to be tested too
        return f"inner of {zdt_outer}"

    @pytest.fixture
    def zdt_bad() -> Iterator[None]:
        yield
        events.append("bad down")
        raise ValueError("teardown")

    @pytest.mark.parametrize("number", [1, 2])
    def test_plain(zdt_plain: str, number: int) -> None:
        events.append(f"test of {zdt_plain} and {number}")

    def test_inner(request: pytest.FixtureRequest, zdt_inner: str) -> None:
        events.append(f"test of {zdt_inner} and {request.getfixturevalue('zdt_plain')}")

    def test_bad(zdt_bad: None, zdt_outer: str) -> None:
        raise ValueError("call")

    class TestClass:
        def test_method(self, zdt_outer: str) -> None:
            events.append(f"method of {zdt_outer}, {len(vars(self))} attributes")
            self.used: Any = True

    module = ModuleType("zdt_selftest")
    local = dict(locals())
    vars(module).update({name: one for name, one in local.items() if name.startswith(("zdt_", "test_", "Test"))})
    return module
