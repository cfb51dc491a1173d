"""The commands a run starts, each under a keeper, and the API's readiness."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

END = 1 << 16
"""Bytes at the end of an output in which its last line is looked for."""
SHOWN = 200
"""Characters of it."""
ENDS: Final = (signal.SIGTERM, signal.SIGHUP)
"""What ends a run from outside: somebody's kill, a terminal that is closed."""
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)?")
"""Control sequences of terminals (ECMA-48): colours and the like, titles."""


class Command:
    """A shell command under a keeper. Its output goes to ``log``, without secrets and not without end: see `output.Output`.

    This environment's scripts come first on its PATH.
    """

    def __init__(self, command: str, log: Path, environ: Mapping[str, str]) -> None:
        self.command = command
        self.log = log
        self.exit_status: int | None = None
        """The command's exit status once it has ended; 128 + n when signal n ended it."""
        log.parent.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
        with log.open("wb") as output:
            self._keeper = subprocess.Popen(
                [sys.executable, "-m", "pytest_zdt.keeper", command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **environ},
                start_new_session=True,
            )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._keeper.stdout is not None
        line = self._keeper.stdout.readline()
        self.exit_status = int(line) if line else self._keeper.wait() or 1

    def end(self) -> None:
        """Has the command and all it started ended; returns at once."""
        if self._keeper.stdin is not None and not self._keeper.stdin.closed:
            self._keeper.stdin.close()

    def hurry(self) -> None:
        """What is being ended is killed at once. Also for a signal's handler, while `stop` waits."""
        self._keeper.terminate()

    def stop(self) -> None:
        """Ends the command and all it started; returns when they are gone."""
        self.end()
        self._keeper.wait()
        self._listener.join()
        if self._keeper.stdout is not None:
            self._keeper.stdout.close()

    def last_line(self) -> str:
        """The last line of output that is not empty: its first `SHOWN` characters, without control characters.

        Empty where the log is gone, or cannot be read: commands may tidy up more than their own.
        """
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - END))
                text = CONTROL.sub("", log.read().decode(errors="replace"))
        except OSError:
            return ""
        lines = ("".join(filter(str.isprintable, line)).strip() for line in reversed(text.splitlines()))
        line = next(filter(None, lines), "")
        return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."


def free_port() -> int:
    """A port on the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unreachable(url: str, timeout: float = 3.0) -> str:
    """Why no connection to the URL's host and port can be made; empty when it can."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def wait_until_served(command: Command, url: str, within: float = 60.0, sleep: Callable[[float], None] = time.sleep) -> str:
    """Waits until the API that ``command`` serves accepts connections; what went wrong, or empty."""
    end = time.monotonic() + within
    while unreachable(url, 1.0):
        if command.exit_status is not None:
            return f"the serve command {command.command!r} ended with status {command.exit_status}: {command.last_line()}"
        if time.monotonic() > end:
            return f"the serve command {command.command!r} did not serve {url} within {within:g}s: {command.last_line()}"
        sleep(0.05)
    return ""


@contextlib.contextmanager
def heeding(numbers: Iterable[signal.Signals], handle: Callable[[int, object], None]) -> Iterator[None]:
    """Within this, these signals are handled so, but for those that are ignored, as nohup has it.

    Elsewhere than in the main thread it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in numbers}
    heeded = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    for number in heeded:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def ends_interrupt() -> contextlib.AbstractContextManager[None]:
    """Within this, `ENDS` end the main thread as Ctrl-C does."""
    return heeding(ENDS, _interrupt)


def first_calls(do: Callable[[], None]) -> contextlib.AbstractContextManager[None]:
    """Within this, the first Ctrl-C, or one of `ENDS`, calls ``do``; the second ends the main thread."""
    first = [do]
    return heeding((signal.SIGINT, *ENDS), lambda number, frame: first.pop()() if first else _interrupt(number, frame))


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt(f"signal {number}")
