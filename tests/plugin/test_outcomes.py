"""How a load run reports what happens in tests: with pytest's own words, tracebacks and messages."""

from __future__ import annotations

import re

import pytest

from tests.plugin.project import Ran, load, run_once

OUTCOMES = """
    import pytest
    from journal import note

    pytestmark = pytest.mark.zdt

    @pytest.fixture(autouse=True)
    def counted(request):
        note("up", test=request.node.name)
        yield
        note("down", test=request.node.name)

    def test_passes(zdt_session):
        assert zdt_session.get("/passes").json()["path"] == "/passes"

    @pytest.mark.skip(reason="not today")
    def test_skip_mark():
        note("ran-skipped")

    @pytest.mark.skipif("1 + 1 == 2", reason="two")
    def test_skipif():
        note("ran-skipped")

    @pytest.mark.skipif(False, reason="never")
    def test_skipif_false():
        pass

    def test_skip_inside():
        pytest.skip("seen inside")

    @pytest.mark.xfail(reason="known")
    def test_xfail(zdt_session):
        assert zdt_session.get("/xfail").json()["path"] == "/other"

    @pytest.mark.xfail
    def test_xpass():
        pass

    @pytest.mark.xfail(strict=True, reason="must fail")
    def test_xfail_strict():
        pass

    @pytest.mark.xfail(raises=KeyError)
    def test_xfail_raises():
        {}["key"]

    @pytest.mark.xfail(raises=KeyError)
    def test_xfail_raises_other():
        [][0]

    @pytest.mark.xfail(run=False, reason="would hang")
    def test_xfail_run_false():
        note("ran-skipped")

    def test_xfail_inside():
        pytest.xfail("found inside")

    def test_fail_inside():
        pytest.fail("told so")

    def test_fail_short():
        pytest.fail("told shortly", pytrace=False)

    def test_diff():
        assert {"a": 1, "b": 2} == {"a": 1, "b": 3}

    def helper(value):
        return 1 / value

    def test_helper():
        assert helper(0) == 1

    @pytest.fixture
    def broken_up():
        raise RuntimeError("broken up")

    @pytest.fixture
    def broken_down():
        yield
        raise RuntimeError("broken down")

    @pytest.fixture
    def yields_twice():
        yield 1
        yield 2

    @pytest.fixture
    def yields_never():
        if False:
            yield 1

    @pytest.fixture(scope="module")
    def broken_module():
        raise RuntimeError("broken for all")

    def test_setup_error(broken_up): pass
    def test_teardown_error(broken_down): pass
    def test_yields_twice(yields_twice): pass
    def test_yields_never(yields_never): pass
    def test_module_error(broken_module): pass
    def test_unknown_fixture(unknown): pass

    def test_property(record_property):
        record_property("answer", 42)

    def test_both_errors(broken_down):
        raise ValueError("in the call")
"""
WORDS = {
    "test_passes": {"passed"},
    "test_skip_mark": {"skipped"},
    "test_skipif": {"skipped"},
    "test_skipif_false": {"passed"},
    "test_skip_inside": {"skipped"},
    "test_xfail": {"xfailed"},
    "test_xpass": {"xpassed"},
    "test_xfail_strict": {"failed"},
    "test_xfail_raises": {"xfailed"},
    "test_xfail_raises_other": {"failed"},
    "test_xfail_run_false": {"xfailed"},
    "test_xfail_inside": {"xfailed"},
    "test_fail_inside": {"failed"},
    "test_fail_short": {"failed"},
    "test_diff": {"failed"},
    "test_helper": {"failed"},
    "test_setup_error": {"error"},
    "test_teardown_error": {"passed", "error"},
    "test_yields_twice": {"passed", "error"},
    "test_yields_never": {"error"},
    "test_module_error": {"error"},
    "test_unknown_fixture": {"error"},
    "test_property": {"passed"},
    "test_both_errors": {"failed", "error"},
}
ran = run_once({"test_outcomes.py": OUTCOMES}, duration="1200ms")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The same project in smoke mode, where pytest itself runs the tests."""
    return load(tmp_path_factory.mktemp("plain"), {"test_outcomes.py": OUTCOMES}, "no-xdist", smoke=True)


def texts(ran: Ran, test: str) -> list[tuple[str, str]]:
    """Stage and text of the reports of a test that have one, without what differs from run to run."""
    found = [(one["when"], one["text"].replace(str(ran.path), "")) for one in ran.reports[test] if one["text"]]
    return [(when, re.sub(r"0x[0-9a-f]+", "0x", text)) for when, text in found]


def test_the_table_is_what_pytest_says(plain):
    """The expected words of this file are those of plain pytest."""
    assert plain.words == WORDS


@pytest.mark.parametrize("test", WORDS)
def test_words(ran, test):
    """A test is reported in load mode with the word that pytest has for it: skipped, xfailed, failed, error and so on."""
    assert ran.words.get(test) == WORDS[test]


FAILING = {test for test, words in WORDS.items() if words & {"failed", "error"}}


# of the first pytest shows its own frames, of the second all fixtures, those of xdist too
@pytest.mark.parametrize("test", sorted(FAILING - {"test_yields_never", "test_unknown_fixture"}))
def test_tracebacks(ran, plain, test):
    """What is shown of a failure is what plain pytest shows, at the same stage: the user's code, and no frame of the plugin."""
    found, wanted = texts(ran, test), texts(plain, test)
    assert "pytest_zdt" not in str(found)
    assert found == wanted


@pytest.mark.parametrize(
    ("test", "stage", "text"),
    [
        ("test_setup_error", "setup", "RuntimeError: broken up"),
        ("test_teardown_error", "teardown", "RuntimeError: broken down"),
        ("test_yields_twice", "teardown", "fixture function has more than one 'yield'"),
        ("test_yields_never", "setup", "yields_never did not yield a value"),
        ("test_module_error", "setup", "RuntimeError: broken for all"),
        ("test_unknown_fixture", "setup", "fixture 'unknown' not found"),
    ],
)
def test_errors_name_their_stage(ran, test, stage, text):
    """An exception of a fixture is an ERROR at set-up or tear-down, with pytest's message and the user's lines."""
    ran.result.stdout.fnmatch_lines([f"*ERROR at {stage} of {test} *"])
    assert text in ran.text(test)
    assert "pytest_zdt" not in ran.text(test)


@pytest.mark.parametrize("test", ["test_skip_mark", "test_skipif", "test_skip_inside"])
def test_reasons(ran, plain, test):
    """The reason of a skip, and where it is, are pytest's."""
    assert texts(ran, test) == texts(plain, test)


def test_the_reason_of_what_is_not_run(ran):
    """An ``xfail(run=False)`` says so at set-up, as in pytest; older releases show frames of their own with it."""
    assert texts(ran, "test_xfail_run_false") == [("setup", "[NOTRUN] would hang")]


def test_what_is_skipped_does_not_run(ran):
    """Tests with skip marks or ``xfail(run=False)`` never run."""
    assert not ran.events("ran-skipped")


def test_fixtures_are_torn_down_whatever_happens(ran):
    """After every outcome the fixtures that were set up are torn down: the counts are equal."""
    for test in WORDS:
        assert ran.count("up", test=test) == ran.count("down", test=test)


def test_an_expected_failure_is_no_failure_of_the_api(ran):
    """What fails as ``xfail`` says is no failure in the evidence: its samples stay clean."""
    kinds = {kind for kind, name in zip(ran.zdt.column("kind"), ran.zdt.column("endpoint"), strict=True) if name == "GET /xfail"}
    assert ran.hits["/xfail"]
    assert kinds == {""}


def test_record_property(ran):
    """What a test records is in its report, once, however many iterations recorded it."""
    properties = [pair for report in ran.reports["test_property"] for pair in report["properties"]]
    assert properties.count(["answer", 42]) == 1


ENDS = """
    import pytest
    from journal import note

    pytestmark = pytest.mark.zdt

    @pytest.fixture
    def each():
        yield
        note("each-down")

    def test_exit(each):
        note("exit")
        raise SystemExit(3)

    def test_keyboard(each):
        note("keyboard")
        raise KeyboardInterrupt("typed")

    def test_pytest_exit(each):
        note("pytest-exit")
        pytest.exit("enough")

    def test_other(zdt_session, zdt_vu):
        note("other", vu=zdt_vu.index, iteration=zdt_vu.iteration)
        assert zdt_session.get("/other").status_code == 200
"""
ends = run_once({"test_ends.py": ENDS})


@pytest.mark.parametrize(
    ("test", "text"), [("exit", "SystemExit: 3"), ("keyboard", "KeyboardInterrupt: typed"), ("pytest_exit", "Exit: enough")]
)
def test_no_exception_ends_a_virtual_user(ends, test, text):
    """``SystemExit``, ``KeyboardInterrupt`` and `pytest.exit` in a test fail it, each time; the VUs and the other tests go on."""
    assert ends.words[f"test_{test}"] == {"failed"}
    assert text in ends.text(f"test_{test}")
    assert ends.count(test.replace("_", "-")) >= 4
    assert ends.words["test_other"] == {"passed"}
    assert {event["vu"] for event in ends.events("other")} == {0, 1, 2, 3}
    assert max(event["iteration"] for event in ends.events("other")) > 8
    assert ends.count("each-down") == ends.count("exit") + ends.count("keyboard") + ends.count("pytest-exit")
