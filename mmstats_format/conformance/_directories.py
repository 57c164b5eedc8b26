"""The files of a directory that tests of combiners, exporters and folders make, and what it has to say together.

Rule 1: a file's writer and the time of its creation go by its number; of its writer nothing is known.
Rule 2: families, series, states and files are compared in one order: P-17 asks for none.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .. import layout
from .._codec import build, parse
from .._document import Document
from .._document2 import Document2
from . import _files
from ._case import NotApplicable
from ._files import document
from ._program import Failure, Talk, shown
from ._reading import expect
from ._scenarios import NAN, After, bits, family, plain

Files = Mapping[str, bytes]
Slots = dict[tuple[str, ...], _files.Metric]
#: A user who is neither the superuser nor, as a rule, anybody.
STRANGER = 54321
SUFFIX = ".mmstats"
#: In which families of one name may not differ (V2-C3).
APART = ("name", "kind", "type", "combination", "unit", "labels")
CLOSED = layout.V2_STATES["closed"]
#: What the kit takes for file systems of this machine; others are not tried.
_LOCAL = ("btrfs", "ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs", "zfs")


class Total(NamedTuple):
    """Files of a directory, and what they say together."""

    name: str
    rules: tuple[str, ...]
    files: Sequence[bytes]
    expected: Sequence[After]


def who(number: int) -> bytes:
    """The writer id of the file of this number."""
    return struct.pack("<QQ", 0x6B6974, number)


def file(number: int, *metrics: _files.Metric, **header: Any) -> bytes:
    """A file, with a writer id and a time of creation by its number; of its writer nothing is known."""
    return build(document(*metrics, **{"writer_id": who(number), "created": number, **header}))


def archive(number: int, *metrics: _files.Metric, folded: Sequence[int] = (), **header: Any) -> bytes:
    """An archive, in which the writers of these numbers are folded."""
    those = [who(one) for one in folded]
    return file(number, *metrics, folded=those, host="", features=(), **{"incompatible": 1, "state": 2, **header})


def with_features(content: bytes, features: int) -> bytes:
    """The file with these incompatible features, known or not."""
    found = changed(content, layout.V2_HEADER_AT_CRC, struct.pack("<LL", 0, features))
    return changed(
        found, layout.V2_HEADER_AT_CRC, struct.pack(layout.V2_CRC, zlib.crc32(found[: layout.V2_CHECKED_HEADER]))
    )


def changed(content: bytes, offset: int, other: bytes) -> bytes:
    """The content with other bytes there."""
    return content[:offset] + other + content[offset + len(other) :]


def file1(*fields: Any) -> bytes:
    """A version 1 file."""
    return build(Document(fields))


def put(directory: Path, files: Files) -> None:
    """Have these files in a directory; each appears whole."""
    for name, content in files.items():
        temporary = directory / f".{name}.new"
        temporary.write_bytes(content)
        temporary.rename(directory / name)


def give_away(path: Path) -> None:
    """Let a file be another user's."""
    if os.geteuid():
        raise NotApplicable("only the superuser can give files to other users")
    os.chown(path, STRANGER, -1)


def local(directory: Path) -> None:
    """It has to be on a file system of this machine (V2-L3)."""
    target = os.stat(directory).st_dev
    device = f"{os.major(target)}:{os.minor(target)}"
    lines = [line.split(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    types = {there.split()[0] for head, there in lines if head.split()[2] == device}
    if not types & {*_LOCAL}:
        raise NotApplicable(
            f"{directory} is on {', '.join(types) or 'an unknown file system'}: let TMPDIR name one of this machine"
        )


def everyone(*values: Any) -> list[dict[str, Any]]:
    """The values of what is combined by all, file by file; None is unset."""
    return [{"file": place, "value": value} for place, value in enumerate(values) if value is not None]


def hits(value: object, kind: str = "unsigned", **more: Any) -> After:
    """The counter `hits`, which is in most directories."""
    return plain(family("hits", "counter", kind, **more), str(value) if isinstance(value, int) else value)


def gauges(combination: str, kind: str, value: Any, **more: Any) -> After:
    """The gauge `level`."""
    return plain(family("level", "gauge", kind, combination, **more), value)


def polled(talk: Talk) -> dict[str, Any]:
    """The next pass of a combiner."""
    found = talk.ask()
    if not isinstance(found, dict) or found.keys() != {"writers", "families", "errors", "apart", "complete"}:
        raise talk.failure(f"printed {shown(found)} where writers, families and so on were expected")
    return found


def expect_totals(found: Any, expected: Sequence[After], names: Sequence[str] = (), what: str = "the totals") -> None:
    """A pass has to say this of its families; `names` are those of the files that `everyone` counts."""
    try:
        those = _sorted(found)
    except (KeyError, TypeError, AttributeError):
        raise Failure(f"{what}: these are no families: {shown(found)}") from None
    wanted = _sorted([after.canonical() for after in expected], names)
    for one, other in zip(those, wanted, strict=False):
        for key, value in other.items():
            if isinstance(value, frozenset) and one.get(key) in value:
                other[key] = one[key]
    expect(those, [{key: _listed(value) for key, value in other.items()} for other in wanted], what)


def _listed(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _sorted(families: Sequence[dict[str, Any]], names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Families, series, states and values of all in one order, and every NaN the same."""
    found = []
    for declared in families:
        series = [
            one | {"value": _value(declared["combination"], one["value"], names)}
            for one in sorted(declared["series"], key=lambda one: list(one["labels"]))
        ]
        found.append(declared | {"series": series, "states": sorted(declared["states"])})
    return sorted(found, key=lambda declared: [declared[key] for key in APART])


def _value(combination: str, value: Any, names: Sequence[str]) -> Any:
    if combination == "all":
        pairs = [{"file": names[one["file"]], "value": one["value"]} if names else one for one in value or []]
        return sorted(({**one, "value": _number(one["value"])} for one in pairs), key=lambda one: str(one["file"]))
    if isinstance(value, dict):
        return {key: _number(part) for key, part in value.items()}
    return _number(value)


def _number(value: Any) -> Any:
    """Of a NaN the bits are nobody's concern."""
    if isinstance(value, str) and len(value) == len(NAN):
        with contextlib.suppress(ValueError):
            if math.isnan(struct.unpack(">d", bytes.fromhex(value))[0]):
                return NAN
    return value


def state_of(content: bytes) -> str:
    if content[0] == layout.V1_VERSION:
        return "unknown"
    document = parse(content)
    assert isinstance(document, Document2)
    if document.header.incompatible:
        return "archive"
    return "closed" if document.header.state == CLOSED else "unknown"


def summary_value(count: int, *parts: float | None) -> dict[str, Any]:
    values = [None if part is None else bits(part) for part in parts]
    return {"count": str(count), **dict(zip(("sum", "min", "max", "last"), values, strict=True))}
