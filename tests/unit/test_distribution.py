"""How the tests reach the workers, with workers that only write down what they are told."""

from __future__ import annotations

import pytest

from pytest_zdt.distribution import Everywhere


class Node:
    """A worker."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def send_runtest_all(self) -> None:
        self.told.append("all")

    def shutdown(self) -> None:
        self.told.append("no more")


def collected(scheduling: Everywhere, *nodes: Node) -> None:
    """These workers have found two tests, one after the other, as xdist goes about it."""
    for node in nodes:
        scheduling.add_node_collection(node, ["test_one", "test_two"])
        if scheduling.collection_is_completed:
            scheduling.schedule()


def begun(*nodes: Node) -> Everywhere:
    """All those workers have their tests."""
    scheduling = Everywhere(len(nodes))
    for node in nodes:
        scheduling.add_node(node)
    collected(scheduling, *nodes)
    return scheduling


def test_every_worker_gets_every_test_once_all_are_there():
    """Nothing is handed out before all workers have collected; then each gets all tests, and that no more will come."""
    one, two = Node(), Node()
    scheduling = Everywhere(2)
    scheduling.add_node(one)
    scheduling.add_node(two)
    collected(scheduling, one)
    assert not scheduling.collection_is_completed
    assert one.told == []
    collected(scheduling, two)
    assert one.told == two.told == ["all", "no more"]
    assert scheduling.has_pending
    assert not scheduling.tests_finished


def test_finished_when_all_workers_have_ended():
    """The end is when each worker has done its tests and has gone, and none is to blame."""
    one, two = Node(), Node()
    scheduling = begun(one, two)
    for node in (one, two):
        assert not scheduling.tests_finished
        scheduling.mark_test_complete(node, 0)
        scheduling.mark_test_complete(node, 1)
        assert scheduling.remove_node(node) is None
    assert scheduling.tests_finished


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_workers_replaced_at_once(order):
    """Two workers are killed; their replacements start together, and find their tests in either order."""
    old, new = (Node(), Node()), (Node(), Node())
    scheduling = begun(*old)
    for node in old:
        assert scheduling.remove_node(node) is None
    assert not scheduling.tests_finished
    for node in new:
        scheduling.add_node(node)
    collected(scheduling, new[order[0]])
    assert new[order[1]].told == []
    collected(scheduling, new[order[1]])
    assert [node.told for node in new] == [["all", "no more"]] * 2


def test_a_worker_killed_while_it_collects():
    """A worker that dies before all have collected is waited for in the shape of its replacement."""
    one, two, instead = Node(), Node(), Node()
    scheduling = Everywhere(2)
    scheduling.add_node(one)
    scheduling.add_node(two)
    collected(scheduling, one)
    scheduling.remove_node(one)
    collected(scheduling, two)
    assert not scheduling.collection_is_completed
    scheduling.add_node(instead)
    collected(scheduling, instead)
    assert two.told == instead.told == ["all", "no more"]


def test_a_worker_that_was_never_there():
    """xdist asks so for one that died before it was ready."""
    with pytest.raises(KeyError):
        begun(Node()).remove_node(Node())
