"""The figures of a verdict: counts and latencies by version, phase, endpoint and lane."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

from pytest_zdt.evidence.kinds import guilt, is_failure
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import Cell, EndpointFigures, FailureGroup, Flow, Generator, Phase, Resolution, Version
from pytest_zdt.verdict.overlap import inside
from pytest_zdt.verdict.phases import answered
from pytest_zdt.verdict.statistics import percentile

Groups = dict[tuple[str, ...], list[Sample]]
_PHASES = {"head": 0, "rollout": 1, "tail": 2}


def versions(facts: Facts) -> list[Version]:
    """Every version that answered, the old one first."""
    groups = _grouped(counted(facts), lambda sample: (sample.version,))
    found = []
    for version in facts.timeline.versions:
        group = groups[(version,)]
        sent = [sample.sent for sample in group if answered(sample)]
        role = "old" if version == facts.timeline.old else "new"
        found.append(Version(version, role, sent[0], sent[-1], len(group), failed(group)))
    return found


def phases(facts: Facts) -> list[Phase]:
    """Each phase with its counts."""
    groups = _grouped(counted(facts), lambda sample: (facts.timeline.phase(sample.sent),))
    spans = [(name, start, stop, groups.get((name,), [])) for name, start, stop in facts.timeline.spans()]
    return [Phase(name, start, stop, len(group), failed(group)) for name, start, stop, group in spans]


def endpoints(facts: Facts) -> list[EndpointFigures]:
    """Figures by endpoint, phase, version and lane. The latencies are to the first byte of an answer, good or bad."""
    groups = _grouped(
        counted(facts), lambda sample: (sample.endpoint, facts.timeline.phase(sample.sent), sample.version, sample.lane)
    )
    order = sorted(groups, key=lambda key: (key[0], _PHASES[key[1]], key[2:]))
    return [_endpoint(key, groups[key]) for key in order]


def _endpoint(key: tuple[str, ...], group: list[Sample]) -> EndpointFigures:
    endpoint, phase, version, lane = key
    p50, p95, p99, longest = (percentile(_latencies(group), share) for share in (0.5, 0.95, 0.99, 1.0))
    return EndpointFigures(endpoint, phase, version, lane, len(group), failed(group), p50, p95, p99, longest)


def flows(facts: Facts) -> list[Flow]:
    """Uses of a value of each flow, by the version that made it and the one that got it."""
    groups = _grouped([sample for sample in counted(facts) if sample.flow], lambda item: (item.flow, item.made_by, item.version))
    return [Flow(key[0], key[1], key[2], len(group), failed(group)) for key, group in groups.items()]


def failure_groups(facts: Facts) -> list[FailureGroup]:
    """Failures by kind, endpoint, version and phase, the earliest first."""
    groups = _grouped(
        facts.failed, lambda sample: (sample.kind, sample.endpoint, sample.version, facts.timeline.phase(sample.sent))
    )
    return sorted((_failure_group(key, group) for key, group in groups.items()), key=lambda item: item.first_s)


def _failure_group(key: tuple[str, ...], group: list[Sample]) -> FailureGroup:
    kind, endpoint, version, phase = key
    example = {"request_id": group[0].request_id, "message": group[0].message}
    whose, first, last = guilt(kind, version), group[0].sent, group[-1].sent
    return FailureGroup(kind, whose, endpoint, version, phase, len(group), first, last, example)


def resolution(facts: Facts) -> list[Resolution]:
    """What could have been missed, by endpoint and phase.

    The gaps from a phase's start to its first request and from the last to its end count too: an outage fits there as well.
    """
    groups = _grouped(counted(facts), lambda sample: (sample.endpoint, facts.timeline.phase(sample.sent)))
    names = sorted({endpoint for endpoint, _ in groups})
    found = []
    for endpoint in names:
        for phase, start, stop in facts.timeline.spans():
            group = groups.get((endpoint, phase), [])
            times = [start, *(sample.sent for sample in group), stop]
            gap = max(max(0.0, after - before) for before, after in pairwise(times))
            rate = None if failed(group) or not group else min(1.0, 3 / len(group))
            found.append(Resolution(endpoint, phase, gap, rate))
    return found


def generator(facts: Facts) -> Generator:
    """The generator's own health. Lag and the share of the CPU are not measured yet."""
    known = not facts.torn_lines and not facts.marked("worker-lost")
    cut = sum(sample.kind == "cut" for sample in facts.samples)
    return Generator(None, None, None, len(facts.samples), 0 if known else None, cut)


def cells(facts: Facts) -> list[Cell]:
    """The table for people: endpoint by version over the whole run."""
    groups = _grouped(counted(facts), lambda sample: (sample.endpoint, sample.version))
    order = {version: index for index, version in enumerate(facts.timeline.versions)}
    return [
        Cell(key[0], key[1], len(group), failed(group), _inside(facts, group), percentile(_latencies(group), 0.95))
        for key, group in sorted(groups.items(), key=lambda item: (item[0][0], order.get(item[0][1], len(order)), item[0]))
    ]


def counted(facts: Facts) -> list[Sample]:
    """All samples but those cut by the end of the run, which are neither success nor failure."""
    return [sample for sample in facts.samples if sample.kind != "cut"]


def failed(group: Sequence[Sample]) -> int:
    """How many of the samples failed."""
    return sum(is_failure(sample.kind) for sample in group)


def _inside(facts: Facts, group: Sequence[Sample]) -> int:
    return sum(answered(sample) and inside(sample, facts.overlap) for sample in group)


def _latencies(group: Sequence[Sample]) -> list[float]:
    """Latencies of the answers in ms, in order."""
    return sorted(round(sample.latency * 1000, 3) for sample in group if answered(sample))


def _grouped(samples: Sequence[Sample], key: Callable[[Sample], tuple[str, ...]]) -> Groups:
    groups: Groups = defaultdict(list)
    for sample in samples:
        groups[key(sample)].append(sample)
    return dict(sorted(groups.items()))
