"""What GitHub is told of a run: annotations, the summary of the step, its outputs.

The texts are pure; `tell` and `tell_smoke` write the files that the runner names in the environment. No file that cannot be
written changes a verdict: it is a line of warning.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_zdt.report import summary
from pytest_zdt.report.failures import by_kind, span
from pytest_zdt.report.markdown import code, plain, sentence, table
from pytest_zdt.report.terminal import clean
from pytest_zdt.verdict.model import INCONCLUSIVE, VERIFIED, VIOLATED, Verdict

SUMMARY, OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"
MOST: Final = 8
"""Annotations: GitHub shows ten of a step, and its own word that the step failed is one."""
TITLE, MESSAGE = 120, 1000
"""Characters of an annotation's title and message."""
ALL = "the summary of this step and verdict.json have all"
NOT_JUDGED = "nothing was judged: the log of this step says why"
ENDS: Final = {2: "it was interrupted", 3: "pytest or a plugin failed", 5: "there was no test"}
"""pytest's exit statuses that are no failed test; the one of a wrong call is told by `tell_refused`."""
Environ = Mapping[str, str]


@dataclass(frozen=True)
class Note:
    """An annotation: a title, a text, and where in the repository it belongs if it does."""

    title: str
    text: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class FailedTest:
    """A test that failed in a smoke test: its id, the first line of why, its file and a line from 1 on.

    The file is as the repository has it, and empty for one that is not there.
    """

    test: str
    message: str
    file: str
    line: int


@dataclass(frozen=True)
class SmokeTest:
    """What a smoke test of ``url`` saw."""

    url: str
    tests: int
    requests: int
    versions: Sequence[str]
    failed: Sequence[FailedTest]
    status: int = 0
    """pytest's exit status."""

    @property
    def problem(self) -> str:
        """Why it proves nothing though no test failed; empty where it does."""
        if self.failed:
            return ""
        if self.status:
            return ENDS.get(self.status, f"pytest ended with status {self.status}")
        return "" if self.requests else "no test sent a request"

    def __str__(self) -> str:
        versions = ", ".join(self.versions) or "no version in the answers"
        problem = f", which proves nothing: {self.problem}" if self.problem else ""
        return f"smoke test: {_many(self.requests, 'request')} to {self.url} ({versions}){problem}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def command(note: Note, level: str = "error") -> str:
    """The annotation as a workflow command: a line of its own, which must begin at the beginning of a line."""
    place = {"file": note.file, "line": str(note.line)} if note.file else {}
    properties = {**place, "title": clean(plain(note.title, TITLE))}
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {told}::{_data(clean(plain(note.text, MESSAGE)))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def errors(verdict: Verdict) -> list[str]:
    """At most `MOST` errors: why the run is violated, or what is missing. A verified run has none."""
    return _commands(list(_notes(verdict)), ALL)


def _commands(notes: Sequence[Note], where: str) -> list[str]:
    if len(notes) > MOST:
        left = len(notes) - MOST + 1
        notes = [*notes[: MOST - 1], Note(f"zero-downtime: {left} more", f"{left} more are not shown here: {where}")]
    return [command(note) for note in notes]


def _notes(verdict: Verdict) -> Iterator[Note]:
    if verdict.verdict == VERIFIED:
        return
    found = [one for one in verdict.requirements if one.status == verdict.verdict]
    for one in [one for one in found if one.name != "impact"] or found:
        yield Note(f"zero-downtime {one.status}: {one.name}", f"{one.reason}: {one.detail}")
    if verdict.verdict == INCONCLUSIVE:
        return
    for cause in verdict.causes:
        yield Note("zero-downtime: likely cause", f"{cause.title}, because {cause.because}. Safe: {cause.safe}")
    for kind in by_kind(verdict):
        versions = ", ".join(filter(None, kind.versions[:3])) or "no version"
        where = ", ".join(kind.endpoints[:3]) + (f" and {len(kind.endpoints) - 3} more" if len(kind.endpoints) > 3 else "")
        message, request = kind.example.get("message", ""), kind.example.get("request_id") or "without an id"
        text = f"on {where}, by {versions}, {span(kind)}; e.g. {f'{message}, ' if message else ''}request {request}"
        yield Note(f"zero-downtime: {kind.count} x {kind.kind} ({kind.guilt})", text)


def outputs(values: Mapping[str, str], delimiter: str) -> str:
    """Outputs of the step as the runner reads them; ``delimiter`` is a line that no value has."""
    return "".join(f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items())


def tell(
    environ: Environ, verdict: Verdict | None, run: Mapping[str, Any], report: Path, failed: Sequence[str] = ()
) -> list[str]:
    """Writes summary and outputs of a load run where the environment asks for them; the lines to print.

    Without a verdict there are no outputs. ``failed`` are the tests for which pytest ends with status 1; that is told where
    the verdict does not tell it.
    """
    if verdict is None:
        problems = _add_summary(environ, lambda room: f"## {summary.ICONS[INCONCLUSIVE]} {NOT_JUDGED.capitalize()}\n")
        lines = [command(Note("zero-downtime: not judged", NOT_JUDGED))]
    else:
        why = _why_status_1(failed) if failed and verdict.verdict != VIOLATED else ""
        more = f"\n{sentence(why)}\n" if why else ""
        left = len(more.encode())
        problems = _add_summary(environ, lambda room: summary.render(verdict, run, room=room - left, place=str(report)) + more)
        values = {"verdict": verdict.verdict, "level": verdict.level or "", "report": str(report.absolute())}
        problems += _add(environ, OUTPUT, outputs(values, f"zdt-{secrets.token_hex(16)}"))
        lines = _commands([*([Note("zero-downtime: tests failed", why)] if why else []), *_notes(verdict)], ALL)
    return _lines(environ, lines, problems)


def _why_status_1(failed: Sequence[str]) -> str:
    more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
    return f"Exit status 1, whatever the verdict, since {_many(len(failed), 'test')} failed: {', '.join(failed[:3])}{more}"


def tell_refused(environ: Environ, why: str) -> list[str]:
    """Writes a summary of why the run was refused where the environment asks for it; the lines to print."""
    top = f"## {summary.ICONS[INCONCLUSIVE]} Nothing was judged"
    problems = _add_summary(environ, lambda room: f"{top}\n\nThe run ended with an error: {sentence(why)}\n")
    return _lines(environ, [command(Note("zero-downtime: not judged", why))], problems)


def tell_smoke(environ: Environ, seen: SmokeTest) -> list[str]:
    """Writes the summary of a smoke test where the environment asks for it; the lines to print."""
    groups: dict[str, list[FailedTest]] = defaultdict(list)
    for one in seen.failed:
        groups[one.message].append(one)
    notes = [
        Note(tests[0].test if len(tests) == 1 else f"{len(tests)} tests failed alike", _told(tests), tests[0].file, tests[0].line)
        for tests in groups.values()
    ]
    notes += [Note("zero-downtime: smoke test", f"The smoke test proves nothing: {seen.problem}.")] if seen.problem else []
    problems = _add_summary(environ, lambda room: smoke_summary(seen, room))
    return _lines(environ, _commands(notes, "the output of this step has all"), problems)


def _told(tests: Sequence[FailedTest]) -> str:
    others = ", ".join(one.test for one in tests[:3]) + (f" and {len(tests) - 3} more" if len(tests) > 3 else "")
    return tests[0].message if len(tests) == 1 else f"{tests[0].message} ({others})"


def smoke_summary(seen: SmokeTest, room: int = summary.LIMIT) -> str:
    """The summary of a smoke test in ``room`` bytes; failed tests that do not fit are counted only."""
    icon, word = (summary.ICONS[VIOLATED], "failed") if seen.failed else (summary.ICONS[VERIFIED], "passed")
    if seen.problem:
        icon, word = summary.ICONS[INCONCLUSIVE], f"proves nothing: {seen.problem}"
    versions = ", ".join(map(code, seen.versions)) or "no version in the answers"
    top = (
        f"## {icon} Smoke test {word}\n\n{_many(seen.tests, 'test')}, {len(seen.failed)} failed; "
        f"{_many(seen.requests, 'request')} to "
        f"{code(seen.url)} ({versions}). Nothing was judged: that takes a load (`--zdt-duration`).\n"
    )
    return top + _listed(seen.failed, room - len(top.encode()))


def _listed(failed: Sequence[FailedTest], room: int) -> str:
    """The table of the failed tests, as many as fit into ``room`` bytes, and how many do not; empty without any."""
    rows = [(code(one.test), code(one.message)) for one in failed]

    def text(many: int) -> str:
        shown = f"\n{table(('failed test', 'why'), rows[:many])}\n" if many else ""
        left = f"\nLeft out for want of room: {_many(len(rows) - many, 'failed test')}. The output of this step has all.\n"
        return shown + left * (many < len(rows))

    def size(many: int) -> int:
        return len(text(many).encode())

    return text(len(rows) if size(len(rows)) <= room else bisect_right(range(1, len(rows)), room, key=size))


def _add_summary(environ: Environ, render: Callable[[int], str]) -> list[str]:
    """Appends a summary that fits beside what others have written for the step."""
    name = environ.get(SUMMARY)
    if not name:
        return []
    path = Path(name)
    try:
        before = path.stat().st_size if path.exists() else 0
    except OSError as error:
        return [f"{SUMMARY} was not written: {error.strerror}"]
    apart = "\n" if before else ""
    text = apart + render(summary.LIMIT - before - len(apart))
    if before + len(text.encode()) > summary.LIMIT:
        return [f"{SUMMARY} was not written: it has {before} bytes already, and GitHub shows none of one above 1 MiB"]
    return _add(environ, SUMMARY, text)


def _add(environ: Environ, variable: str, text: str) -> list[str]:
    name = environ.get(variable)
    if not name:
        return []
    try:
        with Path(name).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        return [f"{variable} was not written: {error.strerror}"]
    return []


def _lines(environ: Environ, lines: Sequence[str], problems: Sequence[str]) -> list[str]:
    """What is printed: annotations where the runner reads them, plain lines of warning elsewhere."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return [f"zdt: {problem}" for problem in problems]
    return [*lines, *(command(Note("zero-downtime", problem), "warning") for problem in problems)]
