"""Either version of the format from one model: `format=` on class and instance, and MMSTATS_FORMAT."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import parsed
from mmstats_testing.written import bits, values

from mmstats_format import DeclarationError
from mmstats_writer import (
    AverageField,
    BaseMmStats,
    BoolField,
    ByteField,
    CounterField,
    DoubleField,
    Field,
    FloatField,
    GaugeField,
    HistogramField,
    IntField,
    MmStats,
    MovingAverageField,
    ShortField,
    StateField,
    StaticDoubleField,
    StaticFloatField,
    StaticInt64Field,
    StaticTextField,
    StaticUInt64Field,
    StaticUIntField,
    StringField,
    SummaryField,
    TextField,
    TimerField,
    UInt64Field,
    UIntField,
    UShortField,
)


class Hits(BaseMmStats):
    hits = CounterField()


class Old(Hits):
    format = 1


class New(Old):
    format = 2


def version(stats: BaseMmStats) -> int:
    """What the file begins with."""
    return Path(stats.filename).read_bytes()[0]


@pytest.mark.parametrize(
    ("kind", "arguments", "environment", "expected"),
    [
        (Hits, {}, None, 2),
        (Hits, {}, "1", 1),
        (Hits, {}, "2", 2),
        (Hits, {}, "", 2),
        (Hits, {"format": 1}, None, 1),
        (Hits, {"format": 1}, "2", 1),
        (Hits, {"format": None}, "1", 1),
        (Old, {}, None, 1),
        (Old, {}, "2", 1),
        (Old, {"format": 2}, None, 2),
        (New, {}, "1", 2),
        (New, {"format": 1}, "2", 1),
    ],
)
def test_the_version_is_that_of_the_argument_the_class_or_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Hits],
    arguments: dict[str, Any],
    environment: str | None,
    expected: int,
) -> None:
    """In this order; by default 2."""
    if environment is not None:
        monkeypatch.setenv("MMSTATS_FORMAT", environment)
    stats = kind(**arguments)
    stats.hits.inc(3)
    assert version(stats) == expected
    assert type(stats).__name__ == kind.__name__
    assert isinstance(stats, kind)
    assert isinstance(kind.hits, CounterField)
    assert stats.hits.value == 3


@pytest.mark.parametrize("given", [0, 3, "2", 1.5, (2,)])
def test_another_version_is_refused(directory: Path, given: Any) -> None:
    with pytest.raises(ValueError, match="a format is 1 or 2"):
        Hits(format=given)
    assert not os.listdir(directory)


@pytest.mark.parametrize(
    "given",
    [
        3,
        "1",
    ],
)
def test_another_version_of_the_class_is_refused(directory: Path, given: Any) -> None:
    kind: type[Hits] = type("Odd", (Hits,), {"format": given})
    with pytest.raises(ValueError, match="a format is 1 or 2"):
        kind()
    assert not os.listdir(directory)


@pytest.mark.parametrize("given", ["3", "two", "1.0", " "])
def test_another_version_of_the_environment_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("MMSTATS_FORMAT", given)
    with pytest.raises(ValueError, match="MMSTATS_FORMAT is 1 or 2"):
        Hits()
    assert not os.listdir(directory)


def test_a_version_that_comes_too_late_is_refused(directory: Path) -> None:
    class Late(BaseMmStats):
        hits = CounterField()

        def __init__(self) -> None:
            super().__init__(format=1)

    with pytest.raises(ValueError, match="too late"):
        Late()
    assert not os.listdir(directory)


def test_both_versions_of_one_model_live_side_by_side() -> None:
    kept = [Hits(format=number) for number in (1, 2, 1, 2)]
    for amount, stats in enumerate(kept):
        stats.hits.inc(amount)
    assert [version(stats) for stats in kept] == [1, 2, 1, 2]
    assert [stats.hits.value for stats in kept] == [0, 1, 2, 3]


def test_a_class_may_take_arguments_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Named(Hits):
        def __init__(self, owner: str) -> None:
            self.owner = owner
            super().__init__(filename=owner)

    for expected in (1, 2):
        monkeypatch.setenv("MMSTATS_FORMAT", str(expected))
        stats = Named(f"me{expected}")
        assert (version(stats), stats.owner) == (expected, f"me{expected}")


def test_a_class_may_be_particular_about_its_subclasses() -> None:
    """What `__init_subclass__` wants is said by the application's classes, and asked of no others."""
    seen: list[str] = []

    class Tagged(BaseMmStats):
        def __init_subclass__(cls, *, tag: str) -> None:
            seen.append(tag)

    class Web(Tagged, tag="web"):
        hits = CounterField()

    assert [version(Web()), version(Web(format=1)), seen] == [2, 1, ["web"]]


MEAN = {"count": "2", "sum": bits(3.0), "min": bits(1.0), "max": bits(2.0), "last": bits(2.0)}

#: In both versions: the field, an update, and what the two files say; that of version 2 as a canonical document.
BOTH: list[tuple[Callable[[], Field[Any]], Callable[[Any], Any], Any, Any]] = [
    (CounterField, lambda stats: stats.x.inc(3), 3, "3"),
    (CounterField, lambda stats: stats.x.incr(), 1, "1"),
    (AverageField, lambda stats: (stats.x.add(1), stats.x.add(2)), 1.5, MEAN),
    (lambda: MovingAverageField(size=1), lambda stats: (stats.x.add(1), stats.x.add(2)), 2.0, bits(2.0)),
    (UInt64Field, lambda stats: setattr(stats, "x", 2**64 + 5), 5, "5"),
    (UIntField, lambda stats: setattr(stats, "x", -1), 2**32 - 1, str(2**32 - 1)),
    (IntField, lambda stats: setattr(stats, "x", 2**31), -(2**31), str(-(2**31))),
    (UShortField, lambda stats: setattr(stats, "x", 2**16 + 5), 5, "5"),
    (ShortField, lambda stats: setattr(stats, "x", 2**15), -(2**15), str(-(2**15))),
    (ByteField, lambda stats: setattr(stats, "x", 200), -56, "-56"),
    (DoubleField, lambda stats: setattr(stats, "x", 1.5), 1.5, bits(1.5)),
    (FloatField, lambda stats: setattr(stats, "x", 2.5), 2.5, bits(2.5)),
    (lambda: BoolField(initial=True), lambda stats: None, True, True),
    (BoolField, lambda stats: setattr(stats, "x", [1]), True, True),
    (lambda: StringField(size=4), lambda stats: setattr(stats, "x", "abc❤"), b"abc", "abc"),
    (lambda: StaticUIntField(value=7), lambda stats: None, 7, "7"),
    (lambda: StaticInt64Field(value=-7), lambda stats: None, -7, "-7"),
    (lambda: StaticUInt64Field(value=7), lambda stats: None, 7, "7"),
    (lambda: StaticFloatField(value=0.5), lambda stats: None, 0.5, bits(0.5)),
    (lambda: StaticDoubleField(value=lambda: 0.1), lambda stats: None, 0.1, bits(0.1)),
    (lambda: StaticTextField(value="é"), lambda stats: None, "é".encode(), "é"),
]


@pytest.mark.parametrize(("field", "update", "first", "second"), BOTH)
def test_every_field_of_version_1_does_the_same_in_both(
    field: Callable[[], Field[Any]], update: Callable[[Any], Any], first: Any, second: Any
) -> None:
    kind: Any = type("Model", (BaseMmStats,), {"x": field()})
    old, new = kind(format=1, prefix="p."), kind(format=2, prefix="p.")
    update(old)
    update(new)
    (found,) = parsed(Path(old.filename).read_bytes()).fields
    assert (found.label, found.value) == (b"p.x", first)
    assert values(new.filename) == {"p.x": second}
    if type(field()) is not AverageField:  # the mean of both
        assert getattr(old.x, "value", old.x) == getattr(new.x, "value", new.x)


def test_the_timer_of_version_1_is_a_duration_and_of_version_2_a_histogram() -> None:
    clock = iter([1.0, 3.5] * 2)
    kind: Any = type("Model", (BaseMmStats,), {"x": TimerField(timer=lambda: next(clock))})
    old, new = kind(format=1), kind(format=2)
    for stats in (old, new):
        with stats.x.time():
            pass
    assert [field.value for field in parsed(Path(old.filename).read_bytes()).fields] == [2.5]
    assert new.x.sum == 2.5


def test_the_fields_of_a_process_are_version_1s_alone() -> None:
    """In version 2 the header and ORIGIN say it, in every file."""
    old, new = MmStats(format=1), MmStats()
    labels = [field.label for field in parsed(Path(old.filename).read_bytes()).fields]
    assert labels[:2] == [b"sys.pid", b"sys.tid"]
    assert values(new.filename) == {}


@pytest.mark.parametrize(
    "field",
    [
        CounterField(type=float),
        CounterField(labelnames=["a"]),
        GaugeField(),
        MovingAverageField(seconds=5),
        MovingAverageField(labelnames=["a"]),
        SummaryField(),
        AverageField(labelnames=["a"]),
        HistogramField(),
        TimerField(labelnames=["a"]),
        StateField(states=["a"]),
        TextField(),
    ],
    ids=repr,
)
def test_what_version_1_cannot_carry_is_refused_when_it_is_declared(directory: Path, field: Field[Any]) -> None:
    kind = type("Model", (BaseMmStats,), {"x": field})
    with pytest.raises(DeclarationError) as refusal:
        kind(format=1)
    assert (refusal.value.code, refusal.value.name) == ("not-in-version-1", "x")
    assert type(field).__name__ in str(refusal.value)
    assert not os.listdir(directory)
    assert version(kind()) == 2


def test_a_file_of_version_1_cannot_grow() -> None:
    stats = Hits(format=1)
    with pytest.raises(DeclarationError) as refusal:
        stats.declare("more", CounterField())
    assert (refusal.value.code, refusal.value.name) == ("not-in-version-1", "more")


@pytest.mark.parametrize(
    "version",
    [1, 2],
)
def test_disabled_statistics_make_no_file(directory: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    monkeypatch.setenv("MMSTATS_DISABLE", "1")
    stats = Hits(format=version)
    stats.hits.inc(3)
    assert stats.hits.value == 3
    assert not os.listdir(directory)
