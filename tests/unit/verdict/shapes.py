"""Ways to bend the story of ``conftest.py``, for several files."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.verdict.judge import judge

from .conftest import Story


def outcome(story: Story, name: str) -> tuple[str, str]:
    """Status and reason of one requirement."""
    found = story.requirement(name)
    return found.status, found.reason


def statuses(story: Story) -> dict[str, str]:
    """Reason of each requirement that is not verified."""
    return {one.name: one.reason for one in judge(story.evidence).requirements if one.status != "verified"}


def where(story: Story, fits: Callable[[Sample], bool]) -> list[int]:
    """The numbers of the samples that fit."""
    return [index for index, item in enumerate(story.samples) if fits(item)]


def keep(story: Story, fits: Callable[[Sample], bool]) -> Story:
    """Leaves only the samples that fit."""
    story.samples = [item for item in story.samples if fits(item)]
    return story


def only_flows(story: Story, fits: Callable[[Sample], bool]) -> Story:
    """Leaves only the uses of a value that fit; the other requests use none."""
    return story.change(flow=lambda item: item.flow if fits(item) else "")


def pair(made_by: str, used_on: str) -> Callable[[Sample], bool]:
    """Whether a sample used a value of one version on the other."""
    return lambda item: bool(item.flow) and (item.made_by, item.version) == (made_by, used_on)


def lengthen(story: Story, seconds: int) -> Story:
    """Makes the tail longer by that many seconds, a multiple of 20, of the same requests."""
    tail = [item for item in story.samples if item.sent >= 20]
    for shift in range(20, seconds + 1, 20):
        story.samples += [replace(item, sent=item.sent + shift) for item in tail]
    end = 40 + seconds
    story.health = [Health("main", second + 1.0, array("d", [1.0] * 20), 0.2) for second in range(end)]
    return story.mark(float(end), "run-ended", planned_s=float(end))


def plan(story: Story, *spans: tuple[float, str]) -> Story:
    """Which versions answer until when: ``(10, "v1"), (20, "v1 v2")``, in turns; where there are several, tokens cross."""

    def versions(item: Sample) -> list[str]:
        return next(names for until, names in spans if item.sent < until).split()

    def turn(item: Sample, length: int) -> str:
        names = versions(item)
        return names[round(item.sent / 0.05) // length % len(names)]

    story.change(flow=lambda item: "token" if len(versions(item)) > 1 else "")
    story.change(made_by=lambda item: turn(item, 4) if item.flow else "")
    return story.change(version=lambda item: turn(item, 8))


def deployments(story: Story, *times: tuple[float, float | None]) -> Story:
    """Marks of deployments from start to end; None: it has no end."""
    story.unmark("deploy-started").unmark("deploy-ended")
    for start, end in times:
        story.marks.append(Mark(start, "deploy-started"))
        if end is not None:
            story.marks.append(Mark(end, "deploy-ended", {"exit_status": 0}))
    return story


def shards(story: Story, *ends: dict[str, object]) -> Story:
    """A run that was merged of two, each with half of the samples and a worker of its own, and with those end marks."""
    half = {"driven_s": 80.0, "planned_vu_s": 80.0, "samples": 400, "health": 40, "marks": 1, "silent_vus": [], "workers": 1}
    story.run |= {"shards": ["one", "two"], "workers": 2}
    story.health = [replace(one, worker=f"{shard}/main") for shard in ("one", "two") for one in story.health]
    names = story.run["shards"]
    marks = [Mark(40.0, "run-ended", {**half, "shard": name, **end}) for name, end in zip(names, ends, strict=False)]
    story.unmark("run-ended").marks += marks
    return story


def polled(story: Story, versions: Iterable[str]) -> Story:
    """The same run with a version URL that was asked once a second, beside answers that name no version."""
    story.run["version_source"] = "url:/version#release"
    story.marks += [Mark(float(second), "version-polled", {"version": version}) for second, version in enumerate(versions)]
    return story.change(version="", made_by="")


def probe(story: Story, fits: Callable[[Sample], bool] = bool, **changes: Any) -> Story:
    """The same run with a probe of each endpoint every second, a quarter of a second after it; only those that fit.

    In the overlap the versions answer them in turns.
    """
    for number in range(80):
        sent = number // 2 + 0.27
        version = "v1" if sent < 10 or (sent < 19 and number % 4 > 1) else "v2"
        one = Sample(sent, ("GET /a/", "GET /b/")[number % 2], f"p{number}", 0.02, 0.015, 200, "", version, vu=-1, lane="probe")
        story.samples += [replace(one, **changes)] if fits(one) else []
    return story
