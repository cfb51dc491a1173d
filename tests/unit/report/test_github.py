"""What GitHub is told: annotations that stay annotations, outputs, the files of a step."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.report import github
from pytest_zdt.report.github import FailedTest, Note, SmokeTest, command, errors, outputs, tell, tell_smoke
from pytest_zdt.report.summary import LIMIT, render
from pytest_zdt.report.terminal import clean
from pytest_zdt.report.terminal import render as render_terminal
from pytest_zdt.verdict.judge import judge
from pytest_zdt.verdict.model import Verdict

from ..verdict.conftest import Story
from .conftest import HOSTILE, STORIES, hostile, many

ESCAPES = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}


def commands(output: str) -> list[tuple[str, dict[str, str], str]]:
    """The workflow commands that the runner finds in an output: name, properties, message.

    A line is a command that begins with ``::`` after white space, or has ``##[`` anywhere. Escapes are undone one after the
    other, the one of the percent sign last.
    """

    def undo(text: str, names: tuple[str, ...]) -> str:
        for name in names:
            text = text.replace(name, ESCAPES[name])
        return text

    found = []
    for line in re.split(r"\r\n|\r|\n", output):
        if match := re.match(r"\s*::(.*?)::(.*)", line):
            name, _, rest = match[1].partition(" ")
            pairs = [pair.partition("=") for pair in rest.split(",") if pair]
            properties = {key: undo(value, tuple(ESCAPES)) for key, _, value in pairs}
            found.append((name, properties, undo(match[2], ("%0D", "%0A", "%25"))))
        elif "##[" in line:
            found.append(("##[", {}, line))
    return found


def verdict_of(name: str) -> Verdict:
    """The verdict of one of the runs."""
    return judge(STORIES[name]().evidence)


# --- annotations


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_annotations_of_foreign_texts(text: str) -> None:
    """Each line is one error with a title and nothing else, whatever stands in it."""
    lines = errors(judge(hostile(text).evidence))
    found = commands("\n".join(lines))
    assert len(found) == len(lines) > 0
    for name, properties, _ in found:
        assert name == "error"
        assert set(properties) == {"title"}
        assert properties["title"].startswith("zero-downtime")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_commands_on_the_terminal(text: str) -> None:
    """The lines of the report give the runner no command, wherever a foreign text stands in them."""
    lines = render_terminal(judge(hostile(text).evidence), report_dir=text)
    assert commands("\n".join(line for line, _ in lines)) == []
    assert commands(clean(text)) == []


def test_escaping() -> None:
    """A message comes back as it was; so do titles and file names, which may hold what parts them."""
    note = Note("50%: a, b", "100%25 = 5%0A :: x", file="tests/a,b:c%.py", line=7)
    properties = {"file": "tests/a,b:c%.py", "line": "7", "title": "50%: a, b"}
    assert commands(command(note)) == [("error", properties, "100%25 = 5%0A :: x")]


def test_long_messages_are_cut() -> None:
    """Title and message are short enough to be read, and so is the whole line."""
    ((_, properties, message),) = commands(command(Note("t" * 500, "m" * 5000)))
    assert (len(properties["title"]), len(message)) == (120, 1000)
    assert message.endswith("m…")


def test_at_most_eight() -> None:
    """Of more the last tells how many, and where they are."""
    verdict = verdict_of("violated")
    assert len(errors(verdict)) == 6
    kinds = ["dns", "tls", "reset", "read-timeout", "wrong-status"]
    groups = [replace(verdict.failures[0], kind=kind) for kind in kinds]
    lines = errors(replace(verdict, failures=[*verdict.failures, *groups]))
    assert len(lines) == 8
    last = commands(lines[-1])[0]
    assert last[1] == {"title": "zero-downtime: 4 more"}
    assert last[2] == "4 more are not shown here: the summary of this step and verdict.json have all"


def test_failures_are_aggregated() -> None:
    """5,000 failures on as many endpoints are one annotation."""
    lines = errors(judge(many().evidence))
    (one,) = [line for line in lines if "5000 x status-5xx" in line]
    assert "and 4997 more" in one
    assert len(lines) <= 8


def test_what_withholds_the_level_only_is_no_error() -> None:
    """A run that is verified has no annotation, and in others the requirement on the impact is not among what is missing."""
    slow = Story().change(latency=lambda one: 0.4 if 10 < one.sent < 20 else 0.01)
    assert judge(slow.evidence).level == "zero-downtime"
    assert errors(judge(slow.evidence)) == []
    assert not any("impact" in line for line in errors(judge(slow.require(tail=300.0).evidence)))
    required = errors(judge(Story().change(version="v1", flow="", made_by="").require(impact=True).evidence))
    assert any("version-change" in line for line in required)


# --- the files of a step


@pytest.fixture
def step(tmp_path: Path) -> dict[str, str]:
    """The environment of a step."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }


def read(text: str) -> dict[str, str]:
    """The outputs of a file as the runner reads them."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, _, delimiter = line.partition("<<")
        value = []
        while (line := next(lines)) != delimiter:
            value.append(line)
        found[name] = "\n".join(value)
    return found


@pytest.mark.parametrize(
    ("name", "level"),
    [("verified", "zero-impact"), ("violated", ""), ("inconclusive", "")],
    ids=["verified", "violated", "other"],
)
def test_a_step(name: str, level: str, step: dict[str, str], tmp_path: Path) -> None:
    """Summary and outputs are appended to what is there; the annotations are given back."""
    (tmp_path / "summary").write_text("# Before")
    (tmp_path / "output").write_text("other=1\n")
    verdict = verdict_of(name)
    assert tell(step, verdict, {"seed": 7}, Path("zdt-report")) == errors(verdict)
    summary = render(verdict, {"seed": 7}, place="zdt-report")
    assert (tmp_path / "summary").read_text() == f"# Before\n{summary}"
    first, _, rest = (tmp_path / "output").read_text().partition("\n")
    assert first == "other=1"
    assert read(rest) == {"verdict": name, "level": level, "report": str(Path("zdt-report").absolute())}


def test_outputs_of_many_lines() -> None:
    """A value may hold lines, and what looks like another output; the delimiter is another one each time."""
    values = {"report": "a\nverdict=verified\nb<<EOF\n", "verdict": "violated"}
    assert read(outputs(values, "zdt-1")) == {**values, "report": values["report"].rstrip("\n") + "\n"}


def test_delimiters_cannot_be_guessed(step: dict[str, str], tmp_path: Path) -> None:
    """They differ from run to run."""
    for _ in range(2):
        tell(step, verdict_of("verified"), {}, Path("zdt-report"))
    delimiters = re.findall(r"verdict<<(zdt-[0-9a-f]{32})\n", (tmp_path / "output").read_text())
    assert len(set(delimiters)) == 2


@pytest.mark.parametrize("environ", [{}, {"GITHUB_STEP_SUMMARY": "", "GITHUB_OUTPUT": ""}])
def test_elsewhere(environ: dict[str, str]) -> None:
    """Where nobody asks for it nothing is written, and nothing printed."""
    assert tell(environ, verdict_of("violated"), {}, Path("zdt-report")) == []
    assert tell(environ, None, {}, Path("zdt-report")) == []
    assert tell_smoke(environ, SMOKE) == []


def test_a_step_without_a_verdict(step: dict[str, str], tmp_path: Path) -> None:
    """It says that nothing was judged, and has no outputs: an empty verdict is none."""
    assert tell(step, None, {}, Path("zdt-report")) == [
        "::error title=zero-downtime%3A not judged::nothing was judged: the log of this step says why"
    ]
    assert (tmp_path / "summary").read_text() == "## ⚠️ Nothing was judged: the log of this step says why\n"
    assert not (tmp_path / "output").exists()


def test_what_others_wrote_counts(step: dict[str, str], tmp_path: Path) -> None:
    """Beside what a step has already written, only so much is added that GitHub shows all of it."""
    verdict, path = verdict_of("violated"), tmp_path / "summary"
    path.write_text("x" * (LIMIT - 4000))
    tell(step, verdict, {}, Path("zdt-report"))
    assert LIMIT - 4000 < path.stat().st_size <= LIMIT
    added = path.read_text()[LIMIT - 4000 :]
    assert added.startswith("\n## ❌ VIOLATED\n")
    assert "**Left out to stay within 3999 bytes:**" in added


def test_a_full_summary_is_left_alone(step: dict[str, str], tmp_path: Path) -> None:
    """Where not even the verdict has room, nothing is added, which would lose it all, and it is said."""
    path = tmp_path / "summary"
    path.write_text("x" * (LIMIT - 100))
    lines = tell(step, verdict_of("verified"), {}, Path("zdt-report"))
    assert path.stat().st_size == LIMIT - 100
    assert [(name, properties["title"]) for name, properties, _ in commands("\n".join(lines))] == [("warning", "zero-downtime")]
    assert "GITHUB_STEP_SUMMARY was not written: it has 999900 bytes already" in lines[0]


@pytest.mark.parametrize("place", ["missing/deep/file", "directory", "file/below", "/dev/full"])
def test_files_that_cannot_be_written(place: str, tmp_path: Path) -> None:
    """One line of warning each, and the annotations are there."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    name = str(tmp_path / place)
    step: dict[str, Any] = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": name, "GITHUB_OUTPUT": name}
    verdict = verdict_of("violated")
    lines = tell(step, verdict, {}, Path("zdt-report"))
    assert lines[:-2] == errors(verdict)
    assert [line.partition(" was not written: ")[0] for line in lines[-2:]] == [
        f"::warning title=zero-downtime::{variable}" for variable in (github.SUMMARY, github.OUTPUT)
    ]
    assert len(tell_smoke(step, replace(SMOKE, failed=[]))) == 1
    del step["GITHUB_ACTIONS"]
    assert all(line.startswith("zdt: GITHUB_") for line in tell(step, verdict, {}, Path("zdt-report")))


# --- smoke tests

SMOKE = SmokeTest(
    "https://api.example.org",
    4,
    9,
    ["v1"],
    [
        FailedTest("tests/test_a.py::test_a", "AssertionError: assert 500 == 200", "tests/test_a.py", 3),
        FailedTest("tests/test_a.py::test_b[x]", "AssertionError: assert 500 == 200", "tests/test_a.py", 9),
        FailedTest("tests/test_b.py::test_c", "KeyError: 'id'", "tests/test_b.py", 5),
    ],
)
SMOKE_SUMMARY = """\
## ❌ Smoke test failed

4 tests, 3 failed; 9 requests to `https://api.example.org` (`v1`). Nothing was judged: that takes a load (`--zdt-duration`).

| failed test | why |
| --- | --- |
| `tests/test_a.py::test_a` | `AssertionError: assert 500 == 200` |
| `tests/test_a.py::test_b[x]` | `AssertionError: assert 500 == 200` |
| `tests/test_b.py::test_c` | `KeyError: 'id'` |
"""


def test_a_smoke_test(step: dict[str, str], tmp_path: Path) -> None:
    """A short summary; tests that failed alike share an annotation, at the first of them. There are no outputs."""
    assert commands("\n".join(tell_smoke(step, SMOKE))) == [
        (
            "error",
            {"file": "tests/test_a.py", "line": "3", "title": "2 tests failed alike"},
            "AssertionError: assert 500 == 200 (tests/test_a.py::test_a, tests/test_a.py::test_b[x])",
        ),
        ("error", {"file": "tests/test_b.py", "line": "5", "title": "tests/test_b.py::test_c"}, "KeyError: 'id'"),
    ]
    assert (tmp_path / "summary").read_text() == SMOKE_SUMMARY
    assert not (tmp_path / "output").exists()


def test_a_smoke_test_that_passed(step: dict[str, str], tmp_path: Path) -> None:
    """What was tested, and nothing else."""
    assert tell_smoke(step, replace(SMOKE, versions=[], failed=[])) == []
    assert (tmp_path / "summary").read_text().startswith("## ✅ Smoke test passed\n\n4 tests, 0 failed; 9 requests to ")
    assert "(no version in the answers)" in (tmp_path / "summary").read_text()


@pytest.mark.parametrize(
    "seen, why",
    [
        ({"status": 2}, "it was interrupted"),
        ({"status": 3}, "pytest or a plugin failed"),
        ({"status": 5, "tests": 0}, "there was no test"),
        ({"status": 77}, "pytest ended with status 77"),
        ({"requests": 0}, "no test sent a request"),
    ],
)
def test_a_smoke_test_that_proves_nothing(seen: dict[str, int], why: str, step: dict[str, str], tmp_path: Path) -> None:
    """That no test failed is no success where none was tried, or pytest did not come to its end."""
    (line,) = commands("\n".join(tell_smoke(step, replace(SMOKE, failed=[], **seen))))  # type: ignore[arg-type]
    assert line == ("error", {"title": "zero-downtime: smoke test"}, f"The smoke test proves nothing: {why}.")
    assert (tmp_path / "summary").read_text().startswith(f"## ⚠️ Smoke test proves nothing: {why}\n")


@pytest.mark.parametrize("sign", ["x", "ä", "\N{GRINNING FACE}"])
@pytest.mark.parametrize("before", [0, LIMIT - 5000])
def test_a_smoke_test_with_many_failures(before: int, sign: str, step: dict[str, str], tmp_path: Path) -> None:
    """Eight annotations at most; as many tests are listed as fit beside what others wrote, and the rest is counted."""
    failed = [FailedTest(f"test_{number}.py::test", f"{number} {sign * 200}", f"test_{number}.py", 1) for number in range(5000)]
    path = tmp_path / "summary"
    path.write_text("y" * before)
    lines = tell_smoke(step, replace(SMOKE, failed=failed))
    assert len(lines) == 8
    assert "4993 more" in lines[-1]
    assert LIMIT - 1000 < path.stat().st_size <= LIMIT
    text = path.read_text()
    listed = text.count("| `test_")
    assert text.endswith(f"\n\nLeft out for want of room: {5000 - listed} failed tests. The output of this step has all.\n")


def test_a_smoke_test_without_room_for_one_failure(step: dict[str, str], tmp_path: Path) -> None:
    """All are counted, and there is no table."""
    before = LIMIT - 300
    (tmp_path / "summary").write_text("y" * before)
    assert len(tell_smoke(step, SMOKE)) == 2
    text = (tmp_path / "summary").read_text()[before:]
    assert text == (
        "\n" + SMOKE_SUMMARY.partition("|")[0] + "Left out for want of room: 3 failed tests. The output of this step has all.\n"
    )
