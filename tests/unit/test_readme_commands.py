"""The README tells the commands that are really run."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_test_command_is_the_one_of_ci() -> None:
    """The README's command for the tests is, character for character, the last one of .ci/run."""
    command = (ROOT / ".ci" / "run").read_text(encoding="utf-8").strip().splitlines()[-1]
    folders = sorted(path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__")
    assert sorted(re.findall(r"tests/(\w+)", command)) == folders
    assert command in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def test_what_the_readme_shows_and_links_is_there() -> None:
    """Pictures and files of the project that it names exist."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:src|srcset)="([^"]+)"', text)) | set(re.findall(r"\]\((?!https?:|#)([^)#]+)\)", text))
    assert {".github/report.png", ".github/report-dark.png"} <= named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
