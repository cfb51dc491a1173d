"""What the fields of ``run.json`` must be for a run to be judged; each may also be missing or null."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pytest_zdt.evidence.lines import count, number

BUDGET: Final = re.compile(r"\s*\d+(\.\d+)?([eE][-+]?\d+)?%?\s*")
Check = Callable[[Any], object]
"""Raises `ValueError` for a wrong value."""


def _flag(value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")


def _budget(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not BUDGET.fullmatch(str(value)):
        raise ValueError(f"{value!r} is neither a number nor a percentage")


def _list(value: Any) -> None:
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is not a list")


def _counts(value: Any) -> None:
    _list(value)
    for one in value:
        if count(one) is None:
            raise ValueError("null is not a count")


def _table(value: Any) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a table")


def _tables(value: Any) -> None:
    for one in value if isinstance(value, list) else [value]:
        _table(one)


LIMITS: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("max_outage", "p50", "p90", "p95", "p99", "max"), number),
    "max_failures": _budget,
}
"""Of all endpoints, or of one."""
REQUIRE: Final[Mapping[str, Check]] = {
    **LIMITS,
    **dict.fromkeys(("head", "tail", "lag", "window"), number),
    **dict.fromkeys(("overlap_answers", "endpoint_answers", "pair_uses"), number),
    **dict.fromkeys(("overlap", "version_change", "impact"), _flag),
    "endpoints": _table,
}
FIELDS: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("vus", "workers", "torn_lines"), count),
    **dict.fromkeys(("planned_s", "rate"), number),
    **dict.fromkeys(("arguments", "lanes", "shards"), _list),
    "shard_vus": _counts,
    "require": _table,
    "tool": _tables,
}


def wrong(run: Mapping[str, Any]) -> str:
    """Which field of a run is something that it cannot be, and why; empty where none is."""
    require = run.get("require") or {}
    found = _wrong(run, FIELDS, "") or _wrong(require, REQUIRE, "require.")
    for endpoint, limits in (require.get("endpoints") or {}).items() if not found else ():
        place = f"require.endpoints.{endpoint}"
        found = found or (_wrong(limits, LIMITS, f"{place}.") if isinstance(limits, dict) else f"{place} is not a table")
    return found


def _wrong(values: Mapping[str, Any], checks: Mapping[str, Check], place: str) -> str:
    for name, check in checks.items():
        try:
            if values.get(name) is not None:
                check(values[name])
        except ValueError as error:
            return f"{place}{name}: {error}"
    return ""
