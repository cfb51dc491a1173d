"""What a command prints, on its way to a file: without secrets, and of very much only the first and the last part."""

from __future__ import annotations

import base64
import bisect
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
BASE64_COLUMNS: Final = (76, 64)
"""Where base64 and openssl begin a new line."""
HEX_COLUMNS: Final = 60
"""Where ``xxd -p`` does."""
BASH_SPECIAL: Final = re.compile(r"[] !\"$&'()*,;<>?[\\^`{|}]")
"""What bash's ``printf %q`` puts a backslash before, wherever it stands."""
END_WITHIN: Final = 0.1
"""Seconds for the reader to see that nobody can print any more."""
DRAIN_WITHIN: Final = 2.0
"""Seconds for what a command has printed to be read, once it has ended: what it left behind may print on."""


def forms(secret: str) -> list[bytes]:
    """A secret as it is, and as programs write it: in JSON, URLs, HTML, shells, base 64, hexadecimal; longest first.

    Of one with lines, or with white space around it, as files have it, each line by itself too; so of what is wrapped.
    """
    lines = {line for line in map(str.strip, secret.splitlines()) if len(line) >= LEAST_LINE or line == secret.strip()}
    found = set().union(*map(_written, {secret, *lines}), _wrapped(secret.strip()))
    return sorted(found - {b""}, key=lambda form: (-len(form), form))


def _written(secret: str) -> set[bytes]:
    raw = secret.encode("utf-8", "surrogateescape")
    quoted = {urllib.parse.quote_plus(raw), *(urllib.parse.quote(raw, safe=safe) for safe in ("/", "", "!~*'()"))}
    small = {re.sub("%..", lambda found: found[0].lower(), text) for text in quoted}
    once = json.dumps(secret)[1:-1]
    texts = {repr(secret)[1:-1], once, once.replace("/", "\\/"), json.dumps(once)[1:-1], html.escape(secret)}
    texts |= {*quoted, *small}
    digits = {form for text in (raw.hex(), raw.hex().upper()) for form in _lines(text.encode(), HEX_COLUMNS)}
    others = {*_coded(raw), *digits, *(text.encode("utf-8", "backslashreplace") for text in texts)}
    return {raw, *_in_shells(secret), *(form for form in others if len(form) >= LEAST_CODED)}


def _in_shells(secret: str) -> set[bytes]:
    """As shells quote it, without the quotes around it: between single or double ones, with backslashes, as ``$'...'``."""
    bare = BASH_SPECIAL.sub(r"\\\g<0>", secret)
    singles = (secret.replace("'", quote) for quote in ("'\\''", "'\"'\"'"))  # bash; Python's shlex
    dash = re.sub("'+", r"""'"\g<0>"'""", secret)
    texts = {text.removeprefix("'").removesuffix("'") for text in (*singles, dash)}
    texts |= {bare, f"\\{bare}" if bare[:1] in ("#", "~") else bare, re.sub(r'["$\\`]', r"\\\g<0>", secret)}
    whole = {text.encode("utf-8", "surrogateescape") for text in texts}
    return whole | {_ansi(secret.encode("utf-8", "surrogateescape"), last) for last in (0x7E, 0xFF)}


def _ansi(raw: bytes, last: int) -> bytes:
    """As bash writes it within ``$'...'``, where bytes up to ``last`` can be printed, all or those of ASCII."""
    named = {ord(char): f"\\{name}" for char, name in zip("\a\b\t\n\v\f\r\x1b'\\", "abtnvfrE'\\", strict=True)}
    kept = (chr(byte) if 0x20 <= byte <= last and byte != 0x7F else f"\\{byte:03o}" for byte in raw)
    return "".join(named.get(byte, text) for byte, text in zip(raw, kept, strict=True)).encode("latin-1")


def _coded(raw: bytes) -> set[bytes]:
    """What base 64 makes of it: alone, and within more, such as ``user:secret``, what does not depend on its neighbours."""
    alone = [base64.b64encode(text).rstrip(b"=") for text in (raw, raw + b"\n")]
    texts = {*alone, *(_inner(raw, before) for before in range(3))}
    texts |= {text.translate(bytes.maketrans(b"+/", b"-_")) for text in texts}
    return texts | {form for text in alone for columns in BASE64_COLUMNS for form in _lines(text, columns)}


def _wrapped(secret: str) -> set[bytes]:
    """In base 64 within more that is wrapped, wherever in its line it begins."""
    raw = secret.encode("utf-8", "surrogateescape")
    places = ((before, columns) for columns in BASE64_COLUMNS for before in range(columns * 6 // 8))
    found = {_inner(raw, before, columns) for before, columns in places}
    return {form for form in found if b"\n" in form and len(form) > LEAST_CODED}


def _inner(raw: bytes, before: int, columns: int = 0) -> bytes:
    """In base 64 after so many bytes of something else, which begin a line of so many columns (0: of any number)."""
    text = base64.b64encode(bytes(before) + raw)[: (before + len(raw)) * 8 // 6]
    return _lines(text, columns or len(text) or 1)[0][-(-before * 8 // 6) :]


def _lines(text: bytes, columns: int) -> list[bytes]:
    """A text that is wrapped at so many columns: the whole, and each of its lines."""
    lines = [text[at : at + columns] for at in range(0, len(text), columns)]
    return [b"\n".join(lines), *lines]


def mask(text: str, secret: str) -> str:
    """A text with `HIDDEN` in place of each form of the secret."""
    for form in forms(secret):
        text = text.replace(form.decode("utf-8", "surrogateescape"), HIDDEN.decode())
    return text


class Output:
    """Writes to the open, empty file ``file``: up to ``first`` bytes, then the ``last`` ones, with a line between them.

    What looks like the beginning of a secret is held back until more comes, or until `settle` says that nothing will: how the
    output is cut changes nothing. Not for several threads at once.
    """

    def __init__(self, file: int, secrets: Iterable[bytes], first: int = FIRST, last: int = LAST) -> None:
        self._file, self._first, self._last = file, first, last
        forms = sorted(secrets, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, forms))) if forms else None
        self._most = len(forms[0]) - 1 if forms else 0
        self._sorted = sorted(forms)
        self._held = b""
        self._written = self._left_out = self._unsettled = 0
        self._end = bytearray()

    def take(self, data: bytes) -> None:
        """More of the output. Raises `OSError` where it cannot be written."""
        masked, self._held = self._masked(self._held + data)
        self._put(masked)

    def settle(self) -> None:
        """Nothing more comes: all of it is in the file when this returns. Raises `OSError`."""
        held, self._held = self._held, b""
        self._put(held if self._pattern is None else self._pattern.sub(HIDDEN, held))
        self.show()

    def show(self) -> None:
        """All that came so far is in the file when this returns, but for what is held back. Raises `OSError`."""
        self._unsettled = 0
        if self._end:
            note = f"\n[... {self._left_out} bytes are left out ...]\n".encode() if self._left_out else b""
            text = note + self._end
            os.pwrite(self._file, text, self._first)
            os.ftruncate(self._file, self._first + len(text))

    def _masked(self, data: bytes) -> tuple[bytes, bytes]:
        """What can be told already, without secrets, and the rest: what may be the beginning of one, or of a longer one."""
        parts, at, rest = [], 0, self._rest(data, 0)
        for found in self._pattern.finditer(data) if self._pattern is not None else ():
            if found.start() >= rest:
                break
            parts += [data[at : found.start()], HIDDEN]
            at = found.end()
            if rest < at:
                rest = self._rest(data, at)
        return b"".join((*parts, data[at:rest])), data[rest:]

    def _rest(self, data: bytes, at: int) -> int:
        """Where what may be the beginning of a secret begins, from ``at`` on; the end where nothing does."""
        places = range(max(at, len(data) - self._most), len(data))
        return next((place for place in places if self._begins(data[place:])), len(data))

    def _begins(self, tail: bytes) -> bool:
        """Whether a secret that is longer begins so: the next one by the alphabet would."""
        after = bisect.bisect_right(self._sorted, tail)
        return after < len(self._sorted) and self._sorted[after].startswith(tail)

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
