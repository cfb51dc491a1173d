"""Pinning a worker to one CPU: its threads take turns anyway, and a turn that moves to another core costs more than it saves.

Only where each worker can have a CPU of its own that is idle: a pinned worker cannot evade a busy neighbour.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

LOOK: Final = 0.2
"""Seconds for which the CPUs are watched before one is chosen."""
LEAST_IDLE: Final = 0.5
"""Share of that time for which a CPU must have been idle."""
_STAT = Path("/proc/stat")

Ticks = Mapping[int, tuple[int, int]]


def choose(worker: int, workers: int, allowed: Sequence[int], idle: Mapping[int, float]) -> int | None:
    """The CPU for one of ``workers`` on this machine, of those ``allowed``; None where it had better be left to the system.

    ``idle`` is the share of time for which each CPU has been idle. No two workers choose the same.
    """
    mine = sorted(allowed)[worker % workers :: workers] if workers <= len(allowed) else []
    best = max(mine, key=lambda cpu: idle.get(cpu, 0.0), default=None)
    return best if best is not None and idle.get(best, 0.0) >= LEAST_IDLE else None


def idle_since(before: Ticks, after: Ticks) -> dict[int, float]:
    """The share of time for which each CPU was idle between two looks at `ticks`."""
    found = {}
    for cpu, (idle, total) in after.items():
        since_idle, since_total = before.get(cpu, (0, 0))
        if total > since_total:
            found[cpu] = (idle - since_idle) / (total - since_total)
    return found


def ticks() -> Ticks:
    """The clock ticks of each CPU since the system's start, idle and in all; empty where the system does not tell."""
    found = {}
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _STAT.read_text().splitlines():
            name, *numbers = line.split()
            if name.startswith("cpu") and name != "cpu":
                counted = list(map(int, numbers[:8]))  # guest time is in the user's already
                found[int(name[3:])] = counted[3] + counted[4], sum(counted)
    return found


def allowed_cpus() -> Sequence[int]:
    """The CPUs that this thread may run on; empty where the system cannot pin."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else ()


@contextlib.contextmanager
def pinned(cpu: int | None) -> Iterator[int | None]:
    """Keeps this thread, and those that it starts meanwhile, on one CPU, which it gives back; None: does nothing."""
    if cpu is None:
        yield None
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield cpu
    finally:
        os.sched_setaffinity(0, before)
