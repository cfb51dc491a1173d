"""Follow mode, with real commands: what becomes of a deployment that fails, hangs, is killed, restarts, or prints too much."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import Api, Zdt
from tests.plugin.project import Project, lines, serving

SECRET = 'a signing/secret+of=this"run'
SETTINGS = """
secret-env = "MY_SECRET"
timeout = "2s"
[require]
overlap-answers = 1
pair-uses = 0
endpoint-answers = 1
"""
ONE = """
    import pytest

    @pytest.mark.zdt
    def test_one(zdt_session):
        assert zdt_session.get("/one").json()["path"] == "/one"
"""
MARK = f"{sys.executable} -m pytest_zdt mark"
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A user's project, and the API that it is about."""
    monkeypatch.setenv("MY_SECRET", SECRET)
    with serving() as api:
        yield Project(tmp_path, api).write({"zdt.toml": SETTINGS, "test_one.py": ONE})


@pytest.fixture
def zdt(project: Project) -> Zdt:
    """Its runs, in one process: what becomes of the command does not depend on the workers."""
    return Zdt(project, "n0")  # type: ignore[arg-type]


def follow(zdt: Zdt, command: str, *args: str, duration: str = "40s") -> pytest.RunResult:
    """A run that starts the command as its deployment."""
    return zdt.load("--zdt-deploy", command, *args, duration=duration)


def marks(zdt: Zdt) -> list[tuple[str, dict[str, Any]]]:
    """The marks, in their order."""
    return [(mark["name"], mark["data"]) for mark in lines(zdt.report / "marks.ndjson")]


def ended(zdt: Zdt) -> dict[str, Any]:
    """The mark of the run's end."""
    (found,) = (mark for mark in lines(zdt.report / "marks.ndjson") if mark["name"] == "run-ended")
    return found  # type: ignore[no-any-return]


def change(zdt: Zdt) -> tuple[str, str]:
    """Reason and detail of the requirement ``version-change``."""
    found = zdt.verdict["requirements"]["version-change"]
    return found["reason"], found["detail"]


def deploy(api: Api, versions: str = "v2") -> str:
    """A command that has the API answer with these versions in turns."""
    return f"{sys.executable} -c \"import urllib.request as r; r.urlopen('{api.url}/deploy/{versions}')\""


FAILURES = {
    "exit": ("echo no such image >&2; exit 3", 3, "ended with exit status 3, after printing: no such image"),
    "not found": (
        "no-such-command --now",
        127,
        "ended with exit status 127, after printing: /bin/sh: 1: no-such-command: not found",
    ),
    "killed": ("kill -9 $$", 137, "ended with exit status 137 (SIGKILL)."),
    "silent": ("false", 1, "ended with exit status 1."),
}


@pytest.mark.parametrize("command, status, told", FAILURES.values(), ids=FAILURES)
def test_a_command_that_fails(zdt, command, status, told):
    """A failed command ends the run soon, inconclusive, with its exit status and the last line that it printed."""
    result = follow(zdt, command, "--zdt-tail=2s")
    assert result.ret == 10
    assert change(zdt) == ("deploy-failed", f"Only v1 answered. The deployment's command {told}")
    assert zdt.mark("deploy-ended")["exit_status"] == status
    assert ended(zdt)["at"] < 8
    (line,) = (line for line in result.outlines if line.startswith("zdt: the deployment's command"))
    assert f"ended with exit status {status}" in line
    assert f"see {zdt.report.name}/deploy.log" in line


def test_a_failed_command_is_not_followed_for_a_whole_tail(zdt):
    """Where nothing can be verified any more, a tail of minutes is not waited for."""
    zdt.pytester.write(
        {"zdt.toml": SETTINGS, "test_one.py": ONE, "conftest.py": "from pytest_zdt import director\ndirector.FAILED_TAIL = 1\n"}
    )
    assert follow(zdt, "false", "--zdt-tail=20s").ret == 10
    assert ended(zdt)["at"] < 10
    assert ended(zdt)["data"]["stopped_by"] == "complete"


def test_a_command_that_fails_after_the_new_version_came(zdt, project):
    """Both versions are named, and that the rollout may be incomplete."""
    result = follow(zdt, f"{deploy(project.api)}; sleep 1; echo health check failed; exit 1", "--zdt-tail=1s")
    assert result.ret == 10
    reason, detail = change(zdt)
    assert (reason, "v1 -> v2" in detail) == ("deploy-failed", True)
    assert detail.endswith("ended with exit status 1, after printing: health check failed")


def test_a_command_that_hangs(zdt, project):
    """A command that does not end is killed with all it started after ``--zdt-deploy-timeout``; the run ends and says so."""
    hang = "sleep 600 & echo $! > pids; trap '' TERM; sleep 600 & echo $! >> pids; echo waiting; wait; wait"
    command = f"{deploy(project.api)}; {hang}"
    result = follow(zdt, command, "--zdt-deploy-timeout=2s", "--zdt-tail=1s", duration="4s")
    assert result.ret == 10
    reason, detail = change(zdt)
    assert reason == "deploy-failed"
    assert detail.endswith("was killed, because it had not ended after 2 s, after printing: waiting")
    assert zdt.mark("deploy-ended")["killed"] == "it had not ended after 2 s"
    assert gone(project.path / "pids")
    assert any("has not ended after 2 s: it is killed" in line for line in result.outlines)


def gone(file: Path) -> bool:
    """Whether the processes whose ids are in a file have ended."""
    return not any(Path(f"/proc/{pid}").exists() for pid in file.read_text().split())


def test_a_deployment_is_not_cut_off_by_the_duration(zdt, project):
    """A deployment that takes longer than the duration is waited for, and has its tail."""
    command = f"sleep 3; {deploy(project.api)}"
    follow(zdt, command, "--zdt-tail=1s", duration="2s")
    assert zdt.mark("deploy-ended")["exit_status"] == 0
    assert zdt.verdict["requirements"]["tail"]["status"] == "verified"
    assert zdt.verdict["requirements"]["load"]["status"] == "verified"
    assert ended(zdt)["data"]["stopped_by"] == "complete"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_a_run_that_is_ended_while_the_command_runs(zdt, project, number):
    """Ctrl-C and SIGTERM end the command and what it started; the mark of its end says why, the verdict that it was cut."""
    command = "sleep 600 & echo $! > pids; echo half way; wait"
    with project.started(*zdt.arguments("--zdt-duration=60s", "--zdt-deploy", command)) as run:
        until(run, lambda: (project.path / "pids").exists())
        os.kill(run.pid, number)
        assert run.wait(30) == 2
    assert gone(project.path / "pids")
    assert [name for name, _ in marks(zdt)] == ["deploy-started", "deploy-ended", "run-ended"]
    assert zdt.mark("deploy-ended") | {"took_s": 0} == {
        "exit_status": 143, "took_s": 0, "killed": "the run ended before it did", "said": "half way"
    }  # fmt: skip
    assert change(zdt)[1].endswith("was killed, because the run ended before it did, after printing: half way")
    assert "Traceback" not in project.output


def test_impatience(zdt, project):
    """Who presses Ctrl-C again while a command refuses to end need not wait for its grace, and still has the verdict."""
    command = "trap 'echo no, thanks' TERM; echo $$ > pids; while :; do sleep 0.1; done"
    with project.started(*zdt.arguments("--zdt-duration=60s", "--zdt-deploy", command)) as run:
        until(run, lambda: (project.path / "pids").exists())
        os.kill(run.pid, signal.SIGINT)
        until(run, lambda: "no, thanks" in (zdt.report / "deploy.log").read_text())
        os.kill(run.pid, signal.SIGINT)
        assert run.wait(30) == 2
    assert gone(project.path / "pids")
    assert zdt.mark("deploy-ended")["exit_status"] == 137
    assert zdt.verdict["requirements"]["load"]["reason"] == "interrupted"
    assert "Traceback" not in project.output


def until(run: subprocess.Popen[bytes], seen: Callable[[], bool]) -> None:
    """Returns when that is seen of a run that is under way."""
    while not seen():
        assert run.poll() is None
        time.sleep(0.05)


def test_a_command_that_is_killed_by_somebody_else(zdt, project):
    """The run goes on, and ends by itself with the signal's name."""
    with project.started(
        *zdt.arguments("--zdt-duration=60s", "--zdt-tail=1s", "--zdt-deploy", "echo $$ > pid; sleep 600")
    ) as run:
        until(run, lambda: (project.path / "pid").exists() and bool((project.path / "pid").read_text()))
        os.kill(int((project.path / "pid").read_text()), signal.SIGKILL)
        assert run.wait(30) == 10
    assert change(zdt) == ("deploy-failed", "Only v1 answered. The deployment's command ended with exit status 137 (SIGKILL).")


def test_what_a_command_leaves_behind(zdt, project):
    """A command that goes to the background has ended; what it left is followed by, and ended with, the run."""
    follow(zdt, f"{deploy(project.api)}; setsid sh -c 'echo $$ > pids; exec sleep 600' & echo started", "--zdt-tail=1s")
    assert zdt.mark("deploy-ended")["exit_status"] == 0
    assert ended(zdt)["data"]["stopped_by"] == "complete"
    assert gone(project.path / "pids")


def test_a_command_that_removes_the_evidence(zdt, project):
    """A script that cleans its checkout is not cut off by that; the run ends with one line, as nothing is left to judge."""
    result = follow(zdt, "rm -r zdt-report; sleep 1; touch done", "--zdt-tail=1s")
    assert (project.path / "done").exists()
    assert result.ret == 4
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert "ERROR: the evidence cannot be written, so the run was stopped: " in result.stderr.str()


def test_a_command_that_reads(zdt):
    """Standard input is empty: a command that asks does not wait for an answer."""
    follow(zdt, "read answer || echo nobody answers; exit 4", "--zdt-tail=1s")
    assert zdt.mark("deploy-ended")["said"] == "nobody answers"


FORMS = (SECRET, json.dumps(SECRET)[1:-1], base64.b64encode(SECRET.encode()).decode().rstrip("="))


def found_in(zdt: Zdt) -> set[str]:
    """The files of the evidence that hold the secret."""
    texts = {path.name: path.read_text() for path in zdt.report.iterdir()}
    return {name for name, text in texts.items() if any(form in text for form in FORMS)}


def test_a_secret_that_the_command_prints(zdt, project):
    """Neither the log nor any other file nor the screen shows the signing secret, however it was written."""
    command = (
        "set -x; env; printf '%s' \"$MY_SECRET\" | base64; set +x; printf 'Cut: %s' \"${MY_SECRET%run}\"; sleep 0.3; echo run; "
        'echo "used $MY_SECRET"; exit 1'
    )
    result = follow(zdt, command, "--zdt-tail=1s")
    log = (zdt.report / "deploy.log").read_text()
    assert log.endswith("used ***\n")
    assert "MY_SECRET=***\n" in log
    assert "Cut: ***\n" in log
    assert change(zdt)[1].endswith("after printing: used ***")
    assert not found_in(zdt) | {"screen" for form in FORMS if form in str(result.stdout)}


def test_a_secret_in_the_command_itself(zdt):
    """A secret that was put into the command line stands in no evidence."""
    zdt.pytester.write({"zdt.toml": SETTINGS, "test_one.py": ONE})
    follow(zdt, f"echo '{SECRET}'; exit 1", "--zdt-tail=1s")
    assert not found_in(zdt)
    assert zdt.mark("deploy-started") == {"command": "echo '***'; exit 1"}


def test_a_command_that_prints_without_end(zdt):
    """100 MB of anything, without a single new line, are kept to some megabytes, the beginning and the end."""
    prints = f'{sys.executable} -c "import os; [os.write(1, os.urandom(1000) * 1000) for n in range(100)]"'
    command = f"echo begin; {prints}; echo; echo end; exit 1"
    assert follow(zdt, command, "--zdt-tail=1s").ret == 10
    log = (zdt.report / "deploy.log").read_bytes()
    assert len(log) < 10_000_000
    assert log.startswith(b"begin\n")
    assert log.endswith(b"\nend\n")
    assert b"bytes are left out ...]" in log
    assert zdt.mark("deploy-ended")["said"] == "end"


def test_a_hostile_last_line(zdt):
    """Control characters of the command's output reach neither the terminal nor the verdict, and not too much of it does."""
    follow(zdt, r"printf '\033[31mred\033[0m \033]0;title\007\b\a%0300d\n' 0; exit 1", "--zdt-tail=1s")
    said = zdt.mark("deploy-ended")["said"]
    assert said == f"red {'0' * 193}..."


@pytest.mark.parametrize("again, reason", [("true", ""), (f"{MARK} deploy-started", "no-overlap")], ids=["once", "again"])
def test_a_deployment_that_is_started_again(zdt, project, again, reason):
    """A deploy script that marks its own restart: what was seen side by side before that is no overlap any more."""
    command = f"{deploy(project.api, 'v1,v2')}; sleep 2; {deploy(project.api)}; {again}; sleep 1"
    follow(zdt, command, "--zdt-tail=1s")
    assert [name for name, _ in marks(zdt)].count("deploy-started") == 1 + bool(reason)
    assert zdt.verdict["requirements"]["overlap"]["reason"] == reason
    assert change(zdt)[0] == ""


def test_a_deployment_that_goes_on_elsewhere(zdt, project):
    """A command that only starts it, and marks of the one that does the work: the run holds until that has ended."""
    work = f"sleep 1; {MARK} deploy-started; sleep 4; {deploy(project.api)}; {MARK} deploy-ended"
    (project.path / "work.sh").write_text(work)
    follow(zdt, "setsid sh work.sh &", "--zdt-tail=2s")
    assert [name for name, _ in marks(zdt)][-2:] == ["deploy-ended", "run-ended"]
    assert [name for name, _ in marks(zdt)].count("deploy-ended") == 2
    assert zdt.verdict["requirements"]["version-change"]["status"] == "verified"
    assert zdt.verdict["requirements"]["tail"]["status"] == "verified"


def test_an_end_that_is_marked_before_there_was_a_beginning(zdt, project):
    """It ends no deployment that has not begun: the command is started when the head is proven, and followed to its end."""
    command = f"{deploy(project.api, 'v1,v2')}; sleep 1; {deploy(project.api)}"
    with project.started(*zdt.arguments("--zdt-duration=40s", "--zdt-head=4s", "--zdt-tail=1s", "--zdt-deploy", command)) as run:
        project.api.wait_for(hits=20)
        assert subprocess.run([*MARK.split(), "deploy-ended"], cwd=project.path).returncode == 0
        run.wait(40)
    assert [name for name, _ in marks(zdt)] == ["deploy-ended", "deploy-started", "deploy-ended", "run-ended"]
    assert (marks(zdt)[2][1]["exit_status"], "killed" in marks(zdt)[2][1]) == (0, False)
    assert zdt.verdict["requirements"]["version-change"]["status"] == "verified"


def test_a_new_version_that_comes_after_the_commands_end(zdt, project):
    """The command only asks for the rollout, as that of an orchestrator does: the run waits for the new version, and its tail."""
    follow(zdt, f"(sleep 4; {deploy(project.api)}) & echo asked for", "--zdt-tail=1s")
    assert ended(zdt)["data"]["stopped_by"] == "complete"
    assert zdt.verdict["requirements"]["version-change"]["status"] == "verified"
    assert zdt.verdict["requirements"]["tail"]["status"] == "verified"


def test_marks_of_a_run_that_deploys_nothing(zdt, project):
    """Marks of another process are in the evidence, and told of on the screen as they come; the run lasts its time."""
    with project.started(*zdt.arguments("--zdt-duration=8s")) as run:
        project.api.wait_for(hits=60)
        for name in ("deploy-started", "deploy-started", "deploy-ended"):
            assert subprocess.run([*MARK.split(), name], cwd=project.path).returncode == 0
        assert run.wait(30) == 10
    assert [name for name, _ in marks(zdt)] == ["deploy-started", "deploy-started", "deploy-ended", "run-ended"]
    told = [line.rpartition(" at ")[0] for line in project.output.splitlines() if line.startswith("zdt: marked ")]
    assert told == ["zdt: marked deploy-started"] * 2 + ["zdt: marked deploy-ended"]
    assert ended(zdt)["data"]["stopped_by"] == "duration"


def test_a_mark_finds_the_run_that_it_is_made_in(zdt, project):
    """A deploy script marks its own run wherever that keeps its evidence, and in whatever folder the script works."""
    zdt.folder = "elsewhere"
    follow(zdt, f"cd / && {sys.executable} -m pytest_zdt mark half-way; exit 1", "--zdt-report=elsewhere", "--zdt-tail=1s")
    assert "half-way" in [name for name, _ in marks(zdt)]
