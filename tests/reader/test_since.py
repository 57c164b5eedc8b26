"""Growth since another view than the one before: who shows lines at several intervals reads once for all."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from mmstats_testing.documents2 import counter, histogram, labelled, myself, write2

from mmstats_reader import Directory, Histogram


def put(path: Path, count: int, *observed: int, name: str = "a") -> None:
    """Make the file of one writer, anew."""
    jobs = labelled(counter("jobs"), ("sort",), (("x",), counter("", count)), (("y",), counter("", 10 * count)))
    parts = myself() | {"writer_id": name.encode() * 16}
    write2(path / f"{name}.mmstats", jobs, histogram("size", (1.0, 2.0), observed or (0, 0, 0)), **parts)


def test_growth_is_since_the_view_that_is_given(tmp_path: Path) -> None:
    with Directory(tmp_path) as stats:
        views = []
        for count in (1, 4, 9):
            put(tmp_path, count, count, 0, 0)
            views.append(stats.poll())
    first, second, third = views
    assert [third.growth("jobs", sort="x"), third.since(first).growth("jobs", sort="x")] == [5, 8]
    assert third.since(first).growth("jobs") == 88
    assert third.since(first).growth("size") == Histogram(0.0, (1.0, 2.0), (8, 0, 0))
    assert third.since(first).seconds == third.seconds + second.seconds
    assert third.since(first).rate("jobs", sort="y") == 80 / (third.seconds + second.seconds)


def test_since_itself_nothing_has_grown(tmp_path: Path) -> None:
    put(tmp_path, 1)
    with Directory(tmp_path) as stats:
        view = stats.poll()
    same = view.since(view)
    assert (same.seconds, same.growth("jobs")) == (0, 0)
    assert math.isnan(same.rate("jobs"))


def test_values_stay_those_of_the_view(tmp_path: Path) -> None:
    with Directory(tmp_path) as stats:
        put(tmp_path, 1)
        first = stats.poll()
        put(tmp_path, 2)
        put(tmp_path, 5, name="b")
        second = stats.poll().since(first)
        assert second.total("jobs", sort="x") == 7
        tmp_path.joinpath("a.mmstats").unlink()
        third = stats.poll().since(first)
    grown: Any = third.growth("jobs", sort="x")
    assert second.growth("jobs", sort="x") in (1, 6)  # what is new is not known to be younger than the first
    assert third.total("jobs", sort="x") == 5
    assert grown >= 0
