"""What a run tells of itself: ``run.json``, and the environment of its commands."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from pytest_zdt import __version__
from pytest_zdt.evidence.bundle import RUN_SCHEMA
from pytest_zdt.output import mask
from pytest_zdt.schedule import Arrivals, due_to_send, planned_time
from pytest_zdt.settings import Run
from pytest_zdt.team import Team


def environment(run: Run) -> dict[str, str]:
    """What the serve and deploy commands find in their environment beside the caller's own."""
    target = run.settings.target
    found = {"ZDT_BASE_URL": target.base_url, "ZDT_RUN_ID": run.id, "ZDT_REPORT_DIR": str(run.settings.report.resolve())}
    if run.settings.serve:
        found["ZDT_PORT"] = target.base_url.rpartition(":")[2].partition("/")[0]
    if target.secret and run.settings.secret_env:
        found[run.settings.secret_env] = found["ZDT_SIGNING_SECRET"] = target.secret.reveal()
    return found


def describe(run: Run, team: Team, zero: float) -> dict[str, Any]:
    """The content of ``run.json``, without secrets; ``zero`` is the run's start on this machine's monotonic clock."""
    settings = run.settings
    source = settings.target.version
    return {
        "schema": RUN_SCHEMA,
        "id": run.id,
        "target": settings.target.name,
        "base_url": settings.target.base_url,
        "mode": "load",
        "executor": settings.executor,
        "vus": settings.vus,
        "stages": [list(stage) for stage in settings.stages] or ([[settings.ramp, settings.vus]] if settings.ramp else None),
        "rate": settings.rate or None,
        "workers": len(team.ready),
        "tests": {"planned": team.ready[0].planned, "copied": team.ready[0].copied} if team.ready else None,
        "probe_every_s": settings.probe_every,
        "pace_s": settings.pace,
        "seed": settings.seed,
        "transport": settings.transport,
        "signing": settings.target.signing,
        "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "planned_s": settings.duration,
        "deploy": mask(settings.deploy, settings.target.secret.reveal()),
        "arguments": [mask(argument, settings.target.secret.reveal()) for argument in run.arguments],
        "version_source": str(source),
        "lanes": list(settings.lanes),
        "clock": {"monotonic": zero, "pid": os.getpid()},
        "require": asdict(settings.require),
        "tool": {"pytest-zdt": __version__, "pytest": pytest.__version__},
    }


def ending(run: Run, team: Team, ended: float) -> dict[str, object]:
    """What the workers have told of their end, ``ended`` seconds after the run's start: a part of the run's last mark."""
    settings = run.settings
    data: dict[str, object] = {
        "driven_s": round(team.total("driven_s"), 3),
        "planned_vu_s": round(sum(planned_time(settings.points, vu, 0.0, ended) for vu in range(settings.vus)), 3),
        "silent_vus": team.silent(),
        "hung_vus": team.listed("hung_vus"),
        "made_flows": team.listed("made_flows"),
        "iterations": team.total("iterations"),
        "samples": team.samples(),
        "unsent_probes": team.total("unsent_probes"),
        "pinned": team.pinned(),
    }
    if settings.rate:
        planned = Arrivals(settings.rate).planned(ended)
        return data | {"planned_iterations": planned, "unsent_iterations": max(0, planned - team.total("begun"))}
    return data | {"started_vus": len(due_to_send(settings.points, range(settings.vus), settings.pace, ended))}
