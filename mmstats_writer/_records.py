"""Version 2's bytes, as a writer makes them: header, extents, records (FORMAT.md 3.3 to 3.5).

Rule 1: declarations in, bytes out; nothing here opens a file or knows a thread.
Rule 2: what cannot be in a file is refused here, when it is declared.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

from mmstats_format import DeclarationError, layout
from mmstats_format.declaration import Declaration, padded

from ._given import cut, encoded

_HEADER = struct.Struct(layout.V2_HEADER)
_EXTENT = struct.Struct(layout.V2_EXTENT)
_RECORD = struct.Struct(layout.V2_RECORD)
_FAMILY = struct.Struct(layout.V2_FAMILY_HEAD)
_SERIES = struct.Struct(layout.V2_SERIES_HEAD)
_LENGTH = struct.Struct(layout.V2_TEXT_LENGTH)
_CRC = struct.Struct(layout.V2_CRC)


class Identity(NamedTuple):
    """Who writes a file (FORMAT.md 3.3)."""

    app: str
    host: str
    writer_id: bytes
    created: int
    pid: int
    process_start: int
    boot_id: bytes
    pid_namespace: int
    thread_id: int


def control(number: int) -> int:
    """The control word of a number (V2-3)."""
    return (number ^ layout.V2_CONTROL_MASK) << layout.V2_CONTROL_BITS | number


def header(identity: Identity, features: int) -> bytes:
    """The header of a live file; `features` are the compatible-feature bits."""
    raw = _HEADER.pack(
        layout.V2_MAGIC,
        layout.V2_HEADER_SIZE,
        0,
        0,
        0,
        features,
        identity.writer_id,
        identity.created,
        identity.pid,
        identity.process_start,
        identity.boot_id,
        identity.pid_namespace,
        b"",
        control(layout.V2_STATES["live"]),
        control(identity.thread_id & layout.V2_CONTROL_MASK),
        0,
        b"",
    )
    return _with_crc(raw, layout.V2_HEADER_AT_CRC, layout.V2_CHECKED_HEADER)


def extent(records: bytes, slots: bytes, metadata: int, values: int) -> bytes:
    """An extent whose areas have `metadata` and `values` bytes, with these records and slots in them."""
    begins = layout.V2_EXTENT_SIZE
    head = _EXTENT.pack(
        layout.V2_TAG,
        0,
        begins + metadata + values,
        metadata,
        begins + metadata,
        values,
        control(len(records) // layout.V2_UNIT),
        control(0),
        b"",
    )
    head = _with_crc(head, layout.V2_EXTENT_AT_CRC, layout.V2_CHECKED_EXTENT)
    return head + records.ljust(metadata, b"\0") + slots.ljust(values, b"\0")


def origin(identity: Identity) -> bytes:
    """The ORIGIN record."""
    app = _checked(identity.app, identity.app, "application")
    return _record(layout.V2_ORIGIN, _text(app) + _text(identity.host.encode("utf-8", "replace")), 0)


def family(declared: Declaration) -> bytes:
    """The FAMILY record.

    Raises:
        DeclarationError: it breaks a rule of FORMAT.md (V2-25 to V2-27).
    """
    _check(declared)
    texts = [declared.name, declared.unit, declared.help, *declared.labels, *declared.states]
    raw = [_checked(declared.name, text, "text") for text in texts]
    head = _FAMILY.pack(
        layout.V2_KINDS[declared.kind],
        layout.V2_TYPES[declared.type],
        layout.V2_COMBINATIONS[declared.combination],
        layout.V2_KEPT if declared.kept else 0,
        len(declared.labels),
        b"",
        len(declared.bounds) + len(declared.states),
        declared.capacity,
        b"",
    )
    bounds = struct.pack(f"<{len(declared.bounds)}{layout.V2_WORDS['float']}", *declared.bounds)
    return _record(layout.V2_FAMILY, head + bounds + b"".join(map(_text, raw)), 0)


def series(number: int, values: Sequence[bytes], slot: int) -> bytes:
    """The SERIES record of a family by its number in the file, with the values of its labels."""
    return _record(layout.V2_SERIES, _SERIES.pack(number) + b"".join(map(_text, values)), slot)


def label_value(value: str) -> bytes:
    """A label's value as it stands in a record: escaped where it is no UTF-8, cut where it is too long."""
    return cut(encoded(value), layout.V2_LONGEST)


def _check(declared: Declaration) -> None:
    name, labels, bounds, states = declared.name, declared.labels, declared.bounds, declared.states
    if not name or "\0" in name:
        raise DeclarationError("bad-name", name, "a name has at least one byte, and no zero byte")
    if "" in labels or len(set(labels)) < len(labels) or len(labels) > layout.V2_MOST_LABELS:
        raise DeclarationError("bad-labels", name, f"its labels {labels!r} are empty, not distinct, or too many")
    finite = all(math.isfinite(bound) for bound in bounds)
    if not finite or any(low >= high for low, high in pairwise(bounds)) or len(bounds) > layout.V2_MOST_PARTS:
        raise DeclarationError("bad-bounds", name, "bounds are finite and ascend")
    if declared.kind == "state set":
        distinct = bool(states) and len(set(states)) == len(states) and "" not in states
        if not distinct or len(states) > layout.V2_MOST_PARTS:
            raise DeclarationError("bad-states", name, "states are at least one, distinct and not empty")
    if declared.kind == "text" and not 0 < declared.capacity <= layout.V2_LARGEST_TEXT:
        raise DeclarationError("bad-size", name, f"a text has 1 to {layout.V2_LARGEST_TEXT} bytes")


def _checked(name: str, text: str, what: str) -> bytes:
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DeclarationError("bad-text", name, f"a {what} cannot be UTF-8: {error.reason}") from error
    if len(raw) > layout.V2_LONGEST:
        raise DeclarationError("bad-text", name[:60], f"a {what} has {len(raw)} bytes, more than {layout.V2_LONGEST}")
    return raw


def _text(raw: bytes) -> bytes:
    return _LENGTH.pack(len(raw)) + raw


def _record(code: int, body: bytes, slot: int) -> bytes:
    size = _RECORD.size + padded(len(body))
    whole = (_RECORD.pack(size, code, 0, 0, slot) + body).ljust(size, b"\0")
    return _with_crc(whole, layout.V2_RECORD_AT_CRC, size)


def _with_crc(raw: bytes, place: int, checked: int) -> bytes:
    """`raw` with the CRC of its first bytes, in which the CRC itself counts as zero (V2-4)."""
    return raw[:place] + _CRC.pack(crc32(raw[:checked])) + raw[place + _CRC.size :]
