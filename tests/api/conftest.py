"""Sandboxes served by real processes, and a Django of a few lines for what needs no server."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import django
import pytest
import requests
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command

from pytest_zdt.http.message_signatures import MessageSignature
from pytest_zdt.target import Secret, Target

FILE = tempfile.NamedTemporaryFile(prefix="zdt-api-", suffix=".sqlite3")  # noqa: SIM115  # kept open until the end
"""The database of this Django; gone with the process."""

if not settings.configured:
    settings.configure(
        SECRET_KEY="of the tests",
        ALLOWED_HOSTS=["testserver"],
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "oauth2_provider", "zdt_api"],
        MIDDLEWARE=["zdt_api.middleware.SignedRequestMiddleware", "django.middleware.common.CommonMiddleware"],
        REST_FRAMEWORK={"UNAUTHENTICATED_USER": None, "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]},
        CACHES={
            "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
            "signatures": {
                "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                "LOCATION": "used_signatures",
                "OPTIONS": {"MAX_ENTRIES": 100_000},
            },
        },
        ZDT_CACHE="signatures",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FILE.name}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # the others are slow on purpose
    )
    django.setup()

START_TIME = 30  # seconds


def sign(secret: str, target: str, at: float | None = None) -> dict[str, str]:
    """The headers of the timed HMAC, in six lines of our own."""
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), (target + timestamp).encode(), hashlib.sha256).digest()
    mac = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return {"x-ov-cf-mac": mac, "x-ov-cf-timestamp": timestamp}


@pytest.fixture
def used_signatures():
    """The table of used signatures, empty."""
    call_command("createcachetable", verbosity=0)
    caches["signatures"].clear()


class Sandbox:
    """A served sandbox: its process, its home, and requests to it."""

    def __init__(self, directory: Path, arguments: tuple[str, ...], environment: dict[str, str]):
        self.home = directory / "home"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.secret = secrets.token_urlsafe()
        self.environment = os.environ | {"ZDT_SIGNING_SECRET": self.secret, "TMPDIR": str(directory)} | environment
        self.output = directory / "serve.txt"
        self.start(*arguments)

    def start(self, *arguments: str) -> None:
        command = self.command("serve", "--port", str(self.port), "--home", str(self.home), *arguments)
        with open(self.output, "w") as output:
            self.process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "media_sandbox", *arguments]

    def await_line(self) -> str:
        """The line that says that the API answers."""
        deadline = time.monotonic() + START_TIME
        while not (text := self.output.read_text()).endswith("\n"):
            assert self.process.poll() is None, "serve ended without a word"
            assert time.monotonic() < deadline, "serve did not come up"
            time.sleep(0.05)
        return text

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(10)

    def group(self) -> int:
        """The process group of its gunicorn."""
        return json.loads((self.home / "server.json").read_text())["group"]

    def start_deploy(self, *arguments: str) -> subprocess.Popen:
        command = self.command("deploy", "--port", str(self.port), *arguments)
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.run(self.command("deploy", "--port", str(self.port), *arguments))

    def run(self, command: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)

    def deployments(self) -> list[dict]:
        return [json.loads(line) for line in (self.home / "deployments.jsonl").read_text().splitlines()]

    def request(self, method: str, target: str, headers: dict | None = None, **arguments) -> requests.Response:
        """A signed request over a new connection; one that may have a body is bound to it, and one of a kind."""
        bound = MessageSignature(Target("sandbox", self.url, secret=Secret(self.secret)))
        auth = None if method == "GET" else bound
        return self.unsigned(method, target, sign(self.secret, target) | (headers or {}), auth=auth, **arguments)

    def unsigned(self, method: str, target: str, headers: dict | None = None, **arguments) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.url + target, headers=headers, timeout=10, **arguments)

    def get(self, target: str, **arguments) -> requests.Response:
        return self.request("GET", target, **arguments)

    def register(self, send: Callable | None = None) -> requests.Response:
        body = {"name": f"application {secrets.token_hex(8)}", "description": "of a test", "email": "test@example.org"}
        return (send or self.request)("POST", "/v1/auth_tokens/register/", json=body)

    def token(self, registered: dict) -> requests.Response:
        body = {key: registered[key] for key in ("client_id", "client_secret")} | {"grant_type": "client_credentials"}
        return self.request("POST", "/v1/auth_tokens/token/", data=body)

    def bearer(self, send: Callable | None = None) -> dict[str, str]:
        """The header of an application that has just been registered."""
        return {"Authorization": f"Bearer {self.token(self.register(send).json()).json()['access_token']}"}

    def some_id(self, media: str) -> str:
        return self.get(f"/v1/{media}/?page_size=1").json()["results"][0]["id"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def processes_in(group: int) -> list[int]:
    """The pids of a process group, without those that are dead and only not yet reaped."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = stat.parent.name, stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(rest[2]) == group and rest[0] != "Z":
            found.append(int(pid))
    return found


def eventually(condition: Callable[[], object], seconds: float = 10) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def by_version(send: Callable, old: str, new: str) -> dict[str, set[int]]:
    """The statuses that each version answers with, once each has answered a few times."""
    seen: dict[str, list[int]] = {old: [], new: []}
    deadline = time.monotonic() + 15
    while min(map(len, seen.values())) < 3:
        assert time.monotonic() < deadline, f"not both answer: {seen}"
        response = send()
        seen[response.headers["x-zdt-version"]].append(response.status_code)
    return {version: set(statuses) for version, statuses in seen.items()}


@pytest.fixture(name="sign")
def sign_fixture() -> Callable:
    return sign


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable:
    return eventually


@pytest.fixture(name="by_version")
def by_version_fixture() -> Callable:
    return by_version


@pytest.fixture(name="processes_in")
def processes_in_fixture() -> Callable:
    if not Path("/proc/self/stat").exists():
        pytest.skip("lists processes by /proc")
    return processes_in


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes of one's own: `serve(*arguments, **environment)`."""
    started = []

    def start(*arguments: str, await_line: bool = True, **environment: str) -> Sandbox:
        sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), arguments, environment)
        started.append(sandbox)
        if await_line:
            sandbox.await_line()
        return sandbox

    yield start
    for sandbox in started:
        if sandbox.process.poll() is None:
            sandbox.stop()


@pytest.fixture
def overlap() -> Callable:
    """Deploy in the background: `with overlap(sandbox, release)` runs while both releases serve."""

    @contextmanager
    def run(sandbox, release: str, seconds: str = "30s") -> Iterator:
        process = sandbox.start_deploy("--release", release, "--overlap", seconds)
        with process:
            assert any("overlap" in line for line in process.stdout)
            yield process
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)

    return run


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all tests that leave it as it is, with throttles that they do not reach."""
    environment = {"THROTTLE_ANON_BURST": "1000/minute", "THROTTLE_ANON_SUSTAINED": "10000/day"}
    environment["ZDT_GRANT_BY_TIMED_HMAC"] = "true"  # so that attacks on that scheme have something to gain
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), (), environment)
    sandbox.await_line()
    yield sandbox
    assert sandbox.stop() == 0
