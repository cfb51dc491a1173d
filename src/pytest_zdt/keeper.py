"""Runs one command and sees to it that nothing of it outlives the run: ``python -m pytest_zdt.keeper COMMAND``.

The keeper is a process of its own in a session of its own. On Linux it adopts whatever the command leaves behind (a child
subreaper, prctl(2)), so a server that re-executes itself or goes to the background cannot get away. It prints the command's exit
status as one line, and when its standard input ends, because the run ended it or because the run was killed, it ends every
descendant: SIGTERM first, SIGKILL after a grace. SIGTERM to the keeper is as such an end; another one cuts the grace short. What
they print goes to its standard error, an empty file, as `Output` has it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pytest_zdt.output import DRAIN_WITHIN, Output, Pump, forms

GRACE = 6.0
"""Seconds between SIGTERM and SIGKILL."""
ENDING, HURRIED = threading.Event(), threading.Event()
PR_SET_CHILD_SUBREAPER = 36
"""prctl(2)."""
SECRET = "ZDT_SIGNING_SECRET"
"""The variable whose value is kept out of the output."""


def main(command: str) -> None:
    """Runs ``command`` in a shell until standard input ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, _told_to_end)
    report = os.dup(1)
    os.dup2(2, 1)
    reading, writing = os.pipe()
    pump = Pump(reading, Output(2, forms(os.environ.get(SECRET, ""))))
    process = subprocess.Popen(  # kept: dropped, it would reap the command
        ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=writing, stderr=writing
    )
    os.close(writing)
    pump.start()
    reaper = threading.Thread(target=_reap, args=(process.pid, report, pump), daemon=True)
    reaper.start()
    while os.read(0, 1024):
        pass
    ENDING.set()
    end_all(process.pid)
    reaper.join(DRAIN_WITHIN + 1.0)
    pump.join(DRAIN_WITHIN)


def _told_to_end(number: int, frame: object) -> None:
    """The read that it interrupts goes on (PEP 475), and finds nothing."""
    if ENDING.is_set():
        HURRIED.set()
    ENDING.set()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _reap(child: int, report: int, pump: Pump) -> None:
    """Collects the command and all that it left behind, as they end; reports the command's own status, after its output."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.wait()
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                pump.drain()
                with contextlib.suppress(OSError):
                    os.write(report, f"{code if code >= 0 else 128 - code}\n".encode())


def end_all(child: int) -> None:
    """Ends the command's own process first, so that it can tidy up, then all its descendants."""
    _signal([child], signal.SIGTERM)
    _wait_until(lambda: HURRIED.is_set() or child not in descendants(), GRACE)
    _signal(descendants(), signal.SIGTERM)
    _wait_until(lambda: HURRIED.is_set() or not descendants(), GRACE / 2)
    if descendants():
        _signal(descendants(), signal.SIGKILL)
        _wait_until(lambda: not descendants(), GRACE / 2)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def children(parent: int) -> list[int]:
    """Process ids whose parent is ``parent``, zombies left out. Read from /proc; empty where there is none."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, ppid = entry.read_text().rpartition(")")[2].split()[:2]
            if int(ppid) == parent and state != "Z":
                found.append(int(entry.parent.name))
    return found


def descendants() -> list[int]:
    """All descendants of this process, nearest first."""
    found = children(os.getpid())
    for pid in found:
        found.extend(children(pid))
    return found


if __name__ == "__main__":
    main(sys.argv[1])
