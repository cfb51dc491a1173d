"""The requirements: a table of functions, each of which looks at the facts of a run and gives one outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from pytest_zdt.evidence.kinds import CLIENT, CONFIGURATION, NETWORK
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.verdict.budget import is_zero, within_budget
from pytest_zdt.verdict.causes import why_no_overlap
from pytest_zdt.verdict.coverage import endpoints, holes, missing_lanes
from pytest_zdt.verdict.facts import Facts, guilty
from pytest_zdt.verdict.load import load
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED
from pytest_zdt.verdict.phases import HEAD, TAIL, answered

Outcome = tuple[str, str, str]
MIN_ALTERNATIONS = 2
OBSERVED_SHARE = 0.9
"""So much of a required head or tail must lie between its first and its last request: silence proves nothing."""


def head(facts: Facts) -> Outcome:
    """The old version alone, long enough and without failures."""
    before = [sample for sample in facts.failed if facts.timeline.phase(sample.sent) == HEAD]
    if guilty(before) and not facts.soak:
        return VIOLATED, "failures-before-rollout", f"Before the rollout already {top(guilty(before))}."
    if not facts.timeline.versions and not facts.soak:
        return INCONCLUSIVE, "no-version-source", "No answer named a version, so nobody knows which one was alone."
    return _long_enough(facts, HEAD, "old version") or (VERIFIED, "", f"{_length(facts, HEAD):.1f} s on the old version alone.")


def version_change(facts: Facts) -> Outcome:
    """A second version answered."""
    line = facts.timeline
    codes = [mark.data.get("exit_status") for mark in facts.marked("deploy-ended")]
    failed = next((code for code in codes if code != 0 and code is not None), None)
    note = "" if failed is None else f" The deployment's command ended with exit status {failed}."
    if line.new:
        by_time = (
            " (polled, so answers are attributed by time)" if str(facts.run.get("version_source")).startswith("url:") else ""
        )
        if note:
            return (
                INCONCLUSIVE,
                "deploy-failed",
                f"{' -> '.join(line.versions)}{by_time}, but the rollout may be incomplete.{note}",
            )
        return VERIFIED, "", f"{' -> '.join(line.versions)}{by_time}."
    if not facts.require["version_change"]:
        return VERIFIED, "", "No change of version was required, and none came."
    if not line.versions:
        source = facts.run.get("version_source") or "none"
        return INCONCLUSIVE, "no-version-source", f"No answer named a version: check the target's version source ({source})."
    if note:
        return INCONCLUSIVE, "deploy-failed", f"Only {line.old} answered.{note}"
    cause = "either the deployment was a no-op, or the version source does not tell the versions apart"
    return INCONCLUSIVE, "no-version-change", f"Only {line.old} answered from start to end: {cause}."


def overlap(facts: Facts) -> Outcome:
    """Both versions answered side by side, often enough and in turns."""
    span, least = facts.overlap, facts.require["overlap_answers"]
    if not facts.require["overlap"] or facts.soak:
        return VERIFIED, "", "No overlap was required."
    if not facts.timeline.new:
        return INCONCLUSIVE, "no-overlap", "Without a second version there is no overlap."
    if span is None:
        return (
            INCONCLUSIVE,
            "no-overlap",
            f"No answer of {facts.timeline.old} after the first of the new version: {why_no_overlap(facts)}.",
        )
    counts = [span.requests.get(version, 0) for version in (facts.timeline.old, facts.timeline.new)]
    figures = ", ".join(f"{version} {count}" for version, count in span.requests.items())
    detail = (
        f"{span.end_s - span.start_s:.1f} s side by side, answers: {figures}; {span.alternations} changes from one to the other"
    )
    if min(counts) < least or span.alternations < MIN_ALTERNATIONS:
        wanted = f"at least {least} each and {MIN_ALTERNATIONS} changes are needed"
        return INCONCLUSIVE, "no-overlap", f"{detail}; {wanted}: {why_no_overlap(facts)}."
    return VERIFIED, "", f"{detail}."


def coverage(facts: Facts) -> Outcome:
    """Every endpoint was answered by both versions in the overlap, and driven on both lanes."""
    if facts.overlap is None and facts.require["overlap"] and not facts.soak:
        return INCONCLUSIVE, "no-overlap", "Without an overlap no endpoint was answered by both versions side by side."
    if not facts.samples:
        return INCONCLUSIVE, "holes", "No endpoint was requested."
    uncovered, lanes = holes(facts), missing_lanes(facts)
    if uncovered or lanes:
        return (
            INCONCLUSIVE,
            "holes" if uncovered else "one-lane",
            f"Too few good answers or lanes: {'; '.join(uncovered + lanes)}.",
        )
    least = facts.require["endpoint_answers"]
    return (
        VERIFIED,
        "",
        f"{len(endpoints(facts))} endpoints, each with {least} or more good answers by each version, on both lanes.",
    )


def failures(facts: Facts) -> Outcome:
    """No failure of the app or the edge beyond the budget, none of the network, the client or the rate limits."""
    ours, budget = guilty(facts.failed), facts.require["max_failures"]
    total = sum(sample.kind != "cut" for sample in facts.samples)
    status = within_budget(facts, ours)
    if status == VIOLATED:
        return VIOLATED, most_frequent_kind(ours), f"{len(ours)} of {total} requests failed (allowed: {budget}): {top(ours)}."
    tests = facts.marked("test-failed")
    if tests and not facts.failed:
        test = f"{tests[0].data.get('test', '')}: {tests[0].data.get('message', '')}"
        return VIOLATED, "test-failed", f"{len(tests)} times a test failed, though each of its requests succeeded: {test}"
    if status == INCONCLUSIVE:
        return (
            INCONCLUSIVE,
            "budget-unproven",
            f"{len(ours)} of {total} requests failed, too few to tell from the head: {top(ours)}.",
        )
    return _not_ours(facts) or (VERIFIED, "", f"{len(ours)} of {total} requests failed (allowed: {budget}).")


def _not_ours(facts: Facts) -> Outcome | None:
    if network := guilty(facts.failed, NETWORK):
        return INCONCLUSIVE, "network-failures", f"The network between here and the target failed: {top(network)}."
    if throttled := guilty(facts.failed, CONFIGURATION):
        hint = "the signature did not bypass the rate limits (check the secret, and that the API has the feature on)"
        return INCONCLUSIVE, "throttled", f"{top(throttled)}: {hint}."
    if local := guilty(facts.failed, CLIENT):
        return INCONCLUSIVE, "client-failures", f"This machine failed to send: {top(local)}."
    return None


def outage(facts: Facts) -> Outcome:
    """No outage longer than allowed.

    With none allowed every outage counts, except for a single failure (which has no proven length) within a budget that is
    not zero. With some seconds allowed, an outage violates when even its shortest length is longer, and leaves the run
    inconclusive when only its longest is.
    """
    allowed, strict = float(facts.require["max_outage"]), is_zero(facts.require["max_failures"])
    ours = [item for item in facts.outages if item.guilt != NETWORK]
    too_long = [item for item in ours if item.min_s > allowed or (allowed == 0 and (strict or item.failures > 1))]
    perhaps = [item for item in facts.outages if item.max_s > allowed and (allowed > 0 or item.guilt == NETWORK)]
    for status, reason, found in ((VIOLATED, "outage", too_long), (INCONCLUSIVE, "outage-unresolved", perhaps)):
        if found:
            worst = max(found, key=lambda item: (item.min_s, item.max_s))
            length = f"the longest {worst.min_s:.3f} to {worst.max_s:.3f} s on {worst.endpoint} from {worst.start_s:.1f} s"
            return status, reason, f"{_count(found, 'outage')}, {length} (allowed: {allowed:g} s)."
    return VERIFIED, "", f"{_count(facts.outages, 'outage')} (allowed: {allowed:g} s each)."


def tail(facts: Facts) -> Outcome:
    """The new version alone, long enough and without failures."""
    after = guilty([sample for sample in facts.failed if facts.timeline.phase(sample.sent) == TAIL])
    if after:
        return VIOLATED, "failures-after-rollout", f"After the rollout still {top(after)}."
    if facts.soak:
        return VERIFIED, "", "No rollout was required."
    if not facts.timeline.new:
        return INCONCLUSIVE, "no-version-change", "Without a new version there is no time after the rollout."
    return _long_enough(facts, TAIL, "new version") or (VERIFIED, "", f"{_length(facts, TAIL):.1f} s on the new version alone.")


def _long_enough(facts: Facts, phase: str, whom: str) -> Outcome | None:
    required = float(facts.require[phase])
    sent = [sample.sent for sample in facts.samples if answered(sample) and facts.timeline.phase(sample.sent) == phase]
    observed = sent[-1] - sent[0] if sent else 0.0
    if _length(facts, phase) >= required - 0.001 and observed >= OBSERVED_SHARE * required and sent:
        return None
    detail = (
        f"{_length(facts, phase):.1f} s on the {whom} alone, answers over {observed:.1f} s of it; {required:g} s are required."
    )
    return INCONCLUSIVE, f"{phase}-too-short", detail


def _length(facts: Facts, phase: str) -> float:
    return sum(stop - start for name, start, stop in facts.timeline.spans() if name == phase)


def most_frequent_kind(failed: list[Sample]) -> str:
    """The kind of most of the failures; of equals the first by name."""
    counts = Counter(sample.kind for sample in failed)
    return min(counts, key=lambda kind: (-counts[kind], kind))


def top(failed: list[Sample]) -> str:
    """The most frequent failures in words: how many, where, by whom."""
    counts = Counter((sample.kind, sample.endpoint, sample.version) for sample in failed)
    ranked = sorted(counts, key=lambda group: (-counts[group], group))
    texts = [f"{counts[group]} x {group[0]} on {group[1]} by {group[2] or 'no version'}" for group in ranked[:3]]
    return ", ".join(texts) + (f" and {len(ranked) - 3} more groups" if len(ranked) > 3 else "")


def _count(items: Sequence[object], noun: str) -> str:
    return f"{len(items) or 'no'} {noun}{'' if len(items) == 1 else 's'}"


REQUIREMENTS: Final[dict[str, Callable[[Facts], Outcome]]] = {
    "load": load,
    "head": head,
    "version-change": version_change,
    "overlap": overlap,
    "coverage": coverage,
    "failures": failures,
    "outage": outage,
    "tail": tail,
}
