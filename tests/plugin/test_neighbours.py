"""pytest's own options and other plugins beside a load run."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.plugin.conftest import MODES
from tests.plugin.project import Project, Ran, load, serving

CONFTEST = """
    def pytest_configure(config):
        config.addinivalue_line("markers", "slow: a marker of the user's")
        config.addinivalue_line("markers", "xdist_group: known without xdist too")
"""
ONE = """
    import pytest

    @pytest.mark.zdt
    def test_one(zdt_session):
        assert zdt_session.get("/one").json()["path"] == "/one"

    @pytest.mark.zdt
    @pytest.mark.slow
    @pytest.mark.xdist_group("together")
    def test_two(zdt_session):
        assert zdt_session.get("/two").status_code == 200

    @pytest.mark.zdt
    @pytest.mark.xdist_group("together")
    @pytest.mark.parametrize("path", ["a", "b"])
    def test_path(zdt_session, path):
        assert zdt_session.get(f"/{path}").status_code == 200

    def test_ordinary():
        raise AssertionError("not a zdt test")
"""
OTHER = """
    import pytest

    class TestOther:
        @pytest.mark.zdt
        @pytest.mark.slow
        def test_three(self, zdt_session):
            assert zdt_session.get("/three").status_code == 200
"""
FILES = {"conftest.py": CONFTEST, "test_a.py": ONE, "test_b.py": OTHER}
PASSED = {name: {"passed"} for name in ("test_one", "test_two", "test_path[a]", "test_path[b]", "test_three")}
PATHS = {"/one", "/two", "/a", "/b", "/three"}
modes = pytest.mark.parametrize("mode", MODES)


def words(ran: Ran) -> dict[str, set[str]]:
    """pytest's words for the tests that ran, without the group that ``--dist loadgroup`` adds to their ids."""
    return {name.partition("@")[0]: found for name, found in ran.words.items() if found != {"deselected"}}


def once_each(ran: Ran) -> bool:
    """Whether each test was reported once: one set-up, one call, one tear-down."""
    return all([report["when"] for report in reports] == ["setup", "call", "teardown"] for reports in ran.reports.values())


@modes
def test_randomly(tmp_path, mode):
    """With pytest-randomly all tests are driven and reported once; only their order may differ."""
    pytest.importorskip("pytest_randomly")
    ran = load(tmp_path, FILES, mode, "-p", "randomly", "--randomly-seed=3")
    ran.result.stdout.fnmatch_lines(["Using --randomly-seed=3"])
    assert words(ran) == PASSED
    assert once_each(ran)
    assert set(ran.hits) == PATHS
    assert len(ran.zdt.column("sent")) == ran.hits.total()
    assert ran.result.ret == 10


def test_randomly_keeps_the_users_random_numbers(tmp_path):
    """`zdt_vu.random` is seeded by ``--zdt-seed`` alone: pytest-randomly does not make all iterations draw the same numbers."""
    pytest.importorskip("pytest_randomly")
    drawing = """
        import random
        import pytest
        from journal import note

        @pytest.mark.zdt
        def test_draw(zdt_vu, zdt_session):
            zdt_session.get("/draw")
            note("draw", vu=zdt_vu.index, own=zdt_vu.random.random(), common=random.random())
    """
    ran = load(tmp_path, {"test_draw.py": drawing}, "n0", "-p", "randomly", "--randomly-seed=3")
    draws = ran.events("draw")
    assert len({event["own"] for event in draws}) == len({event["common"] for event in draws}) == len(draws) > 8


@pytest.mark.parametrize(
    ("mode", "args", "paths"),
    [
        ("n2", ["-k", "two or path and not b"], {"/two", "/a"}),
        ("no-xdist", ["-m", "slow and not xdist_group"], {"/three"}),
        ("n0", ["--deselect", "test_a.py::test_one", "--deselect=test_b.py"], {"/two", "/a", "/b"}),
        ("n2", ["test_b.py", "test_a.py::test_path"], {"/three", "/a", "/b"}),
    ],
    ids=["keyword", "marker", "deselect", "paths"],
)
def test_selection(tmp_path, mode, args, paths):
    """``-k``, ``-m`` with an expression, ``--deselect`` and paths choose among the zdt tests; nothing else is driven."""
    ran = load(tmp_path, FILES, mode, *args, duration="600ms")
    assert set(ran.hits) == paths
    assert list(words(ran).values()) == [{"passed"}] * len(paths)
    assert ran.result.ret == 10


@modes
def test_junit(tmp_path, mode):
    """The JUnit file has each test once, with the number of its iterations, beside the requirements."""
    ran = load(tmp_path, FILES, mode, "--junitxml=junit.xml")
    suite = ElementTree.parse(tmp_path / "junit.xml").find(".//testsuite")
    cases = [case for case in suite.iter("testcase") if case.get("classname") != "zdt.requirements"]
    assert suite.get("tests") == str(len(PASSED) + len(ran.zdt.verdict["requirements"]))
    found = {}
    for case in cases:
        assert case.get("name") not in found
        properties = {one.get("name"): one.get("value") for one in case.iter("property")}
        assert properties["zdt_failed_iterations"] == "0"
        found[case.get("name")] = int(properties["zdt_iterations"])
    assert found.keys() == PASSED.keys()
    assert found["test_one"] == ran.hits["/one"]
    assert sum(found.values()) == ran.hits.total() == ran.zdt.mark("run-ended")["iterations"]


@pytest.mark.parametrize("dist", ["each", "load", "loadscope", "loadfile", "loadgroup", "worksteal"])
def test_dist(tmp_path, dist):
    """Whatever ``--dist`` says, both workers drive every test, each is reported once, and groups are of no concern."""
    ran = load(tmp_path, FILES, "n2", f"--dist={dist}", duration="600ms")
    assert words(ran) == PASSED
    assert once_each(ran)
    assert set(ran.hits) == PATHS
    assert set(ran.zdt.column("vu")) == {0, 1, 2, 3}
    assert ran.result.ret == 10


@modes
def test_last_failed(tmp_path, mode):
    """``--lf`` after a load run drives the tests that failed in it."""
    args = [*MODES[mode], "--zdt-target=mine", "--zdt-duration=600ms", "--zdt-overwrite"]
    with serving() as api:
        project = Project(tmp_path, api).write({**FILES, "test_a.py": ONE.replace('== "/one"', '== "/other"')})
        assert project.runpytest_subprocess(*args, timeout=60).ret == 1
        api.hits.clear()
        assert project.runpytest_subprocess(*args, "--lf", timeout=60).ret == 1
        assert set(api.hits) == {"/one"}


@pytest.mark.parametrize(
    ("mode", "args"),
    [
        ("n2", ["-v", "--tb=line"]),
        ("n0", ["-q", "-q"]),
        ("n2", ["-s"]),
        ("n0", ["-rA", "--durations=3"]),
        ("n2", ["-p", "no:terminal"]),
        ("no-xdist", ["-p", "no:logging"]),
    ],
    ids=str,
)
def test_output_options(tmp_path, mode, args):
    """pytest's options of the output change the output only."""
    ran = load(tmp_path, FILES, mode, *args, duration="600ms")
    assert ran.result.ret == 10
    assert once_each(ran)
    assert set(ran.hits) == PATHS


@pytest.mark.parametrize("mode", ["n0", "n2"])
def test_without_timeout(tmp_path, mode):
    """``-p no:timeout`` takes nothing else away."""
    ran = load(tmp_path, FILES, mode, "-p", "no:timeout", duration="600ms")
    assert ran.result.ret == 10
    assert set(ran.hits) == PATHS


@pytest.mark.parametrize("mode", ["n0", "n2"])
def test_timeout_is_for_an_iteration(tmp_path, mode):
    """``--timeout=1`` does not end a load of 3 s: it is the limit of one iteration."""
    ran = load(tmp_path, FILES, mode, "--timeout=1", duration="3s")
    assert words(ran) == PASSED
    assert ran.zdt.verdict["requirements"]["load"]["status"] == "verified"
    assert ran.result.ret == 10
