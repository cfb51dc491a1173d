"""Copies of test items, one for each VU, with function-scoped fixtures of their own: the only module that touches pytest's
private names.

Higher-scoped fixtures are set up once, in the main thread, and handed to the VUs frozen: the stock definitions would gather a
finalizer for every iteration. A copy has its own SetupState whose stack already holds the collectors, so one iteration sets up
and tears down just the item.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from _pytest._code import ExceptionInfo
from _pytest.fixtures import FixtureDef
from _pytest.outcomes import Skipped
from _pytest.reports import TestReport
from _pytest.runner import CallInfo, SetupState
from _pytest.scope import Scope
from _pytest.skipping import evaluate_skip_marks

PROCESS_WIDE = ("monkeypatch", "capsys", "capfd", "capsysbinary", "capfdbinary", "capteesys", "caplog", "recwarn", "tmp_path")
"""Fixtures that change or read the whole process, or that are not safe in threads: refused in load mode."""


def refusal(item: pytest.Item) -> str:
    """Why an item cannot be run by many VUs at once; empty when it can."""
    if not isinstance(item, pytest.Function):
        return "it is not a test function"
    if item.cls is not None and hasattr(item.cls, "run") and hasattr(item.cls, "assertEqual"):
        return "unittest.TestCase keeps its state in the instance"
    if inspect.iscoroutinefunction(item.obj):
        return "it is a coroutine"
    used = [name for name in item._fixtureinfo.names_closure if name in PROCESS_WIDE]
    return f"it uses {used[0]}, which all virtual users would share" if used else ""


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """How an iteration ended: ``when`` (setup, call, teardown) and the exception, None when it passed."""

    when: str
    error: BaseException | None
    skipped: bool = False


class _Forest(SetupState):
    """A SetupState that keeps the collectors of all items up at the same time; the stock one knows a single chain."""

    def hold(self, item: pytest.Item) -> None:
        for collector in item.listchain()[:-1]:
            if collector not in self.stack:
                self.stack[collector] = ([collector.teardown], None)
                collector.setup()


class SharedFixtures:
    """The collectors and higher-scoped fixtures of ``items``, up from `set_up` to `tear_down`, both in the main thread.

    ``errors`` holds what a skip mark or a fixture raised, by item.
    """

    def __init__(self, session: pytest.Session, items: Sequence[pytest.Function]) -> None:
        self._session, self._items = session, items
        self._real_state = session._setupstate
        self._state = _Forest()
        self._instances: dict[Any, FixtureDef[Any]] = {}
        self.errors: dict[pytest.Function, BaseException] = {}

    def set_up(self) -> None:
        """Sets everything up that the items need above function scope."""
        self._session._setupstate = self._state
        for item in self._items:
            skip = evaluate_skip_marks(item)
            try:
                if skip is not None:
                    raise Skipped(skip.reason, _use_item_location=True)
                self._state.hold(item)
                self._set_up_fixtures(item)
            except (Exception, pytest.exit.Exception, Skipped, pytest.fail.Exception) as error:  # becomes the test's report
                self.errors[item] = error

    def tear_down(self) -> None:
        """Tears everything down, last set up first."""
        try:
            self._state.teardown_exact(None)
        finally:
            self._session._setupstate = self._real_state

    def _set_up_fixtures(self, item: pytest.Function) -> None:
        definitions = {
            name: tuple(self._instance(item, one) if is_shared(item, one) else one for one in defs)
            for name, defs in item._fixtureinfo.name2fixturedefs.items()
        }
        holder = copy_item(item, definitions)
        self._state.stack[holder] = ([], None)
        try:
            for name in item._fixtureinfo.names_closure:
                defs = definitions.get(name)
                if defs and is_shared(item, defs[-1]):
                    holder._request.getfixturevalue(name)
        finally:
            del self._state.stack[holder]

    def _instance(self, item: pytest.Function, definition: FixtureDef[Any]) -> FixtureDef[Any]:
        """The instance of a higher-scoped fixture: one for each definition, scope node and set of parameters."""
        key = (definition, _scope_node(item, definition), _parameters(item, definition))
        if key not in self._instances:
            self._instances[key] = fresh(definition)
        return self._instances[key]

    def frozen(self, item: pytest.Function, definition: FixtureDef[Any]) -> FixtureDef[Any]:
        """What a VU sees of a higher-scoped fixture: its value, and nothing that it could finish."""
        instance = self._instance(item, definition)
        view: Any = copy.copy(instance)
        if instance.cached_result is not None:
            value = instance.cached_result[0]
            view.execute = lambda request: value
        view.addfinalizer = lambda finalizer: None
        view.finish = lambda request: None
        return view  # type: ignore[no-any-return]


class ItemCopy:
    """One test for one VU. `iterate` runs it once, with function-scoped fixtures of its own."""

    def __init__(self, shared: SharedFixtures, item: pytest.Function, prepare: Callable[[pytest.Item], None]) -> None:
        self.item = item
        self._prepare = prepare
        self._definitions = {
            name: tuple(shared.frozen(item, one) if is_shared(item, one) else fresh(one) for one in defs)
            for name, defs in item._fixtureinfo.name2fixturedefs.items()
        }
        self._state = SetupState()
        for collector in item.listchain()[:-1]:
            self._state.stack[collector] = ([], None)
        self._session = _VUSession(item.session, self._state)
        self.copy = self._make()

    def _make(self) -> pytest.Function:
        made = copy_item(self.item, self._definitions)
        made.session = self._session  # type: ignore[assignment]
        self._prepare(made)
        return made

    def iterate(self) -> Outcome:
        """Set-up, call, tear-down. Never raises: a VU outlives whatever a test does, `SystemExit` included."""
        __tracebackhide__ = True
        if self.item.cls is not None:
            self.copy = self._make()  # a fresh instance of the class
        else:
            self.copy._initrequest()
        outcome = self._attempt("setup", lambda: self._state.setup(self.copy))
        if outcome.error is None:
            outcome = self._attempt("call", self.copy.runtest)
        ended = self._attempt("teardown", lambda: self._state.teardown_exact(self.copy.parent))  # type: ignore[arg-type]
        self.copy.user_properties.clear()
        return outcome if outcome.error is not None else ended

    def _attempt(self, when: str, run: Callable[[], object]) -> Outcome:
        __tracebackhide__ = True
        try:
            run()
        except BaseException as error:  # a VU thread must survive SystemExit and KeyboardInterrupt raised by a test
            return Outcome(when, error, isinstance(error, Skipped))
        return Outcome(when, None)


class _VUSession:
    """The real session, but for the SetupState: what a copy's ``session`` is."""

    def __init__(self, real: pytest.Session, state: SetupState) -> None:
        self.__dict__.update(_real=real, _setupstate=state)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)


def report(item: pytest.Item, outcome: Outcome) -> TestReport:
    """pytest's own report of a failed or skipped iteration, traceback and diff included."""
    error = outcome.error
    assert error is not None
    excinfo = ExceptionInfo.from_exception(error)
    when: Any = outcome.when
    call: CallInfo[None] = CallInfo(None, excinfo, start=0.0, stop=0.0, duration=0.0, when=when, _ispytest=True)
    made = TestReport.from_item_and_call(item, call)
    made.sections.clear()
    return made


def copy_item(item: pytest.Function, definitions: Mapping[str, Sequence[FixtureDef[Any]]]) -> pytest.Function:
    """A copy of ``item`` that uses these fixture definitions."""
    info = dataclasses.replace(
        item._fixtureinfo, name2fixturedefs=dict(definitions), names_closure=list(item._fixtureinfo.names_closure)
    )
    arguments: dict[str, Any] = {"name": item.name, "originalname": item.originalname, "fixtureinfo": info}
    if hasattr(item, "callspec"):
        arguments["callspec"] = item.callspec
    if item.cls is None:
        arguments["callobj"] = item.obj
    made = type(item).from_parent(item.parent, **arguments)
    made.own_markers[:] = item.own_markers
    return made


def fresh(definition: FixtureDef[Any]) -> FixtureDef[Any]:
    """A copy of a fixture's definition that has not been set up."""
    made = copy.copy(definition)
    made.cached_result = None
    made._finalizers = []  # type: ignore[misc]
    return made


def is_shared(item: pytest.Function, definition: FixtureDef[Any]) -> bool:
    """Whether a fixture, as ``item`` uses it, is of a higher scope than function."""
    return _scope(item, definition) is not Scope.Function


def _scope(item: pytest.Function, definition: FixtureDef[Any]) -> Scope:
    callspec = getattr(item, "callspec", None)
    if callspec is not None and definition.argname in callspec.params:
        return callspec._arg2scope[definition.argname]  # type: ignore[no-any-return]
    return definition._scope


def _scope_node(item: pytest.Function, definition: FixtureDef[Any]) -> object:
    return {
        Scope.Session: None,
        Scope.Package: item.path.parent,
        Scope.Module: item.getparent(pytest.Module),
        Scope.Class: item.getparent(pytest.Class) or item,
    }[_scope(item, definition)]


def _parameters(item: pytest.Function, definition: FixtureDef[Any]) -> tuple[tuple[str, int], ...]:
    """The parameters that a fixture depends on, directly or through others."""
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return ()
    names: set[str] = set()
    open_ = [definition.argname]
    while open_:
        name = open_.pop()
        if name not in names:
            names.add(name)
            open_.extend(arg for one in item._fixtureinfo.name2fixturedefs.get(name, ()) for arg in one.argnames)
    return tuple(sorted((name, callspec.indices[name]) for name in names if name in callspec.params))
