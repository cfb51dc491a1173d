"""HTTP message signatures (RFC 9421) with a shared secret, over the maintained library http-message-signatures.

Unlike timed-hmac, which signs path and query, this covers the method and the body (by its digest, RFC 9530), and each signature
is one of a kind. An optional dependency: the extra ``rfc9421``. A signature costs some 200 us of CPU, timed-hmac's 3.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver
from http_message_signatures.algorithms import HMAC_SHA256
from requests import PreparedRequest
from requests.auth import AuthBase

from pytest_zdt.target import Secret, Target

KEY_ID: Final = "zdt"
"""The ``keyid``, the ``tag`` and the label of the signature."""
GOOD_FOR: Final = 60
"""Seconds from ``created`` to ``expires``."""
COVERED: Final = ("@method", "@path", "@query")
"""What is covered besides the parameters, and the digest of what may have a body."""
BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_datetime = datetime  # freezegun replaces the names in modules that it knows; a signature's time comes from the clock it is given


class MessageSignature(AuthBase):
    """Signs a prepared request by ``hmac-sha256``. Usable as requests' ``auth``. Raises `ValueError` without a secret.

    ``nonce`` gives what makes a signature one of a kind.
    """

    headers = ("Signature", "Signature-Input", "Content-Digest")
    """The headers that it sets."""

    def __init__(
        self,
        target: Target,
        now: Callable[[], float] = time.time,
        nonce: Callable[[], str] = lambda: secrets.token_urlsafe(16),
    ) -> None:
        if not target.secret:
            raise ValueError(f"target {target.name!r} signs with rfc9421 but has no secret: set its secret-env's variable")
        self._now, self._nonce = now, nonce
        self._signer = HTTPMessageSigner(signature_algorithm=HMAC_SHA256, key_resolver=_Keys(target.secret))

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sets the signature headers of ``request`` for what will be sent, and returns it; `ValueError` for a streamed body."""
        for header in self.headers:
            request.headers.pop(header, None)
        created = int(self._now())
        self._signer.sign(
            request,
            key_id=KEY_ID,
            label=KEY_ID,
            tag=KEY_ID,
            created=_datetime.fromtimestamp(created, UTC),
            expires=_datetime.fromtimestamp(created + GOOD_FOR, UTC),
            nonce=self._nonce(),
            covered_component_ids=COVERED,
            body=_body(request),
        )
        return request


class _Keys(HTTPSignatureKeyResolver):
    """The target's secret, the one key there is."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def resolve_private_key(self, key_id: str) -> bytes:
        return self._secret.reveal().encode()


def _body(request: PreparedRequest) -> bytes | None:
    """The bytes that the digest is of; None for a method that has no body."""
    body = request.body
    if body is None:
        return None if request.method in BODILESS else b""
    if isinstance(body, str):
        return body.encode()
    if not isinstance(body, bytes):
        raise ValueError("a streamed body cannot be signed by rfc9421: give it as bytes")
    return body
