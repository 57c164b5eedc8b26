"""A writer stopped at any store of any operation leaves a whole file, whose values are those before or after it.

The writer is a process of its own and is stopped before every instruction; where the file has changed since, the change
is one step of FORMAT.md 3.8, and of a step that stores several words each order of them is tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mmstats_testing.locks import locked
from mmstats_testing.steps import between, canonical, steps
from mmstats_testing.stopping import stops

from mmstats_format import layout

NAME = "proof.mmstats"

SETUP = f"""
import atexit, sys, threading
from mmstats_writer import *

class Stats(MmStats):
    counter = CounterField()
    fraction = CounterField(type=float)
    gauge = GaugeField()
    shared = GaugeField(combine="sum", type=int)
    timed = GaugeField(combine="last")
    state = StateField(states=["idle", "busy", "ended"])
    text = TextField(size=20)
    summary = SummaryField()
    average = AverageField()
    histogram = HistogramField(bounds=[1, 2])
    timer = TimerField(bounds=[1])
    moving = MovingAverageField()
    integer = IntField()
    double = DoubleField()
    truth = BoolField()
    string = StringField(size=20)
    rooms = GaugeField(labelnames=["room"])

make = lambda: Stats(path=sys.argv[1], filename="{NAME}", app="proof")
"""

#: Of a new file: how many series each family has.
FAMILIES = {
    **dict.fromkeys(["counter", "fraction", "gauge", "shared", "timed", "state", "text", "summary", "average"], 1),
    **dict.fromkeys(["histogram", "timer", "moving", "integer", "double", "truth", "string"], 1),
    "rooms": 0,
}

LATCH = ["W2.3", "W2.5"]
RECORD = ["W3.1", "W3.2", "W3.4"]
EXTENT = ["W4.1", "W4.2", "W4.4"]


class Operation(NamedTuple):
    """What is stopped, the steps that are seen of it, and what runs before it."""

    code: str
    steps: list[str]
    before: str = ""


#: `number` is 1 for the first update and 2 for the second, of which one goes to each buffer of a latch.
UPDATES = {
    "counter": Operation("stats.counter.inc(number)", ["W1.1"]),
    "counter of floats": Operation("stats.fraction.inc(number / 2)", ["W1.1"]),
    "gauge": Operation("stats.gauge.set(number)", ["W1.1"]),
    "summed gauge": Operation("stats.shared.inc(-number)", ["W1.1"]),
    "timed gauge": Operation("stats.timed.set(number)", LATCH),
    "state": Operation("stats.state.set(['idle', 'busy', 'ended'][number])", ["W1.1"]),
    "text": Operation("stats.text.set('update ' * number)", LATCH),
    "summary": Operation("stats.summary.observe(number)", LATCH),
    "average": Operation("stats.average.add(number)", LATCH),
    "histogram": Operation("stats.histogram.observe(number)", LATCH),
    "timer": Operation("with stats.timer.time(): pass", LATCH),
    "moving average": Operation("stats.moving.add(number)", ["W1.1"]),
    "integer": Operation("stats.integer = -number", ["W1.1"]),
    "double": Operation("stats.double = number / 3", ["W1.1"]),
    "boolean": Operation("stats.truth = number == 1", ["W1.1"]),
    "string": Operation("stats.string = 'update' * number", LATCH),
}

#: What the words and latches are before a thread hands its file over, so that each of them changes.
USED = """
def use():
    for name in ("counter", "fraction", "shared"):
        getattr(stats, name).inc()
    for name in ("gauge", "timed"):
        getattr(stats, name).set(1)
    stats.state.set("busy")
    stats.text.set("old")
    for name in ("summary", "histogram", "timer"):
        getattr(stats, name).observe(1)
    stats.moving.add(1)
    stats.double, stats.string = 1.5, "old"

def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()
"""

OTHERS = {
    "a new label set": Operation("stats.rooms.labels(room='hall')", RECORD),
    "a label set of a family that has one": Operation(
        "stats.rooms.labels(room='attic')", RECORD, "stats.rooms.labels(room='hall').set(20)"
    ),
    "a new family": Operation("stats.declare('late', GaugeField(help='Made later.'))", RECORD),
    "growth by an extent": Operation("stats.declare('large', TextField(size=40_000))", EXTENT + RECORD),
    "growth by a third extent": Operation(
        "stats.declare('huge', TextField(size=200_000))",
        EXTENT + RECORD,
        "stats.declare('large', TextField(size=40_000))",
    ),
    "closing": Operation("atexit._run_exitfuncs()", ["W11"], "stats.counter.inc(); stats.text.set('last')"),
}


def contents(path: Path, operation: str, setup: str) -> list[bytes]:
    """What the file holds before the operation, and after every change in its course."""
    found: list[bytes] = []
    for _ in stops(SETUP + "stats = make()\n" + setup, operation, path.parent):
        content = path.read_bytes()
        if not found or content != found[-1]:
            found.append(content)
    return found


def sequence(found: list[bytes]) -> list[str]:
    """The steps that were seen; what is stored in several instructions one after the other is one step."""
    seen: list[str] = []
    for before, after in pairwise(found):
        (step,) = steps(before, after)
        if not seen or seen[-1] != step or step in ("W1.1", "W2.5", "W3.4", "W4.4"):
            seen.append(step)
    return seen


def said(found: list[bytes]) -> Iterator[dict[str, Any]]:
    """What the file says, one after the other, also between the contents; what it said already comes but once."""
    last = None
    for before, after in pairwise(found):
        for content in (before, *between(before, after), after):
            if (now := canonical(content)) != last:
                last = now
                yield now


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("operation", UPDATES.values(), ids=UPDATES.keys())
def test_an_update_is_its_steps_and_the_values_are_those_before_it_or_after_it(
    operation: Operation, number: int, tmp_path: Path
) -> None:
    """V2-W1, V2-W2, V2-W5: no buffer that is published is touched; one word makes the other the published one."""
    earlier = "".join(f"number = {earlier}\n{operation.code}\n" for earlier in range(1, number))
    found = contents(tmp_path / NAME, operation.code, f"{earlier}number = {number}")
    assert sequence(found) == operation.steps
    assert list(said(found)) == [canonical(found[0]), canonical(found[-1])]


@pytest.mark.parametrize("operation", OTHERS.values(), ids=OTHERS.keys())
def test_what_is_added_or_closed_is_not_seen_before_its_last_step(operation: Operation, tmp_path: Path) -> None:
    """V2-W3, V2-W4, V2-W5, V2-W8, V2-W11: a record has its value, and an extent its head, before something leads there.

    A file grows by all of its extents at least, or not at all.
    """
    found = contents(tmp_path / NAME, operation.code, operation.before)
    assert sequence(found) == operation.steps
    assert list(said(found)) == [canonical(found[0]), canonical(found[-1])]
    grown = len(found[-1]) - len(found[0])
    assert grown == 0 or grown >= len(found[0]) - layout.V2_HEADER_SIZE


def test_a_file_that_is_handed_over_forgets_before_it_says_whose_it_is(tmp_path: Path) -> None:
    """V2-W13: each value is that of the thread before, unset, or the new one's, in this order; then the thread id."""
    found = contents(tmp_path / "proof-1.mmstats", "in_thread(stats.counter.inc)", USED + "in_thread(use)")
    words, latches, begun_anew = 3 * ["W1.1"], 2 * LATCH, 3 * 2 * ["W1.1"] + 2 * LATCH
    seen = sequence(found)
    assert sorted(seen[:-2]) == sorted(words + latches + begun_anew)
    assert seen[-2:] == ["W13", "W1.1"]
    values = [leaves(document) for document in said(found)]
    before, after = values[0], values[-1]
    assert {name for name in before if before[name] != after[name]} == {
        *("thread", "counter", "gauge", "timed", "state", "text", "moving", "double", "string")
    }
    for name in before:
        history = [now[name] for now in values]
        distinct = [value for last, value in pairwise([object(), *history]) if value != last]
        assert distinct in ([before[name]], [before[name], after[name]], [before[name], None, after[name]]), name


def leaves(document: Any) -> dict[str, Any]:
    """What a hand-over may change in a canonical document: the thread and the values, by name."""
    values = {family["name"]: series["value"] for family in document["families"] for series in family["series"]}
    return {"thread": document["writer"]["thread"], **values}


@pytest.mark.parametrize("unnamed", [True, False], ids=["unnamed", "under a dotted name"])
def test_there_is_no_file_under_its_name_that_is_not_whole(unnamed: bool, tmp_path: Path) -> None:
    """V2-W9, V2-W10, V1-W4 to V1-W6: it appears at once, whole and locked, and takes no name from another file."""
    other = tmp_path / NAME
    other.write_bytes(b"another's")
    seen: list[set[str]] = []
    made: set[bytes] = set()
    for _ in stops(SETUP + ("" if unnamed else "import os; del os.O_TMPFILE"), "stats = make()", tmp_path):
        names = {path.name for path in tmp_path.iterdir()}
        if names != (seen[-1] if seen else None):
            seen.append(names)
        assert other.read_bytes() == b"another's"
        for name in names - {NAME}:
            if not name.startswith("."):
                made.add((tmp_path / name).read_bytes())
                assert locked(tmp_path / name)
    dotted = [names for names in seen if any(name.startswith(".") for name in names)]
    assert bool(dotted) is not unnamed
    assert [names for names in seen if names not in dotted] == [{NAME}, {NAME, "proof-1.mmstats"}]
    (whole,) = made
    assert {family["name"]: len(family["series"]) for family in canonical(whole)["families"]} == FAMILIES


def test_a_file_that_is_removed_is_there_as_it_was_or_not_at_all(tmp_path: Path) -> None:
    """V2-W5."""
    seen: list[bytes | None] = []
    for _ in stops(SETUP + "stats = make(); stats.text.set('last')", "stats.remove()", tmp_path):
        content = (tmp_path / NAME).read_bytes() if (tmp_path / NAME).exists() else None
        if not seen or content != seen[-1]:
            seen.append(content)
    there, gone = seen
    assert there is not None
    assert canonical(there)["state"] == "live"
    assert gone is None
