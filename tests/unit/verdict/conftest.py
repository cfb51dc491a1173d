"""Evidence made by hand."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.evidence.bundle import BundleWriter, Evidence
from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import Sample, pack
from pytest_zdt.evidence.series import Table
from pytest_zdt.verdict.judge import judge
from pytest_zdt.verdict.model import Requirement

REQUIRE = {
    "head": 8.0,
    "tail": 8.0,
    "overlap_answers": 20,
    "endpoint_answers": 5,
    "max_failures": "0",
    "max_outage": 0.0,
    "pair_uses": 3,
    "overlap": True,
    "version_change": True,
}
RUN = {
    "id": "r1",
    "target": "sandbox",
    "base_url": "http://127.0.0.1:1",
    "mode": "load",
    "executor": "constant-vus",
    "vus": 4,
    "workers": 1,
    "started_at": "2026-01-01T00:00:00Z",
    "planned_s": 40.0,
    "version_source": "header:x-zdt-version",
    "require": REQUIRE,
}
ENDED = {"interrupted": False, "driven_s": 160.0, "planned_vu_s": 160.0, "silent_vus": [], "planned_s": 40.0}


class Story:
    """A run of 40 s: v1 alone until 10, both until 20, v2 alone after; two endpoints, two lanes, four virtual users.

    In the overlap every request uses a token, made by the versions in turn. The load generator is well.
    """

    def __init__(self) -> None:
        self.samples = [self._sample(index) for index in range(800)]
        self.marks = [
            Mark(9.0, "deploy-started"),
            Mark(19.0, "deploy-ended", {"exit_status": 0}),
            Mark(40.0, "run-ended", dict(ENDED)),
        ]
        self.health = [Health("main", second + 1.0, array("d", [1.0] * 20), 0.2) for second in range(40)]
        self.run: dict[str, Any] = {**RUN, "require": dict(REQUIRE)}
        self.torn_lines = 0

    def _sample(self, index: int) -> Sample:
        sent, turn = index * 0.05, index // 8
        version = "v1" if sent < 10 or (sent < 20 and turn % 2) else "v2"
        return Sample(
            sent=sent,
            endpoint=("GET /a/", "GET /b/")[index % 2],
            request_id=f"id{index}",
            took=0.02,
            latency=0.01,
            status=200,
            version=version,
            vu=index % 4,
            lane=("new", "reused")[index // 2 % 2],
            reused=index // 2 % 2 == 1,
            flow="token" if 10 <= sent < 20 else "",
            made_by=("v1", "v2")[index // 4 % 2] if 10 <= sent < 20 else "",
        )

    def break_(self, *indices: int, kind: str = "status-5xx", **changes: Any) -> Story:
        """Makes failures of the samples with those numbers."""
        for index in indices:
            self.samples[index] = replace(self.samples[index], kind=kind, **changes)
        return self

    def change(self, **changes: Any) -> Story:
        """Changes fields of all samples; a callable gets the sample."""
        self.samples = [
            replace(item, **{name: value(item) if callable(value) else value for name, value in changes.items()})
            for item in self.samples
        ]
        return self

    def unmark(self, name: str) -> Story:
        """Takes the marks of that name away."""
        self.marks = [mark for mark in self.marks if mark.name != name]
        return self

    def mark(self, at: float, name: str, **data: object) -> Story:
        """Adds a mark, in place of one of that name if there is one."""
        old = next((mark.data for mark in self.marks if mark.name == name), {})
        self.unmark(name).marks.append(Mark(at, name, {**old, **data}))
        return self

    def require(self, **changes: Any) -> Story:
        """Changes what is required."""
        self.run["require"].update(changes)
        return self

    @property
    def evidence(self) -> Evidence:
        """The story as evidence; its end mark counts what there is, unless it was made to say something else."""
        counts = {"samples": len(self.samples), "health": len(self.health), "marks": len(self.marks) - 1}
        marks = [replace(one, data={**counts, **one.data}) if one.name == "run-ended" else one for one in self.marks]
        return Evidence(self.run, Table(self.samples), marks, self.health, self.torn_lines)

    def requirement(self, name: str) -> Requirement:
        """The outcome of one requirement."""
        return next(item for item in judge(self.evidence).requirements if item.name == name)


def stored(story: Story, directory: Path, **run: Any) -> Path:
    """The story's evidence in ``directory``, as a run leaves it, 40 samples in a line; ``run`` changes ``run.json``."""
    evidence = story.evidence
    writer = BundleWriter(directory, {"schema": "zdt-run/1", **evidence.run, **run})
    for start in range(0, len(story.samples), 40):
        writer.add_batch(pack(story.samples[start : start + 40], "main", 0.0))
    for second in evidence.health:
        writer.add_batch(second.as_line())
    for mark in evidence.marks:
        writer.copy_mark(mark)
    writer.close()
    return directory


@pytest.fixture
def story() -> Story:
    """A run that is verified, to be spoilt."""
    return Story()


@pytest.fixture
def make_story() -> Callable[[], Story]:
    """For tests that need several."""
    return Story
