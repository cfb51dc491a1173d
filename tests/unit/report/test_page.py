"""The page as a file: how large it is, what it may load, what it leaves out. How it looks is for a browser: tests/page."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import re
from array import array
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from pytest_zdt.evidence.series import Labels, Series
from pytest_zdt.report import page
from pytest_zdt.report.course import Course, bucket_width
from pytest_zdt.verdict.facts import gather
from pytest_zdt.verdict.judge import decide

from ..verdict.conftest import Story
from .test_markup import Read

LARGEST = 2_000_000
UPLOT = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""SHA-256 of the files as version 1.6.32 has them on npm."""


def rendered(story: Story, output: str = "") -> str:
    """The page of a story."""
    facts = gather(story.evidence)
    return page.render(facts, decide(facts), output)


def data(text: str) -> Any:
    """What the page's charts draw."""
    found = re.search(r'<script type="application/x-zdt" id="data">([^<]*)</script>', text)
    assert found
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def test_equal_evidence_gives_an_equal_page() -> None:
    """To the byte, so that a run judged again gives the same files."""
    assert rendered(Story().break_(300)) == rendered(Story().break_(300))


def test_everything_is_in_it() -> None:
    """No other file, no address of another machine but the base URL's and the licence's text."""
    text = rendered(Story())
    assert re.findall(r"""<[^<>]*(?:src|href)=["'](?!#|data:)""", text.partition('<script type="application')[0]) == []
    assert "@import" not in text
    assert "url(" not in text


def test_only_its_own_scripts_may_run() -> None:
    """The policy names them, and the styles, by the hashes of what is in the page, and forbids the rest."""
    read = Read(text := rendered(Story()))
    policy = dict(part.split(" ", 1) for part in str(read.attributes["content"] or "").split("; ") if " " in part)
    assert read.attributes["content"]
    for kind, names in (("script", page.SCRIPTS), ("style", page.STYLES)):
        inside: list[str] = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'" for part in inside]
        assert len(inside) == len(names)
        assert f"{kind}-src {' '.join(hashes)}" in text.replace("&#x27;", "'"), policy


def test_the_chart_library_is_what_npm_has() -> None:
    """Nobody changed it; its licence goes with every page."""
    folder = files("pytest_zdt.report") / "assets" / "uplot"
    for name, digest in UPLOT.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert (folder / "LICENSE").read_text() in rendered(Story())


def test_what_is_drawn() -> None:
    """Phases, overlaps, outages with all four times, marks but for those that may be thousands."""
    story = Story().break_(300, 302).mark(12.0, "caches-flushed").mark(15.0, "test-failed", test="t", message="m")
    found = data(rendered(story))
    assert [(phase["name"], phase["start"]) for phase in found["phases"]] == [("head", 0.0), ("rollout", 9.0), ("tail", 19.95)]
    assert [mark["name"] for mark in found["marks"]] == ["deploy-started", "caches-flushed", "deploy-ended"]
    (outage,) = found["outages"]
    assert {name: pytest.approx(value) for name, value in outage.items() if name != "endpoint"} == {
        "from": 14.9,
        "first": 15.0,
        "last": 15.1,
        "to": 15.2,
    }
    assert (found["old"], found["outages_in_all"]) == ("v1", 1)


def test_what_the_deploy_command_printed() -> None:
    """Line by line, as text."""
    assert "first &lt;line&gt;\nsecond\n" in rendered(Story(), "first <line>\nsecond")


def all_fail(endpoints: int, kinds: int) -> Course:
    """15 minutes at 500 requests a second, every one of which fails."""
    course, chance, groups = Course(bucket_width(900.0, 450_000)), random.Random(7), endpoints * kinds
    for number in range(groups):
        kind, version = KINDS[number % kinds], ("v1", "v2")[number % 2]
        labels = Labels(f"GET /v1/{'x' * 40}/{number // kinds}/", kind, version, "new", "", "", 500)
        sent = array("d", sorted(chance.uniform(0.0, 900.0) for _ in range(450_000 // groups)))
        course.add([Series(labels, sent, sent, sent, array("q", bytes(8 * len(sent))))])
    return course


KINDS = ("status-5xx", "reset", "keep-alive-race", "read-timeout", "wrong-body", "truncated", "connect-refused")


@pytest.mark.parametrize("endpoints, kinds", [(20, 1), (300, 7)])
def test_size(endpoints: int, kinds: int) -> None:
    """15 minutes at 500 requests a second stay well under 2 MB though every one of them fails, each in the chart at its time.

    The tables of the page have an end however many rows there would be; they are those of a shorter run that fills them.
    """
    columns = all_fail(endpoints, kinds).columns(900.0)
    assert len(columns.failed_at) == 450_000 // (endpoints * kinds) * endpoints * kinds
    story, groups = Story(), endpoints * kinds
    ways = [(number // kinds, KINDS[number % kinds], lane) for number in range(groups) for lane in ("new", "reused")]
    story.samples = [
        replace(story.samples[0], sent=40.0 * at / len(ways) / 2, endpoint=f"GET /v1/{'x' * 40}/{number}/", kind=kind, lane=lane)
        for at, (number, kind, lane) in enumerate(ways * 2)
    ]
    story.change(version=lambda one: "v1" if one.sent < 20.0 else "v2", message=lambda one: f"503 at {one.sent} {'x' * 40}")
    facts = gather(story.evidence)
    verdict = decide(facts)
    whole = page.document(verdict, page.parts(facts, verdict), page.chart(columns, facts, verdict))
    assert len(whole) < 0.9 * LARGEST


def test_very_many_endpoints() -> None:
    """The page stays readable and says what it leaves out; endpoints that failed are in it."""
    story = Story()
    story.samples = [replace(one, endpoint=f"GET /{number % 400:03}/", version="v1") for number, one in enumerate(story.samples)]
    story.break_(*(number for number, one in enumerate(story.samples) if one.endpoint == "GET /399/"), status=500)
    text = Read(rendered(story)).text
    assert "200 more endpoints, with fewer failures, are in verdict.json." in text
    assert "GET /399/" in text


def flow_rows(text: str) -> list[list[str]]:
    """The cells of the flow's matrix, row by row."""
    part = text[text.index('<section id="flows">') : text.index('<section id="latency">')]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", part)]


def test_uses_without_a_version() -> None:
    """A value that was used where no version was named, or made by one that never answered, has its place in the matrix."""
    story = Story().break_(300, kind="connect-refused", status=0, version="")
    story.samples[301] = replace(story.samples[301], made_by="v0")
    header, *rows = flow_rows(rendered(story))
    assert header == ["made by", "used on v1", "used on v2", "used on no version"]
    assert [cells[0] for cells in rows] == ["v1", "v2", "v0"]
    assert sum("1 failed" in cells[3] for cells in rows) == 1


def test_uses_where_no_version_is_known() -> None:
    """They are shown all the same."""
    header, only = flow_rows(rendered(Story().change(version="", made_by="")))
    assert (header, only) == (["made by", "used on no version"], ["no version", "200"])


def back_and_forth() -> Story:
    """v1, then v2 from 10 s, then v1 again from 25 s."""
    story = Story().unmark("deploy-started").unmark("deploy-ended").change(flow="", made_by="")
    return story.change(version=lambda one: "v1" if one.sent < 10 or one.sent >= 25 else "v2")


def test_a_roll_back() -> None:
    """The versions are told in turn, and the phases say which change they belong to."""
    text = rendered(back_and_forth())
    assert "<dd>v1 → v2 → v1</dd>" in text
    labels = [phase["label"] for phase in data(text)["phases"]]
    assert labels == ["head", "rollout v1 -> v2", "tail of v2", "rollout v2 -> v1", "tail of v1"]


def test_answers_side_by_side_name_their_versions() -> None:
    """In the order in which the versions came."""
    story = Story().change(version=lambda one: {"v1": "zebra", "v2": "ant"}[one.version], made_by="", flow="")
    assert re.search(r"<dd>\d+ by zebra \+ \d+ by ant</dd>", rendered(story))


SHORTENED = [
    (("v1", "v2"), ("v1", "v2")),
    (("86f7a1c" + "0" * 27 + "09c2e1", "v" * 20), ("86f7a1c00…000009c2e1", "v" * 20)),
    (("media-api-v1.2.3-linux-amd64", "media-api-v1.2.4-linux-amd64"),) * 2,
    (("a" * 25, "a" * 30 + "b"), ("aaaaaaaaa…aaaaaaaaaa", "aaaaaaaaa…aaaaaaaaab")),
]


@pytest.mark.parametrize("names, short", SHORTENED)
def test_long_names_among_the_key_figures(names: tuple[str, str], short: tuple[str, str]) -> None:
    """Both ends of a name stay, and names stay apart."""
    story = Story().change(version=lambda one: names[int(one.version[1]) - 1], made_by="", flow="")
    figures = rendered(story).partition('<dl class="figures">')[2].partition("</dl>")[0]
    assert f"<dd>{short[0]} → {short[1]}</dd>" in figures
    assert re.search(rf"<dd>\d+ by {short[0]} \+ \d+ by {short[1]}</dd>", figures)


def test_a_joined_run() -> None:
    """It says how to repeat it, though no one command does."""
    story = Story()
    story.run["shards"] = ["from-berlin", "from-<tokyo>"]
    part = Read(rendered(story)).text.partition("Repeat it")[2]
    assert part.startswith("Several commands made this run: repeat from-berlin, from-<tokyo> beside one another, each as its own")


def test_marks_are_told_in_words() -> None:
    """No Python, and of the run's end only what people want to know."""
    part = rendered(Story().mark(12.0, "told", a_list=[], nothing=None, text="as it is"))
    assert "a list: [], nothing: null, text: as it is" in part
    assert "driven" not in part[part.index("What happened when") :]
