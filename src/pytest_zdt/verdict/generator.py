"""The requirement ``generator``: the load generator itself was in good health, so that what it measured is the API's doing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pytest_zdt.evidence.health import PROBE_EVERY, Health
from pytest_zdt.evidence.kinds import CLIENT
from pytest_zdt.evidence.marks import ENDED
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.load import lost, recorded
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, Generator, Outcome
from pytest_zdt.verdict.statistics import percentile
from pytest_zdt.verdict.words import top

MOST_LAG = 50.0
"""Milliseconds of scheduling lag that 99 % of the time must stay below, in every phase."""
MOST_CPU = 0.95
"""CPU time per second of a worker, which one core at most carries out: above, the load is as much as the worker can do."""
LEAST_SEEN = 0.9
"""Share of the time that the health must be known of."""


def generator(facts: Facts) -> Outcome:
    """Its own stalls are small, its CPU is not saturated, and it could send whatever it wanted to."""
    figures = health(facts)
    lag, busy = figures.lag_p99_ms, figures.cpu_share
    if lag is None or busy is None or _seen(facts) < LEAST_SEEN:
        return INCONCLUSIVE, "health-unknown", f"The load generator's own health is known for {_seen(facts):.0%} of the time."
    lags = f"scheduling lag {lag:.1f} ms (p99, worst phase; {MOST_LAG:g} ms allowed)"
    detail = f"{lags}, {busy:.0%} of a core in the busiest worker"
    if lag > MOST_LAG:
        return INCONCLUSIVE, "generator-stalls", f"This machine stalled, so slow answers may be its own doing: {detail}."
    if busy > MOST_CPU:
        return INCONCLUSIVE, "cpu-saturated", f"A worker was out of CPU: {detail}; use more workers (-n) or a longer pace."
    if local := facts.failed(CLIENT):
        return INCONCLUSIVE, "client-failures", f"This machine failed to send: {top(local)}."
    return VERIFIED, "", f"{detail[0].upper()}{detail[1:]}."


def health(facts: Facts) -> Generator:
    """The figures of the generator's health; the lag is that of the phase in which it was worst."""
    spans = [_lags(one for one in facts.health if start < one.at <= stop + 1) for _, start, stop in facts.timeline.spans()]
    known = [lag for lags in spans if (lag := percentile(lags, 0.99)) is not None]
    return Generator(
        lag_p99_ms=max(known, default=None),
        lag_max_ms=max((max(one.lags, default=0.0) for one in facts.health), default=None),
        cpu_share=max(_busy(facts).values(), default=None),
        samples=recorded(facts),
        lost_samples=lost(facts),
        cut_at_deadline=sum(len(one) for one in facts.series if not one.labels.counted),
        gc_max_ms=max((one.gc for one in facts.health), default=None),
        files_max=max((one.files for one in facts.health if one.files is not None), default=None),
        ports_min=min((one.ports for one in facts.health if one.ports is not None), default=None),
    )


def _lags(seconds: Iterable[Health]) -> Sequence[float]:
    """The lags of those seconds in order, as if the thread had looked at its cadence while it was late: a stall of a second
    counts for all the times at which a request would have been late.

    The correction for coordinated omission of Gil Tene's HdrHistogram (2012).
    """
    found = []
    for one in seconds:
        for lag in one.lags:
            while lag > 0:
                found.append(lag)
                lag -= PROBE_EVERY * 1000
            if lag == 0:
                found.append(lag)
    return sorted(found)


def _busy(facts: Facts) -> dict[str, float]:
    shares: dict[str, list[float]] = defaultdict(list)
    for one in facts.health:
        shares[one.worker].append(one.cpu)
    return {worker: sum(found) / len(found) for worker, found in shares.items()}


def _seen(facts: Facts) -> float:
    """Share of the workers' seconds that the health is known of; the last second of a run may be missing."""
    ended = [(mark.at - _number(mark.data.get("began_s")), _number(mark.data.get("workers"))) for mark in facts.marked(ENDED)]
    workers = float(facts.run.get("workers") or 1)
    planned = sum(max(0.0, seconds - 1.0) * (of_shard or workers) for seconds, of_shard in ended)
    planned = planned or max(0.0, facts.timeline.end - 1.0) * workers
    return min(1.0, len(facts.health) / planned) if planned else 0.0


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
