"""What folders are told to fold, and the archives that have to be there afterwards; _archives has the rest of it.

Rule 1: what an archive has to hold is worked out by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from .. import layout
from . import _files
from ._directories import Files, Slots, changed, file, hits
from ._files import counter, gauge, labelled, last, states, summary, text, unknown
from ._scenarios import NAN, After, bits, family, plain

ARCHIVE = "kit.archive.mmstats"
ANOTHER = "kit-1.archive.mmstats"


class Archive(NamedTuple):
    """What an archive has to hold; `created` is that of the youngest of its files."""

    created: int
    families: Sequence[After]
    app: str = "kit"


class Fold(NamedTuple):
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
    archives: Mapping[str, Archive]
    left: Sequence[str] = ()
    strangers: Sequence[str] = ()


def dead(number: int, *metrics: _files.Metric, **header: Any) -> bytes:
    """A file whose writer has closed it."""
    return file(number, *metrics, **{"state": 2, **header})


def broken(content: bytes) -> bytes:
    """With another tag of its extent."""
    return changed(content, layout.V2_HEADER_SIZE, b"!")


def _values(name: str, expected: After, *metrics: _files.Metric, rules: tuple[str, ...] = ("V2-C1",)) -> Fold:
    """Files of one metric each, created one after the other; the names are in the opposite order."""
    before = {f"{9 - number}.mmstats": dead(number, metric) for number, metric in enumerate(metrics)}
    return Fold(f"values/{name}", ("V2-F6", *rules), before, {ARCHIVE: Archive(len(metrics) - 1, [expected])})


def _floats(name: str, expected: float, *values: float) -> list[Fold]:
    """Sums as they are in a counter, a kept gauge, a summary and a histogram."""
    kept = family("level", "gauge", "float", "sum", kept=True)
    sized = family("size", "summary", "float")
    timed = family("size", "histogram", "float")
    count = len(values)
    one = bits(1.0)
    return [
        _values(
            f"{name}/counter", hits(bits(expected), "float"), *(counter("hits", value, "float") for value in values)
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


def _kept(name: str, kind: str, combination: str, expected: Any, *values: Any) -> Fold:
    wanted = plain(family("level", "gauge", kind, combination, kept=True), expected)
    return _values(name, wanted, *(gauge("level", value, combination, kind, kept=True) for value in values))


def folds() -> list[Fold]:
    """Closed files and their values; no archive is there before."""
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
    requests: Slots = {("a",): hit(1), ("b",): hit(2)}
    return [
        Fold("nothing", ("V2-F3",), nobody, {}),
        Fold("one", ("V2-F1", "V2-F3"), {"a.mmstats": one}, {ARCHIVE: Archive(1, [hits(1)])}),
        Fold("two", ("V2-F1", "V2-F3"), {"a.mmstats": two, "b.mmstats": one}, {ARCHIVE: Archive(2, [hits(3)])}),
        Fold(
            "what-counts",
            ("V2-F1", "V2-C2"),
            {"a.mmstats": dead(1, hit(1), *others)},
            {ARCHIVE: Archive(1, [hits(1)])},
        ),
        Fold(
            "series",
            ("V2-F6", "V2-C1"),
            {
                "a.mmstats": dead(1, labelled(hit(), ("of",), requests)),
                "b.mmstats": dead(2, counter("other", 5), labelled(hit(), ("of",), {("b",): hit(10), ("c",): hit(20)})),
            },
            {
                ARCHIVE: Archive(
                    2,
                    [
                        After(family("hits", "counter", labels=["of"]), {("a",): "1", ("b",): "12", ("c",): "20"}),
                        plain(family("other", "counter"), "5"),
                    ],
                )
            },
        ),
        Fold(
            "applications",
            ("V2-F1", "V2-F6"),
            {"a.mmstats": one, "b.mmstats": two, "c.mmstats": dead(3, hit(4), app="shop", host="there")},
            {ARCHIVE: Archive(2, [hits(3)]), "shop.archive.mmstats": Archive(3, [hits(4)], "shop")},
        ),
        # Values.
        _values("counters", hits(2), hit(2**64 - 1), hit(3)),
        _values("counters-exact", hits(2**53 + 2), hit(2**53 + 1), hit(1)),
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
    ]
