"""Publish statistics of a running program in a memory-mapped file.

Subclass `MmStats`, give it fields, make one instance and use it from every thread: each gets a file of its own by
itself. An update is a few stores to memory: no lock, no system call.
"""

from mmstats_format import ClosedError, DeclarationError, UnsupportedHost

from ._fields import (
    AverageField,
    BoolField,
    BufferedField,
    ByteField,
    CounterField,
    DoubleField,
    Field,
    FloatField,
    IntField,
    MovingAverageField,
    ShortField,
    StaticDoubleField,
    StaticField,
    StaticFloatField,
    StaticInt64Field,
    StaticTextField,
    StaticUInt64Field,
    StaticUIntField,
    StringField,
    TimerField,
    UInt64Field,
    UIntField,
    UnbufferedField,
    UShortField,
)
from ._metrics import Average, Counter, Metric, MovingAverage, Timer, TimerContext
from ._model import BaseMmStats, MmStats

__all__ = [
    "Average",
    "AverageField",
    "BaseMmStats",
    "BoolField",
    "BufferedField",
    "ByteField",
    "ClosedError",
    "Counter",
    "CounterField",
    "DeclarationError",
    "DoubleField",
    "Field",
    "FloatField",
    "IntField",
    "Metric",
    "MmStats",
    "MovingAverage",
    "MovingAverageField",
    "ShortField",
    "StaticDoubleField",
    "StaticField",
    "StaticFloatField",
    "StaticInt64Field",
    "StaticTextField",
    "StaticUInt64Field",
    "StaticUIntField",
    "StringField",
    "Timer",
    "TimerContext",
    "TimerField",
    "UInt64Field",
    "UIntField",
    "UShortField",
    "UnbufferedField",
    "UnsupportedHost",
]
