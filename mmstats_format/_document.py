"""What a file says, as immutable Python objects, and the canonical JSON form of it (FORMAT.md 1.4).

Rule 1: a document holds the bytes of values; decoding them is done here and nowhere else in this package.
Rule 2: nothing here knows an offset.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import layout
from .types import type_of

JSON = dict[str, "JSON"] | list["JSON"] | str | int | bool | None


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a version 1 file (FORMAT.md 2.3).

    Attributes:
        label: 1 to 65,535 bytes, usually UTF-8.
        signature: one of the type registry (FORMAT.md 2.4), such as ``"Q"`` or ``"255s"``.
        index: 255 for one buffer; 0 or 1, the buffer written next, for two.
        buffers: the bytes of the one or two buffers, each of the type's size.
    """

    label: bytes
    signature: str
    index: int
    buffers: tuple[bytes, ...]

    @property
    def buffered(self) -> bool:
        """True for a field with two buffers."""
        return self.index != layout.V1_UNBUFFERED

    @property
    def raw(self) -> bytes:
        """The bytes of the published buffer (V1-7)."""
        return self.buffers[1 - self.index] if self.buffered else self.buffers[0]

    @property
    def value(self) -> int | float | bool | bytes:
        """The published value; text as bytes up to its first zero byte (V1-12, V1-13)."""
        kind = type_of(self.signature)
        if kind.kind == "text":
            return self.raw.split(b"\0", 1)[0]
        value: int | float | bool = struct.unpack("<" + kind.code, self.raw)[0]
        return value

    def canonical(self) -> dict[str, JSON]:
        """This field in the canonical JSON document (J-1)."""
        return {
            "label": text(self.label),
            "type": self.signature,
            "buffered": self.buffered,
            "value": self._canonical_value(),
        }

    def _canonical_value(self) -> JSON:
        match self.value:
            case bool() as truth:
                return truth
            case int() as number:
                return str(number)
            case bytes() as raw:
                return text(raw)
            case _:
                return float_bits(self.raw)


@dataclass(frozen=True, slots=True)
class Document:
    """What a version 1 file says (FORMAT.md, chapter 2).

    Attributes:
        fields: in the order of the file.
        size: of the file in bytes, padding included; None for the next multiple of 4096.
        version: of the format, 1.
    """

    fields: tuple[Field, ...] = ()
    size: int | None = None
    version: int = layout.V1_VERSION

    def canonical(self) -> dict[str, JSON]:
        """The canonical JSON document, ready for `json.dumps` (J-1 to J-5)."""
        return {"version": self.version, "fields": [field.canonical() for field in self.fields]}


def text(raw: bytes) -> JSON:
    """J-4."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": raw.hex()}


def float_bits(raw: bytes) -> str:
    """J-3. A binary32 NaN is widened by moving its bits: the hardware would set its quiet bit."""
    if len(raw) == 8:
        return raw[::-1].hex()
    bits = int.from_bytes(raw, "little")
    fraction = bits & 0x7FFFFF
    if bits & 0x7F800000 == 0x7F800000 and fraction:
        return f"{bits >> 31 << 63 | 0x7FF << 52 | fraction << 29:016x}"
    widened: float = struct.unpack("<f", raw)[0]
    return struct.pack(">d", widened).hex()
