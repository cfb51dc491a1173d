"""A run as a step of a workflow: its summary, outputs and annotations."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plugin.conftest import Zdt
from tests.plugin.test_junit import TESTS

HOSTILE = """
import pytest

@pytest.mark.zdt
def test_one(zdt_session):
    answer = zdt_session.get("/one", name="::error::mine ##[error]mine")
    assert answer.status_code == 200, "##[error]mine"
"""


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], str]:
    """Makes the environment one of a step; reads the files that a step leaves."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    return lambda name: path.read_text() if (path := tmp_path / name).exists() else ""


def commands(result: pytest.RunResult) -> list[str]:
    """The lines that the runner heeds as commands."""
    return commands_in(result.outlines)


def commands_in(lines: list[str]) -> list[str]:
    """Those of the lines that it heeds; none while commands are stopped, which they are not at the end."""
    heeded, token = [], ""
    for line in lines:
        if token:
            token = "" if line.strip() == f"::{token}::" else token
        elif found := re.match(r"\s*::stop-commands::(\w+)$", line):
            token = found[1]
        elif re.match(r"\s*::\w.*::|.*##\[", line):
            heeded.append(line)
    assert not token
    return heeded


def test_a_violated_run(zdt: Zdt, api, step, pytester):
    """The summary and the outputs are there, the errors stand at the beginning of their lines, each once."""
    api.broken.add("/two")
    pytester.makepyfile(TESTS)
    result = zdt.load()
    assert result.ret == 1
    summary = step("GITHUB_STEP_SUMMARY")
    assert summary.startswith("## ❌ VIOLATED\n")
    assert summary.count("## ❌ VIOLATED") == 1
    assert "Its evidence is in `zdt-report`." in summary
    output = re.sub("zdt-[0-9a-f]{32}", "EOF", step("GITHUB_OUTPUT"))
    assert output == f"verdict<<EOF\nviolated\nEOF\nlevel<<EOF\n\nEOF\nreport<<EOF\n{pytester.path / 'zdt-report'}\nEOF\n"
    found = commands(result)
    assert len(found) == len(set(found)) > 1
    assert found[0].startswith("::error title=zero-downtime violated%3A ")
    assert (zdt.report / "summary.md").read_text().splitlines()[:5] == summary.splitlines()[:5]


def test_an_inconclusive_run(make_zdt, step, pytester):
    """What is missing is an error: the step fails for it."""
    pytester.makepyfile(TESTS)
    result = make_zdt("n2").load("-q")
    assert result.ret == 10
    assert step("GITHUB_STEP_SUMMARY").startswith("## ⚠️ INCONCLUSIVE\n")
    assert any(line.startswith("::error title=zero-downtime inconclusive%3A version-change::") for line in commands(result))


def test_a_verified_run(make_zdt, step, pytester):
    """It has no annotations."""
    zdt = make_zdt("n0")
    with Path("zdt.toml").open("a") as configuration:
        configuration.write('[require]\nversion-change = false\nlag = "10s"\n')
    pytester.makepyfile(TESTS)
    result = zdt.load("--no-summary", duration="5s")
    assert result.ret == 0
    assert commands(result) == []
    assert step("GITHUB_STEP_SUMMARY").startswith("## ✅ VERIFIED\n")
    assert "verified" in step("GITHUB_OUTPUT").splitlines()


def test_names_that_look_like_commands(make_zdt, api, step, pytester):
    """An endpoint's name and a version give the runner no command in what the plugin prints."""
    zdt = make_zdt("n2")
    api.version = "##[error]theirs"
    pytester.makepyfile(HOSTILE)
    result = zdt.load()
    assert [line for line in commands(result) if not line.startswith("::error title=zero-downtime ")] == []
    assert any("# #[error]theirs" in line for line in result.outlines)


FOREIGN = """
import pytest

@pytest.mark.zdt
def test_one(zdt_session):
    text = "oops ##[stop-commands]x\\n::stop-commands::x\\n::error::theirs"
    print(text)
    assert zdt_session.get("/one").status_code == 200, text
"""


@pytest.mark.parametrize("mode", ["smoke", "load"])
def test_texts_of_an_api_are_no_commands(mode, make_zdt, api, step, pytester):
    """What pytest prints of a failure may look like commands, even like one that ends all others: ours alone are heeded."""
    zdt = make_zdt("n2")
    api.broken.add("/one")
    pytester.makepyfile(FOREIGN)
    result = zdt.load("-s") if mode == "load" else zdt.smoke("-s")
    assert "::error::theirs" in [line.removeprefix("E").strip() for line in result.outlines]
    found = commands(result)
    assert found
    assert all(line.startswith(("::error title=zero-downtime", "::error file=")) for line in found)


def test_a_smoke_test(zdt: Zdt, api, step, pytester):
    """It names the tests that failed, where they stand; nothing was judged, so there are no outputs."""
    api.broken.add("/two")
    pytester.makepyfile(TESTS)
    result = zdt.smoke()
    assert result.ret == 1
    message = "AssertionError: assert 500 == 200"
    (found,) = commands(result)
    assert found.startswith(f"::error file=test_a_smoke_test.py,line=9,title=test_a_smoke_test.py%3A%3Atest_two::{message}")
    assert step("GITHUB_STEP_SUMMARY").startswith(
        "## ❌ Smoke test failed\n\n2 tests, 1 failed; 2 requests to `http://127.0.0.1:"
    )
    assert step("GITHUB_OUTPUT") == ""


IDLE = """
import pytest

@pytest.mark.zdt
def test_idle(zdt_session):
    pass

@pytest.mark.zdt
def test_skipped(zdt_session):
    pytest.skip("not now")
"""


def test_a_smoke_test_that_asks_for_nothing(zdt: Zdt, api, step, pytester):
    """It proves nothing, and does not pass: summary, annotation, the line on the screen and the exit status say so."""
    pytester.makepyfile(IDLE)
    result = zdt.smoke()
    assert result.ret == 10
    why = "proves nothing: no test sent a request"
    assert [line for line in result.outlines if line.startswith("smoke test: 0 requests to ") and line.endswith(f", which {why}")]
    (found,) = commands(result)
    assert why in found
    assert step("GITHUB_STEP_SUMMARY").startswith(f"## ⚠️ Smoke test {why}\n")


def test_a_smoke_test_without_one_of_its_files(zdt, step, pytester):
    """The file is named, and what is wrong with it."""
    pytester.makepyfile(TESTS, test_broken="def test_broken(:\n")
    result = zdt.smoke()
    assert result.ret != 0
    (found,) = commands(result)
    assert found.startswith("::error file=test_broken.py,line=1,title=test_broken.py::SyntaxError: ")
    assert step("GITHUB_STEP_SUMMARY").startswith("## ❌ Smoke test failed\n")
    assert "| `test_broken.py` | `SyntaxError: " in step("GITHUB_STEP_SUMMARY")


def test_a_smoke_test_without_one_of_its_folders(zdt, step, pytester):
    """An annotation stands at a file or nowhere."""
    pytester.makepyfile(TESTS)
    pytester.mkpydir("sub").joinpath("conftest.py").write_text("1 / 0\n")
    result = zdt.smoke()
    assert result.ret != 0
    assert all(line.startswith("::error title=") for line in commands(result))
    assert step("GITHUB_STEP_SUMMARY").startswith("## ❌ Smoke test failed\n")


DYING = """
import os
import pytest

@pytest.mark.zdt
def test_dying(zdt_session):
    os.abort()
"""


def test_a_smoke_test_whose_worker_dies(make_zdt, step, pytester):
    """The test that ended it is named as failed, with what is known of why."""
    pytester.makepyfile(DYING)
    result = make_zdt("n2").smoke("-p", "no:faulthandler")
    assert result.ret == 1
    test, why = "test_a_smoke_test_whose_worker_dies.py::test_dying", "worker 'gw"
    (found,) = commands(result)
    assert found.startswith(f"::error file={test.partition('::')[0]},line=1,title={test.replace(':', '%3A')}::{why}")
    assert step("GITHUB_STEP_SUMMARY").startswith("## ❌ Smoke test failed\n\n1 test, 1 failed; 0 requests to ")
    assert f"| `{test}` | `{why}" in step("GITHUB_STEP_SUMMARY")


def test_a_smoke_test_below_the_repository(make_zdt, api, step, pytester, monkeypatch):
    """Files are named as the repository has them."""
    zdt = make_zdt("n0")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path.parent))
    api.broken.add("/two")
    pytester.makepyfile(TESTS)
    (found,) = commands(zdt.smoke())
    assert found.startswith(f"::error file={pytester.path.name}/test_a_smoke_test_below_the_repository.py,line=9,")


HELPER = """
def check(answer):
    assert answer.status_code == 200
"""
DECORATED = """
import pytest
from helper import check

@pytest.mark.zdt
@pytest.mark.parametrize("path", ["/two"])
def test_here(zdt_session, path):
    answer = zdt_session.get(path)
    assert answer.status_code == 201

@pytest.mark.zdt
@pytest.mark.parametrize("path", ["/two"])
def test_there(zdt_session, path):
    check(zdt_session.get(path))
"""


@pytest.mark.parametrize("style", ["auto", "native", "no"])
def test_where_a_smoke_test_failed(make_zdt, api, step, pytester, style):
    """Its annotation stands at the line that failed, where that is in the test's file; else where the test begins."""
    api.broken.add("/two")
    pytester.makepyfile(DECORATED, helper=HELPER)
    found = commands(make_zdt("n2").smoke(f"--tb={style}"))
    assert sorted(line.partition(",title")[0] for line in found) == [
        f"::error file=test_where_a_smoke_test_failed.py,line={number}" for number in (10, 8)
    ]


SAYING = r"""
import pytest

pytestmark = pytest.mark.zdt

def test_assert(zdt_session):
    assert zdt_session.get("/one").status_code == 201, "\n \n  no such work\nat all"

def test_fail():
    pytest.fail("\ntold so")

def test_lines():
    raise ValueError("two:\nlines")

def test_nothing():
    raise ValueError("\n")
"""


def test_what_a_smoke_test_failed_with(make_zdt, step, pytester):
    """Of a message that begins with empty lines the first that says something is told, with the exception's name."""
    pytester.makepyfile(SAYING)
    found = commands(make_zdt("n0").smoke())
    assert [line.rpartition("::")[2] for line in found] == [
        "AssertionError: no such work",
        "Failed: told so",
        "ValueError: two:",
        "ValueError:",
    ]


def test_a_smoke_test_of_a_linked_repository(make_zdt, api, step, pytester, monkeypatch):
    """The workspace may be known by another name."""
    zdt = make_zdt("n0")
    (pytester.path / "link").symlink_to(pytester.path)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path / "link"))
    api.broken.add("/two")
    pytester.makepyfile(TESTS)
    (found,) = commands(zdt.smoke())
    assert found.startswith("::error file=test_a_smoke_test_of_a_linked_repository.py,line=9,")


@pytest.mark.parametrize("source", [TESTS, "def test_broken(:"], ids=["failed", "not collected"])
def test_a_smoke_test_outside_of_the_repository(make_zdt, api, step, pytester, monkeypatch, source):
    """GitHub can place nothing there, so the annotation has no place."""
    zdt = make_zdt("n0")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.mkdir("repository")))
    api.broken.add("/two")
    pytester.makepyfile(source)
    (found,) = commands(zdt.smoke())
    assert found.startswith("::error title=test_a_smoke_test_outside_of_the_repository.py")


def test_files_that_cannot_be_written(make_zdt, api, step, pytester, monkeypatch):
    """The verdict and its exit status are what they are, and a line says what is missing."""
    zdt = make_zdt("n2")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    monkeypatch.setenv("GITHUB_OUTPUT", str(pytester.path))
    pytester.makepyfile(TESTS)
    result = zdt.load()
    assert result.ret == 10
    warnings = [line for line in commands(result) if line.startswith("::warning")]
    assert warnings == [
        "::warning title=zero-downtime::GITHUB_STEP_SUMMARY was not written: No space left on device",
        "::warning title=zero-downtime::GITHUB_OUTPUT was not written: Is a directory",
    ]
    assert zdt.verdict["verdict"] == "inconclusive"


def test_a_summary_that_cannot_be_written(make_zdt, pytester):
    """Nor is a verdict lost because a page beside it cannot be written."""
    zdt = make_zdt("n0")
    stand = "__import__('os').makedirs('zdt-report/summary.md', exist_ok=True)"
    pytester.makepyfile(TESTS.replace("    assert", f"    {stand}\n    assert", 1))
    result = zdt.load()
    assert result.ret == 10
    assert zdt.verdict["verdict"] == "inconclusive"
    result.stdout.fnmatch_lines(["summary.md was not written: Is a directory"])


def test_an_internal_error(make_zdt, api, step, pytester):
    """Where pytest comes to no summary the annotations are printed all the same, each once."""
    zdt = make_zdt("n0")
    api.broken.add("/two")
    pytester.makepyfile(TESTS)
    pytester.makeconftest("def pytest_runtest_logreport(report):\n    raise RuntimeError('of another plugin')\n")
    result = zdt.load()
    assert result.ret == 3
    found = commands(result)
    assert len(found) == len(set(found)) > 1
    assert found[0].startswith("::error title=zero-downtime violated%3A ")


@pytest.mark.parametrize(
    ("mode", "options", "why"),
    [
        ("no-xdist", ("--zdt-duration=1s",), "monkeypatch"),
        ("n2", ("--zdt-duration=1s",), "monkeypatch"),
        ("n0", ("--zdt-duration=1s", "--zdt-vus=0"), "--zdt-vus: 0 is not a whole number from 1"),
        ("n0", ("--zdt-vus=0",), "--zdt-vus: 0 is not a whole number from 1"),
        ("n0", ("nowhere.py",), "file or directory not found: nowhere.py"),
        ("n2", ("--zdt-duration=1s", "--zdt-deploy=true"), "cannot be reached"),
    ],
    ids=["test", "test of a worker", "option", "smoke", "pytest's own", "target"],
)
def test_a_run_that_is_refused(make_zdt, api, step, pytester, mode, options, why):
    """A usage error stands once in the summary and once as an annotation, with what is to be done."""
    zdt = make_zdt(mode)
    if why == "cannot be reached":
        Path("zdt.toml").write_text(Path("zdt.toml").read_text().replace(api.url, "http://127.0.0.1:9"))
    if why == "monkeypatch":
        pytester.makepyfile(TESTS.replace("def test_one(zdt_session)", "def test_one(zdt_session, monkeypatch)"))
    else:
        pytester.makepyfile(TESTS)
    result = zdt.smoke(*options)
    assert result.ret == 4
    assert step("GITHUB_STEP_SUMMARY").startswith("## ⚠️ Nothing was judged\n\nThe run ended with an error: ")
    assert why in re.sub("[`']", "", step("GITHUB_STEP_SUMMARY"))
    assert step("GITHUB_STEP_SUMMARY").count("##") == 1
    (found,) = commands(result)
    assert found.startswith("::error title=zero-downtime%3A not judged::")
    assert why in found.replace("'", "")
    assert step("GITHUB_OUTPUT") == ""


def test_a_refusal_that_quotes_a_command(make_zdt, step, pytester):
    """What a serve command prints, or a setting holds, gives the runner no command where pytest prints the error."""
    zdt = make_zdt("n0")
    Path("zdt.toml").write_text("""
[targets.mine]
base-url = "http://127.0.0.1:{port}"
serve = "echo 'boom ##[stop-commands]tok'; exit 3"
""")
    pytester.makepyfile(TESTS)
    result = zdt.smoke()
    assert result.ret == 4
    assert commands_in(result.errlines) == []
    result.stderr.fnmatch_lines(["ERROR: the serve command * ended with status 3: boom # [#][[]stop-commands[]]tok"])


QUOTING = """
import pytest

pytestmark = [pytest.mark.zdt, pytest.mark.parametrize("name", ["##[error]mine"])]

def test_one(monkeypatch, name): pass

def test_two(monkeypatch, name): pass
"""


def test_a_refusal_of_several_lines(make_zdt, step, pytester):
    """They stay lines, and none of them is a command."""
    pytester.makepyfile(QUOTING)
    result = make_zdt("no-xdist").load()
    assert result.ret == 4
    assert commands_in(result.errlines) == []
    assert len([line for line in result.errlines if "# #[error]mine] cannot be run by many virtual users" in line]) == 2


def test_a_refusal_that_the_output_cannot_hold(make_zdt, step, pytester, monkeypatch):
    """What the output's encoding lacks is escaped there; the exit status is that of any refusal."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    pytester.makepyfile(TESTS)
    result = make_zdt("n0").smoke("--zdt-duration=\N{GRINNING FACE}")
    assert result.ret == 4
    (found,) = commands(result)
    assert found.startswith(r"::error title=zero-downtime%3A not judged::--zdt-duration: '\U0001f600' is not a duration: ")
    assert "\N{GRINNING FACE}" in step("GITHUB_STEP_SUMMARY")


def test_the_tests_are_no_step():
    """In a workflow too, the tests of this project do not write into the summary of the step that runs them."""
    assert not {"GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_WORKSPACE"} & set(os.environ)
