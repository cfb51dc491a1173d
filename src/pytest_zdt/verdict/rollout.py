"""The requirements on a change of version: what each needs to have seen of the old version and the new one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from pytest_zdt.evidence.kinds import GUILT
from pytest_zdt.evidence.marks import DEPLOYED, ENDED, STARTED, Mark, signal_of
from pytest_zdt.evidence.series import Series
from pytest_zdt.verdict.budget import is_zero
from pytest_zdt.verdict.causes import why_no_overlap
from pytest_zdt.verdict.coverage import endpoints, holes, missing_lanes, never_reused
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED, Outcome, Overlap
from pytest_zdt.verdict.overlap import overlap as overlap_of
from pytest_zdt.verdict.phases import HEAD, TAIL, Change, Part, times
from pytest_zdt.verdict.statistics import fisher_greater
from pytest_zdt.verdict.words import counted, listed, top

Uses = Counter[tuple[str, str, str]]
"""Flow, the version that made the value, the version that got it -> how often."""
REFUSALS = ("auth-broken", "not-found-on-one-version", "wrong-status", "wrong-body")
ALPHA = 0.05
MIN_ALTERNATIONS = 2
OBSERVED_SHARE = 0.9
"""So much of a required head or tail must lie between its requests, of which none may be far from the next: silence proves
nothing."""


def head(facts: Facts, change: Change, span: Overlap | None) -> Outcome:
    """The old version alone, long enough and without failures."""
    before = _unexcused(facts, HEAD) if change is facts.timeline.changes[0] else []
    if before and not facts.soak:
        return VIOLATED, "failures-before-rollout", f"Before the rollout already {top(before)}."
    if not change.old and not facts.soak:
        return INCONCLUSIVE, "no-version-source", "No answer named a version, so nobody knows which one was alone."
    until = facts.timeline.end if change.start is None else change.start
    return _alone(facts, HEAD, change.old, change.since, until)


def version_change(facts: Facts, change: Change, span: Overlap | None) -> Outcome:
    """A second version answered."""
    marks = [mark for mark in facts.marked(DEPLOYED) if change.start is None or change.start <= mark.at <= change.end]
    note = _why_it_failed(marks[-1]) if marks else ""  # the last one, where it was started again
    by_time = " (polled, so answers are attributed by time)" if facts.polled else ""
    if change.new and note:
        seen = " -> ".join(facts.timeline.versions)
        return INCONCLUSIVE, "deploy-failed", f"{seen}{by_time}, but the rollout may be incomplete.{note}"
    if change.new:
        others = [version for version in _between(facts, change) if version not in (change.old, change.new)]
        return VERIFIED, "", f"{' -> '.join([change.old, *others, change.new])}{by_time}.{_unmarked(facts, change)}"
    if note and change.old:
        return INCONCLUSIVE, "deploy-failed", f"Only {change.old} answered.{note}"
    if not facts.require["version_change"]:
        return VERIFIED, "", "No change of version was required, and none came."
    if not change.old:
        source = facts.run.get("version_source") or "none"
        return INCONCLUSIVE, "no-version-source", f"No answer named a version: check the target's version source ({source})."
    return INCONCLUSIVE, "no-version-change", f"Only {change.old} answered from start to end: {_why_no_change(facts)}."


def _why_no_change(facts: Facts) -> str:
    if facts.run.get("deploy") and not facts.marked(STARTED):
        return "the deployment was not started, since there was no head without failures that was long enough"
    late = "its command ended before it had begun, " if facts.run.get("deploy") else ""
    return f"either the deployment was a no-op, {late}or the version source does not tell the versions apart"


def _why_it_failed(ended: Mark) -> str:
    """What the mark of a deployment's end tells of a command that failed, or was killed by the run; else empty."""
    status, killed, said = (ended.data.get(name) for name in ("exit_status", "killed", "said"))
    if not status and not killed:
        return ""
    how = f"was killed, because {killed}" if killed else f"ended with exit status {status}{signal_of(status)}"
    return f" The deployment's command {how}{f', after printing: {said}' if said else '.'}"


def _unmarked(facts: Facts, change: Change) -> str:
    """What had to be told from the answers for want of a mark."""
    inside = {mark.name for mark in facts.marks if change.since <= mark.at <= change.end}
    early = (
        f" Nothing told when the deployment began: failures from {change.start:.1f} s on count as its." if change.early else ""
    )
    open_ = (
        f" No mark told when it ended: the last answer of {change.old} did."
        if STARTED in inside and DEPLOYED not in inside
        else ""
    )
    return early + open_


def _between(facts: Facts, change: Change) -> list[str]:
    """The versions that answered in the rollout, the first one first."""
    assert change.start is not None
    assert change.stop is not None
    found = {part.labels.version for part in facts.parts if part.labels.answered and part.series.count(change.start, change.stop)}
    return [version for version in facts.timeline.versions if version in found]


def overlap(facts: Facts, change: Change, span: Overlap | None) -> Outcome:
    """Both versions answered side by side, often enough and in turns."""
    if not facts.require["overlap"] or facts.soak:
        return VERIFIED, "", "No overlap was required."
    if not change.new:
        return INCONCLUSIVE, "no-overlap", "Without a second version there is no overlap."
    why = why_no_overlap(facts, change, span)
    if span is None:
        return INCONCLUSIVE, "no-overlap", f"No answer of {change.old} after the first of the new version: {why}."
    counts = [span.requests.get(version, 0) for version in (change.old, change.new)]
    figures = ", ".join(f"{version} {count}" for version, count in span.requests.items())
    seconds = f"{span.end_s - span.start_s:.1f} s side by side, answers: {figures}"
    detail = f"{seconds}; {counted(range(span.alternations), 'change')} from one to the other"
    least = facts.require["overlap_answers"]
    if min(counts) < least or span.alternations < MIN_ALTERNATIONS:
        wanted = f"at least {least} each and {MIN_ALTERNATIONS} changes are needed"
        return INCONCLUSIVE, "no-overlap", f"{detail}; {wanted}: {why}."
    if facts.shards and not any(_side_by_side(shard, change) for shard in facts.shards):
        return INCONCLUSIVE, "no-overlap", f"{detail}; but no machine saw it by its own clock, and their clocks may differ."
    return VERIFIED, "", f"{detail}."


def _side_by_side(series: Sequence[Series], change: Change) -> bool:
    span = overlap_of(series, change)
    return span is not None and span.alternations >= MIN_ALTERNATIONS


def coverage(facts: Facts, change: Change, span: Overlap | None) -> Outcome:
    """Every endpoint was answered by both versions in the overlap, and driven on both lanes."""
    if span is None and facts.require["overlap"] and not facts.soak:
        return INCONCLUSIVE, "no-overlap", "Without an overlap no endpoint was answered by both versions side by side."
    if not facts.series:
        return INCONCLUSIVE, "holes", "No endpoint was requested."
    uncovered, lanes = holes(facts, change, span), missing_lanes(facts, change, span)
    if uncovered or lanes:
        reason = "holes" if uncovered else "one-lane"
        return INCONCLUSIVE, reason, f"Too few good answers: {listed(uncovered + lanes)}."
    many = counted(endpoints(facts), "endpoint")
    least = facts.require["endpoint_answers"]
    whose = "by each version and" if change.new else f"by {change.old or 'no version'} and"
    return VERIFIED, "", f"{many}, each with {least} or more good answers {whose} on each lane{never_reused(facts)}."


def flows(facts: Facts, change: Change, span: Overlap | None) -> Outcome:
    """What one version made was used on the other, often enough, and never failed there."""
    least = facts.require["pair_uses"]
    if facts.soak or least == 0:
        return VERIFIED, "", "No flow from version to version was required."
    if not change.new:
        return INCONCLUSIVE, "no-version-change", "Without a second version nothing crosses from one to the other."
    if facts.polled:
        return INCONCLUSIVE, "polled", "Versions were polled: nobody knows which of them made a value, and which got it."
    uses = _uses(facts, change)
    broken = [f"{flow} made by {made_by}, used on {used_on}: {failed} of {uses[flow, made_by, used_on]} uses failed"
              for (flow, made_by, used_on), failed in sorted(_broken(facts, change, uses).items())]  # fmt: skip
    if broken:
        return VIOLATED, "flow-broken", f"{'; '.join(broken)}."
    names = sorted(({part.labels.flow for part in facts.parts} | _made(facts)) - {""})
    if not names:
        hint = "use zdt_oauth_client or zdt_flow in a test, or set pair-uses = 0 if the API hands out nothing that is used later"
        return INCONCLUSIVE, "no-flow", f"No test uses a value that an earlier answer made: {hint}."
    wanted = [(flow, *pair) for flow in names for pair in _pairs(facts, change)]
    good = uses - _uses(facts, change, *GUILT)
    missing = [
        f"{flow} {old} -> {new}: {good[flow, old, new]} of {least}" for flow, old, new in wanted if good[flow, old, new] < least
    ]
    if missing:
        return INCONCLUSIVE, "pair-unused", f"Too few good uses of a value on the other version: {'; '.join(missing)}."
    figures = ", ".join(f"{flow} {made_by} -> {used_on} {uses[flow, made_by, used_on]}" for flow, made_by, used_on in wanted)
    return VERIFIED, "", f"Values made by one version and used on the other: {figures}."


def _made(facts: Facts) -> set[str]:
    """The flows in which a value was made, as the run's end tells: one that is never used has no request."""
    lists = [mark.data.get("made_flows") for mark in facts.marked(ENDED)]
    return {str(name) for one in lists if isinstance(one, list) for name in one}


def _pairs(facts: Facts, change: Change) -> list[tuple[str, str]]:
    """The pairs that must be used; nothing goes back from new to old where the two need not overlap."""
    pairs = [(change.old, change.new), (change.new, change.old)]
    return pairs if facts.require["overlap"] else pairs[:1]


def _uses(facts: Facts, change: Change, *kinds: str) -> Uses:
    """How often a value of each flow was used by each version, by who made it; of those kinds, or of all."""
    uses: Uses = Counter()
    for one in facts.series:
        if one.labels.flow and one.labels.answered and (one.labels.kind in kinds if kinds else True):
            uses[one.labels.flow, one.labels.made_by, one.labels.version] += one.count(change.since, change.end)
    return uses


def _broken(facts: Facts, change: Change, uses: Uses) -> Uses:
    """How often the other version failed to use a value.

    A refusal is the pair's failure; a 5xx is only where the same version answers significantly fewer of them to its own values,
    on that endpoint and while the pair was used: a version that fails for everybody breaks no flow.
    """
    refused = _uses(facts, change, *REFUSALS)
    crossing = [pair for pair in uses if set(pair[1:]) == {change.old, change.new}]
    return +Counter({pair: refused[pair] + _crashes(facts, change, pair) for pair in crossing})


def _crashes(facts: Facts, change: Change, pair: tuple[str, str, str]) -> int:
    """The 5xx that a pair has more of than the reader's own values."""
    flow, _, used_on = pair
    of_pair, of_reader = _by_endpoint(facts, *pair), _by_endpoint(facts, flow, used_on, used_on)
    found = 0
    for endpoint, series in of_pair.items():
        sent = [at for at in times(series) if change.since <= at <= change.end] or [change.since]
        counts = [_crashed(uses, sent[0], sent[-1]) for uses in (series, of_reader.get(endpoint, ()))]
        if fisher_greater(*counts[0], *counts[1]) < ALPHA:
            found += counts[0][0]
    return found


def _by_endpoint(facts: Facts, *pair: str) -> dict[str, list[Series]]:
    """The answered uses of a value of that flow, made by the second and used on the third, by endpoint."""
    found: defaultdict[str, list[Series]] = defaultdict(list)
    for one in facts.series:
        if one.labels.answered and (one.labels.flow, one.labels.made_by, one.labels.version) == pair:
            found[one.labels.endpoint].append(one)
    return found


def _crashed(series: Iterable[Series], start: float, stop: float) -> tuple[int, int]:
    """The 5xx, and all, that were sent in that time."""
    counts = [(one.labels.kind == "status-5xx", one.count(start, stop)) for one in series]
    return sum(count for failed, count in counts if failed), sum(count for _, count in counts)


def tail(facts: Facts, change: Change, span: Overlap | None) -> Outcome:
    """The new version alone, long enough and without failures."""
    numbers = {number for number, span in enumerate(facts.timeline.spans()) if span[1] == change.stop and span[0] == TAIL}
    after = [part for part in _unexcused(facts, TAIL) if part.number in numbers]
    if after:
        return VIOLATED, "failures-after-rollout", f"After the rollout still {top(after)}."
    if facts.soak:
        return VERIFIED, "", "No rollout was required."
    if not change.new or change.stop is None:
        return INCONCLUSIVE, "no-version-change", "Without a new version there is no time after the rollout."
    return _alone(facts, TAIL, change.new, change.stop, change.end)


def _unexcused(facts: Facts, phase: str) -> list[Part]:
    """The failures of a phase on endpoints where no budget excuses some."""
    return [part for part in facts.failed(phase=phase) if is_zero(facts.limit("max_failures", part.labels.endpoint))]


def _alone(facts: Facts, phase: str, version: str, start: float, stop: float) -> Outcome:
    """Whether one version was alone from ``start`` to ``stop`` for as long as that phase must be, as its own answers tell.

    Those to virtual users: probes go on when the load does not, and a head or tail without load proves little.
    """
    required, length = float(facts.require[phase]), stop - start
    whom = f"the {'old' if phase == HEAD else 'new'} version{f' ({version})' if version else ''} alone"
    sent = times(one for one in facts.of_vus if one.labels.answered and one.labels.version == version)
    sent = sent[bisect_left(sent, start) : bisect_right(sent, stop)]
    longest = max(1.0, (1 - OBSERVED_SHARE) * required)
    observed = sum(min(after - before, longest) for before, after in pairwise(sent))
    if length >= required - 0.001 and observed >= OBSERVED_SHARE * required and (sent or not required):
        return VERIFIED, "", f"{length:.1f} s on {whom}."
    detail = f"{length:.1f} s on {whom}, answers over {observed:.1f} s of it; {required:g} s are required."
    return INCONCLUSIVE, f"{phase}-too-short", detail
