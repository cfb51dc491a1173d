"""The verdict as Markdown, for the page of a job: what it is and why on the first screen of a phone, the figures below."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pytest_zdt.report.failures import Kind, by_kind, span
from pytest_zdt.report.markdown import CUT, LONGEST, code, folded, sentence, table
from pytest_zdt.report.repeat import command
from pytest_zdt.report.terminal import figures, headline, resolution, waiting
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED, ChangeFigures, Episode, Outage, Verdict

LIMIT: Final = 1_000_000
"""Bytes that the summary of a step may have: GitHub shows none at all of one above 1 MiB."""
ICONS: Final = {VERIFIED: "✅", VIOLATED: "❌", INCONCLUSIVE: "⚠️"}
MOST: Final = 10
"""Outages and episodes that are listed; the rest is counted."""
ENOUGH: Final = 3
"""Names of endpoints and versions in one line; the rest is counted."""
T = TypeVar("T")


@dataclass(frozen=True)
class Section:
    """A part of the summary that may be left out; of those that do not fit together the one of the highest ``rank`` is first."""

    name: str
    rank: int
    text: str


def render(verdict: Verdict, run: Mapping[str, Any], *, room: int = LIMIT, place: str = "") -> str:
    """The summary of a run that ``run.json`` describes as ``run``, in ``room`` bytes of UTF-8; ``place`` is its directory.

    Whole sections are left out until it fits, and it says which. Verdict and requirements always stay: where there is room for
    less than some 50 kB, the text may be longer than that.
    """
    top = f"{_top(verdict)}\n\n{_requirements(verdict)}"
    sections = [Section(name, rank, text) for name, rank, make in SECTIONS if (text := make(verdict))]
    sections.append(Section("how to repeat it", 0, _again(run, place)))
    left_out: list[str] = []
    while True:
        text = _joined(top, sections, left_out, room)
        if not sections or len(text.encode()) <= room:
            return text
        worst = max(sections, key=lambda one: one.rank)
        sections.remove(worst)
        left_out.append(worst.name)


def _joined(top: str, sections: Sequence[Section], left_out: Sequence[str], room: int) -> str:
    parts = [top, *(section.text for section in sections)]
    if left_out:
        names = ", ".join(left_out)
        parts.insert(1, f"> **Left out to stay within {room} bytes:** {names}. `verdict.json` has all of it.")
    if any(CUT in part for part in parts):
        parts.append(f"Texts that end in {CUT} are cut; `verdict.json` has the whole.")
    return "\n\n".join(parts) + "\n"


def _top(verdict: Verdict) -> str:
    word, _, told = headline(verdict).partition(": ")
    title = f"## {ICONS[verdict.verdict]} {word}{f': {verdict.level}' if verdict.level else ''}"
    told = told.removeprefix(f"{verdict.level}. ")
    return f"{title}\n\nTarget {code(verdict.run.get('target'))} at {code(verdict.run.get('base_url'))}: {sentence(told)}"


def _requirements(verdict: Verdict) -> str:
    order = (VIOLATED, INCONCLUSIVE, VERIFIED)
    rows = [
        (
            f"{ICONS[one.status]} {one.status}",
            code(one.name),
            f"**{sentence(one.reason)}:** {sentence(one.detail)}" if one.reason else f"{sentence(one.detail)}",
        )
        for one in sorted(verdict.requirements, key=lambda one: order.index(one.status))
    ]
    return table(("", "requirement", "what was seen"), rows)


def _titled(title: str, items: Sequence[T], show: Callable[[T], str], most: int) -> str:
    """A heading over a list of the first items; nothing without any."""
    if not items:
        return ""
    lines = [f"- {show(item)}" for item in items[:most]]
    lines += [f"- and {len(items) - most} more, see `verdict.json`"] if len(items) > most else []
    return f"### {title}\n" + "\n".join(lines)


def _causes(verdict: Verdict) -> str:
    title = "Likely causes (a guess from the failures; it changes nothing in the verdict)"
    return _titled(
        title,
        verdict.causes,
        lambda one: f"**{sentence(one.title)}**: {sentence(one.because)}. Safe: {sentence(one.safe)}.",
        len(verdict.causes),
    )


def _failures(verdict: Verdict) -> str:
    def show(one: Kind) -> str:
        what = f"**{one.count} x {sentence(one.kind)}** ({sentence(one.guilt)})"
        return f"{what} on {_few(one.endpoints)}{by(one)}, {span(one)}{_example(one.example)}"

    def by(one: Kind) -> str:
        named = [version for version in one.versions if version]
        return f" {'while' if polled else 'by'} {_few(named)}{' answered' if polled else ''}" if named else " by no version"

    polled = str(verdict.run.get("version_source")).startswith("url:")
    kinds = by_kind(verdict)
    return _titled("Failures", kinds, show, len(kinds))


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - ENOUGH} more" if len(names) > ENOUGH else ""
    return ", ".join(code(name) for name in names[:ENOUGH]) + more


def _example(example: Mapping[str, str]) -> str:
    told = [code(example["message"])] if example.get("message") else []
    told += [f"request {code(example['request_id'])}"] if example.get("request_id") else []
    return f"; e.g. {', '.join(told)}" if told else ""


def _outages(verdict: Verdict) -> str:
    def outage(one: Outage) -> str:
        return (
            f"**{one.min_s:.3f} to {one.max_s:.3f} s** from {one.start_s:.1f} s on {code(one.endpoint)}: "
            f"{one.failures} x {code(', '.join(one.kinds))}"
        )

    def episode(one: Episode) -> str:
        hit = f"{one.vus} of {verdict.run.get('vus')} virtual users hit" if one.vus else "probes alone hit"
        return f"{one.start_s:.1f} to {one.end_s:.1f} s: {one.failures} x failed on {_few(one.endpoints)}, {hit}"

    longest = sorted(verdict.outages, key=lambda one: -one.max_s)
    largest = sorted(verdict.episodes, key=lambda one: -one.failures)
    found = _titled("Outages (at least and at most so long)", longest, outage, MOST)
    episodes = _titled("Episodes (outages that may have overlapped)", largest, episode, MOST)
    return "\n\n".join(filter(None, (found, episodes)))


def _versions(verdict: Verdict) -> str:
    rows = [
        (code(one.id), one.role, f"{one.first_s:.1f} to {one.last_s:.1f} s", str(one.requests), str(one.failures))
        for one in verdict.versions
    ]
    phases = [
        (one.name, "", f"{one.start_s:.1f} to {one.end_s:.1f} s", str(one.requests), str(one.failures)) for one in verdict.phases
    ]
    header = ("version or phase", "role", "when", ">requests", ">failed")
    lines = [f"- {text}" for one in verdict.changes if (text := _overlap(one))]
    return "### Versions and phases\n" + "\n\n".join(filter(None, (table(header, [*rows, *phases]), "\n".join(lines))))


def _overlap(change: ChangeFigures) -> str:
    if (found := change.overlap) is None:
        return ""
    answers = ", ".join(f"{code(version)} {number}" for version, number in found.requests.items())
    return (
        f"{code(change.old)} → {code(change.new)}: {found.end_s - found.start_s:.1f} s side by side, answers: {answers}; "
        f"{found.alternations} changes from one to the other"
    )


def _flows(verdict: Verdict) -> str:
    roles = {one.id: one.role for one in verdict.versions}

    def named(version: str) -> str:
        return f"{code(version)} ({roles[version]})" if version in roles else code(version)

    rows = [
        (code(one.flow), named(one.made_by), named(one.used_on), str(one.requests), str(one.failures)) for one in verdict.flows
    ]
    header = ("flow", "made by", "used on", ">uses", ">failed")
    return f"### Flows\n{table(header, rows)}" if rows else ""


def _generator(verdict: Verdict) -> str:
    told = [f"- Load: {sentence(figures(verdict).removeprefix('load: '))}"]
    told += [f"- Latency {sentence(line.removeprefix('latency '))}" for line in waiting(verdict)]
    found = verdict.generator
    lag = "unknown" if found.lag_p99_ms is None else f"{found.lag_p99_ms:.1f} ms"
    share = "unknown" if found.cpu_share is None else f"{found.cpu_share:.0%} of a core"
    lost = "unknown" if found.lost_samples is None else str(found.lost_samples)
    told.append(
        f"- Generator: lag {lag} (`p99`), busiest worker {share}, lost samples {lost}, cut by the end {found.cut_at_deadline}"
    )
    return "### Load\n" + "\n".join(told)


def _resolution(verdict: Verdict) -> str:
    where, _, told = resolution(verdict).partition(": ")
    return f"{where.capitalize()}: {sentence(told)}."


def _endpoints(verdict: Verdict) -> str:
    rows = [
        (
            code(one.endpoint),
            code(one.version),
            str(one.requests),
            str(one.failures),
            str(one.in_overlap),
            "-" if one.p95_ms is None else f"{one.p95_ms:.1f}",
        )
        for one in verdict.cells
    ]
    header = ("endpoint", "version", ">requests", ">failed", ">in overlap", ">p95 ms")
    return folded("Endpoints", table(header, rows)) if rows else ""


def _groups(verdict: Verdict) -> str:
    """Every group of failures, where there are more than the list by kind shows."""
    if len(verdict.failures) <= len(by_kind(verdict)):
        return ""
    rows = [
        (
            str(one.count),
            code(one.kind),
            one.guilt,
            code(one.endpoint),
            code(one.version),
            one.phase,
            f"{one.first_s:.1f}",
            code(one.example.get("message", "")),
            code(one.example.get("request_id", "")),
        )
        for one in sorted(verdict.failures, key=lambda one: -one.count)
    ]
    header = (">failed", "kind", "whose", "endpoint", "version", "phase", ">from s", "example", "request")
    return folded("All failures", table(header, rows))


SECTIONS: Final[tuple[tuple[str, int, Callable[[Verdict], str]], ...]] = (
    ("likely causes", 1, _causes),
    ("failures", 2, _failures),
    ("outages", 3, _outages),
    ("versions and phases", 4, _versions),
    ("flows", 5, _flows),
    ("load", 6, _generator),
    ("resolution", 7, _resolution),
    ("endpoints", 8, _endpoints),
    ("all failures one by one", 9, _groups),
)
"""Name, rank and text of each section, as they are read; the higher the rank, the sooner it is left out."""


def _again(run: Mapping[str, Any], place: str) -> str:
    where = f" Its evidence is in {code(place, 2 * LONGEST)}." if place else ""
    again = f"To repeat the run: {code(repeat, 2 * LONGEST)}. " if (repeat := command(run)) else ""
    judged = shlex.join(["pytest-zdt", "judge", place or "DIR"])
    return f"{again}To judge it again: {code(judged, 2 * LONGEST)}.{where}"
