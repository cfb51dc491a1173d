"""Real items of pytest, in this process, and how the load runs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_zdt import items
from pytest_zdt.copies import ItemCopy, SharedFixtures, recipe
from pytest_zdt.plans import Plan, compile_plan

PREAMBLE = "import pytest\n\nEVENTS = []\n\n"
NOTED = """
def noted(name):
    EVENTS.append(f"{name} up")
    yield name
    EVENTS.append(f"{name} down")

"""
"""Part of a test's module: fixtures say what they do."""


class Inside:
    """The tests of a session by name, and their higher-scoped fixtures, which are up."""

    def __init__(self, tests: Sequence[pytest.Function], shared: SharedFixtures) -> None:
        self.shared = shared
        self.tests = {test.name: test for test in tests}

    @property
    def session(self) -> pytest.Session:
        """The session of the tests."""
        return next(iter(self.tests.values())).session

    @property
    def events(self) -> list[str]:
        """What the module of the tests has noted."""
        return next(iter(self.tests.values())).module.EVENTS  # type: ignore[no-any-return]

    def copy(self, name: str = "test", given: Mapping[str, object] = {}) -> ItemCopy:
        """A test for one VU, as a copy."""
        return ItemCopy(self.shared, self.tests[name], given)

    def plan(self, name: str = "test") -> Plan:
        """The plan of a test."""
        test = self.tests[name]
        ingredients = recipe(self.shared, test, ())
        assert ingredients is not None, "it needs copies"
        return compile_plan(ingredients, ingredients, test.obj, items.arguments(test), items.expectation(test))

    def run(self, way: str, name: str = "test") -> Any:
        """What runs a test for one VU: its ``copy`` or its ``plan``."""
        return self.copy(name) if way == "copy" else self.plan(name)


@contextmanager
def inside(pytester: pytest.Pytester, source: str, *arguments: str) -> Iterator[Inside]:
    """The tests of a module with this source."""
    module = pytester.getmodulecol(PREAMBLE + source, list(arguments))
    with driven(pytester.genitems([module])) as found:
        yield found


@contextmanager
def driven(tests: Sequence[pytest.Item]) -> Iterator[Inside]:
    """Sets up what is above function scope, and tears it down."""
    functions = [test for test in tests if isinstance(test, pytest.Function)]
    shared = SharedFixtures(functions[0].session, functions)
    shared.set_up()
    try:
        yield Inside(functions, shared)
    finally:
        shared.tear_down()
