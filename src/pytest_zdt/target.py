"""What is under test: frozen data that every other module may import. Imports nothing of this project."""

from __future__ import annotations

from dataclasses import dataclass, field


class Secret:
    """A text that no repr, log or traceback shows; ``reveal()`` gives it to whoever must compute with it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself. Keep it out of local variables that a traceback could print."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret('***')" if self._text else "Secret('')"

    __str__ = __repr__


@dataclass(frozen=True)
class VersionSource:
    """Where an answer says which version made it.

    ``kind`` is ``header`` (``key`` is the header's name), ``json`` (``key`` is a JSON pointer into the answer's body) or ``url``
    (``key`` is a path, polled beside the load, ``pointer`` the JSON pointer or key in its body).
    """

    kind: str = "header"
    key: str = "x-zdt-version"
    pointer: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}" + (f"#{self.pointer}" if self.pointer else "")


@dataclass(frozen=True)
class Target:
    """A named API under test. Durations are seconds."""

    name: str
    base_url: str
    signing: str = "none"
    """``timed-hmac``, ``rfc9421`` or ``none``."""
    secret: Secret = field(default_factory=lambda: Secret(""))
    mac_header: str = "x-ov-cf-mac"
    timestamp_header: str = "x-ov-cf-timestamp"
    version: VersionSource = VersionSource()
    timeout: float = 10.0
    production: bool = False
    http2: bool = False
    """Whether HTTP/2 may be used, when the API offers it over TLS."""
