"""How cost grows: with files, with metrics, with threads. Each is a curve, and has a file of its own for its plot.

Rule 1: a point is measured in a fresh process; the points of a curve in turns.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from mmstats_testing.running import environment

from . import figures as measured
from .figures import _memory as memory
from .measure import FULL, Effort, Statement, in_turns, output, value

FILES = (10, 100, 1000, 10_000)
METRICS = (10, 100, 1000, 10_000)
THREADS = (1, 2, 4, 8, 16, 32, 64)
#: What is smaller is smaller by this much with `--fast`.
LEAST = 2

_METRICS = """
from mmstats_writer import CounterField, MmStats
Stats = type("Stats", (MmStats,), {{f"requests_{{number}}": CounterField() for number in range({number})}})
stats = Stats()
"""
#: Each thread counts so often, all at once.
_THREADS = """
import threading, time
{setup}
begin, done = threading.Barrier({number} + 1), threading.Barrier({number} + 1)
def count():
    begin.wait()
    for _ in range({updates}):
        {update}
    done.wait()
threads = [threading.Thread(target=count) for _ in range({number})]
for thread in threads:
    thread.start()
begin.wait()
start = time.perf_counter()
done.wait()
print([1e9 * (time.perf_counter() - start) / {updates} / {number}])
"""
_MEMORY = """
import sys
from mmstats_reader import Directory
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
before = resident()
with Directory(sys.argv[1]) as stats:
    stats.poll()
    stats.poll()
    print([(resident() - before) / 2**20])
"""


class Curve(NamedTuple):
    """How something grows: for each x a median and its deviation, by who it is of."""

    name: str
    x: str
    y: str
    lines: dict[str, list[tuple[int, float, float | None]]]


def growth(effort: Effort) -> list[Curve]:
    """All curves."""
    return [*_files(effort), _of_metrics(effort), _of_threads(effort)]


def _files(effort: Effort) -> list[Curve]:
    """Milliseconds and memory of a reader of so many files."""
    names = [f"requests_{number:03}" for number in range(100)]
    times: dict[str, list[Any]] = {"first read": [], "further poll": [], "further poll, mapped": []}
    theirs: dict[str, list[Any]] = {"prometheus_client, a collection": []}
    memories: dict[str, list[Any]] = {"reader": []}
    for number in _some(FILES, effort):
        with tempfile.TemporaryDirectory(dir=memory()) as directory:
            places = measured.fill(directory, names, number)
            small = effort._replace(passes=max(2, effort.passes - 2) if number <= 1000 else 1)
            found = measured.passes(small, places, names)
            run = [sys.executable, "-c", _MEMORY, places["ours"]]
            memories["reader"].append((number, *value(output(run, environment()))))
        times["first read"].append((number, *value([1e3 * run[0] for run in found["pread"]])))
        for who, line in (("pread", "further poll"), ("mapped", "further poll, mapped")):
            times[line].append((number, *value([1e3 * seconds for run in found[who] for seconds in run[1:]])))
        collected = [1e3 * seconds for run in found["prometheus"] for seconds in run]
        theirs["prometheus_client, a collection"].append((number, *value(collected)))
    return [
        Curve("totals of 100 counters over many files", "files", "milliseconds", times | theirs),
        Curve("memory of a reader of files of 100 counters", "files", "MiB", memories),
    ]


def _of_metrics(effort: Effort) -> Curve:
    """Nanoseconds of an update in a model of so many metrics."""
    with tempfile.TemporaryDirectory(dir=memory()) as directory:
        measures = {
            str(number): partial(
                Statement(_METRICS.format(number=number), "stats", f"stats.requests_{number - 1}.inc()").times,
                effort.seconds,
                effort.values,
                MMSTATS_PATH=directory,
            )
            for number in _some(METRICS, effort)
        }
        found = _values(effort, measures)
    line = [(int(number), *value(values)) for number, values in found.items()]
    nanoseconds = [(number, 1e9 * median, deviation and 1e9 * deviation) for number, median, deviation in line]
    return Curve("an update of a counter among many", "metrics of the model", "nanoseconds", {"counter": nanoseconds})


def _of_threads(effort: Effort) -> Curve:
    """Nanoseconds of the interpreter's time that an update takes where so many threads count at once."""
    peers = {
        "mmstats_writer": (
            "from mmstats_writer import Writer\ncounter = Writer().counter('requests')",
            "counter.inc()",
        ),
        "prometheus_client, multi-process": (
            "from prometheus_client import Counter\ncounter = Counter('requests', 'Counted.')",
            "counter.inc()",
        ),
    }
    lines: dict[str, list[Any]] = {}
    updates = 20_000 if effort is FULL else 500
    with tempfile.TemporaryDirectory(dir=memory()) as directory:
        variables = environment(MMSTATS_PATH=directory, PROMETHEUS_MULTIPROC_DIR=directory)
        measures = {
            f"{who}/{number}": partial(
                output,
                [
                    sys.executable,
                    "-c",
                    _THREADS.format(setup=setup, update=update, number=number, updates=updates),
                ],
                variables,
            )
            for who, (setup, update) in peers.items()
            for number in _some(THREADS, effort)
        }
        for name, values in _values(effort, measures).items():
            who, _, number = name.partition("/")
            lines.setdefault(who, []).append((int(number), *value(values)))
    return Curve("an update of one counter by many threads", "threads at once", "nanoseconds", lines)


def _values(effort: Effort, measures: Mapping[str, Callable[[], list[float]]]) -> dict[str, list[float]]:
    found = in_turns(min(effort.rounds, 7), measures)
    return {name: [one for run in runs for one in run] for name, runs in found.items()}


def _some(points: tuple[int, ...], effort: Effort) -> tuple[int, ...]:
    return points if effort is FULL else points[:LEAST]


def as_json(curves: list[Curve]) -> list[dict[str, Any]]:
    """For the file that the plots are drawn from: each number with four digits."""
    rounded: list[dict[str, Any]] = json.loads(
        json.dumps([curve._asdict() for curve in curves]), parse_float=lambda text: float(f"{float(text):.4g}")
    )
    return rounded
