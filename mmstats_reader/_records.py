"""Version 2's metadata to declarations and series (FORMAT.md 3.5 to 3.7).

    metadata of an extent ──► seen before? ──► its plan
                                 │ no
                                 ▼
                        record by record, each decoded once in a process ──► a plan, for all files that say the same

Rule 1: bytes in, a `Plan` or a `FormatError` out; nothing here reads a file or looks at a value.
Rule 2: the checks are made in the order of V2-34; differential tests hold errors and their offsets to the schema's.
Rule 3: work is linear in the metadata, and what is remembered is bounded, whatever is read.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn, Protocol

from mmstats_format import layout
from mmstats_format.declaration import Declaration
from mmstats_format.errors import fault

_HEAD = struct.Struct(layout.V2_RECORD)
_FAMILY = struct.Struct(layout.V2_FAMILY_HEAD)
_SERIES = struct.Struct(layout.V2_SERIES_HEAD)
_FOLDED = struct.Struct(layout.V2_FOLDED_BODY)
_LENGTH = struct.Struct(layout.V2_TEXT_LENGTH)
_SEQUENCE = struct.calcsize(layout.V2_SEQUENCE)

_KINDS = {code: name for name, code in layout.V2_KINDS.items()}
_TYPES = {code: name for name, code in layout.V2_TYPES.items()}
_COMBINATIONS = {code: name for name, code in layout.V2_COMBINATIONS.items()}
_WITHOUT_SLOT = (layout.V2_ORIGIN, layout.V2_FAMILY, layout.V2_FOLDED)
_KNOWN = (*_WITHOUT_SLOT, layout.V2_SERIES)


class Series(NamedTuple):
    """A series: the number of its family, its label values, and where its value begins in a file's row."""

    family: int
    values: tuple[str, ...]
    at: int


class Latch(NamedTuple):
    """A latch: the number of its series, the offset of its slot in the extent's values, and a buffer's bytes."""

    series: int
    slot: int
    size: int


class Plan:
    """What the records of a file say, up to the end of one extent; shared by all files that say the same.

    A *row* is what the slots of a file hold, those of all extents one after the other; of a latch the confirmed
    content stands in the place of buffer 0.

    Attributes:
        origin: application and host.
        families: their declarations.
        series: in the order of the file.
        folded: ids of the writers whose counts are in this archive.
        latches: those of this extent.
        size: bytes of the slots of this extent.
        row_size: bytes of a row, up to the end of this extent.
        weight: bytes of the metadata that it was made of, and about what remembering it takes beside them.
        labels: full names of the series, once somebody has asked for them.
        names_size: about how many characters these have together, likewise.
        decoders: of each family's values, likewise.
        numbers: of each family the numbers of its series, likewise.
    """

    __slots__ = (
        "decoders",
        "families",
        "folded",
        "labels",
        "latches",
        "names_size",
        "numbers",
        "origin",
        "row_size",
        "series",
        "size",
        "weight",
    )

    def __init__(self, base: Plan | None, size: int) -> None:
        """Begin with what the extents before say; `size` is that of this extent's metadata."""
        self.origin: tuple[str, str] = base.origin if base else ("", "")
        self.families: list[Declaration] = list(base.families) if base else []
        self.series: list[Series] = list(base.series) if base else []
        self.folded: set[bytes] = set(base.folded) if base else set()
        self.row_size: int = base.row_size if base else 0
        self.weight: int = (base.weight if base else 0) + size + _OVERHEAD
        self.latches: list[Latch] = []
        self.size = 0
        self.labels: tuple[str, ...] | None = None
        self.names_size: int | None = None
        self.decoders: Any = None
        self.numbers: list[list[int]] | None = None


class Memory:
    """What was decoded before, bounded in bytes: where it would be more, all is forgotten."""

    def __init__(self, most: int) -> None:
        self.most, self.size, self.known = most, 0, dict[Any, Any]()

    def keep(self, key: Any, value: Any, size: int) -> None:
        if self.size + size > self.most:
            self.known.clear()
            self.size = 0
        if size <= self.most and key not in self.known:
            self.known[key] = value
            self.size += size


#: Plans by the plan before, whether the file is an archive, and the metadata; decoded records by their bytes. Bytes of
#: metadata become some ten times as many of objects.
_plans = Memory(4 << 20)
_records = Memory(4 << 20)
_latest: tuple[Any, Plan | None] = (None, None)
#: About what remembering a record takes beside its bytes.
_OVERHEAD = 256


def plan_of(base: Plan | None, metadata: bytes, capacity: int, archive: bool, offset: int, number: int) -> Plan:
    """What the records of an extent say.

    Args:
        base: the plan of the extent before; None for the first.
        metadata: the published records.
        capacity: bytes of the values area.
        archive: whether the file is an archive.
        offset: of the metadata area in the file.
        number: of the extent, from 0.

    Raises:
        FormatError: as FORMAT.md 1.3 says.
    """
    global _latest
    key = (base, archive, metadata)
    # Files of one application are read one after the other: comparing is faster than hashing.
    plan = _latest[1] if _latest[0] == key else _plans.known.get(key)
    if plan is None or plan.size > capacity:
        plan = _decode(base, metadata, capacity, archive, offset, number)
        _plans.keep(key, plan, plan.weight)
    _latest = key, plan
    return plan


class _Wrong(Protocol):
    """Raises the error of the record that is looked at."""

    def __call__(self, code: str, rule: str, detail: str, beyond: int = 0, element: str = "") -> NoReturn: ...


def _decode(base: Plan | None, metadata: bytes, capacity: int, archive: bool, offset: int, number: int) -> Plan:
    plan = Plan(base, len(metadata))
    names = {family.name for family in plan.families}
    seen = {series[:2] for series in plan.series}
    place = index = 0

    def wrong(code: str, rule: str, detail: str, beyond: int = 0, element: str = "") -> NoReturn:
        raise fault(code, detail, offset + place + beyond, f"extents[{number}].records[{index}]{element}", rule)

    while place < len(metadata):
        size = 0
        if place + _HEAD.size <= len(metadata):
            size, kind, flags, crc, slot = _HEAD.unpack_from(metadata, place)
        if size < _HEAD.size or size % layout.V2_UNIT or place + size > len(metadata):
            wrong("bad-record", "V2-18", "it does not lie whole in what is published")
        record = metadata[place : place + size]
        known = _records.known.get(record)
        if known is None and crc != (actual := _crc(record)):
            wrong("bad-crc", "V2-19", f"the bytes have CRC {actual:#010x}", layout.V2_RECORD_AT_CRC, ".crc")
        if slot % layout.V2_UNIT or plan.size + slot > capacity or (slot and kind in _WITHOUT_SLOT):
            detail = f"a slot of {slot} bytes is not for this record, or not whole in the values area"
            wrong("bad-record", "V2-20", detail, layout.V2_RECORD_AT_SLOT, ".slot")
        if (kind == layout.V2_ORIGIN) != (base is None and not index):
            wrong("bad-record", "V2-24", "an ORIGIN is the first record, and no other")
        if kind not in _KNOWN and flags & layout.V2_CRITICAL:
            wrong("unsupported-record", "V2-21", f"type {kind} is critical and not known")
        if kind == layout.V2_FOLDED and not archive:
            wrong("bad-record", "V2-30", "a FOLDED record outside an archive")
        if kind == layout.V2_SERIES:
            known = _add_series(plan, seen, record, known, slot, wrong)
        elif kind == layout.V2_FAMILY:
            if known is None or known.name in names:
                known = _family(record, names, wrong)
            names.add(known.name)
            plan.families.append(known)
        elif kind == layout.V2_ORIGIN:
            known = plan.origin = known or _origin(record, wrong)
        elif kind == layout.V2_FOLDED:
            known = known or _folded(record, wrong)
            plan.folded.add(known)
        if known is not None:
            _records.keep(record, known, len(record) + _OVERHEAD)
        place += size
        plan.size += slot
        index += 1
    if base is None and not index:
        wrong("bad-record", "V2-24", "the first record is an ORIGIN")
    plan.row_size += plan.size
    return plan


def _add_series(plan: Plan, seen: set[Any], record: bytes, known: Any, slot: int, wrong: _Wrong) -> Any:
    """Add a series to the plan, and give what is remembered of its record: its family's number, its label values."""
    families = plan.families
    number = known[0] if known else _SERIES.unpack_from(record, _HEAD.size)[0] if len(record) > _HEAD.size else 0
    if number >= len(families) and len(record) > _HEAD.size:
        wrong("bad-series", "V2-28", "its family is not declared before", _HEAD.size)
    if known is None or len(known[1]) != len(families[number].labels):
        if len(record) == _HEAD.size:
            wrong("bad-record", "V2-22", "the body ends inside its fields")
        values, end = _texts(record, _HEAD.size + _SERIES.size, len(families[number].labels), wrong)
        _check_end(record, end, wrong)
        known = number, _decoded(values, wrong)
    family = families[number]
    size = family.buffer
    if slot != family.slot:
        detail = f"a slot of {slot} bytes, where the family's have {family.slot}"
        wrong("bad-series", "V2-28", detail, layout.V2_RECORD_AT_SLOT, ".slot")
    if known in seen:
        wrong("bad-series", "V2-29", f"{known[1]!r} is there already")
    seen.add(known)
    if size:
        plan.latches.append(Latch(len(plan.series), plan.size, size))
    at = plan.row_size + plan.size + (_SEQUENCE if size else 0)
    plan.series.append(Series(known[0], known[1], at))
    return known


def _origin(record: bytes, wrong: _Wrong) -> tuple[str, str]:
    texts, end = _texts(record, _HEAD.size, 2, wrong)
    _check_end(record, end, wrong)
    app, host = _decoded(texts, wrong)
    return app, host


def _folded(record: bytes, wrong: _Wrong) -> bytes:
    end = _HEAD.size + _FOLDED.size
    if len(record) < end:
        wrong("bad-record", "V2-22", "the body ends inside its fields")
    _check_end(record, end, wrong)
    writer: bytes = _FOLDED.unpack_from(record, _HEAD.size)[0]
    return writer


def _family(record: bytes, names: set[str], wrong: _Wrong) -> Declaration:
    at = _HEAD.size + _FAMILY.size
    if len(record) < at:
        wrong("bad-record", "V2-22", "the body ends inside its fields")
    code, type_code, combination_code, flags, labelled, _, parts, capacity, _ = _FAMILY.unpack_from(record, _HEAD.size)
    kind, kind_of_value = _KINDS.get(code, ""), _TYPES.get(type_code, "")
    combination = _COMBINATIONS.get(combination_code, "")
    bounds: tuple[float, ...] = ()
    if kind == "histogram":
        numbers = struct.Struct(f"<{parts}{layout.V2_WORDS['float']}")
        if len(record) < at + numbers.size:
            wrong("bad-record", "V2-22", "the body ends inside its fields")
        bounds = numbers.unpack_from(record, at)
        at += numbers.size
    named = 3 + labelled
    raw, at = _texts(record, at, named + (parts if kind == "state set" else 0), wrong)
    _check_end(record, at, wrong)
    texts = _decoded(raw, wrong)
    name, unit, help_, labels, states = *texts[:3], texts[3:named], texts[named:]

    def unfit(detail: str, element: str, place: int) -> NoReturn:
        wrong("bad-family", "V2-26", detail, _HEAD.size + place, f".{element}")

    if not kind:
        unfit(f"{code} is no kind", "kind", layout.V2_FAMILY_AT_KIND)
    types, combinations = layout.V2_ALLOWED[kind]
    if kind_of_value not in types:
        unfit(f"a {kind} has no value type {type_code}", "type", layout.V2_FAMILY_AT_TYPE)
    if combination not in combinations or (kind_of_value, combination) == ("boolean", "sum"):
        detail = f"a {kind} is not combined by {combination_code}"
        unfit(detail, "combination", layout.V2_FAMILY_AT_COMBINATION)
    if not name or "\0" in name or not _distinct(labels):
        wrong("bad-family", "V2-25", "its name or label names are empty or not distinct")
    if name in names:
        wrong("bad-family", "V2-25", f"{name!r} is declared already")
    if kind == "histogram":
        fit = all(map(math.isfinite, bounds)) and all(low < high for low, high in pairwise(bounds))
    elif kind == "state set":
        fit = bool(states) and _distinct(states)
    else:
        fit = not parts
    if not fit or not (0 < capacity <= layout.V2_LARGEST_TEXT if kind == "text" else not capacity):
        wrong("bad-family", "V2-27", "bounds, states or capacity do not fit its kind")
    kept = bool(flags & layout.V2_KEPT)
    return Declaration(name, kind, kind_of_value, combination, unit, help_, labels, bounds, states, capacity, kept)


def _texts(record: bytes, at: int, count: int, wrong: _Wrong) -> tuple[list[bytes], int]:
    """That many texts from a place on, and where they end (V2-22)."""
    found = []
    for _ in range(count):
        first = at + _LENGTH.size
        if first > len(record):
            wrong("bad-record", "V2-22", "the body ends inside its fields")
        at = first + _LENGTH.unpack_from(record, at)[0]
        if at > len(record):
            wrong("bad-record", "V2-22", "the body ends inside its fields")
        found.append(record[first:at])
    return found, at


def _check_end(record: bytes, end: int, wrong: _Wrong) -> None:
    rest = record[end:]
    if len(rest) >= layout.V2_UNIT or any(rest):
        wrong("bad-record", "V2-22", "bytes after the end of the body's fields")


def _decoded(texts: list[bytes], wrong: _Wrong) -> tuple[str, ...]:
    try:
        return tuple([text.decode("utf-8") for text in texts])
    except UnicodeDecodeError as error:
        wrong("bad-text", "V2-23", str(error.reason))


def _distinct(texts: Sequence[str]) -> bool:
    return len(set(texts)) == len(texts) and "" not in texts


def _crc(record: bytes) -> int:
    """V2-4: the four bytes of the CRC itself count as zero."""
    place = layout.V2_RECORD_AT_CRC
    return zlib.crc32(record[place + 4 :], zlib.crc32(bytes(4), zlib.crc32(record[:place])))
