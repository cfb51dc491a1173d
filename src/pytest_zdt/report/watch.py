"""A run that is under way, as its page shows it: read from its evidence, which grows."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pytest_zdt.evidence.bundle import MARKS, PAGE, SAMPLES, BundleError, read_bundle, read_run
from pytest_zdt.evidence.health import is_health, read_health
from pytest_zdt.evidence.marks import ENDED, POLLED, Mark, read_mark
from pytest_zdt.evidence.series import Table
from pytest_zdt.report import page
from pytest_zdt.report.course import MOST_BUCKETS, Course, bucket_width
from pytest_zdt.report.files import printed
from pytest_zdt.report.markup import Html
from pytest_zdt.verdict.facts import Facts, gather, is_polled
from pytest_zdt.verdict.judge import decide
from pytest_zdt.verdict.model import Verdict

JUDGE_SHARE: Final = 0.1
"""Share of the time that judging may take: the load wants the rest."""
SOON: Final = 300.0
"""Seconds for which the first buckets suit; a run that follows a deployment may end long before its time."""
MOST_FAILURES: Final = 5000
"""Failures that the charts of a run under way show, the latest."""


class Growing:
    """The whole lines that were added to a file since the last call."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def lines(self) -> list[bytes]:
        """None while there is no file; a line that is still being written comes with a later call."""
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as content:
            content.seek(self._read)
            whole, newline, _ = content.read().rpartition(b"\n")
            self._read += len(whole + newline)
            return whole.splitlines()
        return []


def _beside(job: Callable[[], None]) -> None:
    threading.Thread(target=job, name="zdt-judge", daemon=True).start()


class Watch:
    """The run of that id in ``directory``, as far as it has come. Thread-safe; it reads only when it is asked.

    The charts are as new as the evidence. The verdict is judged anew at most every second, and so that judging takes a tenth of
    the time; nobody waits for that, as ``start`` carries a judgement out beside the answers. Until the first one is done there
    is nothing to show: in a long run that may take many seconds.
    """

    def __init__(
        self,
        directory: Path,
        run_id: str,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], None]], None] = _beside,
    ) -> None:
        self._directory, self._id, self._clock, self._start = directory, run_id, clock, start
        self._lock = threading.RLock()
        self._samples, self._marks = Growing(directory / SAMPLES), Growing(directory / MARKS)
        self._known: list[Mark] = []
        self._course: Course | None = None
        self._next = 0.0
        self._version = 0
        self._told = 0.0
        self._facts: Facts | None = None
        self._verdict: Verdict | None = None
        self._parts: dict[str, Html] = {}
        self._judging = False

    def document(self) -> str:
        """The page so far; empty before the run has begun and was judged once."""
        with self._lock:
            if not self._refresh():
                return ""
            assert self._verdict is not None
            finished = str((self._directory / PAGE).resolve())
            return page.document(self._verdict, self._parts, self._chart(), live=self._id, finished=finished)

    def news(self, seen: str) -> dict[str, Any]:
        """What has changed for somebody who has ``seen`` that version of the parts; empty where there is no page."""
        with self._lock:
            if not self._refresh():
                return {}
            assert self._verdict is not None
            return {
                "run": self._id,
                "version": str(self._version),
                "parts": {} if seen == str(self._version) else self._parts,
                "data": self._chart(),
                "title": page.title(self._verdict, under_way=not self._over),
                "status": self._status(),
                "over": self._over,
            }

    @property
    def _over(self) -> bool:
        """Whether the run has ended, and was judged since."""
        return self._facts is not None and any(mark.name == ENDED for mark in self._facts.marks)

    def _status(self) -> str:
        if self._over:
            return "The run is over."
        return f"Under way for {self._now():.0f} s; judged as if it had ended at {self._told:.0f} s."

    def _refresh(self) -> bool:
        """Reads what is new, and judges if it is time to; False while there is nothing to show."""
        if self._course is None and not self._begun():
            return False
        if self._facts is not None:
            self._read()
        ended = any(mark.name == ENDED for mark in self._known)
        if not self._judging and (self._clock() >= self._next or (ended and not self._over)):
            self._judging = True
            self._start(self._judge)
        return self._facts is not None

    def _begun(self) -> bool:
        try:
            run = read_run(self._directory)
        except BundleError:
            return False
        if run.get("id") != self._id or not (self._directory / SAMPLES).exists():
            return False
        self._course = Course(bucket_width(min(SOON, float(run.get("planned_s") or 0.0))))
        self._polled = is_polled(run)
        return True

    def _read(self) -> None:
        assert self._course is not None
        for line in self._marks.lines():
            with contextlib.suppress(ValueError):
                self._known.append(read_mark(line))
        table = Table()
        for line in self._samples.lines():
            with contextlib.suppress(ValueError):
                if is_health(line):
                    self._course.add_health([read_health(line)])
                else:
                    table.add_batch(line)
        series = table.series()
        if self._polled:  # as was polled last: the page of the whole run knows better
            version = next((str(mark.data.get("version")) for mark in reversed(self._known) if mark.name == POLLED), "")
            series = [replace(one, labels=one.labels._replace(version=version)) for one in series]
        self._course.add(series)
        if self._course.last > MOST_BUCKETS * self._course.width:
            self._course, self._samples = Course(bucket_width(2 * self._course.last)), Growing(self._directory / SAMPLES)
            self._read()

    def _judge(self) -> None:
        """Beside those who ask: they have the last judgement until this one is done."""
        try:
            judged = self._judged()
            if self._facts is None:  # until then nobody else reads
                self._read()
            with self._lock:
                self._take(*judged)
        finally:
            self._judging = False

    def _judged(self) -> tuple[Facts, Verdict, dict[str, Html]]:
        began = self._clock()
        facts = gather(read_bundle(self._directory))
        verdict, over = decide(facts), any(mark.name == ENDED for mark in facts.marks)
        parts = page.parts(facts, verdict, printed(self._directory), under_way=not over)
        self._next = self._clock() + max(1.0, (self._clock() - began) / JUDGE_SHARE)
        return facts, verdict, parts

    def _take(self, facts: Facts, verdict: Verdict, parts: dict[str, Html]) -> None:
        self._facts, self._verdict, self._parts = facts, verdict, parts
        self._told = facts.timeline.end
        self._version += 1

    def _now(self) -> float:
        """Seconds that are known of: up to the last sample or mark."""
        assert self._course is not None
        return max([self._told, self._course.last, *(mark.at for mark in self._known[-1:])])

    def _chart(self) -> dict[str, Any]:
        assert self._course is not None
        assert self._facts is not None
        assert self._verdict is not None
        now = self._now()
        columns = self._course.columns(now, self._facts.timeline.versions, MOST_FAILURES)
        found = page.chart(columns, self._facts, self._verdict)
        found["marks"] = page.marks(self._known)
        found["phases"][-1]["end"] = max(now, found["phases"][-1]["end"])
        return found
