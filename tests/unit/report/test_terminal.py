"""The verdict on a terminal, as text."""

from __future__ import annotations

import pytest

from pytest_zdt.report.terminal import clean, render
from pytest_zdt.verdict.judge import judge

from ..verdict.conftest import Story

VERIFIED = """\
VERIFIED: zero-impact. v1 -> v2, 192 answers side by side in 9.6 s; no request failed.
  verified      load            800 requests by 4 virtual users, 100% of the planned time.
  verified      generator       Scheduling lag 1.0 ms (p99, worst phase; 50 ms allowed), 20% of a core in the busiest worker.
  verified      head            9.0 s on the old version (v1) alone.
  verified      version-change  v1 -> v2.
  verified      overlap         9.6 s side by side, answers: v1 96, v2 96; 23 changes from one to the other.
  verified      coverage        2 endpoints, each with 5 or more good answers by each version and on each lane.
  verified      flows           Values made by one version and used on the other: token v1 -> v2 48, token v2 -> v1 52.
  verified      failures        0 of 800 requests failed (allowed: 0).
  verified      outage          no outages (allowed: 0 s each).
  verified      latency         No limit was set.
  verified      tail            20.1 s on the new version (v2) alone.
  verified      impact          2 endpoints, none slower in the rollout than in the head.

  endpoint  version  requests  failed  in overlap  p95 ms
  GET /a/   v1            152       0          48    10.0
  GET /a/   v2            248       0          48    10.0
  GET /b/   v1            152       0          48    10.0
  GET /b/   v2            248       0          48    10.0

load: 800 requests by 4 VUs in 40.0 s (head 9.0 s, rollout 10.9 s, tail 20.1 s); a closed loop, slow answers thin it out; \
latencies are to the first byte
resolution in the rollout: an outage of up to 0.10 s could have been missed on GET /a/, and failures of up to 2.7% of the \
requests on GET /a/
report: zdt-report/report.html; evidence beside it: verdict.json, samples.ndjson, marks.ndjson, run.json"""


@pytest.fixture
def story() -> Story:
    """A run that is verified, to be spoilt."""
    return Story()


def text(story: Story) -> str:
    """The lines as one text."""
    return "\n".join(line for line, _ in render(judge(story.evidence), report_dir="zdt-report"))


def test_a_verified_run(story: Story) -> None:
    """The whole text: the verdict first, then what was verified, the table, the load and where the evidence lies."""
    assert text(story) == VERIFIED


def test_a_violated_run(story: Story) -> None:
    """Why comes right after the verdict; failures with an example and outages with their interval are listed."""
    story.break_(300, 302, message="503 Service Unavailable")
    lines = render(judge(story.evidence))
    assert lines[0][0].startswith("VIOLATED: failures (status-5xx), outage (outage). 2 of 800 requests failed. v1 -> v2")
    assert lines[0][1] == "red"
    assert lines[1][0].split()[:3] == ["violated", "failures", "status-5xx:"]
    shown = text(story)
    assert "  2 x status-5xx (app) on GET /a/ by v1, rollout, 15.0 to 15.1 s" in shown
    assert "e.g. 503 Service Unavailable, request id300" in shown
    assert "0.100 to 0.300 s from 15.0 s on GET /a/: 2 x status-5xx" in shown


def test_an_inconclusive_run(story: Story) -> None:
    """What is missing is named in the first line, with its reason code, and explained below."""
    lines = render(judge(story.require(tail=30.0).evidence))
    assert lines[0][0].startswith("INCONCLUSIVE: zero downtime is not proven.")
    assert "tail (tail-too-short)" in lines[0][0]
    assert lines[0][1] == lines[1][1] == "yellow"
    assert "30 s are required" in lines[1][0]


def test_a_run_without_samples(story: Story) -> None:
    """Nothing to show is shown as inconclusive, not as an error."""
    story.samples = []
    assert "load (no-samples)" in text(story).splitlines()[0]


def test_foreign_texts_cannot_steer_the_terminal(story: Story) -> None:
    """Control characters, bidirectional overrides and lone surrogates are left out."""
    story.break_(300, message="\x1b[2Jgone\r\n\u202eback\x9b\ud800", version="v\x071")
    shown = text(story)
    assert not set(shown) & set("\x1b\r\x9b\x07\u202e\ud800")
    shown.encode()


def test_foreign_texts_are_no_workflow_commands() -> None:
    """What GitHub's runner would obey is told apart by a space, also where control characters stood between."""
    assert clean("::error::x") == ": :error::x"
    assert clean(" \t::error::x") == " : :error::x"
    assert clean("a ##[error]x ###\x00[group]y") == "a # #[error]x ## #[group]y"
    assert clean("GET /a::b/ # [x] ##") == "GET /a::b/ # [x] ##"


def test_many_failures_are_cut_short(story: Story) -> None:
    """Only the largest groups and longest outages are listed, the rest is counted."""
    story.change(endpoint=lambda item: f"GET /{int(item.sent * 20) % 10}/").break_(*range(300, 310))
    assert "and 4 more in verdict.json" in text(story)
    assert "and 4 more in verdict.json" in text(story)
