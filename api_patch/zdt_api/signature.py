"""Which requests are signed, by one of two schemes. Whatever a client sends, the answer is yes or no, never an exception.

`timed-hmac`, as Cloudflare's `is_timed_hmac_valid_v0` has it: base64url without padding of HMAC-SHA256 over the request
target (RFC 9112 section 3.2.1: path and query exactly as they were on the wire) and ten digits of UNIX seconds. Host,
method and body are not covered.

`rfc9421`, HTTP message signatures: HMAC-SHA256 over at least method, path and query, with a nonce; and over the
`Content-Digest` (RFC 9530), which the body must then match. One signature, without parameters of its components.
"""

import base64
import hashlib
import hmac
import re
import time
from typing import NamedTuple
from urllib.parse import quote

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.request import RawPostDataException, UnreadablePostError

from zdt_api import conf

_TIMESTAMP = re.compile(r"[0-9]{10}")
_MAC = re.compile(r"[A-Za-z0-9_-]{43}")
_INPUT = re.compile(r'([a-z][a-z0-9_-]*)=(\(((?:"[a-z0-9@-]+" ?)+)\)((?:;[a-z]+=(?:[0-9]{1,15}|"[ !#-\[\]-~]*"))+))')
_PARAMETER = re.compile(r';([a-z]+)=(?:([0-9]{1,15})|"([^"]*)")')
_SIGNATURE = re.compile(r"([a-z][a-z0-9_-]*)=:([A-Za-z0-9+/]{43}=):")
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
_LONGEST = 2000  # characters of a header that is looked at
# What RFC 3986 section 3.3 allows in a path as it is; everything else is sent percent-encoded.
_PATH_SAFE = "/:@!$&'()*+,;=~"


class Signature(NamedTuple):
    """A valid signature."""

    binds_body: bool
    """Whether another body would make it invalid."""
    mac: bytes
    """32 bytes; by timed-hmac they are the same for all requests to one target in one second."""
    until: float
    """UNIX seconds after which it is too old."""


def is_signed(request: object) -> bool:
    """Whether `request` carries a valid signature: a Django HttpRequest or a DRF Request around one."""
    return signature_of(request) is not None


def signature_of(request: object) -> Signature | None:
    """The valid signature of `request`, which is verified once.

    A request with a message signature is judged by that alone, whatever else it carries: the other scheme would not notice
    that its body was changed.
    """
    django_request = getattr(request, "_request", request)
    if not hasattr(django_request, "_zdt_signature"):
        verify = _message_signature if "Signature-Input" in django_request.headers else _timed_hmac
        secrets = conf.secrets()
        django_request._zdt_signature = verify(django_request, secrets, time.time()) if secrets else None
    return django_request._zdt_signature


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


def _timed_hmac(request: HttpRequest, secrets: tuple[bytes, ...], now: float) -> Signature | None:
    mac = request.headers.get(conf.mac_header(), "")
    timestamp = request.headers.get(conf.timestamp_header(), "")
    if not (_MAC.fullmatch(mac) and _TIMESTAMP.fullmatch(timestamp) and _is_timely(int(timestamp), now)):
        return None
    given = base64.urlsafe_b64decode(f"{mac}=")
    if mac != base64.urlsafe_b64encode(given).rstrip(b"=").decode():  # the last character has two bits to spare
        return None
    valid = _is_valid(request_target(request) + timestamp, given, secrets)
    return Signature(False, given, int(timestamp) + conf.max_age()) if valid else None


def _message_signature(request: HttpRequest, secrets: tuple[bytes, ...], now: float) -> Signature | None:
    headers = request.headers
    given, told = headers.get("Signature", ""), headers.get("Signature-Input", "")
    mac, input_ = _SIGNATURE.fullmatch(given[:_LONGEST]), _INPUT.fullmatch(told[:_LONGEST])
    if mac is None or input_ is None or mac[1] != input_[1]:
        return None
    names = input_[3].split()
    found = {name: int(number) if number else text for name, number, text in _PARAMETER.findall(input_[4])}
    if not _is_acceptable(names, found, now) or (base := _base(request, names, input_[2])) is None:
        return None
    digest, covers = base64.b64decode(mac[2]), '"content-digest"' in names
    if not _is_valid(base, digest, secrets) or (covers and not _is_digest_of_body(request)):
        return None
    return Signature(covers, digest, min(found["created"] + conf.max_age(), found.get("expires", float("inf"))))


def _is_acceptable(names: list[str], found: dict[str, int | str], now: float) -> bool:
    """Whether a signature of these components, with these parameters, is one to rely on now."""
    created, expires = found.get("created"), found.get("expires", int(now) + 1)
    return (
        len(set(names)) == len(names)
        and {'"@method"', '"@path"', '"@query"'} <= set(names)
        and isinstance(created, int)
        and isinstance(expires, int)
        and now < expires
        and _is_timely(created, now)
        and len(str(found.get("nonce", ""))) >= 16
        and found.get("alg", "hmac-sha256") == "hmac-sha256"
    )


def _base(request: HttpRequest, names: list[str], parameters: str) -> str | None:
    """What is signed (RFC 9421 section 2.5); None where a component is not there."""
    path, _, query = request_target(request).partition("?")
    derived = {
        "@method": request.method,
        "@path": path,
        "@query": f"?{query}",
        "@authority": request.META.get("HTTP_HOST", "").lower(),
    }
    values = [(derived if name[1] == "@" else request.headers).get(name[1:-1]) for name in names]
    if None in values:
        return None
    lines = [f"{name}: {value.strip()}" for name, value in zip(names, values, strict=True)]
    return "\n".join([*lines, f'"@signature-params": {parameters}'])


def _is_digest_of_body(request: HttpRequest) -> bool:
    found = _DIGEST.fullmatch(request.headers.get("Content-Digest", "")[:_LONGEST])
    try:
        # A body that is too big, cut off, or read by somebody before: the view will say so, if it is to be said.
        body = request.body if found else b""
    except (SuspiciousOperation, UnreadablePostError, RawPostDataException):
        return False
    return found is not None and hmac.compare_digest(hashlib.sha256(body).digest(), base64.b64decode(found[1]))


def _is_timely(timestamp: int, now: float) -> bool:
    # Both directions: the edge rule bounds the past only, but a future time stamp is a signature that lasts.
    return abs(now - timestamp) <= conf.max_age()


def _is_valid(message: str, given: bytes, secrets: tuple[bytes, ...]) -> bool:
    if not message.isascii():  # RFC 3986: such a client did not encode what it sent
        return False
    macs = [hmac.digest(secret, message.encode("ascii"), "sha256") for secret in secrets]
    return True in [hmac.compare_digest(mac, given) for mac in macs]  # all are compared, whichever fits
