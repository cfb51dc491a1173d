"""HTTP message signatures (RFC 9421) with a shared secret, in one fixed form.

Unlike timed-hmac, which signs path and query, this covers the method and the body (by its digest, RFC 9530), and each signature
is one of a kind. The form is fixed, so it is written out here; the library http-message-signatures, which can write and read any,
takes 180 us of CPU for what takes 7 here, and is the judge in the tests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Final

from requests import PreparedRequest
from requests.auth import AuthBase

from pytest_zdt.http.urls import connection_and_target
from pytest_zdt.target import Target

NAME: Final = "zdt"
"""The label, the ``keyid`` and the ``tag`` of the signature."""
GOOD_FOR: Final = 60
"""Seconds from ``created`` to ``expires``."""
BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods whose requests are signed without a digest when they have no body."""


class MessageSignature(AuthBase):
    """Signs method, path, query and body of a prepared request by ``hmac-sha256``. Usable as requests' ``auth``.

    ``nonce`` gives a token that makes the signature one of a kind. Raises `ValueError` without a secret.
    """

    headers = ("Signature", "Signature-Input", "Content-Digest")
    """The headers that it sets."""

    # The default is bound here, once: freezegun replaces the names in modules, not the defaults of functions.
    def __init__(
        self,
        target: Target,
        now: Callable[[], float] = time.time,
        nonce: Callable[[], str] = lambda: secrets.token_urlsafe(16),
    ) -> None:
        if not target.secret:
            raise ValueError(f"target {target.name!r} signs with rfc9421 but has no secret: set its secret-env's variable")
        self._mac = hmac.new(target.secret.reveal().encode(), digestmod="sha256")  # the key's share of the work, once
        self._now, self._nonce = now, nonce

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sets the signature headers of ``request`` for what will be sent, and returns it.

        Raises `ValueError` for a streamed body, whose digest cannot be known, and for a URL that is not encoded.
        """
        covered = _covered(request)
        created = int(self._now())
        parameters = (
            f'({" ".join(covered)});created={created};keyid="{NAME}";alg="hmac-sha256";expires={created + GOOD_FOR}'
            f';nonce="{self._nonce()}";tag="{NAME}"'
        )
        mac = self._mac.copy()
        mac.update("".join(f"{name}: {value}\n" for name, value in covered.items()).encode("ascii"))
        mac.update(f'"@signature-params": {parameters}'.encode("ascii"))
        request.headers["Signature-Input"] = f"{NAME}={parameters}"
        request.headers["Signature"] = f"{NAME}=:{base64.b64encode(mac.digest()).decode('ascii')}:"
        return request


def _covered(request: PreparedRequest) -> dict[str, str]:
    """The components that are covered (RFC 9421 section 2.2), and what each is; sets the digest of a body."""
    path, mark, query = connection_and_target(str(request.url))[1].partition("?")
    if not (path + query).isascii():
        raise ValueError(f"not a request target: {path!r}; give the encoded path and query")
    covered = {'"@method"': str(request.method), '"@path"': path, '"@query"': f"?{query}" if mark else "?"}
    request.headers.pop("Content-Digest", None)
    body = _body(request)
    if body or request.method not in BODILESS:
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
        request.headers["Content-Digest"] = covered['"content-digest"'] = f"sha-256=:{digest}:"
    return covered


def _body(request: PreparedRequest) -> bytes:
    """The bytes that the digest is of."""
    body = request.body or b""
    if isinstance(body, str):
        return body.encode()
    if not isinstance(body, bytes):
        raise ValueError("a streamed body cannot be signed by rfc9421: give it as bytes")
    return body
