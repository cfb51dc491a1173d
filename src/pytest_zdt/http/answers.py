"""From what libcurl received to the answer that requests gives."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from http.client import HTTPMessage
from types import SimpleNamespace
from typing import Any

from requests import PreparedRequest, Response
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from pytest_zdt.http.headers import lower_names
from pytest_zdt.http.wire import Head


class Body(io.BytesIO):
    """``Response.raw``: the body, decoded already whatever ``decode_content`` says, and where requests looks for cookies."""

    _original_response: Any = None

    def read(self, amt: int | None = -1, decode_content: bool | None = None) -> bytes:
        """The next ``amt`` bytes, or all that are left."""
        return super().read(amt)

    def stream(self, amt: int = 65536, decode_content: bool | None = None) -> Iterator[bytes]:
        """What is left, ``amt`` bytes at a time."""
        return iter(lambda: self.read(amt), b"")


_BLANK = vars(Response())
"""What every response begins with; making it anew costs twice as much as copying it."""


def answer(request: PreparedRequest, head: Head, body: bytes) -> Response:
    """The response to ``request``, with its cookies; ``body`` is decoded already."""
    response: Response = Response.__new__(Response)
    vars(response).update(_BLANK, history=[], cookies=RequestsCookieJar())
    response.status_code, response.reason, response.headers = head.status, head.reason, head.headers()
    response.url, response.request = str(request.url), request
    response.encoding = _encoding(response.headers.get("content-type"))
    response.raw = raw = Body(body)
    response._content, response._content_consumed = body, True  # type: ignore[attr-defined]  # the stubs know only one
    if "set-cookie" in lower_names(response.headers):
        message = HTTPMessage()
        for cookie in head.cookies():
            message["Set-Cookie"] = cookie
        raw._original_response = SimpleNamespace(msg=message)
        extract_cookies_to_jar(response.cookies, request, raw)  # type: ignore[no-untyped-call]
    return response


@lru_cache(maxsize=64)
def _encoding(content_type: str | None) -> str | None:
    return get_encoding_from_headers(CaseInsensitiveDict({"content-type": content_type} if content_type is not None else {}))
