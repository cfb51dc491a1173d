"""A small HTTP server in the background of a test."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Background(ThreadingHTTPServer):
    """Serves on the loopback address from now on; a handler may wait for ``release``, which the end sets."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.release = threading.Event()
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def handle_error(self, *_: object) -> None:
        """Clients may go before their answer."""

    def stop(self) -> None:
        """Ends; its port refuses from then on."""
        self.release.set()
        self.shutdown()
        self.thread.join()
        self.server_close()
