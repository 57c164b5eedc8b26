"""What schema and reader say of the same bytes, in forms that are equal where the two agree (G-2, G-3).

An answer is, of version 1, labels and values exactly; of version 2, the canonical document, with text that is no UTF-8
as people see it (V1-4); of what is malformed, the error's code, rule, offset and path.
"""

from __future__ import annotations

import os
from typing import Any

import mmstats_format
from mmstats_format import Document2, FormatError
from mmstats_reader import _extents, _parse1, _records, _version1, read

from .said2 import document_of
from .values import exactly, stats_of, text_of


def by_schema(data: bytes) -> Any:
    """The answer of the schema."""
    try:
        document = mmstats_format.parse(data)
    except FormatError as error:
        return error_of(error)
    if not isinstance(document, Document2):
        return exactly(stats_of(document.canonical()))
    said = shown(document.canonical())
    return {**said, "folded": sorted(set(said["folded"]))}


def by_reader(path: str | os.PathLike[str]) -> Any:
    """The answer of the reader, of a file."""
    try:
        snapshot = read(path)
    except FormatError as error:
        return error_of(error)
    return document_of(snapshot) if snapshot.version == 2 else exactly(snapshot)


def error_of(error: FormatError) -> tuple[str, str, int | None, str | None]:
    """What two programs say alike of something malformed."""
    return error.code, error.rule, error.offset, error.path


def shown(value: Any) -> Any:
    """A canonical document with text that is no UTF-8 as people see it (V1-4)."""
    match value:
        case {"hex": str()}:
            return text_of(value)
        case dict():
            return {key: shown(part) for key, part in value.items()}
        case list():
            return [shown(part) for part in value]
    return value


def forget() -> None:
    """Have the reader forget the layouts of all files that it has read."""
    _parse1._plans.clear()
    for memory in (_records._plans, _records._records, _version1._memory):
        memory.known.clear()
        memory.size = 0
    _records._latest = (None, None)
    _extents._sizes.cache_clear()
