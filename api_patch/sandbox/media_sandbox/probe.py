"""Questions to a sandbox from outside, over new connections."""

import http.client
import json
import os
import socket
import time
from collections.abc import Callable

_INTERVAL = 0.05
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def build_answering(host: str, port: int) -> str | None:
    """The folder name of the release that answers; None while nothing does."""
    connection = http.client.HTTPConnection(_UNSPECIFIED.get(host, host), port, timeout=5)
    try:
        connection.request("GET", "/version", headers={"Connection": "close"})
        response = connection.getresponse()
        return json.load(response)["build"] if response.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None
    finally:
        connection.close()


def is_accepting(host: str, port: int) -> bool:
    """Whether a connection can be opened."""
    try:
        socket.create_connection((_UNSPECIFIED.get(host, host), port), timeout=1).close()
    except OSError:
        return False
    return True


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool], seconds: float, interval: float = _INTERVAL) -> bool:
    """Whether the condition came true within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True
