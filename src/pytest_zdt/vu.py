"""A virtual user: its connections, its samples, its random numbers; what the ``zdt_vu`` fixture gives."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from random import Random

from requests import PreparedRequest

from pytest_zdt.evidence.kinds import SUCCESS, is_failure
from pytest_zdt.evidence.samples import Sample
from pytest_zdt.flow import Flow
from pytest_zdt.http.oauth import OAuthClient
from pytest_zdt.http.session import SignedSession
from pytest_zdt.http.transport import TRANSPORTS
from pytest_zdt.target import Target

USES = 4
"""Iterations that use a token before a VU's OAuth client gets a new one: each version issues tokens and reads the other's."""


class VirtualUser:
    """One closed loop of test calls: ``index`` and ``iteration`` from 0, ``lane`` ``reused`` or ``new``, a seeded ``random``."""

    def __init__(
        self,
        index: int,
        lane: str,
        target: Target,
        run_id: str,
        seed: int | str,
        transport: str,
        stopped: Callable[[], bool] | None = None,
        remember: Callable[[str, PreparedRequest], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.index = index
        self.lane = lane
        self.iteration = -1
        self.random = Random(f"{seed}/{index}")
        self.samples: list[Sample] = []
        self._handed = 0
        self._refusals: set[tuple[str, int]] = set()
        numbers = itertools.count()
        self._name = f"zdt-{run_id}-{index}"
        self.session = SignedSession(
            target,
            self._observe,
            adapter=TRANSPORTS[transport](http2=target.http2),
            request_ids=lambda: f"{self._name}-{next(numbers)}",
            stopped=stopped,
            remember=remember,
        )
        self._oauth: OAuthClient | None = None
        self._uses = self._registrations = 0
        self._clock = clock
        self._flows: dict[str, Flow] = {}

    def __repr__(self) -> str:
        return f"VirtualUser(index={self.index}, lane={self.lane!r}, iteration={self.iteration})"

    def _observe(self, sample: Sample) -> None:
        sample.vu, sample.lane = self.index, self.lane
        self.samples.append(sample)

    def begin(self, expected: tuple[int, ...] = ()) -> None:
        """Starts an iteration: a fresh connection in the lane ``new``, no samples yet."""
        self.iteration += 1
        self.samples = []
        self._handed = 0
        self.session.default_expected = expected
        if self._oauth is not None:
            self._oauth.session.default_expected = expected
        if self.lane == "new":
            self.session.new_connection()

    def end(self, failure: BaseException | None) -> list[Sample]:
        """Ends the iteration; its samples. One of them bears the failure of a test that no failed request explains: the last
        that was refused as none was when the test passed, or the last at all.
        """
        refused = [sample for sample in self.samples if sample.status >= 400 and sample.kind == SUCCESS]
        if failure is None:
            self._refusals.update((sample.endpoint, sample.status) for sample in refused)
        elif self.samples and not any(is_failure(sample.kind) for sample in self.samples):
            strange = [sample for sample in refused if (sample.endpoint, sample.status) not in self._refusals]
            blamed = (strange or self.samples)[-1]
            blamed.kind = "wrong-status" if blamed.status >= 400 else "wrong-body"
            blamed.message = first_line(failure)
        return self.hand_over()

    def hand_over(self) -> list[Sample]:
        """The samples of the iteration that have not been handed over yet."""
        made = self.samples[self._handed :]
        self._handed += len(made)
        return made

    def oauth_client(self) -> OAuthClient:
        """Its verified application; registered at the first call, its token renewed after `USES` uses and before it expires."""
        if self._oauth is None:
            self._registrations += 1  # one that failed may have taken its name
            number = f"-{self._registrations}" if self._registrations > 1 else ""
            self._oauth = OAuthClient(self.session, f"{self._name}{number}", clock=self._clock)
        elif self._uses >= USES or self._oauth.is_due():
            self._uses = 0
            self._oauth.refresh()
        self._uses += 1
        return self._oauth

    def flow(self, name: str) -> Flow:
        """The VU's flow of that name, the same in every iteration."""
        return self._flows.setdefault(name, Flow(name))

    def made_flows(self) -> list[str]:
        """The names of its flows in which a value was made. Also for another thread than the VU's."""
        return [name for name, flow in self._flows.copy().items() if flow.made]

    def close(self) -> None:
        """Closes its connections."""
        self.session.close()


def first_line(error: BaseException) -> str:
    """What an exception says, in one line of 200 characters at most; its type where it says nothing, or cannot."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # a test's own exception may fail to tell what it is
        lines = []
    return (lines or [type(error).__name__])[0][:200]
