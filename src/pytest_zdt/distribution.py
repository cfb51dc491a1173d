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

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Gives a worker the run, and its end of the channel."""
        node.workerinput["zdt_run"] = pickle.dumps(self._run)
        if self._controller is None:
            return
        channel = node.gateway.newchannel()
        name = node.gateway.id
        node.workerinput["zdt_channel"] = channel
        node.workerinput["zdt_place"] = (*self._controller.join(name, channel.send), len(node.config.option.tx))
        channel.setcallback(partial(self._controller.receive, name), endmarker=("gone",))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Notes the tests that the workers found."""
        if self._controller is not None:
            self._controller.tests.know(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object | None:
        """Every worker runs every test, whatever ``--dist`` says."""
        if self._controller is None:
            return None
        from xdist.scheduler import EachScheduling

        scheduler: object = EachScheduling(config, log)
        return scheduler
