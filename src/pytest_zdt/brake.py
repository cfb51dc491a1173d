"""When a load run is stopped before its time because of what it has seen: fed with what is seen, asked now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Final

JUDGE_EVERY: Final = 1.0
"""Least seconds between two judgements of the evidence so far."""
JUDGE_SHARE: Final = 0.1
"""Share of the time that judging may take."""


class Brake:
    """Says why a run is to be stopped: ``maxfail`` tests have failed (0: any number may), or the deployment is ``violated()``.

    ``require`` are the limits of the run; None: a violation does not stop it. Where they allow no failure at all, one that is
    plainly the API's decides without judging. ``clock`` tells how long judging takes.
    """

    def __init__(
        self, maxfail: int, require: Mapping[str, Any] | None, violated: Callable[[], bool], clock: Callable[[], float]
    ) -> None:
        self._maxfail, self._violated, self._clock = maxfail, violated, clock
        self._watching = require is not None
        self._strict = require is not None and _allows_none(require)
        self._limited = require is not None and (_has_latency_limits(require) or bool(require.get("impact")))
        self._tests: set[str] = set()
        self._failures, self._clear, self._judged = 0, 0, 0
        self._next = 0.0

    def test_failed(self, test: str) -> None:
        """A test has failed."""
        self._tests.add(test)

    def seen(self, failures: int, clear: int) -> None:
        """So many more requests have failed, ``clear`` of them plainly by the API's doing."""
        self._failures += failures
        self._clear += clear

    def reason(self) -> str:
        """Why the run is to be stopped now; empty: it may go on. May judge, and so take a while."""
        if 0 < self._maxfail <= len(self._tests):
            return f"{len(self._tests)} test{'s' * (len(self._tests) != 1)} failed"
        if not self._watching:
            return ""
        if self._strict and self._clear:
            return "violated"
        began = self._clock()
        if began < self._next or (self._failures == self._judged and not self._limited):
            return ""
        self._judged = self._failures
        violated = self._violated()
        took = self._clock() - began
        self._next = self._clock() + max(JUDGE_EVERY, took / JUDGE_SHARE)
        return "violated" if violated else ""


def _limits(require: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [require, *require.get("endpoints", {}).values()]


def _allows_none(require: Mapping[str, Any]) -> bool:
    return all(float(str(one.get("max_failures", 0)).strip().removesuffix("%")) == 0 for one in _limits(require))


def _has_latency_limits(require: Mapping[str, Any]) -> bool:
    return any((one.get(name) or inf) < inf for one in _limits(require) for name in ("p50", "p90", "p95", "p99", "max"))
