"""A line of the load generator's health."""

from __future__ import annotations

import json
from array import array
from typing import Any

import pytest

from pytest_zdt.evidence.health import Health, is_health, read_health
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import Sample, pack

FULL = Health("gw0", 12.345, array("d", [0.25, 3.5, 120.0]), 0.4321, 17.25, 45, 28144)
LINE = json.loads(FULL.as_line())


def line(**changes: Any) -> bytes:
    """A line with some fields changed; `...` takes one away."""
    return json.dumps({key: value for key, value in {**LINE, **changes}.items() if value is not ...}).encode()


@pytest.mark.parametrize("health", [FULL, Health("main", 0.0, array("d"), 0.0), Health("ä/gw1", 1.0, array("d", [0.0]), 2.5)])
def test_round_trip(health: Health) -> None:
    """What was written is read, on one line of ASCII, with or without its newline; what is unknown stays so."""
    written = health.as_line()
    assert b"\n" not in written
    assert written.isascii()
    assert read_health(written) == read_health(written + b"\n") == health


def test_what_is_written_is_short() -> None:
    """The figures are rounded: a run has one line a second for each worker."""
    health = Health("gw0", 1.00049, array("d", [1.23456, 1 / 3]), 0.123456, 2 / 3)
    assert read_health(health.as_line()) == Health("gw0", 1.0, array("d", [1.23, 0.33]), 0.1235, 0.67)


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_written(figure: float) -> None:
    """JSON has none."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        Health("gw0", 1.0, array("d", [figure]), 0.0).as_line()


def test_a_line_torn_anywhere() -> None:
    """Is refused, however much of it is left."""
    whole = FULL.as_line()
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r"."):
            read_health(whole[:length])


@pytest.mark.parametrize(
    "foreign",
    [
        b"null",
        b"[]",
        b'"zdt-health/1"',
        b"\xff",
        pack([Sample(1.0, "GET /")], "main", 0.0),
        Mark(1.0, "run-ended").as_line(),
        line(schema="zdt-health/2"),
        line(schema=...),
        line(at=...),
        line(lags=...),
        line(cpu=...),
        line(worker=...),
        line(at=None),
        line(at="soon"),
        line(cpu=[]),
        line(lags=None),
        line(lags=1.0),
        line(lags=["x"]),
        line(lags=[None]),
        line(lags={"a": 1}),
    ],
)
def test_foreign_lines(foreign: bytes) -> None:
    """What is something else, or lacks a field, or has one of another type."""
    with pytest.raises(ValueError, match=r"."):
        read_health(foreign)


@pytest.mark.parametrize("field", ["at", "cpu", "gc", "lags"])
@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_a_line_with_what_is_no_number(figure: float, field: str) -> None:
    """NaN compares as below every limit, so a CPU share of NaN would pass for an idle one."""
    with pytest.raises(ValueError, match=r"."):
        read_health(line(**{field: [figure] if field == "lags" else figure}))


@pytest.mark.parametrize("field", ["at", "cpu", "gc", "files", "ports"])
@pytest.mark.parametrize("value", ["many", "1", True, [], {}])
def test_a_line_with_something_else_for_a_number(value: object, field: str) -> None:
    """Also the lesser fields are checked, and what could pass for a number."""
    with pytest.raises(ValueError, match=r"."):
        read_health(line(**{field: value}))


@pytest.mark.parametrize("field", ["files", "ports"])
@pytest.mark.parametrize("value", [-1, 0.5])
def test_a_line_with_what_nobody_counts(value: float, field: str) -> None:
    """Files and ports are whole and not below none."""
    with pytest.raises(ValueError, match="is not a count"):
        read_health(line(**{field: value}))


@pytest.mark.parametrize("field", ["gc", "files", "ports"])
def test_a_line_without_a_lesser_field(field: str) -> None:
    """What a system does not tell is null, not missing."""
    with pytest.raises(ValueError, match="missing or broken"):
        read_health(line(**{field: ...}))


def test_a_line_with_more() -> None:
    """What a later release may add is left out."""
    assert read_health(line(more=1)) == FULL


@pytest.mark.parametrize(
    "lags, began", [([], 10.0), ([0.0] * 20, 9.0), ([50.0] * 10, 9.0), ([900.0, 0.0], 9.0), ([5000.0], 4.95)]
)
def test_when_a_second_began(lags: list[float], began: float) -> None:
    """As long before its end as the probe slept and was late: a stall makes it longer."""
    assert Health("gw0", 10.0, array("d", lags), 0.5).began == pytest.approx(began)


def test_is_health() -> None:
    """Known by its beginning, torn or of another version too: such a line is no batch of samples."""
    assert is_health(FULL.as_line())
    assert is_health(FULL.as_line()[:30])
    assert is_health(b'{"schema":"zdt-health/2"}')
    assert not is_health(pack([Sample(1.0, "zdt-health/1")], "zdt-health/1", 0.0))
    assert not is_health(Mark(1.0, "run-ended").as_line())
    assert not is_health(b"")
