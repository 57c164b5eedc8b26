"""Version 2's header and extents, from any source of bytes (FORMAT.md 3.3, 3.4).

Rule 1: what leads to other bytes is read in a call before them (V2-R2).
Rule 2: the checks are made in the order of V2-34; differential tests hold errors and their offsets to the schema's.
"""

from __future__ import annotations

import struct
import zlib
from collections import namedtuple
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from mmstats_format import FormatError, layout
from mmstats_format.errors import fault

from ._records import Plan, plan_of

#: Gives so many bytes of the file, from an offset on; fewer at its end.
Read: TypeAlias = Callable[[int, int], bytes]

_HEADER = struct.Struct(layout.V2_HEADER)
_Elements: Any = namedtuple("_Elements", layout.V2_HEADER_ELEMENTS)  # type: ignore[misc]  # the names are data
_EXTENT = struct.Struct(layout.V2_EXTENT)
_USED = slice(layout.V2_EXTENT_AT_METADATA_USED, layout.V2_EXTENT_AT_METADATA_USED + layout.V2_UNIT)
#: The number of the control word; the rest is its check.
_NEXT = slice(layout.V2_EXTENT_AT_NEXT, layout.V2_EXTENT_AT_NEXT + layout.V2_UNIT // 2)
#: Bytes of the header and the first extent's head, which are read together.
FIRST = layout.V2_HEADER_SIZE + layout.V2_EXTENT_SIZE
_HEARTBEAT = layout.V2_HEADER_AT_HEARTBEAT
_STATES = {code: name for name, code in layout.V2_STATES.items()}
_ARCHIVE = 1 << layout.V2_INCOMPATIBLE["archive"]
#: The number in a control word, and its complement above it (V2-3).
_LOW = (1 << 32) - 1
#: The bits that a multiple of 8 has not.
_ODD = layout.V2_UNIT - 1


class Header(NamedTuple):
    """What the header says (FORMAT.md 3.3)."""

    writer_id: bytes
    created: int
    pid: int
    thread: int
    start: int
    boot: bytes
    namespace: int
    state: str
    archive: bool
    compatible: int


class Extent(NamedTuple):
    """An extent: its offset, its head as it was read, its values' offset, and what its records say."""

    at: int
    head: bytes
    values: int
    plan: Plan


class Layout(NamedTuple):
    """A file but for its values: header and first extent's head as they were read, what they say, and the extents."""

    first: bytes
    header: Header
    extents: tuple[Extent, ...]
    plan: Plan
    latches: bool


def values(known: Layout, read: Read) -> bytes:
    """The slots of all extents as they are now."""
    extents = known.extents
    if len(extents) == 1:
        row = read(known.plan.size, extents[0].values)
    else:
        row = b"".join([read(extent.plan.size, extent.values) for extent in extents])
    if len(row) != known.plan.row_size:
        number = sum(extent.plan.row_size <= len(row) for extent in extents)
        raise fault("truncated", "the file ends inside the extent", extents[number].at, f"extents[{number}]", "V2-12")
    return row


def unchanged(known: Layout, read: Read) -> bool:
    """Whether header and extents are what they were; the heartbeat does not count."""
    first = read(FIRST, 0)
    if first != known.first:
        after = _HEARTBEAT + layout.V2_UNIT
        if first[:_HEARTBEAT] != known.first[:_HEARTBEAT] or first[after:] != known.first[after:]:
            return False
    others = known.extents[1:]
    return not others or all(read(layout.V2_EXTENT_SIZE, extent.at) == extent.head for extent in others)


def read_layout(read: Read, size: Callable[[], int], first: bytes = b"", least: int = 0) -> Layout:
    """Header, extents and records, checked in the order of V2-34.

    Args:
        read: gives bytes of the file.
        size: gives its size in bytes as it is now.
        first: its first bytes, where they were read already.
        least: the size that it had before: files are not made shorter.
    """
    first = first or read(FIRST, 0)
    header = _header(first[: layout.V2_HEADER_SIZE])
    extents: list[Extent] = []
    plan: Plan | None = None
    at, named_at = layout.V2_HEADER_SIZE, 0
    while at:
        if len(extents) == layout.V2_MOST_EXTENTS:
            detail = f"it leads to extent {layout.V2_MOST_EXTENTS + 1}"
            raise fault("bad-extent", detail, named_at, "next", "V2-16")
        head = read(layout.V2_EXTENT_SIZE, at) if extents else first[layout.V2_HEADER_SIZE :]
        if any(head[_NEXT]):
            # An extent that has a next one gains nothing more, but the words of one call have no order (R2.5).
            head = head[: _USED.start] + read(layout.V2_UNIT, at + _USED.start) + head[_USED.stop :]
        values, plan, following = _extent(head, at, len(extents), read, size, least, plan, header.archive)
        extents.append(Extent(at, head, values, plan))
        at, named_at = following, at + layout.V2_EXTENT_AT_NEXT
    latches = any(extent.plan.latches for extent in extents)
    return Layout(first, header, tuple(extents), extents[-1].plan, latches)


def _header(content: bytes) -> Header:
    if len(content) < layout.V2_HEADER_SIZE:
        raise fault("truncated", "the file ends inside its header", 0, "header", "V2-5")
    parts: Any = _Elements._make(_HEADER.unpack(content))
    if parts.magic != layout.V2_MAGIC:
        raise fault("bad-magic", f"the file begins with {parts.magic!r}", 0, "header.magic")
    _check_crc(content[: layout.V2_CHECKED_HEADER], layout.V2_HEADER_AT_CRC, 0, "header", "V2-6")
    if parts.header_size != layout.V2_HEADER_SIZE:
        detail = f"a header of {parts.header_size} bytes"
        raise fault("bad-header", detail, layout.V2_HEADER_AT_HEADER_SIZE, "header.header_size", "V2-7")
    if parts.incompatible >> len(layout.V2_INCOMPATIBLE):
        detail = f"bits {parts.incompatible:#x} are not all known"
        raise fault("unsupported-feature", detail, layout.V2_HEADER_AT_INCOMPATIBLE, "header.incompatible")
    state = _control(parts.state, layout.V2_HEADER_AT_STATE, "header.state")
    if state not in _STATES:
        raise fault("bad-header", f"{state} is no state", layout.V2_HEADER_AT_STATE, "header.state", "V2-9")
    return Header(
        parts.writer_id,
        parts.created,
        parts.pid,
        _control(parts.thread_id, layout.V2_HEADER_AT_THREAD_ID, "header.thread_id"),
        parts.process_start,
        parts.boot_id,
        parts.pid_namespace,
        _STATES[state],
        bool(parts.incompatible & _ARCHIVE),
        parts.compatible,
    )


def _extent(
    head: bytes,
    base: int,
    number: int,
    read: Read,
    size_now: Callable[[], int],
    least: int,
    plan: Plan | None,
    archive: bool,
) -> tuple[int, Plan, int]:
    """Of the extent at `base`: the offset of its values, the plan with its records, the offset of the following one."""
    path = f"extents[{number}]"
    size, capacity, values_at, values_capacity, used, following = _sizes(head, base, path)
    if base + size > least and base + size > size_now():
        raise fault("truncated", "the file ends inside the extent", base, path, "V2-12")
    place = base + layout.V2_EXTENT_AT_METADATA_USED
    published = _control(used, place, f"{path}.metadata_used") * layout.V2_UNIT
    if published > capacity:
        detail = f"{published} bytes of {capacity}"
        raise fault("bad-extent", detail, place, f"{path}.metadata_used", "V2-17")
    begins = base + layout.V2_EXTENT_SIZE
    metadata = read(published, begins)
    if len(metadata) < published:
        raise fault("truncated", "the file ends inside the extent", base, path, "V2-12")
    plan = plan_of(plan, metadata, values_capacity, archive, begins, number)
    place = base + layout.V2_EXTENT_AT_NEXT
    next_at = _control(following, place, f"{path}.next") * layout.V2_UNIT
    if next_at and next_at < base + size:
        raise fault("bad-extent", f"{next_at} lies before the extent's end", place, f"{path}.next", "V2-15")
    return base + values_at, plan, next_at


@lru_cache(maxsize=256)
def _sizes(head: bytes, base: int, path: str) -> tuple[int, ...]:
    """The four sizes of an extent and its two control words, as they are; equal in the files of one application."""
    if len(head) < layout.V2_EXTENT_SIZE:
        raise fault("truncated", "the file ends inside the extent's head", base, path, "V2-12")
    tag, _, size, capacity, values_at, values_capacity, used, following, _ = _EXTENT.unpack(head)
    if tag != layout.V2_TAG:
        raise fault("bad-extent", f"{tag!r} is no tag of an extent", base, f"{path}.tag", "V2-12")
    _check_crc(head[: layout.V2_CHECKED_EXTENT], layout.V2_EXTENT_AT_CRC, base, path, "V2-13")
    fit = layout.V2_EXTENT_SIZE + capacity <= values_at <= values_at + values_capacity <= size
    if not fit or (size | capacity | values_at | values_capacity) & _ODD:
        raise _unfit(size, capacity, values_at, values_capacity, base, path)
    return size, capacity, values_at, values_capacity, used, following


def _unfit(size: int, capacity: int, values_at: int, values_capacity: int, base: int, path: str) -> FormatError:
    """The first of an extent's four sizes that does not fit (V2-14)."""
    begins = layout.V2_EXTENT_SIZE + capacity
    sizes = (
        (size, size >= layout.V2_EXTENT_SIZE, layout.V2_EXTENT_AT_SIZE, "size"),
        (capacity, begins <= size, layout.V2_EXTENT_AT_METADATA_CAPACITY, "metadata_capacity"),
        (values_at, begins <= values_at <= size, layout.V2_EXTENT_AT_VALUES_OFFSET, "values_offset"),
        (values_capacity, values_at + values_capacity <= size, layout.V2_EXTENT_AT_VALUES_CAPACITY, "values_capacity"),
    )
    value, _, place, name = next(those for those in sizes if not those[1] or those[0] & _ODD)
    return fault("bad-extent", f"{value} does not fit", base + place, f"{path}.{name}", "V2-14")


def _control(word: Any, offset: int, path: str) -> int:
    """The number of a control word (V2-3)."""
    number: int = word & _LOW
    check = word >> 32
    if number ^ check != _LOW:
        raise fault("bad-control", f"{word:#018x} is no number with its complement", offset, path)
    return number


def _check_crc(content: bytes, place: int, base: int, path: str, rule: str) -> None:
    """Compare the CRC at `place` of some bytes at offset `base` (V2-4, where its own bytes count as zero)."""
    crc = zlib.crc32(content[place + 4 :], zlib.crc32(bytes(4), zlib.crc32(content[:place])))
    if content[place : place + 4] != crc.to_bytes(4, "little"):
        raise fault("bad-crc", f"the bytes have CRC {crc:#010x}", base + place, f"{path}.crc", rule)
