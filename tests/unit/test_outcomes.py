"""How an iteration ended: the rules of pytest's xfail and skip, by table and against pytest itself."""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol

from pytest_zdt import items
from pytest_zdt.copies import ItemCopy, SharedFixtures, recipe
from pytest_zdt.outcomes import FAILED, GOOD, PASSED, SKIPPED, XFAILED, XPASSED, Expectation, Outcome, Problem, judge
from pytest_zdt.plans import compile_plan

ERROR, OTHER = ValueError("a"), TypeError("b")
SKIP, XFAIL = pytest.skip.Exception("not here"), pytest.xfail.Exception("known")
LENIENT = Expectation("bug 7", False, lambda error: True)
STRICT = Expectation("bug 7", True, lambda error: True)
PICKY = Expectation("bug 7", True, lambda error: isinstance(error, ValueError))


@pytest.mark.parametrize(
    "raised, expected, name",
    [
        ([], None, PASSED),
        ([], LENIENT, XPASSED),
        ([], STRICT, FAILED),
        ([ERROR], None, FAILED),
        ([ERROR], LENIENT, XFAILED),
        ([ERROR], STRICT, XFAILED),
        ([ERROR], PICKY, XFAILED),
        ([OTHER], PICKY, FAILED),
        ([AssertionError()], PICKY, FAILED),
        ([SKIP], None, SKIPPED),
        ([SKIP], LENIENT, SKIPPED),
        ([SKIP], STRICT, SKIPPED),
        ([SKIP], PICKY, SKIPPED),
        ([XFAIL], None, XFAILED),
        ([XFAIL], PICKY, XFAILED),
        ([pytest.fail.Exception("no")], None, FAILED),
        ([pytest.fail.Exception("no")], LENIENT, XFAILED),
        ([pytest.exit.Exception("out")], None, FAILED),
        ([SystemExit(0)], None, FAILED),
        ([KeyboardInterrupt()], None, FAILED),
        ([ERROR, OTHER], None, FAILED),
        ([ERROR, OTHER], PICKY, FAILED),
        ([OTHER, ERROR], PICKY, FAILED),
        ([ERROR, ERROR], PICKY, XFAILED),
        ([SKIP, ERROR], None, FAILED),
        ([SKIP, ERROR], LENIENT, XFAILED),
        ([XFAIL, ERROR], None, FAILED),
        ([SKIP, XFAIL], None, XFAILED),
    ],
)
def test_rules(raised: list[BaseException], expected: Expectation | None, name: str) -> None:
    """The worst of what was raised decides; an expected error is none."""
    phases = ["call", "teardown"] if len(raised) > 1 else ["call"]
    assert judge([Problem(when, error) for when, error in zip(phases, raised, strict=False)], expected).name == name


def test_problems_are_those_of_the_outcome() -> None:
    """Of several problems an outcome has those that are as bad as it is."""
    problems = [Problem("call", ERROR), Problem("teardown", OTHER)]
    assert judge(problems) == Outcome(FAILED, tuple(problems))
    assert judge(problems, PICKY) == Outcome(FAILED, (problems[1],))
    assert judge([Problem("call", SKIP), problems[1]]).problems == (problems[1],)


def test_failure() -> None:
    """A failed iteration has an error that explains a request's failure, others have none."""
    assert judge([Problem("setup", ERROR), Problem("teardown", OTHER)]).failure is ERROR
    assert [judge([Problem("call", error)]).failure for error in (SKIP, XFAIL)] == [None, None]
    assert (GOOD.failure, judge([], STRICT).failure, judge([Problem("call", ERROR)], LENIENT).failure) == (None, None, None)


def test_reasons() -> None:
    """The reason is that of the mark, or of the call of ``pytest.xfail``; others have none."""
    assert judge([], LENIENT).reason == "bug 7"
    assert judge([], STRICT).reason == "[XPASS(strict)] bug 7"
    assert judge([Problem("call", ERROR)], LENIENT).reason == "bug 7"
    assert judge([Problem("call", XFAIL)], LENIENT).reason == judge([Problem("call", XFAIL)]).reason == "known"
    assert judge([Problem("call", ERROR)]).reason == judge([Problem("call", SKIP)], LENIENT).reason == ""


def test_without_a_problem_nothing_is_made() -> None:
    """The usual outcome is one object."""
    assert judge([]) is GOOD


# --- against pytest

SOURCE = """
import sys, unittest
import pytest

@pytest.fixture
def bad_setup():
    raise ValueError("setup")

@pytest.fixture
def bad_teardown():
    yield
    raise ValueError("teardown")

@pytest.fixture
def bad_teardown_too():
    yield
    raise ValueError("teardown too")

@pytest.fixture
def skips():
    pytest.skip("not here")

@pytest.fixture
def skips_late():
    yield
    pytest.skip("too late")

def matching(text):
    if hasattr(pytest, "RaisesExc"):
        return pytest.RaisesExc(ValueError, match=text)
    return {{"x": ValueError, "y": KeyError}}[text]

class Later:
    def __await__(self):
        yield

{test}
"""
CASES = {
    "pass": "def test(): pass",
    "fail": "def test(): assert 1 == 2",
    "fail in setup": "def test(bad_setup): pass",
    "fail in teardown": "def test(bad_teardown): pass",
    "fail twice": "def test(bad_teardown): assert 0",
    "fail thrice": "def test(bad_teardown, bad_teardown_too): assert 0",
    "skip": "def test(): pytest.skip('x')",
    "skip in setup": "def test(skips): assert 0",
    "skip and fail": "def test(bad_teardown): pytest.skip('x')",
    "skip of unittest": "def test(): raise unittest.SkipTest('x')",
    "skip of importorskip": "def test(): pytest.importorskip('no_such_module')",
    "xfail by call": "def test(): pytest.xfail('x')",
    "xfail by call, and fail": "def test(bad_teardown): pytest.xfail('x')",
    "xfail": "@pytest.mark.xfail(reason='r')\ndef test(): assert 0",
    "xfail in setup": "@pytest.mark.xfail(reason='r')\ndef test(bad_setup): pass",
    "xfail in teardown": "@pytest.mark.xfail(reason='r')\ndef test(bad_teardown): pass",
    "xfail strict in teardown": "@pytest.mark.xfail(strict=True)\ndef test(bad_teardown): pass",
    "xfail strict fails": "@pytest.mark.xfail(strict=True)\ndef test(): assert 0",
    "xpass": "@pytest.mark.xfail(reason='r')\ndef test(): pass",
    "xpass strict": "@pytest.mark.xfail(strict=True, reason='r')\ndef test(): pass",
    "xfail false condition": "@pytest.mark.xfail(False, reason='r')\ndef test(): assert 0",
    "xfail condition": "@pytest.mark.xfail('sys.version_info > (3,)', reason='r')\ndef test(): assert 0",
    "xfail raises": "@pytest.mark.xfail(raises=ValueError)\ndef test(): raise ValueError",
    "xfail raises a tuple": "@pytest.mark.xfail(raises=(KeyError, ValueError))\ndef test(): raise ValueError",
    "xfail raises other": "@pytest.mark.xfail(raises=KeyError)\ndef test(): raise ValueError",
    "xfail raises, and a group of them": "@pytest.mark.xfail(raises=ValueError)\n"
    "def test(bad_teardown, bad_teardown_too): raise ValueError",
    "xfail raises other in teardown": "@pytest.mark.xfail(raises=KeyError)\ndef test(bad_teardown): raise KeyError",
    "xfail and skip": "@pytest.mark.xfail(strict=True)\ndef test(): pytest.skip('x')",
    "xfail not run": "@pytest.mark.xfail(run=False, reason='r')\ndef test(): assert 0",
    "skip mark": "@pytest.mark.skip\ndef test(): assert 0",
    "skip mark wins": "@pytest.mark.skipif(True, reason='x')\n@pytest.mark.xfail(strict=True)\ndef test(): pass",
    "skipif false": "@pytest.mark.skipif(False, reason='x')\ndef test(): assert 0",
    "two xfails": "@pytest.mark.xfail(False, reason='a')\n@pytest.mark.xfail(raises=ValueError)\ndef test(): raise ValueError",
    "SystemExit": "def test(): sys.exit(0)",
    "xfail SystemExit": "@pytest.mark.xfail\ndef test(): sys.exit(0)",
    "raises.matches": "@pytest.mark.xfail(raises=matching('x'))\ndef test(): raise ValueError('x')",
    "raises.matches not": "@pytest.mark.xfail(raises=matching('y'))\ndef test(): raise ValueError('x')",
    "awaitable": "def test(): return Later()",
}


def of_pytest(item: pytest.Item) -> str:
    """What pytest makes of a test: the worst of its reports."""
    found = set()
    for report in runtestprotocol(item, log=False, nextitem=None):
        x = "x" if hasattr(report, "wasxfail") else ""
        found.add(FAILED if report.failed else x and XFAILED if report.skipped and x else f"{x}{report.outcome}")
    return next(name for name in (FAILED, XFAILED, SKIPPED, XPASSED, PASSED) if name in found)


def of_the_load(item: pytest.Function, *, planned: bool) -> str:
    """What the load makes of it, by a plan or by a copy."""
    shared = SharedFixtures(item.session, [item])
    shared.set_up()
    try:
        if (error := shared.errors.get(item)) is not None:
            return judge([Problem("setup", error)]).name
        if not planned:
            return ItemCopy(shared, item, {}).iterate().name
        ingredients = recipe(shared, item, ())
        assert ingredients is not None
        plan = compile_plan(ingredients, ingredients, item.obj, items.arguments(item), items.expectation(item))
        return plan.iterate().name
    finally:
        shared.tear_down()


@pytest.mark.parametrize("name", CASES)
def test_as_pytest_has_it(name: str, pytester: pytest.Pytester) -> None:
    """Copies and plans say of a test what pytest's own protocol says."""
    (item,) = pytester.getitems(SOURCE.format(test=CASES[name]))
    expected = of_pytest(item)
    found = [of_the_load(item, planned=planned) for planned in (True, False)]
    assert found == [expected, expected]


@pytest.mark.parametrize("name", ["xfail", "xpass strict", "xfail not run", "xfail by call"])
def test_runxfail(name: str, pytester: pytest.Pytester) -> None:
    """With ``--runxfail`` the marks do not count."""
    module = pytester.getmodulecol(SOURCE.format(test=CASES[name]), ["--runxfail"])
    (item,) = pytester.genitems([module])
    expected = of_pytest(item)
    assert [of_the_load(item, planned=planned) for planned in (True, False)] == [expected, expected]
