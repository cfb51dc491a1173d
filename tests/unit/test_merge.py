"""Runs of one deployment, seen from several machines, joined into one."""

from __future__ import annotations

import itertools
import json
import resource
import subprocess
import sys
from array import array
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.cli import main
from pytest_zdt.evidence.bundle import (
    DEPLOY_LOG,
    MARKS,
    PAGE,
    RUN,
    SAMPLES,
    BundleError,
    Evidence,
    read_bundle,
    read_samples,
)
from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.merge import merge
from pytest_zdt.verdict.judge import judge
from pytest_zdt.verdict.model import Requirement, Verdict

from .verdict.conftest import Story, stored

ROOT = Path(__file__).parents[2]


def shard(directory: Path, name: str, second: float = 0.0, story: Story | None = None, **run: Any) -> Path:
    """A whole run of that name that began so many seconds after the hour."""
    story = (story or Story()).mark(40.0, "run-ended", workers=1)
    return stored(story, directory / name, **{"id": name, "started_at": f"2026-01-01T00:00:{second:06.3f}+00:00", **run})


def joined(directory: Path, *shards: Path) -> Evidence:
    """The evidence of the shards as one."""
    merge(shards, directory / "joined")
    return read_bundle(directory / "joined")


def load(evidence: Evidence) -> Requirement:
    """The outcome of the requirement that nothing is missing."""
    return outcome(judge(evidence), "load")


def outcome(verdict: Verdict, name: str) -> Requirement:
    """The outcome of a requirement."""
    return next(one for one in verdict.requirements if one.name == name)


def test_times_are_those_of_the_first_run(tmp_path: Path) -> None:
    """Samples, health and marks of a run that began later are later by as much, in whatever time zone it tells its start."""
    early, late = shard(tmp_path, "early", 1.0), shard(tmp_path, "late", started_at="2026-01-01T02:00:03.5+02:00")
    seen = joined(tmp_path, late, early)
    sent = sorted(sample.sent for sample in read_samples(early))
    later = sorted(sample.sent for sample in read_samples(tmp_path / "joined") if sample.vu >= 4)
    assert later == pytest.approx([at + 2.5 for at in sent])
    assert sorted(one.at for one in seen.health) == sorted([*range(1, 41), *(at + 2.5 for at in range(1, 41))])
    assert [(mark.at, mark.name, mark.data["shard"]) for mark in seen.marks] == [
        (9.0, "deploy-started", "early"),
        (19.0, "deploy-ended", "early"),
        (40.0, "run-ended", "early"),
        (11.5, "deploy-started", "late"),
        (21.5, "deploy-ended", "late"),
        (42.5, "run-ended", "late"),
    ]
    assert [mark.data["began_s"] for mark in seen.marks if mark.name == "run-ended"] == [0.0, 2.5]


def test_nobody_is_taken_for_another(tmp_path: Path) -> None:
    """Virtual users and workers of the same number and name in several runs stay apart, also where the end tells of some."""
    silent = Story().mark(40.0, "run-ended", silent_vus=[1, 3], hung_vus=[0])
    seen = joined(tmp_path, shard(tmp_path, "a"), shard(tmp_path, "b", 1.0, silent), shard(tmp_path, "c", 2.0, vus=9))
    assert {sample.vu for sample in read_samples(tmp_path / "joined")} == set(range(12))
    lines = [json.loads(line) for line in (tmp_path / "joined" / SAMPLES).read_bytes().splitlines()]
    assert {line["worker"] for line in lines} == {"a/main", "b/main", "c/main"} == {one.worker for one in seen.health}
    ended = [mark.data for mark in seen.marks if mark.name == "run-ended"]
    assert [one["silent_vus"] for one in ended] == [[], [5, 7], []]
    assert [one["hung_vus"] for one in ended] == [[], [4], []]
    assert "5, 7" in load(seen).detail


def test_what_the_joined_run_was(tmp_path: Path) -> None:
    """Virtual users and workers are summed, the plan reaches to the last one's end; no clock: nothing can be marked any more."""
    clock = {"monotonic": 1.0, "pid": 1}
    one = shard(tmp_path, "one", 4.0, vus=4, workers=1, planned_s=40.0, clock=clock)
    two = shard(tmp_path, "two", 14.0, vus=6, workers=2, planned_s=35.0, clock=clock)
    run = joined(tmp_path, two, one).run
    assert (run["schema"], run["id"], run["shards"]) == ("zdt-run/1", "one-two", ["one", "two"])
    assert (run["vus"], run["workers"], run["planned_s"], run["torn_lines"]) == (10, 3, 45.0, 0)
    assert run["started_at"] == "2026-01-01T00:00:04.000+00:00"
    assert "clock" not in run


def test_the_order_of_the_directories_changes_nothing(tmp_path: Path) -> None:
    """Byte for byte, even where runs began at the same time."""
    shards = [shard(tmp_path, "x", 1.0), shard(tmp_path, "y"), shard(tmp_path, "z")]
    found = []
    for number, order in enumerate(itertools.permutations(shards)):
        output = tmp_path / f"out{number}"
        merge(order, output)
        found.append({path.name: path.read_bytes() for path in output.iterdir()})
    assert set(found[0]) == {RUN, SAMPLES, MARKS}
    assert all(one == found[0] for one in found)


def test_a_deployment_seen_twice_is_one(tmp_path: Path) -> None:
    """Marks of the same deployment from several runs do not start it again: one change, and the run is verified."""
    verdict = judge(joined(tmp_path, shard(tmp_path, "a"), shard(tmp_path, "b", 0.2)))
    assert (verdict.verdict, verdict.generator.lost_samples, verdict.generator.samples) == ("verified", 0, 1600)
    (change,) = verdict.changes
    assert (change.old, change.new, change.start_s) == ("v1", "v2", 9.0)
    assert verdict.run["vus"] == 8


def test_a_failure_on_one_machine_is_one_of_all(tmp_path: Path) -> None:
    """Who met it is told by the virtual user's new number, when by the first run's clock."""
    broken = Story().break_(401, message="503 Service Unavailable")
    verdict = judge(joined(tmp_path, shard(tmp_path, "a"), shard(tmp_path, "b", 2.0, broken)))
    assert verdict.verdict == "violated"
    assert [(one.vu, one.failures) for one in verdict.users] == [(5, 1)]
    assert [one.start_s for one in verdict.outages] == [pytest.approx(22.05)]


@pytest.mark.parametrize("name", [SAMPLES, MARKS])
def test_torn_lines_are_counted(tmp_path: Path, name: str) -> None:
    """They are left out of the joined evidence, but not forgotten: it proves nothing."""
    shards = shard(tmp_path, "a"), shard(tmp_path, "b")
    for directory in shards:
        path = directory / name
        path.write_bytes(path.read_bytes() + b'{"schema":"zdt-sam')
    seen = joined(tmp_path, *shards)
    assert (seen.run["torn_lines"], seen.torn_lines) == (2, 0)
    assert (load(seen).status, load(seen).reason) == ("inconclusive", "torn-lines")
    assert load(seen).detail.startswith("2 lines")


def test_a_line_that_is_missing_is_missed(tmp_path: Path) -> None:
    """The runs' ends tell how many samples there were, also in the joined run."""
    shards = shard(tmp_path, "a"), shard(tmp_path, "b")
    path = shards[1] / SAMPLES
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert load(joined(tmp_path, *shards)).reason == "evidence-missing"


def test_a_run_that_was_killed(tmp_path: Path) -> None:
    """The others' ends do not stand for its own."""
    killed = shard(tmp_path, "killed", 1.0)
    lines = (killed / MARKS).read_bytes().splitlines(keepends=True)
    (killed / MARKS).write_bytes(b"".join(line for line in lines if b"run-ended" not in line))
    verdict = judge(joined(tmp_path, shard(tmp_path, "a"), killed, shard(tmp_path, "c")))
    found = outcome(verdict, "load")
    assert (verdict.verdict, found.reason) == ("inconclusive", "run-not-ended")
    assert "no end mark of killed:" in found.detail


def test_interrupted_in_one_run(tmp_path: Path) -> None:
    """Then the whole was."""
    interrupted = Story().mark(40.0, "run-ended", interrupted=True)
    verdict = judge(joined(tmp_path, shard(tmp_path, "a"), shard(tmp_path, "b", 0.0, interrupted)))
    assert (verdict.verdict, outcome(verdict, "load").reason, verdict.run["interrupted"]) == ("inconclusive", "interrupted", True)


def test_a_run_without_any_sample(tmp_path: Path) -> None:
    """It is counted with the others: its virtual users drove nothing."""
    idle = Story().mark(40.0, "run-ended", driven_s=0.0, silent_vus=[0, 1, 2, 3])
    idle.samples = []
    seen = joined(tmp_path, shard(tmp_path, "a"), shard(tmp_path, "idle", 0.0, idle))
    assert load(seen).reason == "silent-vus"
    assert "4 virtual users" in load(seen).detail


def test_one_machine_that_stalled(tmp_path: Path) -> None:
    """The health of each is judged: another's good one does not hide it."""
    stalled = Story()
    stalled.health = [replace(one, lags=array("d", [400.0, *[1.0] * 11])) for one in stalled.health]
    verdict = judge(joined(tmp_path, shard(tmp_path, "a"), shard(tmp_path, "b", 0.0, stalled)))
    assert outcome(verdict, "generator").reason == "generator-stalls"
    blind = Story()
    blind.health = []
    merge([tmp_path / "a", shard(tmp_path, "c", 0.0, blind)], tmp_path / "blind")
    assert outcome(judge(read_bundle(tmp_path / "blind")), "generator").reason == "health-unknown"


def test_a_lost_worker_is_told_from_its_namesake(tmp_path: Path) -> None:
    """Each machine has a ``gw0``: the joined run tells whose was lost."""
    losing = Story()
    losing.marks.insert(0, Mark(5.0, "worker-lost", {"worker": "gw0"}))
    verdict = judge(joined(tmp_path, shard(tmp_path, "a"), shard(tmp_path, "b", 0.0, losing)))
    assert verdict.run["lost_workers"] == ["b/gw0"]


def test_the_health_of_runs_whose_end_does_not_tell_the_workers(tmp_path: Path) -> None:
    """``run.json`` does."""
    shards = [stored(Story(), tmp_path / name, id=name) for name in "ab"]
    assert outcome(judge(joined(tmp_path, *shards)), "generator").status == "verified"


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("seconds", [[0.0, 40.001], [0.0, 3600.0], [0.0, 30.0, 80.0]])
def test_runs_that_watched_at_different_times(
    seconds: list[float], ended: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time that nobody watched proves nothing of that time; of a run without marks only the plan is known."""
    monkeypatch.chdir(tmp_path)
    names = "abc"[: len(seconds)]
    for name, second in zip(names, seconds, strict=True):
        shard(Path(), name, 0.0, started_at=datetime.fromtimestamp(second, UTC).isoformat())
        if not ended:
            (Path(name) / MARKS).write_bytes(b"")
    for order in itertools.permutations(names):
        with pytest.raises(BundleError, match=f"not runs of one deployment: '{names[-1]}' began when"):
            merge([Path(name) for name in order], Path("out"))
    assert not Path("out").exists()


def test_runs_that_touch(tmp_path: Path) -> None:
    """The next began just when the one before ended: somebody watched all the time."""
    assert len(joined(tmp_path, shard(tmp_path, "a"), shard(tmp_path, "b", 40.0)).samples) == 1600


def test_a_short_run_beside_a_long_one(tmp_path: Path) -> None:
    """The first watched all the time, so there is no gap between the second and the third."""
    brief = stored(Story().mark(5.0, "run-ended").unmark("deploy-started").unmark("deploy-ended"), tmp_path / "b", id="b")
    assert joined(tmp_path, shard(tmp_path, "a"), brief, shard(tmp_path, "c", 20.0)).run["id"] == "a-b-c"


def test_settings_that_differ(tmp_path: Path) -> None:
    """Each run's in their order, also where one has none; what is the same stays itself."""
    one = shard(tmp_path, "one", pace_s=0.2, lanes=["new"], seed=1, deploy="x", tests={"planned": 2, "copied": 0})
    two = shard(tmp_path, "two", 1.0, pace_s=0.2, lanes=["new", "reused"], seed=2, tests={"planned": 1, "copied": 1})
    run = joined(tmp_path, two, one).run
    assert (run["pace_s"], run["lanes"], run["seed"]) == (0.2, [["new"], ["new", "reused"]], [1, 2])
    assert (run["target"], run["base_url"], run["deploy"]) == ("sandbox", "http://127.0.0.1:1", ["x", None])
    assert run["tests"] == [{"planned": 2, "copied": 0}, {"planned": 1, "copied": 1}]
    assert not {"rate", "stages", "probe_every_s"} & set(run)
    assert main(["compare", str(one), str(tmp_path / "joined")]) == 0


LOGS: dict[str, tuple[list[bytes | None], bytes]] = {
    "nobody's": ([None, None], b""),
    "one's": ([None, b"what\xff it\nprinted"], b"what\xff it\nprinted"),
    "several": (
        [b"first\n", b"cut", None, b"last"],
        b"--- the run a ---\nfirst\n\n--- the run b ---\ncut\n--- the run d ---\nlast",
    ),
}


@pytest.mark.parametrize(("logs", "whole"), LOGS.values(), ids=LOGS)
def test_what_the_deploy_command_printed(logs: list[bytes | None], whole: bytes, tmp_path: Path) -> None:
    """One run's is kept as it is, those of several one after the other, each under its run's name; the page shows the end."""
    shards = []
    for number, (name, log) in enumerate(zip("abcd", logs, strict=False)):
        shards.append(shard(tmp_path, name, float(number)))
        (shards[-1] / "serve.log").write_text("served")
        if log is not None:
            (shards[-1] / DEPLOY_LOG).write_bytes(log)
    assert main(["merge", *map(str, reversed(shards)), "-o", str(tmp_path / "out")]) == 0
    assert [path.read_bytes() for path in (tmp_path / "out").glob("*.log")] == [whole] * bool(whole)
    page = (tmp_path / "out" / PAGE).read_text()
    assert ("The end of what the deploy command printed" in page) == bool(whole)
    assert all(line in page for line in whole.decode(errors="replace").splitlines())


# --- what goes wrong on the way


def full_disk() -> None:
    """Lets no file of this process grow beyond 64 KiB, as a full disk would not."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))


@pytest.mark.parametrize("taken", [True, False])
def test_no_half_bundle(taken: bool, tmp_path: Path) -> None:
    """What stops in the middle leaves what was there, and nothing of its own."""
    names = [str(shard(tmp_path, name)) for name in "ab"]
    output = shard(tmp_path, "out") if taken else tmp_path / "out"
    before = {path: path.read_bytes() for path in output.rglob("*")}
    script = f"import sys; from {__name__} import *; from pytest_zdt.cli import main; full_disk();"
    command = [sys.executable, "-c", f"{script} sys.exit(main())", "merge", *names, "-o", str(output), "--overwrite"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert (ended.returncode in (3, 4), ended.stdout) == (True, b""), ended.stderr
    assert {path: path.read_bytes() for path in output.rglob("*")} == before


def test_health_line_of_a_merged_run(tmp_path: Path) -> None:
    """All but worker and time stays as it was."""
    story = Story()
    story.health = [Health("gw1", 1.0, array("d", [1.25, 2.5]), 0.5, 3.5, 12, 28000)]
    seen = joined(tmp_path, shard(tmp_path, "a"), shard(tmp_path, "b", 1.5, story))
    assert seen.health[-1] == Health("b/gw1", 2.5, array("d", [1.25, 2.5]), 0.5, 3.5, 12, 28000)
