"""What GitHub's runner is told by the hand-over between two jobs, and what it must not heed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.workflow_jobs import DEPLOYMENT_JOB, Pair, tell
from tests.unit.workflows import heard

FOREIGN = r"printf '::error::foreign\nE  ##[stop-commands]x\n::stop-commands::y\n##[error]cut off'"
ERROR = "::error title=zero-downtime::"
OWN = "echo ::$ZDT_STOP_TOKEN::; echo ::error::own; echo ::stop-commands::$ZDT_STOP_TOKEN"


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Two machines, with a deployment job that waits."""
    made = Pair(tmp_path)
    tell(made.load.jobs, DEPLOYMENT_JOB)
    return made


def start(pair: Pair, **environment: str) -> tuple[int, str]:
    """Exit status and output of the step that proves the head."""
    return pair.load.handover("start", "pytest", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB, **environment)


def finish(pair: Pair, **environment: str) -> tuple[int, str]:
    """Exit status and output of the step that follows the deployment, which ends well."""
    tell(pair.load.jobs, DEPLOYMENT_JOB, status="completed", conclusion="success")
    return pair.load.handover("finish", **environment)


def test_the_runner_heeds_no_command_in_what_the_load_prints(pair):
    """Foreign text is text, also where it ends within a line; what the hand-over says itself is on lines of its own."""
    pair.pytest(before=FOREIGN, after=FOREIGN)
    foreign = "::error::foreign\nE  ##[stop-commands]x\n::stop-commands::y\n##[error]cut off\n"
    assert start(pair) == (0, f"the head\n{foreign}zdt: the head is proven: the deployment may start\n")
    assert finish(pair) == (0, f"deployed 0\n{foreign}")
    assert pair.load.heeded == []


def test_the_load_can_resume_commands_for_its_own(pair):
    """The load knows the token: in both steps the runner heeds what it prints after resuming commands, until it stops them."""
    stop = "echo ::stop-commands::$ZDT_STOP_TOKEN"
    pair.pytest(before=f"{stop}; {OWN}; {FOREIGN}", after=f"{FOREIGN}; echo; {OWN}; {FOREIGN}; echo; echo ::$ZDT_STOP_TOKEN::")
    assert start(pair)[0] == 0
    assert pair.load.heeded == ["::error::own"]
    assert finish(pair)[0] == 0
    assert pair.load.heeded == ["::error::own"] * 2


def test_each_load_has_a_token_of_its_own(tmp_path):
    """The token is random, and nobody but the load is told it."""
    tokens = set()
    for name in ("one", "two"):
        pair = Pair(tmp_path / name)
        tell(pair.load.jobs, DEPLOYMENT_JOB)
        pair.pytest(before="echo $ZDT_STOP_TOKEN >token")
        assert start(pair)[0] == 0
        assert finish(pair)[0] == 0
        tokens.add((pair.load.checkout / "token").read_text())
    assert [len(token) for token in tokens] == [33, 33]


def test_a_killed_load_stops_commands_no_longer_than_its_output(pair):
    """What is judged of a killed load is text too; the commands of the hand-over itself are heeded after it."""
    pair.pytest(before="mkdir zdt-report; touch zdt-report/run.json", after=f"{FOREIGN}; kill -KILL $$")
    pair.load.program("pytest-zdt", f"{FOREIGN}; echo; exit 4")
    assert start(pair)[0] == 0
    status, output = finish(pair)
    assert (status, output.count("::error::foreign\n"), pair.load.heeded) == (
        137,
        2,
        [f"{ERROR}the load was killed (status 137)"],
    )
    assert output.endswith("##[error]cut off\nzdt: the load was killed (status 137)\n")


def test_elsewhere_nothing_is_stopped(pair):
    """Without GitHub's runner there is neither a token nor a line that is meant for it."""
    pair.pytest(before="echo token $ZDT_STOP_TOKEN")
    assert start(pair, GITHUB_ACTIONS="") == (0, "the head\ntoken\nzdt: the head is proven: the deployment may start\n")
    assert finish(pair, GITHUB_ACTIONS="") == (0, "deployed 0\n")


def summary(pair: Pair) -> str:
    """The summary of the last step."""
    return pair.load.written("step", "GITHUB_STEP_SUMMARY").read_text()


def test_a_failure_of_the_hand_over_is_an_annotation(pair):
    """What goes wrong in the hand-over itself is told once in the log, in an annotation, and in the step's summary, as it is."""
    pair.load.program("gh", "printf 'no 100%%\\n*anything*\\n' >&2; exit 1")
    status, output = start(pair)
    why = "given up after 12 looks: GitHub did not tell the jobs of this run: no 100%\n*anything*"
    assert (status, output.endswith(f"\nzdt: {why}\n")) == (1, True)
    escaped = why.replace("%", "%25").replace("\n", "%0A")
    assert pair.load.heeded == [f"{ERROR}{escaped}"]
    indented = why.replace("\n", "\n    ")
    assert summary(pair) == f"\n**zero-downtime**\n\n    {indented}\n\n"


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        pytest.param("exit 4", "the load ended with status 4 before the head was proven: nothing may be deployed", id="silent"),
        pytest.param("kill -KILL $$", "the load was killed (status 137)", id="killed"),
        pytest.param("kill -KILL $PPID; exit", "the load was killed, and left no exit status", id="lost"),
        pytest.param('echo "# why" >>"$GITHUB_STEP_SUMMARY"; exit 10', "", id="tells-itself"),
    ],
)
def test_a_load_without_a_head_is_told_of_once(pair, ends, told):
    """A load that ends before its head is proven has one annotation, unless it has told why itself."""
    pair.pytest(before=ends)
    assert start(pair)[0] > 0
    assert pair.load.heeded == ([f"{ERROR}{told}"] if told else [])
    assert told in summary(pair) if told else summary(pair) == "# why\n"


def test_what_the_follower_prints_is_for_the_load(pair):
    """A deployment that cannot be followed is told in the follower's last line, which the load quotes: no annotation."""
    tell(pair.load.jobs, DEPLOYMENT_JOB, status="completed", conclusion="failure")
    (pair.load.path / "temp" / "zdt-handover").mkdir()
    status, output = pair.load.handover("follow", ZDT_DEPLOYMENT_JOB=DEPLOYMENT_JOB)
    assert (status, output.count("\n"), pair.load.heeded, summary(pair)) == (1, 1, [], "")


def test_a_failure_elsewhere_is_a_line(pair):
    """Without GitHub's runner a failure is a line of the log alone."""
    assert pair.load.handover("finish", GITHUB_ACTIONS="") == (1, "zdt: no load was started in this job\n")
    assert (pair.load.heeded, summary(pair)) == ([], "")


def test_the_runner_of_these_tests():
    """It heeds commands at the start of a line, and of the old form anywhere in it, until they are stopped."""
    first = "::error::1\nx::error::2\nx ##[error]3\n::other::\n"
    output = f"{first}::stop-commands::t\n::error::4\n::stop-commands::u\n::u::\n::t::\n::t::\n"
    assert heard(output) == (
        "x::error::2\n::other::\n::error::4\n::stop-commands::u\n::u::\n::t::\n",
        ["::error::1", "x ##[error]3"],
    )
