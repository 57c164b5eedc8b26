"""The facade writes version 2 where it is told to: the same programs, in files that say what their numbers mean."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.slots import document
from mmstats_testing.written import declarations, values

import mmstats
from mmstats_format import DeclarationError
from mmstats_format._document2 import Origin


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files appear by default."""
    monkeypatch.setenv("MMSTATS_PATH", str(tmp_path))
    for name in ("MMSTATS_FILES", "MMSTATS_FORMAT", "MMSTATS_APP"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


class Every(mmstats.BaseMmStats):
    """A field of every kind."""

    format = 2

    counter = mmstats.CounterField(label="hits")
    average = mmstats.AverageField()
    moving = mmstats.MovingAverageField(size=2)
    timer = mmstats.TimerField(timer=iter(range(100)).__next__)
    byte = mmstats.ByteField()
    short = mmstats.ShortField()
    ushort = mmstats.UShortField()
    int = mmstats.IntField()
    uint = mmstats.UIntField()
    uint64 = mmstats.UInt64Field()
    float = mmstats.FloatField()
    double = mmstats.DoubleField()
    bool = mmstats.BoolField(initial=True)
    string = mmstats.StringField(size=4)
    static_uint = mmstats.StaticUIntField(value=7)
    static_text = mmstats.StaticTextField(value=lambda: "constant")


def test_every_field_has_its_kind() -> None:
    families = {family.name: family for family in declarations(Every().filename)}
    kinds = {name: (family.kind, family.type, family.combination) for name, family in families.items()}
    assert kinds == {
        "hits": ("counter", "unsigned", "sum"),
        "average": ("summary", "float", "sum"),
        "moving": ("gauge", "float", "all"),
        "timer": ("gauge", "float", "all"),
        "byte": ("unknown", "signed", "all"),
        "short": ("unknown", "signed", "all"),
        "ushort": ("unknown", "unsigned", "all"),
        "int": ("unknown", "signed", "all"),
        "uint": ("unknown", "unsigned", "all"),
        "uint64": ("unknown", "unsigned", "all"),
        "float": ("unknown", "float", "all"),
        "double": ("unknown", "float", "all"),
        "bool": ("unknown", "boolean", "all"),
        "string": ("text", "text", "all"),
        "static_uint": ("unknown", "unsigned", "all"),
        "static_text": ("text", "text", "all"),
    }
    assert families["string"].capacity == 4


def test_integers_keep_their_width() -> None:
    stats = Every()
    for name in ("byte", "short", "ushort", "int", "uint", "uint64"):
        setattr(stats, name, 2**64 + 2**31 + 2**15 + 2**7)
    low = 2**15 + 2**7
    found = values(stats.filename)
    assert [found[name] for name in ("byte", "short", "ushort")] == ["-128", str(low - 2**16), str(low)]
    assert [found[name] for name in ("int", "uint", "uint64")] == [str(low - 2**31)] + 2 * [str(2**31 + low)]


def test_metrics_are_used_as_in_the_original() -> None:
    stats = Every()
    stats.counter.inc()
    stats.counter.incr(2)
    stats.average.add(3)
    stats.average.add(4)
    for value in (1, 2, 4):
        stats.moving.add(value)
    with stats.timer as block:
        pass
    stats.timer.start()
    stats.timer.stop()
    stats.string = "abcdef"
    assert (stats.counter.value, stats.average.value, stats.moving.value) == (3, 3.5, 3.0)
    assert (block.elapsed, stats.timer.last, stats.timer.value) == (1, 1, 1.0)
    assert (stats.bool, stats.string, stats.static_text) == (True, "abcd", "constant")
    assert values(stats.filename)["hits"] == "3"


def test_each_thread_has_a_file(directory: Path) -> None:
    stats = Every()
    stats.counter.inc()
    counted: list[Any] = []

    def count() -> None:
        stats.counter.inc(5)
        counted.append((stats.filename, stats.counter.value, values(stats.filename)["hits"]))

    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    assert counted[0][0] != stats.filename
    assert counted[0][1:] == (5, "5")
    assert stats.counter.value == 1
    assert len(list(directory.iterdir())) == 2


def test_a_constant_cannot_be_assigned_to() -> None:
    stats = Every()
    for name in ("counter", "static_uint", "static_text"):
        with pytest.raises(AttributeError, match=name):
            setattr(stats, name, 1)


class Hits(mmstats.BaseMmStats):
    """A counter."""

    hits = mmstats.CounterField()


class TestWhichVersion:
    def version(self, stats: mmstats.BaseMmStats) -> int:
        return Path(stats.filename).read_bytes()[0]

    def test_it_is_1_unless_told_otherwise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.version(Hits()) == 1
        assert self.version(Hits(format=2)) == 2
        monkeypatch.setenv("MMSTATS_FORMAT", "2")
        assert self.version(Hits()) == 2
        assert self.version(Hits(format=1)) == 1

    def test_another_is_an_error(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ValueError, match="1 or 2, not 3"):
            Hits(format=3)
        monkeypatch.setenv("MMSTATS_FORMAT", "two")
        with pytest.raises(ValueError, match="MMSTATS_FORMAT"):
            Hits()
        assert list(directory.iterdir()) == []

    def test_the_application_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert document(Hits(format=2, app="shop").filename).records[0] == Origin("shop", _host())
        monkeypatch.setenv("MMSTATS_APP", "store")
        assert document(Hits(format=2).filename).records[0] == Origin("store", _host())


def test_what_version_2_has_no_kind_for_is_an_error(directory: Path) -> None:
    class Own(mmstats.BaseMmStats):
        own = type("OwnField", (mmstats.fields.ComplexDoubleBufferedField,), {"InternalClass": object})()

    with pytest.raises(DeclarationError) as caught:
        Own(format=2)
    assert (caught.value.code, caught.value.name) == ("not-in-version-2", "own")
    assert list(directory.iterdir()) == []


def _host() -> str:
    return os.uname().nodename
