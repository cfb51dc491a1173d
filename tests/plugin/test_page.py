"""The page of a run: written at its end, served while it goes."""

from __future__ import annotations

import json
import socket
import sys
import threading
import urllib.request
from typing import Any

import pytest

from pytest_zdt.processes import free_port

ONE = """
import pytest

@pytest.mark.zdt
def test_one(zdt_session):
    assert zdt_session.get("/one").status_code == 200
"""


def test_a_run_leaves_its_page(zdt, api, pytester):
    """Beside the verdict, which it tells; judged again it is the same to the byte."""
    api.broken.add("/one")
    pytester.makepyfile(ONE)
    zdt.load()
    page = zdt.report / "report.html"
    before = page.read_bytes()
    assert b"VIOLATED" in before
    assert b"500 Internal Server Error" in before
    page.unlink()
    pytester.run(sys.executable, "-m", "pytest_zdt", "judge", "zdt-report")
    assert page.read_bytes() == before


def test_a_smoke_test_leaves_none(once, pytester):
    """It makes no evidence."""
    pytester.makepyfile(ONE)
    once.smoke()
    assert not once.report.exists()


def test_the_page_is_served_while_the_run_goes(zdt, pytester):
    """News come while the load is on, and the last of them is the end; then nobody listens any more."""
    pytester.makepyfile(ONE)
    port, news, over = free_port(), [], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/live.json") as answer:
                    news.append(json.loads(answer.read()))
            except OSError:  # not yet, or no more
                continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = zdt.load(f"--zdt-live={port}", duration="2500ms")
    over.set()
    watcher.join()
    result.stdout.fnmatch_lines([f"zdt: mine at *, live at http://127.0.0.1:{port}/"])
    told: list[dict[str, Any]] = [one for one in news if one]
    counts = [sum(version["answers"] for version in one["data"]["versions"]) for one in told]
    assert counts[-1] == len(zdt.column("sent"))
    assert any(0 < count < counts[-1] for count in counts)
    assert [one["over"] for one in told][-1] is True
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_that_is_taken(once, api, pytester):
    """One line that says so and what to do, before any load."""
    pytester.makepyfile(ONE)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = once.load(f"--zdt-live={port}")
    assert result.ret == 4
    line = (
        f"ERROR: --zdt-live: port {port} cannot be listened on (Address already in use): give another one, or 0 for any free one"
    )
    result.stderr.fnmatch_lines([line])
    assert not api.hits


def test_nothing_to_show(once, pytester):
    """In smoke mode there is no load that a page could follow."""
    pytester.makepyfile(ONE)
    result = once.smoke("--zdt-live=0")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --zdt-live shows a load while it goes: say how long with --zdt-duration"])
