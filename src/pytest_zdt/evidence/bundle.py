"""The evidence of a run as a directory: written while the run goes, read to be judged."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_zdt.evidence.checks import wrong
from pytest_zdt.evidence.health import Health, is_health, read_health
from pytest_zdt.evidence.marks import ENDED, OWN_MARKS, Mark, read_mark
from pytest_zdt.evidence.samples import Sample, unpack
from pytest_zdt.evidence.series import Table

RUN_SCHEMA = "zdt-run/1"
RUN, SAMPLES, MARKS, VERDICT = "run.json", "samples.ndjson", "marks.ndjson", "verdict.json"
SUMMARY, PAGE = "summary.md", "report.html"
DEPLOY_LOG = "deploy.log"
JUDGED_FILES = (RUN, SAMPLES, MARKS, VERDICT, SUMMARY, PAGE)
"""The evidence and what was made of it: gone when another run begins, so that no report tells of a run that is not there."""
OWN_FILES = (*JUDGED_FILES, DEPLOY_LOG, "serve.log")


@dataclass(frozen=True)
class Evidence:
    """All that a run saw: ``run`` as in ``run.json``, samples, marks, health, and how many lines could not be read."""

    run: dict[str, Any]
    samples: Table
    marks: list[Mark]
    health: list[Health]
    torn_lines: int = 0


class BundleError(Exception):
    """The directory cannot hold, or does not hold, a run's evidence; one line."""


def check_free(directory: Path, overwrite: bool, options: tuple[str, str] = ("--zdt-report", "--zdt-overwrite")) -> None:
    """Raises `BundleError` when ``directory`` holds another run's evidence, or nothing can be written there.

    ``options`` are the names of those that give another directory, and that allow to overwrite.
    """
    other, replace = options
    if directory.exists() and not directory.is_dir():
        raise BundleError(f"the directory {str(directory)!r} is a file: give another one with {other}")
    if not overwrite and any((directory / name).exists() for name in JUDGED_FILES):
        raise BundleError(
            f"the directory {str(directory)!r} holds another run's evidence: give another one with {other}, "
            f"or {replace} to replace it"
        )
    existing = next(folder for folder in (directory, *directory.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK) or os.statvfs(existing).f_bavail == 0:
        raise BundleError(f"the directory {str(directory)!r} cannot be written: give another one with {other}")


class BundleWriter:
    """Appends to a fresh bundle in ``directory``; every line is on its way to the disk when the call returns. Thread-safe."""

    def __init__(self, directory: Path, run: dict[str, Any]) -> None:
        for name in (*JUDGED_FILES, DEPLOY_LOG):
            (directory / name).unlink(missing_ok=True)
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.health = 0
        """Lines of health written."""
        self._lock = threading.Lock()
        self._told = 0
        self.write_run(run)
        self._samples = (directory / SAMPLES).open("ab", buffering=0)
        (directory / MARKS).touch()

    def write_run(self, run: dict[str, Any]) -> None:
        """Writes ``run.json`` whole."""
        (self.directory / RUN).write_text(json.dumps(run, indent=1, allow_nan=False) + "\n")

    def add_batch(self, line: bytes) -> None:
        """Appends a packed batch of samples, or a line of health."""
        with self._lock:
            if not self._samples.closed:
                self._samples.write(line + b"\n")
                self.health += is_health(line)

    def add_mark(self, mark: Mark) -> None:
        """Appends a mark."""
        with self._lock:
            if not self._samples.closed:
                add_mark(self.directory, mark)

    def told(self) -> list[Mark]:
        """The marks that other processes have added since the last call; their marks have no data.

        None where somebody has removed the file: a deployment that is under way must not end with it.
        """
        lines: list[bytes] = []
        with contextlib.suppress(FileNotFoundError), (self.directory / MARKS).open("rb") as file:
            file.seek(self._told)
            lines = file.read().rpartition(b"\n")[0].splitlines(keepends=True)
        self._told += sum(map(len, lines)) + bool(lines)
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                found.append(read_mark(line))
        return [mark for mark in found if not mark.data and mark.name not in OWN_MARKS]

    def copy_mark(self, mark: Mark) -> None:
        """Appends a mark as it is, though it may be a run's end."""
        with (self.directory / MARKS).open("ab") as marks:
            marks.write(mark.as_line() + b"\n")

    def close(self) -> None:
        """Closes the files; what comes later is not evidence."""
        with self._lock:
            self._samples.close()


def add_mark(directory: Path, mark: Mark, *, of_others: bool = False) -> None:
    """Appends a mark; other processes may do so at the same time. The mark of the run's end counts those before it.

    A mark ``of_others`` than the run itself raises `BundleError` when the run has ended.
    """
    with (directory / MARKS).open("ab+", buffering=0) as marks:
        fcntl.flock(marks, fcntl.LOCK_EX)
        marks.seek(0)
        if of_others:
            check_under_way(directory)
        if mark.name == ENDED:
            mark = replace(mark, data={**mark.data, "marks": sum(1 for _ in marks)})
        marks.write(mark.as_line() + b"\n")


def check_under_way(directory: Path) -> None:
    """Raises `BundleError` when the marks in ``directory`` tell of the run's end."""
    for line in lines_of(directory / MARKS):
        with contextlib.suppress(ValueError):
            if read_mark(line).name == ENDED:
                raise BundleError(f"the run in {str(directory)!r} has ended: mark a run while it goes")


def write_verdict(directory: Path, verdict: dict[str, Any]) -> None:
    """Writes ``verdict.json``; the same verdict gives the same bytes."""
    (directory / VERDICT).write_text(json.dumps(verdict, indent=1, allow_nan=False) + "\n")


def read_run(directory: Path) -> dict[str, Any]:
    """What ``run.json`` says. Raises `BundleError` when there is no run in ``directory``."""
    if not directory.is_dir():
        raise BundleError(f"there is no directory {str(directory)!r}")
    try:
        run = json.loads((directory / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise BundleError(f"{str(directory)!r} holds no run: {RUN} cannot be read ({why})") from None
    if not isinstance(run, dict) or run.get("schema") != RUN_SCHEMA:
        raise BundleError(f"{str(directory)!r} holds no run: {RUN} is not of the schema {RUN_SCHEMA}")
    if problem := wrong(run):
        raise BundleError(f"{str(directory)!r} holds no run that can be judged: {RUN} has a wrong {problem}")
    return run


def read_bundle(directory: Path) -> Evidence:
    """The evidence in ``directory``. Torn lines are counted and left out. Raises `BundleError` when there is no run in it."""
    evidence = Evidence(read_run(directory), Table(), [], [])
    torn = 0
    for line in lines_of(directory / SAMPLES):
        try:
            if is_health(line):
                evidence.health.append(read_health(line))
            else:
                evidence.samples.add_batch(line)
        except ValueError:
            torn += 1
    for line in lines_of(directory / MARKS):
        try:
            evidence.marks.append(read_mark(line))
        except ValueError:
            torn += 1
    return replace(evidence, torn_lines=torn)


def read_samples(directory: Path) -> Iterator[Sample]:
    """Every sample in ``directory``, in no particular order; torn lines are left out."""
    for line in lines_of(directory / SAMPLES):
        with contextlib.suppress(ValueError):
            yield from () if is_health(line) else unpack(line)


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a file; none when it is missing."""
    if path.exists():
        with path.open("rb") as lines:
            yield from lines
