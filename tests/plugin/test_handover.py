"""A load that hands over to a deployment job of a workflow by the script that the workflows call, with the plugin as the load."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.evidence.bundle import read_samples
from tests.plugin.conftest import Api
from tests.plugin.project import lines, serving
from tests.unit.workflow_jobs import DEPLOYMENT_JOB, tell
from tests.unit.workflows import Machine

CONFIGURATION = """
[targets.mine]
base-url = "{url}"
vus = 4
pace = "20ms"
probe-every = "0s"

[targets.mine.require]
overlap = false
pair-uses = 0
endpoint-answers = 1
lag = "5s"
"""
TEST = '''
import pytest

@pytest.mark.zdt
def test_one(zdt_session):
    """An endpoint answers."""
    zdt_session.get("/one").raise_for_status()
'''


class Load:
    """The load job's machine, with a project in its checkout, and the API."""

    def __init__(self, path: Path, api: Api) -> None:
        self.api, self.machine = api, Machine(path, path / "jobs.json")
        (self.machine.checkout / "zdt.toml").write_text(CONFIGURATION.format(url=api.url))
        (self.machine.checkout / "test_api.py").write_text(TEST)
        self.machine.program("pytest-zdt", f'exec {sys.executable} -m pytest_zdt "$@"')
        tell(self.machine.jobs, DEPLOYMENT_JOB)

    def start(self, *more: str) -> tuple[int, str]:
        """The step that proves the head."""
        options = [
            "--zdt-target=mine",
            "--zdt-head=200ms",
            "--zdt-tail=200ms",
            "-n0",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            *more,
        ]
        return self.machine.handover("start", sys.executable, "-m", "pytest", *options, ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)

    def end_deployment(self, conclusion: str, version: str) -> None:
        """The deployment job ends, and that version answers from now on."""
        self.api.version = version
        self.api.wait_for(self.api.hits.total() + 40)
        tell(self.machine.jobs, DEPLOYMENT_JOB, status="completed", conclusion=conclusion)

    def fail(self) -> None:
        """The API fails, and the evidence has it."""
        self.api.broken.add("/one")
        report, end = self.machine.checkout / "zdt-report", time.monotonic() + 30
        while not any(sample.status == 500 for sample in read_samples(report)):
            assert time.monotonic() < end
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """The load's process."""
        return int((self.machine.path / "temp" / "zdt-handover" / "pid").read_text())

    @property
    def verdict(self) -> dict[str, Any]:
        """What the load is judged."""
        return json.loads((self.machine.checkout / "zdt-report" / "verdict.json").read_text())  # type: ignore[no-any-return]

    @property
    def marks(self) -> dict[str, Any]:
        """The data of the marks by name."""
        return {mark["name"]: mark["data"] for mark in lines(self.machine.checkout / "zdt-report" / "marks.ndjson")}


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """A load job's machine."""
    with serving() as api:
        yield Load(tmp_path, api)


def test_a_deployment_that_succeeds(load):
    """The load proves its head, follows the deployment job to its end, and ends verified once its tail is clean."""
    status, output = load.start("--zdt-duration=60s")
    assert status == 0, output
    assert output.endswith("zdt: the head is proven: the deployment may start\n")
    load.end_deployment("success", "v2")
    status, more = load.machine.handover("finish")
    assert (status, load.verdict["verdict"]) == (0, "verified"), output + more
    assert "VERIFIED" in more
    assert load.marks["deploy-ended"]["exit_status"] == 0
    assert load.marks["run-ended"]["stopped_by"] == "complete"


def test_a_deployment_that_fails(load):
    """A deployment job that fails is a deployment that failed: the load says so, and is not verified."""
    assert load.start("--zdt-duration=60s")[0] == 0
    load.end_deployment("failure", "v1")
    status, _ = load.machine.handover("finish")
    (reason,) = (one["reason"] for one in load.verdict["requirements"] if one["name"] == "version-change")
    assert (status, reason, load.marks["deploy-ended"]["exit_status"]) == (10, "deploy-failed", 1)


def test_a_head_that_is_never_proven(load):
    """An API that fails proves no head: the load ends with its time, and no deployment was begun."""
    load.api.broken.add("/one")
    status, output = load.start("--zdt-duration=2s")
    assert status == 1
    assert output.endswith("zdt: the load ended with status 1 before the head was proven: nothing may be deployed\n")
    assert "deploy-started" not in load.marks


def test_a_load_that_is_cancelled(load):
    """A load that is told to end while it follows judges what it saw."""
    assert load.start("--zdt-duration=60s")[0] == 0
    status, output = load.machine.handover("stop")
    assert status == 0
    assert output.endswith("zdt: the load ended with status 2\n")
    assert load.verdict["verdict"] == "inconclusive"
    assert load.marks["run-ended"]["interrupted"] is True


def test_a_load_that_is_killed(load):
    """What a load saw that was killed while it followed is judged all the same: printed, in the summary, in the outputs."""
    assert load.start("--zdt-duration=60s")[0] == 0
    load.fail()
    os.kill(load.pid, signal.SIGKILL)
    status, output = load.machine.handover("finish")
    assert (status, load.verdict["verdict"]) == (137, "violated"), output
    assert "VIOLATED: " in output
    assert output.endswith("\nzdt: the load was killed (status 137)\n")
    report = load.machine.checkout / "zdt-report"
    assert (report / "report.html").exists()
    assert load.machine.heeded == ["::error title=zero-downtime::the load was killed (status 137)"]
    assert load.machine.written("step", "GITHUB_STEP_SUMMARY").read_text().startswith((report / "summary.md").read_text())
    outputs = load.machine.written("step").read_text().splitlines()
    assert outputs[1::3] == ["violated", "", str(report)]
    assert outputs[0::3] == [f"{name}<<{outputs[2]}" for name in ("verdict", "level", "report")]


def test_a_load_that_stop_kills(load):
    """A load that does not heed that it is told to end is killed, and what it saw is judged."""
    assert load.start("--zdt-duration=60s")[0] == 0
    load.fail()
    os.kill(load.pid, signal.SIGSTOP)
    status, output = load.machine.handover("stop", ZDT_STOP_WITHIN="0.1")
    assert (status, load.verdict["verdict"]) == (1, "violated"), output
    assert "\nVIOLATED: " in output
    assert output.endswith("zdt: the load did not end within 0.1 s: it was killed\n")
    assert "violated" in load.machine.written("step").read_text()
