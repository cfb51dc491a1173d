"""From what broke to the failure kind and the exception: one table for both transports.

A transport reduces its own error to a *cause*, and this module judges it by how far the request had come:

=============  ======================================================  ==========================================
cause          what broke                                              kind
=============  ======================================================  ==========================================
``resolve``    name lookup                                             dns
``connect``    TCP connection                                          connect-refused
``tls``        handshake, certificate                                  tls
``local``      this machine: no descriptors, no ports, no memory       local
``timeout``    time was up                                             connect-timeout; read-timeout once sent
``eof``        the peer closed the connection                          truncated; without an answer see below
``reset``      the peer reset the connection                           reset; without an answer see below
``broken``     the answer is not HTTP: chunking, status line           truncated
``undecoded``  the answer's content encoding is broken                 wrong-body
=============  ======================================================  ==========================================

Without a line of an answer, ``eof`` and ``reset`` are the kind keep-alive-race on a connection that was kept alive, and reset on
a fresh one. A status line that was cut is no line: libcurl does not show it.
"""

from __future__ import annotations

import errno
import os
from typing import Final

from requests import PreparedRequest
from requests.exceptions import (
    ChunkedEncodingError,
    ConnectionError,
    ConnectTimeout,
    ContentDecodingError,
    ReadTimeout,
    RequestException,
    SSLError,
)

from pytest_zdt.http.wire import NONE, Head, Phases, Wire

KINDS: Final[dict[str, str]] = {
    "resolve": "dns",
    "connect": "connect-refused",
    "tls": "tls",
    "local": "local",
    "timeout": "read-timeout",
    "eof": "truncated",
    "reset": "reset",
    "broken": "truncated",
    "undecoded": "wrong-body",
}
"""Cause -> kind, for a request that was sent and whose answer had begun."""

EXCEPTIONS: Final[dict[str, type[RequestException]]] = {
    "connect-timeout": ConnectTimeout,
    "read-timeout": ReadTimeout,
    "tls": SSLError,
    "truncated": ChunkedEncodingError,
    "wrong-body": ContentDecodingError,
}
"""Kind -> the exception of requests that tells the test of it; all others are `requests.exceptions.ConnectionError`."""

LOCAL_ERRNOS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})
RESET_ERRNOS: Final = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})

_DETAIL_LIMIT = 200


def kind_of(cause: str, *, sent: bool, reused: bool, answered: bool) -> str:
    """The failure kind of a ``cause`` from the module's table, by how far the request had come."""
    if cause == "timeout" and not sent:
        return "connect-timeout"
    if cause in ("eof", "reset") and not answered:
        return "keep-alive-race" if reused else "reset"
    if cause in ("resolve", "connect") and out_of_descriptors():
        return "local"
    return KINDS[cause]


def failure(
    request: PreparedRequest, kind: str, detail: str, head: Head, latency: float, reused: bool, phases: Phases = NONE
) -> RequestException:
    """The exception to raise for a failed request, with its `Wire` as ``zdt_wire``. Its text never holds the URL."""
    detail = " ".join(detail.split())[:_DETAIL_LIMIT]
    wire = Wire(latency, reused, kind, detail, head.status, head.headers(), phases)
    error = EXCEPTIONS.get(kind, ConnectionError)(f"{kind}: {detail}", request=request)
    error.zdt_wire = wire  # type: ignore[attr-defined]  # it travels on requests' own exception
    return error


def out_of_descriptors() -> bool:
    """Whether this process cannot open another file: then a name that did not resolve says nothing about the name."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in LOCAL_ERRNOS
    return False


def foreign_wire(error: RequestException) -> Wire | None:
    """The `Wire` of an exception from an adapter that is not ours; None when it was raised before anything was sent."""
    if isinstance(error, ValueError):  # InvalidURL, InvalidHeader, MissingSchema and their kin
        return None
    kinds = {raised: kind for kind, raised in EXCEPTIONS.items()} | {ConnectionError: "reset"}
    kind = next((kinds[parent] for parent in type(error).__mro__ if parent in kinds), "")
    return Wire(kind=kind, detail=type(error).__name__) if kind else None
