"""What holds of every verdict, whatever the evidence."""

from __future__ import annotations

import json
import random
from array import array
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_zdt.evidence.bundle import MARKS, SAMPLES, Evidence, read_bundle
from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.merge import merge
from pytest_zdt.evidence.samples import Sample, pack
from pytest_zdt.evidence.series import Table
from pytest_zdt.verdict.judge import judge
from pytest_zdt.verdict.outages import downtime

from .conftest import ENDED, RUN, Story, stored

SCHEMA = json.loads((resources.files("pytest_zdt.verdict") / "schema.json").read_text())
KINDS = ["", "expected", "status-5xx", "reset", "dns", "throttled", "local", "cut", "keep-alive-race", "wrong-status"]
samples = st.builds(
    Sample,
    sent=st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.5]),
    endpoint=st.sampled_from(["GET /a/", "POST /b/"]),
    request_id=st.sampled_from(["a", "b", "c"]),
    took=st.floats(0, 2),
    latency=st.floats(0, 2),
    status=st.sampled_from([0, 200, 404, 503]),
    kind=st.sampled_from(KINDS),
    version=st.sampled_from(["", "v1", "v2", "v3"]),
    vu=st.integers(0, 2),
    lane=st.sampled_from(["new", "reused"]),
    flow=st.sampled_from(["", "token"]),
    made_by=st.sampled_from(["", "v1", "v2"]),
    message=st.sampled_from(["", "broke"]),
)
samples |= samples.map(lambda one: replace(one, vu=-1, lane="probe", flow=""))
marks = st.builds(
    Mark, at=st.floats(0, 5), name=st.sampled_from(["deploy-started", "deploy-ended", "run-ended", "version-polled"])
)
PLANS = [
    {**RUN, "executor": "ramping-vus", "stages": [[10, 4.5], [0, 0]], "probe_every_s": 1.0},
    {**RUN, "executor": "constant-arrival-rate", "rate": 0.5, "probe_every_s": 0},
]
run = st.sampled_from([RUN, {**RUN, "version_source": "url:/version"}, {**RUN, "require": {"p95": 0.5, "window": 2.0}}, *PLANS])


@given(st.lists(samples, max_size=30), st.lists(marks, max_size=4), run)
def test_any_evidence_gives_a_verdict_of_the_schema(seen: list[Sample], told: list[Mark], run: dict[str, Any]) -> None:
    """Whatever was seen, the verdict is valid JSON of the schema that is shipped, every outcome but verified with a reason."""
    verdict = judge(Evidence(run, Table(seen), told, []))
    jsonschema.validate(json.loads(json.dumps(verdict.as_dict(), allow_nan=False)), SCHEMA)
    for one in verdict.requirements:
        assert bool(one.reason) == (one.status != "verified")
        assert one.detail


@given(st.lists(st.lists(samples, max_size=10), max_size=5), st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_arrival_changes_nothing(batches: list[list[Sample]], order: random.Random, marked: bool) -> None:
    """The same batches in any order, and their samples in any order, give the same bytes."""
    told = [Mark(1.5, "deploy-started"), Mark(5.0, "run-ended", dict(ENDED))] if marked else []
    shuffled = [order.sample(batch, len(batch)) for batch in order.sample(batches, len(batches))]
    texts = []
    for arrived in (batches, shuffled):
        table = Table()
        for batch in arrived:
            table.add_batch(pack(batch, "main", 0.0))
        texts.append(json.dumps(judge(Evidence(RUN, table, told[:: 1 if arrived is batches else -1], [])).as_dict()))
    assert texts[0] == texts[1]


def injured(order: random.Random) -> Story:
    """A run with some failures, at least one; it is never verified."""
    story = Story()
    kinds = ["status-5xx", "connect-refused", "read-timeout", "dns", "throttled", "local", "wrong-body"]
    story.break_(*order.sample(range(800), order.randint(1, 5)), kind=order.choice(kinds))
    if order.random() < 0.3:
        story.marks.append(Mark(15.0, "worker-lost", {"worker": "gw0"}))
    if order.random() < 0.3:
        story.health[order.randrange(40)] = Health("main", 12.0, array("d", [3000.0]), 0.2)
    return story


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_evidence_that_is_taken_away_verifies_nothing(tmp_path_factory: pytest.TempPathFactory, order: random.Random) -> None:
    """A run that is not verified does not become so without some lines of its samples, its health or its marks."""
    directory = stored(injured(order), tmp_path_factory.mktemp("bundle"))
    assert judge(read_bundle(directory)).verdict != "verified"
    for name in (SAMPLES, MARKS):
        lines = (directory / name).read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if order.random() < order.choice([0.5, 0.9, 1.0])]
        (directory / name).write_bytes(b"".join(kept))
    assert judge(read_bundle(directory)).verdict != "verified"


@pytest.mark.parametrize("name", [SAMPLES, MARKS])
def test_any_missing_line_is_missed(tmp_path: Path, name: str) -> None:
    """A verified run is inconclusive without any one line of its evidence."""
    directory = stored(Story(), tmp_path)
    assert judge(read_bundle(directory)).verdict == "verified"
    lines = (directory / name).read_bytes().splitlines(keepends=True)
    for number in range(len(lines)):
        (directory / name).write_bytes(b"".join(lines[:number] + lines[number + 1 :]))
        assert judge(read_bundle(directory)).verdict == "inconclusive", lines[number]


def shard(story: Story, number: int, of: int) -> Story:
    """The part of a run that one of several machines drove: every so manieth virtual user, numbered anew."""
    mine = [sample for sample in story.samples if sample.vu % of == number]
    part = Story()
    part.samples = [type(sample)(**{**_fields(sample), "vu": sample.vu // of}) for sample in mine]
    part.health = [Health(f"gw{number}", one.at, one.lags, one.cpu) for one in story.health]
    part.marks = [mark for mark in story.marks if number == 0 or mark.name == "run-ended"]
    share = {"driven_s": 160.0 / of, "planned_vu_s": 160.0 / of, "workers": 1}
    part.mark(40.0, "run-ended", **share)
    part.run |= {"id": f"r{number}", "vus": 4 // of}
    return part


def _fields(sample: Sample) -> dict[str, Any]:
    return {name: getattr(sample, name) for name in sample.__slots__}


@settings(max_examples=20, deadline=None)
@given(order=st.randoms(use_true_random=False), of=st.sampled_from([2, 4]), clean=st.booleans())
def test_merged_shards_are_judged_as_the_whole(
    tmp_path_factory: pytest.TempPathFactory, order: random.Random, of: int, clean: bool
) -> None:
    """The figures and outcomes of the joined shards are those of the run that they are parts of."""
    folder = tmp_path_factory.mktemp("shards")
    whole = Story() if clean else Story().break_(*order.sample(range(800), 5))
    parts = [stored(shard(whole, number, of), folder / str(number)) for number in range(of)]
    merge(order.sample(parts, of), folder / "joined")
    joined, single = (judge(evidence).as_dict() for evidence in (read_bundle(folder / "joined"), whole.evidence))
    assert [(one["name"], one["status"], one["reason"]) for one in joined["requirements"]] == [
        (one["name"], one["status"], one["reason"]) for one in single["requirements"]
    ]
    for key in ("verdict", "level", "versions", "phases", "overlap", "endpoints", "flows", "outages", "failures", "resolution"):
        assert joined[key] == single[key], key


@given(
    cadence=st.floats(0.01, 2.0),
    offset=st.floats(0.0, 1.0),
    start=st.floats(0.0, 20.0),
    length=st.floats(0.0, 20.0),
)
def test_the_true_length_of_an_outage_lies_in_its_interval(cadence: float, offset: float, start: float, length: float) -> None:
    """Requests at a fixed cadence against an API that fails for a while: longer than the cadence is found."""
    times = [round(offset + cadence * index, 6) for index in range(int(41 / cadence))]
    down = [start <= sent < start + length for sent in times]
    line = [
        Sample(sent, "GET /a/", status=503 if bad else 200, kind="status-5xx" if bad else "")
        for sent, bad in zip(times, down, strict=True)
    ]
    found = downtime(Table(line).series(), 42.0)
    assert len(found.outages) == len(found.episodes) == len(found.users) == any(down)
    assert found.outages or length <= cadence + 1e-6 or start < offset
    for outage, user in zip(found.outages, found.users, strict=True):
        assert outage.min_s - 1e-6 <= length <= outage.max_s + 1e-6
        assert outage.failures == user.failures == sum(down)
        assert (user.longest_min_s, user.longest_max_s) == (outage.min_s, outage.max_s)


@given(start=st.floats(2.0, 10.0), length=st.floats(0.5, 5.0), took=st.floats(0.0, 2.0))
def test_requests_cut_in_flight_do_not_lengthen_an_outage(start: float, length: float, took: float) -> None:
    """A long request whose connection broke at the outage's beginning was sent when all was well."""
    cadence, end = 0.1, start + length
    times = [round(index * cadence, 6) for index in range(200)]
    line = [Sample(at, "GET /a/", status=200) for at in times if not start - 1e-5 <= at < end]
    line += [Sample(start - took, "GET /a/", took=took, kind="reset"), Sample(end - 0.01, "GET /a/", kind="connect-refused")]
    (outage,) = downtime(Table(line).series(), 20.0).outages
    assert outage.min_s - 1e-5 <= length <= outage.max_s + 1e-5
