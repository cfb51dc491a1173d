"""Sends a run's metrics to an OpenTelemetry collector: OTLP over HTTP, binary, each request once. Needs opentelemetry-proto.

The URL is the one of metrics, as in ``OTEL_EXPORTER_OTLP_METRICS_ENDPOINT``; its user, password and query, and the values of the
headers, may be secrets: no message shows them.
"""

from __future__ import annotations

import errno
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from http.client import responses
from typing import Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from requests.auth import AuthBase
from requests.utils import get_auth_from_url

from pytest_zdt.report.terminal import clean
from pytest_zdt.target import Secret

TIMEOUT: Final = 10.0
"""Seconds from a request's beginning to the end of its answer."""
CONTENT: Final = {"Content-Type": "application/x-protobuf"}
MOST_READ: Final = 64 * 1024
"""Bytes of an answer; it has a few."""
MOST_SHOWN: Final = 200
"""Characters of a collector's message."""
VARIABLES: Final = ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
"""Where headers are set: the first that is."""
LEAST_SECRET: Final = 4
"""Characters; a shorter word in URL or headers is no secret, and would blot out the message."""
LATER: Final = (429, 502, 503, 504)
"""Statuses after which OTLP allows to send the same again; here nobody does so unasked."""
T = TypeVar("T")
NAME, VALUE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def check_url(url: str) -> str:
    """The URL as messages show it. Raises `ValueError`, with one line, for what is none of HTTP."""
    try:
        requests.Request("POST", url).prepare()
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("the URL for --otlp is broken: give one such as http://collector:4318/v1/metrics") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"--otlp takes a file, or a URL of http or https, not one of {clean(parts.scheme)}")
    shown = f"[{host}]" if ":" in host else host
    return clean(f"{parts.scheme}://{shown}{'' if port is None else f':{port}'}{parts.path}")


def headers(environment: Mapping[str, str]) -> dict[str, Secret]:
    """The headers that the environment sets: ``name=value,name=value``, percent-encoded. Raises `ValueError` for others."""
    variable = next((name for name in VARIABLES if environment.get(name)), "")
    found = {}
    for number, item in enumerate(filter(str.strip, environment.get(variable, "").split(",")), 1):
        name, equals, value = (unquote(part).strip() for part in item.partition("="))
        if not (equals and NAME.fullmatch(name) and VALUE.fullmatch(value)):
            raise ValueError(f"{variable}: item {number} is no header: write name=value,name=value, and other characters as %xx")
        found[name] = Secret(value)
    return found


def send(url: str, messages: Iterable[Message], extra: Mapping[str, Secret], timeout: float = TIMEOUT) -> list[str]:
    """Posts the messages one after the other, with the ``extra`` headers; what the collector warned of.

    Raises `OSError`, whose file name is the URL as `check_url` shows it, at the first that is not accepted whole.
    """
    shown, warnings = check_url(url), dict[str, None]()
    with _session(url, extra) as session:
        for number, message in enumerate(messages):
            try:
                status, answer = _post(session, url, message.SerializeToString(), timeout)
                warnings[_accepted(status, answer, partial(_masked, url=url, extra=extra))] = None
            except _Refused as error:
                before = f" (it accepted {number} before)" if number else ""
                raise OSError(errno.EIO, f"{error}{before}", shown) from None
    return [text for text in warnings if text]


class _Refused(Exception):
    """Why a request was not accepted whole."""


class _AsItIs(AuthBase):
    """Keeps what a ``.netrc`` says from taking the place of a header that was asked for."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _session(url: str, extra: Mapping[str, Secret]) -> requests.Session:
    session = requests.Session()
    session.headers.update({name: value.reveal() for name, value in extra.items()} | CONTENT)
    credentials = get_auth_from_url(url)
    session.auth = credentials if any(credentials) else _AsItIs()
    return session


def _post(session: requests.Session, url: str, body: bytes, timeout: float) -> tuple[int, ExportMetricsServiceResponse]:
    """The status of the answer, and what it says if that is of success."""

    def exchange() -> tuple[int, ExportMetricsServiceResponse]:
        # a redirect would take the headers somewhere else
        with session.post(url, body, timeout=timeout, allow_redirects=False, stream=True) as answer:
            content = next(answer.iter_content(MOST_READ), b"")
            good = 200 <= answer.status_code < 300
            return answer.status_code, _read(answer.headers.get("Content-Type", "") if good else "", content if good else b"")

    try:
        return _within(timeout, exchange)
    except (requests.RequestException, TimeoutError) as error:
        raise _Refused(_why(error, timeout)) from None


def _within(timeout: float, do: Callable[[], T]) -> T:
    """What ``do`` returns or raises; `TimeoutError` after so many seconds.

    The time-out of requests is one of each silence. A thread that is late is left alone: it ends with the process.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(do())
        except BaseException as error:  # raised where it is waited for
            future.set_exception(error)

    threading.Thread(target=run, name="zdt-export", daemon=True).start()
    return future.result(timeout)


def _why(error: BaseException | None, timeout: float) -> str:
    """What broke, in words; never the text of the exception, which holds the URL."""
    name = type(error).__name__
    while error is not None:
        if isinstance(error, requests.Timeout | TimeoutError):
            return f"the collector did not answer within {timeout:g} s"
        if isinstance(error, OSError) and error.strerror:
            return f"the collector cannot be reached: {error.strerror}"
        error = error.__cause__ or error.__context__
    return f"the collector's answer broke off ({name})"


def _read(kind: str, body: bytes) -> ExportMetricsServiceResponse:
    """An answer; collectors give it as JSON where they should not."""
    answer = ExportMetricsServiceResponse()
    try:
        if kind.partition(";")[0].strip() == "application/json":
            Parse(body or b"{}", answer, ignore_unknown_fields=True)
        else:
            answer.ParseFromString(body)
    except (DecodeError, ParseError, UnicodeDecodeError):
        raise _Refused("what answered is no OTLP collector; the path for metrics is usually /v1/metrics") from None
    return answer


def _accepted(status: int, answer: ExportMetricsServiceResponse, mask: Callable[[str], str]) -> str:
    """What a collector that took the whole request warns of, usually nothing."""
    if not 200 <= status < 300:
        later = ": try again later" if status in LATER else ""
        raise _Refused(f"the collector answered {status} {responses.get(status, '')}".rstrip() + later)
    rejected, text = answer.partial_success.rejected_data_points, mask(answer.partial_success.error_message)
    if rejected:
        raise _Refused(f"the collector rejected {rejected} data points{f': {text}' if text else ''}")
    return text


def _masked(text: str, url: str, extra: Mapping[str, Secret]) -> str:
    """A foreign text in one line, without what it may repeat of URL and headers."""
    parts = urlsplit(url)
    hidden = [parts.username or "", parts.password or "", parts.query, *(value for _, value in parse_qsl(parts.query))]
    hidden += [word for value in extra.values() for word in (value.reveal(), *value.reveal().split())]
    for word in sorted({*hidden, *map(unquote, hidden)}, key=len, reverse=True):
        text = text.replace(word, "***") if len(word) >= LEAST_SECRET else text
    return clean(" ".join(text.split()))[:MOST_SHOWN]
