"""What pytest promises of fixtures and classes holds for each iteration of each virtual user."""

from __future__ import annotations

import pytest

from tests.plugin.project import Ran, run_once

CONFTEST = """
    from journal import note

    @pytest.fixture
    def greeting():
        return "hello"

    @pytest.fixture(scope="session")
    def base():
        note("base-up")
        yield "base"
        note("base-down")

    @pytest.fixture(scope="module", params=["left", "right"])
    def side(request):
        module = request.node.name
        note("side-up", param=request.param, module=module)
        yield object(), request.param, module
        note("side-down", param=request.param, module=module)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(fixturedef, request):
        if fixturedef.argname == "each":
            note("hook-fixture", test=request.node.name)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(pyfuncitem):
        note("hook-call", test=pyfuncitem.name)
        return (yield)
"""
FUNCTIONS = """
    import pytest
    from journal import note

    pytestmark = pytest.mark.zdt

    @pytest.fixture(autouse=True)
    def auto(request, zdt_vu):
        note("auto-up", test=request.node.name, vu=zdt_vu.index)
        yield
        note("auto-down", test=request.node.name, vu=zdt_vu.index)

    @pytest.fixture
    def each(zdt_vu, request):
        note("each-up", vu=zdt_vu.index, test=request.node.name)
        yield
        note("each-down", vu=zdt_vu.index, test=request.node.name)

    @pytest.fixture
    def marked(zdt_vu):
        note("marked-up", vu=zdt_vu.index)
        yield
        note("marked-down", vu=zdt_vu.index)

    @pytest.fixture
    def finalized(zdt_vu, request):
        note("finalized-up", vu=zdt_vu.index)
        request.addfinalizer(lambda: note("finalized-down", vu=zdt_vu.index))

    @pytest.fixture
    def greeting(greeting):
        return greeting + ", world"

    @pytest.fixture
    def base(base):
        return base + " of a function"

    @pytest.fixture
    def doubled(request):
        return 2 * request.param

    @pytest.fixture(params=["x", "y"])
    def letter(request):
        return request.param

    @pytest.fixture
    def mine(zdt_vu, zdt_session):
        return zdt_vu, zdt_session

    def test_each(each, zdt_session):
        note("call", test="test_each")
        zdt_session.get("/each")

    def test_broken(each):
        note("call", test="test_broken")
        raise RuntimeError("broken")

    @pytest.mark.usefixtures("marked")
    def test_marked(finalized):
        note("call", test="test_marked")

    def test_override(greeting, base):
        assert (greeting, base) == ("hello, world", "base of a function")

    @pytest.mark.parametrize("number, word", [(1, "one"), (2, "two")])
    @pytest.mark.parametrize("doubled", [10, 20], indirect=True)
    def test_parameters(number, word, doubled, letter):
        note("parameters", values=[number, word, doubled, letter])

    def test_mine(mine, zdt_vu, zdt_session):
        assert mine == (zdt_vu, zdt_session)
        note("mine", vu=zdt_vu.index, session=id(zdt_session))
"""
MODULE = """
    import pytest
    from journal import note

    def setup_module(module):
        note("module-up", module=module.__name__)

    def teardown_module(module):
        note("module-down", module=module.__name__)

    def setup_function(function):
        note("function-up", test=function.__name__)

    def teardown_function(function):
        note("function-down", test=function.__name__)

    @pytest.mark.zdt
    def test_side(side, base):
        note("side", value=str(side[0]), param=side[1], module=side[2], file=__file__.rpartition("/")[2])
"""
CLASS = """
    import pytest
    from journal import note

    @pytest.fixture(scope="class")
    def of_class(request):
        note("class-fixture-up", of=request.cls.__name__)
        yield request.cls.__name__
        note("class-fixture-down", of=request.cls.__name__)

    class Base:
        @classmethod
        def setup_class(cls):
            note("class-up", of=cls.__name__)

        @classmethod
        def teardown_class(cls):
            note("class-down", of=cls.__name__)

        def setup_method(self, method):
            assert not vars(self)
            self.method = method.__name__
            note("method-up")

        def teardown_method(self):
            note("method-down", method=self.method)

        @pytest.fixture
        def own(self):
            self.owned = [self.method]
            return self

        @pytest.mark.zdt
        def test_instance(self, own, of_class, zdt_session):
            note("method-call")
            assert own is self
            assert vars(self) == {"method": "test_instance", "owned": ["test_instance"]}
            assert of_class == type(self).__name__
            zdt_session.get("/instance")

    class TestOne(Base): pass
    class TestTwo(Base): pass
"""
FILES = {
    "conftest.py": CONFTEST,
    "test_functions.py": FUNCTIONS,
    "test_left.py": MODULE,
    "test_right.py": MODULE,
    "test_classes.py": CLASS,
}
ran = run_once(FILES, duration="1500ms")


def alternate(ran: Ran, name: str) -> int:
    """How often the fixture was set up; each VU must have torn it down before it set it up again, and at the end."""
    ups = 0
    for process in ran.processes:
        for vu in range(4):
            seen = [event["what"] for event in process if event["what"].startswith(f"{name}-") and event["vu"] == vu]
            assert seen == [f"{name}-up", f"{name}-down"] * (len(seen) // 2)
            ups += len(seen) // 2
    assert ups > ran.zdt.workers
    return ups


def around(process: list[dict[str, object]], up: str, inner: str, down: str, **data: object) -> None:
    """In a process, one ``up`` in the main thread, then every ``inner``, then one ``down``."""
    mine = [event for event in process if event["what"] in (up, inner, down) and data.items() <= event.items()]
    names = [event["what"] for event in mine]
    assert names == [up, *[inner] * (len(names) - 2), down]
    assert len(names) > 2
    assert mine[0]["main"]
    assert mine[-1]["main"]


def test_the_outcomes(ran):
    """All tests of the project pass in load mode as they do alone, but the one that is broken."""
    words = {name: found for name, found in ran.words.items() if found != {"passed"}}
    assert words == {"test_broken": {"failed"}}
    assert ran.result.ret == 1


def test_function_fixtures_live_for_one_iteration(ran):
    """A yield fixture is set up and torn down for each iteration of each VU, never twice at once, also when the test breaks."""
    assert alternate(ran, "each") == ran.count("call", test="test_each") + ran.count("call", test="test_broken")
    assert ran.count("each-up", test="test_broken") == ran.count("each-down", test="test_broken")


def test_autouse_usefixtures_and_finalizers(ran):
    """Autouse fixtures, those of the ``usefixtures`` mark and finalizers take part in each iteration."""
    alternate(ran, "auto")
    assert ran.count("auto-up", test="test_marked") == ran.count("call", test="test_marked")
    assert alternate(ran, "marked") == alternate(ran, "finalized") == ran.count("call", test="test_marked")


def test_parameters_of_every_kind(ran):
    """Direct and indirect parameters and those of a function fixture give one test for each combination."""
    wanted = {(number, word, 2 * of, letter) for number, word in ((1, "one"), (2, "two")) for of in (10, 20) for letter in "xy"}
    assert {tuple(event["values"]) for event in ran.events("parameters")} == wanted
    assert len([name for name in ran.words if name.startswith("test_parameters")]) == len(wanted)


def test_fixtures_see_the_user_they_work_for(ran):
    """A fixture that depends on ``zdt_vu`` and ``zdt_session`` gets those of the VU that runs the test; each VU has its own."""
    owners = {(event["vu"], event["session"], event["thread"]) for event in ran.events("mine")}
    assert len(owners) == len({vu for vu, _, _ in owners}) == 4


def test_session_fixture_once_per_worker(ran):
    """A session fixture is set up once in each worker's main thread, before the load, and torn down after it."""
    assert len(ran.processes) == ran.zdt.workers
    for process in ran.processes:
        around(process, "base-up", "side", "base-down")


def test_parametrised_module_fixtures_alive_at_once(ran):
    """There is one instance for each parameter and module, alive as long as the load, whichever test is on."""
    for process in ran.processes:
        for module in ("test_left.py", "test_right.py"):
            for param in ("left", "right"):
                around(process, "side-up", "side", "side-down", module=module, param=param)
        sides = [event for event in process if event["what"] == "side"]
        assert len({event["value"] for event in sides}) == 4
        assert all(event["module"] == event["file"] for event in sides)


def test_setup_module_and_setup_function(ran):
    """``setup_module`` runs once in each worker, around the load; ``setup_function`` in each iteration."""
    for process in ran.processes:
        for module in ("test_left", "test_right"):
            ups = [event["what"] for event in process if event.get("module") == module]
            assert ups == ["module-up", "module-down"]
    assert len(ran.events("function-up")) == len(ran.events("function-down")) == len(ran.events("side")) > 8


def test_classes(ran):
    """Each iteration has a fresh instance, which its own fixtures and ``setup_method`` share."""
    calls = len(ran.events("method-call"))
    assert len(ran.events("method-up")) == len(ran.events("method-down")) == calls > 2 * ran.zdt.workers
    assert all(event["method"] == "test_instance" for event in ran.events("method-down"))


@pytest.mark.parametrize("name", ["class-fixture", "class"])
def test_class_scope(ran, name):
    """``setup_class`` and class-scoped fixtures: once for each class in each worker, until the end of the load."""
    for process in ran.processes:
        for of in ("TestOne", "TestTwo"):
            names = [event["what"] for event in process if event.get("of") == of and event["what"].startswith(f"{name}-")]
            assert [one for one in names if one in (f"{name}-up", f"{name}-down")] == [f"{name}-up", f"{name}-down"]


def test_hooks_of_other_plugins(ran):
    """Other plugins' wrappers of ``pytest_fixture_setup`` and ``pytest_pyfunc_call`` are called in each iteration."""
    for test in ("test_each", "test_broken"):
        calls = ran.count("call", test=test)
        assert ran.count("hook-fixture", test=test) == ran.count("hook-call", test=test) == calls > ran.zdt.workers
