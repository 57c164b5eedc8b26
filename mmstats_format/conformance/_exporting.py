"""Tests of exporters: the OpenMetrics text of a directory.

Rule 1: the pages that are expected are read as strictly as those that are given.
Rule 2: types, units and samples count; their order, help, and families without a sample do not.
Rule 3: a directory is exported twice, with its files in either order: names do not depend on it (V2-O2).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from . import _names, _pages
from ._case import Case, Cases
from ._directories import file, put
from ._files import counter
from ._page import exported, read
from ._pages import Page
from ._program import Failure, Program
from ._reading import expect


def cases() -> Cases:
    """All tests of exporters."""
    found = [
        Case(f"exporter/v2/{page.name}", page.rules, partial(_page, page))
        for page in [*_pages.values(), *_names.names(), *_pages.forbidden()]
    ]
    found += [Case(f"exporter/v1/{page.name}", page.rules, partial(_page, page)) for page in _pages.pages1()]
    return [*found, Case("exporter/v2/malformed-beside-others", ("V2-O1", "G-2"), _malformed)]


def _page(page: Page, program: Program, directory: Path) -> None:
    names = [f"{letter}.mmstats" for letter in "abcdefghijklmnopqrstuvwxyz"[: len(page.files)]]
    wanted = [read(_text(expected, directory)) for expected in page.expected]
    first = None
    for order in (names, names[::-1])[: 1 + page.turned]:
        put(directory, dict(zip(order, page.files, strict=True)))
        found = exported(program, directory)
        if found not in wanted:
            expect(found, wanted[0], "the page")
        if first not in (None, found):
            raise Failure("the page is another when the files have other names")
        first = found


def _text(page: str, directory: Path) -> str:
    lines = [line.strip().replace("DIRECTORY", str(directory)) for line in page.strip().splitlines()]
    return "".join(f"{line}\n" for line in (*filter(None, lines), "# EOF"))


def _malformed(program: Program, directory: Path) -> None:
    """A file that cannot be read does not keep others from the page."""
    put(directory, {"a.mmstats": b"\2MMSTATS", "b.mmstats": file(1, counter("hits", 3))})
    expect(exported(program, directory), read("# TYPE hits counter\nhits_total 3\n# EOF\n"), "the page")
