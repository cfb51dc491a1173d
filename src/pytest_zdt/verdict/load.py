"""The requirement ``load``: what was planned was really driven, to its end."""

from __future__ import annotations

from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED

LEAST_DRIVEN = 0.95


def load(facts: Facts) -> tuple[str, str, str]:
    """Planned time of the virtual users was driven, every one sent, no worker was lost, and the run came to its end."""
    reason, detail = _stopped(facts) or _thin(facts) or ("", "")
    if reason:
        return INCONCLUSIVE, reason, detail
    return (
        VERIFIED,
        "",
        f"{len(facts.samples)} requests by {facts.run.get('vus')} virtual users, {_driven(facts):.0%} of the planned time.",
    )


def _stopped(facts: Facts) -> tuple[str, str] | None:
    ended = facts.marked("run-ended")
    if not ended:
        return "run-not-ended", "The run has no end mark: it was killed, or it is still under way."
    if any(mark.data.get("interrupted") for mark in ended):
        return "interrupted", f"The run was interrupted after {facts.timeline.end:.1f} s."
    if facts.marked("abort"):
        return "aborted", f"The run was stopped early, at {facts.marked('abort')[0].at:.1f} s."
    return None


def _thin(facts: Facts) -> tuple[str, str] | None:
    if not facts.samples:
        return "no-samples", "Not one request was recorded."
    if lost := facts.marked("worker-lost"):
        return "worker-lost", f"Lost workers, and with them samples: {', '.join(str(mark.data.get('worker')) for mark in lost)}."
    if silent := sorted(vu for mark in facts.marked("run-ended") for vu in _numbers(mark.data.get("silent_vus"))):
        return "silent-vus", f"{len(silent)} virtual users sent nothing: {', '.join(map(str, silent))}."
    if not _driven(facts) >= LEAST_DRIVEN:
        return (
            "vu-time-missing",
            f"{_driven(facts):.0%} of the virtual users' planned time was driven; {LEAST_DRIVEN:.0%} are needed.",
        )
    if facts.torn_lines:
        return "torn-lines", f"{facts.torn_lines} lines of the evidence are torn: samples are missing."
    return None


def _driven(facts: Facts) -> float:
    """Share of the planned time of all virtual users that was really driven; 0 when the run does not tell."""
    data = facts.marked("run-ended")[-1].data
    driven, planned = data.get("driven_s"), data.get("planned_vu_s")
    if not isinstance(driven, int | float) or not isinstance(planned, int | float) or planned <= 0:
        return 0.0
    return driven / planned


def _numbers(value: object) -> list[int]:
    return [int(item) for item in value] if isinstance(value, list | tuple) else []
