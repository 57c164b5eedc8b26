"""Tests of readers: every vector, and files that change while they are polled.

Rule 1: what a vector expects stands in its manifest; nothing is taken from a parser.
Rule 2: a file is changed between two polls, or by a process of its own (`_busy`).
"""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import struct
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from .. import layout
from .._codec import build
from .._document import Document, Field
from . import _files
from ._busy import LETTERS, busy
from ._case import Case, Cases
from ._files import canonical, counter, document, same, text
from ._program import REFUSED, Failure, Program, Talk, shown

#: How many polls are asked for at once while a writer is busy, and for how long at most until something has to be seen.
POLLS = 250
SECONDS = 60.0
#: How often a value has to be marked that no reader can confirm.
MARKED = 3
#: Polls of a file that is broken for moments, and after how many good ones a bad one may come: the process that breaks
#: it can be stopped by the system while it is broken, and then many polls in a row see it so. All of that so often.
FLICKERS, BAD, ROUNDS = 9000, 8, 4
#: The texts of the busy writers: few that a reader may confirm, and one that none can.
CAPACITY, LARGE = 4096, 1 << 20
#: A vector names rules for writers too, where it is a file that they leave.
_FOR_READERS = re.compile(r"(G|J|V1|V2)-[RX]?\d+").fullmatch
#: Series of the file: in no time for linear work, in more than a test is given for quadratic (40,000 were not enough).
MANY = 120_000


def cases() -> Cases:
    """All tests of readers."""
    found = [
        Case(f"reader/v{version}/{vector['id']}", rules, partial(_vector, version, vector))
        for version in _files.VERSIONS
        for vector in _files.vectors(version)
        if (rules := tuple(rule for rule in vector["rules"] if _FOR_READERS(rule)))
    ]
    return found + [Case(f"reader/{name}", rules, run) for name, rules, run in _CHANGING]


def _vector(version: int, vector: dict[str, Any], program: Program, directory: Path) -> None:
    status, printed = program.one(_files.vectors_directory(version) / vector["file"])
    if vector["result"] == "valid":
        expected, wanted = vector["document"], 0
    else:
        expected, wanted = {"error": vector["error"], "offset": vector["offset"]}, REFUSED
    if not same(printed, expected):
        raise Failure(f"{vector['shows']} Expected {_difference(printed, expected)}")
    if status != wanted:
        raise Failure(f"status {status} where {wanted} was expected")


def _difference(found: Any, expected: Any, where: str = "") -> str:
    """The first place where two values differ, in words."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in expected.keys() | found.keys():
            if key not in found or key not in expected or not same(found[key], expected[key]):
                return _difference(found.get(key), expected.get(key), f"{where}.{key}")
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            if not same(one, other):
                return _difference(one, other, f"{where}[{place}]")
    return f"{shown(expected)}{' at ' + where if where else ''}, but it printed {shown(found)}"


def expect(found: Any, expected: Any, what: str) -> None:
    """Two values have to be equal as JSON."""
    if not same(found, expected):
        raise Failure(f"{what}: expected {_difference(found, expected)}")


def _unreadable(program: Program, directory: Path) -> None:
    """What is no regular file is not opened: a pipe would make it wait for ever."""
    os.mkfifo(directory / "pipe.mmstats")
    (directory / "directory.mmstats").mkdir()
    for name in ("pipe.mmstats", "directory.mmstats", "none.mmstats"):
        expect(program.one(directory / name), (REFUSED, {"error": "unreadable"}), name)


def _many(program: Program, directory: Path) -> None:
    """Time that grows faster than the file shows."""
    path = directory / "many.mmstats"
    path.write_bytes(_with_many())
    status, printed = program.one(path)
    found = printed.get("families", []) if isinstance(printed, dict) else []
    if status or len(found) != 1 or len(found[0].get("series", [])) != MANY:
        raise Failure(f"a file of {MANY:,} series is not shown: {shown(printed)}")


def _with_many() -> bytes:
    base = document(counter("hits", labels=("a",))._replace(slots={}), room=0)
    content = bytearray(build(base))
    records = b"".join(
        _files.record(layout.V2_SERIES, struct.pack("<IH", 0, len(name)) + name, 8)
        for name in (b"%07d" % number for number in range(MANY))
    )
    head = struct.Struct(layout.V2_EXTENT)
    start = layout.V2_HEADER_SIZE
    tag, _, _, metadata, _, _, used, following, unused = head.unpack_from(content, start)
    metadata += len(records)
    values = layout.V2_EXTENT_SIZE + metadata
    size = values + 8 * MANY
    (used,) = struct.unpack("<Q", _files.control(metadata // 8))
    return bytes(
        content[:start]
        + _files.extent_head(head.pack(tag, 0, size, metadata, values, 8 * MANY, used, following, unused))
        + content[start + layout.V2_EXTENT_SIZE :]
        + records
        + bytes(8 * MANY)
    )


def field(label: str, signature: str, *buffers: bytes, index: int = 0) -> Field:
    """A field of version 1; with two buffers its index is the one that is written next."""
    return Field(label.encode(), signature, index if len(buffers) == 2 else 255, buffers)


def _version1(value: int = 5) -> bytes:
    return build(
        Document(
            (
                field("hits", "Q", struct.pack("<Q", value - 1), struct.pack("<Q", value)),
                field("name", "8s", b"kit".ljust(8, b"\0")),
            )
        )
    )


def _version2(value: int = 5, name: str = "kit", **header: Any) -> bytes:
    return build(document(counter("hits", value), text("name", name), **header))


def _polled(make: Callable[..., bytes], other: bytes, program: Program, directory: Path) -> None:
    """What a file says is what it says now, by the name's file: changed, replaced, gone, back, cut."""
    path = directory / "it.mmstats"
    path.write_bytes(make())
    with program.start("--poll", path) as talk:

        def seen(what: str) -> None:
            expect(talk.ask(), canonical(path.read_bytes()), what)

        seen("the first poll")
        seen("the second poll of a file that has not changed")
        with path.open("r+b") as file:
            file.write(make(6))
        seen("after an update")
        (directory / "new").write_bytes(make(1))
        (directory / "new").rename(path)
        seen("after the file was replaced")
        path.unlink()
        expect(talk.ask(), {"error": "unreadable"}, "after the file was removed")
        path.write_bytes(other)
        seen("after a file of another version came")
        os.truncate(path, 64)
        seen("after the file was cut")
        path.write_bytes(b"")
        seen("after the file was emptied")
        path.unlink()
        path.write_bytes(make(7))
        seen("after the file came back")
        status, rest = talk.end()
        if status or rest:
            raise talk.failure(f"ended with status {status} and further output {shown(rest)}")


def _latch_polled(program: Program, directory: Path) -> None:
    """Between updates, the published buffer is the one that the sequence word names, whatever the other holds."""
    path = directory / "it.mmstats"
    path.write_bytes(_version2())
    place = next(place for place in _files.places(path.read_bytes()) if place.family.kind == "text")
    with program.start("--poll", path) as talk, path.open("r+b", buffering=0) as file:
        for turn, letter in enumerate("xyz"):
            file.seek(place.offset + 8 + place.family.buffer * (1 - turn % 2))
            file.write(_files.text_content(letter.encode() * 9, place.family.capacity))
            expect(talk.ask(), canonical(path.read_bytes()), "a latch whose other buffer was written")
            file.seek(place.offset)
            file.write(struct.pack("<Q", turn + 1))
            expect(talk.ask(), canonical(path.read_bytes()), "a latch that was updated")


def _added(program: Program, directory: Path) -> None:
    """Families, series and an extent that come while the file is open."""
    path = directory / "it.mmstats"
    path.write_bytes(_version2())
    with program.start("--poll", path) as talk, path.open("r+b", buffering=0) as file:
        expect(talk.ask(), canonical(path.read_bytes()), "the first poll")
        whole = build(document(counter("hits", 6), text("name", "x"), counter("more", 3)))
        # The same header and extent: but for values, only what comes behind is new.
        file.write(whole)
        expect(talk.ask(), canonical(whole), "after a family was added")
        end = len(whole)
        family = build(document(counter("last", labels=("l",))._replace(slots={}), room=0))
        record = _files.records(family)[-1]
        extent = _files.extent(
            [record, _files.record(layout.V2_SERIES, struct.pack("<IH", 3, 1) + b"a", 8)], struct.pack("<Q", 9)
        )
        file.seek(end)
        file.write(extent)
        expect(talk.ask(), canonical(path.read_bytes()), "after bytes came behind the last extent")
        file.seek(layout.V2_HEADER_SIZE + layout.V2_EXTENT_AT_NEXT)
        file.write(_files.control(end // 8))
        expect(talk.ask(), canonical(path.read_bytes()), "after an extent was added")


def _late(program: Program, directory: Path) -> None:
    """An extent that has a next one is seen to grow: of the words of one call some can be older than others."""
    path = directory / "it.mmstats"
    content = bytearray(build(document(counter("hits", 6), text("name", "x"), counter("more", 3))))
    at = layout.V2_HEADER_SIZE + layout.V2_EXTENT_AT_METADATA_USED
    used = slice(at, at + 8)
    whole = bytes(content[used])
    content[used] = _version2()[used]
    following = layout.V2_HEADER_SIZE + layout.V2_EXTENT_AT_NEXT
    content[following : following + 8] = _files.control(len(content) // 8)
    family = build(document(counter("last", labels=("l",))._replace(slots={}), room=0))
    content += _files.extent([_files.records(family)[-1]], b"")
    path.write_bytes(content)
    with program.start("--poll", path) as talk, path.open("r+b", buffering=0) as file:
        expect(talk.ask(), canonical(path.read_bytes()), "a family in the second extent")
        file.seek(at)
        file.write(whole)
        expect(talk.ask(), canonical(path.read_bytes()), "after another was seen in the first extent, before it")
        expect(talk.ask(), canonical(path.read_bytes()), "the poll after that")


def _torn(program: Program, directory: Path) -> None:
    """Texts that are one letter throughout, updated in bursts."""
    path = directory / "it.mmstats"
    path.write_bytes(build(document(*(text(f"t{number}", "a" * CAPACITY, CAPACITY) for number in range(4)))))
    letters: set[str] = set()
    torn = confirmed = polls = 0
    end = time.monotonic() + SECONDS
    with busy("texts", path), program.start("--poll", path) as talk:
        while time.monotonic() < end and (polls < 2000 or not confirmed):
            for value in _values(talk, POLLS):
                if not isinstance(value, dict):
                    confirmed += 1
                    torn += not _one_letter(value, CAPACITY)
                    letters.add(value[0] if isinstance(value, str) and value else "")
            polls += POLLS
    if torn:
        raise Failure(f"{torn} of {confirmed} values that it did not mark were never written")
    if not confirmed:
        raise Failure("it confirmed no value of a writer that pauses")
    if len(letters) < 2:
        raise Failure(f"in {polls} polls of a busy file it only showed {letters}")


def _one_letter(value: object, size: int) -> bool:
    return isinstance(value, str) and len(value) == size and value == value[0] * size and value[0] in LETTERS


def _values(talk: Talk, polls: int) -> Iterator[Any]:
    """The values of the series of all families, of that many polls without a pause."""
    talk.say(polls)
    for _ in range(polls):
        printed = talk.line()
        if not isinstance(printed, dict) or "families" not in printed:
            raise talk.failure(f"printed {shown(printed)} of a busy file")
        for family in printed["families"]:
            for series in family["series"]:
                yield series["value"]


def _unconfirmed(program: Program, directory: Path) -> None:
    """A large text that is changed all the time is marked, and what is shown of it is what was confirmed before."""
    path = directory / "it.mmstats"
    first = "A" * LARGE
    path.write_bytes(build(document(text("t", first, LARGE))))
    marked = 0
    end = time.monotonic() + SECONDS
    with program.start("--poll", path) as talk:
        expect(next(_values(talk, 1)), first, "a text before the writer begins")
        with busy("restless", path):
            while time.monotonic() < end and marked < MARKED:
                for value in _values(talk, 1):
                    inner = (
                        value["unconfirmed"] if isinstance(value, dict) and value.keys() == {"unconfirmed"} else value
                    )
                    marked += inner is not value
                    if not _one_letter(inner, LARGE) and inner != first:
                        raise talk.failure(f"neither confirmed now nor before: {shown(inner)}")
    if marked < MARKED:
        raise Failure("it marked no values of a writer that never rests")


def _unordered(program: Program, directory: Path) -> None:
    """V2-R6."""
    path = directory / "it.mmstats"
    path.write_bytes(_version2(features=("unordered",)))
    with program.start("--poll", path) as talk:
        for _ in range(2):
            hits, name = _values(talk, 1)
            expect(hits, "5", "a word of an unordered file")
            if not (isinstance(name, dict) and name.keys() == {"unconfirmed"} and name["unconfirmed"] in (None, "kit")):
                raise talk.failure(f"a latch of an unordered file is not marked: {shown(name)}")


def _flickering(make: Callable[[], bytes], program: Program, directory: Path) -> None:
    """A file that is broken for a moment now and then."""
    path = directory / "it.mmstats"
    path.write_bytes(make())
    with busy("flicker", path), program.start("--poll", path) as talk:
        for _ in range(ROUNDS):
            said_so = [False]
            for _ in range(FLICKERS // POLLS):
                talk.say(POLLS)
                said_so += ["error" in talk.line() for _ in range(POLLS)]
            bad = sum(now and not before for before, now in itertools.pairwise(said_so))
            if bad <= BAD:
                return
    raise Failure(f"in {FLICKERS} polls it called {bad} times a file malformed that is broken for moments only")


def _counting(program: Program, directory: Path) -> None:
    """A field of version 1 that changes between any two copies is marked, and never goes back."""
    path = directory / "it.mmstats"
    path.write_bytes(_version1())
    marked = before = 0
    end = time.monotonic() + SECONDS
    with busy("counting", path), program.start("--poll", path) as talk:
        while time.monotonic() < end and marked < MARKED:
            talk.say(POLLS)
            for _ in range(POLLS):
                printed = talk.line()
                value = printed["fields"][0]["value"] if isinstance(printed, dict) and "fields" in printed else printed
                if isinstance(value, dict) and value.keys() == {"unconfirmed"}:
                    marked += 1
                elif not isinstance(value, str) or int(value) < before:
                    raise talk.failure(f"after {before} it shows {shown(value)}")
                else:
                    before = int(value)
    if marked < MARKED:
        raise Failure("it marked no value of a field that changes all the time")


def _words(program: Program, directory: Path) -> None:
    """A word is read at once: both of its halves are equal."""
    path = directory / "it.mmstats"
    path.write_bytes(build(document(*(counter(f"c{number}") for number in range(8)))))
    with busy("words", path), program.start("--poll", path) as talk:
        for value in _values(talk, FLICKERS):
            if not isinstance(value, str) or int(value) >> 32 != int(value) & 0xFFFFFFFF:
                raise talk.failure(f"{shown(value)} was never written")


def _growing(program: Program, directory: Path) -> None:
    """Series that come all the time: each is there whole, with its first value, or not at all."""
    path = directory / "it.mmstats"
    path.write_bytes(build(document(counter("hits", labels=("number",))._replace(slots={}), room=1 << 20)))
    most = 0
    with busy("growing", path), program.start("--poll", path) as talk:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            talk.say(10)
            for _ in range(10):
                printed = talk.line()
                if not isinstance(printed, dict) or "families" not in printed:
                    raise talk.failure(f"printed {shown(printed)} of a file that grows")
                series = printed["families"][0]["series"]
                wrong = [one for place, one in enumerate(series) if one != {"labels": [str(place)], "value": "7"}]
                if wrong or len(series) < most:
                    raise talk.failure(f"after {most} series it shows {len(series)}, and {shown(wrong[:3])}")
                most = len(series)
    if not most:
        raise Failure("it showed none of the series that came")


def _leaves_alone(make: Callable[[], bytes], program: Program, directory: Path) -> None:
    """While it polls: the file is not locked, not open for writing, not changed; and nothing is left beside it."""
    path = directory / "it.mmstats"
    path.write_bytes(make())
    os.utime(path, (1, 1))
    with program.start("--poll", path) as talk:
        talk.ask()
        # An exclusive lock would fail wherever the reader has any.
        with path.open("r+b") as file:
            try:
                fcntl.fcntl(file.fileno(), 37, struct.pack("hhqqixxxx", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
            except OSError:
                raise talk.failure("it holds a lock on the file that it reads") from None
        for name in os.listdir(f"/proc/{talk.pid}/fd"):
            link = Path(f"/proc/{talk.pid}/fd/{name}")
            try:
                if os.readlink(link) != str(path):
                    continue
                flags = Path(f"/proc/{talk.pid}/fdinfo/{name}").read_text()
            except OSError:
                continue
            if int(flags.split("flags:")[1].split()[0], 8) & os.O_ACCMODE != os.O_RDONLY:
                raise talk.failure("it opened the file for writing")
        talk.ask()
        talk.end()
    if path.read_bytes() != make() or path.stat().st_mtime != 1:
        raise Failure("it wrote to the file that it reads")
    if os.listdir(directory) != [path.name]:
        raise Failure(f"it left {sorted(os.listdir(directory))} in the directory")


_CHANGING: list[tuple[str, tuple[str, ...], Callable[[Program, Path], None]]] = [
    ("v1/no-regular-file", ("V1-R1",), _unreadable),
    ("v1/polled", ("V1-R2", "V2-X2"), partial(_polled, _version1, _version2())),
    ("v1/never-at-rest", ("V1-R2", "V1-R3", "J-9"), _counting),
    ("v1/broken-for-moments", ("V1-R4",), partial(_flickering, _version1)),
    ("v1/left-alone", ("V1-R1",), partial(_leaves_alone, _version1)),
    ("v2/no-regular-file", ("V2-R1",), _unreadable),
    ("v2/many-series", ("G-4",), _many),
    ("v2/polled", ("V2-R3", "V2-R9", "V2-X2"), partial(_polled, _version2, _version1())),
    ("v2/latch-polled", ("V2-R4",), _latch_polled),
    ("v2/records-added", ("V2-R2",), _added),
    ("v2/records-added-all-the-time", ("V2-R2",), _growing),
    ("v2/records-seen-late", ("V2-R2",), _late),
    ("v2/words-never-at-rest", ("V2-R3",), _words),
    ("v2/latches-updated-in-bursts", ("V2-R4",), _torn),
    ("v2/latch-never-at-rest", ("V2-R5", "J-9"), _unconfirmed),
    ("v2/unordered", ("V2-R6", "J-9"), _unordered),
    ("v2/broken-for-moments", ("V2-R7",), partial(_flickering, _version2)),
    ("v2/left-alone", ("V2-R1",), partial(_leaves_alone, _version2)),
]
