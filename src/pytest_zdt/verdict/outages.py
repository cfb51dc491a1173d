"""Outages: maximal runs of failures of an endpoint with no success between; the length of each is an interval."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import groupby

from pytest_zdt.evidence.kinds import APP, EDGE, NETWORK, guilt, is_failure
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.verdict.model import Outage

_IN_FLIGHT = frozenset({"reset", "keep-alive-race", "truncated"})


def outages(samples: Sequence[Sample], end: float) -> list[Outage]:
    """The outages in ``samples`` (in order) of a run that lasted until ``end``, by start."""
    by_endpoint: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if _counts(sample):
            by_endpoint[sample.endpoint].append(sample)
    found = [outage for line in by_endpoint.values() for outage in _outages(sorted(line, key=_place), end)]
    return sorted(found, key=lambda outage: (outage.start_s, outage.endpoint))


def _counts(sample: Sample) -> bool:
    """Neither a cut request nor one that the client or a rate limit broke says whether the API was up."""
    if sample.kind == "cut":
        return False
    return not is_failure(sample.kind) or guilt(sample.kind, sample.version) in (APP, EDGE, NETWORK)


def _place(sample: Sample) -> float:
    """When the sample met the state of the API: at its sending, except for one that broke in flight.

    A request whose connection broke was sent before the outage and cut by its beginning: it proves a failure only at the time
    of the break. Placed at its sending, a long request would stretch the outage back over a time when all was well.
    """
    return sample.sent + sample.took if sample.kind in _IN_FLIGHT else sample.sent


def _outages(line: Sequence[Sample], end: float) -> list[Outage]:
    found = []
    before, index = 0.0, 0
    for failed, group in groupby(line, key=lambda sample: is_failure(sample.kind)):
        run = list(group)
        index += len(run)
        if failed:
            after = _place(line[index]) if index < len(line) else max(end, _place(run[-1]))
            found.append(_outage(run, before, after))
        else:
            before = _place(run[-1])
    return found


def _outage(run: Sequence[Sample], before: float, after: float) -> Outage:
    guilts = Counter(guilt(sample.kind, sample.version) for sample in run)
    first, last = _place(run[0]), _place(run[-1])
    return Outage(
        endpoint=run[0].endpoint,
        version=", ".join(sorted({sample.version for sample in run if sample.version})),
        start_s=first,
        min_s=max(0.0, last - first),
        max_s=max(0.0, after - before),
        failures=len(run),
        kinds=sorted({sample.kind for sample in run}),
        guilt=min(guilts, key=lambda name: (-guilts[name], name)),
    )
