"""A step of a workflow on GitHub, whose runner takes lines of output for commands, whoever wrote them.

pytest prints what an API answered, in tracebacks and captured output: `##[error]` anywhere in a line, or `::error::` at its
beginning, would be an annotation, and `stop-commands` would end all others. So commands are stopped while a run prints, by a
token that nobody else knows, but for the lines that are meant as such. See "Stopping and starting workflow commands" in
GitHub's "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Final

TOKEN: Final = "ZDT_STOP_TOKEN"
"""The variable with the token, for a script that shows the output of a run in several steps; without it there is a new one."""


class Step:
    """Gives the lines to be printed, each at the beginning of a line; none where it is no step."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._token = environ.get(TOKEN) or secrets.token_hex(16)
        self._there = environ.get("GITHUB_ACTIONS") == "true"
        self._stopped = False

    def stop(self) -> list[str]:
        """From now on the runner heeds no command."""
        self._stopped = self._there
        return [f"::stop-commands::{self._token}"] if self._there else []

    def resume(self) -> list[str]:
        """It heeds commands again."""
        stopped, self._stopped = self._stopped, False
        return [f"::{self._token}::"] if stopped else []

    def commands(self, lines: Sequence[str]) -> list[str]:
        """These lines are heeded, and then no others again."""
        return [*self.resume(), *lines, *self.stop()] if self._stopped and lines else list(lines)
