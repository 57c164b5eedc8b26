"""What a view is in OpenMetrics (FORMAT.md 3.13): names, labels and values, whatever writes them down.

Rule 1: names are made of the families that are there, and of nothing else: several processes that answer for one page
        in turn give the same names.
Rule 2: whatever a file says, the page that is made of this is valid.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from ._families import Family, Process, full_name
from ._snapshot import Snapshot
from ._values import Histogram, Summary

#: Of each kind the type.
TYPES = {
    "counter": "counter",
    "gauge": "gauge",
    "state set": "stateset",
    "text": "info",
    "summary": "summary",
    "histogram": "histogram",
    "unknown": "unknown",
}
#: What the samples of a type may have behind the name.
SUFFIXES = {
    "counter": ("_total", "_created"),
    "info": ("_info",),
    "summary": ("_count", "_sum", "_created"),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
}
#: The gauges beside a summary.
_GAUGES = ("_min", "_max", "_last")
#: Labels that mean something to whoever reads OpenMetrics, whatever the type.
_RESERVED_LABELS = ("le", "quantile")
_WRITER_LABELS = ("pid", "thread", "file")

_ILLEGAL = re.compile(r"^\d|[^a-zA-Z0-9_]")
#: Numbers before the point that are written with an exponent.
_LONGEST = 6


class Sample(NamedTuple):
    """A value of a metric.

    Attributes:
        suffix: what stands behind the metric's name.
        labels: their names and values.
        value: the number.
    """

    suffix: str
    labels: dict[str, str]
    value: int | float


class Metric(NamedTuple):
    """A metric family of OpenMetrics.

    Attributes:
        name: of the family; samples have a suffix behind it.
        type: ``"counter"``, ``"gauge"``, ``"stateset"``, ``"info"``, ``"summary"``, ``"histogram"`` or ``"unknown"``.
        unit: which the name ends in, after ``_``; empty for none.
        help: what it means.
        samples: its values.
    """

    name: str
    type: str
    unit: str
    help: str
    samples: list[Sample]


def metrics(families: Iterable[Family], taken: Iterable[str] = ()) -> list[Metric]:
    """The families of a view as OpenMetrics has them, sorted by name (V2-O1 to V2-O5).

    Args:
        families: a view, or some of its families.
        taken: names that others have on the same page, with their suffixes.
    """
    names = _Names(taken)
    found: list[Metric] = []
    for root, unit, family in sorted(map(_root, families), key=_precedence):
        type_ = TYPES[family.kind]
        suffixes = ("", *SUFFIXES.get(type_, ()), *(_GAUGES if type_ == "summary" else ()))
        # The name of a state set is a label, beside those of its writers.
        never = (*_RESERVED_LABELS, *_WRITER_LABELS) if type_ == "stateset" else ()
        name = names.free([_pattern(root) + unit + suffix for suffix in suffixes], never)
        metric = Metric(name, type_, unit[1:], family.help, [])
        found.append(metric)
        labels = label_names(family, name)
        if type_ == "summary":
            found += _summaries(metric, family, labels)
        elif family.combination == "all":
            for values, pairs in family.series.items():
                own = dict(zip(labels, values, strict=True))
                for writer, value in by_writer(pairs):
                    metric.samples.extend(_samples(metric, family, own | writer, value))
        else:
            for values, value in family.series.items():
                metric.samples.extend(_samples(metric, family, dict(zip(labels, values, strict=True)), value))
    return sorted(found)


def flat(snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
    """What a file says, a number or text for each name.

    What has neither labels nor parts keeps its name. Of all else the name has the characters of OpenMetrics, its labels
    behind it, and of summaries and histograms there are a ``_count`` and a ``_sum``: ``http_requests{method="GET"}``,
    ``http_latency_count``. None is unset.
    """
    for family in snapshot.families.values():
        labels = label_names(family, "") if family.labels else ()
        name = legal(family.name)
        for values, value in family.series.items():
            if isinstance(value, Summary | Histogram):
                yield full_name(name + "_count", labels, values), value.count
                yield full_name(name + "_sum", labels, values), value.sum
            else:
                yield (full_name(name, labels, values) if labels else family.name), value


def legal(name: str) -> str:
    """The name with ``_`` for every character that it may not have there."""
    return _ILLEGAL.sub("_", name)


def label_names(family: Family, name: str) -> tuple[str, ...]:
    """The names of a family's own labels in OpenMetrics, in their order (V2-O3).

    Args:
        family: whose labels.
        name: what its metric is called.
    """
    type_ = TYPES[family.kind]
    added = {"info": "value", "stateset": name}.get(type_, "")
    names = _Names([*_RESERVED_LABELS, added, *(_WRITER_LABELS if family.combination == "all" else ())])
    wanted = {label: _legal_label(label) for label in family.labels}
    chosen = {
        label: names.free([_pattern(wanted[label])]) for label in sorted(wanted, key=lambda one: wanted[one] != one)
    }
    return tuple([chosen[label] for label in family.labels])


def number(value: float) -> str:
    """A number as OpenMetrics writes bounds: with a point or an exponent, ``+Inf``, ``-Inf`` or ``NaN``."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    shown = repr(float(value))
    whole, point, rest = shown.partition(".")
    if not point or "e" in rest or len(whole.lstrip("-")) <= _LONGEST:
        return shown
    sign, digits = whole[: whole.startswith("-")], whole.lstrip("-")
    mantissa = f"{digits[0]}.{digits[1:]}{rest}".rstrip("0").rstrip(".")
    return f"{sign}{mantissa}e+{len(digits) - 1:02}"


class _Names:
    """Gives names that nobody has."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._numbers: Counter[str] = Counter()

    def free(self, patterns: list[str], never: Collection[str] = ()) -> str:
        """Take some names that belong together, with a number in the place of the braces if one of them is taken.

        Args:
            patterns: the names.
            never: what the first of them may not be.

        Returns:
            The first of them.
        """
        first = patterns[0]
        while True:
            # Where it left off: as many names as one likes become equal in no more than so many steps.
            count = self._numbers[first] = self._numbers[first] + 1
            names = [pattern.replace("{}", f"_{count}" if count > 1 else "") for pattern in patterns]
            if names[0] not in never and self._taken.isdisjoint(names):
                self._taken.update(names)
                return names[0]


def _root(family: Family) -> tuple[str, str, Family]:
    """The name without its unit, the unit with the sign before it, and the family."""
    type_ = TYPES[family.kind]
    if type_ == "stateset":
        return _legal_label(family.name), "", family
    name = legal(family.name)
    if type_ in ("counter", "info"):
        name = name.removesuffix(SUFFIXES[type_][0]) or name
    unit = legal("_" + family.unit) if family.unit and type_ != "info" else ""
    return name.removesuffix(unit), unit, family


def _precedence(named: tuple[str, str, Family]) -> Any:
    root, unit, family = named
    same = root + unit == family.name
    return not same, family.name, family.kind, family.type, family.combination, family.unit, family.labels


def _pattern(name: str) -> str:
    """The name with braces where it may get a number, behind which no label begins with two ``_``."""
    return "{}_" if name == "_" else name + "{}"


def _legal_label(name: str) -> str:
    name = legal(name)
    return "_" + name.lstrip("_") if name.startswith("__") else name


def by_writer(pairs: Iterable[tuple[Process, Any]]) -> Iterator[tuple[dict[str, str], Any]]:
    """The values of several writers, each with the labels that tell the writer (V2-O4)."""
    pairs = list(pairs)
    times = Counter((process.pid, process.thread) for process, _ in pairs)
    for process, value in pairs:
        labels = {"pid": str(process.pid), "thread": str(process.thread)}
        if times[process.pid, process.thread] > 1:
            labels["file"] = process.path.encode("utf-8", "backslashreplace").decode()
        yield labels, value


def _samples(metric: Metric, family: Family, labels: dict[str, str], value: Any) -> Iterator[Sample]:
    """The samples of a series that is not a summary's."""
    if value is None:
        return
    match metric.type:
        case "counter":
            if value >= 0:  # which a NaN is not
                yield Sample("_total", labels, value)
        case "stateset":
            for state in family.states:
                yield Sample("", labels | {metric.name: state}, int(state == value))
        case "info":
            yield Sample("_info", labels | {"value": value}, 1)
        case "histogram":
            counts = list(accumulate(value.counts))
            for bound, count in zip((*value.bounds, math.inf), counts, strict=True):
                yield Sample("_bucket", labels | {"le": number(bound)}, count)
            if value.sum >= 0 and not any(bound < 0 for bound in value.bounds[:1]):
                yield Sample("_count", labels, counts[-1])
                yield Sample("_sum", labels, value.sum)
        case _:
            yield Sample("", labels, value)


def _summaries(metric: Metric, family: Family, labels: tuple[str, ...]) -> Iterator[Metric]:
    """Fill in the samples of a summary, and give the gauges beside it."""
    gauges = [Metric(metric.name + suffix, "gauge", "", family.help, []) for suffix in _GAUGES]
    for values, value in family.series.items():
        if value is None:
            continue
        own = dict(zip(labels, values, strict=True))
        metric.samples.append(Sample("_count", own, value.count))
        if value.sum >= 0:
            metric.samples.append(Sample("_sum", own, value.sum))
        for gauge, part in zip(gauges, (value.min, value.max, value.last), strict=True):
            if part is not None:
                gauge.samples.append(Sample("", own, part))
    yield from gauges
