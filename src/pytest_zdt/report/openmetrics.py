"""A run's series as OpenMetrics text, which Prometheus reads: ``promtool tsdb create-blocks-from openmetrics``.

Needs prometheus-client. The rules are those of OpenMetrics 1.0: families one after the other, in each the series one after the
other, of each the points by time, and of each point all of its samples; ``# EOF`` at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, groupby
from math import inf
from typing import Final

from prometheus_client import Metric
from prometheus_client.openmetrics.exposition import ALLOWUTF8, generate_latest
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from pytest_zdt.report.metrics import BOUNDS, COUNTER, STATE, STATES, Distribution, Family, Line, Metrics, Value

UNITS: Final = {"s": "seconds", "1": "ratio"}
TYPES: Final = {STATES: "stateset"}
EDGES: Final = tuple(floatToGoString(bound) for bound in (*BOUNDS, inf))
EOF: Final = b"# EOF\n"


def exposition(metrics: Metrics) -> Iterator[bytes]:
    """The text in UTF-8, family by family, times in seconds since 1970."""
    for family in metrics.families:
        yield generate_latest(_One(metrics, family), escaping=ALLOWUTF8).removesuffix(EOF)
    yield EOF


class _One(Collector):
    """What gives the library one family, so that no more than its text is in memory at a time."""

    def __init__(self, metrics: Metrics, family: Family) -> None:
        self._metrics, self._family = metrics, family

    def collect(self) -> Iterator[Metric]:
        """The family, if it has any series."""
        family = self._family
        if family.lines:
            name = family.name.replace(".", "_")
            made = Metric(name, family.help, TYPES.get(family.kind, family.kind), UNITS.get(family.unit, ""))
            made.samples = _samples(made.name, self._metrics, family)  # type: ignore[assignment]  # made while they are read
            yield made


def _samples(name: str, metrics: Metrics, family: Family) -> Iterator[Sample]:
    sample = f"{name}_total" if family.kind == COUNTER else name
    for _, group in groupby(family.lines, key=_point_of):
        lines = [(_labels(name, metrics, line), line.values) for line in group]
        for number, seconds in enumerate(metrics.times):
            at = round(metrics.started + seconds, 3)
            for labels, values in lines:
                yield from _rendered(sample, labels, values[number], at)


def _point_of(line: Line) -> dict[str, str]:
    """What the lines of one point have in common: the states of one time are one point, and stand together."""
    return {name: text for name, text in line.labels.items() if name != STATE}


def _labels(name: str, metrics: Metrics, line: Line) -> dict[str, str]:
    found = {"run": metrics.run, "target": metrics.target, **_point_of(line)}
    return found | {name: line.labels[STATE]} if STATE in line.labels else found


def _rendered(name: str, labels: dict[str, str], value: Value, at: float) -> Iterator[Sample]:
    if isinstance(value, Distribution):
        for edge, number in zip(EDGES, accumulate(value.counts), strict=True):
            yield Sample(f"{name}_bucket", {**labels, "le": edge}, number, at)
        yield Sample(f"{name}_count", labels, sum(value.counts), at)
        yield Sample(f"{name}_sum", labels, value.total, at)
    elif value is not None:
        yield Sample(name, labels, value, at)
