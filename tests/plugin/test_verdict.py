"""What a load run is judged by: flows, health, limits, polled versions, marks of others; and that it can be judged again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pytest_zdt.cli import main

ONE = """
import pytest

@pytest.mark.zdt
def test_one(zdt_session):
    assert zdt_session.get("/one").status_code == 200
"""
FLOWING = """
import pytest

@pytest.mark.zdt
def test_one(zdt_session, zdt_flow):
    flow = zdt_flow("thing")
    if flow.value is not None:
        used = zdt_session.get(f"/{flow.value}")
        flow.used_on(used)
        assert used.json()["path"] == f"/{flow.value}"
    made = zdt_session.get("/make")
    flow.made_by(made, made.json()["version"])
"""


def test_a_flow_crosses_from_version_to_version(once, api, pytester):
    """What an iteration of the old version made is used by a later one on the new version, and counted."""
    api.next_version = (60, "v2")
    pytester.makepyfile(FLOWING)
    once.load(duration="2s")
    pairs = {(flow["flow"], flow["made_by"], flow["used_on"]): flow["requests"] for flow in once.verdict["flows"]}
    assert set(pairs) == {("thing", "v1", "v1"), ("thing", "v1", "v2"), ("thing", "v2", "v2")}
    assert 1 <= pairs["thing", "v1", "v2"] <= 4


def test_a_flow_that_fails_on_the_new_version(once, api, pytester):
    """A value of the old version that the new one refuses violates requirement flows, with the pair."""
    api.next_version = (60, "v2")
    api.refuses = ("/v1", "v2")
    pytester.makepyfile(FLOWING)
    assert once.load(duration="2s").ret == 1
    flows = once.verdict["requirements"]["flows"]
    assert (flows["status"], flows["reason"]) == ("violated", "flow-broken")
    assert "thing made by v1, used on v2" in flows["detail"]


FLAKY = """
import pytest

@pytest.mark.zdt
def test_flaky(zdt_session, zdt_vu):
    path = "/bad" if zdt_vu.iteration % 10 == 5 else "/one"
    assert zdt_session.get(path, name="GET /one").status_code == 200
"""
BUDGET = '[require]\nmax-failures = "90%"\nmax-outage = "30s"\nversion-change = {change}\nlag = "10s"\npair-uses = 0\n'


@pytest.mark.parametrize(("change", "status", "verdict"), [("false", 0, "verified"), ("true", 10, "inconclusive")])
def test_failures_within_a_budget_fail_no_test(change, status, verdict, zdt, api, pytester):
    """Exit status and JUnit file are the verdict's: a test that passed else passes, with its failed iterations told."""
    with Path("zdt.toml").open("a") as configuration:
        configuration.write(BUDGET.format(change=change))
    api.broken.add("/bad")
    pytester.makepyfile(FLAKY)
    result = zdt.load("--junitxml=junit.xml", duration="4s")
    assert zdt.verdict["verdict"] == verdict
    assert result.ret == status
    suite = ElementTree.parse("junit.xml").getroot()[0]
    assert suite.get("failures") == "0"
    (test,) = (case for case in suite.iter("testcase") if case.get("name") == "test_flaky")
    told = {one.get("name"): one.get("value") for one in test.iter("property")}
    failed = sum(group["count"] for group in zdt.verdict["failures"])
    assert int(told["zdt_failed_iterations"]) == failed > 0


def test_a_test_that_always_fails_fails_within_a_budget_too(once, api, pytester, monkeypatch, tmp_path):
    """It has proven nothing; where the verdict tells of no violation, the step's summary says why the exit status is 1."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    with Path("zdt.toml").open("a") as configuration:
        configuration.write(BUDGET.format(change="false"))
    api.broken.add("/bad")
    pytester.makepyfile(FLAKY + FLAKY.replace("test_flaky", "test_broken").replace("% 10 == 5", ">= 0"))
    assert once.load(duration="4s").ret == 1
    assert once.verdict["verdict"] != "violated"
    told = (tmp_path / "summary").read_text()
    assert "Exit status 1, whatever the verdict, since 1 test failed" in told
    assert "test_broken" in told


def test_a_flow_that_nobody_uses(once, api, pytester):
    """What was made and never asked for again is in the evidence, and no pair of it is proven."""
    api.next_version = (60, "v2")
    pytester.makepyfile(FLOWING.replace("if flow.value is not None", "if False"))
    once.load(duration="2s")
    assert once.mark("run-ended")["made_flows"] == ["thing"]
    flows = once.verdict["requirements"]["flows"]
    assert (flows["status"], flows["reason"]) == ("inconclusive", "pair-unused")
    assert "thing v1 -> v2: 0 of" in flows["detail"]


def test_the_health_of_the_generator_is_in_the_evidence(zdt, pytester):
    """Each worker tells of every second, and the requirement rests on it."""
    with Path("zdt.toml").open("a") as configuration:
        configuration.write('[require]\nlag = "10s"\n')  # however busy this machine is
    pytester.makepyfile(ONE)
    zdt.load(duration="3s")
    generator = zdt.verdict["generator"]
    assert zdt.verdict["requirements"]["generator"]["status"] == "verified"
    assert 0 <= generator["lag_p99_ms"] <= generator["lag_max_ms"]
    assert 0 < generator["cpu_share"] < 1
    assert zdt.mark("run-ended")["health"] >= 3 * zdt.workers
    assert generator["lost_samples"] == 0


def test_a_limit_on_the_latency(once, pytester):
    """A limit of one endpoint violates where it is broken; the other endpoints keep theirs."""
    with Path("zdt.toml").open("a") as configuration:
        configuration.write("""
[require]
p95 = "10s"
version-change = false
[require.endpoints."GET /one"]
max = "0.00001s"
window = "run"
""")
    pytester.makepyfile(ONE.replace("assert", 'zdt_session.get("/two")\n    assert'))
    assert once.load().ret == 1
    latency = once.verdict["requirements"]["latency"]
    assert (latency["status"], latency["reason"]) == ("violated", "too-slow")
    assert "GET /one: max " in latency["detail"]
    assert "GET /two" not in latency["detail"]


def test_versions_are_polled(once, api, pytester):
    """With a version URL the answers are attributed by time, and the run says so."""
    api.next_version = (60, "v2")
    Path("zdt.toml").write_text(Path("zdt.toml").read_text() + 'version = "url:/now#version"\n')
    pytester.makepyfile(ONE)
    once.load(duration="4s")
    assert [version["id"] for version in once.verdict["versions"]] == ["v1", "v2"]
    assert "attributed by time" in once.verdict["requirements"]["version-change"]["detail"]
    assert set(once.column("version")) == {""}


def test_a_mark_from_a_deploy_script(once, pytester):
    """`pytest-zdt mark` adds to the run that is under way, and the evidence is whole."""
    pytester.makepyfile(ONE)
    command = f"{sys.executable} -m pytest_zdt mark half-way --report zdt-report"
    once.load("--zdt-deploy", command, "--zdt-tail=1s", duration="30s")
    mark = once.mark("half-way")
    assert mark == {}
    assert once.verdict["requirements"]["load"]["status"] == "verified"


def test_judged_again_gives_the_same_bytes(once, api, pytester):
    """`pytest-zdt judge` of a run's directory, or of a copy of it, writes the verdict that the run wrote."""
    api.next_version = (30, "v2")
    pytester.makepyfile(ONE)
    result = once.load()
    copy = pytester.path / "copy"
    shutil.copytree(once.report, copy)
    (copy / "verdict.json").unlink()
    assert main(["judge", str(copy)]) == result.ret
    assert (copy / "verdict.json").read_bytes() == (once.report / "verdict.json").read_bytes()


def test_two_machines_are_judged_as_one(once, api, pytester):
    """Two runs beside each other against one API, merged: the requests of both, no virtual user twice."""
    pytester.makepyfile(ONE)
    command = [sys.executable, "-m", "pytest", *once.arguments("--zdt-duration=2s")]
    runs = [
        subprocess.Popen([*command, f"--zdt-report={name}"], stdout=subprocess.DEVNULL, env=os.environ) for name in ("a", "b")
    ]
    assert [run.wait(60) for run in runs] == [10, 10]
    assert main(["merge", "a", "b", "-o", "both"]) == 10
    once.folder = "both"
    assert len(once.column("sent")) == api.hits["/one"]
    assert set(once.column("vu")) == set(range(8))
    assert once.verdict["requirements"]["load"]["status"] == "verified"
