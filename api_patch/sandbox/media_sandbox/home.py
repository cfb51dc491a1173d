"""The folder that holds all of a sandbox's state, and where running sandboxes are found."""

import errno
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from media_sandbox.errors import Refused

_MARKER = ".media-sandbox"
_GUNICORN_VARIABLES = ("GUNICORN_CMD_ARGS", "GUNICORN_PID", "GUNICORN_FD", "LISTEN_FDS", "LISTEN_PID")


class Home:
    """One sandbox's folder. Creating the object touches nothing."""

    def __init__(self, path: Path):
        self.path = path.absolute()
        self.releases = self.path / "releases"
        self.current = self.path / "current"
        self.log = self.path / "log"
        self.deployments = self.path / "deployments.jsonl"
        self._pidfile = self.path / "run" / "gunicorn.pid"
        self._next_pidfile = self.path / "run" / "gunicorn.pid.2"  # gunicorn's own naming
        self._state = self.path / "server.json"

    def check(self) -> None:
        """Raises Refused if the folder holds anything that no sandbox made: it would be lost."""
        if self.path.exists() and not self.path.is_dir():
            raise Refused(f"{self.path} is not a folder; choose another with --home")
        if self.path.is_dir() and any(self.path.iterdir()) and not (self.path / _MARKER).exists():
            raise Refused(f"{self.path} holds files that are no sandbox's; choose an empty or a new folder with --home")

    def create(self, keep: bool) -> None:
        """Make the folder, empty unless `keep`; the serve lock is held."""
        for entry in () if keep else list(self.path.iterdir()):
            if entry.name not in (_MARKER, "serve.lock"):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        for name in ("releases", "log", "run", "mail", "cache"):
            (self.path / name).mkdir(exist_ok=True)
        if not (secret_key := self.path / "secret-key").exists():
            secret_key.touch(mode=0o600)
            secret_key.write_text(secrets.token_urlsafe(50))

    @contextmanager
    def locked(self, name: str, refusal: str) -> Iterator[None]:
        """Hold the lock `name` (`serve` or `deploy`); raises Refused with that text if another process does.

        The kernel lets go of it when the process ends, however it ends.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.path / _MARKER).touch()
        with open(self.path / f"{name}.lock", "a") as file:
            if not _try_lock(file):
                raise Refused(refusal)
            yield

    def is_locked(self, name: str) -> bool:
        """Whether some process holds the lock `name`."""
        try:
            with open(self.path / f"{name}.lock") as file:
                return not _try_lock(file)
        except FileNotFoundError:
            return False

    def write_state(self, **state: object) -> None:
        """Keep what `deploy` must know of `serve`: pid, group, host, port, url."""
        temporary = self._state.with_suffix(".new")
        temporary.write_text(json.dumps(state))
        temporary.replace(self._state)

    def state(self) -> dict:
        """What `serve` kept; empty if it does not run."""
        try:
            return json.loads(self._state.read_text())
        except FileNotFoundError:
            return {}

    def remove_state(self) -> None:
        """Nothing is served any more."""
        self._state.unlink(missing_ok=True)

    def master(self) -> int | None:
        """The pid of the gunicorn master that serves; None while there is none, and shortly after an upgrade."""
        return _read_pid(self._pidfile)

    def next_master(self) -> int | None:
        """The pid of the new master in an upgrade, until the old one has gone."""
        return _read_pid(self._next_pidfile)

    def masters(self) -> list[int]:
        """Both."""
        return [pid for pid in (self.master(), self.next_master()) if pid]

    def forget_masters(self) -> None:
        """Remove what killed masters have left."""
        self._pidfile.unlink(missing_ok=True)
        self.forget_next_master()

    def forget_next_master(self) -> None:
        """Remove what a killed new master has left."""
        self._next_pidfile.unlink(missing_ok=True)

    def environment(self, port: int) -> dict[str, str]:
        """The environment of every process of the sandbox."""
        environment = {name: value for name, value in os.environ.items() if name not in _GUNICORN_VARIABLES}
        return environment | {
            "MEDIA_SANDBOX_HOME": str(self.path),
            "MEDIA_SANDBOX_SCHEMA": f"media_sandbox_{port}",
            "DJANGO_SETTINGS_MODULE": "media_site.settings",
            # `python -m gunicorn` re-executes itself as a script, whose folder must not shadow the standard library.
            "PYTHONSAFEPATH": "1",
            # Bytecode is found by time stamp and size, which two releases may share.
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def default_home(port: int) -> Home:
    """The home of a sandbox on that port when none is given."""
    return Home(_root() / str(port))


def register(home: Home, port: int) -> None:
    """Let `deploy` find this sandbox by its port."""
    link = _root() / "running" / str(port)
    link.unlink(missing_ok=True)
    link.symlink_to(home.path)


def unregister(port: int) -> None:
    """It does not run any more."""
    (_root() / "running" / str(port)).unlink(missing_ok=True)


def running() -> dict[int, Home]:
    """The sandboxes that run now, by port."""
    homes = {int(link.name): Home(Path(os.readlink(link))) for link in (_root() / "running").iterdir()}
    return {port: home for port, home in sorted(homes.items()) if home.is_locked("serve") and home.state()}


def _root() -> Path:
    """This user's folder below the temporary one; nobody else's, since homes are emptied."""
    root = Path(tempfile.gettempdir()) / f"media-sandbox-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid():
        raise Refused(f"{root} belongs to somebody else; set TMPDIR to a folder of your own")
    (root / "running").mkdir(exist_ok=True)
    return root


def _read_pid(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _try_lock(file: object) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        return False
    return True
