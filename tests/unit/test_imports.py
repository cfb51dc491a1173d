"""Which module imports which: the arrows between the parts."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "pytest_zdt"
FILES = {str(path.relative_to(SOURCE).with_suffix("")).replace("/", "."): path for path in SOURCE.rglob("*.py")}


def imports(path: Path, top_level: bool = False) -> set[str]:
    """Full names of what a file imports; ``top_level``: only what importing the file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def of(names: set[str], *packages: str) -> set[str]:
    """Those of ``names`` that are in, or are, one of the packages."""
    return {name for name in names if any(f"{name}.".startswith(f"{package}.") for package in packages)}


def within(*parts: str) -> list[str]:
    """The modules of the parts; at least one of each."""
    for part in parts:
        assert of(set(FILES), part), f"{part} is missing"
    return sorted(of(set(FILES), *parts))


def test_private_names_of_pytest_are_in_one_module() -> None:
    """Only items.py touches pytest's private modules."""
    assert [name for name, path in sorted(FILES.items()) if of(imports(path), "_pytest")] == ["items"]


PRIVATE = {
    "_request",
    "_fixtureinfo",
    "_setupstate",
    "_fixturemanager",
    "_finalizers",
    "_initrequest",
    "_arg2scope",
    "_scope",
    "_fixture_defs",
    "_arg2fixturedefs",
    "_pyfuncitem",
    "_register_fixture",
    "_report_sections",
}
"""Attributes of pytest's own objects that are none of its interface."""


def attributes(path: Path) -> set[str]:
    """The names of all attributes that a file touches, those by `getattr` and its kin included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "setattr", "hasattr"):
            found |= {one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found


def test_private_attributes_of_pytest_are_in_one_module() -> None:
    """Only items.py touches what begins with an underscore of pytest's objects."""
    assert [name for name, path in sorted(FILES.items()) if attributes(path) & PRIVATE] == ["items"]


@pytest.mark.parametrize("name", ["outcomes", "plans", "copies", "refusals", "selftest", "crew", "workers", "reports"])
def test_others_use_no_private_attribute_of_a_foreign_object(name: str) -> None:
    """A name with an underscore is one's own: an attribute of ``self``, or one that its module or a class in it defines."""
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    foreign = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    }
    assert foreign <= {"_current_frames"}  # of sys, and documented


@pytest.mark.parametrize(
    "part",
    [
        "http",
        "evidence",
        "verdict",
        "report",
        "engine",
        "schedule",
        "target",
        "director",
        "clocks",
        "affinity",
        "brake",
        "tables",
        "team",
        "require",
        "settings",
        "values",
        "prober",
        "pulse",
        "poller",
        "flow",
        "keeper",
        "output",
        "screen",
        "processes",
        "cli",
        "collector",
        "export",
        "__main__",
        "vu",
        "recorder",
        "live",
    ],
)
def test_no_pytest_below(part: str) -> None:
    """What measures, judges and reports knows no pytest and no xdist."""
    for name in within(part):
        assert not of(imports(FILES[name]), "pytest", "_pytest", "xdist", "execnet"), name


@pytest.mark.parametrize(
    "part, allowed",
    [
        ("target", []),
        ("engine", []),
        ("schedule", []),
        ("director", []),
        ("keeper", ["output"]),
        ("processes", []),
        ("output", []),
        ("follow", ["director", "evidence", "manifest", "output", "processes", "settings"]),
        ("progress", ["director", "follow", "report", "settings"]),
        ("screen", []),
        ("tables", []),
        ("clocks", []),
        ("affinity", []),
        ("brake", []),
        ("team", ["clocks"]),
        ("values", ["target"]),
        ("require", ["tables", "values"]),
        ("settings", ["require", "schedule", "tables", "target", "values"]),
        ("pulse", ["evidence"]),
        ("prober", ["evidence", "http", "settings"]),
        ("outcomes", []),
        ("plans", ["outcomes"]),
        ("items", ["outcomes"]),
        ("refusals", ["items"]),
        ("copies", ["items", "outcomes", "plans", "refusals"]),
        ("selftest", ["copies", "items", "outcomes", "plans"]),
        ("flow", ["evidence"]),
        ("poller", ["http", "target"]),
        ("recorder", ["evidence"]),
        ("vu", ["evidence", "flow", "http", "target"]),
        ("evidence", ["evidence"]),
        ("evidence.kinds", []),
        ("evidence.lines", []),
        ("evidence.health", ["evidence.lines"]),
        ("evidence.marks", ["evidence.lines"]),
        ("evidence.samples", ["evidence.kinds", "evidence.lines"]),
        ("evidence.series", ["evidence.kinds", "evidence.samples"]),
        ("manifest", ["evidence", "output", "schedule", "settings", "team", "__version__"]),
        ("collector", ["report.terminal", "target"]),
        ("export", ["collector", "evidence", "report", "verdict"]),
        ("cli", ["evidence", "export", "verdict", "report", "__version__"]),
        ("__main__", ["cli"]),
        ("verdict", ["verdict", "evidence"]),
        ("report", ["report", "verdict", "evidence"]),
        ("report.course", ["verdict.statistics", "evidence"]),
        ("report.markup", ["report.terminal"]),
        ("live", ["report"]),
        ("report.markdown", ["report.terminal"]),
        ("reports", ["report"]),
        ("smoke", ["report"]),
        ("http", ["http", "evidence", "target", "__version__"]),
    ],
)
def test_arrows(part: str, allowed: list[str]) -> None:
    """A part imports of this project what it is allowed to."""
    for name in within(part):
        ours = of(imports(FILES[name]), "pytest_zdt")
        assert ours == of(ours, *(f"pytest_zdt.{one}" for one in allowed)), name


def test_evidence_and_verdict_need_only_the_standard_library() -> None:
    """A verdict can be repeated from the evidence without pytest or requests."""
    for name in within("evidence", "verdict"):
        roots = {one.partition(".")[0] for one in imports(FILES[name])}
        assert roots <= set(sys.stdlib_module_names) | {"pytest_zdt"}, name


@pytest.mark.parametrize("top, users", [("plugin", []), ("cli", ["__main__"]), ("__main__", []), ("fixtures", ["plugin"])])
def test_nobody_imports_the_top(top: str, users: list[str]) -> None:
    """The hooks and the command are the top: nothing imports them, but what starts them."""
    assert within(top)
    assert [name for name, path in sorted(FILES.items()) if of(imports(path), f"pytest_zdt.{top}")] == users


def test_the_api_app_stands_alone() -> None:
    """What is installed in the API imports neither pytest nor this plugin."""
    files = [path for path in (ROOT / "api_patch").rglob("*.py") if "tests" not in path.parts]
    assert files
    assert not [path.name for path in files if of(imports(path), "pytest", "_pytest", "pytest_zdt")]


@pytest.mark.parametrize("name", ["plugin", "fixtures", "options", "keys", "settings"])
def test_no_http_library_with_the_hooks(name: str) -> None:
    """The modules that every pytest run imports import no HTTP library."""
    assert not of(imports(FILES[name], top_level=True), "requests", "urllib3", "pycurl", "pytest_zdt.http", "pytest_zdt.vu")


def loaded(module: str) -> set[str]:
    """What is loaded once the module is imported."""
    script = f"import sys, {module}; print(*sorted(sys.modules))"
    found = set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split())
    assert module in found
    return found


def test_the_command_loads_no_driver() -> None:
    """A verdict is repeated, and runs are joined, where there is neither pytest nor an HTTP library."""
    names = loaded("pytest_zdt.cli")
    assert not of(names, "pytest", "_pytest", "xdist", "requests", "urllib3", "pycurl", "pytest_zdt.http")
    assert not of(names, "prometheus_client", "opentelemetry", "google.protobuf", "pytest_zdt.export", "pytest_zdt.collector")


def test_an_idle_plugin_loads_nothing() -> None:
    """Importing the plugin loads no HTTP library and none of the parts of a run."""
    parts = ("runner", "controller", "workers", "items", "poller", "cli", "http", "evidence", "verdict", "report")
    parts += ("crew", "copies", "plans", "selftest", "prober", "pulse", "engine", "schedule", "settings", "affinity", "team")
    parts += ("display", "follow", "live", "output", "progress", "screen")
    assert not of(loaded("pytest_zdt.plugin"), "requests", "urllib3", "pycurl", *(f"pytest_zdt.{part}" for part in parts))
