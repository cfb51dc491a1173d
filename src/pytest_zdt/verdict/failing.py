"""The requirements ``failures`` and ``outage``: nothing failed beyond what is allowed."""

from __future__ import annotations

from pytest_zdt.evidence.kinds import CLIENT, CONFIGURATION, NETWORK
from pytest_zdt.evidence.marks import FAILED
from pytest_zdt.verdict.budget import is_zero, within_budgets
from pytest_zdt.verdict.facts import Facts, count
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED, Outage, Outcome
from pytest_zdt.verdict.words import counted, top


def failures(facts: Facts) -> Outcome:
    """No failure of the app or the edge beyond the budget, none of the network, the client or the rate limits."""
    ours, budget = facts.failed(), facts.require["max_failures"]
    status, reason, detail = within_budgets(facts)
    summary = f"{count(ours)} of {facts.total} requests failed (allowed: {budget})"
    if status == VIOLATED:
        return VIOLATED, reason, f"{summary}: {detail}."
    tests: dict[str, str] = {}  # each worker tells of a test that failed there
    for mark in facts.marked(FAILED):
        if not mark.data.get("failed_requests"):
            tests.setdefault(str(mark.data.get("test", "")), str(mark.data.get("message", "")))
    if tests:
        test, message = next(iter(tests.items()))
        return VIOLATED, "test-failed", f"{counted(tests, 'test')} failed, though each request succeeded: {test}: {message}"
    if status == INCONCLUSIVE:
        return INCONCLUSIVE, reason, f"{summary}: {detail}."
    if unknown := sorted(set(facts.require["endpoints"]) - {part.labels.endpoint for part in facts.parts}):
        return INCONCLUSIVE, "unknown-endpoint", f"Limits are set for endpoints that were never requested: {', '.join(unknown)}."
    return _not_ours(facts) or (VERIFIED, "", f"{summary}.")


def _not_ours(facts: Facts) -> Outcome | None:
    if network := facts.failed(NETWORK):
        return INCONCLUSIVE, "network-failures", f"The network between here and the target failed: {top(network)}."
    if throttled := facts.failed(CONFIGURATION):
        hint = "the signature did not bypass the rate limits (check the secret, and that the API has the feature on)"
        return INCONCLUSIVE, "throttled", f"{top(throttled)}: {hint}."
    if local := facts.failed(CLIENT):
        return INCONCLUSIVE, "client-failures", f"This machine failed to send: {top(local)}."
    return None


def outage(facts: Facts) -> Outcome:
    """No outage longer than allowed.

    With none allowed every outage counts, except for a single failure (which has no proven length) within a budget that is
    not zero. With some seconds allowed, an outage violates when even its shortest length is longer, and leaves the run
    inconclusive when only its longest is.
    """
    too_long = [item for item in facts.downtime.outages if item.guilt != NETWORK and _too_long(facts, item)]
    perhaps = [item for item in facts.downtime.outages if _perhaps_too_long(facts, item)]
    for status, reason, found in ((VIOLATED, "outage", too_long), (INCONCLUSIVE, "outage-unresolved", perhaps)):
        if found:
            worst = max(found, key=lambda item: (item.max_s, item.min_s))
            length = f"the longest {worst.min_s:.3f} to {worst.max_s:.3f} s on {worst.endpoint} from {worst.start_s:.1f} s"
            return status, reason, f"{counted(found, 'outage')}, {length} (allowed: {_allowed(facts, worst):g} s)."
    allowed = float(facts.require["max_outage"])
    return VERIFIED, "", f"{counted(facts.downtime.outages, 'outage')} (allowed: {allowed:g} s each)."


def _allowed(facts: Facts, outage: Outage) -> float:
    return float(facts.limit("max_outage", outage.endpoint))


def _too_long(facts: Facts, outage: Outage) -> bool:
    allowed, strict = _allowed(facts, outage), is_zero(facts.limit("max_failures", outage.endpoint))
    return outage.min_s > allowed or (allowed == 0 and (strict or outage.failures > 1))


def _perhaps_too_long(facts: Facts, outage: Outage) -> bool:
    allowed = _allowed(facts, outage)
    return outage.max_s > allowed and (allowed > 0 or outage.guilt == NETWORK)
