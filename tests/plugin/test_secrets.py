"""Whatever fails and however much is shown of it: no secret, signature or token is in anything that a run puts out."""

from __future__ import annotations

import base64
import html
import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from uuid import uuid4

import pytest

from tests.plugin.conftest import Api, Server, Zdt
from tests.plugin.project import Project

SECRET = "k3y &with/odd+\"chars' é"
LOUD = ("-l", "-rA", "--tb=long", "-vv", "--junitxml=junit.xml", "--log-level=DEBUG", "-o", "log_cli=true", "--full-trace")
SETTINGS = """
secret-env = "MY_SECRET"
timeout = "1s"
"""
TESTS = """
    import logging
    import pytest
    from pytest_zdt.http.oauth import OAuthClient

    pytestmark = pytest.mark.zdt
    SHOWN = ("application", "token", "session")

    @pytest.fixture
    def world(zdt_session, zdt_oauth_client, zdt_target, zdt_vu):
        return {"session": zdt_session, "client": zdt_oauth_client, "target": zdt_target, "vu": zdt_vu}

    @pytest.fixture
    def broken(world):
        response = world["client"].session.get("/one")
        raise RuntimeError("a fixture fails", world, response, response.request)

    def test_passes(world):
        response = world["client"].session.get("/one")
        print(world, response, response.request, response.request.headers, vars(world["client"]), vars(world["session"]))
        logging.getLogger("mine").debug("%s %r %s", world, response.request.headers, vars(world["client"].session))
        assert response.json() == {"path": "/one"}

    def test_compares(zdt_session, zdt_oauth_client, zdt_target):
        response = zdt_oauth_client.session.get("/one")
        request, sent, auth = response.request, response.request.headers, zdt_oauth_client.session.auth
        mine, client, target = vars(zdt_session), vars(zdt_oauth_client), vars(zdt_target)
        assert (mine, client, target, auth, vars(auth), sent) == ()

    def test_compares_headers(zdt_oauth_client):
        assert zdt_oauth_client.session.get("/one").request.headers == {}

    def test_compares_tokens(zdt_oauth_client):
        assert zdt_oauth_client.token == "another"

    def test_compares_applications(zdt_oauth_client):
        assert zdt_oauth_client.application == {}

    def test_uses_a_broken_fixture(broken):
        pass

    @pytest.mark.parametrize("path", ["/cut", "/closed", "/to-nowhere", "/to-cut", "/to-another"])
    def test_requests_that_fail(world, path):
        response = world["client"].session.get(path)
        assert response.status_code == 418, response.request.headers

    @pytest.mark.parametrize("path", ["/to-nowhere", "/cut"])
    def test_requests_that_fail_elsewise(world, path):
        world["client"].session.post(path, json={"a": 1}, headers={"X-A": "1"}, stream=True)

    @pytest.mark.timeout(0.5)
    def test_an_answer_that_does_not_come(world):
        world["client"].session.get("/hang")

    def test_a_header_that_cannot_be_sent(world):
        world["client"].session.get("/one", headers={"X-A": "\\u2192"})

    def test_a_header_that_cannot_be_sent_after_a_redirect(world):
        world["client"].session.headers["X-A"] = "\\u2192"
        world["client"].session.get("/to-nowhere")

    @pytest.mark.parametrize("path", ["/one", "/to-one"])
    def test_a_hook_that_fails(world, path):
        def hook(response, **kwargs):
            request, headers = response.request, response.request.headers
            if response.ok and not response.is_redirect:
                raise RuntimeError(world, response)
        world["client"].session.get(path, hooks={"response": hook})

    @pytest.mark.parametrize("path", ["/refused", "/cut-token", "/lacking", "/no-json", "/to-nowhere"])
    def test_a_token_that_is_not_given(zdt_session, zdt_vu, path):
        OAuthClient(zdt_session, f"mine-{zdt_vu.index}", token_path=path)

    @pytest.mark.parametrize("path", ["/refused", "/cut-token", "/no-json"])
    def test_a_registration_that_fails(zdt_session, path):
        OAuthClient(zdt_session, "mine", register_path=path)

    def test_an_unverified_application(zdt_session):
        OAuthClient(zdt_session, "mine", rate_limit_path="/one").rate_limit()
"""


@dataclass
class Private:
    """What must be seen nowhere; each is told from all else by a part of its own."""

    words: dict[str, str] = field(default_factory=dict)

    def new(self, what: str) -> str:
        """Another secret."""
        word = uuid4().hex[:16]
        self.words[word] = what
        return word


class Handler(BaseHTTPRequestHandler):
    """Registers applications, issues tokens, and breaks in many ways. ``self.server.private`` is what it issued and got."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Any path."""
        self._note()
        path = self.path.partition("?")[0]
        if path == "/closed":
            self.close_connection = True
        elif path == "/hang":
            self.connection.recv(1)  # until the client has enough of it
            self.close_connection = True
        elif path.startswith("/to-"):
            self._answer(302, {}, location=self._there(path.removeprefix("/to-")))
        elif path.startswith("/cut"):
            self.close_connection = True
            body = json.dumps(self._credentials()).encode()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nx-zdt-version: v1\r\nContent-Length: 9999\r\n\r\n" + body)
        else:
            self._answer(200, {"path": path})

    def do_POST(self) -> None:
        """Registrations, tokens, and the rest."""
        form = self.rfile.read(int(self.headers["content-length"])).decode()
        credentials = self._credentials()
        if self.path.endswith("/register/"):
            self._note()
            self._answer(201, {"client_id": "id", "name": "mine", "verified": True, **credentials})
        elif self.path.endswith("/token/"):
            self._note()
            self._answer(200, {"token_type": "Bearer", "expires_in": 3600, **credentials})
        elif self.path == "/refused":
            repeated = urllib.parse.parse_qs(form).get("client_secret", [""])[0]
            self._note()
            self._answer(400, {"error": "invalid_client", "error_description": f"no {repeated}", **credentials})
        elif self.path == "/lacking":
            self._note()
            self._answer(200, {"refresh_token": credentials["refresh_token"]})
        elif self.path == "/no-json":
            self._note()
            self._answer(201, repr(credentials))
        else:
            self.do_GET()

    def _there(self, name: str) -> str:
        port = self.server.server_port  # type: ignore[attr-defined]
        return {"nowhere": "http://127.0.0.1:9/x", "another": f"http://localhost:{port}/one"}.get(name, f"/{name}")

    def _note(self) -> None:
        """Notes the signature: it is private too."""
        words = self.server.private.words  # type: ignore[attr-defined]
        if mac := self.headers.get("x-ov-cf-mac"):
            words[mac[:16]] = "signature"

    def _credentials(self) -> dict[str, str]:
        private = self.server.private  # type: ignore[attr-defined]
        return {name: private.new(name) for name in ("access_token", "refresh_token", "client_secret")}

    def _answer(self, status: int, content: object, **headers: str) -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), "x-zdt-version": "v1", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Not on the terminal."""


@contextmanager
def serving() -> Iterator[tuple[str, Private]]:
    """The API, its URL, and what it issues."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.private = Private()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", server.private  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def forms(secret: str) -> set[str]:
    """A secret as it is, and as somebody may have written it."""
    raw = secret.encode()
    return {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        html.escape(secret),
        html.escape(secret, quote=False),
        urllib.parse.quote(secret),
        urllib.parse.quote_plus(secret),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        raw.hex(),
        "k3y",
    }


def found_in(folder: Path, words: dict[str, str]) -> set[tuple[str, str]]:
    """What of the words is in which file below the folder."""
    texts = {path.name: path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file()}
    return {(name, what) for name, text in texts.items() for word, what in words.items() if word in text}


FAIL = 26
"""How many of the tests fail; in a load `test_passes` too, for a user whose session was given a header that cannot be sent."""
RUNS = [
    ("load", "n0", "curl"),
    ("load", "n2", "curl"),
    ("load", "n2", "urllib3"),
    ("smoke", "n0", "urllib3"),
    ("smoke", "n2", "curl"),
]


@pytest.mark.parametrize("how, mode, transport", RUNS)
def test_no_secret_in_anything_put_out(how, mode, transport, tmp_path, monkeypatch):
    """Screen, log, JUnit, evidence and summary of a run full of failures, shown with all that pytest can show of them."""
    monkeypatch.setenv("MY_SECRET", SECRET)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with serving() as (url, private):
        project = Project(tmp_path, Api(url=url)).write({"test_mine.py": TESTS, "zdt.toml": SETTINGS})
        settings = (tmp_path / "zdt.toml").read_text().replace('probe-every = "0s"', 'probe-every = "200ms"')
        (tmp_path / "zdt.toml").write_text(settings)
        zdt = Zdt(project, mode)
        arguments = (f"--zdt-transport={transport}", *LOUD)
        enough = f"--maxfail={FAIL}"
        result = zdt.load(*arguments, enough, duration="40s") if how == "load" else zdt.smoke(*arguments)
    (tmp_path / "stdout.txt").write_text("\n".join(result.outlines))
    (tmp_path / "stderr.txt").write_text("\n".join(result.errlines))
    assert result.ret == 1, result.outlines[-20:]
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] + outcomes["errors"] >= FAIL, outcomes
    assert {"signature", "access_token", "client_secret"} <= set(private.words.values())
    words = private.words | dict.fromkeys(forms(SECRET), "signing secret")
    assert found_in(tmp_path, words) == set()
    assert (tmp_path / "junit.xml").stat().st_size > 10_000
    assert "❌" in (tmp_path / "step.md").read_text(encoding="utf-8")
