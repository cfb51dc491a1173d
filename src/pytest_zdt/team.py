"""The workers of a load run, seen from the controller: who takes part, how far each has come, what each has told of its end."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_zdt.clocks import Clock

Message = tuple[Any, ...]


@dataclass
class Member:
    """One worker: its share's ``number``, its clock, and what it has told: "ready", then ``waiting`` to go, its "final"."""

    number: int
    send: Callable[[Message], None]
    clock: Clock = field(default_factory=Clock)
    ready: bool = False
    waiting: bool = False
    gone_off: bool = False
    pid: int = 0
    planned: int = 0
    copied: int = 0
    received: int = 0
    final: dict[str, Any] | None = None
    latest: dict[str, Any] | None = None
    """The figures of its end, as they were when it last told of them."""
    endpoints: set[str] = field(default_factory=set)
    """What it could probe."""
    probing: set[str] = field(default_factory=set)

    def ways(self) -> str:
        """One line: how it runs the tests."""
        tests = self.planned + self.copied
        how = f"{self.planned} by a compiled plan, {self.copied} as copies of their items"
        return f"zdt: {tests} test{'s' * (tests != 1)} for each virtual user: {how}"

    def tell(self, message: Message) -> None:
        """Sends a message; a worker that is gone tells so itself."""
        with contextlib.suppress(OSError):
            self.send(message)

    def ask(self) -> None:
        """Asks for the time on its clock."""
        self.tell(("clock", self.clock.ask(time.monotonic())))

    def let_go(self, zero: float) -> None:
        """Starts its load, once it is set and its clock known; ``zero`` is the run's start on our clock."""
        if zero and self.waiting and self.clock.known and not self.gone_off:
            self.gone_off = True
            self.tell(("go", zero + self.clock.shift))


class Team:
    """The workers by name. A replacement takes the number, and so the VUs, of the one that was lost."""

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        self._lost: dict[str, Member] = {}
        self._lives: Counter[int] = Counter()
        self._asking = False
        self._zero = 0.0

    def join(self, name: str, send: Callable[[Message], None]) -> tuple[int, int]:
        """A worker takes part; its number, and how many have had that before."""
        taken = {member.number for member in self._members.values()}
        number = next(number for number in range(len(taken) + 1) if number not in taken)
        self._members[name] = Member(number, send)
        self._lives[number] += 1
        return number, self._lives[number] - 1

    def __getitem__(self, name: str) -> Member:
        return self._members.get(name) or self._lost[name]

    def lose(self, name: str) -> Member | None:
        """A worker is gone; what was known of it, if that was not known yet."""
        member = self._members.pop(name, None)
        if member is not None:
            self._lost[name] = member
            self._share_probes()
        return member

    def advance(self, name: str, kind: str, content: Sequence[Any], now: float) -> None:
        """A worker has come further: it is "ready", it is "set", or has told the time of its "clock", at ``now`` on ours."""
        member = self[name]
        if kind == "ready":
            member.ready, (member.planned, member.copied) = True, content
            if self._asking:
                member.ask()
        elif kind == "set":
            member.waiting = True
        elif not member.clock.answered(content[0], content[1], now):
            member.ask()
        elif member.gone_off:
            member.tell(("zero", self._zero + member.clock.shift))
        member.let_go(self._zero)

    def align(self) -> None:
        """Asks all that are ready, and from now on each that becomes so, for the time on their clocks."""
        self._asking = True
        for member in self.ready:
            member.ask()

    def start(self, zero: float) -> None:
        """Starts the load of all, now or when they are set; ``zero`` is the run's start on our clock."""
        self._zero = zero
        for member in self.ready:
            member.let_go(zero)

    @property
    def members(self) -> list[Member]:
        """Those that take part."""
        return list(self._members.values())

    def tell(self, message: Message) -> None:
        """Sends a message to all."""
        for member in self.members:
            member.tell(message)

    @property
    def ready(self) -> list[Member]:
        """Those that stand ready, or have gone off."""
        return [member for member in self.members if member.ready]

    def driven(self, vus: int, workers: int) -> int:
        """How many of the first ``vus`` VUs are in the hands of a worker that has gone off."""
        return sum(len(range(one.number, vus, workers)) for one in self.members if one.gone_off and one.final is None)

    @property
    def ended(self) -> bool:
        """Whether all that were ready have told of their end."""
        return all(member.final is not None for member in self.ready)

    def late(self) -> dict[str, int]:
        """Those that were ready and have not told of their end, with their process ids."""
        return {name: member.pid for name, member in self._members.items() if member.ready and member.final is None}

    def note(self, name: str, kind: str, content: Any) -> None:
        """A worker tells that it is "here", and its process id; its figures so far ("progress"); or which "endpoints" it could
        probe, each of which one of them is asked to.
        """
        member = self[name]
        if kind == "here":
            member.pid = content
        elif kind == "progress":
            member.latest = content
        else:
            member.endpoints |= set(content)
            self._share_probes()

    def _share_probes(self) -> None:
        taken: set[str] = set()
        for member in self.members:
            mine = member.endpoints - taken
            if mine != member.probing:
                member.probing = mine
                member.tell(("probe", sorted(mine)))
            taken |= member.endpoints

    def finals(self) -> list[dict[str, Any]]:
        """What all have told of their end, those that were lost the last that they had told."""
        everyone = (*self._lost.values(), *self.members)
        return [told for one in everyone if (told := one.final or one.latest) is not None]

    def total(self, name: str) -> Any:
        """The sum of a figure over all that came to their end."""
        return sum(final[name] for final in self.finals())

    def listed(self, name: str) -> list[Any]:
        """What is in a list of figures of any worker: VUs, say."""
        return sorted({number for final in self.finals() for number in final[name]})

    def silent(self) -> list[int]:
        """The VUs that sent nothing in the hands of any worker that had them."""
        spoken = {number for final in self.finals() for number in final["spoken_vus"]}
        return sorted(set(self.listed("silent_vus")) - spoken)

    def samples(self) -> int:
        """How many samples were recorded, as far as is known."""
        everyone = [*self._lost.values(), *self._members.values()]
        return sum(one.final["samples"] if one.final is not None else one.received for one in everyone)

    def pinned(self) -> dict[str, int | None]:
        """Worker -> the CPU that it was pinned to."""
        everyone = {**self._lost, **self._members}
        return {name: one.final["cpu"] for name, one in everyone.items() if one.final is not None}
