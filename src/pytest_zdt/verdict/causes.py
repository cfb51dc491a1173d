"""From failures to their likely cause: a table of signatures. A guess for people, which never changes the verdict.

The rows are those of the table of unsafe deployments in the documentation: A for what breaks logically, B for locks and load, C
for the application and its protocols; an empty row is none of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from pytest_zdt.evidence.kinds import IN_FLIGHT
from pytest_zdt.verdict.facts import Facts, count
from pytest_zdt.verdict.model import Cause, Overlap
from pytest_zdt.verdict.overlap import overlap
from pytest_zdt.verdict.phases import HEAD, Change, Part

WRITES: Final = ("POST ", "PUT ", "PATCH ", "DELETE ")
OFTEN = 0.05
"""Share of a version's requests to an endpoint that must fail for its failing to be systematic."""


@dataclass(frozen=True)
class Signs:
    """The failures from the rollout on of one change, and what may be asked of them; each gives the endpoints that show it."""

    change: Change
    failures: list[Part]
    requests: Counter[tuple[str, str]]

    def endpoints(self, *kinds: str, version: str | None = None) -> set[str]:
        """The endpoints that failed so, by that version (empty: none was named) or by any."""
        return {
            part.labels.endpoint for part in self.failures if part.labels.kind in kinds and version in (None, part.labels.version)
        }

    def broken(self, version: str) -> set[str]:
        """The endpoints that a version answered with a 5xx, and not just now and then."""
        counts: Counter[str] = Counter()
        for part in self.failures:
            if part.labels.kind == "status-5xx" and part.labels.version == version:
                counts[part.labels.endpoint] += len(part.series)
        return {name for name, number in counts.items() if version and number >= OFTEN * self.requests[name, version]}

    def refused(self, made_by: str, used_on: str) -> int:
        """How many uses of what one version made were refused by the other."""
        return sum(
            len(part.series)
            for part in self.failures
            if part.labels.kind == "auth-broken" and (part.labels.made_by, part.labels.version) == (made_by, used_on)
        )

    def one_sided(self, *kinds: str, statuses: tuple[int, ...] = ()) -> set[str]:
        """The endpoints that failed so on one of the versions alone."""
        seen: dict[str, set[str]] = defaultdict(set)
        for part in self.failures:
            if part.labels.kind in kinds and (not statuses or part.labels.status in statuses):
                seen[part.labels.endpoint].add(part.labels.version)
        return {name for name, versions in seen.items() if len(versions) == 1}

    def everywhere(self, endpoints: set[str]) -> bool:
        """Whether these are most of the run's endpoints."""
        return len(endpoints) > 1 and len(endpoints) >= 0.8 * len({name for name, _ in self.requests})


def _listed(endpoints: set[str]) -> str:
    names = sorted(endpoints)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _both_ways(signs: Signs) -> str:
    old, new = signs.change.old, signs.change.new
    back, on = signs.refused(new, old), signs.refused(old, new)
    return f"{old} refused {back} uses of tokens of {new}, {new} refused {on} of {old}" if back and on else ""


def _new_on_old(signs: Signs) -> str:
    old, new = signs.change.old, signs.change.new
    number = signs.refused(new, old)
    return f"{old} refused {number} uses of tokens that {new} had issued" if number and not signs.refused(old, new) else ""


def _old_on_new(signs: Signs) -> str:
    old, new = signs.change.old, signs.change.new
    number = signs.refused(old, new)
    return f"{new} refused {number} uses of tokens that {old} had issued" if number and not signs.refused(new, old) else ""


def _old_writes(signs: Signs) -> str:
    broken = signs.broken(signs.change.old)
    fits = broken and all(name.startswith(WRITES) for name in broken)
    return f"{signs.change.old} answered 5xx on writes alone once the deployment had begun: {_listed(broken)}" if fits else ""


def _old_reads(signs: Signs) -> str:
    broken = signs.broken(signs.change.old)
    fits = any(not name.startswith(WRITES) for name in broken)
    return f"{signs.change.old} answered 5xx on reads once the deployment had begun: {_listed(broken)}" if fits else ""


def _new_fails(signs: Signs) -> str:
    broken = signs.broken(signs.change.new)
    fits = broken and not signs.broken(signs.change.old)
    return f"{signs.change.new} answered 5xx and {signs.change.old} did not: {_listed(broken)}" if fits else ""


def _races_only(signs: Signs) -> str:
    kinds = {part.labels.kind for part in signs.failures}
    return f"{count(signs.failures)} requests met a connection that was just being closed" if kinds == {"keep-alive-race"} else ""


def _time_outs_everywhere(signs: Signs) -> str:
    slow = signs.endpoints("read-timeout")
    return "reads and writes of most endpoints timed out" if signs.everywhere(slow) else ""


def _time_outs_of_writes(signs: Signs) -> str:
    slow = signs.endpoints("read-timeout")
    return f"writes alone timed out: {_listed(slow)}" if slow and all(name.startswith(WRITES) for name in slow) else ""


def _nobody_there(signs: Signs) -> str:
    down = signs.endpoints("connect-refused", "connect-timeout", "reset")
    return "connections to most endpoints were refused or reset" if signs.everywhere(down) else ""


def _not_found(signs: Signs) -> str:
    lacking = signs.one_sided("not-found-on-one-version")
    return f"404 by one version, an answer by the other: {_listed(lacking)}" if lacking else ""


def _other_body(signs: Signs) -> str:
    changed = signs.one_sided("wrong-body")
    return f"a test did not find what it expects in the answers of one version: {_listed(changed)}" if changed else ""


def _narrower(signs: Signs) -> str:
    strict = signs.one_sided("wrong-status", statuses=(400, 422))
    return f"one version refused requests that the other takes: {_listed(strict)}" if strict else ""


def _edge(signs: Signs) -> str:
    refused = signs.endpoints("status-5xx", version="")
    return f"5xx answers that name no version, so from what stands before the application: {_listed(refused)}" if refused else ""


def _limits(signs: Signs) -> str:
    limited = signs.one_sided("throttled")
    return f"one version alone answered 429: {_listed(limited)}" if limited else ""


class Row(NamedTuple):
    """A line of the table: the row of the documentation, what it is, the safe way, and the signature that tells of it."""

    row: str
    title: str
    safe: str
    fits: Callable[[Signs], str]


TABLE: Final = (
    Row("C2", "a signing key or secret was replaced at the deployment", "accept both keys while two versions run", _both_ways),
    Row("C1", "the new version issues tokens in a form that the old one cannot read",
        "teach every instance to read the new form first, issue it with the next release", _new_on_old),
    Row("A22", "the new version needs something of stored tokens that the old one does not write",
        "let the new version fall back to the old form; fill in the rest after the last old instance is gone", _old_on_new),
    Row("A6", "a new column is NOT NULL without a default of the database, or a constraint became narrower",
        "add it nullable or with a database default (db_default); tighten it when the old version is gone", _old_writes),
    Row("A1, A3", "a column or table that the old version reads was dropped or renamed",
        "stop using it, deploy, and drop it with the next release; to rename, keep the old name in the database", _old_reads),
    Row("A3", "the new version needs a schema or data that are not there yet",
        "migrate before the new version answers, and let it work with both states", _new_fails),
    Row("C14", "the server closes idle connections that the balancer or client still uses",
        "keep idle connections open longer on the server than before it; close them while draining with `Connection: close`",
        _races_only),
    Row("B7", "a migration waits for or holds a lock that everything queues behind",
        "set lock_timeout to 1-2 s and try again; no long transactions while migrating", _time_outs_everywhere),
    Row("B1", "a migration blocks writes, as building an index does", "build indexes CONCURRENTLY, backfill in small batches",
        _time_outs_of_writes),
    Row("", "the old instances ended before new ones were ready",
        "start the new version beside the old one, and drain the old one only when the new one answers", _nobody_there),
    Row("C4, C5", "a route exists in one version only", "deploy the route first, use or link it with the next release",
        _not_found),
    Row("C6", "a field of the answers changed its type, name or meaning", "add fields, do not change them", _other_body),
    Row("C7", "a request needs more than before: a field, a scope, a narrower value", "make it optional first", _narrower),
    Row("C14", "what stands before the application sent requests to an instance that was not ready or gone",
        "let instances tell when they are ready, and take them out of the balancer before they end", _edge),
    Row("C11", "the two versions count rate limits differently", "keep the form of the counters, or give them a versioned key",
        _limits),
)  # fmt: skip


def likely_causes(facts: Facts) -> list[Cause]:
    """What fits the failures, the most telling first; empty without failures from the rollout on."""
    found = []
    for change in facts.timeline.changes:
        signs = _signs(facts, change)
        for row in TABLE if signs.failures else ():
            because = row.fits(signs)
            if because:
                found.append(Cause(row.row, row.title, because, row.safe))
    return list(dict.fromkeys(found))


def _signs(facts: Facts, change: Change) -> Signs:
    start = change.since if change.start is None else change.start
    requests: Counter[tuple[str, str]] = Counter()
    before = {part.labels[:2] for part in facts.parts if part.phase == HEAD and part.labels.failed}
    failures = []
    for part in facts.parts:
        sent = _met(part, start, change.end)
        if part.phase == HEAD or not sent or not part.labels.counted:
            continue
        requests[part.labels.endpoint, part.labels.version] += sent
        if part.labels.failed and part.labels[:2] not in before:  # what failed before is not the deployment's doing
            failures.append(part)
    return Signs(change, failures, requests)


def _met(part: Part, start: float, stop: float) -> int:
    """How many of the requests were sent in that time, or broke in it."""
    one = part.series
    if one.labels.kind not in IN_FLIGHT:
        return one.count(start, stop)
    return sum(sent <= stop and sent + took >= start for sent, took in zip(one.sent, one.took, strict=True))


def why_no_overlap(facts: Facts, change: Change, span: Overlap | None) -> str:
    """Why too little overlap was seen, guessed from the lanes and from who saw which version, with what to do about it."""
    if {one.labels.lane for one in facts.of_vus} == {"reused"}:
        return "keep-alive connections stay on the old version: drive the `new` lane too"
    if span is None and overlap([one for one in facts.series if one.labels.probe], change):
        return "probes met both versions side by side, no virtual user did: use more of them or a shorter pace"
    if span is None:
        return "an instant switch from one version to the other (if it is meant so, set overlap = false)"
    seen: dict[int, set[str]] = defaultdict(set)
    for one in facts.of_vus:
        if one.labels.version and one.labels.lane != "reused":
            for sent, vu in zip(one.sent, one.vu, strict=True):
                if span.start_s <= sent <= span.end_s:
                    seen[vu].add(one.labels.version)
    if len(seen) > 1 and all(len(versions) == 1 for versions in seen.values()):
        return "connections look sticky, no virtual user met both versions: turn off session affinity or use more virtual users"
    return "the overlap was too short or the load too thin: use more virtual users or a shorter pace"
