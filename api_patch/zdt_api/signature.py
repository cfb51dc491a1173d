"""Verification of the `timed-hmac` scheme, as Cloudflare's `is_timed_hmac_valid_v0` has it.

    mac = base64url without padding (HMAC-SHA256 (secret, request target + timestamp))

The request target (RFC 9112 section 3.2.1) is the path and query exactly as they were on the wire, the
timestamp ten ASCII digits of UNIX seconds. Host, method, body and other headers are not covered.
"""

import base64
import hashlib
import hmac
import re
import time
from urllib.parse import quote

from django.http import HttpRequest

from zdt_api import conf

_TIMESTAMP = re.compile(r"[0-9]{10}")
_MAC = re.compile(r"[A-Za-z0-9_-]{43}")
# What RFC 3986 section 3.3 allows in a path as it is; everything else is sent percent-encoded.
_PATH_SAFE = "/:@!$&'()*+,;=~"


def is_signed(request: object) -> bool:
    """Whether `request` carries a valid signature: a Django HttpRequest or a DRF Request around one.

    Computed once per request. Whatever a client sends, the answer is True or False, never an exception.
    """
    django_request = getattr(request, "_request", request)
    known = getattr(django_request, "_zdt_signed", None)
    if known is None:
        known = django_request._zdt_signed = _verify(django_request)
    return known


def request_target(request: HttpRequest) -> str:
    """The path and query of `request` as the client sent them, as far as the server still knows.

    gunicorn's RAW_URI, uWSGI's REQUEST_URI and ASGI's raw_path are exact; without them the path is encoded anew.
    """
    if (scope := getattr(request, "scope", None)) is not None:
        raw_path = (scope.get("raw_path") or b"").decode("latin-1")
        return _join(raw_path or quote(request.path, _PATH_SAFE), request.META.get("QUERY_STRING", ""))
    for name in ("RAW_URI", "REQUEST_URI"):
        if (target := request.META.get(name, "")).startswith("/"):
            return target
    return _join(quote(request.path, _PATH_SAFE), request.META.get("QUERY_STRING", ""))


def _join(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _verify(request: HttpRequest) -> bool:
    secret = conf.secret()
    mac = request.headers.get(conf.mac_header(), "")
    timestamp = request.headers.get(conf.timestamp_header(), "")
    if not (secret and _MAC.fullmatch(mac) and _TIMESTAMP.fullmatch(timestamp)):
        return False
    # Both directions: the edge rule bounds the past only, but a future time stamp is a signature that lasts.
    if abs(time.time() - int(timestamp)) > conf.max_age():
        return False
    message = request_target(request) + timestamp
    if not message.isascii():  # RFC 3986: such a client did not encode what it sent
        return False
    digest = hmac.new(secret, message.encode("ascii"), hashlib.sha256).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"="), mac.encode("ascii"))
