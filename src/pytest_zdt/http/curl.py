"""The load transport: libcurl under requests.

libcurl notes when an answer's first byte came, without waiting for Python's lock. It also sends a request a second time,
silently, when a kept connection turns out to be dead, even a POST: `CurlAdapter` forbids that.
"""

from __future__ import annotations

import io
import os
import select
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPMessage
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import certifi
import pycurl
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import InvalidProxyURL, InvalidURL, RequestException
from requests.utils import get_encoding_from_headers

from pytest_zdt.http.failures import LOCAL_ERRNOS, RESET_ERRNOS, failure, kind_of
from pytest_zdt.http.wire import Head, Wire, parse_head

CAUSES: Final[dict[int, str]] = {
    pycurl.E_COULDNT_RESOLVE_HOST: "resolve",
    pycurl.E_COULDNT_CONNECT: "connect",
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_SSL_CONNECT_ERROR: "tls",
    pycurl.E_PEER_FAILED_VERIFICATION: "tls",
    pycurl.E_SSL_CACERT_BADFILE: "tls",
    pycurl.E_SSL_CERTPROBLEM: "tls",
    pycurl.E_SSL_CIPHER: "tls",
    pycurl.E_SSL_ISSUER_ERROR: "tls",
    pycurl.E_SSL_INVALIDCERTSTATUS: "tls",
    pycurl.E_OUT_OF_MEMORY: "local",
    pycurl.E_FAILED_INIT: "local",
    pycurl.E_UNSUPPORTED_PROTOCOL: "broken",  # "Received HTTP/0.9 when not allowed"
    pycurl.E_FTP_WEIRD_SERVER_REPLY: "broken",  # CURLE_WEIRD_SERVER_REPLY
    pycurl.E_BAD_CONTENT_ENCODING: "undecoded",
}
"""libcurl's error code -> the cause, as `pytest_zdt.http.failures` knows them; others mean that the connection ended."""

_BEFORE_SENDING = frozenset({"resolve", "connect", "tls", "local"})
_URL_ERRORS = frozenset({pycurl.E_URL_MALFORMAT, pycurl.E_UNSUPPORTED_PROTOCOL})


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
        return int(pycurl.PREREQFUNC_OK)

    def latency(self, curl: Any) -> float:
        """Seconds from the sending to the first byte: the greater of two figures, each too small if its zero came too late."""
        first = curl.getinfo(pycurl.STARTTRANSFER_TIME_T) / 1e6
        return float(max(0.0, first - curl.getinfo(pycurl.PRETRANSFER_TIME_T) / 1e6, self.began + first - self.sent))


class CurlAdapter(BaseAdapter):
    """Sends requests over one libcurl handle with its own connections: for one thread at a time.

    Answers are read to their end before `send` returns, also with ``stream=True``. Redirects are left to the session, proxies
    and client certificates are refused. A timeout ``t`` bounds the whole request; ``(connect, read)`` the connecting, and all of
    it by their sum. Failures raise the exceptions of `pytest_zdt.http.failures`; nothing is ever sent twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self._handle: Any = None
        self._fresh = False
        self._limits: object = None

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
        _refuse(cert, proxies)
        curl = self._open()
        transfer = _Transfer()
        _set_callbacks(curl, transfer)
        _set_request(curl, request)
        if (timeout, verify) != self._limits:
            _set_limits(curl, timeout, verify)
            self._limits = timeout, verify
        curl.setopt(pycurl.FRESH_CONNECT, self._fresh or _is_dropped(curl))
        transfer.began = time.monotonic()
        try:
            curl.perform()
        except pycurl.error as error:
            raise _failure(request, curl, transfer, *error.args[:2]) from None
        finally:
            self._fresh = self._fresh and not (transfer.opened and transfer.sends)
        head = parse_head(transfer.lines)
        if not head.complete:  # libcurl takes the end of the connection for the end of the headers
            why, latency = "the connection ended inside the headers", transfer.latency(curl)
            raise failure(request, "truncated", why, head, latency, not transfer.opened) from None
        response = _response(request, head, b"".join(transfer.body))
        response.connection = self  # type: ignore[assignment]  # as HTTPAdapter sets it, for auth handlers
        response.zdt_wire = Wire(latency=transfer.latency(curl), reused=not transfer.opened)  # type: ignore[attr-defined]
        return response

    def new_connection(self) -> None:
        """Makes the next request open a connection; the kept one is closed when that has happened."""
        self._fresh = True

    def close(self) -> None:
        """Closes the connections. The adapter can be used again."""
        if self._handle is not None:
            self._handle.close()
            self._handle = self._limits = None

    def _open(self) -> Any:
        if self._handle is None:
            self._handle = pycurl.Curl()
            for option, value in _ALWAYS:
                self._handle.setopt(option, value)
        return self._handle


_ALWAYS: Final = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.NOPROXY, "*"),
    (pycurl.FOLLOWLOCATION, 0),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    (pycurl.TCP_NODELAY, 1),
    (pycurl.PATH_AS_IS, 1),
    (pycurl.ACCEPT_ENCODING, ""),  # decode what this libcurl can; the header is the session's
    (pycurl.DNS_CACHE_TIMEOUT, 0),  # a switch by DNS must be seen by the next connection
    (pycurl.MAXCONNECTS, 1),  # so that a fresh connection evicts the kept one
)


def _is_dropped(curl: Any) -> bool:
    """Whether the server has closed the kept connection already: libcurl itself looks once a second only.

    To send on it would report a race where there was none; urllib3 asks the socket in the same way.
    """
    descriptor = curl.getinfo(pycurl.ACTIVESOCKET)
    if descriptor < 0:
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _refuse(cert: object, proxies: Mapping[str, str] | None) -> None:
    if proxies:
        raise InvalidProxyURL("the curl transport uses no proxy; choose --zdt-transport=urllib3")
    if cert:
        raise ValueError("the curl transport sends no client certificate yet; choose --zdt-transport=urllib3")


def _set_callbacks(curl: Any, transfer: _Transfer) -> None:
    curl.setopt(pycurl.SOCKOPTFUNCTION, transfer.opening)
    curl.setopt(pycurl.PREREQFUNCTION, transfer.sending)
    curl.setopt(pycurl.HEADERFUNCTION, transfer.lines.append)
    curl.setopt(pycurl.WRITEFUNCTION, transfer.body.append)


def _set_request(curl: Any, request: PreparedRequest) -> None:
    """Method, target, headers and body; each is set for every request, so that nothing stays from the one before."""
    parts = urlsplit(str(request.url))
    curl.setopt(pycurl.URL, f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/")
    curl.setopt(pycurl.REQUEST_TARGET, request.path_url)
    curl.setopt(pycurl.HTTPGET, 1)
    body = _body(request.body)
    if body is not None:
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.POSTFIELDS, body)
    if request.method == "HEAD":
        curl.setopt(pycurl.NOBODY, 1)
    curl.setopt(pycurl.CUSTOMREQUEST, request.method)
    curl.setopt(pycurl.HTTPHEADER, _header_lines(request, body))


def _body(body: Any) -> bytes | None:
    """The body as bytes; files and iterables are read to their end."""
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        return _body(body.read())
    return b"".join(_body(part) or b"" for part in body)


def _header_lines(request: PreparedRequest, body: bytes | None) -> list[bytes]:
    """The headers for libcurl, and none of its own: a name with nothing after the colon takes one away."""
    headers = request.headers
    lines = [_latin(name) + (b": " + _latin(value) if value else b";") for name, value in headers.items()]
    lines.extend(f"{name}:".encode() for name in ("Accept", "Accept-Encoding", "Expect") if name not in headers)
    if body is not None and "Content-Type" not in headers:
        lines.append(b"Content-Type:")
    return lines


def _latin(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _set_limits(curl: Any, timeout: Any, verify: bool | str) -> None:
    if isinstance(timeout, tuple):
        connect, read = timeout
        total = connect + read if connect and read else None
    else:
        connect = total = timeout
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(connect))
    curl.setopt(pycurl.TIMEOUT_MS, _milliseconds(total))
    curl.setopt(pycurl.SSL_VERIFYPEER, 1 if verify else 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 2 if verify else 0)
    authorities = verify if isinstance(verify, str) else certifi.where()
    if not os.path.exists(authorities):  # as HTTPAdapter says it: a mistake of the settings, not the edge's
        raise OSError(f"Could not find a suitable TLS CA certificate bundle, invalid path: {authorities}")
    used, unused = (pycurl.CAPATH, pycurl.CAINFO) if os.path.isdir(authorities) else (pycurl.CAINFO, pycurl.CAPATH)
    curl.setopt(used, authorities)
    curl.unsetopt(unused)


def _milliseconds(seconds: float | None) -> int:
    return max(1, round(seconds * 1000)) if seconds else 0


def _failure(request: PreparedRequest, curl: Any, transfer: _Transfer, code: int, detail: str) -> RequestException:
    head, sent, reused = parse_head(transfer.lines), transfer.sends > 0, transfer.sends > 0 and not transfer.opened
    if code in _URL_ERRORS and not sent:
        return InvalidURL(detail, request=request)
    cause = _cause(curl, transfer, code)
    if transfer.resend or (sent and cause in _BEFORE_SENDING):
        cause, detail = "reset", "the connection was closed as the request was sent; not sent again"
    kind = kind_of(cause, sent=sent, reused=reused, answered=bool(head.status))
    return failure(request, kind, detail, head, transfer.latency(curl) if head.status else 0.0, reused)


def _cause(curl: Any, transfer: _Transfer, code: int) -> str:
    number = curl.getinfo(pycurl.OS_ERRNO)
    cause = CAUSES.get(code, "reset" if number in RESET_ERRNOS else "eof")
    if cause == "connect" and number in LOCAL_ERRNOS:
        return "local"
    if cause == "timeout" and not transfer.sends:
        connected = "tls" if curl.getinfo(pycurl.CONNECT_TIME_T) else "timeout"
        return connected if curl.getinfo(pycurl.NAMELOOKUP_TIME_T) else "resolve"
    return cause


class _Body(io.BytesIO):
    """``Response.raw``: the decoded body, and where requests looks for cookies."""

    _original_response: SimpleNamespace | None = None


def _response(request: PreparedRequest, head: Head, body: bytes) -> Response:
    response = Response()
    response.status_code, response.reason = head.status, head.reason
    response.headers = head.headers()
    response.url, response.request, response.encoding = str(request.url), request, get_encoding_from_headers(response.headers)
    response.raw = raw = _Body(body)
    response._content, response._content_consumed = body, True  # type: ignore[attr-defined]  # the stubs know only one
    if cookies := head.cookies():
        message = HTTPMessage()
        for cookie in cookies:
            message["Set-Cookie"] = cookie
        raw._original_response = SimpleNamespace(msg=message)
        extract_cookies_to_jar(response.cookies, request, raw)  # type: ignore[no-untyped-call]
    return response
