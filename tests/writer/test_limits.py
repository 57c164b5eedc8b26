"""What is bounded stays bounded: label sets, the memory they take, and the work of one update."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from mmstats_testing.interrupting import before_each, length, traced
from mmstats_testing.written import values

from mmstats_writer import BaseMmStats, CounterField, MovingAverageField, Writer

TIMES = 4000


class Few(BaseMmStats):
    hits = CounterField(labelnames=("a",), max_series=1)


def test_a_label_set_that_comes_twice_at_once_is_one(caplog: pytest.LogCaptureFixture) -> None:
    """V2-W14: only further ones are counted together, whoever interrupts whom as they see the first."""

    def interrupted(instruction: int) -> dict[tuple[str, ...], str]:
        stats = Few()

        def at(number: int) -> None:
            if number == instruction:
                stats.hits.labels(a="x").inc()

        traced(lambda: stats.hits.labels(a="x"), at)
        stats.hits.labels(a="x").inc()
        found: dict[tuple[str, ...], str] = values(stats.filename)["hits"]
        stats.remove()
        return found

    of_warm = length(lambda: Few().hits.labels(a="y"))
    for instruction in range(0, of_warm, 3):
        found = interrupted(instruction)
        assert found.keys() <= {("x",)}, instruction
        assert found.get(("x",)) in ("1", "2")  # where it ended before that instruction
    assert not caplog.records


def taken(work: Callable[[int], None]) -> int:
    """Bytes that stay behind `TIMES` times, after as many that fill what the interpreter keeps for later."""
    for number in range(TIMES):
        work(number)
    tracemalloc.start()
    try:
        for number in range(TIMES, 2 * TIMES):
            work(number)
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_label_sets_beyond_the_limit_take_no_memory() -> None:
    """V2-W14: whoever can choose a label's value cannot fill the memory."""
    stats = Few()
    bytes_ = taken(lambda number: stats.hits.labels(a=str(number)).inc())
    assert values(stats.filename)["hits"] == {("0",): "1", ("__overflow__",): str(2 * TIMES - 1)}
    assert bytes_ < 8 * TIMES


def test_a_label_set_that_is_known_takes_no_memory() -> None:
    writer = Writer()
    hits = writer.counter("hits", labelnames=("a",))

    def work(number: int) -> None:
        hits.labels(a="x").inc()
        hits.labels(a=1).inc()

    bytes_ = taken(work)
    assert values(writer.filename)["hits"] == {("x",): str(2 * TIMES), ("1",): str(2 * TIMES)}
    assert bytes_ < 8 * TIMES


@pytest.mark.parametrize(
    "field",
    [
        MovingAverageField(size=10),
        MovingAverageField(seconds=3600),
    ],
    ids=["size", "seconds"],
)
def test_the_work_of_an_update_does_not_grow_with_those_before(field: MovingAverageField) -> None:
    """Else a busy program's window of a minute takes its whole time."""
    kind: Any = type("Model", (BaseMmStats,), {"x": field})
    stats = kind()

    def after(updates: int) -> int:
        for number in range(updates):
            stats.x.add(number)
        steps: list[None] = []
        with before_each(lambda: steps.append(None)):
            stats.x.add(1.0)
        return len(steps)

    few = after(20)
    assert 0 < after(500) < 2 * few
