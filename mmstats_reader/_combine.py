"""Several writers' values as one (FORMAT.md 3.10).

Files that say the same share a plan, and are one group: their values are added up column by column.

Rule 1: what is unset is counted by no combination (V2-32); sums of integers wrap at 64 bits (V2-C1).
Rule 2: of gauges NaNs count for the least and the greatest only where there is nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property, reduce
from operator import add
from typing import Any

from mmstats_format import layout
from mmstats_format.declaration import Declaration

from ._families import Family, decoders_of
from ._kept import Kept
from ._records import Plan
from ._values import WRAP, Histogram, Summary, Value, float_sum, time_at, words
from ._version1 import Plan1

_SIGN = 1 << 63
_WORD = layout.V2_UNIT


class Group1:
    """Version 1 files of the same fields, as they were at one time."""

    def __init__(self, plan: Plan1) -> None:
        self.plan = plan
        self.files: list[Kept] = []
        self.readings: list[Any] = []

    @cached_property
    def marked(self) -> list[frozenset[int]]:
        """Of files that have any, the numbers of the series that are not confirmed."""
        return [reading.unconfirmed for reading in self.readings if reading.unconfirmed]

    def numbers(self, family: int) -> list[int]:
        """The numbers of a family's series."""
        return [family]

    def values(self, number: int) -> list[Value]:
        """The value of a series in each file."""
        at = self.plan.series[number].at
        return [reading.fields.values[at] for reading in self.readings]

    def sum(self, number: int) -> Value:
        """The values of a counter, added up."""
        return total(self.plan.families[number].type, self.values(number))

    def floats(self, number: int) -> list[Any]:
        """The values of a float counter."""
        return self.values(number)

    def ages(self, number: int) -> list[Any]:
        """Version 1 has nothing that is combined by age."""
        return [0] * len(self.readings)


class Group:
    """Version 2 files that say the same of themselves, as they were at one time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.files: list[Kept] = []
        self.readings: list[Any] = []

    @cached_property
    def marked(self) -> list[frozenset[int]]:
        """Of files that have any, the numbers of the series that are not confirmed."""
        return [reading.unconfirmed for reading in self.readings if reading.unconfirmed]

    def numbers(self, family: int) -> list[int]:
        """The numbers of a family's series."""
        if self.plan.numbers is None:
            self.plan.numbers = [[] for _ in self.plan.families]
            for number, series in enumerate(self.plan.series):
                self.plan.numbers[series.family].append(number)
        return self.plan.numbers[family]

    @cached_property
    def places(self) -> dict[tuple[int, tuple[str, ...]], int]:
        """The numbers of the series, by the numbers of their families and their label values."""
        return {(series.family, series.values): number for number, series in enumerate(self.plan.series)}

    def values(self, number: int) -> list[Value]:
        """The value of a series in each file."""
        family, _, at = self.plan.series[number]
        decode = decoders_of(self.plan)[family]
        return [None if number in reading.missing else decode(reading.row, at) for reading in self.readings]

    def sum(self, number: int) -> Value:
        """The values of a counter or histogram, added up; where one is missing, its place holds zeros."""
        series = self.plan.series[number]
        family = self.plan.families[series.family]
        if family.kind == "histogram":
            counts = self._sums[series.at // _WORD + 1 : (series.at + family.buffer) // _WORD]
            return Histogram(float_sum(self.floats(number)), family.bounds, tuple(counts))
        return float_sum(self.floats(number)) if family.type == "float" else self._sums[series.at // _WORD]

    @cached_property
    def _sums(self) -> list[int]:
        """Of every word of the rows the sum over all files, as unsigned numbers that wrap.

        Rows are added as long numbers, of which the interpreter adds many words at once: all of them, and the even
        words alone, each of which has room for its carries in the place of the odd one. The odd ones are the rest.
        """
        pairs = -(-self.plan.row_size // (2 * _WORD))
        even = int.from_bytes((WRAP.to_bytes(_WORD, "little") + bytes(_WORD)) * pairs, "little")
        both = evens = 0
        for reading in self.readings:
            number = int.from_bytes(reading.row, "little")
            both += number
            evens += number & even
        odds = both - evens >> 8 * _WORD
        sums = [number.to_bytes((2 * pairs + 1) * _WORD, "little") for number in (evens, odds)]
        columns = [words(content, "unsigned")[: 2 * pairs : 2] for content in sums]
        return [number for pair in zip(*columns, strict=True) for number in pair]

    def floats(self, number: int) -> Sequence[float]:
        """The value of a float counter in each file, or the sum of a histogram."""
        return self._floats[self.plan.series[number].at // _WORD :: self.plan.row_size // _WORD]

    @cached_property
    def _floats(self) -> Sequence[float]:
        """The words of all rows, as floats."""
        return words(b"".join([reading.row for reading in self.readings]), "float")

    def ages(self, number: int) -> list[Any]:
        """By what it is told which file's value of a series is the last."""
        series = self.plan.series[number]
        if self.plan.families[series.family].combination == "last":
            return [(time_at(reading.row, series.at), reading.header.created) for reading in self.readings]
        return [reading.header.created for reading in self.readings]


def combine(family: Declaration | Family, values: Sequence[Value], ages: Sequence[Any]) -> tuple[Value, Any]:
    """Several values of one family as one, and how old the last of them is.

    Args:
        family: how they combine; not by all.
        values: of several writers or series, None for what is unset.
        ages: by what it is told which of them is the last: times, and when the files were created.
    """
    there = [(age, value) for age, value in zip(ages, values, strict=True) if value is not None]
    if family.kind == "counter":
        return total(family.type, [value for _, value in there]), None
    if not there:
        return None, None
    given: list[Any] = [value for _, value in there]
    if family.kind == "histogram":
        together = reduce(add, given)
        return Histogram(float_sum(one.sum for one in given), together.bounds, together.counts), None
    if family.kind == "summary":
        return _summary(there)
    if family.combination == "sum":
        return total(family.type, given), None
    if family.combination == "last":
        age, last = max(there, key=lambda pair: pair[0])
        return last, age
    given = [value for value in given if value == value] or given
    return (min if family.combination == "min" else max)(given), None


def total(kind: str, values: Sequence[Any]) -> int | float:
    """Numbers of a value type added up."""
    if kind == "float":
        return float_sum(values)
    number: int = sum(values) & WRAP
    return number - 2 * (number & _SIGN) if kind == "signed" else number


def _summary(there: Sequence[tuple[Any, Any]]) -> tuple[Summary, Any]:
    """V2-C1."""
    summaries = [summary for _, summary in there]
    count = sum(summary.count for summary in summaries) & WRAP
    low = _extreme(min, [summary.min for summary in summaries])
    high = _extreme(max, [summary.max for summary in summaries])
    age, last = max(((age, one.last) for age, one in there if one.count), key=lambda pair: pair[0], default=(0, None))
    return Summary(count, float_sum(summary.sum for summary in summaries), low, high, last), age


def _extreme(choose: Any, values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    found: float | None = choose([value for value in there if not math.isnan(value)] or there, default=None)
    return found
