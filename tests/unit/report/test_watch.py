"""A run that is under way, as its page shows it: on a fake clock, from evidence that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.evidence.bundle import SAMPLES, BundleWriter
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import pack
from pytest_zdt.report.watch import Growing, Watch

from ..verdict.conftest import Story
from .test_markup import Read


class Clock:
    """Seconds, as the test says."""

    now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def at_once(job: Callable[[], None]) -> None:
    """Judging, where a test waits for it."""
    job()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[BundleWriter]:
    """The run r1 has begun."""
    found = BundleWriter(tmp_path, {"schema": "zdt-run/1", **Story().run})
    yield found
    found.close()


def add(writer: BundleWriter, start: int, stop: int, story: Story | None = None, **changes: Any) -> None:
    """Samples of a story by number: 20 a second."""
    samples = (story or Story()).change(**changes).samples[start:stop]
    writer.add_batch(pack(samples, "main", 0.0))


def test_lines_as_they_come(tmp_path: Path) -> None:
    """Whole lines only, each once; no file is no line."""
    path = tmp_path / "file"
    growing = Growing(path)
    assert growing.lines() == []
    with path.open("ab", buffering=0) as file:
        file.write(b"one\ntwo\nth")
        assert growing.lines() == [b"one", b"two"]
        assert growing.lines() == []
        file.write(b"ree\n")
        assert growing.lines() == [b"three"]


def test_before_the_run(tmp_path: Path, clock: Clock) -> None:
    """There is nothing to tell; neither of a run of another id that the directory held before."""
    watch = Watch(tmp_path, "r2", clock, at_once)
    assert (watch.document(), watch.news("")) == ("", {})
    BundleWriter(tmp_path, {"schema": "zdt-run/1", **Story().run}).close()
    assert (watch.document(), watch.news("")) == ("", {})


def test_charts_are_as_new_as_the_evidence(tmp_path: Path, writer: BundleWriter, clock: Clock) -> None:
    """The verdict is older: judging is only now and then."""
    watch = Watch(tmp_path, "r1", clock, at_once)
    add(writer, 0, 100)
    first = watch.news("")
    assert sum(one["answers"] for one in first["data"]["versions"]) == 100
    assert (first["version"], first["over"]) == ("1", False)
    assert first["status"] == "Under way for 5 s; judged as if it had ended at 5 s."
    add(writer, 100, 200)
    second = watch.news("1")
    assert sum(one["answers"] for one in second["data"]["versions"]) == 200
    assert (second["version"], second["parts"]) == ("1", {})
    assert second["status"] == "Under way for 10 s; judged as if it had ended at 5 s."
    clock.now += 1.01
    third = watch.news("1")
    assert third["version"] == "2"
    assert "200" in third["parts"]["verdict"]
    assert watch.news("1")["parts"] == third["parts"]


def test_where_the_finished_page_will_be(tmp_path: Path, clock: Clock) -> None:
    """The page under way knows it, whatever the directory is called."""
    directory = tmp_path / '<b>"&'
    BundleWriter(directory, {"schema": "zdt-run/1", **Story().run}).close()
    found = Read(Watch(directory, "r1", clock, at_once).document())
    assert found.attributes["data-report"] == str(directory / "report.html")
    assert "b" not in found.tags[: found.tags.index("main")]


def test_judging_takes_a_tenth_of_the_time(
    tmp_path: Path, writer: BundleWriter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judgement of three seconds is followed by thirty without one."""
    from pytest_zdt.report import watch as module

    judged = module.decide

    def slow(facts: Any) -> Any:
        clock.now += 3.0
        return judged(facts)

    monkeypatch.setattr(module, "decide", slow)
    watch = Watch(tmp_path, "r1", clock, at_once)
    add(writer, 0, 100)
    assert watch.news("")["version"] == "1"
    clock.now += 29.9
    assert watch.news("")["version"] == "1"
    clock.now += 0.2
    assert watch.news("")["version"] == "2"


def test_the_end(tmp_path: Path, writer: BundleWriter, clock: Clock) -> None:
    """It is judged at once, and told as the end."""
    watch = Watch(tmp_path, "r1", clock, at_once)
    add(writer, 0, 800)
    assert watch.news("")["over"] is False
    writer.add_mark(Mark(40.0, "run-ended", {"interrupted": False}))
    news = watch.news("1")
    assert (news["version"], news["over"], news["status"]) == ("2", True, "The run is over.")


def test_marks_and_phases_reach_to_now(tmp_path: Path, writer: BundleWriter, clock: Clock) -> None:
    """Though they were not judged yet."""
    watch = Watch(tmp_path, "r1", clock, at_once)
    add(writer, 0, 100)
    watch.news("")
    writer.add_mark(Mark(6.0, "deploy-started"))
    add(writer, 100, 140)
    data = watch.news("")["data"]
    assert data["marks"] == [{"at": 6.0, "name": "deploy-started"}]
    assert data["phases"] == [{"name": "head", "label": "head", "start": 0.0, "end": pytest.approx(6.95)}]


def test_wider_buckets(tmp_path: Path, clock: Clock) -> None:
    """A run that goes on gets wider ones, with all that it had."""
    writer = BundleWriter(tmp_path, {"schema": "zdt-run/1", **Story().run, "planned_s": 3600.0})
    watch = Watch(tmp_path, "r1", clock, at_once)
    add(writer, 0, 400)
    assert watch.news("")["data"]["width"] == 0.5
    add(writer, 400, 800, sent=lambda one: one.sent * 15)
    data = watch.news("")["data"]
    assert data["width"] == 2.0
    assert sum(one["answers"] for one in data["versions"]) == 800
    writer.close()


def test_polled_versions(tmp_path: Path, clock: Clock) -> None:
    """Answers that name no version are shown under the one that was polled last."""
    run = {"schema": "zdt-run/1", **Story().run, "version_source": "url:/version"}
    writer = BundleWriter(tmp_path, run)
    watch = Watch(tmp_path, "r1", clock, at_once)
    writer.add_mark(Mark(0.5, "version-polled", {"version": "v7"}))
    add(writer, 0, 100, version="")
    assert [one["id"] for one in watch.news("")["data"]["versions"]] == ["v7"]
    writer.close()


def test_torn_lines_are_no_obstacle(tmp_path: Path, writer: BundleWriter, clock: Clock) -> None:
    """What cannot be read is left out, here as in the verdict."""
    watch = Watch(tmp_path, "r1", clock, at_once)
    add(writer, 0, 100)
    with (tmp_path / SAMPLES).open("ab") as file:
        file.write(b'{"schema":"zdt-health/1"\n{"sent":\n')
    add(writer, 100, 120)
    assert sum(one["answers"] for one in watch.news("")["data"]["versions"]) == 120


def test_only_the_latest_failures_of_many(tmp_path: Path, writer: BundleWriter, clock: Clock) -> None:
    """News are sent every second, and must not grow for ever; the page of the whole run has all."""
    for _ in range(7):
        add(writer, 0, 800, kind="status-5xx", status=500)
    data = Watch(tmp_path, "r1", clock, at_once).news("")["data"]
    assert len(data["failed_at"]) == 5000
    assert sum(group["count"] for group in data["groups"]) == 5600
    assert sum(data["failed"]) * data["width"] == pytest.approx(5600, rel=0.01)


def test_nobody_waits_for_a_judgement(tmp_path: Path, writer: BundleWriter, clock: Clock) -> None:
    """While it is made there are news with the last one; it is made once, and then told."""
    jobs: list[Callable[[], None]] = []
    watch = Watch(tmp_path, "r1", clock, jobs.append)
    add(writer, 0, 100)
    for _ in range(3):
        assert (watch.document(), watch.news(""), len(jobs)) == ("", {}, 1)  # the first one is no different
    jobs.pop()()
    assert watch.news("")["version"] == "1"
    clock.now += 2.0
    add(writer, 100, 200)
    for _ in range(3):
        news = watch.news("1")
        assert (news["version"], len(jobs)) == ("1", 1)
    assert sum(one["answers"] for one in news["data"]["versions"]) == 200
    jobs[0]()
    assert watch.news("1")["version"] == "2"
