"""The summary as GitHub shows it: what foreign texts cannot do in it, and how long it may be."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given
from hypothesis import strategies as st

from pytest_zdt.report.markdown import code, plain, sentence, table
from pytest_zdt.report.summary import LIMIT, SECTIONS, render
from pytest_zdt.verdict.judge import judge

from ..verdict.conftest import Story
from .conftest import HOSTILE, STORIES, hostile, many

OURS = {
    *("h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"),
    *("code", "strong", "details", "summary", "blockquote"),
}
"""The elements of a summary."""
LINKED = re.compile(r"[@#$]|www\.|://|\bGH-\d", re.IGNORECASE)
"""What GitHub, or its Markdown, makes something of outside of code."""


class Page(HTMLParser):
    """The elements of a page in their order, without code, which may stand anywhere; and the texts in code and out of it."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.coded: list[str] = []
        self.free = ""
        self.cells: list[str] = []
        self._open: list[str] = []
        self.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE))
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """An element begins."""
        self._open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")
        if tag == "code":
            self.coded.append("")
        else:
            self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It ends, and nothing was left open in it."""
        assert self._open.pop() == tag

    def handle_comment(self, data: str) -> None:
        """There are no comments."""
        raise AssertionError(data)

    def handle_data(self, data: str) -> None:
        """A text, entities resolved."""
        if {"td", "th"} & set(self._open):
            self.cells[-1] += data
        if "code" in self._open:
            self.coded[-1] += data
        else:
            self.free += data


def shown(story: Story, **options: int) -> str:
    """The summary of a run."""
    return render(judge(story.evidence), story.run, **options)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_foreign_texts_are_texts(text: str) -> None:
    """Whatever endpoints, versions, messages, ids and the target are called, the page has the elements that it would have."""
    page = Page(shown(hostile(text)))
    assert set(page.tags) <= OURS
    assert not LINKED.search(page.free)
    if text.strip():
        tame = Page(shown(hostile("t" * len(plain(text, len(text))))))
        assert page.tags == tame.tags
        assert Counter(map(bool, page.coded))[False] == 0


@pytest.mark.parametrize(
    "text", [text for text in HOSTILE if 0 < len(text.strip()) < 200 and "|" not in text and "`" not in text]
)
def test_foreign_texts_can_be_read(text: str) -> None:
    """They are shown as they are, but for control characters."""
    assert plain(text) in Page(shown(hostile(text))).coded


texts = st.text(st.characters() | st.sampled_from("`|\\*_[]()<>&@#:/.~$!-+=\n\r\t 1a"), max_size=40)


@given(texts)
def test_any_text_is_one_code_span(text: str) -> None:
    """In a cell of a table, with its neighbours where they belong."""
    page = Page(table(("a", "b"), [(code(text), "x"), ("y", sentence(f"It is {text} here."))]))
    assert page.tags == ["table", "thead", "tr", "th", "th", "tbody", *("tr", "td", "td") * 2]
    assert not LINKED.search(page.free)
    assert page.cells[3] == "x"
    assert page.cells[4] == "y"
    assert page.cells[5].split()[:2] == ["It", "is"]


def test_sentences_stay_readable() -> None:
    """Words, numbers and their punctuation are no code; names are, without the punctuation around them."""
    told = "2 endpoints (see GET /a/{id}/, v1) had 5.5% less: token v1 -> v2, the target's re-run."
    expected = "2 endpoints (see GET `/a/{id}/, v1`) had 5.5% less: token `v1` → `v2`, the target's re-run."
    assert sentence(told) == expected


def test_long_texts_are_cut_aloud() -> None:
    """A name of 5,000 characters cannot push the verdict away; that something was cut is said."""
    summary = shown(hostile("x" * 5000))
    assert max(map(len, Page(summary).coded)) <= 1000
    assert len(shown(hostile("x" * 5000), room=1).encode()) < 50_000
    assert "Texts that end in … are cut" in summary
    assert "are cut" not in shown(Story())


def test_a_run_with_5000_failures() -> None:
    """All told it would be longer than GitHub shows; the lists are left out whole, it says which, and the verdict stays."""
    story = many()
    verdict = judge(story.evidence)
    whole = render(verdict, story.run, room=10**9)
    assert len(verdict.failures) >= 5000
    assert len(whole.encode()) > 1024 * 1024
    assert "Left out" not in whole
    summary = render(verdict, story.run)
    assert len(summary.encode()) <= LIMIT < 1024 * 1024
    assert "> **Left out to stay within 1000000 bytes:** all failures one by one. `verdict.json` has all of it." in summary
    assert summary.startswith("## ❌ VIOLATED\n")
    assert "**5000 x `status-5xx`** (app) on `GET /v1/things/0/`" in summary
    assert Page(summary).tags.count("details") == 1


def test_sections_are_left_out_by_importance() -> None:
    """With ever less room one section after the other goes, the least important first; verdict and requirements never."""
    story = STORIES["violated"]()
    verdict = judge(story.evidence)
    least = [name for name, _, _ in sorted(SECTIONS, key=lambda one: -one[1])] + ["how to repeat it"]
    room, seen = len(render(verdict, story.run).encode()), []
    while room > 1:
        text = render(verdict, story.run, room=room)
        names = re.search(r"bytes:\*\* (.*?)\. `verdict", text)
        seen = names[1].split(", ") if names else []
        assert seen == least[: len(seen)]
        assert len(text.encode()) <= room or len(seen) == len(least)
        assert all(f"`{one.name}`" in text for one in verdict.requirements)
        room -= 100
    assert seen == least


def test_polled_versions_are_not_blamed() -> None:
    """Where versions were polled, an answer came while one of them lived, not by it."""
    verdict = judge(STORIES["violated"]().evidence)
    polled = replace(verdict, run={**verdict.run, "version_source": "url:/version"})
    assert " on `GET /a/` by `v2`, 15.2 to 15.3 s" in render(verdict, {})
    assert " on `GET /a/` while `v2` answered, 15.2 to 15.3 s" in render(polled, {})


def test_where_the_evidence_is() -> None:
    """The run's directory is named where it is known; the file in it has the same bytes wherever the directory is."""
    story = Story()
    verdict = judge(story.evidence)
    assert "Its evidence is in `zdt-report`." in render(verdict, story.run, place="zdt-report")
    assert "Its evidence" not in render(verdict, story.run)
