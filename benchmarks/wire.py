"""What a signed GET costs the load generator: run by hand, ``python benchmarks/wire.py``. Needs nginx, and Linux.

Starts an nginx on a free port of 127.0.0.1 that answers with 2,000 bytes of JSON, and asks it over kept connections for about a
second at a time: in one thread, and in ten threads that share one CPU and read ``response.json()``, as virtual users do. Prints
the CPU of this process per GET, in microseconds: the median of three rounds that take turns, and its ratio to the first.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from pytest_zdt.http.session import SignedSession
from pytest_zdt.http.transport import TRANSPORTS
from pytest_zdt.target import Secret, Target

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


def signed(transport: str) -> Callable[[str], requests.Session]:
    """Makes signed sessions over that transport."""

    def make(url: str) -> requests.Session:
        target = Target("bench", url, signing="timed-hmac", secret=Secret("secret"))
        return SignedSession(target, lambda sample: None, adapter=TRANSPORTS[transport]())

    return make


CLIENTS: dict[str, Callable[[str], requests.Session]] = {
    "SignedSession, curl": signed("curl"),
    "SignedSession, urllib3": signed("urllib3"),
    "requests.Session": lambda url: requests.Session(),
}


def one_thread(session: requests.Session, url: str) -> int:
    """The number of GETs of a second."""
    many, deadline = 0, time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for _ in range(20):
            session.get(url)
        many += 20
    return many


def ten_threads(sessions: list[requests.Session], url: str) -> int:
    """The number of GETs of a second in ten threads on one CPU."""
    counts, deadline = [], time.monotonic() + SECONDS

    def ask(session: requests.Session) -> None:
        many = 0
        while time.monotonic() < deadline:
            if len(session.get(url).json()["results"]) != 10:
                raise ValueError("not the answer of our nginx")
            many += 1
        counts.append(many)

    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})  # threads inherit it
    try:
        threads = [threading.Thread(target=ask, args=(session,)) for session in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        os.sched_setaffinity(0, allowed)
    return sum(counts)


def cost(run: Callable[[], int]) -> float:
    """Microseconds of this process's CPU per GET."""
    before = time.process_time()
    many = run()
    return (time.process_time() - before) / many * 1e6


def main() -> None:
    """Measures and prints."""
    costs: dict[tuple[str, str], list[float]] = {}
    with nginx() as base:
        url = base + PATH
        sessions = {name: [make(base) for _ in range(THREADS)] for name, make in CLIENTS.items()}
        for _ in range(ROUNDS):
            for name, mine in sessions.items():
                costs.setdefault(("1 thread", name), []).append(cost(lambda mine=mine: one_thread(mine[0], url)))
            for name, mine in sessions.items():
                costs.setdefault(("10 threads", name), []).append(cost(lambda mine=mine: ten_threads(mine, url)))
        for session in (session for mine in sessions.values() for session in mine):
            session.close()
    for (threads, name), figures in costs.items():
        median, first = statistics.median(figures), statistics.median(costs[threads, next(iter(CLIENTS))])
        print(f"{threads:10}  {name:22}  {median:6.0f} us  {median / first:5.1f} x  ({min(figures):.0f} to {max(figures):.0f})")


if __name__ == "__main__":
    main()
