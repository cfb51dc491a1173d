"""What a judged run leaves in its directory beside the evidence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pytest_zdt.evidence.bundle import DEPLOY_LOG, PAGE, SUMMARY, write_verdict
from pytest_zdt.report import page, summary
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import Verdict

MOST_OUTPUT: Final = 20_000
"""Bytes of what the deploy command printed that are told, the last ones."""
PAGES: Final[dict[str, Callable[[Path, Facts, Verdict], str]]] = {
    SUMMARY: lambda directory, facts, verdict: summary.render(verdict, facts.run),
    PAGE: lambda directory, facts, verdict: page.render(facts, verdict, printed(directory)),
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
            (directory / name).write_text(render(directory, facts, verdict), encoding="utf-8")
        except OSError as error:
            problems.append(f"{name} was not written: {error.strerror}")
    return problems


def printed(directory: Path) -> str:
    """The end of what the deploy command has printed; empty without one."""
    log = directory / DEPLOY_LOG
    if not log.is_file():
        return ""
    with log.open("rb") as output:
        output.seek(max(0, log.stat().st_size - MOST_OUTPUT))
        return output.read().decode(errors="replace").strip()
