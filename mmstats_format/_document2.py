"""What a version 2 file says, as immutable Python objects, and its canonical JSON form (FORMAT.md 1.4 and chapter 3).

Rule 1: a document holds records as they mean, and slots as bytes; decoding values is done here.
Rule 2: nothing here knows an offset.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from ._document import JSON, float_bits, text

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

#: The words of a slot (FORMAT.md 3.7) by value type, and the parts of a latch.
WORDS = {"unsigned": "Q", "signed": "q", "float": "d", "boolean": "Q"}
SEQUENCE = struct.Struct("<Q")
TIMED_HEAD = struct.Struct("<Q")
TEXT_HEAD = struct.Struct("<Q")
SUMMARY = struct.Struct("<Qdddd")
HISTOGRAM_HEAD = struct.Struct("<d")
BUCKET = struct.Struct("<Q")


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
class Family:
    """The declaration of a metric (FORMAT.md 3.5, 3.6).

    Attributes:
        bounds: of a histogram, each as the 8 bytes of its float would compare: finite and ascending.
        capacity: of a text, in bytes.
        kept: True where the values of dead writers count, whatever the kind.
    """

    name: str
    kind: str
    type: str
    combination: str
    unit: str = ""
    help: str = ""
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    states: tuple[str, ...] = ()
    capacity: int = 0
    kept: bool = False

    @property
    def latch(self) -> int | None:
        """Bytes of one buffer of the latch; None for a word (FORMAT.md 3.7)."""
        match self.kind:
            case "text":
                return TEXT_HEAD.size + -(-self.capacity // 8) * 8
            case "summary":
                return SUMMARY.size
            case "histogram":
                return HISTOGRAM_HEAD.size + BUCKET.size * (len(self.bounds) + 1)
        return TIMED_HEAD.size + 8 if self.combination == "last" else None

    @property
    def slot(self) -> int:
        """Bytes of the slot of one series."""
        return 8 if self.latch is None else SEQUENCE.size + 2 * self.latch


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


Record: TypeAlias = Origin | Family | Series | Folded | Unknown


@dataclass(frozen=True, slots=True)
class Extent:
    """A part of the file: its records, and the sizes of its areas in bytes."""

    records: tuple[Record, ...]
    metadata_capacity: int
    values_capacity: int


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
        families = [record for record in self.records if isinstance(record, Family)]
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


def value_of(family: Family, slot: bytes) -> JSON:
    """The published value of a slot in the canonical JSON document (FORMAT.md 3.7, J-8)."""
    if family.latch is None:
        return _word(family, slot)
    sequence = int.from_bytes(slot[:8], "little")
    place = 8 + (sequence & 1) * family.latch
    buffer = slot[place : place + family.latch]
    first = int.from_bytes(buffer[:8], "little")
    match family.kind:
        case "text":
            return None if first == NO_TEXT else text(buffer[8 : 8 + min(first, family.capacity)])
        case "summary":
            low, high, last = (_float(buffer[place : place + 8]) for place in (16, 24, 32))
            return {"count": str(first), "sum": float_bits(buffer[8:16]), "min": low, "max": high, "last": last}
        case "histogram":
            counts: list[JSON] = [str(count) for count in struct.unpack(f"<{len(family.bounds) + 1}Q", buffer[8:])]
            return {"sum": float_bits(buffer[:8]), "counts": counts}
    return None if first == 0 else {"time": str(first), "value": _word(family, buffer[8:])}


def _word(family: Family, word: bytes) -> JSON:
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
