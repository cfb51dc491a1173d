"""Samples in memory, by labels."""

from __future__ import annotations

import json
import random
import tracemalloc

import pytest

from pytest_zdt.evidence.samples import Sample, pack
from pytest_zdt.evidence.series import Labels, Table


def sample(sent: float, **changes: object) -> Sample:
    """A good answer."""
    return Sample(**{"sent": sent, "endpoint": "GET /", "status": 200, "version": "v1", "lane": "new", **changes})  # type: ignore[arg-type]


def test_samples_with_the_same_labels_are_one_series() -> None:
    """Numbers are told apart within a series, texts and statuses make series."""
    table = Table([sample(1.0), sample(2.0, took=0.5, latency=0.25, vu=3), sample(3.0, version="v2"), sample(4.0, status=201)])
    assert len(table) == 4
    first, created, other = table.series()
    assert (list(first.sent), list(first.took), list(first.latency), list(first.vu)) == ([1, 2], [0, 0.5], [0, 0.25], [0, 3])
    assert (first.labels.status, created.labels.status, other.labels.version) == (200, 201, "v2")


def test_each_series_is_in_order_whatever_came_first() -> None:
    """Samples of several workers come mixed; equal times are told apart by what they hold."""
    seen = [sample(at, vu=vu, latency=vu / 10) for at in (1.0, 2.0, 2.0, 3.0) for vu in range(5)]
    expected = [(one.sent, one.vu) for one in sorted(seen, key=lambda one: (one.sent, one.latency))]
    for _ in range(5):
        random.shuffle(seen)
        (series,) = Table(seen).series()
        assert list(zip(series.sent, series.vu, strict=True)) == expected


def test_failures_keep_their_story() -> None:
    """Request id and message are kept of failures, in the order of the samples."""
    failed = [sample(at, kind="status-5xx", status=503, request_id=f"r{at:g}", message="503") for at in (2.0, 1.0)]
    failing, good = Table([*failed, sample(1.5, request_id="good")]).series()[::-1]
    assert [failing.story(row) for row in range(2)] == [("r1", "503"), ("r2", "503")]
    assert (good.story(0), good.request_ids) == (("", ""), [])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.update(sent=[1.0]),
        lambda line: line.update(took=["soon", 1.0]),
        lambda line: line.update(kind=[7, 7]),
        lambda line: line.update(strings=["", "unheard-of"], kind=[1, 1]),
        lambda line: line.pop("vu"),
        lambda line: line.update(schema="zdt-samples/9"),
        lambda line: line.update(latency=[float("nan"), 1.0]),
    ],
)
def test_a_broken_batch_adds_nothing(spoil: object) -> None:
    """A line that is not whole is refused whole."""
    line = json.loads(pack([sample(1.0), sample(2.0)], "main", 0.0))
    spoil(line)  # type: ignore[operator]
    table = Table()
    with pytest.raises(ValueError, match=r"."):
        table.add_batch(json.dumps(line).encode())
    assert (len(table), table.series()) == (0, [])


def test_what_labels_say() -> None:
    """Answered, good, failed, counted; and whose failure it is, by the version that the answer itself named."""
    good = Labels("GET /", "", "v1", "new", "", "", 200)
    assert (good.answered, good.good, good.failed, good.counted) == (True, True, False, True)
    cut = good._replace(kind="cut")
    assert (cut.answered, cut.good, cut.failed, cut.counted) == (False, False, False, False)
    broken = good._replace(kind="status-5xx", status=503)
    assert (broken.guilt, broken._replace(named=False).guilt) == ("app", "edge")
    assert not good._replace(kind="reset", status=0).answered


def test_parts_and_counts() -> None:
    """Both ends belong to a count; a slice is rows by number."""
    (series,) = Table(sample(float(at)) for at in range(10)).series()
    assert (series.count(2, 4), series.count(2.5, 2.6), series.count(5, 3), series.count(-5, 50)) == (3, 0, 0, 10)
    assert list(series.slice(3, 5).sent) == [3, 4]


def test_a_sample_is_some_dozen_bytes() -> None:
    """A million of them fit into memory: a good answer costs its numbers, and no object."""
    lines = [
        pack([sample(at + index / 100, request_id=f"zdt-{at}-{index}") for index in range(100)], "gw0", 0.0) for at in range(200)
    ]
    table = Table()
    tracemalloc.start()
    for line in lines:
        table.add_batch(line)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / len(table) < 60
