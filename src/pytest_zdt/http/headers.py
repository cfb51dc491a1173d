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


class Hidden(str):
    """A header's value that no repr shows: frames of requests hold headers in local variables, and tracebacks print those."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def hide(headers: MutableMapping[str, Any], lower: Collection[str]) -> None:
    """Makes the values of headers `Hidden`, where they are there; ``lower`` are names in lower case."""
    inside: Any = headers
    if isinstance(headers, CaseInsensitiveDict):
        for lower_name in lower:
            name, value = inside._store.get(lower_name, ("", None))
            if type(value) is str:
                inside._store[lower_name] = name, Hidden(value)
    else:
        headers.update({name: Hidden(value) for name, value in headers.items() if name.lower() in lower and type(value) is str})


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


def copied(headers: CaseInsensitiveDict[Value]) -> CaseInsensitiveDict[Value]:
    """What ``headers.copy()`` gives."""
    original: Any = headers
    copy: Any = CaseInsensitiveDict.__new__(CaseInsensitiveDict)
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
