"""Fields, the declarations in a model's class: what each is called, means and does.

Rule 1: a field belongs to a class and holds nothing of an instance.
Rule 2: all that can be wrong with a field alone is found when it is declared to an instance.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from mmstats_format.declaration import Declaration

from ._family import Behaviour
from ._given import check_size
from ._latches import Histogram, Summary, Text, TimedGauge, Timer
from ._words import Counter, FloatCounter, Gauge, MovingAverage, State

if TYPE_CHECKING:
    from . import _version1
    from ._model import BaseMmStats

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

#: Bounds for durations of requests, in seconds.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def linear(start: float, width: float, count: int) -> tuple[float, ...]:
    """`count` bounds, `width` apart, the first of which is `start`."""
    return tuple(start + width * step for step in range(count))


def exponential(start: float, factor: float, count: int) -> tuple[float, ...]:
    """`count` bounds, each `factor` times the one before, the first of which is `start`."""
    return tuple(start * factor**step for step in range(count))


class Field(Generic[T_co]):
    """A metric of a model.

    Attributes:
        name: the metric's name without the instance's prefix; None for the attribute's name.
        help: what it counts or measures, in a sentence.
        unit: of its values, such as ``"bytes"`` or ``"seconds"``.
        labelnames: names of its labels.
        max_series: how many sets of label values have a series of their own; further ones are counted together.
    """

    #: Whether the attribute gives the plain value, and not an object.
    plain = False

    def __init__(
        self,
        name: str | None = None,
        help: str = "",
        unit: str = "",
        labelnames: Sequence[str] = (),
        max_series: int = 1000,
    ) -> None:
        """Declare a metric.

        Args:
            name: its name, without the instance's prefix; the attribute's name by default.
            help: what it says, in a sentence.
            unit: of its values.
            labelnames: names of its labels; its children are then what is updated.
            max_series: how many sets of label values are told apart; further ones are counted in one series.

        Raises:
            TypeError: an argument is of the wrong type.
            ValueError: `max_series` is less than 1.
        """
        for given, what in ((name, "name"), (help, "help"), (unit, "unit")):
            if not isinstance(given, str) and not (what == "name" and given is None):
                raise TypeError(f"a field's {what} is text, not {type(given).__name__}")
        check_size(max_series, least=1)
        self.name, self.help, self.unit = name, help, unit
        self.labelnames, self.max_series = _texts(labelnames, "labelnames"), max_series

    def declared(self, name: str) -> Declaration:
        """What stands in the file, under its full name."""
        raise NotImplementedError

    def behaviour(self) -> Behaviour:
        """What does not stand in the file."""
        raise NotImplementedError

    def version1(self) -> _version1.Field[Any] | None:
        """The same in version 1 of the format; None where that cannot carry it."""
        return None

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: BaseMmStats, owner: type) -> T_co: ...
    def __get__(self, instance: BaseMmStats | None, owner: type) -> Any:
        return self  # an instance's class has something else in this place

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def _declare(self, name: str, kind: str, type: str, combination: str, **more: Any) -> Declaration:
        return Declaration(name, kind, type, combination, self.unit, self.help, self.labelnames, **more)


class CounterField(Field[Counter]):
    """A `Counter`: of whole numbers, or with ``type=float`` of floats."""

    def __init__(
        self,
        name: str | None = None,
        help: str = "",
        unit: str = "",
        labelnames: Sequence[str] = (),
        type: type[int] | type[float] = int,
        max_series: int = 1000,
    ) -> None:
        super().__init__(name, help, unit, labelnames, max_series)
        self.type = _number_type(type)

    def declared(self, name: str) -> Declaration:
        return self._declare(name, "counter", "float" if self.type is float else "unsigned", "sum")

    def behaviour(self) -> Behaviour:
        return Behaviour(FloatCounter if self.type is float else Counter, max_series=self.max_series)

    def version1(self) -> _version1.Field[Any] | None:
        from . import _version1

        return None if self.type is float or self.labelnames else _version1.CounterField(self.name)


class GaugeField(Field[Gauge]):
    """A `Gauge`, of floats or with ``type=int`` of whole numbers."""

    def __init__(
        self,
        name: str | None = None,
        help: str = "",
        unit: str = "",
        labelnames: Sequence[str] = (),
        combine: str = "all",
        type: type[int] | type[float] = float,
        max_series: int = 1000,
        kept: bool = False,
    ) -> None:
        """Declare a gauge; see `Field`.

        Args:
            name: as for every field.
            help: as for every field.
            unit: as for every field.
            labelnames: as for every field.
            combine: what counts over several writers: their ``"sum"``, the ``"min"``, the ``"max"``, what was set
                ``"last"``, or ``"all"`` beside one another.
            type: `float`, or `int` for 64 bits signed.
            max_series: as for every field.
            kept: whether the values of dead writers count, as for what is of the world and not of the process.

        Raises:
            ValueError: `combine` or `type` is none of these.
        """
        super().__init__(name, help, unit, labelnames, max_series)
        if combine not in ("sum", "min", "max", "last", "all"):
            raise ValueError(f"a gauge combines by sum, min, max, last or all, not {combine!r}")
        self.combine, self.type, self.kept = combine, _number_type(type), bool(kept)

    def declared(self, name: str) -> Declaration:
        kind = "signed" if self.type is int else "float"
        return self._declare(name, "gauge", kind, self.combine, kept=self.kept)

    def behaviour(self) -> Behaviour:
        return Behaviour(TimedGauge if self.combine == "last" else Gauge, max_series=self.max_series)


class MovingAverageField(Field[MovingAverage]):
    """A `MovingAverage` of the last `size` values, or with `seconds` of those of so many seconds."""

    def __init__(
        self,
        name: str | None = None,
        size: int = 100,
        seconds: float | None = None,
        help: str = "",
        unit: str = "",
        labelnames: Sequence[str] = (),
        max_series: int = 1000,
    ) -> None:
        super().__init__(name, help, unit, labelnames, max_series)
        check_size(size, least=1)
        if seconds is not None and not seconds > 0:
            raise ValueError(f"a window has more than 0 seconds, not {seconds}")
        self.size, self.seconds = size, seconds

    def declared(self, name: str) -> Declaration:
        return self._declare(name, "gauge", "float", "all")

    def behaviour(self) -> Behaviour:
        if self.seconds is None:
            return Behaviour(MovingAverage, max_series=self.max_series, window=self.size)
        return Behaviour(MovingAverage, max_series=self.max_series, seconds=self.seconds)

    def version1(self) -> _version1.Field[Any] | None:
        from . import _version1

        fits = self.seconds is None and not self.labelnames
        return _version1.MovingAverageField(self.name, self.size) if fits else None


class SummaryField(Field[Summary]):
    """A `Summary`: count, sum, least, greatest and last value."""

    def declared(self, name: str) -> Declaration:
        return self._declare(name, "summary", "float", "sum")

    def behaviour(self) -> Behaviour:
        return Behaviour(Summary, max_series=self.max_series)


class AverageField(SummaryField):
    """A `Summary`, by its mean; the mean over several writers is exact."""

    def version1(self) -> _version1.Field[Any] | None:
        from . import _version1

        return None if self.labelnames else _version1.AverageField(self.name)


class HistogramField(Field[Histogram]):
    """A `Histogram` by `bounds`, each of which belongs to the values below it."""

    def __init__(
        self,
        name: str | None = None,
        help: str = "",
        unit: str = "",
        labelnames: Sequence[str] = (),
        bounds: Sequence[float] = BOUNDS,
        max_series: int = 1000,
    ) -> None:
        """Declare a histogram; see `Field`.

        Args:
            name: as for every field.
            help: as for every field.
            unit: as for every field.
            labelnames: as for every field.
            bounds: ascending; `linear` and `exponential` make such. A last one of infinity goes without saying.
            max_series: as for every field.
        """
        super().__init__(name, help, unit, labelnames, max_series)
        self.bounds = _bounds(bounds)

    def declared(self, name: str) -> Declaration:
        return self._declare(name, "histogram", "float", "sum", bounds=self.bounds)

    def behaviour(self) -> Behaviour:
        return Behaviour(Histogram, max_series=self.max_series)


class TimerField(Field[Timer]):
    """A `Timer`: a histogram of seconds by the clock `timer`."""

    def __init__(
        self,
        name: str | None = None,
        help: str = "",
        labelnames: Sequence[str] = (),
        bounds: Sequence[float] = BOUNDS,
        timer: Callable[[], float] = time.perf_counter,
        max_series: int = 1000,
    ) -> None:
        super().__init__(name, help, "seconds", labelnames, max_series)
        if not callable(timer):
            raise TypeError(f"a timer is a function that gives the time, not {type(timer).__name__}")
        self.bounds, self.timer = _bounds(bounds), timer

    def declared(self, name: str) -> Declaration:
        return self._declare(name, "histogram", "float", "sum", bounds=self.bounds)

    def behaviour(self) -> Behaviour:
        return Behaviour(Timer, max_series=self.max_series, clock=self.timer)

    def version1(self) -> _version1.Field[Any] | None:
        from . import _version1

        return None if self.labelnames else _version1.TimerField(self.name, timer=self.timer)


class StateField(Field[State]):
    """A `State`: one of `states` is active, at first the first of them; `kept` as of a `GaugeField`."""

    def __init__(
        self,
        name: str | None = None,
        states: Sequence[str] = (),
        help: str = "",
        labelnames: Sequence[str] = (),
        max_series: int = 1000,
        kept: bool = False,
    ) -> None:
        super().__init__(name, help, "", labelnames, max_series)
        self.kept = bool(kept)
        self.states = _texts(states, "states")

    def declared(self, name: str) -> Declaration:
        return self._declare(name, "state set", "unsigned", "all", states=self.states, kept=self.kept)

    def behaviour(self) -> Behaviour:
        return Behaviour(State, max_series=self.max_series)


class TextField(Field[Text]):
    """A `Text` of at most `size` bytes in UTF-8, else cut after a whole character; `kept` as of a `GaugeField`."""

    def __init__(
        self,
        name: str | None = None,
        size: int = 255,
        help: str = "",
        labelnames: Sequence[str] = (),
        max_series: int = 1000,
        kept: bool = False,
    ) -> None:
        super().__init__(name, help, "", labelnames, max_series)
        self.kept = bool(kept)
        check_size(size, least=1)
        self.size = size

    def declared(self, name: str) -> Declaration:
        return self._declare(name, "text", "text", "all", capacity=self.size, kept=self.kept)

    def behaviour(self) -> Behaviour:
        return Behaviour(Text, max_series=self.max_series)


def _texts(given: Sequence[str], what: str) -> tuple[str, ...]:
    found = tuple(given)
    if isinstance(given, str) or not all(isinstance(text, str) for text in found):
        raise TypeError(f"a field's {what} are a sequence of texts")
    return found


def _bounds(given: Sequence[float]) -> tuple[float, ...]:
    try:
        bounds = tuple(map(float, given))
    except OverflowError as error:
        raise ValueError(f"a bound is too large for a float: {error}") from None
    return bounds[:-1] if bounds and bounds[-1] == math.inf else bounds


def _number_type(given: Any) -> Any:
    if given not in (int, float):
        raise ValueError(f"a type is int or float, not {given!r}")
    return given
