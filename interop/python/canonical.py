"""What the readers of `mmstats_reader` give, as canonical JSON documents (FORMAT.md 1.4).

Rule 1: values are those that the reader gives. Where it shows bytes that are no text, or a NaN of 32 bits, in a form
        for people, the bytes say what stands there.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mmstats_format import FormatError, layout
from mmstats_reader import Family, Histogram, Snapshot, Summary
from mmstats_reader._file2 import Reading
from mmstats_reader._parse1 import Fields, _walk, signature_of

_TEXT_HEAD = struct.Struct(layout.V2_TEXT_HEAD)
_FRACTION = 23


def put(value: object) -> None:
    """Print a JSON value, a line of it."""
    print(json.dumps(value), flush=True)


def error(failure: FormatError | OSError) -> dict[str, Any]:
    """What is printed in place of a document."""
    if isinstance(failure, FormatError):
        return {"error": failure.code, "offset": failure.offset}
    return {"error": "unreadable"}


def document(snapshot: Snapshot) -> dict[str, Any]:
    """The document of a file."""
    source = snapshot._source
    return _document2(snapshot, source) if isinstance(source, Reading) else _document1(snapshot, source)


def bits(number: float) -> str:
    """A float (J-3)."""
    return struct.pack(">d", number).hex()


def text(shown: str, raw: Callable[[], bytes]) -> Any:
    """Text (J-4): as it is shown, unless that has an escape in it and the bytes are no UTF-8."""
    if "\\" not in shown:
        return shown
    try:
        raw().decode()
    except UnicodeDecodeError:
        return {"hex": raw().hex()}
    return shown


def value(family: Family, shown: Any, raw: Callable[[], bytes]) -> Any:
    """A value (J-8), but for the time of a gauge combined by last."""
    match shown:
        case None | bool():
            return shown
        case str():
            return text(shown, raw) if family.kind == "text" else shown
        case Summary():
            parts = {name: None if part is None else bits(part) for name, part in _extremes(shown)}
            return {"count": str(shown.count), "sum": bits(shown.sum), **parts}
        case Histogram():
            return {"sum": bits(shown.sum), "counts": [str(count) for count in shown.counts]}
    return bits(shown) if family.type == "float" else str(shown)


def timed(family: Family, labels: tuple[str, ...], one: Any) -> Any:
    """The value of a gauge combined by last, with its time; another value as it is."""
    if family.combination != "last":
        return one
    return {"time": str(family.times[labels]), "value": one} if labels in family.times else None


def declared(family: Family, series: list[dict[str, Any]]) -> dict[str, Any]:
    """A family (J-7) with these series."""
    return {
        "name": family.name,
        "kind": family.kind,
        "type": family.type,
        "combination": family.combination,
        "kept": family.kept,
        "unit": family.unit,
        "help": family.help,
        "labels": list(family.labels),
        "bounds": [bits(bound) for bound in family.bounds],
        "states": list(family.states),
        "capacity": str(family.capacity),
        "series": series,
    }


def text_of(snapshot: Snapshot, name: str, labels: tuple[str, ...]) -> bytes:
    """The bytes of a text that a file publishes."""
    source = snapshot._source
    if not isinstance(source, Reading):
        last = max(place for place, label in enumerate(source.labels) if label == name)
        return _published_text(snapshot.path, last)
    families = source.plan.families
    at = next(at for number, values, at in source.plan.series if (families[number].name, values) == (name, labels))
    (length,) = _TEXT_HEAD.unpack_from(source.row, at)
    first = at + _TEXT_HEAD.size
    return source.row[first : first + min(length, snapshot.families[name].capacity)]


def _document2(snapshot: Snapshot, reading: Reading) -> dict[str, Any]:
    plan, header, process = reading.plan, reading.header, snapshot.process
    series: dict[str, list[dict[str, Any]]] = {name: [] for name in snapshot.families}
    for one in plan.series:
        family, labels = snapshot.families[plan.families[one.family].name], one.values
        shown = value(family, family.series[labels], partial(text_of, snapshot, family.name, labels))
        shown = timed(family, labels, shown)
        series[family.name].append(
            {"labels": list(labels), "value": {"unconfirmed": shown} if labels in family.unconfirmed else shown}
        )
    return {
        "version": snapshot.version,
        "features": ["archive"] * header.archive
        + [name for name, bit in layout.V2_COMPATIBLE.items() if header.compatible >> bit & 1],
        "state": process.state,
        "writer": {
            "id": process.writer_id,
            "app": process.app,
            "host": process.host,
            "created": str(process.created),
            "pid": str(process.pid),
            "thread": str(process.thread),
            "start": str(process.start),
            "boot": process.boot,
            "namespace": str(process.namespace),
        },
        "families": [declared(family, series[name]) for name, family in snapshot.families.items()],
        "folded": [id_.hex() for id_ in _in_order(snapshot.path, plan.folded)],
    }


def _in_order(path: str, folded: set[bytes]) -> list[bytes]:
    """Ids in the order of their records, which the reader does not keep."""
    content = Path(path).read_bytes() if len(folded) > 1 else b""
    return sorted(folded, key=content.find)


def _document1(snapshot: Snapshot, fields: Fields) -> dict[str, Any]:
    found = []
    begins = struct.calcsize(layout.V1_LABEL_SIZE)
    columns = zip(fields.heads, fields.labels, fields.indexes, fields.values, strict=True)
    for place, (head, label, index, shown) in enumerate(columns):
        raw = head[begins:][: struct.unpack_from(layout.V1_LABEL_SIZE, head)[0]]
        one = _value1(signature_of(head), shown, snapshot.path, place)
        found.append(
            {
                "label": text(label, partial(bytes, raw)),
                "type": signature_of(head),
                "buffered": index != layout.V1_UNBUFFERED,
                "value": {"unconfirmed": one} if label in snapshot.unconfirmed else one,
            }
        )
    return {"version": snapshot.version, "fields": found}


def _value1(signature: str, shown: Any, path: str, place: int) -> Any:
    match shown:
        case bool():
            return shown
        case str():
            return text(shown, partial(_published_text, path, place))
        case int():
            return str(shown)
    if signature == "f" and math.isnan(shown):
        # Machines make a signalling NaN a quiet one when they widen it.
        (narrow,) = struct.unpack("<I", _published(path, place))
        fraction = narrow & (1 << _FRACTION) - 1
        return f"{(narrow >> 31) << 63 | 0x7FF << 52 | fraction << 52 - _FRACTION:016x}"
    return bits(shown)


def _published(path: str, place: int) -> bytes:
    """The published bytes of a field."""
    return _walk(Path(path).read_bytes())[0][place].published


def _published_text(path: str, place: int) -> bytes:
    return _published(path, place).split(b"\0", 1)[0]


def _extremes(summary: Summary) -> list[tuple[str, float | None]]:
    return [("min", summary.min), ("max", summary.max), ("last", summary.last)]
