"""The hooks, each a few lines. Without ``--zdt-target`` they deselect the zdt tests and load nothing else."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pytest_zdt.fixtures import zdt_flow, zdt_oauth_client, zdt_session, zdt_target, zdt_vu
from pytest_zdt.keys import RUN, RUNNER
from pytest_zdt.options import add_options, any_given

__all__ = ["zdt_flow", "zdt_oauth_client", "zdt_session", "zdt_target", "zdt_vu"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Registers the options."""
    add_options(parser)


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Reads the settings before anything is started; in load mode xdist's workers carry the load unless told otherwise."""
    if hasattr(config, "workerinput") or config.option.help or config.option.version or not any_given(config):
        return (yield)
    from pytest_zdt.prepare import prepare, tell_github

    try:
        prepare(config)
        return (yield)
    except pytest.UsageError as error:
        tell_github(error)
        raise


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker and, with a target, what this process has to do."""
    config.addinivalue_line("markers", "zdt(weight=1, name=None, expected=()): a test that a zero-downtime run repeats")
    workerinput: dict[str, Any] = getattr(config, "workerinput", {})
    if "zdt_run" in workerinput:
        import pickle

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
