"""An OAuth application of the run's own: registered with a signed request, verified at once, with a token that is renewed."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, quote_plus

from requests import PreparedRequest, Response
from requests.auth import AuthBase

from pytest_zdt.http.session import SignedSession
from pytest_zdt.http.tokens import Token
from pytest_zdt.target import Secret

_HINT = "check the target's secret and the API's ZDT_SIGNING_SECRET"
MARGIN = 30.0
"""Seconds before a token's end at which it is renewed; of a token that lives shorter than 5 minutes, a tenth of its life."""

_SECRETS = ("client_secret", "access_token", "refresh_token")


class OAuthError(Exception):
    """The API did not give an application or a token as it should; one line that says what and what to do."""


class OAuthClient:
    """Registers an application under ``name`` and gets a token with its client credentials, both with signed requests.

    ``name`` must be new to the API: let it contain the run's id. ``session`` is the `SignedSession` of a virtual user; its
    transport carries the authenticated requests too. The paths are those of Openverse's API; ``clock`` gives seconds. Raises
    `OAuthError`, also when the application is not verified, and requests' exceptions when the connection fails; nothing is tried
    twice, and no redirect is followed with credentials.
    """

    def __init__(
        self,
        session: SignedSession,
        name: str,
        *,
        description: str = "Registered by pytest-zdt for the time of a test run.",
        email: str = "zdt@example.org",
        register_path: str = "/v1/auth_tokens/register/",
        token_path: str = "/v1/auth_tokens/token/",
        rate_limit_path: str = "/v1/rate_limit/",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._signed = session
        self._token_path = token_path
        self._rate_limit_path = rate_limit_path
        self._clock = clock
        self._renew_at: float | None = None
        self.application = self._register(register_path, {"name": name, "description": description, "email": email})
        """What the API answered to the registration; ``client_secret`` in it is a `Secret`."""
        self.session = session.sibling()
        """A `SignedSession` whose requests carry the token: flow ``token``, made by the version that issued it."""
        self.token = Secret("")
        """The access token in use."""
        self.token_made_by = ""
        """The version that issued it; empty when its answer named none."""
        self.refresh()
        if "verified" not in self.application:
            self.rate_limit()

    def __repr__(self) -> str:
        return f"OAuthClient({self.application.get('name')!r}, token_made_by={self.token_made_by!r})"

    def refresh(self) -> None:
        """Gets a new token for the application; `session` uses it from then on."""
        credentials = _ClientCredentials(self.application["client_id"], self.application["client_secret"])
        asked = self._clock()
        response = self._signed.post(self._token_path, auth=credentials, allow_redirects=False)
        _check(response, HTTPStatus.OK, "token", self.application["client_secret"])
        answer = _read(response, "token", "access_token")
        life = _life(answer.get("expires_in"))
        self.token, self._renew_at = answer["access_token"], None if life is None else asked + life - min(life / 10, MARGIN)
        self.token_made_by = _version(response)
        self.session.auth = Token(self.token, self.token_made_by)

    def is_due(self) -> bool:
        """Whether the token should be renewed: a tenth of its life is left, or `MARGIN`. Never, if the API named no life."""
        return self._renew_at is not None and self._clock() >= self._renew_at

    def rate_limit(self) -> dict[str, Any]:
        """What the API says of the token's limits. Raises `OAuthError` unless it says that the application is verified."""
        response = self.session.get(self._rate_limit_path)
        _check(response, HTTPStatus.OK, "rate limit", self.token)
        answer = _read(response, "rate limit", "verified")
        if answer["verified"] is not True:
            raise OAuthError(_not_verified(str(self.application.get("name"))))
        return answer

    def _register(self, path: str, fields: dict[str, str]) -> dict[str, Any]:
        response = self._signed.post(path, json=fields, allow_redirects=False)
        if response.status_code == HTTPStatus.BAD_REQUEST and _is_taken(response):
            raise OAuthError(f"register: the name {fields['name']!r} is taken; every run and virtual user needs one of its own")
        _check(response, HTTPStatus.CREATED, "register")
        application = _read(response, "register", "client_id", "client_secret")
        if application.get("verified", True) is not True:
            raise OAuthError(_not_verified(fields["name"]))
        return application


class _ClientCredentials(AuthBase):
    """Writes the form of a token request (RFC 6749 section 4.4.2) late, so that no frame of a traceback holds the secret."""

    def __init__(self, client_id: str, client_secret: Secret) -> None:
        self._client_id = client_id
        self._client_secret = client_secret

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        form = {"grant_type": "client_credentials", "client_id": self._client_id, "client_secret": self._client_secret.reveal()}
        request.prepare_body(form, None)
        return request


def _check(response: Response, wanted: HTTPStatus, what: str, sent: Secret | None = None) -> None:
    status = response.status_code
    if status == wanted:
        return
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise OAuthError(f"{what}: 429, the API limits the rate: the signature did not bypass the limits; {_HINT}")
    raise OAuthError(f"{what}: the API answered {status} {response.reason}, not {int(wanted)}{_complaints(response, sent)}")


def _read(response: Response, what: str, *keys: str) -> dict[str, Any]:
    """The JSON object of an answer, its secrets made `Secret` at once."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise OAuthError(f"{what}: the API answered {response.status_code} without a JSON object")
    odd = [key for key in ("client_id", *_SECRETS) if key in keys and key in answer and not _is_token(answer[key])]
    answer = {key: Secret(str(value)) if key in _SECRETS else value for key, value in answer.items()}
    missing = [key for key in keys if key not in answer]
    if missing:
        raise OAuthError(f"{what}: the API's answer lacks {', '.join(missing)}")
    if odd:
        raise OAuthError(f"{what}: the API's answer has a {odd[0]} that is no text of visible ASCII characters")
    return answer


def _is_token(value: object) -> bool:
    """Whether it is of the characters that RFC 6749, appendix A, allows for these."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()


def _life(expires_in: object) -> float | None:
    """Seconds that a token lives (RFC 6749 section 5.1, where it is only recommended), from when it was asked for."""
    if expires_in is None:
        return None
    try:
        life = float(str(expires_in))
    except ValueError:
        life = -1.0
    if not 0 < life < float("inf"):
        raise OAuthError(f"token: the API's answer has expires_in {str(expires_in)[:40]!r}, which is no number of seconds")
    return life


def _fields(response: Response) -> dict[str, str]:
    """A refusal's complaints by field, as Django REST framework and OAuth servers give them."""
    try:
        answer = response.json()
    except ValueError:
        return {}
    if not isinstance(answer, dict):
        return {}
    return {key: " ".join(map(str, value)) if isinstance(value, list) else str(value) for key, value in answer.items()}


def _complaints(response: Response, sent: Secret | None) -> str:
    """What a refusal says, without the secret that was ``sent``: some servers repeat it."""
    complaints = "; ".join(f"{key}: {text}" for key, text in _fields(response).items() if key not in _SECRETS)
    if sent:
        for form in (quote_plus(sent.reveal()), quote(sent.reveal(), safe=""), sent.reveal()):
            complaints = complaints.replace(form, "***")
    return f" ({complaints[:200]})" if complaints and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else ""


def _is_taken(response: Response) -> bool:
    return "already exists" in _fields(response).get("name", "")


def _not_verified(name: str) -> str:
    return f"the application {name!r} is not verified: the API did not accept the signature of its registration; {_HINT}"


def _version(response: Response) -> str:
    sample = getattr(response, "zdt", None)
    return str(sample.version) if sample is not None else ""
