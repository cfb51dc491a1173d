"""Registration, verification and tokens of a served sandbox."""

import re
import secrets
import sqlite3

import pytest
from media_sandbox.home import Home
from media_sandbox.releases import run_django


def mails(sandbox) -> list[str]:
    return [file.read_text() for file in (sandbox.home / "mail").iterdir()]


def pending(sandbox) -> int:
    """The number of verifications that are awaited."""
    connection = sqlite3.connect(sandbox.home / "db.sqlite3")
    try:
        return connection.execute("SELECT count(*) FROM media_api_oauth2verification").fetchone()[0]
    finally:
        connection.close()


def test_signed_registration_is_verified_at_once(sandbox):
    """A signed registration is verified, without an e-mail and without a pending verification."""
    before = len(mails(sandbox)), pending(sandbox)
    response = sandbox.register()
    assert response.status_code == 201
    body = response.json()
    assert set(body) == {"client_id", "client_secret", "name", "msg", "verified"}
    assert body["verified"] is True
    assert (len(mails(sandbox)), pending(sandbox)) == before
    bearer = {"Authorization": f"Bearer {sandbox.token(body).json()['access_token']}"}
    limits = sandbox.get("/v1/rate_limit/", headers=bearer)
    assert limits.json() == {
        "requests_this_minute": 0,
        "requests_today": 0,
        "rate_limit_model": "standard",
        "verified": True,
    }


def test_unsigned_registration_awaits_its_email(sandbox, eventually):
    """An unsigned registration is not verified until the link of its e-mail is opened, once."""
    before, already = pending(sandbox), set(mails(sandbox))
    response = sandbox.register(sandbox.unsigned)
    assert response.status_code == 201
    assert set(response.json()) == {"client_id", "client_secret", "name", "msg"}
    assert pending(sandbox) == before + 1
    bearer = {"Authorization": f"Bearer {sandbox.token(response.json()).json()['access_token']}"}
    assert sandbox.get("/v1/rate_limit/", headers=bearer).json()["verified"] is False
    (mail,) = set(mails(sandbox)) - already
    link = re.search(r"http://[^/]+(/v1/auth_tokens/verify/\S+)", mail.replace("=\n", ""))[1]
    assert sandbox.unsigned("GET", link).json()["msg"].startswith("Successfully verified email.")
    assert sandbox.get("/v1/rate_limit/", headers=bearer).json()["verified"] is True
    assert pending(sandbox) == before
    assert sandbox.unsigned("GET", link).status_code == 500


def test_registration_by_form(sandbox):
    """A form registers as JSON does."""
    body = {"name": "by form", "description": "of a test", "email": "test@example.org"}
    assert sandbox.request("POST", "/v1/auth_tokens/register/", data=body).status_code == 201


def test_registration_errors(sandbox):
    """What is wrong is said per field."""
    response = sandbox.request("POST", "/v1/auth_tokens/register/", json={"name": "x" * 151, "email": "nobody"})
    assert response.status_code == 400
    assert set(response.json()) == {"name", "description", "email"}
    assert all(isinstance(messages, list) for messages in response.json().values())


def test_registration_name_is_unique(sandbox):
    """A name can be taken once."""
    body = {"name": "twice", "description": "of a test", "email": "test@example.org"}
    responses = [sandbox.request("POST", "/v1/auth_tokens/register/", json=body) for _ in range(2)]
    assert [response.status_code for response in responses] == [201, 400]
    assert responses[1].json() == {"name": ["An application with this name already exists."]}


def test_token(sandbox):
    """A token is a bearer of twelve hours."""
    body = sandbox.token(sandbox.register().json()).json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 12 * 60 * 60, "read write")


@pytest.mark.parametrize("change", [{"client_secret": "wrong"}, {"client_id": "wrong"}])
def test_token_needs_the_credentials(sandbox, change):
    """Wrong credentials give no token."""
    response = sandbox.token(sandbox.register().json() | change)
    assert (response.status_code, response.json()) == (401, {"error": "invalid_client"})


def test_token_by_get(sandbox):
    """Tokens are posted for."""
    response = sandbox.get("/v1/auth_tokens/token/")
    assert (response.status_code, response.json()["detail"]) == (405, 'Method "GET" not allowed.')


def test_authenticated_answers_name_the_application(sandbox):
    """They carry its name, whether it is verified, and are private."""
    registered = sandbox.register().json()
    bearer = {"Authorization": f"Bearer {sandbox.token(registered).json()['access_token']}"}
    headers = sandbox.unsigned("GET", "/v1/images/?q=cat", bearer).headers
    assert headers["x-ov-client-application-name"] == registered["name"]
    assert headers["x-ov-client-application-verified"] == "True"
    assert headers["Cache-Control"].startswith("private")
    assert "X-RateLimit-Limit-oauth2_client_credentials_burst" in headers
    assert "x-ov-client-application-name" not in sandbox.get("/v1/images/?q=cat").headers


def test_requests_of_an_application_are_counted(sandbox):
    """Unsigned requests with a verified token are counted for the application, signed ones are not."""
    bearer = sandbox.bearer()
    for target in ("/v1/images/?q=owl", "/v1/audio/?q=owl"):
        assert sandbox.unsigned("GET", target, bearer).status_code == 200
        assert sandbox.get(target, headers=bearer).status_code == 200
    limits = sandbox.get("/v1/rate_limit/", headers=bearer).json()
    assert (limits["requests_this_minute"], limits["requests_today"]) == (2, 2)


@pytest.mark.parametrize("target", ["/v1/images/", "/v1/rate_limit/"])
def test_invalid_bearer(sandbox, target):
    """A bad token is refused, not ignored."""
    response = sandbox.get(target, headers={"Authorization": "Bearer wrong"})
    assert (response.status_code, response.json()["detail"]) == (401, "Invalid token.")


def test_rate_limit_needs_a_token(sandbox):
    """Without one there is nothing to tell."""
    assert sandbox.get("/v1/rate_limit/").status_code == 403


def test_what_runs_have_registered_is_removed(sandbox):
    """`zdt_prune` with the sandbox's own models: the name of a run is free again, and its token is none; others stay."""
    home = Home(sandbox.home)
    name, body = f"zdt-{secrets.token_hex(4)}-0", {"description": "of a test", "email": "test@example.org"}
    ours = sandbox.request("POST", "/v1/auth_tokens/register/", json={"name": name} | body).json()
    bearer = {"Authorization": f"Bearer {sandbox.token(ours).json()['access_token']}"}
    others = sandbox.bearer()
    assert sandbox.get("/v1/rate_limit/", headers=bearer).status_code == 200
    run_django(home, sandbox.port, home.current.resolve(), "zdt_prune", "--older-than", "0s")
    (log,) = home.log.glob("*-zdt_prune.log")
    assert "1 applications, 1 registrations were removed" in log.read_text()
    assert sandbox.get("/v1/rate_limit/", headers=bearer).status_code in (401, 403)
    assert sandbox.get("/v1/rate_limit/", headers=others).status_code == 200
    assert sandbox.request("POST", "/v1/auth_tokens/register/", json={"name": name} | body).status_code == 201
