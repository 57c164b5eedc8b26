"""Of every valid vector, and of any document at all, the rows have the numbers of the values."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmstats_testing.documents2 import document2
from mmstats_testing.strategies import documents
from mmstats_testing.strategies2 import documents2, metrics2
from mmstats_testing.vectors import path2_of, path_of, vectors, vectors2

from mmstats_format import build
from mmstats_format.cli import neutral
from mmstats_reader import Directory, Histogram, Summary, View
from mmstats_reader.mmtop._rows import Rows, Tables
from mmstats_reader.mmtop._table import Table

WIDTH = 120


def number_of(value: Any) -> float:
    """What of a value is a number: how many were observed, the greatest of several; NaN where there is none."""
    if isinstance(value, tuple):
        numbers = [number_of(said) for _, said in value]
        return max((number for number in numbers if not math.isnan(number)), default=math.nan)
    if isinstance(value, Summary | Histogram):
        return value.count
    return float(value) if isinstance(value, int | float) else math.nan


def check(rows: Rows) -> None:
    """Each number is that of the row's value."""
    expected = [number_of(rows.value(row)) for row in range(len(rows.keys))]
    assert rows.numbers.tolist() == pytest.approx(expected, nan_ok=True)
    assert len(rows.names) == len(rows.families) == len(rows.keys) == len(set(rows.keys))


def check_view(view: View) -> None:
    """So it is of all together, and of each, whose values are those of the snapshots; and no text is hostile."""
    together, each = Tables().rows(view)
    check(together)
    check(each)
    said = [pair for snapshot in view.snapshots for pair in dict(snapshot).items()]  # the last of a label counts
    found = [(each.names[row], each.value(row)) for row in range(len(each.keys))]
    assert sorted(map(repr, found)) == sorted(map(repr, said))
    table = Table()
    table.take(view)
    for table.each in (False, True):
        table.arrange()
        cells = table.cells(table.columns(WIDTH))
        assert all(neutral(cell) == cell for line in range(len(table.order)) for cell in cells(line))


@pytest.mark.parametrize("vector", vectors("valid"))
def test_rows_of_a_version_1_vector_are_its_values(vector: dict[str, Any]) -> None:
    with Directory(path_of(vector)) as stats:
        check_view(stats.poll())


@pytest.mark.parametrize("vector", vectors2("valid"))
def test_rows_of_a_version_2_vector_are_its_values(vector: dict[str, Any]) -> None:
    with Directory(path2_of(vector)) as stats:
        check_view(stats.poll())


#: Small numbers, of names that meet: of the largest, sums wrap or are rounded otherwise than those of arrays.
MEETING = st.lists(metrics2(), max_size=3, unique_by=lambda metric: metric.family.name).map(
    lambda metrics: document2(*metrics)
)
ALONE = (documents() | documents2()).map(lambda document: [document])


@given(ALONE | st.lists(MEETING, max_size=4))
def test_rows_of_any_files_are_their_values(files: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for number, document in enumerate(files):
            Path(directory, f"{number}.mmstats").write_bytes(build(document))
        with Directory(directory) as stats:
            check_view(stats.poll())
