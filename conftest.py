"""Configuration of all tests: `pytester` for the tests of the plugin, and what a run with a target collects."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
TESTS = Path(__file__).parent / "tests"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With a target only the media tests are wanted; the others need packages that such a run does not."""
    of_project = collection_path.parent == TESTS and collection_path.is_dir() and collection_path.name != "media"
    return True if of_project and config.getoption("zdt_target", None) else None
