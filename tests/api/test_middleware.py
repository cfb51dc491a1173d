"""What signed requests are told, and what others are not."""

import asyncio

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from requests import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import AnonRateThrottle, ScopedRateThrottle, SimpleRateThrottle
from rest_framework.views import APIView
from zdt_api import conf
from zdt_api.apps import ZdtApiConfig
from zdt_api.registration import verify_signed
from zdt_api.throttles import SignedRequestsExempt

from pytest_zdt.http.message_signatures import MessageSignature
from pytest_zdt.target import Secret, Target

SECRET = "a secret of the tests"


def cached(request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine", headers={"Cache-Control": "public, max-age=60"})


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a bug")


urlpatterns = [path("cached/", cached), path("broken/", broken)]
STATUSES = {"/cached/": 200, "/cached": 301, "/missing/": 404, "/broken/": 500}


@pytest.fixture(autouse=True)
def deployed():
    with override_settings(ROOT_URLCONF=__name__, ZDT_SIGNING_SECRET=SECRET, ZDT_VERSION="v7"):
        yield


@pytest.mark.parametrize("target, status", STATUSES.items())
def test_signed_requests_learn_the_version(target, status, sign):
    """Whatever the status, also of an unhandled exception, the version is said and nothing is cached."""
    response = Client(raise_request_exception=False).get(target, headers=sign(SECRET, target))
    assert (response.status_code, response["x-zdt-version"], response["Cache-Control"]) == (status, "v7", "no-store")


@pytest.mark.parametrize("target, status", STATUSES.items())
def test_async_requests_learn_the_version(target, status, sign):
    """The same under ASGI."""
    request = AsyncClient(raise_request_exception=False).get(target, headers=sign(SECRET, target))
    response = asyncio.run(request)
    assert (response.status_code, response["x-zdt-version"], response["Cache-Control"]) == (status, "v7", "no-store")


@pytest.mark.parametrize("target, status", STATUSES.items())
@pytest.mark.parametrize("secret", [None, "another secret"])
def test_other_requests_see_an_unchanged_api(target, status, secret, sign):
    """Unsigned and badly signed requests get the answer of an API without the middleware."""
    headers = sign(secret, target) if secret else {}
    response = Client(raise_request_exception=False).get(target, headers=headers)
    with override_settings(MIDDLEWARE=["django.middleware.common.CommonMiddleware"]):
        plain = Client(raise_request_exception=False).get(target, headers=headers)
    assert response.status_code == status
    assert dict(response.items()) == dict(plain.items())
    assert response.content == plain.content


@override_settings(ZDT_VERSION="")
def test_no_version_no_header(sign):
    """An API that does not know its version says none."""
    assert "x-zdt-version" not in Client().get("/cached/", headers=sign(SECRET, "/cached/"))


@pytest.mark.parametrize(
    "setting, value, message",
    [
        ("ZDT_MAX_AGE", "1m", "ZDT_MAX_AGE must be a whole number of seconds above 0, not '1m'"),
        ("ZDT_MAX_AGE", 0, "ZDT_MAX_AGE must be a whole number of seconds above 0, not '0'"),
        ("ZDT_VERSION", "v1\nx-evil: 1", "ZDT_VERSION must be printable ASCII"),
        ("ZDT_MAC_HEADER", "x mac", "ZDT_MAC_HEADER must be a header name"),
        ("ZDT_SIGNING_SECRET", b"bytes", "ZDT_SIGNING_SECRET must be text"),
    ],
)
def test_bad_settings_keep_django_from_starting(setting, value, message):
    """A bad value is an error at start-up that names the setting, not one in the middle of a request."""
    with override_settings(**{setting: value}), pytest.raises(ImproperlyConfigured, match=message):
        ZdtApiConfig("zdt_api", conf).ready()


class OncePerMinute(SignedRequestsExempt, AnonRateThrottle):
    rate = "1/minute"


class Scoped(SignedRequestsExempt, ScopedRateThrottle):
    THROTTLE_RATES = {"tests": "1/minute"}


class WithoutScope(SignedRequestsExempt, SimpleRateThrottle):
    rate = "1/minute"

    def get_cache_key(self, request, view):
        return "without-scope"


@pytest.mark.parametrize("throttle", [OncePerMinute, Scoped, WithoutScope])
def test_signed_requests_are_not_counted(throttle, sign):
    """Signed requests pass a throttle before and after it is used up, and use up nothing."""

    class View(APIView):
        throttle_classes = [throttle]
        throttle_scope = "tests"

        def get(self, request):
            return Response()

    def get(headers):
        return View.as_view()(APIRequestFactory().get("/", headers=headers)).status_code

    signed = [get(sign(SECRET, "/")) for _ in range(3)]
    assert [*signed, get({}), get({}), get(sign(SECRET, "/"))] == [200, 200, 200, 200, 429, 200]


def test_what_may_change_something_must_bind_its_body(sign):
    """A POST signed by timed-hmac alone is counted: whoever reads one could send as many others. One that is bound is not."""

    class View(APIView):
        throttle_classes = [OncePerMinute]

        def post(self, request):
            return Response()

    def post(headers):
        return View.as_view()(
            APIRequestFactory().generic("POST", "/", b"", "", headers=headers, REMOTE_ADDR="10.0.0.1")
        ).status_code

    bound = MessageSignature(Target("t", "http://testserver", secret=Secret(SECRET)))
    headers = dict(bound(Request("POST", "http://testserver/").prepare()).headers)
    assert [post(sign(SECRET, "/")), post(sign(SECRET, "/")), post(headers)] == [200, 429, 200]


class Application:
    """Stands for an application model."""

    verified = False
    saved = None

    def save(self, update_fields):
        self.saved = update_fields


def test_unsigned_registration_is_left_alone(sign, used_signatures):
    """The application of any other registration is neither marked nor saved."""
    application = Application()
    assert not verify_signed(APIRequestFactory().post("/", headers=sign("wrong", "/")), application)
    assert not application.verified
    assert application.saved is None
