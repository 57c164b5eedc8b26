"""How much more work many browsers make for mmash than one does."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from mmstats_testing.mmashing import mmash
from mmstats_testing.running import HANG_SECONDS, environment

from mmstats_writer import Counter, CounterField, MmStats

from .figures import _memory as memory
from .measure import FULL, Effort, cpu_seconds, in_turns, value
from .report import Figure

WATCHING = Path(__file__).with_name("watching.py")
FILES, METRICS, VIEWERS = 200, 100, 50
#: How long it is measured; as long as a fifth of it before, nothing is.
SECONDS = 10


def viewers(effort: Effort) -> Iterator[Figure]:
    """Milliseconds of CPU time that mmash takes a second, with streams of all metrics to many browsers and to one."""
    full = effort is FULL
    files, seconds = (FILES, SECONDS) if full else (effort.files, 2)
    fields = {f"requests_{number:03}": CounterField(help="Requests of this sort.") for number in range(METRICS)}
    kind = type("Web", (MmStats,), fields)
    with tempfile.TemporaryDirectory(dir=memory()) as directory:
        writers = [kind(path=directory, filename=f"web-{number:04}.mmstats", app="web") for number in range(files)]
        counters = [getattr(writer, name) for writer in writers for name in fields]
        measures = {
            who: partial(_measure, directory, number, counters, seconds)
            for who, number in {"one": 1, "many": VIEWERS}.items()
        }
        found = in_turns(3 if full else 1, measures)
    one, many = (value([cpu for run in found[who] for cpu in run]) for who in ("one", "many"))
    what = f"CPU time of mmash a second, {files} files of {METRICS} counters, {VIEWERS} viewers"
    yield Figure(what, "ms", many, "one viewer", one, at_least=0.667)  # 1.5 times


def _measure(directory: str, number: int, counters: Sequence[Counter], seconds: int) -> list[float]:
    """Milliseconds of CPU time a second with so many viewers, each of which reads its stream to the end."""
    with mmash(directory) as server:
        task = json.dumps({"port": server.port, "viewers": number})
        command = [sys.executable, str(WATCHING), task]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as watching:
            try:
                assert watching.stdout is not None
                if not watching.stdout.readline():
                    raise SystemExit("the viewers saw nothing")
                _work(counters, seconds / 5)
                before = time.perf_counter(), cpu_seconds(server.pid)
                _work(counters, seconds)
                after = time.perf_counter(), cpu_seconds(server.pid)
                server.end()
                events = json.loads(watching.communicate(timeout=HANG_SECONDS)[0])
            finally:
                watching.kill()
    if len(events) != number or min(events) < seconds:
        raise SystemExit(f"of {number} viewers these many events were seen: {events}")
    return [1e3 * (after[1] - before[1]) / (after[0] - before[0])]


def _work(counters: Sequence[Counter], seconds: float) -> None:
    """Count for so long, so that no value stays what it was."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for counter in counters:
            counter.inc()
        time.sleep(min(0.3, left))
