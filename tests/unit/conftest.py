"""Properties are about results: how long an example takes depends on what else the machine does."""

import numpy  # noqa: F401  it can be loaded only once; `pytester` forgets what was loaded while it was in use
from hypothesis import settings

settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")
