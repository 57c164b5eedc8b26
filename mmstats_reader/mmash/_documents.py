"""What is published, as documents of the JSON API.

A value is what `json_value` makes of it: also ``"NaN"``, ``"+Inf"``, ``"-Inf"``, null for unset, and objects for
summaries and histograms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from mmstats_format import FormatError

from .. import Family, Process, View
from .._families import full_name
from .._json import json_value
from .._openmetrics import by_writer, flat


def _mean(values: Sequence[Any]) -> float:
    return float(sum(values)) / len(values)


#: What one value is made of several by, under the names that the original has for it.
AGGREGATIONS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "avg": _mean,
    "one": lambda values: values[0],
    "max": max,
    "min": min,
    "sum": sum,
    "nonzero-avg": lambda values: _mean([value for value in values if value]),
    "nonzero-min": lambda values: min(value for value in values if value),
}


def families(looked: str, view: View) -> dict[str, object]:
    """All metrics, what they are, and their values over all files; and where was looked for them."""
    return {
        "looked": looked,
        "families": [_family(family) for family in view],
        "conflicts": [str(conflict) for conflict in view.conflicts],
        "complete": view.complete,
        **_said(view),
    }


def processes(view: View) -> dict[str, object]:
    """Who publishes, and whether they live."""
    names = ("path", "app", "host", "pid", "thread", "version", "state", "reason", "created")
    return {
        "processes": [{name: getattr(process, name) for name in names} for process in view.processes],
        **_said(view),
    }


def _said(view: View) -> dict[str, object]:
    errors = [{"path": path, "error": reason(error)} for path, error in view.errors.items()]
    return {"errors": errors, "time": view.time}


def reason(error: Exception) -> str:
    """What is wrong with a file, without its path."""
    if isinstance(error, FormatError):
        return str(error).removeprefix(f"{error.filename}: ")
    return getattr(error, "strerror", None) or str(error)


def _family(family: Family) -> dict[str, object]:
    found = []
    for values, name, labels, value in series_of(family):
        unconfirmed = values in family.unconfirmed
        found.append({"labels": labels, "name": name, "value": json_value(value), "unconfirmed": unconfirmed})
    about = ("name", "kind", "type", "unit", "help", "combination", "labels", "states")
    bounds = [json_value(bound) for bound in family.bounds]
    return {**{name: getattr(family, name) for name in about}, "bounds": bounds, "series": found}


def series_of(family: Family) -> Iterator[tuple[tuple[str, ...], str, dict[str, str], Any]]:
    """The series of a family: label values, full name, labels, and value.

    Where each writer's value stands by itself, each is a series, and has labels that tell the writer (FORMAT.md 3.13).
    """
    for values, value in family.series.items():
        own = dict(zip(family.labels, values, strict=True))
        if family.combination != "all":
            yield values, full_name(family.name, family.labels, values), own, value
            continue
        for writer, each in by_writer(value):
            names, said = (*family.labels, *writer), (*values, *writer.values())
            yield values, full_name(family.name, names, said), own | writer, each


def statistics_of(view: View, begin: str = "", *, exact: bool = False, pattern: str = "") -> dict[str, list[Any]]:
    """The original's statistics: by name, sorted, the values that the files say, one of each that says any.

    Args:
        view: all that there is.
        begin: with what the names begin.
        exact: they are equal to it instead.
        pattern: of the files that are meant.
    """
    found: dict[str, list[Any]] = {}
    for snapshot in view.snapshots:
        if not _meant(snapshot.path, pattern):
            continue
        for name, value in flat(snapshot):
            if value is not None and (name == begin if exact else name.startswith(begin)):
                found.setdefault(name, []).append(value)
    return dict(sorted(found.items()))


def files(view: View, pattern: str) -> list[str]:
    """The files that say something, of those that are meant."""
    return [snapshot.path for snapshot in view.snapshots if _meant(snapshot.path, pattern)]


def _meant(path: str, pattern: str) -> bool:
    """Whether a file is meant: by its name, or by its path where the pattern has a slash; of those read, no others."""
    return not pattern or fnmatchcase(path if "/" in pattern else path.rpartition("/")[2], pattern)


def kinds_of(processes: Iterable[Process]) -> dict[str, int]:
    """How many live, are dead, or may be either."""
    counts = Counter(process.state for process in processes)
    return {state: counts[state] for state in ("live", "dead", "unknown")}
