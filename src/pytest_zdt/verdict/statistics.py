"""Exact figures: percentiles by nearest rank, and the one-sided Fisher test of a failure budget."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, exp, lgamma


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest of the ``ordered`` values that at least ``share`` (0 to 1) of them do not exceed; None without values."""
    if not ordered:
        return None
    return ordered[max(0, ceil(share * len(ordered) - 1e-9) - 1)]


def fisher_greater(failed: int, total: int, control_failed: int, control_total: int) -> float:
    """How probable at least ``failed`` failures among ``total`` are, if the control has the same failure rate.

    The one-sided exact test of Fisher; 1.0 when either side is empty.
    """
    if not total or not control_total:
        return 1.0
    failures = failed + control_failed
    everything = _log_choose(total + control_total, failures)
    chance = sum(
        exp(_log_choose(total, count) + _log_choose(control_total, failures - count) - everything)
        for count in range(max(failed, failures - control_total), min(total, failures) + 1)
    )
    return min(1.0, chance)


def _log_choose(total: int, chosen: int) -> float:
    return lgamma(total + 1) - lgamma(chosen + 1) - lgamma(total - chosen + 1)
