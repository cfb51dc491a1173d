"""Configuration of all tests: `pytester` for the tests of the plugin, and what a run with a target collects."""

import os
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
TESTS = Path(__file__).parent / "tests"
OF_GITHUB = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_WORKSPACE")


def pytest_configure(config: pytest.Config) -> None:
    """The tests of this project run pytest and the plugin themselves, and not for the summary of the workflow they run in."""
    if not config.getoption("zdt_target", None):
        for name in OF_GITHUB:
            os.environ.pop(name, None)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With a target only the media tests are wanted; the others need packages that such a run does not."""
    of_project = collection_path.parent == TESTS and collection_path.is_dir() and collection_path.name != "media"
    return True if of_project and config.getoption("zdt_target", None) else None
