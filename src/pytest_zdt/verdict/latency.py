"""The requirements on latency: limits in every window, and the rollout against the head.

Both are about the requests of virtual users. A probe repeats one request, perhaps out of a cache, always over a new connection:
among the others it would move a percentile by how many probes there are. What probes waited is told beside the verdict.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from math import ceil, inf
from operator import sub
from typing import Final

from pytest_zdt.verdict.attribution import stalled
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.figures import latencies
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED, Impact, Outcome
from pytest_zdt.verdict.phases import HEAD, ROLLOUT, Part, times
from pytest_zdt.verdict.statistics import fisher_greater, mann_whitney, percentile
from pytest_zdt.verdict.words import counted, listed

SHARES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}
"""Limit -> the share of the answers that must be as fast."""
ROUNDING = 1e-7
"""Seconds; send times are whole microseconds, their differences not quite."""
LEAST_ANSWERS = 50
EFFECT = 0.64
"""A medium effect by Vargha and Delaney (2000): the probability that an answer in the rollout is slower than one in the head."""
RATIO = 1.2
STALL, STALLS = 1.0, 5
"""Seconds without a request, and so many times as long as in the head, that are a stall of the API."""
MUCH, SOME = 2.0, 0.05
"""So many times the head's 95th percentile is much slower, for so great a share of the rollout's answers."""
ALPHA = 0.01

Answers = Sequence[tuple[float, float]]
"""Send time and latency in seconds of an endpoint's answers, in order."""


def latency(facts: Facts) -> Outcome:
    """Each limit on the latency holds in every window of the required length, for each endpoint.

    An answer for which this machine itself may have waited breaks none: nobody knows how fast it was.
    """
    names = sorted({part.labels.endpoint for part in facts.parts})
    wanted = {name: found for name in names if (found := _limits(facts, name))}
    if not wanted:
        return VERIFIED, "", "No limit was set."
    answers = {name: _answers(facts, name) for name in wanted}
    unanswered = [name for name in wanted if not answers[name]]
    if broken := _breaches(facts, wanted, answers):
        own = stalled(facts.health)
        least = {name: [(sent, 0.0 if own(sent, took) else took) for sent, took in found] for name, found in answers.items()}
        if certain := _breaches(facts, wanted, least):
            return VIOLATED, "too-slow", f"{'; '.join(certain)}."
        return INCONCLUSIVE, "generator-stalls", f"{'; '.join(broken)}; but this machine itself stood still then."
    if unanswered:
        return INCONCLUSIVE, "no-answers", f"No latency is known of {', '.join(unanswered)}."
    every = "over the whole run" if not facts.require["window"] else f"in every window of {facts.require['window']:g} s"
    return VERIFIED, "", f"The limits of {counted(wanted, 'endpoint')} held {every}."


def _limits(facts: Facts, endpoint: str) -> dict[str, float]:
    found = {limit: facts.limit(limit, endpoint) for limit in SHARES}
    return {limit: float(seconds) for limit, seconds in found.items() if seconds is not None}


def _breaches(facts: Facts, wanted: Mapping[str, Mapping[str, float]], answers: Mapping[str, Answers]) -> list[str]:
    """The limits that are broken, in words."""
    cases = ((name, limit, seconds) for name, limits in wanted.items() for limit, seconds in limits.items())
    found = (
        _broken(answers[name], limit, seconds, float(facts.limit("window", name)) or inf, name) for name, limit, seconds in cases
    )
    return [text for text in found if text]


def _broken(answers: Answers, limit: str, seconds: float, window: float, endpoint: str) -> str:
    """The first window in which an endpoint was slower than its limit, in words; empty when there is none."""
    rows = first_slow_window(answers, SHARES[limit], seconds, window)
    if rows is None:
        return ""
    inside = answers[slice(*rows)]
    span = "over the run" if window == inf else f"in the {window:g} s from {inside[0][0]:.1f} s"
    found = (percentile(sorted(took for _, took in inside), SHARES[limit]) or 0.0) * 1000
    return f"{endpoint}: {limit} {found:.0f} ms {span} (limit {seconds * 1000:.0f} ms)"


def first_slow_window(answers: Answers, share: float, limit: float, window: float) -> tuple[int, int] | None:
    """The rows of the first window in which less than ``share`` of the answers were as fast as ``limit``; None without one.

    Windows slide over the run, both of their ends included; a run that is shorter is one window. The rows go from the first up
    to the second number.
    """
    if not answers:
        return None
    slow = list(accumulate((took > limit for _, took in answers), initial=0))
    for first, last in _windows([sent for sent, _ in answers], window):
        many, late = last - first, slow[last] - slow[first]
        if late > many - ceil(share * many - 1e-9):
            return first, last
    return None


def _windows(sent: Sequence[float], window: float) -> Iterator[tuple[int, int]]:
    """Every set of answers that a window sees on its way, one by one as answers enter and leave it."""
    first, last = 0, bisect_right(sent, sent[0] + window + ROUNDING)
    yield first, last
    while last < len(sent):
        if sent[last] - window <= sent[first] + ROUNDING:
            last = bisect_right(sent, sent[last])
        else:
            first = bisect_right(sent, sent[first])
            if first == last:  # nothing is in it until the next answer
                last = bisect_right(sent, sent[first])
        yield first, last


def _answers(facts: Facts, endpoint: str) -> list[tuple[float, float]]:
    chosen = (part.series for part in facts.parts if part.labels.endpoint == endpoint and _waited(part))
    return sorted(pair for one in chosen for pair in zip(one.sent, one.latency, strict=True))


def _waited(part: Part) -> bool:
    """Whether virtual users had an answer, and so a latency."""
    return part.labels.answered and not part.labels.probe


def impacts(facts: Facts) -> list[Impact]:
    """The rollout's latency against the head's, for each endpoint."""
    groups: dict[tuple[str, str], list[Part]] = defaultdict(list)
    for part in facts.parts:
        if part.labels.good and not part.labels.probe:
            groups[part.labels.endpoint, part.phase].append(part)
    return [_impact(name, groups[name, HEAD], groups[name, ROLLOUT]) for name in sorted({name for name, _ in groups})]


def _impact(endpoint: str, head: Iterable[Part], rollout: Iterable[Part]) -> Impact:
    before, during = latencies(head), latencies(rollout)
    medians = percentile(before, 0.5), percentile(during, 0.5)
    if min(len(before), len(during)) < LEAST_ANSWERS:
        return Impact(endpoint, *medians, None, None, slower=False)
    effect, p = mann_whitney(during, before)
    ratio = (medians[1] or 0.0) / max(medians[0] or 0.0, 0.001)
    slower = (effect >= EFFECT and p < ALPHA and ratio >= RATIO) or _some_slower(before, during)
    return Impact(endpoint, *medians, effect, p, slower)


def _some_slower(before: Sequence[float], during: Sequence[float]) -> bool:
    """Whether a part of the rollout's answers is much slower than nearly all of the head's: where one version is, say."""
    limit = MUCH * (percentile(before, 0.95) or 0.0)
    slow = [len(found) - bisect_right(found, limit) for found in (during, before)]
    return slow[0] >= SOME * len(during) and fisher_greater(slow[0], len(during), slow[1], len(before)) < ALPHA


def impact(facts: Facts) -> Outcome:
    """No endpoint answered meaningfully slower in the rollout than in the head.

    It counts for the verdict only where it is required; elsewhere it only withholds the level ``zero-impact``.
    """
    if not facts.timeline.changed:
        return INCONCLUSIVE, "no-version-change", "Without a second version there is nothing to compare."
    found, only = impacts(facts), "" if facts.require["impact"] else " This withholds only the level zero-impact."
    stalled = _stalled(facts)
    slower = [f"{one.endpoint} {one.head_p50_ms:g} -> {one.rollout_p50_ms:g} ms" for one in found if one.slower]
    if slower:
        status = VIOLATED if facts.require["impact"] else INCONCLUSIVE
        return status, "slower", f"Slower in the rollout than in the head (medians): {listed(slower)}.{only}"
    thin = [one.endpoint for one in found if one.effect is None]
    if stalled:
        return VIOLATED if facts.require["impact"] else INCONCLUSIVE, "stalled", f"{stalled}{only}"
    if not found:
        return INCONCLUSIVE, "too-few-answers", f"No endpoint gave a good answer.{only}"
    if thin:
        least = f"{LEAST_ANSWERS} good answers in the head and in the rollout"
        return INCONCLUSIVE, "too-few-answers", f"{counted(thin, 'endpoint')} had fewer than {least}: {listed(thin)}.{only}"
    return VERIFIED, "", f"{counted(found, 'endpoint')}, none slower in the rollout than in the head."


def _stalled(facts: Facts) -> str:
    """How long virtual users sent nothing in a rollout, if much longer than in the head: a closed loop waits with the API."""
    sent, longest = times(facts.of_vus), {HEAD: 0.0, ROLLOUT: 0.0}
    for phase, start, stop in facts.timeline.spans():
        inside = sent[bisect_left(sent, start) : bisect_right(sent, stop)]
        if phase in longest:
            longest[phase] = max([longest[phase], *map(sub, inside[1:], inside)])
    if longest[ROLLOUT] <= max(STALL, STALLS * longest[HEAD]):
        return ""
    what = "No virtual user sent anything" if facts.probed else "Nothing was sent"
    return f"{what} for {longest[ROLLOUT]:.1f} s of the rollout, for {longest[HEAD]:.1f} s at most in the head."
