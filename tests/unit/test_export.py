"""The command ``pytest-zdt export``, as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_zdt.cli import main
from pytest_zdt.evidence.bundle import RUN
from pytest_zdt.processes import free_port
from pytest_zdt.report.openmetrics import exposition
from pytest_zdt.report.otlp import lines

from .report.test_metrics import measured
from .test_cli import refused, tree
from .test_collector import Answer, Collector, collect, partly
from .verdict.conftest import Story, stored

__all__ = ["collect", "refused"]
COMMAND = [sys.executable, "-m", "pytest_zdt", "export"]


def violated() -> Story:
    """A run that was violated; its endpoints are not named in ASCII."""
    return Story().break_(300).change(endpoint=lambda one: f"{one.endpoint}ä")


EXPOSITION = b"".join(exposition(measured(violated())))
LINES = b"".join(lines(measured(violated())))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The run's directory."""
    return stored(violated(), tmp_path / "run")


def test_files(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are written, what was there before is gone; the exit status is not the run's, whose directory stays as it is."""
    before = tree(run)
    (tmp_path / "run.om").write_bytes(b"x" * 10**6)
    assert main(["export", str(run), "--prometheus", str(tmp_path / "run.om"), "--otlp", str(tmp_path / "run.jsonl")]) == 0
    assert (tmp_path / "run.om").read_bytes() == EXPOSITION
    assert (tmp_path / "run.jsonl").read_bytes() == LINES
    assert tree(run) == before
    assert capsys.readouterr() == ("exported 782 values, of 40 intervals of 1 s\n", "")


@pytest.mark.parametrize("option, content", [("--prometheus", EXPOSITION), ("--otlp", LINES)])
def test_standard_output(option: str, content: bytes, run: Path) -> None:
    """Holds the metrics and nothing else, in UTF-8 wherever it goes."""
    done = subprocess.run([*COMMAND, run, option, "-"], capture_output=True, env={"PYTHONIOENCODING": "ascii"}, check=True)
    assert (done.stdout, done.stderr) == (content, b"")


def test_a_reader_that_goes(run: Path) -> None:
    """It is an error, told in one line."""
    process = subprocess.Popen([*COMMAND, run, "--prometheus", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate()
    assert (process.returncode, err.count(b"\n")) == (3, 1)


def test_a_closed_standard_output(run: Path) -> None:
    """There is nobody to write to, and no error."""
    command = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, str(run), "--otlp", "-"]
    assert subprocess.run(command, stderr=subprocess.PIPE).stderr == b""


def test_sending(run: Path, collect: Callable[..., Collector], capsys: pytest.CaptureFixture[str]) -> None:
    """To a URL it is sent; what the collector warns of is told, and is no error."""
    collector = collect(Answer(body=partly(0, "use gzip").SerializeToString()))
    assert main(["export", str(run), "--otlp", collector.url]) == 0
    assert len(collector.hits) == 1
    out, err = capsys.readouterr()
    assert out == "exported 782 values, of 40 intervals of 1 s\n"
    assert err == "pytest-zdt: the collector warns: use gzip\n"


def test_sending_fails(run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the URL and the cause, but without its secrets; exit status 3."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cr3t")
    url = f"127.0.0.1:{free_port()}/v1/metrics"
    assert main(["export", str(run), "--otlp", f"http://me:s3cr3t@{url}?key=s3cr3t"]) == 3
    assert capsys.readouterr() == ("", f"pytest-zdt: http://{url}: the collector cannot be reached: Connection refused\n")


def test_a_file_that_cannot_be_written(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with its name; exit status 3."""
    assert main(["export", str(run), "--prometheus", str(tmp_path / "none" / "run.om")]) == 3
    assert capsys.readouterr() == ("", f"pytest-zdt: {tmp_path / 'none' / 'run.om'}: No such file or directory\n")


@pytest.mark.parametrize(
    "arguments, text",
    [
        ([], "there is nowhere to export to: give --prometheus FILE, --otlp FILE or --otlp URL"),
        (["--prometheus", "-", "--otlp", "-"], "--prometheus and --otlp cannot both write to '-': give two files"),
        (["--prometheus", "zz", "--otlp", "./zz"], "--prometheus and --otlp cannot both write to './zz': give two files"),
        (["--otlp", "grpc://collector:4317"], "--otlp takes a file, or a URL of http or https, not one of grpc"),
    ],
)
def test_wrong_arguments(arguments: list[str], text: str, run: Path, refused: Callable[..., str]) -> None:
    """Told in one line; exit status 4, and nothing is read or written."""
    assert refused("export", run, *arguments) == f"pytest-zdt: {text}"


@pytest.mark.parametrize(
    "place, shown",
    [
        ("localhost:4318", "localhost:4318"),
        ("otel-collector.example:4318/v1/metrics", "otel-collector.example:4318"),
        ("[::1]:4318/", "[::1]:4318"),
        ("me:s3cr3t@127.0.0.1:4318?key=s3cr3t", "127.0.0.1:4318"),
    ],
)
def test_a_collector_without_a_scheme(place: str, shown: str, run: Path, refused: Callable[..., str]) -> None:
    """It is not taken for a file, into which all would be written and nothing be sent; its secrets are not shown."""
    what = "is where a collector listens, not its URL"
    what_to_do = f"give http://{shown}/v1/metrics to send there, or ./NAME for a file of such a name"
    assert refused("export", run, "--otlp", place) == f"pytest-zdt: --otlp {shown} {what}: {what_to_do}"


@pytest.mark.parametrize("place", ["./localhost:4318", "run:1a", "12:30.jsonl", ":1", "a b:1"])
def test_files_with_a_colon(place: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are files."""
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(run), "--otlp", place]) == 0
    assert (tmp_path / place).read_bytes() == LINES


def test_wrong_headers(run: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same; the line does not show them."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "s3cr3t")
    line = refused("export", run, "--otlp", "http://127.0.0.1:1/v1/metrics")
    assert line.startswith("pytest-zdt: OTEL_EXPORTER_OTLP_HEADERS: item 1 is no header")
    assert "s3cr3t" not in line


def test_a_run_that_does_not_tell_when_it_was(run: Path, refused: Callable[..., str]) -> None:
    """Its directory is named."""
    said = json.loads((run / RUN).read_text())
    (run / RUN).write_text(json.dumps({**said, "started_at": "yesterday"}))
    line = refused("export", run, "--prometheus", run.parent / "run.om")
    assert line == f"pytest-zdt: '{run}' cannot be exported: started_at in its run.json is missing or broken"


@pytest.mark.parametrize(
    "option, package", [("--prometheus", "prometheus_client"), ("--otlp", "opentelemetry"), ("--otlp", "google.protobuf")]
)
def test_without_the_extra(
    option: str, package: str, run: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says how to install it."""
    for name in [name for name in sys.modules if f"{name}.".startswith((f"{package}.", "pytest_zdt.report.o"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    line = refused("export", run, option, run.parent / "out")
    assert line.startswith("pytest-zdt: export needs pip install 'pytest-zdt[metrics]' (")
    assert package.partition(".")[0] in line
