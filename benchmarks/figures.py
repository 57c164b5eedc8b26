"""What is measured."""

from __future__ import annotations

import itertools
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from functools import partial

from mmstats_testing.original import Original
from mmstats_testing.running import environment
from mmstats_testing.system_calls import UPDATES, count

from mmstats_writer._version1 import CounterField, DoubleField, MmStats, StaticUIntField, UInt64Field

from .measure import Effort, Statement, Value, in_turns, output, value
from .report import Figure

PROMETHEUS = "prometheus_client, multi-process"
ORIGINAL = "mmstats 0.8.0, CPython 2.7"

_MODEL = """
from {package} import MmStats, CounterField, DoubleField, AverageField
class Stats(MmStats):
    counter = CounterField()
    double = DoubleField()
    average = AverageField()
stats = Stats(filename="{{CMD}}-{{PID}}.mmstats")
inc = stats.counter.{inc}
"""
_PROMETHEUS = """
from prometheus_client import Counter
counter = Counter("benchmark", "What is counted.")
inc = counter.inc
"""
_EMPTY = """
class Thing:
    def method(self):
        pass
thing = Thing()
"""


def updates(effort: Effort, original: Original | None) -> Iterator[Figure]:
    """Nanoseconds an update."""
    model = _MODEL.format(package="mmstats_writer", inc="inc")
    statements = {
        "inc": Statement(model, "stats", "stats.counter.inc()"),
        "facade": Statement(_MODEL.format(package="mmstats", inc="inc"), "stats", "stats.counter.inc()"),
        "kept": Statement(model, "inc", "inc()"),
        "double": Statement(model, "stats", "stats.double = 1.5"),
        "average": Statement(model, "stats", "stats.average.add(1.5)"),
        "empty": Statement(_EMPTY, "thing", "thing.method()"),
        "prometheus": Statement(_PROMETHEUS, "counter", "counter.inc()"),
        "prometheus kept": Statement(_PROMETHEUS, "inc", "inc()"),
    }
    if original is not None:
        model = _MODEL.format(package="mmstats", inc="incr")
        statements |= {
            "original inc": Statement(model, "stats", "stats.counter.incr()", original),
            "original double": Statement(model, "stats", "stats.double = 1.5", original),
            "original average": Statement(model, "stats", "stats.average.add(1.5)", original),
        }
    with tempfile.TemporaryDirectory(dir=_memory()) as directory:
        places = {"MMSTATS_PATH": directory, "PROMETHEUS_MULTIPROC_DIR": directory}
        found = in_turns(
            effort.rounds,
            {
                name: partial(statement.times, effort.seconds, effort.values, **places)
                for name, statement in statements.items()
            },
        )
    times = {name: value([seconds * 1e9 for run in runs for seconds in run]) for name, runs in found.items()}
    yield Figure("stats.counter.inc()", "ns", times["inc"], PROMETHEUS, times["prometheus"], at_least=5)
    yield Figure("the same, facade mmstats", "ns", times["facade"], PROMETHEUS, times["prometheus"], at_least=5)
    yield Figure("inc(), kept", "ns", times["kept"], f"{PROMETHEUS}, kept", times["prometheus kept"])
    yield Figure("stats.counter.inc()", "ns", times["inc"], "an empty method", times["empty"])
    yield Figure("stats.counter.inc()", "ns", times["inc"], ORIGINAL, times.get("original inc"))
    yield Figure("stats.double = x", "ns", times["double"], ORIGINAL, times.get("original double"))
    yield Figure("stats.average.add(x)", "ns", times["average"], ORIGINAL, times.get("original average"))


def system_calls(effort: Effort) -> Figure:
    """System calls in updates of each kind; `Missing` without ``strace``."""
    calls = count(dict.fromkeys(UPDATES, effort.updates))
    name = f"{effort.updates:,} updates each of {', '.join(UPDATES)}"
    return Figure(name, "system calls", Value(sum(map(len, calls.values()))), at_most=0)


def reading(effort: Effort, original: Original | None) -> Iterator[Figure]:
    """Fields read a second, from the same files."""
    with tempfile.TemporaryDirectory(dir=_memory()) as directory:
        fields = _write(directory, effort.files)
        setup = f"import glob\npaths = sorted(glob.glob({directory!r} + '/*'))\n"
        ours = "from mmstats_reader import read"
        theirs = "from mmstats.reader import MmStatsReader\nread = MmStatsReader.from_mmap"
        loop = "for path in paths:\n    for label, value in read(path):\n        pass"
        statements = {"ours": Statement(setup + ours, "paths, read", loop)}
        if original is not None:
            statements["theirs"] = Statement(setup + theirs, "paths, read", loop, original)
        found = in_turns(
            effort.passes,
            {name: partial(statement.times, 0, 1 + effort.passes) for name, statement in statements.items()},
        )
    what = f"{effort.files:,} files of {fields} fields"
    for name, part in [("first time", slice(0, 1)), ("again", slice(1, None))]:
        rates = {
            who: value([effort.files * fields / seconds for run in runs for seconds in run[part]])
            for who, runs in found.items()
        }
        yield Figure(f"{what}, {name}", "fields/s", rates["ours"], ORIGINAL, rates.get("theirs"), at_least=3)


def _write(directory: str, files: int) -> int:
    """Write files as that many processes of one program would, and give the number of fields in each."""
    pids = itertools.count(10_000)
    handlers = ("login", "logout", "search", "basket", "checkout", "account", "orders", "product", "reviews", "health")
    fields: dict[str, object] = {"pid": StaticUIntField("sys.pid", value=lambda: next(pids))}
    for number, (handler, status) in enumerate(itertools.product(handlers, (200, 302, 404, 500, 503))):
        fields[f"count{number}"] = UInt64Field(f"shop.http.requests.{handler}.{status}.count")
        fields[f"seconds{number}"] = DoubleField(f"shop.http.requests.{handler}.{status}.seconds")
    kind = type("Web", (MmStats,), fields)
    chance = random.Random(1)
    for number in range(files):
        stats = kind(path=directory, filename=f"web-{number:04}.mmstats")
        for name in list(fields)[1:]:
            setattr(stats, name, chance.randrange(2**40) if name.startswith("count") else chance.expovariate(10))
    return len(fields) + 5


def imports(effort: Effort) -> Iterator[Figure]:
    """Milliseconds that an import takes in a fresh interpreter, whose own start is not part of it."""
    code = (
        "import time; begin = time.perf_counter(); import {}; end = time.perf_counter(); print([1e3 * (end - begin)])"
    )
    measures = {
        module: partial(output, [sys.executable, "-I", "-c", code.format(module)], environment())
        for module in ("mmstats_writer", "mmstats_reader", "prometheus_client")
    }
    in_turns(1, measures)  # compiles what is not compiled yet
    found = in_turns(effort.rounds, measures)
    times = {module: value([took for run in runs for took in run]) for module, runs in found.items()}
    for module in ("mmstats_writer", "mmstats_reader"):
        yield Figure(f"import {module}", "ms", times[module], "import prometheus_client", times["prometheus_client"])


def sizes() -> Iterator[Figure]:
    """Bytes of the file of a hundred counters: as it says itself, and of storage that it takes."""
    names = [f"shop.http.requests_{number}_total" for number in range(100)]
    with tempfile.TemporaryDirectory(dir=_memory()) as directory:
        fields = {name: CounterField() for name in names}
        stats = type("Hundred", (MmStats,), fields)(path=directory)
        ours = os.stat(stats.filename)
        stats.remove()
        code = f"""
import glob, os
from prometheus_client import Counter
for name in {names}:
    Counter(name, "What is counted.").inc()
(path,) = glob.glob({directory!r} + "/*.db")
print([os.stat(path).st_size, os.stat(path).st_blocks])
"""
        size, blocks = output([sys.executable, "-c", code], environment(PROMETHEUS_MULTIPROC_DIR=directory))
    yield Figure("file of 100 counters", "bytes", Value(ours.st_size), PROMETHEUS, Value(size))
    # st_blocks has units of 512 bytes everywhere.
    taken = Value(ours.st_blocks * 512)
    yield Figure("storage of that file", "bytes", taken, PROMETHEUS, Value(blocks * 512))


def _memory() -> str | None:
    """A directory in memory, so that no disk is measured; None for the usual temporary one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
