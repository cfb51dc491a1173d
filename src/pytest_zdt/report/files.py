"""What a judged run leaves in its directory beside the evidence."""

from __future__ import annotations

from pathlib import Path

from pytest_zdt.evidence.bundle import write_verdict
from pytest_zdt.verdict.facts import Facts
from pytest_zdt.verdict.model import Verdict


def publish(directory: Path, facts: Facts, verdict: Verdict) -> None:
    """Writes what tells of the verdict beside the evidence. Raises `OSError` where a file cannot be written."""
    write_verdict(directory, verdict.as_dict())
