"""What tests print in a load run: kept for each iteration, so that it can be shown with a failure, and nowhere else.

pytest's own capture is of the process, and off between tests.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

MOST: Final = 10_000
"""Characters kept of each stream and iteration."""


class Printing:
    """Keeps what threads print that have called `begin`; what others print goes where it went before.

    ``on`` is False where users want to see all output, as with ``-s``.
    """

    def __init__(self, *, on: bool = True) -> None:
        self._on = on
        self._local = threading.local()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Within this, ``sys.stdout`` and ``sys.stderr`` are ours."""
        if not self._on:
            yield
            return
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (_Stream(stream, name, self._local) for stream, name in zip(before, NAMES, strict=True))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before

    def begin(self) -> None:
        """This thread begins an iteration."""
        self._local.printed = {}

    def printed(self) -> list[tuple[str, str]]:
        """What this thread has printed since then, under the names that pytest gives to such sections, but for the phase."""
        printed: dict[str, list[str]] = getattr(self._local, "printed", {})
        return [(f"Captured {name}", "".join(parts)) for name, parts in printed.items()]


NAMES: Final = ("stdout", "stderr")


class _Stream:
    """A text stream that keeps what the threads of a load print."""

    def __init__(self, stream: Any, name: str, local: threading.local) -> None:
        self._stream, self._name, self._local = stream, name, local

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Keeps a text, or hands it on."""
        printed = getattr(self._local, "printed", None)
        if printed is None:
            return int(self._stream.write(text))
        parts = printed.setdefault(self._name, [])
        if sum(map(len, parts)) < MOST:
            parts.append(text[:MOST])
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """As `write`, of each."""
        for line in lines:
            self.write(line)
