"""The shapes of a load: ramps, stages, arrival rates; probes beside it; and workers on CPUs of their own."""

from __future__ import annotations

import json
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.evidence.bundle import read_samples
from pytest_zdt.evidence.samples import NO_VU, PROBE

ONE = """
    import pytest
    @pytest.mark.zdt
    def test_one(zdt_session):
        assert zdt_session.get("/one").json()["path"] == "/one"
"""
CPUS = """
    import os, threading
    import pytest
    @pytest.mark.zdt
    def test_one(zdt_session, pytestconfig):
        zdt_session.get("/one")
        cpus = sorted(os.sched_getaffinity(0))
        (pytestconfig.rootpath / f"cpus-{os.getpid()}").write_text(f"{len(cpus)}")
"""


def first_sent(zdt: Any) -> dict[int, float]:
    """When each VU first sent something."""
    found: dict[int, float] = {}
    for sample in read_samples(zdt.report):
        found[sample.vu] = min(sample.sent, found.get(sample.vu, sample.sent))
    return found


def test_a_ramp(zdt, pytester):
    """Users come one by one over the ramp's time, all of them are driven as planned, and the evidence tells the shape."""
    pytester.makepyfile(ONE)
    zdt.load("--zdt-ramp=1s", duration="2s")
    sent = first_sent(zdt)
    assert sorted(sent) == [0, 1, 2, 3]
    assert all(sent[vu] >= vu / 4 for vu in sent)
    end = zdt.mark("run-ended")
    assert end["planned_vu_s"] == pytest.approx(4 * zdt.verdict["run"]["duration_s"] - 1.5, abs=0.01)
    assert zdt.verdict["requirements"]["load"]["status"] == "verified"
    run = json.loads((zdt.report / "run.json").read_text())
    assert (run["executor"], run["vus"], run["stages"]) == ("ramping-vus", 4, [[1.0, 4]])


def test_stages(zdt, pytester):
    """Stages say how long the load lasts and how many users there are at any time; those that have gone send nothing more."""
    pytester.makepyfile(ONE)
    zdt.smoke("--zdt-stages=0s:3,1s:3,0s:1,1s:1")
    assert zdt.verdict["run"]["executor"] == "ramping-vus"
    assert zdt.verdict["requirements"]["load"]["status"] == "verified"
    late = {sample.vu for sample in read_samples(zdt.report) if sample.sent > 1.1}
    assert set(zdt.column("vu")) == {0, 1, 2}
    assert late == {0}


def test_an_arrival_rate(zdt, api, pytester):
    """Tests start at the rate, shared by all workers, each in its own place of the schedule; nobody is left out."""
    pytester.makepyfile(ONE)
    zdt.load("--zdt-rate=50/s", duration="2s")
    end = zdt.mark("run-ended")
    assert end["planned_iterations"] == pytest.approx(100, abs=3)
    assert end["unsent_iterations"] <= 2
    assert end["iterations"] == api.hits["/one"] >= end["planned_iterations"] - 2
    places = Counter(int(sample.sent * 50) for sample in read_samples(zdt.report))
    assert sum(places[place] == 1 for place in range(100)) >= 80
    assert zdt.verdict["requirements"]["load"]["status"] == "verified"


def test_a_rate_that_cannot_be_held(zdt, api, pytester):
    """Users who are all busy leave starts unsent: counted, not made up for, and the load is not verified."""
    pytester.makepyfile(ONE.replace("assert", "import time; time.sleep(0.2)\n        assert"))
    zdt.load("--zdt-rate=100/s", "--zdt-vus=2", duration="2s")
    end = zdt.mark("run-ended")
    assert 5 <= end["iterations"] <= 22
    assert end["unsent_iterations"] == pytest.approx(end["planned_iterations"] - end["iterations"], abs=3)
    assert zdt.verdict["requirements"]["load"]["reason"] == "iterations-unsent"


def test_probes(zdt, api, pytester):
    """Beside the users each endpoint is probed at the cadence, marked as such, and reported to the API as any other request."""
    pytester.makepyfile(ONE)
    zdt.load("--zdt-probe-every=200ms", "--zdt-pace=100ms", duration="2s")
    samples = list(read_samples(zdt.report))
    probes = [sample for sample in samples if sample.lane == PROBE]
    assert 7 <= len(probes) <= 10
    assert {(probe.endpoint, probe.vu, probe.reused, probe.kind) for probe in probes} == {("GET /one", NO_VU, False, "")}
    assert all(0.05 < after - before < 0.6 for before, after in pairwise(sorted(probe.sent for probe in probes)))
    assert len(samples) == api.hits["/one"]
    assert len({sample.request_id for sample in samples}) == len(samples)
    assert zdt.verdict["requirements"]["load"]["status"] == "verified"
    assert zdt.mark("run-ended")["unsent_probes"] == 0


def test_no_probes(zdt, pytester):
    """With ``--zdt-probe-every=0`` there are none."""
    pytester.makepyfile(ONE)
    zdt.load("--zdt-probe-every=0")
    assert PROBE not in zdt.column("lane")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin")
def test_pinning(zdt, pytester):
    """A worker that says it is pinned drives from one CPU; two never from the same; ``--zdt-pin=off`` leaves them all."""
    pytester.makepyfile(CPUS)
    zdt.load()
    pinned = zdt.mark("run-ended")["pinned"]
    cpus = [cpu for cpu in pinned.values() if cpu is not None]
    assert len(pinned) == zdt.workers
    assert len(set(cpus)) == len(cpus)
    seen = sorted(path.read_text() for path in Path.cwd().glob("cpus-*"))
    assert seen.count("1") >= len(cpus)  # there may be no more than one CPU at all
    zdt.load("--zdt-pin=off", "--zdt-overwrite")
    assert set(zdt.mark("run-ended")["pinned"].values()) == {None}


def test_the_header_tells_how_tests_are_run(zdt, pytester):
    """How many tests run by a plan, and how many as copies, is told before the load; and kept in the evidence."""
    pytester.makepyfile("""
        import pytest
        pytestmark = pytest.mark.zdt
        def test_one(zdt_session): zdt_session.get("/one")
        def test_two(zdt_session, request): zdt_session.get("/two")
        class TestThree:
            def test_three(self, zdt_session): zdt_session.get("/three")
    """)
    result = zdt.load()
    result.stdout.fnmatch_lines(["zdt: 3 tests for each virtual user: 1 by a compiled plan, 2 as copies of their items"])
    assert json.loads((zdt.report / "run.json").read_text())["tests"] == {"planned": 1, "copied": 2}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--zdt-ramp=1s", "--zdt-rate=5/s"], "--zdt-ramp and --zdt-rate exclude each other"),
        (["--zdt-rate=5/s", "--zdt-pace=1s"], "--zdt-rate and --zdt-pace exclude each other"),
        (["--zdt-rate=5"], "'5' is not a rate: write 50/s, 600/m or 100/h"),
        (["--zdt-stages=1m"], "'1m' is not a stage: write time:VUs, such as 1m:5,13m:20,1m:0"),
        (["--zdt-stages=5s:3"], "stages say themselves how long the load lasts: leave --zdt-duration out"),
        (["--zdt-ramp=1h"], "a ramp of 3600s does not end within the duration of 0.6s: shorten it"),
        (["--zdt-pin=maybe"], "--zdt-pin: 'maybe' is not one of auto, off"),
        (["--trace"], "--trace is about one test at a time, a load about many"),
        (["--setup-show"], "--setup-show is about one test at a time, a load about many"),
    ],
)
def test_bad_shapes(make_zdt, api, pytester, options, told):
    """What cannot be is refused with one clear line, before anything is asked of the API."""
    pytester.makepyfile(ONE)
    result = make_zdt("no-xdist").load(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in result.errlines + result.outlines if line.startswith("ERROR")]
    assert len(lines) == 1
    assert told in lines[0]
    assert not api.hits
