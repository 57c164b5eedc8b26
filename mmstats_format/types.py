"""The registry of version 1's types (FORMAT.md 2.4), for those who look a signature up.

The table itself is generated from the schema; only the open-ended family of fixed texts is added here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from . import layout


class Type(NamedTuple):
    """A type of the registry: its `struct` code, its size in bytes and its kind.

    The kind is ``"boolean"``, ``"signed"``, ``"unsigned"``, ``"float"`` or ``"text"``.
    """

    code: str
    size: int
    kind: str


_SCALARS = {signature: Type(*row) for signature, row in layout.V1_TYPES.items()}
_TEXT = re.compile(layout.V1_TEXT).fullmatch


def type_of(signature: str) -> Type:
    """Look a type signature up (V1-5, V1-12).

    Raises:
        KeyError: the signature is outside the registry.
    """
    if (scalar := _SCALARS.get(signature)) is not None:
        return scalar
    if (text := _TEXT(signature)) is None:
        raise KeyError(signature)
    return Type(signature, int(text[1]), "text")
