"""Busy writers, and what readers see of them meanwhile: values that are torn, accepted and unconfirmed.

Two processes: a writer that only updates, and this one, which only reads and tells of every value whether it is of one
update, and of none older than one seen before. The reads that count are of values that take more than one store: in
version 2 the latches.

Rule 1: `Naive` readings stand beside the project's: they show that a torn value would be seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from operator import ne
from pathlib import Path
from typing import Any, NamedTuple

from . import processes, writers
from .contents import TORN
from .readings import Naive, Project, Reading

PROJECT, MAPPED, NAIVE = "this project's, by calls", "this project's, mapped", "naive"
_READINGS: dict[str, Callable[[Path], Reading]] = {
    PROJECT: Project,
    MAPPED: partial(Project, mapped=True),
    NAIVE: Naive,
}
_WRITERS: dict[int, Callable[..., None]] = {1: writers.version1, 2: writers.version2}

#: Updates a second of the slower writer.
SLOWLY = 1000

#: Metrics of a writer by kind: as an application has them; few, each updated again soon; one that has
#: no rest.
MANY = {"histogram": 400, "summary": 200, "text": 200, "word": 200}
FEW = {"histogram": 4, "summary": 2, "text": 2, "word": 2}
PAGE = {"page": 1}
ONE = {"large": 1}
MANY_1 = {"word": 80, "text": 20}
ONE_WORD = {"word": 1}


class Run(NamedTuple):
    """What is run.

    Attributes:
        version: of the format.
        metrics: which the writer updates.
        rate: updates a second; None for as fast as it can.
        reading: which one reads.
        share: of all reads that count.
    """

    version: int
    metrics: dict[str, int]
    rate: int | None
    reading: str
    share: float


RUNS = [
    Run(2, MANY, None, PROJECT, 0.35),
    Run(2, MANY, None, MAPPED, 0.2),
    Run(2, FEW, None, PROJECT, 0.1),
    Run(2, FEW, None, MAPPED, 0.1),
    Run(2, PAGE, None, PROJECT, 0.02),
    Run(2, PAGE, None, MAPPED, 0.02),
    Run(2, ONE, None, PROJECT, 0.02),
    Run(2, ONE, None, MAPPED, 0.02),
    Run(2, FEW, SLOWLY, PROJECT, 0.1),
    Run(2, FEW, SLOWLY, MAPPED, 0.07),
    Run(2, ONE, None, NAIVE, 0.01),
    Run(1, MANY_1, None, PROJECT, 0.002),
    Run(1, MANY_1, SLOWLY, PROJECT, 0.01),
    Run(1, MANY_1, None, NAIVE, 0.01),
    Run(1, MANY_1, SLOWLY, NAIVE, 0.01),
    Run(1, ONE_WORD, None, NAIVE, 0.01),
    Run(1, PAGE, None, NAIVE, 0.01),
]


#: Reads of a naive reading that has seen nothing torn yet.
_PATIENCE = 200_000


def run(reads: int) -> dict[str, Any]:
    """Read until so many values are accepted in version 2 with the project's reader, and fewer in the other runs.

    The result says whether it `holds`, that none was torn or older than one before; and whether a naive reading has
    `shown` that torn values are seen.
    """
    processes.stay_apart(0)
    figures = [_run(one, int(reads * one.share)) for one in RUNS]
    proved = [figure for one, figure in zip(RUNS, figures, strict=True) if one.version == 2 and one.reading != NAIVE]
    naive = [figure for one, figure in zip(RUNS, figures, strict=True) if one.reading == NAIVE]
    totals = {name: sum(figure[name] for figure in proved) for name in Seen._fields}
    wrong = totals["torn"] + totals["older"] + totals["torn_unconfirmed"]
    return {
        "reads": reads,
        "runs": figures,
        "version_2": totals,
        "shown": any(figure["torn"] for figure in naive),
        "holds": not wrong and totals["accepted"] >= reads,
    }


class Seen(NamedTuple):
    """What was seen.

    Attributes:
        polls: looks at all values.
        accepted: values that take more than one store, and were not marked.
        fresh: values that are of another update than at the look before.
        unconfirmed: those that were.
        torn: accepted values, and words, that are of no update.
        torn_unconfirmed: such among those marked: version 1 shows its last copy, version 2 what was confirmed before.
        older: values of an update before that of one seen earlier.
    """

    polls: int
    accepted: int
    fresh: int
    unconfirmed: int
    torn: int
    torn_unconfirmed: int
    older: int


def _run(this: Run, reads: int) -> dict[str, Any]:
    with processes.directory() as directory:
        told = processes.told()
        path = directory / writers.FILE
        write = partial(_WRITERS[this.version], directory, this.metrics, this.rate, told)
        with processes.running(write, ready=lambda: told[writers.ROUNDS]):
            reading = _READINGS[this.reading](path)
            updates, begin = told[writers.UPDATES], time.monotonic()
            seen = _read(reading, reads, _PATIENCE if this.reading == NAIVE else 0)
            updates, seconds = told[writers.UPDATES] - updates, time.monotonic() - begin
            reading.close()
    return {
        "version": this.version,
        "metrics": this.metrics,
        "writer": "as fast as it can" if this.rate is None else f"{this.rate} updates a second",
        "reading": this.reading,
        "seconds": round(seconds, 2),
        "updates": updates,
        **seen._asdict(),
    }


def _read(reading: Reading, reads: int, patience: int) -> Seen:
    """Poll until so many reads are accepted; without one that is torn, until `patience` are."""
    latched = reading.latched
    polls = accepted = fresh = unconfirmed = torn = torn_unconfirmed = older = 0
    last: list[int | None] = []
    while accepted < reads or (not torn and accepted < patience):
        numbers, marked = reading.poll()
        polls += 1
        accepted += len(latched)
        if marked:
            accepted -= len(marked & latched)
            unconfirmed += len(marked & latched)
        if TORN in numbers:
            places = {place for place, number in enumerate(numbers) if number == TORN}
            torn += len(places - marked)
            torn_unconfirmed += len(places & marked)
        fresh += sum(map(ne, numbers, last))
        older += sum(map(_is_older, numbers, last))
        last = numbers
    return Seen(polls, accepted, fresh, unconfirmed, torn, torn_unconfirmed, older)


def _is_older(number: int | None, last: int | None) -> bool:
    return number is not None and last is not None and TORN < number < last
