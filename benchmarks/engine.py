"""What the load engine costs, and how well it keeps to its schedule: run by hand, ``python benchmarks/engine.py [PART ...]``.

Parts: ``alone`` (an iteration without HTTP), ``wire`` (a signed GET against nginx), ``users`` (100 VUs that pace a second),
``schedule`` (planned against driven), ``controller``. Needs Linux, and nginx for the parts with HTTP. The machines that it runs
on are shared: figures are medians of three rounds, a range is that of the medians at different times of a day.

Measured on a shared machine of 2 cores, Python 3.11, pytest 9.2, nginx on the same machine:

===========================================================  ==================  ========================
figure                                                       1 or 10 VUs         25 or 50 VUs
===========================================================  ==================  ========================
alone: an iteration by a plan                                5.5 us              7.3 us
alone: by a copied item                                      74 us               82 us
alone: growth from 10,000 to 200,000 iterations              none                none
wire: a GET on kept connections, pinned                      106 to 121 us       119 to 166 us
wire: with both lanes                                        151 to 162 us       156 to 202 us
===========================================================  ==================  ========================

users: 118 MB, first request after 0.9 s. schedule: 99.97 % of the VU-time; 3,007 of 3,007 iterations at 200/s, sent 0.7 ms (p99)
after their time. controller: 0.4 % of a core at 2,000 samples/s, and no growth over a million.

What 50 VUs cost more than 10 is the processor's caches, not Python's lock: `perf stat` counts as many system calls (7.8 and 7.9),
half a futex call and 1.2 context switches per request, and every function is slower by about the same part. ``others.py`` sets
k6 and Locust beside these figures."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from proctable import await_content, cpu, cpu_of_tree, resident, tree
from wire import nginx

from pytest_zdt.affinity import allowed_cpus, pinned
from pytest_zdt.controller import Controller
from pytest_zdt.copies import SharedFixtures
from pytest_zdt.crew import Crew, Place
from pytest_zdt.engine import Load
from pytest_zdt.evidence.bundle import read_run, read_samples
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.recorder import message
from pytest_zdt.settings import Run, RunSettings
from pytest_zdt.target import Target

ROUNDS = 3
ALONE = """
    import pytest

    @pytest.fixture(scope="session")
    def base():
        return {"n": 1}

    @pytest.fixture
    def first(base):
        return [base]

    @pytest.fixture
    def second(first):
        yield first
        first.clear()

    @pytest.fixture
    def third(second):
        return second[0]

    @pytest.mark.parametrize("a", [1, 2])
    def test_plan(first, second, third, a):
        assert third["n"] == 1 and a in (1, 2)

    @pytest.mark.parametrize("a", [1, 2])
    def test_copies(request, first, second, third, a):
        assert third["n"] == 1 and a in (1, 2)
"""
HTTP = """
    import pytest

    @pytest.mark.zdt
    @pytest.mark.parametrize("number", range(10))
    def test_get(zdt_session, number):
        response = zdt_session.get(f"/v1/images/{number}/")
        assert response.status_code == 200
        assert len(response.json()["results"]) == 10
"""
TARGET = """
[targets.mine]
base-url = "{url}"
secret-env = "ZDT_BENCH_SECRET"
head = "0s"
tail = "0s"
probe-every = "0s"
"""


def main() -> None:
    """Runs the parts that are named, or all of them."""
    parts = {"alone": alone, "wire": wire, "users": users, "schedule": schedule, "controller": controller}
    for name in sys.argv[1:] or parts:
        parts[name]()


# --- an iteration without HTTP


def alone() -> None:
    """CPU of an iteration with three function-scoped fixtures, and what memory grows by."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_alone.py").write_text(textwrap.dedent(ALONE))
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--rootdir", folder, folder]
        pytest.main(options, plugins=[_Alone()])


class _Alone:
    """In the place of pytest's own loop: the VUs of one worker drive the tests of each kind."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        tests = [item for item in session.items if isinstance(item, pytest.Function)]
        shared = SharedFixtures(session, tests)
        shared.set_up()
        with pinned(allowed_cpus()[0] if allowed_cpus() else None):
            for kind in ("plan", "copies"):
                chosen = [test for test in tests if kind in test.name]
                for vus in (1, 25):
                    costs = [_driven(shared, chosen, vus)[0] for _ in range(ROUNDS)]
                    print(f"alone: {kind}, {vus} VUs: {statistics.median(costs):.1f} us CPU per iteration")
                print(f"alone: {kind}, from 10,000 to 200,000 iterations: {_driven(shared, chosen, 25, 200_000)[1]:+.2f} MB")
        shared.tear_down()
        return True


def _driven(shared: SharedFixtures, tests: list[pytest.Function], vus: int, iterations: int = 0) -> tuple[float, float]:
    """Microseconds of CPU per iteration, and megabytes gained after the first 10,000; a second long, or that many iterations."""
    settings = RunSettings(Target("bench", "http://127.0.0.1"), duration=1.0, vus=vus, probe_every=0.0)
    stopped = threading.Event()
    crew = Crew(Run("bench", settings), Place(0, 0, 1), shared, tests, stopped.is_set, lambda *told: print(told))
    load = Load(crew.loops(), time.monotonic())

    def done() -> int:
        return sum(loop.iterations for loop in load.loops)

    before, resident = time.process_time(), 0.0
    load.start()
    began = time.monotonic()
    while done() < iterations if iterations else time.monotonic() - began < 1.0:
        time.sleep(0.05)
        resident = resident or (done() > 10_000 and resident("self")) or 0.0
    gained = resident("self") - resident
    load.stop()
    load.join(5.0)
    return (time.process_time() - before) / done() * 1e6, gained


# --- runs of the plugin against nginx


@contextmanager
def run(url: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A run of the plugin that ends by itself, and where its evidence goes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.joinpath("test_http.py").write_text(textwrap.dedent(HTTP))
        folder.joinpath("zdt.toml").write_text(TARGET.format(url=url))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--zdt-target=mine"]
        environment = os.environ | {"ZDT_BENCH_SECRET": "secret"}
        with subprocess.Popen(
            [*command, f"--rootdir={name}", *options], cwd=name, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            yield process, folder / "zdt-report"
            process.wait()
            if process.returncode != 10:  # one version: inconclusive
                print(process.stdout.read() if process.stdout else "")


def wire() -> None:
    """CPU of the process tree for a signed GET with two asserts, one pinned worker, closed loop.

    Other tools keep their connections, as the lane ``reused`` does; with both lanes every other request opens one.
    """
    with nginx() as url:
        for lanes in ("reused", "both"):
            for vus in (10, 50):
                costs, rates, cpus = zip(*(_cost(url, vus, lanes) for _ in range(ROUNDS)), strict=True)
                print(
                    f"wire: {vus} VUs, lanes {lanes}, pinned to {cpus}: {statistics.median(costs):.0f} us CPU "
                    f"per request ({min(costs):.0f} to {max(costs):.0f}), {statistics.median(rates):.0f} requests/s"
                )


def _cost(url: str, vus: int, lanes: str) -> tuple[float, float, object]:
    """Microseconds per request, and requests a second, over four seconds in the middle of a run; and the worker's CPU."""
    options = ("-n1", f"--zdt-vus={vus}", f"--zdt-lanes={lanes}", "--zdt-duration=8s")
    with run(url, *options) as (process, report):
        await_content(report / "samples.ndjson")
        time.sleep(2.0)
        began, before = time.monotonic(), cpu_of_tree(process.pid)
        time.sleep(4.0)
        ended, after = time.monotonic(), cpu_of_tree(process.pid)
        process.wait()
        zero = read_run(report)["clock"]["monotonic"]
        number = sum(began <= sample.sent + zero < ended for sample in read_samples(report))
        (pinned_to,) = _end(report)["pinned"].values()
    return (after - before) / number * 1e6, number / (ended - began), pinned_to


def users() -> None:
    """Memory of the process tree, and time from the command to the first request, of 100 VUs that pace a second."""
    sizes, times = [], []
    with nginx() as url:
        for _ in range(ROUNDS):
            began = time.monotonic()
            with run(url, "-n2", "--zdt-vus=100", "--zdt-pace=1s", "--zdt-duration=6s") as (process, report):
                await_content(report / "samples.ndjson")
                time.sleep(4.0)
                sizes.append(sum(resident(str(pid)) for pid in tree(process.pid)))
                process.wait()
                zero = read_run(report)["clock"]["monotonic"]
                times.append(zero + min(sample.sent for sample in read_samples(report)) - began)
    print(
        f"users: 100 VUs, pace 1 s, -n 2: {statistics.median(sizes):.0f} MB (PSS of the tree), "
        f"first request after {statistics.median(times):.2f} s"
    )


def schedule() -> None:
    """Planned against driven: VU-time in a closed loop, iterations and their start times at an arrival rate."""
    with nginx() as url:
        for _ in range(ROUNDS):
            with run(url, "-n2", "--zdt-vus=20", "--zdt-pace=100ms", "--zdt-duration=10s") as (process, report):
                process.wait()
                end = _end(report)
                print(f"schedule: {end['driven_s'] / end['planned_vu_s']:.2%} of the planned VU-time driven")
            with run(url, "-n2", "--zdt-vus=50", "--zdt-rate=200/s", "--zdt-duration=15s") as (process, report):
                process.wait()
                end = _end(report)
                sent = sorted(sample.sent for sample in read_samples(report))
                # every iteration sends one request; none was left out if each is near its own place in the schedule
                late = sorted((at - number / 200) * 1000 for number, at in enumerate(sent))
                print(
                    f"schedule: 200/s: {end['planned_iterations']} planned, {end['iterations']} carried out, "
                    f"{end['unsent_iterations']} unsent; sent {late[len(late) // 2]:.2f} ms (p50), "
                    f"{late[int(len(late) * 0.99)]:.2f} ms (p99) after its time"
                )


def _end(report: Path) -> dict[str, Any]:
    marks = map(json.loads, (report / "marks.ndjson").read_text().splitlines())
    return next(mark["data"] for mark in marks if mark["name"] == "run-ended")  # type: ignore[no-any-return]


# --- the controller


def controller() -> None:
    """CPU of the controller at 2,000 samples a second, and its memory over a million samples."""
    with nginx() as url:
        shares = []
        for _ in range(ROUNDS):
            with run(url, "-n2", "--zdt-vus=50", "--zdt-rate=2000/s", "--zdt-duration=10s") as (process, report):
                await_content(report / "samples.ndjson")
                time.sleep(2.0)
                before = cpu(process.pid)
                time.sleep(5.0)
                shares.append((cpu(process.pid) - before) / 5.0)
                process.wait()
        print(f"controller: {statistics.median(shares):.1%} of a core at 2,000 samples/s")
    with tempfile.TemporaryDirectory() as name:
        _print_memory(Path(name))


def _print_memory(folder: Path) -> None:
    run = Run("bench", RunSettings(Target("bench", "http://127.0.0.1"), duration=1.0, report=folder))
    judged = Controller(run, print)
    judged.join("gw0", lambda message: None)
    judged._record.begin(judged._team)
    sizes = []
    for second in range(2000):
        samples = [
            Sample(second + number / 500, f"GET /v1/{number % 10}/", f"zdt-{second}-{number}", 0.01, 0.01, 200, "", "v1")
            for number in range(500)
        ]
        judged.receive("gw0", message(samples, "gw0", 0.0))
        if second % 500 == 99:
            sizes.append(resident("self"))
    told = " ".join(f"{size:.1f}" for size in sizes)
    print(f"controller: resident after 50,000 samples and then after each 250,000: {told} MB")


if __name__ == "__main__":
    main()
