"""The page of a run that is under way, in a real browser: it follows the evidence, and comes to its end with the run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.evidence.bundle import BundleWriter
from pytest_zdt.evidence.samples import pack
from pytest_zdt.live import Live
from pytest_zdt.report.watch import Watch

from ..unit.verdict.conftest import Story
from .conftest import Open

WAITING = "The load has not begun yet, or what it has done is just being read; this page looks again every second."


class UnderWay:
    """A story that is told bit by bit, as a run writes it."""

    def __init__(self, story: Story, directory: Path) -> None:
        self.story, self._told = story, 0.0
        self._writer = BundleWriter(directory, {"schema": "zdt-run/1", **story.run})

    def go_on(self, until: float) -> None:
        """Writes what happened up to then."""
        evidence, since = self.story.evidence, self._told
        self._told = until
        if samples := [one for one in self.story.samples if since <= one.sent < until]:
            self._writer.add_batch(pack(samples, "main", 0.0))
        for second in evidence.health:
            if since <= second.at < until:
                self._writer.add_batch(second.as_line())
        for mark in evidence.marks:
            if since <= mark.at < until:
                self._writer.copy_mark(mark)

    def close(self) -> None:
        """Nothing is written any more."""
        self._writer.close()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., UnderWay]]:
    """Begins a run whose evidence goes to the test's directory."""
    begun: list[UnderWay] = []

    def begin_(story: Story) -> UnderWay:
        begun.append(UnderWay(story, tmp_path))
        return begun[-1]

    yield begin_
    for run in begun:
        run.close()


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """The page of the run r1, whose evidence goes to the test's directory; at the end it waits for nobody."""
    monkeypatch.setattr("pytest_zdt.live.LINGER", 0.0)
    found = Live(Watch(tmp_path, "r1"), 0)
    yield found
    found.close()


@pytest.fixture
def watched(live: Live, show: Open) -> Callable[[], Any]:
    """Opens the page."""
    return lambda: show(live.url, offline=False)


def test_follows_the_run(watched: Callable[[], Any], begin: Callable[..., UnderWay]) -> None:
    """Within a second it shows who answers, failures and marks, with the charts that are there; at the end the verdict."""
    run = begin(Story().break_(300, status=500))
    run.go_on(5.0)
    window = watched()
    expect = pytest.importorskip("playwright.sync_api").expect
    status, charts = window.page.locator("#live"), window.page.locator("#charts")
    expect(status).to_have_text("Under way for 5 s; judged as if it had ended at 5 s.")
    assert "UNDER WAY" in window.text("h1")
    assert window.page.title() == "under way: sandbox · zero downtime"
    run.go_on(12.0)
    expect(charts).to_contain_text("v2: ")
    expect(window.page.get_by_role("button", name="zoom to the rollout")).to_be_visible()
    run.go_on(16.0)
    expect(charts).to_contain_text("failed (striped): 1")
    expect(window.page.locator("h1")).to_contain_text("VIOLATED")
    run.go_on(41.0)
    expect(status).to_have_text("The run is over.")
    assert "VIOLATED" in window.text("h1")
    assert window.page.title() == "violated: sandbox · zero downtime"
    assert "800" in window.text(".figures")
    assert {url.partition("?")[0] for url in window.asked if not url.startswith("data:")} == {
        window.page.url,
        f"{window.page.url}live.json",
    }


def test_leaves_alone_what_somebody_looks_at(watched: Callable[[], Any], begin: Callable[..., UnderWay]) -> None:
    """New figures change neither the zoom, nor what is unfolded, nor where the keyboard is."""
    run = begin(Story())
    run.go_on(30.0)
    window = watched()
    expect = pytest.importorskip("playwright.sync_api").expect
    window.page.get_by_role("button", name="zoom to the rollout").click()
    charts = window.page.locator("#charts")
    before = charts.get_attribute("data-from"), charts.get_attribute("data-to")
    window.page.locator("#endpoints summary").first.click()
    window.page.locator(".plot").first.focus()
    run.go_on(33.0)
    expect(window.page.locator("#live")).to_have_text("Under way for 33 s; judged as if it had ended at 33 s.")
    assert (charts.get_attribute("data-from"), charts.get_attribute("data-to")) == before
    assert window.page.locator("#endpoints details").first.get_attribute("open") is not None
    assert window.page.evaluate("document.activeElement.className") == "plot"
    window.page.get_by_role("button", name="show the whole run").click()
    assert float(charts.get_attribute("data-to") or 0) == pytest.approx(33.0, abs=0.1)


def test_what_was_chosen_is_told_anew(watched: Callable[[], Any], begin: Callable[..., UnderWay]) -> None:
    """With the figures of its time as they are known now; it was spoken once, when it was chosen."""
    run = begin(Story().break_(10, status=500))
    run.go_on(4.47)
    window = watched()
    window.page.locator(".plot").first.focus()
    window.page.keyboard.press("End")
    spoken = window.text("#spoken")
    assert "0:04.4 to 0:04.47 (" in spoken
    run.story.break_(88, status=500)
    run.story.samples[88] = replace(run.story.samples[88], sent=4.48)
    run.go_on(6.0)
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(window.page.locator("#readout")).to_contain_text("0:04.4 to 0:04.5 (")
    expect(window.page.locator("#readout")).to_contain_text("Failed: 1 × status-5xx")  # noqa: RUF001 - as the page writes it
    assert window.text("#spoken") == spoken


def test_the_keyboard_stays_where_it_is(watched: Callable[[], Any], begin: Callable[..., UnderWay]) -> None:
    """Buttons that come with a phase take it from no chart."""
    run = begin(Story())
    run.go_on(5.0)
    window = watched()
    window.page.locator(".plot").first.focus()
    before = window.page.evaluate("document.activeElement.getAttribute('aria-label')")
    run.go_on(33.0)
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(window.page.get_by_role("button", name="zoom to the tail")).to_be_visible()
    assert window.page.evaluate("document.activeElement.getAttribute('aria-label')") == before


def test_waits_for_the_run(live: Live, show: Open, begin: Callable[..., UnderWay], tmp_path: Path) -> None:
    """Before the load there is nothing to show, not even the run that the directory held before; then it shows itself."""
    begin(Story().break_(300, status=500)).go_on(40.0)
    (tmp_path / "run.json").write_text((tmp_path / "run.json").read_text().replace('"r1"', '"r0"'))
    window = show(live.url, offline=False, ready="p")
    assert window.text("p") == WAITING
    begin(Story()).go_on(3.0)
    pytest.importorskip("playwright.sync_api").expect(window.page.locator("h1")).to_contain_text("UNDER WAY")


def test_the_server_goes(watched: Callable[[], Any], live: Live, begin: Callable[..., UnderWay], tmp_path: Path) -> None:
    """When nobody answers any more, as after a kill or a laptop's sleep, it keeps what it has and says everywhere that it is out
    of date, and where the finished page is. Somebody who answers again is heeded.
    """
    run = begin(Story())
    run.go_on(5.0)
    window = watched()
    window.wanted = "ERR_CONNECTION_REFUSED"
    port = live._server.server_port
    live.close()
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(window.page.locator("#live")).to_contain_text("its server cannot be reached")
    assert "UNDER WAY" in window.text("h1")
    expect(window.page.locator("h1")).to_contain_text("OUT OF DATE")
    assert window.page.title() == "out of date: under way: sandbox · zero downtime"
    for place in ("#live", "#announced"):
        assert f"Once it is over its page is {tmp_path / 'report.html'} where it ran." in window.text(place)
    run.go_on(7.0)
    again = Live(Watch(tmp_path, "r1"), port)
    expect(window.page.locator("#live")).to_have_text(re.compile("^Under way for 7 s"), timeout=30_000)
    assert window.text("h1") == "? UNDER WAY"
    assert window.page.title() == "under way: sandbox · zero downtime"
    again.close()


def test_who_does_not_answer_is_asked_ever_more_rarely(watched: Callable[[], Any], begin: Callable[..., UnderWay]) -> None:
    """Up to half a minute apart."""
    begin(Story()).go_on(5.0)
    pauses = watched().page.evaluate("[0, 1, 2, 3, 4, 5, 6, 7, 8, 100].map(pause)")
    assert pauses == [1000, 1000, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]


def test_parts_come_and_go_in_their_places(watched: Callable[[], Any], begin: Callable[..., UnderWay]) -> None:
    """Likely causes appear where they belong, with their link."""
    run = begin(Story().break_(*range(200, 400, 2), status=500, version="v1", kind="status-5xx"))
    run.go_on(8.0)
    window = watched()
    expect = pytest.importorskip("playwright.sync_api").expect
    assert window.page.locator("#causes").count() == 0
    run.go_on(41.0)
    expect(window.page.locator("#live")).to_have_text("The run is over.")
    ids = window.page.evaluate("[...document.querySelectorAll('main > section')].map((one) => one.id)")
    links = window.page.evaluate("[...document.querySelectorAll('nav a')].map((one) => one.hash.slice(1))")
    assert ids == ["verdict", *links]
    assert "causes" in links


def test_who_reads_a_table_is_not_disturbed(watched: Callable[[], Any], begin: Callable[..., UnderWay]) -> None:
    """A part that has the keyboard waits with what is new until it is left; a screen reader hears of the verdict alone."""
    run = begin(Story().break_(300, status=500))
    run.go_on(8.0)
    window = watched()
    expect = pytest.importorskip("playwright.sync_api").expect
    window.page.locator("#endpoints .wide").first.focus()
    before = window.text("#endpoints")
    run.go_on(16.0)
    expect(window.page.locator("#announced")).to_have_text("violated: sandbox · zero downtime")
    assert window.page.evaluate("document.activeElement.className") == "wide"
    assert window.text("#endpoints") == before
    window.page.locator("#endpoints .wide").first.blur()
    expect(window.page.locator("#endpoints")).to_contain_text("1 failed")


def test_many_failures(watched: Callable[[], Any], begin: Callable[..., UnderWay], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not each can be told yet their number is right, and no time with failures says that there were none."""
    monkeypatch.setattr("pytest_zdt.report.watch.MOST_FAILURES", 3)
    begin(Story().break_(*range(100, 110), 300, 302, 304, status=500)).go_on(16.0)
    window = watched()
    assert "failed (striped): 13" in window.text("#charts")
    assert "Of 13 failures the latest 3 are drawn while the run goes." in window.text("#charts")
    window.page.locator(".plot").first.focus()
    window.page.keyboard.press("f")
    assert "failed; the page of the whole run tells which." in window.text("#readout")


def test_another_run(watched: Callable[[], Any], live: Live, begin: Callable[..., UnderWay], tmp_path: Path) -> None:
    """A page that was left open shows the run that is served now, and nothing of the one before."""
    begin(Story().break_(100, status=500)).go_on(9.0)
    window = watched()
    assert "VIOLATED" in window.text("h1")
    other = Story()
    other.run["id"] = "r2"
    begin(other).go_on(9.0)
    live._watch = Watch(tmp_path, "r2")
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(window.page.locator("h1")).to_contain_text("UNDER WAY")
    assert "No request failed." in window.text("#failures")
