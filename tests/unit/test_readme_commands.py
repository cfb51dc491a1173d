"""The README tells the commands that are really run."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_test_command_is_the_one_of_ci() -> None:
    """The README's command for the tests is, character for character, the last one of .ci/run."""
    command = (ROOT / ".ci" / "run").read_text(encoding="utf-8").strip().splitlines()[-1]
    assert command.endswith("/pytest")
    assert command in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
