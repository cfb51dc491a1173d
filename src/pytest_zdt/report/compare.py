"""Two runs side by side, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_zdt.report.terminal import STYLE, Line, clean
from pytest_zdt.verdict.model import Outage, Total, Verdict
from pytest_zdt.verdict.statistics import wilson

OWN = frozenset({"id", "started_at", "clock", "require"})
"""Settings that differ from run to run by themselves, or are shown one by one."""


def render(
    names: tuple[str, str], runs: tuple[Mapping[str, Any], Mapping[str, Any]], verdicts: tuple[Verdict, Verdict]
) -> list[Line]:
    """The lines to show of two runs: what they are called, what ``run.json`` says, and their verdicts."""
    rows = [("", *names), *(_row(label, verdicts) for label in _ROWS)]
    lines: list[Line] = [*_table(rows, bold=1), ("", "")]
    lines += [*_requirements(verdicts), *_changes(runs), *_endpoints(verdicts)]
    return [(clean(text), style) for text, style in lines]


def _verdict(verdict: Verdict) -> str:
    return f"{verdict.verdict}{f', {verdict.level}' if verdict.level else ''}"


def _versions(verdict: Verdict) -> str:
    return " -> ".join(version.id for version in verdict.versions) or "none"


def _failed(verdict: Verdict) -> str:
    requests, failures = sum(total.requests for total in verdict.totals), sum(total.failures for total in verdict.totals)
    low, high = wilson(failures, requests)
    return f"{failures} of {requests} ({low:.2%} to {high:.2%})"


def _rate(verdict: Verdict) -> str:
    return f"{_per_second(sum(total.requests for total in verdict.totals), verdict):.1f}"


def _outages(verdict: Verdict) -> str:
    if not verdict.outages:
        return "none"
    longest: Outage = max(verdict.outages, key=lambda outage: (outage.min_s, outage.max_s))
    return f"{len(verdict.outages)}, longest {longest.min_s:.3f} to {longest.max_s:.3f} s"


def _overlap(verdict: Verdict) -> str:
    return "none" if verdict.overlap is None else f"{verdict.overlap.end_s - verdict.overlap.start_s:.1f} s"


_ROWS = {
    "verdict": _verdict,
    "versions": _versions,
    "overlap": _overlap,
    "failed requests (95 % interval of the rate)": _failed,
    "outages": _outages,
    "requests per second": _rate,
}


def _row(label: str, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    return (label, *(_ROWS[label](verdict) for verdict in verdicts))


def _requirements(verdicts: tuple[Verdict, Verdict]) -> Iterator[Line]:
    """The requirements that ended differently."""
    before, after = ({one.name: one for one in verdict.requirements} for verdict in verdicts)
    for name in before:
        pair = before[name], after[name]
        if (pair[0].status, pair[0].reason) != (pair[1].status, pair[1].reason):
            yield (
                f"{name}: {' -> '.join(f'{one.status} ({one.reason})' if one.reason else one.status for one in pair)}",
                STYLE[pair[1].status],
            )
            yield from ((f"    {one.detail}", "dim") for one in pair)


def _changes(runs: tuple[Mapping[str, Any], Mapping[str, Any]]) -> Iterator[Line]:
    """The settings that differ."""
    before, after = (_flat(run) for run in runs)
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield f"{key}: {before.get(key)} -> {after.get(key)}", ""


def _flat(run: Mapping[str, Any]) -> dict[str, Any]:
    limits = {f"require.{key}": value for key, value in (run.get("require") or {}).items()}
    return {key: value for key, value in run.items() if key not in OWN} | limits


def _endpoints(verdicts: tuple[Verdict, Verdict]) -> Iterator[Line]:
    """Rates and latencies of each endpoint: the first run's, the second's, and for latencies how many times as long."""
    before, after = ({total.endpoint: total for total in verdict.totals} for verdict in verdicts)
    rows: list[tuple[str, ...]] = [("endpoint", "requests/s", "failed", "p50 ms", "p95 ms", "p99 ms")]
    for name in sorted({*before, *after}):
        pair = before.get(name), after.get(name)
        rates = [
            f"{_per_second(total.requests, verdict):.1f}" if total else "-" for total, verdict in zip(pair, verdicts, strict=True)
        ]
        failed = [str(total.failures) if total else "-" for total in pair]
        rows.append(
            (name, " -> ".join(rates), " -> ".join(failed), *(_latencies(pair, key) for key in ("p50_ms", "p95_ms", "p99_ms")))
        )
    yield "", ""
    yield from _table(rows, bold=1)


def _latencies(pair: tuple[Total | None, Total | None], key: str) -> str:
    before, after = (None if total is None else getattr(total, key) for total in pair)
    texts = ["-" if value is None else f"{value:.1f}" for value in (before, after)]
    return " -> ".join(texts) + (f" (x{after / before:.2f})" if before and after else "")


def _per_second(requests: int, verdict: Verdict) -> float:
    return requests / max(0.001, float(verdict.run.get("duration_s") or 0.0))


def _table(rows: Sequence[tuple[str, ...]], bold: int) -> Iterator[Line]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        yield (
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip(),
            "bold" if number < bold else "",
        )
