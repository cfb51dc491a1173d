"""What the workers tell of the tests, and pytest's reports made of it: every test once, however many VUs ran it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import pytest


class Tests:
    """The tests of a load run: their ids, how often each passed and failed, and the first report of each failure."""

    __test__ = False

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._reports: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def know(self, ids: Iterable[str]) -> None:
        """Adds the ids of tests, in the order in which they are to be reported."""
        self._ids |= dict.fromkeys(ids)

    def count(self, counts: Iterable[tuple[str, str, int]]) -> None:
        """Adds ``(test, outcome, iterations)``."""
        for test, outcome, number in counts:
            self._counts[test][outcome] += number

    def add_report(self, test: str, report: dict[str, Any]) -> None:
        """Adds a serialised report of a failed or skipped iteration."""
        self._reports[test].append(report)

    def emit(self, config: pytest.Config) -> None:
        """Gives pytest the reports of every test that was run."""
        for test in self._ids:
            if self._counts[test] or self._reports[test]:
                self._emit(config, test)

    def _emit(self, config: pytest.Config, test: str) -> None:
        counts = self._counts[test]
        reports = [config.hook.pytest_report_from_serializable(config=config, data=data) for data in self._reports[test]]
        bad = next((report for report in reports if report.failed), None)
        skip = next((report for report in reports if report.skipped), None) if not counts["passed"] else None
        location = reports[0].location if reports else (test.partition("::")[0], None, test.partition("::")[2])
        figures = [("zdt_iterations", sum(counts.values())), ("zdt_failed_iterations", counts["failed"])]
        config.hook.pytest_runtest_logstart(nodeid=test, location=location)
        for when in ("setup", "call", "teardown"):
            special = bad or skip
            mine = special if special is not None and special.when == when else None
            made = pytest.TestReport(
                test,
                location,
                {},
                mine.outcome if mine is not None else "passed",
                mine.longrepr if mine is not None else None,
                when,
                user_properties=figures if when == "teardown" else [],
            )
            if mine is not None and mine.failed:
                made.sections.append(
                    ("zdt", f"{counts['failed']} of {sum(counts.values())} iterations failed; this is the first")
                )
            config.hook.pytest_runtest_logreport(report=made)
        config.hook.pytest_runtest_logfinish(nodeid=test, location=location)
