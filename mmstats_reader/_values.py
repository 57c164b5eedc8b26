"""What a value is, and how the bytes of one become it (FORMAT.md 3.7).

Rule 1: bytes are decoded where they are known to be whole: words at any time, contents of latches once confirmed.
Rule 2: no bytes are an error (V2-33); what is unset is None (V2-32).
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, TypeAlias, TypeVar

from mmstats_format import layout
from mmstats_format.declaration import Declaration

_UNSIGNED = struct.Struct("<" + layout.V2_WORDS["unsigned"])
_SIGNED = struct.Struct("<" + layout.V2_WORDS["signed"])
_FLOAT = struct.Struct("<" + layout.V2_WORDS["float"])
_SUMMARY = struct.Struct(layout.V2_SUMMARY)
_HEAD = struct.calcsize(layout.V2_TEXT_HEAD)
_UNSET_UNSIGNED = layout.V2_UNSET["unsigned"]
_UNSET_SIGNED = layout.V2_UNSET["signed"] - (1 << 64)
_UNSET_FLOAT = layout.V2_UNSET["float"].to_bytes(layout.V2_UNIT, "little")

#: Sums of integers wrap at 64 bits (V2-C1).
WRAP = (1 << 64) - 1


class Summary:
    """Of the values observed: how many, their sum, the least, the greatest, and the last; immutable.

    Attributes:
        count: how many values were observed.
        sum: of all of them, in the family's unit.
        min: the least; None where there is none.
        max: the greatest; None likewise.
        last: the one observed last; None likewise.
    """

    __slots__ = ("count", "last", "max", "min", "sum")

    count: int
    sum: float
    min: float | None
    max: float | None
    last: float | None

    def __init__(self, count: int, sum: float, min: float | None, max: float | None, last: float | None) -> None:
        for name, value in (("count", count), ("sum", sum), ("min", min), ("max", max), ("last", last)):
            object.__setattr__(self, name, value)

    @property
    def mean(self) -> float:
        """The mean of the values, in the family's unit; NaN where there is none."""
        return self.sum / self.count if self.count else math.nan

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} does not change")

    def _parts(self) -> tuple[object, ...]:
        return self.count, self.sum, self.min, self.max, self.last

    def __eq__(self, other: object) -> bool:
        return self._parts() == other._parts() if isinstance(other, Summary) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts())

    def __str__(self) -> str:
        shown = " ".join(
            f"{name}={'-' if part is None else part}" for name, part in zip(_PARTS, self._parts(), strict=True)
        )
        return f"{shown} mean={self.mean}"

    def __repr__(self) -> str:
        return f"Summary{self._parts()}"


_T = TypeVar("_T")
_PARTS = ("count", "sum", "min", "max", "last")


class Histogram:
    """Of the values observed: their sum, and how many lie in each bucket; immutable.

    Attributes:
        sum: of all values, in the family's unit.
        bounds: the greatest value of each bucket but the last, ascending, in the family's unit.
        counts: how many values lie in each bucket, not cumulated; the last is of those above all bounds.
        count: how many values were observed.
    """

    __slots__ = ("bounds", "count", "counts", "sum")

    sum: float
    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    count: int

    def __init__(self, sum: float, bounds: tuple[float, ...], counts: tuple[int, ...]) -> None:
        for name, value in (("sum", sum), ("bounds", bounds), ("counts", counts), ("count", _total(counts))):
            object.__setattr__(self, name, value)

    def quantile(self, q: float) -> float:
        """The value that a share of the observed ones does not exceed, estimated as Prometheus does.

        In its bucket the value is found by linear interpolation; the first bucket begins at 0 where its bound is
        positive, and is its bound where it is not.

        Args:
            q: the share, from 0 to 1: 0.5 for the median.

        Returns:
            The value in the family's unit; NaN where there are no values or no bounds; the greatest bound where the
            value lies above it.

        Raises:
            ValueError: `q` is not from 0 to 1.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile is from 0 to 1, not {q!r}")
        rank = q * sum(self.counts)
        for place, (below, number) in enumerate(zip(accumulate(self.counts, initial=0), self.counts, strict=False)):
            if not number or below + number < rank:
                continue
            if place == len(self.bounds):
                break
            high = self.bounds[place]
            low = self.bounds[place - 1] if place else min(0.0, high)
            return low + (high - low) * ((rank - below) / number)
        else:
            return math.nan
        return self.bounds[-1] if self.bounds else math.nan

    def __add__(self, other: Histogram) -> Histogram:
        """Both together: sums and counts are added, and of the buckets those at the bounds that both have (V2-C4)."""
        bounds = tuple(bound for bound in self.bounds if bound in other.bounds)
        counts = zip(self._at(bounds), other._at(bounds), strict=True)
        return Histogram(self.sum + other.sum, bounds, tuple(one + two & WRAP for one, two in counts))

    def _at(self, bounds: tuple[float, ...]) -> list[int]:
        """The counts with no other bounds than these, which are among its own."""
        if bounds == self.bounds:
            return list(self.counts)
        counts = [0]
        for bound, number in zip((*self.bounds, None), self.counts, strict=True):
            counts[-1] += number
            if bound in bounds:
                counts.append(0)
        return counts

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} does not change")

    def _parts(self) -> tuple[object, ...]:
        return self.sum, self.bounds, self.counts

    def __eq__(self, other: object) -> bool:
        return self._parts() == other._parts() if isinstance(other, Histogram) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts())

    def __str__(self) -> str:
        buckets = zip((*self.bounds, math.inf), self.counts, strict=True)
        shown = " ".join(f"<={bound}:{number}" for bound, number in buckets)
        return f"count={self.count} sum={self.sum} {shown}"

    def __repr__(self) -> str:
        return f"Histogram{self._parts()}"


#: A published value; None is unset.
Value: TypeAlias = int | float | bool | str | Summary | Histogram | None

#: From bytes and the offset where a value's begin, to the value.
Decoder: TypeAlias = Callable[[bytes, int], Value]


def _total(counts: Sequence[int]) -> int:
    return sum(counts) & WRAP


def decoder(family: Declaration) -> Decoder:
    """What decodes a word of the family, or the content of a latch."""
    match family.kind:
        case "counter":
            return _float if family.type == "float" else _unsigned
        case "state set":
            return lambda row, at: _named(family.states, _unsigned(row, at))
        case "text":
            return lambda row, at: _text(row, at, family.capacity)
        case "summary":
            return _summary
        case "histogram":
            words = struct.Struct(f"{layout.V2_HISTOGRAM_HEAD}{len(family.bounds) + 1}{layout.V2_BUCKET[1:]}")
            return lambda row, at: _histogram(family.bounds, *words.unpack_from(row, at))
    word = _WORDS[family.type]
    if family.combination == "last":
        return lambda row, at: word(row, at + layout.V2_UNIT) if time_at(row, at) else None
    return word


def time_at(row: bytes, at: int) -> int:
    """When a gauge combined by last was set, Unix nanoseconds; 0 for never."""
    return _unsigned(row, at)


def float_sum(numbers: Iterable[float]) -> float:
    """The exact sum of floats, rounded once; the same in any order (V2-C1)."""
    numbers = list(numbers)
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):
        pass
    if endless := [number for number in numbers if not math.isfinite(number)]:
        return sum(endless)
    # Only sums between were too large. It is rare, and the module is slow to load.
    from fractions import Fraction

    exact = sum(map(Fraction, numbers))
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def words(content: bytes, kind: str) -> Sequence[Any]:
    """The words of some bytes, as numbers of a value type; nothing is made of them before they are looked at."""
    code = layout.V2_WORDS[kind]
    if sys.byteorder == "little":
        return memoryview(content).cast(code)  # type: ignore[call-overload,no-any-return]
    return struct.unpack(f"<{len(content) // layout.V2_UNIT}{code}", content)


def _unsigned(row: bytes, at: int) -> int:
    number: int = _UNSIGNED.unpack_from(row, at)[0]
    return number


def _float(row: bytes, at: int) -> float:
    number: float = _FLOAT.unpack_from(row, at)[0]
    return number


def _unsigned_or_unset(row: bytes, at: int) -> int | None:
    number = _unsigned(row, at)
    return None if number == _UNSET_UNSIGNED else number


def _signed_or_unset(row: bytes, at: int) -> int | None:
    number: int = _SIGNED.unpack_from(row, at)[0]
    return None if number == _UNSET_SIGNED else number


def _float_or_unset(row: bytes, at: int) -> float | None:
    number = _float(row, at)
    # Unset is one NaN of many.
    return None if number != number and row[at : at + layout.V2_UNIT] == _UNSET_FLOAT else number


def _boolean(row: bytes, at: int) -> bool | None:
    return _named((False, True), _unsigned(row, at))


_WORDS: dict[str, Callable[[bytes, int], int | float | bool | None]] = {
    "unsigned": _unsigned_or_unset,
    "signed": _signed_or_unset,
    "float": _float_or_unset,
    "boolean": _boolean,
}


def _named(names: Sequence[_T], number: int) -> _T | None:
    return names[number] if number < len(names) else None


def _text(row: bytes, at: int, capacity: int) -> str | None:
    length = _unsigned(row, at)
    if length == layout.V2_NO_TEXT:
        return None
    first = at + _HEAD
    return row[first : first + min(length, capacity)].decode("utf-8", "backslashreplace")


def _summary(row: bytes, at: int) -> Summary:
    count, total = _SUMMARY.unpack_from(row, at)[:2]
    low, high, last = (_float_or_unset(row, at + place) for place in _OPTIONAL)
    return Summary(count, total, low, high, last)


#: Where the minimum, the maximum and the last of a summary lie.
_OPTIONAL = range(_SUMMARY.size - 3 * _FLOAT.size, _SUMMARY.size, _FLOAT.size)


def _histogram(bounds: tuple[float, ...], total: float, *counts: int) -> Histogram:
    return Histogram(total, bounds, counts)
