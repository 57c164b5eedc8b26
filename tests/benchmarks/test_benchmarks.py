"""The benchmarks run and give every figure. How fast anything is depends on the machine and is asserted nowhere."""

from __future__ import annotations

import csv
import fcntl
import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.original import Missing, find
from mmstats_testing.running import HANG_SECONDS, environment, skip_or_fail

from benchmarks.languages import TITLES
from interop.languages import languages

ROOT = Path(__file__).parents[2]
#: They take half a minute where nothing else runs.
SECONDS = 5 * HANG_SECONDS

PROMETHEUS = "prometheus_client, multi-process"
ORIGINAL = "mmstats 0.8.0, CPython 2.7"
COLLECTION = "prometheus_client, a collection"
PAGE = "prometheus_client, multi-process, a page"
FIGURES = {
    ("counter: stats.requests.inc()", PROMETHEUS),
    ("histogram of 11 bounds: stats.body.observe(0.3)", PROMETHEUS),
    ("gauge: stats.queued.set(3)", PROMETHEUS),
    ("gauge: stats.queued.inc()", PROMETHEUS),
    ("summary: stats.sizes.observe(0.3)", PROMETHEUS),
    ("timer: with stats.latency.time(): pass", PROMETHEUS),
    ("one of a label set, kept: child.inc()", PROMETHEUS),
    ("the same, looked up: labels(...).inc()", PROMETHEUS),
    ("a method kept: inc()", "an empty method, kept, that takes amount=1"),
    ("a method kept: inc()", "an empty method, kept, that takes nothing"),
    ("counter, from another thread than the instance's", PROMETHEUS),
    ('text: stats.phase.set("checkout")', "an empty method, kept, that takes amount=1"),
    ("version 1, facade: stats.counter.inc()", PROMETHEUS),
    ("version 1, facade: stats.counter.inc()", ORIGINAL),
    ("version 1, facade: stats.double = x", ORIGINAL),
    ("version 1, facade: average.add(x)", ORIGINAL),
    ("totals of 50 files of 100 counters, first read", COLLECTION),
    ("totals of 50 files of 100 counters, further poll", COLLECTION),
    ("totals of 50 files of 100 counters, further poll, mapped", COLLECTION),
    ("page of 50 live files of 100 counters, the first", PAGE),
    ("page of 50 live files of 100 counters, a further one", PAGE),
    ("page of 50 live files of 100 counters, a further one, mapped", PAGE),
    ("CPU time of mmash a second, 50 files of 100 counters, 50 viewers", "one viewer"),
    ("version 1: 50 files of 106 fields, first time", ORIGINAL),
    ("version 1: 50 files of 106 fields, again", ORIGINAL),
    ("folding 500 dead files of 100 counters", "a first read of them"),
    ("a first read after the fold", "a first read of one such file"),
    ("import mmstats_writer", "import prometheus_client"),
    ("import mmstats_reader", "import prometheus_client"),
    ("storage of 100 counters with help of 60 bytes", PROMETHEUS),
}
PEERS = {
    "prometheus_client, one process": ("counter", "gauge", "histogram", "label set, kept"),
    "opentelemetry-sdk": ("counter", "gauge", "histogram", "label set, kept"),
    "statsd client, UDP to loopback": ("counter", "gauge", "histogram"),
    "PCP's Python binding (MMV)": ("counter", "gauge"),
    "an empty method, kept, that takes amount=1": ("counter", "gauge", "histogram", "label set, kept"),
}
FIGURES |= {(f"an update of a {kind}", peer) for peer, kinds in PEERS.items() for kind in kinds}
CURVES = {
    "totals of 100 counters over many files",
    "memory of a reader of files of 100 counters",
    "an update of a counter among many",
    "an update of one counter by many threads",
}
#: Of other languages those that are built at once; without a peer, what only they can say.
LANGUAGES = {
    (f"{language}: {what}", f"{language}: a plain atomic increment" if peer else None)
    for language in ("C", "Python")
    for what, peer in [
        ("an update of a counter", True),
        ("an observation in a histogram of 10 bounds", True),
        ("a poll of a file of 100 metrics", False),
    ]
}
SYSTEM_CALLS = {
    ("version 1: 10,000 updates each of counter, integer, double, bool, text, average, timer", None),
    (
        "version 2: 10,000 updates each of counter, float counter, kept child, child, gauge, "
        "gauge up and down, last gauge, integer, double, bool, string, text, state, average, summary, histogram, "
        "timer, moving average, average of a time",
        None,
    ),
}


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the benchmarks have written: once, for all workers that have tests of them."""
    for module in ("prometheus_client", "pyperf"):
        if importlib.util.find_spec(module) is None:
            skip_or_fail(f"{module} is not installed; the group `bench` of pyproject.toml has it")
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "benchmarks"
    place.mkdir(exist_ok=True)
    with open(place / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "benchmarks.csv").exists():
            command = [sys.executable, "-m", "benchmarks", "--fast", "--output", str(place)]
            subprocess.run(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, timeout=SECONDS, check=True)
    return place


@pytest.fixture(scope="module")
def document(directory: Path) -> dict[str, Any]:
    """What they have written."""
    written: dict[str, Any] = json.loads((directory / "benchmarks.json").read_bytes())
    return written


def test_every_figure_is_there_and_positive(document: dict[str, Any]) -> None:
    missing = {note.partition(" is missing")[0] for note in document["notes"] if " is missing" in note}
    try:
        find()
    except Missing:
        missing.add(ORIGINAL)
    figures = {(figure["name"], figure["peer"]): figure for figure in document["figures"]}
    assert figures.keys() - SYSTEM_CALLS - LANGUAGES == FIGURES
    for key in FIGURES:
        numbers = [figures[key]["ours"]["median"]]
        if key[1] not in missing:
            numbers += [figures[key]["theirs"]["median"], figures[key]["ratio"]]
        assert all(number > 0 and math.isfinite(number) for number in numbers), key


def test_system_calls_are_none(document: dict[str, Any]) -> None:
    figures = {(figure["name"], figure["peer"]): figure for figure in document["figures"]}
    if not SYSTEM_CALLS & figures.keys():
        skip_or_fail(next(note for note in document["notes"] if "system calls" in note))
    for figure in SYSTEM_CALLS:
        assert figures[figure]["ours"] == {"median": 0, "deviation": None}
        assert figures[figure]["reached"] is True


def test_other_languages_are_measured(document: dict[str, Any]) -> None:
    figures = {(figure["name"], figure["peer"]): figure for figure in document["figures"]}
    there = {TITLES[name] for name, language in languages().items() if not language.missing()}
    wanted = {key for key in LANGUAGES if key[0].partition(":")[0] in there}
    assert wanted <= figures.keys()
    for key in wanted:
        assert figures[key]["ours"]["median"] > 0


def test_curves_are_there_and_are_drawn(directory: Path, document: dict[str, Any]) -> None:
    assert {curve["name"] for curve in document["curves"]} == CURVES
    for curve in document["curves"]:
        for line in curve["lines"].values():
            assert len(line) > 1
            assert all(x > 0 and median > 0 for x, median, _ in line), curve["name"]
    code = "import sys; from pathlib import Path; from benchmarks.plots import draw; draw(*map(Path, sys.argv[1:]))"
    places = [str(directory / "benchmarks.json"), str(directory / "plots")]
    subprocess.run([sys.executable, "-c", code, *places], cwd=ROOT, timeout=HANG_SECONDS, check=True)
    drawn = {path.name: path.read_text() for path in (directory / "plots").iterdir()}
    assert len(drawn) == len(CURVES) + 4
    assert all("<svg" in picture and "</svg>" in picture for picture in drawn.values())


def test_document_says_where_the_figures_are_from(document: dict[str, Any]) -> None:
    assert document["command"] == "python -m benchmarks --fast"
    assert document["python"].startswith("{}.{}.".format(*sys.version_info))
    assert all(document[fact] for fact in ("date", "platform", "cores", "prometheus_client"))


def test_table_has_a_row_for_each_figure(directory: Path, document: dict[str, Any]) -> None:
    with open(directory / "benchmarks.csv", encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["figure", "ours", "beside", "theirs", "ratio", "bound", "reached"]
    assert [(row[0], row[2] or None) for row in rows] == [
        (figure["name"], figure["peer"]) for figure in document["figures"]
    ]
