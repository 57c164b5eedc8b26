"""Version 1's bytes to fields, fast (FORMAT.md, chapter 2).

Rule 1: bytes in, fields or a `FormatError` out; nothing here opens a file.
Rule 2: same input, same fields or same error, code and offset, as the schema's; differential tests hold it to that.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeAlias

from mmstats_format import FormatError, layout
from mmstats_format.errors import fault
from mmstats_format.types import Type, type_of

Value: TypeAlias = int | float | bool | str

#: Label, type signature, write-buffer index, and the bytes of the published buffer, as they are in the file.
RawField: TypeAlias = tuple[bytes, bytes, int, bytes]

_SIZE = struct.Struct(layout.V1_LABEL_SIZE)
_SIGNATURE_SIZE = struct.Struct(layout.V1_SIGNATURE_SIZE)
_INDEX = struct.Struct(layout.V1_INDEX)


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def _decoder(kind: Type) -> Callable[[bytes], Value]:
    if kind.kind == "text":
        return _text
    unpack = struct.Struct("<" + kind.code).unpack
    return lambda raw: unpack(raw)[0]  # type: ignore[no-any-return]  # the registry's codes give these types


#: Size of a buffer, and what makes its bytes a value, by the signature as it is in the file.
_types: dict[bytes, tuple[int, Callable[[bytes], Value]]] = {
    signature.encode(): (size, _decoder(Type(code, size, kind)))
    for signature, (code, size, kind) in layout.V1_TYPES.items()
}
#: Fixed texts join them as they are met, up to this many: a hostile file could name a million.
_MOST_TYPES = 1000


def _type(signature: bytes) -> tuple[int, Callable[[bytes], Value]]:
    """Size and decoder of a fixed text; KeyError for what is outside the registry."""
    kind = type_of(signature.decode("latin-1"))
    known = kind.size, _decoder(kind)
    if len(_types) < _MOST_TYPES:
        _types[signature] = known
    return known


def parse(data: bytes) -> list[RawField]:
    """The fields of a version 1 file, in its order.

    Args:
        data: the whole content of the file; the caller has looked at its version byte.

    Raises:
        FormatError: as FORMAT.md 1.3 says.
    """
    fields: list[RawField] = []
    label_size, signature_size, types = _SIZE.unpack_from, _SIGNATURE_SIZE.unpack_from, _types
    label_head, signature_head, index_size = _SIZE.size, _SIGNATURE_SIZE.size, _INDEX.size
    end = len(data)
    at = layout.V1_VERSION_SIZE
    while at + label_head <= end:
        size = label_size(data, at)[0]
        if not size:
            break
        start = at + label_head
        at = start + size
        if at > end:
            raise _cut(fields, "label", start)
        label = data[start:at]
        start = at + signature_head
        if start > end:
            raise _cut(fields, "signature_size", at)
        at = start + signature_size(data, at)[0]
        if at > end:
            raise _cut(fields, "signature", start)
        signature = data[start:at]
        known = types.get(signature)
        if known is None:
            try:
                known = _type(signature)
            except KeyError:
                detail = f"{signature!r} is not a type of the registry"
                raise fault("unknown-type", detail, start, f"fields[{len(fields)}].signature") from None
        width = known[0]
        if at + index_size > end:
            raise _cut(fields, "index", at)
        index = data[at]
        start = at + index_size
        if index == layout.V1_UNBUFFERED:
            at = start + width
            published = data[start:at]
        elif index == 0:
            at = start + 2 * width
            published = data[start + width : at]
        elif index == 1:
            at = start + 2 * width
            published = data[start : start + width]
        else:
            detail = f"{index} is not a write-buffer index: 0, 1 or 255"
            raise fault("bad-index", detail, at, f"fields[{len(fields)}].index")
        if at > end:
            raise _cut(fields, "buffers", start)
        fields.append((label, signature, index, published))
    padding = data[at:]
    if stray := padding.lstrip(b"\0"):
        if len(padding) < label_head:
            raise _cut(fields, "label_size", at)
        raise fault("trailing-bytes", "a byte other than zero after the last field", end - len(stray), "padding")
    return fields


def decode(field: RawField) -> tuple[str, Value]:
    """Label and value of a field as people see them; bytes that are not UTF-8 become ``\\xNN`` (V1-4, V1-12)."""
    label, signature, _, published = field
    known = _types.get(signature) or _type(signature)
    return label.decode("utf-8", "backslashreplace"), known[1](published)


def _cut(fields: list[RawField], element: str, offset: int) -> FormatError:
    return fault("truncated", "the file ends inside this element", offset, f"fields[{len(fields)}].{element}")
