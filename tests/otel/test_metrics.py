"""What a view becomes at a collector: read there from the protocol's own messages, after a real push."""

from __future__ import annotations

import math
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmstats_testing.documents import one, two, write
from mmstats_testing.documents2 import (
    Metric,
    counter,
    gauge,
    histogram,
    labelled,
    last,
    myself,
    put,
    states,
    summary,
    text,
    unknown,
    write2,
)
from mmstats_testing.receiving import Collector, Push, Said, collector
from mmstats_testing.strategies2 import families2, slots2
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData

from mmstats_reader import Directory, clean
from mmstats_reader.otel import History, metrics_data

SECOND = 10**9
PID, THREAD = os.getpid(), 7
ME = (("process.pid", PID), ("thread.id", THREAD))


@pytest.fixture(scope="module")
def listening() -> Iterator[Collector]:
    with collector() as it:
        yield it


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the environment but that the collector is on this machine."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def deliver(listening: Collector, data: MetricsData) -> Push:
    """Push once; what the collector took."""
    before = len(listening.pushes)
    exporter = OTLPMetricExporter(endpoint=f"{listening.endpoint}/v1/metrics", timeout=10)
    assert exporter.export(data) is MetricExportResult.SUCCESS
    exporter.shutdown()
    pushes = listening.pushes
    assert len(pushes) == before + 1
    return pushes[-1]


def pushed(listening: Collector, *where: Path, **options: Any) -> Push:
    """What a collector gets of some files that are looked at for the first time."""
    with Directory(*where, **options) as stats:
        return deliver(listening, metrics_data(stats.poll()))


def shop(listening: Collector, *where: Path, **options: Any) -> dict[str, Said]:
    """The same, where all files are of one application."""
    services = pushed(listening, *where, **options).services
    assert services.keys() <= {"shop"}
    return services.get("shop", {})


KINDS: dict[str, tuple[Metric, dict[str, tuple[str, str, dict[Any, Any]]]]] = {
    "counter": (counter("n", 3), {"n": ("counter", "", {(): 3})}),
    "counter of bytes": (counter("n", 3, unit="bytes"), {"n": ("counter", "By", {(): 3})}),
    "counter of floats": (counter("n", 1.5, "float", unit="seconds"), {"n": ("counter", "s", {(): 1.5})}),
    "counter that a signed integer cannot hold": (counter("n", 2**63), {"n": ("counter", "", {(): 2.0**63})}),
    "counter that is less than nothing": (counter("n", -1.5, "float"), {}),
    "counter that is not a number": (counter("n", math.nan, "float"), {}),
    "counter with labels": (
        labelled(counter("n"), ("a.b", "c"), (("x", ""), counter("n", 1)), (("y", "z"), counter("n", 2))),
        {"n": ("counter", "", {(("a.b", "x"), ("c", "")): 1, (("a.b", "y"), ("c", "z")): 2})},
    ),
    "gauge combined by sum": (gauge("n", -3, unit="euros"), {"n": ("sum", "{euros}", {(): -3})}),
    "gauge combined by max": (gauge("n", 3, "max"), {"n": ("gauge", "", {(): 3})}),
    "gauge combined by min": (gauge("n", 1.5, "min", "float"), {"n": ("gauge", "", {(): 1.5})}),
    "gauge combined by all": (gauge("n", 3, "all"), {"n": ("gauge", "", {ME: 3})}),
    "gauge combined by last": (last("n", 5, 2.5), {"n": ("gauge", "", {(): 2.5})}),
    "gauge of truth": (gauge("n", 1, "max", "boolean"), {"n": ("gauge", "", {(): 1})}),
    "gauge that a signed integer cannot hold": (
        gauge("n", 2**64 - 2, "max", "unsigned"),
        {"n": ("gauge", "", {(): 2.0**64})},
    ),
    "gauge that is unset": (gauge("n", None), {}),
    "unknown": (unknown("n", 3), {"n": ("gauge", "", {ME: 3})}),
    "text": (text("n", "1.2", unit="x"), {"n": ("gauge", "", {(*ME, ("value", "1.2")): 1})}),
    "text of other bytes": (text("n", b"\xff\0"), {"n": ("gauge", "", {(*ME, ("value", "\\xff\0")): 1})}),
    "state set": (
        states("n", ("up", "down"), 1),
        {"n": ("sum", "", {tuple(sorted((*ME, ("state", name)))): value for name, value in [("up", 0), ("down", 1)]})},
    ),
    "summary": (
        summary("n", 2, 4.0, 1.0, 3.0, 3.0, unit="seconds"),
        {
            "n.count": ("counter", "", {(): 2}),
            "n.sum": ("sum", "s", {(): 4.0}),
            "n.min": ("gauge", "s", {(): 1.0}),
            "n.max": ("gauge", "s", {(): 3.0}),
            "n.last": ("gauge", "s", {(): 3.0}),
        },
    ),
    "summary of nothing": (summary("n"), {"n.count": ("counter", "", {(): 0}), "n.sum": ("sum", "", {(): 0.0})}),
    "histogram": (
        histogram("n", (0.5, 2.0), (3, 0, 1), 9.5, unit="seconds"),
        {"n": ("histogram", "s", {(): (4, 9.5, (0.5, 2.0), (3, 0, 1))})},
    ),
    "histogram without bounds": (histogram("n", (), (3,), 9.5), {"n": ("histogram", "", {(): (3, 9.5, (), (3,))})}),
    "histogram of values less than nothing": (
        histogram("n", (-1.0, 2.0), (3, 0, 1), 9.5),
        {"n": ("histogram", "", {(): (4, None, (-1.0, 2.0), (3, 0, 1))})},
    ),
    "histogram whose sum is not a number": (
        histogram("n", (1.0,), (1, 0), math.nan),
        {"n": ("histogram", "", {(): (1, None, (1.0,), (1, 0))})},
    ),
}


@pytest.mark.parametrize("case", KINDS)
def test_each_kind_is_what_opentelemetry_has_for_it(case: str, tmp_path: Path, listening: Collector) -> None:
    metric, wanted = KINDS[case]
    put(tmp_path, metric._replace(family=metric.family._replace(help="what it is")), thread_id=THREAD)
    found = shop(listening, tmp_path)
    assert {name: (said.kind, said.unit, said.values) for name, said in found.items()} == wanted
    assert {type(value) for said in found.values() for value in said.values.values()} == {
        type(value) for _, _, values in wanted.values() for value in values.values()
    }
    assert {said.help for said in found.values()} <= {"what it is"}


def test_several_writers_are_one_total_and_stand_side_by_side_as_the_metric_says(
    tmp_path: Path, listening: Collector
) -> None:
    for thread, value in [(1, 5), (2, 7)]:
        some = counter("n", value), gauge("sum", value), gauge("most", value, "max"), gauge("each", value, "all")
        write2(tmp_path / f"{thread}.mmstats", *some, **myself(), thread_id=thread)
    found = shop(listening, tmp_path)
    assert {name: said.values for name, said in found.items() if name != "each"} == {
        "n": {(): 12},
        "sum": {(): 12},
        "most": {(): 7},
    }
    assert found["each"].values == {
        (("process.pid", PID), ("thread.id", 1)): 5,
        (("process.pid", PID), ("thread.id", 2)): 7,
    }


def test_two_writers_of_one_process_and_thread_are_told_apart_by_their_files(
    tmp_path: Path, listening: Collector
) -> None:
    put(tmp_path, gauge("n", 1, "all"), gauge("n", 2, "all"), thread_id=THREAD)
    files = [("file.path", str(tmp_path / f"{name}.mmstats")) for name in "ab"]
    assert shop(listening, tmp_path)["n"].values == {(files[0], *ME): 1, (files[1], *ME): 2}


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        ("", ""),
        ("milliseconds", "ms"),
        ("kibibytes", "KiBy"),
        ("ratio", "1"),
        ("percent", "%"),
        ("By", "By"),
        ("orders", "{orders}"),
        ("a}b €", "{a_b__}"),
        ("x" * 100, "{" + "x" * 61 + "}"),
    ],
)
def test_units_are_those_of_ucum(unit: str, wanted: str, tmp_path: Path, listening: Collector) -> None:
    put(tmp_path, counter("n", unit=unit))
    assert shop(listening, tmp_path)["n"].unit == wanted


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["web.http/requests-2_x"], ["web.http/requests-2_x"]),
        (["größe in m²"], ["gr__e_in_m_"]),
        (["2XX", "_x", ".x"], ["mmstats..x", "mmstats.2XX", "mmstats._x"]),
        (["a b", "a_b", "a:b"], ["a_b", "a_b_2", "a_b_3"]),
        (["ok", "OK"], ["OK", "ok_2"]),
        (["x" * 300, "x" * 299 + "y"], ["x" * 255, "x" * 253 + "_2"]),
    ],
    ids=["legal", "mended", "without a letter", "equal", "equal but for case", "long"],
)
def test_names_are_legal_and_each_is_of_one_metric(
    names: list[str], wanted: list[str], tmp_path: Path, listening: Collector
) -> None:
    put(tmp_path, tuple(counter(name) for name in names))
    assert sorted(shop(listening, tmp_path)) == sorted(wanted)


def test_a_name_that_is_legal_stays_with_its_metric(tmp_path: Path, listening: Collector) -> None:
    put(tmp_path, (counter("a b", 1), counter("a_b", 2)))
    assert {name: said.values[()] for name, said in shop(listening, tmp_path).items()} == {"a_b": 2, "a_b_2": 1}


def test_parts_of_a_summary_take_no_name_from_another(tmp_path: Path, listening: Collector) -> None:
    put(tmp_path, (summary("t"), counter("T.Count", 5), counter("t_2", 6)))
    found = shop(listening, tmp_path)
    assert sorted(found) == ["T.Count", "t_2", "t_2.count", "t_2.sum"]
    assert [found[name].values[()] for name in ("T.Count", "t_2")] == [5, 6]


def test_metrics_of_one_name_that_differ_stay_apart(tmp_path: Path, listening: Collector) -> None:
    put(tmp_path, counter("n", 5), gauge("n", 7))
    found = shop(listening, tmp_path)
    assert {name: (said.kind, said.values) for name, said in found.items()} == {
        "n": ("counter", {(): 5}),
        "n_2": ("sum", {(): 7}),
    }


def test_labels_give_way_to_the_attributes_that_are_added(tmp_path: Path, listening: Collector) -> None:
    labels = ("process.pid", "state", "state_")
    put(tmp_path, labelled(states("n", ("up",)), labels, (("p", "q", "r"), states("n", ("up",)))), thread_id=THREAD)
    (attributes,) = shop(listening, tmp_path)["n"].values
    assert dict(attributes) == {"process.pid_": "p", "state__": "q", "state_": "r", **dict(ME), "state": "up"}


def test_version_1_has_counters_and_values_of_which_nobody_knows_more(tmp_path: Path, listening: Collector) -> None:
    write(tmp_path / "a.mmstats", two("hits", "Q", 3), one("sys.pid", "i", PID), two("load", "d", 1.5))
    found = pushed(listening, tmp_path).services["mmstats"]
    (load,) = found["load"].values.items()
    assert (found["hits"].kind, found["hits"].values) == ("counter", {(): 3})
    assert (found["load"].kind, dict(load[0])["process.pid"], load[1]) == ("gauge", PID, 1.5)
    found = pushed(listening, tmp_path, rate=["load"], value=["hits"]).services["mmstats"]
    assert [(found[name].kind, *found[name].values.values()) for name in ("hits", "load")] == [
        ("gauge", 3),
        ("counter", 1.5),
    ]


def test_each_application_is_a_service_of_this_host(tmp_path: Path, listening: Collector) -> None:
    for number, app in enumerate(["shop", "jobs", "shop", "", "mmstats"]):
        write2(tmp_path / f"{number}.mmstats", counter("n", number + 1), app=app)
    push = pushed(listening, tmp_path)
    services = {name: found["n"].values[()] for name, found in push.services.items()}
    assert services == {"shop": 4, "jobs": 2, "mmstats": 5, "mmstats_": 4}
    host = socket.gethostname()
    for service, attributes in push.resources.items():
        assert attributes["service.name"] == service
        assert (attributes["host.name"], attributes["service.instance.id"]) == (host, host)


def test_the_environment_says_otherwise_what_the_service_is(
    tmp_path: Path, listening: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "all")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=a,deployment.environment.name=test")
    for number, app in enumerate(["shop", "jobs"]):
        write2(tmp_path / f"{number}.mmstats", counter("n", number + 1), app=app)
    push = pushed(listening, tmp_path)
    assert {name: found["n"].values[()] for name, found in push.services.items()} == {"all": 3}
    assert (
        push.resources["all"].items()
        >= {
            "host.name": socket.gethostname(),
            "service.instance.id": "a",
            "deployment.environment.name": "test",
        }.items()
    )


def test_a_total_begins_with_the_first_file_and_is_of_now(tmp_path: Path, listening: Collector) -> None:
    created = time.time_ns() - 100 * SECOND
    for number, when in enumerate([created + SECOND, created, 0, time.time_ns() + 1000 * SECOND]):
        write2(tmp_path / f"{number}.mmstats", counter("n", 1), histogram("h", (), (1,)), gauge("g", 1), created=when)
    before = time.time_ns()
    found = shop(listening, tmp_path)
    for name in "nhg":
        (point,) = found[name].points.values()
        assert point.start == created
        assert before - SECOND <= point.time <= time.time_ns()


def test_where_no_file_says_when_it_was_made_a_total_begins_when_it_is_looked_at(
    tmp_path: Path, listening: Collector
) -> None:
    put(tmp_path, counter("n", 1), created=0)
    (point,) = shop(listening, tmp_path)["n"].points.values()
    assert point.start == point.time > 0


def test_a_total_keeps_its_beginning_until_it_falls(tmp_path: Path, listening: Collector) -> None:
    created = time.time_ns() - 100 * SECOND
    a, b = tmp_path / "a.mmstats", tmp_path / "b.mmstats"
    some = labelled(counter("n"), ("l",), (("x",), counter("n", 5)))
    write2(a, some, histogram("h", (), (5,), 1.0), created=created)
    write2(b, some, histogram("h", (), (5,), 1.0), created=created + SECOND)
    history = History()
    with Directory(tmp_path) as stats:
        first = deliver(listening, metrics_data(stats.poll(), history)).services["shop"]
        a.unlink()
        second = deliver(listening, metrics_data(stats.poll(), history)).services["shop"]
        write2(a, labelled(counter("n"), ("l",), (("y",), counter("n", 7))), created=created - SECOND)
        third = deliver(listening, metrics_data(stats.poll(), history)).services["shop"]
    x, y = (("l", "x"),), (("l", "y"),)
    assert first["n"].points[x].start == first["h"].points[()].start == created
    fallen = second["n"].points[x]
    assert (fallen.value, fallen.start) == (5, first["n"].points[x].time)
    assert second["h"].points[()].start == first["h"].points[()].time
    assert third["n"].points[x].start == fallen.start, "it did not fall again"
    assert third["n"].points[y].start == created, "what is new is of the time in which all was counted"


def test_what_is_folded_counts_on(tmp_path: Path, listening: Collector) -> None:
    created = time.time_ns() - 100 * SECOND
    for name, count in [("a", 5), ("b", 7)]:
        write2(tmp_path / f"{name}.mmstats", counter("n", count), state=2, created=created)
    history = History()
    with Directory(tmp_path) as stats:
        first = deliver(listening, metrics_data(stats.poll(), history)).services["shop"]
        assert {cleaned.action for cleaned in clean(tmp_path, fold=True)} == {"folded"}
        second = deliver(listening, metrics_data(stats.poll(), history)).services["shop"]
    assert [os.path.basename(path) for path in tmp_path.glob("*.mmstats")] == ["shop.archive.mmstats"]
    for found in (first, second):
        assert (found["n"].values, found["n"].points[()].start) == ({(): 12}, created)


@st.composite
def hostile(draw: st.DrawFn) -> list[Metric]:
    """Families of any names, labels and units, with any bytes for values."""
    names = draw(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)))
    made = []
    for name in dict.fromkeys(names[:4]):
        family = draw(families2(name))
        values = draw(st.sets(st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]))] * len(family.labels))))
        made.append(Metric(family, {each: draw(slots2(family.slot)) for each in sorted(values)[:2]}))
    return made


@settings(max_examples=60)
@given(
    metrics=hostile(), header=st.fixed_dictionaries({name: st.integers(0, 2**64 - 1) for name in ("pid", "created")})
)
def test_whatever_a_file_says_is_delivered(
    tmp_path_factory: pytest.TempPathFactory, listening: Collector, metrics: list[Metric], header: dict[str, int]
) -> None:
    path = tmp_path_factory.mktemp("hostile")
    write2(path / "a.mmstats", *metrics, **header)
    write2(path / "b.mmstats", counter("sound", 1), **myself())
    found = shop(listening, path)
    assert found["sound"].values == {(): 1}
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_.\-/]{0,254}", name) for name in found)
    assert all(len(said.unit) <= 63 and said.unit.isascii() for said in found.values())


def test_nothing_is_no_metric(tmp_path: Path) -> None:
    with Directory(tmp_path) as stats:
        assert metrics_data(stats.poll()).resource_metrics == []
