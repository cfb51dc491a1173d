"""The verdict on a terminal: first what it is, then why, then the figures."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pytest_zdt.evidence.bundle import DEPLOY_LOG
from pytest_zdt.evidence.samples import PROBE
from pytest_zdt.verdict.model import (
    INCONCLUSIVE,
    VERIFIED,
    VIOLATED,
    Cause,
    Episode,
    FailureGroup,
    Outage,
    Requirement,
    Verdict,
)
from pytest_zdt.verdict.plan import RAMP, RATE
from pytest_zdt.verdict.shown import Cell

Line = tuple[str, str]
"""A line's text and its style: empty, green, red, yellow, bold or dim."""
STYLE = {VERIFIED: "green", VIOLATED: "red", INCONCLUSIVE: "yellow"}
T = TypeVar("T")
MOST_ROWS = 100
"""Lines of the table of endpoints."""
SHOWN = 6
"""How many failures and outages are shown; the rest is counted."""


def render(verdict: Verdict, *, report_dir: str = "", deploy_log: bool = False) -> list[Line]:
    """The lines to show; ``deploy_log``: what a deploy command printed is in ``report_dir`` too.

    Control characters of foreign texts are left out.
    """
    lines = [
        (headline(verdict), STYLE[verdict.verdict]),
        *_requirements(verdict),
        *_failures(verdict),
        *_outages(verdict),
        *_episodes(verdict),
        *_causes(verdict),
        ("", ""),
        *_table(verdict),
        ("", ""),
        (figures(verdict), ""),
        *((line, "") for line in waiting(verdict)),
        (resolution(verdict), ""),
    ]
    if report_dir:
        beside = f"verdict.json, samples.ndjson, marks.ndjson, run.json{f', {DEPLOY_LOG}' if deploy_log else ''}"
        lines.append((f"report: {report_dir}/report.html; evidence beside it: {beside}", "dim"))
    return [(clean(text), style) for text, style in lines]


def headline(verdict: Verdict) -> str:
    """The verdict in one sentence."""
    failures = sum(group.count for group in verdict.failures)
    failed = f"{failures} of {_requests(verdict)} requests failed"
    if verdict.verdict == VERIFIED:
        proved = f"{verdict.level}. " if verdict.level else "no downtime, and no new version was required. "
        return f"VERIFIED: {proved}{_story(verdict)}; {f'{failed}, as allowed' if failures else 'no request failed'}."
    if verdict.verdict == VIOLATED:
        return f"VIOLATED: {_reasons(verdict)}. {failed}. {_story(verdict)}."
    return f"INCONCLUSIVE: zero downtime is not proven. {_story(verdict)}. Missing: {_reasons(verdict)}."


def _reasons(verdict: Verdict) -> str:
    """The requirements that made the verdict; of those with the same reason the first."""
    found = [one for one in verdict.requirements if one.status == verdict.verdict]
    deciding = [one for one in found if one.name != "impact"] or found
    first = {one.reason: one.name for one in reversed(deciding)}
    return ", ".join(f"{one.name} ({one.reason})" for one in deciding if first[one.reason] == one.name)


def _story(verdict: Verdict) -> str:
    """Which versions answered, and how much side by side."""
    if not verdict.versions:
        return "No answer named a version"
    changes = [change for change in verdict.changes if change.new]
    if not changes:
        return f"Only one version answered: {verdict.versions[0].id}"
    versions = " -> ".join([changes[0].old, *(change.new for change in changes)]) + beside(verdict)
    spans = [change.overlap for change in changes if change.overlap is not None]
    if not spans:
        return versions
    answers, seconds = sum(sum(span.requests.values()) for span in spans), sum(span.end_s - span.start_s for span in spans)
    return f"{versions}, {answers} answers side by side in {seconds:.1f} s"


def beside(verdict: Verdict) -> str:
    """The versions that answered too, though the run did not change to them; with what stands around them, or empty."""
    told = {name for change in verdict.changes for name in (change.old, change.new)}
    others = [version.id for version in verdict.versions if version.id and version.id not in told]
    return f" (and {', '.join(others)})" if told and others else ""


def _requirements(verdict: Verdict) -> Iterator[Line]:
    for one in sorted(verdict.requirements, key=lambda one: (VIOLATED, INCONCLUSIVE, VERIFIED).index(one.status)):
        yield _requirement(one)


def _requirement(one: Requirement) -> Line:
    reason = f"{one.reason}: " if one.reason else ""
    return f"  {one.status:<12}  {one.name:<14}  {reason}{one.detail}", "" if one.status == VERIFIED else STYLE[one.status]


def _section(title: str, items: Sequence[T], show: Callable[[T], Iterable[Line]], most: int = SHOWN) -> Iterator[Line]:
    """A title and the first of the items; nothing without any."""
    if not items:
        return
    yield "", ""
    yield title, "bold"
    for item in items[:most]:
        yield from show(item)
    if len(items) > most:
        yield f"  and {len(items) - most} more in verdict.json", "dim"


def _failures(verdict: Verdict) -> Iterator[Line]:
    polled = str(verdict.run.get("version_source")).startswith("url:")

    def show(group: FailureGroup) -> Iterator[Line]:
        by = (f"while {group.version} answered" if polled else f"by {group.version}") if group.version else "by no version"
        span = f"{group.first_s:.1f} s" if group.count == 1 else f"{group.first_s:.1f} to {group.last_s:.1f} s"
        yield f"  {group.count} x {group.kind} ({group.guilt}) on {group.endpoint} {by}, {group.phase}, {span}", "red"
        message = f"{group.example['message']}, " if group.example.get("message") else ""
        yield f"      e.g. {message}request {group.example.get('request_id') or 'without an id'}", "dim"

    return _section("Failures", sorted(verdict.failures, key=lambda group: -group.count), show)


def _outages(verdict: Verdict) -> Iterator[Line]:
    def show(outage: Outage) -> Iterator[Line]:
        length = f"{outage.min_s:.3f} to {outage.max_s:.3f} s"
        what = f"{outage.failures} x {', '.join(outage.kinds)}"
        yield f"  {length:>18} from {outage.start_s:.1f} s on {outage.endpoint}: {what}", "red"

    title = "Outages (an endpoint failed without a success between; each lasted from the least to the most)"
    return _section(title, sorted(verdict.outages, key=lambda outage: -outage.max_s), show)


def _episodes(verdict: Verdict) -> Iterator[Line]:
    def show(episode: Episode) -> Iterator[Line]:
        by = f"by {', '.join(episode.versions)}" if episode.versions else "by no version"
        what = f"{_many(episode.failures, 'failure')} in {_many(episode.outages, 'outage')}"
        where = f"on {_many(len(episode.endpoints), 'endpoint')} {by}"
        hit = f"{episode.vus} of {verdict.run.get('vus')} virtual users hit" if episode.vus else "probes alone hit"
        yield f"  {episode.start_s:.1f} to {episode.end_s:.1f} s: {what} {where} ({episode.guilt}), {hit}", "red"

    title = "Episodes (outages that may have overlapped; a virtual user is hit when one of its requests failed)"
    return _section(title, sorted(verdict.episodes, key=lambda episode: -episode.failures), show)


def _causes(verdict: Verdict) -> Iterator[Line]:
    def show(cause: Cause) -> Iterator[Line]:
        yield f"  {cause.title}{f' ({cause.row})' if cause.row else ''}", ""
        yield f"      because {cause.because}", "dim"
        yield f"      safe:   {cause.safe}", "dim"

    title = "Likely causes (a guess from the failures; it changes nothing in the verdict)"
    return _section(title, verdict.causes, show, most=len(verdict.causes))


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _table(verdict: Verdict) -> Iterator[Line]:
    if not verdict.cells:
        return
    header = ("endpoint", "version", "requests", "failed", "in overlap", "p95 ms")
    rows = [header, *(_row(cell) for cell in verdict.cells[:MOST_ROWS])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    for number, row in enumerate(rows):
        left = "  ".join(text.ljust(width) for text, width in zip(row[:2], widths[:2], strict=True))
        right = "  ".join(text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True))
        yield f"  {left}  {right}", "bold" if number == 0 else "red" if row[3] != "0" else ""
    if len(verdict.cells) > MOST_ROWS:
        yield f"  and {len(verdict.cells) - MOST_ROWS} more in verdict.json", "dim"


def _row(cell: Cell) -> tuple[str, ...]:
    p95 = "-" if cell.p95_ms is None else f"{cell.p95_ms:.1f}"
    return (cell.endpoint, cell.version or "(none)", str(cell.requests), str(cell.failures), str(cell.in_overlap), p95)


def figures(verdict: Verdict) -> str:
    """The load in one sentence."""
    run, phases = verdict.run, verdict.phases
    spans = ", ".join(f"{phase.name} {phase.end_s - phase.start_s:.1f} s" for phase in phases)
    duration = float(run.get("duration_s") or 0.0)
    load = f"load: {_requests(verdict)} requests{_probes(verdict)} by {users(run, 'VUs')} in {duration:.1f} s ({spans})"
    shards = [str(shard) for shard in run.get("shards") or ()]
    joined = f"; joined from {len(shards)} runs: {', '.join(shards)}" if shards else ""
    return f"{load}{joined}; {_loop(verdict)}; latencies are to the first byte"


def users(run: Mapping[str, Any], noun: str) -> str:
    """Who drove the load, and on what schedule if they had one; ``noun`` is what virtual users are called."""
    if run.get("executor") == RAMP:
        return f"up to {run.get('vus')} {noun} (a ramp)"
    if run.get("executor") == RATE:
        return f"up to {run.get('vus')} {noun} at {float(run.get('rate') or 0.0):g} iterations/s"
    return f"{run.get('vus')} {noun}"


def _probes(verdict: Verdict) -> str:
    """How many of the requests were probes; empty without any."""
    probes = sum(row.requests for row in verdict.endpoints if row.lane == PROBE)
    unsent = f", {verdict.generator.unsent_probes} more were due and not sent" if verdict.generator.unsent_probes else ""
    return f" ({probes} of them probes{unsent})" if probes or unsent else ""


def _loop(verdict: Verdict) -> str:
    """What slow answers do to the load."""
    if verdict.run.get("executor") != RATE:
        return "a closed loop, slow answers thin it out"
    unsent = verdict.generator.unsent_iterations
    if unsent is None:
        return "an open model, how many iterations were not started is unknown"
    if unsent:
        return f"an open model, {_many(unsent, 'iteration')} not started for want of a free VU"
    return "an open model, every iteration was started in time"


def waiting(verdict: Verdict) -> Iterator[str]:
    """The probes' latency beside the virtual users', of which slow answers leave fewer and so hide themselves; or nothing."""
    if (told := verdict.waiting) is not None:
        of_users, of_probes = (
            "none" if None in pair else " and ".join(f"{value:.1f}" for value in pair) + " ms"
            for pair in ((told.users_p50_ms, told.users_p99_ms), (told.probes_p50_ms, told.probes_p99_ms))
        )
        why = "which do not wait for earlier answers"
        yield f"latency in the {told.phase} (p50 and p99): {of_users} for VUs, {of_probes} for probes, {why}"


def resolution(verdict: Verdict) -> str:
    """What an equally clean run could have missed."""
    if not verdict.resolution:
        return "resolution: nothing was requested"
    rollout = [one for one in verdict.resolution if one.phase == "rollout"] or verdict.resolution
    gap = max(rollout, key=lambda one: one.max_gap_s)
    text = f"resolution in the {gap.phase}: an outage of up to {gap.max_gap_s:.2f} s could have been missed on {gap.endpoint}"
    if not gap.probes and any(one.probes for one in rollout):
        text += " (which has no probes)"
    rates = [one for one in rollout if one.failure_rate_below is not None]
    if not rates:
        return text
    rate = max(rates, key=lambda one: one.failure_rate_below or 0.0)
    return f"{text}, and failures of up to {rate.failure_rate_below:.1%} of the requests on {rate.endpoint}"


def _requests(verdict: Verdict) -> int:
    return verdict.generator.samples


def printable(text: str) -> str:
    """The text without control characters, bidirectional ones among them, line separators and halves of characters."""
    return "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))


def clean(text: str) -> str:
    """The text without what a foreign text may hold to steer those who show it: control characters, and workflow commands.

    GitHub's runner takes a line that begins with ``::``, and ``##[`` wherever it stands, for a command to itself.
    """
    shown = printable(text)
    bare = shown.lstrip()
    if bare.startswith("::"):
        shown = f"{shown[: len(shown) - len(bare)]}: {bare[1:]}"
    return shown.replace("##[", "# #[")
