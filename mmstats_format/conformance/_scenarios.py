"""Scenarios for writers (CONFORMANCE.md P-8 to P-11): how they are put together and run.

Rule 1: each runs in an empty directory, and what is in it afterwards is part of the result.
"""

from __future__ import annotations

import json
import os
import resource
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import _files
from ._program import Failure, Program, Talk, shown
from ._reading import expect

OVERFLOW = "__overflow__"
NAN, INFINITE = "7ff8000000000000", "7ff0000000000000"
NOTHING = {"count": "0", "sum": "0000000000000000", "min": None, "max": None, "last": None}


def bits(number: float) -> str:
    """A float in the canonical document (J-3)."""
    return struct.pack(">d", number).hex()


def family(
    name: str, kind: str, kind_of_value: str = "unsigned", combination: str = "sum", **more: Any
) -> dict[str, Any]:
    """A family as scenarios and documents have it, without its series."""
    empty = {"kept": False, "unit": "", "help": "", "labels": [], "bounds": [], "states": [], "capacity": "0"}
    return {"name": name, "kind": kind, "type": kind_of_value, "combination": combination, **empty, **more}


def counter(name: str = "hits", kind: str = "unsigned", **more: Any) -> dict[str, Any]:
    """A counter."""
    return family(name, "counter", kind, **more)


def text(name: str, capacity: int, **more: Any) -> dict[str, Any]:
    """A text."""
    return family(name, "text", "text", "all", capacity=str(capacity), **more)


def histogram(name: str, *bounds: float, **more: Any) -> dict[str, Any]:
    """A histogram."""
    return family(name, "histogram", "float", bounds=[bits(bound) for bound in bounds], **more)


def states(name: str, *names: str, **more: Any) -> dict[str, Any]:
    """A state set."""
    return family(name, "state set", "unsigned", "all", states=list(names), **more)


def do(what: str, name: str, value: Any = None, *labels: str) -> dict[str, Any]:
    """A step on a series."""
    step: dict[str, Any] = {"do": what, "name": name}
    if what != "series":
        step["value"] = value
    return step | {"labels": list(labels)} if labels else step


def inc(name: str, value: Any = "1", *labels: str) -> dict[str, Any]:
    """A step that adds."""
    return do("inc", name, value, *labels)


def wait(name: str = "there") -> dict[str, Any]:
    """A step that waits for the kit."""
    return {"do": "wait", "name": name}


class After(NamedTuple):
    """A family, and the values of its series that are expected: by their labels, in order."""

    family: dict[str, Any]
    series: dict[tuple[str, ...], Any]

    def canonical(self) -> dict[str, Any]:
        """As the document has it."""
        series = [{"labels": list(labels), "value": value} for labels, value in self.series.items()]
        return {name: value for name, value in self.family.items() if name != "limit"} | {"series": series}


def plain(declared: dict[str, Any], value: Any) -> After:
    """A family without labels, and its value."""
    return After(declared, {(): value})


def scenario(families: Sequence[dict[str, Any]], *steps: dict[str, Any]) -> dict[str, Any]:
    """A scenario of version 2."""
    return {"version": 2, "app": "shop", "host": "box", "families": list(families), "steps": list(steps)}


def scenario1(fields: Sequence[dict[str, Any]], *steps: dict[str, Any]) -> dict[str, Any]:
    """A scenario of version 1."""
    return {"version": 1, "fields": list(fields), "steps": list(steps)}


def field(label: str, signature: str, value: Any = None, buffered: bool = True) -> dict[str, Any]:
    """A field of version 1 in a scenario."""
    declared = {"label": label, "type": signature, "buffered": buffered}
    return declared if value is None else declared | {"value": value}


def prepared(directory: Path, content: dict[str, Any], name: str = "it.mmstats") -> tuple[Path, Path]:
    """The scenario's file, and the path of the file that is to be made, in an empty directory."""
    path = directory / "scenario.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    (directory / "out").mkdir(exist_ok=True)
    return path, directory / "out" / name


def written(program: Program, directory: Path, content: dict[str, Any], **more: Any) -> Path:
    """Run a scenario without waits to its end, and give the path of the one file that it left."""
    status, lines = program.answer(*prepared(directory, content), **more)
    out = directory / "out"
    if status or len(lines) != 1 or not isinstance(lines[0], dict) or lines[0].keys() != {"path"}:
        raise Failure(f"status {status}, and it printed {shown(lines)}, where one line with the path was expected")
    path = Path(lines[0]["path"])
    if os.listdir(out) != [path.name] or path.parent != out:
        raise Failure(f"it left {sorted(os.listdir(out))}, and printed the path {path}")
    return path


def refused(program: Program, directory: Path, content: dict[str, Any], why: str, **more: Any) -> None:
    """A writer cannot be made: it says so, and leaves nothing."""
    status, lines = program.answer(*prepared(directory, content), **more)
    if status != 1 or not lines or not isinstance(lines[-1], dict) or lines[-1].keys() != {"error"}:
        raise Failure(f"{why}: status {status}, and it printed {shown(lines)}, where an error was expected")
    if left := os.listdir(directory / "out"):
        raise Failure(f"{why}: it left {left}")


def families(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The families of a document that have series, sorted, and so are their series (CONFORMANCE.md P-8)."""
    return sorted_families(declared for declared in found["families"] if declared["series"])


def sorted_families(those: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Families by their names, the series by their labels."""
    return [
        declared | {"series": sorted(declared["series"], key=lambda series: series["labels"])}
        for declared in sorted(those, key=lambda declared: declared["name"])
    ]


def expect_families(found: dict[str, Any], expected: Iterable[After], what: str = "the families") -> None:
    """A document has to have these families and values, in whatever order."""
    expect(families(found), sorted_families(after.canonical() for after in expected if after.series), what)


def said(path: Path) -> dict[str, Any]:
    """The canonical document of a file that has to be whole."""
    found = _files.canonical(path.read_bytes())
    if "error" in found:
        raise Failure(f"{path.name} is malformed: {shown(found)}")
    return found


def waiting(talk: Talk, name: str = "there") -> None:
    expect(talk.expect("waiting"), name, "the step that waits")


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
