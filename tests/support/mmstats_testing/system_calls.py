"""The system calls of a million updates, counted by ``strace`` between two marks that the program writes itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .original import Missing
from .running import environment

#: By version of the format an update of every kind; `number` counts them.
UPDATES = {
    1: {
        "counter": "stats.counter.inc()",
        "integer": "stats.integer = number",
        "double": "stats.double = number / 3",
        "bool": "stats.bool = number % 2",
        "text": "stats.text = f'request {number}'",
        "average": "stats.average.add(number)",
        "timer": "with stats.timer: pass",
    },
    2: {
        "counter": "stats.counter.inc()",
        "float counter": "stats.seconds.inc(0.5)",
        "kept child": "child.inc()",
        "child": "stats.routed.labels(method='GET', status=number % 100).inc()",
        "gauge": "stats.gauge.set(number)",
        "gauge up and down": "stats.total.inc(); stats.total.dec(2)",
        "last gauge": "stats.last = number",
        "integer": "stats.integer = number",
        "double": "stats.double = number / 3",
        "bool": "stats.bool = number % 2",
        "string": "stats.string = f'request {number}'",
        "text": "stats.text = f'request {number}'",
        "state": "stats.state = 'odd' if number % 2 else 'even'",
        "average": "stats.average.add(number)",
        "summary": "stats.summary.observe(number)",
        "histogram": "stats.histogram.observe(number / 1000)",
        "timer": "with stats.timer.time(): pass",
        "moving average": "stats.moving.add(number)",
        "average of a time": "stats.recent.add(number)",
    },
}

#: Updates made before the first mark: by then the windows of averages are full and all memory is had.
WARM_UP = 1000

_PROGRAMS = {
    1: """
import os, sys
from mmstats_writer._version1 import *

class Stats(MmStats):
    counter = CounterField()
    integer = UInt64Field()
    double = DoubleField()
    bool = BoolField()
    text = StringField()
    average = AverageField()
    timer = TimerField()

stats = Stats(path=sys.argv[1])
""",
    2: """
import os, sys
from mmstats_writer import *

class Stats(MmStats):
    counter = CounterField()
    seconds = CounterField(type=float)
    routed = CounterField(labelnames=("method", "status"))
    gauge = GaugeField()
    total = GaugeField(combine="sum", type=int)
    last = GaugeField(combine="last")
    integer = UInt64Field()
    double = DoubleField()
    bool = BoolField()
    string = StringField()
    text = TextField()
    state = StateField(states=("even", "odd"))
    average = AverageField()
    summary = SummaryField()
    histogram = HistogramField()
    timer = TimerField()
    moving = MovingAverageField()
    recent = MovingAverageField(seconds=1e-4)

stats = Stats(path=sys.argv[1])
child = stats.routed.labels(method="PUT", status="201")
""",
}
_LOOP = """
def update(times):
    for number in range(times):
        {statement}

update({warm_up})
os.write(1, b"begin {kind}")
update({times})
os.write(1, b"end {kind}")
"""


def count(version: int, times: Mapping[str, int], **changes: str) -> dict[str, list[str]]:
    """The system calls of that many updates of each kind, as ``strace`` writes them.

    Args:
        version: of the format that is written.
        times: how many updates, by their kind in `UPDATES`.
        changes: of the program's environment.

    Raises:
        Missing: there is no ``strace`` here, or it may not trace.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise Missing("there is no strace here")
    program = _PROGRAMS[version] + "".join(
        _LOOP.format(statement=UPDATES[version][kind], kind=kind, warm_up=WARM_UP, times=number)
        for kind, number in times.items()
    )
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory, "trace")
        command = [strace, "-f", "-o", str(trace), sys.executable, "-c", program, directory]
        done = subprocess.run(command, env=environment(**changes), capture_output=True, text=True, check=False)
        calls = trace.read_text(encoding="utf-8") if trace.exists() else ""
    if "execve(" not in calls:
        raise Missing(f"strace may not trace here: {done.stderr.strip()}")
    if done.returncode:
        raise RuntimeError(done.stderr)
    found = {}
    for kind in times:
        between = re.search(rf'^.*"begin {kind}".*\n((?:.*\n)*?).*"end {kind}"', calls, re.MULTILINE)
        assert between is not None, calls
        found[kind] = between[1].splitlines()
    return found
