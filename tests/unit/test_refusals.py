"""Which tests many virtual users cannot run, and what is said of them."""

from __future__ import annotations

import pytest

from pytest_zdt.refusals import PROCESS_WIDE, refusal, refusals

FIXTURES = """
import functools
import freezegun
import pytest

def fixture(name):
    @pytest.fixture(name=name)
    def made(): pass
    return made

{fixtures}

@pytest.fixture
def through(monkeypatch): pass

@pytest.fixture
async def awaited(): pass

@pytest.fixture
async def streamed(): yield

@pytest.fixture
def over(awaited): pass

def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs): return function(*args, **kwargs)
    return wrapper

"""


def item(pytester: pytest.Pytester, source: str) -> pytest.Item:
    """The item of a test with this source; every process-wide fixture exists."""
    fixtures = "\n".join(f"{name}_ = fixture({name!r})" for name in PROCESS_WIDE)
    (found,) = pytester.getitems(FIXTURES.format(fixtures=fixtures) + source)
    return found


@pytest.mark.parametrize("name", PROCESS_WIDE)
def test_process_wide_fixtures(name: str, pytester: pytest.Pytester) -> None:
    """What changes or reads the whole process is refused, with its reason."""
    assert refusal(item(pytester, f"def test({name}): pass")) == f"it uses {name}, and {PROCESS_WIDE[name]}"


@pytest.mark.parametrize(
    "source, reason",
    [
        ("def test(through): pass", "it uses monkeypatch, and it changes the whole process"),
        ("@pytest.mark.usefixtures('caplog')\ndef test(): pass", "it uses caplog, and it gathers from the whole process"),
        ("@pytest.fixture(autouse=True)\ndef auto(through): pass\ndef test(): pass", "it uses monkeypatch, and it changes"),
        ("import unittest\nclass Test(unittest.TestCase):\n    def test(self): pass", "unittest.TestCase keeps its state in"),
        ("async def test(): pass", "it is asynchronous"),
        ("async def test(): yield", "it is asynchronous"),
        ("class Test:\n    async def test(self): pass", "it is asynchronous"),
        ("def test(awaited): pass", "its fixture awaited is asynchronous"),
        ("def test(streamed): pass", "its fixture streamed is asynchronous"),
        ("def test(over): pass", "its fixture awaited is asynchronous"),
        ("@freezegun.freeze_time('2020-01-01')\ndef test(): pass", "freezegun stops the clock of the whole process"),
        (
            "@freezegun.freeze_time('2020-01-01')\nclass Test:\n    def test(self): pass",
            "freezegun stops the clock of the whole process",
        ),
        ("@wrapped\n@freezegun.freeze_time('2020-01-01')\ndef test(): pass", "freezegun stops the clock of the whole process"),
    ],
)
def test_reasons(source: str, reason: str, pytester: pytest.Pytester) -> None:
    """However a test comes by it: what cannot be driven is told."""
    assert refusal(item(pytester, source)).startswith(reason)


def test_other_items(pytester: pytest.Pytester) -> None:
    """What is no test function is refused."""
    pytester.makeconftest(
        "import pytest\n"
        "class Odd(pytest.Item):\n    def runtest(self): pass\n"
        "class Files(pytest.File):\n    def collect(self): yield Odd.from_parent(self, name='odd')\n"
        "def pytest_collect_file(parent, file_path):\n"
        "    if file_path.suffix == '.odd': return Files.from_parent(parent, path=file_path)\n"
    )
    (pytester.path / "x.odd").touch()
    module = pytester.getpathnode(pytester.path / "x.odd")
    assert [refusal(one) for one in pytester.genitems([module])] == ["it is not a test function"]


@pytest.mark.parametrize(
    "source",
    [
        "def test(): pass",
        "def test(request, tmp_path, record_property): pass",
        "class Test:\n    def run(self): pass\n    def test(self): pass",
        "@wrapped\ndef test(): pass",
        "@pytest.mark.parametrize('monkeypatched', [1])\ndef test(monkeypatched): pass",
        "@pytest.mark.parametrize('freezer', [1])\ndef test(freezer): pass",
    ],
)
def test_what_can_be_driven(source: str, pytester: pytest.Pytester) -> None:
    """All others are not refused; a parameter may have any name."""
    assert refusal(item(pytester, source)) == ""


def test_each_has_a_line(pytester: pytest.Pytester) -> None:
    """All tests that are refused are told, one line each, and what to do."""
    found = pytester.getitems("def test_a(capsys): pass\ndef test_b(): pass\nasync def test_c(): pass\n")
    first, second = refusals(found).splitlines()
    assert first.endswith(
        "::test_a cannot be run by many virtual users at once: it uses capsys, and the output of a process is one; "
        "leave it out, or run it in smoke mode"
    )
    assert "::test_c cannot be run by many virtual users at once: it is asynchronous; leave it out" in second
    assert refusals(found[1:2]) == ""
