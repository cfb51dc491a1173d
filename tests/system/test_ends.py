"""Runs that somebody ends before they are over."""

import signal
from collections.abc import Callable
from typing import Any

import pytest


def load_under_way(run: Any, eventually: Callable[..., bool]) -> None:
    """Waits until there is evidence; the run's processes are then there to be found."""
    samples = run.report / "samples.ndjson"
    assert eventually(lambda: samples.is_file() and samples.stat().st_size, 60), run.output
    assert len(run.left()) > 3


@pytest.mark.parametrize("processes", ["2", "0"])
def test_ctrl_c_keeps_the_evidence_and_leaves_nothing(
    load: Callable[..., Any], eventually: Callable[..., bool], processes: str
) -> None:
    """The exit status is 2, the verdict is there and not verified, and no process is left, with and without workers."""
    run = load("-n", processes)
    load_under_way(run, eventually)
    run.signal(signal.SIGINT)
    assert run.end(60) == 2, run.output
    assert run.verdict["verdict"] != "verified"
    assert run.verdict["run"]["interrupted"]
    assert (run.report / "marks.ndjson").stat().st_size
    assert run.left() == []


def test_a_killed_run_leaves_no_process(load: Callable[..., Any], eventually: Callable[..., bool]) -> None:
    """After SIGKILL of pytest itself its workers and the served API end by themselves, soon."""
    run = load("-n", "2")
    load_under_way(run, eventually)
    run.signal(signal.SIGKILL)
    run.end(10)
    assert eventually(lambda: not run.left(), 15), run.left()
    assert not (run.report / "verdict.json").exists()
