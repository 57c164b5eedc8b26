"""Tests of combiners: totals, which files count, whether writers live, and passes beside a folder.

Rule 1: what a directory says together is worked out by hand; nothing is added up by the kit.
Rule 2: whether a writer lives is asked of real processes and locks; those are the kit's own, and end with the test.
Rule 3: the order of a directory's files is turned round once: totals do not depend on it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import itertools
import math
import os
import random
import shutil
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .. import layout, system
from .._codec import build, parse
from .._document import Document
from .._document2 import Document2
from . import _files
from ._case import Case, Cases, NotApplicable
from ._files import document, labelled, last, summary, unknown
from ._locks import take
from ._program import Failure, Program, Talk, shown
from ._reading import expect, field
from ._scenarios import INFINITE, NAN, NOTHING, After, bits, family, plain

Files = Mapping[str, bytes]
Slots = dict[tuple[str, ...], _files.Metric]
#: A user who is neither the superuser nor, as a rule, anybody.
STRANGER = 54321
SUFFIX = ".mmstats"
#: In which families of one name may not differ (V2-C3).
_APART = ("name", "kind", "type", "combination", "unit", "labels")
CLOSED = layout.V2_STATES["closed"]
#: How many files wait for a folder, for how long it folds, how often it begins a new archive, and how many there are.
_FILES, _FOLDING_SECONDS, _NEW_ARCHIVE, _MOST_ARCHIVES = 12, 5.0, 0.1, 20
_PROBES = 300
#: What the kit takes for file systems of this machine; others are not tried.
_LOCAL = ("btrfs", "ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs", "zfs")


def cases() -> Cases:
    """All tests of combiners."""
    found = [
        Case(f"combiner/v{version}/{total.name}", total.rules, partial(_total, total))
        for version, totals in ((2, _totals()), (1, _totals1()))
        for total in totals
    ]
    found += [Case(f"combiner/v2/counts/{one.name}", one.rules, partial(_counts, one)) for one in _counting()]
    found += [Case(f"combiner/v2/writer/{one.name}", one.rules, partial(_lives, one)) for one in _LIVES]
    found += [Case(f"combiner/v1/writer/{one.name}", ("V2-L6", *one.rules), partial(_lives1, one)) for one in _LIVES1]
    return found + [Case(f"combiner/{name}", rules, run) for name, rules, run in _OTHERS]


# Files.


def who(number: int) -> bytes:
    """The writer id of the file of this number."""
    return struct.pack("<QQ", 0x6B6974, number)


def file(number: int, *metrics: _files.Metric, **header: Any) -> bytes:
    """A file, with a writer id and a time of creation by its number; of its writer nothing is known."""
    return build(document(*metrics, **{"writer_id": who(number), "created": number, **header}))


def archive(number: int, *metrics: _files.Metric, folded: Sequence[int] = (), **header: Any) -> bytes:
    """An archive, in which the writers of these numbers are folded."""
    those = [who(one) for one in folded]
    return file(number, *metrics, folded=those, host="", features=(), **{"incompatible": 1, "state": 2, **header})


def with_features(content: bytes, features: int) -> bytes:
    """The file with these incompatible features, known or not."""
    found = changed(content, layout.V2_HEADER_AT_CRC, struct.pack("<LL", 0, features))
    return changed(
        found, layout.V2_HEADER_AT_CRC, struct.pack(layout.V2_CRC, zlib.crc32(found[: layout.V2_CHECKED_HEADER]))
    )


def changed(content: bytes, offset: int, other: bytes) -> bytes:
    """The content with other bytes there."""
    return content[:offset] + other + content[offset + len(other) :]


def file1(*fields: Any) -> bytes:
    """A version 1 file."""
    return build(Document(fields))


def put(directory: Path, files: Files) -> None:
    """Have these files in a directory; each appears whole."""
    for name, content in files.items():
        temporary = directory / f".{name}.new"
        temporary.write_bytes(content)
        temporary.rename(directory / name)


def give_away(path: Path) -> None:
    """Let a file be another user's."""
    if os.geteuid():
        raise NotApplicable("only the superuser can give files to other users")
    os.chown(path, STRANGER, -1)


def local(directory: Path) -> None:
    """It has to be on a file system of this machine (V2-L3)."""
    target = os.stat(directory).st_dev
    device = f"{os.major(target)}:{os.minor(target)}"
    lines = [line.split(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    types = {there.split()[0] for head, there in lines if head.split()[2] == device}
    if not types & {*_LOCAL}:
        raise NotApplicable(
            f"{directory} is on {', '.join(types) or 'an unknown file system'}: let TMPDIR name one of this machine"
        )


# What is expected.


def everyone(*values: Any) -> list[dict[str, Any]]:
    """The values of what is combined by all, file by file; None is unset."""
    return [{"file": place, "value": value} for place, value in enumerate(values) if value is not None]


def hits(value: object, kind: str = "unsigned", **more: Any) -> After:
    """The counter `hits`, which is in most directories."""
    return plain(family("hits", "counter", kind, **more), str(value) if isinstance(value, int) else value)


def gauges(combination: str, kind: str, value: Any, **more: Any) -> After:
    """The gauge `level`."""
    return plain(family("level", "gauge", kind, combination, **more), value)


def polled(talk: Talk) -> dict[str, Any]:
    """The next pass of a combiner."""
    found = talk.ask()
    if not isinstance(found, dict) or found.keys() != {"writers", "families", "errors"}:
        raise talk.failure(f"printed {shown(found)} where writers, families and errors were expected")
    return found


def expect_totals(found: Any, expected: Sequence[After], names: Sequence[str] = (), what: str = "the totals") -> None:
    """A pass has to say this of its families; `names` are those of the files that `everyone` counts."""
    try:
        those = _sorted(found)
    except (KeyError, TypeError, AttributeError):
        raise Failure(f"{what}: these are no families: {shown(found)}") from None
    wanted = _sorted([after.canonical() for after in expected], names)
    for one, other in zip(those, wanted, strict=False):
        for key, value in other.items():
            if isinstance(value, frozenset) and one.get(key) in value:
                other[key] = one[key]
    expect(those, [{key: _listed(value) for key, value in other.items()} for other in wanted], what)


def _listed(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _sorted(families: Sequence[dict[str, Any]], names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Families, series, states and values of all in one order, and every NaN the same."""
    found = []
    for declared in families:
        series = [
            one | {"value": _value(declared["combination"], one["value"], names)}
            for one in sorted(declared["series"], key=lambda one: list(one["labels"]))
        ]
        found.append(declared | {"series": series, "states": sorted(declared["states"])})
    return sorted(found, key=lambda declared: [declared[key] for key in _APART])


def _value(combination: str, value: Any, names: Sequence[str]) -> Any:
    if combination == "all":
        pairs = [{"file": names[one["file"]], "value": one["value"]} if names else one for one in value or []]
        return sorted(({**one, "value": _number(one["value"])} for one in pairs), key=lambda one: str(one["file"]))
    if isinstance(value, dict):
        return {key: _number(part) for key, part in value.items()}
    return _number(value)


def _number(value: Any) -> Any:
    """Of a NaN the bits are nobody's concern."""
    if isinstance(value, str) and len(value) == len(NAN):
        with contextlib.suppress(ValueError):
            if math.isnan(struct.unpack(">d", bytes.fromhex(value))[0]):
                return NAN
    return value


# Totals.


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
                found["writers"], {name: _state(one) for name, one in zip(order, total.files, strict=True)}, "states"
            )
            expect_totals(found["families"], total.expected, order)
            for name in names:
                (directory / name).unlink()
        expect(polled(talk), {"writers": {}, "families": [], "errors": {}}, "an empty directory")
        talk.end()


def _state(content: bytes) -> str:
    if content[0] == layout.V1_VERSION:
        return "unknown"
    document = parse(content)
    assert isinstance(document, Document2)
    if document.header.incompatible:
        return "archive"
    return "closed" if document.header.state == CLOSED else "unknown"


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


def _summary(count: int, *parts: float | None) -> dict[str, Any]:
    values = [None if part is None else bits(part) for part in parts]
    return {"count": str(count), **dict(zip(("sum", "min", "max", "last"), values, strict=True))}


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
        plain(family("size", "summary", "float"), _summary(1, 2.0, 2.0, 2.0, 2.0)),
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
            _summary(5, 12.5, -1.5, 8.0, 3.0),
            (3, 10.0, 1.0, 8.0, 7.0),
            (2, 2.5, -1.5, 4.0, 3.0),
        ),
        _summaries(
            "summary/last-of-those-with-any",
            _summary(3, 6.0, 1.0, 3.0, 2.0),
            (1, 1.0, 1.0, 1.0, 1.0),
            (2, 5.0, 2.0, 3.0, 2.0),
            (),
        ),
        _summaries("summary/empty", NOTHING, (), ()),
        _summaries(
            "summary/count-wraps",
            _summary(1, 3.0, 1.0, 2.0, 2.0),
            (largest, 1.0, 1.0, 1.0, 1.0),
            (2, 2.0, 2.0, 2.0, 2.0),
        ),
        _summaries(
            "summary/sum-exact",
            _summary(3, 1.0, -1e16, 1e16, -1e16),
            (1, 1e16, 1e16, 1e16, 1e16),
            (1, 1.0, 1.0, 1.0, 1.0),
            (1, -1e16, -1e16, -1e16, -1e16),
        ),
        _summaries("summary/nan", _summary(2, 3.0, 2.0, 2.0, 2.0), (1, 1.0, nan, nan, 1.0), (1, 2.0, 2.0, 2.0, 2.0)),
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


# Which files count.


class _Count(NamedTuple):
    """A directory of named files, what its counter `hits` is, and the errors; those are given away to a stranger."""

    name: str
    rules: tuple[str, ...]
    files: Files
    expected: int
    errors: Mapping[str, str] = {}
    strangers: Sequence[str] = ()
    without: Sequence[str] = ()


def _counts(one: _Count, program: Program, directory: Path) -> None:
    put(directory, one.files)
    for name in one.strangers:
        give_away(directory / name)
    with program.start("--poll", directory) as talk:
        found = polled(talk)
        expect(found["errors"], dict(one.errors), "errors")
        states = {
            name: _state(content) for name, content in one.files.items() if name not in (*one.errors, *one.without)
        }
        expect(found["writers"], states, "states")
        expect_totals(found["families"], [hits(one.expected)])
        talk.end()


def _counting() -> list[_Count]:
    hit = partial(_files.counter, "hits")
    one, other = file(1, hit(1)), file(1, hit(10))
    good = file(2, hit(4))

    return [
        _Count("same-writer/first-by-name", ("V2-R8",), {"b.mmstats": other, "a.mmstats": one, "c.mmstats": good}, 5),
        _Count("same-writer/first-by-whole-name", ("V2-R8",), {"a.mmstats": one, "a-1.mmstats": other}, 10),
        _Count("same-writer/archive-first", ("V2-R8",), {"a.mmstats": one, "b.mmstats": archive(1, hit(10))}, 10),
        _Count(
            "same-writer/two-archives",
            ("V2-R8",),
            {"b.mmstats": archive(1, hit(10)), "a.mmstats": archive(1, hit(1))},
            1,
        ),
        _Count(
            "same-writer/of-two-owners", ("V2-R8",), {"a.mmstats": one, "b.mmstats": other}, 11, strangers=["a.mmstats"]
        ),
        _Count(
            "folded/by-name", ("V2-F1",), {"a.archive.mmstats": one, "b.mmstats": archive(9, hit(10), folded=(1,))}, 10
        ),
        _Count(
            "folded/by-a-stranger",
            ("V2-F1", "V2-F2"),
            {"a.archive.mmstats": archive(9, hit(10), folded=(1,)), "b.mmstats": one},
            11,
            strangers=["a.archive.mmstats"],
        ),
        _Count(
            "folded/a-strangers-file",
            ("V2-F1", "V2-F2"),
            {"a.archive.mmstats": archive(9, hit(10), folded=(1,)), "b.mmstats": one},
            11,
            strangers=["b.mmstats"],
        ),
        _Count(
            "folded/both-a-strangers",
            ("V2-F2",),
            {"a.archive.mmstats": archive(9, hit(10), folded=(1,)), "b.mmstats": one, "c.mmstats": good},
            14,
            strangers=["a.archive.mmstats", "b.mmstats"],
        ),
        _Count(
            "other-names",
            ("V2-F4",),
            {"a.mmstats": one, "b.mmstats.new": good, "c.stats": good},
            1,
            without=["b.mmstats.new", "c.stats"],
        ),
        _Count(
            "temporary-names", ("V1-W5", "V2-F4"), {"a.mmstats": one, ".b.mmstats": good}, 1, without=[".b.mmstats"]
        ),
        _Count(
            "malformed",
            ("G-2",),
            {
                "a.mmstats": one,
                "b.mmstats": changed(one, layout.V2_HEADER_SIZE, b"!"),
                "c.mmstats": one[:100],
                "d.mmstats": b"",
                "e.mmstats": b"\3",
                "f.mmstats": good,
            },
            5,
            {
                "b.mmstats": "bad-extent",
                "c.mmstats": "truncated",
                "d.mmstats": "truncated",
                "e.mmstats": "unsupported-version",
            },
        ),
        _Count(
            "unknown-incompatible-features",
            ("V2-8",),
            {
                "a.mmstats": one,
                "b.mmstats": with_features(good, 2),
                "c.mmstats": with_features(archive(3, hit(5), folded=(1,)), 3),
            },
            1,
            {"b.mmstats": "unsupported-feature", "c.mmstats": "unsupported-feature"},
        ),
    ]


# Whether a writer lives.


class There(NamedTuple):
    """A process, and what a writer in it would say of itself."""

    said: dict[str, Any]
    child: subprocess.Popen[bytes] | None = None

    def end(self) -> None:
        """Let the child end, and wait for it."""
        assert self.child is not None
        self.child.kill()
        self.child.wait()


class _Lives(NamedTuple):
    """What a header says of its writer, who locks the file, and what that means.

    Attributes:
        process: ``"here"`` for the kit's own, ``"gone"``, ``"zombie"``, ``"threads"`` for one whose first thread alone
            has ended, ``"named"`` for one of a name that is hard to read.
        header: what it says otherwise than the truth.
        features: the compatible ones.
        lock: ``"write"``, ``"read"``, ``"part"`` for an exclusive one on a few bytes, ``"record"`` for a process's.
        expected: what may be said.
        local: it is about file systems of this machine.
    """

    name: str
    rules: tuple[str, ...]
    expected: Sequence[str]
    process: str = "here"
    header: Mapping[str, Any] = {}
    features: Sequence[str] = ()
    lock: str = ""
    local: bool = False


_OTHER_BOOT = {"boot_id": bytes(range(16))}
_NO_BOOT = {"boot_id": bytes(16)}
_OTHER_SPACE = {"pid_namespace": 1}
_NO_SPACE = {"pid_namespace": 0}
_OTHER_START = {"process_start": 1}
_NO_START = {"process_start": 0}
_LIVES = [
    _Lives("alive", ("V2-L4",), ["live"]),
    _Lives("alive-without-a-lock", ("V2-L4",), ["live"], features=["no lock"]),
    _Lives("alive-and-locked", ("V2-L4",), ["live"], lock="write"),
    _Lives("alive-and-of-a-strange-name", ("V2-L4",), ["live"], "named"),
    _Lives("closed", ("V2-L2",), ["closed"], header={"state": 2}),
    _Lives("closed-and-locked", ("V2-L2",), ["closed"], header={"state": 2}, lock="write"),
    _Lives("gone", ("V2-L3",), ["dead"], "gone"),
    _Lives("gone-without-a-lock", ("V2-L3",), ["dead"], "gone", features=["no lock"]),
    _Lives("gone-and-locked", ("V2-L3",), ["dead"], "gone", lock="write"),
    _Lives("gone-and-of-unknown-start", ("V2-L3",), ["dead"], "gone", _NO_START),
    _Lives("zombie", ("V2-L3",), ["dead"], "zombie"),
    _Lives("zombie-and-locked", ("V2-L3",), ["dead"], "zombie", lock="write"),
    _Lives("zombie-with-threads", ("V2-L3", "V2-L4"), ["live"], "threads"),
    _Lives("another-start", ("V2-L3",), ["dead"], header=_OTHER_START),
    _Lives("another-start-and-locked", ("V2-L3",), ["dead"], header=_OTHER_START, lock="write"),
    _Lives("another-namespace", ("V2-L3",), ["dead"], header=_OTHER_SPACE, local=True),
    _Lives("another-namespace-and-gone", ("V2-L3",), ["dead"], "gone", _OTHER_SPACE, local=True),
    _Lives("another-namespace-read-lock", ("V2-L1",), ["dead"], header=_OTHER_SPACE, lock="read", local=True),
    _Lives("another-namespace-and-locked", ("V2-L4",), ["live"], header=_OTHER_SPACE, lock="write"),
    _Lives("another-namespace-gone-and-locked", ("V2-L4",), ["live"], "gone", _OTHER_SPACE, lock="write"),
    _Lives("another-namespace-without-a-lock", ("V2-L3", "V2-L5"), ["unknown"], "gone", _OTHER_SPACE, ["no lock"]),
    _Lives("another-namespace-record-lock", ("V2-L3", "V2-L5"), ["unknown"], "gone", _OTHER_SPACE, ["record lock"]),
    _Lives(
        "another-namespace-record-lock-held",
        ("V2-L1", "V2-L4"),
        ["live"],
        "gone",
        _OTHER_SPACE,
        ["record lock"],
        "record",
    ),
    _Lives("another-boot", ("V2-L3",), ["dead"], header=_OTHER_BOOT, local=True),
    _Lives("another-boot-without-a-lock", ("V2-L3",), ["dead"], header=_OTHER_BOOT, features=["no lock"], local=True),
    _Lives("unknown-boot", ("V2-L5",), ["unknown"], "gone", _NO_BOOT),
    _Lives("unknown-boot-and-locked", ("V2-L4",), ["live"], "gone", _NO_BOOT, lock="write"),
    _Lives("unknown-boot-read-lock", ("V2-L1",), ["unknown"], "gone", _NO_BOOT, lock="read"),
    _Lives("unknown-boot-part-locked", ("V2-L1", "V2-L4"), ["live"], "gone", _NO_BOOT, lock="part"),
    _Lives("unknown-namespace", ("V2-L5",), ["unknown"], "gone", _NO_SPACE),
    _Lives("unknown-namespace-and-locked", ("V2-L4",), ["live"], "gone", _NO_SPACE, lock="write"),
    _Lives("unknown-start", ("V2-L5",), ["unknown"], header=_NO_START),
    _Lives("unknown-start-and-locked", ("V2-L4",), ["live"], header=_NO_START, lock="write"),
    # A process id that is cut down is another's, and -1 is everybody's.
    _Lives("largest-process-id", ("V2-L3",), ["dead", "unknown"], header={"pid": 2**64 - 1}),
    _Lives("process-id-beyond-32-bits", ("V2-L3",), ["dead", "unknown"], header={"pid": 2**32 + os.getpid()}),
]


def _lives(one: _Lives, program: Program, directory: Path) -> None:
    if one.local:
        local(directory)
    path = directory / "a.mmstats"
    with process(one.process, directory) as there:
        said = {**there.said, **one.header}
        path.write_bytes(file(1, _files.counter("hits", 1), features=one.features, **said))
        _judge(program, path, one)


def _judge(program: Program, path: Path, one: _Lives) -> None:
    """The combiner says so, and again; and the locks are what they were."""
    with path.open("r+b") as held:
        _lock(held.fileno(), one.lock)
        before = _locks(path)
        with program.start("--poll", path.parent) as talk:
            for _ in range(2):
                found = polled(talk)
                state = found["writers"].get(path.name) if isinstance(found["writers"], dict) else None
                if state not in one.expected:
                    raise talk.failure(f"the writer is said to be {shown(state)}, not {' or '.join(one.expected)}")
                if _locks(path) != before:
                    raise talk.failure("the locks of the file are others after a pass")
            talk.end()
        if _locks(path) != before:
            raise Failure("the locks of the file are others at the end")


def _lock(descriptor: int, lock: str) -> None:
    if lock == "write":
        take(descriptor)
    elif lock == "read":
        take(descriptor, fcntl.F_RDLCK)
    elif lock == "part":
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, system.FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 200, 8, 0))
    elif lock == "record":
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _locks(path: Path) -> list[list[str]]:
    """All locks on a file, as the system lists them."""
    status = path.stat()
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    lines = [line.split()[1:] for line in Path("/proc/locks").read_text().splitlines()]
    return sorted(line for line in lines if place in line)


@contextlib.contextmanager
def process(what: str, directory: Path) -> Iterator[There]:
    """A process of this sort; see `_Lives`."""
    if what == "here":
        yield There(_said(os.getpid()))
        return
    with _started(what, directory) as child:
        said = _said(child.pid)
        if what == "threads":
            _until(lambda: system.process(child.pid)[0] == "Z", "a process's first thread does not end by itself here")
        if what in ("zombie", "gone"):
            child.kill()
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        if what == "gone":
            child.wait()
        yield There(said, child)


def _said(pid: int) -> dict[str, Any]:
    boot, namespace = system.boot_id(), system.pid_namespace()
    if not any(boot) or not namespace:
        raise NotApplicable("this machine tells neither boot nor pid namespace")
    return {"pid": pid, "process_start": system.process(pid)[2], "boot_id": boot, "pid_namespace": namespace}


def _until(there: Callable[[], bool], otherwise: str, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not there():
        if time.monotonic() > end:
            raise NotApplicable(otherwise)
        time.sleep(0.01)


@contextlib.contextmanager
def _started(what: str, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    program, arguments = shutil.which("sleep") or "sleep", ["sleep", "600"]
    if what == "threads":
        program = sys.executable
        # Its first thread ends alone; the other goes on.
        lone = "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(600,)).start(); "
        arguments = [program, "-c", lone + "ctypes.CDLL(None).pthread_exit(None)"]
    elif what == "named":
        link = directory / "a) Z 1 (b"
        link.symlink_to(program)
        program = str(link)
    try:
        process = subprocess.Popen(arguments, executable=program, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise NotApplicable(f"{program} cannot be started: {error.strerror}") from error
    try:
        if what == "named":
            _until(lambda: b"(a) Z 1 (b)" in Path(f"/proc/{process.pid}/stat").read_bytes(), "names are not shown")
        yield process
    finally:
        process.kill()
        process.wait()


_PID, _CREATED = ("kit.sys.pid",), ("kit.sys.created",)
_LIVES1 = [
    _Lives("alive", (), ["live"], header={"created": 0.0}),
    _Lives("alive-and-locked", (), ["live"], header={"created": 0.0}, lock="write"),
    _Lives("gone", (), ["dead"], "gone", {"created": 0.0}),
    _Lives("gone-read-lock", (), ["dead"], "gone", {"created": 0.0}, lock="read"),
    _Lives("gone-and-locked", (), ["live"], "gone", {"created": 0.0}, lock="write"),
    _Lives("zombie", (), ["dead"], "zombie", {"created": 0.0}),
    _Lives("another-process-by-now", (), ["dead"], header={"created": -1e8}),
    _Lives("another-process-by-now-and-locked", (), ["live"], header={"created": -1e8}, lock="write"),
    _Lives("without-both", (), ["unknown"], header={"pid": None}),
    _Lives("without-both-and-locked", (), ["live"], header={"pid": None}, lock="write"),
    _Lives("without-created", (), ["unknown"], "here"),
    _Lives("without-pid", (), ["unknown"], header={"created": 0.0, "pid": None}),
]


def _lives1(one: _Lives, program: Program, directory: Path) -> None:
    """The header is here what its fields say: the pid, if not the process's, and the seconds since its creation."""
    path = directory / "a.mmstats"
    local(directory)
    with process(one.process, directory) as there:
        pid = there.said["pid"]
        fields = [field("kit.hits", "Q", bytes(8), struct.pack("<Q", 3))]
        if one.header.get("pid", pid) is not None:
            fields.append(field("kit.sys.pid", "I", struct.pack("<I", pid)))
        if "created" in one.header:
            fields.append(field("kit.sys.created", "d", struct.pack("<d", time.time() + one.header["created"])))
        path.write_bytes(file1(*fields))
        _judge(program, path, one)


def _dead1(program: Program, directory: Path) -> None:
    """Of dead writers of version 1 counters count, and nothing else does."""
    local(directory)
    with process("gone", directory) as there:
        put(
            directory,
            {
                "a.mmstats": file1(
                    field("hits", "Q", bytes(8), struct.pack("<Q", 3)),
                    field("what", "4s", b"gone"),
                    field("sys.pid", "I", struct.pack("<I", there.said["pid"])),
                    field("sys.created", "d", struct.pack("<d", time.time())),
                ),
                "b.mmstats": file1(field("hits", "Q", bytes(8), struct.pack("<Q", 4)), field("what", "4s", b"here")),
            },
        )
        with program.start("--poll", directory) as talk:
            found = polled(talk)
            expect(found["writers"], {"a.mmstats": "dead", "b.mmstats": "unknown"}, "states")
            what = plain(family("what", "text", "text", "all", capacity="4"), [{"file": "b.mmstats", "value": "here"}])
            expect_totals(found["families"], [hits(7), what])
            talk.end()


def _dies(program: Program, directory: Path) -> None:
    """A writer dies between two passes, another closes its file."""
    with process("sleep", directory) as there, process("here", directory) as here:
        level = partial(_files.gauge, "level")
        put(directory, {"a.mmstats": file(1, level(1), **there.said), "b.mmstats": file(2, level(10), **here.said)})
        with program.start("--poll", directory) as talk:
            steps: list[tuple[Callable[[], object], dict[str, str], list[After]]] = [
                (lambda: None, {"a.mmstats": "live", "b.mmstats": "live"}, [gauges("sum", "signed", "11")]),
                (there.end, {"a.mmstats": "dead", "b.mmstats": "live"}, [gauges("sum", "signed", "10")]),
                (
                    lambda: _close(directory / "b.mmstats"),
                    {"a.mmstats": "dead", "b.mmstats": "closed"},
                    [],
                ),
            ]
            for step, states, expected in steps:
                step()
                found = polled(talk)
                expect(found["writers"], states, "states")
                expect_totals(found["families"], expected)
            talk.end()


def _close(path: Path) -> None:
    with path.open("r+b") as content:
        content.seek(layout.V2_HEADER_AT_STATE)
        content.write(_files.control(CLOSED))


def _overlay(program: Program, directory: Path) -> None:
    """Through an overlay locks do not reach, and it may be shared: who is not known to be dead counts as alive."""
    if os.geteuid():
        raise NotApplicable("only the superuser can mount an overlay file system")
    for name in ("upper", "work", "lower", "seen"):
        (directory / name).mkdir()
    said = _said(os.getpid())
    files = {
        "a.mmstats": file(1, _files.gauge("level", 1), features=(), **said | _OTHER_BOOT),
        "b.mmstats": file(2, _files.gauge("level", 2), features=(), **said | _OTHER_SPACE),
        "c.mmstats": file(3, _files.gauge("level", 4), features=(), **said),
    }
    put(directory / "upper", files)
    mount = partial(_mount_overlay, directory)
    try:
        subprocess.run([sys.executable, "-c", ""], preexec_fn=mount, check=True, timeout=program.seconds)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotApplicable("no overlay file system can be mounted here") from error
    with program.start("--poll", directory / "seen", before=mount) as talk:
        found = polled(talk)
        expect(found["writers"], {"a.mmstats": "unknown", "b.mmstats": "unknown", "c.mmstats": "live"}, "states")
        expect_totals(found["families"], [gauges("sum", "signed", "7")])
        talk.end()


def _mount_overlay(directory: Path) -> None:
    """In this process alone, `seen` shows `upper` through an overlay."""
    library = ctypes.CDLL(None, use_errno=True)
    space, recursive, private = 0x20000, 0x4000, 1 << 18
    options = ",".join(f"{name}dir={directory / name}" for name in ("lower", "upper", "work"))
    if (
        library.unshare(space)
        or library.mount(b"none", b"/", None, recursive | private, None)
        or library.mount(b"overlay", os.fsencode(directory / "seen"), b"overlay", 0, options.encode())
    ):
        raise OSError(ctypes.get_errno(), "an overlay cannot be mounted")


def _probes(program: Program, directory: Path) -> None:
    """Nobody probes by locking, not for a moment."""
    names = [f"{number}.mmstats" for number in range(20)]
    put(directory, {name: file(number, _files.gauge("level", 1), features=()) for number, name in enumerate(names)})
    ended = threading.Event()
    seen: list[str] = []
    # Asking for an exclusive lock shows any that another has, without taking one.
    question = system.FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)

    def look() -> None:
        with (directory / names[-1]).open("r+b") as held:
            while not ended.is_set():
                answer = fcntl.fcntl(held.fileno(), fcntl.F_OFD_GETLK, question)
                if system.FLOCK.unpack(answer)[0] != fcntl.F_UNLCK:
                    seen.append("a lock")
                    return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        with program.start("--poll", directory) as talk:
            for _ in range(_PROBES):
                expect(len(polled(talk)["writers"]), len(names), "files")
                if seen:
                    raise talk.failure("a file was locked for a moment while the combiner looked at it")
            talk.end()
    finally:
        ended.set()
        thread.join()


# Files that come and go.


def _unreadable(program: Program, directory: Path) -> None:
    """What is no regular file is passed by; a directory may be told of or not."""
    put(directory, {"a.mmstats": file(1, _files.counter("hits", 3))})
    os.mkfifo(directory / "b.mmstats")
    (directory / "c.mmstats").mkdir()
    put(directory / "c.mmstats", {"d.mmstats": file(2, _files.counter("hits", 4))})
    with program.start("--poll", directory) as talk:
        found = polled(talk)
        found["errors"].pop("c.mmstats", None)
        expect(found["errors"], {"b.mmstats": "unreadable"}, "errors")
        expect_totals(found["families"], [hits(3)])
        talk.end()


def _replaced(program: Program, directory: Path) -> None:
    """Files that are replaced, removed, broken, mended and changed."""
    hit = partial(_files.counter, "hits")
    more = plain(family("more", "counter"), "5")
    second = file(2, hit(10))
    steps: list[tuple[dict[str, bytes | None], list[After], dict[str, str]]] = [
        ({"a.mmstats": file(1, hit(1))}, [hits(1)], {}),
        ({"b.mmstats": second}, [hits(11)], {}),
        ({"a.mmstats": file(3, hit(2))}, [hits(12)], {}),
        ({"a.mmstats": file(3, hit(4), _files.counter("more", 5))}, [hits(14), more], {}),
        ({"a.mmstats": b"\2MMSTATS"}, [hits(10)], {"a.mmstats": "truncated"}),
        ({"a.mmstats": file1(field("hits", "Q", bytes(8), struct.pack("<Q", 7)))}, [hits(17)], {}),
        ({"b.mmstats": None}, [hits(7)], {}),
        ({"a.mmstats": None}, [], {}),
        ({"b.mmstats": second}, [hits(10)], {}),
    ]
    with program.start("--poll", directory) as talk:
        for files, expected, errors in steps:
            put(directory, {name: content for name, content in files.items() if content is not None})
            for name, content in files.items():
                if content is None:
                    (directory / name).unlink()
            found = polled(talk)
            expect(found["errors"], errors, "errors")
            expect_totals(found["families"], expected)
        talk.end()


def _updated(program: Program, directory: Path) -> None:
    """Values of an open file change; a closed one's gauges go."""
    path = directory / "a.mmstats"
    path.write_bytes(file(1, _files.counter("hits", 1), _files.gauge("level", 1)))
    (place, *_) = _files.places(path.read_bytes())
    with program.start("--poll", directory) as talk, path.open("r+b", buffering=0) as content:
        for value in range(1, 20):
            os.pwrite(content.fileno(), struct.pack("<Q", value), place.offset)
            expect_totals(polled(talk)["families"], [hits(value), gauges("sum", "signed", "1")])
        os.pwrite(content.fileno(), _files.control(CLOSED), layout.V2_HEADER_AT_STATE)
        expect_totals(polled(talk)["families"], [hits(19)])
        talk.end()


def _never_dropped(program: Program, directory: Path) -> None:
    """A member that cannot be confirmed counts with what it had, not with nothing or less."""
    path = directory / "a.mmstats"
    path.write_bytes(file(1, summary("size", 1, 1.0, 1.0, 1.0, 1.0)))
    put(directory, {"b.mmstats": file(2, summary("size", 100, 100.0, 1.0, 1.0, 1.0))})
    (place,) = _files.places(path.read_bytes())
    ended = threading.Event()

    def turn() -> None:
        with path.open("r+b", buffering=0) as content:
            for number in itertools.count(2):
                if ended.is_set():
                    return
                buffer = struct.pack("<Qdddd", number, number, 1.0, 1.0, 1.0)
                offset = place.offset + 8 + len(buffer) * (1 - number % 2)
                os.pwrite(content.fileno(), buffer, offset)
                os.pwrite(content.fileno(), struct.pack("<Q", number + 1), place.offset)

    # The first buffer is published where the sequence is even; number n is in buffer 1 - n % 2, so seq is n + 1.
    thread = threading.Thread(target=turn)
    before = 101
    with program.start("--poll", directory) as talk:
        expect_totals(
            polled(talk)["families"], [plain(family("size", "summary", "float"), _summary(101, 101.0, 1.0, 1.0, 1.0))]
        )
        thread.start()
        try:
            for _ in range(200):
                value = polled(talk)["families"][0]["series"][0]["value"]
                value = value.get("unconfirmed", value)
                count = int(value["count"])
                if count < before or value["sum"] != bits(count):
                    raise talk.failure(
                        f"the count of two summaries is {count:,} after {before:,}, the sum {value['sum']}"
                    )
                before = count
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            raise talk.failure("a summary that changes all the time is not among the totals, or is none") from None
        finally:
            ended.set()
            thread.join()
        talk.end()


# Beside a folder.


def _folding(program: Program, directory: Path) -> None:
    """Whatever is folded meanwhile, each pass counts every file once.

    Files come between passes, and are folded at any time. Each counts a number of its own at random: a total that
    misses one, or has it twice, is not one of those that there were. One that is older is: V2-F4 allows it.
    """
    numbers = random.Random(1)
    folder = _Folder(directory)
    totals = [0]
    thread = threading.Thread(target=folder.run)
    end = time.monotonic() + _FOLDING_SECONDS
    with program.start("--poll", directory) as talk:
        thread.start()
        try:
            least = 0
            turns = itertools.count(1)
            while time.monotonic() < end:
                while folder.waiting < _FILES:
                    new = numbers.getrandbits(40)
                    folder.add(next(turns), new)
                    totals.append(totals[-1] + new)
                begun = time.monotonic()
                least = _checked(talk, totals, least)
                folder.seconds = min(max(time.monotonic() - begun, 1e-3), 0.05)
        finally:
            folder.ended.set()
            thread.join()
        _checked(talk, totals, len(totals) - 1)
        talk.end()


def _checked(talk: Talk, totals: Sequence[int], least: int) -> int:
    """The number of the total that a pass gives; none before `least`."""
    families = polled(talk)["families"]
    try:
        found = sum(int(series["value"]) for declared in families for series in declared["series"])
    except (KeyError, TypeError, ValueError):
        raise talk.failure(f"these are no families of counters: {shown(families)}") from None
    for place in range(len(totals) - 1, least - 1, -1):
        if totals[place] == found:
            return place
    known = {total: f"that before {len(totals) - 1 - place} files came" for place, total in enumerate(totals)}
    raise talk.failure(
        f"while files are folded the total is {found:,}, {known.get(found, 'which it never was')}; "
        f"it is {totals[-1]:,} after {len(totals) - 1:,} files"
    )


class _Folder:
    """Folds the files of a directory in bursts, by the steps of V2-F3; nothing is synchronised, as nothing crashes.

    Many file systems give the number of an inode again at once, others never: here an archive gets that of the one
    before the last, where nobody has it open.
    """

    def __init__(self, directory: Path) -> None:
        self.ended = threading.Event()
        #: How long a pass takes: in some nothing is to be folded, so that slow programs come to an end too.
        self.seconds = 1e-3
        self._directory = directory
        self._totals = [0]
        self._waiting: list[tuple[int, int]] = []
        self._random = random.Random(2)

    @property
    def waiting(self) -> int:
        """How many files are to be folded."""
        return len(self._waiting)

    def add(self, number: int, value: int) -> None:
        """A file comes."""
        put(self._directory, {f"w{number}.mmstats": file(number, _files.counter("hits", value), state=2)})
        self._waiting.append((number, value))

    def run(self) -> None:
        """Until it is ended."""
        while not self.ended.is_set():
            # Now and then into a new archive.
            if len(self._totals) < _MOST_ARCHIVES and self._random.random() < _NEW_ARCHIVE:
                self._totals.append(0)
            for _ in range(3):
                # In the second and third the files of the first are no longer FOLDED, and the inode comes again.
                self._fold()
            time.sleep(self._random.random() * 2 * self.seconds)

    def _fold(self) -> None:
        chosen = [self._waiting.pop(0) for _ in range(2) if self._waiting]
        self._totals[-1] += sum(value for _, value in chosen)
        numbers = [number for number, _ in chosen]
        counts = _files.counter("hits", self._totals[-1])
        place = len(self._totals)
        self._replace(f"kit-{place}.archive.mmstats", archive(2**32 + place, counts, folded=numbers))
        for number in numbers:
            (self._directory / f"w{number}.mmstats").unlink()

    def _replace(self, name: str, content: bytes) -> None:
        path, before, spare = (self._directory / one for one in (name, f".{name}.before", f".{name}.spare"))
        if not _unused(before):
            before.unlink(missing_ok=True)
        before.write_bytes(content)
        if path.exists():
            os.link(path, spare)
        before.rename(path)
        if spare.exists():
            spare.rename(before)


def _unused(path: Path) -> bool:
    """Whether a file is there that nobody has open; whoever may open it does not know its name."""
    try:
        with path.open("r+b") as content:
            fcntl.fcntl(content.fileno(), fcntl.F_SETLEASE, fcntl.F_WRLCK)
            fcntl.fcntl(content.fileno(), fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return True
    except OSError:
        return False


_OTHERS: list[tuple[str, tuple[str, ...], Callable[[Program, Path], None]]] = [
    ("v1/dead", ("V2-L6", "V2-C2"), _dead1),
    ("v2/no-regular-file", ("V1-R1", "V2-R1"), _unreadable),
    ("v2/replaced", ("V2-R9",), _replaced),
    ("v2/updated", ("V2-R3", "V2-C2"), _updated),
    ("v2/never-dropped", ("V2-R5",), _never_dropped),
    ("v2/writer/dies", ("V2-L2", "V2-L3", "V2-C2"), _dies),
    ("v2/writer/on-an-overlay", ("V2-L5",), _overlay),
    ("v2/writer/not-locked", ("V2-L1",), _probes),
    ("v2/beside-a-folder", ("V2-F2", "V2-F4"), _folding),
]
