"""Measured figures come from data, and the build refuses one that is typed.

{figure}    what a run has measured: {figure}`top:cpu_each`, {figure}`benchmarks:counter: stats.requests.inc():ours`
{fixed}     a number that only looks like one: a bound, or a constant of the format or of a tool

A figure is named by its file in ``docs/data`` and its keys with dots between; one of the benchmarks by the row of
``benchmarks.csv`` and its column. A figure here is a number with a unit of short times, a share or a rate, or with
"times as"; code is left alone. Longer times and sizes in prose are limits and settings, and are left alone too.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped,unused-ignore]  # its stubs are a package of their own
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

DOCS = Path(__file__).parent
ROOT = DOCS.parent
DATA = DOCS / "data"

#: What is read on the site or beside it, and is no page in ``docs``; the specification's numbers are its own.
BESIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")

_CODE = re.compile(r"^ *(`{3,}|~{3,}).*?^ *\1[ \t]*$|(?:\{(?:figure|fixed)\})?(?P<ticks>`+).+?(?P=ticks)", re.M | re.S)
_NUMBER = r"(?:\d[\d,.]*|two|three|four|five|six|seven|eight|nine|ten|twenty|fifty|hundred|thousand)"
_TYPED = re.compile(
    rf"\b{_NUMBER}[ \u00a0-]?(?:"
    r"(?:ns|µs|us|ms|nanoseconds?|microseconds?|milliseconds?|percent|[KMGT]?i?B/s|[a-z]+/s)\b|%"
    r"|times (?:as (?:fast|slow|large|small|good|much|many|long|short)|faster|slower|larger|smaller|longer|shorter)\b)",
    re.IGNORECASE,
)

_log = logging.getLogger(__name__)


def typed(text: str) -> list[tuple[int, str]]:
    """The figures that are typed in a page's text, each with its line."""
    prose = _CODE.sub(lambda code: "·" + "\n" * code[0].count("\n"), text)
    return [(prose.count("\n", 0, match.start()) + 1, match[0]) for match in _TYPED.finditer(prose)]


def figure(name: str) -> str:
    """What was measured under a name, as it is shown."""
    file, _, key = name.partition(":")
    if file == "benchmarks":
        row, _, column = key.rpartition(":")
        with (DATA / "benchmarks.csv").open(encoding="utf-8", newline="") as table:
            found = {line[column] for line in csv.DictReader(table) if line["figure"] == row}
        if len(found) != 1:
            raise KeyError(name)
        return found.pop()
    value: Any = json.loads((DATA / f"{file}.json").read_text(encoding="utf-8"))
    for part in key.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    if isinstance(value, dict | list):
        raise KeyError(name)
    return f"{value:,}" if type(value) is int else str(value)


class FigureRole(SphinxRole):
    """A figure from the data."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Its text; a name that is not there is a warning."""
        try:
            return [nodes.Text(figure(self.text))], []
        except (OSError, KeyError, IndexError, ValueError):
            _log.warning("no such figure in docs/data: %s", self.text, location=self.get_location(), type="figures")
            return [nodes.Text("?")], []


class FixedRole(SphinxRole):
    """A number that is no measurement."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Its text."""
        return [nodes.Text(self.text)], []


def refuse(path: Path | str, text: str) -> None:
    """Warn of each typed figure; in ``make docs`` that is an error."""
    for line, found in typed(text):
        _log.warning(
            "a figure typed by hand: %r; {figure} or {fixed}", found, location=f"{path}:{line}", type="figures"
        )


def check_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Check a page of the site."""
    refuse(app.env.doc2path(docname), source[0])


def check_beside(app: Sphinx) -> None:
    """Check what is not in ``docs``."""
    for name in BESIDE:
        refuse(ROOT / name, (ROOT / name).read_text(encoding="utf-8"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_role("figure", FigureRole())
    app.add_role("fixed", FixedRole())
    app.connect("builder-inited", check_beside)
    app.connect("source-read", check_page)
    return {"parallel_read_safe": True}
