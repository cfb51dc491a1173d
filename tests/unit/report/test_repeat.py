"""The command line that makes a run again: what it says is what the run was."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from pytest_zdt import values
from pytest_zdt.options import OPTIONS
from pytest_zdt.report.repeat import command

RUN: dict[str, Any] = {
    "target": "staging",
    "executor": "constant-vus",
    "vus": 10,
    "planned_s": 900.0,
    "pace_s": 0.5,
    "seed": 7,
    "workers": 2,
    "lanes": ["reused", "new"],
    "deploy": "",
    "require": {"head": 120.0, "tail": 300.0},
}


@pytest.mark.parametrize(
    "changes, line",
    [
        ({}, "--zdt-duration=900s --zdt-vus=10 --zdt-pace=0.5s --zdt-head=120s --zdt-tail=300s --zdt-seed=7 -n 2"),
        ({"rate": 50.0, "pace_s": 0.0, "require": {}}, "--zdt-duration=900s --zdt-vus=10 --zdt-rate=50/s --zdt-seed=7 -n 2"),
        (
            {"stages": [[120.0, 10]], "require": {}, "pace_s": 0},
            "--zdt-duration=900s --zdt-vus=10 --zdt-ramp=120s --zdt-seed=7 -n 2",
        ),
        ({"stages": [[60.0, 5], [840.0, 20]], "require": {}, "pace_s": 0}, "--zdt-stages=60s:5,840s:20 --zdt-seed=7 -n 2"),
        ({"lanes": ["new"], "require": {}, "pace_s": 0}, "--zdt-duration=900s --zdt-vus=10 --zdt-lanes=new --zdt-seed=7 -n 2"),
        (
            {"deploy": "./deploy.sh 'a b'", "require": {}, "pace_s": 0, "workers": None},
            "--zdt-duration=900s --zdt-vus=10 --zdt-seed=7 " + shlex.quote("--zdt-deploy=./deploy.sh 'a b'"),
        ),
    ],
)
def test_options(changes: dict[str, Any], line: str) -> None:
    """Everything that decides what the load is; a shell reads it as it was meant."""
    assert command({**RUN, **changes}) == f"pytest --zdt-target=staging {line}"


@pytest.mark.parametrize("changes", [{}, {"rate": 0.25}, {"stages": [[0.5, 3], [899.5, 0]]}, {"stages": [[1.25, 10]]}])
def test_the_options_are_understood(changes: dict[str, Any]) -> None:
    """Each exists, and its value is one that it takes."""
    known = {f"--zdt-{option.name}": option for option in OPTIONS}
    for part in shlex.split(command({**RUN, **changes}))[1:]:
        name, _, value = part.partition("=")
        if name.startswith("--zdt"):
            getattr(values, known[name].parse)(value)


def test_what_was_typed() -> None:
    """Selection of tests and all, with the seed, which nobody types."""
    typed = ["tests/media/test_search.py", "--zdt-target=staging", "-n", "0", "--zdt-deploy", "./deploy.sh now"]
    line = "pytest tests/media/test_search.py --zdt-target=staging -n 0 --zdt-deploy './deploy.sh now'"
    assert command({**RUN, "arguments": typed}) == f"{line} --zdt-seed=7"
    assert command({**RUN, "arguments": [*typed, "--zdt-seed=8"]}) == f"{line} --zdt-seed=8"


def test_a_joined_run() -> None:
    """Several commands made it."""
    assert command({**RUN, "shards": ["a", "b"]}) == ""


def test_a_run_that_tells_little() -> None:
    """As an early version wrote it, or a damaged one."""
    assert command({"target": "x", "vus": 1}) == "pytest --zdt-target=x --zdt-duration=0s --zdt-vus=1"
