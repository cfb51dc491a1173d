"""Properties are tested alike on every machine: the same examples each time, and no deadline for a slow one."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("zdt", deadline=None, derandomize=True)
settings.load_profile("zdt")
