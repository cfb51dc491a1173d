"""Follow mode without processes: how far a run has come, as marks of others tell, and when its time is up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.director import Seen
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.follow import Following, Stage
from pytest_zdt.require import Require
from pytest_zdt.settings import Run, RunSettings
from pytest_zdt.target import Target

SETTINGS = RunSettings(
    Target("mine", "http://127.0.0.1:1"), duration=90.0, require=Require(head=5.0, tail=7.0), report=Path("no")
)


class Story:
    """A run, the marks that others set in it, and what was told."""

    def __init__(self, settings: RunSettings = SETTINGS) -> None:
        self.others: list[Mark] = []
        self.marks: list[tuple[str, dict[str, Any]]] = []
        self.lines: list[str] = []
        self.seen = Seen()
        self.following = Following(Run("1", settings), self._mark, self._told, self.lines.append)

    def _mark(self, name: str, **data: Any) -> None:
        self.marks.append((name, data))

    def _told(self) -> list[Mark]:
        told, self.others = self.others, []
        return told

    def look(self, now: float, *names: str) -> tuple[str, Stage]:
        """Why the run is over now, and how far it has come, once others have set marks of these names."""
        self.others = [Mark(now, name) for name in names]
        return self.following.look(now, self.seen), self.following.stage(now, self.seen)


def test_a_load_without_a_deployment() -> None:
    """It takes its duration."""
    story = Story()
    assert story.look(10.0) == ("", Stage("load", 10.0, 90.0, 90.0))
    assert story.look(90.0)[0] == "duration"
    assert not story.following.begun


def test_marks_of_others_tell_how_far_a_load_has_come() -> None:
    """A deployment beside it: deploying from its start, anew when it is started again, tail from its end; the time stays."""
    story = Story()
    story.seen.add(5, 0, -1.0, [["v1", 5, 0.1, 9.0]])
    assert story.look(10.0, "deploy-started") == ("", Stage("deploying", 0.0, 0.0, 90.0))
    assert story.look(15.0) == ("", Stage("deploying", 5.0, 0.0, 90.0))
    assert story.look(20.0, "half-way", "deploy-started") == ("", Stage("deploying", 0.0, 0.0, 90.0))
    assert story.look(30.0, "deploy-ended") == ("", Stage("tail", 0.0, 8.0, 90.0))
    assert story.look(50.0) == ("", Stage("tail", 0.0, 8.0, 90.0))  # only old has answered
    story.seen.add(5, 0, -1.0, [["v2", 5, 20.0, 59.0]])
    assert story.look(60.0) == ("", Stage("tail", 30.0, 8.0, 90.0))
    assert story.look(90.0)[0] == "duration"
    assert story.lines == [f"zdt: marked {name} at {at} s" for name, at in (
        ("deploy-started", "10.0"), ("half-way", "20.0"), ("deploy-started", "20.0"), ("deploy-ended", "30.0"))]  # fmt: skip


def test_an_end_without_a_start() -> None:
    """A mark of a deployment's end alone begins the tail."""
    assert Story().look(30.0, "deploy-ended") == ("", Stage("tail", 0.0, 8.0, 90.0))


def test_a_deployment_that_is_not_due() -> None:
    """The head is counted from the first answer; without a version in the answers the run is given up, with a mark."""
    story = Story(replace(SETTINGS, deploy="true"))
    assert story.look(10.0) == ("", Stage("head", 0.0, 6.0, 90.0))
    story.seen.add(5, 0, -1.0, [["v1", 5, 8.0, 9.0]])
    assert story.look(10.0) == ("", Stage("head", 2.0, 6.0, 90.0))
    story = Story(replace(SETTINGS, deploy="true"))
    story.seen.add(5, 0, -1.0, [])
    assert story.look(10.0)[0] == "no version"
    assert [name for name, _ in story.marks] == ["abort"]


def test_a_head_that_is_never_clean() -> None:
    """When the time is up it is said that nothing was deployed, and why."""
    story = Story(replace(SETTINGS, deploy="true"))
    story.seen.add(9, 1, 88.0, [["v1", 8, 0.1, 89.9]], [["reset", 1]], [["GET /a/", 89.9, -1.0, 88.0]])
    assert story.look(89.9)[0] == ""
    assert story.look(90.0)[0] == "duration"
    assert story.lines == ["zdt: the deployment was not started: the head was clean for 2.0 s at the end, and must be for 6 s"]
    assert story.marks == []


@pytest.mark.parametrize(("ended", "over"), [((), ""), (("deploy-ended",), "")])
def test_nothing_to_stop(ended: tuple[str, ...], over: str) -> None:
    """A run without a command of its own has nothing to end, whatever others do."""
    story = Story()
    assert story.look(10.0, "deploy-started", *ended)[0] == over
    story.following.stop(11.0)
    assert story.marks == []
