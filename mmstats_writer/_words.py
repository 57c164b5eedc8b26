"""Metrics that are one word of the file: counters, gauges, states, plain values (FORMAT.md 3.7, V2-W1).

Rule 1: of a window without dimensions ``window[()]`` is the word; a look-up by number would cost a third more.
"""

from __future__ import annotations

import math
import operator
import time
from collections import deque
from typing import Any

from mmstats_format import UpdateError, layout

from ._metric import BUSY, Metric, update


class Word(Metric):
    """A metric whose slot is one word; `_value` is what it counts on from."""

    __slots__ = ("_value", "_word")

    def _bind(self, slot: memoryview) -> None:
        self._word: Any = slot.cast(self._family.code, ())  # type: ignore[call-overload]  # the code is no literal

    def _restore(self) -> None:
        self._value = self._word[()]

    def _token(self) -> object:
        return bytes(self._slot)

    def _begin(self) -> None:
        initial = self._family.initial()
        if initial is not None:
            self._store(self._family.fit(initial))

    def _forget(self) -> None:
        if self._family.declared.combination != "sum":
            self._slot[:] = self._family.unset
            self._restore()
            self._begin()

    def _store(self, value: Any) -> None:
        self._word[()] = self._value = value

    def _published(self) -> Any:
        """The value in the calling thread's file; None where it is unset (V2-32)."""
        here = self._here()
        return None if bytes(here._slot) == here._family.unset else here._word[()]


class Counter(Word):
    """A count that only grows: of whole numbers, which wrap at 2^64, or of floats where the field says so."""

    __slots__ = ()

    @update
    def inc(self, amount: float = 1) -> None:
        """Add `amount`.

        Raises:
            UpdateError: it is negative or no number, or not whole though the counter is; the count stays as it was.
        """
        turn = self._turn
        if not turn._is_owned():
            return self._elsewhere(Counter.inc, amount)
        try:
            self._turn = BUSY
            if amount < 0:
                raise ValueError
            self._word[()] = self._value = self._value + amount
            self._turn = turn
            if self._late:
                self._catch_up()
        except (TypeError, ValueError):
            self._broken_off(turn)
            self._add(amount)
        except BaseException:
            self._broken_off(turn)
            raise

    incr = inc

    @property
    def value(self) -> int | float:
        """The count in the calling thread's file."""
        value: int | float = self._here()._word[()]
        return value

    def _add(self, amount: Any) -> None:
        """Add what could not be added straight ahead: the count wraps, or `amount` is refused."""
        try:
            whole = operator.index(amount)
        except TypeError:
            raise UpdateError(
                "bad-amount", self.name, f"{amount!r} is no whole number; type=float counts others"
            ) from None
        if whole < 0:
            raise UpdateError("negative-increment", self.name, f"a counter grows; {amount!r} would take away")
        self._run(Counter._wrap, whole)

    def _wrap(self, whole: int) -> None:
        self._store((self._value + whole) % 2**64)


class FloatCounter(Counter):
    """A counter of floats."""

    __slots__ = ()

    def inc(self, amount: float = 1) -> None:
        """Add `amount`.

        Raises:
            UpdateError: it is negative or no number; the count stays as it was.
        """
        self._run(FloatCounter._grow, amount)

    incr = inc

    def _grow(self, amount: Any) -> None:
        try:
            fits = amount >= 0
            total = self._value + float(amount)
        except (TypeError, ValueError, OverflowError):
            raise UpdateError("bad-amount", self.name, f"{amount!r} cannot be added to this counter") from None
        if not fits:
            raise UpdateError("negative-increment", self.name, f"a counter grows; {amount!r} would not make it")
        self._store(total)


class Gauge(Word):
    """A value that goes up and down; it is unset until it is set."""

    __slots__ = ()

    @update
    def set(self, value: float) -> None:
        """Make it `value`; whole numbers wrap at 64 bits where the field has ``type=int``.

        Raises:
            UpdateError: it is no number, or not whole though the gauge is; the gauge stays as it was.
        """
        turn = self._turn
        if not turn._is_owned():
            return self._elsewhere(Gauge.set, value)
        try:
            self._turn = BUSY
            self._word[()] = self._value = value
            self._turn = turn
            if self._late:
                self._catch_up()
        except (TypeError, ValueError, OverflowError):
            self._broken_off(turn)
            self._run(Gauge._store, self._family.fit(value))
        except BaseException:
            self._broken_off(turn)
            raise

    @update
    def inc(self, amount: float = 1) -> None:
        """Add `amount`; an unset gauge counts from zero.

        Raises:
            UpdateError: it is no number, or not whole though the gauge is; the gauge stays as it was.
        """
        turn = self._turn
        if not turn._is_owned():
            return self._elsewhere(Gauge.inc, amount)
        try:
            self._turn = BUSY
            self._word[()] = self._value = self._value + amount
            self._turn = turn
            if self._late:
                self._catch_up()
        except (TypeError, ValueError, OverflowError):
            self._broken_off(turn)
            self._run(Gauge._grow, self._family.fit(amount))
        except BaseException:
            self._broken_off(turn)
            raise

    def dec(self, amount: float = 1) -> None:
        """Take `amount` away; as `inc`."""
        self.inc(-amount)

    @property
    def value(self) -> int | float | None:
        """The value in the calling thread's file; None while it is unset."""
        value: int | float | None = self._published()
        return value

    def _grow(self, amount: Any) -> None:
        self._store(self._family.fit(self._value + amount))

    def _restore(self) -> None:
        self._value = 0 if bytes(self._slot) == self._family.unset else self._word[()]


class Plain(Word):
    """A value that is set by assignment to the attribute."""

    __slots__ = ()

    def set(self, value: Any) -> None:
        """Make it `value`: whole numbers wrap at the field's width, a boolean counts by its truth.

        Raises:
            UpdateError: it is of another type than the field; the value stays as it was.
        """
        self._run(Plain._store, self._family.fit(value))

    @property
    def value(self) -> Any:
        """The value in the calling thread's file."""
        value = self._here()._word[()]
        return bool(value) if self._family.declared.type == "boolean" else value


class MovingAverage(Word):
    """The mean of the last values added: of so many, or of those of so many seconds, as the field says."""

    __slots__ = ("_window",)

    def _reset(self) -> None:
        super()._reset()
        self._window: deque[tuple[float, float]] = deque(maxlen=self._family.window)

    def _forget(self) -> None:
        super()._forget()
        self._window.clear()

    def add(self, value: float) -> None:
        """Add one value.

        Raises:
            UpdateError: it is no number; the mean stays as it was.
        """
        self._run(MovingAverage._append, self._family.fit(value))

    @property
    def value(self) -> float:
        """The mean in the calling thread's file; 0.0 before the first value."""
        return self._published() or 0.0

    def _append(self, value: float) -> None:
        window, now = self._window, time.monotonic()
        window.append((now, value))
        while now - window[0][0] > self._family.seconds:
            window.popleft()
        values = [added for _, added in window]
        try:
            total = math.fsum(values)
        except (OverflowError, ValueError):  # too large, or infinities of both signs
            total = sum(values)
        self._store(total / len(values))


class State(Word):
    """One of the states that the field names; exactly one is active."""

    __slots__ = ()

    def set(self, state: str) -> None:
        """Make `state` the active one.

        Raises:
            UpdateError: the field does not name it.
        """
        states = self._family.declared.states
        if state not in states:
            raise UpdateError("unknown-state", self.name, f"{state!r} is none of {', '.join(states)}")
        self._run(State._store, states.index(state))

    @property
    def value(self) -> str | None:
        """The active state in the calling thread's file; None where a thread that ended left it unset."""
        value = self._published()
        return None if value is None else self._family.declared.states[value]


#: The bytes of a word that stands for no value, by value type (V2-32).
UNSET = {name: number.to_bytes(layout.V2_UNIT, "little") for name, number in layout.V2_UNSET.items()}
