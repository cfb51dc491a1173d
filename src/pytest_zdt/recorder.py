"""Takes the samples of a worker's VUs and hands them on in batches, with what the controller must know at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

from pytest_zdt.evidence.kinds import CLEAR, CUT, is_failure
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
    """A batch for the controller: ``("batch", packed line, samples, failures, time of the last one, versions, kinds, endpoints,
    clear)``.

    ``clear`` is how many failures are plainly the API's doing, whatever else will have been seen.
    Versions are lists ``[version, good answers, first, last]``, kinds ``[kind, failures]``, endpoints ``[endpoint, last success,
    first failure since, last failure]``. Times are seconds from the run's start, -1 for never.
    Plain built-ins only: that is what a channel carries.
    """
    versions: dict[str, list[Any]] = {}
    kinds: Counter[str] = Counter()
    good: dict[str, float] = {}
    failed: list[tuple[str, float]] = []
    for sample in samples:
        at = sample.sent - zero
        if is_failure(sample.kind):
            kinds[sample.kind] += 1
            failed.append((sample.endpoint, at))
            continue
        if at > good.get(sample.endpoint, -1.0) and sample.kind != CUT:
            good[sample.endpoint] = at
        if sample.version:
            seen = versions.setdefault(sample.version, [sample.version, 0, at, at])
            seen[1:] = seen[1] + 1, min(seen[2], at), max(seen[3], at)
    last_failure, clear = max((at for _, at in failed), default=-1.0), sum(kinds[kind] for kind in CLEAR)
    line, found = pack(samples, worker, zero), sendable(list(versions.values()))
    told = [[kind, number] for kind, number in kinds.items()]
    return ("batch", line, len(samples), len(failed), last_failure, found, told, _endpoints(good, failed), clear)


def _endpoints(good: dict[str, float], failed: list[tuple[str, float]]) -> list[list[Any]]:
    """Of each endpoint the last success, the first failure after it, and the last one of all; -1 without one."""
    since: dict[str, float] = {}
    last: dict[str, float] = {}
    for endpoint, at in failed:
        last[endpoint] = max(at, last.get(endpoint, at))
        if at > good.get(endpoint, -1.0):
            since[endpoint] = min(at, since.get(endpoint, at))
    times = good, since, last
    return [[sendable(name), *(found.get(name, -1.0) for found in times)] for name in {**good, **last}]
