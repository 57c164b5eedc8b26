"""Counters, averages and timers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mmstats_reader import read
from mmstats_writer._version1 import AverageField, BaseMmStats, CounterField, MovingAverageField, TimerField


class Clock:
    """A clock that goes on by one second each time it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class Narrow(CounterField):
    signature = "h"


class NarrowMetrics(BaseMmStats):
    counter = Narrow()


class Metrics(BaseMmStats):
    counter = CounterField("hits")
    average = AverageField()
    moving = MovingAverageField(size=3)
    timer = TimerField(size=2, timer=Clock())


@pytest.fixture
def stats() -> Metrics:
    return Metrics()


def published(stats: Metrics, label: str) -> Any:
    return read(stats.filename)[label]


def test_a_counter_adds_up(stats: Metrics) -> None:
    stats.counter.inc()
    stats.counter.inc(5)
    stats.counter.incr()
    stats.counter.incr(amount=3)
    assert stats.counter.value == published(stats, "hits") == 10


def test_a_counter_wraps_at_64_bits(stats: Metrics) -> None:
    """V1-W3."""
    stats.counter.inc(2**64 - 1)
    assert published(stats, "hits") == 2**64 - 1
    stats.counter.inc(3)
    assert stats.counter.value == published(stats, "hits") == 2
    stats.counter.inc(-4)
    assert published(stats, "hits") == 2**64 - 2


def test_a_derived_counter_wraps_at_its_own_width() -> None:
    """V1-W3."""
    stats = NarrowMetrics()
    stats.counter.value = 2**15 - 1
    stats.counter.inc()
    assert stats.counter.value == -(2**15)
    stats.counter.inc(2**15 + 7)
    assert (stats.counter.value, read(stats.filename)["counter"]) == (7, 7)


def test_a_counter_can_be_set_and_counts_on_from_there(stats: Metrics) -> None:
    stats.counter.value = 40
    stats.counter.inc(2)
    assert published(stats, "hits") == 42
    stats.counter.value = 2**64 + 1
    assert stats.counter.value == 1


@pytest.mark.parametrize("amount", [1.5, "1", None, 1j])
def test_a_counter_refuses_what_is_no_integer_and_keeps_its_count(stats: Metrics, amount: Any) -> None:
    stats.counter.inc(7)
    with pytest.raises(TypeError):
        stats.counter.inc(amount)
    stats.counter.inc()
    assert stats.counter.value == published(stats, "hits") == 8


@pytest.mark.parametrize("name", ["counter", "average", "moving", "timer"])
def test_assigning_to_a_metric_is_an_error(stats: Metrics, name: str) -> None:
    """The original replaced the metric in silence."""
    with pytest.raises(AttributeError, match="cannot be assigned to"):
        setattr(stats, name, 5)
    stats.counter.inc()


def test_an_average_is_the_mean_of_all(stats: Metrics) -> None:
    for value in (1, 2, 6):
        stats.average.add(value)
    assert stats.average.value == published(stats, "average") == 3.0
    with pytest.raises(TypeError):
        stats.average.add("4")  # type: ignore[arg-type]  # the point
    stats.average.add(3)
    assert published(stats, "average") == 3.0


def test_a_moving_average_is_the_mean_of_the_last(stats: Metrics) -> None:
    means = []
    for value in (1, 2, 3, 10):
        stats.moving.add(value)
        means.append(published(stats, "moving"))
    assert means == [1.0, 1.5, 2.0, 5.0]
    with pytest.raises(TypeError):
        stats.moving.add("4")  # type: ignore[arg-type]  # the point
    assert stats.moving.value == 5.0


def test_a_moving_average_outlives_infinities(stats: Metrics) -> None:
    stats.moving.add(math.inf)
    stats.moving.add(-math.inf)
    assert math.isnan(published(stats, "moving"))
    for _ in range(3):
        stats.moving.add(4)
    assert published(stats, "moving") == 4.0


def test_a_timer_times_its_block(stats: Metrics) -> None:
    assert stats.timer.last == 0.0
    with stats.timer as timing:
        done = [timing.done]
        assert stats.timer.value == 0.0
        first = timing.elapsed
        assert timing.elapsed > first > 0
    assert [*done, timing.done] == [False, True]
    assert stats.timer.last == timing.elapsed == stats.timer.value == published(stats, "timer")


def test_a_timer_counts_a_block_that_raises(stats: Metrics) -> None:
    with pytest.raises(KeyError), stats.timer:
        raise KeyError
    assert stats.timer.value > 0


def test_a_timer_can_be_nested(stats: Metrics) -> None:
    with stats.timer as outer:
        with stats.timer as inner:
            pass
        assert inner.done
        assert not outer.done
    assert stats.timer.value == (inner.elapsed + outer.elapsed) / 2


def test_a_timer_starts_and_stops(stats: Metrics) -> None:
    with pytest.raises(RuntimeError, match="without a start"):
        stats.timer.stop()
    stats.timer.start()
    assert stats.timer.last > 0
    stats.timer.stop()
    first = stats.timer.last
    assert stats.timer.value == first == 2.0  # `last` asked the clock once while it ran
    stats.timer.stop()
    assert stats.timer.last > first


def test_a_start_without_a_stop_is_forgotten(stats: Metrics) -> None:
    """As in the original: the clock reads 1, 2, 3, 4, and both laps are of the second start."""
    for _ in range(2):
        stats.timer.start()
    stats.timer.stop()
    assert stats.timer.last == 1.0
    stats.timer.stop()
    assert (stats.timer.last, stats.timer.value) == (2.0, 1.5)


def test_the_mean_of_timings_moves(stats: Metrics) -> None:
    for _ in range(3):
        with stats.timer:
            pass
    assert stats.timer.value == 1.0


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (-1, ValueError), ("3", TypeError), (1.5, TypeError)])
def test_a_window_has_a_whole_positive_size(size: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="a size is"):
        MovingAverageField(size=size)


def test_a_clock_is_callable() -> None:
    with pytest.raises(TypeError, match="a function that gives the time"):
        TimerField(timer=1.0)  # type: ignore[arg-type]  # the point
