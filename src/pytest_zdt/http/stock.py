"""The stock transport: requests' own adapter on urllib3, watched, for comparison with the load transport."""

from __future__ import annotations

import copy
import functools
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, DecodeError, HTTPError, NewConnectionError, ReadTimeoutError

from pytest_zdt.http.answers import Body
from pytest_zdt.http.certificates import check_files
from pytest_zdt.http.failures import LOCAL_ERRNOS, RESET_ERRNOS, failure, kind_of
from pytest_zdt.http.proxies import proxy_of
from pytest_zdt.http.upload import Upload, upload_of
from pytest_zdt.http.wire import NONE, Head, Phases, Wire, parse_head

Clock = Callable[[], float]


@dataclass(slots=True)
class _Progress:
    """How far the request under way has come."""

    clock: Clock
    opened: bool = False
    connected: bool = False
    sent: float = 0.0
    first: float = 0.0
    phases: Phases = NONE
    lines: list[bytes] = field(default_factory=list, repr=False)  # an answer may hold cookies

    def begin(self) -> None:
        self.opened = self.connected = False
        self.sent = self.first = 0.0
        self.phases = NONE
        self.lines = []

    @property
    def latency(self) -> float:
        return self.first - self.sent if self.first else 0.0


class StockAdapter(HTTPAdapter):
    """`requests.adapters.HTTPAdapter` with the contract of the load transport: for one thread at a time.

    Answers are read to their end before `send` returns, also with ``stream=True``; a body that is shorter than announced is an
    error. urllib3 replaces a kept connection that it sees is dead before it sends; nothing is ever sent twice. A timeout bounds
    the connecting and each silence after it, not the whole of an answer that trickles. Of the `Phases`, urllib3 looks up the name
    and connects in one: the two count as connecting, the lookup as 0; so does a handshake that failed.
    """

    def __init__(self, clock: Clock = time.monotonic, *, http2: bool = False) -> None:
        if http2:
            raise ValueError("urllib3 speaks HTTP/1.1 only: leave http2 out, or choose the transport curl")
        super().__init__(max_retries=0, pool_maxsize=1)
        self._progress = _Progress(clock)

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
        progress = self._progress
        progress.begin()
        check_files(verify, cert)
        proxy_of(str(request.url), proxies)  # requests shows the credentials in a URL that cannot be read
        upload = upload_of(request)
        sent = request if upload is None else _with_body(request, upload)
        try:
            response = super().send(sent, stream=True, timeout=timeout, verify=verify, cert=cert, proxies=proxies)
            body = Body(response.content)
        except (RequestException, HTTPError) as error:
            if upload is not None and upload.error is not None:
                raise upload.own_error() from None
            raise _failure(request, progress, error) from None
        body._original_response = getattr(response.raw, "_original_response", None)
        response.raw, response.request = body, request
        response.zdt_wire = Wire(progress.latency, not progress.opened, phases=progress.phases)  # type: ignore[attr-defined]
        return response

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool of connections for a request, each connection watched."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        watched = _WatchedTLS if pool.scheme == "https" else _Watched
        pool.ConnectionCls = functools.partial(watched, progress=self._progress)
        return pool

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        """The request target: exactly what was signed, where the stock adapter folds slashes at its start."""
        whole = super().request_url(request, proxies) if proxies else ""
        return whole if whole.startswith("http://") else request.path_url

    def new_connection(self) -> None:
        """Drops the kept connections, so that the next request opens one."""
        self.close()


def _with_body(request: PreparedRequest, upload: Upload) -> PreparedRequest:
    """The request with its body watched; the original keeps its own, which requests rewinds for a redirect."""
    watched = copy.copy(request)
    watched.body = upload  # type: ignore[assignment]
    return watched


class _Watched(HTTPConnection):
    def __init__(self, *args: Any, progress: _Progress, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._progress = progress
        self._opened = 0.0
        self.response_class = functools.partial(_Answer, progress=progress)  # type: ignore[assignment]

    def connect(self) -> None:
        progress = self._progress
        progress.opened = True
        super().connect()
        progress.connected = True
        progress.sent = progress.clock()
        if isinstance(self, HTTPSConnection):
            progress.phases = progress.phases._replace(tls=progress.sent - self._opened)

    def _new_conn(self) -> socket.socket:
        began = self._progress.clock()
        made = super()._new_conn()
        self._opened = self._progress.clock()
        self._progress.phases = Phases(connect=self._opened - began)
        return made

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._progress.sent = self._progress.clock()
        super().request(*args, **kwargs)


class _WatchedTLS(_Watched, HTTPSConnection):
    pass


class _Answer(http.client.HTTPResponse):
    def __init__(self, *args: Any, progress: _Progress, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._progress = progress

    def begin(self) -> None:
        stream: Any = self.fp
        reader: Any = _HeadReader(stream, self._progress)
        self.fp = reader
        try:
            super().begin()
        finally:
            if self.fp is reader:  # http.client drops it when the status line is not HTTP's
                self.fp = stream


class _HeadReader:
    """Reads the head of an answer line by line; http.client takes the end of the connection for the end of the headers."""

    def __init__(self, stream: Any, progress: _Progress) -> None:
        self._stream = stream
        self._progress = progress

    def readline(self, limit: int = -1) -> bytes:
        """The next line of the final answer's head; interim answers are skipped (http.client skips 100 only)."""
        line = self._read(limit)
        while len(self._progress.lines) == 1 and line.split(b" ", 2)[1:2] and line.split(b" ", 2)[1][:1] == b"1":
            while self._read(limit).strip():
                pass
            self._progress.lines.clear()
            self._progress.first = 0.0
            line = self._read(limit)
        return line

    def close(self) -> None:
        self._stream.close()

    def _read(self, limit: int) -> bytes:
        line: bytes = self._stream.readline(limit)
        if not line.endswith(b"\n"):
            if self._progress.lines:
                raise http.client.IncompleteRead(b"")
            return b""  # a cut status line counts as none: http.client then says that the peer has closed the connection
        self._progress.first = self._progress.first or self._progress.clock()
        self._progress.lines.append(line)
        return line


def _failure(request: PreparedRequest, progress: _Progress, error: RequestException | HTTPError) -> RequestException | HTTPError:
    chain = list(_chain(error))
    if not progress.opened and not progress.sent:
        return error  # a bad URL, header or argument: nothing was tried
    sent = not progress.opened or progress.connected
    head = parse_head(progress.lines)
    if head.status < HTTPStatus.OK:  # an interim answer is none
        head = Head()
    cause = _answer_cause(chain) if sent else _connect_cause(chain)
    kind = kind_of(cause, sent=sent, reused=not progress.opened, answered=bool(head.status))
    return failure(request, kind, _detail(chain), head, progress.latency, not progress.opened, progress.phases)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps, from the outermost to the root."""
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        current = todo.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = (getattr(current, "reason", None), *current.args, current.__cause__, current.__context__)
        todo.extend(inner for inner in wrapped if isinstance(inner, BaseException))


def _connect_cause(chain: list[BaseException]) -> str:
    if any(isinstance(error, OSError) and error.errno in LOCAL_ERRNOS for error in chain):
        return "local"
    if any(isinstance(error, socket.gaierror) for error in chain):
        return "resolve"
    if any(isinstance(error, NewConnectionError) or "Tunnel connection failed" in str(error) for error in chain):
        return "connect"
    return "timeout" if any(isinstance(error, ConnectTimeoutError) for error in chain) else "tls"


def _answer_cause(chain: list[BaseException]) -> str:
    if any(isinstance(error, ReadTimeoutError | TimeoutError) for error in chain):
        return "timeout"
    if any(isinstance(error, ssl.SSLError) and "ALERT" in str(error.reason) for error in chain):
        return "tls"  # in TLS 1.3 the server looks at a client certificate after the handshake
    if any(isinstance(error, DecodeError) for error in chain):
        return "undecoded"
    if any(isinstance(error, OSError) and error.errno in RESET_ERRNOS for error in chain):
        return "reset"
    if any(isinstance(error, http.client.RemoteDisconnected | http.client.IncompleteRead | ssl.SSLError) for error in chain):
        return "eof"
    return "broken"


def _detail(chain: list[BaseException]) -> str:
    """The words of the root: those of the wrappers hold the URL."""
    roots = [error for error in chain if isinstance(error, OSError | http.client.HTTPException | DecodeError)]
    roots = [error for error in roots if not isinstance(error, RequestException)]
    root = roots[-1] if roots else chain[-1]
    return f"{type(root).__name__}: {root}" if not isinstance(root, OSError) or not root.strerror else root.strerror
