"""The load transport: libcurl under requests.

libcurl notes when an answer's first byte came, without waiting for Python's lock. It also sends a request a second time,
silently, when a kept connection turns out to be dead, even a POST: `CurlAdapter` forbids that.
"""

from __future__ import annotations

import re
import select
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import pycurl
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import InvalidURL, RequestException

from pytest_zdt.http.answers import answer
from pytest_zdt.http.failures import LOCAL_ERRNOS, RESET_ERRNOS, failure, kind_of
from pytest_zdt.http.handle import Handle
from pytest_zdt.http.proxies import proxy_of
from pytest_zdt.http.urls import connection_and_target
from pytest_zdt.http.wire import NONE, Head, Phases, Wire, parse_head

_E_HTTP2_STREAM: Final = 92  # CURLE_HTTP2_STREAM, which pycurl does not name
CAUSES: Final[dict[int, str]] = {
    pycurl.E_COULDNT_RESOLVE_HOST: "resolve",
    pycurl.E_COULDNT_RESOLVE_PROXY: "resolve",
    pycurl.E_COULDNT_CONNECT: "connect",
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_SSL_CONNECT_ERROR: "tls",
    pycurl.E_PEER_FAILED_VERIFICATION: "tls",
    pycurl.E_SSL_CACERT_BADFILE: "tls",
    pycurl.E_SSL_CERTPROBLEM: "tls",
    pycurl.E_SSL_CIPHER: "tls",
    pycurl.E_SSL_ISSUER_ERROR: "tls",
    pycurl.E_SSL_INVALIDCERTSTATUS: "tls",
    pycurl.E_BAD_FUNCTION_ARGUMENT: "local",
    pycurl.E_OUT_OF_MEMORY: "local",
    pycurl.E_FAILED_INIT: "local",
    pycurl.E_UNSUPPORTED_PROTOCOL: "broken",  # "Received HTTP/0.9 when not allowed"
    pycurl.E_FTP_WEIRD_SERVER_REPLY: "broken",  # CURLE_WEIRD_SERVER_REPLY
    _E_HTTP2_STREAM: "reset",
    pycurl.E_SEND_FAIL_REWIND: "reset",  # the second sending that is not wanted would begin with the body's start
    pycurl.E_BAD_CONTENT_ENCODING: "undecoded",
}
"""libcurl's error code -> the cause, as `pytest_zdt.http.failures` knows them; others mean that the connection ended."""

_ALERT: Final = re.compile(r"\b(?:sslv3|tlsv1|tlsv13) alert\b|\balert number\b")
"""A fatal alert of the peer, as OpenSSL says it: in TLS 1.3 that for a client certificate comes after the request (RFC 8446,
section 4.4.2.4)."""
_PHASES: Final = (pycurl.NAMELOOKUP_TIME_T, pycurl.CONNECT_TIME_T, pycurl.APPCONNECT_TIME_T)
_GO_ON: Final = int(pycurl.PREREQFUNC_OK)
_BEFORE_SENDING = frozenset({"resolve", "connect", "tls", "local"})
_URL_ERRORS = frozenset({pycurl.E_URL_MALFORMAT, pycurl.E_UNSUPPORTED_PROTOCOL})
_ORIGINS: Final = 8
"""Origins to which a connection is kept at a time."""


@dataclass(slots=True)
class _Transfer:
    """How far the request under way has come; libcurl calls its methods."""

    sends: int = 0
    opened: bool = False
    resend: bool = False
    lines: list[bytes] = field(default_factory=list, repr=False)  # an answer may hold tokens and cookies
    body: list[bytes] = field(default_factory=list, repr=False)
    began: float = 0.0  # on the monotonic clock, as is the next
    sent: float = 0.0

    def begin(self) -> None:
        """Forgets the request before; the lists stay those that libcurl appends to."""
        self.sends, self.opened, self.resend, self.sent = 0, False, False, 0.0
        self.lines.clear()
        self.body.clear()

    def opening(self, *_: object) -> int:
        """A socket was made: fine before the request was sent, the start of a silent second sending after."""
        if self.sends:
            self.resend = True
            return int(pycurl.SOCKOPT_ERROR)
        self.opened = True
        return int(pycurl.SOCKOPT_OK)

    def sending(self, *_: object) -> int:
        """The request is about to go out on a connection."""
        self.sends += 1
        if self.sends > 1:
            self.resend = True
            return int(pycurl.PREREQFUNC_ABORT)
        self.sent = time.monotonic()  # the request goes out now
        return _GO_ON

    def latency(self, curl: Any) -> float:
        """Seconds from the sending to the first byte: the greater of two figures, each too small if its zero came too late."""
        first = curl.getinfo(pycurl.STARTTRANSFER_TIME_T) / 1e6
        return float(max(0.0, first - curl.getinfo(pycurl.PRETRANSFER_TIME_T) / 1e6, self.began + first - self.sent))

    def phases(self, curl: Any) -> Phases:
        """What opening the connection took: libcurl counts each from the start, and has 0 for those not reached."""
        if not self.opened:
            return NONE
        found, connected, secured = (curl.getinfo(info) / 1e6 for info in _PHASES)
        return Phases(found, max(0.0, connected - found), max(0.0, secured - connected))


class CurlAdapter(BaseAdapter):
    """Sends requests over libcurl, one kept connection to each origin: for one thread at a time.

    Answers are read to their end before `send` returns, also with ``stream=True``; bodies that are files or iterators are read
    while they are sent. Redirects are left to the session; a proxy is used only when ``proxies`` names one, and is spoken to by
    http. A timeout ``t`` bounds the whole request; ``(connect, read)`` the connecting, and all of it by their sum. Failures raise
    the exceptions of `pytest_zdt.http.failures`; nothing is ever sent twice. With ``http2`` that is offered to servers over TLS;
    the first request raises `ValueError` when libcurl has none.
    """

    def __init__(self, http2: bool = False) -> None:
        super().__init__()
        self._http2 = http2
        self._lines: dict[str, _Line] = {}
        self._transfer = _Transfer()
        self._round = 0

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Sends ``request`` once; the response carries a `Wire` as ``zdt_wire``."""
        proxy = proxy_of(str(request.url), proxies) if proxies else None
        line, transfer = self._line(str(request.url), bool(cert)), self._transfer
        handle = line.handle
        transfer.begin()
        handle.set_proxy(proxy)
        handle.set_request(request)
        handle.set_limits(timeout, verify, cert)
        handle.set_fresh(line.round != self._round or line.is_dropped())
        transfer.began = time.monotonic()
        try:
            handle.curl.perform()
        except pycurl.error as error:
            if handle.upload is not None and handle.upload.error is not None:
                raise handle.upload.own_error() from None
            raise _failure(request, handle.curl, transfer, *error.args[:2]) from None
        finally:
            if transfer.opened and transfer.sends:
                line.round = self._round
        head, latency, reused = parse_head(transfer.lines), transfer.latency(handle.curl), not transfer.opened
        if not head.complete:  # libcurl takes the end of the connection for the end of the headers
            detail, phases = "the connection ended inside the headers", transfer.phases(handle.curl)
            raise failure(request, "truncated", detail, head, latency, reused, phases) from None
        response = answer(request, head, b"".join(transfer.body))
        response.connection = self  # type: ignore[assignment]  # as HTTPAdapter sets it, for auth handlers
        wire = Wire(latency, reused) if reused else Wire(latency, reused, phases=transfer.phases(handle.curl))
        response.zdt_wire = wire  # type: ignore[attr-defined]
        return response

    def new_connection(self) -> None:
        """Makes the next request to each origin open a connection; the kept one is closed when that has happened."""
        self._round += 1

    def close(self) -> None:
        """Closes the connections. The adapter can be used again."""
        while self._lines:
            self._lines.popitem()[1].handle.curl.close()

    def _line(self, url: str, certified: bool) -> _Line:
        """The line to the origin of ``url``; a handle that shows a certificate cannot do without one again."""
        origin = connection_and_target(url)[0]
        line = self._lines.pop(origin, None)  # and put in again: the first is the one that was not used for longest
        if line is not None and line.handle.certified and not certified:
            line.handle.curl.close()
            line = None
        if line is None:
            if len(self._lines) >= _ORIGINS:
                self._lines.pop(next(iter(self._lines))).handle.curl.close()
            line = _Line(Handle(self._http2), self._round)
            self._watch(line.handle.curl)
        self._lines[origin] = line
        return line

    def _watch(self, curl: Any) -> None:
        transfer = self._transfer
        curl.setopt(pycurl.SOCKOPTFUNCTION, transfer.opening)
        curl.setopt(pycurl.PREREQFUNCTION, transfer.sending)
        curl.setopt(pycurl.HEADERFUNCTION, transfer.lines.append)
        curl.setopt(pycurl.WRITEFUNCTION, transfer.body.append)


class _Line:
    """A handle, its kept connection, polled, and the ``round`` of `CurlAdapter.new_connection` in which that was opened."""

    def __init__(self, handle: Handle, round_: int) -> None:
        self.handle = handle
        self.round = round_
        self._descriptor = -1
        self._poll = select.poll()

    def is_dropped(self) -> bool:
        """Whether the server has closed the kept connection already, or sent what nobody has asked for.

        libcurl itself looks once a second only, and would take an unasked answer, a 408 say, for that of the next request; in
        HTTP/2 it may be a farewell. To send on it would report a race where there was none; urllib3 asks the socket as well.
        """
        descriptor = self.handle.curl.getinfo(pycurl.ACTIVESOCKET)
        if descriptor < 0:
            return False
        if descriptor != self._descriptor:
            self._descriptor, self._poll = descriptor, select.poll()
            self._poll.register(descriptor, select.POLLIN)
        return bool(self._poll.poll(0))


def _failure(request: PreparedRequest, curl: Any, transfer: _Transfer, code: int, detail: str) -> RequestException:
    head, sent, reused = parse_head(transfer.lines), transfer.sends > 0, transfer.sends > 0 and not transfer.opened
    if code in _URL_ERRORS and not sent:
        return InvalidURL(detail, request=request)
    if head.status < HTTPStatus.OK:  # an interim answer is none
        head = Head()
    cause = _cause(curl, transfer, code)
    if sent and not head.status and _ALERT.search(detail):
        cause = "tls"
    elif transfer.resend or (sent and cause in _BEFORE_SENDING):
        cause, detail = "reset", "the connection was closed as the request was sent; not sent again"
    kind = kind_of(cause, sent=sent, reused=reused, answered=bool(head.status))
    latency = transfer.latency(curl) if head.status else 0.0
    return failure(request, kind, detail, head, latency, reused, transfer.phases(curl))


def _cause(curl: Any, transfer: _Transfer, code: int) -> str:
    number = curl.getinfo(pycurl.OS_ERRNO)
    cause = CAUSES.get(code, "reset" if number in RESET_ERRNOS else "eof")
    if cause == "connect" and number in LOCAL_ERRNOS:
        return "local"
    if not transfer.sends and curl.getinfo(pycurl.HTTP_CONNECTCODE) >= HTTPStatus.MULTIPLE_CHOICES:
        return "connect"  # the proxy refused the tunnel
    if cause == "timeout" and not transfer.sends:
        connected = "tls" if curl.getinfo(pycurl.CONNECT_TIME_T) else "timeout"
        return connected if curl.getinfo(pycurl.NAMELOOKUP_TIME_T) else "resolve"
    return cause
