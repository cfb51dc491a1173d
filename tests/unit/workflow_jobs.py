"""Jobs of a workflow that run side by side without GitHub, and what its API tells of them meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.workflows import Machine, defaults, jobs_of

LOAD_JOB, DEPLOYMENT_JOB = "load / load", "deploy"
LOAD = """
    for word in "$@"; do case $word in --zdt-deploy=*) deploy=${{word#*=}} ;; esac; done
    trap 'kill $!; echo stopped; echo "verdict=inconclusive" >>"$GITHUB_OUTPUT"; exit 2' INT
    echo the head
    {before}
    bash -c "$deploy" >deploy.log &
    wait $!
    echo "deployed $?"
    {after}
    echo "verdict=done" >>"$GITHUB_OUTPUT"
    echo "# the summary" >>"$GITHUB_STEP_SUMMARY"
    exit {status}
"""
LOCK = threading.Lock()


def tell(jobs: Path, name: str, **change: Any) -> None:
    """Changes what the API tells of a job, or adds the job: status, conclusion, steps."""
    with LOCK:
        found = json.loads(jobs.read_text())
        mine = next((job for job in found if job["name"] == name), None)
        if mine is None:
            found.append(mine := {"name": name, "status": "queued", "conclusion": None, "steps": []})
        mine.update(change)
        new = jobs.with_suffix(".new")
        new.write_text(json.dumps(found))
        new.rename(jobs)


@dataclass
class Job:
    """A job that runs in a thread, step by step, and whose progress the API tells."""

    machine: Machine
    name: str
    content: dict[str, Any]
    context: Mapping[str, str]
    conclusion: str = ""
    conclusions: dict[str, str] = field(default_factory=dict)
    """Step -> how it ended."""
    output: dict[str, str] = field(default_factory=dict)
    """Step -> what it printed."""
    under_way: str = ""
    """The step that runs."""

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._process: subprocess.Popen[str] | None = None
        self._cancelled = False
        tell(self.machine.jobs, self.name)

    def __enter__(self) -> Job:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.join(60)
        assert self.conclusion, f"{self.name} does not end: {self.output}"

    def cancel(self) -> None:
        """As the button on the run's page: the step that runs gets SIGINT, and only steps that always run come after it."""
        self._cancelled = True
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)

    def _run(self) -> None:
        failed = False
        for step in self.content["steps"]:
            name = step.get("name") or step["uses"]
            if (failed or self._cancelled) and step.get("if") != "always()":
                self.conclusions[name] = "skipped"
            else:
                self.conclusions[name] = self._step(name, step)
            failed = failed or self.conclusions[name] == "failure"
            self._tell()
        self.conclusion = "cancelled" if self._cancelled else "failure" if failed else "success"
        tell(self.machine.jobs, self.name, status="completed", conclusion=self.conclusion)

    def _step(self, name: str, step: dict[str, Any]) -> str:
        if "run" not in step:
            return "success"
        self._process = self.machine.start(step, self.context)
        self.under_way = name
        self.output[name] = self.machine.hear(self._process.communicate(timeout=60)[0])
        return "failure" if self._process.returncode else "success"

    def _tell(self) -> None:
        ended = [{"name": name, "status": "completed", "conclusion": how} for name, how in self.conclusions.items()]
        tell(self.machine.jobs, self.name, status="in_progress", steps=ended)


class Pair:
    """The two jobs of deploy-staging.yml, each on a machine of its own."""

    def __init__(self, path: Path) -> None:
        self.load, self.deployment = (Machine(path / name, path / "jobs.json") for name in ("load", "deployment"))
        self.load.program("python")
        self.deployment.program("./deploy.sh", f"[[ -e {self.load.path}/temp/zdt-handover/proven ]]")
        self.given: dict[str, str] = {}
        """More of the load job's inputs, by their expressions."""
        self.pytest()

    def pytest(self, before: str = "", after: str = "", status: int | str = 0) -> None:
        """What the load does before its head is proven, after the deployment, and in the end."""
        self.load.program("pytest", LOAD.format(before=before, after=after, status=status))

    def jobs(self) -> tuple[Job, Job]:
        """Both jobs, not yet started."""
        caller = jobs_of("deploy-staging.yml")
        given = {f"inputs.{name}": str(value) for name, value in caller["load"]["with"].items()}
        tokens = {"github.token": "the-token", "secrets.signing-secret": "the-secret", "inputs.release": "v2"}
        context = {**defaults("zero-downtime.yml"), **given, **self.given, **tokens}
        load = Job(self.load, LOAD_JOB, jobs_of("zero-downtime.yml")["load"], context)
        return load, Job(self.deployment, DEPLOYMENT_JOB, caller["deploy"], tokens)

    def run(self) -> tuple[Job, Job]:
        """Both jobs, side by side, when they are over."""
        load, deployment = self.jobs()
        with load, deployment:
            pass
        return load, deployment

    @property
    def deployed(self) -> bool:
        """Whether the deploy command was called."""
        return ["deploy.sh", "staging", "v2"] in self.deployment.calls
