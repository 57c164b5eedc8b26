"""The original's fields, with its arguments, and the base classes that programs derive their own from.

A derived field gives ``buffer_type``, a `ctypes` type, and where that does not say it ``type_signature``; one with an
object of its own behind the attribute gives ``InternalClass``, which is made with the field's state. The state has
``field``, ``label`` and ``_struct``, with the ``value``, ``buffers`` and ``write_buffer`` of the original.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mmstats_writer._given import check_size
from mmstats_writer._version1 import Average, Counter, Metric, MovingAverage, StaticField, Timer
from mmstats_writer._version1 import Field as _Field
from mmstats_writer._version1.fields import PlainField
from mmstats_writer._version1.state import State

from . import defaults

__all__ = [
    "AverageField",
    "BoolField",
    "BufferedDescriptorField",
    "BufferedDescriptorMixin",
    "ByteField",
    "ComplexDoubleBufferedField",
    "CounterField",
    "DataDescriptorMixin",
    "DoubleBufferedField",
    "DoubleField",
    "DuplicateFieldName",
    "Field",
    "FloatField",
    "IntField",
    "MovingAverageField",
    "NonDataDescriptorMixin",
    "ReadOnlyField",
    "ReadWriteField",
    "ShortField",
    "StaticDoubleField",
    "StaticFloatField",
    "StaticInt64Field",
    "StaticTextField",
    "StaticUInt64Field",
    "StaticUIntField",
    "StringField",
    "TimerField",
    "UInt64Field",
    "UIntField",
    "UShortField",
]


class DuplicateFieldName(Exception):  # the original's name
    """Never raised, as in the original: two fields of one name are one attribute."""


class Field(_Field[Any]):
    """Base of all fields."""

    buffer_type: Any = None
    initial: Any = 0

    def __init__(self, label: str | None = None) -> None:
        super().__init__(label or None)

    @property
    def label(self) -> str | None:
        """The label without the instance's prefix; None for the attribute's name."""
        return self.name

    @label.setter
    def label(self, label: str | None) -> None:
        self.name = label

    @property
    def type_signature(self) -> str:
        """The type of the registry that stands in the file."""
        return str(self.buffer_type._type_)

    @property
    def signature(self) -> str:  # type: ignore[override]  # derived fields may compute it
        """The same, as the writer knows it."""
        return self.type_signature

    def initial_value(self) -> object:
        """The value before the first update."""
        return self.initial

    def __repr__(self) -> str:
        return f"{type(self).__name__}(label={self.label!r})"


class NonDataDescriptorMixin:
    """An attribute that gives the value; every field does."""


class DataDescriptorMixin:
    """An attribute that can be assigned to."""

    if TYPE_CHECKING:

        def __set__(self, inst: Any, value: Any) -> None: ...
    else:
        __set__ = PlainField.__set__


class BufferedDescriptorMixin(DataDescriptorMixin):
    """An attribute of two buffers that can be assigned to."""


class ReadOnlyField(NonDataDescriptorMixin, Field):
    """A constant: a value, or a callable that is asked for it whenever an instance is made."""

    def __init__(self, label: str | None = None, value: Any = None) -> None:
        super().__init__(label)
        self.value = value

    initial_value = StaticField.initial_value


class ReadWriteField(NonDataDescriptorMixin, DataDescriptorMixin, Field):
    """A value with one buffer."""


class DoubleBufferedField(Field):
    """A value with two buffers."""

    buffered = True


class BufferedDescriptorField(BufferedDescriptorMixin, DoubleBufferedField):
    """A value with two buffers, set by assignment."""


class _InternalFieldInterface(Metric):
    """Base of the objects behind attributes; has ``value``, ``_set`` and ``_struct``."""

    @property
    def _struct(self) -> State:
        return self._state


class ComplexDoubleBufferedField(DoubleBufferedField):
    """A value with two buffers and an object of ``InternalClass`` behind the attribute."""

    InternalClass: Any = None

    def metric(self, state: State) -> Any:  # type: ignore[override]  # the class to call depends on the field's
        """The object behind the attribute of an instance."""
        if self.InternalClass is None:
            raise NotImplementedError(f"{type(self).__name__} has no InternalClass")
        return self.InternalClass(state)


class CounterField(ComplexDoubleBufferedField):
    """A counter with ``inc``, ``incr`` and ``value``."""

    buffer_type = ctypes.c_uint64
    type_signature = "Q"

    class InternalClass(Counter, _InternalFieldInterface):
        """A counter."""

        def inc(self, n: int = 1) -> None:
            """Add `n`: `Counter.inc` once more, as a call of it would cost a third again."""
            state = self._state
            write = state.write
            try:
                state.buffers[write] = state.current = state.current + n
            except (ValueError, TypeError):
                return self.incr(n)
            state.index[0] = state.write = 1 - write


class AverageField(ComplexDoubleBufferedField):
    """The mean of all values given to ``add``."""

    buffer_type = ctypes.c_double

    class InternalClass(Average, _InternalFieldInterface):
        """An average."""


class MovingAverageField(ComplexDoubleBufferedField):
    """The mean of the last `size` values given to ``add``."""

    buffer_type = ctypes.c_double

    class InternalClass(MovingAverage, _InternalFieldInterface):
        """A moving average."""

    def __init__(self, size: int = 100, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_size(size, least=1)
        self.size = size


class TimerField(MovingAverageField):
    """The mean of the last timings, by ``with``, or ``start`` and ``stop``."""

    class InternalClass(Timer, _InternalFieldInterface):
        """A timer."""

    def __init__(self, timer: Callable[[], float] = time.time, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timer = timer


class UInt64Field(BufferedDescriptorField):
    """Unsigned integer of 64 bits."""

    buffer_type = ctypes.c_uint64
    type_signature = "Q"


class UIntField(BufferedDescriptorField):
    """Unsigned integer of 32 bits."""

    buffer_type = ctypes.c_uint32
    type_signature = "I"


class IntField(BufferedDescriptorField):
    """Signed integer of 32 bits."""

    buffer_type = ctypes.c_int32
    type_signature = "i"


class ShortField(BufferedDescriptorField):
    """Signed integer of 16 bits."""

    buffer_type = ctypes.c_int16


class UShortField(BufferedDescriptorField):
    """Unsigned integer of 16 bits."""

    buffer_type = ctypes.c_uint16


class ByteField(ReadWriteField):
    """Signed integer of 8 bits."""

    buffer_type = ctypes.c_byte


class FloatField(BufferedDescriptorField):
    """Float of 32 bits."""

    buffer_type = ctypes.c_float


class DoubleField(BufferedDescriptorField):
    """Float of 64 bits."""

    buffer_type = ctypes.c_double


class BoolField(ReadWriteField):
    """True or false."""

    buffer_type = ctypes.c_byte
    type_signature = "?"

    def __init__(self, initial: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initial = initial


class StringField(ReadWriteField):
    """Text of at most `size` bytes in UTF-8."""

    initial = ""

    def __init__(self, size: int = defaults.DEFAULT_STRING_SIZE, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_size(size, least=0)
        self.size = size
        self.buffer_type = ctypes.c_char * size

    @property
    def type_signature(self) -> str:
        """The type of the registry that stands in the file."""
        return f"{self.size}s"


class StaticUIntField(ReadOnlyField):
    """Constant unsigned integer of 32 bits."""

    buffer_type = ctypes.c_uint32
    type_signature = "I"


class StaticInt64Field(ReadOnlyField):
    """Constant signed integer of 64 bits."""

    buffer_type = ctypes.c_int64
    type_signature = "q"


class StaticUInt64Field(ReadOnlyField):
    """Constant unsigned integer of 64 bits."""

    buffer_type = ctypes.c_uint64
    type_signature = "Q"


class StaticFloatField(ReadOnlyField):
    """Constant float of 32 bits."""

    buffer_type = ctypes.c_float


class StaticDoubleField(ReadOnlyField):
    """Constant float of 64 bits."""

    buffer_type = ctypes.c_double


class StaticTextField(ReadOnlyField):
    """Constant text of at most 256 bytes in UTF-8."""

    initial = ""
    buffer_type = ctypes.c_char * 256
    type_signature = "256s"
