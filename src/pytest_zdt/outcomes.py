"""How one iteration of a test ended, as pytest would say it: pure, but for pytest's public exceptions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from unittest import SkipTest

import pytest

PASSED: Final = "passed"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"
XFAILED: Final = "xfailed"
XPASSED: Final = "xpassed"


class Problem(NamedTuple):
    """What was raised, and ``when``: ``setup``, ``call`` or ``teardown``."""

    when: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class Expectation:
    """A mark ``xfail`` that applies; ``matches`` tells whether an exception is of those that it expects."""

    reason: str
    strict: bool
    matches: Callable[[BaseException], bool]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The name of an outcome, the problems that led to it, and the reason of an ``xfail`` where one had a part in it."""

    name: str
    problems: tuple[Problem, ...] = ()
    reason: str = ""

    @property
    def failure(self) -> BaseException | None:
        """What the test failed with; None for every other outcome, and for a strict ``xfail`` that passed."""
        return self.problems[0].error if self.name == FAILED and self.problems else None


GOOD: Final = Outcome(PASSED)


def judge(problems: Sequence[Problem], expected: Expectation | None = None) -> Outcome:
    """The outcome of an iteration with these problems. The rules are those of pytest's own ``skipping`` plugin."""
    if not problems or (expected is not None and expected.strict and all(problem.when == "teardown" for problem in problems)):
        if expected is None:
            return GOOD
        return Outcome(FAILED if expected.strict else XPASSED, (), f"{'[XPASS(strict)] ' * expected.strict}{expected.reason}")
    named = [(_name(problem.error, expected), problem) for problem in problems]
    worst = min((name for name, _ in named), key=(FAILED, XFAILED, SKIPPED).index)
    mine = tuple(problem for name, problem in named if name == worst)
    return Outcome(worst, mine, _reason(mine[0].error, expected) if worst == XFAILED else "")


def _name(error: BaseException, expected: Expectation | None) -> str:
    if isinstance(error, pytest.xfail.Exception):
        return XFAILED
    if isinstance(error, pytest.skip.Exception | SkipTest):
        return SKIPPED
    return XFAILED if expected is not None and expected.matches(error) else FAILED


def _reason(error: BaseException, expected: Expectation | None) -> str:
    if isinstance(error, pytest.xfail.Exception) or expected is None:
        return str(getattr(error, "msg", "") or "")
    return expected.reason
