"""What one file said at one time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import repeat
from types import MappingProxyType
from typing import Any, NamedTuple

from mmstats_format import layout

from ._families import (
    Family,
    Process,
    families_of,
    families_of_fields,
    missing,
    names_of,
    process_of,
    process_of_fields,
    values_of,
)
from ._file2 import Reading
from ._parse1 import Fields


class Stat(NamedTuple):
    """A label and its value.

    Attributes:
        label: as people see it; bytes that are not UTF-8 are hexadecimal escapes (FORMAT.md V1-4). Of version 2 the
            full name, with labels as in OpenMetrics: ``http.requests{method="GET"}``.
        value: an integer, a float, a boolean or text, as its type says; of version 2 also a `Summary`, a `Histogram`,
            or None for what is unset.
    """

    label: str
    value: Any


class Snapshot:
    """The values of one file as they were at one time; immutable.

    Iterating gives a `Stat` for each field or series in the order of the file. By label, the last field of that label
    counts.

    Attributes:
        path: the file.
        version: of its format.
        unconfirmed: labels of values that changed too fast to be confirmed. Of version 1 (FORMAT.md V1-R2) each is
            what the last copy said, and may be one that was never written; of version 2 (V2-R5) the one confirmed
            before, or None. In a version 2 file that says *unordered*, those that may be a mixture (V2-R6).
    """

    __slots__ = ("_by_name", "_families", "_labels", "_source", "_values", "path", "unconfirmed", "version")

    def __init__(
        self,
        path: str,
        version: int,
        labels: tuple[str, ...],
        values: list[Any],
        unconfirmed: frozenset[str],
        source: Fields | Reading,
    ) -> None:
        self.path, self.version, self.unconfirmed = path, version, unconfirmed
        self._labels, self._values, self._source = labels, values, source
        self._families: Mapping[str, Family] | None = None
        self._by_name: dict[str, Any] | None = None

    @property
    def families(self) -> Mapping[str, Family]:
        """The metrics by name, in the order of the file; of version 1 with the kinds that `kind_of` takes them for."""
        if self._families is None:
            if isinstance(self._source, Reading):
                families = families_of(self._source)
            else:
                families = families_of_fields(self._source, self.unconfirmed)
            self._families = MappingProxyType(families)
        return self._families

    @property
    def process(self) -> Process:
        """Who writes the file, by its own words."""
        if isinstance(self._source, Reading):
            return process_of(self.path, self._source.header, self._source.plan)
        return process_of_fields(self.path, self._source)

    def __iter__(self) -> Iterator[Stat]:
        # Stat(label, value) without a call of Python code for each.
        return map(tuple.__new__, repeat(Stat), zip(self._labels, self._values, strict=True))

    def __len__(self) -> int:
        return len(self._labels)

    def __contains__(self, name: object) -> bool:
        return name in self._named

    def __getitem__(self, name: str) -> Any:
        """The value of a metric without labels; of one with labels, its `Family`.

        Raises:
            KeyError: there is none; the message names those that are near.
        """
        try:
            return self._named[name]
        except KeyError:
            raise KeyError(f"{self.path}: {missing(name, self._named)}") from None

    def value(self, name: str, /, **labels: object) -> Any:
        """The value of a metric; `labels` choose among its series. Version 1 has no labels of this sort.

        Raises:
            KeyError: there is none, or there are others than these labels.
        """
        if self.version == layout.V1_VERSION and labels:
            raise KeyError(f"{self.path}: a version {self.version} file has no label sets; ask for {name!r} alone")
        found = self[name]
        if not labels and not isinstance(found, Family):
            return found
        try:
            return self.families[name].value(**labels)
        except KeyError as error:
            raise KeyError(f"{self.path}: {error.args[0]}") from None

    def __repr__(self) -> str:
        return f"<Snapshot of {self.path!r}: version {self.version}, {len(self)} values>"

    @property
    def _named(self) -> dict[str, Any]:
        if self._by_name is None:
            if self.version == layout.V1_VERSION:
                self._by_name = dict(zip(self._labels, self._values, strict=True))
            else:
                families = self.families.items()
                self._by_name = {name: family if family.labels else family.series.get(()) for name, family in families}
        return self._by_name


def snapshot_of_fields(path: str, fields: Fields, places: list[int]) -> Snapshot:
    """The snapshot of a version 1 file; `places` are those of fields that are not confirmed."""
    unconfirmed = frozenset(fields.labels[place] for place in places)
    return Snapshot(path, layout.V1_VERSION, fields.labels, fields.values, unconfirmed, fields)


def snapshot_of(path: str, reading: Reading) -> Snapshot:
    """The snapshot of a version 2 file."""
    names = names_of(reading.plan)
    unconfirmed = frozenset(names[number] for number in reading.unconfirmed)
    return Snapshot(path, layout.V2_VERSION, names, values_of(reading), unconfirmed, reading)
