"""Deployments of real sandboxes: what clients see while one release takes the place of another."""

import http.client
import itertools
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

SEARCH = "/v1/images/?q=cat"


class Load:
    """Signed searches in two threads: over a new connection each, and over one that is kept alive."""

    def __init__(self, sandbox, sign: Callable):
        self.sandbox = sandbox
        self.sign = sign
        self.answers: list[tuple[float, str, int | str, str | None]] = []  # seconds, lane, status or error, version
        self._stop = threading.Event()

    def send(self, connection: http.client.HTTPConnection, lane: str) -> None:
        sent = time.monotonic()
        try:
            connection.request("GET", SEARCH, headers=self.sign(self.sandbox.secret, SEARCH))
            response = connection.getresponse()
            response.read()
            self.answers.append((sent, lane, response.status, response.headers["x-zdt-version"]))
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.answers.append((sent, lane, repr(error), None))

    def new(self) -> None:
        while not self._stop.wait(0.03):
            connection = http.client.HTTPConnection("127.0.0.1", self.sandbox.port, timeout=10)
            self.send(connection, "new")
            connection.close()

    def reused(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.sandbox.port, timeout=10)
        while not self._stop.wait(0.1):
            self.send(connection, "reused")
        connection.close()

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=lane) for lane in (self.new, self.reused)]
        for thread in threads:
            thread.start()
        try:
            yield
            time.sleep(0.5)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def versions(self, lane: str | None = None) -> list[str | None]:
        return [version for _, its_lane, _, version in self.answers if lane in (None, its_lane)]

    def failures(self) -> list[tuple]:
        return [answer for answer in self.answers if answer[2] != 200]


@pytest.fixture
def load(sign) -> Callable[..., Load]:
    return lambda sandbox: Load(sandbox, sign)


def test_safe_release_under_load(serve, load):
    """v2 takes the place of v1 without one failed request; both answer in between, and only v2 afterwards."""
    sandbox = serve()
    requests = load(sandbox)
    with requests.running():
        time.sleep(0.5)
        done = sandbox.deploy("--overlap", "2s")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("  done")
    assert requests.failures() == []
    for lane in ("new", "reused"):
        versions = requests.versions(lane)
        assert (versions[0], versions[-1], set(versions)) == ("v1", "v2", {"v1", "v2"})
    both = requests.versions("new")
    assert sum(one != other for one, other in itertools.pairwise(both)) > 5
    assert "alt_text" in sandbox.get(SEARCH).json()["results"][0]
    assert {sandbox.get("/version").json()["build"] for _ in range(20)} == {"v2-2"}
    (record,) = sandbox.deployments()
    assert (record["release"], record["from"], record["result"]) == ("v2", "v1", "done")
    assert [step["at"] for step in record["steps"]] == sorted(step["at"] for step in record["steps"])


def test_deployments_in_a_row(serve):
    """A deployment can follow another at once, and also go back."""
    sandbox = serve()
    for release in ("v2", "v1"):
        done = sandbox.deploy("--release", release, "--overlap", "0s")
        assert done.returncode == 0, done.stderr
        assert sandbox.get(SEARCH).headers["x-zdt-version"] == release


def test_hard_restart_is_an_outage(serve, load):
    """Connections are refused for as long as the deployment says."""
    sandbox = serve()
    requests = load(sandbox)
    with requests.running():
        time.sleep(0.3)
        done = sandbox.deploy("--release", "hard-restart", "--pause", "1s")
    assert done.returncode == 0, done.stderr
    (record,) = sandbox.deployments()
    assert f"outage: {record['outage_s']:.3f} s" in done.stdout
    assert 1 < record["outage_s"] < 10
    assert record["accepting_at"] - record["killed_at"] == pytest.approx(record["outage_s"], abs=0.1)
    refused = [sent for sent, _, status, _ in requests.answers if "ConnectionRefused" in str(status)]
    assert record["outage_s"] - 0.3 < max(refused) - min(refused) < record["outage_s"] + 0.1
    assert requests.versions()[-1] == "hard-restart"


def test_no_op_restarts_nothing(serve):
    """It succeeds, says so, and the same processes go on."""
    sandbox = serve()
    group = sandbox.group()
    done = sandbox.deploy("--release", "no-op")
    assert (done.returncode, sandbox.group()) == (0, group)
    assert "no-op: nothing is restarted" in done.stdout
    assert sandbox.get("/version").json()["build"] == "v1-1"
    assert sandbox.deployments()[0]["result"] == "no-op"


def test_second_deployment_is_refused_and_a_stopped_one_undone(serve, overlap, eventually, load):
    """During a deployment another one is refused; the first one, interrupted, leaves the old release serving."""
    sandbox = serve()
    requests = load(sandbox)
    with requests.running():
        with overlap(sandbox, "v2") as first:
            second = sandbox.deploy("--release", "v2")
            assert second.returncode == 2
            assert second.stderr.count("\n") == 1
            assert "another deployment of this sandbox is under way" in second.stderr
        assert first.returncode == 128 + signal.SIGTERM
    assert requests.failures() == []
    assert {sandbox.get("/version").json()["build"] for _ in range(20)} == {"v1-1"}
    assert sandbox.deployments()[0]["result"] == "interrupted"
    assert sandbox.deploy("--release", "v2", "--overlap", "0s").returncode == 0


def test_killed_deployment_does_not_block_the_next(serve):
    """A deployment that was killed leaves both serving; the next one ends what it left, and is done."""
    sandbox = serve()
    with sandbox.start_deploy("--overlap", "30s") as process:
        assert any("overlap" in line for line in process.stdout)
        process.kill()
        process.communicate()
    done = sandbox.deploy("--overlap", "0s")
    assert (done.returncode, done.stderr) == (0, "")
    assert (sandbox.deployments()[0]["from"], sandbox.get("/version").json()["build"]) == ("v1", "v2-3")


def overlay(directory, file: str, text: str) -> str:
    """A release of one's own, as the folder of its changed file."""
    path = directory / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return str(directory)


def test_release_that_cannot_start(serve, load, tmp_path):
    """A release whose workers do not come up never answers anybody: it is stopped, and the old one goes on."""
    sandbox = serve()
    broken = overlay(tmp_path / "broken", "media_site/wsgi.py", "raise RuntimeError('no disk')")
    requests = load(sandbox)
    with requests.running():
        done = sandbox.deploy("--release", broken)
    assert done.returncode == 1
    assert done.stderr.startswith("media_sandbox: broken-2 did not start: RuntimeError: no disk")
    assert done.stderr.count("\n") == 1
    assert (requests.failures(), set(requests.versions())) == ([], {"v1"})
    assert sandbox.home.joinpath("current").resolve().name == "v1-1"
    assert sandbox.deploy("--overlap", "0s").returncode == 0


def test_release_that_cannot_migrate(serve, tmp_path):
    """A failing migration ends the deployment before anything is restarted."""
    sandbox = serve()
    done = sandbox.deploy(
        "--release", overlay(tmp_path / "unmigrated", "media_api/columns.py", "raise RuntimeError('no columns')")
    )
    assert done.returncode == 1
    assert "migrate of release unmigrated failed: RuntimeError: no columns" in done.stderr
    assert done.stderr.count("\n") == 1
    assert sandbox.get("/version").json()["build"] == "v1-1"
    assert "USR2" not in done.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["--release", "v3"],
            "unknown release 'v3'; choose one of v1, v2, rename-column, not-null, token-format, rare-503, hard-restart, no-op",
        ),
        (["--overlap", "soon"], "'soon' is not a duration; write 10s, 500ms or 2m"),
        (["--port", "1"], "no sandbox runs on port 1; running: "),
        (["--port", "0"], "'0' is not a port; give a number from 1 to 65535"),
    ],
)
def test_bad_arguments(sandbox, arguments, message):
    """One line, status 2, nothing deployed."""
    done = sandbox.deploy(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (sandbox.home / "deployments.jsonl").exists()


def test_kept_alive_connection_is_told_to_close(serve):
    """The old release answers on a kept-alive connection while it drains, and announces the end of it."""
    sandbox = serve()
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    process = sandbox.start_deploy("--overlap", "0s")
    announced = None
    with process:
        while process.poll() is None and announced != "close":
            connection.request("GET", "/version")
            response = connection.getresponse()
            announced = response.headers["Connection"]
            assert json.load(response)["release"] == "v1"
            time.sleep(0.1)
        process.communicate(timeout=30)
    connection.close()
    assert (announced, process.returncode) == ("close", 0)


def test_the_only_running_sandbox_is_found(serve):
    """Without a port, in the arguments or the environment, the only one that runs is deployed to."""
    sandbox = serve()
    sandbox.environment.pop("ZDT_PORT", None)
    command = sandbox.command("deploy", "--release", "no-op")
    process = sandbox.run(command)
    assert (process.returncode, process.stderr) == (0, "")
    sandbox.environment["ZDT_PORT"] = "1"
    assert "no sandbox runs on port 1" in sandbox.run(command).stderr
