"""Tests of combiners: what the values of several files make together; _numbers, _distributions, _members have most.

Rule 1: what a directory says together is worked out by hand; nothing is added up by the kit.
Rule 2: the order of a directory's files is turned round once: totals do not depend on it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .. import layout
from . import _files
from ._case import Case, Cases
from ._directories import (
    APART,
    SUFFIX,
    Total,
    everyone,
    expect_totals,
    file,
    file1,
    hits,
    polled,
    put,
    state_of,
)
from ._distributions import distributions
from ._files import canonical
from ._members import members
from ._numbers import numbers
from ._program import Failure, Program, shown
from ._reading import expect, field
from ._scenarios import After, bits, family, plain


def _total(total: Total, program: Program, directory: Path) -> None:
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


def _expect_apart(found: Any, total: Total, files: Mapping[str, bytes]) -> None:
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


def _totals1() -> list[Total]:
    def number(label: str, signature: str, value: Any, other: Any = None) -> Any:
        buffers = [struct.pack(f"<{signature}", one) for one in (value, other) if one is not None]
        return field(label, signature, *buffers[::-1])

    def of(kind: str, value: Any) -> After:
        return plain(family(kind, "unknown", kind, "all"), everyone(value))

    texts = family("what", "text", "text", "all")
    hit = partial(_files.counter, "hits")
    return [
        Total(
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
        Total(
            "beside-version-2",
            ("V2-C1", "V2-X2"),
            [
                file1(number("hits", "Q", 5, 4), field("what", "4s", b"abc\0")),
                file1(number("hits", "Q", 2**64 - 1, 4), field("what", "c", b"d")),
                file(0, hit(10), _files.text("what", "e", 3)),
            ],
            [hits(14), plain(texts | {"capacity": "4"}, everyone("abc", "d", "e"))],
        ),
        Total(
            "apart-from-version-2",
            ("V2-C3",),
            [file1(number("hits", "Q", 5, 4)), file1(number("hits", "Q", 6)), file(0, hit(10, unit="hits"))],
            [
                hits(5),
                plain(family("hits", "unknown", "unsigned", "all"), everyone(None, "6")),
                hits(10, unit="hits"),
            ],
        ),
        Total(
            "label-twice",
            ("V1-4",),
            [file1(number("hits", "Q", 5, 4), number("hits", "Q", 7, 4)), file1(number("hits", "Q", 1, 4))],
            [hits(8)],
        ),
        Total(
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
        for version, totals in ((2, [*numbers(), *distributions(), *members()]), (1, _totals1()))
        for total in totals
    ]
