"""Exact figures: percentiles, Fisher's test of a failure budget, Wilson's interval of a rate, the rank test of two latencies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, groupby, islice
from math import ceil, erfc, exp, factorial, log, log1p, pi, sqrt
from operator import eq
from statistics import NormalDist

_NEGLIGIBLE = 1e-18
_STIRLING_FROM = 16


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest of the ``ordered`` values that at least ``share`` (0 to 1) of them do not exceed; None without values.

    The nearest rank, never interpolated: definition 1 of Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996).
    A share that is meant to hit a rank exactly does so although 0.07 * 100 is more than 7 in floating point.

    Shapes and units: ``ordered`` is sorted ascending, of any length and unit; the result is one of its values, in that unit.
    Errors: IndexError if ``share`` is above 1; one below 0 counts as 0. The order is not checked.
    """
    if not ordered:
        return None
    return ordered[max(0, ceil(share * len(ordered) - 1e-9) - 1)]


def fisher_greater(failed: int, total: int, control_failed: int, control_total: int) -> float:
    """How probable at least ``failed`` failures among ``total`` are, if the control has the same failure rate.

    The one-sided exact test of Fisher, "Statistical Methods for Research Workers" (5th edition, 1934); 1.0 when either side is
    empty. The first term comes from deviances and Stirling errors after Loader, "Fast and Accurate Computation of Binomial
    Probabilities" (2000), which keeps its relative accuracy for millions of requests; the others follow by their ratios.

    Shapes and units: four counts of requests; the result is a probability, 0 to 1. It is 0.0 where it is too small for a float.
    Errors: ValueError if a count is negative, or failures are more than their total.
    """
    _check_counts(failed, total)
    _check_counts(control_failed, control_total)
    passed, control_passed = total - failed, control_total - control_failed
    if not total or not control_total:
        return 1.0
    if failed * control_passed > passed * control_failed:
        return min(1.0, _upper_tail(failed, passed, control_failed, control_passed))
    if not failed or not control_passed:
        return 1.0
    return 1.0 - _upper_tail(control_failed + 1, control_passed - 1, failed - 1, passed + 1)


def wilson(failed: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The failure rates that ``failed`` of ``total`` are compatible with: (lowest, highest).

    The score interval, without continuity correction, of Wilson, "Probable Inference, the Law of Succession, and Statistical
    Inference" (1927); (0.0, 1.0) when nothing was counted. No failure gives a lowest rate of exactly 0, all of them a highest
    of exactly 1.

    Shapes and units: two counts of requests, and the two-sided ``confidence`` between 0 and 1; the results are shares, 0 to 1.
    Errors: ValueError if a count is negative, failures are more than the total, or ``confidence`` is not between 0 and 1.
    """
    _check_counts(failed, total)
    if not 0 < confidence < 1:
        raise ValueError(f"the confidence must be between 0 and 1, not {confidence}")
    if not total:
        return 0.0, 1.0
    square = NormalDist().inv_cdf((1 - confidence) / 2) ** 2
    margin = sqrt(square * (square + 4 * failed * (total - failed) / total))
    doubled = 2 * failed + square + margin
    lowest = 2 * failed * failed / (total * doubled) if failed else 0.0
    highest = doubled / (2 * (total + square)) if failed < total else 1.0
    return lowest, highest


def mann_whitney(slower: Sequence[float], control: Sequence[float]) -> tuple[float, float]:
    """Whether values of ``slower`` tend to exceed those of ``control``: (effect, p); (0.5, 1.0) when either is empty.

    The effect is the probability that a random value of the first exceeds a random one of the second, ties counted half: A of
    Vargha and Delaney, "A Critique and Improvement of the CL Common Language Effect Size Statistics" (2000). p is one-sided, of
    the test of Mann and Whitney, "On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other"
    (1947), by the normal approximation with the corrections for ties and continuity as in Lehmann, "Nonparametrics" (1975);
    it is 1.0 when all values are tied, and rough below some ten values a side.

    Shapes and units: both sorted ascending, of any lengths and of one unit; the results are probabilities, 0 to 1.
    Errors: none; the order is not checked, and not-a-number must not be among the values.
    """
    first, second = len(slower), len(control)
    if not first or not second:
        return 0.5, 1.0
    everything = first + second
    doubled = _doubled_wins(slower, control)
    effect = doubled / (2 * first * second)
    triples = everything**3 - everything
    untied = triples - sum(size**3 - size for size in _tie_sizes(slower, control))
    if not untied:
        return effect, 1.0
    deviation = sqrt(first * second * untied / (12 * everything * (everything - 1)))
    return effect, erfc((doubled - first * second - 1) / 2 / deviation / sqrt(2)) / 2


def _check_counts(failed: int, total: int) -> None:
    if not 0 <= failed <= total:
        raise ValueError(f"{failed} failures of {total} are impossible")


def _upper_tail(a: int, b: int, c: int, d: int) -> float:
    """Probability of the table ((a, b), (c, d)) and of those with its margins and a larger ``a``; it must be above the mean."""
    chance = _table_chance(a, b, c, d)
    term = terms = 1.0
    while term > _NEGLIGIBLE * terms:
        a, d = a + 1, d + 1
        term *= b * c / (a * d)
        terms += term
        b, c = b - 1, c - 1
    return chance * terms


def _table_chance(a: int, b: int, c: int, d: int) -> float:
    """Probability of the table ((a, b), (c, d)) given its margins, none of which is 0.

    It is the product of the factorials of the margins by that of those of the cells and the sum. Of their logarithms the
    large parts add up to the deviances of the cells from their expectations, which are all off by (ad - bc) / everything.
    """
    row, other_row, column, other_column, everything = a + b, c + d, a + c, b + d, a + b + c + d
    shift = a * d - b * c
    more, fewer = (row * column, other_row * other_column), (row * other_column, other_row * column)
    shifts = [(product, shift) for product in more] + [(product, -shift) for product in fewer]
    deviance = sum(product / everything * _deviance(off / product) for product, off in shifts)
    margins = sum(map(_log_factorial_rest, (row, other_row, column, other_column)))
    cells = sum(map(_log_factorial_rest, (a, b, c, d, everything)))
    return exp(margins - cells - deviance)


def _deviance(off: float) -> float:
    """(1 + off) log(1 + off) - off, without the cancellation near 0; ``off`` is at least -1."""
    if abs(off) < 0.1:
        return sum((-off) ** power / (power * (power - 1)) for power in range(2, 18))
    return (1 + off) * log1p(off) - off if off > -1 else 1.0


def _log_factorial_rest(n: int) -> float:
    """log(n!) - n log(n) + n: what Stirling's formula adds to its large part."""
    if n < _STIRLING_FROM:
        return log(factorial(n)) - n * log(n) + n if n else 0.0
    square = 1 / (n * n)
    error = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - square / 1188) * square) * square) * square) / n
    return log(2 * pi * n) / 2 + error


def _doubled_wins(slower: Sequence[float], control: Sequence[float]) -> int:
    """Pairs in which the first's value exceeds the second's, counted twice, and those in which they are equal, counted once."""
    doubled = position = below = 0
    first, second = len(slower), len(control)
    while position < first and below < second:
        value, other = slower[position], control[below]
        if other < value:
            below += 1
        elif value < other:
            doubled += 2 * below
            position += 1
        else:
            after, not_above = bisect_right(slower, value, position), bisect_right(control, value, below)
            doubled += (after - position) * (below + not_above)
            position, below = after, not_above
    return doubled + 2 * (first - position) * second


def _tie_sizes(slower: Sequence[float], control: Sequence[float]) -> Iterator[int]:
    """How many values each group of equal ones has, groups of one left out."""
    pooled = sorted(chain(slower, control))
    for tied, run in groupby(map(eq, pooled, islice(pooled, 1, None))):
        if tied:
            yield 1 + sum(run)
