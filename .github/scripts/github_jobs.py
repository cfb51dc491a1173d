"""The jobs of the workflow run that this is a part of, as GitHub's API tells them.

It takes `gh`, a token in GH_TOKEN with the permission `actions: read`, and the variables that GitHub sets in every step. ZDT_POLL
is the number of seconds between two looks (10).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from typing import Any

POLL = ("ZDT_POLL", 10.0)
"""The variable with the seconds between two looks, and their number without it."""
PATIENCE = 12
"""Looks in a row that may fail, or miss the job, before the search is given up."""
ANSWER_WITHIN = 30.0
"""Seconds for one answer of the API."""


class Trouble(Exception):
    """What is wrong, in a sentence."""


def find(name: str) -> dict[str, Any]:
    """The job of that name. Each look that fails is told, and `PATIENCE` of them in a row are one too many."""
    for look in range(PATIENCE):
        if look:
            time.sleep(number(*POLL))
        try:
            jobs = ask()
            found = [whole(job) for job in jobs if job["name"] == name]
        except (subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
            told = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
            why = f"GitHub did not tell the jobs of this run: {told or repr(error)}"
        else:
            if len(found) > 1:
                raise Trouble(f"{len(found)} jobs have the name {name!r}: give them different names")
            if found:
                return found[0]
            why = f"no job of this run has the name {name!r}: there are {', '.join(repr(job['name']) for job in jobs) or 'none'}"
        say(f"{why} (look {look + 1} of {PATIENCE})")
    raise Trouble(f"given up after {PATIENCE} looks: {why}")


def whole(job: dict[str, Any]) -> dict[str, Any]:
    """A job that has, as its steps have, all that is read of it; `KeyError` names what is missing."""
    ended = job["status"] == "completed"
    for part in (job,) if ended else (job, *(job.get("steps") or ())):
        wanted = ("name", "status", "conclusion") if part["status"] == "completed" else ("name", "status")
        if missing := [key for key in wanted if key not in part]:
            raise KeyError(*missing)
    return job


def ask() -> list[dict[str, Any]]:
    """The jobs of this attempt of this run, by as many requests as they have pages."""
    if shutil.which("gh") is None:
        raise Trouble("gh, GitHub's command line, is not on the PATH")
    repository, run, attempt = map(variable, ("GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"))
    path = f"repos/{repository}/actions/runs/{run}/attempts/{attempt}/jobs"
    jobs: list[dict[str, Any]] = []
    for page in range(1, 100):
        command = ["gh", "api", f"{path}?per_page=100&page={page}"]
        told = subprocess.run(command, check=True, capture_output=True, timeout=ANSWER_WITHIN, stdin=subprocess.DEVNULL)
        answer = json.loads(told.stdout)
        jobs += answer["jobs"]
        if len(jobs) >= answer["total_count"] or not answer["jobs"]:
            break
    return jobs


def number(name: str, default: float) -> float:
    """A variable that holds a number of seconds."""
    text = os.environ.get(name) or str(default)
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        raise Trouble(f"{name}: {text!r} is not a number of seconds")
    return float(text)


def variable(name: str) -> str:
    """A variable that must be there."""
    if not os.environ.get(name):
        raise Trouble(f"the environment variable {name} is not set")
    return os.environ[name]


def say(text: str) -> None:
    """A line of this script's own."""
    print(f"zdt: {text}", flush=True)
