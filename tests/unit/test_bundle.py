"""The evidence's directory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_zdt.evidence.bundle import MARKS, SAMPLES, BundleError, BundleWriter, add_mark, check_free, read_bundle, read_samples
from pytest_zdt.evidence.marks import Mark
from pytest_zdt.evidence.samples import Sample, pack

MADE = ("verdict.json", "summary.md", "report.html")
"""What is made of the evidence."""
RUN = {"schema": "zdt-run/1", "id": "cafe"}


def batch(*sent: float) -> bytes:
    """A packed batch of samples sent then."""
    return pack([Sample(at, "GET /") for at in sent], "main", 0.0)


def written(directory: Path) -> Path:
    """A bundle with two batches and a mark."""
    writer = BundleWriter(directory, RUN)
    writer.add_batch(batch(1.0, 2.0))
    writer.add_mark(Mark(1.5, "deploy-started"))
    writer.add_batch(batch(3.0))
    writer.close()
    return directory


def test_append_and_read(tmp_path: Path) -> None:
    """What was appended is read, in order."""
    evidence = read_bundle(written(tmp_path / "deep" / "report"))
    assert evidence.run == RUN
    assert [list(one.sent) for one in evidence.samples.series()] == [[1.0, 2.0, 3.0]]
    assert [sample.sent for sample in read_samples(tmp_path / "deep" / "report")] == [1.0, 2.0, 3.0]
    assert evidence.marks == [Mark(1.5, "deploy-started")]
    assert evidence.torn_lines == 0


def test_a_line_can_be_read_at_once(tmp_path: Path) -> None:
    """A batch is on its way to the disk when the call returns: a run that is killed has its evidence."""
    writer = BundleWriter(tmp_path, RUN)
    writer.add_batch(batch(1.0))
    assert len(read_bundle(tmp_path).samples) == 1
    writer.close()


@pytest.mark.parametrize("name, left", [(SAMPLES, 2), (MARKS, 3)])
def test_torn_last_line_is_counted(tmp_path: Path, name: str, left: int) -> None:
    """A torn last line is counted and left out, the others are read."""
    path = written(tmp_path) / name
    path.write_bytes(path.read_bytes()[:-9])
    evidence = read_bundle(tmp_path)
    assert (evidence.torn_lines, len(evidence.samples)) == (1, left)


@pytest.mark.parametrize("number", ["1e15", "-6e7", "1e999"])
@pytest.mark.parametrize("name, left, field", [(SAMPLES, 2, '"sent":['), (MARKS, 3, '"at": ')])
def test_an_absurd_time_is_none(tmp_path: Path, name: str, left: int, field: str, number: str) -> None:
    """A time of years is no time of a run: a chart of it would have no end."""
    path = written(tmp_path) / name
    *before, last = path.read_text().splitlines()
    path.write_text("\n".join([*before, re.sub(re.escape(field) + "[-0-9.]+", field + number, last)]) + "\n")
    evidence = read_bundle(tmp_path)
    assert (evidence.torn_lines, len(evidence.samples)) == (1, left)


def test_a_text_that_is_none(tmp_path: Path) -> None:
    """A number among the texts tears the line, as it may be any of them."""
    path = written(tmp_path) / SAMPLES
    path.write_text(path.read_text().replace('"strings":["",', '"strings":[3,', 1))
    assert read_bundle(tmp_path).torn_lines == 1


def test_what_comes_after_the_end_is_left_out(tmp_path: Path) -> None:
    """After the close nothing is added, and nobody is troubled."""
    writer = BundleWriter(tmp_path, RUN)
    writer.close()
    writer.add_batch(batch(1.0))
    writer.add_mark(Mark(1.0, "late"))
    evidence = read_bundle(tmp_path)
    assert (len(evidence.samples), evidence.marks) == (0, [])


def test_a_new_bundle_replaces_the_old_one(tmp_path: Path) -> None:
    """Evidence of another run does not mix with this one's, and files of others stay."""
    (written(tmp_path) / "notes.txt").write_text("mine")
    for name in MADE:
        (tmp_path / name).write_text("old")
    other = {**RUN, "id": "beef"}
    BundleWriter(tmp_path, other).close()
    evidence = read_bundle(tmp_path)
    assert (evidence.run, len(evidence.samples), evidence.marks) == (other, 0, [])
    assert not any((tmp_path / name).exists() for name in MADE)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("content", [None, "", "{"])
def test_no_run(tmp_path: Path, content: str | None) -> None:
    """A directory without a run is refused."""
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(BundleError, match=r"holds no run: run\.json cannot be read"):
        read_bundle(tmp_path)


def test_check_free(tmp_path: Path) -> None:
    """A directory is free when it is missing, or holds no evidence, or may be overwritten."""
    check_free(tmp_path / "missing", overwrite=False)
    (tmp_path / "other.txt").touch()
    check_free(tmp_path, overwrite=False)
    written(tmp_path)
    with pytest.raises(BundleError, match="holds another run's evidence"):
        check_free(tmp_path, overwrite=False)
    check_free(tmp_path, overwrite=True)


@pytest.mark.parametrize("name", MADE)
def test_a_report_is_not_free(tmp_path: Path, name: str) -> None:
    """What a run would replace may be somebody's own, also where there is no evidence beside it."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(BundleError, match="holds another run's evidence"):
        check_free(tmp_path, overwrite=False)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_is_not_free(tmp_path: Path, overwrite: bool) -> None:
    """A file in the directory's place is never replaced."""
    (tmp_path / "report").touch()
    with pytest.raises(BundleError, match="is a file"):
        check_free(tmp_path / "report", overwrite)


def test_marks_of_others_are_told_once(tmp_path: Path) -> None:
    """What other processes have marked since the last time, without the run's own marks and without a torn line."""
    writer = BundleWriter(tmp_path, RUN)
    assert writer.told() == []
    writer.add_mark(Mark(1.0, "deploy-started", {"command": "make"}))
    add_mark(tmp_path, Mark(2.0, "half-way"))
    writer.add_mark(Mark(2.5, "control", {"ok": True}))
    assert writer.told() == [Mark(2.0, "half-way")]
    with (tmp_path / MARKS).open("ab") as marks:
        marks.write(Mark(3.0, "deploy-ended").as_line()[:10])
    assert writer.told() == []
    with (tmp_path / MARKS).open("ab") as marks:
        marks.write(Mark(3.0, "deploy-ended").as_line()[10:] + b"\nnothing\n")
    assert writer.told() == [Mark(3.0, "deploy-ended")]
    assert writer.told() == []
    writer.close()
