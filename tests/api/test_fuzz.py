"""Whatever is in the headers, the path and the body: never an error, never verified, unless it is signed."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime

import pytest
from django.http import HttpRequest, JsonResponse
from django.test import Client, override_settings
from django.urls import re_path
from freezegun import freeze_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests import Request
from zdt_api.registration import verify_signed

from pytest_zdt.http.message_signatures import MessageSignature
from pytest_zdt.target import Secret, Target
from tests.api.conftest import sign

SECRET = "the secret of this test, long enough"
NOW = 1_700_000_000


class Application:
    """Stands for an application model."""

    def save(self, update_fields):
        """Is not kept."""


def register(request: HttpRequest) -> JsonResponse:
    """Reads its body as views do, then asks."""
    body = request.body
    return JsonResponse({"verified": verify_signed(request, Application()), "bytes": len(body)})


urlpatterns = [re_path("", register)]


@pytest.fixture(autouse=True)
def deployed(used_signatures):
    with override_settings(ROOT_URLCONF=__name__, ZDT_SIGNING_SECRET=SECRET, ZDT_GRANT_BY_TIMED_HMAC=True):
        yield


values = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=80) | st.sampled_from(
    [
        "",
        "zdt=()",
        'zdt=("@method" "@path" "@query");created=1;nonce="0123456789abcdef"',
        f"zdt=:{'A' * 43}=:",
        "A" * 43,
        "1700000000",
    ]
)
parameters = st.lists(
    st.tuples(
        st.sampled_from(["created", "expires", "nonce", "keyid", "alg", "tag", "x"]),
        st.integers(0, 10**400) | st.text(string.ascii_letters, max_size=40),
    ),
    max_size=6,
).map(lambda pairs: "".join(f";{name}={value}" if isinstance(value, int) else f';{name}="{value}"' for name, value in pairs))
components = st.lists(
    st.sampled_from(["@method", "@path", "@query", "@authority", "content-digest", "host", "x-none"]), max_size=7
)
inputs = st.builds(
    lambda found, rest: f"zdt=({' '.join(f'{chr(34)}{one}{chr(34)}' for one in found)}){rest}", components, parameters
)
names = st.sampled_from(["x-ov-cf-mac", "x-ov-cf-timestamp", "Signature", "Signature-Input", "Content-Digest", "Host", "X-Any"])
paths = st.text(string.ascii_letters + string.digits + "/%?&=+-._~!$'()*,;:@é\u732b ", max_size=60).map(lambda text: "/" + text)
SIGNED = {"x-ov-cf-mac", "x-ov-cf-timestamp", "signature", "signature-input", "content-digest"}
fuzz = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def verified(method: str, path: str, body: bytes, headers: dict[str, str]) -> bool:
    """What the view said; Django's own refusal of a host is an answer too."""
    client = Client(raise_request_exception=False)
    response = client.generic(method, path, body, "application/json", headers=headers)
    assert response.status_code in (200, 400), response.content
    return response.status_code == 200 and json.loads(response.content)["verified"]


@fuzz
@given(st.sampled_from(["GET", "POST", "PUT", "DELETE"]), paths, st.binary(max_size=200), st.dictionaries(names, values))
def test_anything(method, path, body, headers):
    """Headers at random, or nearly right."""
    assert not verified(method, path, body, headers)


@fuzz
@given(inputs, st.sampled_from([f"zdt=:{'A' * 43}=:", f"a=:{'A' * 43}=:"]), st.binary(max_size=50))
def test_well_formed(input_, signature, body):
    """Every kind of ``Signature-Input`` that can be read."""
    assert not verified("POST", "/v1/", body, {"Signature-Input": input_, "Signature": signature})


@fuzz
@given(paths, st.binary(max_size=50), st.data())
def test_nearly_signed(path, body, data):
    """A valid signature of either scheme of which one character was changed."""
    request = Request("POST", "http://testserver/v1/", data=body).prepare()
    target = Target("t", "http://testserver", signing="rfc9421", secret=Secret(SECRET))
    scheme = MessageSignature(target, lambda: NOW, lambda: "the same every time")  # the same example gives the same headers
    headers = data.draw(st.sampled_from([sign(SECRET, "/v1/", NOW), dict(scheme(request).headers)]), "headers")
    headers = {name: value for name, value in headers.items() if name.lower() in SIGNED}
    name = data.draw(st.sampled_from(sorted(headers)), "header")
    at = data.draw(st.integers(0, len(headers[name]) - 1), "at")
    by = data.draw(st.characters(codec="latin-1", exclude_characters="\r\n\0" + headers[name][at]), "by")
    headers[name] = headers[name][:at] + by + headers[name][at + 1 :]
    with freeze_time(datetime.fromtimestamp(NOW, UTC)):
        assert not verified("POST", "/v1/", body, headers)


def test_it_is_the_change_that_matters():
    """The unchanged one verifies."""
    assert verified("POST", "/v1/", b"", sign(SECRET, "/v1/"))
