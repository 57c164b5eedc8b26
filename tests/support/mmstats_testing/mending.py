"""Version 2's checks set right after bytes have changed, so that a reader looks at what is behind them."""

from __future__ import annotations

import zlib

_CONTROL_MASK = 2**32 - 1


def mended(content: bytearray, *, controls: bool = False) -> bytearray:
    """The bytes with the CRCs of header, extents and records set right, as far as they can be followed.

    Args:
        content: of a version 2 file, more or less; it is changed.
        controls: set the complements of the control words right too (V2-3).
    """
    if len(content) < 192:
        return content
    _mend(content, 0, 12, 96)
    words = [96, 104]
    at = 128
    for _ in range(40):
        if at + 64 > len(content):
            break
        _mend(content, at, 4, 40)
        words += [at + 40, at + 48]
        used = int.from_bytes(content[at + 40 : at + 44], "little") * 8
        place, end = at + 64, min(at + 64 + used, len(content))
        while place + 16 <= end:
            size = int.from_bytes(content[place : place + 4], "little")
            if size < 16 or place + size > end:
                break
            _mend(content, place, 8, size)
            place += size
        following = int.from_bytes(content[at + 48 : at + 52], "little") * 8
        if following <= at:
            break
        at = following
    for word in words if controls else ():
        content[word : word + 8] = control(int.from_bytes(content[word : word + 4], "little"))
    return content


def control(number: int) -> bytes:
    """A number as a control word (V2-3)."""
    return (number | (number ^ _CONTROL_MASK) << 32).to_bytes(8, "little")


def _mend(content: bytearray, base: int, place: int, size: int) -> None:
    content[base + place : base + place + 4] = bytes(4)
    crc = zlib.crc32(content[base : base + size])
    content[base + place : base + place + 4] = crc.to_bytes(4, "little")
