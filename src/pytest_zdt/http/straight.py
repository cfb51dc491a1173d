"""A plain GET on the straight way: to its adapter and back without requests' general machinery, with the result of that.

Whatever the straight way does not know - hooks, auth, cookies, other arguments, methods that somebody has replaced - goes the
way of `requests.Session`, and so does all that follows on a redirect.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from operator import attrgetter
from typing import Any

import requests
from requests import PreparedRequest, Response
from requests.cookies import extract_cookies_to_jar
from requests.models import REDIRECT_STATI
from requests.structures import CaseInsensitiveDict

from pytest_zdt.http.plain import has_plain_settings, prepared_from
from pytest_zdt.http.tokens import Token

_KNOWN = frozenset({"params", "allow_redirects"})
_SKIPPED = ("prepare_request", "send", "merge_environment_settings", "get_redirect_target")
_skipped = attrgetter(*_SKIPPED)
_of_requests = attrgetter("request", "prepare_request", "send")


def skipped_methods(kind: type[requests.Session]) -> tuple[object, ...]:
    """The methods, of that class and of requests' own, that the straight way takes no notice of."""
    return (*_skipped(kind), *_of_requests(requests.Session))


def is_straight(session: requests.Session, method: str, url: object, settings: Mapping[str, Any]) -> bool:
    """Whether a request with these keyword arguments is a plain GET, with all that the session has at the moment."""
    return (
        method == "GET"
        and type(url) is str
        and settings.keys() <= _KNOWN
        and settings.get("allow_redirects", True) is True
        and (session.auth is None or type(session.auth) is Token)
        and type(session.headers) is CaseInsensitiveDict
        and not session.proxies
        and has_plain_settings(session)
        and vars(session).keys().isdisjoint(_SKIPPED)
    )


def get(session: requests.Session, url: str, params: object, timeout: float) -> Response:
    """What ``session.get(url, params=params, timeout=timeout)`` gives, for an absolute URL and where `is_straight` said yes."""
    request = prepared_from("GET", url, params, session.headers)
    if session.auth is not None or "@" in str(request.url):
        request.prepare_auth(session.auth, str(request.url))
    options: dict[str, Any] = {
        "timeout": timeout,
        "proxies": {},
        "stream": session.stream,
        "verify": session.verify,
        "cert": session.cert,
    }
    adapter = session.get_adapter(str(request.url))
    began = time.perf_counter()
    response = adapter.send(request, **options)
    response.elapsed = timedelta(seconds=time.perf_counter() - began)
    for hop in response.history:
        extract_cookies_to_jar(session.cookies, hop.request, hop.raw)  # type: ignore[no-untyped-call]
    extract_cookies_to_jar(session.cookies, request, response.raw)  # type: ignore[no-untyped-call]
    return _followed(session, response, request, options) if response.status_code in REDIRECT_STATI else response


def _followed(session: requests.Session, response: Response, request: PreparedRequest, options: dict[str, Any]) -> Response:
    """The answer at the end of the redirects, with those before as its history."""
    answers: list[Response] = [response, *session.resolve_redirects(response, request, **options)]
    last = answers.pop()
    if answers:
        last.history = answers
    return last
