"""The budget of failures: none, a number, or a share of the requests."""

from __future__ import annotations

from pytest_zdt.evidence.samples import Sample
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED
from pytest_zdt.verdict.phases import HEAD
from pytest_zdt.verdict.statistics import fisher_greater

ALPHA = 0.05


def is_zero(budget: object) -> bool:
    """Whether the budget allows no failure at all."""
    return float(str(budget).strip().removesuffix("%")) == 0


def within_budget(facts: Facts, failures: list[Sample]) -> str:
    """Status of the ``failures`` against the run's budget.

    A number is a plain limit. A share is judged by the rate and against the head: over the rate and more than in the head is
    violated; over the rate, but by too little to tell it from the head, is inconclusive, never verified. A soak
    has no head to judge against: there the rate alone decides.
    """
    budget = str(facts.require["max_failures"]).strip()
    if not failures:
        return VERIFIED
    if is_zero(budget):
        return VIOLATED
    if not budget.endswith("%"):
        return VERIFIED if len(failures) <= int(budget) else VIOLATED
    total = sum(sample.kind != "cut" for sample in facts.samples)
    if len(failures) / total <= float(budget[:-1]) / 100:
        return VERIFIED
    return VIOLATED if facts.soak or _worse_than_head(facts, failures, total) else INCONCLUSIVE


def _worse_than_head(facts: Facts, failures: list[Sample], total: int) -> bool:
    in_head = sum(sample.kind != "cut" and facts.timeline.phase(sample.sent) == HEAD for sample in facts.samples)
    failed_in_head = sum(facts.timeline.phase(sample.sent) == HEAD for sample in failures)
    return fisher_greater(len(failures) - failed_in_head, total - in_head, failed_in_head, in_head) < ALPHA
