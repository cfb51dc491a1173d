"""What a deployment is verified with: the limits of the requirements, read from the tables ``require``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_zdt.tables import SettingsError, known_keys, parsed
from pytest_zdt.values import budget, count, duration, positive_duration, switch, uses, window

LATENCY_KEYS: dict[str, Callable[[Any], Any]] = dict.fromkeys(("p50", "p90", "p95", "p99", "max"), positive_duration)
ENDPOINT_KEYS: dict[str, Callable[[Any], Any]] = {
    **LATENCY_KEYS,
    "window": window,
    "endpoint-answers": count,
    "max-failures": budget,
    "max-outage": duration,
}
"""What a table ``require.endpoints."GET /path/"`` may hold."""
REQUIRE_KEYS: dict[str, Callable[[Any], Any]] = {
    "head": duration,
    "tail": duration,
    "overlap-answers": count,
    "pair-uses": uses,
    "overlap": switch,
    "version-change": switch,
    "impact": switch,
    "lag": positive_duration,
    **ENDPOINT_KEYS,
}


@dataclass(frozen=True)
class Require:
    """The requirements' limits; times in seconds, None where there is no limit.

    The limits on latency hold in every ``window`` (0: over the whole run). ``endpoints`` has limits of single endpoints, by
    their names.
    """

    head: float = 120.0
    tail: float = 300.0
    overlap_answers: int = 20
    endpoint_answers: int = 5
    pair_uses: int = 3
    max_failures: str = "0"
    max_outage: float = 0.0
    overlap: bool = True
    version_change: bool = True
    impact: bool = False
    lag: float = 0.05
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None
    window: float = 10.0
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)

    def forgives(self, endpoint: str) -> bool:
        """Whether some failures of that endpoint are allowed."""
        allowed = self.endpoints.get(endpoint, {}).get("max_failures", self.max_failures)
        return float(str(allowed).strip().removesuffix("%")) > 0


def resolve_require(
    planned: float, values: Mapping[str, Any], configuration: Mapping[str, Any], keys: Mapping[str, Any]
) -> Require:
    """The limits: options and target keys first, then the target's table, the common table, the defaults."""
    limits: dict[str, Any] = {"head": min(120.0, planned * 0.1), "tail": min(300.0, planned * 0.2)}
    tables = (("require", configuration.get("require", {})), (f"targets.{values['target']}.require", keys.get("require", {})))
    for where, table in tables:
        known_keys(where, table, {*REQUIRE_KEYS, "endpoints"})
        endpoints = dict(limits.get("endpoints", {}))
        for name, own in _endpoint_limits(where, table.get("endpoints", {})).items():
            endpoints[name] = endpoints.get(name, {}) | own
        limits |= _limits(where, REQUIRE_KEYS, {key: value for key, value in table.items() if key != "endpoints"})
        limits["endpoints"] = endpoints
    limits |= {key: values[key] for key in ("head", "tail") if values.get(key) is not None}
    if planned and limits["head"] + limits["tail"] > planned:
        raise SettingsError(
            f"head {limits['head']:g}s and tail {limits['tail']:g}s are longer than the duration {planned:g}s: "
            "give a longer --zdt-duration, or a shorter --zdt-head and --zdt-tail"
        )
    return Require(**limits)


def _endpoint_limits(where: str, tables: Any) -> dict[str, dict[str, Any]]:
    """The limits of single endpoints, by name."""
    if not isinstance(tables, dict):
        raise SettingsError(f"{where}.endpoints: must be a table, not {tables!r}")
    found = {}
    for name, table in tables.items():
        method, _, path = name.partition(" ")
        if not method.isupper() or not path:
            raise SettingsError(
                f"{where}.endpoints: {name!r} is no endpoint: write its name in reports, such as 'GET /v1/images/'"
            )
        known_keys(f"{where}.endpoints.{name!r}", table, set(ENDPOINT_KEYS))
        found[name] = _limits(f"{where}.endpoints.{name!r}", ENDPOINT_KEYS, table)
    return found


def _limits(where: str, keys: Mapping[str, Callable[[Any], Any]], table: Mapping[str, Any]) -> dict[str, Any]:
    return {key.replace("-", "_"): parsed(f"{where}.{key}", keys[key], value) for key, value in table.items()}
