"""Tests of combiners: what the values of several files make together.

Rule 1: what a directory says together is worked out by hand; nothing is added up by the kit.
Rule 2: the order of a directory's files is turned round once: totals do not depend on it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .. import layout
from . import _files
from ._case import Case, Cases
from ._directories import (
    APART,
    SUFFIX,
    Slots,
    archive,
    everyone,
    expect_totals,
    file,
    file1,
    gauges,
    hits,
    polled,
    put,
    state_of,
    summary_value,
)
from ._files import canonical, labelled, last, summary, unknown
from ._program import Failure, Program, shown
from ._reading import expect, field
from ._scenarios import INFINITE, NAN, NOTHING, After, bits, family, plain


class _Total(NamedTuple):
    """Files of a directory, and what they say together."""

    name: str
    rules: tuple[str, ...]
    files: Sequence[bytes]
    expected: Sequence[After]


def _total(total: _Total, program: Program, directory: Path) -> None:
    with program.start("--poll", directory) as talk:
        names = [f"{letter}{SUFFIX}" for letter in "abcdefghijklmnopqrstuvwxyz"[: len(total.files)]]
        for order in (names, names[::-1]):
            put(directory, dict(zip(order, total.files, strict=True)))
            found = polled(talk)
            expect(found["errors"], {}, "errors")
            expect(
                found["writers"], {name: state_of(one) for name, one in zip(order, total.files, strict=True)}, "states"
            )
            expect_totals(found["families"], total.expected, order)
            _expect_apart(found["apart"], total, dict(zip(order, total.files, strict=True)))
            for name in names:
                (directory / name).unlink()
        nothing = {"writers": {}, "families": [], "errors": {}, "apart": [], "complete": True}
        expect(polled(talk), nothing, "an empty directory")
        talk.end()


def _expect_apart(found: Any, total: _Total, files: Mapping[str, bytes]) -> None:
    """Of each name that stays apart it is said, with two files that declare it otherwise."""
    try:
        said = {one["name"]: [_form(one["name"], files[name]) for name in one["files"]] for one in found}
    except (KeyError, TypeError, StopIteration):
        raise Failure(f"these are no families that stay apart: {shown(found)}") from None
    names = [after.family["name"] for after in total.expected]
    expect(sorted(said), sorted({name for name in names if names.count(name) > 1}), "families that stay apart")
    if not all(len(forms) == 2 and forms[0] != forms[1] for forms in said.values()):
        raise Failure(f"these do not differ in what keeps families apart: {shown(found)}")


def _form(name: str, content: bytes) -> list[Any]:
    """What a file declares under a name, so far as it keeps families apart."""
    said = canonical(content)
    if said["version"] == layout.V1_VERSION:
        return [next(one["type"] for one in said["fields"] if one["label"] == name)]
    return next([one[key] for key in APART] for one in said["families"] if one["name"] == name)


def _sum(name: str, expected: Any, kind: str, *values: Any, counter: bool = False) -> _Total:
    """The same as counters or summed gauges."""
    make = partial(_files.counter, "hits") if counter else partial(_files.gauge, "level", combine="sum")
    files = [file(number, make(value=value, kind=kind)) for number, value in enumerate(values)]
    return _Total(name, ("V2-C1",), files, [hits(expected, kind) if counter else gauges("sum", kind, expected)])


def _extreme(name: str, combination: str, kind: str, expected: Any, *values: Any) -> _Total:
    files = [file(number, _files.gauge("level", value, combination, kind)) for number, value in enumerate(values)]
    return _Total(name, ("V2-C1", "V2-32"), files, [gauges(combination, kind, expected)])


def _last(name: str, kind: str, expected: Any, *settings: tuple[int, int, Any]) -> _Total:
    """Of each file when it was created, when the gauge was set, and to what."""
    files = [
        file(number, last("level", time, value, kind), created=created)
        for number, (created, time, value) in enumerate(settings)
    ]
    return _Total(name, ("V2-C1", "V2-32"), files, [gauges("last", kind, expected)])


def _summaries(name: str, expected: dict[str, Any], *parts: tuple[Any, ...]) -> _Total:
    """Files that are created one after the other."""
    files = [file(number, summary("size", *part)) for number, part in enumerate(parts)]
    return _Total(name, ("V2-C1",), files, [plain(family("size", "summary", "float"), expected)])


def _buckets(total: float, *counts: int) -> dict[str, Any]:
    return {"sum": bits(total), "counts": [str(count) for count in counts]}


def _histograms(
    name: str,
    rule: str,
    bounds: Sequence[float],
    expected: dict[str, Any],
    *those: tuple[Sequence[float], float, Sequence[int]],
) -> _Total:
    files = [file(number, _files.histogram("size", *one)) for number, one in enumerate(those)]
    declared = family("size", "histogram", "float", bounds=[bits(bound) for bound in bounds])
    return _Total(name, (rule,), files, [plain(declared, expected)])


def _apart(name: str, *variants: tuple[_files.Metric, After]) -> _Total:
    """Two files have the first, two the second: each pair is a family of its own."""
    files = [file(number, variants[number % 2][0]) for number in range(4)]
    return _Total(f"apart/{name}", ("V2-C3",), files, [after for _, after in variants])


def _totals() -> list[_Total]:
    largest = 2**64 - 1
    nan, infinite = math.nan, math.inf
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
        plain(family("time", "histogram", "float", bounds=[bits(1.0)]), _buckets(3.0, 0, 1)),
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
        _sum("sum/counters", "9007199254740998", "unsigned", 2**53 + 1, 1, 4, counter=True),
        _sum("sum/counters-wrap", "2", "unsigned", largest, 3, counter=True),
        _sum("sum/counters-of-the-largest", str(largest), "unsigned", largest, 0, counter=True),
        _sum("sum/unsigned-wraps", "1", "unsigned", 2**63, 2**63 - 1, 2),
        _sum("sum/signed", "-5", "signed", -7, 2),
        _sum("sum/signed-wraps", str(-(2**63) + 1), "signed", 2**63 - 1, 2),
        _sum("sum/signed-wraps-below", str(2**63 - 1), "signed", -(2**63) + 1, -2),
        _sum("sum/unset", "3", "signed", None, 3),
        _sum("sum/unset-unsigned", "3", "unsigned", None, 3),
        _sum("sum/unset-float", bits(3.0), "float", None, 3.0),
        _sum("sum/nothing-set", None, "float", None, None),
        _sum("sum/floats-exact", bits(1e16 + 4), "float", 1e16, 1.0, 1.0, 1.0, 1.0, counter=True),
        _sum("sum/floats-cancel", bits(1.0), "float", 1e16, 1.0, -1e16),
        _sum("sum/floats-cancel-far", bits(2.0), "float", 1.0, 1e100, 1.0, -1e100),
        _sum("sum/floats-tenths", bits(1.0), "float", *[0.1] * 10),
        _sum("sum/floats-beyond-the-largest", bits(1e308), "float", 1e308, 1e308, -1e308),
        _sum("sum/floats-infinite", INFINITE, "float", infinite, 1.0),
        _sum("sum/floats-nan", NAN, "float", nan, 1.0),
        _sum("sum/floats-both-infinite", NAN, "float", infinite, -infinite, 1.0),
        _extreme("min/unsigned", "min", "unsigned", "1", 2**63, 1, None),
        _extreme("max/unsigned", "max", "unsigned", str(2**63), 2**63, 1, None),
        _extreme("min/signed", "min", "signed", "-1", 1, -1, None),
        _extreme("max/signed", "max", "signed", "-1", -2, -1, None),
        _extreme("max/exact", "max", "signed", str(2**53 + 1), 2**53, 2**53 + 1),
        _extreme("min/float", "min", "float", bits(-2.5), 1.5, -2.5, None),
        _extreme("max/float", "max", "float", bits(-1.5), -1.5, -2.5, None),
        _extreme("min/nan", "min", "float", bits(2.0), nan, 2.0, 3.0),
        _extreme("max/nan", "max", "float", bits(-infinite), nan, -infinite),
        _extreme("min/only-nan", "min", "float", NAN, nan, None),
        _extreme("max/only-nan", "max", "float", NAN, nan, None),
        _extreme("min/boolean", "min", "boolean", False, True, False, None),
        _extreme("max/boolean", "max", "boolean", True, True, False, None),
        _extreme("max/nothing-set", "max", "signed", None, None, None),
        _last("last/by-time", "float", {"time": "9", "value": bits(1.0)}, (5, 8, 2.0), (3, 9, 1.0), (4, 7, 3.0)),
        _last("last/by-a-large-time", "signed", {"time": str(2**63 + 1), "value": "-1"}, (5, 8, 2), (3, 2**63 + 1, -1)),
        _last("last/equal-times", "unsigned", {"time": "9", "value": "2"}, (4, 9, 1), (5, 9, 2), (3, 9, 3)),
        _last("last/unset", "boolean", {"time": "8", "value": False}, (4, 8, False), (5, 0, True)),
        _last("last/unset-by-itself", "float", {"time": "8", "value": bits(2.0)}, (4, 8, 2.0), (5, 9, None)),
        _last("last/nothing-set", "float", None, (4, 0, 2.0), (5, 0, None)),
        _last("last/nan", "float", {"time": "9", "value": NAN}, (4, 8, 2.0), (5, 9, nan)),
        _Total(
            "all",
            ("V2-C1", "V2-32"),
            [
                file(
                    number,
                    _files.gauge("each", (None, -2, 3)[number], "all"),
                    unknown("some", (1.5, None, nan)[number], "float"),
                    _files.text("what", ("", "größer", None)[number]),
                    _files.states("phase", ("idle", "busy"), (None, 0, 1)[number]),
                )
                for number in range(3)
            ],
            [
                plain(family("each", "gauge", "signed", "all"), everyone(None, "-2", "3")),
                plain(family("some", "unknown", "float", "all"), everyone(bits(1.5), None, NAN)),
                plain(family("what", "text", "text", "all", capacity="16"), everyone("", "größer")),
                plain(
                    family("phase", "state set", "unsigned", "all", states=["idle", "busy"]),
                    everyone(None, "idle", "busy"),
                ),
            ],
        ),
        _Total(
            "all/nothing-set",
            ("V2-32",),
            [file(number, unknown("some", None)) for number in range(2)],
            [plain(family("some", "unknown", "unsigned", "all"), [])],
        ),
        _Total(
            "all/texts-of-several-capacities",
            ("V2-C1",),
            [file(number, _files.text("what", "abc", capacity)) for number, capacity in enumerate((5, 21))],
            [plain(family("what", "text", "text", "all", capacity="21"), everyone("abc", "abc"))],
        ),
        _Total(
            "what-is-no-value",
            ("V2-33",),
            [
                file(0, level(2**40, "max", "boolean"), _files.states("phase", ("idle",), 1)),
                file(1, level(False, "max", "boolean"), _files.states("phase", ("idle",), 0)),
            ],
            [
                gauges("max", "boolean", False),
                plain(family("phase", "state set", "unsigned", "all", states=["idle"]), everyone(None, "idle")),
            ],
        ),
        _summaries(
            "summary",
            summary_value(5, 12.5, -1.5, 8.0, 3.0),
            (3, 10.0, 1.0, 8.0, 7.0),
            (2, 2.5, -1.5, 4.0, 3.0),
        ),
        _summaries(
            "summary/last-of-those-with-any",
            summary_value(3, 6.0, 1.0, 3.0, 2.0),
            (1, 1.0, 1.0, 1.0, 1.0),
            (2, 5.0, 2.0, 3.0, 2.0),
            (),
        ),
        _summaries("summary/empty", NOTHING, (), ()),
        _summaries(
            "summary/count-wraps",
            summary_value(1, 3.0, 1.0, 2.0, 2.0),
            (largest, 1.0, 1.0, 1.0, 1.0),
            (2, 2.0, 2.0, 2.0, 2.0),
        ),
        _summaries(
            "summary/sum-exact",
            summary_value(3, 1.0, -1e16, 1e16, -1e16),
            (1, 1e16, 1e16, 1e16, 1e16),
            (1, 1.0, 1.0, 1.0, 1.0),
            (1, -1e16, -1e16, -1e16, -1e16),
        ),
        _summaries(
            "summary/nan", summary_value(2, 3.0, 2.0, 2.0, 2.0), (1, 1.0, nan, nan, 1.0), (1, 2.0, 2.0, 2.0, 2.0)
        ),
        _histograms(
            "histogram",
            "V2-C1",
            (1.0, 2.0),
            _buckets(7.5, 4, 6, 10),
            ((1.0, 2.0), 5.0, (1, 2, 3)),
            ((1.0, 2.0), 2.5, (3, 4, 7)),
        ),
        _histograms(
            "histogram/counts-wrap",
            "V2-C1",
            (1.0,),
            _buckets(2.0, 1, 3),
            ((1.0,), 1.0, (largest, 1)),
            ((1.0,), 1.0, (2, 2)),
        ),
        _histograms(
            "histogram/sum-exact", "V2-C1", (), _buckets(1.0, 3), ((), 1e16, (1,)), ((), 1.0, (1,)), ((), -1e16, (1,))
        ),
        _histograms(
            "histogram/other-bounds",
            "V2-C4",
            (1.0, 4.0),
            _buckets(9.0, 11, 222, 44),
            ((1.0, 2.0, 4.0), 4.0, (1, 20, 2, 4)),
            ((1.0, 3.0, 4.0), 5.0, (10, 100, 100, 40)),
        ),
        _histograms(
            "histogram/other-bounds-of-three",
            "V2-C4",
            (2.0,),
            _buckets(6.0, 113, 1312),
            ((1.0, 2.0), 1.0, (1, 2, 2)),
            ((2.0, 3.0), 2.0, (10, 300, 10)),
            ((0.0, 2.0, 9.0), 3.0, (50, 50, 500, 500)),
        ),
        _histograms(
            "histogram/no-bound-in-common", "V2-C4", (), _buckets(9.0, 10), ((1.0,), 4.0, (1, 2)), ((2.0,), 5.0, (3, 4))
        ),
        _Total(
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
        _Total(
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
        _Total(
            "series/by-values-in-order",
            ("V2-C1",),
            [
                file(number, labelled(hit(), ("a", "b"), {("x", "y"): hit(number + 1), ("y", "x"): hit(10)}))
                for number in range(2)
            ],
            [After(family("hits", "counter", labels=["a", "b"]), {("x", "y"): "3", ("y", "x"): "20"})],
        ),
        _Total(
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
        _Total(
            "other-numbers-and-orders",
            ("V2-C1", "V2-25"),
            [file(0, hit(1), _files.counter("more", 5)), file(1, _files.counter("more", 6), hit(2))],
            [hits(3), plain(family("more", "counter"), "11")],
        ),
        _Total(
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
        _Total("unknown-counts-as-alive", ("V2-C2", "V2-L5"), [file(0, *everything)], [*lasting, *others(False)]),
        _Total("dead", ("V2-C2", "V2-L2"), [file(0, *everything, state=2)], lasting),
        _Total("dead-and-kept", ("V2-C2",), [file(0, *everything[:3], *kept, state=2)], [*lasting, *others(True)]),
        _Total(
            "dead-beside-others",
            ("V2-C2",),
            [file(0, hit(1), level(5), last("when", 9, 1.0), state=2), file(1, hit(2), level(6), last("when", 8, 2.0))],
            [
                hits(3),
                gauges("sum", "signed", "6"),
                plain(family("when", "gauge", "float", "last"), {"time": "8", "value": bits(2.0)}),
            ],
        ),
        _Total(
            "series-of-the-dead",
            ("V2-C2",),
            [
                file(0, levels(1, 7, None), state=2),
                file(1, labelled(level(0, "max"), ("of",), {("GET",): level(0, "max")})),
            ],
            [After(family("level", "gauge", "signed", "max", labels=["of"]), {("GET",): "0"})],
        ),
        _Total(
            "kept-by-one",
            ("V2-C2",),
            [file(0, level(5, kept=True), state=2), file(1, level(6), state=2), file(2, level(7))],
            [gauges("sum", "signed", "12", kept=frozenset({True, False}))],
        ),
        _Total(
            "archive",
            ("V2-F1",),
            [archive(9, hit(5), level(6, kept=True)), *two],
            [hits(9), gauges("sum", "signed", "6", kept=True)],
        ),
        _Total("folded", ("V2-F2",), [archive(9, hit(5), folded=(0, 3)), *two], [hits(7)]),
        _Total(
            "folded-all-of-it",
            ("V2-F2",),
            [archive(9, hit(5), folded=(0,)), file(0, hit(1), level(2), _files.counter("other", 1))],
            [hits(5)],
        ),
        _Total(
            "two-archives",
            ("V2-F2",),
            [archive(9, hit(5), folded=(0,)), archive(8, hit(6), folded=(1,)), *two],
            [hits(11)],
        ),
        _Total(
            "folded-and-closed",
            ("V2-F2", "V2-C2"),
            [archive(9, hit(5), folded=(0,)), file(0, hit(1), state=2)],
            [hits(5)],
        ),
        _Total(
            "unknown-compatible-features", ("V2-8",), [file(0, hit(1), compatible=1 << 31), file(1, hit(2))], [hits(3)]
        ),
    ]


def _totals1() -> list[_Total]:
    def number(label: str, signature: str, value: Any, other: Any = None) -> Any:
        buffers = [struct.pack(f"<{signature}", one) for one in (value, other) if one is not None]
        return field(label, signature, *buffers[::-1])

    def of(kind: str, value: Any) -> After:
        return plain(family(kind, "unknown", kind, "all"), everyone(value))

    texts = family("what", "text", "text", "all")
    hit = partial(_files.counter, "hits")
    return [
        _Total(
            "kinds",
            ("V1-4", "V2-X2"),
            [
                file1(
                    number("hits", "Q", 5, 4),
                    number("unsigned", "Q", 6),
                    number("signed", "q", -7, 0),
                    number("float", "f", 0.5, 9.0),
                    field("boolean", "?", b"\2"),
                    field("what", "4s", b"abc\0"),
                )
            ],
            [
                hits(5),
                of("unsigned", "6"),
                of("signed", "-7"),
                of("float", bits(0.5)),
                of("boolean", True),
                plain(texts | {"capacity": "4"}, everyone("abc")),
            ],
        ),
        _Total(
            "beside-version-2",
            ("V2-C1", "V2-X2"),
            [
                file1(number("hits", "Q", 5, 4), field("what", "4s", b"abc\0")),
                file1(number("hits", "Q", 2**64 - 1, 4), field("what", "c", b"d")),
                file(0, hit(10), _files.text("what", "e", 3)),
            ],
            [hits(14), plain(texts | {"capacity": "4"}, everyone("abc", "d", "e"))],
        ),
        _Total(
            "apart-from-version-2",
            ("V2-C3",),
            [file1(number("hits", "Q", 5, 4)), file1(number("hits", "Q", 6)), file(0, hit(10, unit="hits"))],
            [
                hits(5),
                plain(family("hits", "unknown", "unsigned", "all"), everyone(None, "6")),
                hits(10, unit="hits"),
            ],
        ),
        _Total(
            "label-twice",
            ("V1-4",),
            [file1(number("hits", "Q", 5, 4), number("hits", "Q", 7, 4)), file1(number("hits", "Q", 1, 4))],
            [hits(8)],
        ),
        _Total(
            "the-last-of-a-label-says-what-it-is",
            ("V1-4",),
            [file1(number("level", "Q", 5, 4), number("level", "q", -7, 0))],
            [plain(family("level", "unknown", "signed", "all"), everyone("-7"))],
        ),
    ]


def cases() -> Cases:
    """All tests of totals."""
    return [
        Case(f"combiner/v{version}/{total.name}", total.rules, partial(_total, total))
        for version, totals in ((2, _totals()), (1, _totals1()))
        for total in totals
    ]
