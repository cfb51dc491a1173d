"""A run while it goes, for whoever watches: a panel on a terminal, elsewhere a line now and then; and what is told once."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from pytest_zdt.report.panel import View, line, panel
from pytest_zdt.report.terminal import clean
from pytest_zdt.screen import Screen

LINE_EVERY = 30.0
"""Seconds between lines where there is no panel."""
TERMINAL = 1
"""Standard output: between the tests of pytest, where the load runs, it is not captured."""


class Display:
    """Shows a run by pytest's reporter; nothing where there is none, or with ``-q``. From any thread."""

    def __init__(self, config: pytest.Config, clock: Callable[[], float] = time.monotonic) -> None:
        self._config, self._clock = config, clock
        self._screen: Screen | None = None
        self._shown = float("-inf")

    @property
    def _reporter(self) -> Any:
        """pytest's, with which the options about it come and go."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        return reporter if reporter is not None and self._config.option.verbose >= 0 else None

    def show(self, view: View) -> None:
        """The run as it is now."""
        drop_unread()
        if (reporter := self._reporter) is None:
            return
        if self._screen is None and reporter.isatty and _can_move(os.environ):
            self._screen = Screen(TERMINAL, coloured=reporter.hasmarkup, encoding=_encoding())
        columns, rows = self._screen.room if self._screen is not None else (0, 0)
        if self._screen is not None:
            self._screen.draw(panel(view, columns, rows, ascii_only=not _encoding().startswith("utf")) if rows else [])
        if not rows and self._clock() - self._shown >= LINE_EVERY:
            self._shown = self._clock()
            self.announce(line(view))

    def announce(self, text: str) -> None:
        """A line of its own. A terminal that is gone takes none, and ends nothing."""
        drop_unread()
        if (reporter := self._reporter) is not None:
            with contextlib.suppress(OSError):
                reporter.ensure_newline()
                reporter.write_line(clean(text))
                reporter.flush()

    def end(self, view: View | None) -> None:
        """Takes the panel away, and tells of the run in a last line; without a view there was none."""
        drop_unread()
        if self._screen is not None:
            self._screen.close()
        if view is not None:
            self.announce(line(view, ended=True))


def drop_unread(files: Sequence[int] = (TERMINAL, 2)) -> None:
    """What nobody can read any more goes nowhere: a pipe without a reader, a terminal that is closed.

    pytest would end with an error of its own, whose exit status says violated, though the verdict is another one. It keeps copies
    of these files, while it captures what tests print.
    """
    for file in files:
        looking = select.poll()
        looking.register(file, 0)
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in looking.poll(0)):
            nowhere = os.open(os.devnull, os.O_RDWR)
            for copy in _copies(file):
                os.dup2(nowhere, copy)
            os.close(nowhere)


def _copies(file: int) -> list[int]:
    """The descriptors of this process, itself among them, that are of the same file."""
    found = []
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):  # the one of this list is closed by now
            found += [int(name)] if os.path.sameopenfile(int(name), file) else []
    return found


def _can_move(environ: Mapping[str, str]) -> bool:
    """Whether the terminal obeys more than new lines. What runs in CI is a log, though some of them look like a terminal."""
    return environ.get("TERM", "dumb") != "dumb" and not environ.keys() & {"CI", "BUILD_NUMBER"}


def _encoding() -> str:
    return (getattr(sys.__stdout__, "encoding", None) or "ascii").lower()
