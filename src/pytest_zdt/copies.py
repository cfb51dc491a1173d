"""Test items for virtual users.

Higher-scoped fixtures are set up once and handed to the VUs frozen: pytest's own definitions would gather a finalizer for every
iteration. Function-scoped ones are set up by each VU for each iteration: by a compiled plan where the test allows it
(`recipe`), else by an `ItemCopy` with definitions and a SetupState of its own.
"""

from __future__ import annotations

import inspect
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt import items
from pytest_zdt.items import Definition
from pytest_zdt.outcomes import GOOD, Expectation, Outcome, Problem, judge
from pytest_zdt.plans import Constant, Ingredients, Step
from pytest_zdt.refusals import PROCESS_WIDE, Refused


class SharedFixtures:
    """The collectors and higher-scoped fixtures of ``tests``, up from `set_up` to `tear_down`, both in the main thread.

    ``errors`` holds what a mark or a fixture raised, by test. A fixture that a test first asks for while it runs is set up then,
    once, in the thread that asks.
    """

    def __init__(self, session: pytest.Session, tests: Sequence[pytest.Function]) -> None:
        self._session, self._tests = session, tests
        self._state = items.Forest()
        self._before: Any = None
        self._instances: dict[object, Definition] = {}
        self._lock = threading.RLock()
        self.errors: dict[pytest.Function, BaseException] = {}

    def set_up(self) -> None:
        """Sets everything up that the tests need above function scope."""
        self._before = items.swap_state(self._session, self._state)
        for test in self._tests:
            try:
                items.heed_marks(test)
                self._state.hold(test)
                for one in _needed(test):
                    self._set_up(test, one)
            except (Exception, pytest.exit.Exception, pytest.skip.Exception, pytest.fail.Exception) as error:
                self.errors[test] = error  # becomes the test's report

    def tear_down(self) -> None:
        """Tears everything down, last set up first."""
        try:
            self._state.teardown_exact(None)
        finally:
            items.swap_state(self._session, self._before)

    def _set_up(self, test: pytest.Function, definition: Definition) -> None:
        def instances(defs: Sequence[Definition]) -> tuple[Definition, ...]:
            return tuple(self._instance(test, one) if items.is_shared(test, one) else one for one in defs)

        known = dict(items.definitions(test))
        chain = list(known.get(definition.argname, (definition,)))
        known[definition.argname] = chain[: chain.index(definition) + 1] if definition in chain else [definition]
        holder = items.copy_item(
            test, {name: instances(defs) for name, defs in known.items()}, items.View(self._session, self._state, instances)
        )
        self._state.ask(holder, definition.argname)
        result = self._instance(test, definition).cached_result
        if result is not None and isinstance(result[0], pytest.TempPathFactory):
            result[0].getbasetemp()  # empties and makes it when it is first asked for: not by several threads at once

    def _instance(self, test: pytest.Function, definition: Definition) -> Definition:
        return self._instances.setdefault(items.instance_of(test, definition), items.fresh(definition))

    def frozen(self, test: pytest.Function, definition: Definition) -> Definition:
        """What a VU sees of a higher-scoped fixture: its value, or what its set-up raised, and nothing that it could finish."""
        with self._lock:
            instance = self._instance(test, definition)
            if instance.cached_result is None:
                self._set_up(test, definition)
        result = instance.cached_result
        return instance if result is None or result[2] is not None else items.holding(instance, result[0])


def _needed(test: pytest.Function) -> Iterator[Definition]:
    """The higher-scoped definitions that ``test`` uses; of those that others override, the ones that these ask for."""
    for name in items.closure(test):
        for one in reversed(items.definitions(test).get(name, ())):
            if items.is_shared(test, one):
                yield one
                break  # what it overrides is set up with it
            if name not in one.argnames:
                break


class ItemCopy:
    """One test for one VU, as a copy of its item. ``given`` are values of the VU by the names of their fixtures."""

    def __init__(self, shared: SharedFixtures, test: pytest.Function, given: Mapping[str, object]) -> None:
        self.test, self._shared, self._given = test, shared, given
        self._expected = items.expectation(test)
        self._make_anew()
        self.properties: list[tuple[str, object]] = []
        """What the last iteration that recorded properties has recorded."""

    def _make_anew(self) -> None:
        test, used = self.test, set(items.closure(self.test))
        self._definitions = {name: self._mine(name, defs) for name, defs in items.definitions(test).items() if name in used}
        self._known = dict(self._up_already())
        self._own: dict[Definition, Definition] = {}
        self._state = items.OneItem(test)
        self._session = items.View(test.session, self._state, self._adopt)
        self.item = items.copy_item(test, self._definitions, self._session)

    def _mine(self, name: str, defs: Sequence[Definition]) -> tuple[Definition, ...]:
        def mine(one: Definition) -> Definition:
            if name in self._given and one is defs[0]:
                return items.holding(one, self._given[name])
            if not items.is_shared(self.test, one):
                return _private(one)
            return self._shared.frozen(self.test, one) if one is defs[-1] else self._lazy(one)

        return tuple(map(mine, defs))

    def _lazy(self, definition: Definition) -> Definition:
        return items.lazy(definition, lambda: self._shared.frozen(self.test, definition))

    def _up_already(self) -> Iterator[tuple[str, Definition]]:
        """The definitions whose value is known before any iteration."""
        params = getattr(getattr(self.test, "callspec", None), "params", {})
        for name, own in self._definitions.items():
            mine, defs = own[-1], items.definitions(self.test)[name]
            if (name in self._given and len(defs) == 1) or items.is_shared(self.test, defs[-1]):
                yield name, mine
            elif name in params and items.is_direct(mine):
                yield name, items.holding(mine, params[name])

    def _adopt(self, defs: Sequence[Definition]) -> tuple[Definition, ...]:
        """The VU's own view of a fixture that a test asks for while it runs."""
        name = defs[-1].argname
        if reason := PROCESS_WIDE.get(name):
            raise Refused(f"{name} cannot be used by many virtual users at once: {reason}", pytrace=False)
        for one in defs:
            if one not in self._own:
                self._own[one] = self._adopted(one)
        if len(defs) == 1 and items.is_shared(self.test, defs[0]) and self._own[defs[0]].cached_result is not None:
            self._known[name] = self._own[defs[0]]  # need not be looked for again; old pytests note each time that it was
        return tuple(self._own[one] for one in defs)

    def _adopted(self, definition: Definition) -> Definition:
        if items.is_shared(self.test, definition):
            return self._lazy(definition)
        given = self._given.get(definition.argname)
        return _private(definition) if given is None else items.holding(definition, given)

    def iterate(self) -> Outcome:
        """Set-up, call, teardown. Never raises: a virtual user outlives whatever a test does, `SystemExit` included."""
        __tracebackhide__ = True
        if self.test.cls is not None or self.item.own_markers != self.test.own_markers:  # a fresh instance, or fresh marks
            self.item = items.copy_item(self.test, self._definitions, self._session)
        item, problems, when = self.item, [], "setup"
        items.begin(item, self._known)
        try:
            self._state.setup(item)
            when = "call"
            item.runtest()
        except BaseException as error:  # a VU outlives a test that raises SystemExit or KeyboardInterrupt
            problems.append(Problem(when, error))
        try:
            self._state.teardown_exact(item.parent)  # type: ignore[arg-type]
        except BaseException as error:  # as above
            problems.append(Problem("teardown", error))
        if item.user_properties:
            self.properties = item.user_properties[:]
            item.user_properties.clear()
        expected = self._expectation()
        if any(not isinstance(problem.error, items.CAUGHT) for problem in problems):
            self._make_anew()  # pytest's definitions are not made to be used again after a SystemExit
        return judge(problems, expected) if problems or expected else GOOD

    def _expectation(self) -> Expectation | None:
        """What an xfail mark expects, one that the iteration itself has added included."""
        changed = len(self.item.own_markers) != len(self.test.own_markers)
        return items.expectation(self.item) if changed else self._expected


def recipe(shared: SharedFixtures, test: pytest.Function, given: Sequence[str]) -> Ingredients | None:
    """What a plan of ``test`` is made of, in pytest's order; None when it needs copies.

    ``given`` are the fixtures whose value comes with the VU; what those need for themselves is left out.
    """
    if test.cls is not None or items.is_foreign(test):
        return None
    found: dict[str, Constant | Step] = {}
    used = items.closure(test)
    names = [name for name in items.asked_for(test) if name in used]
    while names:
        name = names.pop()
        defs = items.definitions(test).get(name)
        one = _ingredient(shared, test, name, defs, given) if defs else None
        if one is None:
            return None
        found[name] = one
        names += [each for each in one.arguments if each not in found] if isinstance(one, Step) else ()
    return {name: found[name] for name in used if name in found}


def _ingredient(
    shared: SharedFixtures, test: pytest.Function, name: str, defs: Sequence[Definition], given: Sequence[str]
) -> Constant | Step | None:
    params = getattr(getattr(test, "callspec", None), "params", {})
    if name in given and len(defs) == 1:
        return Constant(None)
    if items.is_shared(test, defs[-1]):
        return _constant(shared.frozen(test, defs[-1]))
    if name in params and items.is_direct(defs[-1]):
        return Constant(params[name])
    made = _private(defs[-1])
    if made.params is not None or name in params or {"request", name} & set(made.argnames):
        return None
    return Step(name, made.func, tuple(made.argnames), inspect.isgeneratorfunction(made.func))


def _constant(definition: Definition) -> Constant | None:
    result: Any = definition.cached_result
    return Constant(result[0]) if result is not None and result[2] is None else None


def _private(definition: Definition) -> Definition:
    """A definition that has not been set up, for one VU; in the place of pytest's ``tmp_path`` one that is safe in threads."""
    if definition.argname == "tmp_path" and definition.func.__module__ == "_pytest.tmpdir":
        return items.fresh(definition, _tmp_path, ("tmp_path_factory",))
    return items.fresh(definition)


def _tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="zdt-", dir=tmp_path_factory.getbasetemp()))
    yield path
    shutil.rmtree(path, ignore_errors=True)
