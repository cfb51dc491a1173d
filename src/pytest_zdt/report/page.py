"""The page of a run: one HTML file that needs nothing else, neither a network nor, but for its charts, scripts.

A content security policy in the page lets nothing run but the scripts written here, known by their hashes, so that a text of a
foreign API could do nothing even if it were not escaped.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pytest_zdt.evidence.marks import ENDED, Mark
from pytest_zdt.report import matrices, measured, sections
from pytest_zdt.report.course import Columns, Course, bucket_width
from pytest_zdt.report.markup import Html, html, tag
from pytest_zdt.report.terminal import printable
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import Outage, Verdict

SCRIPTS: Final = ("uplot/uPlot.iife.min.js", "data.js", "charts.js", "look.js", "live.js", "page.js")
"""In this order; each may use what those before it define."""
STYLES: Final = ("uplot/uPlot.min.css", "page.css")
LICENCE: Final = "uplot/LICENSE"
"""Of the library that draws the charts; it asks to go where the library goes."""
MOST_OUTAGES: Final = 2000
"""Outages that the chart shows; the longest."""
ICON: Final = "data:,"
TITLES: Final = {
    "requirements": "Requirements",
    "causes": "Likely causes",
    "failures": "Failures",
    "outages": "Outages",
    "endpoints": "Endpoints",
    "flows": "Flows between the versions",
    "latency": "Latency, and what could have been missed",
    "generator": "The load generator",
    "about": "The run",
}


def render(facts: Facts, verdict: Verdict, output: str = "") -> str:
    """The page; ``output`` is the end of what the deploy command printed."""
    columns = course(facts).columns(facts.timeline.end, facts.timeline.versions)
    return document(verdict, parts(facts, verdict, output), chart(columns, facts, verdict))


def course(facts: Facts) -> Course:
    """The run in buckets as wide as suits it."""
    found = Course(bucket_width(facts.timeline.end, facts.total))
    found.add(facts.series)
    found.add_health(facts.health)
    return found


def parts(facts: Facts, verdict: Verdict, output: str = "", *, under_way: bool = False) -> dict[str, Html]:
    """The page's parts but for the charts, by their ids; what there is nothing to say of is left out."""
    found = {
        "requirements": sections.requirements(verdict),
        "causes": sections.causes(verdict),
        "failures": sections.failures(verdict),
        "outages": sections.outages(verdict),
        "endpoints": matrices.endpoints(verdict),
        "flows": matrices.flows(verdict),
        "latency": matrices.latency(verdict),
        "generator": measured.generator(verdict),
        "about": measured.about(facts.run, verdict, facts.marks, output),
    }
    titled = {name: html(tag("h2", TITLES[name]), content) for name, content in found.items() if content is not None}
    first = html(sections.banner(verdict, under_way=under_way), sections.key_figures(verdict))
    links = [tag("a", TITLES[name], href=f"#{name}") for name in titled]
    return {"verdict": first, "contents": html(tag("a", "Timeline", href="#timeline"), links), **titled}


def chart(columns: Columns, facts: Facts, verdict: Verdict) -> dict[str, Any]:
    """What the page's script draws: the columns, phases, overlaps, marks and outages; times in seconds from the run's start."""
    outages = sorted(verdict.outages, key=lambda outage: -outage.max_s)
    told = {
        **columns.as_dict(),
        "old": facts.timeline.old,
        "began": start.timestamp() if (start := sections.began(verdict.run)) else None,
        "phases": _phases(facts),
        "overlaps": [asdict(span) for change in verdict.changes if (span := change.overlap) is not None],
        "marks": marks(facts.marks),
        "outages": [_interval(outage) for outage in outages[:MOST_OUTAGES]],
        "outages_in_all": len(outages),
    }
    return {name: _cleaned(value) for name, value in told.items()}


def _phases(facts: Facts) -> list[dict[str, Any]]:
    """Where there was more than one change of version, each phase says which it is."""
    changes = [change for change in facts.timeline.changes if change.start is not None]
    labels = ["head"]
    for change in changes:
        labels += ["rollout", "tail"] if len(changes) == 1 else [f"rollout {change}", f"tail of {change.new or change.old}"]
    spans = zip(facts.timeline.spans(), labels, strict=True)
    return [{"name": name, "label": label, "start": start, "end": end} for (name, start, end), label in spans]


def marks(found: Sequence[Mark]) -> list[dict[str, Any]]:
    """Those that the charts show."""
    return [{"at": mark.at, "name": printable(mark.name)} for mark in measured.told(found) if mark.name != ENDED]


def _cleaned(value: Any) -> Any:
    """Without the control characters of texts, which are never among the long columns of numbers."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) and value and not _is_number(value[0]) else value


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, int | float)


def _interval(outage: Outage) -> dict[str, object]:
    first = outage.start_s
    return {
        "endpoint": outage.endpoint,
        "from": outage.last_success_s,
        "first": first,
        "last": first + outage.min_s,
        "to": outage.next_success_s,
    }


def title(verdict: Verdict, *, under_way: bool = False) -> str:
    """What a window of the page is called."""
    return f"{sections.word(verdict, under_way=under_way)}: {verdict.run.get('target')} · zero downtime"


def document(verdict: Verdict, content: dict[str, Html], data: dict[str, Any], *, live: str = "", finished: str = "") -> str:
    """The whole file; ``live`` is the id of a run under way, which the page asks for news, ``finished`` where its last page is
    going to be.
    """
    policy = "; ".join(_policy(bool(live)))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title(verdict, under_way=bool(live))),
        tag("link", rel="icon", href=ICON),
        [tag("style", asset(name)) for name in STYLES],
    )
    licence = f"<!-- The charts are drawn by uPlot.\n{asset(LICENCE)}-->"
    return f"<!doctype html>\n{licence}\n{tag('html', head, _body(content, data, live, finished), lang='en')}\n"


def _policy(live: bool) -> Iterator[str]:
    yield "default-src 'none'"
    yield f"img-src {ICON.partition(',')[0]}"
    yield " ".join(("script-src", *map(_hash, SCRIPTS)))
    yield " ".join(("style-src", *map(_hash, STYLES)))
    yield "connect-src 'self'" if live else "base-uri 'none'; form-action 'none'"


def _hash(name: str) -> str:
    digest = hashlib.sha256(asset(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def asset(name: str) -> Html:
    """A file that comes with the page."""
    return Html((files(__package__) / "assets" / name).read_text(encoding="utf-8"))


def _body(content: dict[str, Html], data: dict[str, Any], live: str, finished: str) -> Html:
    named = {name: tag("section", part, id=name) for name, part in content.items() if name != "contents"}
    first, contents = named.pop("verdict"), tag("nav", content["contents"], id="contents", aria_label="On this page")
    news = (tag("p", "", id="live"), tag("p", "", id="announced", class_="unseen", role="status")) if live else None
    return tag(
        "body",
        tag("a", "Skip to the timeline", href="#timeline", class_="skip"),
        tag("header", tag("p", "pytest-zdt", class_="brand"), news),
        tag("main", first, contents, _timeline(), named.values()),
        tag("script", Html(packed(data)), type="application/x-zdt", id="data"),
        [tag("script", asset(name)) for name in SCRIPTS],
        data_live=live or None,
        data_report=finished or None,
    )


def packed(data: dict[str, Any]) -> str:
    """The data as base64 of gzipped JSON: equal data gives equal text.

    The groups of the failures, most of it where very many failed, are two texts there: a character for the lower six bits of
    each number, and one for the rest. That is a fifth less than the numbers in digits.
    """
    groups = data["failed_group"]
    apart = ["".join(chr(48 + number % 64) for number in groups), "".join(chr(48 + number // 64) for number in groups)]
    written = json.dumps({**data, "failed_group": apart}, separators=(",", ":"), allow_nan=False).encode()
    return base64.b64encode(gzip.compress(written, mtime=0)).decode()


def _timeline() -> Html:
    return tag(
        "section",
        tag("h2", "Timeline"),
        tag("p", "The charts need JavaScript; the rest of the page does not.", id="chartless"),
        tag("div", id="charts", hidden=True),
        id="timeline",
    )
