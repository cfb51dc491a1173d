"""What a signed GET costs the load generator: run by hand, ``python benchmarks/wire.py``. Needs nginx (else status 2) and Linux.

Starts an nginx on a free port of 127.0.0.1 that answers with 2,000 bytes of JSON, and asks it over kept connections for about a
second at a time: in one thread, and in ten that also read ``response.json()``, as virtual users do. All is on one CPU, nginx
too, so that the figures repeat; a server elsewhere adds some 40 us in one thread, for falling asleep and waking up. Prints the
CPU of this process per GET: the median of three rounds that take turns, its ratio to the first, the smallest and the greatest.

Measured on a shared machine of 2 cores, Python 3.11, libcurl 8.23, in microseconds:

======================  ==========  ===========
client                  one thread  ten threads
======================  ==========  ===========
SignedSession, curl             50           66
SignedSession, urllib3         218          245
requests.Session               405          459
======================  ==========  ===========
"""

from __future__ import annotations

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

import requests

from pytest_zdt.evidence.samples import Sample
from pytest_zdt.http.session import SignedSession
from pytest_zdt.http.transport import TRANSPORTS
from pytest_zdt.target import Secret, Target

Get = Callable[[], requests.Response]
ROUNDS, SECONDS, THREADS = 3, 1.0, 10
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


def signed(transport: str) -> Callable[[str], Get]:
    """What makes the GET of a signed session over that transport, with ids as a virtual user's."""

    def make(url: str) -> Get:
        target, numbers = Target("bench", url, signing="timed-hmac", secret=Secret("secret")), itertools.count()
        session = SignedSession(target, keep, adapter=TRANSPORTS[transport](), request_ids=lambda: f"zdt-bench-{next(numbers)}")
        return partial(session.get, PATH)

    return make


def keep(sample: Sample) -> None:
    """Takes a sample, and forgets it."""


CLIENTS: dict[str, Callable[[str], Get]] = {
    "SignedSession, curl": signed("curl"),
    "SignedSession, urllib3": signed("urllib3"),
    "requests.Session": lambda url: partial(requests.Session().get, url + PATH),
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


def ten_threads(gets: list[Get]) -> int:
    """The number of GETs of a round in a thread for each."""
    deadline = time.monotonic() + SECONDS
    with ThreadPoolExecutor(len(gets)) as threads:
        return sum(threads.map(lambda get: ask(get, deadline, read=True), gets))


def cost(run: Callable[[list[Get]], int], gets: list[Get]) -> float:
    """Microseconds of this process's CPU per GET."""
    before = time.process_time()
    many = run(gets)
    return (time.process_time() - before) / many * 1e6


def main() -> None:
    """Measures and prints."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # threads and nginx inherit it
    costs: dict[tuple[str, str], list[float]] = {}
    with nginx() as url:
        clients = {name: [make(url) for _ in range(THREADS)] for name, make in CLIENTS.items()}
        for _, run, (name, gets) in itertools.product(range(ROUNDS), (one_thread, ten_threads), clients.items()):
            costs.setdefault((run.__name__, name), []).append(cost(run, gets))
    for (way, name), figures in sorted(costs.items(), key=lambda item: item[0][0] != "one_thread"):
        median, first = statistics.median(figures), statistics.median(costs[way, next(iter(CLIENTS))])
        print(f"{way:12} {name:23} {median:5.0f} us  {median / first:4.1f} x  ({min(figures):.0f} to {max(figures):.0f})")


if __name__ == "__main__":
    main()
