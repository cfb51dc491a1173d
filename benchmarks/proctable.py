"""The process table of Linux, and files of a run that is under way: what the benchmarks look at."""

from __future__ import annotations

import os
import time
from pathlib import Path


def await_content(path: Path) -> None:
    """Returns when there is something in that file; raises `TimeoutError` after half a minute."""
    deadline = time.monotonic() + 30
    while not path.exists() or not path.stat().st_size:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path.name} was not written")
        time.sleep(0.01)


def tree(pid: int) -> list[int]:
    """A process and those that it has started, and they."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in tree(int(child)))]


def cpu(pid: int) -> float:
    """Seconds of CPU of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_tree(pid: int) -> float:
    """Seconds of CPU of a process and its children."""
    return sum(map(cpu, tree(pid)))


def resident(pid: str) -> float:
    """Megabytes of a process, with its share of what it has in common with others (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
