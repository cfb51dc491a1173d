"""What a judged run leaves in its directory beside the evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_zdt.evidence.bundle import DEPLOY_LOG, PAGE, write_verdict
from pytest_zdt.report import page
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import Verdict

MOST_OUTPUT: Final = 20_000
"""Bytes of what the deploy command printed that are told, the last ones."""


def publish(directory: Path, facts: Facts, verdict: Verdict) -> None:
    """Writes what tells of the verdict beside the evidence. Raises `OSError` where a file cannot be written."""
    write_verdict(directory, verdict.as_dict())
    (directory / PAGE).write_text(page.render(facts, verdict, printed(directory)), encoding="utf-8")


def printed(directory: Path) -> str:
    """The end of what the deploy command has printed; empty without one."""
    log = directory / DEPLOY_LOG
    if not log.is_file():
        return ""
    with log.open("rb") as output:
        output.seek(max(0, log.stat().st_size - MOST_OUTPUT))
        return output.read().decode(errors="replace").strip()
