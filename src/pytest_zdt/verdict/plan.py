"""What a run planned, by its executor: how many virtual users, when, and how many iterations."""

from __future__ import annotations

from typing import Final

from pytest_zdt.evidence.marks import ENDED
from pytest_zdt.evidence.ramp import STEADY, Corners, corners
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.words import listed

RAMP: Final = "ramping-vus"
RATE: Final = "constant-arrival-rate"


def on_schedule(facts: Facts) -> bool:
    """Whether iterations started at a rate, whatever the answers did: an open model, in which a virtual user may get no turn."""
    return facts.run.get("executor") == RATE


def planned_vus(facts: Facts) -> int:
    """How many virtual users had their time to start; 0 when the run does not tell.

    A ramp that a deployment's end cut short started fewer than all of them.
    """
    started = told(facts, "started_vus")
    vus = facts.run.get("vus")
    return started if started is not None else int(vus) if isinstance(vus, int | float) else 0


def planned_ramp(facts: Facts) -> Corners:
    """The virtual users over time; of a load that has no ramp, or does not tell which, as many all the time."""
    return _ramp(facts) or STEADY


def told(facts: Facts, name: str) -> int | None:
    """A count that the run's end tells, of all shards of a merged run together; None where one does not tell."""
    values = [mark.data.get(name) for mark in facts.marked(ENDED)]
    known = [value for value in values if isinstance(value, int) and not isinstance(value, bool) and value >= 0]
    return sum(known) if known and len(known) == len(values) else None


def users(facts: Facts) -> str:
    """Which virtual users drove the load, in words."""
    if facts.run.get("executor") == RAMP:
        ramp = listed([f"{vus:g} after {at:g} s" for at, vus in _ramp(facts)[1:]], 4).replace(";", ",")
        return f"up to {planned_vus(facts)} virtual users ({f'ramp: {ramp}' if ramp else 'a ramp'})"
    return f"{'up to ' if on_schedule(facts) else ''}{facts.run.get('vus')} virtual users"


def _ramp(facts: Facts) -> Corners:
    """The ramp of the run; empty without one."""
    try:
        return corners(facts.run["stages"]) if facts.run.get("executor") == RAMP else []
    except (KeyError, TypeError, ValueError):
        return []
