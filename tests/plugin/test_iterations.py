"""Iterations leave nothing behind: not in pytest's nodes, not on disk; and fixtures that are asked for in the middle of one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.plugin.project import Ran, load, run_once

LATE = """
    import os, threading
    import pytest
    from journal import note

    VUS = 2 if "PYTEST_XDIST_WORKER" in os.environ else 4
    TOGETHER = threading.Barrier(VUS)

    @pytest.fixture(scope="session")
    def late():
        note("late-up")
        threading.Event().wait(0.2)  # the others ask in the meantime
        yield object()
        note("late-down")

    @pytest.fixture(scope="module")
    def late_of_module(late):
        note("module-up")
        yield late
        note("module-down")

    @pytest.fixture
    def each(zdt_vu):
        note("each-up", vu=zdt_vu.index)
        yield object()
        note("each-down", vu=zdt_vu.index)

    @pytest.mark.zdt
    def test_late(request, zdt_vu, zdt_session):
        if zdt_vu.iteration == 0:
            TOGETHER.wait(10)
        late = request.getfixturevalue("late")
        note("late", value=id(late))
        assert request.getfixturevalue("late_of_module") is late
        mine = request.getfixturevalue("each")
        assert request.getfixturevalue("each") is mine
        note("each", vu=zdt_vu.index, value=id(mine))
        zdt_session.get("/late")
        note("end")
"""
late = run_once({"test_late.py": LATE}, duration="800ms")


def test_a_late_session_fixture_is_set_up_once(late):
    """A session fixture that all VUs ask for at the same time with ``getfixturevalue`` is set up once in each worker."""
    assert late.words == {"test_late": {"passed"}}
    assert len(late.processes) == late.zdt.workers
    for process in late.processes:
        names = [event["what"] for event in process if event["what"] in ("late-up", "late", "late-down", "end", "module-down")]
        assert names.count("late-up") == 1
        assert names[0] == "late-up"
        assert names[-2:] == ["module-down", "late-down"]
        assert len({event["value"] for event in process if event["what"] == "late"}) == 1
        assert len([event for event in process if event["what"] == "module-up"]) == 1


def test_a_late_function_fixture_is_of_the_iteration(late):
    """A function fixture asked for with ``getfixturevalue`` is set up and torn down in each iteration, by each VU its own."""
    for process in late.processes:
        for vu in range(4):
            names = [event["what"] for event in process if event["what"].startswith("each") and event["vu"] == vu]
            assert names == ["each-up", "each", "each-down"] * (len(names) // 3)
    assert {event["vu"] for event in late.events("each")} == {0, 1, 2, 3}


ASKING = """
    import pytest
    from journal import note

    pytestmark = pytest.mark.zdt

    @pytest.fixture(scope="session")
    def broken():
        note("broken-up")
        raise RuntimeError("broken late")

    def test_monkeypatch(request, zdt_session):
        zdt_session.get("/before")
        request.getfixturevalue("monkeypatch")
        note("patched")

    def test_broken(request):
        note("asked")
        request.getfixturevalue("broken")

    def test_unknown(request):
        request.getfixturevalue("unknown")

    def test_fine(request, zdt_session):
        assert request.getfixturevalue("zdt_session") is zdt_session
        assert request.getfixturevalue("request") is not None
        assert zdt_session.get("/fine").status_code == 200
"""
asking = run_once({"test_asking.py": ASKING}, duration="800ms")


def test_asking_for_a_process_wide_fixture(asking):
    """``getfixturevalue("monkeypatch")`` fails the test, with the reason, and the others go on."""
    assert asking.words["test_monkeypatch"] == {"failed"}
    assert "monkeypatch" in asking.text("test_monkeypatch")
    assert "virtual user" in asking.text("test_monkeypatch")
    assert not asking.events("patched")
    assert asking.words["test_fine"] == {"passed"}


def test_asking_for_a_broken_fixture(asking):
    """A session fixture that cannot be set up is tried once in each worker and fails every iteration that asks for it."""
    assert asking.words["test_broken"] == {"failed"}
    assert "RuntimeError: broken late" in asking.text("test_broken")
    assert len(asking.events("broken-up")) == asking.zdt.workers < len(asking.events("asked"))


def test_asking_for_an_unknown_fixture(asking):
    """An unknown fixture fails the test with pytest's own message."""
    assert "fixture 'unknown' not found" in asking.text("test_unknown")


GROWING = """
    import gc
    from collections import Counter
    import pytest
    from journal import note

    pytestmark = pytest.mark.zdt

    @pytest.fixture(scope="session")
    def session(): return object()

    @pytest.fixture(scope="module")
    def module(session):
        yield

    @pytest.fixture
    def each(module):
        yield

    @pytest.fixture
    def asked(session):
        yield

    def visit(request):
        request.node.add_marker("seen")
        request.node.add_marker(pytest.mark.flaky(reruns=1))
        request.node.add_report_section("call", "own", "text")
        request.node.extra_keyword_matches.add(str(object()))
        request.addfinalizer(lambda: None)
        request.getfixturevalue("asked")
        sizes = {name: len(value) for name, value in vars(request.node).items() if hasattr(value, "__len__")}
        note("sizes", test=request.node.name, sizes=sizes, markers=len(list(request.node.iter_markers())))

    def kinds():
        gc.collect()
        types = (type(one) for one in gc.get_objects())
        names = Counter(f"{one.__module__}.{one.__qualname__}" for one in types)
        note("kinds", kinds=dict(names))

    def test_function(request, each, record_property, zdt_vu):
        record_property("a", 1)
        visit(request)
        if zdt_vu.iteration % 100 < 2 and zdt_vu.iteration > 90:
            kinds()

    class TestClass:
        def test_method(self, request, each, zdt_vu):
            visit(request)
            if zdt_vu.iteration % 100 < 2 and zdt_vu.iteration > 90:
                kinds()
"""


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One VU without a pace, for some hundred iterations."""
    args = ["--zdt-vus=1", "--zdt-pace=0s", "-W", "ignore::pytest.PytestUnknownMarkWarning"]
    return load(tmp_path_factory.mktemp("project"), {"test_growing.py": GROWING}, "no-xdist", *args, duration="3s")


@pytest.mark.parametrize("test", ["test_function", "test_method"])
def test_a_test_does_not_grow(growing, test):
    """Markers, keywords, sections and properties that a test adds to its node are gone in the next iteration."""
    seen = [event for event in growing.events("sizes") if event["test"] == test]
    assert len(seen) > 50
    assert {event["markers"] for event in seen} == {seen[0]["markers"]}
    grown = {name: size for name, size in seen[-1]["sizes"].items() if size != seen[0]["sizes"][name]}
    assert grown == {}


def test_nothing_of_pytest_grows(growing):
    """The number of pytest's own objects, of functions and of generators is the same after many more iterations."""
    seen = growing.events("kinds")
    assert len(seen) >= 2
    first, last = Counter(seen[0]["kinds"]), Counter(seen[-1]["kinds"])
    ours = ("_pytest.", "pluggy.", "pytest_zdt.items", "functools.", "builtins.function", "builtins.method", "builtins.generator")
    assert {name: number for name, number in (last - first).items() if name.startswith(ours) and number > 40} == {}


PATHS = """
    import pytest
    from journal import note

    @pytest.fixture
    def file(tmp_path):
        assert list(tmp_path.iterdir()) == []
        file = tmp_path / "file"
        file.write_text("text")
        return file

    @pytest.mark.zdt
    def test_path(file, tmp_path, zdt_vu, zdt_session):
        zdt_session.get("/path")
        assert [file] == list(tmp_path.iterdir())
        note("path", vu=zdt_vu.index, path=str(tmp_path))
"""
paths = run_once({"test_paths.py": PATHS}, duration="800ms")


def test_tmp_path(paths):
    """``tmp_path`` is empty at the start of each iteration, and no other VU's."""
    assert paths.words == {"test_path": {"passed"}}
    owners: dict[str, set[int]] = {}
    for event in paths.events("path"):
        owners.setdefault(event["path"], set()).add(event["vu"])
    assert all(len(vus) == 1 for vus in owners.values())
    assert set.union(*owners.values()) == {0, 1, 2, 3}


def test_tmp_path_leaves_nothing(paths):
    """After the run there is no file of any iteration left."""
    assert paths.events("path")
    assert not [event["path"] for event in paths.events("path") if Path(event["path"]).exists()]
    assert not list((paths.path / "temporary").rglob("file"))
