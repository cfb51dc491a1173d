"""The page of a run in a real browser: from a file, without a network."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.evidence.samples import Sample

from ..unit.verdict.conftest import Story
from .conftest import PHONE, Open, Window, written


def violated() -> Story:
    """Ten failures in the overlap, some of them in a row, one in the tail; and a mark of a deploy script."""
    story = Story().break_(*range(300, 309), 600, status=503, message="503 Service Unavailable")
    return story.mark(12.5, "caches-flushed")


def empty() -> Story:
    """Not one request."""
    story = Story().unmark("deploy-started").unmark("deploy-ended")
    story.samples = []
    return story


STORIES: dict[str, Callable[[], Story]] = {
    "verified": Story,
    "violated": violated,
    "inconclusive": lambda: Story().require(tail=300.0),
    "empty": empty,
}


def plot(window: Any, number: int = 0) -> Any:
    """The drawing area of a chart: requests, failures (if there were any), latency, generator."""
    return window.page.locator(".u-over").nth(number)


def at(window: Any, seconds: float, number: int = 0, end: float = 40.0) -> tuple[float, float]:
    """Where on the screen a time is in a chart that shows all."""
    plot(window, number).scroll_into_view_if_needed()
    box = plot(window, number).bounding_box()
    return box["x"] + box["width"] * seconds / end, box["y"] + box["height"] / 2


def range_(window: Any) -> tuple[float, float]:
    """The seconds that the charts show."""
    return tuple(float(window.page.locator("#charts").get_attribute(f"data-{end}")) for end in ("from", "to"))  # type: ignore[return-value]


def colour(window: Any, seconds: float, height: float) -> list[int]:
    """Red, green and blue of the first chart at a time and a share of its height above the bottom."""
    return window.page.evaluate(  # type: ignore[no-any-return]
        """([seconds, height]) => {
            const canvas = document.querySelector("#charts canvas"), over = document.querySelector("#charts .u-over");
            const dpr = canvas.width / canvas.clientWidth;
            const x = (over.offsetLeft + over.offsetWidth * seconds / 40) * dpr;
            const y = (over.offsetTop + over.offsetHeight * (1 - height)) * dpr;
            return [...canvas.getContext("2d").getImageData(Math.round(x), Math.round(y), 1, 1).data].slice(0, 3);
        }""",
        [seconds, height],
    )


def variable(window: Any, name: str) -> list[int]:
    """Red, green and blue of a colour of the page's style."""
    text = window.page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')").strip()
    return [int(text[start : start + 2], 16) for start in (1, 3, 5)]


@pytest.mark.parametrize("name", STORIES)
def test_opens_from_a_file_without_a_network(name: str, page_of: Open) -> None:
    """The verdict stands there; nothing else is asked for, nothing is written on the console."""
    window = page_of(STORIES[name]())
    verdict = "inconclusive" if name == "empty" else name
    assert verdict.upper() in window.text("h1")
    assert window.page.title().startswith(f"{verdict}: sandbox")
    assert [url for url in window.asked if not url.startswith("data:")] == [window.page.url]
    assert window.page.url.startswith("file://")


def test_the_first_screen(page_of: Open) -> None:
    """Without scrolling: the verdict, its level, why it is so, what is missing."""
    window = page_of(violated().require(overlap_answers=10_000))
    height = 900
    for text in ("VIOLATED", "10 of 800 requests failed", "status-5xx", "overlap"):
        box = window.page.get_by_text(text).first.bounding_box()
        assert box["y"] + box["height"] < height, text


def test_the_level(page_of: Open) -> None:
    """A verified run says which of the two levels it has."""
    assert page_of(Story()).text(".level") == "zero-impact"


def test_a_run_without_requests(page_of: Open) -> None:
    """There are no charts, and it is said why; the rest is there."""
    window = page_of(empty())
    assert window.page.locator("#charts").is_hidden()
    assert window.text("#chartless") == "No request was recorded: there is nothing to draw."
    assert "no-samples" in window.text("#requirements")


def test_the_charts_show_who_answered(page_of: Open) -> None:
    """Old alone, then both stacked, then new alone, failures on top: each in its colour."""
    window = page_of(violated())
    old, new, failed = (variable(window, name) for name in ("old", "new", "failed"))
    assert colour(window, 5.0, 0.3) == old
    assert colour(window, 30.5, 0.3) == new
    assert (colour(window, 13.7, 0.2), colour(window, 13.7, 0.8)) == (old, new)
    for seconds, height in ((15, 0.8), (30, 0.93)):  # with stripes
        assert failed in [colour(window, seconds + share / 20, height) for share in range(1, 20)]


def test_many_kinds_of_failures(page_of: Open) -> None:
    """Each failure is drawn as what it was, however many kinds there are."""
    story = Story().break_(*range(200, 400), status=503)
    story.samples = [replace(one, endpoint=f"GET /{number % 150:03}/") for number, one in enumerate(story.samples)]
    window = page_of(story)
    told = window.page.evaluate("data.failed_group.map((number) => data.groups[number].endpoint)")
    assert told == [f"GET /{number % 150:03}/" for number in range(200, 400)]


@pytest.mark.parametrize("number", range(5))
def test_hover(number: int, page_of: Open) -> None:
    """Every chart tells what was at the time under the pointer: rates, latency, failures by kind, marks."""
    window = page_of(violated())
    window.page.mouse.move(*at(window, 15.1, number))
    told = window.text("#readout")
    assert re.match(
        r"0:15 to 0:16 \(rollout, 00:00:15 UTC\): v1 [\d.]+/s, v2 [\d.]+/s; latency p50 10 ms, p99 10 ms; lag 1 ms, CPU 20 %\.",
        told,
    )
    assert "Failed: 3 × status-5xx on GET /a/ by v2; 2 × status-5xx on " in told  # noqa: RUF001 - as the page writes it
    window.page.mouse.move(*at(window, 5.1, number))
    assert window.text("#readout").endswith("No failures.")
    window.page.mouse.move(*at(window, 12.6, number))
    assert "Mark: caches-flushed at 0:12.5." in window.text("#readout")


def test_the_readout_stays_in_sight(page_of: Open) -> None:
    """Also beside the lowest chart, on a phone too; it keeps its height, so that the charts do not move under the pointer."""
    for options in ({}, PHONE):
        window = page_of(violated(), **options)
        readout = window.page.locator("#readout")
        before = readout.bounding_box()["height"]
        window.page.mouse.move(*at(window, 15.1, 4))
        box = readout.bounding_box()
        assert box["height"] == before
        assert 0 <= box["y"] < 700


EDGES = """() => [...document.querySelectorAll("#charts canvas")].map((canvas) => {
    const ctx = canvas.getContext("2d"), wide = canvas.width;
    const inked = (x) => ctx.getImageData(x, 0, 1, canvas.height).data.some((value) => value > 0);
    return inked(0) || inked(1) || inked(wide - 1) || inked(wide - 2);
})"""
"""Whether there is ink at the left or right edge of each chart."""


def test_axes_are_not_cut(page_of: Open) -> None:
    """Nothing is written at the very edges of a chart, however long its numbers are."""
    window = page_of(violated().change(latency=0.6, took=0.7), color_scheme="light")
    assert window.page.evaluate(EDGES) == [False] * 5


def test_long_times_are_not_cut(page_of: Open) -> None:
    """The last time of a day is written whole, though it stands below the very end of the chart."""
    window = page_of(a_day(), color_scheme="light")
    assert window.page.evaluate(EDGES) == [False] * 5


def test_many_versions(page_of: Open) -> None:
    """Five of them have five colours, and their changes buttons that say which; a long name does not widen the page."""
    story = Story().unmark("deploy-started").unmark("deploy-ended").change(flow="", made_by="")
    window = page_of(story.change(version=lambda one: f"v{int(one.sent // 8)}{'x' * 200}"), **PHONE)
    swatches = "[...document.querySelectorAll('.legend')[0].querySelectorAll('.swatch')].map((one) => one.style.background)"
    assert len(set(window.page.evaluate(swatches)[:5])) == 5
    labels = [one.get_attribute("aria-label") for one in window.page.locator(".tools button").all()]
    assert len(set(labels)) == len(labels)
    assert window.page.evaluate("document.documentElement.scrollWidth") == 390


def test_zoom_by_dragging(page_of: Open) -> None:
    """What is dragged over is shown by all charts; a double click shows all again."""
    window = page_of(violated())
    assert range_(window) == (0.0, 40.0)
    window.page.mouse.move(*at(window, 10.0))
    window.page.mouse.down()
    window.page.mouse.move(*at(window, 20.0), steps=5)
    window.page.mouse.up()
    assert range_(window) == (pytest.approx(10.0, abs=0.3), pytest.approx(20.0, abs=0.3))
    for number in range(5):  # the middle of every chart is the same time now
        box = plot(window, number).bounding_box()
        window.page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + 5)
        assert window.text("#readout").startswith("0:15 to 0:16"), number
    window.page.mouse.dblclick(*at(window, 20.0))
    assert range_(window) == (0.0, 40.0)


def test_zoom_by_buttons(page_of: Open) -> None:
    """To a phase, in, out, sideways, and back to all; never beyond the run."""
    window = page_of(violated())
    press = lambda name: window.page.get_by_role("button", name=name, exact=True).click()  # noqa: E731 - reads better below
    press("zoom to the rollout")
    start, end = range_(window)
    assert (start, end) == (9.0, pytest.approx(20.0, abs=0.1))
    press("zoom in")
    assert range_(window)[1] - range_(window)[0] == pytest.approx((end - start) / 2, abs=0.01)
    press("later")
    assert range_(window)[0] > start
    for _ in range(20):
        press("later")
    assert range_(window)[1] == 40.0
    for _ in range(10):
        press("zoom out")
    assert range_(window) == (0.0, 40.0)
    for _ in range(20):
        press("zoom in")
    assert range_(window)[1] - range_(window)[0] == pytest.approx(2.0)
    press("show the whole run")
    assert range_(window) == (0.0, 40.0)


def test_keyboard(page_of: Open) -> None:
    """A chart can be reached and read by keyboard alone; what is chosen is spoken by a screen reader."""
    window = page_of(violated())
    for _ in range(60):
        window.page.keyboard.press("Tab")
        if window.page.evaluate("document.activeElement.className") == "plot":
            break
    assert window.page.evaluate("document.activeElement.className") == "plot"
    keys = window.page.keyboard
    keys.press("Home")
    assert window.text("#spoken").startswith("0:00 to 0:01 (head, 00:00:00 UTC)")
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    assert window.text("#spoken").startswith("0:02 to 0:03")
    keys.press("ArrowLeft")
    assert window.text("#spoken").startswith("0:01 to 0:02")
    keys.press("f")
    assert window.text("#spoken").startswith("0:15 to 0:16")
    assert "status-5xx" in window.text("#spoken")
    keys.press("f")
    assert window.text("#spoken").startswith("0:30 to 0:31")
    keys.press("f")
    assert window.text("#spoken").startswith("0:15 to 0:16")  # the first again
    keys.press("+")
    keys.press("+")
    assert range_(window)[0] < 15.5 < range_(window)[1]
    assert range_(window)[1] - range_(window)[0] == pytest.approx(10.0, abs=0.1)
    keys.press("0")
    assert range_(window) == (0.0, 40.0)


def crosshair(window: Window) -> tuple[str, float]:
    """What the readout tells of, and which time the line through the charts stands at."""
    window.page.evaluate("new Promise(requestAnimationFrame)")  # the charts take a new scale in a task of its own
    places = window.page.evaluate("plots.map((plot) => plot.posToVal(plot.cursor.left, 'x'))")
    assert places == pytest.approx([places[0]] * 5, abs=0.1)
    return window.text("#readout").partition(" (")[0], places[0]


def test_what_is_told_is_what_was_chosen(page_of: Open) -> None:
    """The readout and the line stay with what the keyboard chose, however one zooms; a pointer that moves takes them over."""
    window = page_of(violated())
    window.page.locator(".plot").first.focus()
    keys = window.page.keyboard
    for key in ("Home", "+", "+", "f"):
        keys.press(key)
    assert crosshair(window) == ("0:15 to 0:16", pytest.approx(15.5, abs=0.1))
    assert range_(window)[0] < 15.5 < range_(window)[1]
    for key in ("-", "0", "+"):
        keys.press(key)
        assert crosshair(window) == ("0:15 to 0:16", pytest.approx(15.5, abs=0.1)), key
    window.page.get_by_role("button", name="zoom to the tail").click()
    window.page.get_by_role("button", name="next failure").click()
    assert crosshair(window) == ("0:30 to 0:31", pytest.approx(30.5, abs=0.1))
    box = window.page.locator(".plot .u-over").first.bounding_box()
    assert box is not None
    window.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    assert crosshair(window)[0] != "0:30 to 0:31"
    window.page.locator(".plot").first.focus()
    keys.press("f")
    keys.press("ArrowRight")
    assert crosshair(window) == ("0:31 to 0:32", pytest.approx(31.5, abs=0.1))
    window.page.mouse.move(box["x"] + box["width"] / 2 + 1, box["y"] + 10)
    keys.press("0")
    assert crosshair(window) == ("0:20 to 0:21", pytest.approx(20, abs=0.2))


def test_the_buttons_zoom_around_what_was_pointed_at(page_of: Open) -> None:
    """As the page says to those who tap."""
    window = page_of(violated())
    window.page.mouse.move(*at(window, 23.3))
    for _ in range(3):
        window.page.get_by_role("button", name="zoom in").click()
    assert range_(window)[0] < 23.3 < range_(window)[1]
    assert range_(window)[1] - range_(window)[0] == pytest.approx(5.0, abs=0.1)
    assert crosshair(window) == ("0:23 to 0:24", pytest.approx(23.5, abs=0.1))
    window.page.get_by_role("button", name="next failure").click()
    assert crosshair(window)[0] == "0:30 to 0:31"


WIDER = """async () => {
    const raw = await unpack(document.getElementById("data").textContent);
    const half = (list) => list.filter((_, number) => number % 2 === 0);
    for (const name of ["failed", "p50", "p99", "lag", "cpu"]) raw[name] = half(raw[name]);
    raw.versions.forEach((one) => (one.rate = half(one.rate)));
    raw.width *= 2;
    show(raw);
}"""


def test_a_choice_outlives_wider_buckets(page_of: Open) -> None:
    """The buckets of a run under way grow with it: what was chosen is a time, not a number."""
    window = page_of(violated())
    window.page.locator(".plot").first.focus()
    window.page.keyboard.press("f")
    assert crosshair(window) == ("0:15 to 0:16", pytest.approx(15.5, abs=0.1))
    window.page.evaluate(WIDER)
    assert crosshair(window)[1] == pytest.approx(15.0, abs=0.1)
    window.page.keyboard.press("ArrowRight")
    assert crosshair(window) == ("0:16 to 0:18", pytest.approx(17.0, abs=0.1))


def test_all_is_printed(page_of: Open) -> None:
    """On paper is the whole run, whatever is zoomed to; on the screen it stays."""
    window = page_of(violated())
    window.page.get_by_role("button", name="zoom to the head").click()
    before = range_(window)
    window.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert range_(window) == (0.0, 40.0)
    window.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert range_(window) == before


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {**PHONE, "color_scheme": "dark"},
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", STORIES)
def test_accessibility(name: str, look: str, page_of: Open) -> None:
    """The axe-core rules find nothing wrong, with all that can be opened open."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    window = page_of(STORIES[name](), **LOOKS[look])
    window.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    found = axe.run(window.page).response["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found] == []


@pytest.mark.parametrize("name", STORIES)
def test_a_phone(name: str, page_of: Open) -> None:
    """The page is as wide as the phone, and so are the charts; wide tables scroll by themselves."""
    window = page_of(STORIES[name](), **PHONE)
    assert window.page.evaluate("document.documentElement.scrollWidth") == 390
    for row in window.page.locator("#requirements tbody tr").all():  # stacked
        box = row.locator("td").last.bounding_box()
        assert box["x"] < 40
        assert box["width"] > 300
    if name != "empty":
        assert window.page.locator("#charts canvas").first.bounding_box()["width"] <= 390


def test_dark_and_light(page_of: Open) -> None:
    """The page follows the system's wish, also when it changes, and so do the charts."""
    window = page_of(violated(), color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    assert window.page.evaluate(background) == "rgb(20, 23, 26)"
    dark = colour(window, 5.0, 0.3)
    window.page.emulate_media(color_scheme="light")
    assert window.page.evaluate(background) == "rgb(255, 255, 255)"
    window.page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    assert colour(window, 5.0, 0.3) == variable(window, "old") != dark


def test_print(page_of: Open) -> None:
    """On paper all is light, though the screen was dark, and nothing is for pressing."""
    window = page_of(violated(), color_scheme="dark")
    window.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    window.page.emulate_media(media="print", color_scheme="dark")
    assert window.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert colour(window, 5.0, 0.3) == [0x3F, 0x74, 0xB8]
    assert window.page.locator(".tools").is_hidden()
    assert len(window.page.pdf(format="A4")) > 20_000
    window.page.emulate_media(media="screen", color_scheme="dark")
    window.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert window.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"


LONG_NAMES: dict[str, Callable[[str], str]] = {
    "commit": lambda version: hashlib.sha1(version.encode(), usedforsecurity=False).hexdigest(),
    "digest": lambda version: f"registry.example.org/media-api@sha256:{hashlib.sha256(version.encode()).hexdigest()}",
}
OVERFLOWING = """(width) => [...document.querySelectorAll("body *:not(.skip, .skip *, .unseen)")]
    .filter((it) => it.getBoundingClientRect().right > width + 1 || (it.matches("th, td") && it.scrollWidth > it.offsetWidth))
    .map((it) => it.outerHTML.slice(0, 80))"""
"""What reaches beyond that width, or out of its cell."""


@pytest.mark.parametrize("name", LONG_NAMES)
def test_tables_fit_the_paper(name: str, page_of: Open) -> None:
    """However the versions are named: nothing is broader than A4 less 10 mm at each side, so nothing is cut or shrunk."""
    named = LONG_NAMES[name]
    story = violated().change(version=lambda one: named(one.version), made_by=lambda one: one.made_by and named(one.made_by))
    window = page_of(story, viewport={"width": 718, "height": 1000})
    window.page.emulate_media(media="print")
    window.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert window.page.evaluate(OVERFLOWING, 718) == []


def test_names_from_right_to_left(page_of: Open) -> None:
    """Figures beside them stand where they do beside others: in the readout, the legend and the tables."""
    name = "إصدار-٢"
    story = violated().change(version=lambda one: {"v1": "v1", "v2": name}[one.version], made_by="", flow="")
    window = page_of(story)
    window.page.mouse.move(*at(window, 15.1))
    assert f"status-5xx on GET /a/ by \u2068{name}\u2069" in window.text("#readout")
    assert f"\u2068{name}\u2069: " in window.text(".legend >> nth=0")
    assert name in window.page.locator(".figures bdi").all_inner_texts()
    assert name in window.page.locator("#failures bdi").all_inner_texts()


@pytest.mark.parametrize("name", LONG_NAMES)
def test_no_key_figure_is_cut(name: str, page_of: Open) -> None:
    """Long names do not take the room of the counts beside them."""
    named = LONG_NAMES[name]
    window = page_of(Story().change(version=lambda one: named(one.version), made_by="", flow=""), **PHONE)
    cut = "[...document.querySelectorAll('.figures dd')].filter((it) => it.scrollHeight > it.clientHeight + 1).length"
    assert window.page.evaluate(cut) == 0
    assert re.search(r"\d+ by .{20} \+ \d+ by .{20}$", window.text(".figures div:nth-child(5) dd"))


EVIL = "</script></td><script>window.hit = 1</script><img src=x onerror='window.hit = 1'>&lt;b>\x1b[31m\u202e`|"


def test_hostile_texts(show: Open, tmp_path: Path) -> None:
    """No endpoint, version, message, request id, mark, setting or output of a command becomes anything but text."""
    story = Story().break_(300, 301, 302, status=500, message=EVIL, request_id=EVIL)
    story.change(endpoint=lambda one: f"{one.endpoint}{EVIL}", version=lambda one: f"{one.version}{EVIL}", flow=EVIL)
    story.change(made_by=lambda one: f"v1{EVIL}").mark(12.0, EVIL, text=EVIL)
    page = written(story, tmp_path / "a", target=EVIL, base_url=EVIL, deploy=EVIL, seed=EVIL)
    (page.parent / "deploy.log").write_text(EVIL * 3)
    page = written(story, tmp_path / "b", target=EVIL, base_url=EVIL, deploy=EVIL, seed=EVIL)
    window = show(page)
    window.page.mouse.move(*at(window, 15.1))
    assert window.page.evaluate("window.hit") is None
    assert window.page.locator("img").count() == 0
    assert window.page.locator("script").count() == 7
    clean = EVIL.replace("\x1b", "").replace("\u202e", "")
    for part in ("h1 + .told", "#failures", "#endpoints", "#flows", "#about", "#readout"):
        assert clean in window.text(part), part


INTRUDERS = """() => {
    const script = document.createElement("script");
    script.text = "window.hit = 1";
    document.body.append(script);
    document.body.insertAdjacentHTML("beforeend", "<img src='x' onerror='window.hit = 1'>");
}"""


def test_nothing_else_may_run(page_of: Open) -> None:
    """Even a script that got into the page would not run, nor load anything: its policy forbids it."""
    window = page_of(Story())
    window.wanted = "Content Security Policy"
    with window.page.expect_console_message(lambda message: "img-src" in message.text):
        window.page.evaluate(INTRUDERS)
    assert window.page.evaluate("window.hit") is None


def test_without_scripts(page_of: Open) -> None:
    """Verdict and tables are there; it is said what the charts need."""
    window = page_of(violated(), java_script_enabled=False)
    assert "VIOLATED" in window.text("h1")
    assert window.text("#chartless") == "The charts need JavaScript; the rest of the page does not."
    assert "503 Service Unavailable" in window.text("#failures")


def shortened(seconds: float) -> Story:
    """The story in less time."""
    story = Story()
    story.change(sent=lambda one: one.sent * seconds / 40, latency=lambda one: one.latency / 10, took=lambda one: one.took / 10)
    story.mark(9.0 * seconds / 40, "deploy-started").mark(19.0 * seconds / 40, "deploy-ended").mark(
        seconds, "run-ended", planned_s=seconds
    )
    story.health = [replace(one, at=one.at * seconds / 40) for one in story.health[:2]]
    return story


def an_hour() -> Story:
    """One request a second and endpoint for an hour, old until half past; one failure."""
    story = shortened(3600)
    story.samples = [
        Sample(
            at / 2,
            ("GET /a/", "GET /b/")[at % 2],
            f"id{at}",
            0.02,
            0.01,
            200,
            "",
            "v1" if at < 3600 else "v2",
            vu=at % 4,
            lane="new",
        )
        for at in range(7200)
    ]
    return story.break_(1234, status=500)


def at_the_edges() -> Story:
    """Failures less than a millisecond before buckets end, and the run."""
    story = Story().break_(199, 301, 799, status=500)
    for number, sent in ((199, 9.9996), (301, 14.99995), (799, 39.9998)):
        story.samples[number] = replace(story.samples[number], sent=sent, took=0.0001, latency=0.0001)
    return story


@pytest.mark.parametrize(
    "key, when", [("f", "0:09 to 0:10"), ("ff", "0:14 to 0:15"), ("fff", "0:39 to 0:40"), ("End", "0:39 to 0:40")]
)
def test_failures_at_the_edges_are_told(key: str, when: str, page_of: Open) -> None:
    """A failure is told with its kind in the bucket that counts it, also at the run's very end."""
    window = page_of(at_the_edges())
    window.page.locator(".plot").first.focus()
    for one in [key] if key == "End" else key:
        window.page.keyboard.press(one)
    assert window.text("#readout").startswith(when)
    assert "Failed: 1 × status-5xx on GET" in window.text("#readout")  # noqa: RUF001 - as the page writes it


def a_day() -> Story:
    """A request each two minutes, for a day; one failure."""
    story = shortened(86_400.0)
    one = story.samples[0]
    story.samples = [replace(one, sent=120.0 * at, version="v1" if at < 360 else "v2", flow="", made_by="") for at in range(720)]
    return story.break_(400, status=500)


def test_a_rare_failure_is_found(page_of: Open) -> None:
    """Rates below one in a hundred seconds are rates too: on the axis, and for who looks for failures."""
    window = page_of(a_day())
    window.page.locator(".plot").first.focus()
    window.page.keyboard.press("f")
    assert "Failed: 1 × status-5xx" in window.text("#readout")  # noqa: RUF001 - as the page writes it
    written = window.page.evaluate("[0, 0.002, 0.005, 0.0075, 0.01, 0.25, 1.25, 9.5].map(number)")
    assert written == ["0", "0.002", "0.005", "0.0075", "0.01", "0.25", "1.25", "9.5"]


@pytest.mark.parametrize("story, end, buckets", [(shortened(2.0), 2.0, 20), (an_hour(), 3600.0, 360)], ids=["2 s", "1 h"])
def test_short_and_long_runs(story: Story, end: float, buckets: int, page_of: Open) -> None:
    """Both give a readable page: charts in steps that suit them, no bucket empty."""
    window = page_of(story)
    assert range_(window) == (0.0, end)
    window.page.mouse.move(*at(window, end * 0.95, end=end))
    told = window.text("#readout")
    assert " UTC): v1 0/s, v2 " in told
    assert "v2 0/s" not in told
    steps = {
        window.text("#readout")
        for share in range(8)
        if window.page.mouse.move(*at(window, end * share / 8 + end / 100, end=end)) is None
    }
    assert len(steps) == 8
