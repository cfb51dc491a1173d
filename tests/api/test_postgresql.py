"""The sandbox on PostgreSQL, on a private server of this test."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.servers import at_once, registered, uvicorn


def _binaries() -> Path | None:
    """The folder with the server's programs: the newest below /usr/lib/postgresql, or that of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[4]))
    program = found[-1] if found else shutil.which("initdb")
    return Path(program).parent if program else None


@pytest.fixture(scope="module")
def database_url(tmp_path_factory) -> Iterator[str]:
    """The URL of a fresh server that listens on the loopback interface only."""
    pytest.importorskip("psycopg")
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed")
    user = []
    if os.getuid() == 0:  # which PostgreSQL refuses to run as
        if not shutil.which("runuser") or subprocess.run(["id", "postgres"], capture_output=True).returncode:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        user = ["runuser", "-u", "postgres", "--"]
    directory = Path(os.path.realpath("/tmp"), f"zdt-postgresql-{os.getpid()}")
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    data, options = (
        str(directory / "data"),
        f"-p {port} -k {directory} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=500",
    )

    def run(*command: str) -> None:
        subprocess.run([*user, *command], check=True, stdout=subprocess.DEVNULL, cwd=directory)

    try:
        run(str(binaries / "initdb"), "-D", data, "-U", "zdt", "-A", "trust", "-N")
        run(str(binaries / "pg_ctl"), "-D", data, "-o", options, "-l", str(directory / "log"), "-w", "start")
        yield f"postgresql://zdt@127.0.0.1:{port}/postgres"
        run(str(binaries / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(directory)


def test_deployment_on_postgresql(serve, database_url, processes_in):
    """The sandbox serves from PostgreSQL, is deployed to v2 without a failed request, and starts afresh again."""
    sandbox = serve(DATABASE_URL=database_url)
    assert not (sandbox.home / "db.sqlite3").exists()
    process = sandbox.start_deploy("--overlap", "1s")
    seen = []
    while process.poll() is None:
        answers = [sandbox.get("/v1/audio/?q=moon"), sandbox.register()]
        seen += [(answer.status_code, answer.headers["x-zdt-version"]) for answer in answers]
    assert process.communicate()[1] == ""
    assert process.returncode == 0
    assert set(seen) == {(200, "v1"), (201, "v1"), (200, "v2"), (201, "v2")}
    assert sandbox.bearer()
    assert sandbox.get("/v1/images/?q=cat").json()["results"][0]["alt_text"] is None
    sandbox.stop()
    sandbox.start()
    sandbox.await_line()
    assert "alt_text" not in sandbox.get("/v1/images/?q=cat").json()["results"][0]


def test_two_hundred_registrations_at_once_on_postgresql(serve, database_url):
    """200 signed registrations at the same moment, under gunicorn and uvicorn: all are verified, and no e-mail is sent."""
    sandbox = serve(DATABASE_URL=database_url)
    with uvicorn(sandbox) as asgi:
        for port in (sandbox.port, asgi):
            answers = at_once(200, lambda port=port: registered(port, sandbox, "both"))
            assert {(answer.status, answer.verified) for answer in answers} == {(201, True)}
    assert not list((sandbox.home / "mail").glob("*"))


def test_the_table_of_used_signatures_is_gone(serve, database_url):
    """On PostgreSQL a failed query breaks the transaction around it: the registration goes on, unverified, all the same."""
    import psycopg

    sandbox = serve(DATABASE_URL=database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(f"DROP TABLE media_sandbox_{sandbox.port}.used_signatures")
    answer = registered(sandbox.port, sandbox, "rfc9421")
    assert (answer.status, answer.verified) == (201, False), answer.body
