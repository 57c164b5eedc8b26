"""Pages of OpenMetrics: asked of an exporter, and read.

Rule 1: a page is read strictly, by what OpenMetrics asks for and nothing else.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._program import Failure, Program, told

#: What stands behind the name of a family in that of its samples, by type.
SUFFIXES = {
    "counter": ("_total", "_created"),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
    "info": ("_info",),
    "stateset": ("",),
    "summary": ("", "_count", "_sum", "_created"),
    "unknown": ("",),
}
_NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
_METADATA = re.compile(rf"# (TYPE|UNIT|HELP) ({_NAME}) (.*)", re.DOTALL)
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)", re.DOTALL)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,(?!$)|$)')
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Inf|NaN")
_ESCAPED = re.compile(r'\\([\\"n])')
Labels = dict[str, str]


@dataclass
class _Family:
    """A metric family of a page."""

    type: str = "unknown"
    unit: str = ""
    said: set[str] = field(default_factory=set)
    samples: list[tuple[str, Labels, float]] = field(default_factory=list)


def read(page: str) -> dict[str, Any]:
    """What a page says: of each family that has a sample its type, its unit, and the values of its samples.

    Raises:
        Failure: it is no OpenMetrics.
    """
    *lines, end, rest = page.split("\n") if "\n" in page else ["", page, "no end of line"]
    if (end, rest) != ("# EOF", ""):
        raise Failure("the page does not end in a line '# EOF'")
    families: dict[str, _Family] = {}
    name = ""
    for line in lines:
        if metadata := _METADATA.fullmatch(line):
            what, of, value = metadata.groups()
            if of != name and of in families:
                raise Failure(f"the lines of {of} do not stand together")
            family = families.setdefault(of, _Family())
            name = of
            if what in family.said or family.samples:
                raise Failure(f"{line!r} is there twice, or after a sample")
            family.said.add(what)
            if what == "TYPE":
                family.type = value
            elif what == "UNIT":
                family.unit = value
        elif sample := _SAMPLE.fullmatch(line):
            suffixes = SUFFIXES.get(families[name].type, ()) if name else ()
            if sample[1] not in [name + suffix for suffix in suffixes]:
                name = sample[1]
                if name in families:
                    raise Failure(f"the lines of {name} do not stand together")
                families[name] = _Family()
            families[name].samples.append((sample[1], _labels(line, sample[2]), _number(line, sample[3])))
        else:
            raise Failure(f"{line!r} is no line of OpenMetrics")
    _check(families)
    return {
        name: {
            "type": family.type,
            "unit": family.unit,
            "samples": {_shown(of, labels): repr(value) for of, labels, value in family.samples},
        }
        for name, family in families.items()
        if family.samples
    }


def _labels(line: str, inside: str | None) -> Labels:
    found: Labels = {}
    rest = inside or ""
    while rest:
        label = _LABEL.match(rest)
        if label is None or label[1] in found:
            raise Failure(f"{line!r} has labels that are none, or one twice")
        value = _ESCAPED.sub(lambda escaped: "\n" if escaped[1] == "n" else escaped[1], label[2])
        # Bounds can be written in several ways.
        found[label[1]] = (
            repr(_number(line, value)) if label[1] == "le" and line.partition("{")[0].endswith("_bucket") else value
        )
        rest = rest[label.end() :]
    return found


def _number(line: str, value: str) -> float:
    if not _NUMBER.fullmatch(value):
        raise Failure(f"{line!r} has {value!r} where a number belongs")
    return float(value)


def _shown(name: str, labels: Labels) -> str:
    return name + "".join(f" {label}={value!r}" for label, value in sorted(labels.items()))


def _check(families: dict[str, _Family]) -> None:
    taken: dict[str, str] = {}
    for name, family in families.items():
        if family.type not in SUFFIXES:
            raise Failure(f"{name} has the type {family.type!r}, which there is not")
        if family.unit and (not name.endswith(f"_{family.unit}") or family.type in ("info", "stateset")):
            raise Failure(
                f"{name} has the unit {family.unit!r}, which its name does not end in, or that its type has not"
            )
        for suffix in {"", *SUFFIXES[family.type]}:
            if (other := taken.setdefault(name + suffix, name)) != name:
                raise Failure(f"{name + suffix} can be of the family {name} and of {other}")
        _check_samples(name, family)


def _check_samples(name: str, family: _Family) -> None:
    """The values that a type may have, and whether what is of one metric stands together."""
    own = {"stateset": name, "histogram": "le"}.get(family.type, "")
    metrics: dict[str, list[tuple[str, Labels, float]]] = {}
    for key, group in itertools.groupby(
        family.samples, lambda sample: _shown("", {label: one for label, one in sample[1].items() if label != own})
    ):
        if key in metrics:
            raise Failure(f"the samples of {name}{key} do not stand together")
        metrics[key] = list(group)
        seen = [_shown(of, labels) for of, labels, _ in metrics[key]]
        if len({*seen}) < len(seen):
            raise Failure(f"a sample of {name}{key} is there twice")
        values = {of: value for of, _, value in metrics[key]}
        if family.type in ("counter", "summary", "histogram") and not all(value >= 0 for value in values.values()):
            raise Failure(f"a sample of {name}{key} is negative or no number")
        if family.type in ("stateset", "info"):
            if not {*values.values()} <= ({1.0} if family.type == "info" else {0.0, 1.0}):
                raise Failure(f"a sample of the {family.type} {name}{key} is neither 1 nor 0 where it may be")
            if own and not all(own in labels for _, labels, _ in metrics[key]):
                raise Failure(f"a sample of {name}{key} has no label {own}")
        if family.type == "histogram":
            _check_histogram(f"{name}{key}", name, metrics[key], values)


def _check_histogram(
    shown: str, name: str, samples: Sequence[tuple[str, Labels, float]], values: dict[str, float]
) -> None:
    buckets = [(float(labels.get("le", "nan")), value) for of, labels, value in samples if of == f"{name}_bucket"]
    bounds, counts = [bound for bound, _ in buckets], [count for _, count in buckets]
    if not bounds or bounds[-1] != math.inf or bounds != sorted(set(bounds)) or counts != sorted(counts):
        raise Failure(f"the buckets of {shown} do not ascend to +Inf")
    if (f"{name}_count" in values) != (f"{name}_sum" in values) or (f"{name}_sum" in values and bounds[0] < 0):
        raise Failure(f"{shown} has a count or sum alone, or beside a negative bound")
    if values.get(f"{name}_count", counts[-1]) != counts[-1]:
        raise Failure(f"the count of {shown} is not that of its last bucket")


def exported(program: Program, directory: Path) -> dict[str, Any]:
    """What an exporter says of a directory."""
    with program.start(directory) as talk:
        status, lines = talk.rest()
        if status:
            raise talk.failure(f"ended with {told(status)}")
        page = b"".join(lines)
        try:
            return read(page.decode())
        except UnicodeDecodeError:
            raise talk.failure("the page is no UTF-8") from None
        except Failure as failure:
            raise talk.failure(f"{failure}: {page[:2000].decode(errors='replace')}") from None
