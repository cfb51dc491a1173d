"""A virtual user: which of an iteration's requests bears the failure of its test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_zdt.evidence.samples import Sample
from pytest_zdt.target import Target
from pytest_zdt.vu import VirtualUser


@pytest.fixture
def user() -> Iterator[VirtualUser]:
    """One that has sent nothing."""
    made = VirtualUser(0, "new", Target("test", "http://127.0.0.1:1"), "cafe", 1, "urllib3")
    yield made
    made.close()


def iterate(user: VirtualUser, *answers: tuple[str, int, str], fails: bool = True) -> list[tuple[str, str]]:
    """Endpoints and kinds of an iteration's requests, given by endpoint, status and kind."""
    user.begin()
    for endpoint, status, kind in answers:
        user._observe(Sample(1.0, endpoint, status=status, kind=kind))
    return [(sample.endpoint, sample.kind) for sample in user.end(AssertionError("no") if fails else None)]


@pytest.mark.parametrize(
    "statuses, kinds",
    [
        ((200, 200), ("", "wrong-body")),
        ((404, 200), ("wrong-status", "")),
        ((200, 404), ("", "wrong-status")),
        ((404, 403), ("", "wrong-status")),
        ((302, 200), ("", "wrong-body")),
    ],
)
def test_the_refused_request_bears_the_failure(statuses: tuple[int, ...], kinds: tuple[str, ...], user: VirtualUser) -> None:
    """Of several the last; where none was refused, the last one sent."""
    names = ("GET /a/", "GET /b/")
    answers = [(name, status, "") for name, status in zip(names, statuses, strict=True)]
    assert iterate(user, *answers) == list(zip(names, kinds, strict=True))


def test_what_is_known_to_be_refused_bears_none(user: VirtualUser) -> None:
    """A test declared it, or passes with it."""
    assert iterate(user, ("GET /a/", 404, "expected"), ("GET /b/", 200, ""))[1] == ("GET /b/", "wrong-body")
    assert iterate(user, ("GET /c/", 404, ""), ("GET /b/", 200, ""), fails=False) == [("GET /c/", ""), ("GET /b/", "")]
    assert iterate(user, ("GET /c/", 404, ""), ("GET /b/", 200, ""))[1] == ("GET /b/", "wrong-body")
    assert iterate(user, ("GET /c/", 403, ""), ("GET /b/", 200, ""))[0] == ("GET /c/", "wrong-status")


def test_a_failed_request_explains_the_failure(user: VirtualUser) -> None:
    """No other bears it, whatever came after."""
    assert iterate(user, ("GET /a/", 500, "status-5xx"), ("GET /b/", 404, "")) == [("GET /a/", "status-5xx"), ("GET /b/", "")]
    assert iterate(user) == []
