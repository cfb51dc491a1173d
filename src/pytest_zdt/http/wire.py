"""What both transports know of one request: how far it came, and what they tell the session of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Final, NamedTuple

from requests.structures import CaseInsensitiveDict

from pytest_zdt.http.headers import Entry, joined

_FINAL: Final = int(HTTPStatus.OK)  # the statuses below are interim


class Phases(NamedTuple):
    """What opening the connection took, in seconds each; 0 on a kept connection, and for what was not done or is not known."""

    lookup: float = 0.0
    """Of the name."""
    connect: float = 0.0
    """Of the TCP connection."""
    tls: float = 0.0
    """Of the handshake."""


NONE: Final = Phases()


@dataclass(frozen=True, slots=True)
class Wire:
    """What a transport measured: ``response.zdt_wire`` of an answer, ``error.zdt_wire`` of the exception of a failure."""

    latency: float = 0.0
    """Seconds from the sending, on an open connection, to the first byte of the answer; 0 without one."""
    reused: bool = False
    """Whether the request went over a connection that was kept alive."""
    kind: str = ""
    """The failure kind, a key of `pytest_zdt.evidence.kinds.GUILT`; empty for an answer."""
    detail: str = ""
    """A short text on the failure, without the URL."""
    status: int = 0
    """The status of the broken answer, when its status line had come."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The headers of the broken answer that had come."""
    phases: Phases = NONE
    """What opening the connection took."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers of an answer, of the final one when interim (1xx) answers came before it."""

    status: int = 0
    reason: str = ""
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    complete: bool = False
    """Whether the empty line that ends the headers has come; without it the connection ended inside the headers."""

    def headers(self) -> CaseInsensitiveDict[str]:
        """The headers as requests gives them: repeated ones joined by a comma."""
        return joined(self.entries)

    def cookies(self) -> list[str]:
        """The values of all ``Set-Cookie`` headers."""
        return [value for name, (_, value) in self.entries if name == "set-cookie"]


def parse_head(lines: Sequence[bytes]) -> Head:
    """Reads an answer's head from its raw lines; trailers after it are left out."""
    entries = [*map(_entry, lines)]
    ordinary = entries.count(None) == 2 and lines[0].startswith(b"HTTP/") and lines[-1] == b"\r\n"
    status, reason = _status_line(lines[0]) if ordinary else (0, "")
    if status < _FINAL:
        return _parse_slowly(lines)
    return Head(status, reason, tuple(entries[1:-1]), True)  # type: ignore[arg-type]  # the two that are None are cut off


def _parse_slowly(lines: Sequence[bytes]) -> Head:
    """Any head: with interim answers before it, trailers after it, folded lines, or cut short."""
    status, reason, complete = 0, "", False
    entries: list[Entry] = []
    for line in lines:
        text = line.decode("latin-1").rstrip("\r\n")  # as http.client reads them
        if text.startswith("HTTP/") and status < _FINAL:
            status, reason = _status_line(line)
            entries, complete = [], False
        elif complete:
            break
        elif not text:
            complete = True
        elif text[0] in " \t" and entries:  # obsolete line folding, RFC 9112 section 5.2
            lower, (name, value) = entries.pop()
            entries.append((lower, (name, f"{value} {text.strip()}")))
        else:
            entries.append(_split(text))
    return Head(status, reason, tuple(entries), complete)


@lru_cache(maxsize=1024)  # most lines of an answer were in the one before
def _entry(line: bytes) -> Entry | None:
    """An ordinary header; None for a line that means something else, or may."""
    text = line.decode("latin-1").rstrip("\r\n")
    return None if not text or text[0] in " \t" or text.startswith("HTTP/") else _split(text)


def _split(text: str) -> Entry:
    name, _, value = text.partition(":")
    return name.strip().lower(), (name.strip(), value.strip())


@lru_cache(maxsize=256)
def _status_line(line: bytes) -> tuple[int, str]:
    _, _, rest = line.decode("latin-1").partition(" ")
    code, _, reason = rest.strip().partition(" ")
    return int(code) if code.isdecimal() else 0, reason.strip()
