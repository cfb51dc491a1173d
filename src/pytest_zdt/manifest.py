"""What a run tells of itself: ``run.json``, and the environment of its commands."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from pytest_zdt import __version__
from pytest_zdt.evidence.bundle import RUN_SCHEMA
from pytest_zdt.settings import Run


def environment(run: Run) -> dict[str, str]:
    """What the serve and deploy commands find in their environment beside the caller's own."""
    target = run.settings.target
    found = {"ZDT_BASE_URL": target.base_url, "ZDT_RUN_ID": run.id}
    if run.settings.serve:
        found["ZDT_PORT"] = target.base_url.rpartition(":")[2].partition("/")[0]
    if target.secret and run.settings.secret_env:
        found[run.settings.secret_env] = found["ZDT_SIGNING_SECRET"] = target.secret.reveal()
    return found


def describe(run: Run, workers: int, zero: float) -> dict[str, Any]:
    """The content of ``run.json``, without secrets; ``zero`` is the run's start on this machine's monotonic clock."""
    settings = run.settings
    source = settings.target.version
    return {
        "schema": RUN_SCHEMA,
        "id": run.id,
        "target": settings.target.name,
        "base_url": settings.target.base_url,
        "mode": "load",
        "executor": "constant-vus",
        "vus": settings.vus,
        "workers": workers,
        "pace_s": settings.pace,
        "seed": settings.seed,
        "transport": settings.transport,
        "signing": settings.target.signing,
        "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "planned_s": settings.duration,
        "deploy": settings.deploy,
        "version_source": str(source),
        "lanes": list(settings.lanes),
        "clock": {"monotonic": zero, "pid": os.getpid()},
        "require": asdict(settings.require),
        "tool": {"pytest-zdt": __version__, "pytest": pytest.__version__},
    }
