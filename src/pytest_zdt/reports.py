"""What the workers tell of the tests, and pytest's reports made of it: every test once, however many VUs ran it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import pytest

from pytest_zdt.report.junit import Case


class Tests:
    """The tests of a load run: their ids, how often each passed and failed, and the first report of each failure."""

    __test__ = False

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._properties: dict[str, list[tuple[str, object]]] = {}
        self._reports: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def know(self, ids: Iterable[str]) -> None:
        """Adds the ids of tests, in the order in which they are to be reported."""
        self._ids |= dict.fromkeys(ids)

    def count(self, counts: Iterable[tuple[str, str, int]]) -> None:
        """Adds ``(test, outcome, iterations)``."""
        for test, outcome, number in counts:
            self._counts[test][outcome] += number

    def add_properties(self, properties: Mapping[str, list[tuple[str, object]]]) -> None:
        """Adds what tests have recorded with ``record_property``, of one worker for each."""
        self._properties = {**properties, **self._properties}

    def add_report(self, test: str, report: dict[str, Any]) -> None:
        """Adds a serialised report of a failed or skipped iteration."""
        self._reports[test].append(report)

    @property
    def ids(self) -> list[str]:
        """All of them."""
        return list(self._ids)

    @property
    def unrun(self) -> list[str]:
        """Those that no virtual user came to."""
        return [test for test in self._ids if not self._counts[test] and not self._reports[test]]

    def failed(self, *, allowed: bool) -> list[str]:
        """Those that failed. Where failures are ``allowed``, as a budget has it, one that passed too has not."""
        excused = {test for test in self._ids if allowed and self._counts[test]["passed"]}
        return [test for test in self._ids if test not in excused and any(map(_is_failed, self._reports[test]))]

    def emit(self, config: pytest.Config, *, begun: bool, allowed: bool) -> None:
        """Gives pytest the reports of every test that was run, and where the load had ``begun``, of all others as skipped.

        Of those that have not `failed` none says so.
        """
        unrun, failed = set(self.unrun), set(self.failed(allowed=allowed))
        for test in self._ids:
            if test not in unrun:
                reports = [data for data in self._reports[test] if test in failed or not _is_failed(data)]
                self._emit(
                    config, test, [config.hook.pytest_report_from_serializable(config=config, data=data) for data in reports]
                )
            elif begun:
                self._emit(config, test, [_skipped(test, "the load ended before any virtual user came to it")])

    def _emit(self, config: pytest.Config, test: str, told: Sequence[Any]) -> None:
        counts = self._counts[test]
        location = told[0].location if told else _location(test)
        figures: list[tuple[str, object]] = [*self._properties.get(test, ())]
        figures += [("zdt_iterations", sum(counts.values())), ("zdt_failed_iterations", counts["failed"])]
        config.hook.pytest_runtest_logstart(nodeid=test, location=location)
        for when, special in _by_phase(told, passed=bool(counts["passed"])):
            made = pytest.TestReport(
                test,
                location,
                {},
                special.outcome if special is not None else "passed",
                special.longrepr if special is not None else None,
                when,
                user_properties=figures if when == "teardown" else [],
            )
            if hasattr(special, "wasxfail"):
                made.wasxfail = special.wasxfail
            if special is not None:
                made.sections += special.sections
            if made.failed and counts:
                text = f"{counts['failed']} of {sum(counts.values())} iterations failed; this is the first"
                made.sections.append(("zdt", text))
            config.hook.pytest_runtest_logreport(report=made)
        config.hook.pytest_runtest_logfinish(nodeid=test, location=location)


def _is_failed(report: Mapping[str, Any]) -> bool:
    return bool(report["outcome"] == "failed")


def _location(test: str) -> tuple[str, int | None, str]:
    """Where a test is, as far as its id tells."""
    path, _, name = test.partition("::")
    return path, None, name


def _skipped(test: str, why: str) -> pytest.TestReport:
    location = _location(test)
    return pytest.TestReport(test, location, {}, "skipped", (location[0], 0, f"Skipped: {why}"), "setup")


def _by_phase(told: Sequence[Any], *, passed: bool) -> Iterator[tuple[Literal["setup", "call", "teardown"], Any]]:
    """The phases to report, each with what is to be told of it: its first failure, else that the test was skipped or xfailed.

    A test that could not be set up, and never was, has no call. What only some of the iterations did is told if it is a failure.
    """
    failed = {one.when: one for one in reversed(told) if one.failed}
    other = next((one for one in told if not one.failed and (hasattr(one, "wasxfail") or not passed)), None)
    for when in ("setup", "call", "teardown"):
        special = failed.get(when)
        if special is None and not failed and other is not None and other.when == when:
            special = other
        if when == "call" and special is None and not passed and ("setup" in failed or (other and other.when == "setup")):
            continue
        yield when, special


def emit_cases(config: pytest.Config, cases: Iterable[Case]) -> None:
    """Adds requirements to the file of ``--junitxml``, if there is one, as tests of ``zdt.requirements``.

    Only the plugin that writes it is given their reports: for everybody else they are no tests.
    """
    plugins = config.pluginmanager.get_plugins()
    others = [one for one in plugins if (type(one).__name__, type(one).__module__.rpartition(".")[2]) != ("LogXML", "junitxml")]
    if len(others) < len(plugins):
        tell = config.pluginmanager.subset_hook_caller("pytest_runtest_logreport", others)
        for case in cases:
            for report in _case_reports(case):
                tell(report=report)


def _case_reports(case: Case) -> Iterator[pytest.TestReport]:
    """A case that failed did so in its call, an error is one of its setup, as pytest has it."""
    own: Literal["setup", "call"] = "call" if case.outcome in ("passed", "failed") else "setup"
    place = ("zdt.requirements", 0, case.name)
    outcome: Literal["passed", "failed", "skipped"] = "failed" if case.outcome == "error" else case.outcome
    text = (*place[:2], case.text) if outcome == "skipped" else case.text or None
    phases: tuple[Literal["setup", "call", "teardown"], ...] = ("setup", "call", "teardown")
    for when in phases if own == "call" else ("setup", "teardown"):
        mine = when == own
        yield pytest.TestReport(
            f"zdt.requirements::{case.name}",
            place,
            {},
            outcome if mine else "passed",
            text if mine else None,
            when,
            user_properties=[*case.properties] if when == "teardown" else [],
        )
