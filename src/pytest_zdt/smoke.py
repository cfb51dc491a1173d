"""What a smoke test saw, gathered from pytest's reports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_zdt.report.github import FailedTest, SmokeTest


class Smoke:
    """Counts the tests of a smoke test of ``url``, their requests and the versions that answered them.

    Paths of failed tests are given as seen from ``workspace``, where the repository is; of those elsewhere there is none.
    """

    def __init__(self, url: str, root: Path, workspace: str) -> None:
        self._url, self._root, self._workspace = url, root, Path(workspace or root).resolve()
        self.status = 0
        """pytest's exit status."""
        self._requests = 0
        self._tests: set[str] = set()
        self._versions: set[str] = set()
        self._failed: dict[str, FailedTest] = {}

    def add_uncollected(self, report: pytest.CollectReport) -> None:
        """Adds a file, or a part of one, whose tests could not be collected; several workers may tell of it."""
        path = self._root / report.nodeid.partition("::")[0]
        file = self._placed(path) if path.is_file() else ""  # it may be a folder, or a worker
        self._failed.setdefault(report.nodeid, FailedTest(report.nodeid, _what(report), file, 1))

    def add(self, report: pytest.TestReport) -> None:
        """Adds pytest's report of one phase of a test, or xdist's of one that its worker did not survive."""
        self._tests.add(report.nodeid)
        if report.failed and report.nodeid not in self._failed:
            file = (self._root / report.location[0]).resolve()
            self._failed[report.nodeid] = FailedTest(report.nodeid, _why(report), self._placed(file), _line(report, file))
        if report.when == "teardown":
            properties = dict(report.user_properties)
            self._requests += int(str(properties.get("zdt_requests", 0)))
            self._versions |= set(str(properties.get("zdt_versions", "")).split(",")) - {""}

    def _placed(self, path: Path) -> str:
        """The file as the repository has it; empty for one elsewhere, which GitHub cannot show."""
        found = path.resolve()
        return found.relative_to(self._workspace).as_posix() if found.is_relative_to(self._workspace) else ""

    @property
    def seen(self) -> SmokeTest:
        """All that was gathered."""
        failed = list(self._failed.values())
        return SmokeTest(self._url, len(self._tests), self._requests, sorted(self._versions), failed, self.status)


def _what(report: pytest.CollectReport) -> str:
    """The error that ended a collection: the last line that pytest marks as such, else the first one."""
    lines = [line.strip() for line in report.longreprtext.splitlines() if line.strip()]
    marked = [line.removeprefix("E ").strip() for line in lines if line.startswith("E ")]
    return (marked[-1:] or lines[:1] or ["it could not be collected"])[0]


def _line(report: pytest.TestReport, file: Path) -> int:
    """The line of the test's own ``file`` that failed, from 1 on; that of the test where another file did."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None and Path(crash.path).resolve() == file:
        return int(crash.lineno)
    return (report.location[1] or 0) + 1


def _why(report: pytest.TestReport) -> str:
    """The first line of what a test failed with; after an exception's name alone, the first of its message too."""
    crash = getattr(report.longrepr, "reprcrash", None) or report.longrepr
    lines = [line.strip() for line in str(getattr(crash, "message", crash)).splitlines() if line.strip()] or ["failed"]
    return " ".join(lines[:2]) if re.fullmatch(r"[\w.]+:", lines[0]) else lines[0]
