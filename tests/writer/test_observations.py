"""Metrics of many values: summaries, histograms, moving averages (V2-W2, V2-31, V2-32)."""

from __future__ import annotations

import math
from bisect import bisect_left
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmstats_testing.slots import Slot
from mmstats_testing.written import bits, number, values

from mmstats_format import UpdateError
from mmstats_writer import (
    AverageField,
    BaseMmStats,
    CounterField,
    DoubleField,
    Field,
    GaugeField,
    HistogramField,
    MovingAverageField,
    StateField,
    StaticUIntField,
    SummaryField,
    TextField,
    TimerField,
)

NAN, INF = math.nan, math.inf

observed = st.floats(allow_nan=False) | st.integers(-(10**6), 10**6)


def one(field: Field[Any]) -> tuple[Any, Any]:
    """A model with one metric, and the metric."""
    stats = type("Model", (BaseMmStats,), {"x": field})()
    return stats, stats.x


def said(stats: BaseMmStats) -> Any:
    """What its file says of it."""
    return values(stats.filename)["x"]


class TestSummaries:
    @pytest.mark.parametrize("field", [SummaryField, AverageField])
    def test_before_the_first_value_least_greatest_and_last_are_unset(self, field: type[SummaryField]) -> None:
        """V2-32."""
        stats, x = one(field())
        assert said(stats) == {"count": "0", "sum": bits(0.0), "min": None, "max": None, "last": None}
        assert (x.count, x.sum, x.value) == (0, 0.0, 0.0)

    @given(st.lists(observed, min_size=1, max_size=6))
    def test_count_sum_least_greatest_and_last(self, given: list[float]) -> None:
        stats, x = one(SummaryField())
        total = 0.0
        for value in given:
            x.observe(value)
            total += float(value)
        found = said(stats)
        assert found["count"] == str(len(given))
        assert number(found["sum"]) == total or math.isnan(total)
        assert [number(found[part]) for part in ("min", "max", "last")] == [min(given), max(given), given[-1]]
        assert x.count == len(given)
        stats.remove()

    def test_the_mean_is_exact_over_what_was_added(self) -> None:
        _, x = one(AverageField())
        for value in (1, 2, 6):
            x.add(value)
        assert (x.value, x.sum, x.count) == (3.0, 9.0, 3)


class TestHistograms:
    BOUNDS = (-1.0, 0.0, 2.5)

    def test_it_begins_with_zeros(self) -> None:
        stats, x = one(HistogramField(bounds=self.BOUNDS))
        assert said(stats) == {"sum": bits(0.0), "counts": ["0"] * 4}
        assert (x.count, x.sum, x.counts) == (0, 0.0, (0, 0, 0, 0))

    @pytest.mark.parametrize(
        ("value", "bucket"),
        [
            (-INF, 0),
            (-1, 0),
            (-1.0, 0),
            (-0.999, 1),
            (-0.0, 1),
            (0, 1),
            (5e-324, 2),
            (2.5, 2),
            (2.500001, 3),
            (INF, 3),
            (True, 2),
            (Fraction(5, 2), 2),
            (Decimal("2.5"), 2),
        ],
    )
    def test_a_bound_belongs_to_the_values_below_it(self, value: Any, bucket: int) -> None:
        """3.7: counts of values up to and including each bound, and above the last."""
        stats, x = one(HistogramField(bounds=self.BOUNDS))
        x.observe(value)
        expected = [int(place == bucket) for place in range(4)]
        assert said(stats) == {"sum": bits(0.0 + float(value)), "counts": [str(count) for count in expected]}
        assert (x.counts, x.count) == (tuple(expected), 1)

    def test_one_without_bounds_counts_all_values_in_one_bucket(self) -> None:
        stats, x = one(HistogramField(bounds=()))
        x.observe(3)
        x.observe(-4.5)
        assert said(stats) == {"sum": bits(-1.5), "counts": ["2"]}

    @given(st.lists(observed, max_size=6))
    def test_sum_and_counts(self, given: list[float]) -> None:
        stats, x = one(HistogramField(bounds=self.BOUNDS))
        total, counts = 0.0, [0] * 4
        for value in given:
            x.observe(value)
            total += float(value)
            counts[bisect_left(self.BOUNDS, value)] += 1
        found = said(stats)
        assert found["counts"] == [str(count) for count in counts]
        assert number(found["sum"]) == total or math.isnan(total)
        stats.remove()

    def test_numbers_of_other_types_leave_a_plain_sum(self) -> None:
        class Coarse(float):
            """A number that adds coarsely, as those of 32 bits do."""

            def __radd__(self, other: float) -> Coarse:
                return Coarse(round(float(other) + float(self)))

        stats, x = one(HistogramField(bounds=self.BOUNDS))
        x.observe(Coarse(0.25))
        x.observe(0.5)
        assert said(stats)["sum"] == bits(0.75)


@pytest.mark.parametrize(
    "field", [SummaryField, HistogramField, TimerField, lambda name: HistogramField(name, bounds=())]
)
@pytest.mark.parametrize("value", [NAN, "1", b"1", None, 1j, 10**400, []])
def test_what_is_no_number_is_not_observed(field: Any, value: Any) -> None:
    """V2-W14."""
    stats, x = one(field("x"))
    x.observe(1.0)
    before = said(stats)
    with pytest.raises(UpdateError) as refusal:
        x.observe(value)
    assert (refusal.value.code, refusal.value.name) == ("bad-value", "x")
    assert said(stats) == before
    x.observe(1.0)
    assert x.count == 2


class TestMovingAverages:
    def test_before_the_first_value_it_is_unset(self) -> None:
        stats, x = one(MovingAverageField())
        assert (said(stats), x.value) == (None, 0.0)

    @given(st.integers(1, 4), st.lists(st.integers(-1000, 1000), min_size=1, max_size=9))
    def test_of_the_last_values(self, size: int, given: list[int]) -> None:
        stats, x = one(MovingAverageField(size=size))
        for value in given:
            x.add(value)
        last = given[-size:]
        assert said(stats) == bits(sum(last) / len(last))
        assert x.value == sum(last) / len(last)
        stats.remove()

    def test_of_the_values_of_so_many_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1000.0
        monkeypatch.setattr("mmstats_writer._words.time.monotonic", lambda: now)
        stats, x = one(MovingAverageField(seconds=10))
        for later, value, expected in [(0, 1.0, 1.0), (4, 2.0, 1.5), (10, 6.0, 3.0), (10.5, 7.0, 5.0), (100, 4.0, 4.0)]:
            now = 1000.0 + later
            x.add(value)
            assert (said(stats), x.value) == (bits(expected), expected)

    def test_sums_that_no_float_holds(self) -> None:
        stats, x = one(MovingAverageField(size=3))
        x.add(1.7e308)
        x.add(1.7e308)
        assert x.value == INF
        x.add(-INF)
        assert math.isnan(x.value)
        for _ in range(3):
            x.add(1.0)
        assert said(stats) == bits(1.0)

    @pytest.mark.parametrize("value", ["1", None, 1j])
    def test_what_is_no_number_is_refused(self, value: Any) -> None:
        stats, x = one(MovingAverageField(size=2))
        x.add(4)
        with pytest.raises(UpdateError, match="bad-value"):
            x.add(value)
        x.add(2)
        assert said(stats) == bits(3.0)


class TestAssignment:
    """api.md: of gauges, texts and states assigning means `set`; of plain fields it is the only way."""

    @pytest.mark.parametrize(
        ("field", "value", "shown"),
        [
            (GaugeField(), 2, bits(2.0)),
            (TextField(), "x", "x"),
            (StateField(states=("a", "b")), "b", "b"),
            (DoubleField(), 2, bits(2.0)),
        ],
    )
    def test_it_sets(self, field: Field[Any], value: Any, shown: str) -> None:
        stats, _ = one(field)
        stats.x = value
        assert said(stats) == shown

    @pytest.mark.parametrize(
        "field",
        [
            CounterField(),
            HistogramField(),
            TimerField(),
            SummaryField(),
            MovingAverageField(),
            GaugeField(labelnames=("a",)),
            TextField(labelnames=("a",)),
            StaticUIntField(value=3),
        ],
        ids=repr,
    )
    def test_of_others_it_is_an_error(self, field: Field[Any]) -> None:
        stats, before = one(field)
        with pytest.raises(AttributeError, match=r"'x' is a \w+ and cannot be assigned to"):
            stats.x = 5
        assert stats.x == before

    def test_any_other_attribute_is_the_applications_own(self) -> None:
        stats, _ = one(CounterField())
        stats.mine = 5
        assert stats.mine == 5

    def test_before_the_instance_is_made_it_is_an_error(self) -> None:
        class Early(BaseMmStats):
            x = DoubleField()

            def __init__(self) -> None:
                self.x = 1.0
                super().__init__()

        with pytest.raises(AttributeError, match="can be assigned to after"):
            Early()


def test_the_two_buffers_of_a_latch_take_turns() -> None:
    """V2-W2: the one that is not published is written, and then the sequence word."""
    stats, x = one(SummaryField())
    slot = Slot(stats.filename, "x")
    for count in range(1, 6):
        before = slot.raw
        x.observe(1.0)
        sequence, old, new = slot.raw[:8], before[8:], slot.raw[8:]
        assert int.from_bytes(sequence, "little") == count
        published = slice(40 * (count & 1), 40 * (count & 1) + 40)
        left = slice(40 - published.start, 80 - published.start)
        assert new[left] == old[left]
        assert new[published] != old[published]
