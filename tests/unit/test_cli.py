"""The command ``pytest-zdt``, as it is typed: what it prints, writes and ends with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_zdt.cli import main
from pytest_zdt.evidence.bundle import MARKS, PAGE, RUN, SAMPLES, SUMMARY, VERDICT, add_mark, read_bundle
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.report.files import publish
from pytest_zdt.verdict.facts import gather
from pytest_zdt.verdict.judge import decide

from .test_merge import shard, stored
from .verdict.conftest import Story

STORIES: dict[str, Callable[[], Story]] = {
    "verified": Story,
    "violated": lambda: Story().break_(300),
    "inconclusive": lambda: Story().require(tail=300.0),
}
STATUS = {"verified": 0, "violated": 1, "inconclusive": 10}


def tree(directory: Path) -> dict[str, bytes | None]:
    """All that is in a directory: files with their bytes, directories without."""
    found = sorted(directory.rglob("*"))
    return {str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None for path in found}


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the command, which must refuse with one line, exit status 4 and nothing written; the line."""

    def run(*arguments: object) -> str:
        before = tree(tmp_path)
        assert main([str(argument) for argument in arguments]) == 4
        assert tree(tmp_path) == before
        out, err = capsys.readouterr()
        (line,) = err.splitlines()
        assert out == ""
        assert line.startswith("pytest-zdt: ")
        return line

    return run


def under_way(directory: Path, broken: str = "", **clock: Any) -> Path:
    """A run that this process drives, begun 5 s ago; ``clock`` changes what it says of that. ``broken``: a file that is none."""
    said = {"monotonic": time.monotonic() - 5.0, "pid": os.getpid(), **clock}
    stored(Story().unmark("run-ended").unmark("deploy-ended"), directory, clock=said)
    if broken:
        (directory / broken).unlink()
        (directory / broken).mkdir()
    return directory


# --- judge


@pytest.mark.parametrize("verdict", STATUS)
def test_judge(verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict comes first, the exit status is the run's, what is written is byte for byte what the run itself wrote."""
    run, again = (stored(STORIES[verdict](), tmp_path / name) for name in ("run", "again"))
    facts = gather(read_bundle(run))
    assert publish(run, facts, decide(facts)) == []
    assert {VERDICT, SUMMARY, PAGE} <= set(tree(run))
    for _ in range(2):
        assert main(["judge", str(again)]) == STATUS[verdict]
        assert tree(again) == tree(run)
    out, err = capsys.readouterr()
    assert out.startswith(f"{verdict.upper()}: ")
    assert str(again) in out.splitlines()[-1]
    assert err == ""


@pytest.mark.parametrize("verdict", STATUS)
@pytest.mark.parametrize("killed", [False, True])
def test_a_run_that_was_interrupted(verdict: str, killed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 2 as the run did, whatever the verdict; one that was killed, and had no status, with its verdict's."""
    story = STORIES[verdict]().mark(40.0, "run-ended", interrupted=True)
    status = main(["judge", str(stored(story.unmark("run-ended") if killed else story, tmp_path))])
    assert status == ((1 if verdict == "violated" else 10) if killed else 2)
    assert capsys.readouterr().out.startswith("VIOLATED: " if verdict == "violated" else "INCONCLUSIVE: ")


def test_judge_names_what_the_deploy_command_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is such a log, the last line has it with the rest of the evidence."""
    run = stored(Story(), tmp_path)
    for end in ("run.json", "run.json, deploy.log"):
        assert main(["judge", str(run)]) == 0
        assert capsys.readouterr().out.splitlines()[-1].endswith(f" marks.ndjson, {end}")
        (run / "deploy.log").touch()


BAD: dict[str, bytes | None] = {
    "no run.json": None,
    "empty": b"",
    "torn": b'{"schema": "zdt-run/1", "id": ',
    "not UTF-8": b'{"schema": "zdt-run/1", "id": "\xff"}',
    "of another schema": b'{"schema": "zdt-run/2", "id": "x"}',
    "no object": b'["zdt-run/1"]',
}


@pytest.mark.parametrize(
    "command",
    ["judge {bad}", "compare {good} {bad}", "merge {good} {bad} -o {out}", "export {bad} --otlp {out}", "mark x --report {bad}"],
)
@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_directory_without_a_run(content: bytes | None, command: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    """Every subcommand names the directory and what is wrong with its ``run.json``."""
    good, bad = stored(Story(), tmp_path / "good"), stored(Story(), tmp_path / "bad")
    (bad / RUN).unlink()
    if content is not None:
        (bad / RUN).write_bytes(content)
    line = refused(*command.format(good=good, bad=bad, out=tmp_path / "out").split())
    assert f"'{bad}' holds no run: run.json " in line


def test_what_is_no_directory(tmp_path: Path, refused: Callable[..., str]) -> None:
    """A file, or nothing at all."""
    (tmp_path / "file").touch()
    for name in ("file", "missing"):
        assert refused("judge", tmp_path / name) == f"pytest-zdt: there is no directory '{tmp_path / name}'"


@pytest.mark.parametrize("verdict", STATUS)
def test_where_nothing_can_be_written(verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict is shown all the same, with its exit status, and it is said that it was not written."""
    (stored(STORIES[verdict](), tmp_path) / VERDICT).mkdir()
    assert main(["judge", str(tmp_path)]) == STATUS[verdict]
    out, err = capsys.readouterr()
    assert out.startswith(f"{verdict.upper()}: ")
    assert err == "pytest-zdt: verdict.json was not written: Is a directory\n"


def test_where_only_the_summary_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``verdict.json`` is there, and it is said which file is not."""
    (stored(Story(), tmp_path) / SUMMARY).mkdir()
    assert main(["judge", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert json.loads((tmp_path / VERDICT).read_text())["verdict"] == "verified"
    assert str(tmp_path) in out.splitlines()[-1]
    assert err == "pytest-zdt: summary.md was not written: Is a directory\n"


@pytest.mark.parametrize("name", [SAMPLES, MARKS])
def test_a_torn_last_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is left out and reported; what was lost with it is not proven."""
    path = stored(Story(), tmp_path) / name
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines()[-1][:40])
    assert main(["judge", str(tmp_path)]) == 10
    assert "torn-lines: 1 line of the evidence is torn" in capsys.readouterr().out


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"max_outage": "2s"}, "require.max_outage: '2s' is not a number"),
    ({"max_failures": "few"}, "require.max_failures: 'few' is neither a number nor a percentage"),
    ({"max_failures": True}, "require.max_failures: True is neither a number nor a percentage"),
    ({"head": 1e300}, "require.head: 1e+300 is not a number"),
    ({"overlap": "no"}, "require.overlap: 'no' is neither true nor false"),
    ({"endpoints": []}, "require.endpoints: [] is not a table"),
    ({"endpoints": {"GET /a/": 3}}, "require.endpoints.GET /a/ is not a table"),
    ({"endpoints": {"GET /a/": {"p99": "slow"}}}, "require.endpoints.GET /a/.p99: 'slow' is not a number"),
]


@pytest.mark.parametrize(("require", "text"), WRONG, ids=[text.partition(":")[0] for _, text in WRONG])
def test_a_requirement_that_is_none(require: dict[str, Any], text: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    """A field of ``run.json`` that was edited into something else is named; nothing is judged."""
    run = stored(Story(), tmp_path / "run", require={**Story().run["require"], **require})
    assert refused("judge", run) == f"pytest-zdt: {str(run)!r} holds no run that can be judged: run.json has a wrong {text}"


ODD: dict[str, Any] = {
    "vus": -1, "workers": "two", "planned_s": [], "rate": {}, "lanes": 3, "arguments": "x", "tool": "x", "shard_vus": [None],
    "shards": 1, "torn_lines": 0.5, "require": [1],
}  # fmt: skip


@pytest.mark.parametrize("field", ODD)
def test_a_field_that_is_something_else(field: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    """The field is named; nothing is judged."""
    run = stored(Story(), tmp_path / "run", **{field: ODD[field]})
    assert f"run.json has a wrong {field}: " in refused("judge", run)


def test_fields_that_are_missing(tmp_path: Path) -> None:
    """Null is as good as nothing: what there is a default for has that."""
    told = []
    for name, require in (("null", dict.fromkeys(Story().run["require"])), ("none", {})):
        directory = stored(Story(), tmp_path / name, require=require, **dict.fromkeys(("lanes", "tool", "arguments", "shards")))
        assert main(["judge", str(directory)]) == 10
        told.append((directory / VERDICT).read_bytes())
    assert told[0] == told[1]


# --- errors, which are no verdict


UNREADABLE = ["judge {bad}/samples.ndjson", "compare {bad}/marks.ndjson {good}", "mark x --report {bad}/marks.ndjson"]


@pytest.mark.parametrize("command", [*UNREADABLE, "merge {good} {bad}/marks.ndjson -o {out}"])
def test_an_error_is_no_verdict(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Evidence that cannot be read is neither verified, nor violated, nor inconclusive: one line, 3, nothing is written."""
    good, name = stored(Story(), tmp_path / "good", id="good"), SAMPLES if SAMPLES in command else MARKS
    bad = under_way(tmp_path / "bad", name)
    before = tree(tmp_path)
    assert main(command.replace(f"/{name}", "").format(good=good, bad=bad, out=tmp_path / "out").split()) == 3
    assert capsys.readouterr() == ("", f"pytest-zdt: {bad / name}: Is a directory\n")
    assert {path: content for path, content in tree(tmp_path).items() if path != "out"} == before


def test_an_error_of_the_command_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody thought of it: the traceback helps to report it, the exit status is 3."""
    monkeypatch.setattr("pytest_zdt.cli.decide", lambda evidence: 1 // 0)
    assert main(["judge", str(stored(Story(), tmp_path))]) == 3
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "Traceback (most recent call last):"
    assert last.startswith("pytest-zdt: internal error: ZeroDivisionError(")


# --- merge


@pytest.mark.parametrize("verdict", STATUS)
def test_merge(verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The joined runs are judged: shown, written and told by the exit status; the runs themselves stay as they are."""
    shards = [shard(tmp_path / "shards", name, 0.0, STORIES[verdict]()) for name in ("a", "b")]
    before = tree(tmp_path / "shards")
    assert main(["merge", *map(str, shards), "-o", str(tmp_path / "deep" / "out")]) == STATUS[verdict]
    out, err = capsys.readouterr()
    assert (out.partition(":")[0], err) == (verdict.upper(), "")
    assert json.loads((tmp_path / "deep" / "out" / VERDICT).read_text())["verdict"] == verdict
    assert tree(tmp_path / "shards") == before


@pytest.mark.parametrize("verdict", STATUS)
def test_merge_with_one_that_was_interrupted(verdict: str, tmp_path: Path) -> None:
    """The exit status is that of an interrupted run, whatever the verdict."""
    whole, cut = (
        stored(STORIES[verdict]().mark(40.0, "run-ended", interrupted=one == "cut"), tmp_path / one, id=one)
        for one in ("whole", "cut")
    )
    assert main(["merge", str(whole), str(cut), "-o", str(tmp_path / "out")]) == 2


REFUSED = {
    "a b -o a": "one of the runs to merge",
    "a b -o a/../b --overwrite": "one of the runs to merge",
    "a b -o taken": "holds another run's evidence",
    "a b -o file": "is a file",
    "a b -o file --overwrite": "is a file",
    "a -o out": "two runs or more",
    "a a -o out": "give each once",
    "a copy -o out": "give each once",
    "a target -o out": "not runs of one deployment: target is 'sandbox'",
    "a url -o out": "not runs of one deployment: base_url is",
    "a require -o out": "not runs of one deployment: require is",
    "a merged -o out": "merged already",
    "merged a -o out": "merged already",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_is_not_merged(arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]) -> None:
    """Runs that do not belong together, or an output that is not free."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "taken", "file"):
        shard(tmp_path, name) if name != "file" else (tmp_path / name).touch()
    shard(tmp_path, "copy", id="a")
    shard(tmp_path, "target", target="other")
    shard(tmp_path, "url", base_url="http://127.0.0.1:2")
    shard(tmp_path, "require", 0.0, Story().require(max_failures="5"))
    shard(tmp_path, "merged", shards=["x", "y"])
    assert REFUSED[arguments] in refused("merge", *arguments.split())


def test_merge_overwrites_when_told_to(tmp_path: Path) -> None:
    """The run that was there is gone with verdict and logs, not what is somebody else's; with bad arguments it stays."""
    a, b, out = (str(shard(tmp_path, name)) for name in ("a", "b", "out"))
    for name in ("deploy.log", "serve.log", "report.html", "notes.txt"):
        (tmp_path / "out" / name).write_text("old")
    assert main(["judge", out]) == 0
    before = {path.name: path.read_bytes() for path in Path(out).iterdir()}
    assert main(["merge", a, a, "-o", out, "--overwrite"]) == 4
    assert {path.name: path.read_bytes() for path in Path(out).iterdir()} == before
    assert main(["merge", a, b, "-o", out, "--overwrite"]) == 0
    assert {path.name for path in Path(out).iterdir()} == {RUN, SAMPLES, MARKS, VERDICT, SUMMARY, PAGE, "notes.txt"}
    told = [json.loads((tmp_path / "out" / name).read_text()) for name in (RUN, VERDICT)]
    assert (told[0]["id"], told[1]["run"]["id"]) == ("a-b", "a-b")


def test_the_advice_names_options_that_merge_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not ``--zdt-report`` and ``--zdt-overwrite``, which are pytest's."""
    a, b, out = (str(shard(tmp_path, name)) for name in ("a", "b", "out"))
    assert main(["merge", a, b, "-o", out]) == 4
    assert "--zdt-" not in capsys.readouterr().err


# --- mark


@pytest.mark.parametrize("where", ["--report here", ""])
def test_mark(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The mark is added with the time since the run's start; the directory's default is that of runs."""
    monkeypatch.chdir(tmp_path)
    directory = under_way(tmp_path / ("here" if where else "zdt-report"))
    assert main(["mark", "deploy-ended", *where.split()]) == 0
    mark = read_bundle(directory).marks[-1]
    assert (mark.name, mark.data) == ("deploy-ended", {})
    assert mark.at >= 5.0
    assert capsys.readouterr().out == f"marked deploy-ended at {mark.at:.1f} s\n"


@pytest.mark.parametrize("name", ["run-ended", "version-polled", "worker-lost", "test-failed", "abort", "vu-hung"])
def test_marks_of_the_run_itself(name: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    """Nobody else may tell of its end, its versions, workers and tests."""
    assert f"{name!r} is one that runs set themselves" in refused("mark", name, "--report", under_way(tmp_path))


@pytest.mark.parametrize("name", ["Deploy", "a b", "a\nb", "ä", ".a", "_a", "a/b", "a\x1b[31m", "", "a" * 62])
def test_odd_names_of_marks(name: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    """A name is a short word of few signs, so that it can stand in any report."""
    assert "the mark's name" in refused("mark", name, "--report", under_way(tmp_path))


def test_a_run_that_has_ended(tmp_path: Path, refused: Callable[..., str]) -> None:
    """Even though its process lives on."""
    under_way(tmp_path)
    add_mark(tmp_path, Mark(40.0, "run-ended"))
    assert "has ended" in refused("mark", "deploy-ended", "--report", tmp_path)


def test_a_run_that_was_killed(tmp_path: Path, refused: Callable[..., str]) -> None:
    """Its process is gone, the machine was started again, or the run says nothing of its clock: nothing is under way."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    clocks = {"pid": process.pid}, {"pid": 0}, {"monotonic": time.monotonic() + 1000.0}
    for number, clock in enumerate(clocks):
        assert "no run is under way" in refused("mark", "x", "--report", under_way(tmp_path / str(number), **clock))
    assert "no run is under way" in refused("mark", "x", "--report", stored(Story().unmark("run-ended"), tmp_path / "none"))


MANY = "import sys; from pytest_zdt.cli import main; sys.exit(sum(not main(sys.argv[1:]) for _ in range(50)))"


def test_marks_of_many_at_once(tmp_path: Path) -> None:
    """No line is torn, none is lost, and the run's end, which comes between, counts exactly those that were taken before it."""
    under_way(tmp_path)
    arguments = [sys.executable, "-c", MANY, "mark", "note", "--report", str(tmp_path)]
    others = [subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)]
    while (tmp_path / MARKS).read_bytes().count(b"note") < 20:
        assert any(other.poll() is None for other in others)
        time.sleep(0.001)
    add_mark(tmp_path, Mark(9.5, "run-ended"))
    taken = sum(other.wait() for other in others)
    evidence = read_bundle(tmp_path)
    assert evidence.torn_lines == 0
    assert evidence.marks[-1] == Mark(9.5, "run-ended", {"marks": taken + 1})
    assert [mark.name for mark in evidence.marks] == ["deploy-started", *["note"] * taken, "run-ended"]
