"""The notation of the sources, as bytes: hexadecimal words, and what version 2 needs beside them.

Rule 1: nothing of this project is imported, as in generate.py.
Rule 2: sizes, *metadata used*, *next* and CRCs of blocks are worked out here; whatever is odd is a `NotationError`.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable, Iterable

_WORD = re.compile(r'#[^\n]*|\s+|(?P<word>[{}]|(?:[^\s#{}"]|"(?:[^"\\]|\\.)*")+)')
_SERIES = re.compile(r"\bseries:(\d+),(\d+),(\d+)")
_PART = re.compile(r"@([a-z][a-z0-9-]*)")

EXTENT_HEAD, RECORD_HEAD = 64, 16

#: Words that stand for more than their own bytes; behind the colon stand numbers.
_BLOCKS = ("crc", "extent", "record")


class NotationError(Exception):
    """A source that means nothing."""


def expand(text: str, parts: dict[str, str]) -> str:
    """The text with each ``@name`` replaced by the part of that name, in which other parts may stand."""

    def part(name: re.Match[str]) -> str:
        if name[1] not in parts:
            raise NotationError(f"there is no part {name[1]!r}")
        return expand(parts[name[1]], parts)

    return _PART.sub(part, text)


def replace(text: str, changes: Iterable[str]) -> str:
    """The text after changes ``OLD => NEW``; each OLD stands in it once."""
    for change in changes:
        old, arrow, new = change.partition(" => ")
        if not arrow or text.count(old) != 1:
            raise NotationError(f"{change!r}: no arrow, or not to be found once")
        text = text.replace(old, new)
    return text


def _packed(code: str) -> Callable[[str], bytes]:
    return lambda number: struct.pack(f"<{code}", float(number) if code == "d" else int(number, 0))


def _text(length: str) -> Callable[[str], bytes]:
    def words(word: str) -> bytes:
        string, _, times = word.rpartition("*") if word[-1] != '"' else (word, "", "1")
        raw: bytes = json.loads(string).encode("utf-8") * int(times)
        return (struct.pack(f"<{length}", len(raw)) if length else b"") + raw

    return words


def _control(number: str) -> bytes:
    low = int(number, 0)
    return struct.pack("<II", low, low ^ 0xFFFFFFFF)


#: What stands before the colon: what makes bytes of what stands behind it.
_FORMS: dict[str, Callable[[str], bytes]] = {
    "u16": _packed("H"),
    "u32": _packed("I"),
    "u64": _packed("Q"),
    "i64": _packed("q"),
    "f64": _packed("d"),
    "bits": lambda digits: bytes.fromhex(digits)[::-1],
    "ctl": _control,
    "text": _text("H"),
    "raw": _text(""),
}


def encode(word: str) -> bytes:
    """The bytes of one word that is no block and no CRC."""
    form, colon, rest = word.partition(":")
    try:
        if not colon:
            digits, _, times = word.partition("*")
            return bytes.fromhex(digits) * int(times or 1)
        if form.endswith(("text", "raw")):
            return _FORMS[form](rest)
        number, _, times = rest.partition("*")
        return _FORMS[form](number) * int(times or 1)
    except (KeyError, ValueError, struct.error) as error:
        raise NotationError(f"{word!r} is no word: {error}") from error


def words(text: str) -> list[str]:
    """The words of a text, without its comments."""
    found = list(_WORD.finditer(text))
    if sum(len(match[0]) for match in found) != len(text):
        raise NotationError("a quotation mark is open")
    return [match["word"] for match in found if match["word"]]


def _series(word: re.Match[str]) -> str:
    """What ``series:FAMILY,SLOT,COUNT`` stands for: that many SERIES records, with a label from "0" on."""
    family, slot, count = word.groups()
    return " ".join(f'record:3,0,{slot} {{ u32:{family} text:"{number}" }}' for number in range(int(count)))


class Assembly:
    """Bytes, the places in them that have names, and their CRCs.

    Attributes:
        content: the bytes so far.
        places: ``e0`` is where the first extent begins, ``v0`` its values area, ``r0`` the first record of the file.
    """

    def __init__(self, text: str) -> None:
        """Assemble a text without parts."""
        self.content = bytearray()
        self.places: dict[str, int] = {}
        self._crcs: list[tuple[int, int, int]] = []
        self._words = iter(words(_SERIES.sub(_series, text)))
        for word in self._words:
            self._add(word)
        self.fix()

    def _add(self, word: str) -> None:
        form, _, rest = word.partition(":")
        numbers = [int(number, 0) for number in rest.split(",")] if form in _BLOCKS and rest else []
        match form:
            case "crc":
                self._crc(len(self.content) - numbers[0], numbers[0], numbers[1])
                self.content += bytes(4)
            case "extent":
                self._extent(*numbers)
            case "record":
                self._record(*numbers)
            case "pad8":
                self.content += bytes(-len(self.content) % 8)
            case _:
                self.content += encode(word)

    def _crc(self, start: int, place: int, length: int) -> None:
        self._crcs.append((start, start + place, length))

    def _block(self, marks: tuple[str, ...] = ()) -> dict[str, int]:
        """Add the words of a block; where its marks stand in it, and its end."""
        if next(self._words, "") != "{":
            raise NotationError("a block without {")
        found = {}
        for word in self._words:
            if word == "}":
                found["}"] = len(self.content)
                return found
            if word in marks:
                found[word] = len(self.content)
                if word == "values":
                    self._values()
            else:
                self._add(word)
        raise NotationError("a block without }")

    def _record(self, type_: int, flags: int = 0, slot: int = 0) -> None:
        start = self._named("r")
        self.content += bytes(RECORD_HEAD)
        self._block()
        self.content += bytes(-(len(self.content) - start) % 8)
        size = len(self.content) - start
        struct.pack_into("<IHHII", self.content, start, size, type_, flags, 0, slot)
        self._crc(start, 8, size)

    def _extent(self, metadata: int = 0, values: int = 0, gap: int = 0, tail: int = 0) -> None:
        start = self._named("e")
        number = self._count("e") - 1
        self._sizes = start + EXTENT_HEAD, metadata, gap
        self.content += bytes(EXTENT_HEAD)
        marks = self._block(("used", "values"))
        if "values" not in marks:
            marks["values"] = marks["}"]
            self._values()
        begin = self.places[f"v{number}"]
        self.content += bytes(max(begin + values - len(self.content), 0))
        if values and len(self.content) != begin + values:
            raise NotationError("the values do not fit")
        size = len(self.content) + tail - start
        used = marks.get("used", marks["values"]) - start - EXTENT_HEAD
        self.content += bytes(tail)
        head = struct.pack(
            "<4sIQQQQ",
            *(b"XTNT", 0, size, begin - gap - start - EXTENT_HEAD, begin - start, size - tail - begin + start),
        )
        self.content[start : start + EXTENT_HEAD] = head + _control(f"{used // 8}") + _control("0") + bytes(8)
        self._crc(start, 4, 40)
        if number:
            before = self.places[f"e{number - 1}"]
            self.content[before + 48 : before + 56] = _control(f"{start // 8}")

    def _values(self) -> None:
        start, metadata, gap = self._sizes
        self.content += bytes(max(start + metadata - len(self.content), 0))
        if metadata and len(self.content) != start + metadata:
            raise NotationError("the records do not fit")
        self.content += bytes(gap)
        self.places[f"v{self._count('v')}"] = len(self.content)

    def _count(self, letter: str) -> int:
        return sum(name[0] == letter for name in self.places)

    def _named(self, letter: str) -> int:
        self.places[f"{letter}{self._count(letter)}"] = len(self.content)
        return len(self.content)

    def place(self, text: str) -> int:
        """The offset of a place such as ``96``, ``r2`` or ``e0+48``."""
        try:
            return sum(self.places[part] if part in self.places else int(part, 0) for part in text.split("+"))
        except ValueError as error:
            raise NotationError(f"{text!r} is no place") from error

    def patch(self, changes: Iterable[str]) -> None:
        """Overwrite bytes: ``PLACE = WORDS``."""
        for change in changes:
            where, _, what = change.partition(" = ")
            raw = b"".join(map(encode, words(what)))
            place = self.place(where)
            if not raw or place + len(raw) > len(self.content):
                raise NotationError(f"{change!r} has no bytes, or does not lie in the file")
            self.content[place : place + len(raw)] = raw

    def fix(self) -> None:
        """Set every CRC to that of its bytes, its own four being zero (V2-4)."""
        for start, place, length in self._crcs:
            self.content[place : place + 4] = bytes(4)
            struct.pack_into("<I", self.content, place, zlib.crc32(self.content[start : start + length]))
