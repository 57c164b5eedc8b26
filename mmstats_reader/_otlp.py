"""What a view is to OpenTelemetry: its metrics, made for any exporter of OpenTelemetry's Python library.

Rule 1: what only grows is a total over all files, cumulative: what was not delivered once is in the next.
Rule 2: a total that only grows has one beginning. It gets another where it has fallen all the same, and never else.
Rule 3: whatever a file says can be delivered: no value, name or label of it keeps the rest from a collector.
"""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics import export
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from mmstats_format import __version__

from ._families import Family, Process
from ._view import View

#: OpenTelemetry's units are those of UCUM; what has none there stands in braces.
_UNITS = {
    "seconds": "s",
    "milliseconds": "ms",
    "microseconds": "us",
    "nanoseconds": "ns",
    "minutes": "min",
    "hours": "h",
    "days": "d",
    "bytes": "By",
    "kilobytes": "kBy",
    "megabytes": "MBy",
    "gigabytes": "GBy",
    "kibibytes": "KiBy",
    "mebibytes": "MiBy",
    "gibibytes": "GiBy",
    "bits": "bit",
    "ratio": "1",
    "percent": "%",
    "hertz": "Hz",
    "celsius": "Cel",
    "meters": "m",
    "grams": "g",
    "joules": "J",
    "watts": "W",
    "volts": "V",
    "amperes": "A",
}
_LONGEST_UNIT = 63

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.\-/]")
_NOT_IN_A_UNIT = re.compile(r"[^!-z|~]")
_LONGEST_NAME = 255
#: The metrics that a summary becomes: OpenTelemetry has none that its Python library could push.
_PARTS = (".count", ".sum", ".min", ".max", ".last")

#: The attributes that tell writers apart, by OpenTelemetry's conventions.
_PID, _THREAD, _FILE = "process.pid", "thread.id", "file.path"
_STATE, _TEXT = "state", "value"

#: The service of files that name no application.
_NAMELESS = "mmstats"

_MOST = (1 << 63) - 1
_CUMULATIVE = export.AggregationTemporality.CUMULATIVE

#: Attributes and value of a series.
_Point = tuple[dict[str, Any], Any]


class _Last(NamedTuple):
    """What was said last of a series that only grows."""

    start: int
    time: int
    amount: int | float


class History:
    """What was made of the views of one `Directory` so far: since when its totals count, and how far they had come.

    Its resource says who pushes: the host, as ``host.name`` and ``service.instance.id``, and what the environment adds
    or says instead in ``OTEL_RESOURCE_ATTRIBUTES`` and ``OTEL_SERVICE_NAME``.
    """

    def __init__(self) -> None:
        given = OTELResourceDetector().detect().attributes
        host = {name: socket.gethostname() for name in ("host.name", "service.instance.id") if name not in given}
        self._resource, self._named = Resource.create(host), "service.name" in given
        self._starts: dict[str, int] = {}
        self._last: dict[object, _Last] = {}

    def services(self, view: View) -> Iterator[tuple[Resource, View]]:
        """The resources, and what belongs to each: one for each application, or one where the environment names it."""
        if self._named:
            yield self._resource, view
            return
        taken: set[str] = set()
        for app, part in sorted(view.applications.items(), key=lambda item: not item[0]):  # the nameless last
            name = app or _NAMELESS
            while name in taken:
                name += "_"
            taken.add(name)
            yield self._resource.merge(Resource({"service.name": name})), part

    def start(self, service: str, view: View, now: int) -> int:
        """When a service began to count, Unix nanoseconds: with the first file of those that were there at first."""
        if service not in self._starts:
            created = [snapshot.process.created for snapshot in view.snapshots]
            self._starts[service] = min([one for one in created if 0 < one <= now], default=now)
        return self._starts[service]

    def start_of(self, key: object, start: int, now: int, amount: int | float) -> int:
        """Since when a total counts that has come so far."""
        last = self._last.get(key)
        if last is not None:
            start = last.start if amount >= last.amount else last.time
        self._last[key] = _Last(start, now, amount)
        return start


def metrics_data(view: View, history: History | None = None) -> export.MetricsData:
    """What a view says, as OpenTelemetry's library has it, for any of its exporters.

    Args:
        view: what was read; not to be used by another thread meanwhile.
        history: of the views before it, which this one goes into. Without, this is the first.
    """
    history = History() if history is None else history
    scope = InstrumentationScope("mmstats", __version__)
    found = []
    for resource, part in history.services(view):
        metrics = _Service(str(resource.attributes["service.name"]), part, history).metrics
        if metrics:
            found.append(export.ResourceMetrics(resource, [export.ScopeMetrics(scope, metrics, "")], ""))
    return export.MetricsData(found)


class _Service:
    """Makes the metrics of one resource.

    Attributes:
        metrics: all of them.
    """

    def __init__(self, name: str, view: View, history: History) -> None:
        self._name, self._history, self._now = name, history, int(view.time * 10**9)
        self._start = history.start(name, view, self._now)
        self.metrics: list[export.Metric] = []
        names = _Names()
        for legal, family in sorted([(_legal(family.name), family) for family in view], key=_precedence):
            unit, points = _unit(family.unit), list(_points(family))
            match family.kind:
                case "counter":
                    self._counter(names.free(legal), unit, family.help, points)
                case "histogram":
                    self._histogram(names.free(legal), unit, family.help, points)
                case "summary":
                    self._summary(names.free(legal, _PARTS), unit, family.help, points)
                case "state set":
                    self._sum(names.free(legal), "", family.help, _states(family, points))
                case "text":
                    infos = [(attributes | {_TEXT: text}, 1) for attributes, text in points]
                    self._gauge(names.free(legal), "", family.help, infos)
                case _ if family.combination == "sum":
                    self._sum(names.free(legal), unit, family.help, points)
                case _:
                    self._gauge(names.free(legal), unit, family.help, points)

    def _counter(self, name: str, unit: str, help_: str, points: Iterable[_Point]) -> None:
        """A sum that only grows; what is negative or not a number is none."""
        made = []
        for attributes, value in points:
            if value >= 0:
                start = self._history.start_of(self._key(name, attributes), self._start, self._now, value)
                made.append(self._number(attributes, value, start))
        self._add(name, unit, help_, export.Sum(made, _CUMULATIVE, is_monotonic=True))

    def _histogram(self, name: str, unit: str, help_: str, points: Iterable[_Point]) -> None:
        """A histogram; it has no sum where values may be negative, as that is no total then."""
        made = []
        for attributes, value in points:
            start = self._history.start_of(self._key(name, attributes), self._start, self._now, value.count)
            grows = value.sum >= 0 and not any(bound < 0 for bound in value.bounds[:1])
            made.append(
                export.HistogramDataPoint(
                    attributes=attributes,
                    start_time_unix_nano=start,
                    time_unix_nano=self._now,
                    count=value.count,
                    sum=value.sum if grows else None,  # type: ignore[arg-type]  # which the protocol may lack
                    bucket_counts=value.counts,
                    explicit_bounds=value.bounds,
                    min=None,  # type: ignore[arg-type]
                    max=None,  # type: ignore[arg-type]
                )
            )
        self._add(name, unit, help_, export.Histogram(made, _CUMULATIVE))

    def _summary(self, name: str, unit: str, help_: str, points: Sequence[_Point]) -> None:
        """A counter, a sum that can fall as values may be negative, and gauges of what there is."""

        def of(part: str) -> list[_Point]:
            found = [(attributes, getattr(value, part)) for attributes, value in points]
            return [(attributes, value) for attributes, value in found if value is not None]

        self._counter(name + ".count", "", help_, of("count"))
        self._sum(name + ".sum", unit, help_, of("sum"))
        for part in ("min", "max", "last"):
            self._gauge(f"{name}.{part}", unit, help_, of(part))

    def _sum(self, name: str, unit: str, help_: str, points: Iterable[_Point]) -> None:
        """A sum that can fall: what writers have of it adds up."""
        made = [self._number(attributes, value, self._start) for attributes, value in points]
        self._add(name, unit, help_, export.Sum(made, _CUMULATIVE, is_monotonic=False))

    def _gauge(self, name: str, unit: str, help_: str, points: Iterable[_Point]) -> None:
        made = [self._number(attributes, value, 0) for attributes, value in points]
        self._add(name, unit, help_, export.Gauge(made))

    def _key(self, name: str, attributes: dict[str, Any]) -> object:
        return self._name, name, tuple(attributes.items())

    def _number(self, attributes: dict[str, Any], value: int | float, start: int) -> export.NumberDataPoint:
        return export.NumberDataPoint(attributes, start, self._now, _number(value))

    def _add(self, name: str, unit: str, help_: str, data: export.Sum | export.Gauge | export.Histogram) -> None:
        """One more metric, if it has points."""
        if data.data_points:
            self.metrics.append(export.Metric(name, help_, unit, data))


class _Names:
    """Gives each metric a name that no other has; to OpenTelemetry they are the same in upper and lower case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: Counter[str] = Counter()

    def free(self, wanted: str, parts: Sequence[str] = ("",)) -> str:
        """A name for a metric, or for several with these parts behind it; with a number where it is taken."""
        room = _LONGEST_NAME - max(map(len, parts))
        first = wanted[:room].lower()
        while True:
            # Where it left off: as many names as one likes become equal in no more than so many steps.
            count = self._numbers[first] = self._numbers[first] + 1
            number = f"_{count}" if count > 1 else ""
            name = wanted[: room - len(number)] + number
            names = {(name + part).lower() for part in parts}
            if self._taken.isdisjoint(names):
                self._taken |= names
                return name


def _legal(name: str) -> str:
    """The name as OpenTelemetry lets it be: with ``_`` for other characters, and a letter at its beginning."""
    name = _NOT_IN_A_NAME.sub("_", name)
    return name if name[0].isalpha() else "mmstats." + name


def _precedence(named: tuple[str, Family]) -> Any:
    """Names that stay as they are come first."""
    name, family = named
    return name != family.name, family.name, family.kind, family.type, family.combination, family.unit, family.labels


def _unit(unit: str) -> str:
    if not unit or unit in _UNITS.values():
        return unit
    return _UNITS.get(unit) or "{" + _NOT_IN_A_UNIT.sub("_", unit)[: _LONGEST_UNIT - 2] + "}"


def _points(family: Family) -> Iterator[_Point]:
    """The attributes and value of each series that is set, or of each writer's value."""
    added = {"state set": {_STATE}, "text": {_TEXT}}.get(family.kind, set())
    if family.combination == "all":
        added = added | {_PID, _THREAD, _FILE}
    keys: list[str] = []
    for label in family.labels:
        key = label
        while key in added or (key != label and key in (*family.labels, *keys)):
            key += "_"
        keys.append(key)
    for values, value in family.series.items():
        own = dict(zip(keys, values, strict=True))
        if family.combination == "all":
            for writer, each in _by_writer(value):
                yield own | writer, each
        elif value is not None:
            yield own, value


def _by_writer(pairs: Iterable[tuple[Process, Any]]) -> Iterator[_Point]:
    """Each writer's value, with the attributes that tell it; with the file's where others are the same."""
    pairs = list(pairs)
    times = Counter((process.pid, process.thread) for process, _ in pairs)
    for process, value in pairs:
        attributes: dict[str, Any] = {_PID: _number(process.pid), _THREAD: _number(process.thread)}
        if times[process.pid, process.thread] > 1:
            attributes[_FILE] = process.path.encode("utf-8", "backslashreplace").decode()
        yield attributes, value


def _states(family: Family, points: Iterable[_Point]) -> Iterator[_Point]:
    """Of each state whether it is the active one."""
    for attributes, active in points:
        for state in family.states:
            yield attributes | {_STATE: state}, state == active


def _number(value: int | float) -> int | float:
    """A number as the protocol has them: integers of 64 bits with a sign, else floats."""
    if isinstance(value, int):
        return int(value) if value <= _MOST else float(value)
    return value
