"""Which requests count as signed."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import RequestFactory, override_settings
from freezegun import freeze_time
from rest_framework.request import Request
from zdt_api import signature
from zdt_api.signature import request_target

SECRET = "correct horse battery staple"
NOW = 1_700_000_000
TARGET = "/v1/images/?q=cat"
VECTORS = json.loads((Path(__file__).parent / "data" / "timed-hmac.json").read_text())["cases"]


@pytest.fixture(autouse=True)
def secret():
    with override_settings(ZDT_SIGNING_SECRET=SECRET):
        yield


def is_signed(request, at: int = NOW) -> bool:
    """The answer at a fixed time."""
    with freeze_time(datetime.fromtimestamp(at, UTC)):
        return signature.is_signed(request)


def request_with(headers: dict[str, str], target: str = TARGET, **environ):
    """A request as gunicorn hands it to Django."""
    path, _, query = target.partition("?")
    request = RequestFactory().get(path, headers=headers, RAW_URI=target, **environ)
    request.META["QUERY_STRING"] = query
    return request


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case['request_target']}-{case['timestamp']}")
def test_vectors(case):
    """Signatures made by an independent implementation verify."""
    headers = {"x-ov-cf-mac": case["mac"], "x-ov-cf-timestamp": str(case["timestamp"])}
    with override_settings(ZDT_SIGNING_SECRET=case["secret"]):
        assert is_signed(request_with(headers, case["request_target"]), case["timestamp"])


def _mac(timestamp: str, target: str = TARGET, secret: str = SECRET) -> str:
    digest = hmac.new(secret.encode(), (target + timestamp).encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _headers(timestamp: str = str(NOW), **changes: str) -> dict[str, str]:
    """Headers that match each other, before the changes."""
    return {"x-ov-cf-mac": _mac(timestamp), "x-ov-cf-timestamp": timestamp} | {
        f"x-ov-cf-{name}": value for name, value in changes.items()
    }


ARABIC_DIGITS = str(NOW).translate({ord("0") + n: 0x0660 + n for n in range(10)})
ATTACKS = {
    "no headers": {},
    "no mac": {"x-ov-cf-timestamp": str(NOW)},
    "no timestamp": {"x-ov-cf-mac": _mac(str(NOW))},
    "9 digits": _headers("170000000"),
    "11 digits": _headers("01700000000"),
    "unicode digits": _headers(ARABIC_DIGITS),
    "newline after the digits": _headers(f"{NOW}\n"),
    "sign before the digits": _headers("+170000000"),
    "underscore among the digits": _headers("17_0000000"),
    "stale": _headers(str(NOW - 61)),
    "future": _headers(str(NOW + 61)),
    "other path": _headers(mac=_mac(str(NOW), "/v1/audio/?q=cat")),
    "other query": _headers(mac=_mac(str(NOW), "/v1/images/?q=dog")),
    "no query": _headers(mac=_mac(str(NOW), "/v1/images/")),
    "other secret": _headers(mac=_mac(str(NOW), secret="incorrect horse")),
    "no secret": _headers(mac=_mac(str(NOW), secret="")),
    "truncated mac": _headers(mac=_mac(str(NOW))[:-1]),
    "padded mac": _headers(mac=_mac(str(NOW)) + "="),
    "newline after the mac": _headers(mac=_mac(str(NOW)) + "\n"),
    "unicode mac": _headers(mac="é" * 43),
    "twice the mac": _headers(mac=f"{_mac(str(NOW))},{_mac(str(NOW))}"),
    "huge mac": _headers(mac="A" * 1_000_000),
    "huge timestamp": {"x-ov-cf-mac": _mac(str(NOW)), "x-ov-cf-timestamp": "1" * 1_000_000},
    "empty": {"x-ov-cf-mac": "", "x-ov-cf-timestamp": ""},
}


@pytest.mark.parametrize("headers", ATTACKS.values(), ids=ATTACKS)
def test_attacks(headers):
    """What is not exactly the signature is no signature, and no error either."""
    assert is_signed(request_with(headers)) is False


def test_the_unchanged_headers_do_verify():
    """The attacks differ from a valid signature in one thing each."""
    assert is_signed(request_with(_headers())) is True


def test_standard_alphabet_is_refused():
    """A MAC in the standard base64 alphabet is refused where the alphabets differ."""
    timestamp = next(str(NOW + n) for n in range(60) if set(_mac(str(NOW + n))) & {"-", "_"})
    assert is_signed(request_with(_headers(timestamp)))
    standard = _mac(timestamp).replace("-", "+").replace("_", "/")
    assert not is_signed(request_with(_headers(timestamp, mac=standard)))


@pytest.mark.parametrize("shift", [-60, 0, 60])
def test_age_is_allowed_in_both_directions(shift):
    """A minute of age or of clock difference is allowed."""
    assert is_signed(request_with(_headers(str(NOW + shift))))


@override_settings(ZDT_MAX_AGE=5)
def test_age_is_a_setting():
    """ZDT_MAX_AGE is read when it is needed."""
    assert not is_signed(request_with(_headers(str(NOW - 6))))


@pytest.mark.parametrize("secret", ["", None])
def test_without_a_secret_the_feature_is_off(secret, monkeypatch):
    """Nothing is signed with an empty secret, or with none: not even what was signed with the empty one."""
    monkeypatch.delenv("ZDT_SIGNING_SECRET", raising=False)
    with override_settings(ZDT_SIGNING_SECRET=secret):
        assert not is_signed(request_with(_headers(mac=_mac(str(NOW), secret=""))))


def test_secret_from_the_environment(monkeypatch):
    """The environment holds the secret where Django's settings do not."""
    monkeypatch.setenv("ZDT_SIGNING_SECRET", "from outside")
    with override_settings(ZDT_SIGNING_SECRET=None):
        assert is_signed(request_with(_headers(mac=_mac(str(NOW), secret="from outside"))))


@override_settings(ZDT_MAC_HEADER="x-mac", ZDT_TIMESTAMP_HEADER="x-seconds")
def test_header_names_are_settings():
    """Other header names are read instead of the usual ones."""
    assert is_signed(request_with({"x-mac": _mac(str(NOW)), "x-seconds": str(NOW)}))
    assert not is_signed(request_with(_headers()))


def test_verified_once_per_request():
    """The first answer holds for the request, also behind a DRF request, whatever the clock does."""
    request = request_with(_headers())
    assert is_signed(Request(request))
    assert is_signed(request, NOW + 1_000_000)


def test_target_is_what_was_on_the_wire():
    """Escapes are kept as the client wrote them: RAW_URI goes before Django's decoded path."""
    target = "/v1/images/%7Ea%2fb/?q=a+b&q=%2B&tags=a,b"
    assert request_target(request_with({}, target)) == target


def test_target_that_is_not_ascii_is_not_signed():
    """A client that does not encode its target has not signed it either."""
    target = "/v1/images/?q=caf\xc3\xa9"
    assert not is_signed(request_with(_headers(mac=_mac(str(NOW), target)), target))


def test_absolute_form_is_not_the_target():
    """A request line with a whole URL is signed by its path and query."""
    request = request_with({}, TARGET)
    request.META["RAW_URI"] = f"http://testserver{TARGET}"
    assert request_target(request) == TARGET


def test_target_without_a_raw_one():
    """A server that does not hand over the raw target: the path is encoded anew, the query is as it was."""
    request = RequestFactory().get("/v1/im%C3%A4ges/?q=a+b")
    assert request_target(request) == "/v1/im%C3%A4ges/?q=a+b"


def test_target_under_asgi():
    """Under ASGI the raw path and the query string make the target."""
    scope = {"method": "GET", "path": "/v1/~a/", "raw_path": b"/v1/%7Ea/", "query_string": b"q=%2B", "headers": []}
    assert request_target(ASGIRequest(scope, None)) == "/v1/%7Ea/?q=%2B"
    assert request_target(ASGIRequest(scope | {"raw_path": None}, None)) == "/v1/~a/?q=%2B"
