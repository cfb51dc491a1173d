"""The load engine beside other load generators: run by hand, ``python benchmarks/others.py [VUS ...]``, 10 and 50 by default.

One signed GET and two looks at its answer (status, and the number of results in the JSON) per iteration, closed loop, kept
connections, nginx on the same machine. The generators take turns, so that a noisy machine is as noisy to each; CPU is that of
the process tree over four seconds, requests are nginx's own count. Names of programs come from the environment, and what is
not there is left out: ``K6``, ``LOCUST`` (default: ``k6`` and ``locust`` on the PATH).

Measured on a shared machine of 2 cores (AMD EPYC, 1 MiB of second-level cache each), Python 3.11, k6 2.2.1 (the commit of its
main branch on 2026-08-21, built with Go 1.27), Locust 2.47, medians of five rounds, in microseconds and requests a second:

====================  ====================  ====================
generator             10 VUs                50 VUs
====================  ====================  ====================
pytest-zdt            106 us, 9,394/s       166 us, 6,063/s
k6, status and JSON   91 us, 15,479/s       118 us, 14,186/s
k6, status only       65 us, 18,949/s       76 us, 20,198/s
Locust, FastHttpUser  112 us, 8,863/s       124 us, 8,050/s
====================  ====================  ====================

k6 uses both cores, the others one. In quieter minutes of the same hour 50 VUs of ours cost 119 to 134 us (``engine.py wire``).
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import engine
from proctable import cpu_of_tree
from wire import nginx

ROUNDS, WARM_UP, SECONDS = 5, 3.0, 4.0
K6 = """
import http from 'k6/http';
import crypto from 'k6/crypto';
import {{ check }} from 'k6';
export const options = {{ vus: {vus}, duration: '60s' }};
export default function () {{
  const path = '/v1/images/' + __ITER % 10 + '/', seconds = '' + Math.floor(Date.now() / 1000);
  const mac = crypto.hmac('sha256', 'secret', path + seconds, 'base64rawurl');
  const headers = {{ 'x-ov-cf-mac': mac, 'x-ov-cf-timestamp': seconds }};
  const answer = http.get('{url}' + path, {{ headers, tags: {{ name: 'single' }} }});
  check(answer, {{ status: (r) => r.status === 200{more} }});
}}
"""
K6_JSON = ", results: (r) => r.json().results.length === 10"
LOCUST = """
import base64, hashlib, hmac, time
from locust import FastHttpUser, task

class User(FastHttpUser):
    number = 0

    @task
    def get(self):
        self.number += 1
        path, seconds = f"/v1/images/{{self.number % 10}}/", str(int(time.time()))
        mac = base64.urlsafe_b64encode(hmac.digest(b"secret", (path + seconds).encode(), hashlib.sha256)).rstrip(b"=").decode()
        headers = {{"x-ov-cf-mac": mac, "x-ov-cf-timestamp": seconds}}
        with self.client.get(path, headers=headers, name="single", catch_response=True) as answer:
            if answer.status_code != 200 or len(answer.json()["results"]) != 10:
                answer.failure("wrong")
"""
Start = Callable[[str, int, Path], list[str]]


def ours(url: str, vus: int, folder: Path) -> list[str]:
    """This project, with one worker."""
    folder.joinpath("test_http.py").write_text(textwrap.dedent(engine.HTTP))
    folder.joinpath("zdt.toml").write_text(engine.TARGET.format(url=url))
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--zdt-target=mine", f"--rootdir={folder}", "-n1"]
    return [sys.executable, "-m", "pytest", *options, f"--zdt-vus={vus}", "--zdt-lanes=reused", "--zdt-duration=60s"]


def k6(more: str) -> Start:
    """k6, whose checks are these beside that of the status."""

    def start(url: str, vus: int, folder: Path) -> list[str]:
        folder.joinpath("k6.js").write_text(K6.format(url=url, vus=vus, more=more))
        return [os.environ.get("K6", "k6"), "run", "--quiet", "--no-usage-report", "k6.js"]

    return start


def locust(url: str, vus: int, folder: Path) -> list[str]:
    """Locust's FastHttpUser, in one process."""
    folder.joinpath("locustfile.py").write_text(LOCUST.format())
    options = ["--headless", "--only-summary", "-u", str(vus), "-r", str(vus), "-t", "60s", "--host", url]
    return [os.environ.get("LOCUST", "locust"), *options]


GENERATORS: dict[str, Start] = {
    "pytest-zdt": ours,
    "k6, status and JSON": k6(K6_JSON),
    "k6, status only": k6(""),
    "Locust, FastHttpUser": locust,
}


def requests_of(url: str) -> int:
    """How many requests nginx has had."""
    with urllib.request.urlopen(f"{url}/requests") as answer:
        return int(answer.read().split()[9])


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[int]:
    """The pid of that program, which ends with the block."""
    environment = os.environ | {"ZDT_BENCH_SECRET": "secret"}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process:
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait()


def cost(start: Start, url: str, vus: int) -> tuple[float, float]:
    """Microseconds of CPU per request, and requests a second."""
    with tempfile.TemporaryDirectory() as name, running(start(url, vus, Path(name)), Path(name)) as pid:
        had = requests_of(url)
        while requests_of(url) < had + 1000:
            time.sleep(0.1)
        time.sleep(WARM_UP)
        began, before, many = time.monotonic(), cpu_of_tree(pid), requests_of(url)
        time.sleep(SECONDS)
        more = requests_of(url) - many
        return (cpu_of_tree(pid) - before) / more * 1e6, more / (time.monotonic() - began)


def there(url: str) -> dict[str, Start]:
    """The generators whose programs are on this machine."""
    with tempfile.TemporaryDirectory() as name:
        return {what: start for what, start in GENERATORS.items() if shutil.which(start(url, 1, Path(name))[0])}


def main() -> None:
    """Measures and prints."""
    with nginx() as url:
        found = there(url)
        for vus in map(int, sys.argv[1:] or ("10", "50")):
            figures: dict[str, list[tuple[float, float]]] = {}
            for _ in range(ROUNDS):
                for name, start in found.items():
                    figures.setdefault(name, []).append(cost(start, url, vus))
            base = statistics.median(us for us, _ in figures["pytest-zdt"])
            for name, found_here in figures.items():
                costs, rates = zip(*found_here, strict=True)
                median = statistics.median(costs)
                spread = f"({min(costs):.0f} to {max(costs):.0f})"
                print(
                    f"{vus} VUs {name:22} {median:5.0f} us {spread:14} {median / base:4.2f} x {statistics.median(rates):6.0f}/s"
                )


if __name__ == "__main__":
    main()
