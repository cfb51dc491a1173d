"""A real browser, and pages in it that have no network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.evidence.bundle import PAGE, read_bundle
from pytest_zdt.report.files import publish
from pytest_zdt.verdict.facts import gather
from pytest_zdt.verdict.judge import decide

from ..unit.verdict.conftest import Story, stored

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP: dict[str, Any] = {"viewport": {"width": 1200, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
READY = "#charts[data-from], #chartless:not([hidden])"
"""Selector of what a page has when it is drawn."""
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium of the system; tests are skipped without it.

    For one module: Playwright keeps an event loop going, beside which other tests could start none.
    """
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield found
        found.close()


class Window:
    """A page in the browser, what it wrote on its console, and what it asked for beside itself."""

    def __init__(self, browser: Any, url: str, *, offline: bool = True, ready: str = READY, **options: Any) -> None:
        self.context = browser.new_context(offline=offline, **{**DESKTOP, **options})
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.wanted = "nothing"
        """A part of complaints that a test wants."""
        self.asked: list[str] = []
        self.page.on("console", self._written)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(url)
        self.page.wait_for_selector(ready, state="attached")

    def _written(self, message: Any) -> None:
        """The tests look at the charts' colours, which Chromium finds slow; all else counts."""
        if message.type in ("error", "warning") and not any(text in message.text for text in ("getImageData", self.wanted)):
            self.errors.append(message.text)

    def text(self, selector: str) -> str:
        """What is to be read there."""
        return str(self.page.locator(selector).inner_text())


@pytest.fixture
def show(browser: Any) -> Iterator[Open]:
    """Opens a file, or a URL, in a window of its own. No page may complain on its console."""
    windows: list[Window] = []

    def open_(place: Path | str, **options: Any) -> Window:
        windows.append(Window(browser, place.as_uri() if isinstance(place, Path) else place, **options))
        return windows[-1]

    yield open_
    for window in windows:
        window.context.close()
    assert [error for window in windows for error in window.errors] == []


def written(story: Story, directory: Path, **run: Any) -> Path:
    """The page of a story, as a run leaves it."""
    facts = gather(read_bundle(stored(story, directory, **run)))
    publish(directory, facts, decide(facts))
    return directory / PAGE


@pytest.fixture
def page_of(show: Open, tmp_path: Path) -> Open:
    """Opens the page of a story; options as those of a browser's context."""

    def open_(story: Story, **options: Any) -> Any:
        return show(written(story, tmp_path), **options)

    return open_
