"""HTML from values: what is not HTML already is text, whatever it holds."""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_zdt.report.markup import FIRST_ROWS, MOST_ROWS, Html, html, long_table, row, table, tag
from pytest_zdt.report.terminal import printable


class Read(HTMLParser):
    """What a reader of HTML finds: elements, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data: str) -> None:
        """A text."""
        self.text += data


@given(st.text(), st.text())
def test_texts_stay_texts(content: str, attribute: str) -> None:
    """No text adds an element or an attribute; it is read as it was, but for control characters."""
    read = Read(tag("p", content, title=attribute))
    tags = [tag for tag in read.tags if tag != "bdi"]
    assert (tags, read.attributes, read.text) == (["p"], {"title": printable(attribute)}, printable(content))


RIGHT_TO_LEFT = [
    ("12 by إصدار-٢, 3 by v1", "12 by <bdi>إصدار-٢</bdi>, 3 by v1"),
    ("GET /v1/صور/{id}/ <b>", "GET <bdi>/v1/صور/{id}/</bdi> &lt;b&gt;"),
    ("(גרסה&).", "<bdi>(גרסה&amp;</bdi>)."),
    ("naïve → café", "naïve → café"),
]


@pytest.mark.parametrize("text, made", RIGHT_TO_LEFT)
def test_words_from_right_to_left(text: str, made: str) -> None:
    """They stand for themselves, so that the figures around them keep their order; not in a title, which holds text alone."""
    assert html(text) == made
    assert tag("title", text) == f"<title>{escape(text)}</title>"


def test_elements() -> None:
    """Content of all kinds; attributes with other names in HTML; those without a value, and those left out."""
    made = tag("div", "a<", [tag("b", "x"), None, ["y"]], class_="one", aria_label="two", hidden=True, open=False, id=None)
    assert made == '<div class="one" aria-label="two" hidden>a&lt;<b>x</b>y</div>'
    assert tag("br") == "<br>"
    assert html("<", Html("<hr>")) == "&lt;<hr>"


def test_tables() -> None:
    """Headers have scopes; a wide table can be reached by keyboard, to scroll it."""
    read = Read(table("Figures", ("a", "b"), [row("x", "1"), row("y", tag("td", "2", class_="none"))]))
    assert read.tags == ["div", "table", "caption", "thead", "tr", "th", "th", "tbody", "tr", "th", "td", "tr", "th", "td"]
    assert read.attributes["tabindex"] == "0"
    assert read.attributes["aria-label"] == "Figures"
    assert read.text == "Figuresabx1y2"


def test_long_tables() -> None:
    """The first rows are open to see, the next ones folded, the rest is counted and told where."""
    show = lambda number: row(f"<{number}>")  # noqa: E731 - the shortest way to say it
    few, some, all_ = (
        Read(long_table("Many", ("n",), range(most), show)) for most in (FIRST_ROWS, FIRST_ROWS + 2, MOST_ROWS + 5)
    )
    assert ("details" in few.tags, few.text.count("<")) == (False, FIRST_ROWS)
    assert "2 more" in some.text
    assert "And 5 more in verdict.json." in all_.text
    assert f"<{MOST_ROWS - 1}>" in all_.text
    assert f"<{MOST_ROWS}>" not in all_.text
