"""`serve`: the supervisor of gunicorn's masters."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

from media_sandbox import lifeline, probe, releases, signals
from media_sandbox.errors import Failed, Refused
from media_sandbox.home import Home, register, unregister

_START_TIME = 60  # seconds
_GRACE = 3  # seconds, of the five in which everything must be gone
_POLL = 0.1  # seconds
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True)
class Options:
    """How to serve. `release` None means: v1, or what a kept home served last."""

    host: str
    port: int
    release: str | None
    workers: int
    threads: int
    keep: bool


def check_address(host: str, port: int) -> None:
    """Raises Refused if nothing can listen there."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        raise Refused(f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port or --host") from None


class Server:
    """One sandbox while it is served."""

    def __init__(self, home: Home, options: Options):
        self.home = home
        self.options = options
        self.url = f"http://{_bracketed(options.host)}:{options.port}"
        self._group = 0
        self._restart = False
        self._lifeline, self._lifeline_end = os.pipe()

    def run(self) -> None:
        """Serve until a signal raises Interrupted; raises Failed if the API does not come up or ends by itself.

        Either way no process is left.
        """
        _adopt_orphans()
        signal.signal(signal.SIGUSR1, self._request_restart)
        try:
            folder = self._prepare()
            self._start_master()
            self._await_first_answer(folder.name)
            register(self.home, self.options.port)
            name = releases.name_of(folder)
            print(f"media_sandbox: release {name} on {self.url} (home {self.home.path})", flush=True)
            self._supervise()
        finally:
            with signals.ignored():
                self._stop()

    def _prepare(self):
        """The folder of the release to serve, with its database ready."""
        kept = self.options.keep and self.home.current.exists()
        if kept and self.options.release is None:
            folder = self.home.current.resolve()
        else:
            folder = releases.build(self.home, releases.find(self.options.release or "v1"))
            releases.link(self.home, folder)
        releases.run_django(self.home, self.options.port, folder, "prepare", *["--keep"] * self.options.keep)
        return folder

    def _start_master(self) -> None:
        """Start gunicorn in a process group of its own, which every later master and worker inherits."""
        self.home.forget_masters()
        options = self.options
        arguments = ["--config", str(self.home.current / "gunicorn.conf.py")]
        arguments += ["--bind", f"{_bracketed(options.host)}:{options.port}"]
        arguments += ["--workers", str(options.workers), "--threads", str(options.threads)]
        with open(self.home.log / "gunicorn.log", "a") as log:
            master = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *arguments],
                env=self.home.environment(options.port) | {lifeline.VARIABLE: str(self._lifeline)},
                cwd=self.home.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[self._lifeline],
                process_group=0,
            )
        self._group = master.pid
        self.home.write_state(pid=os.getpid(), group=self._group, host=options.host, port=options.port, url=self.url)

    def _await_first_answer(self, build: str) -> None:
        def settled() -> bool:
            return not self._is_group_alive() or probe.build_answering(self.options.host, self.options.port) == build

        if not probe.wait_until(settled, _START_TIME):
            raise Failed(f"no answer within {_START_TIME} s; see {self.home.log}/gunicorn.log")
        if not self._is_group_alive():
            raise Failed(f"gunicorn did not start; see {self.home.log}/gunicorn.log")

    def _supervise(self) -> None:
        while True:
            time.sleep(_POLL)
            if self._restart:
                self._restart = False
                self._start_master()
            elif not self._is_group_alive() and not self.home.is_locked("deploy"):
                raise Failed(f"every gunicorn master is gone; see {self.home.log}/gunicorn.log")

    def _is_group_alive(self) -> bool:
        """Whether a master or worker is left, after reaping those that are not."""
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        return self._signal_group(0)

    def _signal_group(self, number: int) -> bool:
        try:
            os.killpg(self._group, number)
        except ProcessLookupError:
            return False
        return True

    def _request_restart(self, number: int, frame: object) -> None:
        self._restart = True

    def _stop(self) -> None:
        """End every process: by asking, by the lifeline, by force."""
        unregister(self.options.port)
        self.home.remove_state()
        if self._group and self._is_group_alive():
            # The masters alone: a worker that gets the signal twice can lock itself up in its handler.
            for pid in self.home.masters():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT)
            probe.wait_until(lambda: not self._is_group_alive(), _GRACE)
        os.close(self._lifeline_end)
        if self._group and not probe.wait_until(lambda: not self._is_group_alive(), 0.5):
            self._signal_group(signal.SIGKILL)
            probe.wait_until(lambda: not self._is_group_alive(), 1)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _adopt_orphans() -> None:
    """Become the parent of a new master when the old one, its parent, ends; elsewhere than on Linux init does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
