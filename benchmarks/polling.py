"""Reads the counters of many processes, time and again, and prints the seconds that each pass took as a JSON list.

The argument is a JSON object: ``who``, whose reader; ``directory``, where the files are; ``names``, of the counters,
each of which counts its place among them; ``passes``, how many; ``page``, whether a pass makes a whole page for
Prometheus. Before each pass all values change. A pass gives the total of every metric over all files, which is checked.
"""

import glob
import json
import os
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from mmstats_format import layout


def ours(directory: str, mapped: bool) -> Callable[[list[str]], float]:
    """A pass with this project's reader."""
    from mmstats_reader import Directory

    stats = Directory(directory, mapped=mapped)

    def total(names: list[str]) -> float:
        view = stats.poll()
        return float(sum(view.total(name) for name in names))

    return total


def theirs(directory: str) -> Callable[[list[str]], float]:
    """A pass with prometheus_client's."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    collector: Any = MultiProcessCollector(CollectorRegistry(), directory)  # type: ignore[no-untyped-call]

    def total(names: list[str]) -> float:
        totals = {family.name: sum(sample.value for sample in family.samples) for family in collector.collect()}
        return float(sum(totals[name] for name in names))

    return total


def page(who: str, directory: str) -> Callable[[list[str]], float]:
    """A pass that makes a page in OpenMetrics."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector
    from prometheus_client.openmetrics.exposition import generate_latest

    from mmstats_reader.prometheus import Collector

    registry = CollectorRegistry()
    if who == "prometheus":
        MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    else:
        registry.register(Collector(directory, mapped=who == "mapped"))

    def total(names: list[str]) -> float:
        lines: list[bytes] = generate_latest(registry).split(b"\n")  # type: ignore[no-untyped-call]
        samples = dict(line.split() for line in lines if line.startswith(b"requests_"))
        return sum(float(samples[b"%s_total" % name.encode()]) for name in names)

    return total


def main() -> None:
    """Run."""
    task = json.loads(sys.argv[1])
    directory, names = task["directory"], task["names"]
    paths = sorted(glob.glob(f"{directory}/*.mmstats"))
    files = [os.open(path, os.O_RDWR) for path in paths] if task["who"] != "prometheus" else []
    if task["page"]:
        total = page(task["who"], directory)
    else:
        total = theirs(directory) if task["who"] == "prometheus" else ours(directory, task["who"] == "mapped")
    seconds = []
    for turn in range(task["passes"]):
        for fd in files:
            change(fd, len(names), turn)
        begin = time.perf_counter()
        found = total(names)
        seconds.append(time.perf_counter() - begin)
        expected = len(paths or glob.glob(f"{directory}/*.db")) * sum(range(len(names)))
        if files:
            expected += len(paths) * len(names) * turn
        if found != expected:
            raise SystemExit(f"{task['who']}: the totals are {found}, not {expected}")
    print(json.dumps(seconds))


def change(fd: int, names: int, turn: int) -> None:
    """Make the value of the nth counter n + `turn`."""
    place = layout.V2_HEADER_SIZE + layout.V2_EXTENT_AT_VALUES_OFFSET
    (values,) = struct.unpack("<Q", os.pread(fd, 8, place))
    os.pwrite(fd, struct.pack(f"<{names}Q", *range(turn, names + turn)), layout.V2_HEADER_SIZE + values)


if __name__ == "__main__":
    main()
