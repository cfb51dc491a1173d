"""The requirements of a verdict as test cases, with their figures: nothing is counted that is not in ``verdict.json``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED, Verdict

Outcome = Literal["passed", "failed", "error", "skipped"]
OUTCOMES: Final[dict[str, Outcome]] = {VERIFIED: "passed", VIOLATED: "failed", INCONCLUSIVE: "error"}
"""Status of a requirement -> outcome of its test case: what is not proven is no success, and not left out either."""
Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A requirement as a test case; ``text`` is empty for one that passed."""

    name: str
    outcome: Outcome
    text: str
    properties: list[tuple[str, str]]


def cases(verdict: Verdict, *, impact: bool) -> list[Case]:
    """A case for each requirement. Unless ``impact`` is required, it only withholds a level, so it is skipped, not an error."""
    content = verdict.as_dict()
    return [_case(content, one, impact or one["name"] != "impact") for one in content["requirements"]]


def _case(content: Content, one: Mapping[str, str], counts: bool) -> Case:
    outcome = OUTCOMES[one["status"]]
    figures = {"status": one["status"], "reason": one["reason"] or None, **FIGURES[one["name"]](content)}
    properties = [(f"zdt_{name}", _written(value)) for name, value in figures.items() if value is not None]
    text = "" if outcome == "passed" else f"{one['status']}: {one['reason']}: {one['detail']}"
    return Case(one["name"], outcome if counts or outcome == "passed" else "skipped", text, properties)


def _written(value: object) -> str:
    """As it stands in ``verdict.json``."""
    return value if isinstance(value, str) else json.dumps(value)


def _load(content: Content) -> Content:
    run, generator = content["run"], content["generator"]
    figures = {"requests": generator["samples"], "lost_samples": generator["lost_samples"]}
    figures["unsent_iterations"] = generator["unsent_iterations"]
    return figures | {name: run[name] for name in ("vus", "duration_s", "planned_s", "interrupted")}


def _generator(content: Content) -> Content:
    names = ("lag_p99_ms", "lag_max_ms", "cpu_share", "gc_max_ms", "files_max", "ports_min", "cut_at_deadline")
    return {name: content["generator"][name] for name in names}


def _phase(name: str) -> Callable[[Content], Content]:
    """Of each phase of that name; there is one for each change of version."""

    def figures(content: Content) -> Content:
        found = [one for one in content["phases"] if one["name"] == name]
        return {key: _listed(one[key] for one in found) for key in ("start_s", "end_s", "requests", "failures")}

    return figures


def _versions(content: Content) -> Content:
    return {"versions": _listed(one["id"] for one in content["versions"])}


def _overlap(content: Content) -> Content:
    found = [one["overlap"] for one in content["changes"] if one["overlap"]]
    answers = (f"{version}: {number}" for one in found for version, number in one["requests"].items())
    return {key: _listed(one[key] for one in found) for key in ("start_s", "end_s", "alternations")} | {
        "answers": _listed(answers)
    }


def _coverage(content: Content) -> Content:
    return {"endpoints": len({one["endpoint"] for one in content["endpoints"]})}


def _flows(content: Content) -> Content:
    pairs = (f"{one['flow']} {one['made_by']} -> {one['used_on']}" for one in content["flows"])
    uses = zip(pairs, content["flows"], strict=True)
    return {"uses": _listed(f"{pair}: {one['requests']} ({one['failures']} failed)" for pair, one in uses)}


def _failures(content: Content) -> Content:
    return {"requests": content["generator"]["samples"], "failures": sum(one["count"] for one in content["failures"])}


def _outage(content: Content) -> Content:
    longest = max(content["outages"], key=lambda one: (one["max_s"], one["min_s"]), default=None)
    figures = {"outages": len(content["outages"])}
    return figures | ({"longest_min_s": longest["min_s"], "longest_max_s": longest["max_s"]} if longest else {})


def _latency(content: Content) -> Content:
    found = [one["max_ms"] for one in content["endpoints"] if one["max_ms"] is not None]
    return {"max_ms": max(found, default=None)}


def _impact(content: Content) -> Content:
    return {"endpoints": len(content["impact"]), "slower": sum(one["slower"] for one in content["impact"])}


FIGURES: Final[dict[str, Callable[[Content], Content]]] = {
    "load": _load,
    "generator": _generator,
    "head": _phase("head"),
    "version-change": _versions,
    "overlap": _overlap,
    "coverage": _coverage,
    "flows": _flows,
    "failures": _failures,
    "outage": _outage,
    "latency": _latency,
    "tail": _phase("tail"),
    "impact": _impact,
}
"""The figures that a requirement rests on, by its name."""


def _listed(values: Any) -> str | None:
    """The values, parted by commas; None without any."""
    return ", ".join(map(str, values)) or None
