"""Which version an answer says made it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pytest_zdt.target import VersionSource


def answering_version(source: VersionSource, headers: Mapping[str, str], body: bytes) -> str:
    """The version that an answer names, or an empty text: no such header or field, or a ``url`` source (polled elsewhere).

    ``headers`` must be case-insensitive. ``body`` is read only for a ``json`` source; a body that is not JSON names none.
    """
    if source.kind == "header":
        return headers.get(source.key, "").strip()
    if source.kind == "json" and body:
        try:
            return _text(_resolve(json.loads(body), source.key))
        except (ValueError, RecursionError):
            return ""
    return ""


def polled_version(source: VersionSource, body: bytes) -> str:
    """The version in an answer of the ``url`` that is polled: its ``pointer`` in a JSON body, or all of a short text."""
    text = body.decode(errors="replace").strip().strip('"')
    if source.pointer:
        text = answering_version(VersionSource("json", source.pointer), {}, body).strip()
    return text if len(text) <= 100 and text.isprintable() else ""


def _resolve(document: object, pointer: str) -> object:
    """What a JSON pointer (RFC 6901) or a plain key points at in ``document``; None when nothing is there."""
    parts = pointer[1:].split("/") if pointer.startswith("/") else [pointer]
    for part in parts:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(key)
        elif isinstance(document, list) and key.isdecimal() and int(key) < len(document):
            document = document[int(key)]
        else:
            return None
    return document


def _text(value: object) -> str:
    known = isinstance(value, str | int | float) and not isinstance(value, bool) and value == value  # NaN is none
    return str(value) if known else ""
