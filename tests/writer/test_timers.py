"""Timers: a histogram of seconds, by a clock that is given; each use has its own context."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from mmstats_testing.written import number, values

from mmstats_writer import BaseMmStats, TimerField

InChild = Callable[[Callable[[], Any]], Any]


class Clock:
    """It stands still but for what is waited."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


clock = Clock()


class Timed(BaseMmStats):
    latency = TimerField(bounds=(1.0, 5.0), timer=clock)
    by_kind = TimerField(bounds=(1.0, 5.0), timer=clock, labelnames=("kind",))


@pytest.fixture
def stats() -> Timed:
    return Timed()


def said(stats: Timed) -> tuple[float, list[int]]:
    """Sum and counts as the file has them."""
    value = values(stats.filename)["latency"]
    return number(value["sum"]), [int(count) for count in value["counts"]]


def test_a_block(stats: Timed) -> None:
    with stats.latency.time():
        clock.wait(2)
    assert said(stats) == (2.0, [0, 1, 0])


def test_a_block_that_ends_by_an_exception_counts_too(stats: Timed) -> None:
    def fail() -> None:
        with stats.latency.time():
            clock.wait(9)
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        fail()
    assert said(stats) == (9.0, [0, 0, 1])


def test_blocks_within_one_another(stats: Timed) -> None:
    with stats.latency.time():
        clock.wait(1)
        with stats.latency.time():
            clock.wait(3)
        clock.wait(2)
    assert said(stats) == (9.0, [0, 1, 1])


def test_a_function_each_of_its_calls_also_recursive_ones(stats: Timed) -> None:
    @stats.latency.time()
    def countdown(number: int) -> int:
        """Its own docstring."""
        clock.wait(1)
        return countdown(number - 1) + 1 if number else 0

    assert countdown(2) == 2
    assert countdown.__doc__ == "Its own docstring."
    assert said(stats) == (6.0, [1, 2, 0])


def test_a_function_that_raises(stats: Timed) -> None:
    @stats.latency.time()
    def fail() -> None:
        clock.wait(4)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        fail()
    assert said(stats) == (4.0, [0, 1, 0])


def test_a_method_and_its_arguments(stats: Timed) -> None:
    class Shop:
        @stats.latency.time()
        def sell(self, what: str, *, price: int) -> tuple[str, int]:
            clock.wait(1)
            return what, price

    assert Shop().sell("tea", price=3) == ("tea", 3)
    assert said(stats) == (1.0, [1, 0, 0])


def test_a_coroutine_is_timed_to_its_end_and_overlapping_tasks_each_by_itself(stats: Timed) -> None:
    @stats.latency.time()
    async def work(begins: asyncio.Event, ends: asyncio.Event) -> str:
        begins.set()
        await ends.wait()
        return "done"

    async def main() -> list[str]:
        events = [asyncio.Event() for _ in range(4)]
        first = asyncio.ensure_future(work(events[0], events[1]))
        await events[0].wait()
        clock.wait(1)
        second = asyncio.ensure_future(work(events[2], events[3]))
        await events[2].wait()
        clock.wait(3)
        events[1].set()
        results = [await first]
        clock.wait(6)
        events[3].set()
        return [*results, await second]

    assert asyncio.iscoroutinefunction(work)
    assert asyncio.run(main()) == ["done", "done"]
    assert said(stats) == (4.0 + 9.0, [0, 1, 1])


def test_an_async_block(stats: Timed) -> None:
    async def main() -> None:
        async with stats.latency.time():
            clock.wait(2)
        with stats.latency.time():
            await asyncio.sleep(0)
            clock.wait(7)

    asyncio.run(main())
    assert said(stats) == (9.0, [0, 1, 1])


def test_a_task_that_is_cancelled_counts_too(stats: Timed) -> None:
    async def main() -> None:
        async def endless() -> None:
            async with stats.latency.time():
                await asyncio.Event().wait()

        task = asyncio.ensure_future(endless())
        await asyncio.sleep(0)
        clock.wait(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert said(stats) == (3.0, [0, 1, 0])


def test_a_child(stats: Timed) -> None:
    with stats.by_kind.labels(kind="a").time():
        clock.wait(2)
    found = values(stats.filename)["by_kind"]
    assert {labels: value["counts"] for labels, value in found.items()} == {("a",): ["0", "1", "0"]}


def test_an_observation_by_hand(stats: Timed) -> None:
    stats.latency.observe(1)
    assert said(stats) == (1.0, [1, 0, 0])


def test_a_fork_inside_a_block_is_timed_by_the_parent_alone(stats: Timed, in_child: InChild) -> None:
    with stats.latency.time() as timing:
        clock.wait(2)

        def child() -> tuple[int, int]:
            timing.__exit__(None, None, None)
            before = stats.latency.count
            with stats.latency.time():
                pass
            return before, stats.latency.count

        assert in_child(child) == (0, 1)
    assert said(stats) == (2.0, [0, 1, 0])


def test_the_clock_is_perf_counter_unless_one_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain(BaseMmStats):
        latency = TimerField()

    assert Plain.latency.timer is time.perf_counter
    assert Plain.latency.unit == "seconds"
    stats = Plain()
    with stats.latency.time():
        os.getpid()
    assert stats.latency.count == 1
    assert stats.latency.sum > 0
