"""Takes the samples of a worker's VUs and hands them on in batches, with what the controller must know at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from pytest_zdt.evidence.kinds import CLEAR, is_failure
from pytest_zdt.evidence.samples import Sample, pack


class Recorder:
    """Gathers samples from many threads; `take` empties it. Once closed, what comes late is dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: list[Sample] = []
        self._open = True

    def add(self, samples: Iterable[Sample]) -> None:
        """Adds the samples of an iteration."""
        with self._lock:
            if self._open:
                self._samples.extend(samples)

    def close(self) -> None:
        """From now on nothing is added."""
        with self._lock:
            self._open = False

    def take(self) -> list[Sample]:
        """The samples added since the last call."""
        with self._lock:
            taken, self._samples = self._samples, []
        return taken


def sendable(content: Any) -> Any:
    """Built-ins as a channel can carry them: a text with a lone surrogate, of some API's answer, has it written out."""
    if isinstance(content, str):
        return content.encode("utf-8", "backslashreplace").decode()
    if isinstance(content, dict):
        return {sendable(key): sendable(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return type(content)(map(sendable, content))
    return content


def message(samples: list[Sample], worker: str, zero: float) -> tuple[Any, ...]:
    """A batch for the controller: ``("batch", packed line, samples, failures, time of the last one, versions, clear)``.

    ``clear`` is how many failures are plainly the API's doing, whatever else will have been seen.
    Versions are lists ``[version, good answers, first, last]``. Times are seconds from the run's start, -1 without a failure.
    Plain built-ins only: that is what a channel carries.
    """
    versions: dict[str, list[Any]] = {}
    failures, last_failure, clear = 0, -1.0, 0
    for sample in samples:
        at = sample.sent - zero
        if is_failure(sample.kind):
            failures, last_failure = failures + 1, max(last_failure, at)
            clear += sample.kind in CLEAR
        elif sample.version:
            seen = versions.setdefault(sample.version, [sample.version, 0, at, at])
            seen[1:] = seen[1] + 1, min(seen[2], at), max(seen[3], at)
    return ("batch", pack(samples, worker, zero), len(samples), failures, last_failure, list(versions.values()), clear)
