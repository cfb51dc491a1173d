"""Keys of what the plugin keeps in pytest's stashes. Light: this is imported in every pytest run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_zdt.runner import Runner
    from pytest_zdt.settings import Run

RUN: pytest.StashKey[Run] = pytest.StashKey()
"""In ``config.stash``, when a target is given."""
RUNNER: pytest.StashKey[Runner] = pytest.StashKey()
"""In ``config.stash`` of the process that the user started, when it runs tests against a target."""
