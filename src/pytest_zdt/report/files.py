"""What a judged run leaves in its directory beside the evidence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pytest_zdt.evidence.bundle import SUMMARY, write_verdict
from pytest_zdt.report import summary
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import Verdict

PAGES: Final[dict[str, Callable[[Facts, Verdict], str]]] = {
    SUMMARY: lambda facts, verdict: summary.render(verdict, facts.run),
}
"""What is written for people, by the file's name."""


def publish(directory: Path, facts: Facts, verdict: Verdict) -> list[str]:
    """Writes what tells of the verdict beside the evidence; a line for each page that could not be written.

    Raises `OSError` where ``verdict.json`` itself cannot be: a verdict without a nice page is one, a page without it is not.
    """
    write_verdict(directory, verdict.as_dict())
    problems = []
    for name, render in PAGES.items():
        try:
            (directory / name).write_text(render(facts, verdict), encoding="utf-8")
        except OSError as error:
            problems.append(f"{name} was not written: {error.strerror}")
    return problems
