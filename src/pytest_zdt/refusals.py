"""Which tests many virtual users cannot run at once, and why."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Final

import pytest

from pytest_zdt.items import closure, definitions, is_direct

PROCESS_WIDE: Final = {
    **dict.fromkeys(("monkeypatch", "mocker", "pytester", "testdir"), "it changes the whole process"),
    **dict.fromkeys(("capsys", "capfd", "capsysbinary", "capfdbinary", "capteesys"), "the output of a process is one"),
    **dict.fromkeys(("caplog", "recwarn"), "it gathers from the whole process"),
    **dict.fromkeys(("freezer", "time_machine"), "the clock of a process is one"),
    "doctest_namespace": "it is shared by all",
    "subtests": "pytest reports them one by one",
}
"""Fixtures that change or read the whole process, or are not safe in threads -> the reason."""
MOST_WEIGHT: Final = 1000
KNOWN: Final = frozenset({"weight", "name", "expected"})
"""The arguments of the mark ``zdt``."""
FROZEN: Final = {"freezegun.api": "freezegun", "time_machine": "time_machine"}
"""Modules whose decorators stop the clock of the process -> how users call them."""


def refusals(items: Iterable[pytest.Item]) -> str:
    """One line for each test that cannot be driven, with its reason; empty when all can."""
    found = ((item, refusal(item)) for item in items)
    return "\n".join(
        f"{item.nodeid} cannot be run by many virtual users at once: {reason}; leave it out, or run it in smoke mode"
        for item, reason in found
        if reason
    )


def refusal(item: pytest.Item) -> str:
    """Why an item cannot be run by many virtual users at once; empty when it can."""
    if not isinstance(item, pytest.Function):
        return "it is not a test function"
    if item.cls is not None and hasattr(item.cls, "run") and hasattr(item.cls, "assertEqual"):
        return "unittest.TestCase keeps its state in the instance"
    if _is_async(item.obj):
        return "it is asynchronous"
    if clock := next(filter(None, map(_stopping_clock, _layers(item.obj))), ""):
        return f"{clock} stops the clock of the whole process"
    if item.get_closest_marker("filterwarnings") is not None:
        return "its filterwarnings mark would be of the whole process"
    return _of_mark(item) or next(_of_fixtures(item), "")


def _of_mark(item: pytest.Item) -> str:
    mark = item.get_closest_marker("zdt")
    weight = mark.kwargs.get("weight", 1) if mark is not None else 1
    if type(weight) is not int or not 1 <= weight <= MOST_WEIGHT:
        return f"its weight {weight!r} is not a whole number from 1 to {MOST_WEIGHT}"
    unknown = [*map(repr, mark.args), *(set(mark.kwargs) - KNOWN)] if mark is not None else []
    return f"its zdt mark knows nothing of {', '.join(unknown)}" if unknown else ""


class Refused(pytest.fail.Exception):  # type: ignore[misc, name-defined]  # pytest's own is not exported by its name
    """A test asked for what many virtual users cannot have: a mistake of the test, and no failure of the API."""


def _of_fixtures(item: pytest.Function) -> Iterator[str]:
    for name in closure(item):
        if name in PROCESS_WIDE and not any(map(is_direct, definitions(item).get(name, ()))):
            yield f"it uses {name}, and {PROCESS_WIDE[name]}"
        elif any(_is_async(one.func) for one in definitions(item).get(name, ())):
            yield f"its fixture {name} is asynchronous"


def _layers(function: object) -> Iterator[object]:
    """A function, and what its decorators have wrapped."""
    while function is not None:
        yield function
        function = getattr(function, "__wrapped__", None)


def _stopping_clock(function: object) -> str:
    return FROZEN.get(getattr(function, "__globals__", {}).get("__name__", ""), "")


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
