"""A load run: every test is repeated by every virtual user, and reported once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from xml.etree import ElementTree

import pytest

from tests.signals import heed

ONE = """
    import pytest
    @pytest.mark.zdt
    def test_one(zdt_session):
        assert zdt_session.get("/one").json()["path"] == "/one"
"""
MANY = """
    import json, os, pytest
    SEEN = {"up": [], "down": [], "session": [], "session_down": []}

    @pytest.fixture(scope="session")
    def once():
        SEEN["session"].append(1)
        yield "once"
        SEEN["session_down"].append(1)

    @pytest.fixture
    def each(once):
        SEEN["up"].append(1)
        yield object()
        SEEN["down"].append(1)

    @pytest.fixture(scope="session", autouse=True)
    def counted(pytestconfig):
        yield
        pytestconfig.zdt_seen = SEEN

    @pytest.mark.zdt
    def test_fixtures(zdt_session, each, once):
        assert once == "once"
        assert zdt_session.get("/fixtures").status_code == 200

    @pytest.mark.zdt
    @pytest.mark.parametrize("path", ["a", "b"])
    def test_parametrized(zdt_session, path):
        assert zdt_session.get(f"/{path}").json()["path"] == f"/{path}"

    class TestClass:
        @pytest.mark.zdt
        def test_instance(self, zdt_session):
            assert not vars(self)
            self.used = zdt_session.get("/instance")

    @pytest.mark.zdt
    def test_skip(zdt_session):
        pytest.skip("not today")
"""
COUNTS = """
    import json, os
    def pytest_sessionfinish(session):
        seen = getattr(session.config, "zdt_seen", None)
        if seen:
            (session.config.rootpath / f"seen-{os.getpid()}.json").write_text(json.dumps({k: len(v) for k, v in seen.items()}))
"""


@pytest.mark.parametrize("dist", ["loadscope", "worksteal"])
def test_every_test_is_reported_once_whatever_dist(make_zdt, api, pytester, dist):
    """Every worker runs every test and each is reported once, whatever ``--dist`` says."""
    pytester.makepyfile(MANY)
    result = make_zdt("n2").load(f"--dist={dist}")
    result.assert_outcomes(passed=4, skipped=1)


def test_fixtures_classes_parameters_and_skips(zdt, api, pytester):
    """Each iteration has its own function fixtures and instance, each worker its session fixture; tests are reported once."""
    pytester.makepyfile(MANY)
    pytester.makeconftest(COUNTS)
    result = zdt.load("--junitxml=junit.xml", duration="1s")
    result.assert_outcomes(passed=4, skipped=1)
    assert result.ret == 10
    seen = [json.loads(path.read_text()) for path in pytester.path.glob("seen-*.json")]
    assert [one["session"] for one in seen] == [one["session_down"] for one in seen] == [1] * zdt.workers
    assert all(one["up"] == one["down"] > 1 for one in seen)
    # The end may catch each of the four users between its set-up and its request, which then is not sent.
    assert 0 <= sum(one["up"] for one in seen) - api.hits["/fixtures"] <= 4
    assert all(api.hits[path] for path in ("/a", "/b", "/instance"))
    cases = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    cases = [case.get("name") for case in cases if case.get("classname") != "zdt.requirements"]
    names = ["test_fixtures", "test_instance", "test_parametrized[a]", "test_parametrized[b]", "test_skip"]
    assert sorted(cases) == names


def test_a_test_that_never_had_its_turn(make_zdt, pytester):
    """It is reported as skipped, and the run has not shown what it asks for: one user, who starts one test in ten seconds."""
    pytester.makepyfile(MANY)
    zdt = make_zdt("n2")
    result = zdt.load("--zdt-vus=1", "--zdt-pace=10s", "-rs", "--zdt-seed=1")
    counts = result.parseoutcomes()
    assert (sum(counts.values()), counts["skipped"] >= 4) == (5, True)
    result.stdout.fnmatch_lines(["SKIPPED*the load ended before any virtual user came to it"])
    ended, load = zdt.mark("run-ended"), zdt.verdict["requirements"]["load"]
    assert (ended["tests"], len(ended["unrun_tests"])) == (5, 4)
    assert load["reason"] == "tests-not-run"
    assert all(test in load["detail"] for test in ended["unrun_tests"])
    assert result.ret == 10


def test_a_clean_run_without_a_deployment(zdt, api, pytester):
    """A clean run on one version proves nothing: exit status 10, and every request on both lanes is in the evidence, once."""
    pytester.makepyfile(ONE)
    result = zdt.load(duration="1s")
    result.assert_outcomes(passed=1)
    assert result.ret == 10
    verdict = zdt.verdict
    assert (verdict["verdict"], verdict["level"]) == ("inconclusive", None)
    assert verdict["requirements"]["version-change"]["reason"] == "no-version-change"
    assert verdict["requirements"]["failures"]["status"] == verdict["requirements"]["load"]["status"] == "verified"
    assert set(zdt.column("lane")) == {"reused", "new"}
    assert set(zdt.column("vu")) == {0, 1, 2, 3}
    assert len(zdt.column("sent")) == api.hits["/one"] == zdt.mark("run-ended")["iterations"] > 20


def test_a_new_version_is_seen(zdt, api, pytester):
    """A version that changes while the load runs is in the verdict, the old one first."""
    api.next_version = (20, "v2")
    pytester.makepyfile(ONE)
    zdt.load()
    assert [(version["id"], version["role"]) for version in zdt.verdict["versions"]] == [("v1", "old"), ("v2", "new")]


def test_a_failing_assert(zdt, pytester):
    """A failing assert fails the test with pytest's own diff and figures; exit status 1."""
    pytester.makepyfile("""
        import pytest
        @pytest.mark.zdt
        def test_wrong(zdt_session):
            assert zdt_session.get("/one").json()["path"] == "/other"
        @pytest.mark.zdt
        def test_right(zdt_session):
            assert zdt_session.get("/two").status_code == 200
    """)
    result = zdt.load()
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*AssertionError: assert '/one' == '/other'*"])
    result.stdout.fnmatch_lines(["*iterations failed; this is the first*"])
    assert zdt.verdict["verdict"] == "violated"


def test_server_errors_are_in_the_verdict(zdt, api, pytester):
    """A 5xx violates with its kind, once for each request the API got: nothing is sent again behind the test's back."""
    api.broken.add("/one")
    pytester.makepyfile(ONE)
    result = zdt.load()
    result.assert_outcomes(passed=1)  # it asserts on the body alone
    assert result.ret == 1
    verdict = zdt.verdict
    assert verdict["requirements"]["failures"]["reason"] == "status-5xx"
    assert sum(group["count"] for group in verdict["failures"] if group["kind"] == "status-5xx") == api.hits["/one"]
    assert len(zdt.column("sent")) == api.hits["/one"]


def test_interrupt(zdt, api, pytester):
    """Ctrl-C ends the run with exit status 2, and what was seen is judged as not verified."""
    pytester.makepyfile(ONE)
    command = [*pytester._getpytestargs(), *zdt.arguments("--zdt-duration=60s")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with pytester.popen(command, **quiet, start_new_session=True, preexec_fn=heed) as run:
        api.wait_for(hits=20)
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(30) == 2
    assert zdt.verdict["verdict"] != "verified"
    assert zdt.verdict["requirements"]["load"]["reason"] == "interrupted"


def test_a_killed_worker(make_zdt, pytester):
    """A worker that is killed takes samples with it: the load is not verified, and so nothing is."""
    zdt = make_zdt("n2")
    pytester.makepyfile("""
        import os, pytest
        @pytest.mark.zdt
        def test_killer(zdt_session):
            zdt_session.get("/one")
            try:
                os.close(os.open("killed", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return
            os.kill(os.getpid(), 9)
    """)
    result = zdt.load(duration="2s")
    assert result.ret not in (0, pytest.ExitCode.INTERNAL_ERROR)
    assert zdt.verdict["verdict"] != "verified"
    assert zdt.verdict["requirements"]["load"]["reason"] == "worker-lost"
