"""The command ``pytest-zdt export``: reads a run's evidence, and writes or sends its series."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from pytest_zdt.evidence.bundle import BundleError, read_bundle
from pytest_zdt.report.metrics import Metrics, measure
from pytest_zdt.report.terminal import clean
from pytest_zdt.verdict.facts import gather
from pytest_zdt.verdict.judge import decide
from pytest_zdt.verdict.model import VERIFIED

STDOUT: Final = "-"
ADDRESS: Final = re.compile(r"(?:[^/]*@)?((?:[\w.-]+|\[[\da-f:.]+\]):\d{1,5})(?:[/?#].*)?", re.ASCII | re.IGNORECASE)
"""A URL without its scheme; its host and port, which are no secrets."""
Writer = Callable[[Metrics], None]


def export(directory: Path, prometheus: str | None, otlp: str | None) -> None:
    """Writes the series of the run in ``directory``: as OpenMetrics text to ``prometheus``, and as OTLP to ``otlp``.

    Both are files, or ``-``; ``otlp`` may also be the URL of a collector. Raises `BundleError` for what cannot be exported, and
    `OSError` for what could not be written or sent.
    """
    if not (prometheus or otlp):
        raise BundleError("there is nowhere to export to: give --prometheus FILE, --otlp FILE or --otlp URL")
    if prometheus and otlp and Path(prometheus).resolve() == Path(otlp).resolve():
        raise BundleError(f"--prometheus and --otlp cannot both write to {otlp!r}: give two files")
    if otlp and (found := ADDRESS.fullmatch(otlp)):
        to_do = f"give http://{found[1]}/v1/metrics to send there, or ./NAME for a file of such a name"
        raise BundleError(f"--otlp {found[1]} is where a collector listens, not its URL: {to_do}")
    writers = [_to_prometheus(prometheus)] if prometheus else []
    writers += [_to_collector(otlp) if "://" in otlp else _to_file(otlp)] if otlp else []
    metrics = _measured(directory)
    for write in writers:
        write(metrics)
    if STDOUT not in (prometheus, otlp):
        print(f"exported {metrics.values} values, of {len(metrics.times) - 1} intervals of {metrics.times.step} s")


def _to_prometheus(place: str) -> Writer:
    with _extra():
        from pytest_zdt.report.openmetrics import exposition
    return lambda metrics: _write(place, exposition(metrics))


def _to_file(place: str) -> Writer:
    with _extra():
        from pytest_zdt.report.otlp import lines
    return lambda metrics: _write(place, lines(metrics))


def _to_collector(url: str) -> Writer:
    with _extra():
        from pytest_zdt.collector import check_url, headers, send
        from pytest_zdt.report.otlp import messages
    try:
        check_url(url)
        extra = headers(os.environ)
    except ValueError as error:
        raise BundleError(str(error)) from None

    def write(metrics: Metrics) -> None:
        for warning in send(url, messages(metrics), extra):
            print(f"pytest-zdt: the collector warns: {warning}", file=sys.stderr)

    return write


@contextlib.contextmanager
def _extra() -> Iterator[None]:
    """Raises `BundleError` where what is imported inside is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise BundleError(f"export needs pip install 'pytest-zdt[metrics]' ({error})") from None


def _measured(directory: Path) -> Metrics:
    facts = gather(read_bundle(directory))
    verdict = decide(facts)
    load = next(one for one in verdict.requirements if one.name == "load")
    if load.status != VERIFIED:
        print(
            f"pytest-zdt: not all of the planned load is in this evidence ({load.reason}): {clean(load.detail)}", file=sys.stderr
        )
    try:
        return measure(facts, verdict)
    except ValueError as error:
        raise BundleError(f"{str(directory)!r} cannot be exported: {error}") from None


def _write(place: str, chunks: Iterable[bytes]) -> None:
    if place != STDOUT:
        with open(place, "wb") as file:
            file.writelines(chunks)
    elif isinstance(sys.stdout, io.TextIOWrapper):  # otherwise it was closed by the caller
        sys.stdout.flush()
        sys.stdout.buffer.writelines(chunks)
