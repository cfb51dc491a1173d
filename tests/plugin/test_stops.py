"""What ends a load run before its time, or tries to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest

from tests.plugin.conftest import MODES, Zdt
from tests.plugin.project import Project, Ran, lines, load, serving

TARGET = """
    timeout = "2s"
"""
ONE = """
    import pytest

    @pytest.mark.zdt
    def test_one(zdt_session):
        assert zdt_session.get("/one").json()["path"] == "/one"
"""
modes = pytest.mark.parametrize("mode", MODES)


def marks(zdt: Zdt, name: str) -> list[dict[str, Any]]:
    """The marks of that name."""
    return [mark for mark in lines(zdt.report / "marks.ndjson") if mark["name"] == name]


def cut_short(ran: Ran) -> bool:
    """Whether a run of 30 s ended soon, violated and with exit status 1."""
    (ended,) = marks(ran.zdt, "run-ended")
    return ran.result.ret == 1 and ran.zdt.verdict["verdict"] == "violated" and ended["at"] < 10 and ran.result.duration < 25


FAILING = """
    import pytest

    pytestmark = pytest.mark.zdt

    def test_bad(zdt_session, zdt_vu):
        zdt_session.get("/bad")
        assert zdt_vu.iteration < 5

    def test_worse(zdt_session, zdt_vu):
        zdt_session.get("/worse")
        assert zdt_vu.iteration < 10

    def test_good(zdt_session):
        zdt_session.get("/good")
"""


@modes
@pytest.mark.parametrize(("option", "least"), [("-x", 1), ("--maxfail=2", 2)])
def test_maxfail(tmp_path, mode, option, least):
    """``-x`` and ``--maxfail`` end the load once so many tests have failed: exit status 1, the run is not verified."""
    ran = load(tmp_path, {"zdt.toml": TARGET, "test_failing.py": FAILING}, mode, option, duration="30s")
    assert cut_short(ran)
    assert len([name for name, words in ran.words.items() if "failed" in words]) >= least


def test_maxfail_counts_tests(tmp_path):
    """``--maxfail=2`` counts tests, not iterations: one test that always fails does not end the load."""
    ran = load(tmp_path, {"test_failing.py": FAILING.replace("< 10", ">= 0")}, "n0", "--maxfail=2", duration="1500ms")
    assert ran.words["test_bad"] == {"failed"}
    assert marks(ran.zdt, "run-ended")[0]["data"]["stopped_by"] == "duration"
    assert ran.words["test_good"] == {"passed"}


HANGS = """
    import threading
    import pytest
    from journal import note, once

    {marker}
    @pytest.mark.zdt
    def test_hangs(zdt_session, zdt_vu):
        zdt_session.get("/before")
        if zdt_vu.iteration == 2 and once("hang"):
            note("hangs", vu=zdt_vu.index)
            threading.Event().wait()
        zdt_session.get("/after")
"""


@pytest.mark.parametrize(
    ("mode", "marker", "option"),
    [(mode, "", "--timeout=1") for mode in MODES] + [("n0", "@pytest.mark.timeout(1)", "--timeout=0")],
    ids=[*MODES, "marker"],
)
def test_a_hung_test(tmp_path, mode, marker, option):
    """A test that hangs longer than its time-out fails with its stack, and another VU drives on in its place."""
    files = {"zdt.toml": TARGET, "test_hung.py": HANGS.format(marker=marker)}
    ran = load(tmp_path, files, mode, option, "--zdt-vus=1", duration="4s")
    assert ran.words == {"test_hangs": {"failed"}}
    assert "hung" in ran.text("test_hangs")
    assert "threading.Event().wait()" in ran.text("test_hangs")
    (mark,) = marks(ran.zdt, "vu-hung")
    assert mark["data"].keys() >= {"vu", "worker", "test", "after_s", "stack"}
    assert mark["data"]["test"] == "test_hung.py::test_hangs"
    assert mark["data"]["vu"] == ran.events("hangs")[0]["vu"]
    assert 1 <= mark["data"]["after_s"] < 4
    assert "threading.Event().wait()" in str(mark["data"]["stack"])
    assert len([sent for sent in ran.zdt.column("sent") if sent > mark["at"]]) > 8
    assert ran.zdt.verdict["verdict"] != "verified"
    assert ran.result.ret == 1
    assert ran.result.duration < 20


def test_a_run_whose_tests_all_hang(tmp_path):
    """With every VU hung in every iteration the run still ends in time, with its evidence."""
    always = HANGS.format(marker="").replace('if zdt_vu.iteration == 2 and once("hang"):', "if True:")
    ran = load(tmp_path, {"zdt.toml": TARGET, "test_hung.py": always}, "n0", "--timeout=1", duration="3s")
    assert {mark["data"]["vu"] for mark in marks(ran.zdt, "vu-hung")} == {0, 1, 2, 3}
    assert ran.result.ret == 1
    assert ran.result.duration < 20


@modes
def test_abort_on_violation(tmp_path, mode):
    """``--zdt-abort-on-violation`` ends a load of 60 s within seconds of the first failure that violates."""
    with serving() as api:
        project = Project(tmp_path, api).write({"zdt.toml": TARGET, "test_one.py": ONE})
        zdt = Zdt(project, mode)  # type: ignore[arg-type]
        with project.started(*zdt.arguments("--zdt-duration=60s", "--zdt-abort-on-violation")) as run:
            api.wait_for(hits=40)
            api.broken.add("/one")
            assert run.wait(20) == 1
    first = min(sent for sent, status in zip(zdt.column("sent"), zdt.column("status"), strict=True) if status == 500)
    assert marks(zdt, "run-ended")[0]["at"] - first < 3
    assert zdt.verdict["verdict"] == "violated"


def test_abort_on_violation_of_a_clean_run(tmp_path):
    """``--zdt-abort-on-violation`` changes nothing of a run without a violation."""
    ran = load(tmp_path, {"test_one.py": ONE}, "n0", "--zdt-abort-on-violation")
    assert ran.result.ret == 10
    assert marks(ran.zdt, "run-ended")[0]["data"]["stopped_by"] == "duration"


@modes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=["term", "int", "hup"])
@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["controller", "group"])
def test_signals(tmp_path, mode, number, send):
    """SIGTERM and SIGHUP end a run as Ctrl-C does, sent to pytest or to all its processes: status 2, judged, reports written."""
    with serving() as api:
        project = Project(tmp_path, api).write({"zdt.toml": TARGET, "test_one.py": ONE})
        zdt = Zdt(project, mode)  # type: ignore[arg-type]
        with project.started(*zdt.arguments("--zdt-duration=60s", "--junitxml=junit.xml")) as run:
            api.wait_for(hits=60)
            send(run.pid, number)
            assert run.wait(30) == 2
    assert zdt.verdict["verdict"] != "verified"
    assert zdt.verdict["requirements"]["load"]["reason"] == "interrupted"
    assert len(zdt.column("sent")) == api.hits["/one"]
    assert [report["when"] for report in lines(tmp_path / "reports.ndjson")] == ["setup", "call", "teardown"]
    assert 'name="test_one"' in (tmp_path / "junit.xml").read_text()
    assert "INTERNALERROR" not in project.output
    assert "Traceback" not in project.output


@modes
def test_an_output_that_nobody_reads_any_more(tmp_path, mode):
    """A reader that goes away in the middle of the run changes neither the verdict nor its exit status."""
    with serving() as api:
        project = Project(tmp_path, api).write({"zdt.toml": TARGET, "test_one.py": ONE})
        zdt = Zdt(project, mode)  # type: ignore[arg-type]
        command = [sys.executable, "-m", "pytest", *zdt.arguments("--zdt-duration=4s", "--junitxml=junit.xml")]
        with subprocess.Popen(
            command, cwd=tmp_path, env=project.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as run:
            api.wait_for(hits=40)
            run.stdout.close()
            run.stderr.close()
            assert run.wait(30) == 10
    assert marks(zdt, "run-ended")[0]["data"]["stopped_by"] == "duration"
    assert 'name="test_one"' in (tmp_path / "junit.xml").read_text()


KILLER = """
    import os
    import signal
    import pytest
    from journal import once

    @pytest.mark.zdt
    def test_killer(zdt_session, zdt_vu):
        zdt_session.get("/one")
        if zdt_vu.iteration == 60 and once("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
"""


def vus_by_worker(zdt: Zdt) -> dict[str, Counter[int]]:
    """How many samples of each VU each worker sent."""
    found: dict[str, Counter[int]] = {}
    for line in lines(zdt.report / "samples.ndjson"):
        if "vu" in line:
            found.setdefault(line["worker"], Counter()).update(line["vu"])
    return found


SLOW_END = """
import time

def pytest_runtest_logreport(report):
    if report.nodeid.endswith("test_one") and report.when == "call":
        print("reports", flush=True)
        time.sleep(1)
"""


@modes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def test_a_signal_after_the_end(number, mode, tmp_path, monkeypatch):
    """What comes when the load is over takes away neither the verdict, on the screen and as exit status, nor the step's files."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.setenv(name, str(tmp_path / name))
    with serving() as api:
        project = Project(tmp_path, api).write({"test_one.py": ONE, "conftest.py": SLOW_END, "zdt.toml": TARGET})
        zdt = Zdt(project, mode)
        with project.started(*zdt.arguments("-s", "--zdt-duration=1s")) as run:
            while "reports" not in project.output:
                assert run.poll() is None
                time.sleep(0.01)
            run.send_signal(number)
            assert run.wait(30) == 10
        assert "INCONCLUSIVE: " in project.output
        assert "inconclusive" in (tmp_path / "GITHUB_OUTPUT").read_text()
        assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text().startswith("## ")


def test_a_killed_worker_is_replaced(tmp_path):
    """The VUs of a killed worker are driven on by its replacement, until the planned end; what it had sent is kept."""
    ran = load(tmp_path, {"test_killer.py": KILLER}, "n2", duration="7s")
    (lost,) = (mark["data"]["worker"] for mark in marks(ran.zdt, "worker-lost"))
    found = vus_by_worker(ran.zdt)
    assert set(found) == {"gw0", "gw1", "gw2"}
    assert set(found["gw2"]) == set(found[lost]) in ({0, 2}, {1, 3})
    assert found[lost].total() > 20
    (ended,) = marks(ran.zdt, "run-ended")
    assert 6.5 < ended["at"] < 9
    assert ran.result.duration < 25
    assert ran.result.ret == 10
    assert ran.zdt.verdict["requirements"]["load"]["reason"] == "worker-lost"


def test_a_killed_worker_without_a_replacement(tmp_path):
    """With ``--max-worker-restart=0`` the other worker drives its own VUs to the end, and the run is not verified."""
    ran = load(tmp_path, {"test_killer.py": KILLER}, "n2", "--max-worker-restart=0", duration="4s")
    assert len(marks(ran.zdt, "worker-lost")) == 1
    assert set(vus_by_worker(ran.zdt)) == {"gw0", "gw1"}
    assert ran.result.duration < 20
    assert ran.result.ret == 10
    assert ran.zdt.verdict["verdict"] != "verified"


def test_all_workers_killed(tmp_path):
    """When every worker is killed, again and again, the run ends with its evidence and is not verified."""
    each = KILLER.replace('once("kill")', 'once(f"kill-{os.getpid()}")').replace("== 60", ">= 30")
    began = time.monotonic()
    ran = load(tmp_path, {"test_killer.py": each}, "n2", duration="4s")
    assert time.monotonic() - began < 40
    assert marks(ran.zdt, "worker-lost")
    assert ran.result.ret == 10
    assert ran.zdt.verdict["verdict"] != "verified"
