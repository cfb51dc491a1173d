"""A sample is one request. Samples travel and are stored in columns: one JSON line per batch, written as it came.

The schema of a line (``zdt-samples/1``), every list that is there as long as ``sent``:

======================  ==============================================================================================
``worker``              id of the worker process (``main``, ``gw0``, ...)
``strings``             the texts that the index columns point into; index 0 is the empty text
``sent``                seconds from the start of the run to the sending of the request
``took``                seconds from the sending to the last byte of the answer, or to the failure
``latency``             seconds from the sending to the first byte of the answer; 0 without one
``vu``, ``status``      number of the virtual user, -1 of a probe; HTTP status, 0 without an answer
``reused``              1 when the request went over a connection that was kept alive
``bytes``               length of the answer's body
``lane``, ``endpoint``, ``kind``, ``version``, ``made_by``, ``flow``, ``request_id``, ``message``
                        indices into ``strings``; the lane of a probe is ``probe``
``lookup``, ``connect``, ``tls``
                        seconds that looking up the name, the TCP connection and the handshake took, 0 on a kept connection;
                        a column of zeros is left out
======================  ==============================================================================================
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pytest_zdt.evidence.kinds import KINDS
from pytest_zdt.evidence.lines import MOST, read_line

SCHEMA = "zdt-samples/1"
PROBE: Final = "probe"
"""Lane of what is sent at a fixed cadence, beside the virtual users and whatever they do; no virtual user's lane."""
NO_VU: Final = -1
"""The number of the virtual user of a probe: there is none."""
NUMBERS = ("sent", "took", "latency", "vu", "status", "reused", "bytes")
PHASES: Final = ("lookup", "connect", "tls")
WHOLE = frozenset({"vu", "status", "bytes"})
TEXTS = ("lane", "endpoint", "kind", "version", "made_by", "flow", "request_id", "message")


@dataclass(slots=True)
class Sample:
    """One request, as the session saw it; times in seconds. Mutable until its iteration has ended: a failing test marks it."""

    sent: float
    endpoint: str
    request_id: str = ""
    took: float = 0.0
    latency: float = 0.0
    status: int = 0
    kind: str = ""
    version: str = ""
    reused: bool = False
    bytes: int = 0
    message: str = ""
    made_by: str = ""
    flow: str = ""
    vu: int = 0
    lane: str = ""
    lookup: float = 0.0
    connect: float = 0.0
    tls: float = 0.0


def pack(samples: Iterable[Sample], worker: str, zero: float) -> bytes:
    """The samples as one line without its newline; ``zero`` is the run's start on the clock of ``Sample.sent``."""
    batch = list(samples)
    strings: dict[str, int] = {"": 0}
    line: dict[str, object] = {"schema": SCHEMA, "worker": worker}
    line["sent"] = [round(sample.sent - zero, 6) for sample in batch]
    line["took"] = [round(sample.took, 6) for sample in batch]
    line["latency"] = [round(sample.latency, 6) for sample in batch]
    for name in NUMBERS[3:]:
        line[name] = [int(getattr(sample, name)) for sample in batch]
    for name in TEXTS:
        line[name] = [strings.setdefault(getattr(sample, name), len(strings)) for sample in batch]
    for name in PHASES:
        seconds = [round(getattr(sample, name), 6) for sample in batch]
        if any(seconds):
            line[name] = seconds
    line["strings"] = list(strings)
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode()


def parse(line: bytes) -> dict[str, Any]:
    """The columns of one line, as JSON gives them; each of `PHASES` may be missing.

    Raises `ValueError` when the line is torn or of another schema.
    """
    columns = read_line(line)
    if columns.get("schema") != SCHEMA or not isinstance(columns.get("worker"), str):
        raise ValueError(f"not a batch of {SCHEMA}")
    try:
        texts = columns["strings"]
        numbers = [array("q" if name in WHOLE else "d", columns[name]) for name in NUMBERS]
        numbers += [array("d", columns[name]) for name in PHASES if name in columns]
        sizes = set(map(len, numbers))
        sizes |= {len([texts[index] for index in columns[name]]) for name in TEXTS}
        unknown = {texts[index] for index in columns["kind"]} - KINDS
    except (KeyError, TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"a column is missing or broken: {error!r}") from None
    if any(column and max(max(column), -min(column)) > MOST for column in numbers if column.typecode == "d"):
        raise ValueError(f"a number is larger than {MOST:g}")
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a text is none")
    if len(sizes) != 1 or unknown:
        raise ValueError(f"unknown kinds: {sorted(unknown)}" if unknown else "the columns differ in length")
    return columns


def unpack(line: bytes) -> Iterator[Sample]:
    """The samples of one line, ``sent`` in seconds from the start of the run. Raises `ValueError` as `parse` does."""
    columns = parse(line)
    strings = columns["strings"]
    texts = [[strings[index] for index in columns[name]] for name in TEXTS]
    phases = [name for name in PHASES if name in columns]
    names = (*NUMBERS, *phases, *TEXTS)
    for row in zip(*(columns[name] for name in (*NUMBERS, *phases)), *texts, strict=True):
        yield Sample(**dict(zip(names, row, strict=True)))
