"""One version 2 file: snapshots, and a reader that polls it again and again (FORMAT.md 3.9)."""

from __future__ import annotations

import dataclasses
import math
import os
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import one, two, write
from mmstats_testing.documents2 import (
    bytes2,
    counter,
    document2,
    extent,
    gauge,
    histogram,
    labelled,
    last,
    records,
    states,
    summary,
    text,
    unknown,
    write2,
)
from mmstats_testing.running import descriptors
from mmstats_testing.vectors import DIRECTORY2

from mmstats_format import Corrupt, Document2, FormatError, build, layout
from mmstats_reader import (
    Directory,
    Family,
    Histogram,
    Reader,
    Snapshot,
    Stat,
    Summary,
    _extents,
    _file2,
    kind_of,
    read,
)

REQUESTS = labelled(
    counter("http.requests"),
    ("method", "status"),
    (("GET", "200"), counter("", 3)),
    (('a"b\\c\nd', "500"), counter("", 4)),
)
SOME = [
    REQUESTS,
    gauge("load", 0.5, kind="float", unit="ratio", help="How busy it is"),
    gauge("empty", None),
    text("name", "shop"),
    states("state", ("up", "down"), 1),
    summary("sizes", 2, 3.0, 1.0, 2.0, 2.0),
    histogram("latency", (0.1, 1.0), (1, 2, 3), 4.5, unit="seconds"),
    last("seen", 9, 1.5),
    last("unseen", 0, 1.5),
    last("unset", 8, None),
    unknown("odd", True, "boolean"),
]


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    return read(write2(tmp_path / "x.mmstats", *SOME, app="shop", created=5, pid=6, thread_id=7))


def test_it_iterates_over_full_names_in_the_order_of_the_file(snapshot: Snapshot) -> None:
    """Labels as in OpenMetrics: quotation marks, backslashes and ends of lines are escaped."""
    stats = list(snapshot)
    assert [stat.label for stat in stats] == [
        'http.requests{method="GET",status="200"}',
        'http.requests{method="a\\"b\\\\c\\nd",status="500"}',
        *("load", "empty", "name", "state", "sizes", "latency", "seen", "unseen", "unset", "odd"),
    ]
    assert [stat.value for stat in stats] == [
        *(3, 4, 0.5, None, "shop", "down"),
        Summary(2, 3.0, 1.0, 2.0, 2.0),
        Histogram(4.5, (0.1, 1.0), (1, 2, 3)),
        *(1.5, None, None, True),
    ]
    assert {type(stat) for stat in stats} == {Stat}
    assert len(snapshot) == 12
    assert (snapshot.version, snapshot.unconfirmed) == (2, frozenset())


def test_a_metric_is_found_by_its_name(snapshot: Snapshot) -> None:
    assert snapshot["load"] == snapshot.value("load") == 0.5
    assert snapshot["empty"] is snapshot.value("empty") is None
    assert "load" in snapshot
    family = snapshot["http.requests"]
    assert isinstance(family, Family)
    assert family is snapshot.families["http.requests"]
    assert family.series == {("GET", "200"): 3, ('a"b\\c\nd', "500"): 4}
    assert snapshot.value("http.requests", status="200", method="GET") == 3
    assert family.value(method="GET", status="200") == 3


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        ("http.request", {}, r"no metric 'http\.request'; near: 'http\.requests'"),
        ("http.requests", {}, r"'http\.requests' has the labels method, status"),
        ("http.requests", {"method": "GET"}, "has the labels method, status"),
        ("http.requests", {"method": "GET", "status": "20"}, r"no metric .*; near: .*status=\"200\""),
        ("load", {"method": "GET"}, r"'load' has the labels \(none\)"),
    ],
)
def test_what_is_missing_is_a_key_error_that_helps(
    snapshot: Snapshot, name: str, labels: dict[str, str], message: str
) -> None:
    with pytest.raises(KeyError) as caught:
        snapshot.value(name, **labels)
    assert re.search(message, caught.value.args[0])
    assert snapshot.path in caught.value.args[0]


def test_families_say_what_they_are(snapshot: Snapshot) -> None:
    assert list(snapshot.families)[:3] == ["http.requests", "load", "empty"]
    load, latency = snapshot.families["load"], snapshot.families["latency"]
    assert (load.kind, load.type, load.combination, load.kept) == ("gauge", "float", "sum", False)
    assert (load.unit, load.help, load.labels) == ("ratio", "How busy it is", ())
    assert (latency.bounds, latency.unit) == ((0.1, 1.0), "seconds")
    assert snapshot.families["state"].states == ("up", "down")
    assert snapshot.families["seen"].times == {(): 9}
    assert dict(snapshot.families["unseen"].times) == {}
    assert snapshot.families["unset"].times == {(): 8}
    with pytest.raises(TypeError):
        snapshot.families["load"] = latency  # type: ignore[index]


def test_the_process_is_told_as_the_header_has_it(snapshot: Snapshot, tmp_path: Path) -> None:
    process = snapshot.process
    assert process[:7] == (snapshot.path, 2, "shop", "box", 6, 7, 5)
    assert (process.state, process.reason) == ("live", "")
    closed = read(write2(tmp_path / "y.mmstats", state=2))
    assert closed.process.state == "closed"
    assert closed.process.writer_id != process.writer_id


def test_a_family_without_series_has_no_value(tmp_path: Path) -> None:
    metric = counter("m")
    snapshot = read(write2(tmp_path / "x.mmstats", metric._replace(slots={})))
    assert (len(snapshot), snapshot["m"], list(snapshot.families)) == (0, None, ["m"])


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        (gauge("m", 7, "max", "boolean"), None),
        (unknown("m", 2**64 - 1), None),
        (unknown("m", 3, "boolean"), None),
        (states("m", ("a", "b"), 2), None),
        (states("m", ("a", "b"), None), None),
        (text("m", None), None),
        (text("m", b"\xff\0x", capacity=2), "\\xff\0"),
        (counter("m", 2**64 - 1), 2**64 - 1),
        (summary("m"), Summary(0, 0.0, None, None, None)),
    ],
)
def test_no_value_is_an_error(tmp_path: Path, metric: Any, value: Any) -> None:
    """V2-32, V2-33; counters are never unset."""
    assert read(write2(tmp_path / "x.mmstats", metric))["m"] == value


def test_a_text_longer_than_its_capacity_is_cut(tmp_path: Path) -> None:
    """V2-33."""
    file = write2(tmp_path / "x.mmstats", text("m", "abcdefgh", capacity=5))
    assert read(file)["m"] == "abcde"


def test_version_1_has_families_and_a_process_too(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x",
        two("hits", "Q", 3),
        one("p.sys.pid", "I", 11),
        one("p.sys.tid", "q", 12),
        one("p.sys.created", "d", 1.5),
    )
    snapshot = read(path)
    assert snapshot.families["hits"].kind == "counter"
    assert snapshot.families["hits"].series == {(): 3}
    assert snapshot.process[:7] == (str(path), 1, "", "", 11, 12, 1_500_000_000)


@pytest.mark.parametrize(
    ("signature", "buffered", "kind"),
    [
        ("Q", True, ("counter", "unsigned")),
        ("Q", False, ("unknown", "unsigned")),
        ("L", True, ("unknown", "unsigned")),
        ("d", True, ("unknown", "float")),
        ("q", True, ("unknown", "signed")),
        ("?", False, ("unknown", "boolean")),
        ("8s", False, ("text", "text")),
        ("c", True, ("text", "text")),
    ],
)
def test_what_a_version_1_field_is_taken_for(signature: str, buffered: bool, kind: tuple[str, str]) -> None:
    assert kind_of(signature, buffered) == kind


# --- Values.


def test_a_summary_has_a_mean_and_does_not_change() -> None:
    one = Summary(2, 3.0, 1.0, 2.0, 2.0)
    assert one.mean == 1.5
    assert math.isnan(Summary(0, 0.0, None, None, None).mean)
    assert str(one) == "count=2 sum=3.0 min=1.0 max=2.0 last=2.0 mean=1.5"
    assert str(Summary(0, 0.0, None, None, None)) == "count=0 sum=0.0 min=- max=- last=- mean=nan"
    assert one == Summary(2, 3.0, 1.0, 2.0, 2.0) != Summary(2, 3.0, 1.0, 2.0, 1.0)
    assert len({one, Summary(2, 3.0, 1.0, 2.0, 2.0)}) == 1
    with pytest.raises(AttributeError, match="a Summary does not change"):
        one.count = 3


def test_a_histogram_says_its_buckets_and_does_not_change() -> None:
    one = Histogram(4.5, (0.1, 1.0), (1, 2, 3))
    assert one.count == 6
    assert str(one) == "count=6 sum=4.5 <=0.1:1 <=1.0:2 <=inf:3"
    assert one == Histogram(4.5, (0.1, 1.0), (1, 2, 3)) != Histogram(4.5, (0.1, 1.0), (1, 2, 4))
    assert len({one, Histogram(4.5, (0.1, 1.0), (1, 2, 3))}) == 1
    assert repr(one) == "Histogram(4.5, (0.1, 1.0), (1, 2, 3))"
    with pytest.raises(AttributeError, match="a Histogram does not change"):
        one.sum = 3.0


@pytest.mark.parametrize(
    ("bounds", "counts", "q", "expected"),
    [
        ((1.0, 2.0, 4.0), (10, 10, 20, 0), 0.5, 2.0),
        ((1.0, 2.0, 4.0), (10, 10, 20, 0), 0.75, 3.0),
        ((1.0, 2.0, 4.0), (10, 10, 20, 0), 0.125, 0.5),  # the first bucket begins at 0
        ((1.0, 2.0, 4.0), (10, 10, 20, 0), 1.0, 4.0),
        ((1.0, 2.0, 4.0), (10, 10, 20, 0), 0.0, 0.0),
        ((1.0, 2.0, 4.0), (0, 0, 20, 0), 0.0, 2.0),
        ((-1.0, 1.0), (4, 4, 0), 0.25, -1.0),  # but for one whose bound is not positive
        ((0.0, 1.0), (4, 4, 0), 0.25, 0.0),
        ((-1.0, 1.0), (4, 4, 0), 0.75, 0.0),
        ((1.0, 2.0), (1, 1, 8), 0.9, 2.0),  # above all bounds: the greatest
        ((1.0, 2.0), (0, 0, 8), 0.1, 2.0),
        ((1.0, 2.0), (0, 0, 0), 0.5, math.nan),
        ((), (5,), 0.5, math.nan),
    ],
)
def test_a_quantile_is_estimated_as_prometheus_does(
    bounds: tuple[float, ...], counts: tuple[int, ...], q: float, expected: float
) -> None:
    found = Histogram(0.0, bounds, counts).quantile(q)
    assert found == expected or (math.isnan(found) and math.isnan(expected))


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_a_quantile_is_from_0_to_1(q: float) -> None:
    with pytest.raises(ValueError, match="a quantile is from 0 to 1"):
        Histogram(0.0, (1.0,), (1, 1)).quantile(q)


# --- Polls.


def test_a_poll_reads_metadata_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R6 of the requirements: control words and values are all that is read again."""
    file = write2(tmp_path / "x.mmstats", counter("m", 1))
    reader = Reader(file)
    assert reader.poll()["m"] == 1
    monkeypatch.setattr(_extents, "plan_of", None)
    with file.open("r+b") as other:
        other.seek(-8, os.SEEK_END)
        other.write(struct.pack("<Q", 2))
    assert reader.poll()["m"] == 2


def test_what_is_published_later_is_seen(tmp_path: Path) -> None:
    """V2-R2: records behind metadata used, and further extents."""
    document = document2(counter("a", 1))
    grown = dataclasses.replace(
        document,
        extents=(
            extent([*document.extents[0].records, *records(counter("b", 2), first=1)]),
            extent(records(gauge("c", 3), first=2)),
        ),
    )
    first = dataclasses.replace(grown, extents=(_like(grown, 0, document),))
    second = dataclasses.replace(grown, extents=grown.extents[:1])
    file = tmp_path / "x.mmstats"
    reader = Reader(file)
    for step, expected in ((first, "a"), (second, "ab"), (grown, "abc")):
        with open(file, "r+b" if file.exists() else "wb") as other:
            other.write(build(step))
        assert "".join(stat.label for stat in reader.poll()) == expected
        assert list(reader.poll()) == list(read(file))


def test_an_extent_is_whole_where_another_follows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-R2, R2.5: of the words that one call reads, metadata used may be older than next."""
    document = document2(counter("a", 1), counter("b", 2))
    whole = build(dataclasses.replace(document, extents=(*document.extents, extent(records(counter("c", 3), first=2)))))
    file = tmp_path / "x.mmstats"
    file.write_bytes(whole)
    at = layout.V2_HEADER_SIZE + layout.V2_EXTENT_AT_METADATA_USED
    older = build(document2(counter("a", 1)))[at : at + layout.V2_UNIT]
    real = _extents.read_layout

    def first(read: Any, size: Any, first: bytes = b"", least: int = 0) -> Any:
        first = first or read(_extents.FIRST, 0)
        return real(read, size, first[:at] + older + first[at + layout.V2_UNIT :], least)

    monkeypatch.setattr(_file2, "read_layout", first)
    assert dict(Reader(file).poll()) == {"a": 1, "b": 2, "c": 3}


def _like(grown: Document2, place: int, document: Document2) -> Any:
    """The records of `document` in an extent as large as one of `grown`."""
    return dataclasses.replace(grown.extents[place], records=document.extents[0].records)


def test_a_heartbeat_is_no_change_and_the_state_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-9."""
    file = write2(tmp_path / "x.mmstats", counter("m", 1), writer_id=bytes(16))
    reader = Reader(file)
    reader.poll()
    looks: list[int] = []
    real = _extents.read_layout

    def look(*arguments: Any) -> Any:
        looks.append(1)
        return real(*arguments)

    monkeypatch.setattr(_file2, "read_layout", look)
    with file.open("r+b") as other:
        other.seek(112)
        other.write(b"\1")
        other.flush()
        assert reader.poll().process.state == "live"
        assert looks == []
        other.seek(96)
        other.write(struct.pack("<LL", 2, 0xFFFFFFFD))
    assert reader.poll().process.state == "closed"
    assert looks == [1]


def test_a_replaced_file_is_read_anew(tmp_path: Path) -> None:
    """V2-R9: also one that is equal but for its metadata's text."""
    file = write2(tmp_path / "x.mmstats", counter("m", 1), writer_id=bytes(16))
    reader = Reader(file)
    assert list(reader.poll()) == [("m", 1)]
    write2(tmp_path / "new", counter("n", 2), writer_id=bytes(16)).replace(file)
    assert list(reader.poll()) == [("n", 2)]


def test_a_malformed_file_is_read_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-R7: a copy may be older in one part than in another."""
    file = write2(tmp_path / "x.mmstats", counter("m", 1))
    good = file.read_bytes()
    bad = good.replace(b"XTNT", b"XXXX")
    reader = Reader(file)
    real, contents = _extents.read_layout, [bad, good]

    def layout(*arguments: Any) -> Any:
        file.write_bytes(contents.pop(0))
        return real(*arguments)

    monkeypatch.setattr(_file2, "read_layout", layout)
    assert reader.poll()["m"] == 1
    assert contents == []
    contents += [bad, bad, good]
    with pytest.raises(Corrupt) as caught:
        read(file)
    assert (caught.value.code, caught.value.offset) == ("bad-extent", 128)
    assert contents == [good], "twice, and not more often"


def test_a_file_that_is_cut_is_an_error_and_no_signal(tmp_path: Path) -> None:
    """V2-R1, V2-12."""
    file = write2(tmp_path / "x.mmstats", counter("m", 1))
    reader, size = Reader(file), file.stat().st_size
    reader.poll()
    os.truncate(file, size - 8)
    for _ in range(2):
        with pytest.raises(FormatError) as caught:
            reader.poll()
        assert (caught.value.code, caught.value.offset, caught.value.rule) == ("truncated", 128, "V2-12")
    file.write_bytes(bytes2(counter("m", 2)))
    assert reader.poll()["m"] == 2


def test_reading_takes_no_lock_writes_nothing_and_keeps_nothing_open(tmp_path: Path) -> None:
    """V2-R1."""
    file = write2(tmp_path / "x.mmstats", *SOME)
    before = file.read_bytes(), file.stat().st_mtime_ns, os.listdir(tmp_path), descriptors()
    reader = Reader(file)
    for _ in range(3):
        reader.poll()
    assert (file.read_bytes(), file.stat().st_mtime_ns, os.listdir(tmp_path), descriptors()) == before


def test_the_shipped_example_is_read() -> None:
    """FORMAT.md 3.1."""
    assert list(read(DIRECTORY2 / "one-counter.mmstats")) == [("hits", 2)]


def test_reading_needs_no_positioned_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has none."""
    file = write2(tmp_path / "x.mmstats", *SOME)
    expected = list(read(file))
    monkeypatch.setattr(_file2, "_pread", _file2._seek_and_read)
    assert list(read(file)) == expected != []


def test_a_label_value_that_is_no_text_is_taken_as_its_text(tmp_path: Path) -> None:
    file = write2(tmp_path / "x.mmstats", labelled(counter("c"), ("status",), (("200",), counter("", 3))))
    assert read(file).value("c", status=200) == read(file).families["c"].value(status=200) == 3
    with Directory(tmp_path) as stats:
        view = stats.poll()
    assert view.total("c", status=200) == 3
    with pytest.raises(KeyError, match='status="404"'):
        view.total("c", status=404)


def test_a_family_is_shown_in_a_line(tmp_path: Path) -> None:
    file = write2(tmp_path / "x.mmstats", counter("c", 3))
    assert repr(read(file).families["c"]) == "<Family 'c': counter, 1 series>"
