"""Whole runs against the sandbox: a deployment in the middle of the load, and the verdict on it."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_zdt.evidence.bundle import read_bundle, read_samples
from pytest_zdt.evidence.series import Table
from pytest_zdt.verdict.judge import judge

SECRET = "made-up-for-this-test-5f0c9d"
MEDIA_ENDPOINTS = 12
DEPLOY = "python -m media_sandbox deploy --release "


@pytest.fixture(scope="module")
def main_run(load: Callable[..., Any]) -> Any:
    """A run with the target's own deployment, which is a good one."""
    run = load(environ={"ZDT_SIGNING_SECRET": SECRET})
    run.end()
    return run


def run_with(load: Callable[..., Any], release: str, *more: str) -> Any:
    """A run with the deployment of another release, ended; what it shows takes no longer head and tail."""
    run = load("--zdt-head=4s", "--zdt-tail=4s", "--zdt-deploy", f"{DEPLOY}{release} --overlap 6s", *more)
    run.end()
    return run


def failures_with_version(run: Any) -> set[tuple[str, str, str]]:
    """Endpoint, version and kind of the failures that the application itself answered."""
    return {(group["endpoint"], group["version"], group["kind"]) for group in run.verdict["failures"] if group["version"]}


def test_a_good_deployment_is_verified(main_run: Any) -> None:
    """The exit status is 0, and every requirement is verified; other work on the machine may slow the rollout down."""
    assert main_run.process.returncode == 0, main_run.output
    assert main_run.verdict["verdict"] == "verified"
    statuses = {requirement["name"]: requirement["status"] for requirement in main_run.verdict["requirements"]}
    assert {name for name, status in statuses.items() if status != "verified"} <= {"impact"}, main_run.output


def test_both_versions_answer_in_the_overlap(main_run: Any) -> None:
    """Each version gives at least 20 answers while both serve."""
    requests = main_run.verdict["overlap"]["requests"]
    assert set(requests) == {"v1", "v2"}
    assert min(requests.values()) >= 20


def test_every_endpoint_is_answered_by_both_versions_in_the_overlap(main_run: Any) -> None:
    """No endpoint of the media API is left out by either version while both serve."""
    span = main_run.verdict["overlap"]
    versions = defaultdict(set)
    samples = list(read_samples(main_run.report))
    for sample in samples:
        if span["start_s"] <= sample.sent <= span["end_s"] and not sample.kind:
            versions[sample.endpoint].add(sample.version)
    assert len(versions) >= MEDIA_ENDPOINTS
    assert versions == {sample.endpoint: {"v1", "v2"} for sample in samples}
    assert main_run.requirement("coverage")["status"] == "verified"


def test_the_evidence_is_in_the_report(main_run: Any) -> None:
    """The report directory holds the run, its samples, its marks, both logs and the verdict."""
    names = {path.name for path in main_run.report.iterdir() if path.stat().st_size}
    assert names >= {"run.json", "samples.ndjson", "marks.ndjson", "verdict.json", "report.html", "deploy.log", "serve.log"}


def test_the_page_tells_what_the_verdict_does(main_run: Any, show: Any) -> None:
    """In a browser: the verdict, both versions with their answers, the rollout, what the deployment printed."""
    window = show(main_run.report / "report.html")
    assert "VERIFIED" in window.text("h1")
    for version in main_run.verdict["versions"]:
        good = version["requests"] - version["failures"]
        assert f"{version['id']}: {good:,} good answers" in window.text("#charts")
    rollout = next(phase for phase in main_run.verdict["phases"] if phase["name"] == "rollout")
    window.page.get_by_role("button", name="zoom to the rollout").click()
    shown = [float(window.page.locator("#charts").get_attribute(f"data-{end}")) for end in ("from", "to")]
    assert shown == [pytest.approx(rollout["start_s"], abs=0.01), pytest.approx(rollout["end_s"], abs=0.01)]
    assert "old master told to drain" in window.text("#about")


def test_nothing_outlives_the_run(main_run: Any) -> None:
    """The served API and every worker are gone when pytest has ended."""
    assert main_run.left() == []


def test_the_secret_is_nowhere(main_run: Any) -> None:
    """Neither the report nor the output shows the signing secret."""
    assert SECRET not in main_run.output
    files = [path for path in main_run.report.rglob("*") if path.is_file()]
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []


def test_the_terminal_says_verified_first(main_run: Any) -> None:
    """The zero-downtime section begins with the verdict."""
    assert main_run.section()[0].startswith("VERIFIED")


def test_keep_alive_connections_alone_prove_no_overlap(main_run: Any) -> None:
    """What the reused connections saw of a verified run is inconclusive by itself: they stay on the old version."""
    samples = Table(sample for sample in read_samples(main_run.report) if sample.lane == "reused")
    reused = replace(read_bundle(main_run.report), samples=samples)
    verdict = judge(reused)
    requirements = {requirement.name: requirement for requirement in verdict.requirements}
    assert verdict.verdict == "inconclusive"
    assert requirements["overlap"].status == "inconclusive", requirements["overlap"]
    assert requirements["overlap"].reason == "no-overlap"


def test_a_renamed_column_breaks_the_old_version(load: Callable[..., Any]) -> None:
    """The exit status is 1, and failures name an endpoint, the old version and the server's error."""
    run = run_with(load, "rename-column")
    assert run.process.returncode == 1, run.output
    assert run.verdict["verdict"] == "violated"
    assert {(version, kind) for _, version, kind in failures_with_version(run)} >= {("v1", "status-5xx")}
    endpoint = next(endpoint for endpoint, version, kind in failures_with_version(run) if (version, kind) == ("v1", "status-5xx"))
    assert endpoint.startswith(("GET /v1/", "POST /v1/"))
    assert run.section()[0].startswith("VIOLATED")
    assert run.left() == []


def test_a_new_column_that_must_be_set_breaks_registration_on_the_old_version(load: Callable[..., Any]) -> None:
    """The exit status is 1, and the old version fails where it writes."""
    run = run_with(load, "not-null")
    assert run.process.returncode == 1, run.output
    assert ("POST /v1/auth_tokens/register/", "v1", "status-5xx") in failures_with_version(run)
    assert run.left() == []


def test_a_deployment_that_does_nothing_proves_nothing(load: Callable[..., Any]) -> None:
    """The exit status is 10, and the reason is that no second version answered."""
    run = run_with(load, "no-op", "--zdt-duration=20s")  # for as long it waits for a new version
    assert run.process.returncode == 10, run.output
    assert run.verdict["verdict"] == "inconclusive"
    assert run.requirement("version-change")["reason"] == "no-version-change"
    assert run.section()[0].startswith("INCONCLUSIVE")


def test_new_tokens_that_the_old_version_cannot_read(load: Callable[..., Any]) -> None:
    """The exit status is 1, requirement flows names the pair, and the likely cause is in the output."""
    run = run_with(load, "token-format")
    assert run.process.returncode == 1, run.output
    flows = run.requirement("flows")
    assert (flows["status"], flows["reason"]) == ("violated", "flow-broken")
    assert "token made by token-format, used on v1" in flows["detail"]
    assert {(group["kind"], group["version"]) for group in run.verdict["failures"]} == {("auth-broken", "v1")}
    assert "C1" in {cause["row"] for cause in run.verdict["causes"]}
    assert "in a form that the old one cannot read" in run.output


def test_sticky_connections_prove_nothing(load: Callable[..., Any]) -> None:
    """Kept-alive connections alone stay on the old version until it has gone: exit status 10, with the hint."""
    run = run_with(load, "v2", "--zdt-lanes=reused")
    assert run.process.returncode == 10, run.output
    assert run.verdict["verdict"] == "inconclusive"
    overlap = run.requirement("overlap")
    assert (overlap["status"], overlap["reason"]) == ("inconclusive", "no-overlap")
    assert "drive the `new` lane too" in overlap["detail"]


def test_one_fault_in_twenty_thousand_requests_violates(load: Callable[..., Any]) -> None:
    """A run of so many requests finds the one that was answered 503, whoever else was answered well: exit status 1."""
    command = f"{DEPLOY}rare-503 --overlap 6s"
    run = load("--zdt-pace=0s", "--zdt-tail=60s", "--zdt-duration=100s", "--zdt-abort-on-violation", "--zdt-deploy", command)
    run.end(200)
    assert run.process.returncode == 1, run.output
    failed = {(group["kind"], group["version"]): group["count"] for group in run.verdict["failures"]}
    answered = next(version["requests"] for version in run.verdict["versions"] if version["id"] == "rare-503")
    assert answered > 9_000  # the first one fails after ten thousand, the deployment's own checks among them
    assert failed == {("status-5xx", "rare-503"): 1}
    assert run.requirement("failures")["status"] == "violated"


def test_a_hard_restart_is_an_outage_of_its_true_length(load: Callable[..., Any]) -> None:
    """The longest outage of every endpoint is an interval that holds the length that the sandbox itself logged."""
    run = run_with(load, "hard-restart")
    assert run.process.returncode == 1, run.output
    [deployment] = run.deployments()
    longest: dict[str, dict[str, Any]] = {}
    for outage in run.verdict["outages"]:
        if outage["max_s"] > longest.get(outage["endpoint"], {"max_s": 0.0})["max_s"]:
            longest[outage["endpoint"]] = outage
    assert len(longest) >= MEDIA_ENDPOINTS
    assert [outage for outage in longest.values() if not outage["min_s"] <= deployment["outage_s"] <= outage["max_s"]] == []
