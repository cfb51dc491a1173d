"""The requirement ``generator``: the load generator itself was in good health, so that what it measured is the API's doing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from pytest_zdt.evidence.health import PROBE_EVERY, Health
from pytest_zdt.evidence.kinds import CLIENT
from pytest_zdt.evidence.marks import ENDED
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.load import lost, recorded
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, Generator, Outcome
from pytest_zdt.verdict.plan import told
from pytest_zdt.verdict.statistics import percentile
from pytest_zdt.verdict.words import top

MOST_CPU = 0.95
"""CPU time per second of a worker, which one core at most carries out: above, the load is as much as the worker can do."""
LEAST_PHASE = 1.0
"""Seconds of a phase, without its first and last second, that can be asked for; the health is told once a second."""
LEAST_SEEN = 0.7
"""Share of each phase for which the health of each worker must be known."""


def generator(facts: Facts) -> Outcome:
    """Its own stalls are small, its CPU is not saturated, and it could send whatever it wanted to."""
    figures, seen, most = health(facts), _seen(facts), float(facts.require["lag"]) * 1000
    lag, busy = figures.lag_p99_ms, figures.cpu_share
    if lag is None or busy is None or seen < LEAST_SEEN:
        return INCONCLUSIVE, "health-unknown", f"The load generator's own health is known for {seen:.0%} of a worker's phase."
    lags = f"scheduling lag {lag:.1f} ms (p99, worst phase; {most:g} ms allowed)"
    detail = f"{lags}, {busy:.0%} of a core in the busiest worker"
    if lag > most:
        return INCONCLUSIVE, "generator-stalls", f"This machine stalled, so slow answers may be its own doing: {detail}."
    if busy > MOST_CPU:
        return INCONCLUSIVE, "cpu-saturated", f"A worker was out of CPU: {detail}; use more workers (-n) or a longer pace."
    if local := facts.failed(CLIENT):
        return INCONCLUSIVE, "client-failures", f"This machine failed to send: {top(local)}."
    return VERIFIED, "", f"{detail[0].upper()}{detail[1:]}."


def health(facts: Facts) -> Generator:
    """The figures of the generator's health; lag and CPU are those of the phase in which they were worst."""
    lags, shares = [], []
    for _, start, stop in facts.timeline.spans():
        inside = [one for one in facts.health if one.began < stop and one.at > start]
        lags += [lag for lag in [percentile(_lags(inside), 0.99)] if lag is not None]
        shares += _busy(inside)
    return Generator(
        lag_p99_ms=max(lags, default=None),
        lag_max_ms=max((max(one.lags, default=0.0) for one in facts.health), default=None),
        cpu_share=max(shares, default=None),
        samples=recorded(facts),
        lost_samples=lost(facts),
        cut_at_deadline=sum(len(one) for one in facts.series if not one.labels.counted),
        gc_max_ms=max((one.gc for one in facts.health), default=None),
        files_max=max((one.files for one in facts.health if one.files is not None), default=None),
        ports_min=min((one.ports for one in facts.health if one.ports is not None), default=None),
        unsent_iterations=told(facts, "unsent_iterations"),
        unsent_probes=told(facts, "unsent_probes"),
    )


def _lags(seconds: Iterable[Health]) -> Sequence[float]:
    """The lags of those seconds in order, as if the thread had looked at its cadence while it was late: a stall of a second
    counts for all the times at which a request would have been late.

    The correction for coordinated omission of Gil Tene's HdrHistogram (2012).
    """
    found = []
    for one in seconds:
        for lag in one.lags:
            late = lag
            while late > 0:
                found.append(late)
                late -= PROBE_EVERY * 1000
            if not lag:
                found.append(0.0)
    return sorted(found)


def _busy(seconds: Iterable[Health]) -> list[float]:
    """The mean share of a core of each worker in those seconds."""
    shares: dict[str, list[float]] = defaultdict(list)
    for one in seconds:
        shares[one.worker].append(one.cpu)
    return [round(sum(found) / len(found), 6) for found in shares.values()]


def _seen(facts: Facts) -> float:
    """Share of each phase that is known of each worker; the least of them."""
    workers: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for one in facts.health:
        workers[one.worker].append((one.began, one.at))
    if len(workers) < int(facts.run.get("workers") or 1):
        return 0.0
    return min((_known(spans, *bounds) for worker, spans in workers.items() for bounds in _phases(facts, worker)), default=1.0)


def _phases(facts: Facts, worker: str) -> Iterator[tuple[float, float]]:
    """The phases that a worker drove, without their first and last second; a shard of a merged run has its own begin and end."""
    shard = worker.rpartition("/")[0]
    ended = [mark for mark in facts.marked(ENDED) if mark.data.get("shard", "") == shard]
    began, end = (float(str(ended[0].data.get("began_s", 0.0))), ended[0].at) if ended else (0.0, facts.timeline.end)
    for _, start, stop in facts.timeline.spans():
        since, until = max(start, began) + 1.0, min(stop, end) - 1.0
        if until - since >= LEAST_PHASE:
            yield since, until


def _known(spans: Iterable[tuple[float, float]], start: float, stop: float) -> float:
    return sum(max(0.0, min(until, stop) - max(since, start)) for since, until in spans) / (stop - start)
