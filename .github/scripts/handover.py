"""The hand-over between two jobs of one workflow run: a load, and the deployment that it watches, each on a runner of its own.

In the load job:
    start COMMAND...   starts the load (a pytest command) in the background, returns when it has proven the head; it follows the
                       deployment for 75 minutes unless COMMAND has a --zdt-deploy-timeout
    finish             waits for the load's end, prints what it printed, and takes over its exit status
    stop               ends a load that is still running, as Ctrl-C does; for a job that failed or was cancelled
    follow             started by the load itself, as its `--zdt-deploy`: ends with the deployment job
In the deployment job:
    await-head         returns when the load job has proven the head

Neither job may write what the other one could read. So the load job tells by the end of its step HEAD_STEP, the one that runs
`start`, that the head is proven; the deployment job tells by its own end how the deployment ended. Both ask for the jobs of this
run (github_jobs.py says what that takes).

Environment, beside GitHub's own: ZDT_DEPLOYMENT_JOB in the load job and ZDT_LOAD_JOB in the deployment job, the name of the other
job as the run's page shows it ("caller / job" in a reusable workflow); ZDT_HEAD_WITHIN, seconds that `await-head` waits (3600);
ZDT_STOP_WITHIN, seconds that a load has to end in before `stop` kills it (60).
"""

from __future__ import annotations

import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from background import exit_status, folder, hand_on, judge, keep, launch, running, send, show, showing
from github_jobs import POLL, Trouble, find, number, say, variable
from github_step import fail, has_summary

HEAD_STEP = "Prove the head"
FOLLOW_STEP = "Follow the deployment"
LIMIT, FOLLOW_FOR = "--zdt-deploy-timeout", "75m"
"""The option that limits how long a deployment is followed, and its value where the command has none: approvals take time."""
STOP_WITHIN = ("ZDT_STOP_WITHIN", 60.0)
"""The variable with the seconds for a load that was told to end, and what they are without it."""
TICK = 0.2
"""Seconds between two looks at the load."""
GONE_WITHIN = 5.0
"""Seconds for a load that was killed to be gone."""
KILLED = 128
"""Exit statuses above it are those of a load that a signal ended."""


def main(arguments: list[str]) -> int:
    """Does as asked; the exit status."""
    commands = {"finish": finish, "stop": stop, "follow": follow, "await-head": await_head}
    try:
        if arguments[:1] == ["start"] and arguments[1:]:
            return start(arguments[1:])
        if arguments[:1] == ["keep"]:
            return keep(int(arguments[1]), arguments[2:])
        if len(arguments) == 1 and arguments[0] in commands:
            return commands[arguments[0]]()
        raise Trouble(f"{' '.join(arguments) or 'nothing'!r} is no command: start COMMAND, {', '.join(commands)}")
    except Trouble as trouble:
        # What `follow` prints is the load's: its last line is quoted there as what became of the deployment.
        (say if arguments == ["follow"] else fail)(str(trouble))
        return 1


# --- the load job


def start(command: list[str]) -> int:
    """Starts the load; 0 when the head is proven, else the load's exit status, or 1."""
    if (job := find(variable("ZDT_DEPLOYMENT_JOB")))["status"] == "completed":  # found out before any load
        raise Trouble(too_early(job))
    place = folder()
    if place.exists():
        raise Trouble(f"a load was already started in this job: {place} exists")
    place.mkdir(parents=True)
    follower = shlex.join([sys.executable, str(Path(__file__).resolve()), "follow"])
    own = () if any(word.partition("=")[0] == LIMIT for word in command) else (f"{LIMIT}={FOLLOW_FOR}",)
    launch([*command, *own, f"--zdt-deploy={follower}"])
    found = finding()
    if found == "proven":
        say("the head is proven: the deployment may start")
        return 0
    if found == "refused":
        say("the deployment was not started")
        stop()
        return 1
    status = finish()
    why = f"the load ended with status {status} before the head was proven: nothing may be deployed"
    (say if has_summary() else fail)(why)  # what the load has told itself is enough
    return status or 1


def finding() -> str:
    """What the follower has found, "proven" or "refused"; empty when the load has ended."""
    with showing():
        while running():
            for found in ("proven", "refused"):
                if (folder() / found).exists():
                    return found
            show()
            time.sleep(TICK)
    return ""


def finish() -> int:
    """The exit status of the load, once it has ended; what it wrote for GitHub becomes this step's."""
    if not (folder() / "lock").exists():
        raise Trouble("no load was started in this job")
    with showing():
        while running():
            show()
            time.sleep(TICK)
    status = conclude()
    if status is None:
        raise Trouble("the load was killed, and left no exit status")
    if status > KILLED:
        fail(f"the load was killed (status {status})")
    return status


def conclude() -> int | None:
    """The exit status of a load that has ended. What it wrote for GitHub becomes this step's; if it was killed, it is judged."""
    place, status = folder(), exit_status()
    if not (place / "concluded").exists():
        if status is None or status > KILLED:
            judge()
        hand_on()
        (place / "concluded").touch()
    return status


def stop() -> int:
    """Ends the load if it still runs, so that it judges what it saw; 0 whatever it ends with, since something failed before.

    One that does not end is killed: no load may outlive its job. One that ended while no step looked is told of as well.
    """
    place = folder()
    if not (place / "lock").exists() or (place / "concluded").exists():
        return 0
    if running():
        say("the load still runs: it is told to end")
    within, told = number(*STOP_WITHIN), False
    end = time.monotonic() + within
    while running():
        if not told and (place / "pid").exists():
            send(signal.SIGINT)
            told = True
        if time.monotonic() > end:
            kill()
            raise Trouble(f"the load did not end within {within:g} s: it was killed")
        time.sleep(TICK)
    say(f"the load ended with status {finish()}")
    return 0


def kill() -> None:
    """Kills the load, and tells what it saw, if it goes."""
    send(signal.SIGKILL)
    end = time.monotonic() + GONE_WITHIN
    with showing():
        while running() and time.monotonic() < end:
            time.sleep(TICK)
    conclude()


def follow() -> int:
    """The head is proven, so the deployment may start; 0 when it has ended well, else 1."""
    place, name = folder(), variable("ZDT_DEPLOYMENT_JOB")
    try:
        if (job := find(name))["status"] == "completed":
            raise Trouble(too_early(job))
    except Trouble:
        (place / "refused").touch()
        raise
    (place / "proven").touch()
    while job["status"] != "completed":
        time.sleep(number(*POLL))
        job = find(name)
    say(f"the job {name!r} has ended: {job['conclusion']}")
    return 0 if job["conclusion"] == "success" else 1


def too_early(job: dict[str, Any]) -> str:
    """Why there is nothing to follow."""
    return (
        f"the job {job['name']!r} has ended ({job['conclusion']}) before the head was proven: "
        "let it wait for the head, and run all jobs again, not only those that failed"
    )


# --- the deployment job


def await_head() -> int:
    """0 when the load job has proven the head and still goes on."""
    name, within = variable("ZDT_LOAD_JOB"), number("ZDT_HEAD_WITHIN", 3600)
    end = time.monotonic() + within
    while time.monotonic() < end:
        job = find(name)
        if job["status"] == "completed":
            raise Trouble(f"the job {name!r} has ended ({job['conclusion']}): nothing would watch the deployment")
        if proven(job):
            say("the head is proven")
            return 0
        time.sleep(number(*POLL))
    raise Trouble(f"the job {name!r} has not proven the head within {within:g} s")


def proven(job: dict[str, Any]) -> bool:
    """Whether the load job has proven the head, and goes on: its next step is the load's."""
    done = [step for step in job.get("steps") or () if step["status"] == "completed"]
    names = [step["name"] for step in done]
    if HEAD_STEP not in names:
        return False
    head = names.index(HEAD_STEP)
    if done[head]["conclusion"] != "success":
        raise Trouble(f"the head is not proven: {HEAD_STEP!r} of the job {job['name']!r} ended as {done[head]['conclusion']}")
    if FOLLOW_STEP in names:
        raise Trouble(f"the load of the job {job['name']!r} has ended: nothing would watch the deployment")
    return True


def interrupted(number: int, frame: object) -> NoReturn:
    """The job is cancelled; `stop`, in a step that always runs, ends the load."""
    sys.exit(128 + number)


if __name__ == "__main__":
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, interrupted)
    sys.exit(main(sys.argv[1:]))
