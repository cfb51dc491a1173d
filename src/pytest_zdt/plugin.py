"""The hooks, each a few lines. Without ``--zdt-target`` they deselect the zdt tests and load nothing else."""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_zdt.fixtures import zdt_oauth_client, zdt_session, zdt_target, zdt_vu
from pytest_zdt.keys import RUN, Run
from pytest_zdt.options import OPTIONS, add_options, given
from pytest_zdt.settings import SettingsError, resolve

if TYPE_CHECKING:
    from pytest_zdt.runner import Runner

__all__ = ["zdt_oauth_client", "zdt_session", "zdt_target", "zdt_vu"]
RUNNER: pytest.StashKey[Runner] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Registers the options."""
    add_options(parser)


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Reads the settings before anything is started; in load mode xdist's workers carry the load unless told otherwise."""
    if not hasattr(config, "workerinput") and not config.option.help and not config.option.version:
        _prepare(config)
    return (yield)


def _prepare(config: pytest.Config) -> None:
    options = given(config)
    if options["target"] is None:
        _refuse_alone(config)
        return
    try:
        settings = resolve(options, config.rootpath)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    if "{port}" in settings.target.base_url:
        from pytest_zdt.processes import free_port

        port = str(free_port())
        target = replace(settings.target, base_url=settings.target.base_url.replace("{port}", port))
        commands = {name: getattr(settings, name).replace("{port}", port) for name in ("serve", "deploy")}
        settings = replace(settings, target=target, **commands)
    config.stash[RUN] = Run(secrets.token_hex(4), settings)
    _distribute(config, settings.load, settings.vus)


def _refuse_alone(config: pytest.Config) -> None:
    """Options of a run without a target would be ignored in silence: a run that tests nothing."""
    alone = next((option for option in OPTIONS if config.getoption(f"zdt_{option.key}", None) is not None), None)
    if alone is not None:
        raise pytest.UsageError(f"--zdt-{alone.name} needs --zdt-target NAME or URL: say which API to test")


def _distribute(config: pytest.Config, load: bool, vus: int) -> None:
    option = config.option
    if load and option.usepdb:
        raise pytest.UsageError("--pdb cannot stop many virtual users: leave out --zdt-duration, or --pdb")
    if load and getattr(option, "numprocesses", 0) is None and option.dist == "no" and not option.tx and not option.collectonly:
        from pytest_zdt.controller import cores
        from pytest_zdt.schedule import worker_count

        option.numprocesses = worker_count(cores(), vus)


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker and, with a target, what this process has to do."""
    config.addinivalue_line("markers", "zdt(weight=1, name=None, expected=()): a test that a zero-downtime run repeats")
    workerinput: dict[str, Any] = getattr(config, "workerinput", {})
    if "zdt_run" in workerinput:
        config.stash[RUN] = pickle.loads(workerinput["zdt_run"])
        if "zdt_channel" in workerinput:
            from pytest_zdt.runner import register_worker

            register_worker(config, workerinput)
    elif RUN in config.stash and not config.option.collectonly:
        from pytest_zdt.runner import Runner

        config.stash[RUNNER] = Runner(config)
        config.pluginmanager.register(config.stash[RUNNER], "zdt_runner")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a target only zdt tests run, without one none of them."""
    run = config.stash.get(RUN, None)
    kept = [item for item in items if (item.get_closest_marker("zdt") is not None) == (run is not None)]
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept
