"""What this project needs of pytest's insides, as functions: the only module that touches pytest's private names."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest
from _pytest._code import ExceptionInfo
from _pytest.config import parse_warning_filter
from _pytest.fixtures import FixtureDef
from _pytest.outcomes import OutcomeException, Skipped
from _pytest.reports import TestReport
from _pytest.runner import CallInfo, SetupState
from _pytest.scope import Scope
from _pytest.skipping import evaluate_skip_marks, evaluate_xfail_marks

from pytest_zdt.outcomes import FAILED, XFAILED, XPASSED, Expectation, Outcome

Definition = FixtureDef[Any]
Definitions = Mapping[str, Sequence[Definition]]
CAUGHT = (Exception, OutcomeException)
"""What pytest catches where it sets up and tears down."""
HOOKS = ("pytest_fixture_setup", "pytest_fixture_post_finalizer", "pytest_pyfunc_call")


class Forest(SetupState):
    """A SetupState that keeps the collectors of all items up at the same time; the stock one knows a single chain."""

    def hold(self, item: pytest.Item) -> None:
        """Sets up the collectors above ``item`` that are not up yet."""
        for collector in item.listchain()[:-1]:
            if collector not in self.stack:
                self.stack[collector] = ([collector.teardown], None)
                collector.setup()

    def ask(self, item: pytest.Function, name: str) -> None:
        """Sets up the fixture ``name`` of an item of which nothing else is set up."""
        self.stack[item] = ([], None)
        try:
            item._request.getfixturevalue(name)
        finally:  # a class-scoped fixture of a function without a class is the item's; it goes down with what is above
            finalizers, _ = self.stack.pop(item)
            self.stack[item.listchain()[-2]][0].extend(finalizers)


def state(session: pytest.Session) -> SetupState:
    """The session's own SetupState."""
    return session._setupstate


def swap_state(session: pytest.Session, state: SetupState) -> SetupState:
    """Puts ``state`` in the place of the session's; returns that."""
    before, session._setupstate = session._setupstate, state
    return before


class OneItem(SetupState):
    """A SetupState under which everything above ``item`` is up: it sets up and tears down copies of just this item.

    The stock one leaves off where a teardown raises `SystemExit`, which would end the process anyway; a VU goes on.
    """

    def __init__(self, item: pytest.Item) -> None:
        super().__init__()
        for collector in item.listchain()[:-1]:
            self.stack[collector] = ([], None)

    def teardown_exact(self, nextitem: pytest.Item | None) -> None:
        """Tears down the item on top; ``nextitem`` is of no account."""
        item, (finalizers, _) = self.stack.popitem()
        errors: list[BaseException] = []
        while finalizers:
            try:
                finalizers.pop()()
            except BaseException as error:  # the others are to be torn down all the same
                errors.append(error)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise BaseExceptionGroup(f"errors while tearing down {item!r}", errors[::-1])


class View:
    """The real session, but for its SetupState, the fixtures that it finds, and hooks looked up once: a copy's ``session``."""

    def __init__(
        self, real: pytest.Session, state: SetupState, adopt: Callable[[Sequence[Definition]], tuple[Definition, ...]]
    ) -> None:
        manager = _Manager(real._fixturemanager, adopt)
        self.__dict__.update(_real=real, _setupstate=state, _proxies={}, _fixturemanager=manager)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)

    def gethookproxy(self, path: Path) -> Any:
        """As the real session's; the hooks of a path do not change while the load runs."""
        if path not in self._proxies:
            self._proxies[path] = self._real.gethookproxy(path)
        return self._proxies[path]


class _Manager:
    """The real fixture manager, but for the definitions that it finds."""

    def __init__(self, real: Any, adopt: Callable[[Sequence[Definition]], tuple[Definition, ...]]) -> None:
        self._real, self._adopt = real, adopt

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def getfixturedefs(self, name: str, node: Any) -> tuple[Definition, ...] | None:
        """As the real fixture manager's."""
        defs: tuple[Definition, ...] | None = self._real.getfixturedefs(name, node)
        return self._adopt(defs) if defs else defs


def definitions(item: pytest.Function) -> Definitions:
    """The definitions of the fixtures of ``item`` by name, the one that overrides the others last."""
    return item._fixtureinfo.name2fixturedefs


def closure(item: pytest.Function) -> list[str]:
    """The names of all fixtures of ``item``, in the order in which pytest sets them up."""
    return item._fixtureinfo.names_closure


def asked_for(item: pytest.Function) -> tuple[str, ...]:
    """The names of the fixtures that are used for themselves: by the test, by marks and as ``autouse``."""
    return tuple(item._fixtureinfo.initialnames)


def arguments(item: pytest.Function) -> tuple[str, ...]:
    """The names of the fixtures that the test function takes."""
    return tuple(item._fixtureinfo.argnames)


def is_foreign(item: pytest.Function) -> bool:
    """Whether another plugin has a part in running ``item``: its own class of items, or hooks around fixtures or the call."""
    if type(item).runtest is not pytest.Function.runtest or type(item).setup is not pytest.Function.setup:
        return True
    hooks = item.session.gethookproxy(item.path)
    found = (one.function.__module__ for name in HOOKS for one in getattr(hooks, name).get_hookimpls())
    return any(not module.startswith("_pytest.") for module in found)


def copy_item(item: pytest.Function, defs: Definitions, session: View) -> pytest.Function:
    """A copy of ``item`` that uses these definitions."""
    info = dataclasses.replace(item._fixtureinfo, name2fixturedefs=dict(defs), names_closure=list(closure(item)))
    arguments: dict[str, Any] = {"name": item.name, "originalname": item.originalname, "fixtureinfo": info}
    if hasattr(item, "callspec"):
        arguments["callspec"] = item.callspec
    if item.cls is None:
        arguments["callobj"] = item.obj
    made = type(item).from_parent(item.parent, **arguments)
    made.own_markers[:] = item.own_markers
    made.session = session  # type: ignore[assignment]
    return made


def begin(item: pytest.Function, known: Mapping[str, Definition]) -> None:
    """Gives a copy a new request, in which the ``known`` fixtures are up already; what the test before told it is forgotten."""
    item._report_sections.clear()
    item.extra_keyword_matches.clear()
    item._initrequest()
    item._request._fixture_defs.update(known)


def fresh(definition: Definition, function: Callable[..., Any] | None = None, names: tuple[str, ...] = ()) -> Definition:
    """A copy of a fixture's definition that has not been set up; with another ``function`` of the fixtures ``names``."""
    made: Any = copy.copy(definition)
    made.cached_result, made._finalizers = None, []
    if function is not None:
        made.func, made.argnames = function, names
    return made  # type: ignore[no-any-return]


def holding(definition: Definition, value: object) -> Definition:
    """A copy of a definition that has this value, and nothing to finish."""
    view: Any = copy.copy(definition)
    view.cached_result = (value, None, None)
    view.execute = lambda request: value
    view.addfinalizer = lambda finalizer: None
    view.finish = lambda request: None
    return view  # type: ignore[no-any-return]


def lazy(definition: Definition, up: Callable[[], Definition]) -> Definition:
    """A copy of a definition that takes its value from ``up()`` when it is first needed, and has nothing to finish."""
    view: Any = copy.copy(definition)
    view.cached_result = None

    def execute(request: Any) -> object:
        if view.cached_result is None:
            made = up()
            made.execute(request)  # raises what its set-up raised
            view.cached_result = made.cached_result
        return view.cached_result[0]

    view.execute = execute
    view.addfinalizer = lambda finalizer: None
    view.finish = lambda request: None
    return view  # type: ignore[no-any-return]


def is_direct(definition: Definition) -> bool:
    """Whether a definition stands for a value that ``parametrize`` gives to the test itself."""
    return getattr(definition.func, "__name__", "") == "get_direct_param_fixture_func"


def is_shared(item: pytest.Function, definition: Definition) -> bool:
    """Whether a fixture, as ``item`` uses it, is of a higher scope than function."""
    return _scope(item, definition) is not Scope.Function


def instance_of(item: pytest.Function, definition: Definition) -> tuple[object, ...]:
    """What tells the instances of a higher-scoped fixture apart: its definition, scope node and set of parameters."""
    node = {
        Scope.Session: None,
        Scope.Package: _package(item, definition),
        Scope.Module: item.getparent(pytest.Module),
        Scope.Class: item.getparent(pytest.Class) or item,
    }[_scope(item, definition)]
    return definition, node, _parameters(item, definition)


def _package(item: pytest.Function, definition: Definition) -> object:
    """The package that a package-scoped fixture belongs to: the one that defines it, None where that is no package."""
    return next((one for one in item.listchain() if one.nodeid == definition.baseid), None)


def _scope(item: pytest.Function, definition: Definition) -> Scope:
    callspec = getattr(item, "callspec", None)
    if callspec is not None and definition.argname in callspec.params:
        return callspec._arg2scope[definition.argname]  # type: ignore[no-any-return]
    return definition._scope


def _parameters(item: pytest.Function, definition: Definition) -> tuple[tuple[str, int], ...]:
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
            open_.extend(argument for one in definitions(item).get(name, ()) for argument in one.argnames)
    return tuple(sorted((name, callspec.indices[name]) for name in names if name in callspec.params))


def expectation(item: pytest.Item) -> Expectation | None:
    """The xfail mark that applies to ``item``, if any."""
    found = evaluate_xfail_marks(item)
    if found is None or item.config.option.runxfail:
        return None
    raises: Any = found.raises
    if raises is None or isinstance(raises, type | tuple):
        return Expectation(found.reason, found.strict, lambda error: raises is None or isinstance(error, raises))
    return Expectation(found.reason, found.strict, raises.matches)


def heed_marks(item: pytest.Item) -> None:
    """Raises what a mark ``skip``, ``skipif`` or ``xfail(run=False)`` says."""
    if skip := evaluate_skip_marks(item):
        raise Skipped(skip.reason, _use_item_location=True)
    expected = evaluate_xfail_marks(item)
    if expected and not expected.run and not item.config.option.runxfail:
        raise pytest.xfail.Exception(f"[NOTRUN] {expected.reason}", pytrace=False)


def error_filters(config: pytest.Config) -> None:
    """Within `warnings.catch_warnings`: what the configuration makes an error stays one, all other warnings are dropped.

    pytest would keep every warning of every iteration.
    """
    warnings.simplefilter("ignore")
    written = [(line, False) for line in config.getini("filterwarnings")]
    written += [(line, True) for line in config.known_args_namespace.pythonwarnings or ()]
    for line, escape in written:
        action, message, category, module, number = parse_warning_filter(line, escape=escape)
        warnings.filterwarnings("error" if action == "error" else "ignore", message, category, module, number)


def raised(error: BaseException) -> BaseException:
    """The error with a traceback, which pytest's reports ask for."""
    try:
        raise error
    except BaseException as caught:  # just raised, whatever it is
        return caught


def report(item: pytest.Item, outcome: Outcome, number: int = 0) -> TestReport:
    """pytest's own report of a problem of an iteration, traceback and diff included, or of an xfail that passed."""
    when, error = outcome.problems[number] if outcome.problems else ("call", None)
    if isinstance(error, SkipTest):
        error = raised(pytest.skip.Exception(str(error)))  # as pytest's own unittest plugin does
    excinfo = None if error is None else ExceptionInfo.from_exception(error)
    call: Any = CallInfo(None, excinfo, start=0.0, stop=0.0, duration=0.0, when=when, _ispytest=True)  # type: ignore[arg-type]
    made = TestReport.from_item_and_call(item, call)
    if outcome.name == FAILED and error is None:
        made.outcome, made.longrepr = "failed", outcome.reason
    elif isinstance(error, pytest.fail.Exception) and not error.pytrace:
        made.longrepr = str(error)  # pytest would remark that all frames, which are ours, are hidden
    if outcome.name in (XFAILED, XPASSED):
        made.outcome = "skipped" if outcome.name == XFAILED else "passed"
        made.wasxfail = outcome.reason
    return made
