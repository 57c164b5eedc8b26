"""Which columns the fields mean that a line shows.

    web.status{code="200"}, web.*, ...  ──►  fields  ──► look into a view ──►  columns

Rule 1: what has exactly the name of a field is meant before what its labels or its pattern match.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from ._families import Family, full_name
from ._view import View

#: Columns of a histogram, and which quantile each shows.
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
_LABEL = re.compile(r'\s*([^="]+)="((?:[^"\\]|\\.)*)"\s*(?:,|$)')


def split(fields: str) -> list[str]:
    """The fields of an argument: the commas in labels do not part them."""
    parts = re.findall(r'(?:[^,{]|\{(?:[^"}]|"(?:[^"\\]|\\.)*"?)*\}?)+', fields)
    return [part.strip() for part in parts if part.strip()]


class Column(NamedTuple):
    """A column: its title, the metric, the labels that choose its series, and which part of a value it shows."""

    title: str
    name: str
    labels: Mapping[str, str]
    part: str = ""


class Field:
    """A field as it was asked for.

    Attributes:
        text: as it was given.
        titles: of its columns in the last line that had any.
    """

    def __init__(self, text: str, prefix: str = "") -> None:
        """Ask for a metric; a prefix may end before a dot or after it."""
        self.text = text
        self.titles = [] if _is_pattern(text) else [text]
        self._names = [prefix + text] + ([f"{prefix}.{text}"] if prefix and not prefix.endswith(".") else [])
        self._begin = prefix

    def columns(self, view: View) -> list[Column]:
        """The columns that there are for it now."""
        for name in self._names:
            if name in view:
                return _columns(self.text, view[name], {})
            bare, brace, rest = name.partition("{")
            if brace and bare in view and (labels := _labels(rest)) is not None:
                family = view[bare]
                if any(has(family, values, labels) for values in family.series):
                    return _columns(self.text, family, labels)
        return [column for name in self._names for column in self._matching(view, name)]

    def _matching(self, view: View, pattern: str) -> Iterator[Column]:
        """Those of a pattern: of metrics, or where it has a brace, of series."""
        if not _is_pattern(pattern):
            return
        for family in view:
            if "{" not in pattern:
                if fnmatchcase(family.name, pattern):
                    yield from _columns(self._title(family.name), family, {})
                continue
            for values in family.series:
                full = full_name(family.name, family.labels, values)
                if family.labels and fnmatchcase(full, pattern):
                    yield from _columns(self._title(full), family, dict(zip(family.labels, values, strict=True)))

    def _title(self, name: str) -> str:
        return name.removeprefix(self._begin).lstrip(".") or name


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _labels(text: str) -> dict[str, str] | None:
    """The labels of what stands behind a brace; None where it is nothing of the sort."""
    if not text.endswith("}"):
        return None
    text, labels, at = text[:-1], {}, 0
    while at < len(text):
        found = _LABEL.match(text, at)
        if found is None:
            return None
        labels[found[1]] = re.sub(r"\\(.)", lambda escaped: {"n": "\n"}.get(escaped[1], escaped[1]), found[2])
        at = found.end()
    return labels


def has(family: Family, values: Sequence[str], labels: Mapping[str, str]) -> bool:
    """Whether the series of a family with these label values is among those that labels choose."""
    return labels.items() <= dict(zip(family.labels, values, strict=True)).items()


def _columns(title: str, family: Family, labels: Mapping[str, str]) -> list[Column]:
    parts: Sequence[str] = {"histogram": ("", *QUANTILES), "summary": ("", "mean")}.get(family.kind, ("",))
    return [Column(f"{title} {part}".strip(), family.name, labels, part) for part in parts]
