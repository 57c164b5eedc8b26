"""Folding changes no total that counts when its writer is dead (FORMAT.md 3.12)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmstats_testing.documents2 import (
    Metric,
    counter,
    gauge,
    histogram,
    labelled,
    last,
    states,
    summary,
    text,
    unknown,
    write2,
)
from mmstats_testing.strategies2 import metrics2
from mmstats_testing.written import canonical

from mmstats_format.declaration import CUMULATIVE
from mmstats_reader import Directory, Summary, clean

CLOSED = {"state": 2}


@st.composite
def files(draw: st.DrawFn) -> list[Metric]:
    """The metrics of one dead writer, of each name one, some of them to be kept."""
    found = {metric.family.name: metric for metric in draw(st.lists(metrics2(), max_size=3))}
    kept = draw(st.booleans())
    return [metric._replace(family=metric.family._replace(kept=kept)) for metric in found.values()]


def totals(path: Path) -> dict[Any, dict[tuple[str, ...], Any]]:
    """What counts, by declaration and label values; of what stands side by side the values."""
    with Directory(path) as stats:
        view = stats.poll()
    assert not view.errors
    found: dict[Any, dict[tuple[str, ...], Any]] = {}
    for family in view:
        key = family.name, family.kind, family.type, family.combination, family.unit, family.labels
        series = dict(family.series)
        if family.combination == "all":
            series = {labels: [value for _, value in values] for labels, values in series.items()}
        if series:
            found[key] = series
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(files(), st.sampled_from(["shop", "jobs"])), min_size=1, max_size=6), st.data())
def test_no_total_changes(writers: list[tuple[list[Metric], str]], data: st.DataObject) -> None:
    """V2-F3, V2-F6: whatever the writers declared, in whatever order they died, folded at once or one after another."""
    order = data.draw(st.permutations(range(len(writers))))
    rounds = data.draw(st.sets(st.integers(1, len(writers))))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        before: dict[Any, Any] = {}
        for number, place in enumerate(order, 1):
            metrics, app = writers[place]
            identity = (place + 1).to_bytes(16, "big")
            write2(path / f"{place}.mmstats", *metrics, app=app, created=place + 1, writer_id=identity, **CLOSED)
            before = totals(path)
            if number in rounds or number == len(order):
                assert {cleaned.action for cleaned in clean(path, fold=True)} <= {"folded", "kept"}
                after = totals(path)
                assert {key: set(series) for key, series in after.items()} == {
                    key: set(series) for key, series in before.items()
                }
                for key, series in after.items():
                    if key[3] == "all":
                        assert all(values[0] in before[key][labels] for labels, values in series.items() if values)
                    else:
                        assert series == before[key]
        for file in path.glob("*.mmstats"):
            assert canonical(file)["folded"] == [], "whose files are gone are forgotten"


def fold(path: Path, *writers: Metric | list[Metric]) -> dict[str, Any]:
    """The totals of some writers of one application, in the order in which they were created, once they are folded."""
    for number, metrics in enumerate(writers, 1):
        some = metrics if isinstance(metrics, list) else [metrics]
        write2(path / f"{number}.mmstats", *some, created=number, **CLOSED)
    clean(path, fold=True)
    assert all("archive" in file.name for file in path.glob("*.mmstats"))
    return {key[0]: series[()] for key, series in totals(path).items()}


NAN = float("nan")
KEPT: dict[str, Any] = {"kept": True}


@pytest.mark.parametrize(
    ("writers", "expected"),
    [
        ([counter("m", 2**64 - 1), counter("m", 3)], 2),
        ([counter("m", 0.5, "float"), counter("m", 1.0, "float")], 1.5),
        ([gauge("m", 2**62 + 1, **KEPT)] * 2, 2 - 2**63),
        ([gauge("m", None, **KEPT), gauge("m", 5, **KEPT)], 5),
        ([gauge("m", 5, **KEPT), gauge("m", None, **KEPT)], 5),
        ([gauge("m", NAN, "max", "float", **KEPT), gauge("m", 1.0, "max", "float", **KEPT)], 1.0),
        ([gauge("m", 1.0, "min", "float", **KEPT), gauge("m", NAN, "min", "float", **KEPT)], 1.0),
        ([gauge("m", True, "max", "boolean", **KEPT), gauge("m", False, "max", "boolean", **KEPT)], True),
        ([last("m", 9, 1.0, **KEPT), last("m", 8, 2.0, **KEPT)], 1.0),
        ([last("m", 8, 1.0, **KEPT), last("m", 8, 2.0, **KEPT)], 2.0),
        ([last("m", 8, 1.0, **KEPT), last("m", 0, 2.0, **KEPT)], 1.0),
        ([gauge("m", 1, "all", **KEPT), gauge("m", 2, "all", **KEPT), gauge("m", None, "all", **KEPT)], [2]),
        ([unknown("m", 1, **KEPT), unknown("m", 2, **KEPT)], [2]),
        ([text("m", "a", 8, **KEPT), text("m", "longer than that", 24, **KEPT)], ["longer than that"]),
        ([text("m", "longer than that", 24, **KEPT), text("m", None, 8, **KEPT)], ["longer than that"]),
        ([states("m", ("a", "b"), 1, **KEPT), states("m", ("c", "a"), 1, **KEPT)], ["a"]),
        ([states("m", ("a", "b"), 1, **KEPT), states("m", ("c", "a"), None, **KEPT)], ["b"]),
        ([states("m", ("a", "b"), 1, **KEPT), states("m", ("c", "a"), 7, **KEPT)], ["b"]),
    ],
)
def test_values_become_one(tmp_path: Path, writers: list[Metric], expected: Any) -> None:
    """V2-C1, V2-C5, V2-F6."""
    assert fold(tmp_path, *writers)["m"] == expected


def test_summaries_become_one(tmp_path: Path) -> None:
    """V2-C1: the last is that of the file created last among those that counted anything."""
    folded = fold(tmp_path, summary("m", 2, 5.0, 1.0, 4.0, 4.0), summary("m", 1, -1.0, -1.0, -1.0, -1.0), summary("m"))
    assert folded["m"] == Summary(3, 4.0, -1.0, 4.0, -1.0)


def test_histograms_keep_the_bounds_that_all_have(tmp_path: Path) -> None:
    """V2-C4, with an archive that has them already."""
    first = histogram("m", (1.0, 2.0, 4.0), (1, 2, 3, 4), 30.0)
    assert fold(tmp_path, first)["m"].counts == (1, 2, 3, 4)
    folded = fold(tmp_path, histogram("m", (2.0, 3.0, 4.0), (1, 1, 1, 1), 10.0))
    assert (folded["m"].sum, folded["m"].bounds, folded["m"].counts) == (40.0, (2.0, 4.0), (4, 5, 5))
    folded = fold(tmp_path, histogram("m", (9.0,), (1, 1), 10.0))
    assert (folded["m"].bounds, folded["m"].counts) == ((), (16,))


def test_what_does_not_count_when_its_writer_is_dead_is_not_folded(tmp_path: Path) -> None:
    """V2-C2, V2-F1."""
    assert set(fold(tmp_path, [gauge("g", 1), text("t", "x"), unknown("u", 1), counter("c", 1)])) == {"c"}


def test_families_that_disagree_go_into_an_archive_each(tmp_path: Path) -> None:
    """V2-F6, V2-C3: and whole files do, so that no metric of one is in two."""
    old, new = [counter("m", 1), counter("n", 10)], [counter("m", 0.5, "float"), counter("n", 20)]
    fold(tmp_path, old, new, old, new)
    assert sorted(os.listdir(tmp_path))[-2:] == ["shop-1.archive.mmstats", "shop.archive.mmstats"]
    found = totals(tmp_path)
    assert [found["m", "counter", kind, "sum", "", ()][()] for kind in ("unsigned", "float")] == [2, 1.0]
    assert found["n", "counter", "unsigned", "sum", "", ()][()] == 60
    fold(tmp_path, new, old)
    assert len(list(tmp_path.glob("*.mmstats"))) == 2


def test_each_application_has_its_archive(tmp_path: Path) -> None:
    """V2-F1: its name is as much of the application's as a file name can hold."""
    apps = ["shop", "a/b", "a_b", ".hidden", "", "ä" * 300, "nul\0"]
    for number, app in enumerate(apps):
        write2(tmp_path / f"{number}.mmstats", counter("m", 1), app=app, **CLOSED)
    clean(tmp_path, fold=True)
    found = {path.name: canonical(path)["writer"]["app"] for path in tmp_path.glob("*.mmstats")}
    assert sorted(found.values()) == sorted(apps)
    assert found["shop.archive.mmstats"] == "shop"
    assert {name for name, app in found.items() if app in ("a/b", "a_b")} == {
        "a_b.archive.mmstats",
        "a_b-1.archive.mmstats",
    }


def test_an_archive_that_is_full_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-F6: what every reader takes is not exceeded."""
    monkeypatch.setattr("mmstats_format.archive.LARGEST", 4000)
    some = [labelled(counter("m"), ("l",), ((f"{number:040}",), counter("", 1))) for number in range(30)]
    for number, metric in enumerate(some):
        write2(tmp_path / f"{number}.mmstats", metric, **CLOSED)
    clean(tmp_path, fold=True)
    sizes = [path.stat().st_size for path in tmp_path.glob("*.mmstats")]
    assert len(sizes) > 1
    assert max(sizes) <= 4000
    with Directory(tmp_path) as stats:
        assert stats.poll().total("m") == 30


def test_archives_are_of_the_kinds_that_last(tmp_path: Path) -> None:
    """V2-F1."""
    fold(tmp_path, [counter("c", 1), summary("s"), gauge("g", 1, **KEPT), gauge("h", 1)])
    said = canonical(tmp_path / "shop.archive.mmstats")
    assert (said["features"], said["state"]) == (["archive"], "closed")
    assert (said["writer"]["pid"], said["writer"]["host"]) == ("0", "")
    assert all(family["kept"] or family["kind"] in CUMULATIVE for family in said["families"])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=4), min_size=1, max_size=4),
    st.lists(st.floats(1e-9, 1e9), max_size=3),
)
def test_no_sum_of_floats_falls_by_a_fold(rounds: list[list[float]], live: list[float]) -> None:
    """V2-C1, V2-F6: not by its last digit either, whatever is folded into what, and beside whatever goes on."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place)

        def put(name: str, number: float, **header: Any) -> None:
            some = [histogram("h", (1.0,), (1, 0), number), summary("s", 1, number, 1.0, 1.0, 1.0)]
            write2(path / f"{name}.mmstats", counter("c", number, "float"), *some, **header)

        def sums(directory: Directory) -> list[float]:
            view = directory.poll()
            return [view.total("c"), view.total("h").sum, view.total("s").sum]

        for place_of, number in enumerate(live):
            put(f"live{place_of}", number, state=1)
        with Directory(path) as stats:
            for turn, numbers in enumerate(rounds):
                for place_of, number in enumerate(numbers):
                    put(f"dead{turn}-{place_of}", number, **CLOSED)
                before = sums(stats)
                assert {cleaned.action for cleaned in clean(path, fold=True)} <= {"folded", "kept"}
                after = sums(stats)
                assert all(now >= then for now, then in zip(after, before, strict=True))
                assert after == pytest.approx(before, rel=1e-12)


def test_the_order_of_files_does_not_matter_to_a_sum_of_floats(tmp_path: Path) -> None:
    """V2-C1: it is exact, and rounded once, also over files that declare other metrics beside it."""
    numbers = [1e16, 1.0, 1.0, 0.25]
    for place, number in enumerate(numbers):
        some = [counter("c", number, "float"), histogram("h", (1.0,), (1, 0), number)]
        write2(tmp_path / f"{place}.mmstats", *some, *([counter("other")] if place % 2 else []))
    with Directory(tmp_path) as stats:
        view = stats.poll()
    assert view.total("c") == view.total("h").sum == 1e16 + 2
