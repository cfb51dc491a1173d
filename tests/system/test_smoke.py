"""Smoke mode against an API that is served already."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MEDIA_TESTS = Path(__file__).parents[1] / "media"
SECRET = "made-up-for-this-test-1b7e44"


def answers(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def served(start: Callable[..., Any], closed_port: int, eventually: Callable[..., bool]) -> int:
    """The port of a sandbox that was started by hand."""
    arguments = ("serve", "--port", str(closed_port))
    server = start("media_sandbox", *arguments, environ={"ZDT_SIGNING_SECRET": SECRET})
    assert eventually(lambda: answers(closed_port), 30), server.output
    return closed_port


def test_smoke_mode_runs_each_test_once_and_names_the_version(start: Callable[..., Any], served: int, tmp_path: Path) -> None:
    """The exit status is 0, the version that answered is named, and no evidence is written."""
    shutil.copytree(MEDIA_TESTS, tmp_path / "media", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "zdt.toml").write_text(
        f'[targets.mine]\nbase-url = "http://127.0.0.1:{served}"\nsecret-env = "ZDT_SIGNING_SECRET"\n'
    )
    environ = {"ZDT_SIGNING_SECRET": SECRET}
    run = start("--import-mode=importlib", "--zdt-target=mine", "--rootdir=.", "media", cwd=tmp_path, environ=environ)
    assert run.end(60) == 0, run.output
    assert "smoke test: " in run.section()[0]
    assert "v1" in run.section()[0]
    assert not run.report.exists()
    assert SECRET not in run.output
    assert run.left() == []
