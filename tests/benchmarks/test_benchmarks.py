"""The benchmarks run and give every figure. How fast anything is depends on the machine and is asserted nowhere."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.original import Missing, find
from mmstats_testing.running import HANG_SECONDS, environment, skip_or_fail

ROOT = Path(__file__).parents[2]

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
SYSTEM_CALLS = {
    ("version 1: 10,000 updates each of counter, integer, double, bool, text, average, timer", None),
    (
        "version 2: 10,000 updates each of counter, float counter, kept child, child, gauge, "
        "gauge up and down, last gauge, integer, double, bool, string, text, state, average, summary, histogram, "
        "timer, moving average, average of a time",
        None,
    ),
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the benchmarks have written."""
    for module in ("prometheus_client", "pyperf"):
        if importlib.util.find_spec(module) is None:
            skip_or_fail(f"{module} is not installed; the group `bench` of pyproject.toml has it")
    place = tmp_path_factory.mktemp("benchmarks")
    command = [sys.executable, "-m", "benchmarks", "--fast", "--output", str(place)]
    subprocess.run(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, timeout=HANG_SECONDS, check=True)
    return place


@pytest.fixture(scope="module")
def document(directory: Path) -> dict[str, Any]:
    """What they have written."""
    written: dict[str, Any] = json.loads((directory / "benchmarks.json").read_bytes())
    return written


def test_every_figure_is_there_and_positive(document: dict[str, Any]) -> None:
    try:
        find()
        without = ""
    except Missing:
        without = ORIGINAL
    figures = {(figure["name"], figure["peer"]): figure for figure in document["figures"]}
    assert figures.keys() - SYSTEM_CALLS == FIGURES
    for key in FIGURES:
        numbers = [figures[key]["ours"]["median"]]
        if key[1] != without:
            numbers += [figures[key]["theirs"]["median"], figures[key]["ratio"]]
        assert all(number > 0 and math.isfinite(number) for number in numbers), key


def test_system_calls_are_none(document: dict[str, Any]) -> None:
    figures = {(figure["name"], figure["peer"]): figure for figure in document["figures"]}
    if not SYSTEM_CALLS & figures.keys():
        skip_or_fail(next(note for note in document["notes"] if "system calls" in note))
    for figure in SYSTEM_CALLS:
        assert figures[figure]["ours"] == {"median": 0, "deviation": None}
        assert figures[figure]["reached"] is True


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
