"""Merged runs that must not be verified."""

from __future__ import annotations

from pathlib import Path

from pytest_zdt.evidence.bundle import MARKS, read_bundle
from pytest_zdt.evidence.merge import merge
from pytest_zdt.verdict.judge import judge

from .test_merge import shard, stored
from .verdict.conftest import Story


def test_a_broken_mark_is_torn(tmp_path: Path) -> None:
    """An end mark that nothing can be made of is left out and counted, so the run is not verified."""
    names = [shard(tmp_path, name) for name in "ab"]
    lines = (names[0] / MARKS).read_bytes().replace(b'"silent_vus": []', b'"silent_vus": ["x"]')
    (names[0] / MARKS).write_bytes(lines)
    merge(names, tmp_path / "out")
    assert read_bundle(tmp_path / "out").run["torn_lines"] == 1
    assert judge(read_bundle(tmp_path / "out")).verdict == "inconclusive"


def test_clocks_that_differ_make_no_overlap(tmp_path: Path) -> None:
    """Two machines saw an instant switch; their clocks are two seconds apart, so joined it looks like an overlap."""
    names = []
    for name, started in (("a", "2026-01-01T00:00:00+00:00"), ("b", "2026-01-01T00:00:02+00:00")):
        story = Story().change(version=lambda item: "v1" if item.sent < 15 else "v2").require(pair_uses=0)
        story.run |= {"id": name, "started_at": started}
        names.append(stored(story, tmp_path / name))
    merge(names, tmp_path / "out")
    found = {one.name: one for one in judge(read_bundle(tmp_path / "out")).requirements}
    assert (found["overlap"].status, found["overlap"].reason) == ("inconclusive", "no-overlap")
    assert "by its own clock" in found["overlap"].detail
