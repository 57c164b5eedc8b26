"""The types that users see; mypy checks `assert_type`, and running it checks that the values agree."""

from __future__ import annotations

import os
from pathlib import Path
from typing import assert_type

import pytest

import mmstats
from mmstats_format import Document, Document2, Field, build, parse
from mmstats_reader import Reader, Snapshot, Stat, read
from mmstats_writer import (
    Average,
    AverageField,
    BoolField,
    Counter,
    CounterField,
    DoubleField,
    MmStats,
    MovingAverage,
    MovingAverageField,
    StaticTextField,
    StringField,
    Timer,
    TimerContext,
    TimerField,
    UIntField,
)


class Stats(MmStats):
    hits = CounterField("http.hits")
    mean = AverageField()
    moving = MovingAverageField(size=5)
    timer = TimerField()
    number = UIntField()
    ratio = DoubleField()
    ready = BoolField()
    text = StringField(size=20)
    constant = StaticTextField(value="x")


def test_attributes_of_a_model(tmp_path: Path) -> None:
    stats = Stats(path=tmp_path, prefix="p.")
    assert_type(Stats.hits, CounterField)
    assert_type(stats.hits, Counter)
    assert_type(stats.hits.inc(2), None)
    assert_type(stats.mean, Average)
    assert_type(stats.moving, MovingAverage)
    assert_type(stats.timer, Timer)
    with stats.timer as timing:
        assert_type(timing, TimerContext)
        assert_type(timing.elapsed, float)
    stats.number = 5
    stats.ratio = 0.5
    stats.ready = True
    stats.text = "text"
    assert_type(stats.number, int)
    assert_type(stats.ratio, float)
    assert_type(stats.ready, bool)
    assert_type(stats.text, str)
    assert_type(stats.constant, str)
    assert_type(stats.pid, int)
    assert_type(stats.filename, str)
    assert_type(stats.size, int | None)
    assert (stats.number, stats.ratio, stats.ready, stats.text, stats.constant) == (5, 0.5, True, "text", "x")
    assert stats.pid == os.getpid()


def test_wrong_assignments_are_type_errors_too(tmp_path: Path) -> None:
    stats = Stats(path=tmp_path)
    with pytest.raises(TypeError):
        stats.number = "5"  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        stats.hits = 5  # type: ignore[assignment]


def test_reading(tmp_path: Path) -> None:
    path = Stats(path=tmp_path).filename
    assert_type(Reader(path).poll(), Snapshot)
    snapshot = read(path)
    assert_type(snapshot, Snapshot)
    for stat in snapshot:
        assert_type(stat, Stat)
        assert_type(stat.label, str)
    assert_type(snapshot["http.hits"], int | float | bool | str)
    assert_type(snapshot.unconfirmed, frozenset[str])


def test_documents() -> None:
    document = parse(build(Document((Field(b"a", "B", 255, (b"\1",)),))))
    assert_type(document, Document | Document2)
    assert isinstance(document, Document)
    assert_type(document.fields[0], Field)
    assert document.fields[0].value == 1


def test_the_facade(tmp_path: Path) -> None:
    class Old(mmstats.MmStats):
        hits = mmstats.CounterField(label="x")

    stats = Old(path=tmp_path, label_prefix="p.")
    stats.hits.inc()
    assert_type(stats.label_prefix, str)
    assert stats.hits.value == 1
