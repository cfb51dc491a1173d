"""The load generator's own health, once a second for each worker: one JSON line each in ``samples.ndjson``.

The schema of a line (``zdt-health/1``):

=============  ===========================================================================================================
``worker``     id of the worker process
``at``         seconds from the start of the run to the end of the second
``lags``       milliseconds by which a thread that slept for `PROBE_EVERY` woke late, each time that it did in this second
``cpu``        CPU time of the worker and what it started, per second: 1 is one core
``gc``         milliseconds that the longest pause of the garbage collector took
``files``      open files of the worker; null where the system does not tell
``ports``      local ports that are left for connections; null where the system does not tell
=============  ===========================================================================================================
"""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass
from typing import Final

from pytest_zdt.evidence.lines import count, number, read_line

SCHEMA: Final = "zdt-health/1"
PROBE_EVERY: Final = 0.05
"""Seconds that the probing thread sleeps."""


@dataclass(frozen=True, slots=True)
class Health:
    """One second of one worker; the fields as in the module's table."""

    worker: str
    at: float
    lags: array[float]
    cpu: float
    gc: float = 0.0
    files: int | None = None
    ports: int | None = None

    @property
    def began(self) -> float:
        """When the second began: it is as long as the thread slept and was late in it."""
        return self.at - len(self.lags) * PROBE_EVERY - sum(self.lags) / 1000

    def as_line(self) -> bytes:
        """The second as one line of JSON, without the newline."""
        content = {
            "schema": SCHEMA,
            "worker": self.worker,
            "at": round(self.at, 3),
            "lags": [round(lag, 2) for lag in self.lags],
            "cpu": round(self.cpu, 4),
            "gc": round(self.gc, 2),
            "files": self.files,
            "ports": self.ports,
        }
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def read_health(line: bytes) -> Health:
    """The second of one line. Raises `ValueError` when the line is torn or something else."""
    fields = read_line(line)
    if fields.get("schema") != SCHEMA or not isinstance(fields.get("worker"), str):
        raise ValueError(f"not a line of {SCHEMA}")
    try:
        at, cpu, gc = (number(fields[name]) for name in ("at", "cpu", "gc"))
        lags = array("d", map(number, fields["lags"]))
        return Health(fields["worker"], at, lags, cpu, gc, count(fields["files"]), count(fields["ports"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"a field is missing or broken: {error!r}") from None


def is_health(line: bytes) -> bool:
    """Whether a line of ``samples.ndjson`` is one of these."""
    return line.startswith(b'{"schema":"zdt-health/')
