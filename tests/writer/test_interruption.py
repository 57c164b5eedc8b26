"""An update that interrupts another one, or breaks it off, at any bytecode: nothing mixed, lost or counted twice.

Issue 3: "An update that interrupts another one of the same metric in the same thread, or breaks it off (signal handler,
`__del__`, trace hook, an exception raised there), neither publishes a mixed value nor loses a count nor counts one
twice; tested by doing it at every bytecode of an update."
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from mmstats_testing.interrupting import traced
from mmstats_testing.stage import (
    KINDS,
    ONE,
    TWO,
    Stage,
    Stop,
    in_histogram,
    in_summary,
    length,
    play,
    stages,
    whole,
)
from mmstats_testing.written import number, values

from mmstats_writer import BaseMmStats, CounterField, GaugeField, HistogramField, SummaryField, Writer

InChild = Callable[[Callable[[], Any]], Any]

#: Pairs of instructions that are tried of each metric; of single ones all are.
PAIRS = 40

#: Instructions that an update has for others that were put off.
LONGEST_PUT_OFF = 150

#: Instructions that are tried of a first update, which has thousands.
FIRSTS = 150


@pytest.mark.parametrize("what", ONE)
@pytest.mark.parametrize("name", KINDS)
def test_at_each_instruction(name: str, what: str) -> None:
    """V2-W2: an update may be broken off after any step."""
    kind = KINDS[name]
    instructions = length(Stage(kind)) + 1
    for stage, instruction in zip(stages(kind), range(instructions), strict=False):
        play(stage, what, {instruction: ONE[what]})


@pytest.mark.parametrize("what", TWO)
@pytest.mark.parametrize("name", KINDS)
def test_at_pairs_of_instructions(name: str, what: str) -> None:
    kind = KINDS[name]
    instructions = length(Stage(kind))
    pairs = [(first, second) for first in range(instructions) for second in range(instructions + LONGEST_PUT_OFF)]
    step = len(pairs) // PAIRS | 1
    for stage, (first, second) in zip(stages(kind), pairs[::step], strict=False):
        play(stage, what, TWO[what](first, second))


class Everything(BaseMmStats):
    hits = CounterField()
    seconds = CounterField(type=float)
    jobs = GaugeField(combine="sum")
    sizes = SummaryField()
    times = HistogramField(bounds=(0.5, 1.0))


def update(stats: Everything) -> None:
    stats.hits.inc()
    stats.seconds.inc(0.5)
    stats.jobs.inc()
    stats.sizes.observe(1.0)
    stats.times.observe(1.0)


def counts(path: str) -> list[int]:
    """How many updates each metric counts; whole ones."""
    hits, seconds, jobs, sizes, times = values(path).values()
    return [int(hits), whole(2 * number(seconds)), whole(number(jobs)), in_summary(sizes), in_histogram(times)]


@pytest.mark.parametrize("breaks", [False, True], ids=["goes on", "breaks off"])
def test_signals(breaks: bool) -> None:
    """A handler that updates the same metrics, and one that raises then, at random moments."""
    stats = Everything()
    begun = ended = broken = 0
    inside = False

    def handle(signal_number: int, frame: FrameType | None) -> None:
        nonlocal begun, ended, inside
        begun += 1
        update(stats)
        ended += 1
        if breaks and inside:
            inside = False
            raise Stop

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        while ended < 300 or breaks > broken:
            begun += 1
            try:
                inside = True
                update(stats)
                ended += 1
                inside = False
            except Stop:
                broken += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert all(ended <= found <= begun for found in counts(stats.filename))
    assert breaks == bool(broken)


@pytest.mark.parametrize("name", ["inc", "observe"])
def test_a_finaliser_that_updates_the_same_metric(name: str) -> None:
    """Of the argument: it goes when the update lets go of it, or makes a float of it."""
    stats = Everything()

    class One:
        def __float__(self) -> float:
            update(stats)
            return 0.5 if name == "inc" else 1.0

        def __ge__(self, other: object) -> bool:
            update(stats)
            return True

        def __del__(self) -> None:
            update(stats)

    if name == "inc":
        stats.seconds.inc(One())  # type: ignore[arg-type]  # the point
        assert counts(stats.filename) == [3, 4, 3, 3, 3]
    else:
        stats.sizes.observe(One())  # type: ignore[arg-type]  # the point
        stats.times.observe(One())  # type: ignore[arg-type]
        assert counts(stats.filename) == [4, 4, 4, 5, 5]


def test_a_trace_hook_of_lines_that_updates_the_same_metrics() -> None:
    stats = Everything()
    lines = 0

    def hook(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        if event == "line" and "mmstats_writer" in frame.f_code.co_filename:
            lines += 1
            update(stats)
        return hook

    before = sys.gettrace()
    sys.settrace(hook)
    try:
        update(stats)
    finally:
        sys.settrace(before)
    assert lines > 10
    assert counts(stats.filename) == [lines + 1] * 5


@pytest.mark.parametrize("what", ["interrupted", "broken off", "interrupted, then broken off"])
def test_a_first_use_of_labels_at_each_instruction(what: str) -> None:
    """No series is there twice (V2-29), and none is lost, while the file grows (V2-W3, V2-W4)."""
    writer = Writer()
    hits = writer.counter("hits", labelnames=("number",), max_series=10**6)
    ended: dict[str, int] = {}
    begun: dict[str, int] = {}

    def use(label: str) -> None:
        begun[label] = begun.get(label, 0) + 1
        hits.labels(number=label).inc()
        ended[label] = ended.get(label, 0) + 1

    def first_use(instruction: int) -> int:
        label = f"{instruction:0100}"

        def at(number: int) -> None:
            if number == instruction:
                if "interrupted" in what:
                    use(label)
                    use(f"{label} too")
                if "broken off" in what:
                    raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            return traced(lambda: use(label), at)
        return instruction + 1

    instruction = 0
    while instruction < first_use(instruction):
        instruction += 1
    for label in list(begun):
        use(label)
    found = {labels[0]: int(count) for labels, count in values(writer.filename)["hits"].items()}
    assert instruction > 300
    assert found.keys() == begun.keys()
    assert all(ended[label] <= count <= begun[label] for label, count in found.items())


class TestWithoutAFile:
    """A forked child counts in private memory until its first update has made its file (V2-W12)."""

    @pytest.mark.parametrize("what", ["interrupted", "broken off", "interrupted, then broken off"])
    def test_the_first_update_makes_one_file(self, directory: Path, in_child: InChild, what: str) -> None:
        """At each instruction of it, from the look at whose turn it is to the moment when the file has its name."""
        stats = Everything()
        update(stats)

        def child() -> int:
            return traced(lambda: update(stats), lambda instruction: None)

        instructions = in_child(child)
        step = max(instructions // FIRSTS, 1)
        for instruction in range(0, instructions + step, step):
            for path in directory.glob("*"):
                if str(path) != stats.filename:
                    path.unlink()
            assert in_child(lambda at=instruction: first_update(stats, at, what)) == "as it should be"  # type: ignore[misc]
            assert len(list(directory.iterdir())) == 2
        assert counts(stats.filename) == [1] * 5


def first_update(stats: Everything, instruction: int, what: str) -> str:
    ended = broken = 0

    def at(number: int) -> None:
        nonlocal ended
        if number == instruction:
            if "interrupted" in what:
                update(stats)
                ended += 1
            if "broken off" in what:
                raise KeyboardInterrupt

    try:
        traced(lambda: update(stats), at)
        ended += 1
    except KeyboardInterrupt:
        broken = 1
    update(stats)
    ended += 1
    found = counts(stats.filename)
    right = all(ended <= seen <= ended + broken for seen in found)
    return "as it should be" if right else f"{found} instead of {ended} to {ended + broken} at {instruction}"
