"""Values and numbers as text of the screen.

Rule 1: a scaled number has a few digits and says its scale; a raw one has all.
Rule 2: what comes out of a file is text and nothing else: no control character of it reaches the terminal, and nothing
        that cannot be written to one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import Any

from mmstats_format.cli import neutral

from .._families import Process
from .._values import Histogram, Summary

NONE = "-"
_QUANTILES = (0.5, 0.9, 0.99)
_LARGE = ("", "k", "M", "G", "T", "P", "E")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_SMALL = ("", "m", "µ", "n")
_SIGNS = {"bytes": "B", "seconds": "s"}
_BARS = "▁▂▃▄▅▆▇█"
#: Numbers below this are shown without a scale.
_LEAST = 10_000


def clean(text: str) -> str:
    """The text, with whatever is no text of a terminal escaped."""
    return neutral(text.encode("utf-8", "backslashreplace").decode())


def number(value: float, unit: str = "", scaled: bool = True) -> str:
    """A number, of seconds and bytes with their signs if it is scaled; ``-`` where there is none."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if not scaled:
        return str(value) if isinstance(value, int) else f"{value:.10g}"
    sign = _SIGNS.get(unit, "")
    if sign == "s" and 0 < abs(value) < 1:
        step = min(-math.floor(math.log10(abs(value)) / 3), len(_SMALL) - 1)
        return f"{_digits(value * 1000**step)}{_SMALL[step]}{sign}"
    base, names = (1024, _BINARY) if sign == "B" else (1000, _LARGE)
    step = 0
    if abs(value) >= base ** len(names):
        return f"{value:.3g}{sign}"
    if abs(value) >= _LEAST:
        while abs(value) >= base and step < len(names) - 1:
            value, step = value / base, step + 1
    return f"{_digits(value)}{names[step]}{sign}"


def _digits(value: float) -> str:
    """Three digits, and all before the point."""
    size = abs(value)
    if value == int(value) or size >= 99.95:
        return f"{value:.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 0.0995 else f"{value:.2g}"


def value(value: Any, unit: str = "", scaled: bool = True) -> str:
    """A value of any kind, in a few characters; of what was observed, how many times."""
    match value:
        case None:
            return NONE
        case bool():
            return str(value)
        case int() | float():
            return number(value, unit, scaled)
        case Summary() | Histogram():
            return number(value.count, "", scaled)
        case tuple():
            return _several([one for _, one in value if one is not None], unit, scaled)
    return clean(str(value))


def _several(values: list[Any], unit: str, scaled: bool) -> str:
    """Values that stand by themselves: the one that all have, from the least to the greatest, or each and how often."""
    distinct = list(dict.fromkeys(values))
    if len(distinct) < 2:
        return value(distinct[0] if distinct else None, unit, scaled)
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in distinct):
        return f"{value(min(distinct), unit, scaled)}…{value(max(distinct), unit, scaled)}"
    return ", ".join(f"{values.count(one)}×{value(one)}" for one in sorted(distinct, key=values.count, reverse=True))


def whole(value_: Any, unit: str, scaled: bool) -> str:
    """A value of any kind, in a line."""
    match value_:
        case Summary():
            parts = {"mean": value_.mean, "min": value_.min, "max": value_.max, "last": value_.last}
            shown = [
                f"{name} {number(math.nan if part is None else part, unit, scaled)}" for name, part in parts.items()
            ]
            return f"{number(value_.count, '', scaled)} observed, {', '.join(shown)}"
        case Histogram():
            mean = value_.sum / value_.count if value_.count else math.nan
            shown = [f"p{100 * q:g} {number(value_.quantile(q), unit, scaled)}" for q in _QUANTILES]
            parts_ = [f"{number(value_.count, '', scaled)} observed", f"mean {number(mean, unit, scaled)}", *shown]
            return ", ".join(parts_)
    return value(value_, unit, scaled)


def sparkline(history: Iterable[float], from_zero: bool) -> str:
    """Samples as bars: of what is counted from zero to the greatest, of all else from the least."""
    halves = [float(sample) / 2 for sample in history]  # of which no difference is too large
    finite = [half for half in halves if math.isfinite(half)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    if from_zero:
        low = min(low, 0.0)
    span, top = high - low, len(_BARS) - 1
    return "".join(
        " " if not math.isfinite(half) else _BARS[round((half - low) / span * top) if span else 0] for half in halves
    )


def writer(process: Process) -> str:
    """Who writes: application, process, thread if not the first, state if not live; or the name of the file."""
    if not process.pid:
        return clean(os.path.basename(process.path))
    who = clean(process.app or os.path.basename(process.path))
    thread = f"/{process.thread}" if process.thread not in (0, process.pid) else ""
    state = "" if process.state == "live" else f" {process.state}"
    return f"{who} {process.pid}{thread}{state}"


def age(seconds: float) -> str:
    """How long something is there, in two units at most."""
    seconds = int(max(seconds, 0))
    for size, name, smaller, of in [(86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")]:
        if seconds >= size:
            return f"{seconds // size} {name} {seconds % size // smaller} {of}"
    return f"{seconds} s"
