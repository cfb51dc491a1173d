"""Joins the shards of one deployment, seen from several machines, into one bundle; their wall clocks place them in time."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from pytest_zdt.evidence.bundle import MARKS, OWN_FILES, SAMPLES, BundleError, BundleWriter, lines_of, read_run
from pytest_zdt.evidence.health import is_health, read_health
from pytest_zdt.evidence.marks import ENDED, LOST, Mark, read_mark
from pytest_zdt.evidence.samples import parse

SAME = ("target", "base_url", "mode", "version_source", "require")
"""What the runs of one deployment have in common."""


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
        batch["vu"] = [vu + self.vu for vu in batch["vu"]]
        return json.dumps(batch, separators=(",", ":"), allow_nan=False).encode()

    def health(self, line: bytes) -> bytes:
        """A line of health as one of the joined run."""
        second = read_health(line)
        return replace(second, worker=f"{self.name}/{second.worker}", at=second.at + self.shift).as_line()

    def mark(self, line: bytes) -> Mark:
        """A mark as one of the joined run."""
        mark = read_mark(line)
        data = {**mark.data, "shard": self.name}
        if mark.name == LOST:
            data["worker"] = f"{self.name}/{mark.data.get('worker')}"
        if mark.name == ENDED:
            data |= {"began_s": self.shift, "workers": mark.data.get("workers", self.run["workers"])}
            for name in ("silent_vus", "hung_vus"):
                data[name] = [vu + self.vu for vu in mark.data.get(name) or ()]  # type: ignore[attr-defined]
        return replace(mark, at=mark.at + self.shift, data=data)


def merge(directories: Sequence[Path], output: Path) -> None:
    """Writes the joined evidence of the runs in ``directories`` to ``output``, which must be free.

    Raises `BundleError` when a directory holds no run, or the runs are not those of one deployment; nothing is written then.
    """
    shards = _shards(directories)
    joined = {
        **{key: _joined(key, shards) for shard in shards for key in shard.run if key != "clock"},
        "id": "-".join(shard.name for shard in shards),
        "shards": [shard.name for shard in shards],
        "vus": sum(shard.run["vus"] for shard in shards),
        "shard_vus": [shard.run["vus"] for shard in shards],
        "workers": sum(shard.run["workers"] for shard in shards),
        "planned_s": max(shard.run["planned_s"] + shard.shift for shard in shards),
    }
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as folder:
        with contextlib.closing(BundleWriter(Path(folder), joined)) as writer:
            joined["torn_lines"] = sum(_copy(shard, writer) for shard in shards)
            writer.write_run(joined)
        for name in OWN_FILES:
            (output / name).unlink(missing_ok=True)
        for file in Path(folder).iterdir():
            file.replace(output / file.name)


def _joined(key: str, shards: Sequence[_Shard]) -> Any:
    """What the shards say of themselves; where they differ, what each says, in their order."""
    values = [shard.run.get(key) for shard in shards]
    same = all(value == values[0] for value in values)
    return values[0] if same or key == "started_at" else "mixed" if key == "executor" else values


def _shards(directories: Sequence[Path]) -> list[_Shard]:
    if len(directories) < 2:
        raise BundleError("merge needs the directories of two runs or more")
    runs = sorted(
        ((_read(directory), directory) for directory in directories), key=lambda pair: (_started(pair[0]), pair[0]["id"])
    )
    (first, place), others = runs[0], runs[1:]
    for run, directory in others:
        for key in SAME:
            if run.get(key) != first.get(key):
                what = f"{key} is {first.get(key)!r} in {str(place)!r} and {run.get(key)!r} in {str(directory)!r}"
                raise BundleError(f"these are not runs of one deployment: {what}")
    ended = accumulate((_last(*one) for one in runs), max)
    for end, (later, directory) in zip(ended, others, strict=False):
        if _started(later) > end:
            raise BundleError(f"these are not runs of one deployment: {str(directory)!r} began when the others had ended")
    for number, (run, directory) in enumerate(runs):
        if run.get("shards"):
            raise BundleError(f"{str(directory)!r} is merged already: give the directories that it was merged from")
        if run["id"] in {other["id"] for other, _ in runs[:number]}:
            raise BundleError(f"{str(directory)!r} holds the run {run['id']} that another directory holds too: give each once")
    vus = accumulate((run["vus"] for run, _ in runs), initial=0)
    return [_Shard(directory, run, _started(run) - _started(first), vu) for (run, directory), vu in zip(runs, vus, strict=False)]


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
