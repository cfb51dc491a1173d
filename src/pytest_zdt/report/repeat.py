"""How to repeat a run: its command line, from what ``run.json`` tells."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any


def command(run: Mapping[str, Any]) -> str:
    """The command line that makes such a run again, with the target's configuration as it is then; empty of a joined run.

    It is what was typed, and the seed. Where that is not known, as in evidence of other making, it is made of the settings.
    """
    if run.get("shards"):
        return ""
    typed = [str(argument) for argument in run.get("arguments") or ()]
    if typed and not any(argument.startswith("--zdt-seed") for argument in typed):
        typed.append(f"--zdt-seed={run.get('seed')}")
    return shlex.join(["pytest", *(typed or _options(run))])


def _options(run: Mapping[str, Any]) -> Iterator[str]:
    yield f"--zdt-target={run.get('target')}"
    yield from _load(run)
    require = run.get("require") or {}
    yield from (f"--zdt-{name}={float(require[name]):g}s" for name in ("head", "tail") if require.get(name) is not None)
    lanes = list(run.get("lanes") or ())
    if len(lanes) == 1:
        yield f"--zdt-lanes={lanes[0]}"
    if run.get("seed") is not None:
        yield f"--zdt-seed={run['seed']}"
    if run.get("deploy"):
        yield f"--zdt-deploy={run['deploy']}"
    if run.get("workers"):
        yield from ("-n", str(run["workers"]))


def _load(run: Mapping[str, Any]) -> Iterator[str]:
    """How long, by how many, on what schedule."""
    stages, planned = run.get("stages") or [], float(run.get("planned_s") or 0.0)
    ramp = len(stages) == 1 and planned > stages[0][0]
    if stages and not ramp:
        yield "--zdt-stages=" + ",".join(f"{seconds:g}s:{vus}" for seconds, vus in stages)
    else:
        yield from (f"--zdt-duration={planned:g}s", f"--zdt-vus={run.get('vus')}")
    if ramp:
        yield f"--zdt-ramp={stages[0][0]:g}s"
    if run.get("rate"):
        yield f"--zdt-rate={run['rate']:g}/s"
    elif run.get("pace_s"):
        yield f"--zdt-pace={run['pace_s']:g}s"
