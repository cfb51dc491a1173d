"""The hand-over between two jobs of one workflow run: a load, and the deployment that it watches, each on a runner of its own.

In the load job:
    start COMMAND...   starts the load (a pytest command) in the background, returns when it has proven the head
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

import contextlib
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from github_jobs import POLL, Trouble, find, number, say, variable

HEAD_STEP = "Prove the head"
FOLLOW_STEP = "Follow the deployment"
STOP_WITHIN = ("ZDT_STOP_WITHIN", 60.0)
"""The variable with the seconds for a load that was told to end, and what they are without it."""
TICK = 0.2
"""Seconds between two looks at the load."""
FILES = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
"""Files of GitHub's that a step may write to until it ends: the load outlives its step, so it is given others."""


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
        say(str(trouble))
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
    launch([*command, f"--zdt-deploy={follower}"])
    while running():
        show()
        if (place / "proven").exists():
            say("the head is proven: the deployment may start")
            return 0
        if (place / "refused").exists():
            say("the deployment was not started")
            stop()
            return 1
        time.sleep(TICK)
    status = finish()
    say(f"the load ended with status {status} before the head was proven: nothing may be deployed")
    return status or 1


def launch(command: list[str]) -> None:
    """The load under a keeper, in a session of its own: the end of the step does not end it."""
    place = folder()
    own = {name: str(place / name) for name in FILES if name in os.environ}
    for path in own.values():
        Path(path).touch()
    with (place / "output").open("wb") as output, (place / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # keeper and load inherit it, and with them goes what tells that it runs
        subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "keep", str(lock.fileno()), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **own, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )


def keep(lock: int, command: list[str]) -> int:
    """Runs the load, which holds the lock too, and notes its process id and exit status; 128 + n when signal n ended it."""
    place = folder()
    try:
        load = subprocess.Popen(command, pass_fds=[lock])
    except OSError as error:
        say(f"cannot start {command[0]}: {error.strerror}")
        status = 127
    else:
        write(place / "pid", load.pid)
        status = load.wait()
    write(place / "status", status if status >= 0 else 128 - status)
    return 0


def write(path: Path, number: int) -> None:
    """Puts a number into a file that others look for: it is there with its content, or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(str(number))
    unfinished.rename(path)


def running() -> bool:
    """Whether the load runs: a lock is freed by whatever ends it and its keeper, and no other process can take it over."""
    with (folder() / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def finish() -> int:
    """The exit status of the load, once it has ended; what it wrote for GitHub becomes this step's."""
    place = folder()
    if not (place / "lock").exists():
        raise Trouble("no load was started in this job")
    while running():
        show()
        time.sleep(TICK)
    show()
    for name in FILES:
        if name in os.environ and (place / name).exists():
            with Path(os.environ[name]).open("ab") as file:
                file.write((place / name).read_bytes())
            (place / name).write_bytes(b"")
    if not (place / "status").exists():
        raise Trouble("the load was killed, and left no exit status")
    return int((place / "status").read_text())


def stop() -> int:
    """Ends the load if it still runs, so that it judges what it saw; 0 whatever it ends with, since something failed before.

    One that does not end is killed: no load may outlive its job.
    """
    place = folder()
    if not (place / "lock").exists() or not running():
        return 0
    say("the load still runs: it is told to end")
    within, told = number(*STOP_WITHIN), False
    end = time.monotonic() + within
    while running():
        if not told and (place / "pid").exists():
            send(signal.SIGINT)
            told = True
        if time.monotonic() > end:
            send(signal.SIGKILL)
            raise Trouble(f"the load did not end within {within:g} s: it was killed")
        time.sleep(TICK)
    say(f"the load ended with status {finish()}")
    return 0


def send(number: signal.Signals) -> None:
    """Sends a signal to the load, unless that ends by itself just now, or has not begun."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        os.kill(int((folder() / "pid").read_text()), number)


def show() -> None:
    """Prints what the load has printed since the last time, be that in another step."""
    place = folder()
    shown = int((place / "shown").read_text()) if (place / "shown").exists() else 0
    with (place / "output").open("rb") as output:
        output.seek(shown)
        new = output.read()
    sys.stdout.buffer.write(new)
    sys.stdout.buffer.flush()
    (place / "shown").write_text(str(shown + len(new)))


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


def folder() -> Path:
    """Where the steps of the load job leave what the next one needs."""
    return Path(variable("RUNNER_TEMP")) / "zdt-handover"


def interrupted(number: int, frame: object) -> NoReturn:
    """The job is cancelled; `stop`, in a step that always runs, ends the load."""
    sys.exit(128 + number)


if __name__ == "__main__":
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, interrupted)
    sys.exit(main(sys.argv[1:]))
