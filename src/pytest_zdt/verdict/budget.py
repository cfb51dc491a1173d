"""The budget of failures: none, a number, or a share of the requests; for all endpoints, or for one of them."""

from __future__ import annotations

from pytest_zdt.verdict.facts import Facts, count
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED, Outcome
from pytest_zdt.verdict.phases import HEAD, ROLLOUT, TAIL, Part
from pytest_zdt.verdict.statistics import fisher_greater
from pytest_zdt.verdict.words import most_frequent_kind, top

ALPHA = 0.05


def is_zero(budget: object) -> bool:
    """Whether the budget allows no failure at all."""
    return float(str(budget).strip().removesuffix("%")) == 0


def within_budgets(facts: Facts) -> Outcome:
    """The worst outcome of the run's budgets: of those endpoints that have their own, and of all others together."""
    own = {
        endpoint: limits["max_failures"] for endpoint, limits in facts.require["endpoints"].items() if "max_failures" in limits
    }
    others = {part.labels.endpoint for part in facts.parts} - set(own)
    outcomes = [_within(facts, budget, {endpoint}) for endpoint, budget in own.items()]
    outcomes.append(_within(facts, facts.require["max_failures"], others))
    return min(outcomes, key=lambda outcome: (VIOLATED, INCONCLUSIVE, VERIFIED).index(outcome[0]))


def _within(facts: Facts, budget: object, chosen: set[str]) -> Outcome:
    """The failures of the ``chosen`` endpoints against one budget.

    A budget excuses what fails anyway, not what the deployment broke: failures that are within it, but significantly more than
    in the head, violate. Failures beyond it violate too, unless it is a share and they are too few to tell from the head; then
    nothing is proven. A soak has no head to judge against: there the budget alone decides.
    """
    failed = [part for part in facts.failed() if part.labels.endpoint in chosen]
    if not failed:
        return VERIFIED, "", ""
    if is_zero(budget):
        return VIOLATED, most_frequent_kind(failed), top(failed)
    total = [part for part in facts.parts if part.labels.telling and part.labels.endpoint in chosen]
    share = str(budget).strip().endswith("%")
    within = count(failed) <= (float(str(budget).strip()[:-1]) / 100 * count(total) if share else float(str(budget)))
    worse = "" if facts.soak else _worse_than_head(failed, total)
    if within:
        return (VIOLATED, "worse-than-head", f"{worse}: {top(failed)}") if worse else (VERIFIED, "", "")
    if facts.soak or worse or not share:
        return VIOLATED, most_frequent_kind(failed), top(failed)
    return INCONCLUSIVE, "budget-unproven", f"more than {budget}, but too few to tell from the head: {top(failed)}"


def _worse_than_head(failed: list[Part], total: list[Part]) -> str:
    """How much more fails in the rollout, or after the head at all, than in the head, in words; empty if no more than chance."""
    in_head, all_in_head = (count(part for part in parts if part.phase == HEAD) for parts in (failed, total))
    for name, phases in (("in the rollout", {ROLLOUT}), ("after the head", {ROLLOUT, TAIL})):
        after, all_after = (count(part for part in parts if part.phase in phases) for parts in (failed, total))
        if fisher_greater(after, all_after, in_head, all_in_head) < ALPHA:
            return f"{after} of {all_after} {name}, {in_head} of {all_in_head} in the head"
    return ""
