"""Two runs side by side, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_zdt.report.terminal import STYLE, Line, clean, users
from pytest_zdt.verdict.model import Verdict
from pytest_zdt.verdict.shown import Total
from pytest_zdt.verdict.statistics import wilson

OWN = frozenset({"id", "arguments", "started_at", "clock", "seed", "schema", "torn_lines"})
"""What differs from run to run by itself."""
Pair = tuple[Verdict, Verdict]


def render(names: tuple[str, str], runs: tuple[Mapping[str, Any], Mapping[str, Any]], verdicts: Pair) -> list[Line]:
    """The lines to show of two runs: what they are called, what ``run.json`` says, and their verdicts."""
    return [
        (clean(f"A: {names[0]}"), "bold"),
        (clean(f"B: {names[1]}"), "bold"),
        ("", ""),
        *_table([("", "A", "B"), *((label, *map(show, verdicts)) for label, show in ROWS.items())]),
        ("", ""),
        *_section("Requirements that ended differently", "no requirement ended differently", _requirements(verdicts)),
        *_section("Settings that differ", "no setting differs", _settings(runs)),
        *_endpoints(verdicts),
    ]


def _verdict(verdict: Verdict) -> str:
    return f"{verdict.verdict}{f', {verdict.level}' if verdict.level else ''}"


def _versions(verdict: Verdict) -> str:
    changes = [change for change in verdict.changes if change.new]
    if not changes:
        return ", ".join(version.id for version in verdict.versions) or "none"
    return " -> ".join([changes[0].old, *(change.new for change in changes)])


def _duration(verdict: Verdict) -> str:
    return f"{float(verdict.run.get('duration_s') or 0.0):.1f} s by {users(verdict.run, 'virtual users')}"


def _failed(verdict: Verdict) -> str:
    requests, failures = sum(total.requests for total in verdict.totals), sum(total.failures for total in verdict.totals)
    low, high = wilson(failures, requests)
    return f"{failures} of {requests} ({low:.2%} to {high:.2%})"


def _rate(verdict: Verdict) -> str:
    return f"{_per_second(sum(total.requests for total in verdict.totals), verdict):.1f}"


def _outages(verdict: Verdict) -> str:
    if not verdict.outages:
        return "none"
    longest = max(verdict.outages, key=lambda outage: (outage.max_s, outage.min_s))
    return f"{len(verdict.outages)}, longest {longest.min_s:.3f} to {longest.max_s:.3f} s"


def _overlaps(verdict: Verdict) -> str:
    spans = [change.overlap for change in verdict.changes]
    return ", ".join("none" if span is None else f"{span.end_s - span.start_s:.1f} s" for span in spans)


ROWS = {
    "verdict": _verdict,
    "versions": _versions,
    "load": _duration,
    "overlap": _overlaps,
    "failed requests (95 % interval of the rate)": _failed,
    "outages": _outages,
    "requests per second": _rate,
}


def _section(title: str, nothing: str, lines: Sequence[Line]) -> Iterator[Line]:
    yield (title, "bold") if lines else (nothing, "dim")
    yield from ((clean(text), style) for text, style in lines)
    yield "", ""


def _requirements(verdicts: Pair) -> list[Line]:
    before, after = ({one.name: one for one in verdict.requirements} for verdict in verdicts)
    lines: list[Line] = []
    for name, first in before.items():
        second = after[name]
        if (first.status, first.reason) != (second.status, second.reason):
            lines.append((f"  {name}: {first.status} -> {second.status}", STYLE[second.status]))
            lines += [
                (f"      {run}: {one.reason or one.status}: {one.detail}", "dim") for run, one in (("A", first), ("B", second))
            ]
    return lines


def _settings(runs: tuple[Mapping[str, Any], Mapping[str, Any]]) -> list[Line]:
    before, after = (_flat({key: value for key, value in run.items() if key not in OWN}) for run in runs)
    keys = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    return [(f"  {key}: {before.get(key, 'not set')} -> {after.get(key, 'not set')}", "") for key in keys]


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """One entry for each setting, however deep; what is not set is left out."""
    found: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        elif value is not None:
            found[f"{prefix}{key}"] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return found


def _endpoints(verdicts: Pair) -> Iterator[Line]:
    """Rates and latencies of each endpoint, A's and B's, and for latencies how many times as long B's are."""
    before, after = ({total.endpoint: total for total in verdict.totals} for verdict in verdicts)
    rows: list[tuple[str, ...]] = [("endpoint", "requests/s", "failed", "p50 ms", "p95 ms", "p99 ms")]
    for name in sorted({*before, *after}):
        pair = before.get(name), after.get(name)
        rates = [
            f"{_per_second(total.requests, verdict):.1f}" if total else "-" for total, verdict in zip(pair, verdicts, strict=True)
        ]
        failed = [str(total.failures) if total else "-" for total in pair]
        latencies = (_latencies(pair, key) for key in ("p50_ms", "p95_ms", "p99_ms"))
        rows.append((name, " -> ".join(rates), " -> ".join(failed), *latencies))
    yield from _table(rows)


def _latencies(pair: tuple[Total | None, Total | None], key: str) -> str:
    before, after = (None if total is None else getattr(total, key) for total in pair)
    texts = ["-" if value is None else f"{value:.1f}" for value in (before, after)]
    return " -> ".join(texts) + (f" (x{after / before:.2f})" if before and after else "")


def _per_second(requests: int, verdict: Verdict) -> float:
    return requests / max(0.001, float(verdict.run.get("duration_s") or 0.0))


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[Line]:
    cleaned = [[clean(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cleaned, strict=True)]
    for number, row in enumerate(cleaned):
        text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield text.rstrip(), "" if number else "bold"
