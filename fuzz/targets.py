"""What is fuzzed, each a function that takes an input and raises where something is wrong with the code.

Rule 1: nothing but a `FormatError` leaves a reader or the schema.
Rule 2: what an input shows depends on it alone: what readers remember is forgotten before each.
Rule 3: memory is bounded by the input's size (G-4).
"""

from __future__ import annotations

import hashlib
import tempfile
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mmstats_testing.answers import by_reader, by_schema, error_of, forget

from mmstats_format import CODES, FormatError, build, parse
from mmstats_format.declaration import CUMULATIVE
from mmstats_reader import Directory, Reader, Snapshot, View

from .inputs import PLACES, directories, files_of, vectors

#: Bytes of memory that may be in use at a time: in any case, and for each byte of the input. The objects of a version 1
#: field, which may have 8 bytes, take some 200 times as many.
MOST_FIXED, MOST_TIMES = 1 << 18, 512


class Wrong(AssertionError):
    """The code does not hold to the specification, or to what it promises."""


class Target(NamedTuple):
    """Something that is fuzzed.

    Attributes:
        run: takes an input; raises where something is wrong.
        seeds: the first inputs.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def read_by_reader(data: bytes) -> None:
    """The reader, asked for all that a file says, and again with what it has learnt of the file."""
    forget()
    reader = Reader(_stored(data))
    _equal("the second reading", _all_said(reader), "the first", _all_said(reader))


def read_by_schema(data: bytes) -> None:
    """The schema; what it has read it builds again."""
    try:
        document = parse(data)
    except FormatError as error:
        _check_error(error)
        return
    document.canonical()
    _equal("the document that was built", parse(build(document)), "that of the input", document)


def compare(data: bytes) -> None:
    """The reader against the schema: the same values, or the same error in the same place (G-2, G-3)."""
    forget()
    path = _stored(data)
    expected = by_schema(data)
    for _ in range(2):
        _equal("the reader", by_reader(path), "the schema", expected)


def read_directory(data: bytes) -> None:
    """A directory, by calls and through mappings, and once more after files have come, gone and changed.

    An odd number of files has the later ones written over the first, in place. No writer does that (V2-W5), so what is
    read then is left open.
    """
    forget()
    files = files_of(data)[: 2 * PLACES]
    in_place = bool(len(files) % 2)
    _put([])
    with Directory(_directory()) as calls, Directory(_directory(), mapped=True) as mapped:
        for number, some in enumerate((files[:PLACES], files[PLACES:])):
            paths = _put(some, in_place)
            view = calls.poll()
            said, said_too = _digest(_view_said(view)), _digest(_view_said(mapped.poll()))
            if not (number and in_place):
                errors = {path: _said_of(error) for path, error in view.errors.items()}
                alone = {str(path): error for path in paths if (error := _error(path))}
                _equal("the directory's errors", errors, "the files'", alone)
                _equal("what is read by mappings", said_too, "by calls", said)


def run_bounded(target: Target, data: bytes) -> None:
    """A target, and whether it goes beyond the memory that the input's size allows it; rule 3.

    What an interpreter does once for itself, such as making a table larger, does not count: a fault is there each time.
    """
    target.run(data)
    most = MOST_FIXED + MOST_TIMES * len(data)
    if _memory(target, data) > most and (used := _memory(target, data)) > most:
        raise Wrong(f"{used} bytes of memory for an input of {len(data)} bytes, where {most} would be enough")


def _memory(target: Target, data: bytes) -> int:
    """Bytes in use at most while a target runs."""
    tracemalloc.start()
    try:
        target.run(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


TARGETS = {
    "version1": Target(read_by_reader, lambda: vectors(1)),
    "version2": Target(read_by_reader, lambda: vectors(2)),
    "schema": Target(read_by_schema, lambda: vectors(1, 2)),
    "agreement": Target(compare, lambda: vectors(1, 2)),
    "directory": Target(read_directory, directories),
}


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="mmstats-fuzz-")


def _directory() -> Path:
    """Where the files are; one directory for a process."""
    return Path(_temporary().name)


def _stored(data: bytes) -> Path:
    """A file of this content."""
    path = _directory() / "file"
    path.write_bytes(data)
    return path


def _put(files: Sequence[bytes], in_place: bool = False) -> list[Path]:
    """Have these files in the directory, and no others; gives their paths."""
    paths = [_directory() / f"{place}.mmstats" for place in range(PLACES)]
    for path, content in zip(paths, files, strict=False):
        target = path if in_place else path.with_suffix(".new")
        target.write_bytes(content)
        target.rename(path)
    for path in paths[len(files) :]:
        path.unlink(missing_ok=True)
    return paths[: len(files)]


def _error(path: Path) -> Any:
    """The error in which the reading of a file alone ends."""
    try:
        Reader(path).poll()
    except FormatError as error:
        return _said_of(error)
    return None


def _said_of(error: Exception) -> Any:
    return error_of(error) if isinstance(error, FormatError) else error


def _all_said(reader: Reader) -> bytes:
    try:
        snapshot = reader.poll()
    except FormatError as error:
        _check_error(error)
        return str(error).encode()
    return _digest(_snapshot_said(snapshot))


def _snapshot_said(snapshot: Snapshot) -> Iterator[Any]:
    """All that a snapshot can be asked for."""
    yield snapshot, snapshot.process, len(snapshot)
    yield from snapshot
    for name, family in snapshot.families.items():
        yield snapshot[name], tuple(family)
    yield from sorted(snapshot.unconfirmed)


def _view_said(view: View) -> Iterator[Any]:
    """All that a view can be asked for, but for rates, which are of the time too."""
    yield view, view.complete, sorted(view.errors)
    yield from view.processes
    yield from view.conflicts
    yield from map(tuple, view)
    for name in {family.name: None for family in view}:
        family = view[name]
        if family.combination != "all":
            yield view.total(name)
        if family.kind == "histogram":
            yield family.quantile(0.5)
        if family.kind in CUMULATIVE:
            view.rate(name)


def _digest(said: Iterable[Any]) -> bytes:
    """What is equal where all of it is, without holding it; NaNs are one, and as any number not equal to a text."""
    digest = hashlib.sha256()
    for part in said:
        digest.update(repr(part).encode("utf-8", "surrogatepass"))
    return digest.digest()


def _check_error(error: FormatError) -> None:
    if error.code not in CODES or error.offset is None or error.offset < 0:
        raise Wrong(f"an error without a code or a place: {error!r}") from error


def _equal(one: str, said: Any, other: str, expected: Any) -> None:
    if said != expected:
        raise Wrong(f"{one} and {other} differ:\n{said!r}\n{expected!r}")
