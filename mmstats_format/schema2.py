"""Version 2, declared once: every offset, size, code and name of its layout (FORMAT.md, chapter 3).

    header │ extent: head │ records … │ slots … │ extent …

Rule 1: nothing of the layout is written down a second time; `mmstats_format.generate` derives the layout module and
        FORMAT.md's tables from the objects below.
Rule 2: nothing of `construct` leaves this module: not its objects, not its exceptions.
Rule 3: the checks are made in the order of `_header`, `_extent` and `_record`, which is that of FORMAT.md's rules.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import construct as c

from ._document2 import (
    AS_NEEDED,
    COMBINATIONS,
    INCOMPATIBLE,
    KINDS,
    STATES,
    TYPES,
    Document2,
    Extent,
    Folded,
    Header,
    Origin,
    Record,
    Series,
    Unknown,
)
from .declaration import Declaration
from .errors import FormatError, fault

VERSION = 2
MAGIC = b"\x02MMSTATS"
TAG = b"XTNT"
UNIT = 8
CONTROL_BITS = 32
CONTROL_MASK = (1 << CONTROL_BITS) - 1
MOST_EXTENTS = 32
CRITICAL = 1
KEPT = 1
LARGEST_TEXT = 1 << 20


def _part(form: Any, docs: str, size: str = "") -> Any:
    """An element of a layout: its form, and what FORMAT.md's tables say of it."""
    form = form * docs
    form.size = size
    return form


HEADER = c.Struct(
    "magic" / _part(c.Bytes(8), "`02`, then `MMSTATS` (V2-5)"),
    "header_size" / _part(c.Int16ul, "128 (V2-7)"),
    "minor" / _part(c.Int16ul, "minor version (V2-X1)"),
    "crc" / _part(c.Int32ul, "of bytes 0 to 95 (V2-6)"),
    "incompatible" / _part(c.Int32ul, "incompatible-feature bits (V2-8)"),
    "compatible" / _part(c.Int32ul, "compatible-feature bits (V2-8)"),
    "writer_id" / _part(c.Bytes(16), "random (V2-W9)"),
    "created" / _part(c.Int64ul, "when the file was made, Unix nanoseconds"),
    "pid" / _part(c.Int64ul, "process id; 0 for an archive"),
    "process_start" / _part(c.Int64ul, "the process's start, clock ticks since boot; 0 for unknown"),
    "boot_id" / _part(c.Bytes(16), "the boot's id; zeros for unknown"),
    "pid_namespace" / _part(c.Int64ul, "inode number of the pid namespace; 0 for unknown"),
    "reserved" / _part(c.Bytes(8), "zero (V2-10)"),
    "state" / _part(c.Int64ul, "control word: 1 live, 2 closed (V2-9)"),
    "thread_id" / _part(c.Int64ul, "control word: thread id (V2-9)"),
    "heartbeat" / _part(c.Int64ul, "when the writer last showed life, nanoseconds since boot; 0 for not kept"),
    "unused" / _part(c.Bytes(8), "zero (V2-10)"),
)
CHECKED_HEADER = 96

EXTENT = c.Struct(
    "tag" / _part(c.Bytes(4), "`XTNT` (V2-12)"),
    "crc" / _part(c.Int32ul, "of the first 40 bytes (V2-13)"),
    "size" / _part(c.Int64ul, "bytes of the whole extent (V2-14)"),
    "metadata_capacity" / _part(c.Int64ul, "bytes of the metadata area (V2-14)"),
    "values_offset" / _part(c.Int64ul, "where the values area begins, from the extent's beginning (V2-14)"),
    "values_capacity" / _part(c.Int64ul, "bytes of the values area (V2-14)"),
    "metadata_used" / _part(c.Int64ul, "control word: records published (V2-17)"),
    "next" / _part(c.Int64ul, "control word: the following extent (V2-11, V2-15)"),
    "unused" / _part(c.Bytes(8), "zero (V2-10)"),
)
CHECKED_EXTENT = 40

RECORD = c.Struct(
    "size" / _part(c.Int32ul, "bytes of the whole record, a multiple of 8 (V2-18)"),
    "type" / _part(c.Int16ul, "1 ORIGIN, 2 FAMILY, 3 SERIES, 4 FOLDED (V2-21)"),
    "flags" / _part(c.Int16ul, "bit 0: critical (V2-21)"),
    "crc" / _part(c.Int32ul, "of the whole record (V2-19)"),
    "slot" / _part(c.Int32ul, "bytes of its slot (V2-20)"),
)

TEXT = c.Prefixed(c.Int16ul, c.GreedyBytes)
_TEXT_SIZE = "2 + its length"

ORIGIN = c.Struct(
    "app" / _part(TEXT, "application: a length of 16 bits, and the text", _TEXT_SIZE),
    "host" / _part(TEXT, "host, likewise", _TEXT_SIZE),
)

FAMILY = c.Struct(
    "kind" / _part(c.Int8ul, "kind (3.6)"),
    "type" / _part(c.Int8ul, "value type (3.6)"),
    "combination" / _part(c.Int8ul, "how several writers' values combine (3.6)"),
    "flags" / _part(c.Int8ul, "bit 0: kept, values of dead writers count (V2-C2)"),
    "label_count" / _part(c.Int8ul, "number of label names"),
    "reserved" / _part(c.Bytes(1), "zero (V2-10)"),
    "parts" / _part(c.Int16ul, "number of bounds, or of states (V2-27)"),
    "capacity" / _part(c.Int32ul, "bytes of a text (V2-27)"),
    "reserved2" / _part(c.Bytes(4), "zero (V2-10)"),
    "bounds"
    / _part(
        c.Array(lambda this: this.parts if this.kind == _code(KINDS, "histogram") else 0, c.Float64l),
        "of a histogram: its bounds, binary64",
        "8 × parts",
    ),
    "name" / _part(TEXT, "name: a length of 16 bits, and the text", _TEXT_SIZE),
    "unit" / _part(TEXT, "unit, likewise", _TEXT_SIZE),
    "help" / _part(TEXT, "help, likewise", _TEXT_SIZE),
    "labels" / _part(c.Array(c.this.label_count, TEXT), "label names, each as the name", "each " + _TEXT_SIZE),
    "states"
    / _part(
        c.Array(lambda this: this.parts if this.kind == _code(KINDS, "state set") else 0, TEXT),
        "of a state set: its states, each as the name",
        "each " + _TEXT_SIZE,
    ),
)

SERIES = c.Struct(
    "family" / _part(c.Int32ul, "number of the family (V2-28)"),
    "values"
    / _part(c.Array(lambda this: len(this._params.labels), TEXT), "label values, each as a name", "each " + _TEXT_SIZE),
)

FOLDED = c.Struct("writer_id" / _part(c.Bytes(16), "of the writer whose counts are here"))

RECORDS = {1: ORIGIN, 2: FAMILY, 3: SERIES, 4: FOLDED}
#: Names of families, and families with label values of series, that may not come again.
_Seen = set[str | tuple[int, tuple[str, ...]]]

_WITHOUT_SLOT = (ORIGIN, FAMILY, FOLDED)

#: The rows of FORMAT.md 3.6: value types and combinations by kind.
_NUMBERS = ("unsigned", "signed", "float", "boolean")
ALLOWED = {
    "counter": (("unsigned", "float"), ("sum",)),
    "gauge": (_NUMBERS, ("sum", "min", "max", "last", "all")),
    "state set": (("unsigned",), ("all",)),
    "text": (("text",), ("all",)),
    "summary": (("float",), ("sum",)),
    "histogram": (("float",), ("sum",)),
    "unknown": (_NUMBERS, ("all",)),
}


def _code(names: dict[int, str], name: str) -> int:
    return {known: code for code, known in names.items()}[name]


def _offset(struct: Any, name: str) -> int:
    """Where an element of a layout of fixed size lies."""
    place = 0
    for element in struct.subcons:
        if element.name == name:
            return place
        place += element.sizeof()
    raise KeyError(name)


def _control(word: int, offset: int, path: str) -> int:
    """The number of a control word (V2-3)."""
    number, check = word & CONTROL_MASK, word >> CONTROL_BITS
    if number ^ check != CONTROL_MASK:
        raise fault("bad-control", f"{word:#018x} is no number with its complement", offset, path)
    return number


def _as_control(number: int) -> int:
    return (number ^ CONTROL_MASK) << CONTROL_BITS | number


def _check_crc(content: bytes, struct: Any, base: int, path: str, rule: str) -> None:
    """Compare the CRC of `content`, which begins at offset `base` with `struct` (V2-4)."""
    place = _offset(struct, "crc")
    stored = int.from_bytes(content[place : place + 4], "little")
    if stored != _crc(content, place):
        raise fault("bad-crc", f"the bytes have CRC {_crc(content, place):#010x}", base + place, f"{path}.crc", rule)


def _crc(content: bytes, place: int) -> int:
    """V2-4: the four bytes of the CRC itself count as zero."""
    return zlib.crc32(content[:place] + bytes(4) + content[place + 4 :])


def parse(content: bytes) -> Document2:
    """The document of a version 2 file; the caller has looked at its version byte."""
    header = _header(content)
    families: list[Declaration] = []
    extents: list[Extent] = []
    seen: _Seen = set()
    at, named_at = HEADER.sizeof(), 0
    while at:
        if len(extents) == MOST_EXTENTS:
            raise fault("bad-extent", f"it leads to extent {MOST_EXTENTS + 1}", named_at, "next", "V2-16")
        extent, at, named_at = _extent(content, at, len(extents), header, families, seen)
        extents.append(extent)
    return Document2(header, tuple(extents))


def _header(content: bytes) -> Header:
    if len(content) < HEADER.sizeof():
        raise fault("truncated", "the file ends inside its header", 0, "header", "V2-5")
    parsed = HEADER.parse(content)
    if parsed.magic != MAGIC:
        raise fault("bad-magic", f"the file begins with {parsed.magic!r}", 0, "header.magic")
    _check_crc(content[:CHECKED_HEADER], HEADER, 0, "header", "V2-6")
    if parsed.header_size != HEADER.sizeof():
        detail = f"a header of {parsed.header_size} bytes"
        raise fault("bad-header", detail, _offset(HEADER, "header_size"), "header.header_size", "V2-7")
    if parsed.incompatible >> len(INCOMPATIBLE):
        detail = f"bits {parsed.incompatible:#x} are not all known"
        raise fault("unsupported-feature", detail, _offset(HEADER, "incompatible"), "header.incompatible")
    state = _control(parsed.state, _offset(HEADER, "state"), "header.state")
    if state not in STATES:
        raise fault("bad-header", f"{state} is no state", _offset(HEADER, "state"), "header.state", "V2-9")
    thread_id = _control(parsed.thread_id, _offset(HEADER, "thread_id"), "header.thread_id")
    parts = {name: parsed[name] for name in Header._fields}
    return Header(**{**parts, "state": state, "thread_id": thread_id})


def _extent(
    content: bytes,
    base: int,
    number: int,
    header: Header,
    families: list[Declaration],
    seen: _Seen,
) -> tuple[Extent, int, int]:
    """The extent at `base`, the offset of the following one (0: none), and the offset where that is said."""
    path = f"extents[{number}]"

    def at(name: str) -> int:
        return base + _offset(EXTENT, name)

    def bad(name: str, detail: str, rule: str) -> FormatError:
        return fault("bad-extent", detail, at(name), f"{path}.{name}", rule)

    head = content[base : base + EXTENT.sizeof()]
    if len(head) < EXTENT.sizeof():
        raise fault("truncated", "the file ends inside the extent's head", base, path, "V2-12")
    parsed = EXTENT.parse(head)
    if parsed.tag != TAG:
        raise bad("tag", f"{parsed.tag!r} is no tag of an extent", "V2-12")
    _check_crc(head[:CHECKED_EXTENT], EXTENT, base, path, "V2-13")
    begins = EXTENT.sizeof()
    fits = {
        "size": parsed.size >= begins,
        "metadata_capacity": begins + parsed.metadata_capacity <= parsed.size,
        "values_offset": begins + parsed.metadata_capacity <= parsed.values_offset <= parsed.size,
        "values_capacity": parsed.values_offset + parsed.values_capacity <= parsed.size,
    }
    for name, fit in fits.items():
        if not fit or parsed[name] % UNIT:
            raise bad(name, f"{parsed[name]} does not fit", "V2-14")
    if base + parsed.size > len(content):
        raise fault("truncated", "the file ends inside the extent", base, path, "V2-12")
    used = _control(parsed.metadata_used, at("metadata_used"), f"{path}.metadata_used") * UNIT
    if used > parsed.metadata_capacity:
        raise bad("metadata_used", f"{used} bytes of {parsed.metadata_capacity}", "V2-17")
    values = content[base + parsed.values_offset :][: parsed.values_capacity]
    metadata = content[base + begins :][:used]
    records = tuple(_records(metadata, values, base + begins, f"{path}.records", not number, header, families, seen))
    following = _control(parsed.next, at("next"), f"{path}.next") * UNIT
    if following and following < base + parsed.size:
        raise bad("next", f"{following} lies before the extent's end", "V2-15")
    return Extent(records, parsed.metadata_capacity, parsed.values_capacity), following, at("next")


def _records(
    metadata: bytes,
    values: bytes,
    base: int,
    path: str,
    first: bool,
    header: Header,
    families: list[Declaration],
    seen: _Seen,
) -> Iterator[Record]:
    """The records of an extent, whose metadata begins at offset `base`."""
    place = slots = number = 0
    while place < len(metadata):
        offset, where = base + place, f"{path}[{number}]"
        rest = metadata[place : place + RECORD.sizeof()]
        head = RECORD.parse(rest) if len(rest) == RECORD.sizeof() else None
        if head is None or head.size < RECORD.sizeof() or head.size % UNIT or place + head.size > len(metadata):
            raise fault("bad-record", "it does not lie whole in what is published", offset, where, "V2-18")
        whole = metadata[place : place + head.size]
        _check_crc(whole, RECORD, offset, where, "V2-19")
        form = RECORDS.get(head.type)
        if head.slot % UNIT or slots + head.slot > len(values) or (head.slot and form in _WITHOUT_SLOT):
            detail = f"a slot of {head.slot} bytes is not for this record, or not whole in the values area"
            raise fault("bad-record", detail, offset + _offset(RECORD, "slot"), f"{where}.slot", "V2-20")
        slot = values[slots : slots + head.slot]
        if (form is ORIGIN) != (first and not number):
            raise fault("bad-record", "an ORIGIN is the first record, and no other", offset, where, "V2-24")
        if form is None and head.flags & CRITICAL:
            raise fault("unsupported-record", f"type {head.type} is critical and not known", offset, where)
        if form is FOLDED and not header.incompatible >> INCOMPATIBLE["archive"] & 1:
            raise fault("bad-record", "a FOLDED record outside an archive", offset, where, "V2-30")
        record = _record(head, whole[RECORD.sizeof() :], slot, offset, where, families, seen)
        if isinstance(record, Declaration):
            families.append(record)
            seen.add(record.name)
        if isinstance(record, Series):
            if (record.family, record.values) in seen:
                raise fault("bad-series", f"{record.values!r} is there already", offset, where, "V2-29")
            seen.add((record.family, record.values))
        yield record
        place += head.size
        slots += head.slot
        number += 1
    if first and not number:
        raise fault("bad-record", "the first record is an ORIGIN", base, f"{path}[0]", "V2-24")


def _record(
    head: Any, body: bytes, slot: bytes, offset: int, where: str, families: Sequence[Declaration], seen: _Seen
) -> Record:
    form = RECORDS.get(head.type)
    if form is None:
        return Unknown(head.type, head.flags, body, slot)
    labels: tuple[str, ...] = ()
    if form is SERIES and body:
        number = int.from_bytes(body[:4], "little")
        if number >= len(families):
            raise fault("bad-series", "its family is not declared before", offset + RECORD.sizeof(), where, "V2-28")
        labels = families[number].labels
    try:
        parsed = form.parse(body, labels=labels)
    except c.StreamError as error:
        raise fault("bad-record", "the body ends inside its fields", offset, where, "V2-22") from error
    rest = body[len(form.build(parsed, labels=labels)) :]
    if len(rest) >= UNIT or any(rest):
        raise fault("bad-record", "bytes after the end of the body's fields", offset, where, "V2-22")
    try:
        texts = {name: _decoded(value) for name, value in parsed.items() if name in _TEXTS}
    except UnicodeDecodeError as error:
        raise fault("bad-text", str(error.reason), offset, where) from error
    if form is ORIGIN:
        return Origin(texts["app"], texts["host"])
    if form is FOLDED:
        return Folded(parsed.writer_id)
    if form is FAMILY:
        return _family(parsed, texts, offset, where, seen)
    family = families[parsed.family]
    if head.slot != family.slot:
        detail = f"a slot of {head.slot} bytes, where the family's have {family.slot}"
        raise fault("bad-series", detail, offset + _offset(RECORD, "slot"), f"{where}.slot", "V2-28")
    return Series(parsed.family, texts["values"], slot)


#: Elements that are text, or arrays of it.
_TEXTS = {"app", "host", "name", "unit", "help", "labels", "states", "values"}


def _decoded(value: Any) -> Any:
    return value.decode("utf-8") if isinstance(value, bytes) else tuple(text.decode("utf-8") for text in value)


def _family(parsed: Any, texts: dict[str, Any], offset: int, where: str, seen: _Seen) -> Declaration:
    def bad(detail: str, rule: str, name: str = "") -> FormatError:
        place = offset + (RECORD.sizeof() + _offset(FAMILY, name) if name else 0)
        return fault("bad-family", detail, place, f"{where}.{name}" if name else where, rule)

    kind = KINDS.get(parsed.kind)
    if kind is None:
        raise bad(f"{parsed.kind} is no kind", "V2-26", "kind")
    types, combinations = ALLOWED[kind]
    if TYPES.get(parsed.type) not in types:
        raise bad(f"a {kind} has no value type {parsed.type}", "V2-26", "type")
    combination = COMBINATIONS.get(parsed.combination)
    if combination not in combinations or (TYPES[parsed.type] == "boolean" and combination == "sum"):
        raise bad(f"a {kind} is not combined by {parsed.combination}", "V2-26", "combination")
    names, labels, states = texts["name"], texts["labels"], texts["states"]
    if not names or "\0" in names or len(set(labels)) < len(labels) or "" in labels:
        raise bad("its name or label names are empty or not distinct", "V2-25")
    if names in seen:
        raise bad(f"{names!r} is declared already", "V2-25")
    bounds = tuple(parsed.bounds)
    ascending = all(low < high for low, high in pairwise(bounds))
    if kind == "histogram":
        fit = ascending and all(map(math.isfinite, bounds))
    elif kind == "state set":
        fit = bool(states) and len(set(states)) == len(states) and "" not in states
    else:
        fit = not parsed.parts
    capacity_fits = 0 < parsed.capacity <= LARGEST_TEXT if kind == "text" else not parsed.capacity
    if not fit or not capacity_fits:
        raise bad("bounds, states or capacity do not fit its kind", "V2-27")
    return Declaration(
        names,
        kind,
        TYPES[parsed.type],
        combination or "",
        texts["unit"],
        texts["help"],
        labels,
        bounds,
        states,
        parsed.capacity,
        bool(parsed.flags & KEPT),
    )


def build(document: Document2) -> bytes:
    """The bytes of a version 2 file that says `document`, its extents without gaps between them."""
    try:
        content = _content(document)
    except (KeyError, UnicodeEncodeError, c.ConstructError) as error:
        raise fault("bad-value", f"a part of it is out of its range: {error}", rule="V2-22") from error
    parse(content)  # what else a document can have wrong is what a file can
    return content


def _content(document: Document2) -> bytes:
    header = HEADER.build(
        {
            **document.header._asdict(),
            "magic": MAGIC,
            "header_size": HEADER.sizeof(),
            "crc": 0,
            "reserved": bytes(8),
            "unused": bytes(8),
            "state": _as_control(document.header.state),
            "thread_id": _as_control(document.header.thread_id),
        }
    )
    content = _with_crc(header, HEADER, CHECKED_HEADER)
    families: list[Declaration] = []
    for number, extent in enumerate(document.extents):
        records = b"".join(_record_bytes(record, families) for record in extent.records)
        slots = b"".join(record.slot for record in extent.records if isinstance(record, Series | Unknown))
        metadata = len(records) if extent.metadata_capacity == AS_NEEDED else extent.metadata_capacity
        values = len(slots) if extent.values_capacity == AS_NEEDED else extent.values_capacity
        size = EXTENT.sizeof() + metadata + values
        if len(records) > metadata or len(slots) > values:
            detail = "the extent does not hold its records and slots"
            raise fault("bad-size", detail, path=f"extents[{number}]", rule="V2-14")
        last = number == len(document.extents) - 1
        head = EXTENT.build(
            {
                "tag": TAG,
                "crc": 0,
                "size": size,
                "metadata_capacity": metadata,
                "values_offset": EXTENT.sizeof() + metadata,
                "values_capacity": values,
                "metadata_used": _as_control(len(records) // UNIT),
                "next": _as_control(0 if last else (len(content) + size) // UNIT),
                "unused": bytes(8),
            }
        )
        content += _with_crc(head, EXTENT, CHECKED_EXTENT)
        content += records.ljust(metadata, b"\0") + slots.ljust(values, b"\0")
    return content


def _with_crc(content: bytes, struct: Any, checked: int) -> bytes:
    place = _offset(struct, "crc")
    crc = _crc(content[:checked], place)
    return content[:place] + crc.to_bytes(4, "little") + content[place + 4 :]


def _record_bytes(record: Record, families: list[Declaration]) -> bytes:
    flags, slot = 0, b""
    match record:
        case Origin():
            code, body = 1, ORIGIN.build({"app": record.app.encode(), "host": record.host.encode()})
        case Declaration():
            families.append(record)
            code, body = 2, FAMILY.build(_family_parts(record))
        case Series():
            values = [value.encode() for value in record.values]
            code, slot = 3, record.slot
            body = SERIES.build({"family": record.family, "values": values}, labels=values)
        case Folded():
            code, flags, body = 4, CRITICAL, FOLDED.build({"writer_id": record.writer_id})
        case Unknown():
            code, flags, body, slot = record.type, record.flags, record.body, record.slot
    body = body.ljust(-(-len(body) // UNIT) * UNIT, b"\0")
    head = {"size": RECORD.sizeof() + len(body), "type": code, "flags": flags, "crc": 0, "slot": len(slot)}
    whole = RECORD.build(head) + body
    return _with_crc(whole, RECORD, len(whole))


def _family_parts(family: Declaration) -> dict[str, Any]:
    return {
        "kind": _code(KINDS, family.kind),
        "type": _code(TYPES, family.type),
        "combination": _code(COMBINATIONS, family.combination),
        "flags": KEPT * family.kept,
        "label_count": len(family.labels),
        "reserved": bytes(1),
        "parts": len(family.bounds) + len(family.states),
        "capacity": family.capacity,
        "reserved2": bytes(4),
        "bounds": family.bounds,
        "name": family.name.encode(),
        "unit": family.unit.encode(),
        "help": family.help.encode(),
        "labels": [label.encode() for label in family.labels],
        "states": [state.encode() for state in family.states],
    }
