"""What a file of version 2 says, by the schema and the canonical JSON document and nothing else."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from mmstats_format.declaration import Declaration

from .slots import document


def declarations(path: str | Path) -> list[Declaration]:
    """The declarations in the order of the file."""
    return [record for record in document(path).records if isinstance(record, Declaration)]


def canonical(path: str | Path) -> dict[str, Any]:
    """The canonical JSON document."""
    return dict(document(path).canonical())


def values(path: str | Path) -> dict[str, Any]:
    """Each metric's value by its name, as in the canonical document (J-2 to J-5, J-8).

    Of a metric with labels it is the values of its children, by those of their labels.
    """
    found: dict[str, Any] = {}
    for family in canonical(path)["families"]:
        children = {tuple(one["labels"]): one["value"] for one in family["series"]}
        assert len(children) == len(family["series"]), "a label set is there twice"
        found[family["name"]] = children if family["labels"] else children[()]
    return found


def bits(value: float) -> str:
    """A float as the canonical document has it (J-3)."""
    return struct.pack(">d", value).hex()


def number(digits: str) -> float:
    """And back."""
    return float(struct.unpack(">d", bytes.fromhex(digits))[0])
