"""What the application updates where a plain value is not enough: counters, averages, timers.

Rule 1: everything that can fail happens before the first store.
Rule 2: after a fork a metric is initialised again with its state, so `__init__` sets all that it keeps.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from . import state as _state


class Metric:
    """What an attribute of an instance gives for a field that is more than its value.

    One thread updates it: the one that it came from.
    """

    __slots__ = ("__weakref__", "_state")

    def __init__(self, state: _state.State) -> None:
        self._state = state

    @property
    def value(self) -> Any:
        """The published value; assigning publishes another."""
        return self._state.value

    @value.setter
    def value(self, value: Any) -> None:
        self._set(value)

    def _set(self, value: Any) -> None:
        state = self._state
        state.value = value
        state.current = state.value


class Counter(Metric):
    """A count, 64 bits unsigned unless the field says otherwise, that wraps."""

    __slots__ = ()

    def inc(self, amount: int = 1) -> None:
        """Add `amount`.

        Raises:
            TypeError: it is no integer; the count stays as it was.
        """
        state = self._state
        write = state.write
        try:
            state.buffers[write] = state.current = state.current + amount
        except ValueError:  # too large or too small: it wraps
            return self._set(state.current + amount)
        except TypeError:
            raise state.refusal(amount) from None
        state.index[0] = state.write = 1 - write

    incr = inc


class Average(Metric):
    """The mean of all values added, as a float."""

    __slots__ = ("_count", "_total")

    def __init__(self, state: _state.State) -> None:
        super().__init__(state)
        self._count = 0
        self._total = 0.0

    def add(self, value: float) -> None:
        """Add one value.

        Raises:
            TypeError: it is no number; the mean stays as it was.
        """
        total = self._total + value
        count = self._count + 1
        mean = total / count
        state = self._state
        write = state.write
        state.buffers[write] = mean
        state.index[0] = state.write = 1 - write
        self._total = total
        self._count = count


class MovingAverage(Metric):
    """The mean of the last values added, as a float; the field's ``size`` says how many."""

    __slots__ = ("_window",)

    def __init__(self, state: _state.State) -> None:
        super().__init__(state)
        self._window: deque[float] = deque(maxlen=state.field.size)  # type: ignore[attr-defined]  # MovingAverageField

    def add(self, value: float) -> None:
        """Add one value.

        Raises:
            TypeError: it is no number; the mean stays as it was.
        """
        window = self._window
        window.append(value + 0.0)
        try:
            total = math.fsum(window)
        except (OverflowError, ValueError):  # too large, or infinities of both signs
            total = sum(window)
        self._set(total / len(window))


class TimerContext:
    """One timing, from its making to its `stop`.

    Attributes:
        start: the clock's reading at the beginning, in the clock's unit.
        end: its reading at the end; None while it runs.
    """

    def __init__(self, timer: Callable[[], float] = time.time) -> None:
        self._timer = timer
        self.end: float | None = None
        self.start = timer()

    @property
    def done(self) -> bool:
        """True once it is stopped."""
        return self.end is not None

    @property
    def elapsed(self) -> float:
        """Time from the start to the end, or to now while it runs."""
        return (self._timer() if self.end is None else self.end) - self.start

    def stop(self) -> None:
        """End the timing; a second call moves the end."""
        self.end = self._timer()

    def get_time(self) -> float:
        """What the clock reads now."""
        return self._timer()


class Stopwatch:
    """Adds timings to a metric with ``add``; ``with`` times its block."""

    _blocks: list[TimerContext]
    _last: TimerContext | None
    timer: Callable[[], float]
    add: Callable[[float], None]

    def start(self) -> None:
        """Begin a timing; one that was begun and not stopped is forgotten."""
        self._last = TimerContext(self.timer)

    def stop(self) -> None:
        """End the timing begun last and add it; another call ends it again, as a lap.

        Raises:
            RuntimeError: none was ever started.
        """
        if self._last is None:
            raise RuntimeError("the timer was stopped without a start")
        self._last.stop()
        self.add(self._last.elapsed)

    @property
    def last(self) -> float:
        """The timing begun or ended last; 0.0 before the first."""
        return 0.0 if self._last is None else self._last.elapsed

    def __enter__(self) -> TimerContext:
        block = self._last = TimerContext(self.timer)
        self._blocks.append(block)
        return block

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._blocks:  # a fork inside the block leaves the child none
            self._last = self._blocks.pop()
            self.stop()


class Timer(Stopwatch, MovingAverage):
    """The mean of the last timings, in the unit of the field's clock; ``with`` times its block."""

    def __init__(self, state: _state.State) -> None:
        super().__init__(state)
        self._blocks = []
        self._last = None

    @property
    def timer(self) -> Callable[[], float]:  # type: ignore[override]  # it cannot be set
        """The clock."""
        return self._state.field.timer  # type: ignore[attr-defined,no-any-return]  # TimerField

    def time(self) -> Timer:
        """What times a block, as in version 2."""
        return self
