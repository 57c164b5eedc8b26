"""Ways to read what `proofs.writers` write, and the number of the update that each value is of.

Rule 1: `Project` is what is proved; `Naive` looks at the index or sequence word, then at the buffer, and never again,
        as the original package's reader does. It shows that torn values would be seen.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from mmstats_testing.documents import parsed
from mmstats_testing.steps import slots

from mmstats_format import layout
from mmstats_reader import Reader
from mmstats_reader._file2 import File2
from mmstats_reader._snapshot import Snapshot, snapshot_of

from . import contents


class Poll(NamedTuple):
    """One look at all values.

    Attributes:
        numbers: of the updates that the values are of, in the order of the file; None for no value.
        unconfirmed: places among them of values that the reading marked.
    """

    numbers: list[int | None]
    unconfirmed: set[int]


class Reading(Protocol):
    """Reads one file again and again."""

    #: Places of the values that are more than a word that is stored at once.
    latched: set[int]

    def poll(self) -> Poll:
        """Look once."""

    def close(self) -> None:
        """Give up what is open."""


class Project:
    """This project's reader, by calls or through a mapping."""

    def __init__(self, path: Path, mapped: bool = False) -> None:
        self._fd = os.open(path, os.O_RDONLY) if mapped else -1
        self._path = os.fspath(path)
        self._mapping, self._reader = File2(mapped=True), Reader(path)
        snapshot = self._snapshot()
        self._places = {stat.label: place for place, stat in enumerate(snapshot)}
        self._number_of = [_NUMBERS[stat.label.rstrip("0123456789")] for stat in snapshot]
        self.latched = {
            place for label, place in self._places.items() if snapshot.version == 1 or not label.startswith("word")
        }

    def poll(self) -> Poll:
        snapshot = self._snapshot()
        numbers = [
            None if value is None else number_of(value)
            for (_, value), number_of in zip(snapshot, self._number_of, strict=True)
        ]
        return Poll(numbers, {self._places[label] for label in snapshot.unconfirmed})

    def close(self) -> None:
        self._mapping.close()
        if self._fd >= 0:
            os.close(self._fd)

    def _snapshot(self) -> Snapshot:
        if self._fd < 0:
            return self._reader.poll()
        return snapshot_of(self._path, self._mapping.poll(self._fd))


_NUMBERS: dict[str, Callable[[Any], int]] = {
    "histogram": lambda value: contents.of_histogram(value.sum, value.counts),
    "large": lambda value: contents.of_histogram(value.sum, value.counts),
    "summary": lambda value: contents.of_summary(value.count, value.sum, value.min, value.max, value.last),
    "text": contents.of_text,
    "page": contents.of_page,
    "word": contents.of_word,
}


class _Place(NamedTuple):
    """Where a value with two buffers lies, or one with a single one.

    Attributes:
        selector: offset of the index or sequence word; None where there is but one buffer.
        first: offset of buffer 0.
        size: of a buffer.
        flip: 0 where buffer `selector & 1` is the published one (3.7), 1 where it is the other (V1-7).
        number_of: gives the number of the update from a buffer's bytes.
    """

    selector: int | None
    first: int
    size: int
    flip: int
    number_of: Callable[[bytes], int]


class Naive:
    """Which buffer counts in one call, and that buffer in the next."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY)
        content = path.read_bytes()
        self._places = list(_version1(content) if content[0] == layout.V1_VERSION else _version2(content))
        self.latched = set(range(len(self._places)))

    def poll(self) -> Poll:
        numbers: list[int | None] = []
        for selector, first, size, flip, number_of in self._places:
            buffer = 0 if selector is None else os.pread(self._fd, 1, selector)[0] & 1 ^ flip
            numbers.append(number_of(os.pread(self._fd, size, first + buffer * size)))
        return Poll(numbers, set())

    def close(self) -> None:
        os.close(self._fd)


def _version1(content: bytes) -> Iterator[_Place]:
    """All fields: label and signature with their sizes, index, buffers (FORMAT.md 2.3)."""
    place = layout.V1_VERSION_SIZE
    for field in parsed(content).fields:
        index = place + 2 + len(field.label) + 2 + len(field.signature)
        size = len(field.buffers[0])
        if field.index == layout.V1_UNBUFFERED:
            yield _Place(None, index + 1, size, 0, _text if size == contents.TEXT else _page)
        else:
            yield _Place(index, index + 1, size, 1, _word)
        place = index + 1 + len(field.buffers) * size


def _version2(content: bytes) -> Iterator[_Place]:
    """All latches: sequence word, buffers (FORMAT.md 3.7)."""
    for place, family, _ in slots(content):
        if family.buffer:
            number_of = _LATCHES[family.name.rstrip("0123456789")]
            yield _Place(place, place + layout.V2_UNIT, family.buffer, 0, number_of)


def _word(raw: bytes) -> int:
    return contents.of_word(int.from_bytes(raw, "little"))


def _text(raw: bytes) -> int:
    return contents.of_text(raw.rstrip(b"\0").decode("ascii", "replace"))


def _page(raw: bytes) -> int:
    return contents.of_page(raw.rstrip(b"\0").decode("ascii", "replace"))


def _of_length(raw: bytes) -> bytes:
    """The bytes of a text (FORMAT.md 3.7)."""
    return raw[layout.V2_UNIT :][: int.from_bytes(raw[: layout.V2_UNIT], "little")]


def _histogram(raw: bytes) -> int:
    total, *counts = struct.unpack(f"<d{len(raw) // layout.V2_UNIT - 1}Q", raw)
    return contents.of_histogram(total, counts)


_LATCHES: dict[str, Callable[[bytes], int]] = {
    "histogram": _histogram,
    "large": _histogram,
    "summary": lambda raw: contents.of_summary(*struct.unpack(layout.V2_SUMMARY, raw)),
    "text": lambda raw: _text(_of_length(raw)),
    "page": lambda raw: _page(_of_length(raw)),
}
