"""What the plugin costs a run that does not use it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

TEST = """
import sys

def test_modules():
    heavy = {"requests", "pycurl", "urllib3", "pytest_zdt.controller", "pytest_zdt.runner", "pytest_zdt.http.session"}
    assert "pytest_zdt.plugin" in sys.modules
    assert sorted(heavy & set(sys.modules)) == []
    assert [name for name in sys.modules if name.startswith(("pytest_zdt.http", "pytest_zdt.verdict"))] == []
"""


def test_without_a_target_nothing_heavy_is_imported(start: Callable[..., Any], tmp_path: Path) -> None:
    """A run without a target loads the plugin, but neither an HTTP client nor the load's control nor the judgement."""
    (tmp_path / "test_modules.py").write_text(TEST)
    run = start("--rootdir=.", "test_modules.py", cwd=tmp_path)
    assert run.end(60) == 0, run.output
