"""What a worker tells of tests that it could not set up, against what pytest says of them."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from pytest_zdt.crew import Place
from pytest_zdt.settings import Run, RunSettings
from pytest_zdt.target import Target
from pytest_zdt.workers import Worker

from .inside import PREAMBLE, driven

SOURCE = (
    PREAMBLE
    + """
@pytest.fixture(scope="module")
def broken(): raise ValueError("broken")

@pytest.fixture(scope="module")
def skipping(): pytest.skip("not here")

@pytest.fixture(scope="module")
def xfailing(): pytest.xfail("known")

"""
)


@pytest.mark.parametrize(
    "test",
    [
        "def test(broken): pass",
        "def test(skipping): pass",
        "def test(xfailing): pass",
        "@pytest.mark.skip(reason='r')\ndef test(broken): pass",
        "@pytest.mark.xfail(run=False, reason='r')\ndef test(broken): pass",
        "@pytest.mark.xfail(reason='r')\ndef test(broken): pass",
        "@pytest.mark.xfail(strict=True, reason='r')\ndef test(broken): pass",
        "@pytest.mark.xfail(raises=ValueError)\ndef test(broken): pass",
        "@pytest.mark.xfail(raises=KeyError)\ndef test(broken): pass",
        "@pytest.mark.xfail(reason='r')\ndef test(skipping): pass",
    ],
)
def test_a_test_that_could_not_be_set_up(test: str, pytester: pytest.Pytester) -> None:
    """The report of a higher-scoped fixture's error, or of a mark, is that of pytest's own set-up."""
    (item,) = pytester.getitems(SOURCE + test)
    expected = runtestprotocol(item, log=False, nextitem=None)[0]
    (data,) = reports(item)
    assert (data["when"], data["outcome"]) == (expected.when, expected.outcome)
    assert data.get("wasxfail", "") == getattr(expected, "wasxfail", "").removeprefix("reason: ")  # until pytest 8.1


def reports(item: pytest.Item) -> list[dict[str, Any]]:
    """What a worker tells of an item in a run that has been stopped already."""
    sent: list[tuple[Any, ...]] = []
    target = Target("mine", "http://127.0.0.1:9", timeout=0.1)
    run = Run("0123abcd", RunSettings(target=target, duration=60.0, pin="off", probe_every=0.0))
    worker = Worker(item.config, run, "main", Place(0, 0, 1), sent.append)
    worker.receive(("stop", "duration"))
    with driven([item]) as found:
        assert found.shared.errors
        worker._drive(found.shared, [])
    return [message[2] for message in sent if message[0] == "report"]
