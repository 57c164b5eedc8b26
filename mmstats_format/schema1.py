"""Version 1, declared once: every offset, size, code and name of its layout (FORMAT.md, chapter 2).

    version  field  field  …  padding
             └ label_size │ label │ signature_size │ signature │ index │ buffers

Rule 1: nothing of the layout is written down a second time; `mmstats_format.generate` derives the layout module and
        FORMAT.md's tables from the objects below.
Rule 2: only this module and its like import `construct`, and nothing of `construct` leaves them: not its objects, not
        its exceptions.
Rule 3: an element that breaks its rule ends in the `FormatError` of FORMAT.md 1.3, at the offset defined there.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import construct as c

from ._document import Document, Field
from .errors import FormatError, fault

VERSION = 1
UNBUFFERED = 255
PAGE = 4096

#: Signatures of fixed text (V1-12): the one open-ended family beside the registry below.
TEXT = "(0|[1-9][0-9]{0,8})s"


@dataclass(frozen=True)
class Scalar:
    """A type of the registry: how it is laid out, its kind, and what it means."""

    form: Any
    kind: str
    meaning: str


#: The type registry (V1-5).
SCALARS = {
    "?": Scalar(c.Int8ul, "boolean", "false for 0, else true"),
    "b": Scalar(c.Int8sl, "signed", "integer"),
    "B": Scalar(c.Int8ul, "unsigned", "integer"),
    "h": Scalar(c.Int16sl, "signed", "integer"),
    "H": Scalar(c.Int16ul, "unsigned", "integer"),
    "i": Scalar(c.Int32sl, "signed", "integer"),
    "I": Scalar(c.Int32ul, "unsigned", "integer"),
    "l": Scalar(c.Int64sl, "signed", "integer"),
    "L": Scalar(c.Int64ul, "unsigned", "integer"),
    "q": Scalar(c.Int64sl, "signed", "integer"),
    "Q": Scalar(c.Int64ul, "unsigned", "integer"),
    "f": Scalar(c.Float32l, "float", "IEEE 754 binary32"),
    "d": Scalar(c.Float64l, "float", "IEEE 754 binary64"),
    "c": Scalar(c.Bytes(1), "text", "text of one byte"),
}


def type_size(signature: str) -> int | None:
    """Bytes of one buffer of this type, or None for a signature outside the registry (V1-5, V1-12)."""
    if signature in SCALARS:
        return int(SCALARS[signature].form.sizeof())
    text = re.fullmatch(TEXT, signature)
    return int(text[1]) if text else None


class Element(c.Subconstruct):  # type: ignore[misc]  # construct has no types
    """A part of the file that is whole or `truncated`, and obeys its rule or ends in its code.

    `docs` and `size` are for the tables. `broken` gives the place of the fault inside the element's value, or None
    where there is none.
    """

    def __init__(
        self,
        form: Any,
        docs: str,
        size: str = "",
        *,
        code: str = "truncated",
        broken: Callable[[Any], int | None] = lambda value: None,
        detail: str = "",
    ) -> None:
        super().__init__(form)
        self.docs, self.size, self.code, self.broken, self.detail = docs, size, code, broken, detail

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        offset = stream.tell()
        try:
            value = self.subcon._parsereport(stream, context, path)
        except c.StreamError as error:
            raise fault("truncated", "the file ends inside this element", offset, _tidy(path)) from error
        if (place := self.broken(value)) is not None:
            raise fault(self.code, self.detail.format(value), offset + place, _tidy(path))
        return value


class Fields(c.Construct):  # type: ignore[misc]  # construct has no types
    """The run of fields, up to the first place where a label size of zero, or nothing, can be read (V1-8)."""

    def __init__(self) -> None:
        super().__init__()
        self.docs, self.size = "one after the other, without gaps (2.3)", "any"

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> list[Field]:
        fields: list[Field] = []
        while not self._at_end(stream):
            fields.append(_field(FIELD._parsereport(stream, context, f"{path}[{len(fields)}]")))
        return fields

    def _build(self, fields: list[Any], stream: io.BytesIO, context: Any, path: str) -> None:
        for field in fields:
            FIELD._build(field, stream, context, path)

    def _sizeof(self, context: Any, path: str) -> int:
        raise c.SizeofError

    def _at_end(self, stream: io.BytesIO) -> bool:
        place = stream.tell()
        ahead = stream.read(FIELD.label_size.sizeof())
        stream.seek(place)
        return not any(ahead)


def _first_nonzero(padding: bytes) -> int | None:
    zeros = len(padding) - len(padding.lstrip(b"\0"))
    return None if zeros == len(padding) else zeros


def _outside_registry(signature: bytes) -> int | None:
    return None if type_size(signature.decode("latin-1")) is not None else 0


def _buffers_size(field: Any) -> int:
    return (1 if field.index == UNBUFFERED else 2) * (type_size(field.signature.decode("latin-1")) or 0)


FIELD = c.Struct(
    "label_size" / Element(c.Rebuild(c.Int16ul, c.len_(c.this.label)), "bytes of the label, from 1; 0 ends the fields"),
    "label" / Element(c.Bytes(c.this.label_size), "what the field is called (V1-4)", "`label_size`"),
    "signature_size" / Element(c.Rebuild(c.Int16ul, c.len_(c.this.signature)), "bytes of the signature"),
    "signature"
    / Element(
        c.Bytes(c.this.signature_size),
        "the type of the value, in ASCII (V1-5)",
        "`signature_size`",
        code="unknown-type",
        broken=_outside_registry,
        detail="{!r} is not a type of the registry",
    ),
    "index"
    / Element(
        c.Int8ul,
        "the write buffer: 0 or 1; 255 for a field with one buffer (V1-6)",
        code="bad-index",
        broken=lambda index: None if index in (0, 1, UNBUFFERED) else 0,
        detail="{} is not a write-buffer index: 0, 1 or 255",
    ),
    "buffers"
    / Element(
        c.Bytes(_buffers_size),
        "the value, or two of them, one after the other (V1-7)",
        "1 or 2 × the type's",
    ),
)

FILE = c.Struct(
    "version" / Element(c.Const(VERSION, c.Int8ul), "`0x01` (V1-1)"),
    "fields" / Fields(),
    "padding"
    / Element(
        c.GreedyBytes,
        "zero bytes; the first two, where there are any, end the fields (V1-8, V1-9)",
        "the rest",
        code="trailing-bytes",
        broken=_first_nonzero,
        detail="a byte other than zero after the last field",
    ),
)


def parse(content: bytes) -> Document:
    """The document of a version 1 file; the caller has looked at its version byte."""
    parsed = FILE.parse(content)
    return Document(tuple(parsed.fields), len(content))


def _field(parsed: Any) -> Field:
    half = len(parsed.buffers) // 2
    whole = parsed.buffers
    buffers = (whole,) if parsed.index == UNBUFFERED else (whole[:half], whole[half:])
    return Field(parsed.label, parsed.signature.decode("ascii"), parsed.index, buffers)


def build(document: Document) -> bytes:
    """The bytes of a version 1 file that says `document`."""
    fields = []
    for number, field in enumerate(document.fields):
        if (error := _unfit(field, f"fields[{number}]")) is not None:
            raise error
        fields.append(
            {
                "label": field.label,
                "signature": field.signature.encode("ascii"),
                "index": field.index,
                "buffers": b"".join(field.buffers),
            }
        )
    used = len(FILE.build({"fields": fields, "padding": b""}))
    size = -(-used // PAGE) * PAGE if document.size is None else document.size
    if size < used:
        raise fault("bad-size", f"{size} bytes do not hold the {used} bytes of version and fields", path="size")
    return bytes(FILE.build({"fields": fields, "padding": bytes(size - used)}))


def _unfit(field: Field, path: str) -> FormatError | None:
    """What keeps a field from being part of a file, or None."""
    parts: tuple[Any, Any] = field.label, field.index
    if not isinstance(parts[0], bytes) or not isinstance(parts[1], int):
        raise TypeError(f"{path}: a label is bytes and an index is an integer")
    longest = 2 ** (8 * FIELD.label_size.sizeof()) - 1
    if not 0 < len(field.label) <= longest:
        return fault("bad-label", f"a label has 1 to {longest} bytes, not {len(field.label)}", path=f"{path}.label")
    if (size := type_size(field.signature)) is None:
        return fault("unknown-type", f"{field.signature!r} is not a type of the registry", path=f"{path}.signature")
    if field.index not in (0, 1, UNBUFFERED):
        return fault("bad-index", f"{field.index} is not a write-buffer index: 0, 1 or 255", path=f"{path}.index")
    count = 1 if field.index == UNBUFFERED else 2
    if [len(buffer) for buffer in field.buffers] != [size] * count:
        return fault("bad-value", f"index {field.index} means {count} of {size} bytes", path=f"{path}.buffers")
    return None


def _tidy(path: str) -> str:
    """`construct` says ``(parsing) -> fields[0] -> label``."""
    return ".".join(path.split(" -> ")[1:])
