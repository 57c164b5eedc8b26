"""What a metric is, and who publishes it: one form for both versions."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from functools import reduce
from operator import add
from types import MappingProxyType
from typing import Any, NamedTuple

from mmstats_format import layout
from mmstats_format.declaration import Declaration

from ._extents import Header
from ._file2 import Reading
from ._parse1 import Fields
from ._records import Plan
from ._values import Decoder, Histogram, Value, decoder, time_at
from ._version1 import plan_of_fields

_NANOSECONDS = 10**9

#: Characters of all full names of a file. Each repeats the names of its labels, which are once in the file; what is
#: told of a state set repeats those of its states.
LARGEST_NAMES = 32 << 20


class Family(NamedTuple):
    """A metric: its declaration (FORMAT.md 3.5, 3.6), and the value of each series.

    Attributes:
        name: without labels.
        kind: ``"counter"``, ``"gauge"``, ``"state set"``, ``"text"``, ``"summary"``, ``"histogram"`` or ``"unknown"``.
        type: of its values: ``"unsigned"``, ``"signed"``, ``"float"``, ``"boolean"`` or ``"text"``.
        combination: of several writers' values: ``"sum"``, ``"min"``, ``"max"``, ``"last"`` or ``"all"``.
        unit: such as ``"seconds"``; empty for none.
        help: what it means.
        labels: names of the labels.
        bounds: of a histogram's buckets, in the unit.
        states: of a state set.
        capacity: of a text, in bytes.
        kept: whether values of dead writers count whatever the kind (V2-C2).
        series: the values by the label values, in the order of `labels`; None is unset.
        unconfirmed: the label values of those that were not confirmed (V2-R5, V2-R6).
        times: of a gauge combined by last: when each was set, Unix nanoseconds; without those that are unset.
    """

    name: str
    kind: str
    type: str
    combination: str
    unit: str
    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]
    states: tuple[str, ...]
    capacity: int
    kept: bool
    series: Mapping[tuple[str, ...], Any]
    unconfirmed: frozenset[tuple[str, ...]] = frozenset()
    times: Mapping[tuple[str, ...], int] = MappingProxyType({})

    def __repr__(self) -> str:
        return f"<Family {self.name!r}: {self.kind}, {len(self.series)} series>"

    def value(self, /, **labels: object) -> Any:
        """The value of the series with these labels, which are all that the family has.

        Args:
            labels: their values; what is no text is taken as `str` gives it, as by the writer.

        Raises:
            KeyError: there is none.
        """
        if labels.keys() != set(self.labels):
            raise KeyError(f"{self.name!r} has the labels {', '.join(self.labels) or '(none)'}")
        values = tuple([str(labels[name]) for name in self.labels])
        try:
            return self.series[values]
        except KeyError:
            known = [full_name(self.name, self.labels, those) for those in self.series]
            raise KeyError(missing(full_name(self.name, self.labels, values), known)) from None

    def quantile(self, q: float) -> float:
        """The quantile of a histogram, all its series together; see `Histogram.quantile`.

        Raises:
            ValueError: it is no histogram, or `q` is not from 0 to 1.
        """
        if self.kind != "histogram":
            raise ValueError(f"{self.name!r} is a {self.kind}, and has no quantiles")
        histograms = [value for value in self.series.values() if isinstance(value, Histogram)]
        return reduce(add, histograms, Histogram(0.0, self.bounds, (0,) * (len(self.bounds) + 1))).quantile(q)


class Process(NamedTuple):
    """Who writes a file, and whether it still does (FORMAT.md 3.3, 3.11). What is not known is empty or 0.

    Attributes:
        path: of the file.
        version: of its format.
        app: the application.
        host: where it runs.
        pid: process id.
        thread: the operating system's thread id.
        created: when the file was made, Unix nanoseconds.
        start: the process's start, clock ticks since boot.
        boot: the boot's id, 32 hexadecimal digits.
        namespace: inode number of the pid namespace.
        writer_id: 32 hexadecimal digits.
        state: in a snapshot what the file says, ``"live"`` or ``"closed"``; in a view ``"live"``, ``"dead"`` or
            ``"unknown"``.
        reason: in a view: why, in a sentence.
    """

    path: str
    version: int
    app: str = ""
    host: str = ""
    pid: int = 0
    thread: int = 0
    created: int = 0
    start: int = 0
    boot: str = ""
    namespace: int = 0
    writer_id: str = ""
    state: str = ""
    reason: str = ""


def process_of(path: str, header: Header, plan: Plan) -> Process:
    """Who writes a version 2 file, by its own words."""
    app, host = plan.origin
    id_, created, pid, thread, start, boot, namespace, state = header[:8]
    return Process(
        path, layout.V2_VERSION, app, host, pid, thread, created, start, boot.hex(), namespace, id_.hex(), state
    )


def process_of_fields(path: str, fields: Fields) -> Process:
    """Who writes a version 1 file, by the fields that writers usually publish (FORMAT.md 2.5)."""
    pid, thread, created = (_number(fields, end) for end in ("sys.pid", "sys.tid", "sys.created"))
    return Process(path, layout.V1_VERSION, pid=int(pid), thread=int(thread), created=int(created * _NANOSECONDS))


def _number(fields: Fields, end: str) -> float:
    for label, value in zip(fields.labels, fields.values, strict=True):
        if label.endswith(end) and isinstance(value, int | float) and 0 <= value < 1 << 64:
            return value
    return 0


def declared(
    family: Declaration,
    series: Mapping[tuple[str, ...], Value],
    unconfirmed: Iterable[tuple[str, ...]] = (),
    times: Mapping[tuple[str, ...], int] = MappingProxyType({}),
) -> Family:
    """A family of this declaration."""
    return Family(*family, MappingProxyType(series), frozenset(unconfirmed), MappingProxyType(times))


def families_of(reading: Reading) -> dict[str, Family]:
    """The families of a version 2 file, in its order, by name."""
    plan = reading.plan
    values: list[dict[tuple[str, ...], Value]] = [{} for _ in plan.families]
    unconfirmed: list[list[tuple[str, ...]]] = [[] for _ in plan.families]
    times: list[dict[tuple[str, ...], int]] = [{} for _ in plan.families]
    for number, (series, value) in enumerate(zip(plan.series, values_of(reading), strict=True)):
        family = series.family
        values[family][series.values] = value
        if number in reading.unconfirmed:
            unconfirmed[family].append(series.values)
        timed = plan.families[family].combination == "last" and number not in reading.missing
        if timed and (time := time_at(reading.row, series.at)):
            times[family][series.values] = time
    return {
        family.name: declared(family, values[number], unconfirmed[number], times[number])
        for number, family in enumerate(plan.families)
    }


def families_of_fields(fields: Fields, unconfirmed: frozenset[str]) -> dict[str, Family]:
    """The families of a version 1 file, as `kind_of` takes them for."""
    plan = plan_of_fields(fields)
    return {
        family.name: declared(family, {(): fields.values[series.at]}, [()] if family.name in unconfirmed else ())
        for family, series in zip(plan.families, plan.series, strict=True)
    }


def values_of(reading: Reading) -> list[Value]:
    """The values of a version 2 file, in the order of its series."""
    decoders, row = decoders_of(reading.plan), reading.row
    values = [decoders[series.family](row, series.at) for series in reading.plan.series]
    for number in reading.missing:
        values[number] = None
    return values


def decoders_of(plan: Plan) -> list[Decoder]:
    """What decodes the values of each family; made once for all files of the plan."""
    if plan.decoders is None:
        plan.decoders = [decoder(family) for family in plan.families]
    decoders: list[Decoder] = plan.decoders
    return decoders


def names_of(plan: Plan) -> tuple[str, ...]:
    """The full names of the series, in the order of the file.

    Raises:
        OSError: together they are larger than is read.
    """
    if plan.labels is None:
        check_names(plan)
        names = [(plan.families[series.family], series) for series in plan.series]
        plan.labels = tuple([full_name(family.name, family.labels, series.values) for family, series in names])
    return plan.labels


def check_names(plan: Plan) -> None:
    """Refuse full names, and names of states for each series, that would be much larger than the file.

    Raises:
        OSError: together they are larger than is read.
    """
    if plan.names_size is None:
        repeated = [sum(map(len, (family.name, *family.labels, *family.states))) for family in plan.families]
        plan.names_size = sum([repeated[series.family] for series in plan.series])
    if plan.names_size > LARGEST_NAMES:
        raise OSError(errno.EFBIG, f"{plan.names_size} characters of names are more than a statistics file has")


def full_name(name: str, labels: tuple[str, ...], values: tuple[str, ...]) -> str:
    """The name with its labels as in OpenMetrics: ``http.requests{method="GET"}``."""
    if not labels:
        return name
    parts = [f'{label}="{_escaped(value)}"' for label, value in zip(labels, values, strict=True)]
    return f"{name}{{{','.join(parts)}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def missing(name: str, names: Iterable[str]) -> str:
    """That there is no metric of a name, and which are near."""
    import difflib

    near = difflib.get_close_matches(str(name), list(names), n=5)
    return f"no metric {name!r}" + (f"; near: {', '.join(map(repr, near))}" if near else "")
