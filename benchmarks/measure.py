"""How everything is measured.

What is compared runs in turns, each in a fresh process, round after round, so that a busy moment of the machine meets
all alike. A process repeats its statement until that takes long enough to be timed well, which also warms it up; then
it gives some values. Of the values of all rounds the median counts, and the standard deviation tells how quiet the
machine was. The loop around a statement is part of its time, for all.

``pyperf`` tells of the machine, and does not run the processes: its own runner measures one benchmark after the other,
not in turns, and not under CPython 2.7.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from mmstats_testing.original import Original
from mmstats_testing.running import environment

LOOP = Path(__file__).with_name("loop.py")


class Effort(NamedTuple):
    """How much is measured.

    Attributes:
        rounds: processes for each time of an update or an import.
        seconds: least time to be measured at once, for an update.
        values: how many times of an update a process gives.
        passes: rounds of reading, and how often a process reads all files after its first time.
        files: how many files are read.
        updates: of each kind, whose system calls are counted.
    """

    rounds: int
    seconds: float
    values: int
    passes: int
    files: int
    updates: int


FULL = Effort(rounds=15, seconds=0.05, values=3, passes=5, files=1000, updates=1_000_000)
FAST = Effort(rounds=2, seconds=0.002, values=1, passes=1, files=50, updates=10_000)


class Value(NamedTuple):
    """A median and its standard deviation; None for that where there is but one value."""

    median: float
    deviation: float | None = None


def value(values: list[float]) -> Value:
    """The value of several."""
    return Value(statistics.median(values), statistics.stdev(values) if len(values) > 1 else None)


def in_turns(rounds: int, measures: Mapping[str, Callable[[], list[float]]]) -> dict[str, list[list[float]]]:
    """What each measure gives in each round."""
    found: dict[str, list[list[float]]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
    return found


class Statement(NamedTuple):
    """A statement to be timed.

    Attributes:
        setup: code that is run once before it.
        names: those that the setup defines for it.
        code: the statement.
        original: the interpreter with the original package, where that is meant.
        threaded: the statement runs in another thread than the setup.
        python: the interpreter, where it is not this one.
    """

    setup: str
    names: str
    code: str
    original: Original | None = None
    threaded: bool = False
    python: str | None = None

    def times(self, seconds: float, values: int, **variables: str) -> list[float]:
        """Times in seconds, from a new process with these variables in its environment."""
        task = json.dumps(
            {
                "setup": self.setup,
                "names": self.names,
                "statement": self.code,
                "seconds": seconds,
                "values": values,
                "threaded": self.threaded,
            }
        )
        if self.original is None:
            return output([self.python or sys.executable, str(LOOP), task], environment(**variables))
        return output([self.original.python, str(LOOP), task], self.original.environment | variables)


def output(command: list[str], variables: dict[str, str]) -> list[float]:
    """The numbers that a program prints as a JSON list."""
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=True)
    numbers: list[float] = json.loads(done.stdout)
    return numbers


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, by all its threads: the scheduler counts nanoseconds, ``stat`` only ticks."""
    return sum(int(file.read_text().split()[0]) for file in Path("/proc").glob(f"{pid}/task/*/schedstat")) / 10**9
