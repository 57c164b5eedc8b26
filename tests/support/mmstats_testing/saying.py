"""What readers say of a file, in one exact form: the label, the kind of value, and the value as text.

Integers are decimal, floats the 16 hexadecimal digits of their bits. The kinds are those of Python's values; readers do
not give the types in the file.
"""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from mmstats_format import Document

from .values import stats_of

Said = list[tuple[str, str, str]]

_NAMES = {bool: "boolean", int: "integer", float: "float", str: "text"}
_QUIET = 1 << 51


def said(stats: Iterable[tuple[str, int | float | bool | str]]) -> Said:
    """What a reader of this distribution says."""
    return [(label, _NAMES[type(value)], _text(value)) for label, value in stats]


def expected(document: Document) -> Said:
    """What a reader has to say of a file of this document."""
    return said(stats_of(document.canonical()))


def _text(value: int | float | bool | str) -> str:
    return struct.pack(">d", value).hex() if isinstance(value, float) else str(value)


def quiet(document: Document, said: Said) -> Said:
    """What is said of the file of this document, with the NaNs of binary32 quiet.

    Whether one that was signalling still is after it was widened depends on the interpreter: most let the hardware do
    it, which sets that bit.
    """
    types = [field.signature for field in document.fields]
    return [
        (label, kind, _quiet(text) if signature == "f" else text)
        for signature, (label, kind, text) in zip(types, said, strict=True)
    ]


def _quiet(bits: str) -> str:
    number = int(bits, 16)
    return f"{number | _QUIET:016x}" if number & (2**63 - 1) > 0x7FF << 52 else bits


class Speaker:
    """A program that reads on request: a path a line in, what it says of the file as a line of JSON out."""

    def __init__(self, command: Sequence[str | Path], environment: dict[str, str]) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def say(self, path: Path) -> Said:
        """What it says of a file; for one that it cannot read, ``("error", class, message)`` at its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the program ended at {path}"
        return [(label, kind, text) for label, kind, text in json.loads(line)]
