"""A signature grants something once, and never where that cannot be told."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connections
from django.test import override_settings
from rest_framework.test import APIRequestFactory
from zdt_api.registration import verify_signed
from zdt_api.replay import claim
from zdt_api.signature import Signature

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
    """A used signature is kept until it is too old, also one from the future; no longer."""
    kept = []
    add = caches["signatures"].add
    monkeypatch.setattr(caches["signatures"], "add", lambda *args, timeout: kept.append(timeout) or add(*args, timeout=timeout))
    for lasts in (0.0, 60, 120):
        claim(signature(bytes([int(lasts)]) * 32, lasts))
    assert kept == [pytest.approx(1, abs=0.5), pytest.approx(61, abs=0.5), pytest.approx(121, abs=0.5)]


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
    CACHES={"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "used_signatures"}},
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


@pytest.mark.parametrize("cache", [Forgetful, Down])
def test_caches_that_fail(cache, monkeypatch, caplog):
    """A cache that is down, or keeps nothing: nothing is granted, and nobody gets an error."""
    monkeypatch.setattr("zdt_api.replay.UNFIT", ())
    broken = {"default": {"BACKEND": f"{__name__}.{cache.__name__}"}}
    with override_settings(CACHES=broken, ZDT_CACHE="default"):
        assert claim(signature()) is False


def test_a_registration_that_is_sent_again(sign):
    """The first use verifies an application; the same headers again, with whatever body, verify none."""
    headers = sign("secret", "/")
    with override_settings(ZDT_SIGNING_SECRET="secret"):
        first, again = Application(), Application()
        assert verify_signed(APIRequestFactory().post("/", {"name": "one"}, headers=headers), first)
        assert not verify_signed(APIRequestFactory().post("/", {"name": "two"}, headers=headers), again)
    assert (first.verified, again.verified) == (True, False)
