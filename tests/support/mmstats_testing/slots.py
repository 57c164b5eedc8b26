"""Looking at one value of a file of version 2 again and again while it changes."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

from mmstats_format import parse
from mmstats_format._document2 import Document2, Series, value_of
from mmstats_format.declaration import Declaration

_HEADER, _EXTENT_HEAD = 128, 64


def document(path: str | Path) -> Document2:
    """What the file says, by the schema."""
    found = parse(Path(path).read_bytes())
    assert isinstance(found, Document2)
    return found


class Slot:
    """The slot of one series, in a mapping of its own.

    The file's extents lie without gaps, as the writer makes them.
    """

    def __init__(self, path: str | Path, name: str, labels: tuple[str, ...] = ()) -> None:
        """Find it."""
        extents = document(path).extents
        families = [record for extent in extents for record in extent.records if isinstance(record, Declaration)]
        (number,) = (number for number, family in enumerate(families) if family.name == name)
        self._family = families[number]
        at = _HEADER
        for extent in extents:
            slot = at + _EXTENT_HEAD + extent.metadata_capacity
            at = slot + extent.values_capacity
            for record in extent.records:
                if isinstance(record, Series):
                    if (record.family, record.values) == (number, labels):
                        self._place = slice(slot, slot + len(record.slot))
                    slot += len(record.slot)
        with open(path, "rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    @property
    def raw(self) -> bytes:
        """Its bytes."""
        return self._map[self._place]

    @property
    def value(self) -> Any:
        """The published value as the canonical JSON document has it."""
        return value_of(self._family, self.raw)
