"""A panel on the bottom rows of a terminal, while all else is printed above it.

The rows above are made the terminal's scrolling region (DECSTBM, as the VT100 and all that came after have it), and the cursor
stays where the others left it. So nobody needs to know of the panel: what pytest, a worker or a child of theirs prints scrolls
above it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence

Line = tuple[str, str]
STYLES: Mapping[str, str] = {"green": "1;32", "red": "1;31", "yellow": "1;33", "bold": "1", "dim": "2"}
LEAST_ROWS = 8
"""A terminal with fewer has no room for a panel."""
LEAST_COLUMNS = 20
SAVE, RESTORE, DOWN = "\x1b7", "\x1b8", "\x1bD"


class Screen:
    """Draws on the terminal ``file`` from any thread. A terminal that is gone is none: nothing is raised."""

    def __init__(
        self,
        file: int,
        coloured: bool = True,
        encoding: str = "utf-8",
        size: Callable[[int], os.terminal_size] = os.get_terminal_size,
    ) -> None:
        self._file, self._coloured, self._encoding, self._size = file, coloured, encoding, size
        self._lock = threading.Lock()
        self._place: tuple[os.terminal_size, int] | None = None
        self._closed = False

    @property
    def room(self) -> tuple[int, int]:
        """Columns of the terminal, and the rows that a panel may take, half of them; (0, 0) where it is too small for one."""
        try:
            size = self._size(self._file)
        except OSError:
            return 0, 0
        enough = size.lines >= LEAST_ROWS and size.columns >= LEAST_COLUMNS
        return (size.columns, size.lines // 2) if enough else (0, 0)

    def draw(self, lines: Sequence[Line]) -> None:
        """Draws the panel, each line of which is shorter than the terminal is wide; without lines, takes it away."""
        with self._lock:
            if not self._closed:
                self._draw(lines)

    def close(self) -> None:
        """Takes the panel away for good: the terminal is as if it had never been there."""
        with self._lock:
            self._closed = True
            self._write(self._cleared())

    def _draw(self, lines: Sequence[Line]) -> None:
        try:
            place = self._size(self._file), len(lines)
        except OSError:
            self._closed = True
            return
        text = ""
        if place != self._place:
            text = self._cleared()
        if lines:
            text += DOWN * len(lines) + f"\x1b[{len(lines)}A" if self._place is None else ""
            self._place = place
            text += self._painted(place[0].lines, lines)
        self._write(text)

    def _painted(self, height: int, lines: Sequence[Line]) -> str:
        top = height - len(lines)
        text = f"{SAVE}\x1b[1;{top}r"  # each time: whoever had the terminal meanwhile may have set it back
        for row, (words, style) in enumerate(lines, top + 1):
            code = STYLES.get(style, "") if self._coloured else ""
            text += f"\x1b[{row};1H\x1b[0m\x1b[2K" + (f"\x1b[{code}m{words}\x1b[0m" if code else words)
        return text + RESTORE

    def _cleared(self) -> str:
        """The whole terminal scrolls again, and there is nothing below the cursor."""
        if self._place is None:
            return ""
        self._place = None
        return f"{SAVE}\x1b[r{RESTORE}\x1b[J"

    def _write(self, text: str) -> None:
        rest = memoryview(text.encode(self._encoding, "replace"))
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            self._closed = True
