"""The failure kinds, and whose failure each is: the table of the verdict, as data.

A sample's ``kind`` is empty for a success, ``expected`` for an answer that the API gives by design and the test declares, and
otherwise a key of `GUILT`.
"""

from __future__ import annotations

from typing import Final

SUCCESS: Final = ""
EXPECTED: Final = "expected"
CUT: Final = "cut"
"""Cut off by the end of the run: neither a success nor a failure."""

CLIENT, NETWORK, EDGE, APP, CONFIGURATION = "client", "network", "edge", "app", "configuration"

GUILT: Final[dict[str, str]] = {
    "dns": NETWORK,
    "connect-refused": EDGE,
    "connect-timeout": EDGE,
    "tls": EDGE,
    "reset": EDGE,
    "keep-alive-race": EDGE,
    "truncated": EDGE,
    "read-timeout": APP,
    "status-5xx": EDGE,
    "auth-broken": APP,
    "not-found-on-one-version": APP,
    "wrong-status": APP,
    "wrong-body": APP,
    "throttled": CONFIGURATION,
    "local": CLIENT,
    CUT: CLIENT,
}
"""Kind -> guilt where the answer named no version. With a version the kinds of `APP_WHEN_VERSIONED` are the app's."""

KINDS: Final = frozenset({SUCCESS, EXPECTED, *GUILT})
"""Every kind that a sample may have."""

APP_WHEN_VERSIONED: Final = frozenset({"reset", "truncated", "status-5xx"})
"""Kinds that are the app's once headers with a version had come, the edge's before."""


IN_FLIGHT: Final = frozenset({"reset", "keep-alive-race", "truncated"})
"""Kinds that prove a failure only at the time at which the connection broke, however long before the request was sent."""

CLEAR: Final = frozenset(
    {"keep-alive-race", "truncated", "status-5xx", "auth-broken", "not-found-on-one-version", "wrong-status", "wrong-body"}
)
"""Kinds that are the API's doing whatever else was seen at that time."""


def guilt(kind: str, version: str) -> str:
    """Whose failure a sample of this ``kind`` is, when its answer named ``version`` (empty: none).

    Raises `KeyError` for a kind that is not in the table.
    """
    return APP if version and kind in APP_WHEN_VERSIONED else GUILT[kind]


def is_failure(kind: str) -> bool:
    """Whether a sample of this kind counts as a failure of the run: not a success, not expected, not cut by the run's end."""
    return kind not in (SUCCESS, EXPECTED, CUT)
