"""Measure, print a table, and write it for the documentation; `benchmarks.measure` says how it is measured.

No figure stands alone: each is measured in the same run as what it stands beside, and the ratio of the two counts.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmstats_testing.original import Missing, find

from . import figures as measured
from .collecting import collecting
from .growth import as_json, growth
from .languages import in_languages
from .measure import FAST, FULL
from .peers import peers
from .report import ROOT, about, table, write
from .viewers import viewers


def main() -> None:
    """Run; see ``python -m benchmarks --help``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the speed of this distribution.")
    parser.add_argument("--fast", action="store_true", help="some seconds instead of minutes, and rough")
    parser.add_argument(
        "--output", type=Path, metavar="DIRECTORY", help="where the table is written; without --fast, docs/data"
    )
    parser.add_argument(
        "--plots", action="store_true", help="measure nothing, and draw the last run's pictures into docs/plots"
    )
    options = parser.parse_args()
    if options.plots:
        from .plots import draw

        for path in draw(ROOT / "docs" / "data" / "benchmarks.json", ROOT / "docs" / "plots"):
            print(path.relative_to(ROOT))
        return
    effort = FAST if options.fast else FULL
    facts = about("python -m benchmarks" + (" --fast" if options.fast else ""))
    notes = []
    try:
        original = find()
    except Missing as missing:
        original = None
        notes.append(f"the original package is missing: {missing}")
    figures = [*measured.updates(effort, original), *peers(effort, notes)]
    try:
        figures += measured.system_calls(effort)
    except Missing as missing:
        notes.append(f"no system calls were counted: {missing}")
    figures += [*measured.polling(effort), *measured.reading(effort, original)]
    figures += [*collecting(effort), *viewers(effort)]
    figures += [*measured.folding(effort), *measured.imports(effort), *measured.sizes()]
    figures += in_languages(effort, notes)
    curves = as_json(growth(effort))
    notes += [f"the machine was busy: {figure.name}, {figure.peer}" for figure in figures if figure.unstable]
    print(*(f"{name}: {fact}" for name, fact in facts.items()), "", table(figures), "", *notes, sep="\n")
    if output := options.output or (None if options.fast else ROOT / "docs" / "data"):
        write(output, facts, figures, notes, curves)


if __name__ == "__main__":
    main()
