"""The order of set-up and tear-down in an iteration is plain pytest's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugin.project import Ran, load

CONFTEST = """
    from journal import note

    @pytest.fixture(scope="session", autouse=True)
    def session_auto():
        note("session-auto-up")
        yield
        note("session-auto-down")

    @pytest.fixture(scope="session")
    def of_session():
        note("session-up")
        yield
        note("session-down")

    @pytest.fixture(autouse=True)
    def auto(request):
        note("auto-up", test=request.node.name)
        yield
        note("auto-down", test=request.node.name)

    @pytest.fixture
    def first(request, of_session):
        note("first-up", test=request.node.name)
        request.addfinalizer(lambda: note("first-finalizer-1", test=request.node.name))
        request.addfinalizer(lambda: note("first-finalizer-2", test=request.node.name))
        yield "first"
        note("first-down", test=request.node.name)
"""
TESTS = """
    import pytest
    from journal import note

    pytestmark = pytest.mark.zdt

    def setup_module(): note("setup-module")
    def teardown_module(): note("teardown-module")
    def setup_function(function): note("setup-function", test=function.__name__)
    def teardown_function(function): note("teardown-function", test=function.__name__)

    @pytest.fixture(scope="module")
    def of_module(of_session):
        note("module-up")
        yield
        note("module-down")

    @pytest.fixture(scope="class")
    def of_class(of_module):
        note("class-up")
        yield
        note("class-down")

    @pytest.fixture
    def first(first, request):
        note("override-up", test=request.node.name)
        yield first
        note("override-down", test=request.node.name)

    @pytest.fixture
    def second(first, of_module, request):
        note("second-up", test=request.node.name)
        yield
        note("second-down", test=request.node.name)

    @pytest.fixture
    def asked(first, request):
        note("asked-up", test=request.node.name)
        yield
        note("asked-down", test=request.node.name)

    @pytest.fixture
    def breaks(second, request):
        note("breaks-up", test=request.node.name)
        yield
        note("breaks-down", test=request.node.name)
        raise RuntimeError("broken")

    @pytest.fixture
    def broken(second, request):
        note("broken-up", test=request.node.name)
        raise RuntimeError("broken")

    def test_plain(second, request):
        note("call", test="test_plain")
        request.getfixturevalue("asked")
        request.addfinalizer(lambda: note("own-finalizer", test="test_plain"))

    @pytest.mark.parametrize("number", [1])
    def test_number(number, first, request):
        note("call", test=request.node.name)

    def test_breaks(breaks):
        note("call", test="test_breaks")

    def test_broken(first, broken, asked):
        note("call", test="test_broken")

    class TestClass:
        @classmethod
        def setup_class(cls): note("setup-class")
        @classmethod
        def teardown_class(cls): note("teardown-class")
        def setup_method(self, method): note("setup-method", test=method.__name__)
        def teardown_method(self, method): note("teardown-method", test=method.__name__)

        @pytest.fixture(autouse=True)
        def own(self, request):
            note("own-up", test=request.node.name)
            yield
            note("own-down", test=request.node.name)

        def test_method(self, of_class, asked):
            note("call", test="test_method")

        @pytest.mark.usefixtures("second")
        def test_other(self):
            note("call", test="test_other")
            raise RuntimeError("broken")
"""
FILES = {"conftest.py": CONFTEST, "test_order.py": TESTS}


def events(ran: Ran) -> list[dict[str, Any]]:
    """What the one process noted."""
    (process,) = ran.processes
    return process


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The events of each test once, run by pytest itself."""
    folder = tmp_path_factory.mktemp("plain")
    return events(load(folder, FILES, "no-xdist", "-p", "no:randomly", smoke=True))


@pytest.fixture(scope="module", params=["no-xdist", "n0", "n2"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The events of a load run with one VU; a second worker has none, and sets up and tears down all the same."""
    args = ["-p", "no:randomly", "--zdt-vus=1"]
    ran = load(tmp_path_factory.mktemp("loaded"), FILES, request.param, *args)
    return max(ran.processes, key=len)


def higher(found: list[dict[str, Any]]) -> list[str]:
    """The events above function scope."""
    return [event["what"] for event in found if "test" not in event]


def test_higher_scopes(plain, loaded):
    """Fixtures and set-ups above function scope come and go once, in plain pytest's order, around all iterations."""
    assert higher(loaded) == higher(plain)


def test_each_iteration(plain, loaded):
    """Every iteration of a test has the events of plain pytest, in its order, and ends before the next begins."""
    mine = [(event["test"].partition("[")[0], event["what"]) for event in loaded if "test" in event]
    wanted: dict[str, list[str]] = {}
    for event in plain:
        if "test" in event:
            wanted.setdefault(event["test"].partition("[")[0], []).append(event["what"])
    seen = set()
    while mine:
        test = mine[0][0]
        seen.add(test)
        assert mine[: len(wanted[test])] == [(test, what) for what in wanted[test]]
        del mine[: len(wanted[test])]
    assert seen == set(wanted)
