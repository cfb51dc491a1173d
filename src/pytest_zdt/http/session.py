"""The signed session: a `requests.Session` whose every request is signed, timed and recorded."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from requests import PreparedRequest, Request, Response
from requests.adapters import BaseAdapter
from requests.exceptions import InvalidSchema, RequestException

from pytest_zdt import __version__
from pytest_zdt.evidence.kinds import EXPECTED
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.http import straight
from pytest_zdt.http.failures import foreign_wire
from pytest_zdt.http.headers import discard, hide
from pytest_zdt.http.names import endpoint_name
from pytest_zdt.http.plain import is_plain, prepare_plain
from pytest_zdt.http.signing import WallClock, signer
from pytest_zdt.http.straight import is_straight, skipped_methods
from pytest_zdt.http.tokens import Token
from pytest_zdt.http.transport import CurlAdapter
from pytest_zdt.http.urls import connection_and_target, is_downgrade, origin
from pytest_zdt.http.versions import answering_version
from pytest_zdt.http.wire import Wire
from pytest_zdt.target import Target

REQUEST_ID = "x-request-id"
HEADERS = {"User-Agent": f"pytest-zdt/{__version__}", "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
"""The headers of a session; the encodings are named because requests would offer those that only Python can decode."""
LONGEST = 200
"""Characters of what an answer says of itself that are kept."""
PRIVATE = ("authorization", "cookie", "proxy-authorization")


class Stopped(BaseException):
    """The run is over: the request was not sent and has no sample.

    No `Exception`, so that a test which tries again on any of those comes to its end too.
    """


class SignedSession(requests.Session):
    """A real `requests.Session` for one target and one virtual user, not to be shared by threads.

    A URL without a scheme is a path on the target and joins its base URL. Every hop, redirects and auth handlers' own requests
    included, is signed anew, gets a request id, is timed, and gives exactly one `Sample` to ``observe``; it is sent exactly once.
    Signature, request id, ``Authorization`` and cookies go to the target's origin only; requests to other origins are sent
    without and are recorded as well, under a name with their origin. A redirect from https to http is not followed: it raises
    requests' ``InvalidSchema``, and is the failure of the answer that asked for it.

    ``get``, ``post`` and the rest take two more keyword arguments: ``name`` replaces the path in the endpoint's name, and
    ``expected`` gives statuses (400 and above) that the API answers by design, in addition to ``default_expected``. A response
    has its sample as ``response.zdt`` and is read to its end whatever ``stream`` says. Without a ``timeout`` the target's holds.

    ``clock`` is the run's clock of `Sample.sent`, ``wall`` the one of the signatures, ``request_ids`` gives the next id. Once
    ``stopped`` says so, requests raise `Stopped` unsent. ``remember`` is given the endpoint's name and the prepared request of
    each GET that the target itself answered with a status below 400. Raises `ValueError` for a target that cannot be signed for.
    """

    def __init__(
        self,
        target: Target,
        observe: Callable[[Sample], None],
        *,
        adapter: BaseAdapter | None = None,
        request_ids: Callable[[], str] = lambda: uuid4().hex,
        stopped: Callable[[], bool] | None = None,
        remember: Callable[[str, PreparedRequest], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: WallClock = time.time,
    ) -> None:
        super().__init__()
        self.target = target
        self.default_expected: tuple[int, ...] = ()
        self.trust_env = False
        self.headers.update(HEADERS)
        self.transport = adapter or CurlAdapter(http2=target.http2)
        for scheme in ("http://", "https://"):
            self.mount(scheme, self.transport)
        self._observe, self._request_ids, self._stopped = observe, request_ids, stopped
        self._clock, self._wall, self._remember = clock, wall, remember
        self._signer = signer(target, wall)
        self._own_headers = (REQUEST_ID, *(header.lower() for header in (self._signer.headers if self._signer else ())))
        self._masked_headers = (*PRIVATE, *self._own_headers[1:])
        self._base = target.base_url.rstrip("/")
        self._prefix = urlsplit(self._base).path
        self._origin = origin(self._base)
        self._home = f"{self._origin}/"
        self._name: str | None = None
        self._expected: frozenset[int] = frozenset()

    def sibling(self) -> SignedSession:
        """Another session of the same virtual user: same target, transport, clocks and observer; own cookies, headers, auth."""
        session = SignedSession(
            self.target,
            self._observe,
            adapter=self.transport,
            request_ids=self._request_ids,
            stopped=self._stopped,
            remember=self._remember,
            clock=self._clock,
            wall=self._wall,
        )
        session.default_expected = self.default_expected
        session.verify = self.verify
        return session

    def new_connection(self) -> None:
        """Drops the kept connections, so that the next request opens one."""
        for adapter in {id(adapter): adapter for adapter in self.adapters.values()}.values():
            getattr(adapter, "new_connection", adapter.close)()

    def request(  # type: ignore[override]
        self, method: str, url: str, *args: Any, name: str | None = None, expected: Iterable[int] = (), **kwargs: Any
    ) -> Response:
        """As `requests.Session.request`, with the endpoint's ``name`` and the ``expected`` statuses of this request."""
        before = self._name, self._expected
        self._name, self._expected = name, frozenset(expected)
        try:
            if skipped_methods(type(self)) == _OWN_METHODS and not args and is_straight(self, method, url, kwargs):
                return straight.get(self, self._absolute(url), kwargs.get("params"), self.target.timeout)
            return super().request(method, url, *args, **kwargs)
        finally:
            self._name, self._expected = before

    def prepare_request(self, request: Request) -> PreparedRequest:
        """As `requests.Session.prepare_request`; a URL without a scheme joins the target's base URL."""
        url = str(request.url or "")
        absolute = self._absolute(url)
        if absolute != url:
            request = copy.copy(request)
            request.url = absolute
        return prepare_plain(self, request) if is_plain(self, request) else super().prepare_request(request)

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """As `requests.Session.send`, with the target's timeout when none is given."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.target.timeout
        if (answer := getattr(request, "zdt_refused", None)) is not None:
            raise _refused(request, answer)
        return super().send(request, **kwargs)

    def get_adapter(self, url: str) -> BaseAdapter:
        """The adapter mounted for ``url``, recorded: the one place that every hop passes."""
        return _Recorded(self, super().get_adapter(url))

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Prepares the next hop: its URL in the form that goes over the wire, since that is what is signed."""
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]
        prepared_request.prepare_url(prepared_request.url, None)
        if is_downgrade(str(response.url), str(prepared_request.url)):  # refused when sent: one may look at `Response.next`
            prepared_request.zdt_refused = response  # type: ignore[attr-defined]  # `send` gets nothing but the request

    def _absolute(self, url: str) -> str:
        return url if "://" in url.partition("?")[0] else f"{self._base}/{url.removeprefix('/')}"

    def _exchange(self, adapter: BaseAdapter, request: PreparedRequest, options: dict[str, Any]) -> Response:
        """One hop: signed, sent, timed, recorded."""
        if self._stopped is not None and self._stopped():
            raise Stopped("the run is over: no request was sent")
        sample = self._sign(request)
        try:
            response = adapter.send(request, **options)
        except RequestException as error:
            wire = error.zdt_wire if hasattr(error, "zdt_wire") else foreign_wire(error)
            if wire is not None:
                self._failed(sample, wire)
            raise
        except BaseException as error:  # Ctrl-C, or a time-out of the test: not the API's doing, but it was sent
            if not isinstance(error, Exception):
                self._failed(sample, Wire(kind="cut", detail=type(error).__name__))
            raise
        sample.took = self._clock() - sample.sent
        self._answered(sample, response)
        if self._remember is not None and self._is_success(sample, request):
            self._remember(sample.endpoint, request)
        return response

    def _sign(self, request: PreparedRequest) -> Sample:
        """Makes the sample of a hop, and gives the request what its origin may see."""
        home = self._is_home(request)
        discard(request.headers, self._own_headers)
        request_id = self._request_ids() if home else ""
        if home:
            request.headers[REQUEST_ID] = request_id
            if self._signer is not None:
                self._signer(request)
        else:
            discard(request.headers, PRIVATE)
        hide(request.headers, self._masked_headers)
        sample = Sample(sent=0.0, endpoint=self._endpoint(request, home), request_id=request_id)
        if isinstance(self.auth, Token) and self.auth.sent_with(request):
            sample.flow, sample.made_by = "token", self.auth.made_by
        sample.sent = self._clock()
        return sample

    def _is_success(self, sample: Sample, request: PreparedRequest) -> bool:
        """Whether the target answered a GET, and well."""
        return request.method == "GET" and not sample.kind and sample.status < HTTPStatus.BAD_REQUEST and self._is_home(request)

    def _is_home(self, request: PreparedRequest) -> bool:
        url = str(request.url)
        return url.startswith(self._home) or origin(url) == self._origin

    def _endpoint(self, request: PreparedRequest, home: bool) -> str:
        """The endpoint's name; a given one is for the first hop, redirects are named by their path."""
        method, name, self._name = str(request.method), self._name, None
        if name is not None:
            return f"{method} {name}".encode("utf-8", "backslashreplace").decode()  # halves of characters cannot be sent on
        path = connection_and_target(str(request.url))[1].partition("?")[0]
        if not home:
            endpoint = endpoint_name(method, path)
            return f"{method} {origin(str(request.url))}{endpoint.removeprefix(f'{method} ')}"
        inside = self._prefix and path.startswith(f"{self._prefix}/")
        return endpoint_name(method, path.removeprefix(self._prefix) if inside else path)

    def _answered(self, sample: Sample, response: Response) -> None:
        wire = getattr(response, "zdt_wire", None) or Wire()
        sample.latency, sample.reused = wire.latency, wire.reused
        if not wire.reused:
            sample.lookup, sample.connect, sample.tls = wire.phases
        sample.status, sample.bytes = response.status_code, len(response.content)
        sample.version = self._version(sample, response.headers, response.content)
        sample.kind = self._judge(sample)
        if sample.kind not in ("", EXPECTED):
            sample.message = f"{response.status_code} {response.reason or _phrase(response.status_code)}".strip()[:LONGEST]
        response.zdt = sample  # type: ignore[attr-defined]  # documented: a flow asks which version answered
        self._observe(sample)

    def _failed(self, sample: Sample, wire: Wire) -> None:
        sample.took = self._clock() - sample.sent
        sample.latency, sample.reused, sample.status = wire.latency, wire.reused, wire.status
        sample.kind, sample.message = wire.kind, wire.detail
        sample.lookup, sample.connect, sample.tls = wire.phases
        sample.version = self._version(sample, wire.headers, b"")
        self._observe(sample)

    def _version(self, sample: Sample, headers: Mapping[str, str], body: bytes) -> str:
        """The release that answered; other origins, which get no request id, have none of the target's."""
        return answering_version(self.target.version, headers, body)[:LONGEST] if sample.request_id else ""

    def _judge(self, sample: Sample) -> str:
        """The kind that the status alone gives; other 4xx are the test's to judge."""
        status = sample.status
        if status < HTTPStatus.BAD_REQUEST:
            return ""
        if status in self._expected or status in self.default_expected:
            return EXPECTED
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return "status-5xx"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return "throttled"
        return "auth-broken" if sample.flow == "token" and status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) else ""


_OWN_METHODS = skipped_methods(SignedSession)


class _Recorded(BaseAdapter):
    """An adapter behind the session's recording. Auth handlers send their second request through it as well."""

    def __init__(self, session: SignedSession, adapter: BaseAdapter) -> None:
        super().__init__()
        self._session = session
        self._adapter = adapter

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        response = self._session._exchange(self._adapter, request, kwargs)
        response.connection = self  # type: ignore[assignment]  # any adapter will do
        return response

    def close(self) -> None:
        self._adapter.close()


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""


def _refused(request: PreparedRequest, answer: Response) -> InvalidSchema:
    """The exception for a redirect that leaves TLS; the API's ``answer`` is what was wrong."""
    text = f"redirect from {origin(str(answer.url))} to {origin(str(request.url))} refused: it leaves TLS"
    sample = getattr(answer, "zdt", None)
    if sample is not None and not sample.kind:
        sample.kind, sample.message = "wrong-status", f"{answer.status_code} {text}"
    return InvalidSchema(text, request=request, response=answer)
