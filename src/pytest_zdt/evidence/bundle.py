"""The evidence of a run as a directory: written while the run goes, read to be judged."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pytest_zdt.evidence.marks import Mark, read_mark
from pytest_zdt.evidence.samples import Sample, unpack

RUN, SAMPLES, MARKS, VERDICT = "run.json", "samples.ndjson", "marks.ndjson", "verdict.json"
OWN_FILES = (RUN, SAMPLES, MARKS, VERDICT, "deploy.log", "serve.log")
T = TypeVar("T")


@dataclass(frozen=True)
class Evidence:
    """All that a run saw: ``run`` as in ``run.json``, its samples and marks, and how many lines could not be read."""

    run: dict[str, Any]
    samples: list[Sample]
    marks: list[Mark]
    torn_lines: int = 0


class BundleError(Exception):
    """The directory cannot hold, or does not hold, a run's evidence; one line."""


def check_free(directory: Path, overwrite: bool) -> None:
    """Raises `BundleError` when ``directory`` holds another run's evidence, or nothing can be written there."""
    if directory.exists() and not directory.is_dir():
        raise BundleError(f"the report directory {str(directory)!r} is a file: give another one with --zdt-report")
    if not overwrite and any((directory / name).exists() for name in OWN_FILES[:4]):
        raise BundleError(
            f"the report directory {str(directory)!r} holds another run's evidence: give another one with --zdt-report, "
            "or --zdt-overwrite to replace it"
        )
    existing = next(folder for folder in (directory, *directory.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK) or os.statvfs(existing).f_bavail == 0:
        raise BundleError(f"the report directory {str(directory)!r} cannot be written: give another one with --zdt-report")


class BundleWriter:
    """Appends to a fresh bundle in ``directory``; every line is on its way to the disk when the call returns. Thread-safe."""

    def __init__(self, directory: Path, run: dict[str, Any]) -> None:
        for name in OWN_FILES[:4]:
            (directory / name).unlink(missing_ok=True)
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._lock = threading.Lock()
        self.write_run(run)
        self._samples = (directory / SAMPLES).open("ab", buffering=0)
        self._marks = (directory / MARKS).open("ab", buffering=0)

    def write_run(self, run: dict[str, Any]) -> None:
        """Writes ``run.json`` whole."""
        (self.directory / RUN).write_text(json.dumps(run, indent=1, allow_nan=False) + "\n")

    def add_batch(self, line: bytes) -> None:
        """Appends a packed batch of samples."""
        with self._lock:
            if not self._samples.closed:
                self._samples.write(line + b"\n")

    def add_mark(self, mark: Mark) -> None:
        """Appends a mark."""
        with self._lock:
            if not self._marks.closed:
                self._marks.write(mark.as_line() + b"\n")

    def close(self) -> None:
        """Closes the files; what comes later is not evidence."""
        with self._lock:
            self._samples.close()
            self._marks.close()


def read_bundle(directory: Path) -> Evidence:
    """The evidence in ``directory``. Torn lines are counted and left out. Raises `BundleError` when there is no run in it."""
    try:
        run = json.loads((directory / RUN).read_text())
    except (OSError, ValueError) as error:
        raise BundleError(f"{str(directory)!r} holds no run: {RUN} cannot be read ({error})") from None
    torn: list[bytes] = []
    batches = _lines(directory / SAMPLES, lambda line: list(unpack(line)), torn)
    samples = [sample for batch in batches for sample in batch]
    marks = list(_lines(directory / MARKS, read_mark, torn))
    return Evidence(run, samples, marks, torn_lines=len(torn))


def _lines(path: Path, read: Callable[[bytes], T], torn: list[bytes]) -> Iterator[T]:
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                value = read(line)
            except (ValueError, KeyError, TypeError, IndexError):
                torn.append(line[:80])
            else:
                yield value
