"""Tests run for virtual users, as copies of real items and as plans of them: what pytest's own protocol cannot be asked for."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import warnings
from pathlib import Path

import pytest

from pytest_zdt import items
from pytest_zdt.copies import SharedFixtures, recipe
from pytest_zdt.crew import GIVEN
from pytest_zdt.outcomes import FAILED, PASSED, XFAILED

from .inside import NOTED, Inside, driven, inside

WAYS = pytest.mark.parametrize("way", ["copy", "plan"])
SHARED = (
    NOTED
    + """
@pytest.fixture(scope="session")
def of_session(): yield from noted("session")

@pytest.fixture(scope="module")
def of_module(of_session): yield from noted("module")

@pytest.fixture
def mine(of_module): yield from noted("mine")

def test(mine, of_session): EVENTS.append("test")
"""
)


@WAYS
def test_shared_fixtures_are_set_up_once(way: str, pytester: pytest.Pytester) -> None:
    """Higher-scoped fixtures are up before the first iteration and until after the last, all others in each of them."""
    with inside(pytester, SHARED) as found:
        assert found.events == ["session up", "module up"]
        for _ in range(2):
            one = found.run(way)
            assert [one.iterate().name for _ in range(2)] == [PASSED] * 2
        events = found.events
    assert events == ["session up", "module up", *["mine up", "test", "mine down"] * 4, "module down", "session down"]


def test_the_folder_of_temporary_files_is_there_before_the_load(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pytest makes it when it is first asked for, and removes what stands there: not while virtual users make their own in it."""
    asked, make = [], pytest.TempPathFactory.getbasetemp
    monkeypatch.setattr(pytest.TempPathFactory, "getbasetemp", lambda self: asked.append(self) or make(self))
    with inside(pytester, "def test(tmp_path): pass"):
        assert asked


def test_the_session_is_as_it_was(pytester: pytest.Pytester) -> None:
    """Its own SetupState is back when the load has ended, and holds nothing."""
    (item,) = pytester.getitems("import pytest\n\nEVENTS = []\n" + SHARED)
    state = items.state(item.session)
    with driven([item]):
        assert items.state(item.session) is not state
    assert items.state(item.session) is state
    assert state.stack == {}


def test_errors_of_shared_fixtures_and_marks(pytester: pytest.Pytester) -> None:
    """What a mark or a higher-scoped fixture raises is the test's; other tests go on, and what was up is torn down."""
    source = (
        SHARED
        + """
@pytest.fixture(scope="module")
def broken(of_module): raise ValueError("broken")

def test_broken(broken): pass

@pytest.mark.skip(reason="no")
def test_skipped(of_session): pass

@pytest.mark.xfail(run=False, reason="known")
def test_not_run(): pass
"""
    )
    with inside(pytester, source) as found:
        errors = {test.name: error for test, error in found.shared.errors.items()}
        assert found.copy().iterate().name == PASSED
        events = found.events
    assert {name: str(error) for name, error in errors.items()} == {
        "test_broken": "broken",
        "test_skipped": "no",
        "test_not_run": "[NOTRUN] known",
    }
    assert events[-2:] == ["module down", "session down"]


def test_a_package_fixture_is_set_up_once(pytester: pytest.Pytester) -> None:
    """A package-scoped fixture is one for the package that defines it and those inside, as in pytest."""
    top = pytester.mkpydir("top")
    inner = top / "inner"
    inner.mkdir()
    (inner / "__init__.py").touch()
    (top / "conftest.py").write_text(
        "import pytest\nUPS = []\n\n@pytest.fixture(scope='package')\ndef whole():\n    UPS.append(1)\n    return UPS\n"
    )
    for folder in (top, inner):
        (folder / f"test_{folder.name}.py").write_text("def test(whole): assert len(whole) == 1\n")
    config = pytester.parseconfigure(str(top))
    session = pytest.Session.from_config(config)
    config.hook.pytest_sessionstart(session=session)
    found = session.perform_collect([str(top)])
    assert len(found) == 2
    with driven(found) as two:
        outcomes = [two.shared and Inside([test], two.shared).copy().iterate().name for test in found]  # type: ignore[list-item]
    assert outcomes == [PASSED] * 2


def test_a_shared_fixture_asked_for_in_an_iteration(pytester: pytest.Pytester) -> None:
    """It is set up when a test first asks, once for all VUs, however many ask at the same time; torn down at the end."""
    source = (
        NOTED
        + """
@pytest.fixture(scope="module")
def late(): yield from noted("late")

def test(request):
    assert request.getfixturevalue("late") == "late"
"""
    )
    with inside(pytester, source) as found:
        copies = [found.copy() for _ in range(4)]
        together, names = threading.Barrier(4), list[str]()

        def vu(number: int) -> None:
            together.wait(20.0)
            names.extend(copies[number].iterate().name for _ in range(5))

        threads = [threading.Thread(target=vu, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        events = found.events
    assert names == [PASSED] * 20
    assert events == ["late up", "late down"]


def test_vus_do_not_share_function_scoped_fixtures(pytester: pytest.Pytester) -> None:
    """Each VU has its own, also while another's iteration is under way."""
    source = """
import threading

TOGETHER = threading.Barrier(3)

@pytest.fixture
def mine(request): return []

def test(mine):
    mine.append(threading.get_ident())
    TOGETHER.wait(20.0)
    assert mine == [threading.get_ident()]
"""
    with inside(pytester, source) as found:
        copies, names = [found.copy() for _ in range(3)], list[str]()
        threads = [threading.Thread(target=lambda one=one: names.append(one.iterate().name)) for one in copies]  # type: ignore[misc]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert names == [PASSED] * 3


def test_a_method_has_a_fresh_instance(pytester: pytest.Pytester) -> None:
    """What a test leaves in its instance is not there the next time."""
    source = """
class Test:
    def setup_method(self): self.values = []

    def test(self):
        assert vars(self) == {"values": []}
        self.values.append(1)
        self.more = 2
"""
    with inside(pytester, source) as found:
        one = found.copy()
        assert [one.iterate().name for _ in range(3)] == [PASSED] * 3


@WAYS
def test_tmp_path(way: str, pytester: pytest.Pytester) -> None:
    """Each iteration has an empty directory of its own, which is gone afterwards."""
    with inside(pytester, "def test(tmp_path):\n    EVENTS.append(tmp_path)\n    (tmp_path / 'x').mkdir()\n") as found:
        one = found.run(way)
        assert [one.iterate().name for _ in range(3)] == [PASSED] * 3
        paths = [Path(event) for event in found.events]
    assert len(set(paths)) == 3
    assert not any(path.exists() for path in paths)


def test_a_process_wide_fixture_asked_for_in_an_iteration(pytester: pytest.Pytester) -> None:
    """It is refused then, with the reason."""
    with inside(pytester, "def test(request): request.getfixturevalue('monkeypatch')\n") as found:
        outcome = found.copy().iterate()
    assert outcome.name == FAILED
    assert "monkeypatch cannot be used by many virtual users at once" in str(outcome.problems[0].error)


def test_given_values(pytester: pytest.Pytester) -> None:
    """A VU's value stands for its fixture, which is not set up; asked for by name too, and below an override."""
    source = """
@pytest.fixture
def vu(): raise RuntimeError

@pytest.fixture
def name(vu): return f"name of {vu}"

def test(name, request): EVENTS.append((name, request.getfixturevalue("vu")))

class TestOverridden:
    @pytest.fixture
    def vu(self, vu): return f"mine of {vu}"

    def test(self, name): EVENTS.append(name)
"""
    module = pytester.getmodulecol("import pytest\n\nEVENTS = []\n" + source)
    with driven(pytester.genitems([module])) as found:
        tests = list(items_of(found))
        for test in tests:
            one = Inside([test], found.shared).copy(given={"vu": "7"})
            assert one.iterate().name == PASSED
        assert found.events == [("name of 7", "7"), "name of mine of 7"]


def items_of(found: Inside) -> list[pytest.Function]:
    """All tests, those of the same name too."""
    return list(found.shared._tests)


@pytest.mark.parametrize("append", [True, False])
def test_a_mark_of_an_iteration_is_of_that_iteration(append: bool, pytester: pytest.Pytester) -> None:
    """An xfail mark that a test adds while it runs counts for that iteration, wherever it is put, and is gone in the next."""
    source = f"""
@pytest.mark.zdt(weight=2)
@pytest.mark.other
def test(request):
    EVENTS.append([mark.name for mark in request.node.own_markers])
    if len(EVENTS) == 2:
        request.node.add_marker(pytest.mark.xfail(reason="r"), append={append})
    assert len(EVENTS) not in (2, 3)
"""
    with inside(pytester, source, "-o", "markers=zdt\nother") as found:
        one = found.copy()
        outcomes = [one.iterate().name for _ in range(4)]
        assert found.events == [["other", "zdt"]] * 4
    assert outcomes == [PASSED, XFAILED, FAILED, PASSED]


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt", "ValueError"])
@WAYS
def test_an_error_in_a_teardown_ends_nothing_but_itself(way: str, error: str, pytester: pytest.Pytester) -> None:
    """The other fixtures are torn down all the same, and no value of that iteration is seen in the next."""
    source = (
        NOTED
        + f"""
@pytest.fixture
def a(): yield from noted("a")

@pytest.fixture
def bad(a):
    yield
    if EVENTS == ["a up"]:
        raise {error}

def test(bad): pass
"""
    )
    with inside(pytester, source) as found:
        one = found.run(way)
        outcomes = [one.iterate().name for _ in range(2)]
        assert found.events == ["a up", "a down"] * 2
    assert outcomes == [FAILED, PASSED]


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt", "ValueError"])
@WAYS
def test_an_error_in_a_set_up_ends_nothing_but_itself(way: str, error: str, pytester: pytest.Pytester) -> None:
    """What is up is torn down, and the next iteration sets everything up anew."""
    source = (
        NOTED
        + f"""
@pytest.fixture
def a(): yield from noted("a")

@pytest.fixture
def bad(a):
    if EVENTS == ["a up"]:
        raise {error}

def test(bad): pass
"""
    )
    with inside(pytester, source) as found:
        one = found.run(way)
        outcomes = [one.iterate().name for _ in range(2)]
        assert found.events == ["a up", "a down"] * 2
    assert outcomes == [FAILED, PASSED]


# --- which way


@pytest.mark.parametrize(
    "source, planned",
    [
        ("def test(): pass", True),
        ("@pytest.fixture\ndef a(): yield\ndef test(a): pass", True),
        ("@pytest.fixture(scope='module')\ndef a(): yield\ndef test(a): pass", True),
        ("@pytest.fixture(autouse=True)\ndef a(): yield\ndef test(): pass", True),
        ("@pytest.mark.parametrize('n', [1])\ndef test(n): pass", True),
        ("def test(tmp_path): pass", True),
        ("def test(pytestconfig): pass", True),
        ("def test(zdt_session): zdt_session.get", True),
        ("def test(request): pass", False),
        ("@pytest.fixture\ndef a(request): pass\ndef test(a): pass", False),
        ("@pytest.fixture(params=[1])\ndef a(request): pass\ndef test(a): pass", False),
        ("@pytest.fixture(params=[1])\ndef a(): pass\ndef test(a): pass", False),
        ("@pytest.mark.parametrize('a', [1], indirect=True)\ndef test(a): pass\n@pytest.fixture\ndef a(request): pass", False),
        ("class Test:\n    def test(self): pass", False),
        ("def setup_function(f): pass\ndef test(): pass", False),
        ("@pytest.fixture\ndef tmp_path(tmp_path): pass\ndef test(tmp_path): pass", False),
    ],
)
def test_plans_are_for_plain_functions(source: str, planned: bool, pytester: pytest.Pytester) -> None:
    """A test has a plan unless something of it needs a request, an instance or an override."""
    with inside(pytester, source) as found:
        (test,) = found.tests.values()
        assert (recipe(found.shared, test, GIVEN) is not None) == planned


@pytest.mark.parametrize("hook", items.HOOKS)
def test_foreign_hooks_need_copies(hook: str, pytester: pytest.Pytester) -> None:
    """Where a conftest has a part in running tests, there is no plan."""
    arguments = {"pytest_fixture_setup": "fixturedef", "pytest_fixture_post_finalizer": "fixturedef"}.get(hook, "pyfuncitem")
    pytester.makeconftest(f"def {hook}({arguments}): pass\n")
    with inside(pytester, "def test(): pass") as found:
        assert recipe(found.shared, found.tests["test"], ()) is None


# --- growth

GROWTH = {
    "plan": """
@pytest.fixture(scope="module")
def shared(): return []

@pytest.fixture
def a(shared): yield {}

def test(a, shared): a["x"] = 1
""",
    "copy": """
@pytest.fixture(scope="session")
def shared(): yield []

@pytest.fixture(scope="module")
def late(shared): yield []

@pytest.fixture
def a(shared, request, record_property):
    record_property("key", "value")
    request.addfinalizer(lambda: None)
    yield {}

@pytest.fixture(params=[1])
def b(a, request): return request.param

def test(a, b, request, shared):
    request.getfixturevalue("late")
    request.node.add_marker(pytest.mark.xfail(reason="r"))
    raise ValueError
""",
}


@WAYS
def test_growth(way: str, pytester: pytest.Pytester) -> None:
    """Two thousand iterations leave nothing behind: no object, no memory, nothing in the lists of items and fixtures."""
    with inside(pytester, GROWTH[way]) as found:
        (test,) = found.tests.values()
        one = found.run(way, test.name)
        iterated(one, 50)
        before, lists = len(gc.get_objects()), lengths(getattr(one, "item", test)) | lengths(test)
        tracemalloc.start()
        try:
            size = tracemalloc.get_traced_memory()[0]
            iterated(one, 2000)
            grown = tracemalloc.get_traced_memory()[0] - size
        finally:
            tracemalloc.stop()
        assert lengths(getattr(one, "item", test)) | lengths(test) == lists
        assert len(gc.get_objects()) - before < 200
        assert grown < 100_000


def test_report_sections_do_not_gather(pytester: pytest.Pytester) -> None:
    """What a fixture adds for the report is that iteration's."""
    with inside(pytester, "def test(request): request.node.add_report_section('call', 'mine', 'x')") as found:
        one = found.copy()
        iterated(one, 20)
        assert len(one.item._report_sections) <= 1


def iterated(one: object, times: int) -> None:
    """Runs so many iterations; nothing of their outcomes is kept."""
    for _ in range(times):
        one.iterate()  # type: ignore[attr-defined]
    gc.collect()


def lengths(test: pytest.Function) -> dict[str, int]:
    """How much there is in the lists of an item, and in those of its fixtures and collectors."""
    found = {name: len(getattr(test, name, ())) for name in ("own_markers", "user_properties")}
    found |= {name: sum(len(one._finalizers) for one in defs) for name, defs in items.definitions(test).items()}
    return found


def test_shared_fixtures_gather_no_finalizers(pytester: pytest.Pytester) -> None:
    """The instance that all VUs use has as many finalizers after a thousand iterations as after two, when pytest 8.0 adds one."""
    with inside(pytester, GROWTH["copy"]) as found:
        (test,) = found.tests.values()
        one = found.copy(test.name)
        iterated(one, 2)
        before = finalizers(found.shared)
        iterated(one, 1000)
        assert finalizers(found.shared) == before


def finalizers(shared: SharedFixtures) -> int:
    """How many finalizers the shared fixtures and their nodes have."""
    nodes = (finalizers for finalizers, _ in shared._state.stack.values())
    return sum(len(one._finalizers) for one in shared._instances.values()) + sum(map(len, nodes))


# --- pytest's reports and warnings


def test_reports(pytester: pytest.Pytester) -> None:
    """A problem's report is pytest's own: the phase, the traceback of the user's code and the comparison."""
    source = """
@pytest.fixture
def bad():
    yield
    raise ValueError("down")

def test(bad):
    assert [1, 2] == [1, 3]
"""
    with inside(pytester, source) as found:
        one = found.copy()
        outcome = one.iterate()
        reports = [items.report(one.item, outcome, number) for number in range(2)]
    assert [(report.when, report.outcome) for report in reports] == [("call", "failed"), ("teardown", "failed")]
    assert "At index 1 diff: 2 != 3" in reports[0].longreprtext
    assert "assert [1, 2] == [1, 3]" in reports[0].longreprtext
    assert "pytest_zdt" not in reports[0].longreprtext
    assert 'raise ValueError("down")' in reports[1].longreprtext


@pytest.mark.parametrize(
    "test, outcome, reason",
    [
        ("@pytest.mark.xfail(reason='r')\ndef test(): assert 0", "skipped", "r"),
        ("@pytest.mark.xfail(reason='r')\ndef test(): pass", "passed", "r"),
        ("@pytest.mark.xfail(strict=True, reason='r')\ndef test(): pass", "failed", None),
        ("def test(): pytest.xfail('r')", "skipped", "r"),
        ("def test(): pytest.skip('r')", "skipped", None),
    ],
)
def test_reports_of_marks(test: str, outcome: str, reason: str | None, pytester: pytest.Pytester) -> None:
    """They have the outcome and the words that pytest's own have."""
    with inside(pytester, test) as found:
        one = found.copy()
        made = items.report(one.item, one.iterate())
    assert (made.outcome, getattr(made, "wasxfail", None)) == (outcome, reason)
    assert outcome != "failed" or made.longreprtext == "[XPASS(strict)] r"


def test_warnings(pytester: pytest.Pytester) -> None:
    """What the configuration makes an error stays one, the last filter that fits wins; other warnings are dropped."""
    pytester.makeini(
        "[pytest]\nfilterwarnings =\n    error::UserWarning\n    ignore:fine:UserWarning\n    default::FutureWarning\n"
    )
    config = pytester.parseconfig("-W", "error::SyntaxWarning")
    with warnings.catch_warnings(record=True) as caught:
        items.error_filters(config)
        for kind in (UserWarning, SyntaxWarning):
            with pytest.raises(kind, match="bad"):
                warnings.warn("bad", kind, stacklevel=1)
        for kind in (FutureWarning, RuntimeWarning):
            warnings.warn("x", kind, stacklevel=1)
        warnings.warn("fine", UserWarning, stacklevel=1)
    assert caught == []
