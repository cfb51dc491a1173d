"""A run that is under way, as a panel and as a line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_zdt.report.panel import Release, View, columns, line, panel

HEAD = View(
    now=5.2, limit=90.0, stage="head", done=4.1, needed=9.0, vus=20, most_vus=20, per_second=145.4, requests=744,
    releases=(Release("v1", 744, 0.1, 5.0, (140, 150, 145, 148, 142)),), report="zdt-report",
)  # fmt: skip
DEPLOYING = replace(
    HEAD, now=21.0, stage="deploying", done=11.9, needed=0.0, requests=3047, failures=3, last_failure=18.4,
    kinds=(("read-timeout", 1), ("status-5xx", 2)), outages=(("GET /v1/images/{id}/", 17.0), ("POST /v1/lists/", 18.4)),
    releases=(
        Release("v1", 2442, 0.1, 20.7, (150, 148, 150, 120, 100, 80, 60, 40, 20, 4)),
        Release("v2", 602, 14.0, 20.9, (0, 0, 0, 30, 50, 70, 90, 110, 130, 146)),
    ),
)  # fmt: skip
LONG = replace(
    DEPLOYING,
    releases=(
        replace(DEPLOYING.releases[0], name="release-2026-01"),
        replace(DEPLOYING.releases[1], name="release-2026-01-next", answers=12602),
    ),
)
PANELS = {
    "head": (HEAD, 100, """\
zdt  head 0:04 of 0:09  ━━━━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  0:05 done
     20 VUs, 145 requests/s now, 744 requests
     v1  744 answers                 ▇████  answers now
     no request failed
     evidence in zdt-report"""),
    "deploying": (DEPLOYING, 100, """\
zdt  deploying 0:11  ━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  0:21 done
     20 VUs, 145 requests/s now, 3047 requests
     v1  2442 answers            ███▆▅▄▃▂▁▁  answers now
     v2   602 answers               ▂▃▄▅▆▇█  answers now, first at 0:14
     3 failed, the last 0:02 ago: 2 status-5xx, 1 read-timeout
     outage for 0:04: GET /v1/images/{id}/ and 1 more
     evidence in zdt-report"""),
    "tail": (replace(DEPLOYING, now=30.0, stage="tail", done=9.0, needed=9.0, outages=()), 100, """\
zdt  tail 0:09 of 0:09  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  0:30 done, at most 1:00 left
     20 VUs, 145 requests/s now, 3047 requests
     v1  2442 answers            ███▆▅▄▃▂▁▁  last 0:09 ago
     v2   602 answers               ▂▃▄▅▆▇█  last 0:09 ago, first at 0:14
     3 failed, the last 0:11 ago: 2 status-5xx, 1 read-timeout
     evidence in zdt-report"""),
    "a shorter graph": (replace(LONG, outages=()), 80, """\
zdt  deploying 0:11  ━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  0:21 done
     20 VUs, 145 requests/s now, 3047 requests
     release-2026-01        2442 answers  ██▆▅▄▃▂▁▁  answers now
     release-2026-01-next  12602 answers    ▂▃▄▅▆▇█  answers now, first at 0:14
     3 failed, the last 0:02 ago: 2 status-5xx, 1 read-timeout
     evidence in zdt-report"""),
    "too little room for a graph": (replace(LONG, outages=()), 72, """\
zdt  deploying 0:11  ━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  0:21 done
     20 VUs, 145 requests/s now, 3047 requests
     release-2026-01        2442 answers  answers now
     release-2026-01-next  12602 answers  answers now, first at 0:14
     3 failed, the last 0:02 ago: 2 status-5xx, 1 read-timeout
     evidence in zdt-report"""),
    "narrow": (DEPLOYING, 40, """\
zdt  deploying 0:11  ━━╌╌╌╌╌  0:21 done
  20 VUs, 145 requests/s now, 3047 re..
  v1  2442 answers  answers now
  v2   602 answers  answers now, firs..
  3 failed, the last 0:02 ago: 2 stat..
  outage for 0:04: GET /v1/images/{id..
  evidence in zdt-report"""),
    "very narrow": (DEPLOYING, 24, """\
zdt  deploying 0:11
  20 VUs, 145 request..
  v1  2442 answers  a..
  v2   602 answers  a..
  3 failed, the last ..
  outage for 0:04: GE..
  evidence in zdt-rep.."""),
    "ramp": (replace(HEAD, stage="load", done=5.2, needed=900.0, limit=900.0, vus=7, releases=()), 80, """\
zdt  load 0:05 of 15:00  ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  at most 14:54 left
     7 of 20 VUs, 145 requests/s now, 744 requests
     no answer names a version
     no request failed
     evidence in zdt-report"""),
    "rate": (replace(HEAD, rate=20.0, requests=0, per_second=0.0, releases=()), 80, """\
zdt  head 0:04 of 0:09  ━━━━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  0:05 done
     up to 20 VUs at 20 tests/s, 0 requests/s now, 0 requests
     no answer yet
     no request failed
     evidence in zdt-report"""),
}  # fmt: skip


@pytest.mark.parametrize("view, width, text", PANELS.values(), ids=PANELS)
def test_panel(view: View, width: int, text: str) -> None:
    """What a panel shows in each stage, and what is left of it on a narrow terminal."""
    assert "\n".join(words for words, _ in panel(view, width)) == text


@pytest.mark.parametrize("height", range(1, 8))
def test_on_a_short_terminal_the_most_important_lines_are_left(height: int) -> None:
    """No more lines than there is room for; how far the run is and what fails go first, in their usual order."""
    lines, whole = panel(DEPLOYING, 100, height), panel(DEPLOYING, 100)
    assert len(lines) == height
    assert lines == [one for one in whole if one in lines]
    assert [words.split()[0] for words, _ in panel(DEPLOYING, 100, 3)] == ["zdt", "3", "outage"]


HOSTILE = "\x1b[31mv\x1b]0;x\x07\u202e\n\r" + "版" * 40 + "e\u0301"


@pytest.mark.parametrize("width", [20, 39, 60, 200])
def test_hostile_texts(width: int) -> None:
    """Whatever a version, an endpoint or a directory is called: no control character, and no line as wide as the terminal."""
    release = Release(HOSTILE, 1, 0.0, 5.0, (1,))
    view = replace(DEPLOYING, releases=(release, replace(release, name="v2")), outages=((HOSTILE, 1.0),), report=HOSTILE)
    for words, _ in panel(view, width):
        assert words.isprintable()
        assert columns(words) < width
    assert line(view).isprintable()
    assert "31mv]0;x" in line(view)


def test_columns() -> None:
    """Wide characters take two columns, combining ones none."""
    assert [columns(text) for text in ("", "v1", "版", "e\u0301", "\uff21")] == [0, 2, 2, 1, 2]


def test_ascii() -> None:
    """Where the terminal knows nothing else, all of the panel's own characters are ASCII."""
    assert all(words.isascii() for words, _ in panel(DEPLOYING, 100, ascii_only=True))


@pytest.mark.parametrize(("number", "shown"), [(3, ["r0", "r1", "r2"]), (5, ["r0", "r3", "r4"])])
def test_many_versions(number: int, shown: list[str]) -> None:
    """Of many versions the first and the last ones are shown, and how many are not."""
    releases = tuple(Release(f"r{index}", 1, float(index), 5.0) for index in range(number))
    words = [words.split() for words, _ in panel(replace(HEAD, releases=releases), 100)]
    assert [one[0] for one in words if one[0].startswith("r")] == shown
    assert (["and", "2", "versions", "between"] in words) == (number == 5)


def test_polled_versions() -> None:
    """Of versions that were asked for beside the load nobody knows how many requests they answered."""
    assert "744 polls" in panel(replace(HEAD, polled=True), 100)[2][0]


@pytest.mark.parametrize(
    ("view", "ended", "text"),
    [
        (HEAD, False, "zdt    5s: head, 20 VUs, 145 requests/s, 744 requests, 0 failed, versions: v1"),
        (
            DEPLOYING,
            False,
            "zdt   21s: deploying, 20 VUs, 145 requests/s, 3047 requests, 3 failed, "
            "outage for 0:04: GET /v1/images/{id}/ and 1 more, versions: v1, v2",
        ),
        (replace(DEPLOYING, outages=()), True, "zdt   21s: ended, 3047 requests, 3 failed, versions: v1, v2"),
        (
            replace(HEAD, stage="load", vus=1, most_vus=1, requests=1, releases=()),
            False,
            "zdt    5s: at most 85s left, 1 VU, 145 requests/s, 1 request, 0 failed, no answer names a version",
        ),
        (replace(HEAD, requests=0, releases=()), True, "zdt    5s: ended, 0 requests, 0 failed, no answer yet"),
        (replace(HEAD, requests=2, failures=2, releases=()), True, "zdt    5s: ended, 2 requests, 2 failed, no good answer yet"),
    ],
)
def test_line(view: View, ended: bool, text: str) -> None:
    """The run in one line, while it goes and when it has ended."""
    assert line(view, ended) == text
