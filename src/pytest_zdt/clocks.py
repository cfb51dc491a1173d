"""How far another machine's clock is from ours, from messages that go there and back: pure.

An answer was written between the sending of its question and its arrival, so the shorter the trip, the less is left to guess.
David L. Mills, RFC 5905, section 8, takes the least of several trips in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Final

TRIPS: Final = 8
"""Round trips that make an estimate."""


@dataclass(frozen=True, slots=True)
class Offset:
    """Their clock less ours, in seconds, and by how much that may be wrong at most."""

    value: float = 0.0
    uncertainty: float = inf

    def within(self, other: Offset) -> bool:
        """Whether both may be true."""
        return abs(self.value - other.value) <= self.uncertainty + other.uncertainty


@dataclass
class Clock:
    """One worker's clock, seen from here: `ask` and `answered` are told of each round trip, `offset` is the estimate."""

    offset: Offset = field(default_factory=Offset)
    _best: Offset = field(default_factory=Offset)
    _trips: int = 0
    _sent: float = 0.0
    _question: int = 0

    def ask(self, now: float) -> int:
        """A question goes out; its number, which is to come back with the answer."""
        self._sent = now
        self._question += 1
        return self._question

    def answered(self, question: int, theirs: float, now: float) -> bool:
        """The answer has come; whether `TRIPS` of them have now made an estimate, else ask again.

        An answer to an earlier question than the last one is too old to tell anything, and nothing more is to be asked.
        """
        if question != self._question:
            return True
        half = (now - self._sent) / 2
        if half < self._best.uncertainty:
            self._best = Offset(theirs - self._sent - half, half)
        self._trips += 1
        if self._trips < TRIPS:
            return False
        self._settle()
        return True

    def _settle(self) -> None:
        """Takes the new estimate, unless the one in use is the better one and may still be true: clocks drift apart slowly."""
        if self._best.uncertainty <= self.offset.uncertainty or not self._best.within(self.offset):
            self.offset = self._best
        self._best, self._trips = Offset(), 0

    @property
    def shift(self) -> float:
        """What to add to a time on our clock; 0 where both may be one clock, as on one machine."""
        return 0.0 if abs(self.offset.value) <= self.offset.uncertainty else self.offset.value

    @property
    def known(self) -> bool:
        """Whether there is an estimate."""
        return self.offset.uncertainty < inf
