"""A signature grants something once, and never where that cannot be told."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time

import pytest
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connections, transaction
from django.test import override_settings
from requests import Request
from rest_framework.test import APIRequestFactory
from zdt_api.registration import averify_signed, verify_signed
from zdt_api.replay import claim
from zdt_api.signature import Signature

from pytest_zdt.http.signing import signer
from pytest_zdt.target import Secret, Target

pytestmark = pytest.mark.usefixtures("used_signatures")


def signature(mac: bytes = b"m" * 32, lasts: float = 60) -> Signature:
    return Signature(False, mac, time.time() + lasts)


class Application:
    """Stands for an application model."""

    verified = False

    def save(self, update_fields):
        """Is not kept."""


def test_once():
    """The first use is granted, no other; another signature is another matter."""
    assert [claim(signature()) for _ in range(3)] == [True, False, False]
    assert claim(signature(b"n" * 32))


def test_remembered_for_as_long_as_it_is_valid(monkeypatch):
    """A used signature is kept until it is too old, by the clock of whatever process, also one from the future."""
    kept = []
    add = caches["signatures"].add
    monkeypatch.setattr(caches["signatures"], "add", lambda *args, timeout: kept.append(timeout) or add(*args, timeout=timeout))
    for lasts in (0.0, 60, 120):
        claim(signature(bytes([int(lasts)]) * 32, lasts))
    assert kept == [pytest.approx(60, abs=0.5), pytest.approx(120, abs=0.5), pytest.approx(180, abs=0.5)]


def test_by_many_at_once():
    """Of threads that come at the same moment one is granted."""
    barrier, granted = threading.Barrier(8), []

    def use():
        barrier.wait()
        granted.append(claim(signature()))
        connections.close_all()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(granted) == [False] * 7 + [True]


OTHER_PROCESS = """
import sys, django
from django.conf import settings
settings.configure(
    CACHES={"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "used_signatures",
                        "OPTIONS": {"MAX_ENTRIES": 100_000}}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}}, USE_TZ=True, ZDT_SIGNING_SECRET="s",
)
django.setup()
import time
from zdt_api.replay import claim
from zdt_api.signature import Signature
print(claim(Signature(False, b"m" * 32, time.time() + 60)))
"""


def test_in_another_process():
    """What was used in one process is used in every other."""
    file = connections["default"].settings_dict["NAME"]
    assert claim(signature())
    done = subprocess.run([sys.executable, "-c", OTHER_PROCESS, file], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


UNFIT = ("dummy.DummyCache", "locmem.LocMemCache", "filebased.FileBasedCache")


@pytest.mark.parametrize("backend", UNFIT)
def test_caches_that_cannot_tell(backend, tmp_path, caplog):
    """A cache of each process's own, one that forgets, one where two can add the same: nothing is granted, the log says why."""
    unfit = {"default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": str(tmp_path)}}
    with override_settings(CACHES=unfit, ZDT_CACHE="default"), caplog.at_level(logging.ERROR):
        assert not claim(signature())
    assert "zdt_api.W004" in caplog.text


class Forgetful(DummyCache):
    """Says yes and keeps nothing, and is no `DummyCache` to those who look."""


class Down(LocMemCache):
    def add(self, *args, **kwargs):
        raise ConnectionError("no route to the cache")


@pytest.mark.parametrize("cache, said", [(Forgetful, "does not keep what it is given"), (Down, "no route to the cache")])
def test_caches_that_fail(cache, said, monkeypatch, caplog):
    """A cache that is down, or keeps nothing: nothing is granted, nobody gets an error, and the log says why."""
    monkeypatch.setattr("zdt_api.replay.UNFIT", ())
    broken = {"default": {"BACKEND": f"{__name__}.{cache.__name__}"}}
    with override_settings(CACHES=broken, ZDT_CACHE="default"), caplog.at_level(logging.ERROR):
        assert claim(signature()) is False
    assert said in caplog.text


def test_a_cache_that_is_too_small(caplog):
    """A cache in the database throws valid entries out when it is full, at 300 unless told otherwise: nothing is granted."""
    small = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "used_signatures"}}
    with override_settings(CACHES=small, ZDT_CACHE="default"), caplog.at_level(logging.ERROR):
        assert not claim(signature())
    assert "zdt_api.W004" in caplog.text


def test_a_transaction_survives_a_cache_without_its_table():
    """The view's transaction goes on though the cache's query failed in it."""
    without = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "nowhere", "OPTIONS": {"MAX_ENTRIES": 10**5}}
    with override_settings(CACHES={"default": without}, ZDT_CACHE="default"), transaction.atomic():
        assert not claim(signature())
        assert not transaction.get_rollback()
        with connections["default"].cursor() as cursor:
            assert cursor.execute("SELECT 1").fetchone() == (1,)


def registration(body: bytes, headers: dict[str, str]) -> tuple[bool, Application]:
    application = Application()
    request = APIRequestFactory().generic("POST", "/", body, "application/json", headers=headers)
    return verify_signed(request, application), application


def bound(body: bytes) -> dict[str, str]:
    """The headers that the load test sends, both schemes'."""
    target = Target("t", "http://testserver", signing="timed-hmac", secret=Secret("secret"))
    headers = signer(target)(Request("POST", "http://testserver/", data=body).prepare()).headers
    return {name: value for name, value in headers.items() if name != "Content-Length"}


@override_settings(ZDT_SIGNING_SECRET="secret")
def test_a_registration_that_is_sent_again():
    """The first use verifies an application; the same headers again verify none, nor do they with another body at first."""
    headers = bound(b"one")
    assert not registration(b"two", headers)[0]
    verified, application = registration(b"one", headers)
    assert verified
    assert application.verified
    assert not registration(b"one", headers)[0]
    assert not registration(b"two", headers)[0]


@override_settings(ZDT_SIGNING_SECRET="secret")
def test_what_does_not_bind_the_body_grants_nothing(sign):
    """A signature by timed-hmac alone verifies no application, unless a setting says so, and then it does once."""
    headers = {name: value for name, value in bound(b"one").items() if name.lower().startswith("x-")}
    assert not registration(b"one", headers)[0]
    with override_settings(ZDT_GRANT_BY_TIMED_HMAC=True):
        assert [registration(body, headers)[0] for body in (b"one", b"two")] == [True, False]


@override_settings(ZDT_SIGNING_SECRET="secret")
def test_in_an_async_view():
    """`averify_signed` does the same where the database may not be asked directly."""
    request, application = APIRequestFactory().generic("POST", "/", b"a", "", headers=bound(b"a")), Application()
    assert asyncio.run(averify_signed(request, application))
    assert application.verified
