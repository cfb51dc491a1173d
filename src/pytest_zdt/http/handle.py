"""A libcurl handle and what is set on it; most requests differ from the one before in a few headers only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pycurl
from requests import PreparedRequest
from requests.exceptions import InvalidProxyURL
from urllib3 import Timeout

from pytest_zdt.http.certificates import Certificate, check_files, set_certificate, set_trust
from pytest_zdt.http.headers import lower_names, pairs_of
from pytest_zdt.http.proxies import Proxy
from pytest_zdt.http.upload import Upload, upload_of
from pytest_zdt.http.urls import connection_and_target

_SUPPRESS_CONNECT_HEADERS: Final = 265  # CURLOPT_SUPPRESS_CONNECT_HEADERS, which pycurl does not name
ALWAYS: Final = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.NOPROXY, "*"),
    (pycurl.FOLLOWLOCATION, 0),
    (pycurl.TCP_NODELAY, 1),
    (pycurl.PATH_AS_IS, 1),
    (pycurl.ACCEPT_ENCODING, ""),  # decode what this libcurl can; the header is the session's
    (pycurl.DNS_CACHE_TIMEOUT, 0),  # a switch by DNS must be seen by the next connection
    (_SUPPRESS_CONNECT_HEADERS, 1),  # a proxy's answer to CONNECT is not the answer
    (pycurl.PROXYAUTH, pycurl.HTTPAUTH_BASIC),
    (pycurl.USERAGENT, ""),  # none of libcurl's own
    (pycurl.MAXCONNECTS, 1),  # so that a fresh connection evicts the kept one
)
"""The options that every request has."""

_OF_LIBCURL: Final = {"accept": b"Accept:", "accept-encoding": b"Accept-Encoding:"}
_OF_LIBCURL_WITH_A_BODY: Final = _OF_LIBCURL | {"expect": b"Expect:", "content-type": b"Content-Type:"}


class Handle:
    """``curl``, for one origin, and the options that are set on it, each set anew only when it changes.

    Once ``certified`` it shows a client certificate: a request without one needs another handle. ``upload`` is the body of the
    request when that is read while it is sent.
    """

    def __init__(self, http2: bool = False) -> None:
        self.curl: Any = pycurl.Curl()
        self.curl.setopt(pycurl.HTTP_VERSION, version(http2, pycurl.version_info()[4]))
        self.certified = False
        self.upload: Upload | None = None
        for option, value in ALWAYS:
            self.curl.setopt(option, value)
        self._connection = self._target = ""
        self._proxy: Proxy | None = None
        self._is_get = False
        self._limits: object = None
        self._fresh = False

    def set_request(self, request: PreparedRequest) -> None:
        """Sets method, target, headers and body; nothing stays of the request before."""
        connection, target = connection_and_target(str(request.url))
        if connection != self._connection:
            self.curl.setopt(pycurl.URL, connection)
            self._connection = connection
        if self._proxy is not None and connection.startswith("http:"):  # RFC 9112, section 3.2.2
            target = connection.removesuffix("/") + target
        if target != self._target:
            self.curl.setopt(pycurl.REQUEST_TARGET, target)
            self._target = target
        body = None if request.body is None else _body(request)
        self.upload = body if isinstance(body, Upload) else None
        if not (self._is_get and body is None and request.method == "GET"):
            self._set_method(str(request.method), body)
        self.curl.setopt(pycurl.HTTPHEADER, _header_lines(request.headers, body))

    def set_proxy(self, proxy: Proxy | None) -> None:
        """Sets the proxy of the next request; it must be set before that. Raises `InvalidProxyURL` for one of another kind."""
        if proxy == self._proxy:
            return
        if proxy is not None and proxy.scheme != "http":
            raise InvalidProxyURL(f"the curl transport uses proxies over http only, not {proxy.scheme}; choose urllib3")
        self.curl.setopt(pycurl.NOPROXY, "*" if proxy is None else "")
        self.curl.setopt(pycurl.PROXY, "" if proxy is None else proxy.url)
        for option, value in (
            (pycurl.PROXYUSERNAME, proxy and proxy.user.encode()),
            (pycurl.PROXYPASSWORD, proxy and proxy.password.encode()),
        ):
            self.curl.setopt(option, value) if value else self.curl.unsetopt(option)
        self._proxy = proxy

    def set_fresh(self, fresh: bool) -> None:
        """Whether the request opens a connection."""
        if fresh != self._fresh:
            self.curl.setopt(pycurl.FRESH_CONNECT, fresh)
            self._fresh = fresh

    def set_limits(self, timeout: Any, verify: bool | str, cert: Certificate) -> None:
        """Sets time-outs, trust and certificate, as `CurlAdapter.send` takes them. Raises `OSError` for files not there."""
        if (timeout, verify, cert) != self._limits:
            self._limits = None
            check_files(verify, cert)
            self.certified = bool(cert)
            _set_timeout(self.curl, timeout)
            set_trust(self.curl, verify)
            set_certificate(self.curl, cert)
            self._limits = timeout, verify, cert

    def _set_method(self, method: str, body: bytes | Upload | None) -> None:
        self._is_get = False
        self.curl.setopt(pycurl.HTTPGET, 1)
        if isinstance(body, Upload):
            self._set_upload(body)
        elif body is not None:
            self.curl.setopt(pycurl.POST, 1)
            self.curl.setopt(pycurl.POSTFIELDS, body)
        if method == "HEAD":
            if body is not None:
                raise ValueError("libcurl sends no body with HEAD: leave it out, or choose the transport urllib3")
            self.curl.setopt(pycurl.NOBODY, 1)
        self.curl.setopt(pycurl.CUSTOMREQUEST, method)
        self._is_get = method == "GET" and body is None

    def _set_upload(self, upload: Upload) -> None:
        self.curl.setopt(pycurl.UPLOAD, 1)
        self.curl.setopt(pycurl.INFILESIZE_LARGE, -1 if upload.length is None else upload.length)
        self.curl.setopt(pycurl.READFUNCTION, _reader(upload))


def version(http2: bool, features: int) -> int:
    """libcurl's HTTP version, by its ``features``: with ``http2`` that is offered over TLS. Raises `ValueError` without it."""
    if not http2:
        return int(pycurl.CURL_HTTP_VERSION_1_1)
    if not features & pycurl.VERSION_HTTP2:
        raise ValueError("this libcurl speaks no HTTP/2: leave http2 out, or install a pycurl whose libcurl does")
    return int(pycurl.CURL_HTTP_VERSION_2TLS)


def _body(request: PreparedRequest) -> bytes | Upload | None:
    return request.body.encode() if isinstance(request.body, str) else upload_of(request) or request.body


def _reader(upload: Upload) -> Callable[[int], bytes | int]:
    """What libcurl calls for the next bytes; an error is kept by the upload, and ends the request."""

    def read(size: int) -> bytes | int:
        try:
            return upload.read(size)
        except BaseException:  # pycurl would print it
            return int(pycurl.READFUNC_ABORT)

    return read


def _header_lines(headers: Mapping[str, str | bytes], body: object) -> list[bytes]:
    """The headers for libcurl, and none of its own: a name with nothing after the colon takes one away."""
    lines = [
        f"{name}: {value}".encode("latin-1") if value and isinstance(value, str) and type(name) is str else _odd_line(name, value)
        for name, value in pairs_of(headers)
    ]
    names, own = lower_names(headers), _OF_LIBCURL if body is None else _OF_LIBCURL_WITH_A_BODY
    lines.extend(line for name, line in own.items() if name not in names)
    return lines


def _odd_line(name: str | bytes, value: str | bytes) -> bytes:
    """A header of bytes, or without a value."""
    return _latin(name) + (b": " + _latin(value) if value else b";")


def _latin(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _set_timeout(curl: Any, timeout: Any) -> None:
    connect, read = _seconds(timeout)
    both = isinstance(timeout, tuple | Timeout)
    total = connect + read if both and connect and read else None if both else connect
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(connect))
    curl.setopt(pycurl.TIMEOUT_MS, _milliseconds(total))


def _seconds(timeout: Any) -> tuple[float | None, float | None]:
    """The seconds for connecting and for reading, None without a limit. Raises `ValueError` for what requests refuses too."""
    if isinstance(timeout, Timeout):
        given = timeout
    elif isinstance(timeout, tuple):
        if len(timeout) != 2:
            raise ValueError(f"Invalid timeout {timeout}. Pass a (connect, read) timeout tuple, or a single float")
        given = Timeout(connect=timeout[0], read=timeout[1])
    else:
        given = Timeout(connect=timeout, read=timeout)
    return given.connect_timeout, given.read_timeout  # type: ignore[return-value]  # never its marker for no value


def _milliseconds(seconds: float | None) -> int:
    return max(1, round(seconds * 1000)) if seconds else 0
