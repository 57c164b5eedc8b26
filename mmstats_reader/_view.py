"""What the files of a directory said at one time, together (FORMAT.md 3.10)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import compress
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from mmstats_format.declaration import CUMULATIVE

from ._combine import Group, Group1, combine
from ._families import Family, Process, declared, full_name, missing
from ._file2 import Reading
from ._growth import Chosen, Counts, key_of, same_groups
from ._kept import Kept
from ._liveness import look
from ._snapshot import Snapshot, snapshot_of, snapshot_of_fields
from ._values import Histogram, Summary, Value, float_sum

#: Where a family is declared: the numbers of a group, and of the family in its plan.
_Part: TypeAlias = tuple[int, int]
#: By name, sorted, and then by what families of one name must have in common to be one: where it is declared.
Index: TypeAlias = dict[str, dict[tuple[object, ...], list[_Part]]]
#: That in which they may not differ (V2-C3).
_COMMON = ("kind", "type", "combination", "unit", "labels")


class Conflict(NamedTuple):
    """Two files declare one name so differently that their values stay apart (FORMAT.md V2-C3).

    Attributes:
        name: of the metric.
        differs: in what: ``"kind"``, ``"type"``, ``"combination"``, ``"unit"`` or ``"labels"``.
        paths: the two files.
    """

    name: str
    differs: str
    paths: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.name!r} has one {self.differs} in {self.paths[0]}, and another in {self.paths[1]}"


class Pass:
    """All that was read in one pass over a directory.

    Attributes:
        groups: the files that count, by their plans.
        index: of the families in them.
        errors: of files that could not be read, by their paths.
        monotonic: when it began, seconds.
        wall: when it began, Unix nanoseconds.
    """

    def __init__(
        self,
        groups: list[Group | Group1],
        index: Index,
        errors: dict[str, Exception],
        monotonic: float,
        wall: int,
    ) -> None:
        self.groups, self.index, self.errors = groups, index, errors
        self.monotonic, self.wall = monotonic, wall
        self._processes: dict[Kept, Process] = {}
        self._look = cache(look)

    @cached_property
    def writers(self) -> frozenset[object]:
        """Whose files were read."""
        pairs = [zip(group.files, group.readings, strict=True) for group in self.groups]
        return frozenset(key_of(file, reading) for pair in pairs for file, reading in pair)

    def process(self, group: Group | Group1, member: int) -> Process:
        """Who writes a file; looked for once."""
        file = group.files[member]
        if file not in self._processes:
            self._processes[file] = file.process(group.readings[member], self._look)
        return self._processes[file]

    def counting(self, group: Group | Group1) -> list[bool]:
        """Which of the files are not of writers known to be dead (V2-C2)."""
        return [self.process(group, member).state != "dead" for member in range(len(group.files))]

    def of(self, app: str) -> Pass:
        """What was read of one application."""
        groups = [group for group in self.groups if _app(group) == app]
        part = Pass(groups, index_of(groups), {}, self.monotonic, self.wall)
        part._processes = self._processes
        return part


class View:
    """The metrics of a directory's files at one time, each combined as it says itself; immutable.

    Iterating gives every `Family`, sorted by name: the declaration, and of each series the total. What is combined by
    all has a tuple of pairs instead, a `Process` and its value.

    Attributes:
        complete: False where archives changed all the time, and this is an older pass (FORMAT.md V2-F4).
    """

    def __init__(self, now: Pass, before: Pass | None, complete: bool = True) -> None:
        self.complete = complete
        self._now, self._before = now, before
        self._known: dict[_Part, tuple[Family, dict[tuple[str, ...], Any]]] = {}
        self._processes: tuple[Process, ...] | None = None
        self._snapshots: tuple[Snapshot, ...] | None = None

    def __iter__(self) -> Iterator[Family]:
        for variants in self._now.index.values():
            for parts in variants.values():
                yield self._family(parts)[0]

    def __len__(self) -> int:
        return sum(map(len, self._now.index.values()))

    def __contains__(self, name: object) -> bool:
        return name in self._now.index

    def __getitem__(self, name: str) -> Family:
        """The family of a name; of several that stay apart, the one that most files have (V2-C3).

        Raises:
            KeyError: there is none; the message names those that are near.
        """
        return self._family(self._parts(name)[1])[0]

    def total(self, name: str, /, **labels: object) -> Any:
        """A metric's value over all files that count, by its own combination.

        Args:
            name: of the metric.
            labels: only the series with these label values; without, all series together.

        Returns:
            A number, a `Summary` or a `Histogram`; None where nothing is set.

        Raises:
            KeyError: there is no such metric, label or series.
            ValueError: it is combined by all: each writer's value stands by itself, in the family's series.
        """
        family, ages = self._family(self._parts(name)[1])
        if family.combination == "all":
            raise ValueError(f"{name!r} has no total: each writer's value stands by itself, in view[{name!r}].series")
        keys = self._chosen(family.labels, labels).among(family.series)
        if labels and not keys:
            raise self._no_series(family, labels)
        if len(keys) == 1:
            return family.series[keys[0]]
        values = [family.series[key] for key in keys]
        return combine(family, values, [ages.get(key) for key in keys])[0]

    @property
    def time(self) -> float:
        """When this was read, Unix seconds."""
        return self._now.wall / 10**9

    @property
    def seconds(self) -> float:
        """Seconds since the poll before; NaN at the first."""
        return math.nan if self._before is None else self._now.monotonic - self._before.monotonic

    def since(self, earlier: View) -> View:
        """The same, but for what grew: since another view of the same `Directory`, not since the poll before.

        Who shows a line every ten seconds and another every minute reads once for both.
        """
        view = View(self._now, earlier._now, self.complete)
        view._known = self._known
        return view

    @property
    def applications(self) -> Mapping[str, View]:
        """The same of each application alone, by its name, without errors; what names none is under ``""``."""
        names = sorted({_app(group) for group in self._now.groups})
        return {name: View(self._now.of(name), self._before and self._before.of(name), self.complete) for name in names}

    def rate(self, name: str, /, **labels: object) -> float:
        """By how much a counter grew a second since the poll before; of summaries and histograms, their count.

        Args:
            name: of the metric.
            labels: only the series with these label values.

        Returns:
            The growth a second, as `growth` has it; NaN at the first poll.

        Raises:
            KeyError: there is no such metric, label or series.
            ValueError: it is nothing that only grows.
        """
        grown = self.growth(name, **labels)
        return math.nan if grown is None or not self.seconds > 0 else _count(grown) / self.seconds

    def growth(self, name: str, /, **labels: object) -> int | float | Summary | Histogram | None:
        """What was counted or observed since the poll before.

        A file made since then counts from zero, and one that was there unseen begins to count now. What vanishes or
        begins anew never makes a growth negative, and what is folded into an archive does not count twice.

        Args:
            name: of the metric.
            labels: only the series with these label values.

        Returns:
            A number; of a summary a `Summary` with `count` and `sum` alone; of a histogram a `Histogram`. None at the
            first poll.

        Raises:
            KeyError: there is no such metric, label or series.
            ValueError: it is nothing that only grows.
        """
        family, key, parts, chosen = self._growing(name, labels)
        if self._before is None:
            return None
        earlier = self._before.index.get(name, {}).get(key, [])
        bounds = family.bounds
        if family.kind == "histogram":
            groups = self._before.groups
            those = [groups[group].plan.families[number].bounds for group, number in earlier]
            bounds = tuple(bound for bound in bounds if all(bound in others for others in those))
        same = self._same
        now, before = self._places(self._now, parts), self._places(self._before, earlier)
        settled = [(group, number) for group, number in now if group in same]
        then = [same[group] for group, _ in settled]
        counts = Counts(family, bounds, [place for place in now if place[0] not in same], chosen)
        older = Counts(family, bounds, [place for place in before if place[0] not in then], chosen)
        grown = [counts.since(older, self._before.wall, self._before.writers)]
        grown += [counts.since_as_group(group, same[group], number) for group, number in settled]
        return counts.value([sum(part) for part in zip(*grown, strict=True)])

    def average(self, name: str, /, **labels: object) -> float:
        """By how much a counter grew a second since the first of its writers began; of others, their count.

        It is about the files that are there, without archives and without those that do not say when they were made.

        Args:
            name: of the metric.
            labels: only the series with these label values.

        Returns:
            The growth a second; NaN where no file says when it was made.

        Raises:
            KeyError: there is no such metric, label or series.
            ValueError: it is nothing that only grows.
        """
        family, _, parts, chosen = self._growing(name, labels)
        counts = Counts(family, family.bounds, self._places(self._now, parts), chosen)
        begun = [
            (created, amount[0])
            for amount, file, reading in counts.files.values()
            if (created := file.process_said(reading).created)
        ]
        seconds = (self._now.wall - min(begun)[0]) / 10**9 if begun else 0
        return float(sum(count for _, count in begun)) / seconds if seconds > 0 else math.nan

    def _growing(
        self, name: str, labels: Mapping[str, object]
    ) -> tuple[Family, tuple[object, ...], list[_Part], Chosen]:
        """A family that only grows, where it is declared, and which series are meant."""
        key, parts = self._parts(name)
        family = self._family(parts)[0]
        if family.kind not in CUMULATIVE:
            raise ValueError(f"{name!r} is a {family.kind}, and has no rate")
        chosen = self._chosen(family.labels, labels)
        if labels and not chosen.among(family.series):
            raise self._no_series(family, labels)
        return family, key, parts, chosen

    @staticmethod
    def _places(pass_: Pass, parts: list[_Part]) -> list[tuple[Group | Group1, int]]:
        return [(pass_.groups[group], number) for group, number in parts]

    @cached_property
    def _same(self) -> dict[Group | Group1, Group]:
        return same_groups(self._now.groups, self._before.groups) if self._before else {}

    @property
    def snapshots(self) -> Sequence[Snapshot]:
        """What each file that counts said by itself, archives too, in the order of the files' names."""
        if self._snapshots is None:
            found = [
                snapshot_of_reading(file.path, reading)
                for group in self._now.groups
                for file, reading in zip(group.files, group.readings, strict=True)
            ]
            self._snapshots = tuple(sorted(found, key=lambda snapshot: snapshot.path))
        return self._snapshots

    @property
    def processes(self) -> Sequence[Process]:
        """The writers of the files that count, archives apart, in the order of the files' names.

        Where no total depends on it, whether they live is looked at when this is asked for first.
        """
        if self._processes is None:
            found = [
                self._now.process(group, member)
                for group in self._now.groups
                for member, file in enumerate(group.files)
                if not file.archive
            ]
            self._processes = tuple(sorted(found, key=lambda process: process.path))
        return self._processes

    @property
    def errors(self) -> Mapping[str, Exception]:
        """Of the files that could not be read, the `FormatError` or `OSError`, by path."""
        return MappingProxyType(self._now.errors)

    @property
    def conflicts(self) -> Sequence[Conflict]:
        """Families of one name that stay apart (V2-C3)."""
        found = []
        for name, variants in self._now.index.items():
            (one, first), *others = [(key, parts[0][0]) for key, parts in variants.items()]
            for key, group in others:
                differs = next(part for part, a, b in zip(_COMMON, one, key, strict=True) if a != b)
                paths = self._now.groups[first].files[0].path, self._now.groups[group].files[0].path
                found.append(Conflict(name, differs, paths))
        return tuple(found)

    def __repr__(self) -> str:
        files = sum(len(group.files) for group in self._now.groups)
        return f"<View of {files} files: {len(self)} metrics, {len(self.errors)} errors>"

    def _parts(self, name: str) -> tuple[tuple[object, ...], list[_Part]]:
        """Where a name is declared, by most files if differently."""
        variants = self._now.index.get(name)
        if variants is None:
            raise KeyError(missing(name, self._now.index))
        if len(variants) == 1:
            return next(iter(variants.items()))
        groups = self._now.groups
        return max(variants.items(), key=lambda item: sum(len(groups[group].files) for group, _ in item[1]))

    def _chosen(self, names: tuple[str, ...], labels: Mapping[str, object]) -> Chosen:
        if unknown := labels.keys() - set(names):
            raise KeyError(f"no label {min(unknown)!r}; there are: {', '.join(names) or 'none'}")
        return Chosen(names, labels)

    def _no_series(self, family: Family, labels: Mapping[str, object]) -> KeyError:
        named = [full_name(family.name, family.labels, values) for values in family.series]
        return KeyError(missing(full_name(family.name, tuple(labels), tuple(map(str, labels.values()))), named))

    def _family(self, parts: list[_Part]) -> tuple[Family, dict[tuple[str, ...], Any]]:
        """The family that is declared there, and of each series how old its last value is; combined once."""
        known = self._known.get(parts[0])
        if known is None:
            known = self._known[parts[0]] = _combined(self._now, parts)
        return known


def _combined(now: Pass, parts: list[_Part]) -> tuple[Family, dict[tuple[str, ...], Any]]:
    """The family that is declared in these places, combined over all files."""
    declarations = [now.groups[group].plan.families[number] for group, number in parts]
    family = declarations[0]
    if any(other.bounds != family.bounds for other in declarations):  # V2-C4
        common = tuple(bound for bound in family.bounds if all(bound in other.bounds for other in declarations))
        family = family._replace(bounds=common)
    if any(other.states != family.states for other in declarations):  # V2-C5
        family = family._replace(states=tuple(dict.fromkeys(state for other in declarations for state in other.states)))
    found: dict[tuple[str, ...], tuple[list[Any], list[Any]]] = {}
    floats: dict[tuple[str, ...], list[float]] = {}
    unconfirmed = set()
    for (place, number), declaration in zip(parts, declarations, strict=True):
        group = now.groups[place]
        counting = None if declaration.lasting else now.counting(group)
        if counting and not any(counting):
            continue
        for series in group.numbers(number):
            key = group.plan.series[series].values
            values, ages = found.setdefault(key, ([], []))
            if family.kind in ("counter", "histogram"):
                values.append(group.sum(series))
                ages.append(None)
                if family.type == "float" and len(parts) > 1:
                    floats.setdefault(key, []).extend(group.floats(series))
            else:
                mine: Sequence[Any] = group.values(series)
                if family.combination == "all":
                    mine = [None if value is None else (member, value) for member, value in enumerate(mine)]
                    mine = [pair and (now.process(group, pair[0]), pair[1]) for pair in mine]
                aged = family.kind == "summary" or family.combination == "last"
                those = group.ages(series) if aged else [None] * len(mine)
                values.extend(compress(mine, counting) if counting else mine)
                ages.extend(compress(those, counting) if counting else those)
            if group.marked and any(series in numbers for numbers in group.marked):
                unconfirmed.add(key)
    totals: dict[tuple[str, ...], Any] = {}
    last = {}
    for key, (values, ages) in found.items():
        if family.combination == "all":
            totals[key] = tuple(pair for pair in values if pair is not None)
            continue
        if family.kind == "histogram":
            values.append(Histogram(0.0, family.bounds, (0,) * (len(family.bounds) + 1)))
            ages.append(None)
        total, last[key] = combine(family, values, ages)
        if key in floats:  # rounded once, not for each group (V2-C1)
            exact = float_sum(floats[key])
            total = Histogram(exact, total.bounds, total.counts) if isinstance(total, Histogram) else exact
        totals[key] = total
    times = {key: age[0] for key, age in last.items() if age is not None} if family.combination == "last" else {}
    return declared(family, totals, unconfirmed, times), last


def index_of(groups: Sequence[Group | Group1]) -> Index:
    """The families of some files, sorted by name."""
    index: Index = {}
    for place, group in enumerate(groups):
        for number, family in enumerate(group.plan.families):
            key = tuple([getattr(family, part) for part in _COMMON])
            index.setdefault(family.name, {}).setdefault(key, []).append((place, number))
    return dict(sorted(index.items()))


def _app(group: Group | Group1) -> str:
    """The application that the files of a group name; version 1 names none."""
    return group.plan.origin[0] if isinstance(group, Group) else ""


def _count(value: Value) -> float:
    if isinstance(value, Summary | Histogram):
        return value.count
    return value if isinstance(value, int | float) else 0


def snapshot_of_reading(path: str, reading: Any) -> Snapshot:
    """What a file said by itself."""
    if isinstance(reading, Reading):
        return snapshot_of(path, reading)
    places = [reading.plan.series[number].at for number in reading.unconfirmed]
    return snapshot_of_fields(path, reading.fields, places)
