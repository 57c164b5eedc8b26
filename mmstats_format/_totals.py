"""Values of several writers as one, without decoding more than that takes (FORMAT.md 3.7, 3.10, V2-F6).

    content    what a word holds, or the published buffer of a latch

Rule 1: what is unset counts for nothing (V2-32); whole numbers wrap at 64 bits (V2-C1).
Rule 2: contents are those of one declaration; `joined` and `converted` bring others to one.
"""

from __future__ import annotations

import math
import struct
from typing import Any

from ._document2 import NO_TEXT, UNSET
from .declaration import BUCKET, HISTOGRAM_HEAD, SEQUENCE, SUMMARY, TEXT_HEAD, TIMED_HEAD, WORD, WORDS, Declaration

_WRAP = 2**64 - 1
_SIGN = 2**63
_WORDS = {kind: struct.Struct(f"<{code}") for kind, code in WORDS.items()}
_TEXT_UNSET = TEXT_HEAD.pack(NO_TEXT)
_TIME_UNSET = TIMED_HEAD.pack(0)


def content_of(declared: Declaration, slot: bytes) -> bytes:
    """The published content of a slot."""
    if not declared.buffer:
        return slot
    published = SEQUENCE.unpack_from(slot)[0] & 1
    return slot[SEQUENCE.size + published * declared.buffer :][: declared.buffer]


def slot_of(declared: Declaration, content: bytes) -> bytes:
    """A slot that has published a content."""
    return SEQUENCE.pack(0) + 2 * content if declared.buffer else content


def agree(one: Declaration, other: Declaration) -> bool:
    """Whether values declared so are of one family (V2-C3)."""
    return (one.kind, one.type, one.combination, one.unit, one.labels) == (
        (other.kind, other.type, other.combination, other.unit, other.labels)
    )


def joined(one: Declaration, other: Declaration) -> Declaration:
    """The declaration of the values of both: `one`, with the bounds that both have and the states that either has."""
    if (one.bounds, one.states, one.capacity) == (other.bounds, other.states, other.capacity):
        return one
    return one._replace(
        bounds=tuple(bound for bound in one.bounds if bound in other.bounds),
        states=tuple(dict.fromkeys(one.states + other.states)),
        capacity=max(one.capacity, other.capacity),
    )


def converted(content: bytes, declared: Declaration, wanted: Declaration) -> bytes:
    """A content of one declaration as one of another, which is `joined` of it."""
    match wanted.kind:
        case "histogram" if declared.bounds != wanted.bounds:
            total, *counts = _histogram(declared).unpack(content)
            wider = iter(wanted.bounds)
            bound, sums = next(wider, None), [0] * (len(wanted.bounds) + 1)
            place = 0
            for count, upper in zip(counts, (*declared.bounds, None), strict=True):
                sums[place] = sums[place] + count & _WRAP
                if bound is not None and upper == bound:
                    place, bound = place + 1, next(wider, None)
            return _histogram(wanted).pack(total, *sums)
        case "text":
            return content.ljust(wanted.buffer, b"\0")
        case "state set" if declared.states != wanted.states:
            number = _WORDS["unsigned"].unpack(content)[0]
            if number >= len(declared.states):
                return UNSET["unsigned"]
            return _WORDS["unsigned"].pack(wanted.states.index(declared.states[number]))
    return content


def combined(declared: Declaration, one: bytes, other: bytes, newer: bool) -> bytes:
    """Two contents as one (V2-C1); of a family that is combined by all, what the newer file says (V2-F6).

    Args:
        declared: what both are.
        one: a content.
        other: another.
        newer: whether the file of `other` was created later.
    """
    match declared.kind:
        case "counter":
            return _sum(declared.type, one, other)
        case "histogram":
            form = _histogram(declared)
            total, *counts = form.unpack(one)
            more, *others = form.unpack(other)
            return form.pack(rounded_up(total, more), *[a + b & _WRAP for a, b in zip(counts, others, strict=True)])
        case "summary":
            return _summary(one, other, newer)
        case "text":
            return _later(
                one, other, newer, one[: TEXT_HEAD.size] == _TEXT_UNSET, other[: TEXT_HEAD.size] == _TEXT_UNSET
            )
    if declared.combination == "last":
        times = TIMED_HEAD.unpack_from(one)[0], TIMED_HEAD.unpack_from(other)[0]
        newer = times[1] > times[0] or (times[0] == times[1] and newer)
        return _later(one, other, newer, not times[0], not times[1])
    unset = one == UNSET[declared.type], other == UNSET[declared.type]
    if declared.combination == "all" or any(unset):
        return _later(one, other, newer, *unset)
    if declared.combination == "sum":
        return _sum(declared.type, one, other)
    return _extreme(declared.combination, declared.type, one, other)


def _histogram(declared: Declaration) -> struct.Struct:
    return struct.Struct(HISTOGRAM_HEAD.format + f"{len(declared.bounds) + 1}{BUCKET.format[-1]}")


def _later(one: bytes, other: bytes, newer: bool, one_unset: bool, other_unset: bool) -> bytes:
    """The one that is set; where both are, the newer file's."""
    return other if one_unset or (newer and not other_unset) else one


def _sum(kind: str, one: bytes, other: bytes) -> bytes:
    form = _WORDS[kind]
    first, second = form.unpack(one)[0], form.unpack(other)[0]
    if kind == "float":
        return form.pack(rounded_up(first, second))
    total: Any = first + second & _WRAP
    return form.pack(total - 2 * (total & _SIGN) if kind == "signed" else total)


def rounded_up(one: float, other: float) -> float:
    """The sum of two floats; where it is not exact the next greater one (V2-F6)."""
    total = one + other
    # What the rounding took away, exactly (Knuth's TwoSum); no number where the sum is none.
    part = total - one
    left = (one - (total - part)) + (other - part)
    return math.nextafter(total, math.inf) if left > 0 else total


def _extreme(combination: str, kind: str, one: bytes, other: bytes) -> bytes:
    """The lesser or the greater; one that is unset or no number only where there is nothing else."""
    if one == UNSET[kind] or other == UNSET[kind]:
        return other if one == UNSET[kind] else one
    first, second = _WORDS[kind].unpack(one)[0], _WORDS[kind].unpack(other)[0]
    if first != first or second != second:
        return other if first != first else one
    return other if (second < first if combination == "min" else second > first) else one


def _summary(one: bytes, other: bytes, newer: bool) -> bytes:
    counts = SUMMARY.unpack(one)[0], SUMMARY.unpack(other)[0]
    first, second = (
        [content[place : place + WORD] for place in range(0, SUMMARY.size, WORD)] for content in (one, other)
    )
    return b"".join(
        (
            _sum("unsigned", first[0], second[0]),
            _sum("float", first[1], second[1]),
            _extreme("min", "float", first[2], second[2]),
            _extreme("max", "float", first[3], second[3]),
            _later(first[4], second[4], newer, not counts[0], not counts[1]),
        )
    )
