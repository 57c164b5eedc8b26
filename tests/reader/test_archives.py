"""Files whose counts are in archives, which are made while a directory is read (FORMAT.md 3.12)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents2 import (
    counter,
    gauge,
    myself,
    write2,
)
from mmstats_testing.running import skip_or_fail

from mmstats_reader import Directory, _directory, clean

ARCHIVE = {"incompatible": 1, "state": 2, "pid": 0}


def identity(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_an_archive_s_counts_are_in_the_total_and_those_of_its_files_not_again(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    """V2-F1, V2-F2: whatever the order of the names; and folding is no growth."""
    for number, name in enumerate("az"):
        metrics = (counter("m", 10 + number), gauge("g", 1))
        write2(tmp_path / f"{name}.mmstats", *metrics, writer_id=identity(number + 77), **myself())
    assert stats.poll().total("m") == 21
    folded = (identity(77), identity(78))
    write2(tmp_path / ".new", counter("m", 24), gauge("g", 5), folded=folded[:1], **ARCHIVE)
    (tmp_path / ".new").replace(tmp_path / "shop.archive.mmstats")
    view = stats.poll()
    assert view.total("m") == 24 + 11
    assert view.rate("m") == 24 - 10
    assert view.total("g") == 1, "its writer is dead"
    assert [Path(process.path).name for process in view.processes] == ["z.mmstats"]
    write2(tmp_path / ".new", counter("m", 40), folded=folded, **ARCHIVE)
    (tmp_path / ".new").replace(tmp_path / "shop.archive.mmstats")
    view = stats.poll()
    assert (view.total("m"), view.rate("m")) == (40, 40 - 24 - 11)
    for name in "az":
        (tmp_path / f"{name}.mmstats").unlink()
    view = stats.poll()
    assert (view.total("m"), view.rate("m")) == (40, 0)


def test_a_fold_between_two_polls_is_no_growth(tmp_path: Path, stats: Directory, clock: list[float]) -> None:
    """V2-F2: also where the archive has forgotten whose counts it has; what they counted meanwhile is growth."""
    write2(tmp_path / "a.mmstats", counter("m", 1000), writer_id=identity(77), **myself())
    write2(tmp_path / "b.mmstats", counter("m", 10), writer_id=identity(78), **myself())
    stats.poll()
    write2(tmp_path / "a.mmstats", counter("m", 1002), writer_id=identity(77), **myself(), state=2)
    write2(tmp_path / "b.mmstats", counter("m", 13), writer_id=identity(78), **myself())
    clean(tmp_path, fold=True)
    view = stats.poll()
    assert (view.total("m"), view.rate("m")) == (1015, 5)
    view = stats.poll()
    assert (view.total("m"), view.rate("m")) == (1015, 0)


def test_another_user_s_archive_takes_no_file_away(tmp_path: Path, stats: Directory) -> None:
    """V2-F1, V2-F2: FORMAT.md 3.17."""
    if os.geteuid():
        skip_or_fail("only the superuser can give a file to another user")
    write2(tmp_path / "a.mmstats", counter("m", 10), writer_id=identity(77), **myself())
    archive = write2(tmp_path / "evil.archive.mmstats", counter("m", 1), folded=(identity(77),), **ARCHIVE)
    os.chown(archive, 65534, 65534)
    assert stats.poll().total("m") == 11
    os.chown(tmp_path / "a.mmstats", 65534, 65534)
    with Directory(tmp_path) as fresh:
        assert fresh.poll().total("m") == 1


def test_a_file_that_is_folded_while_the_directory_is_listed_counts_once(
    tmp_path: Path, stats: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-R9, V2-F4: the list has the file still, and its archive, which has forgotten it, already."""
    write2(tmp_path / "a.mmstats", counter("m", 10), state=2)
    write2(tmp_path / "b.mmstats", counter("m", 1))
    assert stats.poll().total("m") == 11
    list_ = Directory._list

    def slowly(self: Directory) -> Any:
        monkeypatch.undo()
        early = list_(self)[0]
        clean(tmp_path, fold=True)
        late, errors = list_(self)
        return early | late, errors

    monkeypatch.setattr(Directory, "_list", slowly)
    view = stats.poll()
    assert view.complete
    assert view.total("m") == 11


@pytest.mark.parametrize("step", ["before", "between"])
def test_a_fold_while_a_pass_is_made_is_seen_in_whole(
    tmp_path: Path, stats: Directory, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """V2-F4: the archive is replaced, and the source removed, after the archives were read or the files listed."""
    write2(tmp_path / "a.mmstats", counter("m", 10), writer_id=identity(77), **myself())
    archive = tmp_path / "shop.archive.mmstats"
    write2(archive, counter("m", 1), **ARCHIVE)
    stats.poll()
    real, calls = _directory._read, []

    def fold_meanwhile(files: Any, errors: Any) -> Any:
        calls.append(len(files))
        if len(calls) == (1 if step == "before" else 2):
            write2(tmp_path / ".new", counter("m", 11), folded=(identity(77),), **ARCHIVE).replace(archive)
            (tmp_path / "a.mmstats").unlink()
        return real(files, errors)

    monkeypatch.setattr(_directory, "_read", fold_meanwhile)
    view = stats.poll()
    assert view.total("m") == 11
    assert view.complete
    assert len(calls) == 4, "it started over once"


@pytest.mark.parametrize("before", [True, False])
def test_where_archives_never_settle_the_last_complete_pass_is_given_and_marked(
    tmp_path: Path, stats: Directory, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    """V2-F4: after a bounded number of times; where there is none, what was read last is marked."""
    archive = tmp_path / "shop.archive.mmstats"
    write2(archive, counter("m", 1), **ARCHIVE)
    if before:
        assert stats.poll().total("m") == 1
    real, passes = _directory._read, []

    def replace(files: Any, errors: Any) -> Any:
        passes.append(1)
        write2(tmp_path / ".new", counter("m", 1 + len(passes)), **ARCHIVE).replace(archive)
        return real(files, errors)

    monkeypatch.setattr(_directory, "_read", replace)
    view = stats.poll()
    assert not view.complete
    assert len(passes) == 10, "five passes over archives and files"
    assert (view.total("m") == 1) is before
    monkeypatch.undo()
    settled = stats.poll()
    assert settled.complete
    assert settled.total("m") == 11


def test_an_archive_that_appears_or_vanishes_meanwhile_is_seen(
    tmp_path: Path, stats: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-F4."""
    write2(tmp_path / "a.mmstats", counter("m", 10), writer_id=identity(77), **myself())
    archive = tmp_path / "shop.archive.mmstats"
    real = _directory._read
    changes: list[Any] = [
        lambda: write2(archive, counter("m", 10), folded=(identity(77),), **ARCHIVE),
        lambda: archive.unlink(),
    ]

    def change(files: Any, errors: Any) -> Any:
        found = real(files, errors)
        if changes:
            changes.pop(0)()
        return found

    monkeypatch.setattr(_directory, "_read", change)
    view = stats.poll()
    assert (view.total("m"), view.complete, changes) == (10, True, [])
