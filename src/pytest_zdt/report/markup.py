"""HTML from values: what is not HTML already is escaped, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Final, TypeVar

from pytest_zdt.report.terminal import printable

T = TypeVar("T")
FIRST_ROWS: Final = 20
MOST_ROWS: Final = 300
"""Rows of a table that are on the page; the others are in the evidence."""
PLAIN: Final = frozenset({"title"})
"""Elements that hold no other ones."""
RIGHT_TO_LEFT: Final = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
"""The letters of Hebrew, Arabic and their kin; the page's scripts know the same."""
VOID: Final = frozenset({"br", "meta", "link"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | Iterable["Content"] | None
"""A text, which is escaped unless it is `Html`; several of them; or nothing."""


def html(*content: Content) -> Html:
    """The content one after the other; control characters of texts are left out."""
    return Html("".join(_flat(content)))


def _flat(content: Iterable[Content]) -> Iterator[str]:
    for one in content:
        if isinstance(one, Html):
            yield one
        elif isinstance(one, str):
            yield _isolated(printable(one))
        elif one is not None:
            yield from _flat(one)


def _isolated(text: str) -> str:
    """Escaped; words from right to left have an element of their own, lest they reorder the figures around them."""
    if text.isascii() or not RIGHT_TO_LEFT.search(text):
        return escape(text)
    return "".join(_word(part) for part in re.split(r"(\s+)", text))


def _word(text: str) -> str:
    bare = text.rstrip(".,;:!?)") if RIGHT_TO_LEFT.search(text) else ""
    return f"<bdi>{escape(bare)}</bdi>{escape(text[len(bare) :])}" if bare else escape(text)


def tag(name: str, /, *content: Content, **attributes: str | bool | None) -> Html:
    """An element. ``class_`` is the attribute class, ``aria_label`` is aria-label; True is one without a value, None is none."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(printable(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    inside = html(*content)
    if name in PLAIN:
        inside = Html(inside.replace("<bdi>", "").replace("</bdi>", ""))
    return Html(f"<{name}{written}>" if name in VOID else f"<{name}{written}>{inside}</{name}>")


def table(caption: str, header: Sequence[Content], rows: Iterable[Content], *, wide: bool = True, stacked: bool = False) -> Html:
    """A table of rows made by `row`; a ``wide`` one can be scrolled sideways, by keyboard too; ``stacked``: on a phone."""
    head = tag("thead", tag("tr", [tag("th", cell, scope="col") for cell in header]))
    made = tag("table", tag("caption", caption), head, tag("tbody", rows))
    return (
        tag("div", made, class_="wide stacked" if stacked else "wide", tabindex="0", role="region", aria_label=caption)
        if wide
        else made
    )


def row(first: Content, *cells: Content, class_: str | None = None) -> Html:
    """A row of a table: what it is about, then its cells. Cells that are elements ``td`` already stay as they are."""
    return tag("tr", tag("th", first, scope="row"), [_cell(cell) for cell in cells], class_=class_)


def _cell(cell: Content) -> Html:
    return cell if isinstance(cell, Html) and cell.startswith("<td") else tag("td", cell)


def long_table(
    caption: str, header: Sequence[Content], items: Sequence[T], show: Callable[[T], Html], where: str = "verdict.json"
) -> Html:
    """A table of the rows that ``show`` makes of items: the first are open to see, the others behind a summary, and of very many
    it says where they are.
    """
    rows, left = [show(item) for item in items[:MOST_ROWS]], len(items) - MOST_ROWS
    rest = rows[FIRST_ROWS:]
    others = (
        tag("details", tag("summary", f"{len(rest):,} more"), table(f"{caption} (continued)", header, rest)) if rest else None
    )
    beyond = tag("p", f"And {left:,} more in {where}.", class_="more") if left > 0 else None
    return html(table(caption, header, rows[:FIRST_ROWS]), others, beyond)
