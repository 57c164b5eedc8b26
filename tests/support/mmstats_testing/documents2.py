"""Short ways to documents of version 2, for tests that name their values."""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmstats_format import Document2, build
from mmstats_format._document2 import UNSET, Extent, Folded, Header, Origin, Record, Series, Unknown
from mmstats_format.declaration import Declaration
from mmstats_format.schema2 import _record_bytes

CODES = {"unsigned": "<Q", "signed": "<q", "float": "<d", "boolean": "<Q"}
Word = int | float | bool | None


class Metric(NamedTuple):
    """A family, and the slots of its series by their label values."""

    family: Declaration
    slots: Mapping[tuple[str, ...], bytes]


def word(kind: str, value: Word) -> bytes:
    """A word of a value type; None is unset."""
    return UNSET[kind] if value is None else struct.pack(CODES[kind], value)


def latch(content: bytes, other: bytes | None = None, sequence: int = 0) -> bytes:
    """A latch that has published `content`; `other` is what its other buffer holds."""
    other = content if other is None else other
    first, second = (other, content) if sequence & 1 else (content, other)
    return struct.pack("<Q", sequence) + first + second


def counter(name: str, value: Word = 0, kind: str = "unsigned", **declared: Any) -> Metric:
    return Metric(Declaration(name, "counter", kind, "sum", **declared), {(): word(kind, value)})


def gauge(name: str, value: Word = 0, combine: str = "sum", kind: str = "signed", **declared: Any) -> Metric:
    return Metric(Declaration(name, "gauge", kind, combine, **declared), {(): word(kind, value)})


def last(name: str, time: int, value: Word, kind: str = "float", **declared: Any) -> Metric:
    slot = latch(struct.pack("<Q", time) + word(kind, value))
    return Metric(Declaration(name, "gauge", kind, "last", **declared), {(): slot})


def unknown(name: str, value: Word = 0, kind: str = "unsigned", **declared: Any) -> Metric:
    return Metric(Declaration(name, "unknown", kind, "all", **declared), {(): word(kind, value)})


def states(name: str, names: tuple[str, ...], active: int | None = 0, **declared: Any) -> Metric:
    return Metric(
        Declaration(name, "state set", "unsigned", "all", states=names, **declared), {(): word("unsigned", active)}
    )


def text(name: str, value: str | bytes | None = "", capacity: int = 16, **declared: Any) -> Metric:
    raw = value.encode() if isinstance(value, str) else value
    room = -(-capacity // 8) * 8
    content = struct.pack("<Q", 2**64 - 1 if raw is None else len(raw)) + (raw or b"").ljust(room, b"\0")
    return Metric(Declaration(name, "text", "text", "all", capacity=capacity, **declared), {(): latch(content)})


def summary_content(count: int, total: float, low: Word, high: Word, end: Word) -> bytes:
    return struct.pack("<Qd", count, total) + b"".join(word("float", value) for value in (low, high, end))


def summary(name: str, *parts: Any, **declared: Any) -> Metric:
    """Count, sum, minimum, maximum, last; without, an empty one."""
    content = summary_content(*(parts or (0, 0.0, None, None, None)))
    return Metric(Declaration(name, "summary", "float", "sum", **declared), {(): latch(content)})


def histogram_content(total: float, counts: tuple[int, ...]) -> bytes:
    return struct.pack(f"<d{len(counts)}Q", total, *counts)


def histogram(
    name: str, bounds: tuple[float, ...], counts: tuple[int, ...], total: float = 0.0, **declared: Any
) -> Metric:
    family = Declaration(name, "histogram", "float", "sum", bounds=bounds, **declared)
    return Metric(family, {(): latch(histogram_content(total, counts))})


def labelled(metric: Metric, labels: tuple[str, ...], *series: tuple[tuple[str, ...], Metric]) -> Metric:
    """A metric with labels: of each series the values of the labels, and a metric that has its value."""
    family = metric.family
    declared = Declaration(
        family.name,
        family.kind,
        family.type,
        family.combination,
        family.unit,
        family.help,
        labels,
        family.bounds,
        family.states,
        family.capacity,
        family.kept,
    )
    return Metric(declared, {values: one.slots[()] for values, one in series})


_ids = itertools.count(1)


def records(*metrics: Metric, first: int = 0) -> list[Record]:
    """The records of some metrics, whose families are numbered from `first`."""
    made: list[Record] = []
    for number, metric in enumerate(metrics, first):
        made.append(metric.family)
        made += [Series(number, values, slot) for values, slot in metric.slots.items()]
    return made


def document2(
    *metrics: Metric,
    app: str = "shop",
    host: str = "box",
    folded: tuple[bytes, ...] = (),
    more: tuple[Record, ...] = (),
    **header: Any,
) -> Document2:
    """A document of one extent, without room for more; its writer id is new unless it is given."""
    given = {"writer_id": next(_ids).to_bytes(16, "big"), **header}
    some = [Origin(app, host), *records(*metrics), *more, *map(Folded, folded)]
    return Document2(Header(**given), (extent(some),))


def extent(some: list[Record], spare: int = 0, spare_values: int = 0) -> Extent:
    """An extent of these records, and spare bytes of metadata and values."""
    metadata = sum(len(_record_bytes(record, [])) for record in some)
    values = sum(len(record.slot) for record in some if isinstance(record, Series | Unknown))
    return Extent(tuple(some), metadata + spare, values + spare_values)


def bytes2(*metrics: Metric, **parts: Any) -> bytes:
    """The content of a version 2 file with these metrics."""
    return build(document2(*metrics, **parts))


def write2(path: Path, *metrics: Metric, **parts: Any) -> Path:
    """Make a file with these metrics, and give its path."""
    path.write_bytes(bytes2(*metrics, **parts))
    return path


def myself(pid: int | None = None) -> dict[str, Any]:
    """The parts of a header that say which process this is, or another one of this machine."""
    pid = pid or os.getpid()
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return {
        "pid": pid,
        "process_start": int(fields[19]),
        "boot_id": bytes.fromhex(Path("/proc/sys/kernel/random/boot_id").read_text().replace("-", "")),
        "pid_namespace": os.stat("/proc/self/ns/pid").st_ino,
    }


def put(path: Path, *files: Metric | tuple[Metric, ...], **parts: Any) -> None:
    """Make the files a, b, … of these metrics, all of this process."""
    for name, metrics in zip("abcdefgh", files, strict=False):
        some = (metrics,) if isinstance(metrics, Metric) else metrics
        write2(path / f"{name}.mmstats", *some, **{**myself(), **parts})
