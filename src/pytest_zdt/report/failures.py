"""The failures of a verdict by kind, for those who have room for a few lines only."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_zdt.verdict.model import FailureGroup, Verdict


@dataclass(frozen=True, slots=True)
class Kind:
    """All failures of one kind that are the fault of one side, with the first of them as the example.

    Endpoints and versions come with those first that failed most; the version of failures that named none is empty.
    """

    kind: str
    guilt: str
    count: int
    endpoints: list[str]
    versions: list[str]
    first_s: float
    last_s: float
    example: Mapping[str, str]


def by_kind(verdict: Verdict) -> list[Kind]:
    """The kinds of failure, the most frequent first."""
    groups: dict[tuple[str, str], list[FailureGroup]] = defaultdict(list)
    for group in verdict.failures:
        groups[group.kind, group.guilt].append(group)
    found = [
        Kind(
            kind,
            guilt,
            sum(one.count for one in members),
            _ranked([(one.endpoint, one.count) for one in members]),
            _ranked([(one.version, one.count) for one in members]),
            min(one.first_s for one in members),
            max(one.last_s for one in members),
            min(members, key=lambda one: one.first_s).example,
        )
        for (kind, guilt), members in groups.items()
    ]
    return sorted(found, key=lambda one: (-one.count, one.kind, one.guilt))


def span(kind: Kind) -> str:
    """When they came, in words."""
    return f"{kind.first_s:.1f} s" if kind.count == 1 else f"{kind.first_s:.1f} to {kind.last_s:.1f} s"


def _ranked(counted: Sequence[tuple[str, int]]) -> list[str]:
    """The names, those with the highest sums first."""
    sums: Counter[str] = Counter()
    for name, number in counted:
        sums[name] += number
    return sorted(sums, key=lambda name: (-sums[name], name))
