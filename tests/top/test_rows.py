"""Numbers that are taken column by column are those of the values, whatever the files hold and become."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import one, two, write
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

from mmstats_reader import Directory, Histogram, Summary, View
from mmstats_reader.mmtop._rows import Rows, Tables, family_of
from mmstats_reader.mmtop._samples import Samples

SEEDS = range(5)


def some_metric(chance: random.Random, name: str) -> Metric:
    """One of a kind that goes with the name, so that files agree, with any values."""

    def word(type_: str) -> Any:
        if chance.random() < 0.2:
            return None
        number = chance.randrange(0 if type_ == "unsigned" else -50, 50)
        return {"boolean": number > 0, "float": number / 4}.get(type_, number)

    type_ = {"a": "unsigned", "b": "signed", "c": "float"}[name[-1]]
    count = chance.randrange(100)
    match name[:-1]:
        case "counter":
            return counter(name, count, "float" if type_ == "float" else "unsigned")
        case "sum" | "min" | "max" | "all" as combine:
            return gauge(name, word(type_), combine, type_)
        case "kept":
            return gauge(name, word(type_), "max", type_, kept=True)
        case "last":
            return last(name, chance.choice([0, chance.randrange(1, 10**9)]), word(type_), type_)
        case "bool":
            return gauge(name, word("boolean"), "max", "boolean")
        case "state":
            return states(name, ("on", "off"), chance.choice([None, 0, 1]))
        case "text":
            return text(name, chance.choice([None, "x", "longer"]))
        case "summary":
            return summary(name, count, 1.0, 1.0, 1.0, 1.0)
        case "histogram":
            return histogram(name, (1.0, 2.0), (count, chance.randrange(9), 1), 3.0)
        case "labelled":
            sets = [(chance.choice("xyz"), chance.choice("pq")) for _ in range(3)]
            several = {those: counter(name, chance.randrange(100)) for those in sets}
            return labelled(counter(name), ("l", "m"), *several.items())
    return unknown(name, word(type_), type_)


SORTS = ("counter", "sum", "min", "max", "all", "kept", "last", "bool", "state", "text", "summary", "histogram")
NAMES = [f"{sort}{letter}" for sort in (*SORTS, "labelled", "unknown") for letter in "abc"]


def some_files(chance: random.Random, path: Path) -> None:
    for number in range(chance.randrange(1, 6)):
        names = chance.sample(NAMES, chance.randrange(1, len(NAMES)))
        for copy in range(chance.randrange(1, 4)):
            metrics = [some_metric(chance, name) for name in names]
            parts = {"state": 2} if chance.random() < 0.3 else {}
            write2(path / f"{number}-{copy}.mmstats", *metrics, created=chance.randrange(1, 10**18), **parts)
    for number in range(2):
        fields = [two("hits", "Q", chance.randrange(50)), one("load", "d", 0.5), one("name", "3s", b"abc")]
        write(path / f"old{number}.mmstats", *fields)


def number_of(value: Any) -> float:
    """What rule 3 of the rows says."""
    match value:
        case Summary() | Histogram():
            return value.count
        case tuple():
            return max((number_of(said) for _, said in value if not math.isnan(number_of(said))), default=math.nan)
        case bool() | int() | float():
            return float(value)
    return math.nan


def same(numbers: Rows) -> None:
    expected = [number_of(numbers.value(row)) for row in range(len(numbers.keys))]
    assert numbers.numbers.tolist() == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_are_those_of_the_values(tmp_path: Path, stats: Directory, seed: int) -> None:
    chance, tables = random.Random(seed), Tables()
    for _ in range(2):
        some_files(chance, tmp_path)
        view = stats.poll()
        assert not view.errors
        together, each = tables.rows(view)
        same(together)
        same(each)
        expected = {(family.name, values) for family in view for values in family.series}
        assert {(key[0], key[2]) for key in together.keys} >= expected  # type: ignore[index]
        assert len(set(together.keys)) == len(together.keys)
        said = sorted(label for snapshot in view.snapshots for label, _ in snapshot)
        assert sorted(each.names) == said


def test_the_rows_of_each_file_are_its_own(tmp_path: Path, stats: Directory) -> None:
    write2(tmp_path / "a.mmstats", counter("m", 3), text("t", "one"), app="shop")
    write2(tmp_path / "b.mmstats", counter("m", 4), text("t", "two"), app="shop")
    write(tmp_path / "c.mmstats", two("m", "Q", 5))
    each = Tables().rows(stats.poll())[1]
    found = [
        (Path(each.process(int(each.writers[row])).path).stem, each.names[row], each.value(row))
        for row in range(len(each.keys))
    ]
    assert sorted(found) == [("a", "m", 3), ("a", "t", "one"), ("b", "m", 4), ("b", "t", "two"), ("c", "m", 5)]


def test_families_of_one_name_that_stay_apart_have_rows_of_their_own(tmp_path: Path, stats: Directory) -> None:
    write2(tmp_path / "a.mmstats", gauge("m", 3, unit="bytes"))
    write2(tmp_path / "b.mmstats", gauge("m", 4, unit="seconds"))
    view = stats.poll()
    together = Tables().rows(view)[0]
    assert sorted(zip([family.unit for family in together.families], together.numbers, strict=True)) == [
        ("bytes", 3),
        ("seconds", 4),
    ]
    for row, family in enumerate(together.families):
        there = family_of(view, family)
        assert there is not None
        assert (there.unit, there.value()) == (family.unit, together.value(row))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_grew_is_what_the_view_says_whatever_files_came_and_went(
    tmp_path: Path, stats: Directory, seed: int
) -> None:
    chance, tables, samples = random.Random(seed), Tables(), Samples()
    files: dict[str, tuple[bytes, dict[str, int]]] = {}
    for _ in range(25):
        for name in chance.sample("abcdef", 2):
            match chance.choice(["new", "grow", "more", "gone"]):
                case "new":
                    files[name] = chance.randbytes(16), dict.fromkeys(chance.sample("xyz", 2), 100)
                case "more" if name in files:
                    files[name][1].setdefault(chance.choice("xyz"), 10)
                case "gone" if name in files:
                    del files[name]
                    (tmp_path / f"{name}.mmstats").unlink()
        for name, (id_, counts) in files.items():
            for metric in counts:
                counts[metric] += chance.randrange(5)
            metrics = [counter(metric, count) for metric, count in counts.items()]
            created = chance.choice([1, time.time_ns()])
            write2(tmp_path / f"{name}.mmstats", *metrics, writer_id=id_, created=created)
        view = stats.poll()
        together = tables.rows(view)[0]
        samples.add(together, view._now.monotonic)
        changes = dict(zip(together.names, samples.change.tolist(), strict=True))
        assert changes == pytest.approx(expected_changes(view), nan_ok=True)


def expected_changes(view: View) -> dict[str, float]:
    return {family.name: view.rate(family.name) for family in view}
