"""A directory whose files come, change and go, and the views of it (FORMAT.md 3.9)."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import two, write
from mmstats_testing.documents2 import (
    counter,
    gauge,
    histogram,
    labelled,
    last,
    myself,
    put,
    text,
    write2,
)
from mmstats_testing.running import descriptors, within

from mmstats_format import FormatError
from mmstats_reader import Directory, View, _directory


def names_of(view: View) -> list[str]:
    return [family.name for family in view]


def test_only_the_directory_s_own_files_of_that_name_count(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, counter("m", 1))
    (tmp_path / "sub.mmstats").mkdir()
    write2(tmp_path / "sub.mmstats" / "x.mmstats", counter("m", 1))
    write2(tmp_path / ".hidden.mmstats", counter("m", 1))
    write2(tmp_path / "other.txt", counter("m", 1))
    view = stats.poll()
    assert view.total("m") == 1
    assert not view.errors


def test_files_appear_change_and_vanish_between_polls(tmp_path: Path, stats: Directory) -> None:
    """V2-R9: a file that was replaced is opened anew, also where it is replaced by an older one."""
    assert len(stats.poll()) == 0
    put(tmp_path, counter("m", 1))
    assert stats.poll().total("m") == 1
    put(tmp_path, counter("m", 2), counter("m", 3))  # the first in place
    assert stats.poll().total("m") == 5
    write2(tmp_path / "new", counter("m", 10)).replace(tmp_path / "a.mmstats")
    assert stats.poll().total("m") == 13
    (tmp_path / "b.mmstats").unlink()
    assert stats.poll().total("m") == 10
    (tmp_path / "a.mmstats").unlink()
    assert "m" not in stats.poll()


@pytest.mark.parametrize("mapped", [True, False])
def test_a_file_that_comes_amid_a_poll_is_read_whole_at_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mapped: bool
) -> None:
    """V2-R2: what was seen of it when it came, to know whether it is an archive (V2-F4), is old by then."""
    put(tmp_path, counter("m", 1))
    real = _directory._read

    def come(files: Any, errors: Any) -> Any:
        found = real(files, errors)
        put(tmp_path, counter("m", 1), counter("m", 2))
        return found

    with Directory(tmp_path, mapped=mapped) as stats:
        monkeypatch.setattr(_directory, "_read", come)
        assert stats.poll().total("m") == 1
        monkeypatch.undo()
        put(tmp_path, counter("m", 1), (counter("m", 2), counter("n", 3)))
        view = stats.poll()
        assert (view.total("m"), view.total("n")) == (3, 3)


def test_a_directory_in_a_file_s_place_is_no_file(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, counter("m", 1), counter("m", 2))
    stats.poll()
    (tmp_path / "b.mmstats").unlink()
    (tmp_path / "b.mmstats").mkdir()
    view = stats.poll()
    assert (view.total("m"), dict(view.errors)) == (1, {})


def test_a_link_whose_target_is_replaced_leads_to_the_new_file(tmp_path: Path, stats: Directory) -> None:
    """V2-R9: what the directory says of a link does not change with what it leads to."""
    target = write2(tmp_path / "target", counter("m", 1))
    (tmp_path / "a.mmstats").symlink_to(target)
    assert stats.poll().total("m") == 1
    write2(tmp_path / "new", counter("m", 2)).replace(target)
    assert stats.poll().total("m") == 2
    target.unlink()
    assert "m" not in stats.poll()


def test_a_directory_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    """V2-R9."""
    path = tmp_path / "stats"
    path.mkdir()
    put(path, counter("m", 1))
    with Directory(path) as stats:
        assert stats.poll().total("m") == 1
        path.rename(tmp_path / "old")
        with pytest.raises(FileNotFoundError):
            stats.poll()
        path.mkdir()
        put(path, counter("m", 5))
        assert stats.poll().total("m") == 5


def test_a_directory_that_a_link_leads_to_elsewhere_is_opened_anew(tmp_path: Path) -> None:
    """V2-R9: a number of an inode is that of one device; what is kept is given up with the directory."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first = write2(tmp_path / "one" / "a.mmstats", counter("m", 1))
    os.link(first, tmp_path / "two" / "a.mmstats")
    link = tmp_path / "stats"
    link.symlink_to("one")
    with Directory(link) as stats:
        stats.poll()
        kept = stats._files[str(link / "a.mmstats")]
        stats.poll()
        assert stats._files[str(link / "a.mmstats")] is kept
        link.unlink()
        link.symlink_to("two")
        assert stats.poll().total("m") == 1
        assert stats._files[str(link / "a.mmstats")] is not kept


def test_malformed_and_unreadable_files_are_errors_and_everything_else_goes_on(
    tmp_path: Path, stats: Directory
) -> None:
    put(tmp_path, counter("m", 1), counter("m", 2))
    (tmp_path / "c.mmstats").write_bytes(b"\2")
    (tmp_path / "d.mmstats").write_bytes(b"")
    os.mkfifo(tmp_path / "e.mmstats")
    (tmp_path / "gone.mmstats").symlink_to("nowhere")
    with within(20):
        view = stats.poll()
    assert view.total("m") == 3
    errors = {Path(path).name: error for path, error in view.errors.items()}
    assert sorted(errors) == ["c.mmstats", "d.mmstats", "e.mmstats"]
    assert {getattr(errors[f"{name}.mmstats"], "code", None) for name in "cd"} == {"truncated"}
    assert isinstance(errors["e.mmstats"], OSError)
    assert all(getattr(error, "filename", None) == path for path, error in view.errors.items())


def test_a_file_that_turns_malformed_and_is_mended_leaves_and_comes_back(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, counter("m", 1), counter("m", 2))
    assert stats.poll().total("m") == 3
    path = tmp_path / "b.mmstats"
    good = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(96)
        file.write(b"\7")
    view = stats.poll()
    assert view.total("m") == 1
    error = view.errors[str(path)]
    assert isinstance(error, FormatError)
    assert (error.code, error.offset) == ("bad-control", 96)
    with path.open("r+b") as file:
        file.write(good)
    assert stats.poll().total("m") == 3


def test_a_file_that_is_emptied_and_written_anew_as_another_version_is_read(tmp_path: Path, stats: Directory) -> None:
    """V2-X2: the original takes names from existing files."""
    path = write2(tmp_path / "a.mmstats", counter("m", 1))
    assert stats.poll().total("m") == 1
    write(path, two("m", "Q", 2))
    assert stats.poll().total("m") == 2
    write2(path, counter("m", 3), gauge("g", 1))
    assert stats.poll().total("m") == 3


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_of_two_files_of_one_writer_one_counts(tmp_path: Path, stats: Directory, link: Any) -> None:
    """V2-R8: a file under two names; and a copy of it."""
    put(tmp_path, counter("m", 1), counter("m", 2))
    link(tmp_path / "a.mmstats", tmp_path / "c.mmstats")
    (tmp_path / "d.mmstats").write_bytes((tmp_path / "b.mmstats").read_bytes())
    view = stats.poll()
    assert view.total("m") == 3
    assert [Path(process.path).name for process in view.processes] == ["a.mmstats", "b.mmstats"]


def test_of_a_version_1_file_under_two_names_one_counts(tmp_path: Path, stats: Directory) -> None:
    """V2-R8 in spirit: it has no id, but it is one file."""
    write(tmp_path / "a.mmstats", two("m", "Q", 5))
    os.link(tmp_path / "a.mmstats", tmp_path / "b.mmstats")
    assert stats.poll().total("m") == 5


def test_at_most_half_of_the_descriptors_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond that a file is opened each time, and says the same."""
    for number in range(20):
        write2(tmp_path / f"{number:02}.mmstats", counter("m", number), **myself())
    before = len(descriptors())
    with open(os.devnull) as lowest:
        most = 2 * (lowest.fileno() + 10)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (most, 4096))
    with Directory(tmp_path) as stats:
        for _ in range(3):
            view = stats.poll()
            assert view.total("m") == 190
            assert len(view.processes) == 20
            kept = len(descriptors()) - before
            assert 0 < kept <= 10
        write2(tmp_path / "new", counter("m", 100)).replace(tmp_path / "19.mmstats")
        assert stats.poll().total("m") == 271
    assert len(descriptors()) == before


@pytest.mark.parametrize("mapped", [False, True])
def test_a_file_that_is_cut_is_an_error_and_no_signal(tmp_path: Path, mapped: bool) -> None:
    """V2-R1: mapped or not; only while it is read a mapping must not be cut."""
    path = write2(tmp_path / "a.mmstats", *(counter(f"m{number}", 1) for number in range(200)))
    with Directory(tmp_path, mapped=mapped) as stats:
        stats.poll()
        good = path.read_bytes()
        os.truncate(path, 4096)
        for _ in range(2):
            error = stats.poll().errors[str(path)]
            assert getattr(error, "code", None) == "truncated"
        os.truncate(path, 0)
        assert str(path) in stats.poll().errors
        with path.open("r+b") as file:
            file.write(good)
        assert stats.poll().total("m0") == 1


@pytest.mark.parametrize("mapped", [False, True])
def test_closing_gives_up_every_descriptor(tmp_path: Path, mapped: bool) -> None:
    put(tmp_path, counter("m", 1), counter("m", 2))
    before = descriptors()
    with Directory(tmp_path, mapped=mapped) as stats:
        stats.poll()
        assert len(descriptors()) > len(before)
    assert descriptors() == before
    stats.poll()
    del stats
    assert descriptors() == before


def test_mappings_and_calls_say_the_same(tmp_path: Path) -> None:
    some = (counter("m", 1), gauge("g", 2), histogram("h", (1.0,), (1, 2)), text("t", "x"), last("l", 4, 2.0))
    put(tmp_path, some, some)
    with Directory(tmp_path, mapped=True) as mapped, Directory(tmp_path) as called:
        for number in range(3):
            one, other = list(mapped.poll()), list(called.poll())
            assert [family[:11] for family in one] == [family[:11] for family in other]
            assert one[0].name == "g"
            put(tmp_path, (*some, counter("new", number)), some)


def test_a_view_s_families_are_sorted_and_found_by_name(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, (counter("web.hits", 1), counter("b", 2, unit="bytes", help="what it is")), counter("a", 3))
    view = stats.poll()
    assert names_of(view) == ["a", "b", "web.hits"]
    assert len(view) == 3
    assert "b" in view
    assert "c" not in view
    family = view["b"]
    assert (family.kind, family.type, family.combination) == ("counter", "unsigned", "sum")
    assert (family.unit, family.help, family.labels, family.series) == ("bytes", "what it is", (), {(): 2})
    with pytest.raises(KeyError, match=r"no metric 'web\.hit'; near: 'web\.hits'"):
        view["web.hit"]
    with pytest.raises(TypeError):
        family.series[()] = 3  # type: ignore[index]
    assert repr(view) == "<View of 2 files: 3 metrics, 0 errors>"


def test_a_histogram_has_quantiles_and_nothing_else_has(tmp_path: Path, stats: Directory) -> None:
    one = histogram("h", (1.0, 2.0), (1, 0, 0))
    other = histogram("h", (1.0, 2.0), (0, 1, 0))
    put(tmp_path, labelled(one, ("l",), (("x",), one), (("y",), other)), labelled(one, ("l",), (("x",), one)))
    view = stats.poll()
    assert view["h"].quantile(1.0) == 2.0
    assert view["h"].quantile(0.5) == 0.75
    assert view.total("h", l="x").quantile(0.5) == 0.5
    put(tmp_path, counter("c", 1))
    with pytest.raises(ValueError, match="'c' is a counter, and has no quantiles"):
        stats.poll()["c"].quantile(0.5)


def test_processes_say_who_writes(tmp_path: Path, stats: Directory) -> None:
    write2(tmp_path / "a.mmstats", counter("m"), app="jobs", host="box 2", thread_id=7, created=8, **myself())
    before = time.time()
    (process,) = stats.poll().processes
    assert process[:7] == (str(tmp_path / "a.mmstats"), 2, "jobs", "box 2", os.getpid(), 7, 8)
    assert (process.state, process.namespace) == ("live", myself()["pid_namespace"])
    assert process.boot == myself()["boot_id"].hex()
    assert len(process.writer_id) == 32
    assert before > 0


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, Directory(tmp_path / "missing") as stats:
        stats.poll()
    assert caught.value.filename == str(tmp_path / "missing")
