"""Version 1's bytes to labels and values, fast (FORMAT.md, chapter 2).

    data ──► a plan that fits? ──► one unpack of the whole file
                   │ no
                   ▼
             field by field ──► a plan for the next file of this layout

Rule 1: bytes in, fields or a `FormatError` out; nothing here opens a file.
Rule 2: same input, same fields or same error, code and offset, as the schema's, with a plan or without; differential
        tests hold both to it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from mmstats_format import FormatError, layout
from mmstats_format.errors import fault
from mmstats_format.types import Type, type_of

Value: TypeAlias = int | float | bool | str

_SIZE = struct.Struct(layout.V1_LABEL_SIZE)
_SIGNATURE_SIZE = struct.Struct(layout.V1_SIGNATURE_SIZE)
_INDEX = struct.Struct(layout.V1_INDEX)


class Fields(NamedTuple):
    """The fields of a file, column by column."""

    #: What identifies them: the bytes before each write-buffer index.
    heads: tuple[bytes, ...]
    #: As people see them; bytes that are not UTF-8 are ``\\xNN`` (V1-4).
    labels: tuple[str, ...]
    #: The write-buffer index of each.
    indexes: bytes
    #: The published value of each.
    values: list[Value]


def parse(data: bytes) -> Fields:
    """The fields of a version 1 file, in its order.

    Args:
        data: the whole content of the file; the caller has looked at its version byte.

    Raises:
        FormatError: as FORMAT.md 1.3 says.
    """
    key = len(data), data[:_KEY_SIZE]
    plans = _plans.get(key, ())
    for plan in plans:
        if (fields := plan.fields(data)) is not None:
            return fields
    raw, end = _walk(data)
    fields = _decoded(raw)
    if len(data) <= _LARGEST:
        if sum(map(len, _plans.values())) >= _MOST_PLANS:
            _plans.clear()
        _plans.setdefault(key, []).append(Plan(raw, fields, data[end:]))
    return fields


def signature_of(head: bytes) -> str:
    """The type signature in a head of `Fields`."""
    return head[_SIZE.size + _SIZE.unpack_from(head)[0] + _SIGNATURE_SIZE.size :].decode("ascii")


class Plan:
    """How to take a file apart that is laid out like one seen before: by one `struct` of all of it.

    Of each field the struct gives the head, the index, and two buffers; where there is one, an empty text stands for
    the second.
    """

    def __init__(self, raw: Sequence[_Raw], fields: Fields, padding: bytes) -> None:
        form = ["<", f"{layout.V1_VERSION_SIZE}x"]
        self._texts: list[int] = []
        for place, field in enumerate(raw):
            kind = _type(field.signature)
            if kind.kind == "text":
                self._texts.append(place)
            second = "0s" if field.write_buffer == layout.V1_UNBUFFERED else kind.code
            form.append(f"{len(field.head)}s{layout.V1_INDEX[1:]}{kind.code}{second}")
        whole = struct.Struct("".join(form))
        self._unpack, self._end, self._padding = whole.unpack_from, whole.size, padding
        self._heads, self._labels = fields.heads, fields.labels
        self._sorts = fields.indexes.translate(_SORTS)
        # Files of several models begin alike (the process's id, for one); where they end differs.
        self._probe = (raw[-1].head, raw[-1].at) if raw else (b"", 0)

    def fields(self, data: bytes) -> Fields | None:
        """The fields, or None where the file is laid out otherwise, or is malformed."""
        if not data.startswith(*self._probe) or data[self._end :] != self._padding:
            return None
        items = self._unpack(data)
        indexes = bytes(items[1::4])
        if items[::4] != self._heads or indexes.translate(_SORTS) != self._sorts:
            return None
        columns = zip(indexes, items[2::4], items[3::4], strict=True)
        values = [second if index == 0 else first for index, first, second in columns]
        for place in self._texts:
            values[place] = _text(values[place])
        return Fields(self._heads, self._labels, indexes, values)


#: Plans by the size and the first bytes of the files that they are for; bounded in number and in their files' size.
_plans: dict[tuple[int, bytes], list[Plan]] = {}
#: The version and the first label's size. A value among them, such as a process's id, would cost each file a plan.
_KEY_SIZE = layout.V1_VERSION_SIZE + _SIZE.size
_MOST_PLANS = 100
_LARGEST = 64 << 10
#: A write-buffer index by the sort of field that it goes with: two buffers, one, or none.
_SORTS = bytes(0 if index in (0, 1) else index if index == layout.V1_UNBUFFERED else 2 for index in range(256))


class _Raw(NamedTuple):
    """A field as it is in the file."""

    at: int
    head: bytes
    label: bytes
    signature: bytes
    write_buffer: int
    published: bytes


def _walk(data: bytes) -> tuple[list[_Raw], int]:
    """The fields one by one, and the offset where they end."""
    fields: list[_Raw] = []
    end = len(data)
    at = layout.V1_VERSION_SIZE
    while at + _SIZE.size <= end:
        head = at
        size = _SIZE.unpack_from(data, at)[0]
        if not size:
            break
        start = at + _SIZE.size
        at = start + size
        if at > end:
            raise _cut(fields, "label", start)
        label = data[start:at]
        start = at + _SIGNATURE_SIZE.size
        if start > end:
            raise _cut(fields, "signature_size", at)
        at = start + _SIGNATURE_SIZE.unpack_from(data, at)[0]
        if at > end:
            raise _cut(fields, "signature", start)
        signature = data[start:at]
        try:
            width = _type(signature).size
        except KeyError:
            detail = f"{signature!r} is not a type of the registry"
            raise fault("unknown-type", detail, start, f"fields[{len(fields)}].signature") from None
        if at + _INDEX.size > end:
            raise _cut(fields, "index", at)
        index = data[at]
        if index not in (0, 1, layout.V1_UNBUFFERED):
            detail = f"{index} is not a write-buffer index: 0, 1 or 255"
            raise fault("bad-index", detail, at, f"fields[{len(fields)}].index")
        start = at + _INDEX.size
        first = start + width
        at = first if index == layout.V1_UNBUFFERED else first + width
        if at > end:
            raise _cut(fields, "buffers", start)
        published = data[first:at] if index == 0 else data[start:first]
        fields.append(_Raw(head, data[head : start - _INDEX.size], label, signature, index, published))
    padding = data[at:]
    if stray := padding.lstrip(b"\0"):
        if len(padding) < _SIZE.size:
            raise _cut(fields, "label_size", at)
        raise fault("trailing-bytes", "a byte other than zero after the last field", end - len(stray), "padding")
    return fields, at


def _cut(fields: list[_Raw], element: str, offset: int) -> FormatError:
    return fault("truncated", "the file ends inside this element", offset, f"fields[{len(fields)}].{element}")


def _decoded(raw: list[_Raw]) -> Fields:
    return Fields(
        tuple(field.head for field in raw),
        tuple(field.label.decode("utf-8", "backslashreplace") for field in raw),
        bytes(field.write_buffer for field in raw),
        [_decoder(_type(field.signature))(field.published) for field in raw],
    )


def _decoder(kind: Type) -> Callable[[bytes], Value]:
    if kind.kind == "text":
        return _text
    unpack = struct.Struct("<" + kind.code).unpack
    return lambda published: unpack(published)[0]


def _text(published: bytes) -> str:
    return published.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def _type(signature: bytes) -> Type:
    """The type of a signature as it is in the file; KeyError for one outside the registry."""
    return type_of(signature.decode("latin-1"))
