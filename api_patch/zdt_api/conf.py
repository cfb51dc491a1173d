"""The settings, read when they are needed: a test or a new environment changes them without a reload.

A Django setting wins over the environment variable of the same name. Values are checked again at
each reading, and once when Django starts (`apps.py`).
"""

import os
import re

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")


def secret() -> bytes:
    """`ZDT_SIGNING_SECRET` as UTF-8; empty means that the whole feature is off."""
    value = _read("ZDT_SIGNING_SECRET", "")
    if not isinstance(value, str):
        raise ImproperlyConfigured("ZDT_SIGNING_SECRET must be text; leave it unset to switch the feature off")
    return value.encode("utf-8", "surrogateescape")


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


def _header_name(setting: str, default: str) -> str:
    value = str(_read(setting, default))
    if not _HEADER_NAME.fullmatch(value):
        raise ImproperlyConfigured(f"{setting} must be a header name (letters, digits, hyphens), not {value!r}")
    return value


def _read(name: str, default: str) -> object:
    value = getattr(settings, name, None)
    return value if value is not None else os.environ.get(name, default)
