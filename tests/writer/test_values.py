"""What each metric does, and what the file then says (V2-W1, V2-W2, V2-W14)."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mmstats_testing.written import bits, values

from mmstats_format import UpdateError
from mmstats_writer import (
    BaseMmStats,
    BoolField,
    ByteField,
    CounterField,
    DoubleField,
    Field,
    FloatField,
    GaugeField,
    IntField,
    ShortField,
    StateField,
    StringField,
    TextField,
    UInt64Field,
    UIntField,
    UShortField,
)

NAN, INF = math.nan, math.inf


def one(field: Field[Any]) -> tuple[Any, Any]:
    """A model with one metric, and the metric."""
    stats = type("Model", (BaseMmStats,), {"x": field})()
    return stats, stats.x


def said(stats: BaseMmStats) -> Any:
    """What its file says of it."""
    return values(stats.filename)["x"]


class TestCounters:
    """V2-W1: a word is stored at once. V2-W14: a counter never goes down."""

    def test_it_begins_at_zero_and_grows(self) -> None:
        stats, x = one(CounterField())
        assert (said(stats), x.value) == ("0", 0)
        x.inc()
        x.inc(41)
        x.incr()
        x.inc(0)
        x.inc(True)
        assert (said(stats), x.value) == ("44", 44)

    @given(st.lists(st.integers(0, 2**65), max_size=5))
    def test_it_wraps_at_64_bits(self, amounts: list[int]) -> None:
        stats, x = one(CounterField())
        for amount in amounts:
            x.inc(amount)
        assert said(stats) == str(x.value) == str(sum(amounts) % 2**64)
        stats.remove()

    @given(st.lists(st.floats(0, 1e300) | st.integers(0, 2**70), max_size=5))
    def test_one_of_floats_adds_floats(self, amounts: list[float]) -> None:
        stats, x = one(CounterField(type=float))
        for amount in amounts:
            x.inc(amount)
        expected = 0.0
        for amount in amounts:
            expected += float(amount)
        assert (said(stats), x.value) == (bits(expected), expected)
        stats.remove()

    def test_one_of_floats_counts_fractions_and_infinity(self) -> None:
        stats, x = one(CounterField(type=float))
        x.inc(Fraction(1, 4))
        x.inc(Decimal("0.25"))
        assert x.value == 0.5
        x.inc(INF)
        assert said(stats) == bits(INF)

    def test_numbers_of_other_types_leave_a_plain_count(self) -> None:
        class Byte(int):
            """A number that wraps when it is added, as those of fixed width do."""

            def __radd__(self, other: int) -> Byte:
                return Byte((int(other) + int(self)) % 256)

        stats, x = one(CounterField())
        for _ in range(3):
            x.inc(Byte(100))
        assert (said(stats), type(x.value)) == ("300", int)

    @pytest.mark.parametrize("type", [int, float])
    @pytest.mark.parametrize(
        ("amount", "code"),
        [
            (-1, "negative-increment"),
            (-(2**70), "negative-increment"),
            ("1", "bad-amount"),
            (b"1", "bad-amount"),
            (None, "bad-amount"),
            (NAN, "bad-amount"),
            (1j, "bad-amount"),
            ([], "bad-amount"),
        ],
    )
    def test_what_is_no_growth_is_refused(self, type: Any, amount: Any, code: str) -> None:
        """V2-W14."""
        stats, x = one(CounterField("x", type=type))
        x.inc(3)
        before = said(stats)
        with pytest.raises(UpdateError) as refusal:
            x.inc(amount)
        assert (refusal.value.code, refusal.value.name) == (code, "x")
        assert isinstance(refusal.value, TypeError)
        assert isinstance(refusal.value, ValueError)
        assert said(stats) == before
        x.inc(1)
        assert x.value == 4

    @pytest.mark.parametrize("amount", [1.5, -1.5, Fraction(1, 2), INF])
    def test_one_of_whole_numbers_refuses_others(self, amount: Any) -> None:
        stats, x = one(CounterField())
        with pytest.raises(UpdateError, match="bad-amount"):
            x.inc(amount)
        assert said(stats) == "0"

    @pytest.mark.parametrize("amount", [-0.5, -INF])
    def test_one_of_floats_refuses_negative_ones(self, amount: float) -> None:
        stats, x = one(CounterField(type=float))
        with pytest.raises(UpdateError, match="negative-increment"):
            x.inc(amount)
        assert said(stats) == bits(0.0)

    def test_an_error_of_the_arguments_own_code_comes_out_as_it_is(self) -> None:
        class Odd:
            def __index__(self) -> int:
                raise ValueError("mine")

        stats, x = one(CounterField())
        with pytest.raises(ValueError, match="mine"):
            x.inc(Odd())
        x.inc()
        assert said(stats) == "1"


class TestGauges:
    @pytest.mark.parametrize("combine", ["sum", "min", "max", "all"])
    def test_set_inc_and_dec(self, combine: str) -> None:
        stats, x = one(GaugeField(combine=combine))
        assert (said(stats), x.value) == (None, None)
        x.inc(2)
        assert said(stats) == bits(2.0)
        x.set(10)
        x.dec()
        x.inc(0.5)
        x.dec(0.25)
        assert (said(stats), x.value) == (bits(9.25), 9.25)
        x.dec(100)
        assert x.value == -90.75

    @given(st.lists(st.tuples(st.sampled_from(["set", "inc", "dec"]), st.integers(-(2**66), 2**66)), max_size=6))
    @example([("dec", 2**63), ("inc", 0)])
    @example([("set", 2**63 - 1), ("inc", 1), ("inc", 5)])
    def test_whole_numbers_wrap_at_64_bits(self, steps: list[tuple[str, int]]) -> None:
        stats, x = one(GaugeField(type=int))
        expected: int | None = None
        for step, amount in steps:
            getattr(x, step)(amount)
            before = 0 if expected in (None, -(2**63)) else expected
            assert before is not None
            expected = wrapped({"set": amount, "inc": before + amount, "dec": before - amount}[step], 64, signed=True)
        assert x.value == (None if expected == -(2**63) else expected)
        assert said(stats) == (None if x.value is None else str(x.value))
        stats.remove()

    @pytest.mark.parametrize("value", [NAN, INF, -INF, -0.0, 5e-324, 1.7976931348623157e308])
    def test_floats_are_stored_as_they_are(self, value: float) -> None:
        stats, x = one(GaugeField())
        x.set(value)
        assert said(stats) == bits(value)

    @pytest.mark.parametrize("combine", ["all", "last"])
    @pytest.mark.parametrize(
        ("type", "value"),
        [(float, "1"), (float, None), (float, 1j), (float, 10**400), (int, 1.5), (int, "1"), (int, NAN)],
    )
    @pytest.mark.parametrize("method", ["set", "inc", "dec"])
    def test_what_is_no_number_of_the_type_is_refused(self, combine: str, type: Any, value: Any, method: str) -> None:
        """V2-W14."""
        stats, x = one(GaugeField("x", combine=combine, type=type))
        x.set(3)
        before = said(stats)
        with pytest.raises(UpdateError) as refusal:
            getattr(x, method)(value)
        assert (refusal.value.code, refusal.value.name) == ("bad-value", "x")
        assert said(stats) == before
        x.inc()
        assert x.value == 4

    def test_numbers_of_other_types_leave_a_plain_value(self) -> None:
        stats, x = one(GaugeField())
        x.set(Decimal("1.5"))
        x.inc(0.5)
        x.inc(Fraction(1, 2))
        x.dec(Decimal("0.5"))
        assert (said(stats), x.value) == (bits(2.0), 2.0)

    @pytest.mark.parametrize("type", [int, float])
    def test_one_combined_by_last_says_when(self, type: Any) -> None:
        stats, x = one(GaugeField(combine="last", type=type))
        assert (said(stats), x.value) == (None, None)
        times = [time.time_ns()]
        for method, amount, expected in [("inc", 2, 2), ("set", 7, 7), ("dec", 3, 4)]:
            getattr(x, method)(amount)
            found = said(stats)
            times.append(int(found["time"]))
            assert (found["value"], x.value) == (str(expected) if type is int else bits(expected), expected)
        times.append(time.time_ns())
        assert times == sorted(times)


def wrapped(value: int, bits: int, signed: bool) -> int:
    value %= 2**bits
    return value - 2**bits if signed and value >= 2 ** (bits - 1) else value


INTEGERS = [
    (UInt64Field, 64, False),
    (UIntField, 32, False),
    (IntField, 32, True),
    (ShortField, 16, True),
    (UShortField, 16, False),
    (ByteField, 8, True),
]


class TestPlainFields:
    """They are set by assignment; kind unknown."""

    @pytest.mark.parametrize(("field", "width", "signed"), INTEGERS)
    @given(value=st.integers(-(2**66), 2**66))
    def test_integers_wrap_at_their_width(self, field: type[Field[int]], width: int, signed: bool, value: int) -> None:
        stats, _ = one(field())
        assert (said(stats), stats.x) == ("0", 0)
        stats.x = value
        expected = wrapped(value, width, signed)
        assert stats.x == expected
        # All bits set is what an unsigned word of 64 bits has where it is unset (V2-32).
        assert said(stats) == (None if expected == 2**64 - 1 else str(expected))
        stats.remove()

    @pytest.mark.parametrize("field", [DoubleField, FloatField])
    @pytest.mark.parametrize("value", [0.1, NAN, INF, -0.0, 3, True, Fraction(1, 8)])
    def test_floats(self, field: type[Field[float]], value: float) -> None:
        stats, _ = one(field())
        stats.x = value
        assert said(stats) == bits(float(value))
        assert struct.pack("d", stats.x) == struct.pack("d", float(value))

    @pytest.mark.parametrize("value", [True, False, 0, 2, "", "x", None, [], NAN])
    def test_booleans_count_by_truth(self, value: object) -> None:
        stats, _ = one(BoolField(initial=True))
        assert (said(stats), stats.x) == (True, True)
        stats.x = value
        assert (said(stats), stats.x) == (bool(value), bool(value))

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            (UIntField, 1.0),
            (UIntField, "1"),
            (ByteField, None),
            (DoubleField, "1"),
            (DoubleField, None),
            (StringField, 5),
            (StringField, b"x"),
            (StringField, None),
        ],
    )
    def test_another_type_is_refused(self, field: type[Field[Any]], value: Any) -> None:
        stats, _ = one(field("x"))
        before = said(stats), stats.x
        with pytest.raises(UpdateError) as refusal:
            stats.x = value
        assert (refusal.value.code, refusal.value.name) == ("bad-value", "x")
        assert (said(stats), stats.x) == before


TEXTS = [lambda size: TextField(size=size), lambda size: StringField(size=size)]


@pytest.mark.parametrize("field", TEXTS, ids=["TextField", "StringField"])
class TestTexts:
    """V2-W2, and V2-W14: text is cut after a whole character."""

    def test_what_it_begins_with(self, field: Callable[[int], Field[Any]]) -> None:
        stats, x = one(field(5))
        assert said(stats) == ("" if isinstance(x, str) else None)
        assert (x if isinstance(x, str) else x.value) == said(stats)

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("", ""),
            ("abcde", "abcde"),
            ("abcdef", "abcde"),
            ("a\0b", "a\0b"),
            ("\u00e9\u00e9\u00e9", "\u00e9\u00e9"),
            ("\u20ac\u20ac", "\u20ac"),
            ("a\U0001f600b", "a\U0001f600"),
            ("ab\U0001f600", "ab"),
            ("\udcff", "\\udcf"),
        ],
    )
    def test_it_is_cut_after_a_whole_character(self, field: Callable[[int], Field[Any]], text: str, shown: str) -> None:
        stats, x = one(field(5))
        stats.x = text
        assert said(stats) == shown
        assert (stats.x if isinstance(x, str) else x.value) == shown

    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=4))
    def test_the_last_text_is_there_whole(self, field: Callable[[int], Field[Any]], texts: list[str]) -> None:
        stats, _ = one(field(9))
        for text in texts:
            stats.x = text
        shown = texts[-1]
        while len(shown.encode()) > 9:
            shown = shown[:-1]
        assert said(stats) == shown
        stats.remove()


class TestStates:
    def test_exactly_one_is_active_at_first_the_first(self) -> None:
        stats, x = one(StateField(states=("idle", "busy", "gone")))
        assert (said(stats), x.value) == ("idle", "idle")
        for state in ("gone", "busy", "busy", "idle"):
            x.set(state)
            assert (said(stats), x.value) == (state, state)

    @pytest.mark.parametrize("state", ["other", "", 0, None, ["idle"]])
    def test_one_that_is_not_declared_is_refused(self, state: Any) -> None:
        stats, x = one(StateField("x", states=("idle", "busy")))
        x.set("busy")
        with pytest.raises(UpdateError) as refusal:
            x.set(state)
        assert (refusal.value.code, refusal.value.name) == ("unknown-state", "x")
        assert said(stats) == "busy"
