"""The OAuth client against a small server: the happy path and each way it can fail."""

import json
from urllib.parse import parse_qs

import pytest
import requests

from pytest_zdt.http.oauth import OAuthClient, OAuthError

from .conftest import Reply, reply

REGISTER, TOKEN, RATE_LIMIT = "/v1/auth_tokens/register/", "/v1/auth_tokens/token/", "/v1/rate_limit/"
APPLICATION = {"client_id": "id-1", "client_secret": "very private", "name": "zdt-run-1", "verified": True}
SILENT = {key: value for key, value in APPLICATION.items() if key != "verified"}


def as_json(content, status=200, reason="OK", **more):
    return reply(status, json.dumps(content).encode(), reason, Content_Type="application/json", **more)


class Api:
    """An API that registers, issues numbered tokens, and lets each answer be replaced."""

    def __init__(self, **answers):
        self.tokens = 0
        self.answers = answers

    def __call__(self, hit):
        if hit.target in self.answers:
            return self.answers[hit.target]
        if hit.target == REGISTER:
            return as_json(APPLICATION, 201, "Created")
        if hit.target == TOKEN:
            self.tokens += 1
            token = {"access_token": f"hidden-{self.tokens}", "token_type": "Bearer", "expires_in": 43200}
            return as_json(token, version=f"v{self.tokens}")
        known = hit.headers.get("authorization") == f"Bearer hidden-{self.tokens}"
        return as_json({"verified": True}, version="v9") if known else as_json({"detail": "Invalid token."}, 401, "Unauthorized")


@pytest.fixture
def client_of(serve, connect):
    """Makes a client against an API: ``client, session, server``."""

    def make(**answers):
        server = serve(Api(**answers))
        session = connect(server.url)
        return OAuthClient(session, "zdt-run-1"), session, server

    return make


def test_happy_path(client_of):
    """The application is registered and the token fetched with signed requests; the API says that it is verified."""
    client, session, server = client_of()
    assert [hit.target for hit in server.hits] == [REGISTER, TOKEN]
    assert all("x-ov-cf-mac" in hit.headers for hit in server.hits)
    assert json.loads(server.hits[0].body)["name"] == "zdt-run-1"
    form = {"grant_type": ["client_credentials"], "client_id": ["id-1"], "client_secret": ["very private"]}
    assert parse_qs(server.hits[1].body.decode()) == form
    assert client.rate_limit() == {"verified": True}
    assert (client.token.reveal(), client.token_made_by) == ("hidden-1", "v1")
    assert [sample.endpoint for sample in session.seen] == [f"POST {REGISTER}", f"POST {TOKEN}", f"GET {RATE_LIMIT}"]


def test_requests_with_the_token_are_a_flow(client_of):
    """Such a request is signed, carries the token, and says which version made the token; it shares the connection."""
    client, session, server = client_of()
    client.session.get("/v1/images/")
    session.get("/v1/images/")
    assert server.hits[2].headers["authorization"] == "Bearer hidden-1"
    assert "x-ov-cf-mac" in server.hits[2].headers
    assert "authorization" not in server.hits[3].headers
    flows = [(sample.flow, sample.made_by, sample.version) for sample in session.seen[2:]]
    assert flows == [("token", "v1", "v9"), ("", "", "v1")]
    assert server.connections == 1


def test_refresh(client_of):
    """A new token replaces the old one, and with it the version that made it."""
    client, session, _ = client_of()
    client.refresh()
    client.rate_limit()
    assert (client.token.reveal(), client.token_made_by, session.seen[-1].made_by) == ("hidden-2", "v2", "v2")


@pytest.mark.parametrize("status", [401, 403])
def test_refused_token_is_auth_broken(status, client_of):
    """A refusal of the token is a failure of the pair of versions, unless the test expects it."""
    client, session, _ = client_of(**{"/v1/images/": as_json({}, status, "No")})
    client.session.get("/v1/images/")
    client.session.get("/v1/images/", expected=(status,))
    session.get("/v1/images/")
    assert [(sample.kind, sample.message) for sample in session.seen[2:]] == [
        ("auth-broken", f"{status} No"),
        ("expected", ""),
        ("", ""),
    ]


def test_the_token_stays_with_the_target(client_of, serve):
    """A redirect to another origin does not carry the token."""
    elsewhere = serve(reply())
    client, session, _ = client_of(**{"/v1/out/": reply(302, Location=f"{elsewhere.url}/")})
    client.session.get("/v1/out/")
    assert "authorization" not in elsewhere.hits[0].headers
    assert session.seen[-1].flow == ""


@pytest.mark.parametrize(
    "answers, message",
    [
        (
            {REGISTER: as_json({"name": ["An application with this name already exists."]}, 400, "Bad Request")},
            "^register: the name 'zdt-run-1' is taken; every run and virtual user needs one of its own$",
        ),
        (
            {REGISTER: as_json({"email": ["Enter a valid email address."]}, 400, "Bad Request")},
            r"^register: the API answered 400 Bad Request, not 201 \(email: Enter a valid email address.\)$",
        ),
        (
            {REGISTER: as_json({"detail": "Slow down."}, 429, "Too Many Requests")},
            "^register: 429, .* did not bypass the limits; check the target's secret and the API's ZDT_SIGNING_SECRET$",
        ),
        ({REGISTER: as_json({**APPLICATION, "verified": False}, 201)}, "'zdt-run-1' is not verified: .* ZDT_SIGNING_SECRET$"),
        (
            {REGISTER: reply(503, b"<html>", "Service Unavailable")},
            "^register: the API answered 503 Service Unavailable, not 201$",
        ),
        ({REGISTER: reply(201, b"<html>", "Created")}, "^register: the API answered 201 without a JSON object$"),
        ({REGISTER: as_json({"client_id": "id-1"}, 201)}, "^register: the API's answer lacks client_secret$"),
        ({TOKEN: as_json({"error": "invalid_client"}, 401, "Unauthorized")}, r"^token: .* 401 .* \(error: invalid_client\)$"),
        ({TOKEN: as_json({}, 429, "Too Many Requests")}, "^token: 429, .* did not bypass the limits"),
        ({TOKEN: as_json({"error": "invalid_grant"}, 400, "Bad Request")}, r"^token: .* 400 .* \(error: invalid_grant\)$"),
        (
            {TOKEN: as_json({"error_description": "'very private' is wrong"}, 400, "Bad Request")},
            r"\(error_description: '\*\*\*' is wrong\)$",
        ),
        ({TOKEN: reply(200, b"<html>")}, "^token: the API answered 200 without a JSON object$"),
        ({TOKEN: as_json(["hidden-1"])}, "^token: the API answered 200 without a JSON object$"),
        ({TOKEN: as_json({"token_type": "Bearer"})}, "^token: the API's answer lacks access_token$"),
        *(
            ({TOKEN: as_json({"access_token": odd})}, "^token: the API's answer has a access_token that is no text of visible")
            for odd in (None, "", {"a": 1}, "a\nb", "\u2603", 7)
        ),
        ({REGISTER: as_json(APPLICATION | {"client_id": None}, 201)}, "^register: the API's answer has a client_id that is no"),
        (
            {TOKEN: as_json({"access_token": "hidden-1", "expires_in": "soon"})},
            "expires_in 'soon', which is no number of",
        ),
        ({TOKEN: as_json({"access_token": "hidden-1", "expires_in": -1})}, "expires_in '-1', which is no number of seconds$"),
        (
            {TOKEN: reply(307, reason="Temporary Redirect", Location="/")},
            "^token: the API answered 307 Temporary Redirect, not",
        ),
        ({REGISTER: as_json({}, 201)}, "^register: the API's answer lacks client_id, client_secret$"),
        ({REGISTER: as_json(SILENT, 201), RATE_LIMIT: as_json({"verified": False})}, "'zdt-run-1' is not verified"),
        ({REGISTER: as_json(SILENT, 201), RATE_LIMIT: as_json({})}, "^rate limit: the API's answer lacks verified$"),
        ({REGISTER: as_json({**APPLICATION, "verified": None}, 201)}, "'zdt-run-1' is not verified"),
    ],
)
def test_errors(answers, message, client_of):
    """Each failure is one line that says what and what to do, and shows no secret."""
    with pytest.raises(OAuthError, match=message) as caught:
        client_of(**answers)
    assert "private" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("verified", [False, None, "true", 1, "false"])
def test_rate_limit_says_not_verified(verified, client_of):
    """An application that the API does not plainly hold verified is an error, when asked."""
    client, _, _ = client_of(**{RATE_LIMIT: as_json({"verified": verified})})
    with pytest.raises(OAuthError, match=r"is not verified: .* ZDT_SIGNING_SECRET$"):
        client.rate_limit()


@pytest.mark.parametrize(
    "answer, message",
    [
        (as_json({}, 429, "Too Many Requests"), "^rate limit: 429, .* did not bypass the limits"),
        (as_json({"detail": "no hidden-1"}, 401, "Unauthorized"), r"^rate limit: .* 401 .*\(detail: no \*\*\*\)$"),
        (reply(200, b"fine"), "^rate limit: the API answered 200 without a JSON object$"),
        (as_json({"requests_today": 1}), "^rate limit: the API's answer lacks verified$"),
    ],
)
def test_errors_of_the_rate_limit(answer, message, client_of):
    """What says nothing of the application is an error as well."""
    client, _, _ = client_of(**{RATE_LIMIT: answer})
    with pytest.raises(OAuthError, match=message):
        client.rate_limit()


def test_a_silent_registration_is_asked_about(client_of):
    """An API whose registration does not say whether the application is verified is asked, at once."""
    _, _, server = client_of(**{REGISTER: as_json(SILENT, 201)})
    assert [hit.target for hit in server.hits] == [REGISTER, TOKEN, RATE_LIMIT]


@pytest.mark.parametrize("what", [REGISTER, TOKEN])
def test_credentials_follow_no_redirect(what, client_of, serve):
    """A redirect that would repeat the body elsewhere is an error."""
    elsewhere = serve(reply())
    with pytest.raises(OAuthError, match="the API answered 307"):
        client_of(**{what: reply(307, Location=f"{elsewhere.url}/")})
    assert elsewhere.hits == []


def test_broken_connection_is_requests_own_exception(client_of):
    """A registration that breaks off is no OAuth error, and is not tried again."""
    with pytest.raises(requests.ConnectionError, match=r"^reset: "):
        client_of(**{REGISTER: Reply(b"", "close")})


def test_no_repr_shows_a_secret(client_of):
    """Client secret and token are hidden wherever a client or its session is printed."""
    client, session, _ = client_of()
    client.rate_limit()
    shown = f"{client!r} {vars(client)} {vars(client.session)} {client.session.auth!r} {session.seen}"
    assert "private" not in shown
    assert "hidden" not in shown
    assert client.application["client_secret"].reveal() == "very private"


@pytest.mark.parametrize(
    "answer", [Reply(b"", "close"), Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhidden-1", "close")]
)
def test_no_frame_of_a_traceback_holds_a_secret(answer, client_of):
    """What a traceback with local variables would print of a broken token request holds neither secret nor token."""
    with pytest.raises(requests.RequestException) as caught:
        client_of(**{TOKEN: answer})
    frames = [
        entry.frame.f_locals for entry in caught.traceback if "pytest_zdt" in str(entry.path) or "requests" in str(entry.path)
    ]
    assert len(frames) > 3
    shown = repr(frames)
    assert "very+private" not in shown
    assert "very private" not in shown
    assert "hidden-1" not in shown
