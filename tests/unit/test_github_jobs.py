"""What the hand-over between two jobs of a workflow run asks GitHub for, and how it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.workflow_jobs import DEPLOYMENT_JOB, LOAD_JOB, Pair, tell

HEAD = "Prove the head"


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Two machines."""
    return Pair(tmp_path)


def test_names_that_fit_no_job_or_two(pair):
    """A job that cannot be told from the others, or found among them, is named with those that there are."""
    tell(pair.load.jobs, "deploy (eu)")
    status, output = pair.load.handover("start", "pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)
    assert status == 1
    assert output.endswith("zdt: given up after 12 looks: no job of this run has the name 'deploy': there are 'deploy (eu)'\n")
    pair.load.jobs.write_text(json.dumps([{"name": "deploy", "status": "queued"}] * 2))
    status, output = pair.load.handover("start", "pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)
    assert (status, output) == (1, "zdt: 2 jobs have the name 'deploy': give them different names\n")


def test_more_jobs_than_a_page_holds(pair):
    """All pages of jobs are asked for, each once, of this attempt of this run."""
    jobs = [{"name": f"job {number}", "status": "queued", "steps": []} for number in range(230)]
    jobs[229] = {
        "name": LOAD_JOB,
        "status": "in_progress",
        "steps": [{"name": HEAD, "status": "completed", "conclusion": "success"}],
    }
    pair.deployment.jobs.write_text(json.dumps(jobs))
    assert pair.deployment.handover("await-head", ZDT_LOAD_JOB=LOAD_JOB) == (0, "zdt: the head is proven\n")
    path = "repos/somebody/something/actions/runs/77/attempts/2/jobs?per_page=100&page="
    assert pair.deployment.log.read_text().splitlines() == [f"gh\tapi\t{path}{page}" for page in (1, 2, 3)]


@pytest.mark.parametrize(
    ("job", "says"),
    [
        ({"status": "completed", "conclusion": "cancelled"}, "has ended (cancelled): nothing would watch"),
        ({"status": "completed", "conclusion": "success", "steps": [{"name": HEAD}]}, "has ended (success): nothing would watch"),
        ({"steps": [{"name": HEAD, "status": "completed", "conclusion": "cancelled"}]}, "ended as cancelled"),
        ({"steps": [{"name": HEAD, "status": "in_progress", "conclusion": None}]}, "has not proven the head within 0.3 s"),
        ({"status": "queued", "steps": None}, "has not proven the head within 0.3 s"),
    ],
)
def test_the_deployment_waits_for_nothing_else(pair, job, says):
    """Without a proven head, and a load that goes on, the deployment fails: at once if it can be told, else in time."""
    tell(pair.deployment.jobs, LOAD_JOB, **{"status": "in_progress", **job})
    status, output = pair.deployment.handover("await-head", ZDT_LOAD_JOB=LOAD_JOB, ZDT_HEAD_WITHIN="0.3")
    assert status == 1
    assert says in output


def test_the_load_is_given_more_arguments(pair):
    """Those of `args`, split as by a shell, come after the other inputs' and before what the job itself needs."""
    pair.given["inputs.args"] = "-n 2\n-k 'one or two' $HOME"
    assert pair.run()[0].conclusion == "success"
    assert pair.load.calls[-1][5:10] == ["-n", "2", "-k", "one or two", "$HOME"]


@pytest.mark.parametrize(
    ("job", "missing"),
    [
        ({}, "name"),
        ({"name": LOAD_JOB}, "status"),
        ({"name": LOAD_JOB, "status": "completed"}, "conclusion"),
        ({"name": LOAD_JOB, "status": "in_progress", "steps": [{"name": HEAD}]}, "status"),
        ({"name": LOAD_JOB, "status": "in_progress", "steps": [{"status": "queued"}]}, "name"),
        ({"name": LOAD_JOB, "status": "in_progress", "steps": [{"name": HEAD, "status": "completed"}]}, "conclusion"),
    ],
)
def test_answers_that_lack_something(pair, job, missing):
    """A job of which not all is told counts as an answer that did not come: it is asked for again, and given up in the end."""
    pair.deployment.jobs.write_text(json.dumps([job]))
    status, output = pair.deployment.handover("await-head", ZDT_LOAD_JOB=LOAD_JOB, ZDT_POLL="0")
    told = f"GitHub did not tell the jobs of this run: KeyError('{missing}')"
    assert status == 1
    assert output.splitlines() == [
        *(f"zdt: {told} (look {look} of 12)" for look in range(1, 13)),
        f"zdt: given up after 12 looks: {told}",
    ]


def test_without_a_token(pair):
    """A step that has no token is told so by GitHub's command line, which asks for nothing then."""
    status, output = pair.deployment.handover("await-head", ZDT_LOAD_JOB=LOAD_JOB, GH_TOKEN="", ZDT_POLL="0")
    assert (status, "set the GH_TOKEN environment variable" in output) == (1, True)
    assert pair.deployment.log.read_text() == ""


@pytest.mark.parametrize("limit", ["--zdt-deploy-timeout=5m", "--zdt-deploy-timeout 5m"])
def test_how_long_a_deployment_is_followed(pair, limit):
    """A limit that the load's command has is left to it."""
    pair.given["inputs.args"] = limit
    assert pair.run()[0].conclusion == "success"
    assert [word for word in pair.load.calls[-1] if "timeout" in word] == [limit.split()[0]]


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["deploy"], {}, "'deploy' is no command: start COMMAND, finish, stop, follow, await-head"),
        (["start"], {}, "'start' is no command: start COMMAND, finish, stop, follow, await-head"),
        (["finish"], {}, "no load was started in this job"),
        (["await-head"], {}, "the environment variable ZDT_LOAD_JOB is not set"),
        (["await-head"], {"ZDT_LOAD_JOB": "x", "ZDT_HEAD_WITHIN": "1h"}, "ZDT_HEAD_WITHIN: '1h' is not a number of seconds"),
        (["await-head"], {"ZDT_LOAD_JOB": "x", "GITHUB_RUN_ID": ""}, "the environment variable GITHUB_RUN_ID is not set"),
        (["await-head"], {"ZDT_LOAD_JOB": "x", "PATH": ""}, "gh, GitHub's command line, is not on the PATH"),
    ],
)
def test_wrong_calls(pair, arguments, environment, says):
    """What is wrong with a call is told in one line."""
    assert pair.load.handover(*arguments, **environment) == (1, f"zdt: {says}\n")
