"""What both transports know of one request: how far it came, and what they tell the session of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from requests.structures import CaseInsensitiveDict


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


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers of an answer, of the final one when interim (1xx) answers came before it."""

    status: int = 0
    reason: str = ""
    pairs: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    complete: bool = False
    """Whether the empty line that ends the headers has come; without it the connection ended inside the headers."""

    def headers(self) -> CaseInsensitiveDict[str]:
        """The headers as requests gives them: repeated ones joined by a comma."""
        joined: CaseInsensitiveDict[str] = CaseInsensitiveDict()
        for name, value in self.pairs:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return joined

    def cookies(self) -> list[str]:
        """The values of all ``Set-Cookie`` headers."""
        return [value for name, value in self.pairs if name.lower() == "set-cookie"]


def parse_head(lines: Iterable[bytes]) -> Head:
    """Reads an answer's head from its raw lines; trailers after it are left out."""
    status, reason, complete = 0, "", False
    pairs: list[tuple[str, str]] = []
    for line in lines:
        text = line.decode("latin-1").rstrip("\r\n")  # as http.client reads them
        if text.startswith("HTTP/") and status < HTTPStatus.OK:
            status, reason = _status_line(text)
            pairs, complete = [], False
        elif complete:
            break
        elif not text:
            complete = True
        elif text[0] in " \t" and pairs:  # obsolete line folding, RFC 9112 section 5.2
            name, value = pairs.pop()
            pairs.append((name, f"{value} {text.strip()}"))
        else:
            name, _, value = text.partition(":")
            pairs.append((name.strip(), value.strip()))
    return Head(status, reason, tuple(pairs), complete)


def _status_line(text: str) -> tuple[int, str]:
    _, _, rest = text.partition(" ")
    code, _, reason = rest.strip().partition(" ")
    return int(code) if code.isdecimal() else 0, reason.strip()
