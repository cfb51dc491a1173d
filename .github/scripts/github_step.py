"""What GitHub's runner makes of a step's output: lines that look like its commands are commands, whoever wrote them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


def on_github() -> bool:
    """Whether GitHub's runner reads what this step prints."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


@contextlib.contextmanager
def quoted(token: str) -> Iterator[None]:
    """The runner heeds no command in what is printed meanwhile, up to a line of ``token``; without a token nothing is stopped.

    The token may stop and resume within as well: the runner takes one that changes nothing for text.
    """
    if token:
        print(f"::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        if token:
            print(f"::{token}::", flush=True)
