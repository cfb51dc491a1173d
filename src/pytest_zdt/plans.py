"""A compiled plan: the order in which a test's function-scoped fixtures are set up, worked out once.

A plan runs an iteration at a small part of the cost of an item of pytest: no request objects and no hooks, only the user's
functions in pytest's order. It is for tests whose fixtures are plain functions and generators; `pytest_zdt.copies` tells which
those are.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pytest

from pytest_zdt.outcomes import GOOD, Expectation, Outcome, Problem, judge


class Constant(NamedTuple):
    """A fixture whose value does not change from iteration to iteration."""

    value: object


class Step(NamedTuple):
    """A fixture that each iteration sets up: calls ``function`` with the values of ``arguments``; ``yields`` if a generator."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    yields: bool


Ingredients = Mapping[str, Constant | Step]


@dataclass(frozen=True, slots=True)
class Plan:
    """One test: the values that stay, the steps in order, and the test function with the names of its arguments."""

    values: dict[str, object]
    steps: tuple[Step, ...]
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    expected: Expectation | None = None

    def given(self, values: Mapping[str, object]) -> Plan:
        """The plan with these values of the virtual user beside its own."""
        return replace(self, values={**self.values, **values})

    def iterate(self) -> Outcome:
        """Set-up, call, teardown. Never raises: a virtual user outlives whatever a test does, `SystemExit` included."""
        __tracebackhide__ = True
        values, when = self.values.copy(), "setup"
        opened: list[tuple[Callable[..., Any], Generator[object]]] = []
        problems: list[Problem] = []
        try:
            for name, function, arguments, yields in self.steps:
                made = function(**{argument: values[argument] for argument in arguments})
                if yields:
                    values[name] = _first(name, made)
                    opened.append((function, made))
                else:
                    values[name] = made
            when = "call"
            returned = self.function(**{argument: values[argument] for argument in self.arguments})
            if hasattr(returned, "__await__") or hasattr(returned, "__aiter__"):
                pytest.fail("async def functions are not natively supported.", pytrace=False)
        except BaseException as error:  # a VU outlives a test that raises SystemExit or KeyboardInterrupt
            problems.append(Problem(when, error))
        if opened and (left := _close(opened)):
            problems.append(Problem("teardown", left))
        return judge(problems, self.expected) if problems or self.expected else GOOD


def compile_plan(
    names: Iterable[str],
    ingredients: Ingredients,
    function: Callable[..., Any],
    arguments: Sequence[str],
    expected: Expectation | None = None,
) -> Plan:
    """The plan of a test: ``names`` are its fixtures in the order in which pytest asks for them, each after those it needs."""
    steps: dict[str, Step] = {}

    def visit(name: str) -> None:
        one = ingredients[name]
        if isinstance(one, Step) and name not in steps:
            for argument in one.arguments:
                visit(argument)
            steps[name] = one

    for name in names:
        visit(name)
    values = {name: one.value for name, one in ingredients.items() if isinstance(one, Constant)}
    return Plan(values, tuple(steps.values()), function, tuple(arguments), expected)


def _first(name: str, generator: Generator[object]) -> object:
    __tracebackhide__ = True
    try:
        return next(generator)
    except StopIteration:
        raise ValueError(f"{name} did not yield a value") from None


def _close(opened: list[tuple[Callable[..., Any], Generator[object]]]) -> BaseException | None:
    """Runs what follows the ``yield`` of each, the last set up first; what they raised, several in a group."""
    errors: list[BaseException] = []
    while opened:
        function, generator = opened.pop()
        try:
            for _ in generator:
                raise _twice(function)
        except BaseException as error:  # the others are to be closed all the same
            errors.append(error)
    if len(errors) > 1:
        return BaseExceptionGroup("errors while tearing down the fixtures", errors[::-1])
    return errors[0] if errors else None


def _twice(function: Callable[..., Any]) -> BaseException:
    """What pytest says of a fixture that yields more than once."""
    lines, number = inspect.getsourcelines(function)
    source = textwrap.indent(textwrap.dedent("".join(lines)).rstrip(), "    ")
    where = f"{inspect.getsourcefile(function)}:{number}"
    return pytest.fail.Exception(f"fixture function has more than one 'yield':\n\n{source}\n{where}", pytrace=False)
