"""Figures, and how they are shown: a table for people, CSV for the documentation, JSON for both."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyperf  # type: ignore[import-untyped]

from .measure import Value

ROOT = Path(__file__).parents[1]

HEAD = ("figure", "ours", "beside", "theirs", "ratio", "bound", "reached")

#: A larger part of the median as standard deviation means that something else kept the machine busy.
UNSTABLE = 0.1


@dataclass(frozen=True)
class Figure:
    """Something measured.

    Attributes:
        name: what.
        unit: of ours and theirs; of rates more is better, of all else less.
        ours: this distribution's value.
        peer: what it stands beside.
        theirs: the peer's value; None where there is no peer, or none on this machine.
        at_least: the bound of the ratio.
        at_most: the bound of our value.
    """

    name: str
    unit: str
    ours: Value
    peer: str | None = None
    theirs: Value | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times as good ours is."""
        if self.theirs is None:
            return None
        ours, theirs = self.ours.median, self.theirs.median
        return ours / theirs if self.unit.endswith("/s") else theirs / ours

    @property
    def reached(self) -> bool | None:
        """Whether the bound is; None without one, or without what it is about."""
        if self.at_most is not None:
            return self.ours.median <= self.at_most
        if self.at_least is not None and self.ratio is not None:
            return self.ratio >= self.at_least
        return None

    @property
    def unstable(self) -> bool:
        """True where the machine was too busy to rely on this figure."""
        return any(
            value is not None and (value.deviation or 0) > UNSTABLE * value.median for value in (self.ours, self.theirs)
        )

    def row(self) -> tuple[str, ...]:
        """The cells under `HEAD`."""
        bound = ""
        if self.at_least is not None:
            bound = f"at least {self.at_least:g}"
        elif self.at_most is not None:
            bound = f"at most {self.at_most:g}"
        return (
            self.name,
            self._shown(self.ours),
            self.peer or "",
            self._shown(self.theirs),
            "" if self.ratio is None else f"{self.ratio:.2f}",
            bound,
            {True: "yes", False: "no", None: ""}[self.reached],
        )

    def _shown(self, value: Value | None) -> str:
        if value is None:
            return ""
        digits = 1 if value.median < 100 and self.unit in ("ns", "ms") else 0
        deviation = "" if value.deviation is None else f" ± {value.deviation:,.{digits}f}"
        return f"{value.median:,.{digits}f}{deviation} {self.unit}"

    def json(self) -> dict[str, Any]:
        """This figure in the JSON document."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": _json(self.ours),
            "peer": self.peer,
            "theirs": _json(self.theirs),
            "ratio": _rounded(self.ratio),
            "ratio_at_least": self.at_least,
            "ours_at_most": self.at_most,
            "reached": self.reached,
        }


def _json(value: Value | None) -> dict[str, float | None] | None:
    return None if value is None else {"median": _rounded(value.median), "deviation": _rounded(value.deviation)}


def _rounded(number: float | None) -> float | None:
    """Four digits: there is no more in it."""
    return None if number is None else float(f"{number:.4g}")


def about(command: str) -> dict[str, Any]:
    """Where, when and of what the figures are."""
    machine = pyperf.Run([1.0]).get_metadata()
    return {
        "command": command,
        "commit": _git("rev-parse", "--short", "HEAD"),
        # What this program writes does not count.
        "dirty": bool(_git("status", "--porcelain", "--", ".", ":(exclude)docs/data")),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "python": machine["python_version"],
        "prometheus_client": version("prometheus_client"),
        "platform": machine["platform"],
        "processor": machine.get("cpu_model_name"),
        "cores": os.cpu_count(),
    }


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def table(figures: Sequence[Figure]) -> str:
    """The figures for people."""
    rows = [HEAD, *(figure.row() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def write(
    directory: Path,
    about: dict[str, Any],
    figures: Sequence[Figure],
    notes: Sequence[str],
    curves: Sequence[dict[str, Any]],
) -> None:
    """Write ``benchmarks.json`` and ``benchmarks.csv``."""
    directory.mkdir(parents=True, exist_ok=True)
    document = about | {
        "notes": list(notes),
        "figures": [figure.json() for figure in figures],
        "curves": list(curves),
    }
    (directory / "benchmarks.json").write_text(
        json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    with open(directory / "benchmarks.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEAD, *(figure.row() for figure in figures)])
