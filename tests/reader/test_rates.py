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

from mmstats_reader import Directory


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
