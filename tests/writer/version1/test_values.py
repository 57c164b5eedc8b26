"""Plain fields: what is assigned is what a reader finds, at the width of its type."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import parsed

from mmstats_format import Field
from mmstats_writer._version1 import (
    BaseMmStats,
    BoolField,
    BufferedField,
    ByteField,
    DoubleField,
    FloatField,
    IntField,
    MmStats,
    ShortField,
    StaticDoubleField,
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


class Everything(BaseMmStats):
    u64 = UInt64Field()
    u32 = UIntField()
    i32 = IntField()
    i16 = ShortField()
    u16 = UShortField()
    i8 = ByteField()
    f32 = FloatField()
    f64 = DoubleField()
    yes = BoolField(initial=True)
    no = BoolField()
    text = StringField(size=10)


class Long(BufferedField[int]):
    signature = "l"


class Plain(BaseMmStats):
    long = Long()


def fields(stats: BaseMmStats) -> dict[str, Field]:
    """What the schema reads in the file, by label."""
    return {field.label.decode(): field for field in parsed(Path(stats.filename).read_bytes()).fields}


SIGNATURES = {
    "u64": "Q", "u32": "I", "i32": "i", "i16": "h", "u16": "H", "i8": "b", "f32": "f", "f64": "d", "yes": "?",
    "no": "?", "text": "10s",
}  # fmt: skip


def test_every_field_has_its_type_and_buffers() -> None:
    found = fields(Everything())
    assert {label: field.signature for label, field in found.items()} == SIGNATURES
    assert {label for label, field in found.items() if not field.buffered} == {"i8", "yes", "no", "text"}


def test_values_begin_at_zero_and_at_the_initial_boolean() -> None:
    """V1-W1: a new field with two buffers has index 0 and zeros in both."""
    found = fields(Everything())
    assert all(field.index == 0 for field in found.values() if field.buffered)
    assert all(not any(buffer) for field in found.values() if field.buffered for buffer in field.buffers)
    assert [found["yes"].value, found["no"].value, found["text"].value] == [True, False, b""]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("u64", 2**64 - 1, 2**64 - 1),
        ("u64", 2**64, 0),
        ("u64", -1, 2**64 - 1),
        ("u32", 2**32 + 5, 5),
        ("u32", -100, 2**32 - 100),
        ("i32", 2**31, -(2**31)),
        ("i32", -(2**31) - 1, 2**31 - 1),
        ("i16", 2**15, -(2**15)),
        ("i16", -1, -1),
        ("u16", -2, 2**16 - 2),
        ("i8", 200, -56),
        ("i8", -129, 127),
        ("i32", True, 1),
        ("f64", 1e308, 1e308),
        ("f64", 3, 3.0),
        ("f32", 1e300, math.inf),
        ("f32", 0.1, struct.unpack("f", struct.pack("f", 0.1))[0]),
        ("yes", [], False),
        ("no", "anything truthy", True),
    ],
)
def test_assigned_numbers_are_published_and_wrap_at_their_width(name: str, given: Any, expected: Any) -> None:
    """V1-W3."""
    stats = Everything()
    setattr(stats, name, given)
    assert getattr(stats, name) == expected
    assert type(getattr(stats, name)) is type(expected)
    assert fields(stats)[name].value == expected


def test_minus_zero_and_nan_keep_their_bits() -> None:
    stats = Everything()
    stats.f64 = -0.0
    assert fields(stats)["f64"].raw == struct.pack("<d", -0.0)
    payload = struct.unpack("<d", bytes.fromhex("efbeadde0000f87f"))[0]
    stats.f64 = payload
    assert fields(stats)["f64"].raw == bytes.fromhex("efbeadde0000f87f")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a" * 11, "a" * 10),
        ("❤" * 11, "❤" * 3),
        ("aé" * 5, "aéaéaé" + "a"),
        ("\U0001f600" * 3, "\U0001f600" * 2),
        (b"bytes", "bytes"),
        ("a\0b", "a"),
        ("", ""),
        ("\udcff", "\\udcff"),
    ],
)
def test_text_is_cut_after_a_whole_character(given: str, expected: str) -> None:
    """V1-12: the rest of the buffer is zero bytes, also where longer text stood before."""
    stats = Everything()
    stats.text = "0123456789"
    stats.text = given
    assert stats.text == expected
    raw = fields(stats)["text"].raw
    assert raw.split(b"\0")[0].decode() == expected
    assert raw.rstrip(b"\0").decode("utf-8") in (expected, given)


@pytest.mark.parametrize(
    ("name", "value"),
    [("u32", 1.5), ("u32", "1"), ("i8", None), ("f64", "1.5"), ("f64", 1j), ("text", 5), ("text", None)],
)
def test_a_value_of_the_wrong_type_is_an_error_and_changes_nothing(name: str, value: Any) -> None:
    stats = Everything()
    before = Path(stats.filename).read_bytes()
    with pytest.raises(TypeError, match=f"field '{name}': .* is no value for type"):
        setattr(stats, name, value)
    assert Path(stats.filename).read_bytes() == before


def test_an_update_stores_the_value_and_then_turns_the_index() -> None:
    """V1-W2: the buffer that the index names takes the value, the other keeps the one before."""
    stats = Everything()
    seen = []
    for value in (5, 6, 7):
        stats.u32 = value
        field = fields(stats)["u32"]
        seen.append((field.index, [struct.unpack("<I", buffer)[0] for buffer in field.buffers]))
    assert seen == [(1, [5, 0]), (0, [5, 6]), (1, [7, 6])]


def test_augmented_assignment_counts_on() -> None:
    stats = Everything()
    stats.u32 += 1
    stats.u32 += 1000
    assert fields(stats)["u32"].value == 1001


def test_types_of_the_registry_can_be_derived() -> None:
    stats = Plain()
    stats.long = -5
    assert (fields(stats)["long"].signature, fields(stats)["long"].value) == ("l", -5)


def test_static_fields_are_asked_for_by_every_instance() -> None:
    """The original asked once, and the first thread's id stood in every file."""
    calls = iter(range(100))

    class Numbered(BaseMmStats):
        number = StaticUIntField(value=lambda: next(calls))

    assert [Numbered().number, Numbered().number] == [0, 1]


def test_static_fields_hold_every_type() -> None:
    class Constants(BaseMmStats):
        u32 = StaticUIntField(value=2**32 - 1)
        i64 = StaticInt64Field(value=-(2**63))
        u64 = StaticUInt64Field(value=2**64 - 1)
        f32 = StaticFloatField(value=0.5)
        f64 = StaticDoubleField(value=lambda: 1 / 3)
        text = StaticTextField("a text", value="❤ something cool")

    found = fields(Constants())
    assert {label: field.value for label, field in found.items()} == {
        "u32": 2**32 - 1,
        "i64": -(2**63),
        "u64": 2**64 - 1,
        "f32": 0.5,
        "f64": 1 / 3,
        "a text": "❤ something cool".encode(),
    }
    assert not any(field.buffered for field in found.values())
    with pytest.raises(AttributeError, match="cannot be assigned to"):
        Constants().u32 = 5  # the point


def test_the_default_fields_tell_the_process() -> None:
    found = fields(MmStats(prefix="web."))
    assert list(found) == [
        "web.sys.pid",
        "web.sys.tid",
        "web.sys.uid",
        "web.sys.gid",
        "web.org.python.version",
        "web.sys.created",
    ]
    assert "".join(found[label].signature for label in found) == "IqQQ256sd"


def test_fields_stand_in_the_order_of_declaration_and_an_overridden_one_in_its_place() -> None:
    class Parent(BaseMmStats):
        zebra = UIntField()
        apple = UIntField()
        gone = UIntField()

    class Child(Parent):
        last = UIntField()
        zebra = BoolField()
        gone = None  # type: ignore[assignment]  # a field can be taken out

    assert [(label, field.signature) for label, field in fields(Child()).items()] == [
        ("zebra", "?"),
        ("apple", "I"),
        ("last", "I"),
    ]
    assert isinstance(Parent.zebra, UIntField)
    assert isinstance(Child.zebra, BoolField)


def test_a_field_cannot_be_assigned_before_its_file_is_there() -> None:
    class Early(BaseMmStats):
        count = UIntField()

        def __init__(self) -> None:
            self.count = 1
            super().__init__()

    with pytest.raises(AttributeError, match="'count' is a field"):
        Early()


def test_an_instance_keeps_other_attributes() -> None:
    class Named(BaseMmStats):
        count = UIntField()

        def __init__(self, owner: str) -> None:
            self.owner = owner
            super().__init__()

    assert Named("me").owner == "me"
