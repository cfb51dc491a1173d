"""Sends one request where no local port is left, and prints its sample: for a network namespace of its own.

``unshare -rn python -m tests.unit.http.no_ports TRANSPORT``
"""

import fcntl
import json
import socket
import struct
import sys
from pathlib import Path

import requests

from pytest_zdt.http.session import SignedSession
from pytest_zdt.http.transport import TRANSPORTS
from pytest_zdt.target import Target

SIOCSIFFLAGS, IFF_UP_RUNNING = 0x8914, 0x41
PORTS = 2


def main(transport):
    """Two ports, two connections, and a third that cannot be made."""
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"50000 {50000 + PORTS - 1}")
    listener = socket.socket()
    fcntl.ioctl(listener, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP_RUNNING))
    listener.bind(("127.0.0.1", 8000))
    listener.listen()
    fillers = [socket.create_connection(("127.0.0.1", 8000)) for _ in range(PORTS)]
    seen = []
    session = SignedSession(Target("test", "http://127.0.0.1:8000", timeout=5), seen.append, adapter=TRANSPORTS[transport]())
    try:
        session.get("/")
    except requests.RequestException as error:
        raised = type(error).__name__
    (sample,) = seen
    print(json.dumps({"kind": sample.kind, "version": sample.version, "raised": raised, "message": sample.message}))
    for connection in (*fillers, listener):
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
