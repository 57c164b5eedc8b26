"""Tests of writers while they run: stopped, killed and read at moments that they do not choose.

Rule 1: a writer that stands still, wherever it was, has published nothing but whole values; so has one that was killed.
Rule 2: what it does makes its values depend on one another, so that one which was never written shows.
"""

from __future__ import annotations

import contextlib
import mmap
import random
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import layout
from .._codec import parse
from .._document import Document
from .._document2 import value_of
from . import _files
from ._case import Case, Cases
from ._locks import lock_of
from ._program import Failure, Program, Talk, shown
from ._reading import expect
from ._scenarios import (
    bits,
    counter,
    do,
    family,
    field,
    histogram,
    inc,
    prepared,
    said,
    scenario,
    scenario1,
    states,
    text,
)

STOPS, KILLS = 150, 8
#: Seconds between two stops, and after which a writer is killed, at most.
BETWEEN, LIFE = 2e-3, 0.05
#: An increment that leaves both halves of a counter equal.
BOTH_HALVES = str(2**32 + 1)
STATES = ("a", "b", "c")
BUCKETS = 16
CAPACITY = 200
#: Latches of each kind that a reader looks at while they are updated without a pause, and for how long it looks.
SERIES, READING, LONGEST = 60, 3.0, 60.0
ADDED = 60_000


def turning(*labels: str) -> list[dict[str, Any]]:
    """An update of each kind; the values depend on the number of the turn."""
    return [
        inc("hits", BOTH_HALVES, *labels),
        do("set", "level", {"turn": 0}, *labels),
        do("set", "set last", {"turn": 0}, *labels),
        do("set", "phase", {"turn": len(STATES)}, *labels),
        do("set", "text", {"turn": 0}, *labels),
        do("observe", "summary", {"turn": BUCKETS}, *labels),
        do("observe", "histogram", {"turn": BUCKETS}, *labels),
    ]


def turning_families(*labels: str) -> list[dict[str, Any]]:
    """The families that `turning` updates."""
    more: dict[str, Any] = {"labels": list(labels)}
    return [
        counter(**more),
        family("level", "gauge", "float", "max", **more),
        family("set last", "gauge", "signed", "last", **more),
        states("phase", *STATES, **more),
        text("text", CAPACITY, **more),
        family("summary", "summary", "float", **more),
        histogram("histogram", *map(float, range(BUCKETS - 1)), **more),
    ]


def _sum(turns: int) -> float:
    """Of the numbers from 1 to `turns`, each modulo the number of buckets."""
    rounds, rest = divmod(turns, BUCKETS)
    return float(rounds * sum(range(BUCKETS)) + sum(range(rest + 1)))


def turn_of(name: str, value: Any) -> int | None:
    """The turn after which a family has this value, modulo 3 for a state; 0 before the first, None for never."""
    try:
        return _turn_of(name, value)
    except (ValueError, OverflowError):
        return None


def _turn_of(name: str, value: Any) -> int | None:
    match name, value:
        case "hits", str():
            high, low = divmod(int(value), 2**32)
            return low if high == low else None
        case "level", str():
            return int(struct.unpack(">d", bytes.fromhex(value))[0])
        case "set last", {"time": time_set, "value": str(number)} if int(time_set):
            return int(number)
        case "phase", str():
            return STATES.index(value)
        case "text", str():
            turn = value.partition(" ")[0]
            return int(turn) if turn.isdigit() and value == f"{turn} " * (CAPACITY // (len(turn) + 1)) else None
        case "summary", {"count": count, "sum": total, "min": least, "max": most, "last": last}:
            turns = int(count)
            if not turns:
                return 0 if (total, least, most, last) == (bits(0.0), None, None, None) else None
            extremes = bits(0.0 if turns >= BUCKETS else 1.0), bits(float(min(turns, BUCKETS - 1)))
            true = total == bits(_sum(turns)) and (least, most) == extremes and last == bits(float(turns % BUCKETS))
            return turns if true else None
        case "histogram", {"sum": total, "counts": counts}:
            turns = sum(map(int, counts))
            rounds, rest = divmod(turns, BUCKETS)
            expected = [rounds + (0 < bucket <= rest) for bucket in range(BUCKETS)]
            return turns if total == bits(_sum(turns)) and list(map(int, counts)) == expected else None
    return 0 if value is None else None


def _whole(found: dict[str, Any], before: int) -> int:
    """Every value is of one turn, all of two turns next to one another, and of none before those seen; the latest."""
    names = sorted(declared["name"] for declared in found["families"])
    expect(names, sorted(step["name"] for step in turning()), "the families")
    turns = {}
    for declared in found["families"]:
        for series in declared["series"]:
            turn = turn_of(declared["name"], series["value"])
            if turn is None:
                raise Failure(f"{declared['name']} was never {shown(series['value'])}")
            turns[declared["name"]] = turn
    phase = turns.pop("phase")
    first, last = min(turns.values()), max(turns.values())
    in_order = [turns[step["name"]] for step in turning() if step["name"] in turns]
    if last - first > 1 or in_order != sorted(in_order, reverse=True) or first < before - 1:
        raise Failure(f"after turn {before} it stood still at the turns {turns}")
    if last and phase not in (first % len(STATES), last % len(STATES)):
        raise Failure(f"in turn {last} the state is {STATES[phase]}")
    return last


@contextlib.contextmanager
def running(program: Program, directory: Path, content: dict[str, Any]) -> Iterator[tuple[Talk, Path]]:
    """A writer that runs a scenario meanwhile, and the path of its file."""
    where, path = prepared(directory, content)
    path.unlink(missing_ok=True)
    with program.start(where, path) as talk:
        yield talk, Path(talk.expect("path"))


def for_ever(*steps: dict[str, Any]) -> dict[str, Any]:
    """A loop without end."""
    return {"do": "loop", "times": 0, "steps": list(steps)}


def _stopped(program: Program, directory: Path) -> None:
    """Stopped at random moments."""
    turn = 0
    moved = 0
    with running(program, directory, scenario(turning_families(), for_ever(*turning()))) as (talk, path):
        for _ in range(STOPS):
            time.sleep(random.random() * BETWEEN)
            with talk.stopped():
                before, turn = turn, _whole(said(path), turn)
                moved += turn > before
        if moved < STOPS // 10:
            raise Failure(f"in {STOPS} looks the file changed {moved} times: it does not update without a pause")


def _killed(program: Program, directory: Path) -> None:
    """Killed at random moments: what is left is whole, not closed, and locked by nobody."""
    for _ in range(KILLS):
        with running(program, directory, scenario(turning_families(), for_ever(*turning()))) as (talk, path):
            time.sleep(random.random() * LIFE)
            talk.kill()
            talk.wait()
            found = said(path)
            _whole(found, 0)
            if found["state"] != "live" or lock_of(path):
                raise Failure(f"after kill -9 the state is {found['state']}, the lock {lock_of(path)}")


def _read(program: Program, directory: Path) -> None:
    """Read by V2-R4 while it updates many series without a pause: what is confirmed was written."""
    labels = [str(number) for number in range(SERIES)]
    steps = [step for label in labels for step in turning(label)]
    made = [
        {"do": "each", "from": 0, "to": SERIES - 1, "name": declared["name"], "labels": ["#"]}
        for declared in turning_families()
    ]
    confirmed = torn = 0
    total = len(turning_families()) * SERIES
    seen: dict[int, int] = {}
    content = scenario(turning_families("a"), *made, for_ever(*steps))
    with running(program, directory, content) as (_, path):
        time.sleep(0.1)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
            places = _files.places(bytes(mapped))
            begin = time.monotonic()
            # A machine that is busy gets longer; each series has to be confirmed all the same.
            while (now := time.monotonic() - begin) < READING or (len(seen) < total and now < LONGEST):
                for place in places:
                    slot = _confirmed(mapped, place)
                    if slot is None:
                        continue
                    confirmed += 1
                    turn = turn_of(place.family.name, value_of(place.family, slot))
                    goes_on = place.family.name == "phase" or (turn or 0) >= seen.get(place.offset, 0)
                    torn += turn is None or not goes_on
                    seen[place.offset] = turn or 0
    if torn:
        raise Failure(f"{torn} of {confirmed} confirmed values were never written, or are older than one seen before")
    if len(seen) < total or not any(seen.values()):
        raise Failure(f"of {total} series {len(seen)} were ever confirmed")


def _confirmed(mapped: mmap.mmap, place: _files.Place) -> bytes | None:
    """The slot, when nothing changed while it was copied (V2-R4)."""
    sequence = mapped[place.offset : place.offset + 8]
    slot = mapped[place.offset : place.offset + place.family.slot]
    if place.family.buffer and mapped[place.offset : place.offset + 8] != sequence:
        return None
    return sequence + slot[8:] if place.family.buffer else slot


class _Walk:
    """The records of a file that grows, each looked at once, as they come: SERIES of one family, numbered labels."""

    def __init__(self) -> None:
        self.extent = layout.V2_HEADER_SIZE
        self.place = self.slot = self.series = 0
        self.sizes: list[int] = []
        self.kept = b""

    def go_on(self, content: bytes) -> None:
        """Look at what has come."""
        while True:
            self._records(content)
            following = self._control(content, self.extent + layout.V2_EXTENT_AT_NEXT)
            if not following:
                return
            if following * 8 < self.extent + self.sizes[-1]:
                raise Failure(f"the extent at {following * 8} lies in the one before")
            self.extent, self.place = following * 8, 0

    def _records(self, content: bytes) -> None:
        head = content[self.extent : self.extent + layout.V2_EXTENT_SIZE]
        if not self.place:
            self._begin(content, head)
        end = self.extent + layout.V2_EXTENT_SIZE
        end += 8 * self._control(content, self.extent + layout.V2_EXTENT_AT_METADATA_USED)
        if end < self.place:
            raise Failure(f"metadata used at {self.extent} went back")
        while self.place < end:
            size, kind, _, crc, slot = struct.unpack_from(layout.V2_RECORD, content, self.place)
            whole = content[self.place : self.place + size]
            if size < layout.V2_RECORD_SIZE or self.place + size > end:
                raise Failure(f"a record of {size} bytes was published at {self.place}")
            if zlib.crc32(whole[:8] + bytes(4) + whole[12:]) != crc:
                raise Failure(f"the record at {self.place} was published before it was whole")
            if kind == layout.V2_SERIES:
                self._series(content, whole)
            self.slot += slot
            self.place += size

    def _begin(self, content: bytes, head: bytes) -> None:
        if len(head) < layout.V2_EXTENT_SIZE or _files.extent_head(head) != head or head[:4] != layout.V2_TAG:
            raise Failure(f"the extent at {self.extent} was published before it was whole")
        _, _, size, _, values, *_ = struct.unpack(layout.V2_EXTENT, head)
        if self.extent + size > len(content):
            raise Failure(f"the extent at {self.extent} was published before the file had room for it")
        self.sizes.append(size)
        if size < sum(self.sizes[:-1]):
            raise Failure(f"extent {len(self.sizes)} is smaller than all before it: {self.sizes}")
        self.place, self.slot = self.extent + layout.V2_EXTENT_SIZE, self.extent + values

    def _series(self, content: bytes, record: bytes) -> None:
        (length,) = struct.unpack_from(layout.V2_TEXT_LENGTH, record, layout.V2_RECORD_SIZE + 4)
        label = record[layout.V2_RECORD_SIZE + 6 :][:length].decode(errors="replace")
        if label != str(self.series):
            raise Failure(f"series {self.series} says that it is {label!r}")
        value = content[self.slot : self.slot + 8]
        if any(value):
            raise Failure(f"series {label} was published with the value {value.hex()}")
        self.series += 1

    @staticmethod
    def _control(content: bytes, place: int) -> int:
        number, check = struct.unpack_from("<II", content, place)
        if number ^ check != layout.V2_CONTROL_MASK:
            raise Failure(f"the control word at {place} is {content[place : place + 8].hex()}")
        return int(number)


def _adding() -> dict[str, Any]:
    grow = {"do": "each", "from": 0, "to": ADDED - 1, "name": "hits", "labels": ["#"]}
    return scenario([counter(labels=["a"], limit=ADDED)], grow, {"do": "wait", "name": "all"})


def _growing(program: Program, directory: Path) -> None:
    """Stopped at random moments while it adds series."""
    runs = stops = 0
    while stops < STOPS // 2 and runs < 4:
        runs += 1
        walk = _Walk()
        with running(program, directory, _adding()) as (talk, path):
            kept = path.read_bytes()
            while walk.series < ADDED:
                time.sleep(random.random() * BETWEEN)
                with talk.stopped():
                    content = path.read_bytes()
                    if len(content) < len(kept):
                        raise Failure(f"the file became shorter: {len(kept)} bytes, then {len(content)}")
                    walk.go_on(content)
                stops += walk.series < ADDED
            talk.expect("waiting")
            _unmoved(kept, path.read_bytes())
    if stops < 3:
        raise Failure(f"it added {ADDED} series in one go: nothing could be seen between")


def _unmoved(before: bytes, after: bytes) -> None:
    """What was published stands where it stood."""
    for record, still in zip(_files.records(before), _files.records(after), strict=False):
        if record != still:
            raise Failure(f"a record that was published changed from {record.hex()} to {still.hex()}")


def _next(program: Program, directory: Path) -> None:
    """Read without a pause while it grows: whatever *next* leads to is there, and whole."""
    with running(program, directory, _adding()) as (talk, path), path.open("rb", buffering=0) as file:
        start, number = layout.V2_HEADER_SIZE, 1
        end = time.monotonic() + program.seconds
        while number < 4:
            file.seek(start + layout.V2_EXTENT_AT_NEXT)
            word = file.read(8)
            if word == _files.control(0):
                if time.monotonic() > end:
                    raise Failure(f"a file of {path.stat().st_size} bytes for {ADDED} series has {number} extents")
                continue
            start, number = 8 * struct.unpack("<I", word[:4])[0], number + 1
            file.seek(start)
            head = file.read(layout.V2_EXTENT_SIZE)
            if word != _files.control(start // 8) or len(head) < len(word) or _files.extent_head(head) != head:
                raise Failure(f"next is {word.hex()}, and there stands {head.hex()}")
            if path.stat().st_size < start + struct.unpack_from("<Q", head, layout.V2_EXTENT_AT_SIZE)[0]:
                raise Failure(f"next is {word.hex()}, and the extent there is not whole in the file")
        talk.kill()


def _killed_growing(program: Program, directory: Path) -> None:
    """Killed at random moments while it grows."""
    for _ in range(KILLS):
        with running(program, directory, _adding()) as (talk, path):
            time.sleep(random.random() * LIFE)
            talk.kill()
            talk.wait()
            _Walk().go_on(path.read_bytes())
            if lock_of(path):
                raise Failure("after kill -9 the file is still locked")


def turning_fields() -> dict[str, Any]:
    """A scenario of version 1: two counters and a float, updated for ever."""
    fields = [field("a", "Q"), field("b", "Q"), field("level", "d")]
    steps = [inc("a", BOTH_HALVES), inc("b", BOTH_HALVES), do("set", "level", {"turn": 0})]
    return scenario1(fields, for_ever(*steps))


def _turns1(path: Path) -> tuple[int, ...]:
    parsed = parse(path.read_bytes())
    if not isinstance(parsed, Document):
        raise Failure("the file is of version 2")
    expect([one.signature for one in parsed.fields], ["Q", "Q", "d"], "the types of the fields")
    a, b, level = (int(float(one.value)) if one.signature == "d" else int(one.value) for one in parsed.fields)
    for number in (a, b):
        if number >> 32 != number & 0xFFFFFFFF:
            raise Failure(f"a counter was never {number:#x}")
    turns = (a >> 32, b >> 32, level)
    if max(turns) - min(turns) > 1 or list(turns) != sorted(turns, reverse=True):
        raise Failure(f"it stood still at the turns {turns}")
    return turns


def _stopped1(program: Program, directory: Path) -> None:
    """Version 1: stopped at random moments."""
    turns: tuple[int, ...] = (0, 0, 0)
    moved = 0
    with running(program, directory, turning_fields()) as (talk, path):
        for _ in range(STOPS):
            time.sleep(random.random() * BETWEEN)
            with talk.stopped():
                before, turns = turns, _turns1(path)
                if turns < before:
                    raise Failure(f"it went from {before} back to {turns}")
                moved += turns > before
    if moved < STOPS // 10:
        raise Failure(f"in {STOPS} looks the file changed {moved} times: it does not update without a pause")


def _killed1(program: Program, directory: Path) -> None:
    """Version 1: killed at random moments."""
    for _ in range(KILLS):
        with running(program, directory, turning_fields()) as (talk, path):
            time.sleep(random.random() * LIFE)
            talk.kill()
            talk.wait()
            _turns1(path)
            if lock_of(path):
                raise Failure("after kill -9 the file is still locked")


_RUNNING: list[tuple[str, tuple[str, ...], Callable[[Program, Path], None]]] = [
    ("v2/stopped-at-random-moments", ("V2-W1", "V2-W2"), _stopped),
    ("v2/killed-at-random-moments", ("V2-W2", "V2-W9"), _killed),
    ("v2/read-without-a-pause", ("V2-W1", "V2-W2"), _read),
    ("v2/stopped-while-it-grows", ("V2-W3", "V2-W4", "V2-W5", "V2-W8"), _growing),
    ("v2/read-while-it-grows", ("V2-W4",), _next),
    ("v2/killed-while-it-grows", ("V2-W3", "V2-W4"), _killed_growing),
    ("v1/stopped-at-random-moments", ("V1-W2",), _stopped1),
    ("v1/killed-at-random-moments", ("V1-W2", "V1-W6"), _killed1),
]


def cases() -> Cases:
    """All tests of writers that run."""
    return [Case(f"writer/{name}", rules, run) for name, rules, run in _RUNNING]
