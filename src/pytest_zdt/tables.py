"""Reading the tables of the configuration: a wrong key or value is one clear line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any


class SettingsError(Exception):
    """A setting that cannot be used; one line that says what, which value, and what to do."""


def parsed(where: str, parse: Callable[[Any], Any], value: Any) -> Any:
    """What ``parse`` makes of a value. Raises `SettingsError`, which says ``where`` it stands."""
    try:
        return parse(value)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{where}: {error}") from None


def known_keys(where: str, table: Any, allowed: set[str]) -> None:
    """Raises `SettingsError` for anything but a table of ``allowed`` keys."""
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: must be a table, not {table!r}")
    for key in table:
        if key not in allowed:
            raise SettingsError(f"{where}: unknown key {key!r}{nearest(key, allowed)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A question after the known name that was probably meant; empty without one."""
    close = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f": did you mean {close[0]!r}?" if close else ""
