"""Fields, the declarations in a model's class.

Rule 1: a field belongs to a class and holds nothing of an instance.
Rule 2: no field with a metric defines ``__set__``: the metric lies in the instance's dictionary, where it is found
        without a call of Python code as long as the field is no data descriptor; the model's ``__setattr__`` refuses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from mmstats_format import DeclarationError

from .._given import check_size
from .metrics import Average, Counter, Metric, MovingAverage, Timer

if TYPE_CHECKING:
    from .model import BaseMmStats

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Field(Generic[T_co]):
    """One value of a model, of the type that ``signature`` names (FORMAT.md 2.4).

    Attributes:
        signature: a type of the registry.
        buffered: True for two buffers and an index.
        metric: the class of what the attribute gives; None for the plain value.
        key: the attribute's name, once there is an instance.
    """

    signature: str = ""
    buffered: bool = False
    metric: type[Any] | None = None
    key: str | None = None

    def __init__(self, name: str | None = None) -> None:
        """Declare a field.

        Args:
            name: its label, without the instance's prefix; the attribute's name by default.

        Raises:
            TypeError: the name is no text.
        """
        if name is not None and not isinstance(name, str):
            raise TypeError(f"a field's name is text, not {type(name).__name__}")
        self.name = name

    def initial_value(self) -> object:
        """The value before the first update; asked for once an instance."""
        return 0

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: BaseMmStats, owner: type) -> T_co: ...
    def __get__(self, instance: BaseMmStats | None, owner: type) -> Any:
        if instance is None:
            return self
        return instance._states[self.key].value  # type: ignore[index]  # an instance's fields have keys

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class PlainField(Field[T]):
    """A value that is set by assignment."""

    def __set__(self, instance: BaseMmStats, value: T) -> None:
        instance._states[self.key].set(value)  # type: ignore[index]  # an instance's fields have keys


class BufferedField(PlainField[T]):
    """A value with two buffers, set by assignment. Subclasses give the ``signature``."""

    buffered = True


class UnbufferedField(PlainField[T]):
    """A value with one buffer, set by assignment. Subclasses give the ``signature``."""


class StaticField(Field[T_co]):
    """A value that is given with the declaration and never changes."""

    def __init__(self, name: str | None = None, value: object = None) -> None:
        """Declare a constant.

        Args:
            name: as for every field.
            value: the value, or a callable that is asked for it whenever an instance is made.
        """
        super().__init__(name)
        self.value = value

    def initial_value(self) -> object:
        value = self.value() if callable(self.value) else self.value
        if value is None:
            raise DeclarationError("no-value", self.name or self.key or "", "a static field has a value")
        return value


class CounterField(Field[Counter]):
    """A `Counter`."""

    signature = "Q"
    buffered = True
    metric = Counter


class AverageField(Field[Average]):
    """An `Average`."""

    signature = "d"
    buffered = True
    metric = Average


class MovingAverageField(Field[MovingAverage]):
    """A `MovingAverage` of the last `size` values."""

    signature = "d"
    buffered = True
    metric: type[Metric] = MovingAverage

    def __init__(self, name: str | None = None, size: int = 100) -> None:
        super().__init__(name)
        check_size(size, least=1)
        self.size = size


class TimerField(MovingAverageField):
    """A `Timer`: the moving average of timings by the clock `timer`, in its unit (seconds by default)."""

    metric = Timer

    def __init__(self, name: str | None = None, size: int = 100, timer: Callable[[], float] = time.time) -> None:
        super().__init__(name, size)
        if not callable(timer):
            raise TypeError(f"a timer is a function that gives the time, not {type(timer).__name__}")
        self.timer = timer

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...
        @overload
        def __get__(self, instance: BaseMmStats, owner: type) -> Timer: ...
        def __get__(self, instance: BaseMmStats | None, owner: type) -> Any: ...


class UInt64Field(BufferedField[int]):
    """An unsigned integer of 64 bits."""

    signature = "Q"


class UIntField(BufferedField[int]):
    """An unsigned integer of 32 bits."""

    signature = "I"


class IntField(BufferedField[int]):
    """A signed integer of 32 bits."""

    signature = "i"


class ShortField(BufferedField[int]):
    """A signed integer of 16 bits."""

    signature = "h"


class UShortField(BufferedField[int]):
    """An unsigned integer of 16 bits."""

    signature = "H"


class ByteField(UnbufferedField[int]):
    """A signed integer of 8 bits."""

    signature = "b"


class FloatField(BufferedField[float]):
    """A float of 32 bits."""

    signature = "f"


class DoubleField(BufferedField[float]):
    """A float of 64 bits."""

    signature = "d"


class BoolField(UnbufferedField[bool]):
    """True or false; whatever is assigned counts by its truth."""

    signature = "?"

    def __init__(self, name: str | None = None, initial: bool = False) -> None:
        super().__init__(name)
        self.initial = initial

    def initial_value(self) -> object:
        return self.initial


class StringField(UnbufferedField[str]):
    """Text of at most `size` bytes in UTF-8; what is longer is cut after a whole character."""

    def __init__(self, name: str | None = None, size: int = 255) -> None:
        super().__init__(name)
        check_size(size, least=0)
        self.size = size
        self.signature = f"{size}s"

    def initial_value(self) -> object:
        return ""


class StaticUIntField(StaticField[int]):
    """A constant unsigned integer of 32 bits."""

    signature = "I"


class StaticInt64Field(StaticField[int]):
    """A constant signed integer of 64 bits."""

    signature = "q"


class StaticUInt64Field(StaticField[int]):
    """A constant unsigned integer of 64 bits."""

    signature = "Q"


class StaticFloatField(StaticField[float]):
    """A constant float of 32 bits."""

    signature = "f"


class StaticDoubleField(StaticField[float]):
    """A constant float of 64 bits."""

    signature = "d"


class StaticTextField(StaticField[str]):
    """A constant text of at most 256 bytes in UTF-8."""

    signature = "256s"
