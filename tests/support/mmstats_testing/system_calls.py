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

#: An update of every kind; `number` counts them.
UPDATES = {
    "counter": "stats.counter.inc()",
    "integer": "stats.integer = number",
    "double": "stats.double = number / 3",
    "bool": "stats.bool = number % 2",
    "text": "stats.text = f'request {number}'",
    "average": "stats.average.add(number)",
    "timer": "with stats.timer: pass",
}

#: Updates made before the first mark: by then the windows of averages are full and all memory is had.
WARM_UP = 1000

_PROGRAM = """
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
"""
_LOOP = """
def update(times):
    for number in range(times):
        {statement}

update({warm_up})
os.write(1, b"begin {kind}")
update({times})
os.write(1, b"end {kind}")
"""


def count(times: Mapping[str, int]) -> dict[str, list[str]]:
    """The system calls of that many updates of each kind, as ``strace`` writes them.

    Args:
        times: how many updates, by their kind in `UPDATES`.

    Raises:
        Missing: there is no ``strace`` here, or it may not trace.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise Missing("there is no strace here")
    program = _PROGRAM + "".join(
        _LOOP.format(statement=UPDATES[kind], kind=kind, warm_up=WARM_UP, times=number)
        for kind, number in times.items()
    )
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory, "trace")
        command = [strace, "-f", "-o", str(trace), sys.executable, "-c", program, directory]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
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
