"""What a command prints, on its way to a file: without secrets, and of very much only the first and the last part."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import os
import re
import select
import threading
import time
import urllib.parse
from collections.abc import Iterable
from typing import Final

FIRST: Final = 8 << 20
"""Bytes that are kept from the beginning of an output."""
LAST: Final = 1 << 20
"""Bytes that are kept from its end."""
HIDDEN: Final = b"***"
LEAST_LINE: Final = 8
"""Characters of one of a secret's lines below which it may be anybody's."""
LEAST_CODED: Final = 8
"""Characters of a secret that is written in another way below which they may be anybody's."""
END_WITHIN: Final = 0.1
"""Seconds for the reader to see that nobody can print any more."""
DRAIN_WITHIN: Final = 2.0
"""Seconds for what a command has printed to be read, once it has ended: what it left behind may print on."""


def forms(secret: str) -> list[bytes]:
    """A secret as it is, and as programs write it: in JSON, in URLs, in HTML, in base 64, in hexadecimal; longest first.

    Of one with lines, or with white space around it, as files have it, each line by itself too.
    """
    lines = {line for line in map(str.strip, secret.splitlines()) if len(line) >= LEAST_LINE or line == secret.strip()}
    found = set().union(*map(_written, {secret, *lines}))
    return sorted(found - {b""}, key=lambda form: (-len(form), form))


def _written(secret: str) -> set[bytes]:
    raw = secret.encode("utf-8", "surrogateescape")
    quoted = {urllib.parse.quote_plus(raw), *(urllib.parse.quote(raw, safe=safe) for safe in ("/", "", "!~*'()"))}
    small = {re.sub("%..", lambda found: found[0].lower(), text) for text in quoted}
    once = json.dumps(secret)[1:-1]
    texts = {repr(secret)[1:-1], once, once.replace("/", "\\/"), json.dumps(once)[1:-1], html.escape(secret)}
    texts |= {raw.hex(), raw.hex().upper(), *quoted, *small}
    others = {*_coded(raw), *(text.encode("utf-8", "backslashreplace") for text in texts)}
    return {raw, *(form for form in others if len(form) >= LEAST_CODED)}


def _coded(raw: bytes) -> set[bytes]:
    """What base 64 makes of it: alone, and within more, such as ``user:secret``, what does not depend on its neighbours."""
    texts = {base64.b64encode(raw).rstrip(b"=")}
    for before in range(3):
        inner = base64.b64encode(bytes(before) + raw)[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        texts.add(inner)
    return texts | {text.translate(bytes.maketrans(b"+/", b"-_")) for text in texts}


def mask(text: str, secret: str) -> str:
    """A text with `HIDDEN` in place of each form of the secret."""
    for form in forms(secret):
        text = text.replace(form.decode("utf-8", "surrogateescape"), HIDDEN.decode())
    return text


class Output:
    """Writes to the open, empty file ``file``: up to ``first`` bytes, then the ``last`` ones, with a line between them.

    What looks like the beginning of a secret is held back until more comes, or until `settle` says that nothing will. Not for
    several threads at once.
    """

    def __init__(self, file: int, secrets: Iterable[bytes], first: int = FIRST, last: int = LAST) -> None:
        self._file, self._first, self._last = file, first, last
        self._secrets = list(secrets)
        self._pattern = re.compile(b"|".join(map(re.escape, self._secrets))) if self._secrets else None
        self._held = b""
        self._written = self._left_out = self._unsettled = 0
        self._end = bytearray()

    def take(self, data: bytes) -> None:
        """More of the output. Raises `OSError` where it cannot be written."""
        data = self._held + data
        if self._pattern is not None:
            data = self._pattern.sub(HIDDEN, data)
        held = self._beginning(data)
        self._held = data[len(data) - held :]
        self._put(data[: len(data) - held])

    def settle(self) -> None:
        """Nothing more comes: all of it is in the file when this returns. Raises `OSError`."""
        held, self._held = self._held, b""
        self._put(held)
        self.show()

    def show(self) -> None:
        """All that came so far is in the file when this returns, but for what is held back. Raises `OSError`."""
        self._unsettled = 0
        if self._end:
            note = f"\n[... {self._left_out} bytes are left out ...]\n".encode() if self._left_out else b""
            text = note + self._end
            os.pwrite(self._file, text, self._first)
            os.ftruncate(self._file, self._first + len(text))

    def _beginning(self, data: bytes) -> int:
        """How many bytes at the end may be the beginning of a secret."""
        most = min(len(data), max(map(len, self._secrets), default=1) - 1)
        tails = ((size, data[-size:]) for size in range(most, 0, -1))
        return next((size for size, tail in tails if any(one.startswith(tail) for one in self._secrets)), 0)

    def _put(self, data: bytes) -> None:
        begin = data[: max(0, self._first - self._written)]
        self._written += len(begin)
        rest = memoryview(begin)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self._end += data[len(begin) :]
        self._unsettled += len(data) - len(begin)
        if (surplus := len(self._end) - self._last) > 0:
            del self._end[:surplus]
            self._left_out += surplus
        if self._unsettled > self._last:  # now and then, for whoever looks, or kills
            self.show()


class Pump(threading.Thread):
    """Reads a pipe to its end into an output. Where that cannot be written, it reads on: the command must not wait for it."""

    def __init__(self, pipe: int, output: Output) -> None:
        super().__init__(name="zdt-pump", daemon=True)
        self._pipe, self._output = pipe, output
        self._lock = threading.Lock()

    def run(self) -> None:
        """Until all that hold the other end have closed it."""
        while True:
            select.select([self._pipe], [], [])
            with self._lock, contextlib.suppress(OSError):
                data = os.read(self._pipe, 1 << 16)
                if not data:
                    self._output.settle()
                    return
                self._output.take(data)

    def drain(self) -> None:
        """Returns when all that was printed before this call is in the file; waits `DRAIN_WITHIN` at most.

        Where others still hold the pipe, what may be the beginning of a secret waits for what they print.
        """
        end = time.monotonic() + DRAIN_WITHIN
        while self.is_alive() and select.select([self._pipe], [], [], 0)[0] and time.monotonic() < end:
            time.sleep(0.005)
        self.join(END_WITHIN)
        with self._lock, contextlib.suppress(OSError):
            self._output.show()
