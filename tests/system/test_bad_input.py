"""What a run says that cannot be made, before it has started anything."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SANDBOX = "--zdt-target=sandbox"


def refused(run: Any, *texts: str) -> None:
    """Exit status 4, one line of error that holds the texts, no traceback, nothing left."""
    assert run.end(60) == 4, run.output
    [line] = run.errors()
    assert [text for text in texts if text not in line] == []
    assert "Traceback" not in run.output
    assert run.left() == []


@pytest.mark.parametrize(
    "arguments, texts",
    [
        pytest.param(["--zdt-target=sandbx"], ["'sandbx'", "'sandbox'"], id="unknown-target"),
        pytest.param(["--zdt-target=local"], ["'local'", "ZDT_SIGNING_SECRET"], id="no-secret"),
        pytest.param([SANDBOX, "--zdt-duration=15x"], ["--zdt-duration", "'15x'"], id="duration"),
        pytest.param([SANDBOX, "--zdt-duration=0s"], ["--zdt-duration", "'0s'"], id="no-time"),
        pytest.param([SANDBOX, "--zdt-vus=none"], ["--zdt-vus", "'none'"], id="vus"),
        pytest.param(
            [SANDBOX, "--zdt-duration=10s", "--zdt-head=8s", "--zdt-tail=8s"], ["head 8s", "tail 8s", "10s"], id="head-and-tail"
        ),
        pytest.param(["--zdt-duration=15s"], ["--zdt-duration", "--zdt-target"], id="no-target"),
    ],
)
def test_a_wrong_option_is_named(start: Callable[..., Any], arguments: list[str], texts: list[str]) -> None:
    """One line names the option or the value, and what was meant."""
    run = start(*arguments)
    refused(run, *texts)
    assert not run.report.exists()


@pytest.mark.parametrize("mode", [[], ["--zdt-duration=20s"]], ids=["smoke", "load"])
def test_an_unreachable_url_is_named(start: Callable[..., Any], closed_port: int, mode: list[str]) -> None:
    """One line names the URL that nobody listens on."""
    url = f"http://127.0.0.1:{closed_port}"
    run = start(f"--zdt-target={url}", *mode)
    refused(run, url)
    assert not run.report.exists()


@pytest.mark.parametrize(
    "configuration, texts",
    [
        ('[targets.mine]\nbase-ulr = "http://127.0.0.1:1"\n', ["targets.mine", "'base-ulr'", "'base-url'"]),
        ('[target.mine]\nbase-url = "http://127.0.0.1:1"\n', ["zdt.toml", "'target'", "'targets'"]),
        ('[targets.mine]\nbase-url = "http://127.0.0.1:1"\n[require]\nheads = "1s"\n', ["require", "'heads'", "'head'"]),
    ],
    ids=["target", "table", "requirement"],
)
def test_an_unknown_key_is_named(start: Callable[..., Any], tmp_path: Path, configuration: str, texts: list[str]) -> None:
    """One line names the key in the configuration, and the known one nearest to it."""
    (tmp_path / "zdt.toml").write_text(configuration)
    refused(start("--zdt-target=mine", "--rootdir=.", cwd=tmp_path), *texts)


@pytest.mark.parametrize("separator", ["=", " "])
def test_evidence_of_another_run_is_kept(start: Callable[..., Any], tmp_path: Path, separator: str) -> None:
    """A report directory with the evidence of another run is named, and left as it is, however the option is written."""
    (tmp_path / "run.json").write_text("{}")
    refused(start(SANDBOX, *f"--zdt-report{separator}{tmp_path}".split(" ")), str(tmp_path), "--zdt-overwrite")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("run.json", "{}")]


def test_a_file_is_no_report_directory(start: Callable[..., Any], tmp_path: Path) -> None:
    """A report path that is a file is named, and the file is left as it is."""
    (file := tmp_path / "notes.txt").write_text("mine")
    refused(start(SANDBOX, f"--zdt-report={file}"), str(file))
    assert file.read_text() == "mine"


def test_a_report_directory_that_cannot_be_written_is_named(start: Callable[..., Any]) -> None:
    """One line, before the API is served."""
    run = start(SANDBOX, "--zdt-report=/proc/zdt-report")
    refused(run, "'/proc/zdt-report'")


def test_smoke_and_duration_exclude_each_other(start: Callable[..., Any]) -> None:
    """Neither is dropped in silence."""
    run = start(SANDBOX, "--zdt-smoke", "--zdt-duration=20s")
    refused(run, "--zdt-smoke", "--zdt-duration")
