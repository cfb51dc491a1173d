"""The releases, and the folders that they are built into."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from media_sandbox.errors import Failed, Refused
from media_sandbox.home import Home

_PACKAGE = Path(__file__).parent
_BASE = _PACKAGE / "base"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,40}")
_EXCEPTION = re.compile(r"(?!gunicorn\.)[A-Za-z_][\w.]*: ")  # how a traceback ends; gunicorn ends with its own after that


@dataclass(frozen=True)
class Release:
    """Code, as changes to the base, and the way it is put in place of another: rolling, hard or not at all."""

    name: str
    overlays: tuple[Path, ...] = ()
    way: str = "rolling"


def _shipped(*overlays: str) -> tuple[Path, ...]:
    return tuple(_PACKAGE / "releases" / overlay for overlay in overlays)


RELEASES = {
    release.name: release
    for release in (
        Release("v1"),
        Release("v2", _shipped("v2")),
        Release("rename-column", _shipped("rename-column")),
        Release("not-null", _shipped("not-null")),
        Release("token-format", _shipped("token-format")),
        Release("rare-503", _shipped("v2", "rare-503")),
        Release("hard-restart", _shipped("v2"), way="hard"),
        Release("no-op", way="none"),
    )
}


def find(name: str) -> Release:
    """A shipped release by its name, or one's own by the path of the folder of its changed files.

    Raises Refused.
    """
    if name in RELEASES:
        return RELEASES[name]
    folder = Path(name)
    if os.sep in name and folder.is_dir() and _NAME.fullmatch(folder.resolve().name):
        return Release(folder.resolve().name, (folder.resolve(),))
    raise Refused(f"unknown release {name!r}; choose one of {', '.join(RELEASES)}, or give the path of a folder")


def build(home: Home, release: Release) -> Path:
    """A new folder with all code of the release: `<home>/releases/<name>-<n>`."""
    number = 1 + max((int(folder.name.rpartition("-")[2]) for folder in home.releases.iterdir()), default=0)
    folder = home.releases / f"{release.name}-{number}"
    ignore = shutil.ignore_patterns("__pycache__")
    for source in (_BASE, *release.overlays):
        shutil.copytree(source, folder, ignore=ignore, dirs_exist_ok=True)
    (folder / "RELEASE").write_text(release.name)
    return folder


def name_of(folder: Path) -> str:
    """The name of the release that a folder holds."""
    return (folder / "RELEASE").read_text()


def link(home: Home, folder: Path) -> None:
    """Make a release the current one, in one step."""
    temporary = home.path / "current.new"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(folder)
    temporary.replace(home.current)


def run_django(home: Home, port: int, folder: Path, *command: str) -> None:
    """Run a Django command with the code of a release, its output in the log folder.

    Raises Failed with its last line.
    """
    environment = home.environment(port)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), environment.get("PYTHONPATH")]))
    log = home.log / f"{folder.name}-{command[0]}.log"
    with open(log, "w") as output:
        arguments = [sys.executable, "-m", "django", *command]
        done = subprocess.run(arguments, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    if done.returncode:
        raise Failed(f"{command[0]} of release {name_of(folder)} failed: {complaint(log)} (all of it in {log})")


def complaint(log: Path, since: int = 0) -> str:
    """The last exception in a log from that byte on; without one, the last line."""
    text = log.read_bytes()[since:].decode(errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    exceptions = [line for line in lines if _EXCEPTION.match(line)]
    return (exceptions or lines or ["it said nothing"])[-1]
