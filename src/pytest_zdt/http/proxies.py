"""The proxy of a request, when one was asked for; a proxy's credentials are in no text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from requests.exceptions import InvalidProxyURL
from requests.utils import get_auth_from_url, prepend_scheme_if_needed, select_proxy, urldefragauth
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy is, without user information, and who is known there."""

    url: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def scheme(self) -> str:
        """How the proxy itself is spoken to, in lower case."""
        return self.url.partition("://")[0].lower()


def proxy_of(url: str, proxies: Mapping[str, str] | None) -> Proxy | None:
    """The proxy that ``proxies``, as requests has them, name for ``url``. Raises `InvalidProxyURL` for one without a host."""
    chosen = select_proxy(url, dict(proxies)) if proxies else None
    if not chosen:
        return None
    try:
        whole = prepend_scheme_if_needed(chosen, "http")  # type: ignore[no-untyped-call]
        host = parse_url(whole).host
    except (LocationParseError, TypeError):  # the text of the first holds the URL; the second is what requests makes of no host
        host = None
    if not host:
        raise InvalidProxyURL("the proxy's URL has no host, or cannot be read: write http://host:port")
    user, password = get_auth_from_url(whole)
    return Proxy(urldefragauth(whole), user, password)
