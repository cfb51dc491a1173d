"""Figures for people: parts of a verdict that are not part of its schema."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """A line of the table for people: one endpoint by one version over the whole run.

    Requests and failures are those of probes too; what is in the overlap, and the latency, are virtual users' alone.
    """

    endpoint: str
    version: str
    requests: int
    failures: int
    in_overlap: int
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Total:
    """One endpoint over the whole run, to be compared with another run's.

    Requests and failures are those of probes too, the latencies virtual users' alone.
    """

    endpoint: str
    requests: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long answers took to their first byte, over all endpoints of a phase: those of probes beside those of virtual users.

    Probes are sent whatever the answers do, so theirs are not thinned out where the API is slow.
    """

    phase: str
    users_p50_ms: float | None
    users_p99_ms: float | None
    probes_p50_ms: float | None
    probes_p99_ms: float | None
