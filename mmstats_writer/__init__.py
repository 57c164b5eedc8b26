"""Publish statistics of a running program in a memory-mapped file.

Subclass `MmStats`, give it fields, make one instance and use it from every thread: each gets a file of its own by
itself. An update is a few stores to memory: no lock, no system call. `Writer` does the same without a class.
"""

from mmstats_format import ClosedError, DeclarationError, UnsupportedHost, UpdateError

from ._fields import (
    AverageField,
    CounterField,
    Field,
    GaugeField,
    HistogramField,
    MovingAverageField,
    StateField,
    SummaryField,
    TextField,
    TimerField,
    exponential,
    linear,
)
from ._file import after_fork
from ._latches import Histogram, Summary, Text, Timer, Timing
from ._metric import Metric
from ._model import BaseMmStats, MmStats, Writer
from ._plain_fields import (
    BoolField,
    ByteField,
    DoubleField,
    FloatField,
    IntField,
    PlainField,
    ShortField,
    StaticDoubleField,
    StaticField,
    StaticFloatField,
    StaticInt64Field,
    StaticTextField,
    StaticUInt64Field,
    StaticUIntField,
    StringField,
    UInt64Field,
    UIntField,
    UShortField,
)
from ._where import memory_directory
from ._words import Counter, Gauge, MovingAverage, State

__all__ = [
    "AverageField",
    "BaseMmStats",
    "BoolField",
    "ByteField",
    "ClosedError",
    "Counter",
    "CounterField",
    "DeclarationError",
    "DoubleField",
    "Field",
    "FloatField",
    "Gauge",
    "GaugeField",
    "Histogram",
    "HistogramField",
    "IntField",
    "Metric",
    "MmStats",
    "MovingAverage",
    "MovingAverageField",
    "PlainField",
    "ShortField",
    "State",
    "StateField",
    "StaticDoubleField",
    "StaticField",
    "StaticFloatField",
    "StaticInt64Field",
    "StaticTextField",
    "StaticUInt64Field",
    "StaticUIntField",
    "StringField",
    "Summary",
    "SummaryField",
    "Text",
    "TextField",
    "Timer",
    "TimerField",
    "Timing",
    "UInt64Field",
    "UIntField",
    "UShortField",
    "UnsupportedHost",
    "UpdateError",
    "Writer",
    "after_fork",
    "exponential",
    "linear",
    "memory_directory",
]
