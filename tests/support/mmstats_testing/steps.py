"""Which step of FORMAT.md 3.8 made one content of a version 2 file out of another.

Rule 1: a place is known by what the file said before the change. What is published, and no word that a step may store,
        has no step: it never changes (V2-W5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mmstats_format import Document2, layout, parse
from mmstats_format._document2 import Extent, Series
from mmstats_format.declaration import Declaration

WORD = layout.V2_UNIT


def document(content: bytes) -> Document2:
    """The document of a version 2 file, by the strict schema."""
    parsed = parse(content)
    assert isinstance(parsed, Document2)
    return parsed


def canonical(content: bytes) -> dict[str, Any]:
    """What the file says, in the canonical form (J-6)."""
    return document(content).canonical()


def steps(before: bytes, after: bytes) -> set[str]:
    """The steps that could have made these changes: one, where the writer was stopped often enough."""
    places, end = _places(before)
    found = {places.get(place, "W4.2" if place >= end else "none") for place in changed(before, after)}
    if len(after) != len(before):
        found.add("W4.1" if len(after) > len(before) else "none")
    return found


def changed(before: bytes, after: bytes) -> list[int]:
    """The offsets of the words that differ; beyond the end of the shorter nothing but zeros is as it was."""
    size = max(len(before), len(after))
    one, other = before.ljust(size, b"\0"), after.ljust(size, b"\0")
    return [place for place in range(0, size, WORD) if one[place : place + WORD] != other[place : place + WORD]]


def between(before: bytes, after: bytes) -> list[bytes]:
    """What the file may hold while the words that differ are stored one by one, in either order."""
    places = changed(before, after)
    contents = []
    for first, second in ((before, after), (after, before)):
        content = bytearray(first.ljust(len(after), b"\0"))
        for place in places[:-1]:
            content[place : place + WORD] = second.ljust(len(after), b"\0")[place : place + WORD]
            contents.append(bytes(content))
    return contents


class Slot(NamedTuple):
    """The slot of a series.

    Attributes:
        place: its offset in the file.
        family: of the series.
        content: its bytes.
    """

    place: int
    family: Declaration
    content: bytes


def slots(content: bytes) -> Iterator[Slot]:
    """The slots of a file, in its order (V2-20)."""
    said = document(content)
    families = [record for record in said.records if isinstance(record, Declaration)]
    for begins, extent in _extents(content, said):
        place = begins + _word(content, begins + layout.V2_EXTENT_AT_VALUES_OFFSET)
        for record in extent.records:
            if isinstance(record, Series):
                yield Slot(place, families[record.family], record.slot)
                place += len(record.slot)


def _extents(content: bytes, said: Document2) -> Iterator[tuple[int, Extent]]:
    """The extents with their offsets (V2-11)."""
    begins = layout.V2_HEADER_SIZE
    for extent in said.extents:
        yield begins, extent
        begins = _number(_word(content, begins + layout.V2_EXTENT_AT_NEXT)) * WORD


def _places(content: bytes) -> tuple[dict[int, str], int]:
    """The step that may store the word at each offset, and where the last extent ends."""
    places = {layout.V2_HEADER_AT_STATE: "W11", layout.V2_HEADER_AT_THREAD_ID: "W13"}
    end = layout.V2_HEADER_SIZE
    for begins, extent in _extents(content, document(content)):
        used = begins + layout.V2_EXTENT_AT_METADATA_USED
        places |= {used: "W3.4", begins + layout.V2_EXTENT_AT_NEXT: "W4.4"}
        metadata = begins + layout.V2_EXTENT_SIZE
        free = metadata + _number(_word(content, used)) * WORD
        places |= dict.fromkeys(range(free, metadata + extent.metadata_capacity, WORD), "W3.2")
        values = begins + _word(content, begins + layout.V2_EXTENT_AT_VALUES_OFFSET)
        places |= dict.fromkeys(range(values, values + extent.values_capacity, WORD), "W3.1")
        end = begins + _word(content, begins + layout.V2_EXTENT_AT_SIZE)
    for slot in slots(content):
        places |= _slot(slot)
    return places, end


def _slot(slot: Slot) -> dict[int, str]:
    """The step that may store each word of a slot (FORMAT.md 3.7)."""
    size = slot.family.buffer
    if not size:
        return {slot.place: "W1.1"}
    first = slot.place + WORD
    places = dict.fromkeys(range(first, first + 2 * size, WORD), "W2.3")
    published = first + (_word(slot.content, 0) & 1) * size
    return {slot.place: "W2.5", **places, **dict.fromkeys(range(published, published + size, WORD), "none")}


def _word(content: bytes, place: int) -> int:
    return int.from_bytes(content[place : place + WORD], "little")


def _number(control: int) -> int:
    return control & 0xFFFFFFFF
