"""Headers of requests and answers, as cheap as `CaseInsensitiveDict` can be.

Its own methods go through those of an abstract mapping, at a third of a microsecond for each header; this is the one module
that knows what is inside: a dictionary of lower-case name -> (name, value).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, TypeVar

from requests.structures import CaseInsensitiveDict

Value = TypeVar("Value")
Entry = tuple[str, tuple[str, str]]
"""One header as it is inside: its name in lower case, its name as written and its value."""


SHOWN = frozenset(
    [
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "range",
        "transfer-encoding",
        "user-agent",
    ]
)
"""Headers of requests, in lower case, whose values may be printed."""


class Headers(CaseInsensitiveDict[Any]):
    """The headers of a request; its repr, which tracebacks print, tells the names and only the values of `SHOWN`.

    Frames of requests hold a request's headers, signed and with their token, in local variables.
    """

    def __repr__(self) -> str:
        return repr({name: value if str(name).lower() in SHOWN else "***" for name, value in self.items()})

    def copy(self) -> Headers:
        """Another one with the same headers."""
        return copied(self)


def pairs_of(headers: Mapping[str, Value]) -> Collection[tuple[str, Value]]:
    """Names as they were written, and values, in their order."""
    inside: Any = headers
    return inside._store.values() if isinstance(headers, CaseInsensitiveDict) else headers.items()


def lower_names(headers: Mapping[str, object]) -> Collection[str]:
    """The names in lower case."""
    inside: Any = headers
    return inside._store if isinstance(headers, CaseInsensitiveDict) else {name.lower() for name in headers}


def discard(headers: MutableMapping[str, Value], lower: Collection[str]) -> None:
    """Takes headers away, if they are there; ``lower`` are names in lower case."""
    inside: Any = headers
    if isinstance(headers, CaseInsensitiveDict):
        for name in lower:
            inside._store.pop(name, None)
    else:
        for name in [name for name in headers if name.lower() in lower]:
            del headers[name]


def copied(headers: CaseInsensitiveDict[Any]) -> Headers:
    """What ``headers.copy()`` gives, with a repr that hides."""
    original: Any = headers
    copy: Any = Headers.__new__(Headers)
    copy._store = original._store.copy()
    return copy  # type: ignore[no-any-return]


def joined(entries: Collection[Entry]) -> CaseInsensitiveDict[str]:
    """The headers of an answer as requests gives them: repeated ones joined by a comma."""
    headers: Any = CaseInsensitiveDict.__new__(CaseInsensitiveDict)
    headers._store = store = dict(entries)
    if len(store) < len(entries):
        store.clear()
        for lower, (name, value) in entries:
            store[lower] = (name, f"{store[lower][1]}, {value}" if lower in store else value)
    return headers  # type: ignore[no-any-return]
