"""What a view has, row by row, and all its numbers as arrays.

    together   a row for each series of each metric, as all files together have it
    each       a row for each series of each file

Rule 1: a row is known by its key from poll to poll, whatever comes and goes beside it.
Rule 2: numbers are taken column by column out of files that say the same, and joined as the view does (V2-C1, V2-C2);
        the exact value of a row is asked of the view, once it is shown.
Rule 3: of summaries and histograms the number is how many values were observed; of what is combined by all it is the
        greatest. Texts, states and what is unset have none: NaN.
Rule 4: nothing else here looks into what the view is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmstats_format import layout
from mmstats_format.declaration import CUMULATIVE, Declaration

from .._combine import Group, Group1
from .._families import Family, Process, decoders_of, full_name, names_of
from .._growth import key_of
from .._records import Plan
from .._values import Histogram, Summary
from .._view import _COMMON, Index, Pass, View, index_of

Numbers = NDArray[np.float64]

_WORD = layout.V2_UNIT
#: Integers above this are not all floats.
_EXACT = 2.0**53
_CODES = {"signed": "<i8", "float": "<f8"}
_UNSET = {
    "unsigned": layout.V2_UNSET["unsigned"],
    "signed": layout.V2_UNSET["signed"],
    "float": layout.V2_UNSET["float"],
}


class Rows(NamedTuple):
    """What is there at one time.

    Attributes:
        keys: what tells each row from every other, also in later polls.
        names: full names.
        families: the declaration of each.
        numbers: the numbers.
        moved: of rows to which files came, or from which they went, since the poll before: how much of the difference
            is theirs, and by how much they grew.
        value: gives the value of a row, exactly.
        writers: of each by itself the number of its writer; of all together nothing.
        process: gives the writer of a number.
    """

    keys: Sequence[Hashable]
    names: Sequence[str]
    families: Sequence[Declaration]
    numbers: Numbers
    moved: Mapping[int, tuple[float, float]]
    value: Callable[[int], Any]
    writers: NDArray[np.int64]
    process: Callable[[int], Process]


class Tables:
    """The rows of one view after another; what does not change between two is made once."""

    def __init__(self) -> None:
        self._columns: dict[Any, _Columns] = {}
        self._together = _Together({}, [], {})
        self._each: tuple[list[Any], list[Hashable], list[str], list[Declaration]] = ([], [], [], [])

    def rows(self, view: View) -> tuple[Rows, Rows]:
        """All together, and each by itself."""
        now = view._now
        self._columns = {group.plan: self._columns.get(group.plan) or _Columns(group) for group in now.groups}
        columns = [self._columns[group.plan] for group in now.groups]
        if self._together.index is not now.index:
            self._together = _Together(now.index, now.groups, self._columns)
        found = [those.numbers(group) for those, group in zip(columns, now.groups, strict=True)]
        with np.errstate(invalid="ignore", over="ignore"):  # infinities are numbers too
            return self._together.rows(view, columns, found), self._rows_of_each(now, columns, found)

    def _rows_of_each(self, now: Pass, columns: list[_Columns], found: list[_Found]) -> Rows:
        files = [(group, member) for group in now.groups for member in range(len(group.files))]
        there = [(group.plan, key_of(group.files[member], group.readings[member])) for group, member in files]
        if self._each[0] != there:
            keys: list[Hashable] = []
            names: list[str] = []
            families: list[Declaration] = []
            for plan, writer in there:
                those = self._columns[plan]
                keys += [(writer, name) for name in those.names]
                names += those.names
                families += those.families
            self._each = there, keys, names, families
        numbers = np.concatenate([numbers.ravel() for numbers, _ in found]) if found else np.empty(0)
        sizes = [len(self._columns[plan].names) for plan, _ in there]
        starts, writers = np.cumsum([0, *sizes]), np.repeat(np.arange(len(files)), sizes)

        def value(row: int) -> Any:
            writer = int(writers[row])
            return _value(*files[writer], row - int(starts[writer]))

        _, keys, names, families = self._each
        return Rows(keys, names, families, numbers, {}, value, writers, lambda writer: now.process(*files[writer]))


def family_of(view: View, meant: Declaration) -> Family | None:
    """A metric with its series, and not another one of the same name; None where it is not there."""
    parts = view._now.index.get(meant.name, {}).get(_common(meant))
    return view._family(parts)[0] if parts else None


def _common(family: Declaration | Family) -> tuple[object, ...]:
    """What families of one name have in common, if they are one."""
    return tuple([getattr(family, part) for part in _COMMON])


def of_metric(view: View, meant: Family) -> Iterator[tuple[Process, str, Any]]:
    """Of each file who writes it, the labels, and the value of each series of a metric."""
    for group in view._now.groups:
        for number, family in enumerate(group.plan.families):
            if family.name == meant.name and _common(family) == _common(meant):
                for member in range(len(group.files)):
                    process = view._now.process(group, member)
                    for series in group.numbers(number):
                        labels = full_name("", family.labels, group.plan.series[series].values)
                        yield process, labels, _value(group, member, series)


def of_file(view: View, path: str) -> Iterator[tuple[Declaration, str, Any]]:
    """Of each series of a file the declaration, the full name and the value."""
    for group in view._now.groups:
        for member, file in enumerate(group.files):
            if file.path == path:
                for number, series in enumerate(group.plan.series):
                    family = group.plan.families[series.family]
                    yield family, full_name(family.name, family.labels, series.values), _value(group, member, number)


def _value(group: Group | Group1, member: int, number: int) -> Any:
    """The value of a series in a file."""
    family, _, at = group.plan.series[number]
    reading = group.readings[member]
    if isinstance(group, Group1):
        return reading.fields.values[at]
    return None if number in reading.missing else decoders_of(group.plan)[family](reading.row, at)


class _Found(NamedTuple):
    """Of the files of a group, a row for each: the numbers of all series; of those combined by last, when set."""

    numbers: Numbers
    times: NDArray[np.uint64]


class _Columns:
    """Where the numbers of the files of one plan are, and how they are joined.

    Attributes:
        families: the declaration of each series.
        names: the full name of each.
        joined: the numbers of the series that are joined in the same way.
        timed: the numbers of those that are combined by last.
        fading: of each series, whether it is nothing without a live writer.
    """

    def __init__(self, group: Group | Group1) -> None:
        plan: Any = group.plan
        self.families: list[Declaration] = [plan.families[series.family] for series in plan.series]
        self.names = list(names_of(plan)) if isinstance(plan, Plan) else [family.name for family in self.families]
        self.fading = np.array([not family.lasting for family in self.families], dtype=bool)
        self.joined: dict[str, list[int]] = {}
        self.timed: list[int] = []
        self._times: list[int] = []
        self._words: dict[tuple[str, bool], tuple[list[int], list[int]]] = {}
        self._histograms: list[tuple[int, int, int]] = []
        for number, (family, series) in enumerate(zip(self.families, plan.series, strict=True)):
            how = "sum" if family.kind in CUMULATIVE else family.combination
            if how != "last":
                self.joined.setdefault(how, []).append(number)
            if isinstance(plan, Plan):
                self._place(number, family, series.at // _WORD)

    def _place(self, number: int, family: Declaration, word: int) -> None:
        """Note where the number of a series is in the words of a row."""
        if family.kind in ("text", "state set"):
            return
        if family.kind == "histogram":  # the sum, then the counts
            self._histograms.append((number, word + 1, word + 2 + len(family.bounds)))
            return
        if family.kind != "summary" and family.combination == "last":  # the time, then the value
            self.timed.append(number)
            self._times.append(word)
            word += 1
        kind = "unsigned" if family.kind == "summary" else family.type
        numbers, words = self._words.setdefault((kind, family.kind not in CUMULATIVE), ([], []))
        numbers.append(number)
        words.append(word)

    def numbers(self, group: Group | Group1) -> _Found:
        """What the files of a group say now."""
        shape = len(group.readings), len(self.families)
        if isinstance(group, Group1):
            places = [series.at for series in group.plan.series]
            numbers = [_number(reading.fields.values[at]) for reading in group.readings for at in places]
            return _Found(np.array(numbers, np.float64).reshape(shape), np.empty((shape[0], 0), np.uint64))
        words = np.frombuffer(b"".join([reading.row for reading in group.readings]), "<u8")
        words = words.reshape(shape[0], group.plan.row_size // _WORD)
        found = np.full(shape, np.nan)
        for (kind, may_be_unset), (series, places) in self._words.items():
            raw = words[:, places]
            column = raw.view(_CODES.get(kind, "<u8")).astype(np.float64)
            if may_be_unset:
                column[raw > 1 if kind == "boolean" else raw == _UNSET[kind]] = np.nan
            found[:, series] = column
        times = words[:, self._times]
        timed = found[:, self.timed]
        timed[times == 0] = np.nan
        found[:, self.timed] = timed
        for number, first, end in self._histograms:
            found[:, number] = words[:, first:end].sum(axis=1)
        for member, reading in enumerate(group.readings):
            if reading.missing:
                found[member, list(reading.missing)] = np.nan
        return _Found(found, times)


class _Together:
    """The rows of all files together, for all views of the same metrics."""

    def __init__(self, index: Index, groups: Sequence[Group | Group1], columns: Mapping[Any, _Columns]) -> None:
        self.index = index
        self._keys: list[Hashable] = []
        self._names: list[str] = []
        self._families: list[Declaration] = []
        self._parts: list[Any] = []
        self._labels: list[tuple[str, ...]] = []
        #: Of each group the row of each series.
        self._into = [np.zeros(len(group.plan.series), np.int64) for group in groups]
        for variants in index.values():
            for common, parts in variants.items():
                rows: dict[tuple[str, ...], int] = {}
                for place, number in parts:
                    plan = groups[place].plan
                    for series in groups[place].numbers(number):
                        values = plan.series[series].values
                        if values not in rows:
                            rows[values] = len(self._keys)
                            family = plan.families[number]
                            self._keys.append((family.name, common, values))
                            self._names.append(columns[plan].names[series])
                            self._families.append(family)
                            self._parts.append(parts)
                            self._labels.append(values)
                        self._into[place][series] = rows[values]

    def rows(self, view: View, columns: list[_Columns], found: list[_Found]) -> Rows:
        """The rows of a view of these metrics."""
        now = view._now
        numbers, when = np.full(len(self._keys), np.nan), np.zeros(len(self._keys), np.uint64)
        for group, those, into, (mine, times) in zip(now.groups, columns, self._into, found, strict=True):
            if those.fading.any() and not all(counting := now.counting(group)):
                mine = mine.copy()
                mine[np.ix_(~np.array(counting), those.fading)] = np.nan
            for how, series in those.joined.items():
                rows, part = into[series], mine[:, series]
                match how:
                    case "sum":
                        numbers[rows] = _sum(numbers[rows], _sum_of(part))
                    case "min":
                        numbers[rows] = np.fmin(numbers[rows], np.fmin.reduce(part, axis=0))
                    case _:
                        numbers[rows] = np.fmax(numbers[rows], np.fmax.reduce(part, axis=0))
            if those.timed:
                rows, part = into[those.timed], mine[:, those.timed]
                set_ = np.where(np.isnan(part), np.uint64(0), times)
                members, every = set_.argmax(axis=0), np.arange(len(rows))
                newer = set_[members, every] > when[rows]
                numbers[rows[newer]] = part[members, every][newer]
                when[rows[newer]] = set_[members, every][newer]

        def value(row: int) -> Any:
            return view._family(self._parts[row])[0].series.get(self._labels[row])

        for row in np.flatnonzero(np.abs(numbers) >= _EXACT).tolist():  # where it matters that sums wrap
            if not isinstance(exact := value(row), tuple):
                numbers[row] = _number(exact)
        return Rows(
            self._keys, self._names, self._families, numbers, self._moved(view), value, np.empty(0, np.int64), _nobody
        )

    def _moved(self, view: View) -> dict[int, tuple[float, float]]:
        """What files that came or went did to the rows that only grow: the view of these alone says how they grew."""
        if view._before is None:
            return {}
        now, before = _changed(view._now, view._before), _changed(view._before, view._now)
        names = {family.name for part in (now, before) for group in part.groups for family in group.plan.families}
        if not names:
            return {}
        those, gone = View(now, before), View(before, None)
        found = {}
        for row, family in enumerate(self._families):
            if family.name in names and family.kind in CUMULATIVE and len(self.index[family.name]) == 1:
                labels = dict(zip(family.labels, self._labels[row], strict=True))
                parts = [_told(part.total, family.name, labels) for part in (those, gone)]
                found[row] = parts[0] - parts[1], _told(those.growth, family.name, labels)
        return found


def _changed(one: Pass, other: Pass) -> Pass:
    """What was read of the files that are not in another pass, or were of another writer, or of other metrics."""
    earlier: dict[Any, dict[Any, Any]] = {}
    for group in other.groups:
        keys = [key_of(*pair) for pair in zip(group.files, group.readings, strict=True)]
        earlier[group.plan] = dict(zip(keys, group.files, strict=True))
    groups: list[Group | Group1] = []
    for group in one.groups:
        there = earlier.get(group.plan, {})
        pairs = zip(group.files, group.readings, strict=True)
        changed = [pair for pair in pairs if there.get(key_of(*pair)) is not pair[0]]
        if changed:
            part: Any = type(group)(group.plan)  # type: ignore[arg-type]  # each takes its own plan
            part.files, part.readings = map(list, zip(*changed, strict=True))
            groups.append(part)
    return Pass(groups, index_of(groups), {}, one.monotonic, one.wall)


def _told(tell: Callable[..., Any], name: str, labels: Mapping[str, str]) -> float:
    """A number that a view tells of a series; 0 where it has none."""
    try:
        number = _number(tell(name, **labels))
    except KeyError:
        return 0
    return 0 if np.isnan(number) else number


def _nobody(writer: int) -> Process:
    raise LookupError(writer)


def _number(value: Any) -> float:
    """The number of a value."""
    if isinstance(value, Summary | Histogram):
        return value.count
    return value if isinstance(value, int | float) else np.nan


def _sum_of(part: Numbers) -> Numbers:
    """The sum of each column of what there is; NaN where nothing is."""
    there = ~np.isnan(part)
    found: Numbers = np.where(there.any(axis=0), np.where(there, part, 0).sum(axis=0), np.nan)
    return found


def _sum(one: Numbers, other: Numbers) -> Numbers:
    """The sum of what there is of two."""
    return np.where(np.isnan(one), other, np.where(np.isnan(other), one, one + other))
