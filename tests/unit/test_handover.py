"""The hand-over between a load job and a deployment job: the steps of both, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.workflow_jobs import DEPLOYMENT_JOB, LOAD_JOB, Pair, tell

HEAD, FOLLOW, END, UPLOAD = "Prove the head", "Follow the deployment", "End the load", "Upload the report"
WAIT, DEPLOY = "Wait until the head is proven", "Deploy"


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Two machines."""
    return Pair(tmp_path)


def wait_for(reached: Callable[[], bool]) -> None:
    """Waits until that is so."""
    end = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_deployment_follows_the_head_and_the_load_the_deployment(pair):
    """The deployment starts after the head is proven; the load sees its end, and its verdict and summary are its last step's."""
    load, deployment = pair.run()
    assert (load.conclusion, deployment.conclusion, pair.deployed) == ("success", "success", True), (
        load.output,
        deployment.output,
    )
    arguments = pair.load.calls[-1]
    assert arguments[:5] == ["pytest", "--zdt-target=staging", "--zdt-duration=15m", "--zdt-head=2m", "--zdt-tail=5m"]
    assert arguments[5:7] == ["--zdt-report=zdt-report", "--zdt-deploy-timeout=75m"]
    assert len(arguments) == 8
    assert load.output[HEAD] == "the head\nzdt: the head is proven: the deployment may start\n"
    assert load.output[FOLLOW] == "deployed 0\n"
    assert (pair.load.checkout / "deploy.log").read_text() == "zdt: the job 'deploy' has ended: success\n"
    assert pair.load.written(HEAD).read_text() == ""
    assert pair.load.written(FOLLOW).read_text() == "verdict=done\n"
    assert pair.load.written(FOLLOW, "GITHUB_STEP_SUMMARY").read_text() == "# the summary\n"
    assert load.conclusions[UPLOAD] == "success"


def test_the_load_finds_its_secret_and_no_other_step_does(pair):
    """The signing secret reaches the load; neither the API's callers nor the other steps print or pass it."""
    pair.pytest(before="[[ $ZDT_SIGNING_SECRET == the-secret ]] || exit 9")
    load, deployment = pair.run()
    assert load.conclusion == "success"
    assert "the-secret" not in str([load.output, deployment.output]) + pair.load.log.read_text() + pair.deployment.log.read_text()


@pytest.mark.parametrize(
    ("status", "deploy", "told", "conclusions"),
    [
        pytest.param(1, "exit 0", "deployed 0\n", ("failure", "success"), id="violated"),
        pytest.param(10, "exit 0", "deployed 0\n", ("failure", "success"), id="inconclusive"),
        pytest.param(10, "exit 3", "deployed 1\n", ("failure", "failure"), id="deployment-failed"),
        pytest.param(0, "exit 3", "deployed 1\n", ("success", "failure"), id="only-the-deployment-failed"),
    ],
)
def test_what_the_load_ends_with(pair, status, deploy, told, conclusions):
    """The load's exit status is its job's, and what it leaves is kept whatever that is; it is told how the deployment ended."""
    pair.pytest(status=status)
    pair.deployment.program("./deploy.sh", deploy)
    load, deployment = pair.run()
    assert (load.conclusion, deployment.conclusion) == conclusions
    assert load.output[FOLLOW] == told
    assert pair.load.written(FOLLOW).read_text() == "verdict=done\n"
    assert load.conclusions[UPLOAD] == "success"


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        pytest.param("exit 10", "the load ended with status 10", id="never-proven"),
        pytest.param("exit 4", "the load ended with status 4", id="refused"),
        pytest.param("exit 0", "the load ended with status 0", id="without-a-load"),
        pytest.param("kill -KILL $$", "the load ended with status 137", id="killed"),
        pytest.param("kill -KILL $PPID; exit", "the load was killed, and left no exit status", id="lost"),
    ],
)
def test_nothing_is_deployed_without_a_head(pair, ends, says):
    """A load that ends before its head is proven, however it ends, fails its job; nothing is deployed."""
    pair.pytest(before=f'echo "verdict=inconclusive" >>"$GITHUB_OUTPUT"; {ends}')
    load, deployment = pair.run()
    assert (load.conclusion, deployment.conclusion, pair.deployed) == ("failure", "failure", False)
    assert (load.conclusions[HEAD], load.conclusions[FOLLOW], load.conclusions[UPLOAD]) == ("failure", "skipped", "success")
    assert says in load.output[HEAD]
    assert "the head is not proven" in deployment.output[WAIT] or f"the job {LOAD_JOB!r} has ended" in deployment.output[WAIT]
    assert pair.load.written(HEAD).read_text() == "verdict=inconclusive\n"


def test_a_command_that_does_not_exist(pair):
    """Without pytest the load ends at once, and says so."""
    (pair.load.path / "bin" / "pytest").unlink()
    tell(pair.load.jobs, DEPLOYMENT_JOB)
    status, output = pair.load.handover("start", "no-such-pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)
    assert status == 127
    assert output.startswith("zdt: cannot start no-such-pytest: No such file or directory\n")


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "skipped", "timed_out"])
def test_the_load_is_told_that_a_deployment_did_not_succeed(pair, conclusion):
    """A deployment job that ends in any way but success is a failed deployment to the load."""
    tell(pair.load.jobs, DEPLOYMENT_JOB)
    assert pair.load.handover("start", "pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)[0] == 0
    tell(pair.load.jobs, DEPLOYMENT_JOB, status="completed", conclusion=conclusion)
    assert pair.load.handover("finish") == (0, "deployed 1\n")
    assert conclusion in (pair.load.checkout / "deploy.log").read_text()


def test_a_cancelled_run_ends_the_load(pair):
    """When the run is cancelled while the load follows, the load is told to end, and what it judges is kept."""
    load, deployment = pair.jobs()
    over = pair.deployment.path / "over"
    pair.deployment.program("./deploy.sh", f"until [[ -e {over} ]]; do sleep 0.05; done")
    with load, deployment:
        wait_for(lambda: pair.deployed and load.under_way == FOLLOW)
        deployment.cancel()
        load.cancel()
        wait_for(lambda: END in load.conclusions)
        over.touch()
    assert (load.conclusion, deployment.conclusion) == ("cancelled", "cancelled")
    assert load.output[END] == "zdt: the load still runs: it is told to end\nstopped\nzdt: the load ended with status 2\n"
    assert pair.load.written(END).read_text() == "verdict=inconclusive\n"
    assert load.conclusions[UPLOAD] == "success"


def test_a_run_cancelled_before_the_head(pair):
    """When the run is cancelled while the head is being proven, the load is told to end too, and nothing is deployed."""
    pair.pytest(before="echo begun >>output; sleep 30 & wait $!")
    load, deployment = pair.jobs()
    with load, deployment:
        wait_for((pair.load.checkout / "output").exists)
        load.cancel()
    assert (load.conclusion, deployment.conclusion, pair.deployed) == ("cancelled", "failure", False)
    assert load.output[END].endswith("stopped\nzdt: the load ended with status 2\n")


def test_a_load_that_lost_its_keeper(pair):
    """It still is a load: it is waited for."""
    pair.pytest(before="kill -KILL $PPID; sleep 1; echo it still drives; exit 3")
    tell(pair.load.jobs, DEPLOYMENT_JOB)
    status, output = pair.load.handover("start", "pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)
    assert (status, output) == (1, "the head\nit still drives\nzdt: the load was killed, and left no exit status\n")


REPORT = """
mkdir -p evidence; touch {when} evidence/run.json; echo '{{"verdict": "violated", "level": null}}' >evidence/verdict.json
echo "# what is left" >evidence/summary.md
"""
"""What a load has written before it is killed, in reality without what is judged."""


def killed(pair: Pair, before: str = "", when: str = "", judged: str = "echo judged; exit 1") -> tuple[int, str]:
    """Exit status and output of `finish` after a load that was killed in the rollout."""
    pair.pytest(before=REPORT.format(when=when), after=f"{before}\nkill -KILL $$")
    pair.load.program("pytest-zdt", judged)
    tell(pair.load.jobs, DEPLOYMENT_JOB)
    assert pair.load.handover("start", "pytest", "--zdt-report", "evidence", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)[0] == 0
    tell(pair.load.jobs, DEPLOYMENT_JOB, status="completed", conclusion="success")
    return pair.load.handover("finish")


def test_a_killed_load_is_judged_once(pair):
    """A load that was killed is judged by its first step that sees it, whichever; the later ones add nothing."""
    report = str(pair.load.checkout / "evidence")
    assert killed(pair) == (137, "deployed 0\njudged\nzdt: the load was killed (status 137)\n")
    assert pair.load.calls[-1] == ["pytest-zdt", "judge", report]
    assert pair.load.written("step", "GITHUB_STEP_SUMMARY").read_text().startswith("# what is left\n")
    told = pair.load.written("step").read_text()
    assert told.splitlines()[1::3] == ["violated", "", report]
    assert pair.load.handover("stop") == (0, "")
    assert pair.load.written("step").read_text() == told


def test_a_load_that_was_killed_after_its_verdict(pair):
    """A load that has told its verdict is not judged again."""
    status, output = killed(pair, before='echo "verdict=done" >>"$GITHUB_OUTPUT"; echo "# own" >>"$GITHUB_STEP_SUMMARY"')
    assert (status, output) == (137, "deployed 0\nzdt: the load was killed (status 137)\n")
    assert pair.load.written("step").read_text() == "verdict=done\n"
    assert pair.load.written("step", "GITHUB_STEP_SUMMARY").read_text().startswith("# own\n")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"judged": "echo no such run; exit 4"}, "no such run\n", id="not-judged"),
        pytest.param({"when": "-d 2020-01-01"}, "", id="of-an-earlier-run"),
        pytest.param({"before": "rm -r evidence"}, "", id="none"),
    ],
)
def test_a_killed_load_without_evidence(pair, given, says):
    """Where nothing can be judged, or only what an earlier load left, there are no outputs."""
    assert killed(pair, **given) == (137, f"deployed 0\n{says}zdt: the load was killed (status 137)\n")
    assert pair.load.written("step").read_text() == ""


def test_a_load_that_ended_while_no_step_looked(pair):
    """The last step tells of a load that has ended by itself after its step was cut off."""
    tell(pair.load.jobs, DEPLOYMENT_JOB)
    assert pair.load.handover("start", "pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)[0] == 0
    tell(pair.load.jobs, DEPLOYMENT_JOB, status="completed", conclusion="success")
    wait_for((pair.load.path / "temp" / "zdt-handover" / "status").exists)
    status, output = pair.load.handover("stop")
    assert (status, output.endswith("deployed 0\nzdt: the load ended with status 0\n")) == (0, True)  # its keeper may still end
    assert pair.load.written("step").read_text() == "verdict=done\n"


def test_a_load_that_does_not_end(pair):
    """No load outlives its job: one that does not heed Ctrl-C is killed."""
    pair.pytest(after="trap '' INT; echo $$ >pid; while :; do sleep 0.1; done")
    tell(pair.load.jobs, DEPLOYMENT_JOB, status="in_progress")
    assert pair.load.handover("start", "pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)[0] == 0
    tell(pair.load.jobs, DEPLOYMENT_JOB, status="completed", conclusion="success")
    wait_for((pair.load.checkout / "pid").exists)
    status, output = pair.load.handover("stop", ZDT_STOP_WITHIN="0.5")
    assert status == 1
    assert output.endswith("zdt: the load did not end within 0.5 s: it was killed\n")
    pid = (pair.load.checkout / "pid").read_text().strip()
    wait_for(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes())


def test_the_api_fails_now_and_then(pair):
    """Answers that do not come are told and asked for again; they change nothing."""
    pair.pytest(before='echo 3 >"$BROKEN"')
    pair.deployment.broken.write_text("4")
    load, deployment = pair.run()
    assert (load.conclusion, deployment.conclusion, pair.deployed) == ("success", "success", True)
    told = deployment.output[WAIT] + (pair.load.checkout / "deploy.log").read_text()
    assert told.count("GitHub did not tell the jobs of this run: HTTP 502: Bad Gateway (look ") == 7


def test_the_api_fails_for_good(pair):
    """Without the API there is no load and no deployment: after twelve looks both jobs fail, with what the API said."""
    pair.load.broken.write_text("999")
    pair.deployment.broken.write_text("999")
    load, deployment = pair.run()
    assert (load.conclusion, deployment.conclusion, pair.deployed) == ("failure", "failure", False)
    assert "pytest" not in {call[0] for call in pair.load.calls}
    for output in (load.output[HEAD], deployment.output[WAIT]):
        assert output.splitlines()[-1] == (
            "zdt: given up after 12 looks: GitHub did not tell the jobs of this run: HTTP 502: Bad Gateway"
        )


def test_a_deployment_that_did_not_wait(pair):
    """A deployment job that is over before the load begins is found out before any load."""
    tell(pair.load.jobs, DEPLOYMENT_JOB, status="completed", conclusion="success")
    status, output = pair.load.handover("start", "pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)
    assert (status, pair.load.calls) == (1, [])
    assert output == (
        "zdt: the job 'deploy' has ended (success) before the head was proven: "
        "let it wait for the head, and run all jobs again, not only those that failed\n"
    )


def test_a_deployment_that_ends_before_the_head(pair):
    """When the deployment job fails while the head is being proven, the load is ended at once."""
    tell(pair.load.jobs, DEPLOYMENT_JOB)
    ended = '[{"name": "deploy", "status": "completed", "conclusion": "failure"}]'
    pair.pytest(before=f"echo '{ended}' >\"$JOBS\"", after="sleep 30 & wait $!")
    status, output = pair.load.handover("start", "pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)
    assert status == 1
    assert "the deployment was not started" in output
    assert output.endswith("stopped\nzdt: the load ended with status 2\n")
    assert "has ended (failure) before the head was proven" in (pair.load.checkout / "deploy.log").read_text()
    assert pair.load.handover("stop") == (0, "")


def test_one_load_in_a_job(pair):
    """A second load in a job is refused: both would write to the same files."""
    tell(pair.load.jobs, DEPLOYMENT_JOB)
    assert pair.load.handover("start", "pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)[0] == 0
    status, output = pair.load.handover("start", "pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)
    assert status == 1
    assert output.startswith("zdt: a load was already started in this job: ")
    assert pair.load.handover("stop")[0] == 0


@pytest.mark.parametrize("how", ["success", "failure"])
def test_a_load_that_has_ended_proves_no_head_any_more(pair, how):
    """Between the load's end and its job's end nothing would watch a deployment, so none may start."""
    steps = [{"name": name, "status": "completed", "conclusion": how_} for name, how_ in ((HEAD, "success"), (FOLLOW, how))]
    tell(pair.deployment.jobs, LOAD_JOB, status="in_progress", steps=steps)
    status, output = pair.deployment.handover("await-head", ZDT_LOAD_JOB=LOAD_JOB)
    assert (status, output) == (1, f"zdt: the load of the job {LOAD_JOB!r} has ended: nothing would watch the deployment\n")
