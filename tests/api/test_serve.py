"""The life of `serve`: what it takes, what it refuses, and that nothing survives it."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import pytest


def refused(tmp_path, *arguments: str, **environment: str) -> str:
    """The one line of a `serve` that starts nothing."""
    command = [sys.executable, "-m", "media_sandbox", "serve", *arguments]
    variables = {name: value for name, value in os.environ.items() if name != "ZDT_PORT"}
    done = subprocess.run(
        command, env=variables | {"TMPDIR": str(tmp_path)} | environment, capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    "arguments, environment, message",
    [
        ([], {}, "no port; give --port or set ZDT_PORT"),
        ([], {"ZDT_PORT": "http"}, "ZDT_PORT: 'http' is not a port; give a number from 1 to 65535"),
        (["--port", "99999"], {}, "'99999' is not a port; give a number from 1 to 65535"),
        (["--port", "x"], {}, "'x' is not a port; give a number from 1 to 65535"),
        (["--port", "50999", "--release", "v9"], {}, "unknown release 'v9'; choose one of v1, v2"),
        (["--port", "50999", "--release", "no-op"], {}, "there is nothing to serve"),
        (["--port", "50999", "--workers", "0"], {}, "'0' is not a number from 1 to 999"),
        (["--port", "50999", "--host", "256.1.1.1"], {}, "cannot listen on 256.1.1.1:50999"),
        (["--port", "50999", "--home", __file__], {}, "is not a folder; choose another with --home"),
    ],
)
def test_bad_arguments(tmp_path, arguments, environment, message):
    """One line, status 2, and no folder is made."""
    assert message in refused(tmp_path, *arguments, **environment)
    assert not list(tmp_path.glob("media-sandbox-*/[0-9]*"))


def test_used_port(sandbox, tmp_path):
    """A port on which somebody listens is refused, with a way out."""
    message = refused(tmp_path, "--port", str(sandbox.port), "--home", str(tmp_path / "home"))
    assert message == (
        f"media_sandbox: cannot listen on 127.0.0.1:{sandbox.port}: Address already in use; "
        "choose another with --port or --host\n"
    )
    assert not (tmp_path / "home").exists()


def test_used_home(sandbox, tmp_path):
    """A home that another sandbox serves from is refused, and left as it is."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    assert "another sandbox serves from" in refused(tmp_path, "--port", str(port), "--home", str(sandbox.home))
    assert sandbox.get("/healthcheck/").status_code == 200


def test_home_with_other_files(tmp_path):
    """A folder with files of one's own is never emptied."""
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "holds files that are no sandbox's" in refused(tmp_path, "--port", "50999", "--home", str(tmp_path))
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["thesis.txt"]


def test_ready_line(sandbox):
    """One line says the release, the address and the home."""
    line = f"media_sandbox: release v1 on {sandbox.url} (home {sandbox.home})\n"
    assert sandbox.output.read_text() == line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_everything(serve, processes_in, number):
    """After SIGTERM or Ctrl-C every process is gone within five seconds, and the status is 0."""
    sandbox = serve()
    group = sandbox.group()
    assert len(processes_in(group)) == 3
    asked = time.monotonic()
    sandbox.process.send_signal(number)
    assert sandbox.process.wait(10) == 0
    assert time.monotonic() - asked < 5
    assert processes_in(group) == []


def test_kill_ends_everything(serve, processes_in, eventually):
    """When serve is killed, its masters and workers end by themselves, also in the middle of a deployment."""
    sandbox = serve()
    group = sandbox.group()
    with sandbox.start_deploy("--overlap", "30s") as process:
        assert any("overlap" in line for line in process.stdout)
        assert len(processes_in(group)) == 6
        sandbox.process.kill()
        assert eventually(lambda: not processes_in(group), 5)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors.count("\n")) == (1, 1)


def test_start_is_interrupted(serve, processes_in):
    """A signal before the API answers ends it as well."""
    sandbox = serve(await_line=False)
    time.sleep(0.3)
    assert sandbox.stop() == 0
    assert sandbox.output.read_text() == ""


def test_lost_masters_are_noticed(serve):
    """Without a master, serve says so and ends with status 1."""
    sandbox = serve()
    os.killpg(sandbox.group(), signal.SIGKILL)
    assert sandbox.process.wait(10) == 1
    assert "every gunicorn master is gone" in sandbox.output.read_text()


def test_deployed_sandbox_ends_too(serve, processes_in):
    """After a deployment the new master is ended by the same signal."""
    sandbox = serve()
    group = sandbox.group()
    assert sandbox.deploy("--overlap", "0s").returncode == 0
    assert sandbox.stop() == 0
    assert processes_in(group) == []


def test_state_is_fresh_unless_kept(serve):
    """A start begins afresh; with --keep it goes on with the release and the rows that were there."""
    sandbox = serve("--release", "v2")
    sandbox.register()
    for arguments, release, rows in ((["--keep"], "v2", 1), ([], "v1", 0)):
        sandbox.stop()
        sandbox.start(*arguments)
        assert sandbox.await_line().startswith(f"media_sandbox: release {release} on ")
        connection = sqlite3.connect(sandbox.home / "db.sqlite3")
        assert connection.execute("SELECT count(*) FROM media_api_oauth2registration").fetchone() == (rows,)
        connection.close()


def test_bad_setting_of_the_api(serve):
    """A setting that the API refuses keeps the sandbox from starting, with one line that names it."""
    sandbox = serve(await_line=False, ZDT_MAX_AGE="soon")
    assert sandbox.process.wait(30) == 1
    text = sandbox.output.read_text()
    assert "ZDT_MAX_AGE must be a whole number of seconds above 0, not 'soon'" in text
    assert text.count("\n") == 1
