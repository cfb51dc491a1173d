"""The evidence of a load run while it is gathered: nothing is kept before the run has begun, or after its end."""

from __future__ import annotations

import time

from pytest_zdt.evidence.bundle import BundleWriter, read_bundle
from pytest_zdt.evidence.marks import ENDED, Mark
from pytest_zdt.manifest import describe, ending
from pytest_zdt.report.files import publish
from pytest_zdt.settings import Run
from pytest_zdt.team import Team
from pytest_zdt.verdict.facts import gather
from pytest_zdt.verdict.judge import decide, judge
from pytest_zdt.verdict.model import Verdict


class Record:
    """What is written of one run, on its own clock: seconds since `begin`. Raises `OSError` where that is not possible."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._writer: BundleWriter | None = None
        self.zero = 0.0
        """The run's start on this machine's monotonic clock; 0 before."""

    @property
    def begun(self) -> bool:
        """Whether the run has begun."""
        return self._writer is not None

    @property
    def now(self) -> float:
        """Seconds since the run's start; 0 before."""
        return time.monotonic() - self.zero if self.zero else 0.0

    def begin(self, team: Team) -> float:
        """The run begins now; its start on the monotonic clock."""
        zero = time.monotonic()
        self._writer = BundleWriter(self._run.settings.report, describe(self._run, team, zero))
        self.zero = zero
        return zero

    def write(self, line: bytes) -> None:
        """Adds a batch of samples or a line of health."""
        if self._writer is not None:
            self._writer.add_batch(line)

    def mark(self, name: str, at: float | None = None, **data: object) -> None:
        """Adds a mark of now, or of another time."""
        if self._writer is not None:
            self._writer.add_mark(Mark(self.now if at is None else at, name, data))

    def told(self) -> list[Mark]:
        """The marks that others have added since the last call."""
        return self._writer.told() if self._writer is not None else []

    def end(self, team: Team, at: float, **told: object) -> None:
        """Adds the last mark, with what is ``told`` of the end and what the workers have told of theirs."""
        assert self._writer is not None
        self.mark(ENDED, at, **told, health=self._writer.health, **ending(self._run, team, at))

    def judged(self) -> Verdict:
        """The verdict on what was written so far."""
        return judge(read_bundle(self._run.settings.report))

    def conclude(self) -> tuple[Verdict, list[str]]:
        """Nothing is added any more; the verdict, which is written beside the evidence, and what else could not be written."""
        assert self._writer is not None
        self._writer.close()
        facts = gather(read_bundle(self._run.settings.report))
        verdict = decide(facts)
        return verdict, publish(self._run.settings.report, facts, verdict)
