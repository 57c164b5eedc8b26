"""What a metric is declared as, and the form of its values (FORMAT.md 3.6, 3.7): once for schema, writer and reader.

    word    8 bytes
    latch   seq │ buffer 0 │ buffer 1, and in each buffer
              gauge combined by last   time │ value
              text                     length │ bytes, up to a multiple of 8
              summary                  count │ sum │ min │ max │ last
              histogram                sum │ count of each bucket

Rule 1: importing this costs next to nothing: a writer does it too.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

#: `struct` codes of words by value type.
WORDS = {"unsigned": "Q", "signed": "q", "float": "d", "boolean": "Q"}
WORD = 8
#: Kinds whose values only add up: they count when their writer is dead (V2-C2).
CUMULATIVE = ("counter", "summary", "histogram")
SEQUENCE = struct.Struct("<Q")
TIMED_HEAD = struct.Struct("<Q")
TEXT_HEAD = struct.Struct("<Q")
SUMMARY = struct.Struct("<Qdddd")
HISTOGRAM_HEAD = struct.Struct("<d")
BUCKET = struct.Struct("<Q")


class Declaration(NamedTuple):
    """What a FAMILY record says of a metric (FORMAT.md 3.5).

    Attributes:
        name: with its prefix, without labels.
        kind: ``"counter"``, ``"gauge"``, ``"state set"``, ``"text"``, ``"summary"``, ``"histogram"`` or ``"unknown"``.
        type: of its values: ``"unsigned"``, ``"signed"``, ``"float"``, ``"boolean"`` or ``"text"``.
        combination: of several writers' values: ``"sum"``, ``"min"``, ``"max"``, ``"last"`` or ``"all"``.
        unit: such as ``"seconds"``; empty for none.
        help: what it says, in a sentence.
        labels: names of the labels.
        bounds: of a histogram, in the unit: finite and ascending.
        states: of a state set.
        capacity: of a text, in bytes.
        kept: True where the values of dead writers count, whatever the kind (V2-C2).
    """

    name: str
    kind: str
    type: str
    combination: str
    unit: str = ""
    help: str = ""
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    states: tuple[str, ...] = ()
    capacity: int = 0
    kept: bool = False

    @property
    def buffer(self) -> int:
        """Bytes of one buffer of the latch; 0 for a word."""
        match self.kind:
            case "text":
                return TEXT_HEAD.size + padded(self.capacity)
            case "summary":
                return SUMMARY.size
            case "histogram":
                return HISTOGRAM_HEAD.size + BUCKET.size * (len(self.bounds) + 1)
        return TIMED_HEAD.size + WORD if self.combination == "last" else 0

    @property
    def slot(self) -> int:
        """Bytes of the slot of one series."""
        return SEQUENCE.size + 2 * self.buffer if self.buffer else WORD

    @property
    def lasting(self) -> bool:
        """Whether values of dead writers count (V2-C2)."""
        return self.kept or self.kind in CUMULATIVE


def padded(size: int) -> int:
    """A size in bytes, up to the next multiple of 8 (V2-1)."""
    return -(-size // WORD) * WORD
