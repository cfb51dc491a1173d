"""Endpoint names: a report speaks of routes, never of raw URLs."""

from __future__ import annotations

import re
from functools import lru_cache

_ID = re.compile(
    r"[0-9]+"
    r"|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # UUID, RFC 9562
    r"|[0-9a-fA-F]{16,}"  # digests, object ids, UUIDs without hyphens
)


@lru_cache(maxsize=4096)
def endpoint_name(method: str, path: str) -> str:
    """The name of a request in reports, such as ``GET /v1/images/{id}/thumb/``.

    Path segments that are numbers, UUIDs or hexadecimal of 16 digits and more become ``{id}``; a query or fragment is left out.
    """
    path = re.split(r"[?#]", path, maxsplit=1)[0] or "/"
    return f"{method.upper()} " + "/".join("{id}" if _ID.fullmatch(part) else part for part in path.split("/"))
