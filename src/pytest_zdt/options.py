"""The options, one table; each is a flag ``--zdt-NAME`` and an ini option ``zdt_NAME``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest


class Option(NamedTuple):
    """One option. ``parse`` names a function of `pytest_zdt.values`, imported when there is a value; empty: a switch."""

    name: str
    metavar: str
    parse: str
    help: str

    @property
    def key(self) -> str:
        """Its name as an identifier."""
        return self.name.replace("-", "_")


OPTIONS = (
    Option("target", "NAME|URL", "text", "which API to run the zdt tests against; without it they are deselected"),
    Option("duration", "DURATION", "positive_duration", "load mode: repeat the zdt tests for that long (15m, 90s)"),
    Option("smoke", "", "", "smoke mode: each zdt test once (the default without a duration)"),
    Option("vus", "N", "count", "virtual users in all (default: the target's, or 10)"),
    Option("pace", "DURATION", "duration", "least time from one iteration's start to the next of a VU (default: 0)"),
    Option("ramp", "DURATION", "positive_duration", "grow to that many virtual users over that time, then hold"),
    Option("stages", "LIST", "stages", "stages of a ramp, each time:VUs, such as 1m:5,13m:20,1m:0"),
    Option("rate", "RATE", "rate", "arrival rate: iterations start at 50/s or 600/m, whatever the answers do"),
    Option("deploy", "COMMAND", "command", "prove the head, run COMMAND, hold until the tail is clean, then stop"),
    Option("deploy-timeout", "DURATION", "positive_duration", "kill COMMAND when it has not ended after that long (30m)"),
    Option("head", "DURATION", "duration", "required time on the old version alone (2m, or 10%% of the duration)"),
    Option("tail", "DURATION", "duration", "required time on the new version alone (5m, or 20%% of the duration)"),
    Option("abort-on-violation", "", "", "stop at the first violation, so that the pipeline can roll back at once"),
    Option("report", "DIR", "text", "where the evidence goes (default: zdt-report)"),
    Option("overwrite", "", "", "replace the evidence of another run in the report directory"),
    Option("live", "PORT", "port", "serve the report's page on http://127.0.0.1:PORT while the run goes (0: any free port)"),
    Option("seed", "N", "seed", "seed of every VU's random order"),
    Option("transport", "curl|urllib3", "transport", "the wire (default: curl)"),
    Option("lanes", "both|reused|new", "lanes", "connections kept alive, new ones for each iteration, or both (default)"),
    Option("probe-every", "DURATION", "duration", "replay each endpoint's last good GET that often (1s; 0: never)"),
    Option("pin", "auto|off", "pin", "keep each worker on a CPU of its own where one is idle (default), or do not"),
    Option("allow-production", "", "", "needed for a target marked production = true"),
)


SWITCHES = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def add_options(parser: pytest.Parser) -> None:
    """Registers the table with pytest."""
    group = parser.getgroup("zdt", "zero-downtime verification of a deployment")
    for option in OPTIONS:
        kind: dict[str, Any] = {} if option.parse else {"action": "store_true"}
        if option.metavar:
            kind["metavar"] = option.metavar
        group.addoption(f"--zdt-{option.name}", dest=f"zdt_{option.key}", default=None, help=option.help, **kind)
        parser.addini(f"zdt_{option.key}", option.help, default=None)


def given(config: pytest.Config) -> dict[str, Any]:
    """The options' values by key: of the command line, else of the ini file, else None. Raises `pytest.UsageError`."""
    return {option.key: _value(config, option) for option in OPTIONS}


def _value(config: pytest.Config, option: Option) -> Any:
    """Checked here and not by argparse, which would print four lines where one says it all."""
    value, name = config.getoption(f"zdt_{option.key}", None), f"--zdt-{option.name}"
    if value == "":
        raise pytest.UsageError(f"{name}: its value is empty: give one, or leave the option out")
    if value is None:
        value, name = config.getini(f"zdt_{option.key}"), f"zdt_{option.key}"
    if value in (None, ""):
        return None
    if not option.parse:
        return _switch(name, value)
    try:
        return checker(option.parse)(value)
    except ValueError as error:
        raise pytest.UsageError(f"{name}: {error}") from None


def _switch(name: str, value: object) -> bool:
    written = str(value).lower()
    if written not in SWITCHES:
        raise pytest.UsageError(f"{name}: {value!r} is neither true nor false")
    return SWITCHES[written]


def any_given(config: pytest.Config) -> bool:
    """Whether any of the options has a value, on the command line or in the ini file."""
    found = ((config.getoption(f"zdt_{one.key}", None), config.getini(f"zdt_{one.key}")) for one in OPTIONS)
    return any(value is not None or written not in (None, "") for value, written in found)


def checker(name: str) -> Callable[[str], Any]:
    """The function of `pytest_zdt.values` that checks a value."""
    from pytest_zdt import values

    function: Callable[[str], Any] = getattr(values, name)
    return function
