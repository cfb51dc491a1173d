"""The requirement ``load``: what was planned was really driven, to its end, and all of it is in the evidence."""

from __future__ import annotations

from itertools import pairwise

from pytest_zdt.evidence.marks import ENDED
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, Outcome
from pytest_zdt.verdict.phases import times

LEAST_DRIVEN = 0.95
SILENCE = 5.0
"""Seconds without a request that are too many, in a load that sends several times in them."""
GAPS = 20
"""So many times the mean time between two requests is a silence too."""
MOST_CUT = 0.01
"""Share of the requests that the end of the run may cut; one for each virtual user is allowed anyway."""


def load(facts: Facts) -> Outcome:
    """Planned time of the virtual users was driven, every one sent, no sample was lost, and the run came to its end."""
    reason, detail = _stopped(facts) or _thin(facts) or _incomplete(facts) or ("", "")
    if reason:
        return INCONCLUSIVE, reason, detail
    requests, driven = recorded(facts), _driven(facts)
    return VERIFIED, "", f"{requests} requests by {facts.run.get('vus')} virtual users, {driven:.0%} of the planned time."


def _stopped(facts: Facts) -> tuple[str, str] | None:
    ended, shards = facts.marked(ENDED), facts.run.get("shards") or []
    open_ = [str(shard) for shard in shards if shard not in {mark.data.get("shard") for mark in ended}]
    if not ended or open_:
        which = f" of {' and '.join(open_)}" if open_ else ""
        return "run-not-ended", f"The run has no end mark{which}: it was killed, or it is still under way."
    if any(mark.data.get("interrupted") for mark in ended):
        return "interrupted", f"The run was interrupted after {facts.timeline.end:.1f} s."
    if facts.marked("abort"):
        return "aborted", f"The run was stopped early, at {facts.marked('abort')[0].at:.1f} s."
    return None


def _thin(facts: Facts) -> tuple[str, str] | None:
    if not facts.series:
        return "no-samples", "Not one request was recorded."
    if lost := facts.marked("worker-lost"):
        return "worker-lost", f"Lost workers, and with them samples: {', '.join(str(mark.data.get('worker')) for mark in lost)}."
    if silent := sorted(vu for mark in facts.marked(ENDED) for vu in _numbers(mark.data.get("silent_vus"))):
        return "silent-vus", f"{len(silent)} virtual users sent nothing: {', '.join(map(str, silent))}."
    if hung := sorted(vu for mark in facts.marked(ENDED) for vu in _numbers(mark.data.get("hung_vus"))):
        return "hung-vus", f"{len(hung)} virtual users hung in a test: {', '.join(map(str, hung))}."
    seen, planned = len(set().union(*(one.vu for one in facts.series))), int(_number(facts.run.get("vus")))
    if not planned:
        return "vus-unknown", "The run does not tell how many virtual users were planned."
    if seen < planned:
        return "silent-vus", f"{planned} virtual users were planned, the evidence has samples of {seen}."
    if not _driven(facts) >= LEAST_DRIVEN:
        share = f"{_driven(facts):.0%} of the virtual users' planned time was driven"
        return "vu-time-missing", f"{share}; {LEAST_DRIVEN:.0%} are needed."
    return _silent(facts) or _cut(facts)


def _silent(facts: Facts) -> tuple[str, str] | None:
    """Unsent work shows as missing, not as success: in a closed loop nobody sends while all wait."""
    sent = [0.0, *times(facts.series), facts.timeline.end]
    longest, at = max((after - before, before) for before, after in pairwise(sent))
    if longest <= max(SILENCE, GAPS * facts.timeline.end / len(sent)):
        return None
    return "silence", f"Nothing was sent for {longest:.1f} s from {at:.1f} s on: what the API did then is unknown."


def _cut(facts: Facts) -> tuple[str, str] | None:
    cut = sum(len(one) for one in facts.series if not one.labels.counted)
    if cut <= max(_number(facts.run.get("vus")), MOST_CUT * recorded(facts)):
        return None
    return "cut-requests", f"{cut} of {recorded(facts)} requests were cut before they had an answer."


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
    """How many samples are in the evidence, cut ones too."""
    return sum(map(len, facts.series))


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


def _numbers(value: object) -> list[int]:
    return [int(item) for item in value] if isinstance(value, list | tuple) else []
