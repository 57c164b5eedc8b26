"""The pages that exporters have to give of values and their writers; _names has those about names.

Rule 1: a page is written by hand, one for each that is right.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from . import _files, _reading
from ._directories import Slots, archive, file, file1
from ._files import counter, gauge, labelled, last, states, summary, text, unknown

WRITER = 'pid="0",thread="0"'


class Page(NamedTuple):
    """The files of a directory, in their order, and the pages that are right, without their ends.

    In these DIRECTORY is the directory, and the files are ``a.mmstats`` and so on.
    """

    name: str
    rules: tuple[str, ...]
    files: Sequence[bytes]
    expected: Sequence[str]
    turned: bool = True


def single(name: str, rules: Iterable[str], metrics: Sequence[_files.Metric], *expected: str) -> Page:
    """All in one file; the writer's process and thread are 0."""
    return Page(name, tuple(rules), [file(1, *metrics)], expected, turned=False)


def values() -> list[Page]:
    """What values become, and those of several writers."""
    hit = partial(counter, "hits")
    sized = _files.histogram("size", [1.0, 2.5], 9.5, [1, 2, 3])
    named: Slots = {('a"b\\c\nd', "ä"): hit(1), ("", "{} 5"): hit(2)}
    return [
        Page("empty", ("V2-O1",), [], [""]),
        single("counter", ["V2-O1"], [hit(3)], "# TYPE hits counter\nhits_total 3"),
        single("counter/float", ["V2-O1"], [hit(0.1, kind="float")], "# TYPE hits counter\nhits_total 0.1"),
        single("gauge", ["V2-O1"], [gauge("level", -5)], "# TYPE level gauge\nlevel -5"),
        single("gauge/boolean", ["V2-O1"], [gauge("up", True, "min", "boolean")], "# TYPE up gauge\nup 1"),
        single("gauge/last", ["V2-O1"], [last("when", 9, 1.5)], "# TYPE when gauge\nwhen 1.5"),
        single(
            "gauge/infinite", ["V2-O1"], [gauge("level", math.inf, "max", "float")], "# TYPE level gauge\nlevel +Inf"
        ),
        single("gauge/nan", ["V2-O1"], [gauge("level", math.nan, "max", "float")], "# TYPE level gauge\nlevel NaN"),
        single(
            "state-set",
            ["V2-O1", "V2-O4"],
            [states("phase", ("idle", 'b"\\\n'), 1)],
            f"""
            # TYPE phase stateset
            phase{{{WRITER},phase="idle"}} 0
            phase{{{WRITER},phase="b\\"\\\\\\n"}} 1
            """,
        ),
        single(
            "text",
            ["V2-O1", "V2-O4"],
            [text("build", 'ä"\\\n')],
            f'# TYPE build info\nbuild_info{{{WRITER},value="ä\\"\\\\\\n"}} 1',
        ),
        single(
            "text/no-utf-8",
            ["V2-33", "V2-O1"],
            [_files.Metric(text("build", "x", 8).family, {(): _files.latch(_files.text_content(b"a\xff", 8))})],
            f'# TYPE build info\nbuild_info{{{WRITER},value="a\\\\xff"}} 1',
        ),
        single("unknown", ["V2-O1", "V2-O4"], [unknown("some", 3)], f"# TYPE some unknown\nsome{{{WRITER}}} 3"),
        single(
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
        single("summary/empty", ["V2-O1"], [summary("size")], "# TYPE size summary\nsize_count 0\nsize_sum 0"),
        single(
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
        single(
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
        single(
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
        single(
            "labels",
            ["V2-O1"],
            [labelled(hit(), ("one", "two"), named)],
            """
            # TYPE hits counter
            hits_total{one="a\\"b\\\\c\\nd",two="ä"} 1
            hits_total{one="",two="{} 5"} 2
            """,
        ),
        single(
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
                phase{{{WRITER},file="DIRECTORY/a.mmstats",phase="idle"}} 1
                phase{{{WRITER},file="DIRECTORY/a.mmstats",phase="busy"}} 0
                phase{{{WRITER},file="DIRECTORY/b.mmstats",phase="idle"}} 0
                phase{{{WRITER},file="DIRECTORY/b.mmstats",phase="busy"}} 1
                """
            ],
            turned=False,
        ),
    ]


def forbidden() -> list[Page]:
    """What OpenMetrics forbids, and what it allows beside that."""
    hit = partial(counter, "hits")
    return [
        *[
            single(
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
            single(
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
            single(
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
        single(
            "allowed/counter-infinite", ["V2-O5"], [hit(math.inf, kind="float")], "# TYPE hits counter\nhits_total +Inf"
        ),
        single(
            "allowed/histogram-bound-0",
            ["V2-O5"],
            [_files.histogram("size", [0.0], 0.0, [1, 0])],
            '# TYPE size histogram\nsize_bucket{le="0.0"} 1\nsize_bucket{le="+Inf"} 1\nsize_count 1\nsize_sum 0',
        ),
    ]


def pages1() -> list[Page]:
    """What fields of version 1 become."""

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
