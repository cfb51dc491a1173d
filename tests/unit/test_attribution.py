"""Whose failure it was, and whose answer, by what was seen beside the load: control URL, health of this machine, polls."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.kinds import GUILT
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.evidence.series import Series, Table
from pytest_zdt.verdict.attribution import AT_THAT_TIME, POLL_IS_GOOD, attribute
from pytest_zdt.verdict.judge import judge

from .verdict.conftest import Story

SENT = 15.0
"""When the request is sent that fails; number 300 of a story."""
UP = dict.fromkeys(range(40), True)
DOWN = {**UP, 15: False}
EARLIER = {5: True, 6: False, 25: True, 26: False}
"""The control URL was asked, but not at that time."""
TABLE = {
    "dns": ("edge", "client", "network"),
    "connect-refused": ("edge", "network", "edge"),
    "connect-timeout": ("edge", "network", "edge"),
    "reset": ("edge", "network", "edge"),
    "tls": ("edge", "network", "edge"),
    "read-timeout": ("app", "app", "app"),
}
"""Whose failure it is while the control URL answers, while it fails, and where it was not asked at that time."""
ROWS = [
    (kind, checks, guilt)
    for kind, guilts in TABLE.items()
    for checks, guilt in zip((UP, DOWN, EARLIER, {}), (*guilts, guilts[-1]), strict=True)
]


def controls(checks: dict[int, bool] | dict[float, bool]) -> list[Mark]:
    """The marks of the control URL."""
    return [Mark(float(at), "control", {"ok": ok}) for at, ok in checks.items()]


def second(at: float, *lags: float) -> Health:
    """A second of this machine that ended then."""
    return Health("main", at, array("d", lags), 0.2)


def blamed(sample: Sample, marks: list[Mark] | None = None, *health: Health) -> str:
    """Whose failure the sample is."""
    (one,) = attribute(Table([sample]).series(), marks or [], health, by_time=False)
    assert list(one.sent) == [sample.sent]
    return one.labels.guilt


def failure(kind: str, took: float = 0.02) -> Sample:
    """A request that failed without an answer."""
    return Sample(SENT, "GET /a/", kind=kind, took=took)


def versions(polls: dict[float, str], *sent: float, kind: str = "") -> list[tuple[float, str, str]]:
    """When the requests were sent, their versions by the polls, and whose failures they would be."""
    marks = [Mark(at, "version-polled", {"version": version}) for at, version in polls.items()]
    table = Table(Sample(at, "GET /a/", status=200, kind=kind) for at in sent)
    found = attribute(table.series(), marks, [], by_time=True)
    rows = [(at, one.labels.version, one.labels.guilt if kind else "") for one in found for at in one.sent]
    return sorted(rows)


# --- the control URL


@pytest.mark.parametrize("kind, checks, guilt", ROWS)
def test_whose_failure(kind: str, checks: dict[int, bool], guilt: str) -> None:
    """By what the control URL did at that time; without it, by the table of kinds."""
    assert blamed(failure(kind), controls(checks)) == guilt


@pytest.mark.parametrize("kind, checks, guilt", ROWS)
def test_the_verdict_follows(kind: str, checks: dict[int, bool], guilt: str) -> None:
    """The API's failure violates; one of the network or of this machine leaves the run inconclusive."""
    story = Story().break_(300, kind=kind, status=0, version="", latency=0.0)
    story.marks += controls(checks)
    verdict = judge(story.evidence)
    assert [(one.kind, one.guilt, one.count) for one in verdict.failures] == [(kind, guilt, 1)]
    assert verdict.verdict == ("violated" if guilt in ("edge", "app") else "inconclusive")
    (failures,) = [one for one in verdict.requirements if one.name == "failures"]
    assert failures.reason == {"network": "network-failures", "client": "client-failures"}.get(guilt, kind)


@pytest.mark.parametrize("kind", sorted({*GUILT} - {*TABLE}))
def test_other_kinds(kind: str) -> None:
    """An answer that came, or a refusal of this very program, is nobody else's, whatever else fails."""
    sample = failure(kind, took=1.0)
    marks, health = controls(dict.fromkeys(UP, False)), [second(at + 1.0, 900.0) for at in UP]
    assert blamed(sample, marks, *health) == blamed(sample) == GUILT[kind]


@pytest.mark.parametrize("took", [0.0, 0.5, 30.0])
@pytest.mark.parametrize("off, near", [(AT_THAT_TIME, True), (AT_THAT_TIME + 0.01, False)])
def test_at_that_time(took: float, off: float, near: bool) -> None:
    """From shortly before the sending to shortly after the failure, however long that took."""
    for at in (SENT - off, SENT + took + off):
        assert blamed(failure("reset", took), controls({at: False})) == ("network" if near else "edge")
        assert blamed(failure("dns", took), controls({at: True})) == ("edge" if near else "network")
    assert blamed(failure("reset", took), controls({SENT + took / 2: False})) == "network"


def test_one_failure_of_the_control_url_is_enough() -> None:
    """It answers just before and after: the doubt is the API's benefit."""
    assert blamed(failure("connect-refused"), controls({14: True, 15: False, 16: True})) == "network"
    assert blamed(failure("dns"), controls({14: True, 15: False, 16: True})) == "client"


def test_failures_of_one_kind_are_told_apart() -> None:
    """Each by its own time; where it belongs to the same as before, together, by time."""
    sent = (3.0, 15.0, 27.0, 15.2, 4.0)
    table = Table(Sample(at, "GET /a/", kind="reset") for at in sent)
    found = attribute(table.series(), controls(DOWN), [], by_time=False)
    assert {one.labels.guilt: list(one.sent) for one in found} == {"edge": [3.0, 4.0, 27.0], "network": [15.0, 15.2]}


def test_a_reset_within_an_answer() -> None:
    """The version had answered, so it is the app's, unless an unrelated host could not be reached either."""
    sample = replace(failure("reset"), version="v1", status=200)
    assert (blamed(sample, controls(UP)), blamed(sample, controls(DOWN))) == ("app", "network")


# --- stalls of this machine


@pytest.mark.parametrize(
    "took, lag, guilt",
    [
        (1.0, 1000.0, "client"),
        (1.0, 500.0, "client"),
        (1.0, 499.0, "app"),
        (10.0, 5000.0, "client"),
        (10.0, 900.0, "app"),
        (10.0, 60.0, "app"),
        (0.06, 50.0, "client"),
        (0.06, 49.0, "app"),
        (1.0, 0.0, "app"),
    ],
)
def test_a_time_out_while_this_machine_stalled(took: float, lag: float, guilt: str) -> None:
    """It is the client's where the stall was half of it; a short lag does not excuse a long time-out."""
    health = [second(14.0, 1.0), second(SENT + took + 0.5, 1.0, lag, 2.0), second(SENT + took + 5.0)]
    assert blamed(failure("read-timeout", took), None, *health) == guilt
    assert blamed(failure("connect-timeout", took), None, *health) == guilt.replace("app", "edge")


@pytest.mark.parametrize("at, guilt", [(14.9, "app"), (16.6, "client"), (17.5, "client"), (19.5, "app")])
def test_a_stall_at_that_time(at: float, guilt: str) -> None:
    """Only one that the request lived through: not one that had ended before, nor one that began after its end."""
    assert blamed(failure("read-timeout", 2.0), None, second(at, 1500.0)) == guilt


def test_a_stall_excuses_before_the_control_url_does() -> None:
    """The time-out of a machine that stood still tells nothing of the network."""
    assert blamed(failure("connect-timeout", 1.0), controls(DOWN), second(15.5, 900.0)) == "client"
    assert blamed(failure("connect-timeout", 1.0), controls(DOWN), second(15.5, 90.0)) == "network"


def test_a_stall_without_lags() -> None:
    """A second in which the probe did not look, or none at all, excuses nothing."""
    assert blamed(failure("read-timeout"), None, second(15.5)) == blamed(failure("read-timeout")) == "app"


@pytest.mark.parametrize(
    "lag, verdict, reason", [(1500.0, "inconclusive", "client-failures"), (60.0, "violated", "read-timeout")]
)
def test_the_verdict_on_a_time_out_during_a_stall(lag: float, verdict: str, reason: str) -> None:
    """Check the generator first: such a time-out proves nothing, neither for the API nor against it."""
    story = Story().break_(300, kind="read-timeout", status=0, version="", latency=0.0, took=2.0)
    story.health[16] = replace(story.health[16], lags=array("d", [lag, 1.0]))
    judged = judge(story.evidence)
    (failures,) = [one for one in judged.requirements if one.name == "failures"]
    assert (judged.verdict, failures.reason) == (verdict, reason)


def test_a_stall_excuses_only_its_own_time_out() -> None:
    """Another one, when this machine was well, violates."""
    story = Story().break_(300, 500, kind="read-timeout", status=0, version="", latency=0.0, took=2.0)
    story.health[16] = replace(story.health[16], lags=array("d", [1500.0]))
    verdict = judge(story.evidence)
    assert verdict.verdict == "violated"
    assert sorted((one.guilt, one.count, one.first_s) for one in verdict.failures) == [("app", 1, 25.0), ("client", 1, 15.0)]


# --- versions by time


def test_versions_by_the_last_poll() -> None:
    """The one before the sending counts, at once; before the first poll nobody knows."""
    polls = {1.0: "v1", 2.0: "v1", 3.0: "v2"}
    found = versions(polls, 0.5, 1.0, 2.99, 3.0, 5.0)
    assert [version for _, version, _ in found] == ["", "v1", "v1", "v2", "v2"]


def test_a_poll_is_not_good_for_ever() -> None:
    """Where the URL did not answer for some seconds, the versions of that time are not known."""
    polls = {1.0: "v1", 20.0: "v2"}
    found = versions(polls, 1.0 + POLL_IS_GOOD, 1.1 + POLL_IS_GOOD, 19.9, 20.1)
    assert [version for _, version, _ in found] == ["v1", "", "", "v2"]


def test_a_version_by_time_blames_nobody() -> None:
    """It did not answer: who cut the connection is not known better than without it."""
    assert versions({1.0: "v1"}, 2.0, kind="reset") == [(2.0, "v1", "edge")]


# --- all of it


@given(
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from([*TABLE, "", "status-5xx"]), st.integers(0, 30)), max_size=40),
    st.dictionaries(st.integers(0, 40), st.booleans()),
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([1.0, 60.0, 900.0])), max_size=10).map(sorted),
    st.booleans(),
)
def test_nothing_is_lost(
    rows: list[tuple[int, str, int]], checks: dict[int, bool], lags: list[tuple[int, float]], by_time: bool
) -> None:
    """Every sample is there afterwards, once, with its kind, in series of different labels, each by time."""
    samples = [Sample(sent / 10, "GET /a/", took=took / 10, kind=kind) for sent, kind, took in rows]
    marks = sorted([*controls(checks), Mark(9.0, "version-polled", {"version": "v1"})], key=lambda mark: mark.at)
    found = attribute(Table(samples).series(), marks, [second(float(at), lag) for at, lag in lags], by_time=by_time)

    def told(series: list[Series]) -> list[tuple[str, float, float]]:
        return sorted((one.labels.kind, at, took) for one in series for at, took in zip(one.sent, one.took, strict=True))

    assert told(found) == told(Table(samples).series())
    assert len({one.labels for one in found}) == len(found)
    assert all(list(one.sent) == sorted(one.sent) for one in found)
