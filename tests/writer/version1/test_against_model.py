"""Any sequence of updates leaves in the file what a plain model of it says."""

from __future__ import annotations

import math
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from mmstats_testing.documents import parsed

from mmstats_reader import read
from mmstats_writer._version1 import (
    AverageField,
    BaseMmStats,
    BoolField,
    ByteField,
    CounterField,
    DoubleField,
    FloatField,
    IntField,
    MovingAverageField,
    ShortField,
    StringField,
    UInt64Field,
    UIntField,
    UShortField,
)

WINDOW = 3
TEXT_SIZE = 7

#: Attribute, bits, signed.
INTEGERS = [("u64", 64, False), ("u32", 32, False), ("i32", 32, True), ("i16", 16, True), ("u16", 16, False), ("i8", 8, True)]  # fmt: skip # noqa: E501


class Everything(BaseMmStats):
    count = CounterField()
    mean = AverageField()
    moving = MovingAverageField(size=WINDOW)
    u64 = UInt64Field()
    u32 = UIntField()
    i32 = IntField()
    i16 = ShortField()
    u16 = UShortField()
    i8 = ByteField()
    f64 = DoubleField()
    f32 = FloatField()
    flag = BoolField()
    text = StringField(size=TEXT_SIZE)


def wrapped(value: int, bits: int, signed: bool) -> int:
    value %= 2**bits
    return value - 2**bits if signed and value >= 2 ** (bits - 1) else value


def cut(text: str) -> str:
    """As much of the text as fits, up to its first NUL."""
    while len(text.encode("utf-8", "backslashreplace")) > TEXT_SIZE:
        text = text[:-1]
    return text.split("\0")[0]


class Writing(RuleBasedStateMachine):
    """The model is a dictionary; the file is read by the fast reader and by the schema."""

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.stats = Everything(path=self.directory.name)
        self.expected: dict[str, Any] = {
            "count": 0, "mean": 0.0, "moving": 0.0, "f64": 0.0, "f32": 0.0, "flag": False, "text": "",
        } | {name: 0 for name, _, _ in INTEGERS}  # fmt: skip
        self.added: list[float] = []
        self.moved: list[float] = []

    def teardown(self) -> None:
        if hasattr(self, "stats"):
            self.stats.remove()
            assert not os.listdir(self.directory.name)
            self.directory.cleanup()

    @rule(amount=st.integers(-(2**65), 2**65), plainly=st.booleans())
    def count(self, amount: int, plainly: bool) -> None:
        if plainly:
            self.stats.count.inc()
            amount = 1
        else:
            self.stats.count.incr(amount)
        self.expected["count"] = wrapped(self.expected["count"] + amount, 64, False)

    @rule(value=st.integers(-(2**65), 2**65))
    def set_counter(self, value: int) -> None:
        self.stats.count.value = value
        self.expected["count"] = wrapped(value, 64, False)

    @rule(integer=st.sampled_from(INTEGERS), value=st.integers(-(2**65), 2**65))
    def set_integer(self, integer: tuple[str, int, bool], value: int) -> None:
        name, bits, signed = integer
        setattr(self.stats, name, value)
        self.expected[name] = wrapped(value, bits, signed)

    @rule(value=st.floats())
    def set_double(self, value: float) -> None:
        self.stats.f64 = value
        self.expected["f64"] = value

    @rule(value=st.floats(width=32))
    def set_float(self, value: float) -> None:
        self.stats.f32 = value
        self.expected["f32"] = value

    @rule(value=st.booleans())
    def set_flag(self, value: bool) -> None:
        self.stats.flag = value
        self.expected["flag"] = value

    # A lone surrogate is escaped, and may then be cut inside its escape: tested by example instead.
    @rule(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
    def set_text(self, value: str) -> None:
        self.stats.text = value
        self.expected["text"] = cut(value)

    # Of bounded size, so that the model's sum is exact to the last bit but one.
    @rule(value=st.integers(-1000, 1000))
    def average(self, value: int) -> None:
        self.stats.mean.add(value)
        self.added.append(value)
        self.expected["mean"] = sum(self.added) / len(self.added)

    @rule(value=st.integers(-1000, 1000))
    def move(self, value: int) -> None:
        self.stats.moving.add(value)
        self.moved = [*self.moved, value][-WINDOW:]
        self.expected["moving"] = sum(self.moved) / len(self.moved)

    @invariant()
    def the_file_says_what_the_model_says(self) -> None:
        if not hasattr(self, "stats"):
            return
        snapshot = read(self.stats.filename)
        for field in parsed(Path(self.stats.filename).read_bytes()).fields:
            name = field.label.decode()
            expected = self.expected[name]
            by_schema = field.value.decode() if isinstance(field.value, bytes) else field.value
            attribute = getattr(self.stats, name)
            for found in (snapshot[name], by_schema, getattr(attribute, "value", attribute)):
                assert same(found, expected), (name, found, expected)


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float):
        if math.isnan(expected):
            return isinstance(found, float) and math.isnan(found)
        return struct.pack("<d", found) == struct.pack("<d", expected)
    return type(found) is type(expected) and bool(found == expected)


TestWriting = Writing.TestCase
TestWriting.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
