"""Changes, averages and histories are those of a list of samples, whatever rows come and go."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from mmstats_format.declaration import Declaration
from mmstats_reader.mmtop._rows import Rows, _nobody
from mmstats_reader.mmtop._samples import AVERAGED, HISTORY, Samples

COUNTER, GAUGE = Declaration("c", "counter", "float", "sum"), Declaration("g", "gauge", "float", "sum")


def rows(moved: Mapping[int, tuple[float, float]] | None = None, /, **numbers: float) -> Rows:
    """A row of each name: counters, where the name begins so, and gauges."""
    families = [COUNTER if name[0] == "c" else GAUGE for name in numbers]
    names = list(numbers)
    values = np.array(list(numbers.values()), float)
    return Rows(names, names, families, values, moved or {}, values.__getitem__, np.empty(0, int), _nobody)


def of(samples: Samples, place: int) -> list[float]:
    return [float(samples.change[place]), *samples.averages[:, place].tolist()]


def test_of_a_gauge_values_are_averaged_and_of_a_counter_its_change_a_second() -> None:
    samples = Samples()
    for second, number in enumerate([0, 10, 40], 1):
        samples.add(rows(c=number, g=number), 2.0 * second)
    assert of(samples, 0) == [15, 10, 10, 10]
    assert of(samples, 1) == pytest.approx([15, 50 / 3, 50 / 3, 50 / 3])
    assert samples.history[0, -3:].tolist() == pytest.approx([math.nan, 5, 15], nan_ok=True)
    assert samples.history[1, -4:].tolist() == pytest.approx([math.nan, 0, 10, 40], nan_ok=True)


def test_an_average_moves_by_its_share_once_it_has_its_samples() -> None:
    samples = Samples()
    numbers = [float(number % 7) for number in range(1500)]
    expected = [0.0] * len(AVERAGED)
    for place, number in enumerate(numbers):
        samples.add(rows(g=number), place + 1.0)
        for which, most in enumerate(AVERAGED):
            expected[which] += (number - expected[which]) / min(place + 1, most)
    assert samples.averages[:, 0].tolist() == pytest.approx(expected)
    assert samples.averages[2, 0] == pytest.approx(sum(numbers) / len(numbers), rel=0.01)
    assert samples.history[0].tolist() == numbers[-HISTORY:]


def test_what_is_known_of_a_row_goes_with_it_wherever_it_is() -> None:
    samples = Samples()
    samples.add(rows(c1=1, g=5), 1)
    samples.add(rows(c1=2, g=6), 2)
    samples.add(rows(g=7, c0=50, c1=5), 3)
    assert of(samples, 0) == [1, 6, 6, 6]
    assert of(samples, 1) == pytest.approx([math.nan] * 4, nan_ok=True)
    assert of(samples, 2) == [3, 2, 2, 2]
    samples.add(rows(c1=5), 4)
    assert of(samples, 0)[0] == 0


def test_counts_that_fall_do_not_change() -> None:
    samples = Samples()
    samples.add(rows(c=9, g=9), 1)
    samples.add(rows(c=2, g=2), 2)
    assert samples.change.tolist() == [0, -7]


def test_files_that_move_are_no_change() -> None:
    samples = Samples()
    samples.add(rows(c=100), 1)
    samples.add(rows({0: (-60.0, 4.0)}, c=47), 2)
    assert samples.change.tolist() == [47 - 100 + 60 + 4]
    samples.add(rows({1: (30.0, 30.0)}, c=48, c1=30), 4)
    assert samples.change.tolist() == [0.5, 15]


def test_what_is_unset_is_no_sample() -> None:
    samples = Samples()
    for second, number in enumerate([math.nan, 4, math.nan, 6], 1):
        samples.add(rows(g=number), second)
    assert samples.averages[:, 0].tolist() == [5, 5, 5]


def test_the_same_look_twice_counts_once() -> None:
    samples = Samples()
    samples.add(rows(c=1), 1)
    for _ in range(2):
        samples.add(rows(c=5), 2)
    assert of(samples, 0) == [4, 4, 4, 4]


@pytest.mark.parametrize("number", [math.inf, -math.inf, 1.7e308, -1.7e308])
def test_extreme_numbers_do_no_harm(number: float) -> None:
    samples = Samples()
    for second in range(3):
        samples.add(rows(g=number if second % 2 else -number, c=number), second + 1)
    assert samples.history[0, -1] == -number
