"""What updates and reads cost, in nanoseconds: ``bench.py DIRECTORY``; the directory is where the files are made.

Each number is the best of several runs.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace

from canonical import put

from mmstats_reader import Reader
from mmstats_writer import Writer

RUNS, SECONDS = 5, 0.1
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def best(run: Callable[[int], None]) -> float:
    """Nanoseconds of one of those that `run` does, as many as it is told."""
    number = 1
    while (seconds := _seconds(run, number)) < SECONDS:
        number = max(2 * number, int(1.2 * number * SECONDS / seconds))
    return min(_seconds(run, number) for _ in range(RUNS)) / number * 1e9


def _seconds(run: Callable[[int], None], number: int) -> float:
    begun = time.perf_counter()
    run(number)
    return time.perf_counter() - begun


def main(directory: str) -> None:
    """Measure, and print what was found."""
    stats = Writer(directory, "bench.mmstats")
    counter, histogram = stats.counter("hits"), stats.histogram("latency", bounds=BOUNDS)
    for place in range(60 - 1):
        stats.counter(f"counter{place}").inc(place)
    for place in range(20):
        stats.gauge(f"gauge{place}").set(place)
    for place in range(10):
        stats.summary(f"summary{place}").observe(place)
    for place in range(10 - 1):
        stats.histogram(f"histogram{place}", bounds=BOUNDS).observe(place)
    plain, reader = SimpleNamespace(value=0), Reader(stats.filename)

    def atomic(number: int) -> None:
        for _ in itertools.repeat(None, number):
            plain.value += 1

    def inc(number: int) -> None:
        for _ in itertools.repeat(None, number):
            counter.inc()

    def observe(number: int) -> None:
        for _ in itertools.repeat(None, number):
            histogram.observe(0.07)

    def poll(number: int) -> None:
        for _ in itertools.repeat(None, number):
            reader.poll()

    put({"atomic": best(atomic), "counter": best(inc), "histogram": best(observe), "poll": best(poll)})
    stats.remove()


if __name__ == "__main__":
    main(sys.argv[1])
