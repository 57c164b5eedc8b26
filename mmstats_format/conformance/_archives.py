"""What folders are told to fold where archives are there already, or files of others.

Rule 1: what an archive has to hold is worked out by hand.
"""

from __future__ import annotations

from functools import partial

from . import _files
from ._directories import archive, file, hits
from ._files import counter, gauge, labelled, summary, text
from ._folds import ANOTHER, ARCHIVE, Archive, Fold, broken, dead
from ._scenarios import After, bits, family, plain

#: A text that is kept takes twice so much of an archive.
_LARGE = 1 << 20


def beside_others() -> list[Fold]:
    """Archives that are there before, what is FOLDED in them, and files that are not for folding."""
    hit = partial(counter, "hits")
    one, two = dead(1, hit(1)), dead(2, hit(2))
    sized = family("size", "summary", "float")
    what = family("what", "text", "text", "all", kept=True)
    in_bytes = hit(10, unit="bytes")

    def large(*names: str) -> _files.Metric:
        value = text("what", "x", _LARGE, kept=True)
        return labelled(value, ("of",), {(name,): value for name in names})

    def large_family(*names: str) -> After:
        return After(what | {"labels": ["of"], "capacity": str(_LARGE)}, {(name,): "x" for name in names})

    return [
        # Archives that are there.
        Fold(
            "into-an-archive",
            ("V2-F3", "V2-F6"),
            {ARCHIVE: archive(9, hit(10)), "a.mmstats": one},
            {ARCHIVE: Archive(9, [hits(11)])},
        ),
        Fold(
            "into-an-older-archive",
            ("V2-F6",),
            {
                ARCHIVE: archive(0, summary("size", 1, 3.0, 3.0, 3.0, 3.0)),
                "a.mmstats": dead(5, summary("size", 1, 2.0, 2.0, 2.0, 2.0)),
            },
            {
                ARCHIVE: Archive(
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
        Fold(
            "into-a-younger-archive",
            ("V2-F6",),
            {
                ARCHIVE: archive(9, summary("size", 1, 3.0, 3.0, 3.0, 3.0)),
                "a.mmstats": dead(5, summary("size", 1, 2.0, 2.0, 2.0, 2.0)),
            },
            {
                ARCHIVE: Archive(
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
        Fold(
            "all-into-a-younger-archive",
            ("V2-F6",),
            {
                ARCHIVE: archive(9, gauge("level", 5, "all", kept=True)),
                "a.mmstats": dead(1, gauge("level", 6, "all", kept=True), gauge("more", 7, "all", kept=True)),
            },
            {
                ARCHIVE: Archive(
                    9,
                    [
                        plain(family("level", "gauge", "signed", "all", kept=True), "5"),
                        plain(family("more", "gauge", "signed", "all", kept=True), "7"),
                    ],
                )
            },
        ),
        Fold(
            "into-an-archive-of-another-name",
            ("V2-F1", "V2-F3"),
            {"b.mmstats": archive(9, hit(10)), "a.mmstats": one},
            {"b.mmstats": Archive(9, [hits(11)])},
        ),
        Fold(
            "into-the-first-archive",
            ("V2-F6",),
            {"b.archive.mmstats": archive(8, hit(10)), "c.archive.mmstats": archive(9, hit(20)), "a.mmstats": one},
            {"b.archive.mmstats": Archive(8, [hits(11)]), "c.archive.mmstats": Archive(9, [hits(20)])},
        ),
        Fold(
            "into-the-first-that-agrees",
            ("V2-F6", "V2-C3"),
            {"b.archive.mmstats": archive(8, in_bytes), "c.archive.mmstats": archive(9, hit(20)), "a.mmstats": one},
            {
                "b.archive.mmstats": Archive(8, [hits(10, unit="bytes")]),
                "c.archive.mmstats": Archive(9, [hits(21)]),
            },
        ),
        Fold(
            "whole-into-one",
            ("V2-F6", "V2-C3"),
            {ARCHIVE: archive(9, in_bytes, counter("other", 5)), "a.mmstats": dead(1, hit(1), counter("other", 7))},
            {
                ARCHIVE: Archive(9, [hits(10, unit="bytes"), plain(family("other", "counter"), "5")]),
                ANOTHER: Archive(1, [hits(1), plain(family("other", "counter"), "7")]),
            },
        ),
        *[
            Fold(
                f"apart/{name}",
                ("V2-F6", "V2-C3"),
                {ARCHIVE: archive(9, first), "a.mmstats": dead(1, second)},
                {ARCHIVE: Archive(9, [wanted]), ANOTHER: Archive(1, [other])},
            )
            for name, first, wanted, second, other in (
                ("types", hit(10), hits(10), hit(1.0, "float"), hits(bits(1.0), "float")),
                (
                    "kinds",
                    hit(10),
                    hits(10),
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
                    hits(10),
                    labelled(hit(), ("of",), {("a",): hit(1)}),
                    After(family("hits", "counter", labels=["of"]), {("a",): "1"}),
                ),
            )
        ],
        Fold(
            "below-16-mib",
            ("V2-F6",),
            {
                ARCHIVE: archive(9, large(*"abcdefg")),
                "a.mmstats": dead(1, large("h", "i")),
                "b.mmstats": dead(2, large("g")),
            },
            {ARCHIVE: Archive(9, [large_family(*"abcdefg")]), ANOTHER: Archive(1, [large_family("h", "i")])},
        ),
        Fold(
            "other-archives-stay",
            ("V2-F5", "V2-F6"),
            {"shop.archive.mmstats": archive(9, hit(10), app="shop"), "a.mmstats": one},
            {ARCHIVE: Archive(1, [hits(1)])},
            left=["shop.archive.mmstats"],
        ),
        Fold("archives-stay", ("V2-F5",), {ARCHIVE: archive(9, hit(10))}, {}, left=[ARCHIVE]),
        Fold(
            "name-taken",
            ("V2-F1",),
            {ARCHIVE: file(9, hit(10)), "a.mmstats": one},
            {ANOTHER: Archive(1, [hits(1)])},
            left=[ARCHIVE],
        ),
        Fold(
            "name-taken-by-another-application",
            ("V2-F1", "V2-F6"),
            {ARCHIVE: archive(9, hit(10), app="shop"), "a.mmstats": one},
            {ANOTHER: Archive(1, [hits(1)])},
            left=[ARCHIVE],
        ),
        # What is FOLDED.
        Fold(
            "broken-off",
            ("V2-F3", "V2-F2"),
            {ARCHIVE: archive(9, hit(10), folded=(1,)), "a.mmstats": one},
            {ARCHIVE: Archive(9, [hits(10)])},
        ),
        Fold(
            "broken-off-beside-others",
            ("V2-F3", "V2-F2"),
            {ARCHIVE: archive(9, hit(10), folded=(7, 1)), "a.mmstats": one, "b.mmstats": two},
            {ARCHIVE: Archive(9, [hits(12)])},
        ),
        Fold(
            "folded-by-a-stranger",
            ("V2-F1", "V2-F2"),
            {"b.mmstats": archive(9, hit(10), folded=(1,)), "a.mmstats": one},
            {ARCHIVE: Archive(1, [hits(1)])},
            ["b.mmstats"],
            ["b.mmstats"],
        ),
        Fold(
            "one-file-of-two-names",
            ("V2-R8", "V2-F2"),
            {"a.mmstats": one, "b.mmstats": one},
            {ARCHIVE: Archive(1, [hits(1)])},
        ),
        Fold(
            "two-files-of-one-writer",
            ("V2-R8", "V2-F2"),
            {"a.mmstats": dead(1, hit(1), created=5), "b.mmstats": dead(1, hit(10))},
            {ARCHIVE: Archive(5, [hits(1)])},
        ),
        # Whose files.
        Fold(
            "of-the-living",
            ("V2-F3", "V2-L5"),
            {"a.mmstats": one, "b.mmstats": file(2, hit(2))},
            {ARCHIVE: Archive(1, [hits(1)])},
            ["b.mmstats"],
        ),
        Fold(
            "of-strangers",
            ("V2-F3",),
            {"a.mmstats": one, "b.mmstats": two},
            {ARCHIVE: Archive(1, [hits(1)])},
            ["b.mmstats"],
            ["b.mmstats"],
        ),
        Fold(
            "strangers-archive",
            ("V2-F1",),
            {ARCHIVE: archive(9, hit(10)), "a.mmstats": one},
            {ANOTHER: Archive(1, [hits(1)])},
            [ARCHIVE],
            [ARCHIVE],
        ),
        Fold(
            "strangers-malformed-archive",
            ("V2-F1", "V2-F3"),
            {"b.archive.mmstats": broken(archive(9, hit(10))), "a.mmstats": one},
            {ARCHIVE: Archive(1, [hits(1)])},
            ["b.archive.mmstats"],
            ["b.archive.mmstats"],
        ),
        Fold(
            "malformed",
            ("V2-F3",),
            {"a.mmstats": one, "b.mmstats": broken(two), "c.mmstats": b"", "d.mmstats": b"\3"},
            {ARCHIVE: Archive(1, [hits(1)])},
            ["b.mmstats", "c.mmstats", "d.mmstats"],
        ),
        Fold(
            "other-names",
            ("V2-F3",),
            {"a.mmstats": one, "b.stats": two},
            {ARCHIVE: Archive(1, [hits(1)])},
            ["b.stats"],
        ),
    ]
