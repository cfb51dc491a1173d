"""Markdown that shows foreign texts as they are: no tag, link, image, heading or mention comes of what an API or a test says.

What is not surely harmless stands in a code span. GitHub takes nothing in one for syntax, links nothing and mentions nobody
there, which no escaping reaches elsewhere: it looks for ``@name``, ``#12`` and addresses in the text that is left when all
escapes are gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pytest_zdt.report.terminal import printable

LONGEST = 200
"""Characters of a foreign name or message that are shown."""
CUT = "…"
"""Stands where the rest of a text was cut off."""
_WORD = re.compile(r"\(?(?:[A-Za-z]+(?:['-][A-Za-z]+)*|[0-9]+(?:\.[0-9]+)?%?)\)?[,;:]?[.?!]?")
"""A word or a number of a sentence, with its punctuation."""
_SPAN = re.compile(r"(\(?)(.*?)([.,;:)]*)")
"""What is to stand in a span, and around it."""
_BREAKERS = str.maketrans({"|": "¦", "`": "'"})
"""The two signs that end a cell or a span even in one; how they are to be escaped differs from renderer to renderer."""


def plain(text: object, most: int = LONGEST) -> str:
    """The text on one line, without control characters, no longer than ``most``."""
    flat = " ".join(printable(re.sub(r"\s+", " ", str(text))).split())
    return flat if len(flat) <= most else flat[: most - 1] + CUT


def code(text: object, most: int = LONGEST) -> str:
    """A foreign text as a code span; one without a sign that can be seen is ``(none)``."""
    return _ticked(plain(text, most))


def _ticked(flat: str) -> str:
    return f"`{flat.translate(_BREAKERS)}`" if flat else "(none)"


def sentence(text: object, most: int = 1000) -> str:
    """A sentence of ours with foreign names in it: words and numbers stay, all else goes into code spans.

    It must not stand at the beginning of a line, where a number may begin a list.
    """
    parts: list[tuple[bool, str]] = []
    for token in plain(text, most).replace(" -> ", " → ").split(" "):
        free = bool(_WORD.fullmatch(token)) or token in ("→", CUT)
        if not free and parts and not parts[-1][0]:
            parts[-1] = (False, f"{parts[-1][1]} {token}")
        else:
            parts.append((free, token))
    return " ".join(text if free else _span(text) for free, text in parts)


def _span(text: str) -> str:
    """A code span, the punctuation of the sentence around it."""
    found = _SPAN.fullmatch(text)
    before, bare, after = found.groups() if found else ("", "", "")
    return f"{before}{_ticked(bare)}{after}" if bare else _ticked(text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown; a column whose name begins with ``>`` is aligned to the right."""
    lines = [
        [name.removeprefix(">") for name in header],
        ["---:" if name.startswith(">") else "---" for name in header],
        *rows,
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def folded(title: str, text: str) -> str:
    """A part that opens when it is asked for; ``title`` is a text of ours."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
