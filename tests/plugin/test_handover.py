"""A load that hands over to a deployment job of a workflow by the script that the workflows call, with the plugin as the load."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
