"""How far what only grows has come in each file, and by how much since the pass before.

An amount is a list of numbers, of which the first tells whether a writer began anew:

    counter    count
    summary    count │ sum
    histogram  count │ sum │ count of each bucket

Rule 1: a file made since then counts from zero, and one that was there unseen begins to count now. A metric that a
        file had not yet counts from zero.
Rule 2: what vanishes or begins anew never makes a growth negative, and what is folded does not count twice.
Rule 3: a group of the same version 2 writers as before is looked at as one: none of their values ever falls (V2-R8).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ._combine import Group, Group1
from ._families import Family
from ._file2 import Reading
from ._kept import Kept, Reading1
from ._values import Histogram, Summary, Value

Amount: TypeAlias = list[Any]
#: Groups that declare a family, and its number in the plan of each.
Places: TypeAlias = Sequence[tuple[Group | Group1, int]]


def same_groups(now: Sequence[Group | Group1], before: Sequence[Group | Group1]) -> dict[Group | Group1, Group]:
    """Of the groups now those that are of the same version 2 writers as before, and what they were then."""
    earlier = {group.plan: group for group in before if isinstance(group, Group)}
    found: dict[Group | Group1, Group] = {}
    for group in now:
        then = earlier.get(group.plan) if isinstance(group, Group) else None
        if then is None or then.files != group.files:
            continue
        pairs = zip(group.readings, then.readings, strict=True)
        if all(one.header.writer_id == other.header.writer_id for one, other in pairs):
            found[group] = then
    return found


class Chosen:
    """Which series of a family are meant.

    Attributes:
        values: the label values where all are given, so that there is one at most; None else.
    """

    def __init__(self, names: tuple[str, ...], labels: Mapping[str, object]) -> None:
        """Choose by some labels, or by none; the names are all that the family has."""
        self._wanted = [(place, str(labels[name])) for place, name in enumerate(names) if name in labels]
        every = bool(names) and len(self._wanted) == len(names)
        self.values = tuple([value for _, value in self._wanted]) if every else None

    def among(self, series: Collection[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """Those of these label values that are meant."""
        if self.values is not None:
            return [self.values] if self.values in series else []
        return [values for values in series if self.matches(values)]

    def matches(self, values: tuple[str, ...]) -> bool:
        """Whether the series of these label values is."""
        return all(values[place] == value for place, value in self._wanted)


class Counts:
    """How far the series of a family that are meant had come in each file, in one pass."""

    def __init__(self, family: Family, bounds: tuple[float, ...], places: Places, chosen: Chosen) -> None:
        """Look at all files of some groups.

        Args:
            family: what is looked at.
            bounds: of a histogram's buckets; each file has these, and perhaps more.
            places: the groups.
            chosen: which series.
        """
        self._family, self._bounds, self._chosen = family, bounds, chosen
        self.files: dict[object, tuple[Amount, Kept, Reading | Reading1]] = {}
        self.archived = self.none()
        for group, number in places:
            columns = [
                [self._amount(value) for value in group.values(series)] for series in self.numbers(group, number)
            ]
            for member, (file, reading) in enumerate(zip(group.files, group.readings, strict=True)):
                amount = self.none()
                for column in columns:
                    amount = added(amount, column[member])
                if file.archive:
                    self.archived = added(self.archived, amount)
                else:
                    self.files[key_of(file, reading)] = amount, file, reading

    def none(self) -> Amount:
        """No growth."""
        match self._family.kind:
            case "histogram":
                return [0, 0.0] + [0] * (len(self._bounds) + 1)
            case "summary":
                return [0, 0.0]
        return [0]

    def numbers(self, group: Group | Group1, number: int) -> Iterator[int]:
        """The numbers of the series of a group that are meant."""
        if self._chosen.values is not None and isinstance(group, Group):
            found = group.places.get((number, self._chosen.values))
            return iter(() if found is None else (found,))
        return (series for series in group.numbers(number) if self._chosen.matches(group.plan.series[series].values))

    def since(self, before: Counts, wall: int, seen: Collection[object]) -> Amount:
        """By how much all files together grew since a pass before.

        Args:
            before: the same of that pass.
            wall: when it began, Unix nanoseconds.
            seen: the writers whose files it read.
        """
        growth = self.none()
        for key, (amount, file, reading) in self.files.items():
            if key in before.files:
                earlier = before.files[key][0]
                growth = added(growth, less(amount, earlier) if amount[0] >= earlier[0] else amount)
            elif key in seen or file.process_said(reading).created >= wall:
                growth = added(growth, amount)
        # What has gone may be in an archive by now, which may have forgotten of whom it has its counts.
        moved = less(self.archived, before.archived)
        for key, (amount, _, _) in before.files.items():
            if key not in self.files:
                moved = less(moved, amount)
        return added(growth, moved) if moved[0] > 0 else growth

    def since_as_group(self, now: Group | Group1, before: Group, number: int) -> Amount:
        """By how much a group of the same writers grew (rule 3)."""
        growth = self.none()
        for series in self.numbers(now, number):
            if self._family.kind == "summary":
                amounts = [[self._amount(value) for value in group.values(series)] for group in (now, before)]
                sums = [[sum(part) for part in zip(*column, strict=True)] for column in amounts]
            else:
                sums = [self._amount(group.sum(series)) for group in (now, before)]
            growth = added(growth, less(*sums))
        return growth if growth[0] > 0 else self.none()

    def _amount(self, value: Value) -> Amount:
        match value:
            case Histogram():
                fitting = value + Histogram(0.0, self._bounds, (0,) * (len(self._bounds) + 1))
                return [value.count, value.sum, *fitting.counts]
            case Summary():
                return [value.count, value.sum]
            case int() | float():
                return [value]
        return self.none()

    def value(self, amount: Amount) -> int | float | Summary | Histogram:
        """An amount as a value of the family."""
        match self._family.kind:
            case "histogram":
                return Histogram(amount[1], self._bounds, tuple(max(count, 0) for count in amount[2:]))
            case "summary":
                return Summary(amount[0], amount[1], None, None, None)
        number: int | float = amount[0]
        return number


def added(one: Amount, other: Amount) -> Amount:
    """Two amounts together."""
    return [a + b for a, b in zip(one, other, strict=True)]


def less(one: Amount, other: Amount) -> Amount:
    """An amount without another."""
    return [a - b for a, b in zip(one, other, strict=True)]


def key_of(file: Kept, reading: Reading | Reading1) -> object:
    """What tells a writer from every other: its id among its user's, or where version 1 has none, its file."""
    return (file.owner, reading.header.writer_id) if isinstance(reading, Reading) else file.identity
