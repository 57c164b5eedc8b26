"""What a view is in OpenMetrics (FORMAT.md 3.13), and the flat names of one file."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmstats_testing.documents import one, two, write
from mmstats_testing.documents2 import (
    Metric,
    counter,
    gauge,
    histogram,
    labelled,
    last,
    put,
    states,
    summary,
    text,
    unknown,
)
from mmstats_testing.running import within
from prometheus_client.utils import floatToGoString

from mmstats_format.declaration import Declaration
from mmstats_reader import Directory, read
from mmstats_reader._families import declared, full_name
from mmstats_reader._openmetrics import flat, metrics, number

NAN, INF = math.nan, math.inf
#: A writer of whom it is not known whether it lives, and which therefore counts.
WRITER = {"pid": 71, "thread_id": 7, "boot_id": bytes(16)}


def samples(path: Path) -> list[str]:
    """All samples of the files of a directory, each as OpenMetrics writes it."""
    with Directory(path) as stats:
        found = metrics(stats.poll())
    return [
        f"{full_name(metric.name + suffix, tuple(labels), tuple(labels.values()))} {value}"
        for metric in found
        for suffix, labels, value in metric.samples
    ]


def names(*families: Declaration) -> dict[str, str]:
    """What families are called, by their own names."""
    found = metrics(declared(family, {}) for family in families)
    return {metric.help: metric.name for metric in reversed(found)}  # a summary comes before its gauges


def family(name: str, kind: str = "gauge", unit: str = "", **parts: object) -> Declaration:
    """A declaration whose help is its name."""
    type_, combination = {
        "counter": ("unsigned", "sum"),
        "state set": ("unsigned", "all"),
        "text": ("text", "all"),
    }.get(kind, ("float", "sum"))
    given = {"type": type_, "combination": combination, "help": name, **parts}
    return Declaration(name=name, kind=kind, unit=unit, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        pytest.param(counter("m", 3), ["m_total 3"], id="counter"),
        pytest.param(counter("m", 0.5, "float"), ["m_total 0.5"], id="counter-float"),
        pytest.param(gauge("m", -2), ["m -2"], id="gauge"),
        pytest.param(gauge("m", None), [], id="gauge-unset"),
        pytest.param(gauge("m", NAN, kind="float"), ["m nan"], id="gauge-nan"),
        pytest.param(gauge("m", -INF, "min", "float"), ["m -inf"], id="gauge-infinite"),
        pytest.param(last("m", 9, 1.5), ["m 1.5"], id="gauge-last"),
        pytest.param(gauge("m", 4, "all"), ['m{pid="71",thread="7"} 4'], id="gauge-all"),
        pytest.param(gauge("m", None, "all"), [], id="gauge-all-unset"),
        pytest.param(
            states("m", ("up", "down"), 1),
            ['m{pid="71",thread="7",m="up"} 0', 'm{pid="71",thread="7",m="down"} 1'],
            id="state-set",
        ),
        pytest.param(states("m", ("up",), None), [], id="state-set-unset"),
        pytest.param(text("m", 'a"b'), ['m_info{pid="71",thread="7",value="a\\"b"} 1'], id="text"),
        pytest.param(text("m", None), [], id="text-unset"),
        pytest.param(
            summary("m", 2, 3.0, 1.0, 2.0, 2.0),
            ["m_count 2", "m_sum 3.0", "m_last 2.0", "m_max 2.0", "m_min 1.0"],
            id="summary",
        ),
        pytest.param(summary("m"), ["m_count 0", "m_sum 0.0"], id="summary-empty"),
        pytest.param(
            histogram("m", (0.5, 2.0), (1, 2, 3), 4.5),
            ['m_bucket{le="0.5"} 1', 'm_bucket{le="2.0"} 3', 'm_bucket{le="+Inf"} 6', "m_count 6", "m_sum 4.5"],
            id="histogram",
        ),
        pytest.param(
            histogram("m", (), (3,), 4.5), ['m_bucket{le="+Inf"} 3', "m_count 3", "m_sum 4.5"], id="histogram-no-bounds"
        ),
        pytest.param(unknown("m", 5), ['m{pid="71",thread="7"} 5'], id="unknown"),
        pytest.param(unknown("m", True, "boolean"), ['m{pid="71",thread="7"} True'], id="unknown-boolean"),
        pytest.param(
            labelled(counter("m"), ("b", "a"), (("1", "2"), counter("", 3))), ['m_total{b="1",a="2"} 3'], id="labels"
        ),
        pytest.param(labelled(counter("m"), ("a",)), [], id="labels-no-series"),
    ],
)
def test_family_has_the_samples_of_the_table(metric: Metric, expected: list[str], tmp_path: Path) -> None:
    """V2-O1, V2-O4."""
    put(tmp_path, metric, **WRITER)
    assert samples(tmp_path) == expected


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        pytest.param(counter("m", NAN, "float"), [], id="total-nan"),
        pytest.param(counter("m", -0.5, "float"), [], id="total-negative"),
        pytest.param(counter("m", INF, "float"), ["m_total inf"], id="total-infinite"),
        pytest.param(
            histogram("m", (-1.0, 1.0), (1, 2, 3), 4.5),
            ['m_bucket{le="-1.0"} 1', 'm_bucket{le="1.0"} 3', 'm_bucket{le="+Inf"} 6'],
            id="histogram-negative-bound",
        ),
        pytest.param(
            histogram("m", (1.0,), (1, 2), NAN), ['m_bucket{le="1.0"} 1', 'm_bucket{le="+Inf"} 3'], id="histogram-nan"
        ),
        pytest.param(histogram("m", (), (1,), -0.5), ['m_bucket{le="+Inf"} 1'], id="histogram-negative-sum"),
        pytest.param(
            histogram("m", (1.0,), (2**64 - 1, 1), 1.0),
            [f'm_bucket{{le="1.0"}} {2**64 - 1}', f'm_bucket{{le="+Inf"}} {2**64}', f"m_count {2**64}", "m_sum 1.0"],
            id="histogram-wraps",
        ),
        pytest.param(summary("m", 1, NAN, None, None, None), ["m_count 1"], id="summary-nan"),
        pytest.param(summary("m", 1, -1.0, None, None, -1.0), ["m_count 1", "m_last -1.0"], id="summary-negative"),
    ],
)
def test_what_openmetrics_forbids_has_no_sample(metric: Metric, expected: list[str], tmp_path: Path) -> None:
    """V2-O5."""
    put(tmp_path, metric, **WRITER)
    assert samples(tmp_path) == expected


def test_type_unit_and_help_are_those_of_the_family(tmp_path: Path) -> None:
    put(
        tmp_path,
        (summary("size", 1, 7.0, 7.0, 7.0, 7.0, unit="bytes", help="How large."), text("build", "x", unit="b")),
    )
    with Directory(tmp_path) as stats:
        found = metrics(stats.poll())
    assert [metric[:4] for metric in found] == [
        ("build", "info", "", ""),
        ("size_bytes", "summary", "bytes", "How large."),
        ("size_bytes_last", "gauge", "", "How large."),
        ("size_bytes_max", "gauge", "", "How large."),
        ("size_bytes_min", "gauge", "", "How large."),
    ]


def test_version_1_has_counters_and_what_is_unknown(tmp_path: Path) -> None:
    fields = two("web.ok", "Q", 3), one("web.load", "d", 0.5), one("x.sys.pid", "I", 71), one("name", "4s", b"shop")
    write(tmp_path / "x.mmstats", *fields)
    assert samples(tmp_path) == [
        'name_info{pid="71",thread="0",value="shop"} 1',
        'web_load{pid="71",thread="0"} 0.5',
        "web_ok_total 3",
        'x_sys_pid{pid="71",thread="0"} 71',
    ]


def test_several_writers_of_one_pid_and_thread_are_told_by_their_files(tmp_path: Path) -> None:
    """V2-O4."""
    put(tmp_path, unknown("m", 1), unknown("m", 2), **WRITER)
    assert samples(tmp_path) == [
        f'm{{pid="71",thread="7",file="{tmp_path}/a.mmstats"}} 1',
        f'm{{pid="71",thread="7",file="{tmp_path}/b.mmstats"}} 2',
    ]


def test_path_that_is_no_text_is_escaped(tmp_path: Path) -> None:
    directory = tmp_path / "\udcff"
    directory.mkdir()
    put(directory, unknown("m", 1), unknown("m", 2), **WRITER)
    for name, sample in zip("ab", samples(directory), strict=True):
        assert f'file="{tmp_path}/\\\\udcff/{name}.mmstats"' in sample


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        pytest.param([family("http.requests")], {"http.requests": "http_requests"}, id="dot"),
        pytest.param([family("a:b-c d\té")], {"a:b-c d\té": "a_b_c_d__"}, id="characters"),
        pytest.param([family("2XX")], {"2XX": "_XX"}, id="digit-first"),
        pytest.param([family("x2")], {"x2": "x2"}, id="digit-later"),
        pytest.param([family("٢")], {"٢": "_"}, id="other-digit"),
        pytest.param([family("a.b"), family("a-b")], {"a-b": "a_b", "a.b": "a_b_2"}, id="equal"),
        pytest.param([family("a.b"), family("a_b")], {"a_b": "a_b", "a.b": "a_b_2"}, id="unchanged-first"),
        pytest.param(
            [family("a.b"), family("a_b"), family("a_b_2")],
            {"a_b": "a_b", "a_b_2": "a_b_2", "a.b": "a_b_3"},
            id="third",
        ),
        pytest.param([family("m", unit="seconds")], {"m": "m_seconds"}, id="unit"),
        pytest.param([family("m_seconds", unit="seconds")], {"m_seconds": "m_seconds"}, id="unit-is-there"),
        pytest.param([family("m.seconds", unit="seconds")], {"m.seconds": "m_seconds"}, id="unit-after-a-dot"),
        pytest.param([family("megabytes", unit="bytes")], {"megabytes": "megabytes_bytes"}, id="unit-within-a-word"),
        pytest.param([family("bytes", unit="bytes")], {"bytes": "bytes_bytes"}, id="unit-alone"),
        pytest.param([family("m", unit="m/s²")], {"m": "m_m_s_"}, id="unit-characters"),
        pytest.param(
            [family("m", unit="seconds"), family("m_seconds")],
            {"m_seconds": "m_seconds", "m": "m_2_seconds"},
            id="unit-equal",
        ),
        pytest.param([family("m", "state set", "s"), family("n", "text", "s")], {"m": "m", "n": "n"}, id="no-unit"),
        pytest.param([family("m_total", "counter")], {"m_total": "m"}, id="total-once"),
        pytest.param([family("m.total", "counter", "seconds")], {"m.total": "m_seconds"}, id="total-before-the-unit"),
        pytest.param([family("_total", "counter")], {"_total": "_total"}, id="total-alone"),
        pytest.param([family("build.info", "text")], {"build.info": "build"}, id="info-once"),
        pytest.param([family("m_total"), family("n_info")], {"m_total": "m_total", "n_info": "n_info"}, id="of-others"),
        pytest.param([family("m", "counter"), family("m_total")], {"m": "m", "m_total": "m_total_2"}, id="total"),
        pytest.param(
            [family("m", "counter"), family("m_created")], {"m": "m", "m_created": "m_created_2"}, id="created"
        ),
        pytest.param([family("m", "text"), family("m_info")], {"m": "m", "m_info": "m_info_2"}, id="info"),
        pytest.param([family("m", "summary"), family("m_max")], {"m": "m", "m_max": "m_max_2"}, id="max"),
        pytest.param([family("m", "histogram"), family("m_count")], {"m": "m", "m_count": "m_count_2"}, id="count"),
        pytest.param([family("m_bucket"), family("m.", "histogram")], {"m_bucket": "m_bucket", "m.": "m_"}, id="apart"),
        pytest.param(
            [family("m_total"), family("m", "counter")], {"m": "m", "m_total": "m_total_2"}, id="either-order"
        ),
        pytest.param([family("__a", "state set")], {"__a": "_a"}, id="state-set-underscores"),
        pytest.param(
            [family("pid", "state set"), family("thread")], {"pid": "pid_2", "thread": "thread"}, id="state-set-pid"
        ),
    ],
)
def test_names_are_legal_and_unique(families: list[Declaration], expected: dict[str, str]) -> None:
    """V2-O1, V2-O2."""
    assert names(*families) == expected
    assert names(*reversed(families)) == expected


def test_names_of_others_on_the_page_are_theirs() -> None:
    (found,) = metrics([declared(family("m", "counter"), {})], ["m_total"])
    assert found.name == "m_2"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["one-first", "other-first"])
def test_families_that_stay_apart_are_all_there_whatever_the_order_of_files(
    order: tuple[int, int], tmp_path: Path
) -> None:
    """V2-O2, V2-C3."""
    files = counter("m", 3), labelled(counter("m"), ("a",), (("x",), counter("", 4)))
    put(tmp_path, *(files[number] for number in order))
    assert samples(tmp_path) == ["m_total 3", 'm_2_total{a="x"} 4']


def test_many_names_that_become_equal_take_no_longer_than_others() -> None:
    with within():
        found = metrics(declared(family(chr(0x4E00 + number)), {}) for number in range(20_000))
    assert len({metric.name for metric in found}) == len(found) == 20_000


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        pytest.param(counter("m"), {"a.b": "a_b", "a:b": "a_b_2"}, id="equal"),
        pytest.param(counter("m"), {"a.b": "a_b_2", "a_b": "a_b"}, id="unchanged-first"),
        pytest.param(counter("m"), {"2": "_", "__name__": "_name__", "é.": "_2_"}, id="reserved"),
        pytest.param(
            counter("m"), {"le": "le_2", "quantile": "quantile_2", "value": "value", "pid": "pid"}, id="counter"
        ),
        pytest.param(
            text("m"), {"value": "value_2", "pid": "pid_2", "thread": "thread_2", "file": "file_2"}, id="text"
        ),
        pytest.param(states("m", ("up",)), {"m": "m_2", "pid": "pid_2"}, id="state-set"),
        pytest.param(gauge("m", 0, "all"), {"pid": "pid_2", "m": "m"}, id="gauge-all"),
    ],
)
def test_label_names_are_legal_and_unique(metric: Metric, expected: dict[str, str], tmp_path: Path) -> None:
    """V2-O3: each label keeps its value."""
    put(tmp_path, labelled(metric, tuple(expected), (tuple(expected), metric)))
    with Directory(tmp_path) as stats:
        ((sample,),) = (found.samples for found in metrics(stats.poll()))
    assert {value: name for name, value in sample.labels.items() if value in expected} == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (0.005, "0.005"),
        (123456.5, "123456.5"),
        (1e6, "1e+06"),
        (1234567.25, "1.23456725e+06"),
        (-2e6, "-2e+06"),
        (1e16, "1e+16"),
        (1e-7, "1e-07"),
        (INF, "+Inf"),
        (-INF, "-Inf"),
        (NAN, "NaN"),
    ],
)
def test_numbers_are_written_as_openmetrics_writes_them(value: float, expected: str) -> None:
    assert number(value) == expected


@given(st.floats(min_value=0))
def test_numbers_are_those_of_prometheus_client(value: float) -> None:
    assert number(value) == floatToGoString(value)  # type: ignore[no-untyped-call]


def test_flat_names_are_plain_where_a_value_stands_alone(tmp_path: Path) -> None:
    requests = labelled(counter("http.requests"), ("method", "le"), (("GET", '"'), counter("", 3)))
    sizes = labelled(summary("web.size", unit="bytes"), ("a",), (("x",), summary("", 2, 3.0, 1.0, 2.0, 2.0)))
    put(
        tmp_path,
        (
            requests,
            gauge("web.load", None),
            states("web.state", ("up", "down"), 1),
            text("web.name", "shop"),
            histogram("web.latency", (1.0,), (1, 2), 4.5, unit="seconds"),
            sizes,
        ),
    )
    assert list(flat(read(tmp_path / "a.mmstats"))) == [
        ('http_requests{method="GET",le_2="\\""}', 3),
        ("web.load", None),
        ("web.state", "down"),
        ("web.name", "shop"),
        ("web_latency_count", 3),
        ("web_latency_sum", 4.5),
        ('web_size_count{a="x"}', 2),
        ('web_size_sum{a="x"}', 3.0),
    ]


def test_flat_names_of_version_1_are_its_labels(tmp_path: Path) -> None:
    snapshot = read(write(tmp_path / "x", two("web.ok", "Q", 3), one("web.ok", "I", 4), one("name", "4s", b"shop")))
    assert list(flat(snapshot)) == [("web.ok", 4), ("name", "shop")]
