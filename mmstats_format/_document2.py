"""What a version 2 file says, as immutable Python objects, and its canonical JSON form (FORMAT.md 1.4 and chapter 3).

Rule 1: a document holds records as they mean, and slots as bytes; decoding values is done here.
Rule 2: nothing here knows an offset.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from ._document import JSON, float_bits, text
from .declaration import BUCKET, SEQUENCE, TEXT_HEAD, TIMED_HEAD, WORD, Declaration

KINDS = {1: "counter", 2: "gauge", 3: "state set", 4: "text", 5: "summary", 6: "histogram", 7: "unknown"}
TYPES = {1: "unsigned", 2: "signed", 3: "float", 4: "boolean", 5: "text"}
COMBINATIONS = {1: "sum", 2: "min", 3: "max", 4: "last", 5: "all"}
STATES = {1: "live", 2: "closed"}

#: Bits of features by their names.
INCOMPATIBLE = {"archive": 0}
COMPATIBLE = {"record lock": 0, "write calls": 1, "unordered": 2, "no lock": 3}

#: What stands for no value (V2-32), by value type: the bytes of the word.
UNSET = {
    "unsigned": struct.pack("<Q", 2**64 - 1),
    "signed": struct.pack("<q", -(2**63)),
    "float": struct.pack("<Q", 0x7FF8000000000001),
    "boolean": struct.pack("<Q", 2),
}
NO_TEXT = 2**64 - 1
#: The size of an area that is built with just the room for what is in it.
AS_NEEDED = -1


class Header(NamedTuple):
    """The header of a file (FORMAT.md 3.3); times in Unix nanoseconds, starts in clock ticks."""

    writer_id: bytes
    created: int = 0
    pid: int = 0
    process_start: int = 0
    boot_id: bytes = bytes(16)
    pid_namespace: int = 0
    state: int = 1
    thread_id: int = 0
    heartbeat: int = 0
    incompatible: int = 0
    compatible: int = 0
    minor: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose statistics these are: application and host, as UTF-8 text."""

    app: str
    host: str


@dataclass(frozen=True, slots=True)
class Series:
    """One set of label values of a family, and its slot.

    Attributes:
        family: the number of the family, from 0, in the order of the file.
        values: of the labels, in the order of the family's.
        slot: the bytes of the slot.
    """

    family: int
    values: tuple[str, ...]
    slot: bytes


@dataclass(frozen=True, slots=True)
class Folded:
    """A writer whose counts are in this archive."""

    writer_id: bytes


@dataclass(frozen=True, slots=True)
class Unknown:
    """A record of a type that is not known, and not critical."""

    type: int
    flags: int
    body: bytes
    slot: bytes


Record: TypeAlias = Origin | Declaration | Series | Folded | Unknown


@dataclass(frozen=True, slots=True)
class Extent:
    """A part of the file: its records, and the sizes of its areas in bytes, if these are not just what they need."""

    records: tuple[Record, ...]
    metadata_capacity: int = AS_NEEDED
    values_capacity: int = AS_NEEDED


@dataclass(frozen=True, slots=True)
class Document2:
    """What a version 2 file says (FORMAT.md, chapter 3)."""

    header: Header
    extents: tuple[Extent, ...]
    version: int = field(default=2)

    @property
    def records(self) -> tuple[Record, ...]:
        """All records in the order of the file."""
        return tuple(record for extent in self.extents for record in extent.records)

    def canonical(self) -> dict[str, JSON]:
        """The canonical JSON document, ready for `json.dumps` (J-6 to J-8)."""
        header = self.header
        families = [record for record in self.records if isinstance(record, Declaration)]
        series: list[list[JSON]] = [[] for _ in families]
        for record in self.records:
            if isinstance(record, Series):
                value = value_of(families[record.family], record.slot)
                series[record.family].append({"labels": list(record.values), "value": value})
        origin = next(record for record in self.records if isinstance(record, Origin))
        return {
            "version": self.version,
            "features": [
                name
                for names, bits in ((INCOMPATIBLE, header.incompatible), (COMPATIBLE, header.compatible))
                for name, bit in names.items()
                if bits >> bit & 1
            ],
            "state": STATES[header.state],
            "writer": {
                "id": header.writer_id.hex(),
                "app": origin.app,
                "host": origin.host,
                "created": str(header.created),
                "pid": str(header.pid),
                "thread": str(header.thread_id),
                "start": str(header.process_start),
                "boot": header.boot_id.hex(),
                "namespace": str(header.pid_namespace),
            },
            "families": [
                {
                    "name": family.name,
                    "kind": family.kind,
                    "type": family.type,
                    "combination": family.combination,
                    "kept": family.kept,
                    "unit": family.unit,
                    "help": family.help,
                    "labels": list(family.labels),
                    "bounds": [float_bits(struct.pack("<d", bound)) for bound in family.bounds],
                    "states": list(family.states),
                    "capacity": str(family.capacity),
                    "series": those,
                }
                for family, those in zip(families, series, strict=True)
            ],
            "folded": [record.writer_id.hex() for record in self.records if isinstance(record, Folded)],
        }


def value_of(family: Declaration, slot: bytes) -> JSON:
    """The published value of a slot in the canonical JSON document (FORMAT.md 3.7, J-8)."""
    if not family.buffer:
        return _word(family, slot)
    published = SEQUENCE.unpack_from(slot)[0] & 1
    content = slot[SEQUENCE.size :][published * family.buffer :][: family.buffer]
    first, *others = (content[place : place + WORD] for place in range(0, len(content), WORD))
    match family.kind:
        case "text":
            length = TEXT_HEAD.unpack(first)[0]
            return None if length == NO_TEXT else text(content[TEXT_HEAD.size :][: min(length, family.capacity)])
        case "summary":
            total, *extremes = others
            low, high, last = map(_float, extremes)
            return {"count": _count(first), "sum": float_bits(total), "min": low, "max": high, "last": last}
        case "histogram":
            counts: list[JSON] = [_count(bucket) for bucket in others]
            return {"sum": float_bits(first), "counts": counts}
    time = TIMED_HEAD.unpack(first)[0]
    return {"time": str(time), "value": _word(family, others[0])} if time else None


def _count(word: bytes) -> str:
    return str(BUCKET.unpack(word)[0])


def _word(family: Declaration, word: bytes) -> JSON:
    if word == UNSET[family.type] and family.kind != "counter":
        return None
    number = int.from_bytes(word, "little", signed=family.type == "signed")
    if family.kind == "state set":
        return family.states[number] if number < len(family.states) else None
    match family.type:
        case "float":
            return float_bits(word)
        case "boolean":
            return bool(number) if number < 2 else None
    return str(number)


def _float(word: bytes) -> JSON:
    return None if word == UNSET["float"] else float_bits(word)
