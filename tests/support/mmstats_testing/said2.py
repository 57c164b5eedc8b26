"""What a snapshot of a version 2 file says, as the canonical JSON document, from which it is told apart by nothing."""

from __future__ import annotations

import struct
from typing import Any

from mmstats_reader import Family, Histogram, Snapshot, Summary

#: Bits of features by their names, written down a second time (FORMAT.md 3.3).
COMPATIBLE = {"record lock": 1, "write calls": 2, "unordered": 4, "no lock": 8}


def document_of(snapshot: Snapshot) -> dict[str, Any]:
    """The canonical document (J-6 to J-8), with shown text in place of the bytes of text that is no UTF-8."""
    process = snapshot.process
    reading: Any = snapshot._source
    features = ["archive"] * reading.header.archive
    features += [name for name, bit in COMPATIBLE.items() if reading.header.compatible & bit]
    return {
        "version": snapshot.version,
        "features": features,
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
        "families": [
            _family(family, declared.capacity)
            for family, declared in zip(snapshot.families.values(), reading.plan.families, strict=True)
        ],
        "folded": sorted(writer.hex() for writer in reading.plan.folded),
    }


def _family(family: Family, capacity: int) -> dict[str, Any]:
    return {
        "name": family.name,
        "kind": family.kind,
        "type": family.type,
        "combination": family.combination,
        "kept": family.kept,
        "unit": family.unit,
        "help": family.help,
        "labels": list(family.labels),
        "bounds": [_json(bound) for bound in family.bounds],
        "states": list(family.states),
        "capacity": str(capacity),
        "series": [
            {"labels": list(values), "value": _timed(family, values, value)} for values, value in family.series.items()
        ],
    }


def _timed(family: Family, values: tuple[str, ...], value: Any) -> Any:
    if family.combination != "last":
        return _json(value)
    return {"time": str(family.times[values]), "value": _json(value)} if values in family.times else None


def _json(value: Any) -> Any:
    match value:
        case bool() | str() | None:
            return value
        case int():
            return str(value)
        case float():
            return struct.pack(">d", value).hex()
        case Summary():
            return {name: _json(getattr(value, name)) for name in ("count", "sum", "min", "max", "last")}
        case Histogram():
            return {"sum": _json(value.sum), "counts": [str(count) for count in value.counts]}
    raise AssertionError(f"{value!r} is no value")
