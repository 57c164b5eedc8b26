"""Tests of combiners: which files of a directory count; totals, liveness and passes are in modules of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .. import layout
from . import _files, _liveness, _passing, _totals
from ._case import Case, Cases
from ._directories import (
    Files,
    archive,
    changed,
    expect_totals,
    file,
    give_away,
    hits,
    polled,
    put,
    state_of,
    with_features,
)
from ._program import Program
from ._reading import expect


def cases() -> Cases:
    """All tests of combiners."""
    counting = [Case(f"combiner/v2/counts/{one.name}", one.rules, partial(_counts, one)) for one in _counting()]
    return [*_totals.cases(), *counting, *_liveness.cases(), *_passing.cases()]


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
            name: state_of(content) for name, content in one.files.items() if name not in (*one.errors, *one.without)
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
