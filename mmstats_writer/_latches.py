"""Metrics that are more than a word: texts, summaries, histograms, timed gauges (FORMAT.md 3.7, V2-W2).

    slot:  seq │ buffer 0 │ buffer 1        private copy ──W2.3──► the buffer that is not published
            └──W2.5── + 1: the other one is published

Rule 1: the private copy is one buffer's bytes; it is brought up to date first, and copied whole.
Rule 2: the fences W2.2 and W2.4 are nothing where the machine keeps stores in order; elsewhere the file says that
        there are none (V2-W7).
"""

from __future__ import annotations

import struct
import time
from bisect import bisect_left
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar, cast

from mmstats_format import UpdateError, layout

from . import _file
from ._given import cut, encoded
from ._metric import BUSY, Metric, update

_SEQUENCE = struct.calcsize(layout.V2_SEQUENCE)
_TIMED_HEAD = struct.Struct(layout.V2_TIMED_HEAD)
_TEXT_HEAD = struct.Struct(layout.V2_TEXT_HEAD)
_SUMMARY = struct.Struct(layout.V2_SUMMARY)
_HISTOGRAM_HEAD = struct.Struct(layout.V2_HISTOGRAM_HEAD)
_BUCKET = struct.Struct(layout.V2_BUCKET)

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Latch(Metric):
    """A metric whose slot is a latch; `_own` is the private copy, `_sequence` the writer's own number of updates."""

    __slots__ = ("_buffers", "_own", "_sequence", "_word")

    def _restore(self) -> None:
        size, slot = self._family.declared.buffer, self._slot
        self._word: Any = slot[:_SEQUENCE].cast(layout.V2_SEQUENCE[1:], ())  # type: ignore[call-overload]
        self._buffers = slot[_SEQUENCE:][:size], slot[_SEQUENCE:][size:]
        self._sequence = self._word[()]
        self._own = bytearray(self._buffers[self._sequence & 1])

    def _bring_up_to_date(self, slot: memoryview) -> None:
        sequence, content = self._word[()], self._buffers[self._word[()] & 1]
        size = len(content)
        word: Any = slot[:_SEQUENCE].cast(layout.V2_SEQUENCE[1:], ())  # type: ignore[call-overload]
        # As many updates as interrupted the publication: the number of the last one is what tells them apart.
        for number in range(word[()] + 1, sequence + 1):
            slot[_SEQUENCE + (number & 1) * size :][:size] = content
            word[()] = number

    def _token(self) -> object:
        return self._word[()]

    def _publish(self) -> None:
        """W2.3 and W2.5: make the private copy the published content."""
        sequence = self._sequence + 1
        self._buffers[sequence & 1][:] = self._own
        self._word[()] = sequence
        self._sequence = sequence

    def _published(self) -> bytes:
        """The published content in the calling thread's file."""
        here = self._here()
        return bytes(here._buffers[here._word[()] & 1])


def number(metric: Metric, value: Any) -> float:
    """What can be observed.

    Raises:
        UpdateError: it is no number.
    """
    found: float = metric._family.fit(value)
    if found != found:
        raise UpdateError("bad-value", metric.name, "what is observed is a number")
    return found


class Text(Latch):
    """Text in UTF-8; what is longer than the field says is cut after a whole character."""

    __slots__ = ()

    def set(self, text: str) -> None:
        """Make it `text`.

        Raises:
            UpdateError: it is no text.
        """
        if not isinstance(text, str):
            raise UpdateError("bad-value", self.name, f"{text!r} is no text")
        # A text that cannot be encoded (a file name with stray bytes) is shown escaped rather than lost.
        self._run(Text._store, cut(encoded(text), self._family.declared.capacity))

    @property
    def value(self) -> str | None:
        """The text in the calling thread's file; None while it is unset."""
        own = self._published()
        size = _TEXT_HEAD.unpack_from(own)[0]
        return None if size == layout.V2_NO_TEXT else own[_TEXT_HEAD.size :][:size].decode("utf-8", "replace")

    def _begin(self) -> None:
        initial: object = self._family.initial()
        if initial is not None:
            if not isinstance(initial, str):
                raise UpdateError("bad-value", self.name, f"{initial!r} is no text")
            self._store(cut(encoded(initial), self._family.declared.capacity))

    def _forget(self) -> None:
        self._own[: _TEXT_HEAD.size] = _TEXT_HEAD.pack(layout.V2_NO_TEXT)
        self._publish()
        self._begin()

    def _store(self, raw: bytes) -> None:
        self._own[:] = (_TEXT_HEAD.pack(len(raw)) + raw).ljust(len(self._own), b"\0")
        self._publish()


class TimedGauge(Latch):
    """A gauge of which, over several writers, the one set last counts."""

    __slots__ = ()

    def set(self, value: float) -> None:
        """Make it `value`, now.

        Raises:
            UpdateError: it is no number, or not whole though the gauge is; the gauge stays as it was.
        """
        self._run(TimedGauge._store, self._family.fit(value))

    def inc(self, amount: float = 1) -> None:
        """Add `amount`, now; an unset gauge counts from zero."""
        self._run(TimedGauge._grow, self._family.fit(amount))

    def dec(self, amount: float = 1) -> None:
        """Take `amount` away, now; as `inc`."""
        self.inc(-self._family.fit(amount))

    @property
    def value(self) -> int | float | None:
        """The value in the calling thread's file; None while it is unset."""
        value: int | float | None = self._current(self._published())
        return value

    def _forget(self) -> None:
        self._own[: _TIMED_HEAD.size] = bytes(_TIMED_HEAD.size)
        self._publish()

    def _current(self, content: bytes | bytearray) -> Any:
        time, value = struct.unpack(layout.V2_TIMED_HEAD + self._family.code, content)
        return None if not time or content[_TIMED_HEAD.size :] == self._family.unset else value

    def _grow(self, amount: Any) -> None:
        self._store(self._family.fit((self._current(self._own) or 0) + amount))

    def _store(self, value: Any) -> None:
        struct.pack_into(layout.V2_TIMED_HEAD + self._family.code, self._own, 0, time.time_ns(), value)
        self._publish()


class Summary(Latch):
    """Count, sum, least, greatest and last of the values observed."""

    __slots__ = ()

    def observe(self, value: float) -> None:
        """Add one value.

        Raises:
            UpdateError: it is no number; the summary stays as it was.
        """
        if type(value) is not float or value != value:
            value = number(self, value)
        self._run(Summary._store, value)

    add = observe

    @property
    def count(self) -> int:
        """How many values were observed in the calling thread's file."""
        return int(self._parts()[0])

    @property
    def sum(self) -> float:
        """Their sum."""
        return float(self._parts()[1])

    @property
    def value(self) -> float:
        """Their mean; 0.0 before the first."""
        count, total = self._parts()[:2]
        return total / count if count else 0.0

    def _parts(self) -> tuple[Any, ...]:
        return _SUMMARY.unpack(self._published())

    def _store(self, value: float) -> None:
        count, total, low, high, _ = _SUMMARY.unpack(self._own)
        if count:
            low, high = min(low, value), max(high, value)
        else:
            low = high = value
        _SUMMARY.pack_into(self._own, 0, count + 1, total + value, low, high, value)
        self._publish()


class Histogram(Latch):
    """The values observed, counted by bounds, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum", "_total")

    def _restore(self) -> None:
        super()._restore()
        self._bounds = self._family.declared.bounds
        own = memoryview(self._own)
        self._total: Any = own[: _HISTOGRAM_HEAD.size].cast(layout.V2_HISTOGRAM_HEAD[1:], ())  # type: ignore[call-overload]
        self._counts: Any = own[_HISTOGRAM_HEAD.size :].cast(layout.V2_BUCKET[1:])  # type: ignore[call-overload]
        self._sum = self._total[()]

    @update
    def observe(self, value: float) -> None:
        """Count one value.

        Raises:
            UpdateError: it is no number; the histogram stays as it was.
        """
        turn = self._turn
        if not turn._is_owned():
            return self._elsewhere(_OBSERVE, value)
        if type(value) is not float:  # others may add in a way of their own
            value = number(self, value)
        try:
            self._turn = BUSY
            bucket = bisect_left(self._bounds, value)
            if value != value:
                number(self, value)
            self._total[()] = self._sum = self._sum + value
            self._counts[bucket] += 1
            sequence = self._sequence + 1
            self._buffers[sequence & 1][:] = self._own
            self._word[()] = sequence
            self._sequence = sequence
            self._turn = turn
            if self._late:
                self._catch_up()
        except BaseException:
            self._catch_up()
            raise

    def _count(self, value: float) -> None:
        self._sum += value
        self._total[()] = self._sum
        self._counts[bisect_left(self._bounds, value)] += 1
        self._publish()

    @property
    def count(self) -> int:
        """How many values were observed in the calling thread's file."""
        return sum(self.counts)

    @property
    def sum(self) -> float:
        """Their sum."""
        return float(_HISTOGRAM_HEAD.unpack_from(self._published())[0])

    @property
    def counts(self) -> tuple[int, ...]:
        """How many of them lie in each bucket, up to and including each bound, and above the last."""
        buckets = self._published()[_HISTOGRAM_HEAD.size :]
        return tuple(count for (count,) in _BUCKET.iter_unpack(buckets))


_OBSERVE = Histogram.observe, number, Histogram._count


class Timer(Histogram):
    """A histogram of durations in seconds."""

    __slots__ = ()

    def time(self) -> Timing:
        """What times a block (``with``, ``async with``) or, as a decorator, each call of a function or coroutine."""
        if self._number < 0:
            self._here()  # says what to do
        return Timing(self, self._family.clock)


class Timing:
    """One timing. As a decorator it makes a new one for each call; a block that ends by an exception counts too."""

    __slots__ = ("_clock", "_starts", "_timer")

    def __init__(self, timer: Timer, clock: Callable[[], float]) -> None:
        self._timer, self._clock = timer, clock
        self._starts: list[tuple[int, float]] = []

    def __enter__(self) -> Timing:
        self._starts.append((_file.forks, self._clock()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        forks, start = self._starts.pop()
        if forks == _file.forks:  # else it was begun in the parent, and is the parent's to count
            self._timer.observe(self._clock() - start)

    async def __aenter__(self) -> Timing:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: _Function) -> _Function:
        import inspect  # too much to load for those who do not decorate

        timer, clock = self._timer, self._clock
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def timed(*arguments: Any, **named: Any) -> Any:
                with Timing(timer, clock):
                    return await function(*arguments, **named)
        else:

            @wraps(function)
            def timed(*arguments: Any, **named: Any) -> Any:
                with Timing(timer, clock):
                    return function(*arguments, **named)

        return cast(_Function, timed)
