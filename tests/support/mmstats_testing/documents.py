"""Short ways to documents of version 1, for tests that name their values."""

from __future__ import annotations

import struct
from pathlib import Path

from mmstats_format import Document, Field, build, parse

#: The `struct` codes of FORMAT.md 2.4; `l` and `L` have eight bytes in the file whatever the machine.
CODES = {"l": "q", "L": "Q"}

Given = int | float | bool | str | bytes


def packed(signature: str, value: Given) -> bytes:
    """The bytes of one buffer."""
    if isinstance(value, str):
        value = value.encode("utf-8")
    return struct.pack("<" + CODES.get(signature, signature), value)


def one(label: str | bytes, signature: str, value: Given) -> Field:
    """A field with one buffer."""
    return Field(_bytes(label), signature, 255, (packed(signature, value),))


def two(label: str | bytes, signature: str, value: Given, other: Given = 0, index: int = 0) -> Field:
    """A field with two buffers: `value` is the published one, `other` the one that is written next."""
    published, unpublished = packed(signature, value), packed(signature, other)
    return Field(_bytes(label), signature, index, (unpublished, published) if index == 0 else (published, unpublished))


def bytes_of(*fields: Field, size: int | None = None) -> bytes:
    """The content of a file with these fields."""
    return build(Document(fields, size))


def parsed(data: bytes) -> Document:
    """The document of a file of version 1, by the schema."""
    document = parse(data)
    assert isinstance(document, Document)
    return document


def write(path: Path, *fields: Field) -> Path:
    """Make a file with these fields, and give its path."""
    path.write_bytes(bytes_of(*fields))
    return path


def _bytes(label: str | bytes) -> bytes:
    return label.encode("utf-8") if isinstance(label, str) else label
