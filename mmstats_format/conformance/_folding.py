"""Tests of folders: what is in a directory before, and what has to be there afterwards and at any time between.

Rule 1: what an archive has to hold is worked out by hand; a total is that of the counter `hits`, added up by V2-F2 and
        V2-R8 from what `parse` gives.
Rule 2: a folder is stopped and killed at moments that it does not choose; whatever stands there then is counted.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import random
import stat
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .. import layout
from .._codec import parse
from .._document2 import Document2, Folded, Series
from ..declaration import Declaration
from ..errors import FormatError
from . import _files
from ._case import Case, Cases
from ._combining import Files, Slots, archive, changed, file, file1, give_away, process, put, who, with_features
from ._files import counter, gauge, labelled, last, states, summary, text, unknown
from ._locks import lock_of, take
from ._program import Failure, Program, Talk, shown
from ._reading import expect, field
from ._scenarios import NAN, After, bits, expect_families, family, plain, said

ARCHIVE = "kit.archive.mmstats"
ANOTHER = "kit-1.archive.mmstats"
#: For how long a folder that has to wait is looked at.
_WAITING = 1.0
#: Files that are folded while the folder is stopped and killed, and how often that is done.
_MANY, _KILLS = 40, 20
#: Files whose writer dies meanwhile, and how often one does.
_DYING, _DEATHS = 100, 12
#: How often it is stopped at most, and the most seconds between two stops once there is something to see.
_STOPS, _BETWEEN = 15, 2e-4
#: A text that is kept takes twice so much of an archive.
_LARGE = 1 << 20


def cases() -> Cases:
    """All tests of folders."""
    found = [Case(f"folder/v2/{one.name}", one.rules, partial(_folds, one)) for one in _all()]
    return found + [Case(f"folder/{name}", rules, run) for name, rules, run in _OTHERS]


class _Archive(NamedTuple):
    """What an archive has to hold; `created` is that of the youngest of its files."""

    created: int
    families: Sequence[After]
    app: str = "kit"


class _Fold(NamedTuple):
    """A directory, and what is in it after a fold.

    Attributes:
        before: the files.
        archives: by their names.
        left: the names of files that stay as they are.
        strangers: the names of files that are given away before.
    """

    name: str
    rules: tuple[str, ...]
    before: Files
    archives: Mapping[str, _Archive]
    left: Sequence[str] = ()
    strangers: Sequence[str] = ()


def _folds(one: _Fold, program: Program, directory: Path) -> None:
    put(directory, one.before)
    for name in one.strangers:
        give_away(directory / name)
    fold(program, directory)
    check(directory, one)


def fold(program: Program, directory: Path, **more: Any) -> None:
    """Fold, without an error."""
    status, lines = program.answer(directory, **more)
    if status or len(lines) != 1:
        raise Failure(f"status {status}, and it printed {shown(lines)}, where one value was expected")


def check(directory: Path, one: _Fold) -> None:
    """A directory has to have these archives and files, and no others."""
    _expect_names(directory, {*one.archives, *one.left})
    for name in one.left:
        if (directory / name).read_bytes() != one.before[name]:
            raise Failure(f"{name} is not what it was")
    writers = {content[24:40] for content in one.before.values()}
    for name, wanted in one.archives.items():
        path = directory / name
        found = said(path)
        if "archive" not in found["features"] or found["state"] != "closed":
            raise Failure(f"{name} has the features {found['features']} and the state {found['state']}")
        header = {key: found["writer"][key] for key in ("app", "host", "created", "pid")}
        expect(header, {"app": wanted.app, "host": "", "created": str(wanted.created), "pid": "0"}, f"who wrote {name}")
        if not {bytes.fromhex(one) for one in found["folded"]} <= writers:
            raise Failure(f"in {name} are FOLDED writers whose files were not there: {found['folded']}")
        expect_families(_sorted_states(found), [_with_sorted_states(after) for after in wanted.families], name)
        for declared in found["families"]:
            if not declared["kept"] and declared["kind"] not in ("counter", "summary", "histogram"):
                raise Failure(f"{name} has the family {declared['name']}, which does not count when its writer is dead")
        if path.stat().st_mode & 0o7133 or not stat.S_ISREG(path.lstat().st_mode):
            raise Failure(f"the mode of {name} is {path.lstat().st_mode:o}")


def _expect_names(directory: Path, names: set[str]) -> None:
    found = {*os.listdir(directory)} - {_lock_name()}
    if found != names:
        raise Failure(f"the folder left {sorted(found)}, where {sorted(names)} were expected")


def _sorted_states(found: dict[str, Any]) -> dict[str, Any]:
    declared = [one | {"states": sorted(one["states"])} for one in found["families"]]
    return found | {"families": declared}


def _with_sorted_states(after: After) -> After:
    return after._replace(family=after.family | {"states": sorted(after.family["states"])})


def _lock_name() -> str:
    return f".mmstats-{os.geteuid()}.fold"


def dead(number: int, *metrics: _files.Metric, **header: Any) -> bytes:
    """A file whose writer has closed it."""
    return file(number, *metrics, **{"state": 2, **header})


def _hits(value: object, kind: str = "unsigned", **more: Any) -> After:
    return plain(family("hits", "counter", kind, **more), str(value) if isinstance(value, int) else value)


def total(directory: Path) -> int:
    """What the files of a directory have counted together (V2-F2, V2-R8); all are of one owner."""
    documents = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".mmstats") and not name.startswith("."):
            try:
                document = parse((directory / name).read_bytes())
            except FormatError as error:
                raise Failure(f"{name} is malformed: {error}") from None
            assert isinstance(document, Document2)
            documents.append(document)
    # Archives count before others.
    documents.sort(key=lambda document: not document.header.incompatible)
    folded = {record.writer_id for document in documents for record in document.records if isinstance(record, Folded)}
    counted: dict[bytes, int] = {}
    for document in documents:
        writer = document.header.writer_id
        if document.header.incompatible or writer not in folded:
            counted.setdefault(writer, _counted(document))
    return sum(counted.values())


def _counted(document: Document2) -> int:
    families = [record.name for record in document.records if isinstance(record, Declaration)]
    return sum(
        int.from_bytes(record.slot, "little")
        for record in document.records
        if isinstance(record, Series) and families[record.family] == "hits"
    )


# What is folded into what.


def _values(name: str, expected: After, *metrics: _files.Metric, rules: tuple[str, ...] = ("V2-C1",)) -> _Fold:
    """Files of one metric each, created one after the other; the names are in the opposite order."""
    before = {f"{9 - number}.mmstats": dead(number, metric) for number, metric in enumerate(metrics)}
    return _Fold(f"values/{name}", ("V2-F6", *rules), before, {ARCHIVE: _Archive(len(metrics) - 1, [expected])})


def _floats(name: str, expected: float, *values: float) -> list[_Fold]:
    """Sums as they are in a counter, a kept gauge, a summary and a histogram."""
    kept = family("level", "gauge", "float", "sum", kept=True)
    sized = family("size", "summary", "float")
    timed = family("size", "histogram", "float")
    count = len(values)
    one = bits(1.0)
    return [
        _values(
            f"{name}/counter", _hits(bits(expected), "float"), *(counter("hits", value, "float") for value in values)
        ),
        _values(
            f"{name}/gauge",
            plain(kept, bits(expected)),
            *(gauge("level", value, "sum", "float", kept=True) for value in values),
        ),
        _values(
            f"{name}/summary",
            plain(sized, {"count": str(count), "sum": bits(expected), "min": one, "max": one, "last": one}),
            *(summary("size", 1, value, 1.0, 1.0, 1.0) for value in values),
        ),
        _values(
            f"{name}/histogram",
            plain(timed, {"sum": bits(expected), "counts": [str(count)]}),
            *(_files.histogram("size", [], value, [1]) for value in values),
        ),
    ]


def _kept(name: str, kind: str, combination: str, expected: Any, *values: Any) -> _Fold:
    wanted = plain(family("level", "gauge", kind, combination, kept=True), expected)
    return _values(name, wanted, *(gauge("level", value, combination, kind, kept=True) for value in values))


def _all() -> list[_Fold]:
    hit = partial(counter, "hits")
    nobody: Files = {}
    one, two = dead(1, hit(1)), dead(2, hit(2))
    others = (
        gauge("level", 5),
        last("when", 9, 1.0),
        states("phase", ("idle",), 0),
        text("what", "x"),
        unknown("some", 3),
    )
    sized = family("size", "summary", "float")
    phase = family("phase", "state set", "unsigned", "all", kept=True)
    what = family("what", "text", "text", "all", kept=True)
    when = family("when", "gauge", "float", "last", kept=True)
    in_bytes = hit(10, unit="bytes")
    requests: Slots = {("a",): hit(1), ("b",): hit(2)}

    def large(*names: str) -> _files.Metric:
        value = text("what", "x", _LARGE, kept=True)
        return labelled(value, ("of",), {(name,): value for name in names})

    def large_family(*names: str) -> After:
        return After(what | {"labels": ["of"], "capacity": str(_LARGE)}, {(name,): "x" for name in names})

    return [
        _Fold("nothing", ("V2-F3",), nobody, {}),
        _Fold("one", ("V2-F1", "V2-F3"), {"a.mmstats": one}, {ARCHIVE: _Archive(1, [_hits(1)])}),
        _Fold("two", ("V2-F1", "V2-F3"), {"a.mmstats": two, "b.mmstats": one}, {ARCHIVE: _Archive(2, [_hits(3)])}),
        _Fold(
            "what-counts",
            ("V2-F1", "V2-C2"),
            {"a.mmstats": dead(1, hit(1), *others)},
            {ARCHIVE: _Archive(1, [_hits(1)])},
        ),
        _Fold(
            "series",
            ("V2-F6", "V2-C1"),
            {
                "a.mmstats": dead(1, labelled(hit(), ("of",), requests)),
                "b.mmstats": dead(2, counter("other", 5), labelled(hit(), ("of",), {("b",): hit(10), ("c",): hit(20)})),
            },
            {
                ARCHIVE: _Archive(
                    2,
                    [
                        After(family("hits", "counter", labels=["of"]), {("a",): "1", ("b",): "12", ("c",): "20"}),
                        plain(family("other", "counter"), "5"),
                    ],
                )
            },
        ),
        _Fold(
            "applications",
            ("V2-F1", "V2-F6"),
            {"a.mmstats": one, "b.mmstats": two, "c.mmstats": dead(3, hit(4), app="shop", host="there")},
            {ARCHIVE: _Archive(2, [_hits(3)]), "shop.archive.mmstats": _Archive(3, [_hits(4)], "shop")},
        ),
        # Values.
        _values("counters", _hits(2), hit(2**64 - 1), hit(3)),
        _values("counters-exact", _hits(2**53 + 2), hit(2**53 + 1), hit(1)),
        *_floats("exact", 3.75, 1.5, 2.25),
        *_floats("rounded-up", 1e16 + 2, 1e16, 1.0),
        *_floats("rounded-up-a-little", math.nextafter(1.0, 2.0), 1.0, 1e-300),
        *_floats("rounded-up-below-zero", math.nextafter(-1.0, 0.0), -1.0, 1e-300),
        # The other way round it would be 1e16 + 2.
        *_floats("older-first", 1e16 + 4, 1e16, 1.0, 1.0),
        _kept("sum", "signed", "sum", "-2", -5, 3),
        _kept("sum-wraps", "signed", "sum", str(-(2**63) + 1), 2**63 - 1, 2),
        _kept("sum-unset", "signed", "sum", "3", None, 3),
        _kept("nothing-set", "signed", "sum", None, None, None),
        _kept("min", "signed", "min", "-5", 3, None, -5),
        _kept("max", "unsigned", "max", str(2**63), 2**63, 3, None),
        _kept("max-float", "float", "max", bits(-1.5), -1.5, -2.0),
        _kept("min-nan", "float", "min", bits(2.0), math.nan, 2.0),
        _kept("only-nan", "float", "max", NAN, math.nan),
        _kept("min-boolean", "boolean", "min", False, True, False, None),
        _kept("all", "signed", "all", "-2", 1, -2, None),
        _kept("all-of-the-youngest", "unsigned", "all", "1", 5, 1),
        _values(
            "last",
            plain(when, {"time": "9", "value": bits(1.0)}),
            *(last("when", *one, kept=True) for one in ((9, 1.0), (8, 2.0), (0, 3.0))),
        ),
        _values(
            "last-of-equal-times",
            plain(when, {"time": "9", "value": bits(2.0)}),
            *(last("when", *one, kept=True) for one in ((9, 1.0), (9, 2.0))),
        ),
        _values(
            "summary",
            plain(sized, {"count": "3", "sum": bits(6.0), "min": bits(1.0), "max": bits(3.0), "last": bits(2.0)}),
            *(summary("size", *parts) for parts in ((1, 1.0, 1.0, 1.0, 1.0), (2, 5.0, 2.0, 3.0, 2.0), ())),
        ),
        _values(
            "histogram",
            plain(
                family("size", "histogram", "float", bounds=[bits(1.0), bits(4.0)]),
                {"sum": bits(9.0), "counts": ["11", "222", "44"]},
            ),
            _files.histogram("size", [1.0, 2.0, 4.0], 4.0, [1, 20, 2, 4]),
            _files.histogram("size", [1.0, 3.0, 4.0], 5.0, [10, 100, 100, 40]),
            rules=("V2-C4",),
        ),
        _values(
            "states",
            plain(phase | {"states": ["busy", "idle", "lost"]}, "busy"),
            states("phase", ("idle", "busy"), 0, kept=True),
            states("phase", ("busy", "lost"), 0, kept=True),
            rules=("V2-C5",),
        ),
        _values(
            "states-of-the-older",
            plain(phase | {"states": ["busy", "idle", "lost"]}, "busy"),
            states("phase", ("idle", "busy"), 1, kept=True),
            states("phase", ("lost", "busy"), None, kept=True),
            rules=("V2-C5",),
        ),
        _values(
            "texts",
            plain(what | {"capacity": "16"}, "abc"),
            text("what", "a longer one", 16, kept=True),
            text("what", "abc", 3, kept=True),
        ),
        _values(
            "texts-that-grow",
            plain(what | {"capacity": "16"}, "a longer one"),
            text("what", "abc", 3, kept=True),
            text("what", "a longer one", 16, kept=True),
        ),
        # Archives that are there.
        _Fold(
            "into-an-archive",
            ("V2-F3", "V2-F6"),
            {ARCHIVE: archive(9, hit(10)), "a.mmstats": one},
            {ARCHIVE: _Archive(9, [_hits(11)])},
        ),
        _Fold(
            "into-an-older-archive",
            ("V2-F6",),
            {
                ARCHIVE: archive(0, summary("size", 1, 3.0, 3.0, 3.0, 3.0)),
                "a.mmstats": dead(5, summary("size", 1, 2.0, 2.0, 2.0, 2.0)),
            },
            {
                ARCHIVE: _Archive(
                    5,
                    [
                        plain(
                            sized,
                            {"count": "2", "sum": bits(5.0), "min": bits(2.0), "max": bits(3.0), "last": bits(2.0)},
                        )
                    ],
                )
            },
        ),
        _Fold(
            "into-a-younger-archive",
            ("V2-F6",),
            {
                ARCHIVE: archive(9, summary("size", 1, 3.0, 3.0, 3.0, 3.0)),
                "a.mmstats": dead(5, summary("size", 1, 2.0, 2.0, 2.0, 2.0)),
            },
            {
                ARCHIVE: _Archive(
                    9,
                    [
                        plain(
                            sized,
                            {"count": "2", "sum": bits(5.0), "min": bits(2.0), "max": bits(3.0), "last": bits(3.0)},
                        )
                    ],
                )
            },
        ),
        _Fold(
            "all-into-a-younger-archive",
            ("V2-F6",),
            {
                ARCHIVE: archive(9, gauge("level", 5, "all", kept=True)),
                "a.mmstats": dead(1, gauge("level", 6, "all", kept=True), gauge("more", 7, "all", kept=True)),
            },
            {
                ARCHIVE: _Archive(
                    9,
                    [
                        plain(family("level", "gauge", "signed", "all", kept=True), "5"),
                        plain(family("more", "gauge", "signed", "all", kept=True), "7"),
                    ],
                )
            },
        ),
        _Fold(
            "into-an-archive-of-another-name",
            ("V2-F1", "V2-F3"),
            {"b.mmstats": archive(9, hit(10)), "a.mmstats": one},
            {"b.mmstats": _Archive(9, [_hits(11)])},
        ),
        _Fold(
            "into-the-first-archive",
            ("V2-F6",),
            {"b.archive.mmstats": archive(8, hit(10)), "c.archive.mmstats": archive(9, hit(20)), "a.mmstats": one},
            {"b.archive.mmstats": _Archive(8, [_hits(11)]), "c.archive.mmstats": _Archive(9, [_hits(20)])},
        ),
        _Fold(
            "into-the-first-that-agrees",
            ("V2-F6", "V2-C3"),
            {"b.archive.mmstats": archive(8, in_bytes), "c.archive.mmstats": archive(9, hit(20)), "a.mmstats": one},
            {
                "b.archive.mmstats": _Archive(8, [_hits(10, unit="bytes")]),
                "c.archive.mmstats": _Archive(9, [_hits(21)]),
            },
        ),
        _Fold(
            "whole-into-one",
            ("V2-F6", "V2-C3"),
            {ARCHIVE: archive(9, in_bytes, counter("other", 5)), "a.mmstats": dead(1, hit(1), counter("other", 7))},
            {
                ARCHIVE: _Archive(9, [_hits(10, unit="bytes"), plain(family("other", "counter"), "5")]),
                ANOTHER: _Archive(1, [_hits(1), plain(family("other", "counter"), "7")]),
            },
        ),
        *[
            _Fold(
                f"apart/{name}",
                ("V2-F6", "V2-C3"),
                {ARCHIVE: archive(9, first), "a.mmstats": dead(1, second)},
                {ARCHIVE: _Archive(9, [wanted]), ANOTHER: _Archive(1, [other])},
            )
            for name, first, wanted, second, other in (
                ("types", hit(10), _hits(10), hit(1.0, "float"), _hits(bits(1.0), "float")),
                (
                    "kinds",
                    hit(10),
                    _hits(10),
                    gauge("hits", 1, "sum", "unsigned", kept=True),
                    plain(family("hits", "gauge", "unsigned", "sum", kept=True), "1"),
                ),
                (
                    "combinations",
                    gauge("level", 10, "min", kept=True),
                    plain(family("level", "gauge", "signed", "min", kept=True), "10"),
                    gauge("level", 1, "max", kept=True),
                    plain(family("level", "gauge", "signed", "max", kept=True), "1"),
                ),
                (
                    "labels",
                    hit(10),
                    _hits(10),
                    labelled(hit(), ("of",), {("a",): hit(1)}),
                    After(family("hits", "counter", labels=["of"]), {("a",): "1"}),
                ),
            )
        ],
        _Fold(
            "below-16-mib",
            ("V2-F6",),
            {
                ARCHIVE: archive(9, large(*"abcdefg")),
                "a.mmstats": dead(1, large("h", "i")),
                "b.mmstats": dead(2, large("g")),
            },
            {ARCHIVE: _Archive(9, [large_family(*"abcdefg")]), ANOTHER: _Archive(1, [large_family("h", "i")])},
        ),
        _Fold(
            "other-archives-stay",
            ("V2-F5", "V2-F6"),
            {"shop.archive.mmstats": archive(9, hit(10), app="shop"), "a.mmstats": one},
            {ARCHIVE: _Archive(1, [_hits(1)])},
            left=["shop.archive.mmstats"],
        ),
        _Fold("archives-stay", ("V2-F5",), {ARCHIVE: archive(9, hit(10))}, {}, left=[ARCHIVE]),
        _Fold(
            "name-taken",
            ("V2-F1",),
            {ARCHIVE: file(9, hit(10)), "a.mmstats": one},
            {ANOTHER: _Archive(1, [_hits(1)])},
            left=[ARCHIVE],
        ),
        _Fold(
            "name-taken-by-another-application",
            ("V2-F1", "V2-F6"),
            {ARCHIVE: archive(9, hit(10), app="shop"), "a.mmstats": one},
            {ANOTHER: _Archive(1, [_hits(1)])},
            left=[ARCHIVE],
        ),
        # What is FOLDED.
        _Fold(
            "broken-off",
            ("V2-F3", "V2-F2"),
            {ARCHIVE: archive(9, hit(10), folded=(1,)), "a.mmstats": one},
            {ARCHIVE: _Archive(9, [_hits(10)])},
        ),
        _Fold(
            "broken-off-beside-others",
            ("V2-F3", "V2-F2"),
            {ARCHIVE: archive(9, hit(10), folded=(7, 1)), "a.mmstats": one, "b.mmstats": two},
            {ARCHIVE: _Archive(9, [_hits(12)])},
        ),
        _Fold(
            "folded-by-a-stranger",
            ("V2-F1", "V2-F2"),
            {"b.mmstats": archive(9, hit(10), folded=(1,)), "a.mmstats": one},
            {ARCHIVE: _Archive(1, [_hits(1)])},
            ["b.mmstats"],
            ["b.mmstats"],
        ),
        _Fold(
            "one-file-of-two-names",
            ("V2-R8", "V2-F2"),
            {"a.mmstats": one, "b.mmstats": one},
            {ARCHIVE: _Archive(1, [_hits(1)])},
        ),
        _Fold(
            "two-files-of-one-writer",
            ("V2-R8", "V2-F2"),
            {"a.mmstats": dead(1, hit(1), created=5), "b.mmstats": dead(1, hit(10))},
            {ARCHIVE: _Archive(5, [_hits(1)])},
        ),
        # Whose files.
        _Fold(
            "of-the-living",
            ("V2-F3", "V2-L5"),
            {"a.mmstats": one, "b.mmstats": file(2, hit(2))},
            {ARCHIVE: _Archive(1, [_hits(1)])},
            ["b.mmstats"],
        ),
        _Fold(
            "of-strangers",
            ("V2-F3",),
            {"a.mmstats": one, "b.mmstats": two},
            {ARCHIVE: _Archive(1, [_hits(1)])},
            ["b.mmstats"],
            ["b.mmstats"],
        ),
        _Fold(
            "strangers-archive",
            ("V2-F1",),
            {ARCHIVE: archive(9, hit(10)), "a.mmstats": one},
            {ANOTHER: _Archive(1, [_hits(1)])},
            [ARCHIVE],
            [ARCHIVE],
        ),
        _Fold(
            "strangers-malformed-archive",
            ("V2-F1", "V2-F3"),
            {"b.archive.mmstats": _broken(archive(9, hit(10))), "a.mmstats": one},
            {ARCHIVE: _Archive(1, [_hits(1)])},
            ["b.archive.mmstats"],
            ["b.archive.mmstats"],
        ),
        _Fold(
            "malformed",
            ("V2-F3",),
            {"a.mmstats": one, "b.mmstats": _broken(two), "c.mmstats": b"", "d.mmstats": b"\3"},
            {ARCHIVE: _Archive(1, [_hits(1)])},
            ["b.mmstats", "c.mmstats", "d.mmstats"],
        ),
        _Fold(
            "other-names",
            ("V2-F3",),
            {"a.mmstats": one, "b.stats": two},
            {ARCHIVE: _Archive(1, [_hits(1)])},
            ["b.stats"],
        ),
    ]


def _broken(content: bytes) -> bytes:
    """With another tag of its extent."""
    return changed(content, layout.V2_HEADER_SIZE, b"!")


# When nothing may be folded.


def _refuses(archives: Files, program: Program, directory: Path) -> None:
    """What an archive that cannot be read holds would be folded again."""
    before = {"a.mmstats": dead(1, counter("hits", 1)), **archives}
    put(directory, before)
    _stays(program, directory, before)


def _stays(program: Program, directory: Path, before: Files) -> None:
    program.answer(directory)
    _expect_names(directory, {*before})
    for name, content in before.items():
        if (directory / name).read_bytes() != content:
            raise Failure(f"{name} is not what it was")


_ARCHIVED = archive(9, counter("hits", 10), folded=(1,))
_MALFORMED = {
    "malformed-archive": {ARCHIVE: _broken(_ARCHIVED)},
    "malformed-archive/of-another-name": {"b.mmstats": _broken(_ARCHIVED)},
    "malformed-archive/bad-crc": {ARCHIVE: changed(_ARCHIVED, layout.V2_HEADER_AT_CRC, b"!!!!")},
    "malformed-archive/cut": {ARCHIVE: _ARCHIVED[:300]},
    "malformed-archive/unknown-feature": {ARCHIVE: with_features(_ARCHIVED, 3)},
    "malformed-archive/of-another-application": {"shop.archive.mmstats": _broken(archive(9, app="shop"))},
}


def _exposed(program: Program, directory: Path) -> None:
    """Into a directory that everybody may write to a folder does not go, unless it is sticky."""
    before = {"a.mmstats": dead(1, counter("hits", 1))}
    put(directory, before)
    directory.chmod(0o777)
    _stays(program, directory, before)
    directory.chmod(0o1777)
    fold(program, directory)
    check(directory, _Fold("", (), before, {ARCHIVE: _Archive(1, [_hits(1)])}))


def _waits(program: Program, directory: Path) -> None:
    """While another folds it does nothing; it may wait or give up."""
    before = {"a.mmstats": dead(1, counter("hits", 1))}
    put(directory, before)
    lock = directory / _lock_name()
    lock.touch(0o600)
    with lock.open("r+b") as held:
        take(held.fileno())
        with program.start(directory) as talk:
            end = time.monotonic() + _WAITING
            while time.monotonic() < end:
                if sorted(os.listdir(directory)) != sorted([lock.name, *before]):
                    raise talk.failure(f"it folds while another has {lock.name}")
                time.sleep(0.02)
            held.close()
            with contextlib.suppress(Failure):  # it gave up: that is for it to say as it likes
                talk.end()
    fold(program, directory)
    check(directory, _Fold("", (), before, {ARCHIVE: _Archive(1, [_hits(1)])}))


def _locks(program: Program, directory: Path) -> None:
    """The lock's file has its name and mode, and stays the same for ever."""
    umask = os.umask(0)
    os.umask(umask)
    numbers = set()
    for number in range(3):
        put(directory, {"a.mmstats": dead(number, counter("hits", 1))})
        fold(program, directory)
        try:
            status = (directory / _lock_name()).lstat()
        except FileNotFoundError:
            raise Failure(f"there is no {_lock_name()} after a fold") from None
        if status.st_mode != stat.S_IFREG | 0o600:
            raise Failure(f"the mode of {_lock_name()} is {status.st_mode:o}")
        numbers.add(status.st_ino)
    if len(numbers) > 1:
        raise Failure(f"{_lock_name()} was made anew")


# One fold after the other.


def _again(program: Program, directory: Path) -> None:
    """Counts go into one archive, and writers are FOLDED no longer than their files are there."""
    for number in range(4):
        before = {f"{turn}.mmstats": dead(turn, counter("hits", 10**number)) for turn in (2 * number, 2 * number + 1)}
        put(directory, before)
        fold(program, directory)
        wanted = _Archive(2 * number + 1, [_hits(2 * int("1" * (number + 1)))])
        check(directory, _Fold("", (), before, {ARCHIVE: wanted}))


def _names(program: Program, directory: Path) -> None:
    """Whatever the application is called, its archive has a name that readers find."""
    apps = ("", ".", "..", ".hidden", "a/b", "/etc/x", "a_b", "ä" * 200, "x" * 1000, "a\nb", "*", " ", "-")
    put(
        directory,
        {f"{number}.mmstats": dead(number, counter("hits", 2**number), app=app) for number, app in enumerate(apps)},
    )
    wanted = total(directory)
    fold(program, directory)
    names = {*os.listdir(directory)} - {_lock_name()}
    found = sorted(said(directory / name)["writer"]["app"] for name in names)
    if found != sorted(apps) or not all(name.endswith(".archive.mmstats") and name[0] != "." for name in names):
        raise Failure(f"the archives of {sorted(apps)} are {sorted(names)}")
    expect(total(directory), wanted, "the total")
    if "-.archive.mmstats" not in names or "a_b.archive.mmstats" not in names:
        raise Failure(f"archives do not have the names of their applications where files can: {sorted(names)}")


def _links(program: Program, directory: Path) -> None:
    """A link in the archive's place is passed by, and so are a pipe and a directory."""
    outside, inside = directory / "outside", directory / "inside"
    outside.mkdir()
    inside.mkdir()
    put(outside, {"x": b"x"})
    (inside / ARCHIVE).symlink_to(outside / "x")
    (inside / ANOTHER).symlink_to(outside / "none")
    os.mkfifo(inside / "kit-2.archive.mmstats")
    (inside / "kit-3.archive.mmstats").mkdir()
    put(inside, {"a.mmstats": dead(1, counter("hits", 1))})
    fold(program, inside)
    if os.listdir(outside) != ["x"] or (outside / "x").read_bytes() != b"x":
        raise Failure("it wrote to where a link in the archive's place leads")
    taken = {name for name in os.listdir(inside) if name.startswith("kit-") or name == ARCHIVE}
    expect(sorted(taken), sorted([ARCHIVE, *(f"kit-{number}.archive.mmstats" for number in (1, 2, 3, 4))]), "archives")
    expect_families(said(inside / "kit-4.archive.mmstats"), [_hits(1)])


def _unopened(program: Program, directory: Path) -> None:
    """A file that cannot be opened may be one whose writer is FOLDED: all of these stay."""
    hit = partial(counter, "hits")
    put(
        directory,
        {ARCHIVE: archive(9, hit(10), folded=(7, 8)), "a.mmstats": dead(1, hit(1)), "b.mmstats": dead(7, hit(5))},
    )
    (directory / "b.mmstats").chmod(0)
    fold(program, directory, before=_as_anybody)
    (directory / "b.mmstats").chmod(0o644)
    found = said(directory / ARCHIVE)
    if not {who(7).hex(), who(8).hex()} <= {*found["folded"]}:
        raise Failure(f"a file could not be opened, and of the writers FOLDED before only {found['folded']} still are")
    expect(total(directory), 11, "the total")
    fold(program, directory)
    expect(total(directory), 11, "the total")


def _as_anybody() -> None:
    """Without the superuser's right to open every file; others have none."""
    drop, override, search = 24, 1, 2
    library = ctypes.CDLL(None)
    for right in (override, search):
        library.prctl(drop, right, 0, 0, 0)


def _left_alone1(program: Program, directory: Path) -> None:
    """Version 1 has no writer id that could be FOLDED: its counts stay in its files."""
    with process("gone", directory) as there:
        content = file1(
            field("hits", "Q", bytes(8), struct.pack("<Q", 3)),
            field("sys.pid", "I", struct.pack("<I", there.said["pid"])),
            field("sys.created", "d", struct.pack("<d", time.time())),
        )
        before = {"a.mmstats": content, "b.mmstats": dead(1, counter("hits", 1))}
        put(directory, before)
        fold(program, directory)
        check(directory, _Fold("", (), before, {ARCHIVE: _Archive(1, [_hits(1)])}, ["a.mmstats"]))


def _processes(program: Program, directory: Path) -> None:
    """Dead is who is gone; who lives, or began anew, is told by the rules of 3.11."""
    hit = partial(counter, "hits")
    with process("gone", directory) as gone, process("here", directory) as here:
        before = {
            "a.mmstats": file(1, hit(1), **gone.said),
            "b.mmstats": file(2, hit(10), **here.said),
            "c.mmstats": file(3, hit(100), **here.said | {"process_start": 1}),
            "d.mmstats": file(4, hit(1000), **gone.said | {"boot_id": bytes(16)}),
        }
        put(directory, before)
        fold(program, directory)
        check(directory, _Fold("", (), before, {ARCHIVE: _Archive(3, [_hits(101)])}, ["b.mmstats", "d.mmstats"]))


# At any moment.


def _together(program: Program, directory: Path) -> None:
    """Several folders at once count nothing twice and lose nothing."""
    wanted = 0
    for turn in range(3):
        numbers = range(turn * _MANY, (turn + 1) * _MANY)
        put(directory, {f"{number}.mmstats": dead(number, counter("hits", number + 1)) for number in numbers})
        wanted += sum(number + 1 for number in numbers)
        with contextlib.ExitStack() as stack:
            talks = [stack.enter_context(program.start(directory)) for _ in range(4)]
            for talk in talks:
                talk.end()  # one that gives up says so with status 1
        fold(program, directory)
        expect(total(directory), wanted, f"the total after {turn + 1} folds by several at once")
    _expect_names(directory, {ARCHIVE})


def _killed(program: Program, directory: Path) -> None:
    """Stopped and killed wherever it is, it has counted everything once; the next fold goes on, and clears up."""
    numbers = random.Random(3)
    count = wanted = 0
    seconds = 0.0
    for turn in range(_KILLS):
        there = sum(name[0] != "." for name in os.listdir(directory))
        for _ in range(max(_MANY - there, 1)):
            count += 1
            wanted += 2 * count
            put(directory, {f"{count}.mmstats": dead(count, counter("hits", 2 * count))})
        with program.start(directory) as talk:
            # The first is not disturbed; of the others every second is from when something shows in the directory.
            if turn:
                _wait(talk, directory, silently=turn % 2 == 1)
                stops = numbers.randrange(_STOPS) if turn % 4 else 0
                _disturb(
                    talk,
                    directory,
                    wanted,
                    [numbers.random() * (seconds if turn % 2 else _BETWEEN) for _ in range(stops)],
                )
            else:
                _wait(talk, directory, silently=True)
                begun = time.monotonic()
                talk.end()
                seconds = 2 * (time.monotonic() - begun) / _STOPS
        expect(total(directory), wanted, "the total after a kill")
    put(directory, {"last.mmstats": dead(0, counter("hits", 1))})
    fold(program, directory)
    expect(total(directory), wanted + 1, "the total after the last fold")
    _expect_names(directory, {ARCHIVE})


def _wait(talk: Talk, directory: Path, silently: bool) -> None:
    """Until a folder begins: where it may be silent, with its lock; else with what others see."""
    lock = directory / _lock_name()
    before = _state(directory)
    while talk.alive() and _state(directory) == before and not (silently and lock.exists() and lock_of(lock)):
        pass


def _disturb(talk: Talk, directory: Path, wanted: int, pauses: Iterable[float]) -> None:
    """Stop a folder again and again, after these seconds; in the end kill it."""
    lock = directory / _lock_name()
    for pause in pauses:
        time.sleep(pause)
        if not talk.alive():
            return
        try:
            with talk.stopped():
                found = total(directory)
                names = {*os.listdir(directory)}
                held = lock_of(lock) if lock.exists() else None
        except Failure as failure:
            if talk.alive():
                raise
            # It had ended before it could be stopped, with the status 0.
            if "status 0" in str(failure):
                return
            raise
        if found != wanted:
            raise talk.failure(f"amid a fold the total is {found:,}, not {wanted:,}; there are {sorted(names)}")
        temporary = sorted(name for name in names if name[0] == "." and name != lock.name)
        if temporary and talk.alive() and (held is None or held.kind != "open file description"):
            raise talk.failure(f"{temporary} are there, and {lock.name} is not locked as it should be")
    talk.kill()
    talk.wait()


def _state(directory: Path) -> tuple[int, list[str], int]:
    """What a fold changes: how many files there are, which are hidden, and which archive is there."""
    names = os.listdir(directory)
    try:
        changed_at = (directory / ARCHIVE).stat().st_mtime_ns
    except FileNotFoundError:
        changed_at = 0
    return len(names), sorted(name for name in names if name[0] == "." and name != _lock_name()), changed_at


def _duration(program: Program, directory: Path) -> float:
    """How long a fold takes, from its start to its end."""
    put(directory, {f"{number}.mmstats": dead(number, counter("hits", number)) for number in range(_MANY)})
    begun = time.monotonic()
    fold(program, directory)
    return time.monotonic() - begun


def _dying(program: Program, directory: Path) -> None:
    """A writer dies meanwhile: what its files say is read after that is known, or stays."""
    numbers = random.Random(4)
    seconds = _duration(program, directory)
    for turn in range(_DEATHS):
        inside = directory / str(turn)
        inside.mkdir()
        with process("sleep", directory) as there:
            names = [f"{number}.mmstats" for number in range(_DYING)]
            put(inside, {name: file(number, counter("hits", 1), **there.said) for number, name in enumerate(names)})
            (place,) = _files.places((inside / names[0]).read_bytes())
            opened = [os.open(inside / name, os.O_RDWR) for name in names]
            try:
                with program.start(inside) as talk:
                    time.sleep(seconds * numbers.uniform(0.2, 1.0))
                    value = 1
                    with contextlib.suppress(Failure), talk.stopped():  # else it has ended
                        value = 1000
                        for descriptor in opened:
                            os.pwrite(descriptor, struct.pack("<Q", value), place.offset)
                        there.end()
                    talk.end()
            finally:
                for descriptor in opened:
                    os.close(descriptor)
        expect(total(inside), value * _DYING, "the total after the writer's last updates and its death amid a fold")


_OTHERS: list[tuple[str, tuple[str, ...], Callable[[Program, Path], None]]] = [
    ("v1/left-alone", ("V2-F1", "V2-F3"), _left_alone1),
    *[(f"v2/{name}", ("V2-F3",), partial(_refuses, files)) for name, files in _MALFORMED.items()],
    ("v2/directory-of-everybody", ("V2-F3",), _exposed),
    ("v2/lock/held", ("V2-F3",), _waits),
    ("v2/lock/file", ("V2-F3",), _locks),
    ("v2/again", ("V2-F3", "V2-F6"), _again),
    ("v2/names-of-applications", ("V2-F1",), _names),
    ("v2/links-in-the-way", ("V2-F1", "V1-R1"), _links),
    ("v2/file-that-cannot-be-opened", ("V2-F3",), _unopened),
    ("v2/of-processes", ("V2-F3", "V2-L3", "V2-L4"), _processes),
    ("v2/several-at-once", ("V2-F3",), _together),
    ("v2/stopped-and-killed", ("V2-F2", "V2-F3"), _killed),
    ("v2/writers-that-die-meanwhile", ("V2-F3",), _dying),
]
