"""Totals by who is in them: series, families that become one or stay apart, the dead, archives and who is folded.

Rule 1: what a directory says together is worked out by hand.
"""

from __future__ import annotations

from functools import partial

from . import _files
from ._directories import Slots, Total, archive, everyone, file, gauges, hits, summary_value
from ._distributions import buckets
from ._files import labelled, last, summary, unknown
from ._scenarios import After, bits, family, plain


def _apart(name: str, *variants: tuple[_files.Metric, After]) -> Total:
    """Two files have the first, two the second: each pair is a family of its own."""
    files = [file(number, variants[number % 2][0]) for number in range(4)]
    return Total(f"apart/{name}", ("V2-C3",), files, [after for _, after in variants])


def members() -> list[Total]:
    """Families of one name, and values of writers that live and do not."""
    hit, level = partial(_files.counter, "hits"), partial(_files.gauge, "level")
    methods = ("GET", "PUT", "")

    def requests(*values: int | None) -> _files.Metric:
        slots: Slots = {
            (one, "x"): hit(value) for one, value in zip(methods, values, strict=False) if value is not None
        }
        return labelled(hit(), ("method", "code"), slots)

    def levels(*values: int | None) -> _files.Metric:
        slots: Slots = {(one,): level(value, "max") for one, value in zip(methods, values, strict=True)}
        return labelled(level(0, "max"), ("of",), slots)

    everything = (
        hit(2),
        summary("size", 1, 2.0, 2.0, 2.0, 2.0),
        _files.histogram("time", [1.0], 3.0, [0, 1]),
        level(5),
        _files.gauge("least", 1, "min"),
        last("when", 9, 1.0),
        _files.gauge("each", 7, "all"),
        _files.states("phase", ("idle", "busy"), 1),
        _files.text("what", "x"),
        unknown("some", 3),
    )
    lasting = [
        hits(2),
        plain(family("size", "summary", "float"), summary_value(1, 2.0, 2.0, 2.0, 2.0)),
        plain(family("time", "histogram", "float", bounds=[bits(1.0)]), buckets(3.0, 0, 1)),
    ]

    def others(kept: bool) -> list[After]:
        return [
            plain(family("level", "gauge", "signed", "sum", kept=kept), "5"),
            plain(family("least", "gauge", "signed", "min", kept=kept), "1"),
            plain(family("when", "gauge", "float", "last", kept=kept), {"time": "9", "value": bits(1.0)}),
            plain(family("each", "gauge", "signed", "all", kept=kept), everyone("7")),
            plain(
                family("phase", "state set", "unsigned", "all", states=["idle", "busy"], kept=kept), everyone("busy")
            ),
            plain(family("what", "text", "text", "all", capacity="16", kept=kept), everyone("x")),
            plain(family("some", "unknown", "unsigned", "all", kept=kept), everyone("3")),
        ]

    kept = [metric._replace(family=metric.family._replace(kept=True)) for metric in everything[3:]]
    two = [file(number, hit(2)) for number in range(2)]
    return [
        Total(
            "states-by-name",
            ("V2-C5",),
            [
                file(0, _files.states("phase", ("idle", "busy"), 0)),
                file(1, _files.states("phase", ("busy", "idle"), 0)),
                file(2, _files.states("phase", ("busy", "gone", "lost"), 2)),
            ],
            [
                plain(
                    family("phase", "state set", "unsigned", "all", states=["busy", "gone", "idle", "lost"]),
                    everyone("idle", "busy", "lost"),
                )
            ],
        ),
        Total(
            "series",
            ("V2-C1",),
            [file(0, requests(1, 2)), file(1, requests(10, None, 5)), file(2, requests())],
            [
                After(
                    family("hits", "counter", labels=["method", "code"]),
                    {("GET", "x"): "11", ("PUT", "x"): "2", ("", "x"): "5"},
                )
            ],
        ),
        Total(
            "series/by-values-in-order",
            ("V2-C1",),
            [
                file(number, labelled(hit(), ("a", "b"), {("x", "y"): hit(number + 1), ("y", "x"): hit(10)}))
                for number in range(2)
            ],
            [After(family("hits", "counter", labels=["a", "b"]), {("x", "y"): "3", ("y", "x"): "20"})],
        ),
        Total(
            "series/unset",
            ("V2-32",),
            [file(0, levels(1, None, None)), file(1, levels(2, 5, None))],
            [
                After(
                    family("level", "gauge", "signed", "max", labels=["of"]),
                    {("GET",): "2", ("PUT",): "5", ("",): None},
                )
            ],
        ),
        Total(
            "other-numbers-and-orders",
            ("V2-C1", "V2-25"),
            [file(0, hit(1), _files.counter("more", 5)), file(1, _files.counter("more", 6), hit(2))],
            [hits(3), plain(family("more", "counter"), "11")],
        ),
        Total(
            "help-may-differ",
            ("V2-C3",),
            [file(0, hit(1, help="one")), file(1, hit(2, help="another"))],
            [hits(3, help=frozenset({"one", "another"}))],
        ),
        _apart(
            "kinds",
            (unknown("level", 1), plain(family("level", "unknown", "unsigned", "all"), everyone("1", None, "1"))),
            (level(2, "all", "unsigned"), gauges("all", "unsigned", everyone(None, "2", None, "2"))),
        ),
        _apart("types", (hit(1), hits(2)), (hit(2.0, kind="float"), hits(bits(4.0), "float"))),
        _apart(
            "combinations",
            (level(1, "min"), gauges("min", "signed", "1")),
            (level(2, "max"), gauges("max", "signed", "2")),
        ),
        _apart("units", (hit(1, unit="bytes"), hits(2, unit="bytes")), (hit(2), hits(4))),
        _apart(
            "labels",
            (labelled(hit(), ("a",), {("x",): hit(1)}), After(family("hits", "counter", labels=["a"]), {("x",): "2"})),
            (labelled(hit(), ("b",), {("x",): hit(2)}), After(family("hits", "counter", labels=["b"]), {("x",): "4"})),
        ),
        _apart(
            "label-counts",
            (labelled(hit(), ("a",), {("x",): hit(1)}), After(family("hits", "counter", labels=["a"]), {("x",): "2"})),
            (hit(2), hits(4)),
        ),
        Total("unknown-counts-as-alive", ("V2-C2", "V2-L5"), [file(0, *everything)], [*lasting, *others(False)]),
        Total("dead", ("V2-C2", "V2-L2"), [file(0, *everything, state=2)], lasting),
        Total("dead-and-kept", ("V2-C2",), [file(0, *everything[:3], *kept, state=2)], [*lasting, *others(True)]),
        Total(
            "dead-beside-others",
            ("V2-C2",),
            [file(0, hit(1), level(5), last("when", 9, 1.0), state=2), file(1, hit(2), level(6), last("when", 8, 2.0))],
            [
                hits(3),
                gauges("sum", "signed", "6"),
                plain(family("when", "gauge", "float", "last"), {"time": "8", "value": bits(2.0)}),
            ],
        ),
        Total(
            "series-of-the-dead",
            ("V2-C2",),
            [
                file(0, levels(1, 7, None), state=2),
                file(1, labelled(level(0, "max"), ("of",), {("GET",): level(0, "max")})),
            ],
            [After(family("level", "gauge", "signed", "max", labels=["of"]), {("GET",): "0"})],
        ),
        Total(
            "kept-by-one",
            ("V2-C2",),
            [file(0, level(5, kept=True), state=2), file(1, level(6), state=2), file(2, level(7))],
            [gauges("sum", "signed", "12", kept=frozenset({True, False}))],
        ),
        Total(
            "archive",
            ("V2-F1",),
            [archive(9, hit(5), level(6, kept=True)), *two],
            [hits(9), gauges("sum", "signed", "6", kept=True)],
        ),
        Total("folded", ("V2-F2",), [archive(9, hit(5), folded=(0, 3)), *two], [hits(7)]),
        Total(
            "folded-all-of-it",
            ("V2-F2",),
            [archive(9, hit(5), folded=(0,)), file(0, hit(1), level(2), _files.counter("other", 1))],
            [hits(5)],
        ),
        Total(
            "two-archives",
            ("V2-F2",),
            [archive(9, hit(5), folded=(0,)), archive(8, hit(6), folded=(1,)), *two],
            [hits(11)],
        ),
        Total(
            "folded-and-closed",
            ("V2-F2", "V2-C2"),
            [archive(9, hit(5), folded=(0,)), file(0, hit(1), state=2)],
            [hits(5)],
        ),
        Total(
            "unknown-compatible-features", ("V2-8",), [file(0, hit(1), compatible=1 << 31), file(1, hit(2))], [hits(3)]
        ),
    ]
