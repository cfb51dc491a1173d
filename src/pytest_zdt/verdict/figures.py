"""The figures of a verdict: counts and latencies by version, phase, endpoint and lane."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from operator import sub

from pytest_zdt.verdict.facts import Facts, count
from pytest_zdt.verdict.model import ChangeFigures, EndpointFigures, FailureGroup, Flow, Phase, Resolution, Version
from pytest_zdt.verdict.phases import HEAD, ROLLOUT, Part, times
from pytest_zdt.verdict.shown import Cell, Total, Waiting
from pytest_zdt.verdict.statistics import percentile

_PHASES = {"head": 0, "rollout": 1, "tail": 2}
Groups = dict[tuple[str, ...], list[Part]]


def versions(facts: Facts) -> list[Version]:
    """Every version that answered, the old one first."""
    groups = _grouped(facts, lambda part: (part.labels.version,))
    found = []
    for version in facts.timeline.versions:
        group = groups[(version,)]
        answered = [part.series.sent for part in group if part.labels.answered]
        first, last = min(sent[0] for sent in answered), max(sent[-1] for sent in answered)
        role = "old" if version == facts.timeline.old else "new"
        found.append(Version(version, role, first, last, count(group), failed(group)))
    return found


def changes(facts: Facts) -> list[ChangeFigures]:
    """Every change from one version to the next, with its overlap."""
    pairs = zip(facts.timeline.changes, facts.overlaps, strict=True)
    return [ChangeFigures(change.old, change.new, change.start, change.stop, span) for change, span in pairs]


def phases(facts: Facts) -> list[Phase]:
    """Each phase with its counts, in the order of time."""
    groups: dict[int, list[Part]] = defaultdict(list)
    for part in _counted(facts):
        groups[part.number].append(part)
    spans = enumerate(facts.timeline.spans())
    return [Phase(*span, count(groups[number]), failed(groups[number])) for number, span in spans]


def endpoints(facts: Facts) -> list[EndpointFigures]:
    """Figures by endpoint, phase, version and lane. The latencies are to the first byte of an answer, good or bad."""
    groups = _grouped(facts, lambda part: (part.labels.endpoint, part.phase, part.labels.version, part.labels.lane))
    order = sorted(groups, key=lambda key: (key[0], _PHASES[key[1]], key[2:]))
    return [_endpoint(key, groups[key]) for key in order]


def _endpoint(key: tuple[str, ...], group: list[Part]) -> EndpointFigures:
    endpoint, phase, version, lane = key
    ordered = latencies(group)
    p50, p95, p99, longest = (percentile(ordered, share) for share in (0.5, 0.95, 0.99, 1.0))
    return EndpointFigures(endpoint, phase, version, lane, count(group), failed(group), p50, p95, p99, longest)


def flows(facts: Facts) -> list[Flow]:
    """Uses of a value of each flow, by the version that made it and the one that got it."""
    groups = _grouped(facts, lambda part: (part.labels.flow, part.labels.made_by, part.labels.version))
    return [Flow(key[0], key[1], key[2], count(group), failed(group)) for key, group in groups.items() if key[0]]


def failure_groups(facts: Facts) -> list[FailureGroup]:
    """Failures by kind, endpoint, version and phase, the earliest first."""
    groups = _grouped(
        facts,
        lambda part: (*part.labels[:3], part.phase, part.labels.guilt) if part.labels.failed else (),
    )
    groups.pop((), None)
    return sorted((_failure_group(key, group) for key, group in groups.items()), key=lambda item: item.first_s)


def _failure_group(key: tuple[str, ...], group: list[Part]) -> FailureGroup:
    endpoint, kind, version, phase, guilt = key
    first, request_id, message = min((part.series.sent[0], *part.series.story(0)) for part in group)
    last = max(part.series.sent[-1] for part in group)
    example = {"request_id": request_id, "message": message}
    return FailureGroup(kind, guilt, endpoint, version, phase, count(group), first, last, example)


def resolution(facts: Facts) -> list[Resolution]:
    """What could have been missed, by endpoint and phase.

    ``max_gap_s`` is the longest time in the phase without any request to the endpoint, from virtual users or probes, so an outage
    that is longer was met. Where there were probes, it is about their cadence, however long virtual users waited; requests
    between two probes make it shorter. The gaps from a phase's start to its first request and from the last to its end count too:
    an outage fits there as well. What was cut and probes that were refused tell nothing, and are no requests here.
    """
    groups: dict[tuple[str, int], list[Part]] = defaultdict(list)
    for part in facts.parts:
        if part.labels.telling:
            groups[part.labels.endpoint, part.number].append(part)
    found = []
    for endpoint in sorted({endpoint for endpoint, _ in groups}):
        for number, (phase, start, stop) in enumerate(facts.timeline.spans()):
            group = groups[endpoint, number]
            sent = [start, *times(part.series for part in group), stop]
            gap = max(0.0, max(map(sub, sent[1:], sent)))
            rate = None if failed(group) or not group else min(1.0, 3 / count(group))
            probes = count(part for part in group if part.labels.probe)
            found.append(Resolution(endpoint, phase, gap, rate, probes))
    return found


def cells(facts: Facts) -> list[Cell]:
    """The table for people: endpoint by version over the whole run."""
    groups = _grouped(facts, lambda part: (part.labels.endpoint, part.labels.version))
    order = {version: index for index, version in enumerate(facts.timeline.versions)}
    return [
        Cell(key[0], key[1], count(group), failed(group), _inside(facts, group), percentile(latencies(_of_vus(group)), 0.95))
        for key, group in sorted(groups.items(), key=lambda item: (item[0][0], order.get(item[0][1], len(order)), item[0]))
    ]


def totals(facts: Facts) -> list[Total]:
    """Each endpoint over the whole run."""
    groups = _grouped(facts, lambda part: (part.labels.endpoint,))
    found = []
    for (endpoint,), group in groups.items():
        ordered = latencies(_of_vus(group))
        found.append(Total(endpoint, count(group), failed(group), *(percentile(ordered, share) for share in (0.5, 0.95, 0.99))))
    return found


def waiting(facts: Facts) -> Waiting | None:
    """What probes and virtual users waited in the rollouts, or in the head where there was none; None without probes there."""
    phase = ROLLOUT if any(name == ROLLOUT for name, _, _ in facts.timeline.spans()) else HEAD
    group = [part for part in facts.parts if part.phase == phase]
    probes = [part for part in group if part.labels.probe]
    if not probes:
        return None
    ordered = latencies(_of_vus(group)), latencies(probes)
    return Waiting(phase, *(percentile(one, share) for one in ordered for share in (0.5, 0.99)))


def failed(group: Iterable[Part]) -> int:
    """How many of the samples failed."""
    return count(part for part in group if part.labels.failed)


def latencies(group: Iterable[Part]) -> list[float]:
    """Latencies of the answers in ms, in order."""
    seconds = chain.from_iterable(part.series.latency for part in group if part.labels.answered)
    return [round(latency * 1000, 3) for latency in sorted(seconds)]


def _inside(facts: Facts, group: Iterable[Part]) -> int:
    spans = [(span.start_s, span.end_s) for span in facts.overlaps if span is not None]
    return sum(part.series.answers(*span) for span in spans for part in _of_vus(group))


def _of_vus(group: Iterable[Part]) -> list[Part]:
    return [part for part in group if not part.labels.probe]


def _counted(facts: Facts) -> Iterable[Part]:
    """All but those cut by the end of the run, which are neither success nor failure."""
    return (part for part in facts.parts if part.labels.counted)


def _grouped(facts: Facts, key: Callable[[Part], tuple[str, ...]]) -> Groups:
    groups: Groups = defaultdict(list)
    for part in _counted(facts):
        groups[key(part)].append(part)
    return dict(sorted(groups.items()))
