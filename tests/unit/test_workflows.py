"""The workflows and the action: what each of their steps calls, and what holds for all of them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.settings import resolve
from pytest_zdt.values import duration
from tests.unit.workflows import ACTION, NAMES, ROOT, Machine, defaults, inputs_of, inputs_used, jobs_of, path_of, read, steps

TWO_JOBS = "test_handover.py, with both jobs side by side"
PIP = ["python", "-m", "pip", "install", "--quiet"]
SANDBOX = [*PIP, "-e", ".", "-e", "./api_patch", "-e", "./api_patch/sandbox"]
CALLS: dict[tuple[str, str, str], Any] = {
    ("ci.yml", "check", "Run tox"): [[*PIP, "tox"], ["tox", "-e", "lint"]],
    ("ci.yml", "tests", "Run all tests"): [["run"]],
    ("ci.yml", "smoke", "Install"): [SANDBOX],
    ("ci.yml", "smoke", "Serve the sandbox and try it"): "test_smoke_*",
    ("ci.yml", "load", "Install"): [SANDBOX],
    ("deploy-staging.yml", "deploy", "Wait until the head is proven"): TWO_JOBS,
    ("deploy-staging.yml", "deploy", "Deploy"): [["deploy.sh", "staging", "$(touch hacked) v2; touch hacked"]],
    ("zero-downtime.yml", "load", "Install"): [[*PIP, "-e", "."]],
    ("zero-downtime.yml", "load", "Prove the head"): TWO_JOBS,
    ("zero-downtime.yml", "load", "Follow the deployment"): TWO_JOBS,
    ("zero-downtime.yml", "load", "End the load"): TWO_JOBS,
    (ACTION, "action", "Install the plugin, unless it is there"): [["pytest-zdt"]],
    (ACTION, "action", "Run pytest"): [["pytest", "--zdt-target=staging", "--zdt-duration=15m", "--zdt-report=zdt-report"]],
}
"""Step -> what it calls, or where it is tried."""
CONTEXT = {"matrix.environment": "lint", "inputs.release": "$(touch hacked) v2; touch hacked"}
WANTED = {"inputs.target": "staging", "inputs.duration": "15m"}
PINS = {  # the commits of these tags in the actions' own repositories
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A runner with the programs that the steps call."""
    made = Machine(tmp_path, tmp_path / "jobs.json")
    made.program("sudo", '#!/bin/bash\nexec "$@"\n')
    for name in ("python", "tox", "pytest", "curl", ".ci/run", "./deploy.sh"):
        made.program(name)
    return made


def step(name: str, job: str, called: str) -> dict[str, Any]:
    """The step of that name."""
    (found,) = (one for one in jobs_of(name)[job]["steps"] if one.get("name") == called)
    return found


@pytest.mark.parametrize(
    ("key", "calls"), [pytest.param(*one, id=":".join(one[0])) for one in CALLS.items() if isinstance(one[1], list)]
)
def test_step_calls(machine, key, calls):
    """Each step calls what it should, with its inputs as arguments and never as code."""
    if calls == [["pytest-zdt"]]:
        machine.program("pytest-zdt")
        calls = []
    status, output = machine.run(step(*key), {**defaults(key[0]), **WANTED, **CONTEXT})
    assert (status, machine.calls) == (0, calls), output
    assert not list(machine.path.rglob("hacked"))


def test_all_steps_are_tried():
    """The table has every step that runs something, and no other."""
    assert sorted(CALLS) == sorted((name, job, one["name"]) for name, job, one in steps() if "run" in one)


def test_action_installs_the_plugin_of_its_own_version(machine):
    """Without the plugin the action installs it from its own folder."""
    machine.program("bash", '#!/bin/bash\nPATH=${PATH%%:*}:/usr/bin:/bin exec /bin/bash "$@"\n')
    status, output = machine.run(step(ACTION, "action", "Install the plugin, unless it is there"), {})
    assert (status, machine.calls) == (0, [[*PIP, str(machine.checkout)]]), output


ARGS = """-n 2
--zdt-head=2m * $(touch hacked)
--zdt-deploy='./deploy.sh staging "$v2"' "it's" a\\ b ''
"""
WORDS = ["-n", "2", "--zdt-head=2m", "*", "$(touch", "hacked)", '--zdt-deploy=./deploy.sh staging "$v2"', "it's", "a b", ""]


@pytest.mark.parametrize("wanted", [{}, {"vus": "7", "args": ARGS, "duration": "15m", "report": "a b"}])
def test_action_arguments(machine, wanted):
    """An input that is not given adds no argument; `args` is split as by a shell, and nothing in it is expanded."""
    context = {**defaults(ACTION), "inputs.target": "staging", **{f"inputs.{name}": value for name, value in wanted.items()}}
    status, output = machine.run(step(ACTION, "action", "Run pytest"), context)
    more = ["--zdt-duration=15m", "--zdt-vus=7", *WORDS] if wanted else []
    expected = ["pytest", "--zdt-target=staging", *more, f"--zdt-report={wanted.get('report', 'zdt-report')}"]
    assert (status, machine.calls) == (0, [expected]), output


@pytest.mark.parametrize("key", [(ACTION, "action", "Run pytest"), ("zero-downtime.yml", "load", "Prove the head")])
def test_arguments_with_a_quote_too_many(machine, key):
    """A quote without its counterpart in `args` fails the step before anything is called, and is what it complains of."""
    given = {"inputs.target": "staging", "inputs.args": "-k 'one", "inputs.deployment-job": "deploy"}
    machine.jobs.write_text('[{"name": "deploy", "status": "queued"}]')
    tokens = {"secrets.signing-secret": "", "github.token": "the-token"}
    status, output = machine.run(step(*key), {**defaults(key[0]), **given, **tokens})
    assert (status, machine.calls) == (1, [])
    assert "unmatched single quote" in output


def test_the_action_is_pytest_itself(machine):
    """A step that is cancelled ends pytest, which judges what it saw: the signal goes to the step's own process."""
    machine.program("pytest", "echo $$ >pid")
    run = step(ACTION, "action", "Run pytest")
    process = machine.start(run, {**defaults(ACTION), "inputs.target": "staging"})
    process.communicate(timeout=30)
    assert int((machine.checkout / "pid").read_text()) == process.pid


@pytest.mark.parametrize("status", [1, 4, 10])
def test_action_takes_over_the_exit_status(machine, status):
    """The action's step fails as pytest does, and what pytest wrote before is the step's."""
    machine.program("pytest", f'echo "verdict=violated" >>"$GITHUB_OUTPUT"\nexit {status}')
    run = step(ACTION, "action", "Run pytest")
    assert machine.run(run, {**defaults(ACTION), "inputs.target": "staging"})[0] == status
    assert machine.written("Run pytest").read_text() == "verdict=violated\n"


def test_smoke_against_the_served_sandbox(machine):
    """The sandbox is served in the background with a secret made up on the spot, and ended after the test."""
    machine.program(
        "python", f'if [[ $1 == -c ]]; then exec {sys.executable} "$@"; fi\necho $ZDT_SIGNING_SECRET >secret\nexec sleep 60'
    )
    machine.program("curl", "until [[ -s secret ]]; do sleep 0.05; done")
    machine.program("pytest", '[[ ${#ZDT_SIGNING_SECRET} -ge 40 && $ZDT_SIGNING_SECRET == "$(<secret)" ]]')
    status, output = machine.run(step("ci.yml", "smoke", "Serve the sandbox and try it"), {})
    assert status == 0, output
    tested = machine.calls[-1]  # the last one; the first is for the secret, and the other two come in any order
    asked, served = sorted(machine.calls[1:-1])
    assert served == ["python", "-m", "media_sandbox", "serve", "--port", "50280"]
    assert asked[-1].startswith("http://127.0.0.1:50280/")
    assert tested == ["pytest", "--zdt-target=local", "--zdt-smoke", "--junitxml=smoke.xml"]


@pytest.mark.parametrize("failing", ["curl", "pytest"])
def test_smoke_fails_where_the_sandbox_or_a_test_does(machine, failing):
    """The step fails if the sandbox never answers or a test fails, and prints what the sandbox said."""
    machine.program("python", "[[ $1 == -c ]] || { echo what the sandbox says; exec sleep 60; }")
    machine.program("curl", "until [[ -s serve.log ]]; do sleep 0.05; done")
    machine.program(failing, "until [[ -s serve.log ]]; do sleep 0.05; done\nexit 7")
    assert machine.run(step("ci.yml", "smoke", "Serve the sandbox and try it"), {}) == (7, "what the sandbox says\n")


def test_permissions_are_the_least():
    """Workflows have none; jobs read the code, and those that hand over the run's jobs as well."""
    for name in NAMES:
        assert read(name)["permissions"] == {}
        for job, content in jobs_of(name).items():
            more = {"actions": "read"} if name != "ci.yml" else {}
            assert content["permissions"] == {"contents": "read", **more}, (name, job)


def test_each_job_ends():
    """Each job that has a runner has a limit, and the jobs of a deployment have one beyond the load's own time."""
    for name in NAMES:
        for job, content in jobs_of(name).items():
            assert "uses" in content or content["timeout-minutes"] >= (60 if name != "ci.yml" else 15), (name, job)


def test_the_load_job_has_the_time_to_follow():
    """Its limit holds the head, the longest deployment that it follows, and the tail, with some minutes to spare."""
    given = jobs_of("deploy-staging.yml")["load"]["with"]
    needed = duration(given["head"]) + duration("75m") + duration(given["tail"])
    assert jobs_of("zero-downtime.yml")["load"]["timeout-minutes"] * 60 >= needed + 300


def test_actions_are_pinned():
    """Every action of others is named by a full commit, with its version beside it."""
    for path in (ROOT / ACTION, *(ROOT / ".github" / "workflows").iterdir()):
        found = re.findall(r"uses: (?!\./)(\S+?)@(\S+)(?: # (\S+))?$", path.read_text(), re.M)
        assert len(found) == len(re.findall(r"uses: (?!\./)", path.read_text()))
        assert all(PINS[action] == (commit, version) for action, commit, version in found), path


def test_the_token_is_not_left_in_the_checkout():
    """No checkout keeps the token."""
    checkouts = [one for _, _, one in steps() if one.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(one["with"]["persist-credentials"] is False for one in checkouts)


def test_run_steps_hold_no_expression():
    """What a workflow is given reaches its commands by variables only."""
    assert all("${{" not in one["run"] for _, _, one in steps() if "run" in one)


def test_inputs_are_those_that_there_are():
    """An expression names only inputs of its own file: GitHub takes any other for empty. Each input is used."""
    for name in (*NAMES, ACTION):
        assert inputs_used(path_of(name).read_text()) == inputs_of(name), name
    assert inputs_used("${{ inputs.duraton || inputs.vus }} inputs.no ${{ github.token }}") == {"duraton", "vus"}


def test_a_step_that_github_refuses(machine):
    """A step of a composite action needs a shell; a workflow's does not."""
    run = step(ACTION, "action", "Run pytest")
    del run["shell"]
    with pytest.raises(ValueError, match="the step 'Run pytest' of a composite action has no shell"):
        machine.start(run, {})


def test_secrets_are_named_where_they_are_needed():
    """The secret is in the environment of the step that starts the load, and passed to that job by name; nowhere else."""
    text = {name: (ROOT / ".github" / "workflows" / name).read_text() for name in NAMES} | {ACTION: (ROOT / ACTION).read_text()}
    found = [
        (name, one)
        for name, content in text.items()
        for one in re.findall(r"\S+: \$\{\{ secrets\.\S+ \}\}|secrets: inherit", content)
    ]
    assert found == [
        ("deploy-staging.yml", "signing-secret: ${{ secrets.ZDT_SIGNING_SECRET }}"),
        ("zero-downtime.yml", "ZDT_SIGNING_SECRET: ${{ secrets.signing-secret }}"),
    ]
    assert "ZDT_SIGNING_SECRET" in step("zero-downtime.yml", "load", "Prove the head")["env"]


def test_one_load_at_a_time():
    """Neither two deployments nor two loads of one target run at once, and none is cut off; the groups are not the same one."""
    load, deployment = jobs_of("zero-downtime.yml")["load"]["concurrency"], read("deploy-staging.yml")["concurrency"]
    assert load == {"group": "zdt-load-${{ inputs.target }}", "cancel-in-progress": False}
    assert deployment == {"group": "deploy-staging", "cancel-in-progress": False}


def test_uploads_come_always():
    """What a run leaves is uploaded whatever became of it, from where the run puts it."""
    uploads = [(name, one) for name, _, one in steps() if one.get("uses", "").startswith("actions/upload-artifact@")]
    assert {name for name, _ in uploads} == {"ci.yml", "zero-downtime.yml", ACTION}
    assert all(one["if"] == "always()" for _, one in uploads)
    assert {one["with"]["path"] for _, one in uploads} == {"smoke.xml", "zdt-report", "${{ inputs.report }}"}


def test_the_staging_deployment_has_what_its_load_needs():
    """Head, tail and all are at least 2, 5 and 15 minutes, and every input is one that there is."""
    caller, called = jobs_of("deploy-staging.yml"), read("zero-downtime.yml")["on"]["workflow_call"]
    given = caller["load"]["with"]
    assert caller["load"]["uses"] == "./.github/workflows/zero-downtime.yml"
    assert set(given) <= set(called["inputs"])
    assert set(caller["load"]["secrets"]) <= set(called["secrets"])
    assert {name for name, one in called["inputs"].items() if one.get("required")} <= set(given)
    assert (duration(given["head"]), duration(given["tail"]), duration(given["duration"])) == (120, 300, 900)
    options = {name: duration(given[name]) for name in ("head", "tail", "duration")}
    settings = resolve({"target": given["target"], "deploy": "x", **options}, ROOT, {"ZDT_SIGNING_SECRET": "s"})
    assert (settings.require.head, settings.require.tail, settings.duration) == (120, 300, 900)


def test_the_jobs_know_each_other_by_name():
    """Each job asks for the other by the name that GitHub gives it."""
    caller, called = jobs_of("deploy-staging.yml"), jobs_of("zero-downtime.yml")
    assert caller["load"]["with"]["deployment-job"] == caller["deploy"]["name"]
    waits = step("deploy-staging.yml", "deploy", "Wait until the head is proven")
    assert waits["env"]["ZDT_LOAD_JOB"] == f"{caller['load']['name']} / {called['load']['name']}"
    assert "needs" not in {*caller["load"], *caller["deploy"]}


def test_the_action_used_here_is_given_what_it_has():
    """The action's own load test in CI gives only inputs that there are; the outputs are of the step that runs pytest."""
    (used,) = (one for name, job, one in steps() if one.get("uses") == "./")
    assert set(used["with"]) <= set(read(ACTION)["inputs"])
    run = step(ACTION, "action", "Run pytest")["id"]
    assert {name: one["value"] for name, one in read(ACTION)["outputs"].items()} == {
        name: f"${{{{ steps.{run}.outputs.{name} }}}}" for name in ("verdict", "level", "report")
    }


def test_python_versions_are_those_of_the_package():
    """CI tests every Python that the package says it supports."""
    told = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert jobs_of("ci.yml")["tests"]["strategy"]["matrix"]["python"] == told
