"""The settings, read when they are needed: a test or a new environment changes them without a reload.

A Django setting wins over the environment variable of the same name. Values are checked again at
each reading, and once when Django starts (`apps.py`).
"""

import os
import re
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
_YES, _NO = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


def secrets() -> tuple[bytes, ...]:
    """The secrets that verify, newest first; none of them: the whole feature is off.

    `ZDT_SIGNING_SECRET`, and while it is being changed those before it in `ZDT_SIGNING_SECRET_FALLBACKS`: a list, or in
    the environment one on each line. None in production (see `is_refused`).
    """
    secret = _read("ZDT_SIGNING_SECRET", "")
    if not isinstance(secret, str):
        raise ImproperlyConfigured("ZDT_SIGNING_SECRET must be text; leave it unset to switch the feature off")
    older = _read("ZDT_SIGNING_SECRET_FALLBACKS", "")
    older = [line for line in older.splitlines() if line.strip()] if isinstance(older, str) else older
    if not isinstance(older, list | tuple) or not all(isinstance(one, str) and one for one in older):
        raise ImproperlyConfigured("ZDT_SIGNING_SECRET_FALLBACKS must be a list of texts, none of them empty")
    if any(one != one.strip() for one in (secret, *older)):  # of a file that ends in a newline, say
        raise ImproperlyConfigured("a signing secret begins or ends with white space: take that away")
    if not secret or is_refused():
        return ()
    return tuple(one.encode("utf-8", "surrogateescape") for one in (secret, *older))


def is_refused() -> bool:
    """Whether there is a secret, but `ENVIRONMENT` begins with "prod" and `ZDT_ALLOW_PRODUCTION` is not true."""
    environment = _read("ENVIRONMENT", "")
    production = str(getattr(environment, "value", environment)).strip().lower().startswith("prod")
    return production and bool(_read("ZDT_SIGNING_SECRET", "")) and not _switch("ZDT_ALLOW_PRODUCTION")


def grants_by_timed_hmac() -> bool:
    """`ZDT_GRANT_BY_TIMED_HMAC`: whether a signature that does not bind the body may grant something too; false."""
    return _switch("ZDT_GRANT_BY_TIMED_HMAC")


def max_age() -> int:
    """`ZDT_MAX_AGE`: seconds that a signature is good for, into the past and into the future; 60."""
    value = str(_read("ZDT_MAX_AGE", "60"))
    if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) == 0:
        raise ImproperlyConfigured(f"ZDT_MAX_AGE must be a whole number of seconds above 0, not {value!r}")
    return int(value)


def version() -> str:
    """`ZDT_VERSION`: what the version header says of this deployment; empty means no such header."""
    value = str(_read("ZDT_VERSION", ""))
    if value and not _HEADER_VALUE.fullmatch(value):
        raise ImproperlyConfigured(f"ZDT_VERSION must be printable ASCII, since it becomes a header, not {value!r}")
    return value


def mac_header() -> str:
    """`ZDT_MAC_HEADER`: the name of the request header that holds the MAC; `x-ov-cf-mac`."""
    return _header_name("ZDT_MAC_HEADER", "x-ov-cf-mac")


def timestamp_header() -> str:
    """`ZDT_TIMESTAMP_HEADER`: the name of the one with the seconds; `x-ov-cf-timestamp`."""
    return _header_name("ZDT_TIMESTAMP_HEADER", "x-ov-cf-timestamp")


def cache() -> str:
    """`ZDT_CACHE`: the alias of the cache, shared by all processes, that remembers which signatures were used; `default`."""
    value = str(_read("ZDT_CACHE", "default"))
    if value not in settings.CACHES:
        raise ImproperlyConfigured(f"ZDT_CACHE must be one of the CACHES, not {value!r}")
    return value


def registration_model() -> str:
    """`ZDT_REGISTRATION_MODEL`: `app_label.Model` of what the API keeps of a registration beside the application, or empty."""
    value = str(_read("ZDT_REGISTRATION_MODEL", ""))
    if value and not re.fullmatch(r"\w+\.\w+", value):
        raise ImproperlyConfigured(f"ZDT_REGISTRATION_MODEL must be app_label.Model, not {value!r}")
    return value


def check_all() -> None:
    """Reads every setting once. Raises ImproperlyConfigured."""
    for read in (secrets, max_age, version, mac_header, timestamp_header, cache, registration_model, grants_by_timed_hmac):
        read()
    _switch("ZDT_ALLOW_PRODUCTION")


def _header_name(setting: str, default: str) -> str:
    value = str(_read(setting, default))
    if not _is_header_name(value):
        raise ImproperlyConfigured(f"{setting} must be a header name (letters, digits, hyphens), not {value!r}")
    return value


@lru_cache(maxsize=8)
def _is_header_name(value: str) -> bool:
    return bool(_HEADER_NAME.fullmatch(value))


def _switch(name: str) -> bool:
    value = str(_read(name, "")).strip().lower()
    if value not in _YES | _NO:
        raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}")
    return value in _YES


def _read(name: str, default: str) -> object:
    value = getattr(settings, name, None)
    return value if value is not None else os.environ.get(name, default)
