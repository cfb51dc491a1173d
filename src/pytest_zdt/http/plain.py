"""A cheap way to prepare plain requests, with the result of requests' own: most of a run's requests are such.

requests merges six settings and parses the URL anew for each request, at half of the cost of the whole request.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote_plus

from requests import PreparedRequest, Request, Session
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict

from pytest_zdt.http.headers import copied, pairs_of


def is_plain(session: Session, request: Request) -> bool:
    """Whether ``request`` is a GET or HEAD of a text URL without a body, cookies or hooks, the session's included."""
    return (
        request.method in ("GET", "HEAD")
        and isinstance(request.url, str)
        and not (request.data or request.files or request.cookies or request.hooks.get("response"))
        and request.json is None
        and has_plain_settings(session)
    )


def has_plain_settings(session: Session) -> bool:
    """Whether the session adds headers and auth to its requests, and nothing else."""
    return not (session.params or session.hooks.get("response") or session.cookies or session.trust_env)


def prepare_plain(session: Session, request: Request) -> PreparedRequest:
    """What ``session`` would prepare for a plain ``request`` (see `is_plain`)."""
    headers = _merged(session.headers, request.headers) if request.headers else session.headers
    prepared = prepared_from(str(request.method), str(request.url), request.params, headers)
    prepared.prepare_auth(request.auth or session.auth, str(prepared.url))
    return prepared


def prepared_from(method: str, url: str, params: object, headers: Mapping[str, str | bytes | None]) -> PreparedRequest:
    """A prepared request without body, cookies, hooks and auth; ``headers`` that are None are left out."""
    prepared = PreparedRequest()
    prepared.method = method
    prepared.url = _with_params(url, params) if params else _prepared_url(url)
    prepared.headers = _headers(tuple(pairs_of(headers)))
    prepared._cookies = RequestsCookieJar()  # type: ignore[attr-defined]  # a redirect puts its cookies there
    return prepared


def _merged(ours: Mapping[str, str | bytes], given: Mapping[str, str | bytes | None]) -> Mapping[str, str | bytes | None]:
    merged: CaseInsensitiveDict[str | bytes | None] = CaseInsensitiveDict(ours)
    merged.update(given)
    return merged


def _headers(pairs: tuple[tuple[str, str | bytes | None], ...]) -> CaseInsensitiveDict[str]:
    try:
        return copied(_prepared_headers(pairs))
    except TypeError:  # what cannot be hashed cannot be sent either: requests says it better
        return _prepared_headers.__wrapped__(pairs)


@lru_cache(maxsize=256)
def _prepared_headers(pairs: tuple[tuple[str, str | bytes | None], ...]) -> CaseInsensitiveDict[str]:
    prepared = PreparedRequest()
    prepared.prepare_headers({name: value for name, value in pairs if value is not None})
    return prepared.headers


def _with_params(url: str, params: object) -> str | None:
    """The prepared URL with a query of ``params``; those that are a dictionary of texts and numbers take the short way."""
    prepared = _prepared_url(url)
    query = _query(params) if isinstance(params, dict) else None
    if query and prepared and prepared.startswith("http") and "#" not in prepared and "%" not in prepared:
        return f"{prepared}{'&' if '?' in prepared else '?'}{query}"
    whole = PreparedRequest()
    whole.prepare_url(url, params)
    return whole.url


def _query(params: dict[object, object]) -> str | None:
    """The query as requests writes it; None where that takes more than quoting."""
    parts = []
    for name, value in params.items():
        if type(name) is not str or type(value) not in (str, int):
            return None
        parts.append(f"{_quoted(name)}={_quoted(value)}")
    return "&".join(parts)


@lru_cache(maxsize=4096)
def _quoted(value: object) -> str:
    return quote_plus(str(value))


@lru_cache(maxsize=4096)
def _prepared_url(url: str) -> str | None:
    prepared = PreparedRequest()
    prepared.prepare_url(url, None)
    return prepared.url
