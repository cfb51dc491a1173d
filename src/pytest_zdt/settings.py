"""From options and configuration to one frozen object; every value is checked here, before anything is started."""

from __future__ import annotations

import difflib
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_zdt.target import Secret, Target, VersionSource


class SettingsError(Exception):
    """A setting that cannot be used; one line that says what, which value, and what to do."""


def duration(text: str | int | float) -> float:
    """Seconds of ``15m``, ``90s``, ``1h30m``, ``500ms`` or ``45`` (seconds). Raises `ValueError` with what to write."""
    written = str(text).strip()
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?", written, re.ASCII)
    if re.fullmatch(r"\d+(\.\d+)?", written, re.ASCII):
        return float(written)
    if not written or not match:
        raise ValueError(f"{written!r} is not a duration: write 15m, 90s, 1h30m, 500ms or a number of seconds")
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def positive_duration(text: str | int | float) -> float:
    """As `duration`, but not 0."""
    seconds = duration(text)
    if not seconds:
        raise ValueError(f"{text!r} is no time at all: write 15m, 90s, 1h30m or a number of seconds")
    return seconds


def count(text: str | int) -> int:
    """A whole number from 1. Raises `ValueError`."""
    if not re.fullmatch(r"[0-9]+", str(text)) or isinstance(text, bool) or not int(text):
        raise ValueError(f"{text!r} is not a whole number from 1")
    return int(text)


def transport(text: str) -> str:
    """``curl`` or ``urllib3``. Raises `ValueError`."""
    return _one_of(text, "curl", "urllib3")


def budget(text: str | int) -> str:
    """A number of failures, or a share such as ``0.1%``. Raises `ValueError`."""
    if not re.fullmatch(r"\d+|\d+(\.\d+)?%", str(text), re.ASCII):
        raise ValueError(f"{text!r} is neither a number of failures nor a share such as 0.1%")
    return str(text)


def switch(value: bool) -> bool:
    """True or false as TOML writes them. Raises `ValueError`."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def text(value: str) -> str:
    """Any text."""
    return str(value)


def seed(text: str | int) -> int:
    """A whole number. Raises `ValueError`."""
    if not re.fullmatch(r"-?[0-9]+", str(text)):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def version_source(text: str) -> VersionSource:
    """Of ``header:NAME`` or ``json:/pointer``. Raises `ValueError`."""
    kind, _, key = str(text).partition(":")
    if kind not in ("header", "json") or not key:
        raise ValueError(f"{text!r} names no version source: write header:NAME or json:/pointer")
    return VersionSource(kind, key)


def base_url(text: str) -> str:
    """An absolute http(s) URL without query. Raises `ValueError`."""
    parts = urlsplit(str(text).replace("{port}", "1"))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is not the URL of an API: write https://host or https://host/path")
    return str(text).rstrip("/")


def _one_of(text: str, *allowed: str) -> str:
    if text not in allowed:
        raise ValueError(f"{text!r} is not one of {', '.join(allowed)}")
    return text


TARGET_KEYS: dict[str, Callable[[Any], Any]] = {
    "base-url": base_url,
    "signing": lambda text: _one_of(text, "timed-hmac", "none"),
    "secret-env": str,
    "mac-header": str,
    "timestamp-header": str,
    "version": version_source,
    "timeout": positive_duration,
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
}
REQUIRE_KEYS: dict[str, Callable[[Any], Any]] = {
    "head": duration,
    "tail": duration,
    "overlap-answers": count,
    "endpoint-answers": count,
    "max-failures": budget,
    "max-outage": duration,
    "overlap": switch,
    "version-change": switch,
}
FOLLOW_AT_MOST = 1800.0
"""Seconds that a run follows a deployment when no duration is given."""


@dataclass(frozen=True)
class Require:
    """The requirements' limits; times in seconds."""

    head: float = 120.0
    tail: float = 300.0
    overlap_answers: int = 20
    endpoint_answers: int = 5
    max_failures: str = "0"
    max_outage: float = 0.0
    overlap: bool = True
    version_change: bool = True


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
        _known(where, table, set(REQUIRE_KEYS))
        limits |= {key.replace("-", "_"): _parsed(f"{where}.{key}", REQUIRE_KEYS[key], value) for key, value in table.items()}
    limits |= {key: values[key] for key in ("head", "tail") if values.get(key) is not None}
    if planned and limits["head"] + limits["tail"] > planned:
        raise SettingsError(
            f"head {limits['head']:g}s and tail {limits['tail']:g}s are longer than the duration {planned:g}s: "
            "give a longer --zdt-duration, or a shorter --zdt-head and --zdt-tail"
        )
    return Require(**limits)


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
