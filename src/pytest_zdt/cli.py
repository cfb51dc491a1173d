"""The command ``pytest-zdt``: judge a run's evidence again, join runs, compare two, mark a run that is under way."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from pytest_zdt.evidence.bundle import BundleError, add_mark, check_free, read_bundle, read_run, write_verdict
from pytest_zdt.evidence.marks import DEPLOYED, OWN_MARKS, STARTED, Mark
from pytest_zdt.evidence.merge import merge
from pytest_zdt.report import compare, terminal
from pytest_zdt.verdict.judge import judge
from pytest_zdt.verdict.model import Verdict

USAGE = 4
COLOURS = {"green": "1;32", "red": "1;31", "yellow": "1;33", "bold": "1", "dim": "2"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status: of ``judge`` and ``merge`` as of the run, 4 for a wrong argument or directory."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as error:
        return USAGE if error.code else 0
    try:
        status: int = options.run(options)
    except BundleError as error:
        print(f"pytest-zdt: {error}", file=sys.stderr)
        return USAGE
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("pytest-zdt", description="Judge, join, compare and mark zero-downtime runs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("judge", help="judge the evidence in DIR again; exit status as of the run")
    command.add_argument("directory", metavar="DIR", type=Path)
    command.set_defaults(run=_judge)
    command = commands.add_parser("merge", help="join the runs that watched one deployment, and judge them as one")
    command.add_argument("directories", metavar="DIR", type=Path, nargs="+")
    command.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="where the joined evidence goes")
    command.add_argument("--overwrite", action="store_true", help="replace the evidence that is there")
    command.set_defaults(run=_merge)
    command = commands.add_parser("compare", help="two runs side by side")
    command.add_argument("directories", metavar="DIR", type=Path, nargs=2)
    command.set_defaults(run=_compare)
    command = commands.add_parser("mark", help="add a mark to a run that is under way on this machine")
    command.add_argument("name", metavar="NAME", help=f"what happened, such as {STARTED} or {DEPLOYED}")
    command.add_argument("--report", metavar="DIR", type=Path, default=Path("zdt-report"), help="the run's (default: zdt-report)")
    command.set_defaults(run=_mark)
    return parser


def _judge(options: argparse.Namespace) -> int:
    return _judged(options.directory).exit_status


def _judged(directory: Path) -> Verdict:
    """Judges, writes the verdict and shows it."""
    verdict = judge(read_bundle(directory))
    try:
        write_verdict(directory, verdict.as_dict())
    except OSError as error:
        print(f"pytest-zdt: verdict.json was not written: {error.strerror}", file=sys.stderr)
    _show(terminal.render(verdict, report_dir=str(directory)))
    return verdict


def _merge(options: argparse.Namespace) -> int:
    if options.output.resolve() in {directory.resolve() for directory in options.directories}:
        raise BundleError(f"the output {str(options.output)!r} is one of the runs to merge: give another directory with -o")
    check_free(options.output, options.overwrite)
    merge(options.directories, options.output)
    return _judged(options.output).exit_status


def _compare(options: argparse.Namespace) -> int:
    first, second = (read_bundle(directory) for directory in options.directories)
    names = str(options.directories[0]), str(options.directories[1])
    _show(compare.render(names, (first.run, second.run), (judge(first), judge(second))))
    return 0


def _mark(options: argparse.Namespace) -> int:
    name, run = options.name, read_run(options.report)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,60}", name) or name in OWN_MARKS:
        why = "is one that runs set themselves" if name in OWN_MARKS else "has other signs than a-z, 0-9, '.', '_' and '-'"
        raise BundleError(f"the mark's name {name!r} {why}: give another, such as {STARTED} or {DEPLOYED}")
    clock = run.get("clock") or {}
    at = time.monotonic() - float(clock.get("monotonic", float("inf")))
    if at < 0 or not _is_alive(int(clock.get("pid", 0))):
        raise BundleError(
            f"no run is under way in {str(options.report)!r}: mark a run while it goes, on the machine that drives it"
        )
    add_mark(options.report, Mark(at, name), of_others=True)
    print(f"marked {name} at {at:.1f} s")
    return 0


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, so it lives
    return pid > 0


def _show(lines: Iterable[terminal.Line]) -> None:
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for text, style in lines:
        code = COLOURS.get(style) if coloured else None
        print(f"\x1b[{code}m{text}\x1b[0m" if code else text)
