"""The parts of the page that tell the verdict and why; each a function from the verdict to HTML."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pytest_zdt.report.markup import Html, html, long_table, row, table, tag
from pytest_zdt.report.terminal import beside, headline, users
from pytest_zdt.verdict.model import (
    INCONCLUSIVE,
    VERIFIED,
    VIOLATED,
    Cause,
    Episode,
    FailureGroup,
    Outage,
    Overlap,
    Requirement,
    User,
    Verdict,
)

SHORT: Final = 20
"""Characters of a version's name among the key figures; the full names stand everywhere else."""
SIGN: Final = {VERIFIED: "✓", VIOLATED: "✗", INCONCLUSIVE: "?"}


def seconds(value: float) -> str:
    """A time from the run's start: minutes and seconds, and hours where there are some."""
    minutes, rest = divmod(round(value, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:06.3f}" if hours else f"{minutes}:{rest:06.3f}"


def lasting(value: float) -> str:
    """How long something took: seconds, or with minutes and hours where that reads better."""
    if value < 120:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return " ".join([*([f"{hours} h"] if hours else ()), f"{minutes} min", *([f"{rest} s"] if rest else ())])


def chain(verdict: Verdict) -> list[str]:
    """The versions in turn; one to which the run came back stands twice."""
    changes = [change for change in verdict.changes if change.new]
    return [changes[0].old, *(change.new for change in changes)] if changes else [version.id for version in verdict.versions]


def figure(value: float | None, unit: str = "ms") -> str:
    """A figure with one decimal; a dash where nothing is known."""
    return "-" if value is None else f"{value:,.1f} {unit}".rstrip()


def badge(status: str) -> Html:
    """A status by sign, word and colour."""
    return tag("span", tag("span", SIGN[status], aria_hidden="true"), f" {status}", class_=f"badge {status}")


# --- the first screen


def word(verdict: Verdict, *, under_way: bool = False) -> str:
    """The verdict in a word; while the run is under way it is too early to call it inconclusive."""
    return "under way" if under_way and verdict.verdict == INCONCLUSIVE else verdict.verdict


def banner(verdict: Verdict, *, under_way: bool = False) -> Html:
    """The verdict, its level, why, and what is missing."""
    level = tag("span", verdict.level, class_="level") if verdict.level else None
    sign = tag("span", SIGN[verdict.verdict], class_="sign", aria_hidden="true")
    title = tag("h1", sign, " ", word(verdict, under_way=under_way).upper(), level)
    _, _, told = headline(verdict).partition(": ")
    lines = (tag("p", told, class_="told"), _guess(verdict.causes), _where(verdict))
    return html(tag("div", title, lines, class_=f"banner {verdict.verdict}"), _why(verdict))


def began(run: Mapping[str, Any]) -> datetime | None:
    """When the run began, in UTC; None where that cannot be read."""
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(str(run.get("started_at"))).astimezone(UTC)
    return None


def _where(verdict: Verdict) -> Html:
    run, start = verdict.run, began(verdict.run)
    place = (
        f"{run.get('target')} at {run.get('base_url')}" if run.get("target") != run.get("base_url") else str(run.get("target"))
    )
    parts = (place, f"{start:%Y-%m-%d %H:%M:%S} UTC" if start else "", lasting(float(run.get("duration_s") or 0.0)))
    return tag("p", " · ".join([*filter(None, parts), users(run, "virtual users")]), class_="where")


def _why(verdict: Verdict) -> Html | None:
    """The requirements that are not verified; first those that are violated."""
    reasons = [one for status in (VIOLATED, INCONCLUSIVE) for one in verdict.requirements if one.status == status]
    items = [
        tag("li", badge(one.status), " ", tag("b", one.name), " ", tag("code", one.reason), " ", _told(one)) for one in reasons
    ]
    return (
        tag("div", tag("h2", "Why, and what is missing"), tag("ul", items, class_="reasons"), class_="why") if reasons else None
    )


def _told(one: Requirement) -> str:
    return one.detail.replace("`", "")


def _guess(causes: Sequence[Cause]) -> Html | None:
    """The likeliest cause, for the first screen."""
    return tag("p", tag("b", "Likely cause: "), tag("a", causes[0].title, href="#causes")) if causes else None


def key_figures(verdict: Verdict) -> Html:
    """The figures to see first."""
    failures = sum(group.count for group in verdict.failures)
    spans = [change.overlap for change in verdict.changes if change.overlap is not None]
    longest = max((outage.max_s for outage in verdict.outages), default=None)
    names = [version.id for version in verdict.versions]
    shown = {
        "requests": f"{verdict.generator.samples:,}",
        "failed": f"{failures:,}",
        "versions": shortened(f"{' → '.join(chain(verdict))}{beside(verdict)}", names) or "none named",
        "side by side": lasting(sum(span.end_s - span.start_s for span in spans)) if spans else "never",
        "answers then": shortened(_side_by_side(verdict, spans), names) or "none",
        "longest outage": "none" if longest is None else f"up to {lasting(longest)}",
    }
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in shown.items()], class_="figures")


def shortened(text: str, names: Sequence[str]) -> str:
    """The text with long names among those shortened in the middle, unless two of them would be alike then."""
    short = {name: name if len(name) <= SHORT else f"{name[: SHORT // 2 - 1]}…{name[-SHORT // 2 :]}" for name in names}
    if len({*short.values()}) < len(short):
        return text
    for name in sorted(short, key=len, reverse=True):
        text = text.replace(name, short[name]) if name else text
    return text


def _side_by_side(verdict: Verdict, spans: Sequence[Overlap]) -> str:
    """How many each version gave while both answered, in the order in which they came."""
    counts = {version.id: sum(span.requests.get(version.id, 0) for span in spans) for version in verdict.versions}
    return " + ".join(f"{count:,} by {name}" for name, count in counts.items() if count)


# --- why


def requirements(verdict: Verdict) -> Html:
    """Every requirement with its outcome."""
    rows = [
        row(one.name, badge(one.status), tag("code", one.reason) if one.reason else "", _told(one))
        for one in verdict.requirements
    ]
    return table("Every requirement and its outcome", ("requirement", "outcome", "reason", "what was found"), rows, stacked=True)


def causes(verdict: Verdict) -> Html | None:
    """Likely causes; nothing without any."""
    if not verdict.causes:
        return None
    told = [
        tag(
            "li",
            tag("b", f"{cause.title}{f' ({cause.row})' if cause.row else ''}"),
            tag("p", f"Because {cause.because}"),
            _safe(cause.safe),
        )
        for cause in verdict.causes
    ]
    return html(tag("p", "A guess from the failures; it changes nothing in the verdict."), tag("ul", told, class_="causes"))


def _safe(way: str) -> Html:
    return tag("p", tag("b", "Safe: "), way)


def failures(verdict: Verdict) -> Html:
    """Failures by kind, endpoint, version and phase, each with an example."""
    if not verdict.failures:
        return tag("p", "No request failed.")
    polled = str(verdict.run.get("version_source")).startswith("url:")
    header = ("kind", "how many", "whose", "endpoint", "while answered" if polled else "version", "phase", "when", "example")
    ranked = sorted(verdict.failures, key=lambda group: -group.count)
    return long_table("Failures by kind, the most first", header, ranked, _failure)


def _failure(group: FailureGroup) -> Html:
    example = html(
        tag("span", group.example.get("message") or "", class_="message"),
        tag("code", group.example.get("request_id") or "without an id", title="request id, for the server's logs"),
    )
    when = seconds(group.first_s) if group.count == 1 else f"{seconds(group.first_s)} to {seconds(group.last_s)}"
    return row(
        group.kind, f"{group.count:,}", group.guilt, group.endpoint, group.version or "none named", group.phase, when, example
    )


def outages(verdict: Verdict) -> Html:
    """Outages with their bounds, episodes, and who was hit."""
    if not verdict.outages:
        return tag("p", "No endpoint had an outage.")
    ranked = sorted(verdict.outages, key=lambda outage: -outage.max_s)
    header = (
        "endpoint",
        "lasted at least",
        "and at most",
        "first failure",
        "last success before",
        "next success",
        "failures",
        "kinds",
    )
    return html(
        tag("p", "An outage is a run of failures of one endpoint without a success between."),
        long_table("Outages, the longest first", header, ranked, _outage),
        _episodes(verdict),
        _hit(verdict),
    )


def _outage(outage: Outage) -> Html:
    bounds = (f"{outage.min_s:.3f} s", f"{outage.max_s:.3f} s")
    around = (seconds(outage.start_s), seconds(outage.last_success_s), seconds(outage.next_success_s))
    return row(outage.endpoint, *bounds, *around, f"{outage.failures:,}", f"{', '.join(outage.kinds)} ({outage.guilt})")


def _episodes(verdict: Verdict) -> Html:
    def show(one: Episode) -> Html:
        return row(
            f"{seconds(one.start_s)} to {seconds(one.end_s)}",
            *(f"{one.failures:,}", f"{one.outages:,}", f"{len(one.endpoints):,}", ", ".join(one.versions) or "none named"),
            f"{one.vus} of {verdict.run.get('vus')}" if one.vus else "probes alone",
            f"{', '.join(one.kinds)} ({one.guilt})",
        )

    header = ("when", "failures", "outages", "endpoints", "versions", "virtual users hit", "kinds")
    return long_table("Episodes: outages that may have overlapped", header, verdict.episodes, show)


def _hit(verdict: Verdict) -> Html | None:
    header = ("virtual user", "failures", "outages", "longest, at least", "at most")
    worst = sorted(verdict.users, key=lambda user: -user.longest_max_s)
    return long_table("Virtual users that were hit, the worst first", header, worst, _user) if worst else None


def _user(one: User) -> Html:
    return row(str(one.vu), f"{one.failures:,}", f"{one.outages:,}", f"{one.longest_min_s:.3f} s", f"{one.longest_max_s:.3f} s")
