"""HTTP message signatures (RFC 9421): which requests count as signed by them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from django.db import connection
from django.http import HttpRequest
from django.test import RequestFactory, override_settings
from freezegun import freeze_time
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import HMAC_SHA256
from zdt_api import signature

from pytest_zdt.http.signing import signer
from pytest_zdt.target import Secret, Target

SECRET = "correct horse battery staple"
NOW = 1_700_000_000
URL = "http://testserver/v1/register/?a=b+c&d=%2F"
COVERED = ("@method", "@path", "@query", "content-digest")
BODY = b'{"name": "a"}'
VECTOR = json.loads((Path(__file__).parent / "data" / "rfc9421.json").read_text())


@pytest.fixture(autouse=True)
def secret():
    with override_settings(ZDT_SIGNING_SECRET=SECRET):
        yield


def received(request: requests.PreparedRequest, **environ: str) -> HttpRequest:
    """What gunicorn hands to Django."""
    path, mark, query = request.path_url.partition("?")
    headers = {name: value for name, value in request.headers.items() if name != "Content-Length"}
    made = RequestFactory().generic(
        str(request.method), path, request.body or b"", "", headers=headers, RAW_URI=path + mark + query, **environ
    )
    made.META["QUERY_STRING"] = query
    return made


def found(request: HttpRequest, at: int = NOW) -> signature.Signature | None:
    """The signature at a fixed time."""
    with freeze_time(datetime.fromtimestamp(at, UTC)):
        return signature.signature_of(request)


def signed(method="POST", body: bytes | None = BODY, secret=SECRET, request=None, **changes) -> requests.PreparedRequest:
    """A request signed by the library."""
    keys = MappingKeyResolver(public_keys={}, private_keys={"any": secret.encode()})
    request = request or requests.Request(method, URL, data=body).prepare()
    given = {
        "key_id": "any",
        "nonce": "n" * 16,
        "label": "sig",
        "covered_component_ids": COVERED[: 4 if body else 3],
        "body": body,
    }
    given |= {"created": datetime.fromtimestamp(NOW, UTC), "expires": datetime.fromtimestamp(NOW + 60, UTC)}
    HTTPMessageSigner(signature_algorithm=HMAC_SHA256, key_resolver=keys).sign(request, **given | changes)
    return request


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", BODY), ("POST", b""), ("PUT", b"\x00\xff"), ("DELETE", None)])
@pytest.mark.parametrize("scheme", ["rfc9421", "timed-hmac"])
def test_signed_by_the_session(scheme, method, body):
    """What the load test sends is signed; what may have a body is bound to it, whatever the scheme."""
    target = Target("test", "http://testserver", signing=scheme, secret=Secret(SECRET))
    request = signer(target, lambda: NOW)(requests.Request(method, URL, data=body).prepare())
    assert found(received(request)).binds_body == (method != "GET")


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", BODY)])
def test_signed_by_the_library(method, body):
    """Another implementation's signatures are signatures."""
    assert found(received(signed(method, body))).binds_body == (body is not None)


@pytest.mark.parametrize(
    "covered",
    [
        ("@query", "@path", "content-digest", "@method"),
        ("@method", "@authority", "@path", "@query", "content-digest", "x-more"),
        ("x-more", "@method", "@path", "@query"),
    ],
)
def test_more_components_in_any_order(covered):
    """Further headers and the authority may be covered, in whatever order; without the digest the body is not bound."""
    body = BODY if "content-digest" in covered else None
    request = requests.Request("POST", URL, data=body, headers={"x-more": "1"}).prepare()
    signature_found = found(received(signed(request=request, body=body, covered_component_ids=covered), HTTP_HOST="testserver"))
    assert signature_found.binds_body == (body is not None)


def test_the_vector_of_the_rfc():
    """Appendix B.2.5: the signature base is the RFC's; it covers no method, so as a signature of a request it is refused."""
    parameters = VECTOR["signature_input"].partition("=")[2]
    headers = {"date": "Tue, 20 Apr 2021 02:07:55 GMT", "content-type": "application/json"}
    request = RequestFactory().post("/foo", b"{}", headers=headers, HTTP_HOST="example.com", content_type="application/json")
    names = parameters[1 : parameters.index(")")].split()
    base = signature._base(request, names, parameters)
    assert base == VECTOR["signature_base"]
    given = base64.b64decode(VECTOR["signature"].partition(":")[2].rstrip(":"))
    assert signature._is_valid(base, given, (base64.b64decode(VECTOR["key_base64"]),))
    request.META |= {"HTTP_SIGNATURE": VECTOR["signature"], "HTTP_SIGNATURE_INPUT": VECTOR["signature_input"]}
    assert found(request, 1618884473) is None


def changed(name: str, value: object) -> requests.PreparedRequest:
    """A signed request, of which then something was changed."""
    request = signed()
    if name in ("method", "body", "url"):
        setattr(request, name, value)
    else:
        request.headers[name] = str(value(request.headers[name]) if callable(value) else value)
    return request


def other(text: str, by: str):
    """Replaces it in a header."""
    return lambda value: value.replace(text, by)


OTHER_DIGEST = f"sha-256=:{base64.b64encode(hashlib.sha256(b'{}').digest()).decode()}:"
ATTACKS = {
    "other method": changed("method", "PUT"),
    "other path": changed("url", "http://testserver/v1/other/?a=b+c&d=%2F"),
    "other query": changed("url", "http://testserver/v1/register/?a=b+c&d=%2f"),
    "no query": changed("url", "http://testserver/v1/register/"),
    "other body": changed("body", b'{"name": "b"}'),
    "no body": changed("body", b""),
    "other body and its digest": changed("Content-Digest", OTHER_DIGEST),
    "no digest": changed("Content-Digest", ""),
    "two digests": changed("Content-Digest", lambda value: f"{value}, {OTHER_DIGEST}"),
    "truncated": changed("Signature", lambda value: value[:-3] + "=:"),
    "other label": changed("Signature", other("sig=", "gis=")),
    "no label": changed("Signature", other("sig=", "")),
    "two signatures": changed("Signature", lambda value: f"{value}, {value.replace('sig', 'sog')}"),
    "other time": changed("Signature-Input", other(f"created={NOW}", f"created={NOW + 1}")),
    "no time": changed("Signature-Input", other(f";created={NOW}", "")),
    "time as a text": changed("Signature-Input", other(f"created={NOW}", f'created="{NOW}"')),
    "other expiry": changed("Signature-Input", other(f"expires={NOW + 60}", f"expires={NOW + 99}")),
    "other nonce": changed("Signature-Input", other("nnn", "mmm")),
    "other algorithm": changed("Signature-Input", other("hmac-sha256", "ed25519")),
    "time beyond all numbers": changed("Signature-Input", other(str(NOW), "1" * 400)),
    "time of 15 digits": changed("Signature-Input", other(f"created={NOW}", "created=" + "9" * 15)),
    "parameter twice": changed("Signature-Input", lambda value: f"{value};created={NOW}"),
    "component with parameters": changed("Signature-Input", other('"@path"', '"@path";req')),
    "huge": changed("Signature-Input", lambda value: value + ';a="' + "a" * 1_000_000 + '"'),
    "huge component list": changed("Signature-Input", 'sig=("' + '" "'.join(["a"] * 100_000) + '");created=1'),
    "not ASCII": changed("Signature-Input", other("nnn", "ééé")),
    "empty": changed("Signature", ""),
    "other secret": signed(secret="incorrect horse"),
    "no secret": signed(secret=""),
    "no method": signed(covered_component_ids=COVERED[1:]),
    "no path": signed(covered_component_ids=("@method", "@query", "content-digest")),
    "no query covered": signed(covered_component_ids=("@method", "@path", "content-digest")),
    "short nonce": signed(nonce="n" * 15),
    "no nonce": signed(nonce=None),
    "stale": signed(created=datetime.fromtimestamp(NOW - 61, UTC)),
    "future": signed(created=datetime.fromtimestamp(NOW + 61, UTC)),
    "expired": signed(expires=datetime.fromtimestamp(NOW, UTC)),
    "unknown component": changed("Signature-Input", other('"@path"', '"@path" "@status"')),
    "component that is not there": changed("Signature-Input", other('"@path"', '"@path" "x-none"')),
    "component twice": changed("Signature-Input", other('"@path"', '"@path" "@path"')),
}


@pytest.mark.parametrize("request_", ATTACKS.values(), ids=ATTACKS)
def test_attacks(request_):
    """What is not exactly the signature is no signature, and no error either."""
    assert found(received(request_)) is None


def test_the_unchanged_request_does_verify():
    """The attacks differ from a valid signature in one thing each."""
    assert found(received(signed())) is not None


def test_the_body_was_read_before():
    """Somebody has read the body already: it cannot be compared, so there is no signature, and no error."""
    request = received(signed())
    request.read(1)
    assert found(request) is None


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=5)
def test_a_body_that_is_too_big():
    """A body beyond Django's limit is not read: no signature, and no error."""
    assert found(received(signed())) is None


def test_the_body_can_be_read_after():
    """The view reads the body that was compared."""
    request = received(signed())
    assert found(request)
    assert request.read() == request.body == BODY


def test_rotation():
    """While the secret is being changed, what either has signed is signed."""
    with override_settings(ZDT_SIGNING_SECRET="the next one", ZDT_SIGNING_SECRET_FALLBACKS=["older", SECRET]):
        assert found(received(signed()))
        assert found(received(signed(secret="the next one")))
        assert not found(received(signed(secret="oldest")))


def test_no_way_back_to_timed_hmac():
    """A request that has a message signature is judged by that, though its timed-hmac still fits the changed body."""
    target = Target("test", "http://testserver", signing="timed-hmac", secret=Secret(SECRET))
    request = signer(target, lambda: NOW)(requests.Request("POST", URL, data=BODY).prepare())
    assert found(received(request))
    request.body = b"other"
    assert found(received(request)) is None


def test_without_a_secret():
    """Nothing is signed, not even with the empty secret."""
    with override_settings(ZDT_SIGNING_SECRET=""):
        assert found(received(signed(secret=""))) is None


def test_until_when():
    """It is good until it expires, or gets too old."""
    assert found(received(signed())).until == NOW + 60
    assert found(received(signed(expires=datetime.fromtimestamp(NOW + 5, UTC)))).until == NOW + 5
    with override_settings(ZDT_MAX_AGE=30):
        assert found(received(signed())).until == NOW + 30


def test_every_secret_is_compared(monkeypatch):
    """The time that a comparison takes tells neither how much of a MAC was right, nor which secret fits."""
    calls, original = [], hmac.compare_digest
    monkeypatch.setattr(signature.hmac, "compare_digest", lambda one, two: calls.append(1) or original(one, two))
    with override_settings(ZDT_SIGNING_SECRET_FALLBACKS=["a", "b"]):
        assert found(received(signed("GET", None)))
        assert found(received(signed("GET", None, secret="wrong"))) is None
    assert len(calls) == 6


def test_cost_in_queries():
    """Verification asks no database: there is a limit of none while it runs."""
    with connection.execute_wrapper(lambda *_: pytest.fail("a query")):
        assert found(received(signed()))
