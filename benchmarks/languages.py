"""What an update costs in other languages, beside the same language's plain atomic increment in memory.

Rule 1: each language measures itself, by the `bench` program of its implementation, which gives nanoseconds.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial

from mmstats_testing.running import HANG_SECONDS

from interop.languages import languages

from .figures import _memory as memory
from .measure import FULL, Effort, in_turns, value
from .report import Figure

#: A counter's update is at most one and a half times the plain increment.
BOUND = 1 / 1.5
#: Those that are built at once, for a rough run.
QUICK = ("c", "python")
BOUNDED = ("c", "go", "java", "rust")
TITLES = {"c": "C", "go": "Go", "java": "Java", "js": "JavaScript", "python": "Python", "rust": "Rust"}


def in_languages(effort: Effort, notes: list[str]) -> Iterator[Figure]:
    """Nanoseconds of an update, an observation and a poll in each language whose tools are there; the others' names."""
    commands = {}
    for language in languages().values():
        if effort is not FULL and language.name not in QUICK:
            continue
        if missing := language.missing():
            notes.append(f"{TITLES[language.name]} is missing: there is no {', '.join(missing)}")
        else:
            commands[language.name] = language.made()["bench"]
    with tempfile.TemporaryDirectory(dir=memory()) as directory:
        measures = {name: partial(_run, command, directory) for name, command in commands.items()}
        found = in_turns(3 if effort is FULL else 1, measures)
    for name, runs in found.items():
        atomic, counter, histogram, poll = (value([run[place] for run in runs]) for place in range(4))
        plain = f"{TITLES[name]}: a plain atomic increment"
        bound = BOUND if name in BOUNDED else None
        yield Figure(f"{TITLES[name]}: an update of a counter", "ns", counter, plain, atomic, at_least=bound)
        yield Figure(f"{TITLES[name]}: an observation in a histogram of 10 bounds", "ns", histogram, plain, atomic)
        yield Figure(f"{TITLES[name]}: a poll of a file of 100 metrics", "ns", poll)


def _run(command: str, directory: str) -> list[float]:
    done = subprocess.run(
        [*shlex.split(command), directory], capture_output=True, text=True, timeout=HANG_SECONDS, check=True
    )
    figures = json.loads(done.stdout)
    return [figures[name] for name in ("atomic", "counter", "histogram", "poll")]
