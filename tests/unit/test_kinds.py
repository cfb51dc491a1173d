"""The table of failure kinds."""

from __future__ import annotations

import pytest

from pytest_zdt.evidence import kinds


@pytest.mark.parametrize(
    "kind, unversioned, versioned",
    [
        ("dns", "network", "network"),
        ("connect-refused", "edge", "edge"),
        ("connect-timeout", "edge", "edge"),
        ("tls", "edge", "edge"),
        ("reset", "edge", "app"),
        ("keep-alive-race", "edge", "edge"),
        ("truncated", "edge", "app"),
        ("read-timeout", "app", "app"),
        ("status-5xx", "edge", "app"),
        ("auth-broken", "app", "app"),
        ("not-found-on-one-version", "app", "app"),
        ("wrong-status", "app", "app"),
        ("wrong-body", "app", "app"),
        ("throttled", "configuration", "configuration"),
        ("local", "client", "client"),
        ("cut", "client", "client"),
    ],
)
def test_guilt(kind: str, unversioned: str, versioned: str) -> None:
    """Each kind has a guilty party, which may be another once a version had answered."""
    assert (kinds.guilt(kind, ""), kinds.guilt(kind, "v1")) == (unversioned, versioned)


def test_the_table_is_whole() -> None:
    """The test above has every kind."""
    (table,) = (mark for mark in test_guilt.pytestmark if mark.name == "parametrize")
    assert {row[0] for row in table.args[1]} == set(kinds.GUILT)
    assert set(kinds.GUILT) >= kinds.APP_WHEN_VERSIONED


def test_unknown_kind() -> None:
    """A kind that is not in the table is an error."""
    with pytest.raises(KeyError):
        kinds.guilt("gremlins", "")


def test_what_is_a_failure() -> None:
    """Everything in the table but a request that the run's end cut; successes and expected errors are none."""
    assert {kind for kind in kinds.GUILT if not kinds.is_failure(kind)} == {"cut"}
    assert not kinds.is_failure(kinds.SUCCESS)
    assert not kinds.is_failure(kinds.EXPECTED)
