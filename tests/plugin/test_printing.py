"""What tests print while they are repeated."""

from __future__ import annotations

import pytest

from tests.plugin.project import run_once

PRINTS = """
    import sys
    import pytest

    pytestmark = pytest.mark.zdt

    def test_fails(zdt_session):
        print("printed by a test that fails")
        zdt_session.get("/fails")
        assert 1 == 2

    def test_passes(zdt_session):
        print("printed by a test that passes")
        print("an error of a test that passes", file=sys.stderr)
        assert zdt_session.get("/passes").status_code == 200
"""
ran = run_once({"test_prints.py": PRINTS}, duration="600ms")


@pytest.mark.parametrize("text", ["printed by a test that passes", "an error of a test that passes"])
def test_passing_tests_are_quiet(ran, text):
    """As in plain pytest, nothing is shown of what passing tests print, however often they are repeated."""
    assert text not in ran.output


def test_a_failing_test_is_shown_once(ran):
    """What all the iterations of a failing test print does not flood the terminal: that of the first failure at most.

    Its source line, in the traceback, is not counted.
    """
    shown = [line for line in ran.output.splitlines() if "printed by a test that fails" in line and "print(" not in line]
    assert len(shown) <= 1
