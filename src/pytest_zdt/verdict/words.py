"""Counts and failures in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Sized

from pytest_zdt.verdict.phases import Part


def most_frequent_kind(failed: Iterable[Part]) -> str:
    """The kind of most of the failures; of equals the first by name."""
    counts: Counter[str] = Counter()
    for part in failed:
        counts[part.labels.kind] += len(part.series)
    return min(counts, key=lambda kind: (-counts[kind], kind))


def top(failed: Iterable[Part]) -> str:
    """The most frequent failures: how many, where, by whom."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for part in failed:
        counts[part.labels.kind, part.labels.endpoint, part.labels.version] += len(part.series)
    ranked = sorted(counts, key=lambda group: (-counts[group], group))
    texts = [f"{counts[group]} x {group[0]} on {group[1]} by {group[2] or 'no version'}" for group in ranked[:3]]
    return ", ".join(texts) + (f" and {counted(ranked[3:], 'more group')}" if len(ranked) > 3 else "")


def listed(items: Sequence[str], most: int = 10) -> str:
    """The first of them, and how many more there are."""
    return "; ".join(items[:most]) + (f"; and {len(items) - most} more" if len(items) > most else "")


def counted(items: Sized, noun: str) -> str:
    """How many: ``no outages``, ``1 outage``, ``2 outages``."""
    return f"{len(items) or 'no'} {noun}{'' if len(items) == 1 else 's'}"
