"""Writers that do nothing but update."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from mmstats_writer import BaseMmStats, StringField, UInt64Field, Writer

from . import contents, processes

FILE = "stress.mmstats"

#: Places of what a writer tells: how many rounds it has made, and how many updates.
ROUNDS, UPDATES = 0, 1


class _Group(NamedTuple):
    """Updates that have the same argument in a round, and what that is."""

    updates: Sequence[Callable[[Any], None]]
    argument: Callable[[int], Any]


def version2(directory: Path, metrics: Mapping[str, int], rate: int | None, told: memoryview) -> NoReturn:
    """Update so many metrics of each kind again and again, `rate` a second."""
    writer = Writer(directory, FILE, app="stress")
    kinds: dict[str, tuple[Callable[[str], Callable[[Any], None]], Callable[[int], Any]]] = {
        "histogram": (lambda name: writer.histogram(name, bounds=contents.BOUNDS).observe, contents.counted),
        "large": (
            lambda name: writer.histogram(name, bounds=contents.MANY_BOUNDS).observe,
            partial(contents.counted, bounds=contents.MANY_BOUNDS),
        ),
        "summary": (lambda name: writer.summary(name).observe, lambda number: number),
        "text": (lambda name: writer.text(name, size=contents.TEXT).set, contents.text),
        "page": (lambda name: writer.text(name, size=contents.PAGE).set, contents.page),
        "word": (lambda name: writer.gauge(name, type=int).set, contents.word),
    }
    groups = []
    for kind, many in metrics.items():
        declare, argument = kinds[kind]
        groups.append(_Group([declare(f"{kind}{number}") for number in range(many)], argument))
    _update(groups, rate, told)


def version1(directory: Path, metrics: Mapping[str, int], rate: int | None, told: memoryview) -> NoReturn:
    """The same with fields of version 1: words with two buffers, and texts."""
    kinds: dict[str, tuple[Callable[[], Any], Callable[[int], Any]]] = {
        "word": (UInt64Field, contents.word),
        "text": (lambda: StringField(size=contents.TEXT), contents.text),
        "page": (lambda: StringField(size=contents.PAGE), contents.page),
    }
    # Names as long as real ones: words of version 1 lie anywhere, buffer 0 of the first across two cache lines.
    fields = {f"{kind}{number:049}": kinds[kind][0]() for kind, many in metrics.items() for number in range(many)}
    stats = type("Busy", (BaseMmStats,), fields)(directory, FILE, format=1)
    setters = iter([stats._setters[name] for name in fields])
    groups = [_Group(list(islice(setters, many)), kinds[kind][1]) for kind, many in metrics.items()]
    _update(groups, rate, told)


def _update(groups: Sequence[_Group], rate: int | None, told: memoryview) -> NoReturn:
    processes.stay_apart(1)
    metrics = sum(len(updates) for updates, _ in groups)
    for number in count(1):
        for updates, argument in groups:
            value = argument(number)
            for update in updates:
                update(value)
        told[UPDATES] = number * metrics
        told[ROUNDS] = number
        if rate is not None:  # after the first round no value is missing
            _update_slowly(groups, rate, told)
    raise AssertionError("unreachable: numbers do not end")


def _update_slowly(groups: Sequence[_Group], rate: int, told: memoryview) -> NoReturn:
    first, begin = told[UPDATES], time.monotonic()
    for number in count(2):
        for updates, argument in groups:
            value = argument(number)
            for update in updates:
                update(value)
                told[UPDATES] += 1
                time.sleep(max(0, begin + (told[UPDATES] - first) / rate - time.monotonic()))
    raise AssertionError("unreachable: numbers do not end")
