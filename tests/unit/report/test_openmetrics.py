"""OpenMetrics text: as the specification wants it, and as Prometheus reads it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pytest_zdt.evidence.health import Health
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import NO_VU, PROBE, Sample
from pytest_zdt.report.metrics import Metrics, measure
from pytest_zdt.report.openmetrics import exposition
from pytest_zdt.verdict.facts import gather
from pytest_zdt.verdict.judge import decide, judge

from ..verdict.conftest import Story
from .test_metrics import HOSTILE, hostile, measured, mixed

GOLDEN = Path(__file__).parent / "series"
POINT = re.compile(r"(?P<name>\w+)\{(?P<labels>(?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*)\} (?P<value>\S+) (?P<at>\S+)")


def two_seconds() -> Metrics:
    """The series of a run of 2 s with a failure and a probe, two of its requirements left."""
    story = Story().unmark("deploy-ended").mark(0.9, "deploy-started").mark(2.0, "run-ended")
    story.samples = [
        Sample(0.1, "GET /a/", latency=0.004, took=0.02, status=200, version="v1", lane="new"),
        Sample(1.1, "GET /a/", latency=0.3, took=0.4, status=503, kind="status-5xx", version="v2", lane="new"),
        Sample(1.5, "GET /a/", latency=0.01, took=0.02, status=200, version="v2", lane=PROBE, vu=NO_VU),
    ]
    story.health = [Health("gw0", 1.0, story.health[0].lags, 0.25)]
    story.marks.sort(key=lambda mark: mark.at)
    facts = gather(story.evidence)
    verdict = decide(facts)
    return measure(facts, replace(verdict, requirements=verdict.requirements[:2]))


def text(metrics: Metrics) -> str:
    """The whole text."""
    return b"".join(exposition(metrics)).decode()


def parsed(whole: str) -> dict[str, dict[str, Metric]]:
    """The families by the time of their points, as the library's own parser reads them.

    That drops the second point of a histogram or a stateset (its ``group_timestamp_samples`` are of all times), so it is given
    the points of one time after the other.
    """
    times = dict.fromkeys(line.rpartition(" ")[2] for line in whole.splitlines() if not line.startswith("#"))
    found = {}
    for at in times:
        lines = [line for line in whole.splitlines() if line.startswith("#") or line.endswith(f" {at}")]
        found[at] = {family.name: family for family in text_string_to_metric_families("\n".join(lines) + "\n")}
    return found


def last(whole: str) -> dict[str, Metric]:
    """The families at the run's end."""
    times = parsed(whole)
    return times[max(times, key=float)]


def sums(family: Metric, suffix: str, *labels: str) -> Counter[tuple[str, ...]]:
    """The samples of that suffix added up by some of their labels."""
    found: Counter[tuple[str, ...]] = Counter()
    for sample in family.samples:
        if sample.name == family.name + suffix:
            found[tuple(sample.labels[label] for label in labels)] += int(sample.value)
    return found


def test_the_text() -> None:
    """Of a run of two seconds, whole."""
    assert text(two_seconds()) == (GOLDEN / "run.om").read_text(encoding="utf-8")


@pytest.mark.parametrize("make", [Story, mixed, hostile])
def test_totals(make: Callable[[], Story]) -> None:
    """What the parser reads of the run's end adds up to the verdict's counts."""
    families, verdict = last(text(measured(make()))), judge(make().evidence)
    assert sums(families["zdt_requests"], "_total").total() == verdict.generator.samples
    assert sums(families.get("zdt_failures", Metric("x", "", "counter")), "_total").total() == sum(
        group.count for group in verdict.failures
    )
    counts = sums(families["zdt_latency_seconds"], "_count", "endpoint", "version")
    edges = sums(families["zdt_latency_seconds"], "_bucket", "endpoint", "version", "le")
    assert all(edges[*key, "+Inf"] == number for key, number in counts.items())
    assert sums(families["zdt_verdict"], "", "zdt_verdict")[(verdict.verdict,)] == 1
    requirements = sums(families["zdt_requirement"], "", "requirement", "zdt_requirement")
    assert [key for key, value in requirements.items() if value] == [(one.name, one.status) for one in verdict.requirements]


@pytest.mark.parametrize("make", [Story, mixed, hostile])
def test_order(make: Callable[[], Story]) -> None:
    """A family's lines stand together, in it those of a series' points by time, and of each point all: none are interleaved."""
    whole = text(measured(make()))
    assert whole.endswith("\n# EOF\n")
    assert whole.count("# EOF") == 1
    points = [match.groupdict() for line in whole.splitlines() if (match := POINT.fullmatch(line))]
    assert len(points) == sum(not line.startswith("#") for line in whole.splitlines())
    own = re.compile(r',?(?:le|zdt_\w+)="[^"]*"')
    names = re.findall(r"^# TYPE (\w+)", whole, re.MULTILINE)
    series = [(next(name for name in names if one["name"].startswith(name)), own.sub("", one["labels"])) for one in points]
    assert len([key for key, _ in groupby(series)]) == len(set(series))
    assert [key for key, _ in groupby(name for name, _ in series)] == names
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for key, one in zip(series, points, strict=True):
        times[key].append(float(one["at"]))
    assert all(ats == sorted(ats) for ats in times.values())


def test_hostile_texts() -> None:
    """Quotes and backslashes are escaped; the parser gives back what was meant."""
    metrics = measured(hostile())
    whole = text(metrics)
    assert not set(whole) & set("\x1b\r\u202e\x00")
    assert r'run="GET /\"\\[31m{}/é"' in whole
    (sample,) = last(whole)["zdt_generator_cpu_ratio"].samples
    assert sample.labels["worker"] == metrics.run == 'GET /"\\[31m{}/é'
    assert HOSTILE not in whole


def test_a_run_without_samples() -> None:
    """There are no families without series."""
    story = Story()
    story.samples, story.health, story.marks = [], [], []
    assert list(last(text(measured(story)))) == ["zdt_phase", "zdt_requirement", "zdt_verdict"]


@pytest.mark.parametrize("make", [Story, mixed, hostile])
def test_prometheus_reads_it(make: Callable[[], Story], tmp_path: Path) -> None:
    """``promtool`` makes blocks of it, with every value at its time."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool, which Debian has in its package prometheus")
    whole = text(measured(make()))
    (tmp_path / "run.om").write_text(whole, encoding="utf-8")
    (tmp_path / "data" / "wal").mkdir(parents=True)  # without it, dump takes the directory for none of a database
    make_blocks = [promtool, "tsdb", "create-blocks-from", "openmetrics", tmp_path / "run.om", tmp_path / "data"]
    subprocess.run(make_blocks, check=True, capture_output=True)
    dump = subprocess.run([promtool, "tsdb", "dump", tmp_path / "data"], check=True, capture_output=True, text=True)
    found = re.findall(r'__name__="(\w+)".* (\S+) (\d+)$', dump.stdout, re.MULTILINE)
    points = [match.groupdict() for line in whole.splitlines() if (match := POINT.fullmatch(line))]
    assert Counter((name, int(at) / 1000, float(value)) for name, value, at in found) == Counter(
        (one["name"], float(one["at"]), float(one["value"])) for one in points
    )


def test_times_have_milliseconds() -> None:
    """As the run tells them."""
    story = Story()
    story.run["started_at"] = "2026-01-01T00:00:00.123+00:00"
    story.marks = [Mark(1.0, "run-ended")]
    assert 'zdt_phase="head"} 1.0 1767225600.123\n' in text(measured(story))
