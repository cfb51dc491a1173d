"""What pytest-xdist is asked for: every worker gets the run and, in load mode, a channel to the controller and every test."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
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
        return Everywhere(worker_number(config))


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


class Everywhere:
    """Every test to every worker, and to each one that replaces another: pytest-xdist's ``Scheduling`` protocol for ``workers``.

    xdist's own ``EachScheduling`` is not used: it fails where two workers are replaced at once, and names a test as failed for
    each worker that was killed. What such a loss means is the verdict's to say.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._left: dict[Any, set[int]] = {}
        self._collected: dict[Any, int] = {}
        self._begun: set[Any] = set()
        self._awaited = 0
        self.collection_is_completed = False

    @property
    def nodes(self) -> list[Any]:
        """The workers that are there."""
        return list(self._left)

    @property
    def tests_finished(self) -> bool:
        """Whether all workers have ended, and none is to be replaced."""
        return self.collection_is_completed and not self._left and not self._awaited

    @property
    def has_pending(self) -> bool:
        """Whether tests are under way."""
        return any(self._left.values())

    def add_node(self, node: Any) -> None:
        """A worker is there."""
        self._left[node] = set()
        self._awaited = max(0, self._awaited - 1)

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """A worker has found its tests."""
        self._collected[node] = len(collection)
        self.collection_is_completed = self.collection_is_completed or len(self._collected) >= self._workers

    def schedule(self) -> None:
        """Gives all tests to the workers that have none yet, and tells them that no more will come.

        Without that xdist's worker keeps its last test back, and so one with a single test would never begin.
        """
        for node in set(self._collected) - self._begun:
            self._left[node] = set(range(self._collected[node]))
            self._begun.add(node)
            node.send_runtest_all()
            node.shutdown()

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """A worker is through with a test."""
        self._left[node].discard(item_index)

    def mark_test_pending(self, item: str) -> None:
        """Never asked for: no test is given back."""
        raise NotImplementedError

    def remove_pending_tests_from_node(self, node: Any, indices: Sequence[int]) -> None:
        """Never asked for: no test is given back."""
        raise NotImplementedError

    def remove_node(self, node: Any) -> None:
        """A worker has ended or is gone; no test is to blame for that. Raises KeyError for one that was not there yet."""
        left = self._left.pop(node)
        if node not in self._begun or left:
            self._awaited += 1
        self._collected.pop(node, None)
