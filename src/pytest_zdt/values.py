"""The values that options and settings may have, and what they mean; each raises `ValueError` with what to write."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pytest_zdt.target import VersionSource


def duration(text: str | int | float) -> float:
    """Seconds of ``15m``, ``90s``, ``1h30m``, ``500ms`` or ``45`` (seconds). Raises `ValueError` with what to write."""
    written = str(text).strip()
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?", written, re.ASCII)
    if len(written) > 30:
        raise ValueError(f"{written[:30]!r}... is not a duration: write 15m, 90s, 1h30m, 500ms or a number of seconds")
    if re.fullmatch(r"\d+(\.\d+)?", written, re.ASCII):
        return float(written)
    if not written or not match:
        raise ValueError(f"{written!r} is not a duration: write 15m, 90s, 1h30m, 500ms or a number of seconds")
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def positive_duration(text: str | int | float) -> float:
    """As `duration`, but not 0."""
    seconds = duration(text)
    if not seconds:
        raise ValueError(f"{text!r} is no time at all: write 15m, 90s, 1h30m or a number of seconds")
    return seconds


def window(text: str | int | float) -> float:
    """Seconds of a duration, or 0 for ``run``: the whole of it. Raises `ValueError`."""
    return 0.0 if text == "run" else positive_duration(text)


def count(text: str | int) -> int:
    """A whole number from 1. Raises `ValueError`."""
    if not re.fullmatch(r"[0-9]+", str(text)) or isinstance(text, bool) or not int(text):
        raise ValueError(f"{text!r} is not a whole number from 1")
    return int(text)


def transport(text: str) -> str:
    """``curl`` or ``urllib3``. Raises `ValueError`."""
    return one_of(text, "curl", "urllib3")


def budget(text: str | int) -> str:
    """A number of failures, or a share such as ``0.1%``. Raises `ValueError`."""
    if not re.fullmatch(r"\d+|\d+(\.\d+)?%", str(text), re.ASCII):
        raise ValueError(f"{text!r} is neither a number of failures nor a share such as 0.1%")
    return str(text)


def switch(value: bool) -> bool:
    """True or false as TOML writes them. Raises `ValueError`."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def text(value: str) -> str:
    """Any text."""
    return str(value)


def command(value: str) -> str:
    """A command for a shell. Raises `ValueError` for one of blanks, which would do nothing."""
    if not str(value).strip():
        raise ValueError(f"{value!r} is no command: write one, or leave it out")
    return str(value)


def seed(text: str | int) -> int:
    """A whole number. Raises `ValueError`."""
    if not re.fullmatch(r"-?[0-9]+", str(text)):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def uses(text: str | int) -> int:
    """A whole number from 0. Raises `ValueError`."""
    return 0 if str(text) == "0" and not isinstance(text, bool) else count(text)


def stages(value: str) -> tuple[tuple[float, int], ...]:
    """Pairs of seconds and VUs of ``1m:5,13m:20,1m:0``. Raises `ValueError`."""
    found = []
    for part in str(value).split(","):
        time, colon, vus = part.strip().partition(":")
        if not colon or not re.fullmatch(r"[0-9]+", vus.strip()):
            raise ValueError(f"{part.strip()!r} is not a stage: write time:VUs, such as 1m:5,13m:20,1m:0")
        found.append((duration(time), int(vus)))
    after = [vus for _, vus in found]
    before = [0, *after]
    if not any(found[number][0] and (before[number] or after[number]) for number in range(len(found))):
        raise ValueError(f"{value!r} drives no load: write time:VUs, such as 1m:5,13m:20,1m:0")
    return tuple(found)


def rate(text: str | int) -> float:
    """Iterations a second of ``50/s``, ``600/m`` or ``36000/h``. Raises `ValueError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)/([smh])", str(text).strip(), re.ASCII)
    if not match or not float(match[1]):
        raise ValueError(f"{text!r} is not a rate: write 50/s, 600/m or 100/h")
    return float(match[1]) / {"s": 1, "m": 60, "h": 3600}[match[2]]


def pin(value: str) -> str:
    """``auto`` or ``off``. Raises `ValueError`."""
    return one_of(value, "auto", "off")


def lanes(value: str) -> tuple[str, ...]:
    """``both``, ``reused`` or ``new``. Raises `ValueError`."""
    return ("reused", "new") if one_of(value, "both", "reused", "new") == "both" else (value,)


def version_source(text: str) -> VersionSource:
    """Of ``header:NAME``, ``json:/pointer`` or ``url:/path#pointer``. Raises `ValueError`."""
    kind, _, key = str(text).partition(":")
    path, _, pointer = key.partition("#")
    if kind == "url" and path.startswith("/"):
        return VersionSource(kind, path, pointer)
    if kind not in ("header", "json") or not key:
        raise ValueError(f"{text!r} names no version source: write header:NAME, json:/pointer or url:/path#pointer")
    return VersionSource(kind, key)


def port(text: str | int) -> int:
    """A port of this machine, 0 for any free one. Raises `ValueError`."""
    if not re.fullmatch(r"\d{1,5}", str(text), re.ASCII) or int(text) > 65535:
        raise ValueError(f"{text!r} is not a port: write a number up to 65535, or 0 for any free one")
    return int(text)


def base_url(text: str) -> str:
    """An absolute http(s) URL without query. Raises `ValueError`."""
    parts = urlsplit(str(text).replace("{port}", "1"))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is not the URL of an API: write https://host or https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the URL of an API holds no user name or password here, where reports would show it: leave it out")
    return str(text).rstrip("/")


def signing(text: str) -> str:
    """The scheme of the requests' signatures."""
    return one_of(text, "timed-hmac", "rfc9421", "none")


def one_of(text: str, *allowed: str) -> str:
    if text not in allowed:
        raise ValueError(f"{text!r} is not one of {', '.join(allowed)}")
    return text
