"""The pages that exporters have to give of names: those of metrics, with their units, of labels and of states.

Rule 1: a page is written by hand, one for each that is right.
"""

from __future__ import annotations

from functools import partial

from . import _files
from ._directories import file
from ._files import counter, gauge, labelled, states, summary, text, unknown
from ._page import SUFFIXES
from ._pages import WRITER, Page, single


def _with_label(metric: _files.Metric, label: str, value: str = "x") -> _files.Metric:
    return labelled(metric, (label,), {(value,): metric})


def _suffix(metric: _files.Metric, type_: str, suffix: str) -> Page:
    """A family `a`, and a gauge that is called as one of its samples could be, which gets a number."""
    samples = {
        "counter": "a_total 3",
        "info": f'a_info{{value="x",{WRITER}}} 1',
        "summary": "a_count 0\na_sum 0",
        "histogram": 'a_bucket{le="1.0"} 1\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1',
    }[type_]
    return single(
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


def names() -> list[Page]:
    """Names of metrics, their units, and names of labels."""
    hit = partial(counter, "hits")
    of_a = {
        "counter": counter("a", 3),
        "info": text("a", "x"),
        "summary": summary("a"),
        "histogram": _files.histogram("a", [1.0], 1.0, [1, 0]),
    }
    behind = [(type_, suffix) for type_ in of_a for suffix in SUFFIXES[type_] if suffix]
    return [
        # Names of metrics.
        single(
            "names/characters",
            ["V2-O1"],
            [counter("http.requests-é", 3)],
            "# TYPE http_requests__ counter\nhttp_requests___total 3",
        ),
        single("names/beyond-16-bits", ["V2-O1"], [gauge("a😀b", 3)], "# TYPE a_b gauge\na_b 3"),
        single("names/digit-first", ["V2-O1"], [gauge("9lives2", 3)], "# TYPE _lives2 gauge\n_lives2 3"),
        single("names/colon", ["V2-O2"], [gauge("a:b", 3)], "# TYPE a_b gauge\na_b 3"),
        single("names/underscores", ["V2-O2"], [gauge("__a__", 3)], "# TYPE __a__ gauge\n__a__ 3"),
        single("names/total", ["V2-O2"], [counter("hits_total", 3)], "# TYPE hits counter\nhits_total 3"),
        single("names/total-of-others", ["V2-O2"], [gauge("hits_total", 3)], "# TYPE hits_total gauge\nhits_total 3"),
        single(
            "names/info",
            ["V2-O2"],
            [text("build_info", "x")],
            f'# TYPE build info\nbuild_info{{{WRITER},value="x"}} 1',
        ),
        single(
            "names/info-of-others", ["V2-O2"], [counter("hits_info", 3)], "# TYPE hits_info counter\nhits_info_total 3"
        ),
        single(
            "names/equal",
            ["V2-O1", "V2-O2"],
            [gauge("a.b", 1), gauge("a-b", 2)],
            "# TYPE a_b gauge\na_b 2\n# TYPE a_b_2 gauge\na_b_2 1",
        ),
        single(
            "names/equal-to-one-that-stays",
            ["V2-O2"],
            [gauge("a-b", 1), gauge("a.b", 2), gauge("a_b", 3)],
            "# TYPE a_b gauge\na_b 3\n# TYPE a_b_2 gauge\na_b_2 1\n# TYPE a_b_3 gauge\na_b_3 2",
        ),
        single(
            "names/number-taken",
            ["V2-O2"],
            [gauge("a-b", 1), gauge("a_b", 2), gauge("a_b_2", 3)],
            "# TYPE a_b gauge\na_b 2\n# TYPE a_b_2 gauge\na_b_2 3\n# TYPE a_b_3 gauge\na_b_3 1",
        ),
        *[_suffix(of_a[type_], type_, suffix) for type_, suffix in behind],
        *[_suffix(of_a["summary"], "summary", suffix) for suffix in ("_min", "_max", "_last")],
        single(
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
        single(
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
        single(
            "units/behind-another-underscore",
            ["V2-O2"],
            [gauge("milliseconds", 3, unit="seconds")],
            "# TYPE milliseconds_seconds gauge\n# UNIT milliseconds_seconds seconds\nmilliseconds_seconds 3",
        ),
        single(
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
        single(
            "units/characters",
            ["V2-O2"],
            [gauge("speed", 3, unit="km/h")],
            "# TYPE speed_km_h gauge\n# UNIT speed_km_h km_h\nspeed_km_h 3",
        ),
        single(
            "units/of-states-and-texts",
            ["V2-O2"],
            [states("phase", ("idle",), 0, unit="seconds"), text("build", "x", unit="seconds")],
            f"""
            # TYPE phase stateset
            phase{{{WRITER},phase="idle"}} 1
            # TYPE build info
            build_info{{{WRITER},value="x"}} 1
            """,
        ),
        single(
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
        single(
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
            single(
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
                ("pid", "V2-O3", unknown("some", 1), "pid", "unknown", f'some{{{WRITER},pid_2="x"}} 1'),
                ("thread", "V2-O3", unknown("some", 1), "thread", "unknown", f'some{{{WRITER},thread_2="x"}} 1'),
                ("file", "V2-O3", unknown("some", 1), "file", "unknown", f'some{{{WRITER},file_2="x"}} 1'),
                (
                    "value",
                    "V2-O3",
                    text("what", "y"),
                    "value",
                    "info",
                    f'what_info{{{WRITER},value="y",value_2="x"}} 1',
                ),
                (
                    "state-set",
                    "V2-O3",
                    states("phase", ("y",), 0),
                    "phase",
                    "stateset",
                    f'phase{{{WRITER},phase="y",phase_2="x"}} 1',
                ),
                ("pid-of-a-sum", "V2-O3", hit(1), "pid", "counter", 'hits_total{pid="x"} 1'),
                ("value-of-others", "V2-O3", hit(1), "value", "counter", 'hits_total{value="x"} 1'),
            )
        ],
        single(
            "labels/equal",
            ["V2-O1"],
            [labelled(hit(), ("a.b", "a_b"), {("x", "y"): hit(1)})],
            '# TYPE hits counter\nhits_total{a_b="y",a_b_2="x"} 1',
            '# TYPE hits counter\nhits_total{a_b="x",a_b_2="y"} 1',
        ),
        single(
            "states/underscores",
            ["V2-O3"],
            [states("__phase", ("y",), 0)],
            f'# TYPE _phase stateset\n_phase{{{WRITER},_phase="y"}} 1',
        ),
        *[
            single(
                f"states/{name}",
                ["V2-O3"],
                [states(name, ("y",), 0)],
                f'# TYPE {name}_2 stateset\n{name}_2{{{WRITER},{name}_2="y"}} 1',
            )
            for name in ("pid", "thread", "file")
        ],
    ]
