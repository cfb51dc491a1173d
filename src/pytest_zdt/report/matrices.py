"""The matrices of the page: endpoints by phase, version and lane; flows by who made a value and who got it; latency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pytest_zdt.report.markup import Html, html, long_table, row, table, tag
from pytest_zdt.report.sections import figure
from pytest_zdt.verdict.model import EndpointFigures, Flow, Impact, Resolution, Verdict

MOST_ENDPOINTS: Final = 200
CELLS: Final = (
    "In each cell: requests, failures if there were any, and the 95th percentile of the latency to the first byte. Lanes: reused "
    "are connections that are kept, new is a new one for each iteration, a probe repeats an endpoint's last good request."
)
PHASES: Final = ("head", "rollout", "tail")
LANES: Final = ("reused", "new", "probe")
Place = tuple[str, str]
"""A phase and a version."""


def endpoints(verdict: Verdict) -> Html:
    """How every endpoint did by phase, version and lane: requests, failures, 95th percentile of the latency."""
    if not verdict.endpoints:
        return tag("p", "Nothing was requested.")
    cells = {(one.endpoint, one.lane, (one.phase, one.version)): one for one in verdict.endpoints}
    places, names = _places(verdict), _ranked(verdict.endpoints)
    lanes = [lane for lane in (*LANES, "") if any(key[1] == lane for key in cells)]
    header = ("endpoint", "lane", *(html(phase, tag("br"), version or "no version") for phase, version in places))
    rows = [
        _line(name, lane, places, cells)
        for name in names[:MOST_ENDPOINTS]
        for lane in lanes
        if any((name, lane, one) in cells for one in places)
    ]
    return html(
        tag("p", CELLS),
        table("Endpoints by phase, version and lane", header, rows),
        tag("p", f"{len(names) - MOST_ENDPOINTS:,} more endpoints, with fewer failures, are in verdict.json.")
        if len(names) > MOST_ENDPOINTS
        else None,
        _all(verdict.endpoints),
    )


def _places(verdict: Verdict) -> list[Place]:
    versions = [*(version.id for version in verdict.versions), ""]
    found = {(one.phase, one.version) for one in verdict.endpoints}
    return [(phase, version) for phase in PHASES for version in versions if (phase, version) in found]


def _ranked(figures: Iterable[EndpointFigures]) -> list[str]:
    """The endpoints by name; where there are too many to show, those with failures first."""
    failed: dict[str, int] = {}
    for one in figures:
        failed[one.endpoint] = failed.get(one.endpoint, 0) + one.failures
    return sorted(failed) if len(failed) <= MOST_ENDPOINTS else sorted(failed, key=lambda name: (-failed[name], name))


def _line(name: str, lane: str, places: Sequence[Place], cells: Mapping[tuple[str, str, Place], EndpointFigures]) -> Html:
    return row(name, lane or "-", *(_cell(cells.get((name, lane, place))) for place in places))


def _cell(one: EndpointFigures | None) -> Html:
    if one is None:
        return tag("td", "-", class_="none")
    failed = tag("b", f" {one.failures:,} failed ", class_="failed") if one.failures else " "
    return tag("td", f"{one.requests:,}", failed, tag("small", figure(one.p95_ms)))


def _all(figures: Sequence[EndpointFigures]) -> Html:
    header = ("endpoint", "phase", "version", "lane", "requests", "failures", "p50", "p95", "p99", "longest")
    made = long_table("All figures of the endpoints", header, figures, _figures)
    return tag("details", tag("summary", "All figures of the endpoints"), made)


def _figures(one: EndpointFigures) -> Html:
    counts = (one.phase, one.version or "none named", one.lane, f"{one.requests:,}", f"{one.failures:,}")
    return row(one.endpoint, *counts, *map(figure, (one.p50_ms, one.p95_ms, one.p99_ms, one.max_ms)))


def flows(verdict: Verdict) -> Html:
    """A matrix for each flow: what one version made, used on the other; also where no version was named."""
    names = sorted({one.flow for one in verdict.flows})
    if not names:
        return tag("p", "No value that an answer made was used in a later request.")
    known = [version.id for version in verdict.versions]
    makers, users = (_ordered(known, found) for found in zip(*((one.made_by, one.used_on) for one in verdict.flows), strict=True))
    uses = {(one.flow, one.made_by, one.used_on): one for one in verdict.flows}
    return html([_flow(name, makers, users, uses) for name in names])


def _ordered(known: Sequence[str], found: Iterable[str]) -> list[str]:
    """The known versions, then others that were found; last the answers without one."""
    others = set(found) - set(known)
    return [*known, *sorted(others, key=lambda name: (not name, name))]


def _flow(name: str, makers: Sequence[str], users: Sequence[str], uses: Mapping[tuple[str, str, str], Flow]) -> Html:
    header = ("made by", *(f"used on {version or 'no version'}" for version in users))
    rows = [
        row(maker or "no version", *(_use(uses.get((name, maker, user)), maker != user) for user in users)) for maker in makers
    ]
    return table(f"Flow {name}", header, rows)


def _use(use: Flow | None, crossing: bool) -> Html:
    if use is None:
        return tag("td", "never", class_="none")
    failed = (
        tag("b", f" {use.failures:,} failed", class_="failed")
        if use.failures
        else tag("span", " ✓", class_="good")
        if crossing
        else None
    )
    return tag("td", f"{use.requests:,}", failed)


def latency(verdict: Verdict) -> Html:
    """The rollout's latency against the head's, and what could have been missed."""
    slower, missed = verdict.impact, verdict.resolution
    chance = ("endpoint", "head, p50", "rollout, p50", "slower by chance of", "p", "found")
    gaps = ("endpoint", "phase", "longest gap between requests", "failure rate below", "probes")
    return html(
        tag("p", "The chance is that an answer in the rollout is slower than one in the head; 50 % means no difference."),
        long_table("Latency of the rollout against the head", chance, slower, _impact)
        if slower
        else tag("p", "No answers to compare."),
        long_table("What could have been missed", gaps, missed, _missed) if missed else None,
    )


def _impact(one: Impact) -> Html:
    effect = "-" if one.effect is None else f"{one.effect:.0%}"
    p = "-" if one.p is None else f"{one.p:.2g}"
    slower = tag("b", "slower", class_="failed") if one.slower else "too few answers" if one.effect is None else ""
    return row(one.endpoint, figure(one.head_p50_ms), figure(one.rollout_p50_ms), effect, p, slower)


def _missed(one: Resolution) -> Html:
    rate = "-" if one.failure_rate_below is None else f"{one.failure_rate_below:.1%}"
    return row(one.endpoint, one.phase, f"{one.max_gap_s:.2f} s", rate, f"{one.probes:,}")
