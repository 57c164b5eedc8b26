"""The figures of a run as pictures: bars beside peers, curves of growth. Drawn from ``benchmarks.json`` alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot

#: Of those who see colours differently; and marks, for those who print.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
MARKS = "osD^vPX"
#: Of the updates that stand beside prometheus_client's multi-process mode, those that others stand beside, too.
MULTIPROCESS = {
    "counter: stats.requests.inc()": "an update of a counter",
    "gauge: stats.queued.set(3)": "an update of a gauge",
    "histogram of 11 bounds: stats.body.observe(0.3)": "an update of a histogram",
    "one of a label set, kept: child.inc()": "an update of a label set, kept",
}
#: A curve whose values differ by more than this is drawn on a logarithmic axis.
WIDE = 20
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "svg.hashsalt": "mmstats",
    "svg.fonttype": "none",
}


def draw(run: Path, directory: Path) -> list[Path]:
    """Draw all pictures of a run, and give their paths; names are those of kinds and curves."""
    content = json.loads(run.read_text(encoding="utf-8"))
    directory.mkdir(parents=True, exist_ok=True)
    made = []
    with mpl.rc_context(STYLE):
        for curve in content.get("curves", ()):
            made.append(directory / f"{_slug(curve['name'])}.svg")
            _curve(curve, made[-1])
        kinds: dict[str, list[dict[str, Any]]] = {}
        for figure in content["figures"]:
            kind = MULTIPROCESS.get(figure["name"], figure["name"])
            if kind.startswith("an update of a ") and figure["theirs"]:
                kinds.setdefault(kind, []).append(figure)
        for name, figures in kinds.items():
            made.append(directory / f"{_slug(name)}.svg")
            _bars(name, figures, made[-1])
    return made


def _slug(name: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())


def _curve(curve: dict[str, Any], path: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(6.4, 3.6))
    medians = [point[1] for line in curve["lines"].values() for point in line]
    for (name, line), colour, mark in zip(curve["lines"].items(), COLOURS, MARKS, strict=False):
        xs, ys, deviations = zip(*line, strict=True)
        axes.errorbar(xs, ys, [one or 0 for one in deviations], label=name, color=colour, marker=mark, capsize=2)
    axes.set_xscale("log")
    axes.set_xticks(sorted({point[0] for line in curve["lines"].values() for point in line}))
    axes.xaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    if min(medians) > 0 and max(medians) > WIDE * min(medians):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:,g}"))
    else:
        axes.set_ylim(bottom=0)
    axes.set(xlabel=curve["x"], ylabel=curve["y"], title=curve["name"])
    if len(curve["lines"]) > 1:
        axes.legend(frameon=False)
    _save(figure, path)


def _bars(name: str, figures: Sequence[dict[str, Any]], path: Path) -> None:
    bars = [("mmstats_writer", figures[0]["ours"])] + [(figure["peer"], figure["theirs"]) for figure in figures]
    bars.reverse()
    figure, axes = pyplot.subplots(figsize=(6.4, 0.6 + 0.36 * len(bars)))
    medians = [value["median"] for _, value in bars]
    colours = [COLOURS[0] if who == "mmstats_writer" else COLOURS[-1] for who, _ in bars]
    drawn = axes.barh([who for who, _ in bars], medians, color=colours)
    axes.bar_label(drawn, [f"{median:,.0f}" for median in medians], padding=3)
    axes.set_xscale("log")
    axes.set_xlim(right=3 * max(medians))
    axes.set(xlabel="nanoseconds, logarithmic", title=name)
    axes.grid(visible=False, axis="y")
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
