"""From options and configuration to one frozen object; every value is checked here, before anything is started."""

from __future__ import annotations

import difflib
import os
import secrets
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_zdt.target import Secret, Target
from pytest_zdt.values import (
    base_url,
    budget,
    count,
    duration,
    lanes,
    one_of,
    positive_duration,
    seed,
    switch,
    transport,
    uses,
    version_source,
    window,
)


class SettingsError(Exception):
    """A setting that cannot be used; one line that says what, which value, and what to do."""


TARGET_KEYS: dict[str, Callable[[Any], Any]] = {
    "base-url": base_url,
    "signing": lambda text: one_of(text, "timed-hmac", "none"),
    "secret-env": str,
    "mac-header": str,
    "timestamp-header": str,
    "version": version_source,
    "timeout": positive_duration,
    "control-url": base_url,
    "production": switch,
    "serve": str,
    "deploy": str,
    "duration": positive_duration,
    "vus": count,
    "pace": duration,
    "head": duration,
    "tail": duration,
    "report": str,
    "seed": seed,
    "transport": transport,
    "lanes": lanes,
}
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
FOLLOW_AT_MOST = 1800.0
"""Seconds that a run follows a deployment when no duration is given."""


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


@dataclass(frozen=True)
class RunSettings:
    """How a run is to be made. ``duration`` in seconds, 0 in smoke mode; ``secret_env`` is the variable's name, or empty."""

    target: Target
    duration: float = 0.0
    vus: int = 1
    pace: float = 0.0
    serve: str = ""
    deploy: str = ""
    report: Path = Path("zdt-report")
    overwrite: bool = False
    seed: int = 0
    transport: str = "curl"
    lanes: tuple[str, ...] = ("reused", "new")
    control_url: str = ""
    secret_env: str = ""
    require: Require = field(default_factory=Require)

    @property
    def load(self) -> bool:
        """Load mode; otherwise smoke mode."""
        return self.duration > 0


@dataclass(frozen=True)
class Run:
    """The run that is to be made: its id (8 hexadecimal digits) and its settings."""

    id: str
    settings: RunSettings


def read_configuration(root: Path) -> dict[str, Any]:
    """The tables of ``zdt.toml``, or of ``[tool.pytest-zdt]`` in ``pyproject.toml``, at ``root``; empty without either."""
    for name in ("zdt.toml", "pyproject.toml"):
        path = root / name
        if path.is_file():
            try:
                content = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise SettingsError(f"{name}: cannot be read: {error}") from None
            if name == "pyproject.toml":
                content = content.get("tool", {}).get("pytest-zdt", {})
            _known(name, content, {"targets", "require"})
            return content
    return {}


def resolve(given: Mapping[str, Any], root: Path, environ: Mapping[str, str] = os.environ) -> RunSettings:
    """The settings of a run; ``given`` are the options' values (None: not given), which win over the target's keys.

    Raises `SettingsError`. Makes up a secret where the API is served for the run and none is set.
    """
    if given.get("smoke") and given.get("duration"):
        raise SettingsError("--zdt-smoke and --zdt-duration exclude each other: leave one of them out")
    configuration = read_configuration(root)
    name = given["target"]
    keys = _target_keys(name, configuration)
    values = {key.replace("-", "_"): value for key, value in keys.items() if key != "require"}
    values |= {key: value for key, value in given.items() if value is not None}
    target = _target(name, values, environ)
    if target.production and not values.get("allow_production"):
        raise SettingsError(f"target {name!r} is marked production: give --zdt-allow-production if you mean it")
    planned = 0.0 if values.get("smoke") else _planned(values, given)
    return RunSettings(
        target=target,
        duration=planned,
        vus=values.get("vus") or (10 if planned else 1),
        pace=values.get("pace") or 0.0,
        serve=values.get("serve", ""),
        deploy=values.get("deploy", "") if planned else "",
        report=Path(values.get("report") or "zdt-report"),
        overwrite=bool(values.get("overwrite")),
        seed=values["seed"] if values.get("seed") is not None else secrets.randbelow(10**6),
        transport=values.get("transport") or "curl",
        control_url=values.get("control_url", "") if planned else "",
        lanes=values.get("lanes") or ("reused", "new"),
        secret_env=values.get("secret_env", ""),
        require=_require(planned, values, configuration, keys),
    )


def _planned(values: Mapping[str, Any], given: Mapping[str, Any]) -> float:
    """Seconds of load: as asked for, or as long as a deployment given on the command line is followed at most."""
    return float(values.get("duration") or (FOLLOW_AT_MOST if given.get("deploy") else 0.0))


def _target_keys(name: str, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The target's keys, parsed."""
    if "://" in name:
        return {"base-url": _parsed("--zdt-target", base_url, name)}
    targets = configuration.get("targets", {})
    if name not in targets:
        known = ", ".join(sorted(targets)) or "none is configured"
        raise SettingsError(f"unknown target {name!r}{_nearest(name, targets)} (configured: {known}); or give a URL")
    where = f"targets.{name}"
    _known(where, targets[name], set(TARGET_KEYS) | {"require"})
    keys = {key: _parsed(f"{where}.{key}", TARGET_KEYS[key], value) for key, value in targets[name].items() if key != "require"}
    if "base-url" not in keys:
        raise SettingsError(f"{where}: base-url is missing: say where the API is")
    return keys | {"require": targets[name].get("require", {})}


def _target(name: str, values: Mapping[str, Any], environ: Mapping[str, str]) -> Target:
    signing = values.get("signing") or ("timed-hmac" if values.get("secret_env") else "none")
    secret = Secret("")
    if signing != "none":
        variable = values.get("secret_env")
        if not variable:
            raise SettingsError(f"targets.{name}: signing {signing!r} needs secret-env, the name of the variable with the secret")
        secret = Secret(environ.get(variable, ""))
        if not secret and values.get("serve"):
            secret = Secret(secrets.token_urlsafe(32))
        if not secret:
            raise SettingsError(
                f"target {name!r}: the environment variable {variable} is not set: put the signing secret into it"
            )
    optional = {
        key: values[key] for key in ("mac_header", "timestamp_header", "version", "timeout", "production") if key in values
    }
    return Target(name=name, base_url=values["base_url"], signing=signing, secret=secret, **optional)


def _require(planned: float, values: Mapping[str, Any], configuration: Mapping[str, Any], keys: Mapping[str, Any]) -> Require:
    """The limits: options and target keys first, then the target's table, the common table, the defaults."""
    limits: dict[str, Any] = {"head": min(120.0, planned * 0.1), "tail": min(300.0, planned * 0.2)}
    tables = (("require", configuration.get("require", {})), (f"targets.{values['target']}.require", keys.get("require", {})))
    for where, table in tables:
        _known(where, table, {*REQUIRE_KEYS, "endpoints"})
        endpoints = limits.get("endpoints", {}) | _endpoint_limits(where, table.get("endpoints", {}))
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
        _known(f"{where}.endpoints.{name!r}", table, set(ENDPOINT_KEYS))
        found[name] = _limits(f"{where}.endpoints.{name!r}", ENDPOINT_KEYS, table)
    return found


def _limits(where: str, keys: Mapping[str, Callable[[Any], Any]], table: Mapping[str, Any]) -> dict[str, Any]:
    return {key.replace("-", "_"): _parsed(f"{where}.{key}", keys[key], value) for key, value in table.items()}


def _parsed(where: str, parse: Callable[[Any], Any], value: Any) -> Any:
    try:
        return parse(value)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{where}: {error}") from None


def _known(where: str, table: Any, allowed: set[str]) -> None:
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: must be a table, not {table!r}")
    for key in table:
        if key not in allowed:
            raise SettingsError(f"{where}: unknown key {key!r}{_nearest(key, allowed)}")


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f": did you mean {close[0]!r}?" if close else ""
