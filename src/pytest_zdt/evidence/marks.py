"""A mark is an event on the run's timeline: one JSON line each in ``marks.ndjson``."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass, field
from typing import Final

from pytest_zdt.evidence.lines import number, read_line

STARTED: Final = "deploy-started"
DEPLOYED: Final = "deploy-ended"
ENDED: Final = "run-ended"
POLLED: Final = "version-polled"
CONTROL: Final = "control"
"""Whether the control URL answered: data ``ok``."""
LOST: Final = "worker-lost"
FAILED: Final = "test-failed"
ABORTED: Final = "abort"
HUNG: Final = "vu-hung"
"""A virtual user did not come back from a test: data ``vu``, ``worker``, ``test``, ``after_s`` and ``stack``."""
OWN_MARKS: Final = frozenset({ENDED, POLLED, CONTROL, LOST, FAILED, ABORTED, HUNG})
"""Marks that only a run itself sets."""


def signal_of(status: object) -> str:
    """`` (SIGKILL)`` for the exit status 137 of a shell; empty for one that tells of no signal."""
    known = {128 + one.value: one.name for one in signal.Signals}
    return f" ({known[status]})" if isinstance(status, int) and status in known else ""


@dataclass(frozen=True, slots=True)
class Mark:
    """An event ``at`` seconds from the start of the run, with what is known of it."""

    at: float
    name: str
    data: dict[str, object] = field(default_factory=dict)

    def as_line(self) -> bytes:
        """The mark as one line of JSON, without the newline."""
        return json.dumps({"at": round(self.at, 6), "name": self.name, "data": self.data}, allow_nan=False).encode()


def read_mark(line: bytes) -> Mark:
    """The mark of one line. Raises `ValueError` when the line is torn or something else."""
    fields = read_line(line)
    if fields.keys() != {"at", "name", "data"} or not isinstance(fields["name"], str) or not isinstance(fields["data"], dict):
        raise ValueError("not a mark")
    return Mark(number(fields["at"]), fields["name"], fields["data"])
