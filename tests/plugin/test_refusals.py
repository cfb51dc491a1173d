"""Tests that many virtual users cannot run at once are refused in load mode, all by name, before any request."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest

from tests.plugin.conftest import MODES
from tests.plugin.project import Ran, load, run_once

SHARED = ["monkeypatch", "capsys", "capfd", "capsysbinary", "capfdbinary", "caplog", "recwarn"]
SHARED += ["subtests"] if int(version("pytest").partition(".")[0]) >= 9 else []
TESTS = """
    import unittest
    import pytest
    from freezegun import freeze_time

    pytestmark = pytest.mark.zdt

    @pytest.fixture
    def indirect(monkeypatch):
        return 1

    class TestAll:
        @pytest.fixture(autouse=True)
        def automatic(self, caplog): pass

        def test_automatic(self, zdt_session):
            zdt_session.get("/automatic")

    def test_indirect(indirect, zdt_session):
        zdt_session.get("/indirect")

    class TestCase(unittest.TestCase):
        def test_unittest(self):
            self.assertTrue(1)

    @freeze_time("2020-01-01")
    def test_frozen():
        import datetime
        assert datetime.date.today().year == 2020

    @freeze_time("2020-01-01")
    class TestFrozen:
        def test_frozen_class(self):
            import datetime
            assert datetime.date.today().year == 2020

    def test_fine(zdt_session):
        assert zdt_session.get("/fine").status_code == 200
""" + "".join(
    f"""
    def test_{name}({name}, zdt_session):
        zdt_session.get("/{name}")
"""
    for name in SHARED
)
ASYNC = """
    import pytest

    pytestmark = pytest.mark.zdt

    async def test_coroutine(): pass

    async def test_generator(): yield

    @pytest.fixture
    async def awaited(): return 1

    @pytest.fixture
    async def streamed(): yield 1

    def test_awaited(awaited): pass

    def test_streamed(streamed): pass
"""
REFUSED = {
    **{f"test_refused.py::test_{name}": name for name in SHARED},
    "test_refused.py::TestAll::test_automatic": "caplog",
    "test_refused.py::test_indirect": "monkeypatch",
    "test_refused.py::TestCase::test_unittest": "unittest",
    "test_refused.py::test_frozen": "freez",
    "test_refused.py::TestFrozen::test_frozen_class": "freez",
    "test_async.py::test_coroutine": "async|coroutine",
    "test_async.py::test_generator": "async|coroutine",
    "test_async.py::test_awaited": "awaited",
    "test_async.py::test_streamed": "streamed",
}
refused = run_once({"test_refused.py": TESTS, "test_async.py": ASYNC}, duration="30s")


@pytest.mark.parametrize("test", REFUSED)
def test_each_is_named_with_its_reason(refused, test):
    """Every refused test is named, with what it uses, on one line."""
    found = [line.replace(test, "") for line in refused.output.splitlines() if re.search(rf"{re.escape(test)}(?!\w)", line)]
    assert any(re.search(REFUSED[test], line) for line in found), found


def test_nothing_runs(refused):
    """The exit status is 4, no request is sent, a test that would be fine is not named, and it does not take the time."""
    assert refused.result.ret == pytest.ExitCode.USAGE_ERROR
    assert not refused.hits
    assert "test_fine cannot" not in refused.output
    assert refused.result.duration < 20
    assert not (refused.zdt.report / "verdict.json").exists()


BROKEN = {
    "test_fine.py": "import pytest\n\n@pytest.mark.zdt\ndef test_fine(zdt_session):\n    zdt_session.get('/fine')\n",
    "test_broken.py": "def test_broken(:\n",
}


@pytest.mark.parametrize("mode", MODES)
def test_a_file_that_cannot_be_collected(tmp_path, mode):
    """Without one of its files a load would prove less than it seems to: nothing is driven or deployed, with xdist or without."""
    ran = load(tmp_path, BROKEN, mode, "--zdt-deploy=touch deployed", "--zdt-head=0s", duration="20s")
    assert ran.result.ret == (2 if mode == "no-xdist" or mode == "n0" else 4)
    assert "SyntaxError" in ran.output
    assert not ran.hits
    assert not (tmp_path / "deployed").exists()
    assert not (ran.zdt.report / "verdict.json").exists()


def test_a_file_that_need_not_be_collected(tmp_path):
    """Who says so has the load without it."""
    ran = load(tmp_path, BROKEN, "n2", "--continue-on-collection-errors")
    assert ran.hits["/fine"]
    assert (ran.zdt.report / "verdict.json").exists()


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The same tests, each once."""
    return load(tmp_path_factory.mktemp("smoke"), {"test_refused.py": TESTS}, "no-xdist", smoke=True)


def test_they_run_in_smoke_mode(smoke):
    """In smoke mode the same tests run and pass."""
    assert set(smoke.words) == {"test_fine", *(test.rpartition("::")[2] for test in REFUSED if "async" not in test)}
    assert all(words == {"passed"} for words in smoke.words.values())
    assert smoke.result.ret == 0


def test_collect_only_lists_them(tmp_path):
    """``--collect-only`` lists the tests, those that load mode refuses too: nothing would be run."""
    ran = load(tmp_path, {"test_refused.py": TESTS}, "no-xdist", "--collect-only", "-q")
    assert ran.result.ret == 0
    assert {"test_refused.py::test_indirect", "test_refused.py::test_fine"} < set(ran.result.stdout.lines)
    assert not ran.hits
