"""The server of a run's page: what it answers, and to whom."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.live import LINGER, Live
from pytest_zdt.report.watch import Watch

from .verdict.conftest import Story, stored


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """The page of a run that has ended."""
    found = Live(Watch(stored(Story(), tmp_path), "r1", start=lambda job: job()), 0)
    yield found
    found.close()


def get(live: Live, path: str, host: str = "", method: str = "GET") -> tuple[http.client.HTTPResponse, str]:
    """An answer and its text."""
    port = int(live.url.rpartition(":")[2].strip("/"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def test_the_page(live: Live) -> None:
    """It may ask this server for news, and nobody else for anything."""
    answer, text = get(live, "/")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "connect-src &#x27;self&#x27;" in text
    assert "default-src &#x27;none&#x27;" in text


def test_the_first_look_waits_for_nobody(tmp_path: Path) -> None:
    """Where the first judgement is not done yet there is a page that looks again, and says that this may be so."""
    jobs: list[Callable[[], None]] = []
    late = Live(Watch(stored(Story(), tmp_path), "r1", start=jobs.append), 0)
    assert "is just being read; this page looks again every second." in get(late, "/")[1]
    jobs[0]()
    assert "VERIFIED" in get(late, "/")[1]
    late.close()


def test_news(live: Live) -> None:
    """JSON with what changed since the version that was seen."""
    answer, text = get(live, "/live.json?seen=")
    news: Any = json.loads(text)
    assert (answer.headers["Content-Type"], news["over"]) == ("application/json; charset=utf-8", True)
    assert json.loads(get(live, f"/live.json?seen={news['version']}")[1])["parts"] == {}


@pytest.mark.parametrize("path", ["/run.json", "/../run.json", "/samples.ndjson", "/live.json/x"])
def test_nothing_else_is_there(path: str, live: Live) -> None:
    """No file of the directory can be had."""
    answer, text = get(live, path)
    assert (answer.status, text) == (404, "There is only / here.\n")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example:80"])
def test_other_names_are_refused(host: str, live: Live) -> None:
    """A page of another site, whose name was made to lead here, learns nothing."""
    for path in ("/", "/live.json"):
        answer, text = get(live, path, host)
        assert (answer.status, text) == (403, "Not this host.\n")


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost:9000", "LOCALHOST", "127.0.0.1"])
def test_a_forwarded_port(host: str, live: Live) -> None:
    """Whatever its number is, as ``ssh -L`` makes one, the page and its news can be had under this machine's own names."""
    assert [get(live, path, host)[0].status for path in ("/", "/live.json")] == [200, 200]


def test_only_this_machine_can_ask(live: Live) -> None:
    """It listens on the loopback address alone."""
    assert live.url.startswith("http://127.0.0.1:")
    assert live._server.server_address[0] == "127.0.0.1"


def test_other_methods(live: Live) -> None:
    """There is nothing to change here."""
    assert get(live, "/", method="POST")[0].status == 501


def test_a_port_that_is_taken(live: Live, tmp_path: Path) -> None:
    """An error of the system, before anything runs."""
    with pytest.raises(OSError, match="in use"):
        Live(Watch(tmp_path, "r1"), live._server.server_port)


def test_a_browser_that_goes_away(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    """In the middle of an answer, with a reset: nobody is told, the next one is answered."""
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", live._server.server_port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(f"GET / HTTP/1.1\r\nHost: localhost:{live._server.server_port}\r\n\r\n".encode())
    assert get(live, "/")[0].status == 200
    assert capsys.readouterr().err == ""


def test_it_ends_at_once_without_watchers(tmp_path: Path) -> None:
    """Nobody is waited for who does not watch."""
    live = Live(Watch(stored(Story(), tmp_path), "r1"), 0)
    get(live, "/")
    began = time.monotonic()
    live.close()
    assert time.monotonic() - began < LINGER / 2


def test_it_waits_for_all_watchers_to_learn_of_the_end(tmp_path: Path) -> None:
    """Each page that has just asked for news may ask until it knows."""
    story = Story()
    live = Live(Watch(stored(story.unmark("run-ended"), tmp_path), "r1", start=lambda job: job()), 0)
    for page in ("one", "two"):
        assert json.loads(get(live, f"/live.json?page={page}")[1])["over"] is False
    with (tmp_path / "marks.ndjson").open("a") as marks:
        marks.write('{"at": 40.0, "name": "run-ended", "data": {}}\n')
    closing = threading.Thread(target=live.close)
    closing.start()
    assert json.loads(get(live, "/live.json?page=one")[1])["over"] is True
    assert closing.is_alive()
    assert json.loads(get(live, "/live.json?page=two")[1])["over"] is True
    closing.join(LINGER)
    assert not closing.is_alive()


@pytest.mark.parametrize("target", ["http://[/", "/live.json?seen=%ff%00&page=" + "x" * 5000, "/?" + "&" * 1000, "*"])
def test_odd_requests(target: str, live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    """They are answered, and leave nothing on the terminal of the run."""
    with socket.create_connection(("127.0.0.1", live._server.server_port)) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: LOCALHOST:{live._server.server_port}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.0 ")
    assert capsys.readouterr().err == ""
