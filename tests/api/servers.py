"""The sandbox's API under gunicorn and under uvicorn at the same time, over the same database, and raw requests to either."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from media_sandbox.home import Home
from requests import Request

from pytest_zdt.http.signing import signer
from pytest_zdt.target import Secret, Target
from tests.api.conftest import Sandbox, eventually, free_port

REGISTER = "/v1/auth_tokens/register/"
_addresses = itertools.count(2)
_names = itertools.count()


@dataclass
class Answer:
    """The status, and whether the body says that an application is verified."""

    status: int
    body: bytes

    @property
    def verified(self) -> bool:
        """What a registration's answer says."""
        return b'"verified":true' in self.body.replace(b" ", b"")


@contextmanager
def uvicorn(sandbox: Sandbox) -> Iterator[int]:
    """The port at which uvicorn serves that sandbox's API too."""
    port, folder = free_port(), (sandbox.home / "current").resolve()
    environment = sandbox.environment | Home(sandbox.home).environment(sandbox.port) | {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "uvicorn", "--factory", "django.core.asgi:get_asgi_application", "--port", str(port)]
    path = sandbox.home / "log" / "uvicorn.log"
    with (
        path.open("w") as log,
        subprocess.Popen([*command, "--lifespan", "off"], env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            assert eventually(lambda: _listens(port), 30), path.read_text()
            yield port
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def send(port: int, raw: bytes) -> Answer:
    """One raw request over a connection of its own, from an address of its own: unsigned registrations are counted by address."""
    number = next(_addresses)
    source = (f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 0)
    with socket.create_connection(("127.0.0.1", port), timeout=20, source_address=source) as connection:
        received = b""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has read enough to refuse it
            connection.sendall(raw)
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return Answer(int(head.split(b" ", 2)[1]) if head else 0, body)


def target() -> str:
    """Where to register, with a query of its own: signatures by timed-hmac are the same for a target in one second."""
    return f"{REGISTER}?n={next(_names)}"


def body() -> bytes:
    """A registration's, with a name of its own."""
    name = f"server test {os.getpid()} {next(_names)}"
    return json.dumps({"name": name, "description": "of a test", "email": "test@example.org"}).encode()


def raw(method: str, target: str, headers: list[tuple[str, str]], content: bytes) -> bytes:
    """The bytes of a request."""
    own = [
        ("Host", "127.0.0.1"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(content))),
        ("Connection", "close"),
    ]
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in [*own, *headers])]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def signature(sandbox: Sandbox, scheme: str, method: str, target: str, content: bytes, at: float | None = None) -> dict[str, str]:
    """The signature headers as the load test makes them: of ``rfc9421``, ``both``, or ``timed-hmac alone``."""
    now = {} if at is None else {"now": lambda: at}
    signing = "rfc9421" if scheme == "rfc9421" else "timed-hmac"
    sign = signer(Target("sandbox", sandbox.url, signing=signing, secret=Secret(sandbox.secret)), **now)
    request = sign(Request(method, sandbox.url + target, data=content).prepare())
    wanted = sign.headers[:2] if scheme == "timed-hmac alone" else sign.headers
    return {name: request.headers[name] for name in wanted if name in request.headers}


def registered(port, sandbox, scheme, *, more="", headers=None, content=None, method="POST", at=None, without=()):
    """A signed registration, changed after it was signed: other headers, fewer of them, more of a target, other body, method."""
    own, where = body(), target()
    given = signature(sandbox, scheme, "POST", where, own, at)
    given = [(name, value) for name, value in (given | (headers or {})).items() if name not in without]
    return send(port, raw(method, where + more, given, content() if content else own))


def at_once(number: int, call: Callable[[], Answer]) -> list[Answer]:
    """What so many calls give that begin at the same moment."""
    barrier = threading.Barrier(number)

    def wait_and_call(_: int) -> Answer:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(wait_and_call, range(number)))
