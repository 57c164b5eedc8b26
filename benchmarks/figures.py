"""What is measured."""

from __future__ import annotations

import gc
import itertools
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mmstats_testing.original import Original
from mmstats_testing.running import environment
from mmstats_testing.system_calls import UPDATES, count

from mmstats_writer import CounterField
from mmstats_writer import MmStats as Model
from mmstats_writer._version1 import DoubleField, MmStats, StaticUIntField, UInt64Field

from .measure import Effort, Statement, Value, in_turns, output, value
from .report import Figure

PROMETHEUS = "prometheus_client, multi-process"
ORIGINAL = "mmstats 0.8.0, CPython 2.7"
POLLING = Path(__file__).with_name("polling.py")
FOLDING = Path(__file__).with_name("folding.py")
#: So many times as many files are folded as are polled.
FOLDED = 10

_MODEL = """
from mmstats_writer import MmStats, CounterField, GaugeField, HistogramField, SummaryField, TextField, TimerField
class Stats(MmStats):
    requests = CounterField()
    routed = CounterField(labelnames=("method", "status"))
    queued = GaugeField(combine="sum")
    body = HistogramField()
    latency = TimerField()
    sizes = SummaryField()
    phase = TextField()
stats = Stats()
child = stats.routed.labels(method="GET", status="200")
inc = stats.requests.inc
"""
_FACADE = """
from mmstats import MmStats, CounterField, DoubleField, AverageField
class Stats(MmStats):
    counter = CounterField()
    double = DoubleField()
    average = AverageField()
stats = Stats(filename="{CMD}-{PID}.mmstats")
"""
_PROMETHEUS = """
from prometheus_client import Counter, Gauge, Histogram, Summary
counter = Counter("counter", "What is counted.")
routed = Counter("routed", "What is counted.", ["method", "status"])
gauge = Gauge("gauge", "What is measured.", multiprocess_mode="livesum")
bounds = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
histogram = Histogram("histogram", "What is measured.", buckets=bounds)
summary = Summary("summary", "What is measured.")
child = routed.labels("GET", "200")
inc = counter.inc
"""
_EMPTY = """
class Thing:
    def method(self, amount=1):
        pass
    def bare(self):
        pass
method, bare = Thing().method, Thing().bare
"""
EMPTY = "an empty method, kept, that takes amount=1"
BARE = "an empty method, kept, that takes nothing"

#: What is timed beside its counterpart of prometheus_client: ours, its names, theirs, its names, and the bound.
_UPDATES = {
    "counter: stats.requests.inc()": ("stats.requests.inc()", "stats", "counter.inc()", "counter", 6),
    "histogram of 11 bounds: stats.body.observe(0.3)": (
        "stats.body.observe(0.3)",
        "stats",
        "histogram.observe(0.3)",
        "histogram",
        4,
    ),
    "gauge: stats.queued.set(3)": ("stats.queued.set(3)", "stats", "gauge.set(3)", "gauge", None),
    "gauge: stats.queued.inc()": ("stats.queued.inc()", "stats", "gauge.inc()", "gauge", None),
    "summary: stats.sizes.observe(0.3)": (
        "stats.sizes.observe(0.3)",
        "stats",
        "summary.observe(0.3)",
        "summary",
        None,
    ),
    "timer: with stats.latency.time(): pass": (
        "with stats.latency.time(): pass",
        "stats",
        "with histogram.time(): pass",
        "histogram",
        None,
    ),
    "one of a label set, kept: child.inc()": ("child.inc()", "child", "child.inc()", "child", None),
    "the same, looked up: labels(...).inc()": (
        'stats.routed.labels(method="GET", status="200").inc()',
        "stats",
        'routed.labels(method="GET", status="200").inc()',
        "routed",
        None,
    ),
}


def updates(effort: Effort, original: Original | None) -> Iterator[Figure]:
    """Nanoseconds an update."""
    statements = {
        "kept": Statement(_MODEL, "inc", "inc()"),
        "empty": Statement(_EMPTY, "method", "method()"),
        "bare": Statement(_EMPTY, "bare", "bare()"),
        "elsewhere": Statement(_MODEL, "stats", "stats.requests.inc()", threaded=True),
        "prometheus elsewhere": Statement(_PROMETHEUS, "counter", "counter.inc()", threaded=True),
        "text": Statement(_MODEL, "stats", 'stats.phase.set("checkout")'),
        "facade inc": Statement(_FACADE, "stats", "stats.counter.inc()"),
        "facade double": Statement(_FACADE, "stats", "stats.double = 1.5"),
        "facade average": Statement(_FACADE, "stats", "stats.average.add(1.5)"),
    }
    for name, (ours, names, theirs, their_names, _) in _UPDATES.items():
        statements[name] = Statement(_MODEL, names, ours)
        statements["prometheus " + name] = Statement(_PROMETHEUS, their_names, theirs)
    if original is not None:
        model = _FACADE
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
    for name, (*_, bound) in _UPDATES.items():
        yield Figure(name, "ns", times[name], PROMETHEUS, times["prometheus " + name], at_least=bound)
    # At most four times as long: at least a quarter of the speed.
    yield Figure("a method kept: inc()", "ns", times["kept"], EMPTY, times["empty"], at_least=1 / 4)
    yield Figure("a method kept: inc()", "ns", times["kept"], BARE, times["bare"])
    other = times["prometheus elsewhere"]
    yield Figure("counter, from another thread than the instance's", "ns", times["elsewhere"], PROMETHEUS, other)
    yield Figure('text: stats.phase.set("checkout")', "ns", times["text"], EMPTY, times["empty"])
    other = times["prometheus counter: stats.requests.inc()"]
    yield Figure("version 1, facade: stats.counter.inc()", "ns", times["facade inc"], PROMETHEUS, other, at_least=5)
    for what, code in [("inc", "stats.counter.inc()"), ("double", "stats.double = x"), ("average", "average.add(x)")]:
        yield Figure(
            f"version 1, facade: {code}", "ns", times[f"facade {what}"], ORIGINAL, times.get(f"original {what}")
        )


def system_calls(effort: Effort) -> Iterator[Figure]:
    """System calls in updates of each kind; `Missing` without ``strace``."""
    for version, kinds in UPDATES.items():
        calls = count(version, dict.fromkeys(kinds, effort.updates))
        name = f"version {version}: {effort.updates:,} updates each of {', '.join(kinds)}"
        yield Figure(name, "system calls", Value(sum(map(len, calls.values()))), at_most=0)


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
    what = f"version 1: {effort.files:,} files of {fields} fields"
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


def polling(effort: Effort) -> Iterator[Figure]:
    """Milliseconds for the totals of a hundred counters over the files of many processes."""
    names = [f"requests_{number:03}" for number in range(100)]
    with tempfile.TemporaryDirectory(dir=_memory()) as directory:
        found = passes(effort, fill(directory, names, effort.files), names)
    theirs = value([1e3 * seconds for run in found["prometheus"] for seconds in run])
    what = f"totals of {effort.files:,} files of 100 counters"
    peer = "prometheus_client, a collection"
    first = value([1e3 * run[0] for run in found["pread"]])
    yield Figure(f"{what}, first read", "ms", first, peer, theirs, at_least=5)
    for who, how, bound in [("pread", "further poll", 12), ("mapped", "further poll, mapped", 20)]:
        further = value([1e3 * seconds for run in found[who] for seconds in run[1:]])
        yield Figure(f"{what}, {how}", "ms", further, peer, theirs, at_least=bound)


def fill(directory: str, names: list[str], files: int) -> dict[str, str]:
    """Write files of counters, each of which has counted its place; gives the directories of ours and of the peer's."""
    places = {who: os.path.join(directory, who) for who in ("ours", "prometheus")}
    for place in places.values():
        os.mkdir(place)
    kind = type("Web", (Model,), {name: CounterField(help="Requests of this sort.") for name in names})
    for number in range(files):
        stats = kind(path=places["ours"], filename=f"web-{number:04}.mmstats", app="web")
        for value_of, name in enumerate(names):
            getattr(stats, name).inc(value_of)
    code = (
        f"from prometheus_client import Counter\nfor number, name in enumerate({names}):\n"
        "    Counter(name, 'Requests of this sort.').inc(number)\nprint([])"
    )
    output([sys.executable, "-c", code], environment(PROMETHEUS_MULTIPROC_DIR=places["prometheus"]))
    (made,) = os.listdir(places["prometheus"])
    for number in range(files):
        name = os.path.join(places["prometheus"], f"counter_{10_000 + number}.db")
        shutil.copy(os.path.join(places["prometheus"], made), name)
    os.unlink(os.path.join(places["prometheus"], made))
    return places


def passes(
    effort: Effort, places: dict[str, str], names: list[str], page: bool = False
) -> dict[str, list[list[float]]]:
    """Seconds of each pass over those files, of each round, by read calls, mapped, and by prometheus_client."""
    measures = {}
    for who in ("pread", "mapped", "prometheus"):
        place = places.get(who, places["ours"])
        task = {"who": who, "directory": place, "names": names, "passes": 1 + effort.passes, "page": page}
        measures[who] = partial(output, [sys.executable, str(POLLING), json.dumps(task)], environment())
    return in_turns(effort.passes, measures)


def folding(effort: Effort) -> Iterator[Figure]:
    """Files of dead writers folded a second, and what a reader has of it."""
    names = [f"requests_{number:03}" for number in range(100)]
    kind = type("Web", (Model,), {name: CounterField(help="Requests of this sort.") for name in names})
    files = FOLDED * effort.files
    with tempfile.TemporaryDirectory(dir=_memory()) as directory:
        dead, one, copy = (os.path.join(directory, name) for name in ("dead", "one", "copy"))
        for place, number in [(dead, files), (one, 1)]:
            os.mkdir(place)
            for file in range(number):
                stats = kind(path=place, filename=f"web-{file}.mmstats", app="web")
                for value_of, name in enumerate(names):
                    getattr(stats, name).inc(value_of)
        del stats
        gc.collect()  # which closes the files
        before, fold, after, single = [], [], [], []
        for _ in range(effort.passes):
            shutil.copytree(dead, copy)
            run = partial(_folding, names[-1])
            read, folded = run("fold", copy, files)
            before.append(read)
            fold.append(folded)
            after += run("read", copy, files)
            single += run("read", one, 1)
            shutil.rmtree(copy)
    rates = [value([files / seconds for seconds in times]) for times in (fold, before)]
    what = f"folding {files:,} dead files of 100 counters"
    yield Figure(what, "files/s", rates[0], "a first read of them", rates[1])
    times = [value([1e3 * seconds for seconds in those]) for those in (after, single)]
    peer = "a first read of one such file"
    yield Figure("a first read after the fold", "ms", times[0], peer, times[1], at_least=0.8)


def _folding(name: str, what: str, directory: str, files: int) -> list[float]:
    total = str(files * int(name[-2:]))
    return output([sys.executable, str(FOLDING), what, directory, name, total], environment())


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
        theirs = times["prometheus_client"]
        bound = 2 if module == "mmstats_writer" else None
        yield Figure(f"import {module}", "ms", times[module], "import prometheus_client", theirs, at_least=bound)


def sizes() -> Iterator[Figure]:
    """Bytes of storage that the file of a hundred counters takes."""
    names = [f"shop.http.requests_{number}" for number in range(100)]
    text = "Requests of this sort that were answered, by whatever path.".ljust(60, "!")
    with tempfile.TemporaryDirectory(dir=_memory()) as directory:
        fields = {f"field{number}": CounterField(name, help=text) for number, name in enumerate(names)}
        stats = type("Hundred", (Model,), fields)(path=directory)
        ours = os.stat(stats.filename)
        stats.remove()
        code = f"""
import glob, os
from prometheus_client import Counter
for name in {names}:
    Counter(name.replace(".", "_"), {text!r}).inc()
(path,) = glob.glob({directory!r} + "/*.db")
print([os.stat(path).st_blocks])
"""
        (blocks,) = output([sys.executable, "-c", code], environment(PROMETHEUS_MULTIPROC_DIR=directory))
    # st_blocks has units of 512 bytes everywhere.
    taken, theirs = Value(ours.st_blocks * 512), Value(blocks * 512)
    what = "storage of 100 counters with help of 60 bytes"
    yield Figure(what, "bytes", taken, PROMETHEUS, theirs, at_most=16 * 1024)


def _memory() -> str | None:
    """A directory in memory, so that no disk is measured; None for the usual temporary one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
