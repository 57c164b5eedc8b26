"""What there is to say of one metric, of one process, of what is wrong, and of the keys: in lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from mmstats_format import FormatError
from mmstats_format.declaration import Declaration

from .._families import Family, full_name
from .._values import Histogram
from .._view import View
from . import _rows, _shown
from ._samples import AVERAGED

#: From a view, and whether numbers are scaled, to lines.
Text: TypeAlias = Callable[[View, bool], list[str]]

#: Lines of a list; who wants more has slurpstats.
MOST_LINES = 200
_BAR = 40

EXPLAINED = f"""\
value       of counters, summaries and histograms what was counted since
            the beginning; of all else what it is now
change/s    by how much the value changed a second since the last look
avg N       of what is counted, the change; of all else, the value: the mean
            of all looks, as long as there are fewer than N, and then moved
            by each look by its Nth part: avg {AVERAGED[0]} follows soon, avg {AVERAGED[-1]} late
history     the same, look by look: from zero to the greatest of them; of
            what is not counted, from the least

Together, each metric is what all its files make of it: sums, or the least,
the greatest or the last one, as the metric says. Gauges of the dead do not
count. Where each value stands by itself, there is a…b, from the least to the
greatest, or how many say what.

A pattern is a glob of whole names, such as *.http.*; without * ? [ it is a
part of them. The mouse works too: on a title it sorts, on a row it chooses,
and at the second click shows the details."""


def about(family: Declaration | Family) -> tuple[str, str]:
    """What a metric is, and what it says of itself."""
    facts = [family.kind, family.type, f"in {family.unit}" if family.unit else "", f"combined by {family.combination}"]
    if family.kind == family.type:
        del facts[1]
    if family.labels:
        facts.append(f"labels {', '.join(family.labels)}")
    return f"{family.name}: {', '.join(filter(None, facts))}", family.help or "It says nothing more of itself."


def of_keys(keys: Sequence[tuple[str, str]]) -> Text:
    """The keys, and what the columns are."""
    lines = [f"{key:<10}  {what}" for key, what in keys]
    return lambda view, scaled: [*lines, "", *EXPLAINED.splitlines()]


def problems(view: View, scaled: bool) -> list[str]:
    """What cannot be read, and what does not fit together."""
    lines = []
    for path, error in view.errors.items():
        said = (error.strerror if isinstance(error, OSError) else None) or str(error)
        lines.append(said if isinstance(error, FormatError) and path in said else f"{path}: {said}")
    return lines + [str(conflict) for conflict in view.conflicts] or ["Nothing is wrong."]


def of_metric(meant: Declaration) -> Text:
    """All about a metric: its histogram, its label sets, and what each process says."""
    return lambda view, scaled: _metric(view, meant, scaled)


def _metric(view: View, meant: Declaration, scaled: bool) -> list[str]:
    family = _rows.family_of(view, meant)
    if family is None:
        return [f"{meant.name} is not there now."]
    unit = family.unit
    lines = [*about(family), ""]
    if family.kind == "histogram":
        lines += [
            *_buckets(
                sum(family.series.values(), Histogram(0.0, family.bounds, (0,) * (len(family.bounds) + 1))),
                unit,
                scaled,
            ),
            "",
        ]
        grown = view.growth(family.name) if view[family.name] is family else None
        if isinstance(grown, Histogram) and grown.count:
            lines += [f"In the last {view.seconds:.3g} s: {_shown.whole(grown, unit, scaled)}", ""]
    if family.labels:
        sets = [(full_name("", family.labels, values), value) for values, value in family.series.items()]
        lines += ["All processes together, by label set:"]
        lines += _listed([(labels, _shown.whole(value, unit, scaled)) for labels, value in sets])
        lines += [""]
    lines += ["Each process by itself:"]
    lines += _listed(
        [
            (f"{_shown.writer(process)}  {labels}".rstrip(), _shown.whole(value, unit, scaled))
            for process, labels, value in _rows.of_metric(view, family)
        ]
    )
    return lines


def _buckets(histogram: Histogram, unit: str, scaled: bool) -> list[str]:
    """A histogram as bars, and its quantiles."""
    bounds = [f"≤ {_shown.number(bound, unit, scaled)}" for bound in histogram.bounds] + ["above"]
    width, most = max(map(len, bounds)), max(histogram.counts)
    bars = ["█" * round(_BAR * count / most) if most else "" for count in histogram.counts]
    counts = [_shown.number(count, "", scaled) for count in histogram.counts]
    lines = [f"{part[0]:>{width}} {part[1]:<{_BAR}} {part[2]}" for part in zip(bounds, bars, counts, strict=True)]
    return [*lines, "", f"Since the beginning: {_shown.whole(histogram, unit, scaled)}"]


def of_process(path: str) -> Text:
    """All about the process that writes a file."""
    return lambda view, scaled: _process(view, path, scaled)


def _process(view: View, path: str, scaled: bool) -> list[str]:
    process = next((one for one in view.processes if one.path == path), None)
    if process is None:
        return [f"{path} is not there now."]
    lived = f"{_shown.age(view.time - process.created / 10**9)} ago" if process.created else ""
    facts: list[tuple[str, Any]] = [
        ("file", f"{path}, version {process.version}"),
        ("application", process.app),
        ("host", process.host),
        ("process", process.pid),
        ("thread", process.thread),
        ("state", f"{process.state}: {process.reason}" if process.reason else process.state),
        ("made", lived),
    ]
    lines = [f"{name:<12}{said or _shown.NONE}" for name, said in facts]
    values = [(name, _shown.whole(value, family.unit, scaled)) for family, name, value in _rows.of_file(view, path)]
    return [*lines, "", "What it says:", *_listed(values)]


def _listed(pairs: list[tuple[str, str]]) -> list[str]:
    """Lines of two columns."""
    width = max((len(first) for first, _ in pairs[:MOST_LINES]), default=0)
    lines = [f"  {first:<{width}}  {second}" for first, second in pairs[:MOST_LINES]]
    return [*lines, f"  and {len(pairs) - MOST_LINES} more"] if len(pairs) > MOST_LINES else lines
