"""By how much counters grow from poll to poll."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from mmstats_testing.documents import two, write
from mmstats_testing.documents2 import (
    counter,
    gauge,
    histogram,
    labelled,
    put,
    summary,
    write2,
)

from mmstats_reader import Directory, Histogram, Summary, clean, read


def test_a_rate_is_the_growth_since_the_poll_before(tmp_path: Path, stats: Directory, clock: list[float]) -> None:
    put(tmp_path, counter("m", 5), counter("m", 7))
    view = stats.poll()
    assert math.isnan(view.rate("m"))
    put_value(tmp_path / "a.mmstats", 9)
    assert stats.poll().rate("m") == 4
    assert stats.poll().rate("m") == 0
    clock[0] += 3
    put_value(tmp_path / "b.mmstats", 11)
    assert stats.poll().rate("m") == 1
    assert math.isnan(view.rate("m")), "a view does not change"


def put_value(path: Path, value: int) -> None:
    """Store the only word of a file."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size - 8)
        file.write(struct.pack("<Q", value))


def test_what_vanishes_or_begins_anew_makes_no_rate_negative(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    put(tmp_path, counter("m", 5), counter("m", 7))
    write(tmp_path / "c.mmstats", two("m", "Q", 50))
    stats.poll()
    (tmp_path / "a.mmstats").unlink()
    put_value(tmp_path / "b.mmstats", 8)
    assert stats.poll().rate("m") == 1
    write(tmp_path / "c.mmstats", two("m", "Q", 2))  # the same file, of a writer that began anew
    assert stats.poll().rate("m") == 2


def test_a_file_that_is_new_counts_from_zero_and_one_that_is_old_begins_to_count(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    put(tmp_path, counter("m", 5))
    stats.poll()
    write2(tmp_path / "new.mmstats", counter("m", 3), created=int(clock[0] * 10**9))
    write2(tmp_path / "old.mmstats", counter("m", 1000), created=1)
    assert stats.poll().rate("m") == 3
    put_value(tmp_path / "old.mmstats", 1004)
    assert stats.poll().rate("m") == 4


def test_rates_of_histograms_and_summaries_are_those_of_their_counts(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    put(tmp_path, (histogram("h", (1.0,), (1, 2)), summary("s", 2, 1.0, 1.0, 1.0, 1.0)))
    stats.poll()
    data = (tmp_path / "a.mmstats").read_bytes()
    new = data.replace(struct.pack("<QQ", 1, 2), struct.pack("<QQ", 4, 3))
    with (tmp_path / "a.mmstats").open("r+b") as file:
        file.write(new)
    view = stats.poll()
    assert (view.rate("h"), view.rate("s")) == (4, 0)


def test_a_rate_by_labels_is_that_of_those_series(tmp_path: Path, stats: Directory, clock: list[float]) -> None:
    put(tmp_path, labelled(counter("m"), ("l",), (("x",), counter("m", 1)), (("y",), counter("m", 1))))
    stats.poll()
    put_value(tmp_path / "a.mmstats", 6)
    view = stats.poll()
    assert (view.rate("m"), view.rate("m", l="x"), view.rate("m", l="y")) == (5, 0, 5)
    with pytest.raises(KeyError):
        view.rate("m", l="z")
    with pytest.raises(KeyError, match="near: 'm'"):
        view.rate("mm")


def test_what_does_not_only_grow_has_no_rate(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, gauge("m", 1))
    with pytest.raises(ValueError, match="'m' is a gauge, and has no rate"):
        stats.poll().rate("m")


def put_bytes(path: Path, at: int, content: bytes) -> None:
    """Store bytes before the end of a file."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - at)
        file.write(content)


def test_a_growth_is_what_was_observed_since_the_poll_before(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    """Of histograms in each bucket, of summaries in count and sum: what was there before is no part of it."""
    put(tmp_path, histogram("h", (1.0, 2.0), (5, 0, 1), 9.0), summary("s", 2, 3.0, 1.0, 2.0, 2.0), counter("c", 5))
    view = stats.poll()
    assert [view.growth(name) for name in "hsc"] == [None, None, None]
    write2(tmp_path / "a.mmstats", histogram("h", (1.0, 2.0), (5, 3, 2), 19.0), writer_id=id_of(tmp_path / "a.mmstats"))
    write2(tmp_path / "b.mmstats", summary("s", 4, 8.0, 1.0, 4.0, 4.0), writer_id=id_of(tmp_path / "b.mmstats"))
    put_value(tmp_path / "c.mmstats", 7)
    view = stats.poll()
    assert view.growth("h") == Histogram(10.0, (1.0, 2.0), (0, 3, 1))
    assert view.growth("s") == Summary(2, 5.0, None, None, None)
    assert view.growth("c") == 2
    assert (view.rate("h"), view.rate("s"), view.seconds) == (4, 2, 1)
    view = stats.poll()
    assert [view.rate(name) for name in "hsc"] == [0, 0, 0]
    assert view.growth("h") == Histogram(0.0, (1.0, 2.0), (0, 0, 0))


def id_of(path: Path) -> bytes:
    """The writer id of a file."""
    return bytes.fromhex(read(path).process.writer_id)


def test_a_growth_takes_up_files_made_meanwhile_whole_and_loses_nothing_to_those_that_go(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    bounds = (1.0, 2.0)
    put(tmp_path, histogram("h", bounds, (5, 0, 1), 9.0), histogram("h", bounds, (1, 1, 1), 3.0))
    stats.poll()
    write2(tmp_path / "new.mmstats", histogram("h", bounds, (0, 2, 0), 3.0), created=int(clock[0] * 10**9))
    assert stats.poll().growth("h") == Histogram(3.0, bounds, (0, 2, 0))
    (tmp_path / "a.mmstats").unlink()
    assert stats.poll().growth("h") == Histogram(0.0, bounds, (0, 0, 0))


def test_a_growth_between_files_of_different_bounds_has_those_that_all_have(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    """V2-C4."""
    put(tmp_path, histogram("h", (1.0, 2.0), (5, 0, 1)))
    stats.poll()
    write2(tmp_path / "new.mmstats", histogram("h", (2.0,), (3, 4)), created=int(clock[0] * 10**9))
    assert stats.poll().growth("h") == Histogram(0.0, (2.0,), (3, 4))
    (tmp_path / "new.mmstats").unlink()
    assert stats.poll().growth("h") == Histogram(0.0, (2.0,), (0, 0))


def test_what_is_folded_is_no_growth(tmp_path: Path, stats: Directory, clock: list[float]) -> None:
    """V2-F2: of none of the kinds that are folded."""
    one = (histogram("h", (1.0,), (5, 1), 9.0), counter("c", 5), summary("s", 2, 3.0, 1.0, 2.0, 2.0))
    put(tmp_path, one, one, app="shop", state=2)
    stats.poll()
    done = clean(tmp_path, fold=True)
    assert {cleaned.action for cleaned in done} == {"folded"}
    view = stats.poll()
    assert (view.total("c"), view.growth("c"), view.rate("h"), view.rate("s")) == (10, 0, 0, 0)
    assert view.growth("h") == Histogram(0.0, (1.0,), (0, 0))


def test_a_group_of_the_same_writers_grows_as_its_files_do(tmp_path: Path, stats: Directory) -> None:
    """Each by itself and all as one: the quick way says what the slow one says, whatever begins anew."""
    put(tmp_path, counter("m", 5), counter("m", 7))
    stats.poll()
    put_value(tmp_path / "a.mmstats", 8)
    grouped = stats.poll()
    assert grouped._same, "both files are a group"
    assert grouped.growth("m") == 3
    write2(tmp_path / "a.mmstats", counter("m", 2))  # another writer in the same file
    view = stats.poll()
    assert not view._same
    assert view.growth("m") == 0


def test_an_average_is_since_the_first_writer_began(tmp_path: Path, stats: Directory, clock: list[float]) -> None:
    now = 1001
    for name, created, number in [("a", now - 10, 30), ("b", now - 4, 10)]:
        write2(tmp_path / f"{name}.mmstats", counter("m", number), created=created * 10**9)
    write2(tmp_path / "c.mmstats", counter("m", 1000), incompatible=1, created=10**9)
    write2(tmp_path / "d.mmstats", counter("m", 1000), created=0)
    clock[0] = now - 1
    view = stats.poll()
    assert view.time == now - 1
    assert view.average("m") == pytest.approx(40 / 9)


def test_without_a_start_there_is_no_average(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, (counter("m", 5), gauge("g", 1)), created=0)
    view = stats.poll()
    assert math.isnan(view.average("m"))
    with pytest.raises(ValueError, match="'g' is a gauge, and has no rate"):
        view.average("g")
    with pytest.raises(KeyError, match="no label 'l'"):
        view.average("m", l="x")


def test_a_file_that_grows_by_a_metric_goes_on_from_where_it_was(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    put(tmp_path, counter("m", 5), counter("m", 7))
    stats.poll()
    ids = {name: id_of(tmp_path / f"{name}.mmstats") for name in "ab"}
    write2(tmp_path / "a.mmstats", counter("m", 6), counter("n", 1), writer_id=ids["a"])
    view = stats.poll()
    assert (view.growth("m"), view.growth("n")) == (1, 1)
    write2(tmp_path / "b.mmstats", counter("m", 9), counter("n", 4), writer_id=ids["b"])
    assert stats.poll().growth("m") == 2
