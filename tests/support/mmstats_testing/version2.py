"""Short ways to what files of version 2 say, by the schema and the canonical JSON document."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from .slots import document


def canonical(path: str | Path) -> dict[str, Any]:
    """The canonical JSON document of the file."""
    return dict(document(path).canonical())


def families(path: str | Path) -> dict[str, dict[str, Any]]:
    """Its families, by name."""
    found: list[Any] = canonical(path)["families"]
    return {family["name"]: family for family in found}


def values(path: str | Path) -> dict[str, Any]:
    """The values of families without labels, by name."""
    return {name: family["series"][0]["value"] for name, family in families(path).items() if not family["labels"]}


def series(path: str | Path, name: str) -> dict[tuple[str, ...], Any]:
    """The values of one family, by its label values."""
    found: list[dict[str, Any]] = families(path)[name]["series"]
    assert len({tuple(one["labels"]) for one in found}) == len(found)
    return {tuple(one["labels"]): one["value"] for one in found}


def bits(value: float) -> str:
    """A float as the canonical document has it (J-3)."""
    return struct.pack(">d", value).hex()


def number(digits: str) -> float:
    """And back."""
    return float(struct.unpack(">d", bytes.fromhex(digits))[0])
