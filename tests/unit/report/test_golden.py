"""The reports of four runs, whole: what people see is looked at, not described."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from pytest_zdt.report import github, summary, terminal
from pytest_zdt.report.junit import cases
from pytest_zdt.reports import emit_cases
from pytest_zdt.verdict.judge import judge

from .conftest import GOLDEN, STORIES

Golden = Callable[[str, str], None]
runs = pytest.mark.parametrize("name", STORIES)


@runs
def test_terminal(name: str, golden: Golden) -> None:
    """The lines on a terminal, each with its style."""
    lines = terminal.render(judge(STORIES[name]().evidence), report_dir="zdt-report", deploy_log=name != "empty")
    golden(f"{name}.terminal.txt", "".join(f"{style:<6} | {text}".rstrip() + "\n" for text, style in lines))


@runs
def test_summary(name: str, golden: Golden) -> None:
    """The summary of the step."""
    story = STORIES[name]()
    golden(f"{name}.summary.md", summary.render(judge(story.evidence), {**story.run, "seed": 7}))


@runs
def test_annotations(name: str, golden: Golden) -> None:
    """The workflow commands."""
    golden(f"{name}.github.txt", "".join(f"{line}\n" for line in github.errors(judge(STORIES[name]().evidence))))


@runs
def test_junit(name: str, golden: Golden, pytester: pytest.Pytester) -> None:
    """The test cases of the requirements, as pytest writes them."""
    golden(f"{name}.junit.xml", junit(pytester, name))


def junit(pytester: pytest.Pytester, name: str) -> str:
    """The counts and cases in the file of a pytest run that ends with this verdict."""
    verdict = judge(STORIES[name]().evidence)

    class Plugin:
        @pytest.hookimpl(tryfirst=True)
        def pytest_sessionfinish(self, session: pytest.Session) -> None:
            emit_cases(session.config, cases(verdict, impact=False))

    pytester.inline_run("--junitxml=junit.xml", "-p", "no:cacheprovider", "-p", "no:randomly", plugins=[Plugin()])
    text = (pytester.path / "junit.xml").read_text(encoding="utf-8")
    counts = re.findall(r' (?:errors|failures|skipped|tests)="[0-9]*"', text)
    found = re.findall("<testcase.*?</testcase>", text.replace(' time="0.000"', ""))
    return "".join(f"{line}\n" for line in ("".join(counts).strip(), *found))


def test_every_golden_file_is_compared() -> None:
    """None is left over from a run that is gone."""
    kinds = ("terminal.txt", "summary.md", "github.txt", "junit.xml")
    assert {path.name for path in GOLDEN.iterdir()} == {f"{name}.{kind}" for name in STORIES for kind in kinds}
