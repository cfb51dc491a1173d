"""The options, one table; each is a flag ``--zdt-NAME`` and an ini option ``zdt_NAME``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_zdt import settings


@dataclass(frozen=True)
class Option:
    """One option. Without ``parse`` it is a switch."""

    name: str
    metavar: str
    parse: Callable[[str], Any] | None
    help: str

    @property
    def key(self) -> str:
        """Its name as an identifier."""
        return self.name.replace("-", "_")


OPTIONS = (
    Option("target", "NAME|URL", str, "which API to run the zdt tests against; without it they are deselected"),
    Option("duration", "DURATION", settings.positive_duration, "load mode: repeat the zdt tests for that long (15m, 90s)"),
    Option("smoke", "", None, "smoke mode: each zdt test once (the default without a duration)"),
    Option("vus", "N", settings.count, "virtual users in all (default: the target's, or 10)"),
    Option("pace", "DURATION", settings.duration, "least time from one iteration's start to the next of a VU (default: 0)"),
    Option("deploy", "COMMAND", str, "prove the head, run COMMAND, hold until the tail is clean, then stop"),
    Option("head", "DURATION", settings.duration, "required time on the old version alone (2m, or 10%% of the duration)"),
    Option("tail", "DURATION", settings.duration, "required time on the new version alone (5m, or 20%% of the duration)"),
    Option("report", "DIR", str, "where the evidence goes (default: zdt-report)"),
    Option("overwrite", "", None, "replace the evidence of another run in the report directory"),
    Option("seed", "N", settings.seed, "seed of every VU's random order"),
    Option("transport", "curl|urllib3", settings.transport, "the wire (default: curl)"),
    Option("allow-production", "", None, "needed for a target marked production = true"),
)


def add_options(parser: pytest.Parser) -> None:
    """Registers the table with pytest."""
    group = parser.getgroup("zdt", "zero-downtime verification of a deployment")
    for option in OPTIONS:
        kind: dict[str, Any] = {"action": "store_true"} if option.parse is None else {"type": _checked(option.parse)}
        if option.metavar:
            kind["metavar"] = option.metavar
        group.addoption(f"--zdt-{option.name}", dest=f"zdt_{option.key}", default=None, help=option.help, **kind)
        parser.addini(f"zdt_{option.key}", option.help, default=None)


def given(config: pytest.Config) -> dict[str, Any]:
    """The options' values by key: of the command line, else of the ini file, else None. Raises `pytest.UsageError`."""
    return {option.key: _value(config, option) for option in OPTIONS}


def _value(config: pytest.Config, option: Option) -> Any:
    value = config.getoption(f"zdt_{option.key}", None)
    if value is not None:
        return value
    written = config.getini(f"zdt_{option.key}")
    if written in (None, ""):
        return None
    if option.parse is None:
        return str(written).lower() in ("1", "true", "yes", "on")
    try:
        return option.parse(written)
    except ValueError as error:
        raise pytest.UsageError(f"zdt_{option.key}: {error}") from None


def _checked(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def parsed(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parsed
