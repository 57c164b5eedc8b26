"""Inputs changed so that they lead behind the first check: the structure first, and then what checks it.

    input ──► parts (files, fields, records) ──► some moved, removed, doubled, changed, taken from another input
       └────► bytes ──► some changed in place, sizes and codes to telling ones ──► CRCs and control words set right

Rule 1: nothing here knows what is valid: parts are taken as far as they can be followed, and the rest as it is.
Rule 2: what comes out depends on the input and the random numbers alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple, TypeAlias

from mmstats_testing.mending import control, mended

from mmstats_format import layout
from mmstats_format.types import type_of

from .inputs import SEVERAL, files_of, joined

#: Changes some bytes, to so many at most: libFuzzer's own, which knows what was compared with what.
Plain: TypeAlias = Callable[[bytes, int], bytes]

_NUMBERS = [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 24, 56, 64, 65, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 1 << 20]
_NUMBERS += [2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 8, 2**64 - 1]
_NUMBERS += layout.V2_UNSET.values()

_HEADER, _EXTENT, _RECORD = layout.V2_HEADER_SIZE, layout.V2_EXTENT_SIZE, layout.V2_RECORD_SIZE


def mutate(data: bytes, most: int, random: Random, plain: Plain, other: bytes = b"") -> bytes:
    """Another input.

    Args:
        data: an input.
        most: bytes that the other may have.
        random: where all decisions come from.
        plain: changes bytes of which nothing is known.
        other: an input from which parts may be taken.
    """
    change = _Change(most, random, plain, other)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        data = change.input(data)
    return data[:most]


class _Extent(NamedTuple):
    """An extent taken apart: its head, its records, and the bytes of its values area."""

    head: bytes
    records: list[bytes]
    values: bytes


class _Change:
    def __init__(self, most: int, random: Random, plain: Plain, other: bytes) -> None:
        self.most, self.random, self.plain = most, random, plain
        self.others = [file for file in files_of(other) if file]

    def input(self, data: bytes) -> bytes:
        """A change of any input."""
        if data[:1] == SEVERAL:
            return joined(self.parts(files_of(data), self.others, self.file))
        return self.file(data)

    def file(self, data: bytes) -> bytes:
        """A change of a file of any version."""
        if data[:1] == layout.V2_MAGIC[:1]:
            return self.file2(data)
        return self.fields(data) if self.random.random() < 0.5 else self.unknown(data)

    def parts(self, parts: list[bytes], stock: Sequence[bytes], change: Callable[[bytes], bytes]) -> list[bytes]:
        """A change of one of some parts, or of which they are and in what order."""
        random, parts = self.random, list(parts)
        at = random.randrange(len(parts)) if parts else 0
        match random.choice(("change", "change", "change", "remove", "double", "swap", "take")):
            case "change" if parts:
                parts[at] = change(parts[at])
            case "remove":
                del parts[at : at + 1]
            case "double":
                parts[at:at] = parts[at : at + 1]
            case "swap" if parts:
                to = random.randrange(len(parts))
                parts[at], parts[to] = parts[to], parts[at]
            case _ if stock:
                parts[at : at + random.randrange(2)] = [random.choice(stock)]
        return parts

    def unknown(self, data: bytes) -> bytes:
        """A change of bytes of which nothing is known."""
        return self.plain(data, self.most) if data else self.random.randbytes(1)

    def number(self, data: bytes) -> bytes:
        """A telling number somewhere in some bytes, which stay as many; or some changed at random."""
        random = self.random
        if random.random() < 0.3:
            return self.plain(data, max(len(data), 1))[: len(data)].ljust(len(data), b"\0")
        size = random.choice((1, 2, 4, 8))
        at = random.randrange(0, len(data) or 1, size)
        before = int.from_bytes(data[at : at + size], "little")
        number = random.choice((random.choice(_NUMBERS), before + random.choice((-8, -1, 1, 8))))
        return (data[:at] + (number % (1 << 8 * size)).to_bytes(size, "little") + data[at + size :])[: len(data)]

    def fields(self, data: bytes) -> bytes:
        """A change of the fields of a version 1 file."""
        fields, rest = _fields(data)
        stock = [field for other in self.others for field in _fields(other)[0]]
        return data[:1] + b"".join(self.parts(fields, stock, self.unknown)) + rest

    def file2(self, data: bytes) -> bytes:
        """A change of a version 2 file, whose checks are mostly set right."""
        random = self.random
        match random.choice(("structure", "structure", "head", "record", "any")):
            case "structure":
                data = self.structure(data)
            case "head":
                at = random.choice([0, *(begins for begins, _ in _extents(data))])
                size = _EXTENT if at else _HEADER
                data = data[:at] + self.number(data[at : at + size]) + data[at + size :]
            case "record":
                places = [at for begins, end in _extents(data) for at in _records(data, begins + _EXTENT, end)]
                at = random.choice(places or [_HEADER])
                end = at + int.from_bytes(data[at : at + 4], "little")
                data = data[:at] + self.number(data[at:end]) + data[end:]
            case _:
                data = self.unknown(data)
        match random.randrange(8):
            case 0:
                return data
            case 1:
                return bytes(mended(bytearray(data)))
        return bytes(mended(bytearray(data), controls=True))

    def structure(self, data: bytes) -> bytes:
        """A change of the records of an extent, whose sizes follow; or an extent that is cut in two."""
        random, extents = self.random, _taken_apart(data)
        if not extents:
            return self.unknown(data)
        at = random.randrange(len(extents))
        head, records, values = extents[at]
        if random.random() < 0.15:
            cut = random.randrange(len(records) + 1)
            extents[at : at + 1] = [_Extent(head, records[:cut], values), _Extent(head, records[cut:], b"")]
        else:
            stock = [record for other in self.others for extent in _taken_apart(other) for record in extent.records]
            extents[at] = _Extent(head, self.parts(records, stock, self.record), values)
        return _put_together(data[:_HEADER], extents, self.most)

    def record(self, data: bytes) -> bytes:
        """A change of a record's body, whose size may be another then."""
        body = self.plain(data[_RECORD:], self.most) if len(data) > _RECORD else self.random.randbytes(8)
        body += bytes(-len(body) % layout.V2_UNIT)
        return (_RECORD + len(body)).to_bytes(4, "little") + data[4:_RECORD] + body


def _fields(data: bytes) -> tuple[list[bytes], bytes]:
    """The fields of a version 1 file as far as they can be followed, and what comes then."""
    fields, at = [], 1
    while data[at : at + 2].strip(b"\0"):
        place = at + 2 + int.from_bytes(data[at : at + 2], "little")
        end = place + 2 + int.from_bytes(data[place : place + 2], "little")
        try:
            size = type_of(data[place + 2 : end].decode("latin-1")).size
        except KeyError:
            break
        end += 1 + size * (1 if data[end : end + 1] == b"\xff" else 2)
        if end > len(data):
            break
        fields.append(data[at:end])
        at = end
    return fields, data[at:]


def _extents(data: bytes) -> list[tuple[int, int]]:
    """Where the extents of a version 2 file begin and their records end, as far as they can be followed."""
    found: list[tuple[int, int]] = []
    at = _HEADER
    while at + _EXTENT <= len(data) and len(found) <= layout.V2_MOST_EXTENTS:
        used, following = (
            int.from_bytes(data[at + place : at + place + 4], "little") * layout.V2_UNIT
            for place in (layout.V2_EXTENT_AT_METADATA_USED, layout.V2_EXTENT_AT_NEXT)
        )
        found.append((at, min(at + _EXTENT + used, len(data))))
        if following <= at:
            break
        at = following
    return found


def _records(data: bytes, at: int, end: int) -> list[int]:
    """Where the records begin that lie between two places, as far as they can be followed."""
    found = []
    while at + _RECORD <= end:
        size = int.from_bytes(data[at : at + 4], "little")
        if size < _RECORD or at + size > end:
            break
        found.append(at)
        at += size
    return found


def _taken_apart(data: bytes) -> list[_Extent]:
    """The extents of a version 2 file."""
    found = []
    for at, end in _extents(data):
        places = [*_records(data, at + _EXTENT, end), end]
        records = [data[one:other] for one, other in pairwise(places)]
        first, size = struct.unpack_from("<QQ", data, at + layout.V2_EXTENT_AT_VALUES_OFFSET)
        found.append(_Extent(data[at : at + _EXTENT], records, data[at + first : at + first + size]))
    return found


def _put_together(header: bytes, extents: Sequence[_Extent], most: int) -> bytes:
    """A version 2 file of these extents without gaps, each large enough for its slots if `most` bytes are.

    The CRCs are not set right.
    """
    content = header
    for number, (head, records, values) in enumerate(extents):
        metadata = b"".join(records)
        slots = [int.from_bytes(record[layout.V2_RECORD_AT_SLOT : _RECORD], "little") for record in records]
        needed = min(sum(slots), most)
        values = values.ljust(needed + -needed % layout.V2_UNIT, b"\0")
        size = _EXTENT + len(metadata) + len(values)
        following = (len(content) + size) // layout.V2_UNIT if number + 1 < len(extents) else 0
        sizes = struct.pack("<QQQQ", size, len(metadata), _EXTENT + len(metadata), len(values))
        head = head[: layout.V2_EXTENT_AT_SIZE] + sizes + control(len(metadata) // layout.V2_UNIT) + control(following)
        content += head.ljust(_EXTENT, b"\0") + metadata + values
    return content
