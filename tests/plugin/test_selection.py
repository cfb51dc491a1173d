"""Which tests run, and when a run is refused."""

from __future__ import annotations

import pytest

TESTS = """
    import pytest
    @pytest.mark.zdt
    def test_one(zdt_session):
        assert zdt_session.get("/one").json()["path"] == "/one"
    @pytest.mark.zdt
    def test_two(zdt_session):
        assert zdt_session.get("/two").status_code == 200
    def test_ordinary():
        pass
"""


def test_without_a_target_the_others_run(zdt, api, pytester):
    """Without a target the zdt tests are deselected and all others run."""
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(*zdt.arguments()[:-1], timeout=60)
    result.assert_outcomes(passed=1, deselected=0 if zdt.workers > 1 else 2)
    assert not api.hits


def test_smoke_runs_each_zdt_test_once(zdt, api, pytester):
    """With a target and no duration each zdt test runs once, no other runs, and the exit status is pytest's."""
    pytester.makepyfile(TESTS)
    result = zdt.smoke()
    result.assert_outcomes(passed=2, deselected=0 if zdt.workers > 1 else 1)
    assert (result.ret, dict(api.hits)) == (0, {"/one": 1, "/two": 1})
    result.stdout.fnmatch_lines(["*smoke test: 2 requests to*(v1)*"])
    assert not zdt.report.exists()


def test_keyword(zdt, api, pytester):
    """``-k`` chooses among the zdt tests of a load run."""
    pytester.makepyfile(TESTS)
    result = zdt.load("-k", "two")
    assert result.parseoutcomes()["passed"] == 1
    assert set(api.hits) == {"/two"}


def test_collect_only_drives_no_load(zdt, api, pytester):
    """``--collect-only`` lists the zdt tests, asks the API for nothing and leaves no evidence."""
    pytester.makepyfile(TESTS)
    result = zdt.load("--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*::test_one", "*::test_two"])
    result.stdout.no_fnmatch_line("*test_ordinary*")
    assert not api.hits
    assert not zdt.report.exists()


def test_no_zdt_test(zdt, pytester):
    """A load run without a zdt test is no run: exit status 5 and no verdict."""
    pytester.makepyfile("def test_ordinary(): pass")
    assert zdt.load().ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert not (zdt.report / "verdict.json").exists()


@pytest.mark.parametrize("path", ["nosuchfile", "nosuchfile.py::test_one[a::b]"])
def test_a_path_that_is_not_there(zdt, api, pytester, path):
    """A load run of a path that is not there is refused with one line, as pytest's own runs are, whoever collects."""
    pytester.makepyfile(TESTS)
    result = zdt.load("test_a_path_that_is_not_there.py", path)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    errors = [line for line in result.outlines + result.errlines if line.startswith(("ERROR", "INTERNALERROR"))]
    assert errors == [f"ERROR: file or directory not found: {path} (looked for from {pytester.path} on)"]
    assert not api.hits


@pytest.mark.parametrize("path", ["sub/test_it.py::test_one", "--pyargs sub.test_it"])
def test_paths_that_are_there(zdt, api, pytester, path):
    """The path of a test counts without what is chosen in it, and a module's name is none."""
    pytester.makepyfile(**{"sub/__init__": "", "sub/test_it": TESTS})
    result = zdt.load(*path.split())
    assert result.ret != pytest.ExitCode.USAGE_ERROR
    assert "/one" in api.hits


def test_process_wide_fixtures_are_refused(zdt, api, pytester):
    """A test whose fixture changes the process is refused in load mode, with the reason, before any load."""
    pytester.makepyfile("""
        import pytest
        @pytest.mark.zdt
        def test_patched(zdt_session, monkeypatch):
            zdt_session.get("/patched")
    """)
    result = zdt.load()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stdout.str() + result.stderr.str()
    assert "test_patched cannot be run by many virtual users at once: it uses monkeypatch, and it changes the whole" in text
    assert not api.hits
