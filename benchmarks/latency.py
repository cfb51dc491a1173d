"""Whether the latency in the evidence is the server's own: run by hand, ``python benchmarks/latency.py [OPTION ...]``.

Needs Linux, two CPUs, and cc (without one: status 2). Runs the plugin for twelve seconds at a time, with 25 VUs at a paced 1,000
requests/s and one worker, and with those options (``--zdt-pin=off``) if any, against ``timed_server.c``: a server that keeps its
own time for each request, from the kernel's stamp on the request's arrival to the moment before the answer's write. It answers
at once, or 20 ms after the arrival, by a timer; and it has the CPU that the worker has not pinned itself to.

Every sample after the first seconds is matched with the server's time by its ``x-request-id``; the difference of the two is the
sample's error. It holds two ways over the loopback and the waking of the load's CPU, which no client can leave out; below zero,
the sample says less than the server needed. Latency does not include connecting, so the lane ``new`` is held to the same.

Prints a row for the table of README.md for each delay and lane, every figure the median of its rounds, the greatest and the least
error those of all rounds; and whether the limit holds: p99 as reported within 0.5 ms of the server's own.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import engine
from proctable import await_content, tree
from wire import BODY, verdict

from pytest_zdt.evidence.bundle import read_run, read_samples
from pytest_zdt.evidence.samples import Sample

ROUNDS, SECONDS, WARM_UP = 3, 12, 1.0
DELAYS = {"at once": 0, "after 20 ms": 20_000}
LANES = ("reused", "new")
LIMIT = 0.5
"""Milliseconds by which the reported p99 may differ from the server's."""
LOAD = ("-n1", "--zdt-vus=25", "--zdt-rate=1000/s", f"--zdt-duration={SECONDS}s")
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Zdt-Version: v1\r\nContent-Length: {size}\r\n\r\n"
COLUMNS = (
    "answer",
    "lane",
    "server p50 / p99 / max",
    "reported p50 / p99 / max",
    "difference p50 / p99 / max",
    "error of a sample p50 / p99 / max",
    "least / greatest error",
)


@dataclass(frozen=True)
class Round:
    """What one run gave; milliseconds, sorted."""

    server: Sequence[float]
    reported: Sequence[float]
    errors: Sequence[float]
    rate: float
    pinned: bool
    unmatched: int
    failed: int

    def difference(self, share: float) -> float:
        """Milliseconds by which that quantile of the reported ones is above the server's."""
        return at(self.reported, share) - at(self.server, share)


def at(figures: Sequence[float], share: float) -> float:
    """The quantile of sorted figures."""
    return figures[min(int(len(figures) * share), len(figures) - 1)]


def compiled(folder: Path) -> Path:
    """The server's program. Exits with status 2 where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("cc is missing: install a C compiler; the server that keeps its own times is written in C", file=sys.stderr)
        sys.exit(2)
    program, body = folder / "timed_server", json.dumps(BODY)
    subprocess.run([compiler, "-O2", "-o", program, Path(__file__).with_name("timed_server.c")], check=True)
    folder.joinpath("answer").write_text(HEAD.format(size=len(body)) + body, newline="")
    return program


class Server:
    """The server, running; it ends by itself when this program does."""

    def __init__(self, program: Path, delay: int) -> None:
        command = [str(program), str(delay), str(program.with_name("answer"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def pin(self, cpus: set[int]) -> None:
        """Keeps it there."""
        os.sched_setaffinity(self._process.pid, cpus)

    def times(self) -> dict[str, float]:
        """Ends it. Request id -> milliseconds from the request's arrival to its answer."""
        told, _ = self._process.communicate()
        return {name: int(took) / 1e6 for name, _, took in (line.partition(" ") for line in told.splitlines())}


def cpus_of_load(pid: int) -> set[int]:
    """The CPU that a worker has pinned itself to, as a set; empty when none has."""
    for process in tree(pid):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                cpus = os.sched_getaffinity(int(thread.name))
                if len(cpus) == 1:
                    return cpus
    return set()


def measured(program: Path, delay: int, lane: str) -> Round:
    """One run of the plugin, beside what the server says."""
    server = Server(program, delay)
    with engine.run(server.url, *LOAD, *sys.argv[1:], f"--zdt-lanes={lane}") as (process, report):
        await_content(report / "samples.ndjson")
        pinned = cpus_of_load(process.pid)
        server.pin(os.sched_getaffinity(0) - pinned)
        began = time.monotonic() + WARM_UP
        process.wait()
        began -= read_run(report)["clock"]["monotonic"]
        samples = [sample for sample in read_samples(report) if sample.sent >= began]
    return compared(samples, server.times(), bool(pinned))


def compared(samples: Sequence[Sample], times: Mapping[str, float], pinned: bool) -> Round:
    """The samples beside the server's times of the same requests."""
    pairs = [(times[sample.request_id], sample.latency * 1000) for sample in samples if sample.request_id in times]
    sent = [sample.sent for sample in samples]
    return Round(
        server=sorted(own for own, _ in pairs),
        reported=sorted(said for _, said in pairs),
        errors=sorted(said - own for own, said in pairs),
        rate=len(sent) / (max(sent) - min(sent)),
        pinned=pinned,
        unmatched=len(samples) - len(pairs),
        failed=sum(bool(sample.kind) for sample in samples),
    )


def row(answer: str, lane: str, rounds: Sequence[Round]) -> str:
    """The line of the table."""

    def medians(of: Callable[[Round, float], float], *shares: float) -> str:
        return spelt(*(statistics.median(of(one, share) for one in rounds) for share in shares))

    cells = (
        answer,
        lane,
        medians(lambda one, share: at(one.server, share), 0.5, 0.99, 1.0),
        medians(lambda one, share: at(one.reported, share), 0.5, 0.99, 1.0),
        medians(Round.difference, 0.5, 0.99, 1.0),
        medians(lambda one, share: at(one.errors, share), 0.5, 0.99, 1.0),
        spelt(min(one.errors[0] for one in rounds), max(one.errors[-1] for one in rounds)),
    )
    return f"| {' | '.join(cells)} |"


def spelt(*figures: float) -> str:
    """Milliseconds, as they stand in the table."""
    return " / ".join(f"{figure:.3f}" for figure in figures)


def remarks(answer: str, lane: str, rounds: Sequence[Round]) -> Iterator[str]:
    """Whether the limit holds, and what to know of the rounds."""
    differences = [one.difference(0.99) for one in rounds]
    middle = statistics.median(differences)
    figure = f"{middle:+.3f} ms ({min(differences):+.3f} to {max(differences):+.3f})"
    yield verdict(f"reported p99, {answer}, {lane}", figure, abs(middle) <= LIMIT, f"within {LIMIT} ms of the server's")
    many, below = sum(len(one.errors) for one in rounds), sum(error < 0 for one in rounds for error in one.errors)
    yield f"    {many} samples at {statistics.median(one.rate for one in rounds):.0f}/s, {below} of them below the server's time"
    unmatched, failed = sum(one.unmatched for one in rounds), sum(one.failed for one in rounds)
    pinned = sum(one.pinned for one in rounds)
    yield f"    {unmatched} without the server's time, {failed} failed; the worker was pinned in {pinned} of {len(rounds)} rounds"


def main() -> None:
    """Measures and prints."""
    rounds: dict[tuple[str, str], list[Round]] = {}
    with tempfile.TemporaryDirectory() as name:
        program = compiled(Path(name))
        for _, (answer, delay), lane in itertools.product(range(ROUNDS), DELAYS.items(), LANES):
            rounds.setdefault((answer, lane), []).append(measured(program, delay, lane))
    print(f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|", sep="\n")
    for key, found in rounds.items():
        print(row(*key, found))
    for key, found in rounds.items():
        print(*remarks(*key, found), sep="\n")


if __name__ == "__main__":
    main()
