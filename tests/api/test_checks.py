"""Settings: what keeps the feature off, and what is said of weak ones."""

from __future__ import annotations

from enum import Enum, StrEnum

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory, override_settings
from zdt_api import conf
from zdt_api.signature import is_signed

GOOD = {"ZDT_SIGNING_SECRET": "s" * 32}
OURS = "zdt_api.middleware.SignedRequestMiddleware"


def said() -> list[str]:
    """The ids of our checks' messages, each of which says what to do."""
    messages = [message for message in run_checks() if message.id.startswith("zdt_api.")]
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


@pytest.mark.parametrize(
    "changes, ids",
    [
        ({}, []),
        ({"ZDT_SIGNING_SECRET": ""}, []),
        ({"ZDT_SIGNING_SECRET": "short"}, ["zdt_api.W002"]),
        ({"ZDT_SIGNING_SECRET_FALLBACKS": ["short"]}, ["zdt_api.W002"]),
        ({"ENVIRONMENT": "production"}, ["zdt_api.W001"]),
        ({"ENVIRONMENT": "production", "ZDT_SIGNING_SECRET": ""}, []),
        ({"ENVIRONMENT": "production", "ZDT_ALLOW_PRODUCTION": True}, []),
        ({"ENVIRONMENT": "staging"}, []),
        ({"ZDT_MAX_AGE": 301}, ["zdt_api.W003"]),
        ({"ZDT_CACHE": "default"}, ["zdt_api.W004"]),
        ({"MIDDLEWARE": []}, ["zdt_api.W005"]),
        ({"MIDDLEWARE": ["django.middleware.common.CommonMiddleware", OURS]}, ["zdt_api.W006"]),
        ({"MIDDLEWARE": ["some.other.Middleware", OURS]}, []),
    ],
)
def test_checks(changes, ids):
    """Each weakness has its warning, and nothing is said of what is fine, or off."""
    with override_settings(**GOOD | changes):
        assert said() == ids


def test_no_secret_in_a_check():
    """The messages are shown in logs."""
    with override_settings(ZDT_SIGNING_SECRET="hunter2"):
        assert "hunter2" not in str(run_checks())


@pytest.mark.parametrize("environment", ["production", "Production", " PRODUCTION ", "prod", "production-eu"])
def test_production_gate(environment, sign, monkeypatch):
    """Where ENVIRONMENT is production nothing is signed, from the settings or from the environment, unless somebody says so."""
    headers = sign(GOOD["ZDT_SIGNING_SECRET"], "/")

    def signed() -> bool:
        return is_signed(RequestFactory().get("/", headers=headers))

    with override_settings(**GOOD):
        assert signed()
        monkeypatch.setenv("ENVIRONMENT", environment)
        assert not signed()
        with override_settings(ENVIRONMENT="staging"):
            assert signed()
        monkeypatch.setenv("ZDT_ALLOW_PRODUCTION", "true")
        assert signed()
        monkeypatch.setenv("ZDT_ALLOW_PRODUCTION", "0")
        assert not signed()


@pytest.mark.parametrize(
    "setting, value, message",
    [
        ("ZDT_CACHE", "none", "ZDT_CACHE must be one of the CACHES, not 'none'"),
        ("ZDT_REGISTRATION_MODEL", "Registration", r"ZDT_REGISTRATION_MODEL must be app_label\.Model"),
        ("ZDT_SIGNING_SECRET_FALLBACKS", [b"bytes"], "ZDT_SIGNING_SECRET_FALLBACKS must be a list of texts"),
        ("ZDT_SIGNING_SECRET_FALLBACKS", 7, "ZDT_SIGNING_SECRET_FALLBACKS must be a list of texts"),
        ("ZDT_SIGNING_SECRET_FALLBACKS", [""], "none of them empty"),
        ("ZDT_SIGNING_SECRET", "from a file\n", "begins or ends with white space"),
        ("ZDT_SIGNING_SECRET", " ", "begins or ends with white space"),
        ("ZDT_GRANT_BY_TIMED_HMAC", "maybe", "ZDT_GRANT_BY_TIMED_HMAC must be true or false"),
        ("ZDT_ALLOW_PRODUCTION", "perhaps", "ZDT_ALLOW_PRODUCTION must be true or false, not 'perhaps'"),
    ],
)
def test_bad_settings(setting, value, message):
    """A bad value is an error at start-up that names the setting."""
    with (
        override_settings(**GOOD | {setting: value}),
        pytest.raises(ImproperlyConfigured, match=message),
    ):
        conf.check_all()


def test_older_secrets_from_the_environment(monkeypatch):
    """One on each line."""
    monkeypatch.setenv("ZDT_SIGNING_SECRET", "new")
    monkeypatch.setenv("ZDT_SIGNING_SECRET_FALLBACKS", "old one\nolder\n\n")
    assert conf.secrets() == (b"new", b"old one", b"older")


def test_an_environment_that_is_an_enumeration():
    """Its value counts, not how it is written."""
    for kind in (Enum, StrEnum):
        environment = kind("Environment", {"PRODUCTION": "production", "STAGING": "staging"})
        with override_settings(**GOOD, ENVIRONMENT=environment.PRODUCTION):
            assert conf.secrets() == ()
        with override_settings(**GOOD, ENVIRONMENT=environment.STAGING):
            assert conf.secrets()
