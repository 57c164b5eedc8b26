"""The types that users see; mypy checks `assert_type`, and running it checks that the values agree."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, assert_type

import pytest

import mmstats
import mmstats_reader
from mmstats_format import Document, Document2, Field, build, parse
from mmstats_reader import Conflict, Directory, Family, Process, Reader, Snapshot, Stat, View, read
from mmstats_writer import (
    AverageField,
    BoolField,
    Counter,
    CounterField,
    DoubleField,
    Gauge,
    GaugeField,
    Histogram,
    HistogramField,
    MmStats,
    MovingAverage,
    MovingAverageField,
    PlainField,
    State,
    StateField,
    StaticTextField,
    StringField,
    Summary,
    SummaryField,
    Text,
    TextField,
    Timer,
    TimerField,
    Timing,
    UIntField,
    Writer,
    exponential,
    linear,
)


class Int64Field(PlainField[int]):
    type = "signed"
    bits = 64


class Stats(MmStats):
    hits = CounterField("http.hits")
    seconds = CounterField(type=float)
    requests = CounterField(labelnames=("method",), max_series=10)
    level = GaugeField(combine="sum", type=int)
    mean = AverageField()
    moving = MovingAverageField(size=5)
    recent = MovingAverageField(seconds=60)
    summary = SummaryField(unit="bytes")
    histogram = HistogramField(bounds=linear(1, 1, 3))
    timer = TimerField()
    state = StateField(states=("up", "down"))
    words = TextField(size=20, help="what it says")
    number = UIntField()
    own = Int64Field()
    ratio = DoubleField()
    ready = BoolField()
    text = StringField(size=20)
    constant = StaticTextField(value="x")


def test_attributes_of_a_model(tmp_path: Path) -> None:
    stats = Stats(path=tmp_path, prefix="p.", app="types")
    assert_type(Stats.hits, CounterField)
    assert_type(stats.hits, Counter)
    assert_type(stats.hits.inc(2), None)
    assert_type(stats.hits.value, int | float)
    assert_type(stats.requests.labels(method="GET"), Counter)
    assert_type(stats.level, Gauge)
    assert_type(stats.level.value, int | float | None)
    assert_type(stats.mean, Summary)
    assert_type(stats.mean.value, float)
    assert_type(stats.moving, MovingAverage)
    assert_type(stats.recent, MovingAverage)
    assert_type(stats.summary, Summary)
    assert_type(stats.histogram, Histogram)
    assert_type(stats.histogram.counts, tuple[int, ...])
    assert_type(stats.timer, Timer)
    assert_type(stats.state, State)
    assert_type(stats.state.value, str | None)
    assert_type(stats.words, Text)
    assert_type(stats.words.value, str | None)
    with stats.timer.time() as timing:
        assert_type(timing, Timing)
    stats.number = 5
    stats.own = -5
    stats.ratio = 0.5
    stats.ready = True
    stats.text = "text"
    assert_type(stats.number, int)
    assert_type(stats.own, int)
    assert_type(stats.ratio, float)
    assert_type(stats.ready, bool)
    assert_type(stats.text, str)
    assert_type(stats.constant, str)
    assert_type(stats.filename, str)
    assert_type(stats.size, int | None)
    assert (stats.number, stats.own, stats.ratio, stats.ready) == (5, -5, 0.5, True)
    assert (stats.text, stats.constant, stats.timer.count) == ("text", "x", 1)


def test_a_timer_leaves_the_type_of_what_it_decorates(tmp_path: Path) -> None:
    timer = Stats(path=tmp_path).timer

    @timer.time()
    def double(number: int) -> int:
        return 2 * number

    @timer.time()
    async def triple(number: int) -> int:
        return 3 * number

    assert_type(double(2), int)
    assert double(2) == 4

    async def use() -> None:
        assert_type(await triple(2), int)

    with pytest.raises(StopIteration):
        use().send(None)
    assert timer.count == 3


def test_wrong_assignments_are_type_errors_too(tmp_path: Path) -> None:
    stats = Stats(path=tmp_path)
    with pytest.raises(TypeError):
        stats.number = "5"  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        stats.hits = 5  # type: ignore[assignment]


def test_the_writer_has_the_fields_types_and_arguments(tmp_path: Path) -> None:
    writer = Writer(path=tmp_path, app="types", prefix="p.")
    assert_type(writer.counter("c", labelnames=("a",)), Counter)
    assert_type(writer.gauge("g", combine="max"), Gauge)
    assert_type(writer.moving_average("m", seconds=1.5), MovingAverage)
    assert_type(writer.average("a"), Summary)
    assert_type(writer.summary("s"), Summary)
    assert_type(writer.histogram("h", bounds=exponential(1, 2, 3)), Histogram)
    assert isinstance(writer.timer("t"), Timer)
    assert_type(writer.state("st", states=("up",)), State)
    assert_type(writer.text("te", size=5), Text)
    assert_type(writer.filename, str)
    assert Stats(path=tmp_path).declare("more", CounterField()).value == 0


def test_reading(tmp_path: Path) -> None:
    stats = Stats(path=tmp_path)
    path = stats.filename
    assert_type(Reader(path).poll(), Snapshot)
    snapshot = read(path)
    assert_type(snapshot, Snapshot)
    for stat in snapshot:
        assert_type(stat, Stat)
        assert_type(stat.label, str)
    assert_type(snapshot["http.hits"], Any)
    assert_type(snapshot.unconfirmed, frozenset[str])
    assert_type(snapshot.process, Process)
    assert_type(snapshot.process.pid, int)
    assert_type(snapshot.families, Mapping[str, Family])
    assert snapshot.process.pid == os.getpid()


def test_reading_a_directory(tmp_path: Path) -> None:
    stats = Stats(path=tmp_path)
    stats.histogram.observe(1)
    with Directory(tmp_path) as directory:
        assert_type(directory, Directory)
        view = directory.poll()
    assert_type(view, View)
    for family in view:
        assert_type(family, Family)
        assert_type(family.name, str)
        assert_type(family.labels, tuple[str, ...])
    assert_type(view.rate("http.hits"), float)
    assert_type(view["histogram"], Family)
    assert_type(view["histogram"].quantile(0.5), float)
    assert_type(view.processes, Sequence[Process])
    assert_type(view.errors, Mapping[str, Exception])
    assert_type(view.conflicts, Sequence[Conflict])
    assert isinstance(view.total("histogram"), mmstats_reader.Histogram)
    assert isinstance(view.total("summary"), mmstats_reader.Summary)


def test_documents() -> None:
    document = parse(build(Document((Field(b"a", "B", 255, (b"\1",)),))))
    assert_type(document, Document | Document2)
    assert isinstance(document, Document)
    assert_type(document.fields[0], Field)
    assert document.fields[0].value == 1


def test_the_facade(tmp_path: Path) -> None:
    class Old(mmstats.MmStats):
        hits = mmstats.CounterField(label="x")

    for stats in (Old(path=tmp_path, label_prefix="p."), Old(path=tmp_path, label_prefix="p.", format=2, app="types")):
        stats.hits.inc()
        assert_type(stats.label_prefix, str)
        assert_type(stats.pid, int)
        assert stats.hits.value == 1
