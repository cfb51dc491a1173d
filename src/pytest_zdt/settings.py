"""From options and configuration to one frozen object; every value is checked here, before anything is started."""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_zdt import schedule
from pytest_zdt.require import Require, resolve_require
from pytest_zdt.tables import SettingsError, known_keys, nearest, parsed
from pytest_zdt.target import Secret, Target
from pytest_zdt.values import (
    base_url,
    command,
    count,
    duration,
    lanes,
    pin,
    port,
    positive_duration,
    rate,
    seed,
    signing,
    stages,
    switch,
    transport,
    version_source,
)

__all__ = ["Require", "Run", "RunSettings", "SettingsError", "read_configuration", "resolve"]

TARGET_KEYS: dict[str, Callable[[Any], Any]] = {
    "base-url": base_url,
    "signing": signing,
    "secret-env": str,
    "mac-header": str,
    "timestamp-header": str,
    "version": version_source,
    "timeout": positive_duration,
    "control-url": base_url,
    "production": switch,
    "serve": str,
    "deploy": command,
    "deploy-timeout": positive_duration,
    "duration": positive_duration,
    "vus": count,
    "pace": duration,
    "ramp": positive_duration,
    "stages": stages,
    "rate": rate,
    "abort-on-violation": switch,
    "probe-every": duration,
    "pin": pin,
    "head": duration,
    "tail": duration,
    "report": str,
    "live": port,
    "seed": seed,
    "transport": transport,
    "http2": switch,
    "lanes": lanes,
}
EXECUTORS = ("ramp", "stages", "rate")
"""Keys each of which says how the load is driven; without one of them the number of VUs is constant."""
DEPLOY_AT_MOST = 1800.0
"""Seconds that a deployment's command may take when nobody says."""
FOLLOW_AT_MOST = 3600.0
"""Seconds that a run follows a deployment when no duration is given: the head may take its time too."""


@dataclass(frozen=True)
class RunSettings:
    """How a run is to be made. Times in seconds; ``duration`` is 0 in smoke mode; ``secret_env`` is a variable's name, or empty.

    ``vus`` is the greatest number of VUs. One at most of ``ramp`` (0: none), ``stages`` (pairs of seconds and VUs) and ``rate``
    (iterations a second, 0: a closed loop) is given. ``probe_every`` is 0 without probes; ``live`` is the port
    that the page is served on while the run goes, None without.
    """

    target: Target
    duration: float = 0.0
    vus: int = 1
    pace: float = 0.0
    ramp: float = 0.0
    stages: tuple[tuple[float, int], ...] = ()
    rate: float = 0.0
    abort_on_violation: bool = False
    probe_every: float = 1.0
    pin: str = "auto"
    serve: str = ""
    deploy: str = ""
    deploy_timeout: float = DEPLOY_AT_MOST
    report: Path = Path("zdt-report")
    overwrite: bool = False
    live: int | None = None
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

    @property
    def executor(self) -> str:
        """The name of what drives the load, as k6 has it: ``constant-vus``, ``ramping-vus`` or ``constant-arrival-rate``."""
        return "constant-arrival-rate" if self.rate else "ramping-vus" if self.ramp or self.stages else "constant-vus"

    @property
    def points(self) -> schedule.Points:
        """How many VUs are driven when: the corners of a broken line."""
        if self.stages:
            return schedule.staged(self.stages)
        return schedule.ramping(self.vus, self.ramp) if self.ramp else schedule.constant(self.vus)


@dataclass(frozen=True)
class Run:
    """The run that is to be made: its id (8 hexadecimal digits), its settings, and the arguments that pytest was given."""

    id: str
    settings: RunSettings
    arguments: tuple[str, ...] = ()


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
            known_keys(name, content, {"targets", "require"})
            return content
    return {}


def resolve(given: Mapping[str, Any], root: Path, environ: Mapping[str, str] = os.environ) -> RunSettings:
    """The settings of a run; ``given`` are the options' values (None: not given), which win over the target's keys.

    Raises `SettingsError`. Makes up a secret where the API is served for the run and none is set.
    """
    for key in ("duration", *EXECUTORS):
        if given.get("smoke") and given.get(key):
            raise SettingsError(f"--zdt-smoke and --zdt-{key} exclude each other: leave one of them out")
    configuration = read_configuration(root)
    name = given["target"]
    keys = _target_keys(name, configuration)
    values = {key.replace("-", "_"): value for key, value in keys.items() if key != "require"}
    values |= {key: value for key, value in given.items() if value is not None}
    target = _target(name, values, environ)
    if target.http2 and values.get("transport") == "urllib3":
        raise SettingsError(f"targets.{name}: urllib3 speaks HTTP/1.1 only: leave http2 out, or choose the transport curl")
    if target.production and not values.get("allow_production"):
        raise SettingsError(f"target {name!r} is marked production: give --zdt-allow-production if you mean it")
    if not values.get("smoke"):
        values |= _executor(values, given)
    planned = 0.0 if values.get("smoke") else _planned(values, given)
    if given.get("live") is not None and not planned:
        raise SettingsError("--zdt-live shows a load while it goes: say how long with --zdt-duration")
    return RunSettings(
        target=target,
        duration=planned,
        vus=values.get("vus") or (10 if planned else 1),
        pace=values.get("pace") or 0.0,
        ramp=values.get("ramp") or 0.0,
        stages=values.get("stages") or (),
        rate=values.get("rate") or 0.0,
        abort_on_violation=bool(values.get("abort_on_violation")),
        probe_every=1.0 if values.get("probe_every") is None else values["probe_every"],
        pin=values.get("pin") or "auto",
        serve=values.get("serve", ""),
        deploy=values.get("deploy", "") if planned else "",
        deploy_timeout=values.get("deploy_timeout") or DEPLOY_AT_MOST,
        report=Path(values.get("report") or "zdt-report"),
        overwrite=bool(values.get("overwrite")),
        live=values.get("live") if planned else None,
        seed=values["seed"] if values.get("seed") is not None else secrets.randbelow(10**6),
        transport=values.get("transport") or "curl",
        control_url=values.get("control_url", "") if planned else "",
        lanes=values.get("lanes") or ("reused", "new"),
        secret_env=values.get("secret_env", ""),
        require=resolve_require(planned, values, configuration, keys),
    )


def _executor(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values that say how the load is driven, made consistent; an option wins over the target's keys of another executor."""
    asked = [key for key in EXECUTORS if given.get(key) is not None]
    keys = asked or [key for key in EXECUTORS if values.get(key)]
    if len(keys) > 1:
        raise SettingsError(f"--zdt-{keys[0]} and --zdt-{keys[1]} exclude each other: leave one of them out")
    chosen = {key: values[key] if key in keys else None for key in EXECUTORS}
    if chosen["stages"]:
        return chosen | _of_stages(chosen["stages"], given)
    planned = _planned(values, given)
    if asked and not planned:
        raise SettingsError(f"--zdt-{asked[0]} is about a load: say how long with --zdt-duration")
    if planned and (chosen["ramp"] or 0.0) >= planned:
        raise SettingsError(f"a ramp of {chosen['ramp']:g}s does not end within the duration of {planned:g}s: shorten it")
    if chosen["rate"] and given.get("pace"):
        raise SettingsError("--zdt-rate and --zdt-pace exclude each other: a rate says itself when iterations start")
    return chosen | ({"pace": None} if chosen["rate"] else {})


def _of_stages(stages: tuple[tuple[float, int], ...], given: Mapping[str, Any]) -> dict[str, Any]:
    for key, told in (("duration", "how long the load lasts"), ("vus", "how many virtual users there are")):
        if given.get(key) is not None:
            raise SettingsError(f"stages say themselves {told}: leave --zdt-{key} out")
    return {"duration": sum(seconds for seconds, _ in stages), "vus": max(vus for _, vus in stages)}


def _planned(values: Mapping[str, Any], given: Mapping[str, Any]) -> float:
    """Seconds of load: as asked for, or as long as a deployment given on the command line is followed at most."""
    return float(values.get("duration") or (FOLLOW_AT_MOST if given.get("deploy") else 0.0))


def _target_keys(name: str, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The target's keys, parsed."""
    if "://" in name:
        return {"base-url": parsed("--zdt-target", base_url, name)}
    targets = configuration.get("targets", {})
    if name not in targets:
        known = ", ".join(sorted(targets)) or "none is configured"
        raise SettingsError(f"unknown target {name!r}{nearest(name, targets)} (configured: {known}); or give a URL")
    where = f"targets.{name}"
    known_keys(where, targets[name], set(TARGET_KEYS) | {"require"})
    keys = {key: parsed(f"{where}.{key}", TARGET_KEYS[key], value) for key, value in targets[name].items() if key != "require"}
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
    names = ("mac_header", "timestamp_header", "version", "timeout", "production", "http2")
    optional = {key: values[key] for key in names if key in values}
    return Target(name=name, base_url=values["base_url"], signing=signing, secret=secret, **optional)
