"""One version 2 file, read while it changes (FORMAT.md 3.3, 3.4, 3.9).

    control words ──► as before? ──► values ──► latches: values, values again ──► a reading
                         │ no
                         ▼
                  header, extents, records

Rule 1: what leads to other bytes is read in a call before them, or loaded before a fence (V2-R2).
Rule 2: a content of a latch is given away only where its sequence word was the same before and after (V2-R4); what a
        busy writer does not let be confirmed is what was confirmed last (V2-R5).
Rule 3: bytes come through a `Read`, from calls or from a mapping, and are checked in the order of V2-34.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from mmstats_format import FormatError, layout

from ._extents import Extent, Header, Layout, Read, read_layout, unchanged, values
from ._records import Plan

#: Tries to confirm one latch, by calls and then through a mapping.
MOST_TRIES = 10
MOST_MAPPED_TRIES = 100

#: A larger file is refused: statistics fill some pages, and a huge sparse file is an attack.
LARGEST_FILE = 32 << 20

_SEQUENCE = struct.calcsize(layout.V2_SEQUENCE)
#: The bit of a file whose latches are never confirmed (V2-R6).
UNORDERED = 1 << layout.V2_COMPATIBLE["unordered"]


class Reading(NamedTuple):
    """What a file said at one time.

    Attributes:
        header: who writes it.
        plan: what its values are.
        row: the values (see `Plan`).
        unconfirmed: numbers of the series whose values are marked (V2-R5, V2-R6).
        missing: those among them of which no value was ever confirmed.
    """

    header: Header
    plan: Plan
    row: bytes
    unconfirmed: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()


_NONE: frozenset[int] = frozenset()


class File2:
    """Reads one version 2 file again and again; one thread uses it.

    It goes on from what it read before: the caller sees to it that the descriptor is always of the same file (V2-R9).
    """

    __slots__ = ("_before", "_layout", "_load", "_map", "_mapped", "_writer")

    def __init__(self, mapped: bool = False) -> None:
        """Read by calls, or through a mapping where the file is the reader's own user's."""
        self._mapped = mapped
        self._map: mmap.mmap | None = None
        self._load: Read | None = None
        self._layout: Layout | None = None
        # The extents, the row, and the offsets of latches never confirmed, as they were at the last poll.
        self._before: tuple[Sequence[Extent], bytes, set[int]] | None = None
        self._writer = b""

    def open(self, fd: int, first: bytes, size: int) -> Header:
        """Read all but the values, which the next poll does; raises as `poll` does.

        Args:
            fd: a descriptor of the file.
            first: the bytes with which it begins.
            size: which it had at least, in bytes.
        """
        try:
            known = self._open(fd, first, size)
        except FormatError:
            known = self._open(fd)  # V2-R7
        return known.header

    def poll(self, fd: int) -> Reading:
        """Read the values as they are now, and what else has changed.

        Raises:
            FormatError: the file is malformed.
            OSError: it cannot be read.
        """
        try:
            return self._poll(fd)
        except FormatError:
            self._layout = None
            return self._poll(fd)  # V2-R7

    @property
    def mapped(self) -> bool:
        """Whether it is read through a mapping, and needs no descriptor."""
        return self._map is not None

    def close(self) -> None:
        """Give up the mapping, if there is one."""
        if self._map is not None:
            self._map.close()
            self._map = self._load = None

    def _open(self, fd: int, first: bytes = b"", size: int = 0) -> Layout:
        self._layout = None
        if self._mapped:
            self.close()
            self._map = _mapping(fd)
            self._load = partial(_load, self._map) if self._map else None
        known = read_layout(self._read(fd), partial(_size, fd), first, size)
        if known.header.writer_id != self._writer:
            self._before, self._writer = None, known.header.writer_id
        self._layout = known
        return known

    def _read(self, fd: int) -> Read:
        return self._load or partial(call, fd)

    def _poll(self, fd: int) -> Reading:
        read = self._read(fd)
        known = self._layout
        if self._map is not None and self._map.size() < len(self._map):
            known = None  # it was made shorter: what is mapped behind its end must not be touched
        if known is None or not unchanged(known, read):
            known = self._open(fd)
            read = self._read(fd)
        if known.latches:
            return self._latched(known, read, fd)
        # A Reading, without a call of Python code for each.
        return tuple.__new__(Reading, (known.header, known.plan, values(known, read), _NONE, _NONE))

    def _latched(self, known: Layout, read: Read, fd: int) -> Reading:
        """Three copies of the values: sequence words from the first and third, the rest from the second (V2-R4)."""
        first, second, third = values(known, read), values(known, read), values(known, read)
        row, begins = bytearray(second), 0
        unconfirmed: set[int] = set()
        missing: set[int] = set()
        never: set[int] = set()
        for extent in known.extents:
            for number, slot, size in extent.plan.latches:
                at = begins + slot
                content = at + _SEQUENCE
                if first[at:content] == third[at:content]:
                    if first[at] & 1:
                        row[content : content + size] = second[content + size : content + 2 * size]
                    continue
                place = extent.values + slot
                found = _latch(read, place, size, MOST_TRIES) or self._latch_by_mapping(fd, place, size)
                if found is None:
                    unconfirmed.add(number)
                    found = self._confirmed_before(place, size)  # V2-R5
                if found is None:
                    missing.add(number)
                    never.add(place)
                row[content : content + size] = found or bytes(size)
            begins += extent.plan.size
        if known.header.compatible & UNORDERED:
            unconfirmed.update(latch.series for extent in known.extents for latch in extent.plan.latches)  # V2-R6
        content_now = bytes(row)
        self._before = known.extents, content_now, never
        return Reading(known.header, known.plan, content_now, frozenset(unconfirmed), frozenset(missing))

    def _latch_by_mapping(self, fd: int, place: int, size: int) -> bytes | None:
        """The content of a latch that calls did not confirm."""
        if self._load is not None:
            return _latch(self._load, place, size, MOST_MAPPED_TRIES)
        if (mapping := _mapping(fd)) is None:
            return None
        with mapping:
            return _latch(partial(_load, mapping), place, size, MOST_MAPPED_TRIES)

    def _confirmed_before(self, place: int, size: int) -> bytes | None:
        """The content of a latch as it was confirmed last; what is published never moves (V2-W5)."""
        extents, row, missing = self._before or ((), b"", set())
        begins = 0
        for extent in extents:
            at = begins + place - extent.values + _SEQUENCE
            if extent.values <= place < extent.values + extent.plan.size and place not in missing:
                return row[at : at + size]
            begins += extent.plan.size
        return None


def call(fd: int, size: int, offset: int) -> bytes:
    """Read by a call, or more where one gives less."""
    content = _pread(fd, size, offset)
    while len(content) < size and (more := _pread(fd, size - len(content), offset + len(content))):
        content += more
    return content


def _seek_and_read(fd: int, size: int, offset: int) -> bytes:
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, size)


#: Windows has no such call; a descriptor is one reader's.
_pread = getattr(os, "pread", _seek_and_read)


_lock = threading.Lock()


def _load(mapping: mmap.mmap, size: int, offset: int) -> bytes:
    """Read from a mapping, after a load fence, which Python has in the shape of a lock alone."""
    with _lock:
        pass
    # Copied as aligned words: the bytes of a `bytes` object are aligned too.
    return mapping[offset : offset + size]


def _mapping(fd: int) -> mmap.mmap | None:
    """The file mapped for reading, where it is the reader's own user's and this machine stores words as the format."""
    status = os.fstat(fd)
    if os.name == "nt" or status.st_uid != os.geteuid() or sys.byteorder != "little" or not status.st_size:
        return None
    return mmap.mmap(fd, status.st_size, access=mmap.ACCESS_READ)


def _size(fd: int) -> int:
    """The file's size now.

    Raises:
        OSError: it is larger than is read.
    """
    size = os.fstat(fd).st_size
    if size > LARGEST_FILE:
        raise OSError(errno.EFBIG, f"{size} bytes are more than a statistics file has")
    return size


def _latch(read: Read, place: int, size: int, tries: int) -> bytes | None:
    """The published content of the latch at an offset; None where it changed at each try (R4.1 to R4.5)."""
    sequence = read(_SEQUENCE, place)
    for _ in range(tries):
        buffers = read(2 * size, place + _SEQUENCE)
        again = read(_SEQUENCE, place)
        if again == sequence and len(buffers) == 2 * size:
            return buffers[size:] if sequence[0] & 1 else buffers[:size]
        sequence = again
    return None
