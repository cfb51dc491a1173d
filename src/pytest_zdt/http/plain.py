"""A cheap way to prepare plain requests, with the result of requests' own: most of a run's requests are such.

requests merges six settings and parses the URL anew for each request, at half of the cost of the whole request.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from requests import PreparedRequest, Request, Session
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict


def is_plain(session: Session, request: Request) -> bool:
    """Whether ``request`` is a GET or HEAD of a text URL without a body, cookies or hooks, the session's included."""
    return (
        request.method in ("GET", "HEAD")
        and isinstance(request.url, str)
        and not (request.data or request.files or request.cookies or request.hooks.get("response"))
        and request.json is None
        and not (session.params or session.hooks.get("response") or session.cookies or session.trust_env)
    )


def prepare_plain(session: Session, request: Request) -> PreparedRequest:
    """What ``session`` would prepare for a plain ``request`` (see `is_plain`)."""
    prepared = PreparedRequest()
    prepared.method = request.method
    if request.params:
        prepared.prepare_url(request.url, request.params)
    else:
        prepared.url = _prepared_url(request.url)
    headers = _merged(session.headers, request.headers) if request.headers else session.headers
    prepared.prepare_headers({name: value for name, value in headers.items() if value is not None})
    prepared._cookies = RequestsCookieJar()  # type: ignore[attr-defined]  # a redirect puts its cookies there
    prepared.prepare_auth(request.auth or session.auth, prepared.url)
    return prepared


def _merged(ours: Mapping[str, str | bytes], given: Mapping[str, str | bytes | None]) -> Mapping[str, str | bytes | None]:
    merged: CaseInsensitiveDict[str | bytes | None] = CaseInsensitiveDict(ours)
    merged.update(given)
    return merged


@lru_cache(maxsize=4096)
def _prepared_url(url: str) -> str | None:
    prepared = PreparedRequest()
    prepared.prepare_url(url, None)
    return prepared.url
