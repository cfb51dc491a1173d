"""What a step tells GitHub's runner: why it fails.

To the runner, lines that look like its commands are commands, whoever wrote them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from github_jobs import say

SUMMARY = "GITHUB_STEP_SUMMARY"


def on_github() -> bool:
    """Whether GitHub's runner reads what this step prints."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def fail(why: str) -> None:
    """Tells why the step fails: in its log, and on GitHub in an annotation and in the step's summary as well."""
    if on_github():
        print(f"::error title=zero-downtime::{escaped(why)}", flush=True)
        if os.environ.get(SUMMARY):
            with Path(os.environ[SUMMARY]).open("a", encoding="utf-8") as summary:
                summary.write(f"\n**zero-downtime**\n\n{indented(why)}\n\n")
    say(why)


def escaped(text: str) -> str:
    """The text as the data of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def indented(text: str) -> str:
    """The text as a block of Markdown that is shown as it is."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def has_summary() -> bool:
    """Whether something is told in this step's summary."""
    return bool(os.environ.get(SUMMARY)) and Path(os.environ[SUMMARY]).stat().st_size > 0


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
