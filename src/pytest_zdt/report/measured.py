"""The parts of the page that tell how it was measured: the generator's health, the run's settings and marks, how to repeat it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_zdt.evidence.marks import CONTROL, ENDED, FAILED, POLLED, Mark
from pytest_zdt.report.markup import Html, html, long_table, row, table, tag
from pytest_zdt.report.repeat import command
from pytest_zdt.report.sections import figure, seconds
from pytest_zdt.verdict.model import Verdict

REPEATED: Final = "Beside this report it wants another --zdt-report, or --zdt-overwrite."
OF_END: Final = ("stopped_by", "interrupted")
"""What the mark of the run's end tells people; the rest of it is for the requirement ``load``."""
UNTOLD: Final = frozenset({FAILED, POLLED, CONTROL})
"""Marks that are not listed: there may be thousands, and the rest of the page tells of them."""


def generator(verdict: Verdict) -> Html:
    """The load generator's own health."""
    one = verdict.generator
    cpu = "-" if one.cpu_share is None else f"{one.cpu_share:.0%} of a core"
    counts = {"samples": one.samples, "lost samples": one.lost_samples, "cut by the end of the run": one.cut_at_deadline}
    counts |= {"iterations not started in time": one.unsent_iterations, "probes not sent": one.unsent_probes}
    counts |= {"open files, most": one.files_max, "local ports left, least": one.ports_min}
    shown = {
        "scheduling lag, p99 of the worst phase": figure(one.lag_p99_ms),
        "scheduling lag, longest": figure(one.lag_max_ms),
        "CPU of the busiest worker, worst phase": cpu,
        "garbage collection, longest pause": figure(one.gc_max_ms),
        **{name: "-" if count is None else f"{count:,}" for name, count in counts.items()},
    }
    return table(
        "The load generator itself", ("figure", "value"), [row(name, value) for name, value in shown.items()], wide=False
    )


def about(run: Mapping[str, Any], verdict: Verdict, marks: Sequence[Mark], output: str) -> Html:
    """How the run was made, what happened in it, how to repeat it, and what its deployment printed."""
    again = command(run)
    return html(
        tag("h3", "Repeat it"),
        [tag("pre", tag("code", again), tabindex="0"), tag("p", REPEATED)] if again else tag("p", _joined(run)),
        tag("h3", "Settings"),
        table("Settings of the run", ("setting", "value"), list(_settings(run, verdict)), wide=False),
        tag("h3", "Marks"),
        long_table("What happened when", ("time", "mark", "data"), told(marks), _mark, "marks.ndjson"),
        [
            tag("h3", "The end of what the deploy command printed"),
            tag("pre", [(line, Html("\n")) for line in output.splitlines()], tabindex="0"),
        ]
        if output
        else None,
    )


def _joined(run: Mapping[str, Any]) -> str:
    """How to repeat a run that several commands made."""
    shards = ", ".join(map(str, run["shards"]))
    return f"Several commands made this run: repeat {shards} beside one another, each as its own page says, and join them again."


def _settings(run: Mapping[str, Any], verdict: Verdict) -> Iterator[Html]:
    tools = run["tool"] if isinstance(run.get("tool"), list) else [run.get("tool") or {}]  # of a joined run, where they differ
    tool = "; ".join(", ".join(f"{name} {version}" for name, version in one.items()) for one in tools)
    shown = {
        "run": run.get("id"),
        "joined from": ", ".join(verdict.run["shards"]),
        **{
            name.replace("_", " "): run.get(name)
            for name in ("executor", "workers", "pace_s", "probe_every_s", "seed", "transport")
        },
        **{name.replace("_", " "): run.get(name) for name in ("signing", "version_source", "deploy")},
        "connections": ", ".join(map(str, run.get("lanes") or ())),
        "made with": tool,
    }
    yield from (row(name, str(value)) for name, value in shown.items() if value not in (None, ""))


def told(marks: Sequence[Mark]) -> list[Mark]:
    """The marks that are worth telling one by one."""
    return [mark for mark in marks if mark.name not in UNTOLD]


def _mark(mark: Mark) -> Html:
    told = {key: value for key, value in mark.data.items() if key in OF_END} if mark.name == ENDED else mark.data
    data = ", ".join(f"{key.replace('_', ' ')}: {_plain(value)}" for key, value in told.items() if key != "stack")
    return row(seconds(mark.at), mark.name, data)


def _plain(value: object) -> str:
    """A value of a mark, as nobody needs to know Python to read it."""
    return value if isinstance(value, str) else json.dumps(value)
