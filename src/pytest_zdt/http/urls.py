"""The parts of URLs, each parsed once, and cheaply where that is safe: a load test has many."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from requests import PreparedRequest

_BEFORE_PATH = re.compile(r"https?://[^/?#\\\s]+")


@lru_cache(maxsize=4096)
def connection_and_target(url: str) -> tuple[str, str]:
    """Where to connect, as a URL without user information, and the request target: `PreparedRequest.path_url`."""
    before = _BEFORE_PATH.match(url)
    target = url[before.end() :] if before else ""
    if before and target.startswith("/") and "#" not in target and target[-1] != "?" and target.isprintable():
        return _connection(before[0]), target
    request = PreparedRequest()
    request.url = url
    return _connection(url), request.path_url


@lru_cache(maxsize=256)
def _connection(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"


@lru_cache(maxsize=4096)
def origin(url: str) -> str:
    """Scheme, host and port of ``url``, without user information and with no default port."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme.lower())
    port = "" if parts.port in (None, default) else f":{parts.port}"
    host = parts.hostname or ""
    return f"{parts.scheme.lower()}://{f'[{host}]' if ':' in host else host}{port}"


def is_downgrade(url: str, following: str) -> bool:
    """Whether to go from ``url`` to the ``following`` one leaves TLS."""
    return urlsplit(url).scheme.lower() == "https" and urlsplit(following).scheme.lower() == "http"
