"""What an application gives, checked or made to fit; the same for both versions of the format."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NoReturn


def encoded(text: str) -> bytes:
    """Text in UTF-8. What cannot be encoded (a file name with stray bytes) is shown escaped rather than lost."""
    return text.encode("utf-8", "backslashreplace")


def cut(raw: bytes, size: int) -> bytes:
    """The first `size` bytes of some in UTF-8, without part of a character at the end (V1-12, V2-W14)."""
    if len(raw) <= size:
        return raw
    while size and raw[size] & 0xC0 == 0x80:
        size -= 1
    return raw[:size]


def wrapped(value: int, kind: str, bits: int) -> int:
    """A whole number as it is left of so many bits, ``"signed"`` or ``"unsigned"`` (V1-W3)."""
    half = 1 << (bits - 1) if kind == "signed" else 0
    return ((value + half) & ((1 << bits) - 1)) - half


def check_size(size: int, least: int) -> None:
    """Refuse a size that is no whole number from `least` up.

    Raises:
        TypeError: it is no integer.
        ValueError: it is too small.
    """
    if not isinstance(size, int):
        raise TypeError(f"a size is a whole number, not {type(size).__name__}")
    if size < least:
        raise ValueError(f"a size is at least {least}, not {size}")


def template(given: str | os.PathLike[str], what: str) -> str:
    """A template of a path or name as text.

    Raises:
        TypeError: it is neither text nor a path.
    """
    text = os.fspath(given)
    if not isinstance(text, str):
        raise TypeError(f"{what} is text, not {type(text).__name__}")
    return text


def refusal(name: str, field: object) -> Callable[[Any], NoReturn]:
    """What an assignment to the attribute of such a field ends in."""

    def refuse(value: Any) -> NoReturn:
        raise AttributeError(f"{name!r} is a {type(field).__name__} and cannot be assigned to", name=name)

    return refuse
