"""A connection that takes its time, as ssh's ProxyCommand: ``python slow_line.py HOST PORT SECONDS`` (one way)."""

from __future__ import annotations

import os
import queue
import socket
import sys
import threading
import time


def carry(source: int, target: int, delay: float) -> None:
    """Hands on what comes from ``source``, each part ``delay`` seconds after it came, and then the end."""
    parts: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
    threading.Thread(target=take, args=(source, parts), daemon=True).start()
    while True:
        came, part = parts.get()
        time.sleep(max(0.0, came + delay - time.monotonic()))
        if not part:
            return
        while part:
            part = part[os.write(target, part) :]


def take(source: int, parts: queue.SimpleQueue[tuple[float, bytes]]) -> None:
    """Notes when each part came; the last one is empty."""
    while True:
        part = os.read(source, 65536)
        parts.put((time.monotonic(), part))
        if not part:
            return


def main(host: str, port: str, delay: str) -> None:
    """Joins standard input and output to the other end until that ends, or nobody sends any more."""
    with socket.create_connection((host, int(port))) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ways = ((0, line.fileno()), (line.fileno(), 1))
        over = threading.Semaphore(0)

        def one_way(source: int, target: int) -> None:
            try:
                carry(source, target, float(delay))
            finally:
                over.release()

        for way in ways:
            threading.Thread(target=one_way, args=way, daemon=True).start()
        over.acquire()


if __name__ == "__main__":
    main(*sys.argv[1:])
