"""What one file said at one time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple

from ._parse1 import Value


class Stat(NamedTuple):
    """A label and its value.

    Attributes:
        label: as people see it; bytes that are not UTF-8 are hexadecimal escapes (FORMAT.md V1-4).
        value: an integer, a float, a boolean or text, as the field's type says.
    """

    label: str
    value: Value


class Snapshot:
    """The values of one file as they were at one time; immutable.

    Iterating gives a `Stat` for each field in the order of the file. By label, the last field of that label counts.

    Attributes:
        path: the file.
        version: of its format.
        unconfirmed: labels of values that changed too fast to be confirmed (FORMAT.md V1-R2): each is what the last
            copy said, and may be one that was never written.
    """

    __slots__ = ("_by_label", "_labels", "_values", "path", "unconfirmed", "version")

    def __init__(
        self, path: str, version: int, labels: tuple[str, ...], values: list[Value], unconfirmed: frozenset[str]
    ) -> None:
        self.path, self.version, self.unconfirmed = path, version, unconfirmed
        self._labels, self._values = labels, values
        self._by_label = dict(zip(labels, values, strict=True))

    def __iter__(self) -> Iterator[Stat]:
        # Stat(label, value) without a call of Python code for each.
        return map(tuple.__new__, repeat(Stat), zip(self._labels, self._values, strict=True))

    def __len__(self) -> int:
        return len(self._labels)

    def __contains__(self, label: object) -> bool:
        return label in self._by_label

    def __getitem__(self, label: str) -> Value:
        """The value of a label.

        Raises:
            KeyError: there is none; the message names those that are near.
        """
        try:
            return self._by_label[label]
        except KeyError:
            raise KeyError(self._missing(label)) from None

    def value(self, name: str, /, **labels: str) -> Value:
        """The value of a metric; `labels` choose among its series. Version 1 has no labels of this sort.

        Raises:
            KeyError: there is none.
        """
        if labels:
            raise KeyError(f"{self.path}: a version {self.version} file has no label sets; ask for {name!r} alone")
        return self[name]

    def __repr__(self) -> str:
        return f"<Snapshot of {self.path!r}: version {self.version}, {len(self)} values>"

    def _missing(self, label: str) -> str:
        import difflib

        near = difflib.get_close_matches(str(label), self._by_label, n=5)
        hint = f"; near: {', '.join(map(repr, near))}" if near else ""
        return f"{self.path}: no metric {label!r}{hint}"
