"""The transports by name: adapters of requests with one contract.

Each sends a request exactly once over connections of its own, reads the whole answer, puts a `Wire` on the response as
``zdt_wire`` or on the exception it raises, and has ``new_connection()`` beside requests' ``close()``. One per virtual user.
"""

from __future__ import annotations

from typing import Final

from pytest_zdt.http.curl import CurlAdapter
from pytest_zdt.http.stock import StockAdapter
from pytest_zdt.http.wire import Wire

__all__ = ["TRANSPORTS", "CurlAdapter", "StockAdapter", "Wire"]

TRANSPORTS: Final[dict[str, type[CurlAdapter] | type[StockAdapter]]] = {"curl": CurlAdapter, "urllib3": StockAdapter}
"""Value of ``--zdt-transport`` -> its adapter, made with ``http2=True`` for a target that may be spoken to in HTTP/2."""
