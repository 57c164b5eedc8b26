"""What the table of metrics shows: which rows, in which order, and the text of those that are seen.

Rule 1: numbers are sorted from the greatest, and what has none comes last; texts from the first. `reverse` turns it.
Rule 2: rows that are equal there are in the order of their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from fnmatch import translate

import numpy as np
from numpy.typing import NDArray

from mmstats_format.declaration import Declaration

from .._families import Process
from .._view import View
from . import _shown
from ._rows import Numbers, Rows, Tables
from ._samples import AVERAGED, HISTORY, Samples

NAME, PROCESS, VALUE, CHANGE, AVERAGE = range(5)
_HISTORY = AVERAGE + len(AVERAGED)
TITLES = ("metric", "process", "value", "change/s", *(f"avg {number}" for number in AVERAGED), "history")
#: Of the columns but the first, scaled and raw. Process and history have more where there is room.
_WIDTHS = {True: (20, 10, 9, *(9 for _ in AVERAGED), 10), False: (20, 20, 16, *(16 for _ in AVERAGED), 10)}
_ROOMY, _WIDE, _WIDE_PROCESS = 110, 140, 28
#: The columns that are left out, one after the other, where there is too little room for the names.
_DISPENSABLE, _NAME_WIDTH = (_HISTORY - 1, _HISTORY - 2, _HISTORY, AVERAGE), 21
#: Cells between two columns.
GAP = 2

_Order = NDArray[np.int64]


class Table:
    """The table; set what is to be shown, and `arrange`.

    Attributes:
        each: whether each file is by itself, or all together.
        zeros: whether rows are shown whose number is zero.
        scaled: whether numbers are scaled.
        pattern: which names are shown: a glob of all of the name, or without its signs a part of it; empty for all.
        sort: the column by which the rows are sorted.
        reverse: whether the other way round.
        order: the rows that are shown.
    """

    def __init__(self, pattern: str = "") -> None:
        self.each, self.zeros, self.scaled = False, True, True
        self.pattern, self.sort, self.reverse = pattern, NAME, False
        self.order: _Order = np.empty(0, np.int64)
        self._tables = Tables()
        self._rows: dict[bool, Rows] = {}
        self._samples = {False: Samples(), True: Samples()}
        self._sorted: dict[bool, tuple[Sequence[Hashable], dict[int, _Order]]] = {}
        self._matched: tuple[Sequence[str], str, NDArray[np.bool_]] = ((), "", np.empty(0, bool))

    def take(self, view: View) -> None:
        """Take in what there is now, of all together and of each, and arrange it."""
        self._rows[False], self._rows[True] = self._tables.rows(view)
        for each, rows in self._rows.items():
            self._samples[each].add(rows, view._now.monotonic)
        self.arrange()

    def arrange(self) -> None:
        """Choose and sort the rows."""
        if not self._rows:
            return
        rows, samples = self._rows[self.each], self._samples[self.each]
        shown = self._matching(rows)
        if not self.zeros:
            shown = shown & (rows.numbers != 0)
        if self.sort in (NAME, PROCESS):
            order = self._by_text(rows, self.sort)
        else:
            column: Numbers = {VALUE: rows.numbers, CHANGE: samples.change}.get(
                self.sort, samples.averages[self.sort - AVERAGE]
            )
            names = self._by_text(rows, NAME)
            order = names[np.argsort(column[names] if self.reverse else -column[names], kind="stable")]
        if self.reverse and self.sort in (NAME, PROCESS):
            order = order[::-1]
        self.order = order[shown[order]]

    def _matching(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows the pattern means; looked at anew where it or the names changed."""
        if self._matched[:2] != (rows.names, self.pattern):
            pattern = self.pattern if re.search(r"[*?\[]", self.pattern) else f"*{self.pattern}*"
            matches = re.compile(translate(pattern)).match
            found = np.array([matches(name) is not None for name in rows.names], dtype=bool)
            self._matched = rows.names, self.pattern, found
        return self._matched[2]

    def _by_text(self, rows: Rows, column: int) -> _Order:
        """All rows by their names, or by their processes; sorted anew where rows came or went."""
        keys, orders = self._sorted.get(self.each, ((), {}))
        if keys != rows.keys:
            orders = {}
            self._sorted[self.each] = rows.keys, orders
        if column not in orders:
            ranks = {name: rank for rank, name in enumerate(sorted(set(rows.names)))}
            by = [np.array([ranks[name] for name in rows.names], np.int64)]
            if self.each:
                processes = [rows.process(writer) for writer in range(int(rows.writers.max(initial=-1)) + 1)]
                ranked = sorted(range(len(processes)), key=lambda writer: _who(processes[writer]))
                by.insert(0 if column == NAME else 1, np.argsort(ranked)[rows.writers])
            orders[column] = np.lexsort(by)
        return orders[column]

    def move_sort(self, by: int, columns: Sequence[int]) -> None:
        """Sort by the next of these columns, or the one before."""
        sortable = [column for column in columns if column != _HISTORY]
        place = sortable.index(self.sort) if self.sort in sortable else -by
        self.sort, self.reverse = sortable[(place + by) % len(sortable)], False
        self.arrange()

    def sort_by(self, column: int) -> None:
        """Sort by a column; by the one that it is already, the other way round."""
        if column != _HISTORY:
            self.reverse = not self.reverse if column == self.sort else False
            self.sort = column
            self.arrange()

    def turn_each(self) -> None:
        """Show each file by itself, or all together."""
        self.each = not self.each
        if self.sort == PROCESS:
            self.sort = NAME
        self.arrange()

    def columns(self, width: int) -> dict[int, int]:
        """The columns that there is room for, and the widths of all but the first."""
        widths = dict(enumerate(_WIDTHS[self.scaled], PROCESS))
        if not self.each:
            del widths[PROCESS]
        elif width >= _ROOMY:
            widths[PROCESS] = _WIDE_PROCESS
        if width >= _WIDE:
            widths[_HISTORY] = HISTORY
        for column in _DISPENSABLE:
            if width - sum(widths.values()) - GAP * len(widths) >= _NAME_WIDTH:
                break
            del widths[column]
        return {NAME: 0} | widths

    def cells(self, columns: dict[int, int]) -> Callable[[int], list[str]]:
        """What gives the text of these columns in a line."""
        rows, samples, order, scaled = self._rows[self.each], self._samples[self.each], self.order, self.scaled

        def text(row: int, column: int) -> str:
            family = rows.families[row]
            unit = "" if family.kind in ("summary", "histogram") else family.unit
            match column:
                case 0:
                    return _shown.clean(rows.names[row])
                case 1:
                    return _shown.writer(rows.process(int(rows.writers[row])))
                case 2:
                    return _shown.value(rows.value(row), unit, scaled)
                case 3:
                    return _shown.number(samples.change[row], unit, scaled)
                case _ if column < _HISTORY:
                    return _shown.number(samples.averages[column - AVERAGE, row], unit, scaled)
            return _shown.sparkline(samples.history[row, -columns[column] :], bool(samples.grows[row]))

        return lambda line: [text(int(order[line]), column) for column in columns]

    def key(self, line: int) -> Hashable:
        """What tells the row of a line from every other; None where there is no such line."""
        return self._rows[self.each].keys[self.order[line]] if 0 <= line < len(self.order) else None

    def line(self, key: Hashable, about: int) -> int:
        """The line of a row, perhaps the one it had; that one where the row is shown no more."""
        if key is None or self.key(about) == key:
            return about
        keys = self._rows[self.each].keys
        return next((line for line, row in enumerate(self.order) if keys[row] == key), about)

    def family(self, line: int) -> Declaration | None:
        """The declaration of the row of a line, if there is one."""
        return self._rows[self.each].families[self.order[line]] if 0 <= line < len(self.order) else None


def _who(process: Process) -> tuple[str, int, int, str]:
    """In which order processes are."""
    return process.app, process.pid, process.thread, process.path
