"""The figures a verdict rests on, against definitions, exact fractions, textbooks and scipy."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from math import comb, inf, isclose
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytest_zdt.verdict import statistics
from pytest_zdt.verdict.statistics import fisher_greater, mann_whitney, percentile, wilson

PUBLIC = {"percentile", "fisher_greater", "wilson", "mann_whitney"}
MILLION = 1_000_000

numbers = st.floats(allow_nan=False, allow_infinity=False)
few_values = st.lists(st.integers(0, 6).map(float), max_size=40).map(sorted)
any_values = st.lists(numbers, max_size=40).map(sorted)
samples = few_values | any_values
totals = st.integers(1, 60) | st.integers(1, MILLION)
unhurried = settings(deadline=None)


@st.composite
def rates(draw: st.DrawFn) -> tuple[int, int]:
    """A total, and failures among it: any, few, or nearly all."""
    total = draw(totals)
    few = draw(st.integers(0, min(total, 200)))
    return draw(st.sampled_from([few, total - few]) | st.integers(0, total)), total


@pytest.fixture(scope="module")
def scipy_stats() -> Any:
    """The reference implementation, where it is installed."""
    return pytest.importorskip("scipy.stats")


def exact_fisher(failed: int, total: int, control_failed: int, control_total: int) -> Fraction:
    """The sum of the hypergeometric distribution in whole numbers."""
    failures = failed + control_failed
    tail = range(failed, min(total, failures) + 1)
    chosen = sum(comb(total, count) * comb(control_total, failures - count) for count in tail)
    return Fraction(chosen, comb(total + control_total, failures))


def exact_effect(slower: list[float], control: list[float]) -> Fraction:
    """Every pair compared."""
    wins = sum(2 if value > other else int(value == other) for value, other in product(slower, control))
    return Fraction(wins, 2 * len(slower) * len(control))


def test_module_holds_these_functions() -> None:
    """Exactly four public functions, each of which says what it takes, fails with and comes from."""
    functions = dict(inspect.getmembers(statistics, inspect.isfunction))
    own = {name: call for name, call in functions.items() if call.__module__ == statistics.__name__ and name[0] != "_"}
    assert set(own) == PUBLIC
    for call in own.values():
        text = inspect.getdoc(call) or ""
        assert "Shapes and units:" in text
        assert "Errors:" in text


@unhurried
@given(st.lists(numbers | st.integers(0, 5).map(float), min_size=1, max_size=300), st.integers(0, 1000))
def test_percentile_is_the_smallest_value_that_the_share_does_not_exceed(values: list[float], thousandths: int) -> None:
    """The definition in whole numbers, which no rounding of the share can shift by a rank."""
    ordered = sorted(values)
    within = (value for value in ordered if 1000 * sum(other <= value for other in ordered) >= thousandths * len(ordered))
    assert percentile(ordered, thousandths / 1000) == next(within)


@pytest.mark.parametrize("share, value", [(0.05, 15), (0.3, 20), (0.4, 20), (0.5, 35), (1.0, 50)])
def test_percentiles_of_the_textbook(share: float, value: float) -> None:
    """The usual example of the nearest rank: five values."""
    assert percentile([15, 20, 35, 40, 50], share) == value


@pytest.mark.parametrize("share", [0.07, 0.14, 0.28, 0.55, 0.56, 0.57])
def test_percentile_hits_its_rank_exactly(share: float) -> None:
    """Shares whose product with 100 lies just above a whole number in floating point."""
    assert percentile(range(1, 101), share) == round(share * 100)


def test_percentiles_at_the_ends() -> None:
    """None without values, the first for a share of 0, and no share above 1."""
    assert percentile([], 0.5) is None
    assert percentile([3.0, inf], 0.0) == 3.0
    assert percentile([3.0, inf], 1.0) == inf
    with pytest.raises(IndexError):
        percentile([3.0], 1.5)


@pytest.mark.parametrize(
    "counts, chance",
    [
        ((3, 4, 1, 4), 17 / 70),
        ((4, 4, 0, 4), 1 / 70),
        ((10, 13, 2, 17), 619 / 1_330_665),
        ((3, 10000, 0, 10000), 0.12498124906245312),
        ((1, 1, 0, 1), 0.5),
    ],
)
def test_fisher_of_the_textbook(counts: tuple[int, int, int, int], chance: float) -> None:
    """The lady tasting tea and the twins of convicts, both Fisher's own, and the failures that a zero budget does not excuse."""
    assert fisher_greater(*counts) == pytest.approx(chance, rel=1e-12)


@pytest.mark.parametrize(
    "counts",
    [
        (0, 0, 0, 0),
        (0, 0, 3, 5),
        (3, 5, 0, 0),
        (0, 5, 0, 5),
        (0, 5, 3, 5),
        (5, 5, 5, 5),
        (0, MILLION, MILLION, MILLION),
        (2, 9, 4, 4),
    ],
)
def test_fisher_proves_nothing(counts: tuple[int, int, int, int]) -> None:
    """Exactly 1.0 with an empty side, no failures, nothing but failures, or where no outcome has fewer."""
    assert fisher_greater(*counts) == 1.0


@unhurried
@given(rates(), rates())
def test_fisher_against_scipy(scipy_stats: Any, rate: tuple[int, int], control: tuple[int, int]) -> None:
    """Up to a million requests a side, zero cells among them."""
    table = [[rate[0], rate[1] - rate[0]], [control[0], control[1] - control[0]]]
    expected = scipy_stats.fisher_exact(table, alternative="greater").pvalue
    assert fisher_greater(*rate, *control) == pytest.approx(expected, rel=0, abs=1e-9)


@unhurried
@given(totals, totals, st.integers(0, 150), st.integers(0, 150))
def test_fisher_against_whole_numbers(total: int, control_total: int, failed: int, control_failed: int) -> None:
    """Twelve digits are right, however small the probability is."""
    counts = min(failed, total), total, min(control_failed, control_total), control_total
    exact = exact_fisher(*counts)
    assume(exact > Fraction(1, 10**300))
    assert isclose(fisher_greater(*counts), exact, rel_tol=1e-12)


@pytest.mark.parametrize(
    "counts, chance",
    [
        ((10_000, MILLION, 9_500, MILLION), 1.64616672860781551e-4),
        ((10_000, MILLION, 9_000, MILLION), 1.62257793493721439e-13),
        ((900, MILLION, 1, MILLION), 4.36002562005956980e-269),
        ((10_000, MILLION, 1, 1_000), 4.81229541834704797e-4),
        ((999_999, MILLION, 999_990, MILLION), 5.85926757855468844e-3),
        ((9_500, MILLION, 10_000, MILLION), 9.99844245348692482e-1),
        ((200_000, 400_000, 190_000, 400_000), 4.16221199442839115e-111),
    ],
)
def test_fisher_of_millions(counts: tuple[int, int, int, int], chance: float) -> None:
    """Many failures among many requests, by a sum in whole numbers and 60 digits, done beforehand."""
    assert fisher_greater(*counts) == pytest.approx(chance, rel=1e-12)


def test_fisher_too_small_for_a_float() -> None:
    """Zero, neither an error nor a negative number."""
    assert fisher_greater(10_000, MILLION, 0, MILLION) == 0.0


@unhurried
@given(rates(), rates())
def test_fisher_has_two_sides(rate: tuple[int, int], control: tuple[int, int]) -> None:
    """At least so many failures here, or more than so few in the control: one of the two must be."""
    (failed, total), (control_failed, control_total) = rate, control
    assume(failed > 0 and control_failed < control_total)
    rest = fisher_greater(control_failed + 1, control_total, failed - 1, total)
    assert fisher_greater(*rate, *control) + rest == pytest.approx(1.0, abs=1e-10)


@pytest.mark.parametrize("counts", [(-1, 5, 0, 5), (6, 5, 0, 5), (0, 5, -1, 5), (0, 5, 6, 5), (1, 0, 0, 5), (0, -1, 0, 5)])
def test_fisher_refuses_impossible_counts(counts: tuple[int, int, int, int]) -> None:
    """More failures than requests are a mistake of the caller."""
    with pytest.raises(ValueError, match="impossible"):
        fisher_greater(*counts)


@pytest.mark.parametrize(
    "failed, total, limits",
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilson_of_the_textbook(failed: int, total: int, limits: tuple[float, float]) -> None:
    """The four examples of Newcombe (1998), method 3."""
    assert wilson(failed, total) == pytest.approx(limits, abs=0.00005)


@unhurried
@given(rates(), st.floats(0.001, 0.999999))
def test_wilson_against_scipy(scipy_stats: Any, rate: tuple[int, int], confidence: float) -> None:
    """Both limits, for any rate."""
    expected = scipy_stats.binomtest(*rate).proportion_ci(confidence, method="wilson")
    assert wilson(*rate, confidence) == pytest.approx((expected.low, expected.high), rel=0, abs=1e-9)


@unhurried
@given(rates(), st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_wilson_is_symmetric_and_holds_the_rate(rate: tuple[int, int], confidence: float) -> None:
    """The interval of the successes mirrors that of the failures; the rate itself is always compatible."""
    failed, total = rate
    lowest, highest = wilson(failed, total, confidence)
    assert wilson(total - failed, total, confidence) == pytest.approx((1 - highest, 1 - lowest), abs=1e-12)
    assert 0.0 <= lowest <= failed / total * (1 + 1e-12)
    assert failed / total * (1 - 1e-12) <= highest <= 1.0


def test_wilson_at_the_ends() -> None:
    """Everything is possible without requests; limits of 0 and 1 are exact; no failure in a million leaves a tiny rate."""
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0
    assert wilson(0, MILLION)[1] == pytest.approx(3.841458820694124 / (MILLION + 3.841458820694124), rel=1e-12)


@pytest.mark.parametrize(
    "failed, total, confidence", [(-1, 5, 0.9), (6, 5, 0.9), (1, 0, 0.9), (1, 5, 0.0), (1, 5, 1.0), (1, 5, 95)]
)
def test_wilson_refuses_impossible_input(failed: int, total: int, confidence: float) -> None:
    """Impossible counts, and a confidence that is none."""
    with pytest.raises(ValueError, match=r"impossible|confidence"):
        wilson(failed, total, confidence)


@unhurried
@given(samples, samples)
def test_effect_against_every_pair(slower: list[float], control: list[float]) -> None:
    """The nearest float to the exact share."""
    assume(slower and control)
    assert mann_whitney(slower, control)[0] == float(exact_effect(slower, control))


@unhurried
@given(samples, samples)
def test_mann_whitney_against_scipy(scipy_stats: Any, slower: list[float], control: list[float]) -> None:
    """Ties of any number, sides of any lengths."""
    assume(slower and control and len({*slower, *control}) > 1)
    expected = scipy_stats.mannwhitneyu(slower, control, alternative="greater", method="asymptotic").pvalue
    assert mann_whitney(slower, control)[1] == pytest.approx(float(expected), rel=0, abs=1e-9)


@unhurried
@given(samples, samples)
def test_effects_of_both_directions_add_up(slower: list[float], control: list[float]) -> None:
    """What does not exceed is exceeded, or tied."""
    assert mann_whitney(slower, control)[0] + mann_whitney(control, slower)[0] == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize(
    "slower, control", [([], []), ([1.0], []), ([], [1.0]), ([2.0], [2.0]), ([2.0] * 5, [2.0] * 9), ([inf], [inf])]
)
def test_mann_whitney_proves_nothing(slower: list[float], control: list[float]) -> None:
    """An empty side, or nothing but ties."""
    assert mann_whitney(slower, control) == (0.5, 1.0)


@pytest.mark.parametrize(
    "slower, control, effect",
    [
        ([2.0], [1.0], 1.0),
        ([1.0], [2.0], 0.0),
        ([1.0, 3.0], [2.0], 0.5),
        ([1.0, inf], [1.0, 1.0], 0.75),
        ((1, 1, 2), (0, 1), 5 / 6),
    ],
)
def test_effects_by_hand(slower: list[float], control: list[float], effect: float) -> None:
    """Few values, counted with the fingers."""
    assert mann_whitney(slower, control)[0] == effect


def test_mann_whitney_of_the_textbook() -> None:
    """Ages at a diagnosis, men against women: U is 17 of 20, p = 0.111 for both sides; and Aesop's tortoises and hares."""
    effect, chance = mann_whitney([16, 19, 22, 24, 29], [11, 12, 17, 20])
    assert effect == 17 / 20
    assert chance == pytest.approx(0.11134688653314041 / 2, rel=1e-12)
    assert mann_whitney([1, 7, 8, 9, 10, 11], [2, 3, 4, 5, 6, 12])[0] == 25 / 36


@pytest.mark.parametrize(
    "make, effect",
    [(lambda rank: float(rank), 0.5), (lambda rank: float(rank // 1000), 0.5), (lambda rank: rank + 200_000.0, 1.0)],
    ids=["distinct", "ties", "slower"],
)
def test_mann_whitney_of_many(make: Callable[[int], float], effect: float) -> None:
    """Two times two hundred thousand values: nothing that compares every pair would end."""
    control = [float(rank) if effect == 1.0 else make(rank) for rank in range(200_000)]
    assert mann_whitney([make(rank) for rank in range(200_000)], control)[0] == effect
