"""What a `Directory` reads: directories, files, patterns, and what the environment says."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmstats_testing.documents import two, write
from mmstats_testing.documents2 import counter, put, write2

from mmstats_reader import Directory


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Two directories, with a file that counts 1 and one that counts 10."""
    places = tmp_path / "one", tmp_path / "two"
    for place, number in zip(places, (1, 10), strict=True):
        place.mkdir()
        write2(place / "x.mmstats", counter("m", number), writer_id=bytes([number]) * 16)
    return places


def test_several_directories_are_read_together(places: tuple[Path, Path]) -> None:
    with Directory(*places) as stats:
        view = stats.poll()
        assert view.total("m") == 11
        assert [process.path for process in view.processes] == [str(place / "x.mmstats") for place in places]
    with Directory(places[0], str(places[0])) as stats:
        assert stats.poll().total("m") == 1


def test_of_several_places_one_that_is_missing_is_an_error_in_the_view(places: tuple[Path, Path]) -> None:
    missing = str(places[0] / "missing")
    with Directory(missing, places[1]) as stats:
        view = stats.poll()
        assert view.total("m") == 10
        assert {path: type(error) for path, error in view.errors.items()} == {missing: FileNotFoundError}
    with Directory(missing, missing + "2") as stats, pytest.raises(FileNotFoundError) as caught:
        stats.poll()
    assert caught.value.filename == missing


def test_a_file_is_read_whatever_its_name_and_may_come_and_go(places: tuple[Path, Path], tmp_path: Path) -> None:
    """V2-R9: what a path leads to is looked at anew at each poll."""
    path = tmp_path / ".hidden[x]"
    with Directory(path, places[1] / "x.mmstats") as stats:
        assert stats.poll().total("m") == 10
        write2(path, counter("m", 5))
        assert stats.poll().total("m") == 15
        write2(tmp_path / "new", counter("m", 7)).replace(path)
        assert stats.poll().total("m") == 17
        path.write_bytes(b"\2")
        assert list(stats.poll().errors) == [str(path)]
        path.unlink()
        path.symlink_to(places[0] / "x.mmstats")
        assert stats.poll().total("m") == 11


def test_a_pattern_means_what_it_matches_at_each_poll(places: tuple[Path, Path], tmp_path: Path) -> None:
    with Directory(tmp_path / "*" / "x*") as stats:
        assert stats.poll().total("m") == 11
        write2(places[0] / "x2", counter("m", 100))
        (places[0] / "xd").mkdir()
        view = stats.poll()
        assert (view.total("m"), dict(view.errors)) == (111, {})
    with Directory(tmp_path / "no*") as stats:
        assert len(stats.poll()) == 0


def test_without_places_it_is_what_the_environment_says(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MMSTATS_GLOB", raising=False)
    monkeypatch.setenv("MMSTATS_PATH", str(places[0]))
    with Directory() as stats:
        assert stats.where == (str(places[0] / "*.mmstats"),)
        assert stats.poll().total("m") == 1
    monkeypatch.setenv("MMSTATS_GLOB", str(places[1] / "*"))
    with Directory() as stats:
        assert stats.poll().total("m") == 10


def test_an_archive_hides_its_sources_wherever_they_are_named(places: tuple[Path, Path], tmp_path: Path) -> None:
    """V2-F2: among the files that are read."""
    archive = write2(tmp_path / "old", counter("m", 3), folded=(bytes([1]) * 16,), incompatible=1)
    with Directory(places[0] / "x.mmstats", archive, places[1]) as stats:
        view = stats.poll()
        assert view.total("m") == 13
        assert [snapshot.path for snapshot in view.snapshots] == [str(archive), str(places[1] / "x.mmstats")]


def test_each_file_s_own_values_are_in_the_view_s_snapshots(tmp_path: Path) -> None:
    put(tmp_path, counter("m", 5), counter("m", 7))
    write(tmp_path / "c.mmstats", two("m", "Q", 50), two("t", "i", -1))
    with Directory(tmp_path) as stats:
        view = stats.poll()
        assert [snapshot["m"] for snapshot in view.snapshots] == [5, 7, 50]
        assert [Path(snapshot.path).name for snapshot in view.snapshots] == ["a.mmstats", "b.mmstats", "c.mmstats"]
        assert view.snapshots[2]["t"] == -1
        assert view.snapshots is view.snapshots


def test_version_1_numbers_are_what_the_reader_is_told(tmp_path: Path) -> None:
    fields = [two("web.hits", "Q", 5), two("web.users", "i", 3), two("web.load", "d", 0.5), two("web.ok", "?", True)]
    for name in ("a", "b"):
        write(tmp_path / f"{name}.mmstats", *fields)

    def kinds(**given: tuple[str, ...]) -> list[str]:
        with Directory(tmp_path, **given) as stats:  # type: ignore[arg-type]
            return [family.kind for family in stats.poll()]

    assert kinds() == ["counter", "unknown", "unknown", "unknown"]
    assert kinds(rate=("web.*",)) == ["counter", "counter", "unknown", "counter"]
    assert kinds(rate=("*",), value=("*s",)) == ["unknown", "counter", "unknown", "unknown"]
    assert kinds(rate=("web.users",)) == ["counter", "unknown", "unknown", "counter"]
    with Directory(tmp_path, rate=["*"]) as stats:
        view = stats.poll()
        assert (view.total("web.users"), view.total("web.load")) == (6, 1.0)


def test_version_2_says_its_kinds_itself(tmp_path: Path) -> None:
    put(tmp_path, counter("m", 5))
    with Directory(tmp_path, value=["*"]) as stats:
        assert stats.poll()["m"].kind == "counter"


def test_only_the_files_that_are_meant_count(tmp_path: Path) -> None:
    put(tmp_path, (counter("m", 5), counter("a", 1)), counter("m", 7))
    with Directory(tmp_path, only=lambda snapshot: "a" in snapshot) as stats:
        view = stats.poll()
        assert view.total("m") == 5
        assert [Path(process.path).name for process in view.processes] == ["a.mmstats"]
        put(tmp_path, counter("m", 5), (counter("m", 7), counter("a", 1)))
        assert stats.poll().total("m") == 7


def test_an_archive_that_is_not_meant_hides_its_sources_all_the_same(tmp_path: Path) -> None:
    """V2-F2."""
    write2(tmp_path / "a.mmstats", counter("m", 3), writer_id=bytes([1]) * 16)
    write2(tmp_path / "x.mmstats", counter("n", 3), folded=(bytes([1]) * 16,), incompatible=1)
    with Directory(tmp_path, only=lambda snapshot: "n" not in snapshot) as stats:
        assert len(stats.poll()) == 0
