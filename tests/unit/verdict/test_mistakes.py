"""The mistakes of other tools that are about judging, one test for each.

Elsewhere, because they are not about judging: errors in bodies, hidden retries, settings that are misspelt, teardown after a
failed set-up, the size of the summary.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.report.terminal import render
from pytest_zdt.verdict.judge import judge

from .conftest import Story
from .shapes import keep, lengthen, outcome, statuses, where

Spoil = Callable[[Story], object]


def _empty(story: Story) -> None:
    story.samples = []


def _silent(story: Story) -> None:
    story.samples, story.health, story.marks = [], [], []


def _no_op(story: Story) -> None:
    story.change(version="v1")


def _stopped(story: Story) -> None:
    story.marks.append(Mark(30.0, "abort", {}))


def _interrupted(story: Story) -> None:
    story.mark(40.0, "run-ended", interrupted=True)


def _killed(story: Story) -> None:
    story.unmark("run-ended")


def _stalled(story: Story) -> None:
    story.health = [replace(one, lags=array("d", [400.0] * 2)) for one in story.health]


def _saturated(story: Story) -> None:
    story.health = [replace(one, cpu=1.0) for one in story.health]


def _starved(story: Story) -> None:
    story.break_(300, kind="local", status=0, version="")


def _lossy(story: Story) -> None:
    story.mark(40.0, "run-ended", samples=804)


def _broken(story: Story) -> None:
    story.break_(300)


def _slow(story: Story) -> None:
    story.require(p95=0.001)


def _sharp(story: Story) -> None:
    story.change(version=lambda item: "v1" if item.sent < 15 else "v2")


def _thin(story: Story) -> None:
    keep(story, lambda item: item.sent < 0.01)


UNPROVEN: list[Spoil] = [_empty, _silent, _no_op, _stopped, _interrupted, _killed, _stalled, _saturated, _starved, _lossy]
UNPROVEN += [_sharp, _thin]
ALL: list[Spoil] = [*UNPROVEN, _broken, _slow, lambda story: None]


@pytest.mark.parametrize("spoil", UNPROVEN)
def test_nothing_failed_and_nothing_is_proven(story: Story, spoil: Spoil) -> None:
    """Zero samples, a no-op, an early stop, a sick load generator, lost samples: inconclusive, exit status 10, no level."""
    spoil(story)
    verdict = judge(story.evidence)
    assert (verdict.verdict, verdict.level, verdict.exit_status) == ("inconclusive", None, 10)


@pytest.mark.parametrize("spoil", ALL)
def test_no_verdict_without_a_reason(story: Story, spoil: Spoil) -> None:
    """Whatever is not verified has a code and a sentence; what is verified has a sentence and no code."""
    spoil(story)
    for one in judge(story.evidence).requirements:
        assert bool(one.reason) == (one.status != "verified"), one
        assert one.detail.strip(), one


@pytest.mark.parametrize("spoil", ALL)
def test_terminal_exit_status_and_json_agree(story: Story, spoil: Spoil) -> None:
    """One verdict, said three times."""
    spoil(story)
    verdict = judge(story.evidence)
    written = json.loads(json.dumps(verdict.as_dict(), allow_nan=False))
    lines = [text for text, _ in render(verdict)]
    assert lines[0].startswith(f"{written['verdict'].upper()}: ")
    assert {"verified": 0, "violated": 1, "inconclusive": 10}[written["verdict"]] == verdict.exit_status
    for one in written["requirements"]:
        assert sum(line.split()[:2] == [one["status"], one["name"]] for line in lines) == 1
    worst = [one["status"] for one in written["requirements"] if one["name"] != "impact"]
    assert written["verdict"] == (
        "violated" if "violated" in worst else "inconclusive" if "inconclusive" in worst else "verified"
    )


@pytest.mark.parametrize("spoil", [_empty, _silent, _thin])
def test_no_empty_page_for_a_short_run(story: Story, spoil: Spoil) -> None:
    """Nothing or one answer: every requirement is still told."""
    spoil(story)
    text = "\n".join(line for line, _ in render(judge(story.evidence)))
    assert all(name in text for name in ("load", "overlap", "coverage", "flows", "tail"))


def test_a_cut_request_is_no_answer(story: Story) -> None:
    """It covers nothing and is no side of an overlap."""
    story.break_(*where(story, lambda item: item.version == "v2" and item.sent < 20), kind="cut")
    assert statuses(story).keys() >= {"overlap", "coverage", "flows"}


def test_a_target_that_hangs_until_the_end(story: Story) -> None:
    """The last request of every virtual user got no answer for ten seconds, and the end of the run cut it."""
    keep(story, lambda item: item.sent < 30)
    story.samples += [Sample(sent=30.0, took=10.0, endpoint="GET /a/", kind="cut", vu=vu, lane="new") for vu in range(4)]
    assert judge(story.evidence).verdict == "inconclusive"


@pytest.mark.parametrize(
    "start, stop",
    [
        pytest.param(21, 38, id="tail"),
        pytest.param(12, 19, id="rollout"),
        pytest.param(30, 41, id="end"),
    ],
)
def test_nothing_was_sent_for_a_while(story: Story, start: float, stop: float) -> None:
    """Of seventeen, seven or ten seconds nothing is known: unsent work shows as missing, not as success."""
    keep(story, lambda item: not start < item.sent < stop).require(pair_uses=1, overlap_answers=5, endpoint_answers=1)
    assert judge(story.evidence).verdict == "inconclusive"


def test_virtual_users_that_hung(story: Story) -> None:
    """They drove nothing from some time on, as the end mark tells."""
    assert outcome(story.mark(40.0, "run-ended", hung_vus=[1, 2]), "load")[0] == "inconclusive"


@pytest.mark.parametrize("part", ["samples", "health"])
def test_doubled_evidence(story: Story, part: str) -> None:
    """The same lines twice are not twice the proof."""
    counts = {"samples": len(story.samples), "health": len(story.health)}
    setattr(story, part, getattr(story, part) * 2)
    assert outcome(story.mark(40.0, "run-ended", **counts), "load") == ("inconclusive", "evidence-doubled")


def test_a_doubled_run(story: Story) -> None:
    """The same run twice, end mark and all: it is one run, so the figures are not those of two."""
    story.mark(40.0, "run-ended", samples=800, health=40, marks=2)
    story.samples, story.health, story.marks = story.samples * 2, story.health * 2, story.marks * 2
    assert judge(story.evidence).verdict == "inconclusive"


@pytest.mark.parametrize("every", [10, 50])
def test_a_wide_tolerance(story: Story, every: int) -> None:
    """A budget of 15 % does not excuse a deployment that broke a tenth of the rollout's requests and none before."""
    story.require(max_failures="15%").break_(*range(200, 400, every))
    assert outcome(story, "failures") == ("violated" if every == 10 else "verified", "worse-than-head" if every == 10 else "")


def test_a_wide_tolerance_in_a_long_run(story: Story) -> None:
    """An hour of a good tail does not drown a tenth of the rollout."""
    story = lengthen(story, 1200).require(max_failures="15%").break_(*range(200, 400, 11))
    assert judge(story.evidence).verdict == "violated"


def test_a_slow_burst_in_an_hour(story: Story) -> None:
    """Three slow seconds in an hour: 0.08 % of the answers break the p95 of their ten seconds, and not that of the run."""
    keep(story, lambda item: item.sent < 20 or item.endpoint == "GET /b/")
    lengthen(story, 3560).change(latency=lambda item: 2.0 if 1800 <= item.sent < 1803 else 0.01).require(p95=1.0)
    assert outcome(story, "latency") == ("violated", "too-slow")
    assert "p95 2000 ms" in story.requirement("latency").detail
    assert outcome(story.require(window=0.0), "latency") == ("verified", "")


@pytest.mark.parametrize("slow, status", [(0.01, "verified"), (2.0, "violated")])
def test_a_run_shorter_than_the_window(story: Story, slow: float, status: str) -> None:
    """Is one window."""
    story.change(latency=lambda item: slow if item.sent < 4 else 0.01).require(p95=1.0, window=60.0)
    assert story.requirement("latency").status == status


def test_a_limit_for_an_endpoint_that_is_not_there(story: Story) -> None:
    """A misspelt endpoint in the configuration is not a limit that held."""
    story.require(endpoints={"GET /aa/": {"p95": 0.001}})
    assert judge(story.evidence).verdict == "inconclusive"


@pytest.mark.parametrize("spoil", [_stalled, _saturated, _starved])
def test_a_saturated_generator_changes_the_verdict(story: Story, spoil: Spoil) -> None:
    """It is told, by name."""
    spoil(story)
    assert "generator" in statuses(story)
    assert "Missing: generator" in render(judge(story.evidence))[0][0]


def test_percentiles_of_nothing_are_null(story: Story) -> None:
    """No latency without an answer, and no NaN anywhere."""
    story.break_(*where(story, lambda item: item.endpoint == "GET /b/"), kind="connect-refused", status=0, version="", latency=0)
    text = json.dumps(judge(story.evidence).as_dict(), allow_nan=False)
    lines = [line for line in json.loads(text)["endpoints"] if line["endpoint"] == "GET /b/"]
    assert {(line["p50_ms"], line["p95_ms"], line["p99_ms"], line["max_ms"]) for line in lines} == {(None,) * 4}


def test_not_a_number_in_the_facts_of_the_run(story: Story) -> None:
    """What came into the evidence as NaN or infinity leaves as null."""
    story.run["planned_s"] = float("nan")
    story.health = [replace(one, cpu=float("inf")) for one in story.health]
    written = json.loads(json.dumps(judge(story.evidence).as_dict(), allow_nan=False))
    assert (written["run"]["planned_s"], written["generator"]["cpu_share"]) == (None, None)
