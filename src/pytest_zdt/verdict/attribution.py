"""What samples alone do not tell: their version where it was polled, and whose failures they are by what else was seen then."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.kinds import CLIENT, EDGE, NETWORK
from pytest_zdt.evidence.marks import CONTROL, POLLED, Mark
from pytest_zdt.evidence.series import Labels, Series

CONNECTIONS = frozenset({"connect-refused", "connect-timeout", "tls", "reset"})
TIME_OUTS = frozenset({"connect-timeout", "read-timeout"})
AT_THAT_TIME = 1.5
"""Seconds between a failure and an answer of the control URL, which is asked once a second."""
FEW = 2
"""More answers of the control URL within one attempt, and more than it missed in it, say that the network was there."""
POLL_IS_GOOD = 3.0
"""Seconds for which a poll tells the version; the URL is asked once a second."""
MOST_STALLED = 0.5
"""Share of a wait that this machine may have stalled before the wait is its own doing."""
STALL = 50.0
"""Milliseconds; a shorter lag is no stall."""

Relabel = Callable[[Series, int], Labels]


def attribute(series: Sequence[Series], marks: Sequence[Mark], health: Sequence[Health], *, by_time: bool) -> list[Series]:
    """The series with the labels that all of the evidence gives; ``by_time``: versions were polled."""
    found = list(series)
    if by_time:
        found = _relabelled(found, _versions([mark for mark in marks if mark.name == POLLED]))
    failing = [one for one in found if one.labels.kind in CONNECTIONS | TIME_OUTS | {"dns"}]
    others = [one for one in found if one.labels.kind not in CONNECTIONS | TIME_OUTS | {"dns"}]
    blamed = _relabelled(failing, _blame([mark for mark in marks if mark.name == CONTROL], health))
    found = sorted([*others, *blamed], key=lambda one: one.labels)
    return found if by_time else _one_sided(found)  # nobody knows which version lacked it, where versions were polled


def _relabelled(series: Iterable[Series], relabel: Relabel) -> list[Series]:
    """The series cut by the labels that each row gets."""
    found: dict[Labels, Series] = {}
    for one in series:
        rows: dict[Labels, list[int]] = defaultdict(list)
        for row in range(len(one)):
            rows[relabel(one, row)].append(row)
        for labels, chosen in rows.items():
            found.setdefault(labels, Series(labels)).extend(one.part(chosen))
    return [one.in_order() for one in found.values()]


def _versions(polls: Sequence[Mark]) -> Relabel:
    """Each row gets the version that the last poll before its sending had seen, unless that was long ago."""
    times = [mark.at for mark in polls]

    def relabel(one: Series, row: int) -> Labels:
        at = bisect_right(times, one.sent[row])
        seen = at and one.sent[row] - times[at - 1] <= POLL_IS_GOOD
        return one.labels._replace(version=str(polls[at - 1].data.get("version", "")) if seen else "", named=False)

    return relabel


def _blame(checks: Sequence[Mark], health: Sequence[Health]) -> Relabel:
    """Whose failure it was that a name did not resolve, a connection did not come about or an answer did not come in time.

    Where the control URL, an unrelated host, failed at that very time, a connection is the network's failure and a name the
    client's; where it answered, a name is the edge's. In a long attempt most of its checks decide. A time-out is the client's
    while its own threads stalled.
    """
    failed, answered = ([mark.at for mark in checks if bool(mark.data.get("ok")) == ok] for ok in (False, True))
    own = stalled(health)

    def relabel(one: Series, row: int) -> Labels:
        sent, took, kind = one.sent[row], one.took[row], one.labels.kind
        if kind in TIME_OUTS and own(sent, took):
            return one.labels._replace(blame=CLIENT)
        down, up = (_count(times, sent, sent + took) for times in (failed, answered))
        if _between(failed, sent - AT_THAT_TIME, sent + took + AT_THAT_TIME) and not up > max(down, FEW):
            return one.labels._replace(blame=CLIENT if kind == "dns" else NETWORK if kind in CONNECTIONS else "")
        seen = kind == "dns" and _between(answered, sent - AT_THAT_TIME, sent + took + AT_THAT_TIME)
        return one.labels._replace(blame=EDGE) if seen else one.labels

    return relabel


def stalled(health: Sequence[Health]) -> Callable[[float, float], bool]:
    """Tells of a wait, by its begin and length in seconds, whether this machine itself may have stood still for most of it."""
    stalls = [(second.at, max(second.lags)) for second in health if second.lags and max(second.lags) >= STALL]
    ends = [at for at, _ in stalls]

    def own(sent: float, took: float) -> bool:
        near = stalls[bisect_left(ends, sent) : bisect_right(ends, sent + took + 1.0)]
        return any(lag >= MOST_STALLED * took * 1000 for _, lag in near)

    return own


def _count(times: Sequence[float], start: float, stop: float) -> int:
    return bisect_right(times, stop) - bisect_left(times, start)


def _between(times: Sequence[float], start: float, stop: float) -> bool:
    return _count(times, start, stop) > 0


def _one_sided(series: Sequence[Series]) -> list[Series]:
    """Names the kind of a 404 that failed a test on one version alone, of an endpoint that another version answers well."""
    good, missing = defaultdict(set), defaultdict(set)
    for labels in (one.labels for one in series):
        if labels.good:
            good[labels.endpoint].add(labels.version)
        elif _not_found(labels):
            missing[labels.endpoint].add(labels.version)
    sided = {endpoint for endpoint, versions in missing.items() if len(versions) == 1 and good[endpoint] - versions - {""}}
    return [
        replace(one, labels=one.labels._replace(kind="not-found-on-one-version"))
        if _not_found(one.labels) and one.labels.endpoint in sided
        else one
        for one in series
    ]


def _not_found(labels: Labels) -> bool:
    return labels.kind == "wrong-status" and labels.status == 404 and bool(labels.version)
