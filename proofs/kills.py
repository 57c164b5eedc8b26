"""Writers killed by ``kill -9`` at random moments, and what their files say (FORMAT.md V2-W2 to V2-W5, R2, R4).

A child makes an instance, updates metrics of all kinds in rounds, adds label sets and grows its file, and tells in
memory of its own which round it has begun and which it has ended. Wherever it is killed, there is no file yet, or one
that the strict schema accepts, with a free lock; each value is that of the round ended last or of the one begun, and
nothing is a round ahead of what was updated before it.

Rule 1: the moments lie between the fork and some time after the last growth, which is measured beforehand; the earlier
        the denser, since the file is made in the first of them.
"""

from __future__ import annotations

import random
import struct
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from mmstats_testing.locks import locked
from mmstats_testing.steps import canonical, document

from mmstats_writer import (
    CounterField,
    GaugeField,
    HistogramField,
    IntField,
    MmStats,
    StateField,
    StringField,
    SummaryField,
    TextField,
)

from . import processes

#: How many label sets a child makes, one every so many rounds; with them the file grows to several extents.
LABEL_SETS, EVERY = 40, 5
BOUNDS = [float(bound) for bound in range(1, 101)]
STATES = ["idle", "busy", "ended"]

#: Places of what a child tells.
BEGUN, ENDED = 0, 1


class Stats(MmStats):
    """Metrics of all kinds, in the order of their updates in a round."""

    format = 2

    counter = CounterField()
    fraction = CounterField(type=float)
    gauge = GaugeField()
    shared = GaugeField(combine="sum", type=int)
    timed = GaugeField(combine="last")
    state = StateField(states=STATES)
    text = TextField(size=100)
    summary = SummaryField()
    histogram = HistogramField(bounds=[1, 2])
    integer = IntField()
    string = StringField(size=20)
    paths = HistogramField(labelnames=["path"], bounds=BOUNDS)


def update(stats: Stats, number: int) -> None:
    """The round of this number, from 1."""
    stats.counter.inc()
    stats.fraction.inc(0.5)
    stats.gauge.set(number)
    stats.shared.inc()
    stats.timed.set(number)
    stats.state.set(STATES[number % len(STATES)])
    stats.text.set(_text(number))
    stats.summary.observe(number)
    stats.histogram.observe(1 + number % 3)
    stats.integer = number
    stats.string = str(number)
    if number % EVERY == 0 and number <= LABEL_SETS * EVERY:
        stats.paths.labels(path=str(number)).observe(number)


def expected(number: int) -> dict[str, Any]:
    """The canonical values after this round (J-8), worked out anew; 0 for before the first."""
    first = number > 0
    counts = [sum(1 for _ in range(first, number + 1, 3)) for first in (3, 1, 2)]
    return {
        "counter": str(number),
        "fraction": _bits(number / 2),
        "gauge": _bits(number) if first else None,
        "shared": str(number) if first else None,
        "timed": _bits(number) if first else None,
        "state": STATES[number % len(STATES)],
        "text": _text(number) if first else None,
        "summary": {
            "count": str(number),
            "sum": _bits(number * (number + 1) / 2),
            "min": _bits(1) if first else None,
            "max": _bits(number) if first else None,
            "last": _bits(number) if first else None,
        },
        "histogram": {
            "sum": _bits(sum(value * count for value, count in enumerate(counts, 1))),
            "counts": [str(count) for count in counts],
        },
        "integer": str(number),
        "string": str(number) if first else "",
    }


def run(runs: int, seed: int) -> dict[str, Any]:
    """Kill so many writers; gives how many were killed when, and what was wrong."""
    chance = random.Random(seed)
    found: Counter[str] = Counter()
    faults: list[str] = []
    with processes.directory() as directory:
        horizon = 1.3 * max(_until_grown(directory) for _ in range(5))
        moments = [horizon * ((number + chance.random()) / runs) ** 2 for number in range(runs)]
        chance.shuffle(moments)
        begin = time.monotonic()
        for moment in moments:
            told = processes.told()
            pid = processes.fork(partial(_write, directory, told))
            time.sleep(moment)
            if not processes.kill(pid):
                faults.append(f"after {moment:.6f} s: the writer had ended")
            try:
                found[_look(directory, told[BEGUN], told[ENDED])] += 1
            except Exception as error:
                faults.append(f"after {moment:.6f} s, rounds {told[ENDED]} to {told[BEGUN]}: {error!r}")
            _empty(directory)
    return {
        "runs": runs,
        "seed": seed,
        "seconds": round(time.monotonic() - begin, 1),
        "found": dict(sorted(found.items())),
        "faults": faults,
        "holds": not faults and found.total() == runs,
    }


def _write(directory: Path, told: memoryview) -> None:
    stats = Stats(path=directory, filename="killed.mmstats", app="kills")
    number = 0
    while True:
        number += 1
        told[BEGUN] = number
        update(stats, number)
        told[ENDED] = number


def _until_grown(directory: Path) -> float:
    """Seconds from the fork to the last label set."""
    told = processes.told()
    begin = time.monotonic()
    with processes.running(partial(_write, directory, told), ready=lambda: told[ENDED] >= LABEL_SETS * EVERY):
        took = time.monotonic() - begin
    _empty(directory)
    return took


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()


def _look(directory: Path, begun: int, ended: int) -> str:
    """What a writer left that was killed between these rounds, in a word; an error where that is not right."""
    # A file that has a dotted name was never given its own.
    files = [path for path in directory.iterdir() if not path.name.startswith(".")]
    if not files:
        _must(begun == 0, "there is no file, and it was updated")
        return "no file"
    (path,) = files
    content = path.read_bytes()
    _must(not locked(path), "the lock is held")
    said = canonical(content)
    families = {family["name"]: family["series"] for family in said["families"]}
    before, after, behind = expected(ended), expected(begun), False
    for name in before:
        (series,) = families[name]
        value = series["value"]["value"] if name == "timed" and series["value"] else series["value"]
        _must(value in (before[name], after[name]), f"{name}: {value}")
        _must(not (behind and value != before[name]), f"{name} is ahead of what was updated before it")
        behind = behind or value != after[name]
    _labels(families["paths"], begun, ended, behind)
    extents = len(document(content).extents)
    return "1 extent" if extents == 1 else f"{extents} extents"


def _labels(series: list[dict[str, Any]], begun: int, ended: int, behind: bool) -> None:
    """Look at the label sets: those of rounds that ended are there, each with its one value."""
    made = [str(number) for number in range(EVERY, min(begun, LABEL_SETS * EVERY) + 1, EVERY)]
    names = [one["labels"][0] for one in series]
    _must(names in (made, made[:-1] if made and int(made[-1]) > ended else made), f"label sets {names}")
    for one in series:
        number = int(one["labels"][0])
        one_value = {"sum": _bits(number), "counts": _one_at(number)}
        none = {"sum": _bits(0), "counts": _one_at(None)}
        _must(one["value"] in ((one_value,) if number <= ended else (one_value, none)), f"label set {one}")
        _must(not (behind and number > ended), f"label set {number} is ahead of what was updated before it")


def _one_at(number: int | None) -> list[str]:
    """The counts of a histogram of `BOUNDS` with this value alone."""
    place = None if number is None else min(number - 1, len(BOUNDS))
    return ["1" if bucket == place else "0" for bucket in range(len(BOUNDS) + 1)]


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _text(number: int) -> str:
    return f"round {number} " * (1 + number % 5)


def _bits(number: float) -> str:
    return struct.pack(">d", number).hex()
