"""Signals as exceptions: what is under way is unwound by its own `finally`."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from media_sandbox.errors import Interrupted

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def raise_interrupted() -> None:
    """From now on SIGTERM, SIGINT and SIGHUP raise Interrupted in the main thread; under nohup SIGHUP stays ignored."""
    for number in _ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise)


@contextmanager
def ignored() -> Iterator[None]:
    """They are ignored meanwhile: cleaning up is not interrupted."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(number: int, frame: object) -> None:
    raise Interrupted(number)
