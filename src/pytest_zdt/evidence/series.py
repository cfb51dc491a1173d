"""Samples in memory: one `Series` for each combination of labels, so that a million of them fit and are judged in seconds.

A run has some hundred combinations of endpoint, kind, version, lane and so on, however long it lasts; what differs from sample
to sample of one series is numbers, which stand in arrays.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, groupby, pairwise
from operator import add
from typing import NamedTuple

from pytest_zdt.evidence.kinds import EXPECTED, guilt, is_failure
from pytest_zdt.evidence.samples import PROBE, Sample, pack, parse


class Labels(NamedTuple):
    """What the samples of a series have in common; the texts as in `Sample`."""

    endpoint: str
    kind: str
    version: str
    lane: str
    flow: str
    made_by: str
    status: int
    named: bool = True
    """Whether the answer itself named the version; otherwise it was attributed by time."""
    blame: str = ""
    """Whose failure these are where the rest of the evidence tells better than kind and version."""

    @property
    def counted(self) -> bool:
        """Neither success nor failure is a request that the end of the run cut."""
        return self.kind != "cut"

    @property
    def failed(self) -> bool:
        """Whether these are failures of the run."""
        return is_failure(self.kind)

    @property
    def answered(self) -> bool:
        """Whether an answer came, good or bad, that was not cut by the end of the run."""
        return self.status > 0 and self.counted

    @property
    def probe(self) -> bool:
        """Whether these are probes, which no virtual user sent."""
        return self.lane == PROBE

    @property
    def telling(self) -> bool:
        """Whether these say if the API was up: not what the end of the run cut, nor a probe that was refused.

        A probe repeats a request that was good once. That it is refused later, because its token or what it asked for is gone,
        is neither a failure nor a success: no test asked for it, and the refusal may come from before what is being probed.
        """
        return self.counted and not (self.probe and self.kind == EXPECTED)

    @property
    def good(self) -> bool:
        """Answered, as the API gives it by design."""
        return self.answered and self.telling and not self.failed

    @property
    def guilt(self) -> str:
        """Whose failures these are."""
        return self.blame or guilt(self.kind, self.version if self.named else "")


_LABELS = Labels._fields[:-2]


@dataclass(slots=True)
class Series:
    """The samples with the same `Labels`, by send time; ``sent``, ``took`` and ``latency`` in seconds, as in `Sample`; ``reused``
    is 1 where the connection was kept alive from an earlier request.

    ``request_ids`` and ``messages`` are those of failures; of others they are empty.
    """

    labels: Labels
    sent: array[float] = field(default_factory=lambda: array("d"))
    took: array[float] = field(default_factory=lambda: array("d"))
    latency: array[float] = field(default_factory=lambda: array("d"))
    vu: array[int] = field(default_factory=lambda: array("q"))
    reused: array[int] = field(default_factory=lambda: array("b"))
    request_ids: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sent)

    def count(self, start: float, stop: float) -> int:
        """How many were sent from ``start`` to ``stop``, both included."""
        return max(0, bisect_right(self.sent, stop) - bisect_left(self.sent, start))

    def answers(self, start: float, stop: float) -> int:
        """How many were answered, by their first byte, from ``start`` to ``stop``, both included."""
        return sum(start <= at <= stop for at in map(add, self.sent, self.latency)) if self.labels.answered else 0

    def slice(self, lower: int, upper: int) -> Series:
        """The rows from ``lower`` up to ``upper``."""
        sent, took, latency = (column[lower:upper] for column in (self.sent, self.took, self.latency))
        texts = self.request_ids[lower:upper], self.messages[lower:upper]
        return Series(self.labels, sent, took, latency, self.vu[lower:upper], self.reused[lower:upper], *texts)

    def part(self, rows: Iterable[int], labels: Labels | None = None) -> Series:
        """A series of those rows, in that order."""
        chosen = list(rows)
        made = Series(labels or self.labels)
        for name in ("sent", "took", "latency", "vu", "reused"):
            column = getattr(self, name)
            setattr(made, name, array(column.typecode, map(column.__getitem__, chosen)))
        if self.request_ids:
            made.request_ids = list(map(self.request_ids.__getitem__, chosen))
            made.messages = list(map(self.messages.__getitem__, chosen))
        return made

    def story(self, row: int) -> tuple[str, str]:
        """Request id and message of a failure; empty texts of others."""
        return (self.request_ids[row], self.messages[row]) if self.request_ids else ("", "")

    def extend(self, other: Series) -> None:
        """Adds the rows of another series behind this one's."""
        for name in ("sent", "took", "latency", "vu", "reused", "request_ids", "messages"):
            getattr(self, name).extend(getattr(other, name))

    def in_order(self) -> Series:
        """The same by send time; equal times by all else, so that any order in gives one order out."""
        if all(before < after for before, after in pairwise(self.sent)):
            return self
        rows = sorted(range(len(self)), key=self.sent.__getitem__)
        ties = groupby(rows, key=self.sent.__getitem__)
        return self.part(chain.from_iterable(sorted(tied, key=self._row) for _, tied in ties))

    def _row(self, row: int) -> tuple[object, ...]:
        return self.took[row], self.latency[row], self.vu[row], self.reused[row], *self.story(row)


class Table:
    """All samples of a run; filled by batches as they stand on the disk."""

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self._series: dict[Labels, Series] = {}
        self.add_batch(pack(samples, "", 0.0))

    def __len__(self) -> int:
        return sum(map(len, self._series.values()))

    def add_batch(self, line: bytes) -> None:
        """Adds the samples of one line of `samples.pack`. Raises `ValueError` when it is torn; nothing of it is added then."""
        batch = parse(line)
        texts = batch["strings"]
        keys = list(zip(*(batch[name] for name in _LABELS), strict=True))
        series = {key: self._open(_labels(key, texts)) for key in set(keys)}
        columns = (batch[name] for name in ("sent", "took", "latency", "vu", "reused"))
        for row, (key, sent, took, latency, vu, reused) in enumerate(zip(keys, *columns, strict=True)):
            one = series[key]
            one.sent.append(sent)
            one.took.append(took)
            one.latency.append(latency)
            one.vu.append(vu)
            one.reused.append(bool(reused))
            if one.labels.failed:
                one.request_ids.append(texts[batch["request_id"][row]])
                one.messages.append(texts[batch["message"][row]])

    def series(self) -> list[Series]:
        """The series in the order of their labels, each by time."""
        return [self._series[labels].in_order() for labels in sorted(self._series) if len(self._series[labels])]

    def _open(self, labels: Labels) -> Series:
        if labels not in self._series:
            self._series[labels] = Series(labels)
        return self._series[labels]


def _labels(key: tuple[int, ...], texts: list[str]) -> Labels:
    endpoint, kind, version, lane, flow, made_by = (texts[index] for index in key[:-1])
    return Labels(endpoint, kind, version, lane, flow, made_by, key[-1])
