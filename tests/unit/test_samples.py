"""Samples and marks as lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_zdt.evidence.marks import Mark, read_mark
from pytest_zdt.evidence.samples import SCHEMA, Sample, pack, unpack

SECONDS = st.integers(0, 10**10).map(lambda number: number / 10**6)
TEXT = st.text(max_size=20)
SAMPLES = st.builds(
    Sample,
    sent=SECONDS,
    endpoint=TEXT,
    request_id=TEXT,
    took=SECONDS,
    latency=SECONDS,
    status=st.integers(0, 599),
    kind=st.sampled_from(["", "reset", "status-5xx"]),
    version=st.sampled_from(["", "v1", "v2"]),
    reused=st.booleans(),
    bytes=st.integers(0, 10**9),
    message=TEXT,
    made_by=TEXT,
    flow=TEXT,
    vu=st.integers(0, 1000),
    lane=st.sampled_from(["reused", "new"]),
    lookup=SECONDS,
    connect=SECONDS,
    tls=SECONDS,
)
LINE = pack([Sample(1.0, "GET /a"), Sample(2.0, "GET /b")], "gw0", 0.0)


@given(st.lists(SAMPLES, max_size=20))
def test_round_trip(samples: list[Sample]) -> None:
    """What was packed is what is unpacked, on one line."""
    line = pack(samples, "gw0", 0.0)
    assert b"\n" not in line
    assert list(unpack(line)) == samples


def test_times_are_from_the_runs_start() -> None:
    """The line tells when a request was sent after the run's start, to the microsecond."""
    assert next(unpack(pack([Sample(1000.2500004, "GET /")], "gw0", 999.0))).sent == 1.25


def test_texts_are_stored_once() -> None:
    """A text that many samples share is written once, and the empty one is the first."""
    line = json.loads(pack([Sample(0.0, "GET /", version="v1")] * 50, "gw1", 0.0))
    assert line["strings"] == ["", "GET /", "v1"]
    assert (line["schema"], line["worker"]) == (SCHEMA, "gw1")


def test_phases_are_left_out_where_there_are_none() -> None:
    """A column of zeros is not written, one with a number is; what is not there is read as 0, as older evidence is."""
    samples = [Sample(0.0, "GET /", connect=0.25), Sample(1.0, "GET /", reused=True)]
    line = json.loads(pack(samples, "gw0", 0.0))
    assert line["connect"] == [0.25, 0]
    assert not {"lookup", "tls"} & set(line)
    assert [(one.lookup, one.connect, one.tls) for one in unpack(json.dumps(line).encode())] == [(0, 0.25, 0), (0, 0, 0)]


@pytest.mark.parametrize("column", [[0.5], [0.5, None], [0.5, float("inf")], 0.5])
def test_broken_phases(column: object) -> None:
    """A phase that is there must be whole, like any other column."""
    line = json.loads(LINE) | {"tls": column}
    with pytest.raises(ValueError, match=r"."):
        list(unpack(json.dumps(line).encode()))


@pytest.mark.parametrize("length", range(0, len(LINE), 7))
def test_torn_line(length: int) -> None:
    """A line cut anywhere is no batch."""
    with pytest.raises(ValueError, match=r".*"):
        list(unpack(LINE[:length]))


@pytest.mark.parametrize("line", [b"[]", b"3", b"null", b'"zdt-samples/1"'])
def test_no_object(line: bytes) -> None:
    """A line that is JSON, but not of fields, is no batch."""
    with pytest.raises(ValueError, match="not an object"):
        list(unpack(line))


@pytest.mark.parametrize("line", [b"{}", b'{"schema":"zdt-samples/2","worker":"gw0"}', LINE.replace(b'"gw0"', b"0")])
def test_another_schema(line: bytes) -> None:
    """A line of something else is no batch."""
    with pytest.raises(ValueError, match="not a batch of zdt-samples/1"):
        list(unpack(line))


@pytest.mark.parametrize(
    "old, new",
    [
        (b'"sent":[1.0', b'"sent":[NaN'),
        (b'"sent":[1.0', b'"sent":[Infinity'),
        (b'"took":[0.0', b'"took":[-Infinity'),
        (b'"sent":[1.0', b'"sent":["1"'),
        (b'"sent":[1.0', b'"sent":[null'),
        (b'"vu":[0', b'"vu":[0.5'),
        (b'"status":[0', b'"status":[99999999999999999999'),
        (b'"endpoint":[1', b'"endpoint":[9'),
        (b'"endpoint":[1', b'"endpoint":["a"'),
        (b'"kind":[0', b'"kind":[1'),
        (b'"lane":', b'"line":'),
        (b'"sent":[1.0,2.0]', b'"sent":null'),
        (b'"sent":[1.0', b'"sent":[1e999'),
    ],
)
def test_what_no_session_writes(old: bytes, new: bytes) -> None:
    """A number that is none, of another type or too large, a text or a kind that is not there, a column that is missing."""
    assert LINE.count(old) == 1
    with pytest.raises(ValueError, match=r"."):
        list(unpack(LINE.replace(old, new)))


def test_columns_of_unequal_length() -> None:
    """A line whose columns do not match is no batch."""
    line = json.loads(LINE)
    line["took"].pop()
    with pytest.raises(ValueError, match="differ in length"):
        list(unpack(json.dumps(line).encode()))


def test_no_number_that_json_lacks() -> None:
    """A time that is no number is refused when it is written, not when it is read."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        pack([Sample(0.0, "GET /", took=float("nan"))], "gw0", 0.0)


@given(SECONDS, TEXT, st.dictionaries(TEXT, TEXT | st.integers() | st.booleans()))
def test_mark_round_trip(at: float, name: str, data: dict[str, object]) -> None:
    """A mark is read as it was written."""
    mark = Mark(at, name, data)
    assert read_mark(mark.as_line()) == mark


MARK = b'{"at": 1.0, "name": "run-ended", "data": {}}'


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b'{"at": 1}',
        MARK[:-3],
        MARK.replace(b"1.0", b"NaN"),
        MARK.replace(b"1.0", b'"1"'),
        MARK.replace(b"1.0", b"true"),
        MARK.replace(b'"run-ended"', b"7"),
        MARK.replace(b"{}", b"[]"),
        MARK.replace(b"{}", b'{"ok": Infinity}'),
        MARK.replace(b"{}", b'{}, "more": 1'),
    ],
)
def test_torn_mark(line: bytes) -> None:
    """A torn mark is refused, and one with a field too many or of another type."""
    assert read_mark(MARK) == Mark(1.0, "run-ended")
    with pytest.raises(ValueError, match=r".*"):
        read_mark(line)
