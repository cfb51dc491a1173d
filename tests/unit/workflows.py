"""GitHub's workflows without GitHub: their steps run as its runner runs them, with programs that only note their calls."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.signals import heed

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
ACTION = "action.yml"
NAMES = ("ci.yml", "deploy-staging.yml", "zero-downtime.yml")
GITHUB = {
    "GITHUB_REPOSITORY": "somebody/something",
    "GITHUB_RUN_ID": "77",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_ACTIONS": "true",
    "ZDT_POLL": "0.05",
}
COMMANDS = ("add-mask", "debug", "echo", "endgroup", "error", "group", "notice", "warning")
"""The workflow commands of GitHub's runner, beside the one that stops them."""
COMPOSITE = "of-a-composite-action"
"""A key that the steps of the action have here, since other rules hold for them."""
PYTHON = f"""#!/bin/sh
exec '{sys.executable}' "$@"
"""
"""A launcher of versions in its place, such as pyenv's, would put its own programs before the machine's."""
LOG = """#!/bin/bash
line=${0##*/}
for word in "$@"; do line+=$'\\t'$word; done
printf '%s\\n' "$line" >>"$LOG"
"""
GH = f"""#!{sys.executable} -IS
import json, os, re, sys
path = sys.argv[2]
if not os.environ.get("GH_TOKEN"):
    sys.exit("gh: set the GH_TOKEN environment variable")
with open(os.environ["LOG"], "a") as log:
    log.write("\\t".join(["gh", *sys.argv[1:]]) + "\\n")
broken = os.environ["BROKEN"]
if os.path.exists(broken):
    left = int(open(broken).read())
    open(broken, "w").write(str(left - 1)) if left > 1 else os.remove(broken)
    sys.exit("HTTP 502: Bad Gateway")
jobs = json.load(open(os.environ["JOBS"]))
size, page = map(int, re.search(r"per_page=(\\d+)&page=(\\d+)$", path).groups())
print(json.dumps({{"total_count": len(jobs), "jobs": jobs[(page - 1) * size : page * size]}}))
"""


def path_of(name: str) -> Path:
    """Where a workflow, or the action, is."""
    return ROOT / name if name == ACTION else FOLDER / name


def read(name: str) -> dict[str, Any]:
    """A workflow, or the action; the key ``on`` under its own name, which YAML reads as true."""
    text = path_of(name).read_text(encoding="utf-8")
    found: dict[Any, Any] = yaml.safe_load(text)
    return {"on" if key is True else key: value for key, value in found.items()}


def jobs_of(name: str) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow by their ids; the action as one job."""
    found = read(name)
    if "jobs" in found:
        return found["jobs"]  # type: ignore[no-any-return]
    return {"action": {**found["runs"], "steps": [{**step, COMPOSITE: True} for step in found["runs"]["steps"]]}}


def steps() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """All steps: file, job, step."""
    for name in (*NAMES, ACTION):
        for job, content in jobs_of(name).items():
            yield from ((name, job, step) for step in content.get("steps", ()))


def defaults(name: str) -> dict[str, str]:
    """The inputs' defaults, as the expressions that name them."""
    found = read(name)
    inputs = found["on"].get("workflow_call", {}).get("inputs", {}) if "on" in found else found["inputs"]
    return {f"inputs.{key}": str(one["default"]) for key, one in inputs.items() if "default" in one}


def inputs_of(name: str) -> set[str]:
    """The inputs that a workflow, or the action, has."""
    found = read(name)
    if "on" not in found:
        return set(found["inputs"])
    return {key for event in found["on"].values() for key in (event or {}).get("inputs", ())}


def inputs_used(text: str) -> set[str]:
    """The inputs that the expressions of a file name."""
    return {found for one in re.findall(r"\$\{\{(.*?)\}\}", text, re.S) for found in re.findall(r"\binputs\.([\w-]+)", one)}


def fill_in(text: object, context: Mapping[str, str]) -> str:
    """The text with its expressions replaced; one that the context does not have is an error."""
    return re.sub(r"\$\{\{ *(.*?) *\}\}", lambda found: context[found[1]], str(text))


def heard(output: str) -> tuple[str, list[str]]:
    """What the log shows of a step's output, and the commands in it: lines, or `##[…]` anywhere in one, unless stopped."""
    shown, commands, token = "", [], ""
    for line in output.splitlines(keepends=True):
        found = re.match(r" *::([^ :]+)( [^:]*)?::(.*)", line) or re.search(r"##\[([^ \]]+)( [^\]]*)?\](.*)", line)
        name = found[1] if found else ""
        if token and name == token:
            token = ""
        elif found and not token and name == "stop-commands":
            token = found[3]
        elif found and not token and name in COMMANDS:
            commands.append(line.rstrip("\n"))
        else:
            shown += line
    return shown, commands


@dataclass
class Machine:
    """A runner: a checkout of what the workflows need, programs that only note how they were called, and GitHub's variables."""

    path: Path
    jobs: Path
    """What the API tells: a list of jobs."""
    heeded: list[str] = field(default_factory=list)
    """The workflow commands that the runner has heeded."""

    def __post_init__(self) -> None:
        for name in ("bin", "temp", "checkout/.github", "checkout/.ci"):
            (self.path / name).mkdir(parents=True)
        shutil.copytree(ROOT / ".github" / "scripts", self.checkout / ".github" / "scripts")
        self.log.touch()
        if not self.jobs.exists():
            self.jobs.write_text("[]")
        self.program("gh", GH)
        self.program("python3", PYTHON)

    @property
    def checkout(self) -> Path:
        """The folder that the steps run in."""
        return self.path / "checkout"

    @property
    def log(self) -> Path:
        """What was called."""
        return self.path / "log"

    @property
    def broken(self) -> Path:
        """A file with the number of times that the API is to fail."""
        return self.path / "broken"

    @property
    def calls(self) -> list[list[str]]:
        """What was called, beside the API: program and arguments."""
        return [found for line in self.log.read_text().splitlines() if (found := line.split("\t"))[0] != "gh"]

    def program(self, name: str, text: str = "") -> None:
        """Puts a program first on the PATH, or into the checkout if the name is a path: it notes its call, then does ``text``."""
        path = self.checkout / name if "/" in name else self.path / "bin" / name
        path.write_text(text if text.startswith("#!") else LOG + textwrap.dedent(text))
        path.chmod(0o755)

    def environment(self, step: str = "step") -> dict[str, str]:
        """The environment of a step; the files that it writes to are its own."""
        mine = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GH_", "GITHUB_", "ZDT_", "PYTEST_", "RUNNER_"))
        }
        own = {
            "LOG": str(self.log),
            "JOBS": str(self.jobs),
            "BROKEN": str(self.broken),
            "RUNNER_TEMP": str(self.path / "temp"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            own[name] = str(self.written(step, name))
            Path(own[name]).touch()
        programs = os.pathsep.join((str(self.path / "bin"), os.environ["PATH"]))
        return {**mine, **GITHUB, **own, "GITHUB_ACTION_PATH": str(self.checkout), "PATH": programs}

    def written(self, step: str, name: str = "GITHUB_OUTPUT") -> Path:
        """The file of that name that a step writes to."""
        return self.path / f"{name}-{re.sub(r'[^a-z]+', '-', step.lower())}"

    def start(self, step: Mapping[str, Any], context: Mapping[str, str]) -> subprocess.Popen[str]:
        """Starts a step as GitHub's runner does; its output comes by a pipe. Raises `ValueError` for one that it refuses."""
        if step.get(COMPOSITE) and "shell" not in step:
            raise ValueError(f"the step {step['name']!r} of a composite action has no shell")
        script = self.path / f"script-{time.monotonic_ns()}.sh"
        script.write_text(step["run"])
        given = {name: fill_in(value, context) for name, value in step.get("env", {}).items()}
        shell = ["--noprofile", "--norc", "-eo", "pipefail"] if step.get("shell") == "bash" else ["-e"]
        pipes: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
        }
        environment = {**self.environment(step["name"]), **given}
        return subprocess.Popen(["bash", *shell, str(script)], cwd=self.checkout, env=environment, preexec_fn=heed, **pipes)

    def run(self, step: Mapping[str, Any], context: Mapping[str, str]) -> tuple[int, str]:
        """Exit status and output of a step."""
        with self.start(step, context) as process:
            output = process.communicate(timeout=60)[0]
        return process.returncode, output

    def handover(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Exit status and output of the script."""
        script = [sys.executable, ".github/scripts/handover.py", *arguments]
        pipes: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
        }
        environ = {**self.environment(), "GH_TOKEN": "the-token", **environment}
        done = subprocess.run(script, cwd=self.checkout, env=environ, timeout=60, preexec_fn=heed, **pipes)
        return done.returncode, self.hear(done.stdout)

    def hear(self, output: str) -> str:
        """What the log shows of an output, whose workflow commands are heeded."""
        shown, commands = heard(output)
        self.heeded += commands
        return shown
