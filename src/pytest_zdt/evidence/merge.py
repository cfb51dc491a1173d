"""Joins the shards of one deployment, seen from several machines, into one bundle; their wall clocks place them in time."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from pytest_zdt.evidence.bundle import DEPLOY_LOG, MARKS, OWN_FILES, SAMPLES, BundleError, BundleWriter, lines_of, read_run
from pytest_zdt.evidence.health import is_health, read_health
from pytest_zdt.evidence.lines import number
from pytest_zdt.evidence.marks import ENDED, HUNG, LOST, Mark, read_mark
from pytest_zdt.evidence.ramp import corners, joined
from pytest_zdt.evidence.samples import NO_VU, parse

SAME = ("target", "base_url", "mode", "version_source", "require")
"""What the runs of one deployment have in common."""
CLOSED: Final = "constant-vus"
"""The executor of runs that name none."""


@dataclass(frozen=True)
class _Shard:
    """One run: where it lies, what it was, seconds from the first one's start to its own, and its first virtual user's number."""

    directory: Path
    run: dict[str, Any]
    shift: float
    vu: int

    @property
    def name(self) -> str:
        return str(self.run["id"])

    def samples(self, line: bytes) -> bytes:
        """A line of samples as one of the joined run."""
        batch = parse(line)
        batch["worker"] = f"{self.name}/{batch['worker']}"
        batch["sent"] = [round(sent + self.shift, 6) for sent in batch["sent"]]
        batch["vu"] = [vu if vu == NO_VU else vu + self.vu for vu in batch["vu"]]
        return json.dumps(batch, separators=(",", ":"), allow_nan=False).encode()

    def health(self, line: bytes) -> bytes:
        """A line of health as one of the joined run."""
        second = read_health(line)
        return replace(second, worker=f"{self.name}/{second.worker}", at=second.at + self.shift).as_line()

    def mark(self, line: bytes) -> Mark:
        """A mark as one of the joined run."""
        mark = read_mark(line)
        data = {**mark.data, "shard": self.name}
        if mark.name in (LOST, HUNG):
            data["worker"] = f"{self.name}/{mark.data.get('worker')}"
        if mark.name == HUNG:
            data["vu"] = mark.data.get("vu") + self.vu  # type: ignore[operator]
        if mark.name == ENDED:
            data |= self._end(mark.data)
        return replace(mark, at=mark.at + self.shift, data=data)

    def _end(self, data: dict[str, Any]) -> dict[str, Any]:
        """What the run's end tells of workers and virtual users, by their names in the joined run; counts stay as they are."""
        found = {"began_s": self.shift, "workers": data.get("workers", self.run["workers"])}
        found |= {name: [vu + self.vu for vu in data.get(name) or ()] for name in ("silent_vus", "hung_vus")}
        if "pinned" in data:
            found["pinned"] = {f"{self.name}/{worker}": cpu for worker, cpu in dict(data["pinned"] or {}).items()}
        return found


def merge(directories: Sequence[Path], output: Path) -> None:
    """Writes the joined evidence of the runs in ``directories`` to ``output``, which must be free.

    Raises `BundleError` when a directory holds no run, or the runs are not those of one deployment; nothing is written then.
    """
    shards = _shards(directories)
    whole = {
        **{key: _joined(key, shards) for shard in shards for key in shard.run if key != "clock"},
        "id": "-".join(shard.name for shard in shards),
        "shards": [shard.name for shard in shards],
        "vus": sum(shard.run["vus"] for shard in shards),
        "shard_vus": [shard.run["vus"] for shard in shards],
        "workers": sum(shard.run["workers"] for shard in shards),
        "planned_s": max(shard.run["planned_s"] + shard.shift for shard in shards),
        **_plan(shards),
    }
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as folder:
        with contextlib.closing(BundleWriter(Path(folder), whole)) as writer:
            whole["torn_lines"] = sum(_copy(shard, writer) for shard in shards)
            writer.write_run(whole)
        _copy_logs(shards, Path(folder) / DEPLOY_LOG)
        for name in OWN_FILES:
            (output / name).unlink(missing_ok=True)
        for file in Path(folder).iterdir():
            file.replace(output / file.name)


def _joined(key: str, shards: Sequence[_Shard]) -> Any:
    """What the shards say of themselves; where they differ, what each says, in their order."""
    values = [shard.run.get(key) for shard in shards]
    if key == "executor":  # older runs name none
        return next(filter(None, values), None)
    same = all(value == values[0] for value in values)
    return values[0] if same or key == "started_at" else values


def _plan(shards: Sequence[_Shard]) -> dict[str, Any]:
    """What all of the shards planned together, of that which some of them tell: rate, ramp and the cadence of probes.

    Raises `BundleError` when a shard's plan cannot be read.
    """
    found: dict[str, Any] = {}
    try:
        if any(shard.run.get("rate") is not None for shard in shards):
            found["rate"] = sum(number(shard.run.get("rate")) for shard in shards)
        if any(shard.run.get("stages") is not None for shard in shards):
            found["stages"] = joined([corners(shard.run["stages"], shard.shift) for shard in shards])
        if cadences := [cadence for shard in shards if (cadence := number(shard.run.get("probe_every_s") or 0))]:
            found["probe_every_s"] = min(cadences)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"the runs cannot be merged: rate, stages or probe_every_s of one is broken ({error})") from None
    return found


def _shards(directories: Sequence[Path]) -> list[_Shard]:
    if len(directories) < 2:
        raise BundleError("merge needs the directories of two runs or more")
    runs = sorted(
        ((_read(directory), directory) for directory in directories), key=lambda pair: (_started(pair[0]), pair[0]["id"])
    )
    (first, place), others = runs[0], runs[1:]
    for run, directory in others:
        _check_alike(first, run, (place, directory))
    _check_apart(runs)
    vus = accumulate((run["vus"] for run, _ in runs), initial=0)
    return [_Shard(directory, run, _started(run) - _started(first), vu) for (run, directory), vu in zip(runs, vus, strict=False)]


def _check_apart(runs: Sequence[tuple[dict[str, Any], Path]]) -> None:
    """Raises `BundleError` when one of the runs, by their starts, is there twice, or nobody watched between two of them."""
    ended = accumulate((_last(*one) for one in runs), max)
    for end, (later, directory) in zip(ended, runs[1:], strict=False):
        if _started(later) > end:
            raise BundleError(f"these are not runs of one deployment: {str(directory)!r} began when the others had ended")
    for index, (run, directory) in enumerate(runs):
        if run.get("shards"):
            raise BundleError(f"{str(directory)!r} is merged already: give the directories that it was merged from")
        if run["id"] in {other["id"] for other, _ in runs[:index]}:
            raise BundleError(f"{str(directory)!r} holds the run {run['id']} that another directory holds too: give each once")


def _check_alike(first: dict[str, Any], run: dict[str, Any], places: tuple[Path, Path]) -> None:
    """Raises `BundleError` when the two runs, which lie in ``places``, cannot be joined."""
    here, there = (repr(str(place)) for place in places)
    for key in SAME:
        if run.get(key) != first.get(key):
            what = f"{key} is {first.get(key)!r} in {here} and {run.get(key)!r} in {there}"
            raise BundleError(f"these are not runs of one deployment: {what}")
    executors = [one.get("executor") or CLOSED for one in (first, run)]
    if executors[0] != executors[1]:
        what = f"{executors[0]} in {here}, {executors[1]} in {there}"
        raise BundleError(f"runs of different executors cannot be merged: {what}")


def _read(directory: Path) -> dict[str, Any]:
    run = read_run(directory)
    kinds: dict[str, Any] = {"id": str, "vus": int, "workers": int, "planned_s": (int, float)}
    broken = [key for key, kind in kinds.items() if not isinstance(run.get(key), kind)]
    try:
        _started(run)
    except (KeyError, TypeError, ValueError):
        broken = [*broken, "started_at"]
    if broken:
        raise BundleError(f"{str(directory)!r} cannot be merged: in its run.json {broken[0]} is missing or broken")
    return run


def _started(run: dict[str, Any]) -> float:
    return datetime.fromisoformat(run["started_at"]).timestamp()


def _last(run: dict[str, Any], directory: Path) -> float:
    """When a run ended by its marks; it lasted at least to the last of them."""
    at = 0.0
    for line in lines_of(directory / MARKS):
        with contextlib.suppress(ValueError):
            at = max(at, read_mark(line).at)
    return _started(run) + (at or float(run["planned_s"]))


def _copy(shard: _Shard, writer: BundleWriter) -> int:
    """Adds a shard's evidence to the joined run's; how many of its lines are torn."""
    torn = 0
    for line in lines_of(shard.directory / SAMPLES):
        try:
            writer.add_batch(shard.health(line) if is_health(line) else shard.samples(line))
        except ValueError:
            torn += 1
    for line in lines_of(shard.directory / MARKS):
        try:
            writer.copy_mark(shard.mark(line))
        except (ValueError, TypeError):
            torn += 1
    return torn


def _copy_logs(shards: Sequence[_Shard], output: Path) -> None:
    """What the shards' deploy commands printed: of one shard as it is, of several each under a line with the shard's name."""
    logs = [(shard.name, log) for shard in shards if (log := shard.directory / DEPLOY_LOG).is_file()]
    if not logs:
        return
    with output.open("wb") as whole:
        for number, (name, log) in enumerate(logs):
            if len(logs) > 1:  # the log before it may end within a line
                whole.write(b"\n" * bool(number) + f"--- the run {name} ---\n".encode())
            with log.open("rb") as part:
                shutil.copyfileobj(part, whole)
