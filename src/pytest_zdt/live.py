"""Serves the page of a run on this machine while the run goes."""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, urlsplit

from pytest_zdt.report.watch import Watch

HOST: Final = "127.0.0.1"
WAITING: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta http-equiv="refresh" content="1"><link rel="icon" href="data:,"><title>zero downtime</title>
<p>The load has not begun yet; this page looks again every second.</p>
</html>
"""
RECENT: Final = 3.0
"""Seconds since somebody asked for news in which they are taken to be watching."""
LINGER: Final = 5.0
"""Seconds at most that those who watch are given to learn of the end."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle of an answer is no error; of others the traceback is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Live:
    """The server; it listens from now on. ``port`` 0 is any free one. Raises `OSError` where the port is taken."""

    def __init__(self, watch: Watch, port: int) -> None:
        self._watch = watch
        self._asked = float("-inf")
        self._server = _Server((HOST, port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="zdt-live", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self._server.server_port}/"

    def close(self) -> None:
        """Ends the service, once those who watch have learned of the run's end."""
        end = time.monotonic() + LINGER
        while not self._watch.over_seen and time.monotonic() < min(end, self._asked + RECENT):
            time.sleep(0.05)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str, query: str) -> tuple[int, str, str]:
        """Status, type and content."""
        if path == "/":
            return 200, "text/html", self._watch.document() or WAITING
        if path == "/live.json":
            self._asked = time.monotonic()
            return 200, "application/json", json.dumps(self._watch.news(parse_qs(query).get("seen", [""])[0]), allow_nan=False)
        return 404, "text/plain", "There is only / here.\n"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        live = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """A page that was made to look like ours by its name server is refused by the name it asks for."""
                parts = urlsplit(self.path)
                own = self.headers.get("Host") in {f"{name}:{live._server.server_port}" for name in (HOST, "localhost")}
                status, kind, content = live._answer(parts.path, parts.query) if own else (403, "text/plain", "Not this host.\n")
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
