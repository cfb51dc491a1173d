"""How long judging takes, and how much memory: run by hand, ``python benchmarks/judge.py [SAMPLES]``.

Writes the evidence of runs of that many requests (a million unless told otherwise) into a temporary folder, as a run would: four
workers, twelve endpoints, two lanes, 100 virtual users, one change of version, one request in a thousand failed; one where every
request failed; one where a third did; and one with 1,000 endpoints. Judges each in a process of its own, writes its reports and
prints seconds, the peak of its memory, and the size of the page. 450,000 samples are 500 requests a second.

Measured on a shared machine of 2 cores and 24 GiB, Python 3.11, a million samples each:

================  =============  ==========  ============
evidence          read + judged  peak        on the disk
================  =============  ==========  ============
usual             1.8 + 4.3 s    161 MiB     84 MB
all failed        2.0 + 4.8 s    284 MiB     87 MB
1,000 endpoints   3.4 + 5.1 s    189 MiB     104 MB
================  =============  ==========  ============
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from array import array
from itertools import pairwise
from pathlib import Path

from pytest_zdt.evidence.bundle import BundleWriter
from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import Sample, pack

WORKERS, VUS, SECONDS = 4, 100, 900.0
ENDPOINTS = [f"GET /v1/{media}/{path}" for media in ("images", "audio") for path in ("", "{id}/", "{id}/related/", "{id}/thumb/")]
ENDPOINTS += [
    "GET /v1/audio/{id}/waveform/",
    "GET /v1/rate_limit/",
    "POST /v1/auth_tokens/register/",
    "POST /v1/auth_tokens/token/",
]
RUN = {
    "schema": "zdt-run/1", "id": "bench", "target": "bench", "base_url": "http://127.0.0.1:1", "mode": "load", "vus": VUS,
    "workers": WORKERS, "executor": "constant-vus", "started_at": "2026-01-01T00:00:00+00:00", "planned_s": SECONDS,
    "version_source": "header:x-zdt-version",
}  # fmt: skip


MANY = [f"GET /v1/route-{number}/" for number in range(1000)]


def sample(number: int, sent: float, chance: random.Random, failing: float, endpoints: list[str]) -> Sample:
    """A request of that time, answered by the version of its time or, in the rollout, by either."""
    new = sent > 600 or (sent > 300 and chance.random() < (sent - 300) / 300)
    version, failed = ("v2" if new else "v1"), chance.random() < failing
    latency = chance.lognormvariate(-5, 0.6)
    flow = "token" if chance.random() < 0.2 else ""
    return Sample(
        sent=sent, endpoint=chance.choice(endpoints), request_id=f"zdt-bench-{number % VUS}-{number // VUS}", took=latency * 1.1,
        latency=latency, status=503 if failed else 200, kind="status-5xx" if failed else "", version=version,
        vu=number % VUS, lane=("new", "reused")[number % 2], bytes=chance.randrange(200, 9000), reused=bool(number % 2),
        flow=flow, made_by=("v1", "v2")[new and chance.random() < 0.9] if flow else "", message="503 broken" if failed else "",
    )  # fmt: skip


def write(directory: Path, many: int, failing: float, endpoints: list[str]) -> None:
    """The evidence of a run with so many samples, such a share of them failed."""
    chance, writer, step = random.Random(1), BundleWriter(directory, RUN), SECONDS / many
    half = max(1, int(many / SECONDS / 2))
    for first in range(0, many, half):
        batch = [sample(number, number * step, chance, failing, endpoints) for number in range(first, min(many, first + half))]
        for worker in range(WORKERS):
            writer.add_batch(pack(batch[worker::WORKERS], f"gw{worker}", 0.0))
    for second in range(int(SECONDS)):
        for worker in range(WORKERS):
            writer.add_batch(Health(f"gw{worker}", second + 1.0, array("d", [0.5] * 20), 0.3).as_line())
    writer.add_mark(Mark(299.0, "deploy-started"))
    writer.add_mark(Mark(601.0, "deploy-ended", {"exit_status": 0}))
    ended = {
        "driven_s": VUS * SECONDS,
        "planned_vu_s": VUS * SECONDS,
        "samples": many,
        "health": writer.health,
        "workers": WORKERS,
    }
    writer.add_mark(Mark(SECONDS, "run-ended", dict(ended)))
    writer.close()


def judge(directory: Path) -> None:
    """Judges, in a process of its own, and prints the figures."""
    from pytest_zdt.evidence.bundle import PAGE, read_bundle
    from pytest_zdt.report.files import publish
    from pytest_zdt.verdict.facts import gather
    from pytest_zdt.verdict.judge import decide

    times = [time.perf_counter()]
    evidence = read_bundle(directory)
    times.append(time.perf_counter())
    facts = gather(evidence)
    verdict = decide(facts)
    times.append(time.perf_counter())
    judged = peak()
    publish(directory, facts, verdict)
    times.append(time.perf_counter())
    read, decided, told = (after - before for before, after in pairwise(times))
    size = (directory / PAGE).stat().st_size / 1000
    figures = f"read {read:.1f} s, judged {decided:.1f} s, peak {judged:.0f} MiB; reports {told:.1f} s, peak {peak():.0f} MiB"
    print(f"{verdict.generator.samples} samples: {figures}, page {size:.0f} kB; {verdict.verdict}")


def peak() -> float:
    """MiB that this process has needed at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Writes, and judges in another process."""
    if sys.argv[1:2] == ["--judge"]:
        judge(Path(sys.argv[2]))
        return
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for name, failing, endpoints in (
        ("usual", 0.001, ENDPOINTS),
        ("all failed", 1.0, ENDPOINTS),
        ("a third failed", 1 / 3, ENDPOINTS),
        ("1,000 endpoints", 0.001, MANY),
    ):
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), many, failing, endpoints)
            print(f"{name}: {sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6:.0f} MB of evidence", flush=True)
            subprocess.run([sys.executable, __file__, "--judge", folder], check=True)


if __name__ == "__main__":
    main()
