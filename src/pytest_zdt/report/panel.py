"""A run that is under way, for people who watch it: as a panel of a few lines on a terminal, and as one line in a log."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_zdt.report.terminal import Line, clean

NAME_WIDTH = 20
"""Columns of a version's name."""
SHOWN_VERSIONS = 3
SHOWN_KINDS = 3
GRAPH, LEAST_GRAPH = 20, 5
"""Columns of the answers by second, one for each of the last seconds: where there is room for them, and at least."""
NOW = 2.5
"""Seconds after its last answer for which a version is said to answer: what is known is up to a second old."""
WIDEST_BAR, LEAST_BAR = 40, 6
WIDE = 60
"""Columns of a terminal from which on lines are set in as far as the first one's words."""
LEVELS, ASCII_LEVELS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"


@dataclass(frozen=True)
class Release:
    """A version that has answered: good answers, times of the first and the last, and how many in each of the last seconds."""

    name: str
    answers: int
    first: float
    last: float
    by_second: tuple[int, ...] = ()


@dataclass(frozen=True)
class View:
    """What a run looks like at a moment. Times in seconds from the run's start, -1 for never.

    ``stage`` is load, head, deploying or tail, of which ``done`` seconds are over of ``needed`` (0: unknown). ``vus`` are driven
    now, of ``most_vus``, at ``rate`` iterations a second (0: a closed loop); ``per_second`` counts requests of the last seconds.
    ``polled``: versions were asked for beside the load. ``outages`` are endpoints and since when they fail without a success.
    """

    now: float
    limit: float
    stage: str
    done: float
    needed: float
    vus: int
    most_vus: int
    rate: float = 0.0
    per_second: float = 0.0
    requests: int = 0
    failures: int = 0
    last_failure: float = -1.0
    kinds: tuple[tuple[str, int], ...] = ()
    outages: tuple[tuple[str, float], ...] = ()
    releases: tuple[Release, ...] = ()
    polled: bool = False
    report: str = ""


def line(view: View, ended: bool = False) -> str:
    """The run in one line, as a log has it."""
    stage = "" if view.stage == "load" else f"{view.stage}, "
    left = f"at most {max(0.0, view.limit - view.now):.0f}s left, " if _bounded(view) else ""
    going = f"{stage}{left}{_users(view)}, {view.per_second:.0f} requests/s, "
    names = ", ".join(_fitted(release.name, NAME_WIDTH) for release in view.releases[-5:])
    more = f"{len(view.releases) - 5} before, " if len(view.releases) > 5 else ""
    versions = f"versions: {more}{names}" if names else _nameless(view)
    outage = f"{_outage(view)}, " if view.outages else ""
    return (
        f"zdt {view.now:4.0f}s: {'ended, ' if ended else going}{_many(view.requests, 'request')}, {view.failures} failed, "
        f"{outage}{versions}"
    )


def panel(view: View, width: int, height: int = 9, ascii_only: bool = False) -> list[Line]:
    """The run as lines of less than ``width`` columns, ``height`` of them at most: of more, the least important are left out."""
    indent = " " * (5 if width >= WIDE else 2)
    rows = [(3, (_load(view), ""))]
    rows += [(4, one) for one in _releases(view, width - len(indent), ascii_only)]
    rows += [(1, _failures(view))]
    rows += [(2, (_outage(view), "red"))] if view.outages else []
    rows += [(5, (f"evidence in {view.report}", "dim"))] if view.report else []
    kept = sorted(range(len(rows)), key=lambda index: (rows[index][0], index))[: max(0, height - 1)]
    lines = [(indent + text, style) for text, style in (rows[index][1] for index in sorted(kept))]
    return [(_fitted(text, width - 1), style) for text, style in (_stage(view, width, ascii_only), *lines)]


def _bounded(view: View) -> bool:
    """Whether it is known how long the run may go on: a deployment takes its time, and has its tail after it."""
    return view.stage not in ("head", "deploying")


def _stage(view: View, width: int, ascii_only: bool) -> Line:
    of = f" of {_clock(view.needed)}" if view.needed else ""
    begin = f"zdt  {view.stage} {_clock(view.done)}{of}"
    left = f"at most {_clock(max(0.0, view.limit - view.now))} left" if _bounded(view) else f"{_clock(view.now)} done"
    done = f"{_clock(view.now)} done, {left}" if view.stage == "tail" else left
    for end in (f"  {done}", f"  {left}", f"  {left.removeprefix('at most ')}", ""):
        room = min(WIDEST_BAR, width - 1 - len(begin) - len(end) - 2)
        if room >= LEAST_BAR:
            break
    share = view.done / view.needed if view.needed else view.now / view.limit
    return begin + (f"  {_bar(share, room, ascii_only)}" if room >= LEAST_BAR else "") + end, "bold"


def _bar(share: float, width: int, ascii_only: bool) -> str:
    full = round(min(1.0, max(0.0, share)) * width)
    return "#" * full + "." * (width - full) if ascii_only else "━" * full + "╌" * (width - full)


def _load(view: View) -> str:
    return f"{_users(view)}, {view.per_second:.0f} requests/s now, {_many(view.requests, 'request')}"


def _users(view: View) -> str:
    if view.rate:
        return f"up to {_many(view.vus, 'VU')} at {view.rate:g} tests/s"
    return f"{view.vus} of {_many(view.most_vus, 'VU')}" if view.vus != view.most_vus else _many(view.vus, "VU")


def _nameless(view: View) -> str:
    if view.requests > view.failures:
        return "no answer names a version"
    return "no answer yet" if not view.requests else "no good answer yet"


def _releases(view: View, width: int, ascii_only: bool) -> Iterator[Line]:
    """A line for each version, the old one and those that came last: all with as long a graph as fits into each, or none."""
    if not view.releases:
        yield f"{_nameless(view)}", "yellow" if view.requests else ""
        return
    shown = view.releases
    if len(shown) > SHOWN_VERSIONS:
        shown = (shown[0], *shown[1 - SHOWN_VERSIONS :])
    names = [_fitted(release.name, NAME_WIDTH) for release in shown]
    longest = max(map(columns, names))
    numbers = [f"{_many(release.answers, 'poll' if view.polled else 'answer')}" for release in shown]
    digits = max(map(len, numbers))
    whens = [_when(view, release) for release in shown]
    most = max((max(release.by_second, default=0) for release in shown), default=0)
    room = min(GRAPH, width - 1 - longest - digits - max(map(len, whens)) - 6)  # three gaps of two
    drawn = most and not view.polled and room >= LEAST_GRAPH
    for release, name, number, when in zip(shown, names, numbers, whens, strict=True):
        graph = f"  {_graph(release.by_second, most, room, ascii_only)}" if drawn else ""
        yield f"{name}{' ' * (longest - columns(name))}  {number:>{digits}}{graph}  {when}", ""
    if len(shown) < len(view.releases):
        yield f"and {_many(len(view.releases) - len(shown), 'version')} between", "dim"


def _graph(counts: Sequence[int], most: int, width: int, ascii_only: bool) -> str:
    levels = ASCII_LEVELS if ascii_only else LEVELS
    top = len(levels) - 1
    text = "".join(levels[0 if not count else max(1, round(count / most * top))] for count in counts[-width:])
    return text.rjust(width)


def _when(view: View, release: Release) -> str:
    since = "" if release is view.releases[0] else f", first at {_clock(release.first)}"
    ago = view.now - release.last
    return f"answers now{since}" if ago < NOW else f"last {_clock(ago)} ago{since}"


def _failures(view: View) -> Line:
    if not view.failures:
        return "no request failed", "dim" if view.requests else ""
    kinds = sorted(view.kinds, key=lambda one: (-one[1], one[0]))
    told = ", ".join(f"{number} {kind}" for kind, number in kinds[:SHOWN_KINDS])
    more = f", {len(kinds) - SHOWN_KINDS} other kinds" if len(kinds) > SHOWN_KINDS else ""
    return f"{view.failures} failed, the last {_clock(view.now - view.last_failure)} ago: {told}{more}", "red"


def _outage(view: View) -> str:
    """What fails without a success between."""
    name, since = view.outages[0]
    more = f" and {len(view.outages) - 1} more" if len(view.outages) > 1 else ""
    return f"outage for {_clock(view.now - since)}: {_fitted(name, 3 * NAME_WIDTH)}{more}"


def _clock(seconds: float) -> str:
    """``0:05``, ``12:30``, ``1:00:00``."""
    whole = max(0, int(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def columns(text: str) -> int:
    """How many columns of a terminal a text takes that `clean` has left: East Asian wide characters two, combining ones none."""
    return sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _fitted(text: str, width: int) -> str:
    """The text without control characters, cut to so many columns."""
    text = clean(text)
    if columns(text) <= width:
        return text
    kept, taken = "", 0
    for char in text:
        taken += _columns_of(char)
        if taken > max(0, width - 2):
            return f"{kept}.."[: max(0, width)]
        kept += char
    return kept
