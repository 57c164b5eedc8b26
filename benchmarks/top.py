"""How much of a core ``mmtop`` takes in a real terminal, and how soon its keys answer: ``python -m benchmarks.top``.

The terminal is tmux's. A process of its own keeps all values changing, and does not count. A key is sent at any moment
between two looks, and has answered once the terminal shows what it does; what tmux takes for both counts too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mmstats_testing.running import HANG_SECONDS, environment

from mmstats_writer import CounterField, MmStats

from .figures import _memory as memory
from .measure import cpu_seconds
from .report import ROOT, about

FILES, METRICS, SECONDS, ROUNDS = 200, 100, 30, 4
COLUMNS, LINES = 200, 50
#: Of a core, and seconds.
MOST_CPU, MOST_LATENCY = 0.2, 0.2
#: Before what is measured, and at most between two keys: more than from look to look.
_SETTLE_SECONDS, _PAUSE_SECONDS = 3, 1.1


def write(directory: str, files: int, metrics: int) -> None:
    """Make files, and count in all of them until killed."""
    fields = {f"requests_{number:03}": CounterField(help="Requests of this sort.") for number in range(metrics)}
    kind = type("Web", (MmStats,), fields)
    writers = [kind(path=directory, filename=f"web-{number:04}.mmstats", app="web") for number in range(files)]
    counters = [getattr(writer, name) for writer in writers for name in fields]
    print("written", flush=True)
    while True:
        for counter in counters:
            counter.inc(random.randrange(1, 9))
        time.sleep(0.2)


class Terminal:
    """A program in a terminal of its own.

    Attributes:
        pid: of the program.
    """

    def __init__(self, socket: Path) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", os.devnull]
        self.pid = 0

    def run(self, *command: str) -> None:
        """Run a program in it."""
        size = ("-x", str(COLUMNS), "-y", str(LINES))
        self._call("new-session", "-d", *size, f"exec {shlex.join(command)}")
        self.pid = int(self._call("display-message", "-p", "#{pane_pid}"))

    def _call(self, *arguments: str) -> str:
        return subprocess.run(
            [*self._tmux, *arguments],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=HANG_SECONDS,
        ).stdout

    def screen(self) -> str:
        """What it shows."""
        return self._call("capture-pane", "-p")

    def send(self, key: str) -> None:
        """Press a key, by tmux's name."""
        self._call("send-keys", key)

    def wait(self, shows: Callable[[str], bool]) -> float:
        """Wait until it shows something; the time then."""
        limit = time.monotonic() + HANG_SECONDS
        while not shows(screen := self.screen()):
            if time.monotonic() > limit:
                raise SystemExit(f"what was expected is not shown:\n{screen}")
        return time.monotonic()

    def end(self) -> None:
        """End it, and the program with it."""
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False, timeout=HANG_SECONDS)


@contextmanager
def watched(files: int, metrics: int) -> Iterator[Terminal]:
    """``mmtop``, in a terminal, on files that change all the time."""
    with tempfile.TemporaryDirectory(dir=memory()) as made, tempfile.TemporaryDirectory() as sockets:
        code = f"from benchmarks.top import write; write({made!r}, {files}, {metrics})"
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
        writing = subprocess.Popen(
            [sys.executable, "-c", code], env=environment(PYTHONPATH=path), stdout=subprocess.PIPE, text=True
        )
        terminal = Terminal(Path(sockets, "tmux"))
        try:
            assert writing.stdout is not None
            if not writing.stdout.readline():
                raise SystemExit("nothing was written")
            terminal.run(sys.executable, "-m", "mmstats_reader.mmtop", made)
            yield terminal
        finally:
            terminal.end()
            writing.kill()
            writing.communicate()


def has(*texts: str, without: str = "\0") -> Callable[[str], bool]:
    """Whether a screen has all these texts, and not that one."""
    return lambda screen: all(text in screen for text in texts) and without not in screen


def keys(metrics: int) -> list[tuple[str, Callable[[str], bool]]]:
    """Keys, and how it is seen that they have answered."""
    last = f"requests_{metrics - 1:03}"
    return [
        ("End", has(f"{last}: counter")),
        ("Home", has("requests_000: counter")),
        (">", has("▾process")),
        (">", has("▾value")),
        (">", has("▾change/s")),
        ("z", has("without zeros")),
        ("z", has("rows", without="without zeros")),
        ("<", has("▾value")),
        ("e", has("all together", "▾value")),
        ("Enter", has("Each process by itself")),
        ("Escape", has("all together")),
        ("e", has("each process")),
        ("/", has("All metrics")),
        ("9", has("only 9")),
        ("Escape", has("each process", without="only 9")),
        ("p", has("paused")),
        ("p", has("every 1 s")),
        ("<", has("▾process")),
        ("<", has("▾metric")),
    ]


def measure(files: int, metrics: int, seconds: float, rounds: int, pause: float = _PAUSE_SECONDS) -> dict[str, Any]:
    """Run it, and measure."""
    shares, latencies = {}, []
    rows = f"{files * metrics:,} rows, each process"
    with watched(files, metrics) as terminal:
        terminal.wait(has("all together"))
        for mode in ("all together", "each process"):
            time.sleep(min(_SETTLE_SECONDS, seconds))
            began, before = time.monotonic(), cpu_seconds(terminal.pid)
            time.sleep(seconds)
            shares[mode] = (cpu_seconds(terminal.pid) - before) / (time.monotonic() - began)
            if mode == "all together":
                terminal.send("e")
                terminal.wait(has(rows))
        for key, shows in keys(metrics) * rounds:
            time.sleep(random.uniform(0, pause))
            began = time.monotonic()
            terminal.send(key)
            latencies.append((terminal.wait(shows) - began, key))
    latencies.sort()
    return {
        "files": files,
        "metrics": metrics,
        "terminal": f"{COLUMNS} × {LINES}",
        "seconds": seconds,
        "cpu_together": round(shares["all together"], 4),
        "cpu_each": round(shares["each process"], 4),
        "cpu_at_most": MOST_CPU,
        "keys": len(latencies),
        "latency_median": round(latencies[len(latencies) // 2][0], 4),
        "latency_95": round(latencies[len(latencies) * 95 // 100][0], 4),
        "latency_most": round(latencies[-1][0], 4),
        "slowest_key": latencies[-1][1],
        "latency_at_most": MOST_LATENCY,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; see ``python -m benchmarks.top --help``.

    Returns:
        1 where a bound is missed.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.top", description="Measure mmtop in a terminal.")
    parser.add_argument("--fast", action="store_true", help="few files and some seconds, and rough")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the figures are written, as JSON")
    options = parser.parse_args(arguments)
    facts = about("python -m benchmarks.top" + (" --fast" if options.fast else ""))
    facts |= {name: version(name) for name in ("textual", "numpy")}
    found = measure(5, 20, 1, 1, 0.1) if options.fast else measure(FILES, METRICS, SECONDS, ROUNDS)
    print(*(f"{name}: {fact}" for name, fact in (facts | found).items()), sep="\n")
    if options.output:
        options.output.write_text(json.dumps(facts | found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    missed = max(found["cpu_together"], found["cpu_each"]) > MOST_CPU or found["latency_most"] > MOST_LATENCY
    if missed:
        print("a bound is missed")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
