"""HTTP message signatures (RFC 9421): the RFC's own vector, what is covered, and the library's verifier as the judge."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from freezegun import freeze_time
from http_message_signatures import HTTPMessageVerifier, InvalidSignature, MappingKeyResolver
from http_message_signatures.algorithms import HMAC_SHA256
from requests import Request

from pytest_zdt.http.message_signatures import MessageSignature
from pytest_zdt.http.signing import signer
from pytest_zdt.target import Secret, Target
from tests.unit.http.conftest import SECRET, reply

VECTOR = json.loads((Path(__file__).parent / "data" / "rfc9421.json").read_text(encoding="utf-8"))
TARGET = Target("test", "http://api.test", signing="rfc9421", secret=Secret("correct horse battery staple"))
NOW = 1_700_000_000


def signed(method="GET", url="http://api.test/v1/images/?q=a", target=TARGET, **given):
    """A prepared request with its signature."""
    nonces = iter(["first", "second"])
    return MessageSignature(target, now=lambda: NOW, nonce=lambda: next(nonces))(Request(method, url, **given).prepare())


def keys(secret):
    """What the verifier knows."""
    return MappingKeyResolver(public_keys={"zdt": secret.encode()}, private_keys={})


def verified(request, target=TARGET):
    """What the library's verifier makes of it, asked a second later; raises `InvalidSignature`."""
    verifier = HTTPMessageVerifier(signature_algorithm=HMAC_SHA256, key_resolver=keys(target.secret.reveal()))
    with freeze_time(datetime.fromtimestamp(NOW + 1, UTC)):
        results = verifier.verify(request, max_age=timedelta(seconds=60), expect_tag="zdt")
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    return verifier.verify_body(request, results, body) if "Content-Digest" in request.headers else results


def test_the_vector_of_the_rfc():
    """Appendix B.2.5: the library computes what the RFC prints, and so does Python's own HMAC."""
    key = base64.b64decode(VECTOR["key_base64"])
    signature = VECTOR["signature"].partition(":")[2].rstrip(":")
    assert base64.b64decode(signature) == hmac.digest(key, VECTOR["signature_base"].encode(), sha256)
    assert HMAC_SHA256(private_key=key).sign(VECTOR["signature_base"].encode()) == base64.b64decode(signature)
    assert VECTOR["signature_input"].partition("=")[2] == VECTOR["signature_base"].rpartition('"@signature-params": ')[2]


def test_the_signature_base():
    """Method, path and query as they go over the wire, and the parameters: by hand, as the RFC says it is put together."""
    request = signed(url="http://api.test/v1/a%20b/?q=a+b&f[x]=%E2%82%AC")
    parameters = request.headers["Signature-Input"].removeprefix("zdt=")
    assert parameters == (
        f'("@method" "@path" "@query");created={NOW};keyid="zdt";alg="hmac-sha256";expires={NOW + 60};nonce="first";tag="zdt"'
    )
    base = f'"@method": GET\n"@path": /v1/a%20b/\n"@query": ?q=a+b&f%5Bx%5D=%E2%82%AC\n"@signature-params": {parameters}'
    expected = base64.b64encode(hmac.digest(TARGET.secret.reveal().encode(), base.encode(), sha256)).decode()
    assert request.headers["Signature"] == f"zdt=:{expected}:"


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("GET", {}),
        ("HEAD", {"url": "http://api.test"}),
        ("GET", {"url": "http://api.test/a?"}),
        ("POST", {"json": {"name": "café"}}),
        ("POST", {"data": "héllo"}),
        ("PUT", {"data": b"\x00\xff"}),
        ("POST", {}),
        ("DELETE", {}),
        ("PATCH", {"files": {"one": b"1"}}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_verified_by_the_library(method, given):
    """What is signed verifies; whatever may have a body has its digest covered, even an empty one."""
    request = signed(method, **given)
    (result,) = verified(request)
    assert result.parameters["nonce"] == "first"
    assert ("Content-Digest" in request.headers) == (method not in ("GET", "HEAD"))
    assert ('"content-digest"' in result.covered_components) == (method not in ("GET", "HEAD"))


@pytest.mark.parametrize("change", ["method", "url", "query", "body", "digest", "nonce", "created", "key"])
def test_every_change_is_seen(change):
    """Another method, path, query, body, digest, nonce or time, or another secret: not verified."""
    request, target = signed("POST", json={"name": "a"}), TARGET
    if change == "method":
        request.method = "PUT"
    elif change == "url":
        request.url = "http://api.test/v1/audio/?q=a"
    elif change == "query":
        request.url = "http://api.test/v1/images/?q=b"
    elif change == "body":
        request.body = b'{"name": "b"}'
    elif change == "digest":
        request.headers["Content-Digest"] = f"sha-256=:{base64.b64encode(sha256(b'').digest()).decode()}:"
    elif change == "key":
        target = Target("test", "http://api.test", secret=Secret("another"))
    else:
        known = {"nonce": ('"first"', '"other"'), "created": (f"created={NOW}", f"created={NOW + 1}")}[change]
        request.headers["Signature-Input"] = request.headers["Signature-Input"].replace(*known)
    with pytest.raises(InvalidSignature):
        verified(request, target)


def test_signed_anew():
    """A request that is sent again, a redirect's next hop say, has one signature, with a nonce of its own, of the new body."""
    scheme = MessageSignature(TARGET, now=lambda: NOW, nonce=iter(["first", "second"]).__next__)
    request = scheme(Request("POST", "http://api.test/a", data=b"one").prepare())
    before = request.headers["Signature"]
    request.body, request.url = b"two", "http://api.test/b"
    scheme(request)
    assert request.headers["Signature"] != before
    assert "nonce=" + '"second"' in request.headers["Signature-Input"]
    verified(request)


def test_nonces_differ():
    """Left to itself, each signature has another nonce, of 128 bits at least."""
    scheme = MessageSignature(TARGET, now=lambda: NOW)
    found = {scheme(Request("GET", "http://api.test/").prepare()).headers["Signature-Input"] for _ in range(100)}
    assert len(found) == 100


def test_a_streamed_body():
    """Its digest cannot be known before it is sent: refused, with what to do."""
    with pytest.raises(ValueError, match="a streamed body cannot be signed by rfc9421: give it as bytes"):
        signed("POST", data=iter([b"a"]))


BOTH = ("x-ov-cf-mac", "x-ov-cf-timestamp", "Signature", "Signature-Input", "Content-Digest")


@pytest.mark.parametrize("method, body, bound", [("POST", b"b", True), ("DELETE", None, True), ("GET", None, False)])
def test_beside_timed_hmac(method, body, bound):
    """What has a body, or may have, is signed by both schemes; an ordinary GET by timed-hmac alone."""
    target = Target("test", "http://api.test", signing="timed-hmac", secret=Secret("s"))
    both = signer(target, lambda: NOW)
    assert both.headers == BOTH
    request = both(Request(method, "http://api.test/a", data=body).prepare())
    assert {name for name in BOTH if name in request.headers} == set(BOTH if bound else BOTH[:2])
    if bound:
        verified(request, target)


def test_a_streamed_body_beside_timed_hmac():
    """Is sent with the signature that does not need it."""
    target = Target("test", "http://api.test", signing="timed-hmac", secret=Secret("s"))
    request = signer(target, lambda: NOW)(Request("POST", "http://api.test/a", data=iter([b"a"])).prepare())
    assert [name in request.headers for name in BOTH] == [True, True, False, False, False]


@pytest.mark.parametrize("url", ["http://api.test/café", "http://api.test/a?q=é"])
def test_an_url_that_is_not_encoded(url):
    """Cannot be on the wire as it is."""
    request = Request("GET", "http://api.test/").prepare()
    request.url = url
    with pytest.raises(ValueError, match="not a request target"):
        MessageSignature(TARGET, now=lambda: NOW)(request)


def test_without_a_secret():
    """Never an empty key."""
    with pytest.raises(ValueError, match="target 'test' signs with rfc9421 but has no secret"):
        signer(Target("test", "http://api.test", signing="rfc9421"))


def test_nothing_shows_the_secret():
    """Neither the signer nor what it is made of."""
    scheme = MessageSignature(TARGET, now=lambda: NOW)
    shown = repr(scheme) + repr(vars(scheme)) + repr(SimpleNamespace(**vars(scheme)))
    assert TARGET.secret.reveal() not in shown


def test_on_the_wire(serve, connect):
    """What arrives verifies, on every hop of a redirect, each of which has a signature of its own; of the body that arrives."""
    server = serve(reply(307, location="/v1/other/?a=1"), reply())
    connect(server.url, signing="rfc9421").post("/v1/images/?q=a b&c=%2B", json={"name": "café"})
    first, second = (SimpleNamespace(method=hit.method, url=server.url + hit.target, headers=hit.headers) for hit in server.hits)
    verifier = HTTPMessageVerifier(signature_algorithm=HMAC_SHA256, key_resolver=keys(SECRET))
    for hit, message in zip(server.hits, (first, second), strict=True):
        assert verifier.verify(message, body=hit.body, expect_tag="zdt", require_components=["@method", "@path", "@query"])
    assert first.headers["signature"] != second.headers["signature"]
    assert [hit.target for hit in server.hits] == ["/v1/images/?q=a%20b&c=%2B", "/v1/other/?a=1"]


def test_another_origin_gets_none_of_it(serve, connect):
    """Neither a signature nor the digest that it covers follows a redirect to somebody else."""
    elsewhere = serve(reply())
    home = serve(reply(307, location=f"{elsewhere.url}/a"))
    connect(home.url, signing="timed-hmac").post("/a", data=b"b")
    assert {"signature", "x-ov-cf-mac", "content-digest"} <= set(home.hits[0].headers)
    (hit,) = elsewhere.hits
    assert not {"signature", "signature-input", "content-digest", "x-ov-cf-mac", "x-ov-cf-timestamp"} & set(hit.headers)
