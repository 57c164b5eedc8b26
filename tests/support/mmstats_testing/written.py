"""What a writer left in a file of version 2, as plain Python values, from the canonical document and nothing else."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from mmstats_format._document2 import Family

from .slots import document


def families(path: str | Path) -> list[Family]:
    """The declarations in the order of the file."""
    return [record for record in document(path).records if isinstance(record, Family)]


def values(path: str | Path) -> dict[str, Any]:
    """Each metric's value by its name; of one with labels, the values of its children by those of their labels.

    Of a gauge combined by last it is time and value; of a summary count, sum, least, greatest and last; of a histogram
    the sum and the counts.
    """
    found: dict[str, Any] = {}
    declared: Any = document(path).canonical()["families"]
    for family in declared:
        kind = "text" if family["kind"] == "state set" else family["type"]
        children = {tuple(one["labels"]): plain(kind, one["value"]) for one in family["series"]}
        found[family["name"]] = children if family["labels"] else children.get(())
    return found


def value(path: str | Path, name: str, *labels: str) -> Any:
    """The value of one metric, or of one of its children."""
    found = values(path)[name]
    return found[labels] if labels else found


def plain(kind: str, canonical: Any) -> Any:
    """The value that the canonical document says (J-2 to J-5, J-8), of a value type; a state is a text."""
    match canonical:
        case None | bool():
            return canonical
        case {"time": time, "value": of_word}:
            return int(time), plain(kind, of_word)
        case {"count": count, **parts}:
            return int(count), *(plain(kind, parts[part]) for part in ("sum", "min", "max", "last"))
        case {"sum": total, "counts": counts}:
            return plain(kind, total), tuple(map(int, counts))
        case str() as digits if kind == "float":
            return struct.unpack(">d", bytes.fromhex(digits))[0]
        case str() as digits if kind in ("unsigned", "signed"):
            return int(digits)
    return canonical
