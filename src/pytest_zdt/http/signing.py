"""Request signatures: functions over the prepared request, so that what is signed is what goes over the wire."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable
from typing import Final, Protocol

from requests import PreparedRequest
from requests.auth import AuthBase

from pytest_zdt.http.message_signatures import BODILESS, MessageSignature
from pytest_zdt.http.urls import connection_and_target
from pytest_zdt.target import Secret, Target

WallClock = Callable[[], float]
"""Seconds since 1970, as `time.time` gives them."""


def timed_hmac(request_target: str, secret: Secret, now: float) -> tuple[str, str]:
    """The MAC of a request and the timestamp in it: ``(mac, timestamp)``.

    The MAC is base64url without padding of HMAC-SHA256 over the request target (path and query, as on the wire) followed by
    ``now`` in whole seconds; what Openverse's edge checks with Cloudflare's ``is_timed_hmac_valid_v0``:
    https://developers.cloudflare.com/ruleset-engine/rules-language/functions/#hmac-validation. Method, host and body are not
    covered.

    Raises `ValueError` for a target that cannot be on the wire as given: not a path, not ASCII, with a fragment, or with a bare
    ``?`` at its end, which clients drop or keep as they please.
    """
    return _signed(request_target, hmac.new(secret.reveal().encode(), digestmod="sha256"), now)


def _signed(request_target: str, mac: hmac.HMAC, now: float) -> tuple[str, str]:
    """As `timed_hmac`, by a fresh ``mac`` of the secret."""
    if not request_target.startswith("/") or not request_target.isascii() or "#" in request_target:
        raise ValueError(f"not a request target: {request_target!r}; give the encoded path and query of the prepared request")
    if request_target.find("?") == len(request_target) - 1:
        raise ValueError(f"an empty query cannot be signed: {request_target!r}; drop the '?'")
    timestamp = f"{int(now):010d}"
    mac.update(f"{request_target}{timestamp}".encode("ascii"))
    return base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode("ascii"), timestamp


class TimedHMAC(AuthBase):
    """Signs a prepared request with `timed_hmac`, into the two headers that the target names. Usable as requests' ``auth``."""

    # The default is bound here, once: freezegun replaces the names in modules, not the defaults of functions.
    def __init__(self, target: Target, now: WallClock = time.time) -> None:
        if not target.secret:
            raise ValueError(f"target {target.name!r} signs with timed-hmac but has no secret: set its secret-env's variable")
        self._mac = hmac.new(target.secret.reveal().encode(), digestmod="sha256")  # the key's share of the work, once
        self._now = now
        self.headers = (target.mac_header, target.timestamp_header)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sets the signature headers of ``request`` for the path and query it will be sent with, and returns it."""
        mac_header, timestamp_header = self.headers
        signature = _signed(connection_and_target(str(request.url))[1], self._mac.copy(), self._now())
        request.headers[mac_header], request.headers[timestamp_header] = signature
        return request


class Signer(Protocol):
    """Signs a prepared request in place, and returns it; usable as requests' ``auth``."""

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers that it sets."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Signs."""


class _BodyBound(AuthBase):
    """`TimedHMAC`, with a `MessageSignature` beside it on what has a body, or may have: the first does not bind that.

    An API that grants something, such as a verified application, can so tell each request from a replay; the MAC of two
    requests to one path in one second is the same. A streamed body goes without.
    """

    def __init__(self, target: Target, now: WallClock) -> None:
        self._every, self._bodies = TimedHMAC(target, now), MessageSignature(target, now)
        self.headers = (*self._every.headers, *self._bodies.headers)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body
        if (body or request.method not in BODILESS) and (body is None or isinstance(body, str | bytes)):
            self._bodies(request)
        return self._every(request)


SCHEMES: Final[dict[str, Callable[[Target, WallClock], Signer]]] = {"timed-hmac": _BodyBound, "rfc9421": MessageSignature}
"""Value of `Target.signing` -> what makes its signer."""


def signer(target: Target, now: WallClock = time.time) -> Signer | None:
    """What signs the requests to ``target``, or None. Raises `ValueError` for an unknown scheme or a missing secret."""
    if target.signing == "none":
        return None
    if target.signing not in SCHEMES:
        known = ", ".join(sorted(["none", *SCHEMES]))
        raise ValueError(f"target {target.name!r}: unknown signing {target.signing!r}; known are {known}")
    return SCHEMES[target.signing](target, now)
