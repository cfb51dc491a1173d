"""Each row of the table of failure kinds: whose failure it is, and what it does to the verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_zdt.evidence.kinds import GUILT
from pytest_zdt.verdict.judge import judge
from pytest_zdt.verdict.model import FailureGroup

from .conftest import Story
from .shapes import outcome, where

TABLE = [
    # kind, status, guilt without a version, guilt with one, verdict
    ("dns", 0, "network", None, "inconclusive"),
    ("connect-refused", 0, "edge", None, "violated"),
    ("connect-timeout", 0, "edge", None, "violated"),
    ("tls", 0, "edge", None, "violated"),
    ("reset", 0, "edge", "app", "violated"),
    ("keep-alive-race", 0, "edge", None, "violated"),
    ("truncated", 200, "edge", "app", "violated"),
    ("read-timeout", 0, "app", "app", "violated"),
    ("status-5xx", 503, "edge", "app", "violated"),
    ("auth-broken", 401, "app", "app", "violated"),
    ("not-found-on-one-version", 404, "app", "app", "violated"),
    ("wrong-status", 409, "app", "app", "violated"),
    ("wrong-body", 200, "app", "app", "violated"),
    ("throttled", 429, "configuration", "configuration", "inconclusive"),
    ("local", 0, "client", "client", "inconclusive"),
]
EACH = pytest.mark.parametrize("kind, status, alone, versioned, verdict", TABLE, ids=[row[0] for row in TABLE])


def group(story: Story) -> FailureGroup:
    """The only group of failures."""
    (found,) = judge(story.evidence).failures
    return found


def test_the_table_is_whole() -> None:
    """Every kind that is somebody's failure has its row here, but for requests that the end cut."""
    assert {row[0] for row in TABLE} == set(GUILT) - {"cut"}


@EACH
def test_guilt_without_a_version(story: Story, kind: str, status: int, alone: str, versioned: str, verdict: str) -> None:
    """Of an answer that named none, or of none at all."""
    found = group(story.break_(300, kind=kind, status=status, version=""))
    assert (found.kind, found.guilt, found.version, found.count) == (kind, alone, "", 1)
    assert judge(story.evidence).verdict == verdict


@pytest.mark.parametrize("kind, status, alone, versioned, verdict", [row for row in TABLE if row[3]])
def test_guilt_with_a_version(story: Story, kind: str, status: int, alone: str, versioned: str, verdict: str) -> None:
    """Once the version's header had come the failure is that version's."""
    found = group(story.break_(300, kind=kind, status=status))
    assert (found.kind, found.guilt, found.version) == (kind, versioned, "v1")
    assert judge(story.evidence).verdict == verdict


@EACH
def test_one_failure_is_no_success(story: Story, kind: str, status: int, alone: str, versioned: str, verdict: str) -> None:
    """The requirement on failures tells of it by name, whoever is guilty, and the run is not verified."""
    requirement = story.break_(300, kind=kind, status=status, version="").requirement("failures")
    assert requirement.status == verdict
    assert f"1 x {kind} on GET /a/ by no version" in requirement.detail


@EACH
def test_an_outage_is_of_the_api_or_of_the_network(
    story: Story, kind: str, status: int, alone: str, versioned: str, verdict: str
) -> None:
    """A rate limit and this machine make none."""
    story.break_(300, 302, kind=kind, status=status, version="")
    guilts = [one.guilt for one in judge(story.evidence).outages]
    assert guilts == ([alone] if alone in ("app", "edge", "network") else [])


@pytest.mark.parametrize("kind, cut", [("expected", 0), ("cut", 2)])
def test_what_is_nobodys_failure(story: Story, kind: str, cut: int) -> None:
    """An answer by design, and a request that the end of the run cut: verified, and in no list of failures."""
    verdict = judge(story.break_(798, 799, kind=kind, status=424 if kind == "expected" else 0).evidence)
    assert (verdict.verdict, verdict.failures, verdict.outages, verdict.users) == ("verified", [], [], [])
    assert (verdict.generator.cut_at_deadline, verdict.generator.samples) == (cut, 800)


def test_the_network_alone_is_inconclusive(story: Story) -> None:
    """It proves nothing against the API, but an outage could hide behind it: exit status 10."""
    verdict = judge(story.break_(*range(300, 340), kind="dns", status=0, version="").evidence)
    assert (verdict.verdict, verdict.exit_status) == ("inconclusive", 10)
    assert outcome(story, "failures") == ("inconclusive", "network-failures")


def test_the_network_excuses_nobody(story: Story) -> None:
    """One failure of the app among forty of the network violates."""
    story.break_(*range(300, 340), kind="dns", status=0, version="").break_(310)
    assert judge(story.evidence).verdict == "violated"
    assert outcome(story, "failures") == ("violated", "status-5xx")


def test_a_budget_does_not_excuse_the_network(story: Story) -> None:
    """The budget is for failures of the API."""
    story.break_(300, kind="dns", status=0, version="").require(max_failures="5%")
    assert judge(story.evidence).verdict == "inconclusive"


@pytest.mark.parametrize("kind", ["throttled", "local"])
def test_neither_rate_limits_nor_this_machine_violate(story: Story, kind: str) -> None:
    """However many, and in each phase; the reasons differ."""
    story.break_(*range(0, 800, 3), kind=kind, status=0, version="")
    verdict = judge(story.evidence)
    assert "violated" not in {one.status for one in verdict.requirements}
    assert verdict.verdict == "inconclusive"


def test_throttled_tells_of_the_signature(story: Story) -> None:
    """It says what is wrong with the configuration."""
    requirement = story.break_(300, kind="throttled", status=429).requirement("failures")
    assert requirement.reason == "throttled"
    assert "signature did not bypass the rate limits" in requirement.detail


def test_too_many_cut_requests(story: Story) -> None:
    """Two of three requests cut: the figures are those of the rest, and the run proves little."""
    story.break_(*where(story, lambda item: round(item.sent / 0.05) % 3 > 0), kind="cut", status=0, version="")
    assert judge(story.evidence).verdict == "inconclusive"


def _missing(story: Story, *versions: str, endpoint: str = "GET /a/") -> Story:
    """An endpoint is not found in the overlap, on those versions."""
    found = where(story, lambda item: item.endpoint == endpoint and item.version in versions and 10 <= item.sent < 20)
    return story.break_(*found, kind="wrong-status", status=404)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_not_found_on_one_version(story: Story, version: str) -> None:
    """The other one answers the same endpoint well: that version's failure, by a name of its own."""
    found = group(_missing(story, version))
    assert (found.kind, found.guilt, found.version) == ("not-found-on-one-version", "app", version)
    assert outcome(story, "failures") == ("violated", "not-found-on-one-version")


def test_not_found_on_both_versions(story: Story) -> None:
    """A wrong expectation, not one of two versions."""
    kinds = {one.kind for one in judge(_missing(story, "v1", "v2").evidence).failures}
    assert kinds == {"wrong-status"}


def test_not_found_where_no_other_version_answered_well(story: Story) -> None:
    """Nothing to compare with."""
    story.change(endpoint=lambda item: "GET /c/" if item.version == "v2" and item.sent > 20 else item.endpoint)
    story.break_(*where(story, lambda item: item.endpoint == "GET /c/"), kind="wrong-status", status=404)
    assert group(story).kind == "wrong-status"


@pytest.mark.parametrize("changes", [{"status": 410}, {"status": 404, "version": ""}, {"status": 404, "kind": "expected"}])
def test_what_is_not_called_not_found_on_one_version(story: Story, changes: dict[str, object]) -> None:
    """Another status; an answer that named no version; one that the test declares as expected."""
    story.break_(300, **{"kind": "wrong-status", **changes})  # type: ignore[arg-type]
    assert "not-found-on-one-version" not in {one.kind for one in judge(story.evidence).failures}


@pytest.mark.parametrize("took, phase", [(0.01, "head"), (5.0, "head")])
def test_the_sending_places_a_failure(story: Story, took: float, phase: str) -> None:
    """A request of the head that timed out in the rollout is a failure of the head."""
    found = group(story.break_(170, kind="read-timeout", status=0, took=took))
    assert (found.phase, found.first_s) == (phase, 8.5)


@pytest.mark.parametrize("kind", ["reset", "keep-alive-race", "truncated"])
@pytest.mark.parametrize("took, phase", [(0.01, "head"), (0.4, "head"), (0.6, "rollout"), (5.0, "rollout")])
def test_the_break_places_a_broken_connection(story: Story, kind: str, took: float, phase: str) -> None:
    """It was sent when all was well, and is the rollout's failure where that cut it."""
    story.break_(170, kind=kind, status=0, version="", took=took)
    found = group(story)
    assert (found.phase, found.first_s) == (phase, 8.5)
    assert (story.requirement("head").status == "violated") is (phase == "head")
    assert sum(one.requests for one in judge(story.evidence).phases) == 800


def test_connections_cut_by_the_rollout_hide_no_cause(story: Story) -> None:
    """What broke with the first stop of an instance is no failure from before, which would be nothing new."""
    story.break_(*range(190, 230), kind="reset", status=0, version="", latency=0.0, took=0.01)
    causes = judge(story.evidence).causes
    assert causes
    story.break_(170, 171, kind="reset", status=0, version="", latency=0.0, took=1.0)
    assert [cause.title for cause in judge(story.evidence).causes] == [cause.title for cause in causes]


def test_the_example_can_be_found_in_the_servers_logs(story: Story) -> None:
    """The first failure of a group, by the id that the request carried."""
    story.break_(303, 301, 300, message="no such column")
    found = {one.endpoint: one for one in judge(story.evidence).failures}["GET /b/"]
    assert found.example == {"request_id": "id301", "message": "no such column"}
    assert (found.count, found.first_s, found.last_s) == (2, pytest.approx(15.05), pytest.approx(15.15))


def test_the_same_failure_in_two_phases_is_two_groups(story: Story) -> None:
    """By kind, endpoint, version and phase."""
    story.samples[400] = replace(story.samples[400], version="v2")
    groups = judge(story.break_(350, 600, version="v2").evidence).failures
    assert [(one.phase, one.count) for one in groups] == [("rollout", 1), ("tail", 1)]
