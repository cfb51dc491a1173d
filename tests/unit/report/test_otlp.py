"""OpenTelemetry's metrics: as requests, and as lines of JSON."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

from pytest_zdt.report.metrics import BOUNDS, HISTOGRAM, LATENCY, LONGEST, Distribution, Family, Line, Metrics
from pytest_zdt.report.otlp import MOST_SENT, lines, messages
from pytest_zdt.verdict.judge import judge

from ..verdict.conftest import Story
from .test_metrics import HOSTILE, hostile, measured, mixed
from .test_openmetrics import GOLDEN, two_seconds

ZERO = 1767225600 * 10**9


def points(requests: Iterable[ExportMetricsServiceRequest]) -> Iterator[tuple[Any, Any]]:
    """Every metric with each of its points."""
    for request in requests:
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    yield from ((metric, point) for point in getattr(metric, metric.WhichOneof("data")).data_points)


def series(requests: Iterable[ExportMetricsServiceRequest]) -> dict[tuple[str, tuple[tuple[str, str], ...]], list[Any]]:
    """The points of each series, in their order."""
    found = defaultdict(list)
    for metric, point in points(requests):
        labels = tuple((one.key, one.value.string_value) for one in point.attributes)
        found[metric.name, labels].append(point)
    return found


def read(metrics: Metrics) -> list[ExportMetricsServiceRequest]:
    """The lines of JSON, read back."""
    return [Parse(line, ExportMetricsServiceRequest()) for line in lines(metrics)]


def test_the_lines() -> None:
    """Of a run of two seconds, whole: keys in camel case, enumerations as numbers, 64-bit numbers as texts."""
    found = [json.loads(line) for line in lines(two_seconds())]
    assert found == [json.loads(line) for line in (GOLDEN / "run.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("make", [Story, mixed, hostile])
def test_totals(make: Callable[[], Story]) -> None:
    """The last points of the series add up to the verdict's counts."""
    verdict, sums = judge(make().evidence), Counter[str]()
    for (name, labels), found in series(messages(measured(make()))).items():
        sums[name] += found[-1].count if name == "zdt.latency" else found[-1].as_int
        if name in ("zdt.verdict", "zdt.requirement") and found[-1].as_int:
            assert dict(labels)["state"] in (verdict.verdict, *(one.status for one in verdict.requirements))
    assert sums["zdt.requests"] == verdict.generator.samples
    assert sums["zdt.failures"] == sum(group.count for group in verdict.failures)
    assert (sums["zdt.verdict"], sums["zdt.requirement"]) == (1, len(verdict.requirements))


def test_points() -> None:
    """Sums and histograms are cumulative from the run's start; only counters are monotonic; times and buckets go up."""
    found = list(messages(measured(mixed())))
    for metric, point in points(found):
        data = getattr(metric, metric.WhichOneof("data"))
        if metric.WhichOneof("data") == "gauge":
            assert (point.start_time_unix_nano, point.WhichOneof("value")) == (0, "as_double")
            continue
        assert data.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
        assert point.start_time_unix_nano == ZERO <= point.time_unix_nano <= ZERO + 40 * 10**9
        if metric.WhichOneof("data") == "sum":
            assert data.is_monotonic == (metric.unit != "")
        else:
            assert list(point.explicit_bounds) == list(BOUNDS)
            assert (len(point.bucket_counts), sum(point.bucket_counts)) == (len(BOUNDS) + 1, point.count)
    for own in series(found).values():
        assert all(before.time_unix_nano < after.time_unix_nano for before, after in pairwise(own))
    units = {metric.name: metric.unit for metric, _ in points(found)}
    assert units["zdt.requests"] == units["zdt.failures"] == "{request}"
    assert (units["zdt.latency"], units["zdt.generator.lag"], units["zdt.generator.cpu"]) == ("s", "s", "1")


def test_whose_they_are() -> None:
    """The resource names the run and the target."""
    (request,) = messages(measured(Story()))
    found = {one.key: one.value.string_value for one in request.resource_metrics[0].resource.attributes}
    assert found == {"service.name": "pytest-zdt", "service.instance.id": "r1", "zdt.run": "r1", "zdt.target": "sandbox"}


@pytest.mark.parametrize("make", [Story, mixed, hostile])
def test_lines_and_requests_say_the_same(make: Callable[[], Story]) -> None:
    """However they are cut: no point is lost, none is there twice."""
    metrics = measured(make())
    whole = series(messages(metrics))
    assert sum(map(len, whole.values())) == metrics.values
    assert series(messages(metrics, 7)) == whole == series(read(metrics))
    assert all(len(list(points([request]))) <= 7 for request in messages(metrics, 7))


def test_sizes() -> None:
    """A line is below 1 MiB, and a request below 20 MiB, with the longest labels and the most numbers that a point has."""
    most = Distribution((10**9,) * (len(BOUNDS) + 1), 1e9 / 3)
    line = Line({"endpoint": "😀" * LONGEST, "version": "😀" * LONGEST}, [most] * MOST_SENT)
    family = Family("zdt.latency", HISTOGRAM, "s", LATENCY, [line])
    metrics = Metrics("😀" * LONGEST, "😀" * LONGEST, 1767225600.0, range(MOST_SENT), (family,))
    (request,) = messages(metrics)
    assert request.ByteSize() < 20 * 2**20
    assert max(map(len, lines(metrics))) < 2**20


def test_hostile_texts() -> None:
    """A line stays a line, and nothing in it steers a terminal."""
    found = list(lines(measured(hostile())))
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") and json.loads(line) for line in found)
    whole = b"".join(found).decode()
    assert not set(whole) & set("\x1b\r\u202e\x00")
    assert HOSTILE not in whole


def test_a_run_without_samples() -> None:
    """There are no metrics without points."""
    story = Story()
    story.samples, story.health, story.marks = [], [], []
    names = {metric.name for metric, _ in points(messages(measured(story)))}
    assert names == {"zdt.phase", "zdt.requirement", "zdt.verdict"}
