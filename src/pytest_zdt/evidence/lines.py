"""A line of evidence: one JSON object, with numbers that are numbers."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, Final

MOST: Final = 5e7
"""No number of evidence is larger: of seconds these are 19 months."""


def read_line(line: bytes) -> dict[str, Any]:
    """The object of one line. Raises `ValueError` when the line is torn, holds something else, or a number that is none."""
    try:
        content = json.loads(line, parse_constant=_refused)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return content


def number(value: object) -> float:
    """A finite number, no larger than `MOST`. Raises `ValueError`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or abs(value) > MOST:
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def count(value: object) -> int | None:
    """A whole number from 0, or None. Raises `ValueError`."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"{value!r} is not a count")
    return value


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")
