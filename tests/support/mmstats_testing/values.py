"""What a reader is to say of a file, worked out from the canonical JSON document and from nothing else.

Rule 1: nothing here is shared with the reader: the rules of FORMAT.md are written down a second time.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import Any

Value = int | float | bool | str


def shown(raw: bytes) -> str:
    r"""Text as people see it: bytes that are no UTF-8 are ``\xNN`` (V1-4)."""
    text, at = "", 0
    while at < len(raw):
        for length in (1, 2, 3, 4):
            try:
                text += raw[at : at + length].decode("utf-8")
            except UnicodeDecodeError:
                continue
            at += length
            break
        else:
            text += f"\\x{raw[at]:02x}"
            at += 1
    return text


def text_of(canonical: str | dict[str, str]) -> str:
    """The text that J-4 writes as a string, or as the digits of its bytes."""
    return canonical if isinstance(canonical, str) else shown(bytes.fromhex(canonical["hex"]))


def value_of(field: dict[str, Any]) -> Value:
    """The value of a field of the canonical document (J-2 to J-5)."""
    match field["type"], field["value"]:
        case ("?", bool() as truth):
            return truth
        case ("f" | "d", str() as bits):
            number: float = struct.unpack(">d", bytes.fromhex(bits))[0]
            return number
        case (("b" | "B" | "h" | "H" | "i" | "I" | "l" | "L" | "q" | "Q"), str() as digits):
            return int(digits)
        case (_, text):
            return text_of(text)


def stats_of(document: dict[str, Any]) -> list[tuple[str, Value]]:
    """Labels and values in the order of the file."""
    return [(text_of(field["label"]), value_of(field)) for field in document["fields"]]


def exact(value: Value) -> tuple[str, str]:
    """A form in which only equal values of one type are equal: 1, 1.0 and True are not, nor are 0.0 and -0.0.

    All NaNs are one: conversion from binary32 in hardware may change the bits of one, and Python does it in hardware.
    """
    if isinstance(value, float):
        return "float", "nan" if math.isnan(value) else value.hex()
    return type(value).__name__, str(value)


def exactly(stats: Iterable[tuple[str, Value]]) -> list[tuple[str, tuple[str, str]]]:
    """Labels and values in the form of `exact`."""
    return [(label, exact(value)) for label, value in stats]
