"""What the kit works on: the vectors and rules as they are installed, and files that it makes and changes by itself.

Rule 1: files are made by `build` and read by `parse`; where a value lies in one is found by `places`, from the schema's
        document alone.
"""

from __future__ import annotations

import itertools
import json
import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from .. import layout
from .._codec import build, parse
from .._document2 import COMPATIBLE, UNSET, Document2, Extent, Folded, Header, Origin, Record, Series
from ..declaration import Declaration
from ..errors import FormatError

_HERE = Path(__file__).parent
#: Installed, they lie beside this module; in the source tree they are the specification's.
_SPECIFICATION = _HERE / "spec" if (_HERE / "spec").is_dir() else _HERE.parents[1] / "spec"
VERSIONS = (1, 2)

Word = int | float | bool | None
_CODES = {"unsigned": "<Q", "signed": "<q", "float": "<d", "boolean": "<Q"}


def vectors_directory(version: int) -> Path:
    """Where the vectors of a version and their manifest are."""
    return _SPECIFICATION / "vectors" / f"v{version}"


@cache
def vectors(version: int) -> list[dict[str, Any]]:
    """The entries of a version's manifest (``spec/vectors/README.md``)."""
    entries: list[dict[str, Any]] = json.loads((vectors_directory(version) / "manifest.json").read_bytes())["vectors"]
    return entries


@cache
def rules() -> dict[str, str]:
    """Every rule of FORMAT.md, in its order, with the reason why no outside test can show it, or nothing."""
    text = (_SPECIFICATION / "FORMAT.md").read_text(encoding="utf-8")
    found = re.findall(r"^- \*\*([A-Z]\d*-[A-Z]?\d+)\*\*", text, re.MULTILINE)
    silent = dict(re.findall(r"^\| (\S+) \| (.+) \|$", text.partition("### 3.20")[2], re.MULTILINE))
    return {rule: silent.get(rule, "") for rule in found}


class Metric(NamedTuple):
    """A family, and the slots of its series by their label values."""

    family: Declaration
    slots: Mapping[tuple[str, ...], bytes]


def word(kind: str, value: Word) -> bytes:
    """A word of a value type; None is unset."""
    return UNSET[kind] if value is None else struct.pack(_CODES[kind], value)


def latch(content: bytes, other: bytes | None = None, sequence: int = 0) -> bytes:
    """A latch that has published `content`; `other` is what its other buffer holds."""
    other = content if other is None else other
    first, second = (other, content) if sequence & 1 else (content, other)
    return struct.pack("<Q", sequence) + first + second


def counter(name: str, value: Word = 0, kind: str = "unsigned", **declared: Any) -> Metric:
    """A counter without labels."""
    return Metric(Declaration(name, "counter", kind, "sum", **declared), {(): word(kind, value)})


def gauge(name: str, value: Word, combine: str = "sum", kind: str = "signed", **declared: Any) -> Metric:
    """A gauge without labels that is a word."""
    return Metric(Declaration(name, "gauge", kind, combine, **declared), {(): word(kind, value)})


def last(name: str, time: int, value: Word, kind: str = "float", **declared: Any) -> Metric:
    """A gauge combined by last."""
    slot = latch(struct.pack("<Q", time) + word(kind, value))
    return Metric(Declaration(name, "gauge", kind, "last", **declared), {(): slot})


def unknown(name: str, value: Word, kind: str = "unsigned", **declared: Any) -> Metric:
    """A number of which it is not known what it counts."""
    return Metric(Declaration(name, "unknown", kind, "all", **declared), {(): word(kind, value)})


def states(name: str, names: tuple[str, ...], active: int | None, **declared: Any) -> Metric:
    """A state set."""
    return Metric(
        Declaration(name, "state set", "unsigned", "all", states=names, **declared), {(): word("unsigned", active)}
    )


def text_content(value: bytes | None, capacity: int) -> bytes:
    """A buffer of a text."""
    room = -(-capacity // 8) * 8
    return struct.pack("<Q", 2**64 - 1 if value is None else len(value)) + (value or b"").ljust(room, b"\0")


def text(name: str, value: str | None, capacity: int = 16, **declared: Any) -> Metric:
    """A text without labels."""
    content = text_content(None if value is None else value.encode(), capacity)
    return Metric(Declaration(name, "text", "text", "all", capacity=capacity, **declared), {(): latch(content)})


def summary(name: str, *parts: Any, **declared: Any) -> Metric:
    """Count, sum, minimum, maximum, last; without, an empty one."""
    count, total, *extremes = parts or (0, 0.0, None, None, None)
    content = struct.pack("<Qd", count, total) + b"".join(word("float", value) for value in extremes)
    return Metric(Declaration(name, "summary", "float", "sum", **declared), {(): latch(content)})


def histogram(name: str, bounds: Iterable[float], total: float, counts: Iterable[int], **declared: Any) -> Metric:
    """A histogram; one count more than bounds."""
    content = struct.pack("<d", total) + b"".join(struct.pack("<Q", count) for count in counts)
    family = Declaration(name, "histogram", "float", "sum", bounds=tuple(bounds), **declared)
    return Metric(family, {(): latch(content)})


def labelled(metric: Metric, labels: tuple[str, ...], slots: Mapping[tuple[str, ...], Metric]) -> Metric:
    """A family like this one, but with labels: the slots are those of unlabelled ones of the same form."""
    return Metric(
        metric.family._replace(labels=labels), {values: next(iter(one.slots.values())) for values, one in slots.items()}
    )


def document(
    *metrics: Metric,
    app: str = "kit",
    host: str = "here",
    folded: Iterable[bytes] = (),
    features: Iterable[str] = ("no lock",),
    room: int = 4096,
    **header: Any,
) -> Document2:
    """A file of one extent with `room` spare bytes in each of its areas."""
    compatible = sum(1 << COMPATIBLE[feature] for feature in features)
    records: list[Record] = [Origin(app, host), *(Folded(writer) for writer in folded)]
    numbers = itertools.count()
    for metric in metrics:
        number = next(numbers)
        records.append(metric.family)
        records += [Series(number, values, slot) for values, slot in metric.slots.items()]
    made = Header(**{"writer_id": bytes(16), "compatible": compatible, **header})
    exact = Document2(made, (Extent(tuple(records)),))
    values = sum(len(slot) for metric in metrics for slot in metric.slots.values())
    head = layout.V2_HEADER_SIZE + layout.V2_EXTENT_SIZE
    metadata = len(build(exact)) - values - head
    return Document2(made, (Extent(tuple(records), metadata + room, values + room),))


class Place(NamedTuple):
    """Where the slot of a series lies in a file."""

    family: Declaration
    values: tuple[str, ...]
    offset: int


def places(content: bytes) -> list[Place]:
    """The slots of a version 2 file, in its order."""
    parsed = parse(content)
    assert isinstance(parsed, Document2)
    families: list[Declaration] = []
    found = []
    start = layout.V2_HEADER_SIZE
    for extent in parsed.extents:
        (values_offset,) = struct.unpack_from("<Q", content, start + layout.V2_EXTENT_AT_VALUES_OFFSET)
        offset = start + values_offset
        for record in extent.records:
            if isinstance(record, Declaration):
                families.append(record)
            elif isinstance(record, Series):
                found.append(Place(families[record.family], record.values, offset))
            offset += len(getattr(record, "slot", b"")) if not isinstance(record, Declaration) else 0
        start = next_extent(content, start)
    return found


def next_extent(content: bytes, start: int) -> int:
    """Where the extent after the one at `start` begins, or 0."""
    (control,) = struct.unpack_from("<I", content, start + layout.V2_EXTENT_AT_NEXT)
    return int(control) * layout.V2_UNIT


def record(kind: int, body: bytes, slot: int = 0) -> bytes:
    """The bytes of a record (FORMAT.md 3.5)."""
    body = body.ljust(-(-len(body) // 8) * 8, b"\0")
    size = layout.V2_RECORD_SIZE + len(body)
    crc = zlib.crc32(struct.pack(layout.V2_RECORD, size, kind, 0, 0, slot) + body)
    return struct.pack(layout.V2_RECORD, size, kind, 0, crc, slot) + body


def control(number: int) -> bytes:
    """A control word (FORMAT.md 3.2)."""
    mask = layout.V2_CONTROL_MASK
    return struct.pack(layout.V2_CONTROL, (number ^ mask) << layout.V2_CONTROL_BITS | number)


def canonical(content: bytes) -> dict[str, Any]:
    """The canonical document of a file, or the error that a program prints in its place."""
    try:
        return dict(parse(content).canonical())
    except FormatError as error:
        return {"error": error.code, "offset": error.offset}


def same(one: object, other: object) -> bool:
    """Whether two values are equal as JSON; to Python, 1, 1.0 and True are equal too."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def extent_head(head: bytes) -> bytes:
    """The head of an extent with its CRC."""
    zeroed = head[: layout.V2_EXTENT_AT_CRC] + bytes(4) + head[layout.V2_EXTENT_AT_CRC + 4 :]
    crc = struct.pack(layout.V2_CRC, zlib.crc32(zeroed[: layout.V2_CHECKED_EXTENT]))
    return zeroed[: layout.V2_EXTENT_AT_CRC] + crc + zeroed[layout.V2_EXTENT_AT_CRC + 4 :]


def extent(records: Iterable[bytes], values: bytes) -> bytes:
    """A whole extent, just as large as it has to be."""
    metadata = b"".join(records)
    offset = layout.V2_EXTENT_SIZE + len(metadata)
    (used,) = struct.unpack("<Q", control(len(metadata) // 8))
    (following,) = struct.unpack("<Q", control(0))
    head = struct.pack(
        layout.V2_EXTENT,
        layout.V2_TAG,
        0,
        offset + len(values),
        len(metadata),
        offset,
        len(values),
        used,
        following,
        bytes(8),
    )
    return extent_head(head) + metadata + values


def records(content: bytes) -> list[bytes]:
    """The bytes of the records of the first extent of a file."""
    start = layout.V2_HEADER_SIZE
    (used,) = struct.unpack_from("<I", content, start + layout.V2_EXTENT_AT_METADATA_USED)
    place = start + layout.V2_EXTENT_SIZE
    end = place + used * layout.V2_UNIT
    found = []
    while place < end:
        (size,) = struct.unpack_from("<I", content, place)
        found.append(content[place : place + size])
        place += size
    return found


def extents(content: bytes) -> list[tuple[int, int]]:
    """Where the extents of a version 2 file begin and end."""
    found = []
    start = layout.V2_HEADER_SIZE
    while start:
        (size,) = struct.unpack_from("<Q", content, start + layout.V2_EXTENT_AT_SIZE)
        found.append((start, start + size))
        start = next_extent(content, start)
    return found
