"""The pages that exporters have to give of what is in a directory, written by hand."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from . import _files, _reading
from ._directories import Slots, archive, file, file1
from ._files import counter, gauge, labelled, last, states, summary, text, unknown
from ._page import SUFFIXES

_WRITER = 'pid="0",thread="0"'


class Page(NamedTuple):
    """The files of a directory, in their order, and the pages that are right, without their ends.

    In these DIRECTORY is the directory, and the files are ``a.mmstats`` and so on.
    """

    name: str
    rules: tuple[str, ...]
    files: Sequence[bytes]
    expected: Sequence[str]
    turned: bool = True


def _one(name: str, rules: Iterable[str], metrics: Sequence[_files.Metric], *expected: str) -> Page:
    """All in one file; the writer's process and thread are 0."""
    return Page(name, tuple(rules), [file(1, *metrics)], expected, turned=False)


def _with_label(metric: _files.Metric, label: str, value: str = "x") -> _files.Metric:
    return labelled(metric, (label,), {(value,): metric})


def _suffix(metric: _files.Metric, type_: str, suffix: str) -> Page:
    """A family `a`, and a gauge that is called as one of its samples could be, which gets a number."""
    samples = {
        "counter": "a_total 3",
        "info": f'a_info{{value="x",{_WRITER}}} 1',
        "summary": "a_count 0\na_sum 0",
        "histogram": 'a_bucket{le="1.0"} 1\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1',
    }[type_]
    return _one(
        f"names/like-the-sample-of-a-{type_}/{suffix[1:]}",
        ("V2-O2",),
        [metric, gauge(f"a{suffix}", 7)],
        f"""
        # TYPE a {type_}
        {samples}
        # TYPE a{suffix}_2 gauge
        a{suffix}_2 7
        """,
    )


def pages() -> list[Page]:
    hit = partial(counter, "hits")
    sized = _files.histogram("size", [1.0, 2.5], 9.5, [1, 2, 3])
    of_a = {
        "counter": counter("a", 3),
        "info": text("a", "x"),
        "summary": summary("a"),
        "histogram": _files.histogram("a", [1.0], 1.0, [1, 0]),
    }
    behind = [(type_, suffix) for type_ in of_a for suffix in SUFFIXES[type_] if suffix]
    named: Slots = {('a"b\\c\nd', "ä"): hit(1), ("", "{} 5"): hit(2)}
    return [
        Page("empty", ("V2-O1",), [], [""]),
        _one("counter", ["V2-O1"], [hit(3)], "# TYPE hits counter\nhits_total 3"),
        _one("counter/float", ["V2-O1"], [hit(0.1, kind="float")], "# TYPE hits counter\nhits_total 0.1"),
        _one("gauge", ["V2-O1"], [gauge("level", -5)], "# TYPE level gauge\nlevel -5"),
        _one("gauge/boolean", ["V2-O1"], [gauge("up", True, "min", "boolean")], "# TYPE up gauge\nup 1"),
        _one("gauge/last", ["V2-O1"], [last("when", 9, 1.5)], "# TYPE when gauge\nwhen 1.5"),
        _one("gauge/infinite", ["V2-O1"], [gauge("level", math.inf, "max", "float")], "# TYPE level gauge\nlevel +Inf"),
        _one("gauge/nan", ["V2-O1"], [gauge("level", math.nan, "max", "float")], "# TYPE level gauge\nlevel NaN"),
        _one(
            "state-set",
            ["V2-O1", "V2-O4"],
            [states("phase", ("idle", 'b"\\\n'), 1)],
            f"""
            # TYPE phase stateset
            phase{{{_WRITER},phase="idle"}} 0
            phase{{{_WRITER},phase="b\\"\\\\\\n"}} 1
            """,
        ),
        _one(
            "text",
            ["V2-O1", "V2-O4"],
            [text("build", 'ä"\\\n')],
            f'# TYPE build info\nbuild_info{{{_WRITER},value="ä\\"\\\\\\n"}} 1',
        ),
        _one(
            "text/no-utf-8",
            ["V2-33", "V2-O1"],
            [_files.Metric(text("build", "x", 8).family, {(): _files.latch(_files.text_content(b"a\xff", 8))})],
            f'# TYPE build info\nbuild_info{{{_WRITER},value="a\\\\xff"}} 1',
        ),
        _one("unknown", ["V2-O1", "V2-O4"], [unknown("some", 3)], f"# TYPE some unknown\nsome{{{_WRITER}}} 3"),
        _one(
            "summary",
            ["V2-O1"],
            [summary("size", 3, 6.5, 1.0, 3.5, 2.0)],
            """
            # TYPE size summary
            size_count 3
            size_sum 6.5
            # TYPE size_min gauge
            size_min 1
            # TYPE size_max gauge
            size_max 3.5
            # TYPE size_last gauge
            size_last 2
            """,
        ),
        _one("summary/empty", ["V2-O1"], [summary("size")], "# TYPE size summary\nsize_count 0\nsize_sum 0"),
        _one(
            "histogram",
            ["V2-O1"],
            [sized],
            """
            # TYPE size histogram
            size_bucket{le="1.0"} 1
            size_bucket{le="2.5"} 3
            size_bucket{le="+Inf"} 6
            size_count 6
            size_sum 9.5
            """,
        ),
        _one(
            "histogram/labels",
            ["V2-O1"],
            [
                labelled(
                    sized,
                    ("of",),
                    {("a",): sized, ("b",): _files.histogram("size", [1.0, 2.5], 0.0, [0, 0, 0])},
                )
            ],
            """
            # TYPE size histogram
            size_bucket{of="a",le="1.0"} 1
            size_bucket{of="a",le="2.5"} 3
            size_bucket{of="a",le="+Inf"} 6
            size_count{of="a"} 6
            size_sum{of="a"} 9.5
            size_bucket{of="b",le="1.0"} 0
            size_bucket{of="b",le="2.5"} 0
            size_bucket{of="b",le="+Inf"} 0
            size_count{of="b"} 0
            size_sum{of="b"} 0
            """,
        ),
        _one(
            "unset",
            ["V2-O1", "V2-32"],
            [
                gauge("level", None),
                last("when", 0, 1.0),
                states("phase", ("idle",), None),
                text("build", None),
                unknown("some", None),
            ],
            "",
        ),
        _one(
            "labels",
            ["V2-O1"],
            [labelled(hit(), ("one", "two"), named)],
            """
            # TYPE hits counter
            hits_total{one="a\\"b\\\\c\\nd",two="ä"} 1
            hits_total{one="",two="{} 5"} 2
            """,
        ),
        _one(
            "help",
            ["V2-O1"],
            [hit(3, help='a "b"\\\n# TYPE x counter'), gauge("level", 1, help=" ")],
            "# TYPE hits counter\nhits_total 3\n# TYPE level gauge\nlevel 1",
        ),
        # Several writers.
        Page(
            "totals",
            ("V2-C1", "V2-C2", "V2-F2"),
            [
                file(1, hit(3), gauge("level", 5)),
                file(2, hit(4), gauge("level", 6), state=2),
                file(3, hit(50)),
                archive(4, hit(7), folded=(3,)),
            ],
            ["# TYPE hits counter\nhits_total 14\n# TYPE level gauge\nlevel 5"],
        ),
        Page(
            "writers",
            ("V2-O4",),
            [file(number, unknown("some", number), pid=5, thread_id=number) for number in (1, 2)],
            ['# TYPE some unknown\nsome{pid="5",thread="1"} 1\nsome{pid="5",thread="2"} 2'],
        ),
        Page(
            "writers/unset",
            ("V2-O1", "V2-O4"),
            [file(1, unknown("some", 1), pid=5), file(2, unknown("some", None), pid=6)],
            ['# TYPE some unknown\nsome{pid="5",thread="0"} 1'],
        ),
        Page(
            "writers/of-one-process-and-thread",
            ("V2-O4",),
            [file(number, unknown("some", number), pid=5, thread_id=number // 3) for number in (1, 2, 3)],
            [
                """
                # TYPE some unknown
                some{pid="5",thread="0",file="DIRECTORY/a.mmstats"} 1
                some{pid="5",thread="0",file="DIRECTORY/b.mmstats"} 2
                some{pid="5",thread="1"} 3
                """
            ],
            turned=False,
        ),
        Page(
            "writers/states-of-one-process-and-thread",
            ("V2-O4",),
            [file(number, states("phase", ("idle", "busy"), number - 1)) for number in (1, 2)],
            [
                f"""
                # TYPE phase stateset
                phase{{{_WRITER},file="DIRECTORY/a.mmstats",phase="idle"}} 1
                phase{{{_WRITER},file="DIRECTORY/a.mmstats",phase="busy"}} 0
                phase{{{_WRITER},file="DIRECTORY/b.mmstats",phase="idle"}} 0
                phase{{{_WRITER},file="DIRECTORY/b.mmstats",phase="busy"}} 1
                """
            ],
            turned=False,
        ),
        # Names of metrics.
        _one(
            "names/characters",
            ["V2-O1"],
            [counter("http.requests-é", 3)],
            "# TYPE http_requests__ counter\nhttp_requests___total 3",
        ),
        _one("names/beyond-16-bits", ["V2-O1"], [gauge("a😀b", 3)], "# TYPE a_b gauge\na_b 3"),
        _one("names/digit-first", ["V2-O1"], [gauge("9lives2", 3)], "# TYPE _lives2 gauge\n_lives2 3"),
        _one("names/colon", ["V2-O2"], [gauge("a:b", 3)], "# TYPE a_b gauge\na_b 3"),
        _one("names/underscores", ["V2-O2"], [gauge("__a__", 3)], "# TYPE __a__ gauge\n__a__ 3"),
        _one("names/total", ["V2-O2"], [counter("hits_total", 3)], "# TYPE hits counter\nhits_total 3"),
        _one("names/total-of-others", ["V2-O2"], [gauge("hits_total", 3)], "# TYPE hits_total gauge\nhits_total 3"),
        _one(
            "names/info",
            ["V2-O2"],
            [text("build_info", "x")],
            f'# TYPE build info\nbuild_info{{{_WRITER},value="x"}} 1',
        ),
        _one(
            "names/info-of-others", ["V2-O2"], [counter("hits_info", 3)], "# TYPE hits_info counter\nhits_info_total 3"
        ),
        _one(
            "names/equal",
            ["V2-O1", "V2-O2"],
            [gauge("a.b", 1), gauge("a-b", 2)],
            "# TYPE a_b gauge\na_b 2\n# TYPE a_b_2 gauge\na_b_2 1",
        ),
        _one(
            "names/equal-to-one-that-stays",
            ["V2-O2"],
            [gauge("a-b", 1), gauge("a.b", 2), gauge("a_b", 3)],
            "# TYPE a_b gauge\na_b 3\n# TYPE a_b_2 gauge\na_b_2 1\n# TYPE a_b_3 gauge\na_b_3 2",
        ),
        _one(
            "names/number-taken",
            ["V2-O2"],
            [gauge("a-b", 1), gauge("a_b", 2), gauge("a_b_2", 3)],
            "# TYPE a_b gauge\na_b 2\n# TYPE a_b_2 gauge\na_b_2 3\n# TYPE a_b_3 gauge\na_b_3 1",
        ),
        *[_suffix(of_a[type_], type_, suffix) for type_, suffix in behind],
        *[_suffix(of_a["summary"], "summary", suffix) for suffix in ("_min", "_max", "_last")],
        _one(
            "names/like-no-sample-of-its-type",
            ["V2-O2"],
            [gauge("a", 1), gauge("a_total", 2), counter("b", 3), gauge("b_sum", 4), gauge("b_info", 5)],
            """
            # TYPE a gauge
            a 1
            # TYPE a_total gauge
            a_total 2
            # TYPE b counter
            b_total 3
            # TYPE b_sum gauge
            b_sum 4
            # TYPE b_info gauge
            b_info 5
            """,
        ),
        Page(
            "names/apart/kinds",
            ("V2-O2", "V2-C3"),
            [file(1, gauge("hits", 2)), file(2, hit(1))],
            ["# TYPE hits counter\nhits_total 1\n# TYPE hits_2 gauge\nhits_2 2"],
        ),
        Page(
            "names/apart/total-that-another-has",
            ("V2-O2", "V2-C3"),
            [file(1, counter("b_total", 1)), file(2, gauge("b_total", 2))],
            ["# TYPE b_total gauge\nb_total 2\n# TYPE b_2 counter\nb_2_total 1"],
        ),
        # Which comes first is by the words of 3.6, or by their codes.
        Page(
            "names/apart/types",
            ("V2-O2", "V2-C3"),
            [file(1, hit(1)), file(2, hit(0.5, kind="float"))],
            [
                "# TYPE hits counter\nhits_total 0.5\n# TYPE hits_2 counter\nhits_2_total 1",
                "# TYPE hits counter\nhits_total 1\n# TYPE hits_2 counter\nhits_2_total 0.5",
            ],
        ),
        Page(
            "names/apart/combinations",
            ("V2-O2", "V2-C3"),
            [file(1, gauge("level", 1, "max")), file(2, gauge("level", 2, "sum"))],
            [
                "# TYPE level gauge\nlevel 1\n# TYPE level_2 gauge\nlevel_2 2",
                "# TYPE level gauge\nlevel 2\n# TYPE level_2 gauge\nlevel_2 1",
            ],
        ),
        Page(
            "names/apart/units",
            ("V2-O2", "V2-C3"),
            [
                file(1, gauge("level", 1, unit="meters")),
                file(2, gauge("level", 2)),
                file(3, gauge("level", 3, unit="feet")),
            ],
            [
                """
                # TYPE level gauge
                level 2
                # TYPE level_meters gauge
                # UNIT level_meters meters
                level_meters 1
                # TYPE level_feet gauge
                # UNIT level_feet feet
                level_feet 3
                """
            ],
        ),
        Page(
            "names/apart/units-that-become-equal",
            ("V2-O2", "V2-C3"),
            [file(1, gauge("level", 1, unit="km/h")), file(2, gauge("level", 2, unit="km-h"))],
            [
                """
                # TYPE level_km_h gauge
                # UNIT level_km_h km_h
                level_km_h 2
                # TYPE level_2_km_h gauge
                # UNIT level_2_km_h km_h
                level_2_km_h 1
                """
            ],
        ),
        Page(
            "names/apart/labels",
            ("V2-O2", "V2-C3"),
            [file(number, _with_label(hit(number), label)) for number, label in ((1, "b"), (2, "a"))],
            ['# TYPE hits counter\nhits_total{a="x"} 2\n# TYPE hits_2 counter\nhits_2_total{b="x"} 1'],
        ),
        # Units.
        _one(
            "units",
            ["V2-O1"],
            [gauge("latency", 3, unit="seconds"), counter("sent_bytes", 4, unit="bytes")],
            """
            # TYPE latency_seconds gauge
            # UNIT latency_seconds seconds
            latency_seconds 3
            # TYPE sent_bytes counter
            # UNIT sent_bytes bytes
            sent_bytes_total 4
            """,
        ),
        _one(
            "units/behind-another-underscore",
            ["V2-O2"],
            [gauge("milliseconds", 3, unit="seconds")],
            "# TYPE milliseconds_seconds gauge\n# UNIT milliseconds_seconds seconds\nmilliseconds_seconds 3",
        ),
        _one(
            "units/before-total",
            ["V2-O2"],
            [counter("sent_bytes_total", 3, unit="bytes"), counter("got_total", 4, unit="bytes")],
            """
            # TYPE sent_bytes counter
            # UNIT sent_bytes bytes
            sent_bytes_total 3
            # TYPE got_bytes counter
            # UNIT got_bytes bytes
            got_bytes_total 4
            """,
        ),
        _one(
            "units/characters",
            ["V2-O2"],
            [gauge("speed", 3, unit="km/h")],
            "# TYPE speed_km_h gauge\n# UNIT speed_km_h km_h\nspeed_km_h 3",
        ),
        _one(
            "units/of-states-and-texts",
            ["V2-O2"],
            [states("phase", ("idle",), 0, unit="seconds"), text("build", "x", unit="seconds")],
            f"""
            # TYPE phase stateset
            phase{{{_WRITER},phase="idle"}} 1
            # TYPE build info
            build_info{{{_WRITER},value="x"}} 1
            """,
        ),
        _one(
            "units/of-a-summary",
            ["V2-O2"],
            [summary("size", 1, 2.0, 2.0, 2.0, 2.0, unit="bytes")],
            """
            # TYPE size_bytes summary
            # UNIT size_bytes bytes
            size_bytes_count 1
            size_bytes_sum 2
            # TYPE size_bytes_min gauge
            size_bytes_min 2
            # TYPE size_bytes_max gauge
            size_bytes_max 2
            # TYPE size_bytes_last gauge
            size_bytes_last 2
            """,
        ),
        _one(
            "units/behind-the-number",
            ["V2-O2"],
            [gauge("a.b", 1, unit="bytes"), gauge("a-b", 2, unit="bytes")],
            """
            # TYPE a_b_bytes gauge
            # UNIT a_b_bytes bytes
            a_b_bytes 2
            # TYPE a_b_2_bytes gauge
            # UNIT a_b_2_bytes bytes
            a_b_2_bytes 1
            """,
        ),
        # Names of labels.
        *[
            _one(
                f"labels/{name}", [rule], [_with_label(metric, label)], f"# TYPE {metric.family.name} {type_}\n{sample}"
            )
            for name, rule, metric, label, type_, sample in (
                ("characters", "V2-O1", hit(1), "a.b:c", "counter", 'hits_total{a_b_c="x"} 1'),
                ("digit-first", "V2-O1", hit(1), "1a", "counter", 'hits_total{_a="x"} 1'),
                ("underscores", "V2-O3", hit(1), "__name__", "counter", 'hits_total{_name__="x"} 1'),
                ("many-underscores", "V2-O3", hit(1), "____a", "counter", 'hits_total{_a="x"} 1'),
                ("underscores-made", "V2-O3", hit(1), "--a", "counter", 'hits_total{_a="x"} 1'),
                ("one-underscore", "V2-O3", hit(1), "_a", "counter", 'hits_total{_a="x"} 1'),
                ("le", "V2-O3", hit(1), "le", "counter", 'hits_total{le_2="x"} 1'),
                ("quantile", "V2-O3", hit(1), "quantile", "counter", 'hits_total{quantile_2="x"} 1'),
                ("pid", "V2-O3", unknown("some", 1), "pid", "unknown", f'some{{{_WRITER},pid_2="x"}} 1'),
                ("thread", "V2-O3", unknown("some", 1), "thread", "unknown", f'some{{{_WRITER},thread_2="x"}} 1'),
                ("file", "V2-O3", unknown("some", 1), "file", "unknown", f'some{{{_WRITER},file_2="x"}} 1'),
                (
                    "value",
                    "V2-O3",
                    text("what", "y"),
                    "value",
                    "info",
                    f'what_info{{{_WRITER},value="y",value_2="x"}} 1',
                ),
                (
                    "state-set",
                    "V2-O3",
                    states("phase", ("y",), 0),
                    "phase",
                    "stateset",
                    f'phase{{{_WRITER},phase="y",phase_2="x"}} 1',
                ),
                ("pid-of-a-sum", "V2-O3", hit(1), "pid", "counter", 'hits_total{pid="x"} 1'),
                ("value-of-others", "V2-O3", hit(1), "value", "counter", 'hits_total{value="x"} 1'),
            )
        ],
        _one(
            "labels/equal",
            ["V2-O1"],
            [labelled(hit(), ("a.b", "a_b"), {("x", "y"): hit(1)})],
            '# TYPE hits counter\nhits_total{a_b="y",a_b_2="x"} 1',
            '# TYPE hits counter\nhits_total{a_b="x",a_b_2="y"} 1',
        ),
        _one(
            "states/underscores",
            ["V2-O3"],
            [states("__phase", ("y",), 0)],
            f'# TYPE _phase stateset\n_phase{{{_WRITER},_phase="y"}} 1',
        ),
        *[
            _one(
                f"states/{name}",
                ["V2-O3"],
                [states(name, ("y",), 0)],
                f'# TYPE {name}_2 stateset\n{name}_2{{{_WRITER},{name}_2="y"}} 1',
            )
            for name in ("pid", "thread", "file")
        ],
        # What OpenMetrics forbids.
        *[
            _one(
                f"forbidden/counter-{name}",
                ["V2-O5"],
                [hit(value, kind="float"), gauge("level", value, "max", "float")],
                f"# TYPE level gauge\nlevel {shown}",
            )
            for name, value, shown in (
                ("negative", -1.5, "-1.5"),
                ("nan", math.nan, "NaN"),
                ("minus-infinite", -math.inf, "-Inf"),
            )
        ],
        *[
            _one(
                f"forbidden/summary-{name}",
                ["V2-O5"],
                [summary("size", 2, value, -3.0, 1.0, None)],
                """
                # TYPE size summary
                size_count 2
                # TYPE size_min gauge
                size_min -3
                # TYPE size_max gauge
                size_max 1
                """,
            )
            for name, value in (("negative", -2.0), ("nan", math.nan))
        ],
        *[
            _one(
                f"forbidden/histogram-{name}",
                ["V2-O5"],
                [_files.histogram("size", [bound], total, [1, 2])],
                f'# TYPE size histogram\nsize_bucket{{le="{bound}"}} 1\nsize_bucket{{le="+Inf"}} 3',
            )
            for name, bound, total in (
                ("negative", 1.0, -2.0),
                ("nan", 1.0, math.nan),
                ("negative-bound", -1.0, 5.0),
            )
        ],
        _one(
            "allowed/counter-infinite", ["V2-O5"], [hit(math.inf, kind="float")], "# TYPE hits counter\nhits_total +Inf"
        ),
        _one(
            "allowed/histogram-bound-0",
            ["V2-O5"],
            [_files.histogram("size", [0.0], 0.0, [1, 0])],
            '# TYPE size histogram\nsize_bucket{le="0.0"} 1\nsize_bucket{le="+Inf"} 1\nsize_count 1\nsize_sum 0',
        ),
    ]


def pages1() -> list[Page]:
    def number(label: str, code: str, value: int, *other: int) -> Any:
        return _reading.field(label, code, *(struct.pack(f"<{code}", one) for one in (*other, value)))

    return [
        Page(
            "kinds",
            ("V2-O1", "V2-O4", "V2-X2"),
            [
                file1(
                    number("org.hits", "Q", 5, 4),
                    number("org.level", "q", -7, 0),
                    _reading.field("org.what", "8s", b"abc".ljust(8, b"\0")),
                    number("org.sys.pid", "I", 77),
                    number("org.sys.tid", "q", 78),
                ),
                file(1, counter("org.hits", 10)),
            ],
            [
                """
                # TYPE org_hits counter
                org_hits_total 15
                # TYPE org_level unknown
                org_level{pid="77",thread="78"} -7
                # TYPE org_what info
                org_what_info{pid="77",thread="78",value="abc"} 1
                # TYPE org_sys_pid unknown
                org_sys_pid{pid="77",thread="78"} 77
                # TYPE org_sys_tid unknown
                org_sys_tid{pid="77",thread="78"} 78
                """
            ],
        )
    ]
