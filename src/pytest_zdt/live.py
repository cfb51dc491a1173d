"""Serves the page of a run on this machine while the run goes."""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs

from pytest_zdt.report.watch import Watch

HOST: Final = "127.0.0.1"
WAITING: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta http-equiv="refresh" content="1"><link rel="icon" href="data:,"><title>zero downtime</title>
<p>The load has not begun yet, or what it has done is just being read; this page looks again every second.</p>
</html>
"""
RECENT: Final = 3.0
"""Seconds since somebody asked for news in which they are taken to be watching."""
MOST_PAGES: Final = 1000
"""Pages that are waited for at the end; each has a number of its own."""
LINGER: Final = 5.0
"""Seconds at most that those who watch are given to learn of the end."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle of an answer is no error; of others the traceback is told."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Live:
    """The server; it listens from now on. ``port`` 0 is any free one. Raises `OSError` where the port is taken."""

    def __init__(self, watch: Watch, port: int) -> None:
        self._watch = watch
        self._pages: dict[str, tuple[float, bool]] = {}
        self._server = _Server((HOST, port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="zdt-live", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self._server.server_port}/"

    def close(self) -> None:
        """Ends the service, once all who watch have learned of the run's end."""
        end = time.monotonic() + LINGER
        while self._watched() and time.monotonic() < end:
            time.sleep(0.05)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _watched(self) -> bool:
        """Whether a page that has just asked for news does not know of the end yet."""
        since = time.monotonic() - RECENT
        return any(asked > since and not knows for asked, knows in list(self._pages.values()))

    def _answer(self, target: str, host: str) -> tuple[int, str, str]:
        """Status, type and content. Who was led here under another name is refused: it may be a page of somebody else. The port
        tells nothing of that; it is another one where it was forwarded.
        """
        if host.lower().partition(":")[0] not in (HOST, "localhost"):
            return 403, "text/plain", "Not this host.\n"
        path, _, query = target.partition("?")
        if path == "/":
            return 200, "text/html", self._watch.document() or WAITING
        if path == "/live.json":
            return 200, "application/json", json.dumps(self._news(parse_qs(query)), allow_nan=False)
        return 404, "text/plain", "There is only / here.\n"

    def _news(self, asked: dict[str, list[str]]) -> dict[str, Any]:
        seen, page = (asked.get(name, [""])[0] for name in ("seen", "page"))
        news = self._watch.news(seen)
        if len(self._pages) < MOST_PAGES or page in self._pages:
            self._pages[page] = (time.monotonic(), bool(news.get("over")))
        return news

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        live = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10
            """Seconds for a request to come: who opens connections and says nothing does not keep them."""

            def do_GET(self) -> None:
                status, kind, content = live._answer(self.path, self.headers.get("Host") or "")
                body = content.encode()
                self.send_response(status)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("X-Content-Type-Options", "nosniff")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """The terminal is the run's."""

        return Handler
