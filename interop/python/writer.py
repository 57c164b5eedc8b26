"""The writer under the conformance kit (``spec/CONFORMANCE.md``, P-7 to P-15): ``writer.py SCENARIO FILE``.

Rule 1: threads of their own go through the steps, one after the other, so that each can end and hand its file on.
Rule 2: what the library refuses is passed over (P-12).
"""

from __future__ import annotations

import itertools
import json
import os
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from canonical import put

import mmstats
from mmstats_format import ClosedError, DeclarationError, UpdateError, layout
from mmstats_format.declaration import Declaration
from mmstats_format.types import type_of
from mmstats_writer import BaseMmStats, Field, Gauge, State, _file, _file2
from mmstats_writer._family import Behaviour
from mmstats_writer._identity import identity
from mmstats_writer._latches import Histogram, Summary, Text, TimedGauge
from mmstats_writer._words import Counter, FloatCounter, Plain

Step = dict[str, Any]
#: What the library refuses, and what it has no method for.
REFUSED = (UpdateError, DeclarationError, ClosedError, AttributeError, KeyError, TypeError, ValueError)
CANNOT = 3


class Unset:
    """Metrics of which the library's own have a value from the beginning; these are unset (P-8)."""

    def _begin(self: Any) -> None:
        self._slot[:] = self._family.unset
        self._restore()


class UnsetState(Unset, State):
    """A state set."""


class UnsetPlain(Unset, Plain):
    """A number of which it is not known what it counts, or a boolean."""


class Declared(Field[Any]):
    """A field of any family that the format has."""

    def __init__(self, family: Mapping[str, Any]) -> None:
        super().__init__(family["name"])
        if not _allowed(family["kind"], family["type"], family["combination"]):
            raise ValueError(f"{family['name']!r}: the library has no field of this kind, type and combination")
        self._family = family

    def declared(self, _: str) -> Declaration:
        """All as the scenario says it; an empty name too, where the library takes the attribute's."""
        given = {name: self._family[name] for name in Declaration._fields}
        given |= {name: tuple(given[name]) for name in ("labels", "states")}
        given |= {"bounds": tuple(map(number, given["bounds"])), "capacity": int(given["capacity"])}
        return Declaration(**given)

    def behaviour(self) -> Behaviour:
        """What is updated."""
        return Behaviour(_metric(self._family), max_series=self._family.get("limit", 1000))


def _allowed(kind: str, type_: str, combination: str) -> bool:
    types, combinations = layout.V2_ALLOWED.get(kind, ((), ()))
    return type_ in types and combination in combinations and (type_, combination) != ("boolean", "sum")


def _metric(family: Mapping[str, Any]) -> Any:
    match family["kind"]:
        case "counter":
            return FloatCounter if family["type"] == "float" else Counter
        case "gauge" if family["combination"] == "last":
            return TimedGauge
        case "gauge" if family["type"] != "boolean":
            return Gauge
    kinds = {"state set": UnsetState, "text": Text, "summary": Summary, "histogram": Histogram}
    return kinds.get(family["kind"], UnsetPlain)


def number(digits: str) -> float:
    """A float of its bits (J-3)."""
    found: float = struct.unpack(">d", bytes.fromhex(digits))[0]
    return found


class Version2:
    """What is published in version 2, by an instance of a class that is made for it."""

    def __init__(self, scenario: Mapping[str, Any], path: Path) -> None:
        self._families = {family["name"]: family for family in scenario["families"]}
        fields = {f"metric{place}": Declared(family) for place, family in enumerate(scenario["families"])}
        # The library has no other name of the host than the machine's own.
        vars(_file2)["identity"] = lambda app: identity(app)._replace(host=scenario["host"])
        made = type("Scenario", (BaseMmStats,), fields)
        self.stats = made(path.parent, _template(path.name), app=_template(scenario["app"]), format=2)
        self._metrics = {field._family["name"]: getattr(self.stats, key) for key, field in fields.items()}
        self._numbers = itertools.count(len(fields))

    @property
    def made(self) -> bool:
        """Whether this process has a file."""
        made: bool = self.stats._file.here().made
        return made

    def declare(self, family: Mapping[str, Any]) -> None:
        """Add a family."""
        metric: Any = self.stats.declare(f"metric{next(self._numbers)}", Declared(family))
        self._families[family["name"]], self._metrics[family["name"]] = family, metric

    def series(self, name: str, labels: Sequence[str]) -> Any:
        """What is updated, made if it is not there."""
        metric = self._metrics[name]
        return metric.labels(**dict(zip(self._families[name]["labels"], labels, strict=True))) if labels else metric

    def update(self, step: Step, turn: int) -> None:
        """Add, set or observe."""
        family = self._families[step["name"]]
        if family["kind"] == "text":
            given = _text(step["value"], turn, int(family["capacity"]))
        elif family["kind"] == "state set":
            given = family["states"][_turn(step["value"], turn)] if _is_turn(step["value"]) else step["value"]
        else:
            given = _number(step["value"], turn, family["type"])
        getattr(self.series(step["name"], step.get("labels", ())), step["do"])(given)


class Version1:
    """What is published in version 1, by an instance of a class that is made for it."""

    def __init__(self, scenario: Mapping[str, Any], path: Path) -> None:
        # An empty label is taken from the attribute.
        self._keys = {field["label"]: field["label"] and f"field{n}" for n, field in enumerate(scenario["fields"])}
        self._types = {field["label"]: field["type"] for field in scenario["fields"]}
        fields = {self._keys[field["label"]]: _field(field) for field in scenario["fields"]}
        self.stats = type("Scenario", (mmstats.BaseMmStats,), fields)(path.parent, _template(path.name), format=1)
        for field in scenario["fields"]:
            if field["buffered"] and "value" in field:  # these begin as zeros in the library
                self.update({"do": "set", "name": field["label"], "value": field["value"]}, 0)

    @property
    def made(self) -> bool:
        """Whether this process has a file."""
        made: bool = self.stats._file.made
        return made

    def update(self, step: Step, turn: int) -> None:
        """Add or set."""
        label, signature = step["name"], self._types[step["name"]]
        kind = type_of(signature)
        if kind.kind == "text":
            given = _text(step["value"], turn, kind.size)
        else:
            given = _number(step["value"], turn, kind.kind)
        key = self._keys[label]
        setattr(self.stats, key, getattr(self.stats, key) + given if step["do"] == "inc" else given)


def _field(field: Mapping[str, Any]) -> mmstats.Field:
    base: Any = mmstats.BufferedDescriptorField if field["buffered"] else mmstats.ReadWriteField
    made: mmstats.Field = type("Made", (base,), {"type_signature": field["type"]})(field["label"])
    try:
        kind = type_of(field["type"]).kind
    except KeyError:
        return made  # which the library refuses
    if field["buffered"] and kind == "text":
        _cannot("text has one buffer")
    if "value" in field and not field["buffered"]:
        made.initial = field["value"] if kind == "text" else _number(field["value"], 0, kind)
    elif kind == "text":
        made.initial = ""
    return made


def _template(text: str) -> str:
    """A template that stands for a text."""
    return text.replace("{", "{{").replace("}", "}}")


def _is_turn(value: Any) -> bool:
    return isinstance(value, dict)


def _turn(value: Any, turn: int) -> int:
    return turn % value["turn"] if value["turn"] else turn


def _number(value: Any, turn: int, kind: str) -> Any:
    """A number of a value type (P-10)."""
    if _is_turn(value):
        return float(_turn(value, turn)) if kind == "float" else _turn(value, turn)
    if value is None or isinstance(value, bool):
        return value
    return number(value) if kind == "float" else int(value)


def _text(value: Any, turn: int, capacity: int) -> Any:
    if not _is_turn(value):
        return value
    digits = f"{_turn(value, turn)} "
    return digits * (capacity // len(digits))


def actions(steps: Sequence[Step], turn: int = 0) -> Iterator[tuple[Step, int]]:
    """The steps as they follow one another, with the number of the innermost loop's turn."""
    for step in steps:
        if step["do"] == "loop":
            for number in itertools.count(1):
                yield from actions(step["steps"], number)
                if number == step["times"]:
                    break
        else:
            yield step, turn


class Run:
    """A scenario that is gone through."""

    def __init__(self, stats: Version1 | Version2) -> None:
        self._stats = stats
        self._told = True

    def go(self, steps: Iterator[tuple[Step, int]]) -> bool:
        """Go on with the steps, and say whether another thread is to go on."""
        if self._told:
            _ = self._stats.stats.filename  # a thread that is new takes what the one before has left
        for step, turn in steps:
            if step["do"] == "hand-over":
                return True
            self._do(step, turn)
            if not self._told and self._stats.made:
                self._tell()
        return False

    def _do(self, step: Step, turn: int) -> None:
        try:
            match step:
                case {"do": "wait"}:
                    put({"waiting": step["name"]})
                    _read_line()
                case {"do": "fork"}:
                    self._fork(step["steps"], turn)
                case {"do": "close"}:
                    _file._end()  # as at the end of the program
                case {"do": "inc" | "set" | "observe"}:
                    self._stats.update(step, turn)
                case _ if isinstance(self._stats, Version2):
                    _add(self._stats, step)
        except REFUSED as error:
            print(f"{step['do']} {step.get('name', '')!r}: {error}", file=sys.stderr)

    def _fork(self, steps: Sequence[Step], turn: int) -> None:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            return
        try:
            self._told = False
            self.go(actions(steps, turn))
        finally:
            os._exit(0)

    def _tell(self) -> None:
        self._told = True
        put({"path": self._stats.stats.filename})


def _add(stats: Version2, step: Step) -> None:
    match step:
        case {"do": "series"}:
            stats.series(step["name"], step.get("labels", ()))
        case {"do": "declare"}:
            stats.declare(step["family"])
        case {"do": "each"}:
            for place in range(step["from"], step["to"] + 1):
                stats.series(step["name"], [label.replace("#", str(place)) for label in step["labels"]])


def _read_line() -> None:
    # Byte by byte: a forked child must not have what its parent read ahead.
    while os.read(0, 1) not in (b"\n", b""):
        pass


def _has(steps: Sequence[Step], what: str) -> bool:
    return any(step["do"] == what or _has(step.get("steps", ()), what) for step in steps)


def _cannot(reason: str) -> NoReturn:
    put({"cannot": reason})
    os._exit(CANNOT)


def main(scenario: Mapping[str, Any], path: Path) -> int:
    """Make the file and go through the steps."""
    if scenario["version"] == 1 and _has(scenario["steps"], "hand-over"):
        _cannot("files of version 1 are not handed over")
    steps = actions(scenario["steps"])
    runs: list[Run] = []
    more = failed = False

    def begin() -> None:
        nonlocal failed, more
        try:
            stats = (Version2 if scenario["version"] == 2 else Version1)(scenario, path)
        except (OSError, TypeError, ValueError) as error:  # such as a DeclarationError
            failed = True
            put({"error": str(error)})
            return
        put({"path": stats.stats.filename})
        runs.append(Run(stats))
        more = runs[0].go(steps)

    def go_on() -> None:
        nonlocal more
        more = runs[0].go(steps)

    _in_thread(begin)
    while more:
        _in_thread(go_on)
    return int(failed)


def _in_thread(function: Callable[[], None]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2])))
