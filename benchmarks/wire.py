"""What a signed GET costs the load generator: run by hand, ``python benchmarks/wire.py [apart]``. Needs nginx and Linux.

Starts an nginx (without one: status 2) on a free port of 127.0.0.1 that answers with 2,000 bytes of JSON, and asks it over kept
connections for about a second at a time: in one thread, and in 25 that also read ``response.json()``, as virtual users do. All
is on one CPU, nginx too, so that the figures repeat; ``apart`` gives nginx the other CPU, and the client what it then costs to
fall asleep and wake up. Every client signs alike. ``pycurl`` is the least that any transport on libcurl can cost: one handle,
headers signed by hand, the body as bytes.

Prints a table for README.md: the CPU of this process per GET, the median of rounds that take turns, its ratio to the first, the
smallest and the greatest; and whether the limits hold.
"""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import pycurl
import requests

from pytest_zdt.evidence.samples import Sample
from pytest_zdt.http.session import REQUEST_ID, SignedSession
from pytest_zdt.http.signing import TimedHMAC
from pytest_zdt.http.transport import TRANSPORTS
from pytest_zdt.target import Secret, Target

ROUNDS, SECONDS, THREADS = 5, 1.0, 25
MOST = {"one thread": 90, f"{THREADS} pinned threads": 130}
"""Microseconds that a GET on the load transport may cost."""
TIMES_CHEAPER = 5
"""So many times cheaper it must be than requests is in the same run."""
PATH = "/v1/images/"
BODY = {"result_count": 10, "results": [{"id": f"{number:032x}", "title": "x" * 80, "url": "y" * 50} for number in range(10)]}
CONFIGURATION = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; default_type application/json;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port};
    location = /requests {{ stub_status; }}
    location / {{ add_header X-Zdt-Version v1; return 200 '{body}'; }}
  }}
}}
"""


@contextmanager
def nginx() -> Iterator[str]:
    """The URL of an nginx of our own, which ends with the block."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        print("nginx is missing: install it, or put it on the PATH", file=sys.stderr)
        sys.exit(2)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        Path(folder, "conf").write_text(CONFIGURATION.format(folder=folder, port=port, body=json.dumps(BODY)))
        server = subprocess.Popen([program, "-c", f"{folder}/conf", "-e", f"{folder}/error.log"])
        try:
            await_port(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


def await_port(port: int) -> None:
    """Returns when something listens there; raises `OSError` after five seconds."""
    deadline = time.monotonic() + 5
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Answer(Protocol):
    """What a client gives for a GET."""

    def json(self) -> dict[str, list[object]]:
        """The body, decoded."""


Get = Callable[[], Answer]


def target(url: str) -> Target:
    """What every client signs for."""
    return Target("bench", url, signing="timed-hmac", secret=Secret("secret"))


def signed(transport: str) -> Callable[[str], Get]:
    """What makes the GET of a signed session over that transport, with ids as a virtual user's."""

    def make(url: str) -> Get:
        numbers = itertools.count()
        session = SignedSession(
            target(url), keep, adapter=TRANSPORTS[transport](), request_ids=lambda: f"zdt-bench-{next(numbers)}"
        )
        return partial(session.get, PATH)

    return make


def keep(sample: Sample) -> None:
    """Takes a sample, and forgets it."""


def stock(url: str) -> Get:
    """The GET of a session of requests as it comes, signed by its ``auth``."""
    session = requests.Session()
    session.auth = TimedHMAC(target(url))
    return partial(session.get, url + PATH)


class Body(bytes):
    """A body."""

    def json(self) -> dict[str, list[object]]:
        """The body, decoded."""
        return json.loads(self)  # type: ignore[no-any-return]


def raw(url: str) -> Get:
    """The GET of one handle of pycurl."""
    curl, numbers, parts = pycurl.Curl(), itertools.count(), list[bytes]()
    curl.setopt(pycurl.URL, url + PATH)
    curl.setopt(pycurl.WRITEFUNCTION, parts.append)
    mac_header, timestamp_header = target(url).mac_header, target(url).timestamp_header

    def get() -> Body:
        parts.clear()
        seconds = str(int(time.time()))
        mac = base64.urlsafe_b64encode(hmac.digest(b"secret", f"{PATH}{seconds}".encode(), "sha256")).rstrip(b"=").decode()
        headers = [f"{mac_header}: {mac}", f"{timestamp_header}: {seconds}", f"{REQUEST_ID}: zdt-bench-{next(numbers)}"]
        curl.setopt(pycurl.HTTPHEADER, headers)
        curl.perform()
        if curl.getinfo(pycurl.RESPONSE_CODE) != 200:
            raise ValueError("not the answer of our nginx")
        return Body(b"".join(parts))

    return get


LOAD, STOCK = "SignedSession, curl", "requests.Session"
CLIENTS: dict[str, Callable[[str], Get]] = {
    LOAD: signed("curl"),
    "SignedSession, urllib3": signed("urllib3"),
    "pycurl": raw,
    STOCK: stock,
}


def ask(get: Get, deadline: float, read: bool) -> int:
    """The number of GETs until then."""
    many = 0
    while time.monotonic() < deadline:
        response = get()
        if read and len(response.json()["results"]) != 10:
            raise ValueError("not the answer of our nginx")
        many += 1
    return many


def one_thread(gets: list[Get]) -> int:
    """The number of GETs of a round in one thread."""
    return ask(gets[0], time.monotonic() + SECONDS, read=False)


def many_threads(gets: list[Get]) -> int:
    """The number of GETs of a round in a thread for each."""
    deadline = time.monotonic() + SECONDS
    with ThreadPoolExecutor(len(gets)) as threads:
        return sum(threads.map(lambda get: ask(get, deadline, read=True), gets))


def cost(run: Callable[[list[Get]], int], gets: list[Get]) -> float:
    """Microseconds of this process's CPU per GET."""
    before = time.process_time()
    many = run(gets)
    return (time.process_time() - before) / many * 1e6


WAYS = dict(zip(MOST, (one_thread, many_threads), strict=True))
Costs = dict[tuple[str, str], list[float]]


def measured(apart: bool) -> Costs:
    """Client and way -> the microseconds of each round."""
    cpus, costs = sorted(os.sched_getaffinity(0)), Costs()
    os.sched_setaffinity(0, {cpus[0 if apart else -1]})  # nginx inherits it
    with nginx() as url:
        os.sched_setaffinity(0, {cpus[-1]})  # and so do threads
        clients = {name: [make(url) for _ in range(THREADS)] for name, make in CLIENTS.items()}
        for _, (way, run), (name, gets) in itertools.product(range(ROUNDS), WAYS.items(), clients.items()):
            costs.setdefault((name, way), []).append(cost(run, gets))
    return costs


def row(client: str, costs: Costs) -> str:
    """The line of the table."""
    cells = [client]
    for way in WAYS:
        figures, first = costs[client, way], statistics.median(costs[LOAD, way])
        median = statistics.median(figures)
        cells.append(f"{median:.0f} us, {median / first:.2f} x ({min(figures):.0f} to {max(figures):.0f})")
    return f"| {' | '.join(cells)} |"


def verdict(what: str, figure: str, holds: bool, limit: str) -> str:
    """A line that says whether a limit holds."""
    return f"{'holds' if holds else 'FAILS'}: {what}: {figure}; limit: {limit}"


def verdicts(costs: Costs) -> Iterator[str]:
    """Whether the limits hold."""
    for way, most in MOST.items():
        load, other = (statistics.median(costs[client, way]) for client in (LOAD, STOCK))
        yield verdict(f"load transport, {way}", f"{load:.0f} us", load <= most, f"at most {most} us")
        cheaper = f"{other / load:.1f} times cheaper"
        yield verdict(f"than requests, {way}", cheaper, other / load >= TIMES_CHEAPER, f"at least {TIMES_CHEAPER} times")


def main() -> None:
    """Measures and prints."""
    costs = measured(apart="apart" in sys.argv[1:])
    print(f"| client | {' | '.join(WAYS)} |", "|---" * (len(WAYS) + 1) + "|", sep="\n")
    for client in CLIENTS:
        print(row(client, costs))
    print(*verdicts(costs), sep="\n")


if __name__ == "__main__":
    main()
