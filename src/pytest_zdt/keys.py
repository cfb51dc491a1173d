"""Keys of what the plugin keeps in pytest's stashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pytest_zdt.settings import RunSettings

if TYPE_CHECKING:
    from pytest_zdt.vu import VirtualUser


@dataclass(frozen=True)
class Run:
    """The run that is to be made: its id (8 hexadecimal digits) and its settings."""

    id: str
    settings: RunSettings


RUN = pytest.StashKey[Run]()
"""In ``config.stash``, when a target is given."""
VU: pytest.StashKey[VirtualUser] = pytest.StashKey()
"""In the stash of an item that a VU runs."""
