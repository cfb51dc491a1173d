"""What pytest-xdist is asked for: every worker gets the run and, in load mode, a channel to the controller and every test."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import pytest

from pytest_zdt.controller import Controller
from pytest_zdt.settings import Run


class Distribution:
    """The hooks of pytest-xdist: every worker gets the run and, in load mode, a channel and every test."""

    def __init__(self, run: Run, controller: Controller | None) -> None:
        self._run, self._controller = run, controller
        self.here: set[str] = set()
        """The workers that are processes of this machine."""
        self._found: dict[tuple[str, ...], str] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Gives a worker the run, and its end of the channel."""
        node.workerinput["zdt_run"] = pickle.dumps(self._run)
        if self._controller is None:
            return
        channel = node.gateway.newchannel()
        name = node.gateway.id
        if node.gateway.spec.popen and not node.gateway.spec.via:
            self.here.add(name)
        node.workerinput["zdt_channel"] = channel
        node.workerinput["zdt_place"] = (*self._controller.join(name, channel.send), worker_number(node.config))
        channel.setcallback(partial(self._controller.receive, name), endmarker=("gone",))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Notes the tests that the workers found; they must be the same everywhere."""
        if self._controller is None:
            return
        self._found.setdefault(tuple(ids), node.gateway.id)
        if len(self._found) > 1:
            raise pytest.UsageError(_different(*list(self._found.items())[:2]))
        self._controller.tests.know(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object | None:
        """Every worker runs every test, whatever ``--dist`` says."""
        if self._controller is None:
            return None
        return _everywhere(config, log)


def worker_number(config: pytest.Config) -> int:
    """How many worker processes pytest-xdist is asked for; 1 where this process does the work."""
    if not config.pluginmanager.hasplugin("dsession"):
        return 1
    from xdist.workermanage import parse_tx_spec_config

    return len(parse_tx_spec_config(config))


def _different(one: tuple[tuple[str, ...], str], other: tuple[tuple[str, ...], str]) -> str:
    (ours, here), (theirs, there) = one, other
    odd = sorted(set(ours) ^ set(theirs))
    which = f"{len(ours)} and {len(theirs)}, and {odd[0]} only on one of them" if odd else "the same ones in another order"
    return f"workers {here} and {there} found different tests ({which}): do both have the same files, from the same root?"


def _everywhere(config: pytest.Config, log: Any) -> object:
    from xdist.scheduler import EachScheduling

    class Everywhere(EachScheduling):  # type: ignore[misc]
        """All tests to all workers. One that replaces another gets all of them too: the first test runs the whole load.

        It is told as well that no more will come: without that xdist's worker keeps its last test back, and so one that was left
        a single test would never begin.
        """

        def remove_node(self, node: Any) -> str | None:
            """A worker is gone; the test that it is said to have crashed in."""
            left = list(self.node2pending[node])
            crashed: str | None = super().remove_node(node)
            if left:
                self._removed2pending[node] = left
            return crashed

        def schedule(self) -> None:
            """Gives the tests to the workers that have none yet."""
            replacing = [node for node, pending in self.node2pending.items() if pending and node not in self._started]
            super().schedule()
            for node in replacing:
                node.shutdown()

    return Everywhere(config, log)
