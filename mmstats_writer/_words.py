"""Metrics that are one word of the file: counters, gauges, states, plain values (FORMAT.md 3.7, V2-W1).

Rule 1: of a window without dimensions ``window[()]`` is the word; a look-up by number would cost a third more.
"""

from __future__ import annotations

import math
import operator
import time
from typing import Any

from mmstats_format import UpdateError, layout

from ._metric import BUSY, Metric, foreign, update

#: The increment that most updates have, and that needs no look.
_ONE: Any = 1
_PLAIN = (int, float)
#: The signed number that stands for unset (V2-32); only what is taken away leads to it.
_UNSET_SIGNED = -(2**63)


class Word(Metric):
    """A metric whose slot is one word; `_value` is what it counts on from."""

    __slots__ = ("_value", "_word")

    _value: Any

    def _restore(self) -> None:
        self._word: Any = self._slot.cast(self._family.code, ())  # type: ignore[call-overload]  # no literal
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
            return self._elsewhere(_COUNT, amount)
        try:
            try:
                self._turn = BUSY
                # A type that is not a plain one may add in a way of its own.
                if amount is not _ONE and (type(amount) is not int or amount < 0):
                    raise ValueError
                self._word[()] = self._value = self._value + amount
                self._turn = turn
                if self._late:
                    self._catch_up()
            except (TypeError, ValueError) as error:  # the word cannot hold it; nothing is stored
                if foreign(error):
                    raise
                self._grow(self._amount(amount))
                self._catch_up()
        except BaseException:
            self._catch_up()
            raise

    incr = inc

    @property
    def value(self) -> int | float:
        """The count in the calling thread's file."""
        value: int | float = self._here()._word[()]
        return value

    def _amount(self, amount: Any) -> Any:
        try:
            whole = operator.index(amount)
        except TypeError as error:
            if foreign(error):
                raise
            raise UpdateError("bad-amount", self.name, f"{amount!r} cannot be added to this counter") from None
        if whole < 0:
            raise UpdateError("negative-increment", self.name, f"a counter grows; {amount!r} would take away") from None
        return whole

    def _grow(self, amount: Any) -> None:
        self._store((self._value + amount) % 2**64)


class FloatCounter(Counter):
    """A counter of floats."""

    __slots__ = ()

    def inc(self, amount: float = 1) -> None:
        """Add `amount`.

        Raises:
            UpdateError: it is negative or no number; the count stays as it was.
        """
        self._run(FloatCounter._grow, self._amount(amount))

    incr = inc

    def _amount(self, amount: Any) -> Any:
        try:
            grows = amount >= 0
            number = float(amount)
        except (TypeError, ValueError, OverflowError) as error:
            if foreign(error):
                raise
            grows, number = True, math.nan
        if number != number:
            raise UpdateError("bad-amount", self.name, f"{amount!r} cannot be added to this counter")
        if not grows:
            raise UpdateError("negative-increment", self.name, f"a counter grows; {amount!r} would take away")
        return number

    def _grow(self, amount: Any) -> None:
        self._store(self._value + amount)


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
            return self._elsewhere(_SET, value)
        try:
            try:
                self._turn = BUSY
                self._word[()] = value
                self._value = None  # what the word made of it, `inc` looks up
                self._turn = turn
                if self._late:
                    self._catch_up()
            except (TypeError, ValueError, OverflowError) as error:  # the word cannot hold it; nothing is stored
                if foreign(error):
                    raise
                self._store(self._fitting(value))
                self._catch_up()
        except BaseException:
            self._catch_up()
            raise

    @update
    def inc(self, amount: float = 1) -> None:
        """Add `amount`; an unset gauge counts from zero.

        Raises:
            UpdateError: it is no number, or not whole though the gauge is; the gauge stays as it was.
        """
        turn = self._turn
        if not turn._is_owned():
            return self._elsewhere(_GROW, amount)
        try:
            try:
                self._turn = BUSY
                if amount is not _ONE and (type(amount) not in _PLAIN or self._value + amount == _UNSET_SIGNED):
                    raise TypeError
                self._word[()] = self._value = self._value + amount
                self._turn = turn
                if self._late:
                    self._catch_up()
            except (TypeError, ValueError, OverflowError) as error:  # the word cannot hold it; nothing is stored
                if foreign(error):
                    raise
                self._grow(self._fitting(amount))
                self._catch_up()
        except BaseException:
            self._catch_up()
            raise

    def dec(self, amount: float = 1) -> None:
        """Take `amount` away; as `inc`."""
        self.inc(-(amount if type(amount) in _PLAIN else self._fitting(amount)))

    @property
    def value(self) -> int | float | None:
        """The value in the calling thread's file; None while it is unset."""
        value: int | float | None = self._published()
        return value

    def _fitting(self, value: Any) -> Any:
        return self._family.fit(value)

    def _grow(self, amount: Any) -> None:
        value = 0 if bytes(self._slot) == self._family.unset else self._word[()]
        self._store(self._family.fit(value + amount))
        if bytes(self._slot) == self._family.unset:
            self._value = None  # what is unset by now is added to from zero (V2-W14)

    def _restore(self) -> None:
        super()._restore()
        if bytes(self._slot) == self._family.unset:
            self._value = 0


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


#: Parts of a window of seconds: values that are added in the same part leave it together.
_PARTS = 100


class MovingAverage(Word):
    """The mean of the last values added: of so many, or of those of so many seconds, as the field says."""

    __slots__ = ("_begun", "_window")

    def _reset(self) -> None:
        #: What the mean is of: times, and how many values were added then, with their sum. And the token before the
        #: last update, with what that made.
        self._window: list[tuple[float, int, float]] = []
        self._begun: tuple[object, list[tuple[float, int, float]]] | None = None
        super()._reset()

    def _restore(self) -> None:
        super()._restore()
        if self._begun is not None and self._begun[0] != self._token():
            self._window = self._begun[1]

    def _forget(self) -> None:
        self._window, self._begun = [], None
        super()._forget()

    def add(self, value: float) -> None:
        """Add one value.

        Raises:
            UpdateError: it is no number; the mean stays as it was.
        """
        value = self._family.fit(value)
        if value != value:
            raise UpdateError("bad-value", self.name, "what is averaged is a number")
        self._run(MovingAverage._append, value)

    @property
    def value(self) -> float:
        """The mean in the calling thread's file; 0.0 before the first value."""
        return self._published() or 0.0

    def _append(self, value: float) -> None:
        now, most, seconds = time.monotonic(), self._family.window, self._family.seconds
        if most is not None:
            window = [*self._window, (now, 1, value)][-most:]
        else:
            window = [part for part in self._window if now - part[0] <= seconds]
            if window and now - window[-1][0] < seconds / _PARTS:
                # So that the work does not grow with what a busy program adds in so many seconds.
                begun, count, total = window[-1]
                window[-1] = begun, count + 1, total + value
            else:
                window.append((now, 1, value))
        totals = [total for _, _, total in window]
        try:
            total = math.fsum(totals)
        except (OverflowError, ValueError) as error:  # too large, or infinities of both signs
            if foreign(error):
                raise
            total = sum(totals)
        self._begun = self._token(), window
        self._store(total / sum([count for _, count, _ in window]))
        self._window = window


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

_COUNT = Counter.inc, Counter._amount, Counter._grow
_SET = Gauge.set, Gauge._fitting, Gauge._store
_GROW = Gauge.inc, Gauge._fitting, Gauge._grow
