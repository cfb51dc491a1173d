"""The command ``pytest-zdt``: judge a run's evidence again, join runs, compare two, export one, mark one that is under way."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pytest_zdt import __version__
from pytest_zdt.evidence.bundle import DEPLOY_LOG, BundleError, add_mark, check_free, check_under_way, read_bundle, read_run
from pytest_zdt.evidence.marks import DEPLOYED, ENDED, OWN_MARKS, STARTED, Mark
from pytest_zdt.evidence.merge import merge
from pytest_zdt.report import compare, terminal
from pytest_zdt.report.files import publish
from pytest_zdt.verdict.facts import gather
from pytest_zdt.verdict.judge import decide, judge

INTERRUPTED, ERROR, USAGE = 2, 3, 4
COLOURS = {"green": "1;32", "red": "1;31", "yellow": "1;33", "bold": "1", "dim": "2"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status: of ``judge`` and ``merge`` as of the run, 4 for a wrong argument or directory.

    3 is an error of the command itself, such as a full disk.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    elif sys.stdout is None:  # closed by the caller, who wants the exit status alone
        sys.stdout = io.StringIO()
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as error:
        return USAGE if error.code else 0
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BundleError as error:
        return _complain(str(error), USAGE)
    except BrokenPipeError:
        _drop_output()
        return _complain("the output was cut off by its reader; the exit status says nothing of the run", ERROR)
    except OSError as error:
        if error.filename is None:
            _drop_output()
        return _complain(f"{error.filename or 'the output'}: {error.strerror}", ERROR)
    except Exception as error:  # Python would end with 1, which says violated and rolls a good deployment back
        traceback.print_exc()
        return _complain(f"internal error: {error!r}", ERROR)
    return status


def _drop_output() -> None:
    """Python would try once more to write what is left when it ends, and give its own exit status when that fails."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(why: str, status: int) -> int:
    print(f"pytest-zdt: {why}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("pytest-zdt", description="Judge, join, compare, export and mark zero-downtime runs.")
    parser.add_argument("--version", action="version", version=f"pytest-zdt {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("judge", help="judge the evidence in DIR again; exit status as of the run")
    command.add_argument("directory", metavar="DIR", type=Path, help="the report directory of a run, such as zdt-report")
    command.set_defaults(run=_judge)
    command = commands.add_parser("merge", help="join the runs that watched one deployment, and judge them as one")
    command.add_argument("directories", metavar="DIR", type=Path, nargs="+", help="the report directories of the runs")
    command.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="where the joined evidence goes")
    command.add_argument("--overwrite", action="store_true", help="replace the evidence that is there")
    command.set_defaults(run=_merge)
    command = commands.add_parser("compare", help="two runs side by side")
    command.add_argument("directories", metavar="DIR", type=Path, nargs=2, help="the report directories of two runs")
    command.set_defaults(run=_compare)
    command = commands.add_parser("export", help="write or send a run's metrics; needs pip install 'pytest-zdt[metrics]'")
    command.add_argument("directory", metavar="DIR", type=Path, help="the report directory of a run, such as zdt-report")
    command.add_argument("--prometheus", metavar="FILE", help="as OpenMetrics text, for promtool; - is the standard output")
    command.add_argument(
        "--otlp",
        metavar="FILE|URL",
        help="as OpenTelemetry's OTLP: JSON lines in a file (- is the standard output), or sent to a collector, such as "
        "http://collector:4318/v1/metrics, with the headers of OTEL_EXPORTER_OTLP_HEADERS",
    )
    command.set_defaults(run=_export)
    command = commands.add_parser("mark", help="add a mark to a run that is under way on this machine")
    command.add_argument("name", metavar="NAME", help=f"what happened, such as {STARTED} or {DEPLOYED}")
    command.add_argument(
        "--report",
        metavar="DIR",
        type=Path,
        default=Path(os.environ.get("ZDT_REPORT_DIR") or "zdt-report"),
        help="the run's report directory (default: in a deploy command that of its run, else zdt-report)",
    )
    command.set_defaults(run=_mark)
    return parser


def _judge(options: argparse.Namespace) -> int:
    return _judged(options.directory)


def _judged(directory: Path) -> int:
    """Judges, writes the verdict and shows it; the exit status of the run, which is its verdict's unless it was interrupted."""
    facts, place = gather(read_bundle(directory)), str(directory)
    verdict = decide(facts)
    try:
        unwritten = publish(directory, facts, verdict)
    except OSError as error:
        place, unwritten = "", [f"{Path(error.filename or directory).name} was not written: {error.strerror}"]
    for line in unwritten:
        print(f"pytest-zdt: {line}", file=sys.stderr)
    _show(terminal.render(verdict, report_dir=place, deploy_log=(directory / DEPLOY_LOG).is_file()))
    interrupted = any(mark.data.get("interrupted") for mark in facts.marked(ENDED))
    return INTERRUPTED if interrupted else verdict.exit_status


def _merge(options: argparse.Namespace) -> int:
    if options.output.resolve() in {directory.resolve() for directory in options.directories}:
        raise BundleError(f"the output {str(options.output)!r} is one of the runs to merge: give another directory with -o")
    check_free(options.output, options.overwrite, ("-o", "--overwrite"))
    merge(options.directories, options.output)
    return _judged(options.output)


def _compare(options: argparse.Namespace) -> int:
    first, second = (read_bundle(directory) for directory in options.directories)
    names = str(options.directories[0]), str(options.directories[1])
    _show(compare.render(names, (first.run, second.run), (judge(first), judge(second))))
    return 0


def _export(options: argparse.Namespace) -> int:
    from pytest_zdt.export import export

    export(options.directory, options.prometheus, options.otlp)
    return 0


def _mark(options: argparse.Namespace) -> int:
    name, run = options.name, read_run(options.report)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,60}", name) or name in OWN_MARKS:
        why = (
            "is one that runs set themselves"
            if name in OWN_MARKS
            else "is not 1 to 61 of a-z, 0-9, '.', '_', '-', a letter first"
        )
        raise BundleError(f"the mark's name {name!r} {why}: give another, such as {STARTED} or {DEPLOYED}")
    check_under_way(options.report)
    at = _seconds_into(run)
    if at is None:
        where = f"no run is under way in {str(options.report)!r}"
        raise BundleError(f"{where}: mark a run while it goes, on the machine that drives it")
    add_mark(options.report, Mark(at, name), of_others=True)
    print(f"marked {name} at {at:.1f} s")
    return 0


def _seconds_into(run: dict[str, Any]) -> float | None:
    """Seconds since the run's start, by the clock of the machine that drives it; None where it is not driven here and now."""
    try:
        at, pid = time.monotonic() - float(run["clock"]["monotonic"]), int(run["clock"]["pid"])
        return at if at >= 0 and _is_alive(pid) else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, so it lives
    return pid > 0


def _show(lines: Iterable[terminal.Line]) -> None:
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    for text, style in lines:
        code = COLOURS.get(style) if coloured else None
        print(f"\x1b[{code}m{text}\x1b[0m" if code else text)
