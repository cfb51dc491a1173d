"""What a run looks like at a moment, from what the batches have told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_zdt.director import Seen
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.follow import Stage
from pytest_zdt.progress import Watch
from pytest_zdt.recorder import message
from pytest_zdt.report.panel import View
from pytest_zdt.settings import Run, RunSettings
from pytest_zdt.target import Target, VersionSource

SETTINGS = RunSettings(Target(name="mine", base_url="http://127.0.0.1:1"), duration=90.0, vus=20, report=Path("there"))
STAGE = Stage("head", 4.0, 9.0, 90.0)


def look(watch: Watch, now: float, seen: Seen) -> View:
    """The run at a moment."""
    return watch.view(now, seen, STAGE, 20)


def test_requests_a_second_are_those_of_late() -> None:
    """The rate is that of the last five looks, not the mean since the start."""
    watch, seen = Watch(Run("1", SETTINGS)), Seen()
    assert look(watch, 0.0, seen).per_second == 0.0
    for second in range(1, 21):
        seen.add(100 if second <= 10 else 10, 0, -1.0, [])
        view = look(watch, float(second), seen)
        assert view.requests == seen.samples
        if second in (1, 10):
            assert view.per_second == pytest.approx(100)
    assert view.per_second == pytest.approx(10)


def test_two_looks_at_once_are_one() -> None:
    """A look right after another does not make a rate of a moment."""
    watch, seen = Watch(Run("1", SETTINGS)), Seen()
    seen.add(100, 0, -1.0, [])
    assert look(watch, 1.0, seen).per_second == 100
    seen.add(1, 0, -1.0, [])
    assert look(watch, 1.001, seen).per_second == 100


def test_versions_by_second() -> None:
    """Of each version, in the order of their first answers, how many answers there were from look to look."""
    watch, seen = Watch(Run("1", SETTINGS)), Seen()
    seen.add(5, 0, -1.0, [["v2", 2, 0.5, 0.9], ["v1", 3, 0.1, 0.8]])
    look(watch, 1.0, seen)
    seen.add(7, 0, -1.0, [["v2", 7, 1.0, 1.9]])
    view = look(watch, 2.0, seen)
    assert [(one.name, one.answers, one.first, one.last, one.by_second) for one in view.releases] == [
        ("v1", 3, 0.1, 0.8, (3, 0)),
        ("v2", 9, 0.5, 1.9, (2, 7)),
    ]


def test_all_else() -> None:
    """The rest of a view is what was seen and set."""
    seen = Seen()
    seen.add(9, 2, 1.5, [], [["reset", 2]], [["GET /a", 0.5, 1.0, 1.0]])
    view = look(Watch(Run("1", SETTINGS)), 2.0, seen)
    assert (view.limit, view.stage, view.done, view.needed, view.vus, view.most_vus) == (90.0, "head", 4.0, 9.0, 20, 20)
    assert (view.failures, view.last_failure, view.kinds, view.outages) == (2, 1.5, (("reset", 2),), (("GET /a", 1.0),))
    assert (view.polled, view.report) == (False, "there")
    polled = RunSettings(Target(name="mine", base_url="http://127.0.0.1:1", version=VersionSource("url", "/v")))
    assert look(Watch(Run("1", polled)), 2.0, seen).polled


def told(*samples: tuple[float, str, str], zero: float = 100.0) -> Seen:
    """What the controller has seen of a batch of samples: time, endpoint, kind."""
    return add(Seen(), *samples, zero=zero)


def add(seen: Seen, *samples: tuple[float, str, str], zero: float = 100.0) -> Seen:
    """The same, with another batch."""
    batch = [Sample(zero + at, endpoint, kind=kind, version="v1") for at, endpoint, kind in samples]
    kind, line, *content, clear = message(batch, "gw0", zero)
    assert (kind, type(line), clear <= content[1]) == ("batch", bytes, True)
    seen.add(*content)
    return seen


def test_a_batch_is_told_in_short() -> None:
    """Samples, failures by kind and the time of the last, good answers by version."""
    seen = told((1.0, "a", ""), (2.0, "a", "reset"), (3.0, "b", "status-5xx"), (4.0, "b", "cut"), (2.5, "b", "expected"))
    assert (seen.samples, seen.failures, seen.last_failure) == (5, 2, 3.0)
    assert seen.kinds == {"reset": 1, "status-5xx": 1}
    assert (seen.versions, seen.answers) == ({"v1": (1.0, 4.0)}, {"v1": 3})


def test_texts_that_no_channel_can_carry() -> None:
    """A lone surrogate in the name of a version or an endpoint, of some API's answer, is written out."""
    batch = [Sample(1.0, "GET /\ud800", version="v\udfff")]
    told = message(batch, "gw0", 0.0)
    assert told[5] == [["v\\udfff", 1, 1.0, 1.0]]
    assert told[7] == [["GET /\\ud800", 1.0, -1.0, -1.0]]


def test_outages_under_way() -> None:
    """An endpoint is out since the first failure after its last success, until a success; what the end cut is neither."""
    seen = told((1.0, "a", ""), (3.0, "a", "reset"), (2.0, "a", "reset"), (2.0, "b", "reset"), (4.0, "b", "cut"))
    assert seen.outages == [("a", 2.0), ("b", 2.0)]
    assert seen.failed == {"a": 3.0, "b": 2.0}
    add(seen, (2.5, "b", ""), (5.0, "a", "reset"), (6.0, "c", "reset"))
    assert seen.outages == [("a", 2.0), ("c", 6.0)]
    add(seen, (7.0, "a", "expected"), (7.0, "c", ""), (8.0, "c", "reset"))
    assert seen.outages == [("c", 8.0)]
    assert seen.failed == {"a": 5.0, "b": 2.0, "c": 8.0}


def test_batches_that_come_late() -> None:
    """A success that was sent before the failure does not end the outage, whenever its batch comes."""
    seen = told((3.0, "a", "reset"))
    assert add(seen, (2.0, "a", ""), (2.9, "a", "")).outages == [("a", 3.0)]
    assert add(seen, (2.5, "a", "reset")).outages == [("a", 3.0)]
