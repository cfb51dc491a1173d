"""What a judgement says: frozen values, and `Verdict.as_dict` which gives the schema ``zdt-verdict/1``."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Final

from pytest_zdt.verdict.shown import Cell, Total, Waiting

SCHEMA: Final = "zdt-verdict/1"
VERIFIED, VIOLATED, INCONCLUSIVE = "verified", "violated", "inconclusive"
Outcome = tuple[str, str, str]
"""Status, reason code (empty when verified) and a sentence for people."""
EXIT_STATUS: Final = {VERIFIED: 0, VIOLATED: 1, INCONCLUSIVE: 10}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement's outcome: its status, a stable reason code (empty when verified) and a sentence for people."""

    name: str
    status: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version that answered, when, and how often."""

    id: str
    role: str
    first_s: float
    last_s: float
    requests: int
    failures: int


@dataclass(frozen=True, slots=True)
class Phase:
    """Head, rollout or tail."""

    name: str
    start_s: float
    end_s: float
    requests: int
    failures: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """From the first answer of the new version to the last of the old; alternations: how often the answering version changed."""

    start_s: float
    end_s: float
    requests: dict[str, int]
    alternations: int


@dataclass(frozen=True, slots=True)
class EndpointFigures:
    """One endpoint's figures in one phase, by one version, on one lane; the latencies are None without an answer."""

    endpoint: str
    phase: str
    version: str
    lane: str
    requests: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True)
class Flow:
    """How often a value made by one version was used on another."""

    flow: str
    made_by: str
    used_on: str
    requests: int
    failures: int


@dataclass(frozen=True, slots=True)
class Outage:
    """A maximal run of failures of one endpoint; it lasted at least ``min_s`` and at most ``max_s``.

    The last success before and the next one after it are those of the endpoint; the start and the end of the run where there is
    none.
    """

    endpoint: str
    version: str
    start_s: float
    min_s: float
    max_s: float
    failures: int
    kinds: list[str]
    guilt: str
    last_success_s: float
    next_success_s: float


@dataclass(frozen=True, slots=True)
class Episode:
    """Outages that may have overlapped, of whatever endpoints: a burst of failures, from the first of them to the last.

    ``vus`` is how many virtual users met one of the failures.
    """

    start_s: float
    end_s: float
    failures: int
    outages: int
    endpoints: list[str]
    versions: list[str]
    vus: int
    kinds: list[str]
    guilt: str


@dataclass(frozen=True, slots=True)
class User:
    """A virtual user that met failures: how many, in how many outages, and its longest, at least and at most."""

    vu: int
    failures: int
    outages: int
    longest_min_s: float
    longest_max_s: float


@dataclass(frozen=True, slots=True)
class ChangeFigures:
    """A change from one version to the next: when it was rolled out, and the overlap; ``new`` is empty if none came."""

    old: str
    new: str
    start_s: float | None
    end_s: float | None
    overlap: Overlap | None


@dataclass(frozen=True, slots=True)
class Impact:
    """Latency of an endpoint in the rollout against the head.

    ``effect`` is the probability that an answer in the rollout is slower than one in the head (0.5: no difference) and ``p`` the
    one-sided p-value of Mann and Whitney. None where there are too few answers.
    """

    endpoint: str
    head_p50_ms: float | None
    rollout_p50_ms: float | None
    effect: float | None
    p: float | None
    slower: bool


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause of the failures: the row of the table of unsafe deployments, what it is, why it fits, and the safe way."""

    row: str
    title: str
    because: str
    safe: str


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one kind, endpoint, version and phase, with the first of them as the example."""

    kind: str
    guilt: str
    endpoint: str
    version: str
    phase: str
    count: int
    first_s: float
    last_s: float
    example: dict[str, str]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What could have been missed: the largest gap between sends, and the rate that clean requests rule out.

    The gap is between any two requests, of virtual users or probes. ``probes`` is how many of them were probes: without any the
    gap holds only for a load that went on, as a closed loop waits with the API.
    """

    endpoint: str
    phase: str
    max_gap_s: float
    failure_rate_below: float | None
    probes: int = 0


@dataclass(frozen=True, slots=True)
class Generator:
    """The health of the load generator itself; None: not measured.

    The lags are how late a sleeping thread woke, ``lag_p99_ms`` in the worst phase; ``cpu_share`` is the CPU time per second of
    the busiest worker, 1 being one core. Unsent are iterations and probes whose time came and that were not started.
    """

    lag_p99_ms: float | None
    lag_max_ms: float | None
    cpu_share: float | None
    samples: int
    lost_samples: int | None
    cut_at_deadline: int
    gc_max_ms: float | None = None
    files_max: int | None = None
    ports_min: int | None = None
    unsent_iterations: int | None = None
    unsent_probes: int | None = None


@dataclass(frozen=True)
class Verdict:
    """The outcome of a run. Equal evidence gives an equal verdict, in whatever order its samples come."""

    verdict: str
    level: str | None
    requirements: list[Requirement]
    run: dict[str, Any]
    versions: list[Version]
    phases: list[Phase]
    overlap: Overlap | None
    changes: list[ChangeFigures]
    endpoints: list[EndpointFigures]
    flows: list[Flow]
    outages: list[Outage]
    episodes: list[Episode]
    users: list[User]
    failures: list[FailureGroup]
    causes: list[Cause]
    impact: list[Impact]
    resolution: list[Resolution]
    generator: Generator
    cells: list[Cell] = dataclasses.field(default_factory=list)
    totals: list[Total] = dataclasses.field(default_factory=list)
    waiting: Waiting | None = None

    @property
    def exit_status(self) -> int:
        """Exit status of a run with this verdict."""
        return EXIT_STATUS[self.verdict]

    @property
    def allows_failures(self) -> bool:
        """Whether all that failed is within what was allowed, and nothing is violated: then no test counts as failed for it."""
        return self.verdict != VIOLATED and any(one.name == "failures" and one.status == VERIFIED for one in self.requirements)

    def as_dict(self) -> dict[str, Any]:
        """The verdict in the schema ``zdt-verdict/1``: only what JSON can hold, and no NaN."""
        content = dataclasses.asdict(self)
        del content["cells"], content["totals"], content["waiting"]
        result = _json_safe({"schema": SCHEMA, **content})
        assert isinstance(result, dict)
        return result


def _json_safe(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_safe(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
