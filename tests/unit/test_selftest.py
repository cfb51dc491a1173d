"""The start-up probe: it passes on a pytest that the load understands, and on nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_zdt import copies, items, outcomes, plans, selftest
from pytest_zdt.selftest import Misunderstood, check

PASSING = "import pytest\n\n@pytest.fixture(autouse=True)\ndef noisy(): raise RuntimeError\n\ndef test(): pass\n"


@pytest.fixture
def session(pytester: pytest.Pytester) -> pytest.Session:
    """A session with one collected test."""
    (item,) = pytester.getitems(PASSING)
    return item.session


def test_this_pytest_is_understood(session: pytest.Session) -> None:
    """The pytest that runs these tests is one that the load knows; asking twice is no different."""
    check(session)
    check(session)


def test_foreign_fixtures_and_hooks_do_not_matter(pytester: pytest.Pytester) -> None:
    """A project's own autouse fixtures are not run."""
    pytester.makeconftest("import pytest\n@pytest.fixture(autouse=True)\ndef everywhere(): raise RuntimeError\n")
    (item,) = pytester.getitems(PASSING)
    check(item.session)


def test_the_session_is_as_it_was(session: pytest.Session) -> None:
    """The check leaves the session's SetupState and its own attributes alone."""
    before, state = set(vars(session)), items.state(session)
    marks, stack = list(session.own_markers), dict(state.stack)
    check(session)
    assert items.state(session) is state
    assert (state.stack, session.own_markers, set(vars(session))) == (stack, marks, before)


def test_a_failed_check_leaves_the_session_too(session: pytest.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a check that failed as well."""
    state = items.state(session)
    monkeypatch.setattr(plans, "_close", lambda opened: None)
    with pytest.raises(Misunderstood):
        check(session)
    assert items.state(session) is state
    assert state.stack == {}


def refused(session: pytest.Session) -> str:
    """What is said of a session that is misunderstood."""
    with pytest.raises(Misunderstood) as caught:
        check(session)
    return str(caught.value)


def test_the_text(session: pytest.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the release, the test, what was seen and the releases that are known, in one line."""
    monkeypatch.setattr(plans, "_close", lambda opened: None)
    text = refused(session)
    assert text.startswith(f"pytest {pytest.__version__} runs test_plain[1] as (['outer of shared up', 'test of plain of outer")
    assert "the load's plan as" in text
    assert text.endswith(f"use {selftest.TESTED}")
    assert "\n" not in text


def closing_in_order_of_set_up(real: Callable[..., Any]) -> Callable[..., Any]:
    """Closes the first first."""
    return lambda opened: real(opened[::-1])


def dropping_errors(real: Callable[..., Any]) -> Callable[..., Any]:
    """Closes, and tells of no error."""
    return lambda opened: real(opened) and None


def only_once(real: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a copy of each item only once."""
    made: dict[str, Any] = {}

    def copy(item: pytest.Function, *rest: Any) -> Any:
        if item.name not in made:
            made[item.name] = real(item, *rest)
        return made[item.name]

    return copy


def unkempt(real: Callable[..., Any]) -> Callable[..., Any]:
    """Begins an iteration with what the last one left."""
    begun: set[int] = set()

    def begin(item: pytest.Function, known: Any) -> None:
        if id(item) not in begun:
            begun.add(id(item))
            real(item, known)

    return begin


def twice(real: Callable[..., Any]) -> Callable[..., Any]:
    """Gives the first value of a generator after another."""

    def first(name: str, generator: Iterator[Any]) -> Any:
        return f"{real(name, generator)}!"

    return first


TAMPERED = {
    "teardown in the order of the set-up": (plans, "_close", closing_in_order_of_set_up),
    "no teardown": (plans, "_close", lambda real: lambda opened: None),
    "no error of a teardown": (plans, "_close", dropping_errors),
    "other values": (plans, "_first", twice),
    "every plan passes": (plans, "judge", lambda real: lambda *args: outcomes.GOOD),
    "every copy passes": (copies, "judge", lambda real: lambda *args: outcomes.GOOD),
    "one instance for all": (items, "copy_item", only_once),
    "values of the last iteration": (items, "begin", unkempt),
    "nothing is shared": (items, "is_shared", lambda real: lambda item, definition: False),
    "copies tear nothing down": (items.OneItem, "teardown_exact", lambda real: lambda self, nextitem: None),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_what_would_be_run_otherwise_is_refused(name: str, session: pytest.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where copies or plans do something else than pytest, or what is shared is set up again, the run is refused."""
    where, attribute, tamper = TAMPERED[name]
    monkeypatch.setattr(where, attribute, tamper(getattr(where, attribute)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pytest's, of what is done too late
        assert "runs test_" in refused(session)


@pytest.mark.parametrize("name", ["begin", "copy_item", "closure", "fresh"])
def test_what_is_missing_is_refused(name: str, session: pytest.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that has not even the names that the load needs is refused in the same words, not by a crash."""

    def missing(*args: object) -> None:
        raise AttributeError("'Function' object has no attribute '_initrequest'")

    monkeypatch.setattr(items, name, missing)
    assert selftest.TESTED in refused(session)
