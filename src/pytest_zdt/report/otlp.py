"""A run's series as OpenTelemetry's metrics (OTLP): as requests to a collector, or as lines of JSON. Needs opentelemetry-proto.

A file holds one ``ExportMetricsServiceRequest`` a line in OTLP's JSON, as the Collector's receiver ``otlpjsonfile`` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any, Final

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)

from pytest_zdt.report.metrics import BOUNDS, COUNTER, GAUGE, HISTOGRAM, Distribution, Family, Line, Metrics

SCOPE: Final = "pytest-zdt"
MOST_SENT: Final = 5_000
"""Points of a request: below 20 MiB, which collectors take, even with the longest labels."""
MOST_WRITTEN: Final = 400
"""Points of a line: below 1 MiB, which the Collector reads as one (``max_log_size``), even with the longest labels."""
Point = HistogramDataPoint | NumberDataPoint


def messages(metrics: Metrics, most: int = MOST_SENT) -> Iterator[ExportMetricsServiceRequest]:
    """The requests, each of so many points at most; the points of a series are by time."""
    points = ((family, point) for family in metrics.families for line in family.lines for point in _points(family, line, metrics))
    while some := list(islice(points, most)):
        yield _message(metrics, some)


def lines(metrics: Metrics) -> Iterator[bytes]:
    """The requests as lines of JSON, in which OTLP wants enumerations to be numbers."""
    for message in messages(metrics, MOST_WRITTEN):
        yield MessageToJson(message, indent=None, use_integers_for_enums=True, ensure_ascii=False).encode() + b"\n"


def _message(metrics: Metrics, points: Sequence[tuple[Family, Point]]) -> ExportMetricsServiceRequest:
    message = ExportMetricsServiceRequest()
    resource = message.resource_metrics.add()
    of_run = {"service.name": SCOPE, "service.instance.id": metrics.run, "zdt.run": metrics.run, "zdt.target": metrics.target}
    resource.resource.attributes.extend(_attributes(of_run))
    scope = resource.scope_metrics.add()
    scope.scope.name = SCOPE
    for _, group in groupby(points, key=lambda pair: pair[0].name):
        own = list(group)
        family = own[0][0]
        made = scope.metrics.add(name=family.name, unit=family.unit, description=family.help)
        _data(made, family.kind).data_points.extend(point for _, point in own)
    return message


def _data(metric: Metric, kind: str) -> Any:
    """Where the points go. States are a sum that can fall, so that they add up where a label is dropped."""
    if kind == GAUGE:
        return metric.gauge
    data = metric.histogram if kind == HISTOGRAM else metric.sum
    data.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    if kind == COUNTER:
        metric.sum.is_monotonic = True
    return data


def _points(family: Family, line: Line, metrics: Metrics) -> Iterator[Point]:
    attributes, zero = _attributes(line.labels), round(metrics.started * 1000) * 10**6
    for seconds, value in zip(metrics.times, line.values, strict=True):
        at: dict[str, Any] = {"attributes": attributes, "time_unix_nano": zero + seconds * 10**9}
        if family.kind != GAUGE:
            at["start_time_unix_nano"] = zero
        if isinstance(value, Distribution):
            at |= {"count": sum(value.counts), "sum": value.total}
            yield HistogramDataPoint(**at, bucket_counts=value.counts, explicit_bounds=BOUNDS)
        elif value is not None:
            at["as_double" if family.kind == GAUGE else "as_int"] = value
            yield NumberDataPoint(**at)


def _attributes(labels: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(string_value=text)) for name, text in labels.items()]
