"""Two runs side by side, as text; and how the command shows its texts: with colours, or where they cannot be shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.cli import main
from pytest_zdt.evidence.bundle import VERDICT
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.report.compare import render
from pytest_zdt.report.terminal import Line
from pytest_zdt.verdict.judge import judge

from ..test_merge import shard, stored
from ..verdict.conftest import Story

EQUAL = """\
A: one
B: two

                                             A                          B
verdict                                      verified, zero-impact      verified, zero-impact
versions                                     v1 -> v2                   v1 -> v2
load                                         40.0 s by 4 virtual users  40.0 s by 4 virtual users
overlap                                      9.6 s                      9.6 s
failed requests (95 % interval of the rate)  0 of 800 (0.00% to 0.48%)  0 of 800 (0.00% to 0.48%)
outages                                      none                       none
requests per second                          20.0                       20.0"""
ENDPOINTS = """\
endpoint  requests/s    failed  p50 ms               p95 ms               p99 ms
GET /a/   10.0 -> 10.0  0 -> 0  10.0 -> 10.0 (x1.00)  10.0 -> 10.0 (x1.00)  10.0 -> 10.0 (x1.00)
GET /b/   10.0 -> 10.0  0 -> 0  10.0 -> 10.0 (x1.00)  10.0 -> 10.0 (x1.00)  10.0 -> 10.0 (x1.00)"""

COMMAND = [sys.executable, "-m", "pytest_zdt"]
ALIKE = ["no requirement ended differently", "no setting differs"]


def compared(one: Story, two: Story) -> list[Line]:
    """The lines that are shown."""
    return render(("one", "two"), (one.run, two.run), (judge(one.evidence), judge(two.evidence)))


def texts(one: Story, two: Story) -> list[str]:
    """Their texts."""
    return [text for text, _ in compared(one, two)]


def row(lines: list[str], label: str) -> str:
    """The one line that begins with the label, its columns parted by a bar."""
    (found,) = [line for line in lines if line.startswith(label)]
    return "|".join(re.split(r"\s{2,}", found.removeprefix(label).strip()))


def between(lines: list[str]) -> list[str]:
    """What stands between the two tables: what differs."""
    first = next(number for number, line in enumerate(lines) if line.startswith("requests per second")) + 1
    last = next(number for number, line in enumerate(lines) if line.startswith("endpoint"))
    return [line for line in lines[first:last] if line]


@pytest.fixture
def story() -> Story:
    """A run that is verified, to be spoilt."""
    return Story()


def test_equal_runs(story: Story) -> None:
    """What A and B are, the figures of both, and no differences, which is said."""
    lines = texts(story, Story())
    assert "\n".join(lines[:11]) == EQUAL
    assert [" ".join(line.split()) for line in lines[-3:]] == [" ".join(line.split()) for line in ENDPOINTS.splitlines()]
    assert between(lines) == ALIKE


def test_what_differs_in_any_two_runs(story: Story) -> None:
    """Id, start, clock, seed and torn lines of a run say nothing of how it was set; nor does what is not set."""
    story.run |= {"id": "other", "started_at": "2026-02-02T00:00:00Z", "clock": {"monotonic": 1.0, "pid": 7}}
    story.run |= {"seed": 9, "torn_lines": 0, "deploy": None}
    assert between(texts(story, Story())) == ALIKE


def test_verdicts(story: Story) -> None:
    """Each run's, with its level if it has one."""
    lines = texts(story.require(tail=300.0), Story().break_(300))
    assert row(lines, "verdict") == "inconclusive|violated"
    story = Story().change(took=lambda item: 0.5 if item.sent > 10 else 0.02)
    story.change(latency=lambda item: 0.4 if item.sent > 10 else 0.01)
    assert row(texts(story, Story()), "verdict") == "verified, zero-downtime|verified, zero-impact"


def test_versions_and_overlap(story: Story) -> None:
    """In the order in which they answered; none where none did."""
    one = Story().change(version=lambda item: {"v1": "2026.1", "v2": "2026.2"}[item.version], flow="", made_by="")
    lines = texts(one, story.change(version="v1", flow="", made_by=""))
    assert (row(lines, "versions"), row(lines, "overlap")) == ("2026.1 -> 2026.2|v1", "9.6 s|none")
    assert row(lines, "  overlap: ") == "verified -> inconclusive"
    assert row(texts(story.change(version=""), Story()), "versions") == "none|v1 -> v2"


def test_failures_and_outages(story: Story) -> None:
    """How many failed with the interval of the rate, how many outages and the longest."""
    lines = texts(story, Story().break_(300, 302, 500))
    assert row(lines, "failed requests (95 % interval of the rate)") == "0 of 800 (0.00% to 0.48%)|3 of 800 (0.13% to 1.10%)"
    assert row(lines, "outages") == "none|2, longest 0.100 to 0.300 s"
    assert row(lines, "GET /a/").split("|")[1] == "0 -> 3"


def test_requirements_that_differ(story: Story) -> None:
    """Both statuses, then both reasons and details; the style is that of the second run. What ended alike is not shown."""
    lines = compared(story, Story().require(tail=30.0).break_(300))
    assert ("Requirements that ended differently", "bold") in lines
    at = lines.index(("  tail: verified -> inconclusive", "yellow"))
    assert (lines[at + 1][0][:25], lines[at + 1][1]) == ("      A: verified: 20.1 s", "dim")
    assert lines[at + 2][0].startswith("      B: tail-too-short: 20.1 s")
    at = lines.index(("  failures: verified -> violated", "red"))
    assert lines[at + 2][0].startswith("      B: status-5xx: 1 of 800 requests failed")
    assert [text for text, _ in lines if text.startswith(("  load:", "  head:", "  coverage:", "  flows:"))] == []
    back = compared(Story().break_(300), story)
    assert ("  failures: violated -> verified", "green") in back


def test_requirements_that_ended_alike_for_another_reason(story: Story) -> None:
    """Both are violated, each by a kind of its own."""
    lines = texts(story.break_(300), Story().break_(300, kind="wrong-body"))
    at = lines.index("  failures: violated -> violated")
    assert [line.split(": ")[1] for line in lines[at + 1 : at + 3]] == ["status-5xx", "wrong-body"]


def test_settings_that_differ(story: Story) -> None:
    """Also those that are required, and those that only one run knows."""
    story.run |= {"pace_s": 0.2, "vus": 8, "lanes": ["new", "reused"]}
    two = Story().require(max_outage=1.0, p95=0.5, endpoints={"GET /a/": {"max_failures": "1%"}})
    found = between(texts(story, two))
    assert found[found.index("Settings that differ") + 1 :] == [
        "  lanes: new, reused -> not set",
        "  pace_s: 0.2 -> not set",
        "  require.endpoints.GET /a/.max_failures: not set -> 1%",
        "  require.max_outage: 0.0 -> 1.0",
        "  require.p95: not set -> 0.5",
        "  vus: 8 -> 4",
    ]


def test_latencies(story: Story) -> None:
    """Of each endpoint, with how many times as long the second run's are."""
    two = Story().change(latency=lambda item: 0.025 if item.endpoint == "GET /a/" else 0.005)
    lines = texts(story, two)
    assert row(lines, "GET /a/").split("|")[2:] == ["10.0 -> 25.0 (x2.50)"] * 3
    assert row(lines, "GET /b/").split("|")[2:] == ["10.0 -> 5.0 (x0.50)"] * 3


def test_endpoints_of_one_run_only(story: Story) -> None:
    """A bar stands for the run that did not ask for it; there is no ratio."""
    one = Story().change(endpoint=lambda item: item.endpoint.replace("b", "z"))
    lines = texts(one, story)
    assert [line.split()[1] for line in lines[-3:]] == ["/a/", "/b/", "/z/"]
    assert row(lines, "GET /b/") == "- -> 10.0|- -> 0|" + "|".join(["- -> 10.0"] * 3)
    assert row(lines, "GET /z/") == "10.0 -> -|0 -> -|" + "|".join(["10.0 -> -"] * 3)


def test_an_endpoint_without_an_answer(story: Story) -> None:
    """It has failures, but no latencies."""
    two = Story().change(kind=lambda item: "reset" if item.endpoint == "GET /a/" else "")
    two.change(status=lambda item: 0 if item.kind else 200, latency=lambda item: 0.0 if item.kind else 0.01)
    assert row(texts(story, two), "GET /a/") == "10.0 -> 10.0|0 -> 400|" + "|".join(["10.0 -> -"] * 3)


def test_a_run_without_samples(story: Story) -> None:
    """Nothing is shown as nothing: of no requests any share may fail."""
    story.samples = []
    lines = texts(story, Story())
    assert row(lines, "failed requests (95 % interval of the rate)").startswith("0 of 0 (0.00% to 100.00%)|")
    assert row(lines, "requests per second") == "0.0|20.0"
    assert row(lines, "versions") == "none|v1 -> v2"


def test_foreign_texts() -> None:
    """No endpoint, version or setting can move the cursor, colour the terminal or break a line."""
    evil = "\x1b[2J\r\n\u202e\u2028x\x07\x9b"
    one, two = Story(), Story()
    one.samples = [replace(sample, version=sample.version + evil, made_by="", flow="") for sample in one.samples]
    one.samples.append(Sample(39.0, f"GET /{evil}/", status=200, version=f"v2{evil}", latency=0.1))
    one.run |= {"deploy": f"make {evil}"}
    lines = render((f"one{evil}", "two"), (one.run, two.run), (judge(one.evidence), judge(two.evidence)))
    text = "".join(text for text, _ in lines)
    assert text.isprintable()
    assert "v1[2Jx -> v2[2Jx" in text


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Shows both under the names that were typed, writes nothing, and ends with 0, whatever the verdicts."""
    names = [str(shard(tmp_path, name, 0.0, story)) for name, story in (("bad", Story().break_(300)), ("good", Story()))]
    before = {path: path.is_dir() or path.read_bytes() for path in tmp_path.rglob("*")}
    assert main(["compare", *names]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[:2] == [f"A: {names[0]}", f"B: {names[1]}"]
    assert out.splitlines()[4].split() == ["verdict", "violated", "verified,", "zero-impact"]
    assert err == ""
    assert {path: path.is_dir() or path.read_bytes() for path in tmp_path.rglob("*")} == before


# --- how texts are shown


def run(*arguments: object, stdout: Any = subprocess.PIPE, **environ: str) -> tuple[int, str, str]:
    """Exit status, output and complaints of the command in a process of its own."""
    command = [*COMMAND, *map(str, arguments)]
    ended = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env={**os.environ, **environ}, check=False)
    return ended.returncode, (ended.stdout or b"").decode(), ended.stderr.decode()


@pytest.mark.parametrize("tty, no_color, coloured", [(True, None, True), (True, "1", False), (False, None, False)])
def test_colours(
    tty: bool, no_color: str | None, coloured: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Only on a terminal, and not with ``NO_COLOR``; without the escape codes the text is the same."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: tty)
    main(["judge", str(stored(Story(), tmp_path))])
    out = capsys.readouterr().out
    assert out.startswith("\x1b[1;32mVERIFIED" if coloured else "VERIFIED")
    assert ("\x1b" in out) == coloured


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["judge", "compare {0}"])
def test_a_reader_that_has_read_enough(command: str, unbuffered: str, tmp_path: Path) -> None:
    """``pytest-zdt judge DIR | head -1`` with ``pipefail``: no traceback, and no exit status of a verdict."""
    reader, writer = os.pipe()
    os.close(reader)
    arguments = command.format(stored(Story(), tmp_path)).split()
    status, _, err = run(*arguments, tmp_path, stdout=writer, PYTHONUNBUFFERED=unbuffered)
    os.close(writer)
    assert (status, err) == (3, "pytest-zdt: the output was cut off by its reader; the exit status says nothing of the run\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_to_a_full_disk(unbuffered: str, tmp_path: Path) -> None:
    """Is an error, whatever the verdict, which is written all the same; Python buffers what it prints, or does not."""
    with open("/dev/full", "wb") as full:
        status, _, err = run("judge", stored(Story(), tmp_path), stdout=full, PYTHONUNBUFFERED=unbuffered)
    assert (status, err) == (3, "pytest-zdt: the output: No space left on device\n")
    assert (tmp_path / VERDICT).exists()


def test_no_output_at_all(tmp_path: Path) -> None:
    """``pytest-zdt judge DIR >&-``: who wants only the exit status gets it."""
    command = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "judge", stored(Story(), tmp_path)]
    assert subprocess.run(command, check=False).returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_texts_that_the_terminal_cannot_show(encoding: str, tmp_path: Path) -> None:
    """They are shown escaped; the exit status is the verdict's, not that of an error."""
    story = Story().break_(300, message="\u732b \U0001f408").change(endpoint=lambda item: f"{item.endpoint}\u732b")
    status, out, err = run("judge", stored(story, tmp_path), PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (status, out.partition(":")[0], err) == (1, "VIOLATED", "")
    assert ("\u732b \U0001f408" if encoding == "utf-8" else r"\u732b \U0001f408") in out


# --- the command itself


@pytest.mark.parametrize(
    "arguments", [[], ["jugde", "x"], ["compare", "x"], ["merge", "a", "b"], ["mark"], ["judge", "--x", "y"]]
)
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What was typed wrongly is told with how to type it; exit status 4, as pytest's."""
    assert main(arguments) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: pytest-zdt ")
    assert ": error: " in err.splitlines()[-1]


@pytest.mark.parametrize("arguments", [[], ["judge"], ["merge"], ["compare"], ["mark"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Is no error; the command is installed under its name."""
    (script,) = entry_points(group="console_scripts", name="pytest-zdt")
    assert script.load() is main
    assert main([*arguments, "--help"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(" ".join(["usage: pytest-zdt", *arguments]))
    assert err == ""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """That of the package, of which there is one."""
    assert (main(["--version"]), *capsys.readouterr()) == (0, f"pytest-zdt {version('pytest-zdt')}\n", "")
