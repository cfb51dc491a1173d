"""The requirements in the file of ``--junitxml``: they say what the verdict says, and nobody else takes them for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.plugin.conftest import Zdt

TESTS = """
import pytest

pytestmark = pytest.mark.zdt

def test_one(zdt_session):
    assert zdt_session.get("/one").status_code == 200

def test_two(zdt_session):
    assert zdt_session.get("/two").status_code == 200
"""
CONFTEST = """
def pytest_runtest_logreport(report):
    with open("seen", "a") as file:
        print(report.nodeid, file=file)
"""
CHILD = {"verified": None, "violated": "failure", "inconclusive": "error"}
"""Status of a requirement -> the element in its test case."""


def suite(zdt: Zdt) -> ElementTree.Element:
    """The one suite of the file."""
    (found,) = ElementTree.parse(zdt.pytester.path / "junit.xml").getroot()
    return found


def figures(zdt: Zdt) -> dict[str, dict[str, str]]:
    """The properties of each requirement, by its name."""
    return {
        str(case.get("name")): {str(one.get("name")): str(one.get("value")) for one in case.iter("property")}
        for case in suite(zdt).iter("testcase")
        if case.get("classname") == "zdt.requirements"
    }


def judged(zdt: Zdt, api: Any, verdict: str) -> None:
    """A run with that verdict."""
    if verdict == "verified":
        with Path("zdt.toml").open("a") as configuration:
            configuration.write('[require]\nversion-change = false\nlag = "10s"\n')
    if verdict == "violated":
        api.broken.add("/two")
    zdt.pytester.makepyfile(TESTS)
    zdt.pytester.makeconftest(CONFTEST)
    zdt.result = zdt.load("--junitxml=junit.xml", duration="5s" if verdict == "verified" else "600ms")  # type: ignore[attr-defined]
    assert zdt.verdict["verdict"] == verdict


RUNS = [("no-xdist", "verified"), ("n2", "violated"), ("n2", "inconclusive"), ("n0", "violated"), ("no-xdist", "inconclusive")]


@pytest.mark.parametrize("zdt, verdict", RUNS, indirect=["zdt"])
def test_it_agrees_with_the_verdict(zdt, api, verdict):
    """One case for each test and each requirement: the same status, reason and figures as in verdict.json, and right counts."""
    judged(zdt, api, verdict)
    cases = list(suite(zdt).iter("testcase"))
    wanted = zdt.verdict["requirements"]
    assert [(one.get("classname"), one.get("name")) for one in cases] == [
        ("test_it_agrees_with_the_verdict", "test_one"),
        ("test_it_agrees_with_the_verdict", "test_two"),
        *(("zdt.requirements", name) for name in wanted),
    ]
    found: dict[str, list[str]] = {"failure": [], "error": [], "skipped": []}
    for case, (name, one) in zip(cases[2:], wanted.items(), strict=True):
        told = [(element.tag, element.text or "") for element in case if element.tag != "properties"]
        expected = "skipped" if name == "impact" and one["status"] != "verified" else CHILD[one["status"]]
        assert [tag for tag, _ in told] == ([expected] if expected else [])
        assert all(f"{one['status']}: {one['reason']}: {one['detail']}" in text for _, text in told)
        assert figures(zdt)[name]["zdt_status"] == one["status"]
        assert figures(zdt)[name].get("zdt_reason", "") == one["reason"]
        for tag, _ in told:
            found[tag].append(name)
    broken = verdict == "violated"
    counts = {"tests": len(cases), "skipped": len(found["skipped"]), "errors": len(found["error"])}
    counts["failures"] = len(found["failure"]) + broken
    assert {name: int(suite(zdt).get(name) or 0) for name in counts} == counts
    assert bool(found["failure"]) == broken
    zdt.result.assert_outcomes(passed=2 - broken, failed=int(broken))
    seen = set((zdt.pytester.path / "seen").read_text().split())
    assert seen == {f"test_it_agrees_with_the_verdict.py::{name}" for name in ("test_one", "test_two")}


def test_its_figures_are_those_of_the_verdict(make_zdt, api):
    """Requests, failures, phases and the generator's health."""
    zdt = make_zdt("n2")
    judged(zdt, api, "violated")
    verdict, told = zdt.verdict, figures(zdt)
    samples = str(verdict["generator"]["samples"])
    assert told["load"]["zdt_requests"] == told["failures"]["zdt_requests"] == samples
    assert told["failures"]["zdt_failures"] == str(sum(one["count"] for one in verdict["failures"])) != "0"
    assert told["load"]["zdt_duration_s"] == json.dumps(verdict["run"]["duration_s"])
    for name in ("lag_p99_ms", "lag_max_ms", "cpu_share"):
        assert told["generator"].get(f"zdt_{name}") == json.dumps(verdict["generator"][name])
    assert told["outage"]["zdt_outages"] == str(len(verdict["outages"]))
    assert told["outage"]["zdt_longest_max_s"] == json.dumps(max(one["max_s"] for one in verdict["outages"]))
    assert told["version-change"]["zdt_versions"] == "v1"


def test_a_smoke_test_has_no_requirements(make_zdt):
    """Nothing is judged in it."""
    zdt = make_zdt("n2")
    zdt.pytester.makepyfile(TESTS)
    zdt.smoke("--junitxml=junit.xml")
    assert figures(zdt) == {}
    assert suite(zdt).get("tests") == "2"


MANY = """
import pytest

@pytest.mark.zdt
@pytest.mark.parametrize("number", range(100))
def test_many(zdt_session, number):
    assert zdt_session.get("/two").status_code == 200
"""


def test_a_load_that_is_cut_short(make_zdt, api):
    """It has a case for each test all the same: those that no virtual user came to are skipped, and say so."""
    zdt = make_zdt("n0")
    api.broken.add("/two")
    zdt.pytester.makepyfile(MANY)
    result = zdt.load("--junitxml=junit.xml", "--zdt-vus=1", "-x", duration="60s")
    assert result.ret == 1
    cases = [case for case in suite(zdt).iter("testcase") if case.get("classname") != "zdt.requirements"]
    assert {case.get("name") for case in cases} == {f"test_many[{number}]" for number in range(100)}
    why = [skipped.get("message") for case in cases for skipped in case.iter("skipped")]
    assert set(why) == {"the load ended before any virtual user came to it"}
    assert len(cases) - len(why) == len([case for case in cases if case.find("failure") is not None]) > 0


RAISING = """
def pytest_runtest_logreport(report):
    raise RuntimeError("of another plugin")
"""


def test_a_plugin_that_raises(make_zdt, api):
    """The requirements are there though pytest ends with an internal error while tests are reported."""
    zdt = make_zdt("no-xdist")
    api.broken.add("/two")
    zdt.pytester.makepyfile(TESTS)
    zdt.pytester.makeconftest(RAISING)
    result = zdt.load("--junitxml=junit.xml")
    assert result.ret == 3
    assert {name: one["zdt_status"] for name, one in figures(zdt).items()} == {
        name: one["status"] for name, one in zdt.verdict["requirements"].items()
    }


def test_texts_that_xml_cannot_hold(make_zdt, api):
    """A version and an endpoint of control characters leave a file that can be read."""
    zdt = make_zdt("n0")
    api.version = "v\x01<b>\x1b&]]>\x7f"
    zdt.pytester.makepyfile(TESTS.replace('get("/one")', 'get("/one", name="\\x00\\ud800 ]]>")'))
    zdt.load("--junitxml=junit.xml", "-o", "junit_family=xunit1")
    assert "#x01" in figures(zdt)["version-change"]["zdt_versions"]
    assert "<b>" in figures(zdt)["version-change"]["zdt_versions"]
