"""Bodies that are read while they are sent: files, iterators, generators.

What the reading raises is the test's own and no failure of the API: an `Upload` keeps it, whatever the transport makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from requests import PreparedRequest

_BLOCK: Final = 65536


class Upload:
    """The body of ``request`` in parts, to be read once, by iteration or by `read`.

    Texts are sent as UTF-8. ``length`` is the announced Content-Length, None of a body in chunks. ``error`` is what reading has
    raised, among it `ValueError` for a body that is shorter or longer than announced and `TypeError` for parts without bytes.
    """

    def __init__(self, request: PreparedRequest) -> None:
        self.length = _length(request.headers)
        self.error: BaseException | None = None
        self._parts = self._watched(request.body)
        self._rest = memoryview(b"")

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end. Raises what the reading raises."""
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return b""
            self._rest = memoryview(part)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)

    def own_error(self) -> BaseException:
        """The ``error``, marked as no failure of the API: its ``zdt_wire`` is None."""
        assert self.error is not None
        self.error.zdt_wire = None  # type: ignore[attr-defined]
        return self.error

    def _watched(self, body: Any) -> Iterator[bytes]:
        sent = 0
        try:
            for part in filter(len, map(_bytes, _parts(body))):  # an empty part would end the body
                sent += len(part)
                if self.length is not None and sent > self.length:
                    raise ValueError(f"the body goes on after the {self.length} bytes that its Content-Length says")
                yield part
            if self.length is not None and sent < self.length:
                raise ValueError(f"the body ended after {sent} bytes, its Content-Length says {self.length}")
        except GeneratorExit:
            raise
        except BaseException as error:  # Ctrl-C in the test's code, too, must reach the test
            self.error = error
            raise


def upload_of(request: PreparedRequest) -> Upload | None:
    """The body as an `Upload`; None when it is in memory already."""
    return None if request.body is None or isinstance(request.body, bytes | str) else Upload(request)


def _length(headers: Mapping[str, str | bytes]) -> int | None:
    value = headers.get("Content-Length")
    return None if value is None else int(value)


def _parts(body: Any) -> Iterator[Any]:
    if hasattr(body, "read"):
        return iter(lambda: body.read(_BLOCK) or None, None)
    return iter((body,) if isinstance(body, bytearray | memoryview) else body)


def _bytes(part: Any) -> bytes:
    return part if isinstance(part, bytes) else part.encode() if isinstance(part, str) else memoryview(part).tobytes()
