"""Signals in the processes that tests start."""

from __future__ import annotations

import signal


def heed() -> None:
    """In a new process: Ctrl-C and a closed terminal end it, though whoever started the tests may ignore them.

    A shell starts its background jobs to ignore SIGINT, and nohup what it runs to ignore SIGHUP; both are inherited.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
