"""What version 1's fields are as metrics: the file itself does not say (FORMAT.md 2.8)."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

from mmstats_format import layout
from mmstats_format.declaration import Declaration
from mmstats_format.types import type_of

from ._parse1 import Fields, signature_of
from ._records import Memory, Series

#: Bytes of heads that are remembered, and about what each field takes beside them.
_memory = Memory(4 << 20)
_OVERHEAD = 512


class Plan1:
    """What the fields of a file are; shared by all files of the same fields.

    Attributes:
        families: a declaration for each label.
        series: one for each of them; `at` is the place of its field, the last of that label (V1-4).
    """

    __slots__ = ("families", "series")

    def __init__(self, families: list[Declaration], places: list[int]) -> None:
        self.families = families
        self.series = [Series(number, (), place) for number, place in enumerate(places)]


def kind_of(signature: str, buffered: bool) -> tuple[str, str]:
    """The kind and value type (FORMAT.md 3.6) that a version 1 field is taken for, by all tools.

    A ``Q`` with two buffers is a counter: it is what the original's counters are, and hardly anything else. Any other
    number is of unknown kind, and text is text.

    Args:
        signature: one of the type registry (FORMAT.md 2.4).
        buffered: whether the field has two buffers.

    Raises:
        KeyError: the signature is outside the registry.
    """
    type_ = type_of(signature).kind
    if type_ == "text":
        return "text", "text"
    return ("counter" if signature == "Q" and buffered else "unknown"), type_


class Kinds(NamedTuple):
    """What numbers are taken for, whatever `kind_of` says.

    Attributes:
        rate: patterns of labels that are counters.
        value: patterns of labels that are of unknown kind; they go before.
    """

    rate: tuple[str, ...] = ()
    value: tuple[str, ...] = ()

    def kind(self, label: str, kind: str, type_: str) -> str:
        """The kind that a field of this label is taken for."""
        if type_ in ("unsigned", "signed", "float"):
            for patterns, meant in [(self.value, "unknown"), (self.rate, "counter")]:
                if any(fnmatchcase(label, pattern) for pattern in patterns):
                    return meant
        return kind


#: Nothing is overruled.
AS_KIND_OF = Kinds()


def plan_of_fields(fields: Fields, kinds: Kinds = AS_KIND_OF) -> Plan1:
    """What the fields of a file are."""
    buffered = bytes(index != layout.V1_UNBUFFERED for index in fields.indexes)
    key = fields.heads, buffered, kinds
    plan: Plan1 | None = _memory.known.get(key)
    if plan is None:
        places = {label: place for place, label in enumerate(fields.labels)}
        families = []
        for label, place in places.items():
            kind, type_ = kind_of(signature_of(fields.heads[place]), bool(buffered[place]))
            kind = kinds.kind(label, kind, type_)
            combination = "sum" if kind == "counter" else "all"
            families.append(Declaration(label, kind, type_, combination))
        plan = Plan1(families, list(places.values()))
        _memory.keep(key, plan, sum(map(len, fields.heads)) + _OVERHEAD * len(fields.heads))
    return plan
