"""Joined runs: what they planned together, by their executor; their probes, and where their virtual users hung."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.cli import main
from pytest_zdt.evidence.bundle import BundleError, read_samples
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.merge import merge
from pytest_zdt.verdict.judge import judge

from .test_merge import joined, load, shard
from .verdict.conftest import Story
from .verdict.shapes import probe


def test_runs_of_different_executors(tmp_path: Path) -> None:
    """One line tells which is which; nothing is written. A run that names none was of constant virtual users."""
    constant, ramp = shard(tmp_path, "constant"), shard(tmp_path, "ramp", executor="ramping-vus")
    unnamed = shard(tmp_path, "unnamed", 1.0, executor=None)
    line = rf"^runs of different executors cannot be merged: constant-vus in '{constant}', ramping-vus in '{ramp}'$"
    with pytest.raises(BundleError, match=line):
        merge([ramp, constant], tmp_path / "out")
    with pytest.raises(BundleError, match="different executors"):
        merge([ramp, unnamed], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert joined(tmp_path, constant, unnamed).run["executor"] == "constant-vus"


def test_probes_stay_nobodys(tmp_path: Path) -> None:
    """They are of no virtual user in the joined run either; how many were not sent is summed."""
    shards = [
        shard(tmp_path, name, 0.0, probe(Story()).mark(40.0, "run-ended", unsent_probes=2), probe_every_s=every)
        for name, every in (("a", 1.0), ("b", 0.5))
    ]
    seen = joined(tmp_path, *shards, shard(tmp_path, "c", 0.0, Story().mark(40.0, "run-ended", unsent_probes=0), probe_every_s=0))
    lanes = {(sample.vu, sample.lane == "probe") for sample in read_samples(tmp_path / "joined")}
    assert lanes == {(-1, True), *((vu, False) for vu in range(12))}
    assert seen.run["probe_every_s"] == 0.5
    verdict = judge(seen)
    assert (verdict.verdict, verdict.generator.unsent_probes) == ("verified", 4)


def test_rates_are_summed(tmp_path: Path) -> None:
    """The joined run had the iterations of all: planned, and not started."""
    shards = []
    for name, unsent in (("a", 30), ("b", 0)):
        story = Story().mark(40.0, "run-ended", planned_iterations=400, unsent_iterations=unsent)
        shards.append(shard(tmp_path, name, 0.0, story, executor="constant-arrival-rate", rate=10.0))
    seen = joined(tmp_path, *shards)
    assert seen.run["rate"] == 20.0
    assert load(seen).detail.startswith("1600 requests by up to 8 virtual users, 770 of 800 iterations (96.2%) started")
    assert main(["judge", str(tmp_path / "joined")]) == 0


def test_ramps_are_summed(tmp_path: Path) -> None:
    """As one ramp of all virtual users, of which those count that had started in each run."""
    shards = []
    for name, second, started in (("a", 0.0, 4), ("b", 10.0, 3)):
        story = Story().mark(40.0, "run-ended", started_vus=started)
        story.samples = [item for item in story.samples if item.vu < started]
        shards.append(shard(tmp_path, name, second, story, executor="ramping-vus", stages=[[20, 4]]))
    seen = joined(tmp_path, *shards)
    assert seen.run["stages"] == [[10, 2], [10, 6], [10, 8]]
    assert load(seen).status == "verified"
    assert "by up to 7 virtual users (ramp: 2 after 10 s, 6 after 20 s, 8 after 30 s)" in load(seen).detail


@pytest.mark.parametrize("broken", [{"rate": "fast"}, {"rate": None}, {"stages": [1]}, {"stages": None}, {"probe_every_s": "1s"}])
def test_plans_that_cannot_be_summed(broken: dict[str, Any], tmp_path: Path) -> None:
    """One line, and nothing is written."""
    plan = {"rate": 1.0, "stages": [[1, 1]], "probe_every_s": 1.0}
    with pytest.raises(BundleError, match=r"^the runs cannot be merged: .* is broken|run.json has a wrong rate: "):
        merge([shard(tmp_path, "a", **plan), shard(tmp_path, "b", **{**plan, **broken})], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_who_hung_on_which_machine(tmp_path: Path) -> None:
    """Virtual user and worker of a mark are those of the joined run."""
    hung = Story().mark(40.0, "run-ended", hung_vus=[1])
    hung.marks.append(Mark(20.0, "vu-hung", {"vu": 1, "worker": "gw0", "test": "t.py::test_x", "after_s": 9.0, "stack": "s"}))
    seen = joined(tmp_path, shard(tmp_path, "a"), shard(tmp_path, "b", 1.0, hung))
    (mark,) = (mark for mark in seen.marks if mark.name == "vu-hung")
    assert mark.data == {"vu": 5, "worker": "b/gw0", "test": "t.py::test_x", "after_s": 9.0, "stack": "s", "shard": "b"}
    assert load(seen).detail == "1 virtual users hung in a test: 5 in t.py::test_x."


def test_a_hung_nobody_is_torn(tmp_path: Path) -> None:
    """A mark that tells no virtual user cannot be one of the joined run."""
    hung = Story()
    hung.marks.append(Mark(20.0, "vu-hung", {"worker": "gw0"}))
    assert joined(tmp_path, shard(tmp_path, "a"), shard(tmp_path, "b", 0.0, hung)).run["torn_lines"] == 1


def test_pinned_workers_keep_their_cpus(tmp_path: Path) -> None:
    """By the names that the joined run gives them; runs that tell of none still do not."""
    one = Story().mark(40.0, "run-ended", pinned={"gw0": 0, "gw1": None})
    two = Story().mark(40.0, "run-ended", pinned=None)
    seen = joined(tmp_path, shard(tmp_path, "a", 0.0, one), shard(tmp_path, "b", 0.0, two), shard(tmp_path, "c"))
    ended = [mark.data for mark in seen.marks if mark.name == "run-ended"]
    assert [one.get("pinned") for one in ended] == [{"a/gw0": 0, "a/gw1": None}, {}, None]
