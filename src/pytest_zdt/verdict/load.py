"""The requirement ``load``: what was planned was really driven, to its end, and all of it is in the evidence."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from pytest_zdt.evidence.marks import ENDED, HUNG
from pytest_zdt.evidence.ramp import driven
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, Outcome
from pytest_zdt.verdict.phases import times
from pytest_zdt.verdict.plan import on_schedule, planned_ramp, planned_vus, told, users
from pytest_zdt.verdict.words import counted, listed

LEAST_DRIVEN = 0.95
MOST_DRIVEN = 1.05
"""Beyond that share of the planned time, and half a second for each virtual user to end, some of them were driven twice."""
SILENCE = 5.0
"""Seconds without a request that are too many, in a load that sends several times in them."""
GAPS = 20
"""So many times the mean time between two requests is a silence too."""
MOST_CUT = 0.01
"""Share of the requests that the end of the run may cut; one for each virtual user is allowed anyway."""


def load(facts: Facts) -> Outcome:
    """Planned time of the virtual users was driven, every one sent, no sample was lost, and the run came to its end.

    Where iterations start at a rate, so many of them were started; a virtual user may have had no turn. Probes drive no load.
    """
    reason, detail = _stopped(facts) or _thin(facts) or _incomplete(facts) or ("", "")
    if reason:
        return INCONCLUSIVE, reason, detail
    probes = recorded(facts) - _sent(facts)
    requests = f"{_sent(facts)} requests by {users(facts)}{f' and {probes} probes' if probes else ''}"
    return VERIFIED, "", f"{requests}, {_iterations(facts)}{_driven(facts):.0%} of the planned time."


def _stopped(facts: Facts) -> tuple[str, str] | None:
    ended, shards = facts.marked(ENDED), facts.run.get("shards") or []
    open_ = [str(shard) for shard in shards if shard not in {mark.data.get("shard") for mark in ended}]
    if not ended or open_:
        which = f" of {' and '.join(open_)}" if open_ else ""
        return "run-not-ended", f"The run has no end mark{which}: it was killed, or it is still under way."
    if any(mark.data.get("interrupted") for mark in ended):
        return "interrupted", f"The run was interrupted after {facts.timeline.end:.1f} s."
    if facts.marked("abort"):
        mark = facts.marked("abort")[0]
        why = f": {mark.data['reason']}" if mark.data.get("reason") else ""
        return "aborted", f"The run was stopped early, at {mark.at:.1f} s{why}."
    return None


def _thin(facts: Facts) -> tuple[str, str] | None:
    if not facts.of_vus:
        return "no-samples", "Not one request was recorded." if not facts.series else "No virtual user sent a request."
    if lost := facts.marked("worker-lost"):
        return "worker-lost", f"Lost workers, and with them samples: {', '.join(str(mark.data.get('worker')) for mark in lost)}."
    idle = None if on_schedule(facts) else _idle(facts)
    if missing := idle or _hung(facts) or (_unsent(facts) if on_schedule(facts) else _unseen(facts)):
        return missing
    if not _driven(facts) >= LEAST_DRIVEN:
        share = f"{_driven(facts):.0%} of the virtual users' planned time was driven"
        return "vu-time-missing", f"{share}; {LEAST_DRIVEN:.0%} are needed."
    return _twice(facts) or _silent(facts) or _cut(facts) or _unrun(facts)


def _twice(facts: Facts) -> tuple[str, str] | None:
    driven, planned = (sum(_number(mark.data.get(name)) for mark in facts.marked(ENDED)) for name in ("driven_s", "planned_vu_s"))
    if driven <= MOST_DRIVEN * planned + 0.5 * _number(facts.run.get("vus")):
        return None
    return "vu-time-doubled", f"{driven / planned:.0%} of the virtual users' planned time was driven: some were driven twice."


def _idle(facts: Facts) -> tuple[str, str] | None:
    """Virtual users of which the run itself tells that they sent nothing."""
    if silent := _listed(facts, "silent_vus"):
        return "silent-vus", f"{len(silent)} virtual users sent nothing: {', '.join(map(str, silent))}."
    return None


def _hung(facts: Facts) -> tuple[str, str] | None:
    """Virtual users that never came back from a test, and from which, where a mark tells."""
    tests = {str(mark.data.get("vu")): str(mark.data.get("test") or "") for mark in facts.marked(HUNG)}
    found: dict[str, list[str]] = defaultdict(list)
    for vu in map(str, _listed(facts, "hung_vus")):
        found[tests.get(vu, "")].append(vu)
    if not found:
        return None
    where = [f"{', '.join(vus)}{f' in {test}' if test else ''}" for test, vus in sorted(found.items())]
    return "hung-vus", f"{sum(map(len, found.values()))} virtual users hung in a test: {'; '.join(where)}."


def _unseen(facts: Facts) -> tuple[str, str] | None:
    """Virtual users that had their time to start, and have no samples."""
    seen, planned = len(set().union(*(one.vu for one in facts.of_vus))), planned_vus(facts)
    if not planned:
        return "vus-unknown", "The run does not tell how many virtual users were planned."
    if seen < planned:
        return "silent-vus", f"{planned} virtual users were planned, the evidence has samples of {seen}."
    return None


def _unsent(facts: Facts) -> tuple[str, str] | None:
    """Iterations whose time came and that no virtual user was free to start: what was not sent saw nothing."""
    planned, unsent = told(facts, "planned_iterations"), told(facts, "unsent_iterations")
    if not planned or unsent is None:
        return "iterations-unknown", "The run does not tell how many iterations were planned, and how many were not started."
    if 1 - unsent / planned >= LEAST_DRIVEN:
        return None
    missed = f"{unsent} of {planned} iterations ({unsent / planned:.1%}) were not started: no virtual user was free in time"
    vus = f"{facts.run.get('vus')} were there"
    return "iterations-unsent", f"{missed} ({vus}); {LEAST_DRIVEN:.0%} must start: use more virtual users, or a lower rate."


def _iterations(facts: Facts) -> str:
    """How many iterations started on schedule, in words; empty where none had to."""
    planned, unsent = told(facts, "planned_iterations"), told(facts, "unsent_iterations")
    if not on_schedule(facts) or planned is None or unsent is None:
        return ""
    rate = facts.run.get("rate")
    pace = f" at {rate:g}/s" if isinstance(rate, int | float) else ""
    return f"{planned - unsent} of {planned} iterations ({1 - unsent / planned:.1%}) started on schedule{pace}, "


def _silent(facts: Facts) -> tuple[str, str] | None:
    """Unsent work shows as missing, not as success: in a closed loop nobody sends while all wait.

    The virtual users' silence: probes go on through it. Where a ramp planned fewer of them, it may be longer; where it planned
    none, silence is no gap.
    """
    sent, ramp = [0.0, *times(facts.of_vus), facts.timeline.end], planned_ramp(facts)
    most = GAPS * driven(ramp, 0.0, facts.timeline.end)[1] / len(sent)
    gaps = [(after - before, before, driven(ramp, before, after))
            for before, after in pairwise(sent) if after - before > SILENCE]  # fmt: skip
    longest, at, _ = max((gap for gap in gaps if gap[2][0] > SILENCE and gap[2][1] > most), default=(0.0, 0.0, None))
    if not longest:
        return None
    what = "No virtual user sent anything" if facts.probed else "Nothing was sent"
    return "silence", f"{what} for {longest:.1f} s from {at:.1f} s on: what the API did then is unknown."


def _cut(facts: Facts) -> tuple[str, str] | None:
    """Of virtual users: a probe that was cut is in no figure, and claims nothing."""
    cut = sum(len(one) for one in facts.of_vus if not one.labels.counted)
    if cut <= max(_number(facts.run.get("vus")), MOST_CUT * _sent(facts)):
        return None
    return "cut-requests", f"{cut} of {_sent(facts)} requests were cut before they had an answer."


def _unrun(facts: Facts) -> tuple[str, str] | None:
    """Tests that were collected and not run, by no machine of several: what they would have seen is unknown."""
    lists = [mark.data.get("unrun_tests") for mark in facts.marked(ENDED)]
    sets = [set(map(str, one)) if isinstance(one, list) else set() for one in lists]
    never = sorted(set.intersection(*sets)) if sets else []
    if not never:
        return None
    which = f"{counted(never, 'test')} never had a turn: {listed(never)}"
    return "tests-not-run", f"{which}. Drive longer, with more virtual users, a shorter pace or smaller weights."


def _incomplete(facts: Facts) -> tuple[str, str] | None:
    """What the end marks say of the evidence, against what is there."""
    if facts.torn_lines:
        torn = "1 line of the evidence is" if facts.torn_lines == 1 else f"{facts.torn_lines} lines of the evidence are"
        return "torn-lines", f"{torn} torn: samples, health or marks are missing."
    others = sum(mark.name != ENDED for mark in facts.marks)
    found = {"samples": recorded(facts), "health": len(facts.health), "marks": others}
    for name, number in found.items():
        said = [mark.data.get(name) for mark in facts.marked(ENDED)]
        if not all(isinstance(one, int) for one in said):
            return "evidence-uncounted", f"The run's end does not tell how many {name} there are, so none can be missed."
        written = sum(one for one in said if isinstance(one, int))
        if len(said) > max(1, len(facts.run.get("shards") or ())):
            return "evidence-doubled", "The run ends more often than once: its evidence is doubled."
        if written != number:
            what = "missing" if number < written else "doubled"
            return f"evidence-{what}", f"{number} {name} are in the evidence, {written} were recorded: some are {what}."
    return None


def recorded(facts: Facts) -> int:
    """How many samples are in the evidence, probes and cut ones too."""
    return sum(map(len, facts.series))


def _sent(facts: Facts) -> int:
    """How many of them are of virtual users."""
    return sum(map(len, facts.of_vus))


def lost(facts: Facts) -> int | None:
    """How many samples were recorded and are not in the evidence; None where that is unknown."""
    said = [mark.data.get("samples") for mark in facts.marked(ENDED)]
    if facts.torn_lines or facts.marked("worker-lost") or not said or not all(isinstance(one, int) for one in said):
        return None
    return sum(one for one in said if isinstance(one, int)) - recorded(facts)


def _driven(facts: Facts) -> float:
    """Share of the planned time of all virtual users that was really driven; 0 when the run does not tell."""
    ended = facts.marked(ENDED)
    driven, planned = (sum(_number(mark.data.get(name)) for mark in ended) for name in ("driven_s", "planned_vu_s"))
    return driven / planned if planned > 0 else 0.0


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _listed(facts: Facts, name: str) -> list[int]:
    """The numbers of virtual users that the run's end lists, in order."""
    lists = [mark.data.get(name) for mark in facts.marked(ENDED)]
    return sorted(int(vu) for one in lists if isinstance(one, list | tuple) for vu in one)
