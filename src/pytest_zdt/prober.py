"""The probe lane: beside the VUs, each endpoint's last good GET is sent again at a fixed cadence, each time on a new connection.

A closed loop sends less while the API is slow, and so sees less of what is wrong; a probe is sent whatever became of the one
before (an open model). Each has a thread of its own while it is under way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Container, Iterable, Mapping
from itertools import count
from typing import Final

from requests import PreparedRequest
from requests.exceptions import RequestException

from pytest_zdt.evidence.samples import NO_VU, PROBE, Sample
from pytest_zdt.http.session import SignedSession, Stopped
from pytest_zdt.http.transport import TRANSPORTS
from pytest_zdt.settings import Run

Replays = dict[str, PreparedRequest]
"""Endpoint -> its last request that was answered well."""
MOST_A_SECOND: Final = 50
"""Of more endpoints than this, each is probed less often than asked for."""
AT_A_TIME: Final = 64
"""So many probes are under way at most; what is due beyond that is not sent, and counted."""
BY_DESIGN: Final = frozenset(range(400, 500)) - {429}
"""Statuses that are no failure of a probe: what it asks for may have been deleted since, its token may have been renewed."""


class Prober:
    """Sends the requests in ``replays`` again, each once in ``run.settings.probe_every`` seconds; `start` and `stop` it.

    ``record`` gets the samples, whose ids bear the prober's ``name``. Only the endpoints that are ``mine()`` are probed.
    ``unsent`` counts the probes for which too many others were under way.
    """

    def __init__(
        self,
        run: Run,
        name: str | int,
        replays: Mapping[str, PreparedRequest],
        record: Callable[[Iterable[Sample]], None],
        clock: Callable[[], float] = time.monotonic,
        mine: Callable[[], Container[str]] | None = None,
    ) -> None:
        self._run, self._replays, self._record, self._clock, self._mine = run, replays, record, clock, mine
        self._stopped = threading.Event()
        self._under_way: set[threading.Thread] = set()
        self._thread = threading.Thread(target=self._run_rounds, name="zdt-prober", daemon=True)
        self._numbers = count()
        self._name = f"zdt-{run.id}-probe{name}"
        self.unsent = 0

    def start(self) -> None:
        """Begins to probe."""
        self._thread.start()

    def stop(self, grace: float) -> None:
        """Sends no more; waits ``grace`` seconds at most for the probes under way."""
        self._stopped.set()
        end = self._clock() + grace
        for thread in (self._thread, *list(self._under_way)):
            if thread.ident is not None:
                thread.join(max(0.0, end - self._clock()))

    def _run_rounds(self) -> None:
        began = self._clock()
        while not self._stopped.is_set():
            mine = self._mine() if self._mine is not None else self._replays
            endpoints = [endpoint for endpoint in sorted(self._replays) if endpoint in mine]
            length = max(self._run.settings.probe_every, len(endpoints) / MOST_A_SECOND)
            for number, endpoint in enumerate(endpoints):
                if self._stopped.wait(max(0.0, began + length * number / len(endpoints) - self._clock())):
                    return
                self._send(endpoint)
            began += length
            self._stopped.wait(max(0.0, began - self._clock()))
            if self._clock() - began > length / 2:
                began = self._clock()  # what a stall has kept from being sent is not sent in a burst

    def _send(self, endpoint: str) -> None:
        if len(self._under_way) >= AT_A_TIME:
            self.unsent += 1
            return
        thread = threading.Thread(target=self._probe, args=(endpoint,), name="zdt-probe-request", daemon=True)
        self._under_way.add(thread)
        try:
            thread.start()
        except RuntimeError:  # this machine is out of threads
            self._under_way.discard(thread)
            self.unsent += 1

    def _probe(self, endpoint: str) -> None:
        request = self._replays[endpoint]
        session = self._session()
        try:
            session.request(
                "GET",
                str(request.url),
                headers=dict(request.headers),
                name=endpoint.partition(" ")[2],
                expected=BY_DESIGN,
                allow_redirects=False,
            )
        except (RequestException, Stopped):
            pass  # it is in the sample, or was not sent
        finally:
            session.close()
            self._under_way.discard(threading.current_thread())

    def _session(self) -> SignedSession:
        settings = self._run.settings
        return SignedSession(
            settings.target,
            self._observe,
            adapter=TRANSPORTS[settings.transport](http2=settings.target.http2),
            request_ids=lambda: f"{self._name}-{next(self._numbers)}",
            stopped=self._stopped.is_set,
        )

    def _observe(self, sample: Sample) -> None:
        sample.vu, sample.lane = NO_VU, PROBE
        self._record([sample])
