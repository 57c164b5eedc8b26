"""Reading meanwhile as people do, and looking for what may not be.

Rule 1: polls come one after another, so a total is never less than at any poll before, by whatever reader. A value that
        is marked (FORMAT.md V2-R5) is compared with what its own reader gave before.
Rule 2: files that vanish while they are looked for are normal; every other error is a fault.
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from mmstats_format import FormatError
from mmstats_reader import Directory, Family, View, read

from .model import COUNTING, count, whole

#: One look in so many is with a fresh reader too; files read by themselves at each, at most.
_FRESH, _FILES = 10, 5
#: Faults of a sort that are told in words.
_TOLD = 10


class Watch:
    """Who polls a directory, with two readers that are kept and others that are not.

    Attributes:
        seen: how many polls, snapshots, views that were not complete, and marked totals there were.
        faults: how many faults of each sort, and the first of them in words.
    """

    def __init__(self, directory: Path, chance: random.Random) -> None:
        self._directory, self._chance = directory, chance
        kept = (Directory(directory), Directory(directory, mapped=True))
        self._kept: list[tuple[Directory, dict[str, int]]] = [(one, {}) for one in kept]
        self._before = dict.fromkeys(COUNTING, 0)
        self.seen: Counter[str] = Counter(polls=0, snapshots=0, incomplete=0, unconfirmed=0)
        self.faults: Counter[str] = Counter()
        self.words: dict[str, list[str]] = defaultdict(list)

    def look(self) -> None:
        """Poll, and read some files by themselves."""
        for one, last in self._kept:
            self._poll(one, last)
        if self._chance.random() < 1 / _FRESH:
            with Directory(self._directory, mapped=self._chance.random() < 0.5) as fresh:
                self._poll(fresh, {})
        files = sorted(name for name in os.listdir(self._directory) if name.endswith(".mmstats"))
        for name in self._chance.sample(files, min(_FILES, len(files))):
            self._read(self._directory / name)

    def last(self) -> dict[str, set[int]]:
        """What every reader counts in the end."""
        found: dict[str, set[int]] = {name: set() for name in COUNTING}
        with Directory(self._directory) as fresh, Directory(self._directory, mapped=True) as mapped:
            for one in (fresh, mapped, *(kept for kept, _ in self._kept)):
                totals: dict[str, int] = {}
                self._poll(one, totals)
                for name in COUNTING:
                    found[name].add(totals.get(name, 0))
        for kept, _ in self._kept:
            kept.close()
        return found

    def fault(self, sort: str, what: str) -> None:
        """Take note of a fault."""
        self.faults[sort] += 1
        if len(self.words[sort]) < _TOLD:
            self.words[sort].append(what)

    def _poll(self, one: Directory, last: dict[str, int]) -> None:
        view = one.poll()
        self.seen["polls"] += 1
        for error in view.errors.values():
            self.fault("unreadable", str(error))
        for conflict in view.conflicts:
            self.fault("unreadable", str(conflict))
        if not view.complete:
            self.seen["incomplete"] += 1
            return
        for name in COUNTING:
            self._compare(name, view, last)
        for family in view:
            self._check("the total", family)

    def _compare(self, name: str, view: View, last: dict[str, int]) -> None:
        total = count(view.total(name)) if name in view else 0
        marked = name in view and bool(view[name].unconfirmed)
        self.seen["unconfirmed"] += marked
        before = last.get(name, 0) if marked else self._before[name]
        if total < before:
            self.fault("down", f"{name}: {before}, then {total}, at poll {self.seen['polls']}")
        last[name] = total
        self._before[name] = max(total, self._before[name]) if marked else total

    def _read(self, path: Path) -> None:
        try:
            snapshot = read(path)
        except FileNotFoundError:
            return
        except (FormatError, OSError) as error:
            return self.fault("unreadable", str(error))
        self.seen["snapshots"] += 1
        for family in snapshot.families.values():
            self._check(path.name, family)

    def _check(self, where: str, family: Family) -> None:
        for labels, series in family.series.items():
            values: tuple[Any, ...] = tuple(value for _, value in series) if isinstance(series, tuple) else (series,)
            for value in values:
                if not whole(value, family.times.get(labels)):
                    self.fault("torn", f"{where}: {family.name} {value!r}")
