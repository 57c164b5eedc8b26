"""Tests of combiners: passes over files that come, change and go, and passes beside a folder."""

from __future__ import annotations

import fcntl
import itertools
import os
import random
import struct
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .. import layout
from . import _files
from ._case import Case, Cases
from ._directories import CLOSED, archive, expect_totals, file, file1, gauges, hits, polled, put, summary_value
from ._files import summary
from ._program import Program, Talk, shown
from ._reading import expect, field
from ._scenarios import After, bits, family, plain

#: How many files wait for a folder, for how long it folds, how often it begins a new archive, and how many there are.
_FILES, _FOLDING_SECONDS, _NEW_ARCHIVE, _MOST_ARCHIVES = 12, 5.0, 0.1, 20
#: Files beside archives that are replaced all the time, so that a pass lasts; and how many passes have to be marked.
_MANY, _MARKED = 2000, 3


def _unreadable(program: Program, directory: Path) -> None:
    """What is no regular file is passed by; a directory may be told of or not."""
    put(directory, {"a.mmstats": file(1, _files.counter("hits", 3))})
    os.mkfifo(directory / "b.mmstats")
    (directory / "c.mmstats").mkdir()
    put(directory / "c.mmstats", {"d.mmstats": file(2, _files.counter("hits", 4))})
    with program.start("--poll", directory) as talk:
        found = polled(talk)
        found["errors"].pop("c.mmstats", None)
        expect(found["errors"], {"b.mmstats": "unreadable"}, "errors")
        expect_totals(found["families"], [hits(3)])
        talk.end()


def _replaced(program: Program, directory: Path) -> None:
    """Files that are replaced, removed, broken, mended and changed."""
    hit = partial(_files.counter, "hits")
    more = plain(family("more", "counter"), "5")
    second = file(2, hit(10))
    steps: list[tuple[dict[str, bytes | None], list[After], dict[str, str]]] = [
        ({"a.mmstats": file(1, hit(1))}, [hits(1)], {}),
        ({"b.mmstats": second}, [hits(11)], {}),
        ({"a.mmstats": file(3, hit(2))}, [hits(12)], {}),
        ({"a.mmstats": file(3, hit(4), _files.counter("more", 5))}, [hits(14), more], {}),
        ({"a.mmstats": b"\2MMSTATS"}, [hits(10)], {"a.mmstats": "truncated"}),
        ({"a.mmstats": file1(field("hits", "Q", bytes(8), struct.pack("<Q", 7)))}, [hits(17)], {}),
        ({"b.mmstats": None}, [hits(7)], {}),
        ({"a.mmstats": None}, [], {}),
        ({"b.mmstats": second}, [hits(10)], {}),
    ]
    with program.start("--poll", directory) as talk:
        for files, expected, errors in steps:
            put(directory, {name: content for name, content in files.items() if content is not None})
            for name, content in files.items():
                if content is None:
                    (directory / name).unlink()
            found = polled(talk)
            expect(found["errors"], errors, "errors")
            expect_totals(found["families"], expected)
        talk.end()


def _updated(program: Program, directory: Path) -> None:
    """Values of an open file change; a closed one's gauges go."""
    path = directory / "a.mmstats"
    path.write_bytes(file(1, _files.counter("hits", 1), _files.gauge("level", 1)))
    (place, *_) = _files.places(path.read_bytes())
    with program.start("--poll", directory) as talk, path.open("r+b", buffering=0) as content:
        for value in range(1, 20):
            os.pwrite(content.fileno(), struct.pack("<Q", value), place.offset)
            expect_totals(polled(talk)["families"], [hits(value), gauges("sum", "signed", "1")])
        os.pwrite(content.fileno(), _files.control(CLOSED), layout.V2_HEADER_AT_STATE)
        expect_totals(polled(talk)["families"], [hits(19)])
        talk.end()


def _never_dropped(program: Program, directory: Path) -> None:
    """A member that cannot be confirmed counts with what it had, not with nothing or less."""
    path = directory / "a.mmstats"
    path.write_bytes(file(1, summary("size", 1, 1.0, 1.0, 1.0, 1.0)))
    put(directory, {"b.mmstats": file(2, summary("size", 100, 100.0, 1.0, 1.0, 1.0))})
    (place,) = _files.places(path.read_bytes())
    ended = threading.Event()

    def turn() -> None:
        with path.open("r+b", buffering=0) as content:
            for number in itertools.count(2):
                if ended.is_set():
                    return
                buffer = struct.pack("<Qdddd", number, number, 1.0, 1.0, 1.0)
                offset = place.offset + 8 + len(buffer) * (1 - number % 2)
                os.pwrite(content.fileno(), buffer, offset)
                os.pwrite(content.fileno(), struct.pack("<Q", number + 1), place.offset)

    # The first buffer is published where the sequence is even; number n is in buffer 1 - n % 2, so seq is n + 1.
    thread = threading.Thread(target=turn)
    before = 101
    with program.start("--poll", directory) as talk:
        expect_totals(
            polled(talk)["families"],
            [plain(family("size", "summary", "float"), summary_value(101, 101.0, 1.0, 1.0, 1.0))],
        )
        thread.start()
        try:
            for _ in range(200):
                value = polled(talk)["families"][0]["series"][0]["value"]
                value = value.get("unconfirmed", value)
                count = int(value["count"])
                if count < before or value["sum"] != bits(count):
                    raise talk.failure(
                        f"the count of two summaries is {count:,} after {before:,}, the sum {value['sum']}"
                    )
                before = count
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            raise talk.failure("a summary that changes all the time is not among the totals, or is none") from None
        finally:
            ended.set()
            thread.join()
        talk.end()


def _folding(program: Program, directory: Path) -> None:
    """Whatever is folded meanwhile, each pass counts every file once.

    Files come between passes, and are folded at any time. Each counts a number of its own at random: a total that
    misses one, or has it twice, is not one of those that there were. One that is older is: V2-F4 allows it.
    """
    numbers = random.Random(1)
    folder = _Folder(directory)
    totals = [0]
    thread = threading.Thread(target=folder.run)
    end = time.monotonic() + _FOLDING_SECONDS
    with program.start("--poll", directory) as talk:
        thread.start()
        try:
            least = 0
            turns = itertools.count(1)
            while time.monotonic() < end:
                while folder.waiting < _FILES:
                    new = numbers.getrandbits(40)
                    folder.add(next(turns), new)
                    totals.append(totals[-1] + new)
                begun = time.monotonic()
                least = _checked(talk, totals, least)
                folder.seconds = min(max(time.monotonic() - begun, 1e-3), 0.05)
        finally:
            folder.ended.set()
            thread.join()
        _checked(talk, totals, len(totals) - 1)
        talk.end()


def _checked(talk: Talk, totals: Sequence[int], least: int) -> int:
    """The number of the total that a pass gives; none before `least`."""
    families = polled(talk)["families"]
    try:
        found = sum(int(series["value"]) for declared in families for series in declared["series"])
    except (KeyError, TypeError, ValueError):
        raise talk.failure(f"these are no families of counters: {shown(families)}") from None
    for place in range(len(totals) - 1, least - 1, -1):
        if totals[place] == found:
            return place
    known = {total: f"that before {len(totals) - 1 - place} files came" for place, total in enumerate(totals)}
    raise talk.failure(
        f"while files are folded the total is {found:,}, {known.get(found, 'which it never was')}; "
        f"it is {totals[-1]:,} after {len(totals) - 1:,} files"
    )


class _Folder:
    """Folds the files of a directory in bursts, by the steps of V2-F3; nothing is synchronised, as nothing crashes.

    Many file systems give the number of an inode again at once, others never: here an archive gets that of the one
    before the last, where nobody has it open.
    """

    def __init__(self, directory: Path) -> None:
        self.ended = threading.Event()
        #: How long a pass takes: in some nothing is to be folded, so that slow programs come to an end too.
        self.seconds = 1e-3
        self._directory = directory
        self._totals = [0]
        self._waiting: list[tuple[int, int]] = []
        self._random = random.Random(2)

    @property
    def waiting(self) -> int:
        """How many files are to be folded."""
        return len(self._waiting)

    def add(self, number: int, value: int) -> None:
        """A file comes."""
        put(self._directory, {f"w{number}.mmstats": file(number, _files.counter("hits", value), state=2)})
        self._waiting.append((number, value))

    def run(self) -> None:
        """Until it is ended."""
        while not self.ended.is_set():
            # Now and then into a new archive.
            if len(self._totals) < _MOST_ARCHIVES and self._random.random() < _NEW_ARCHIVE:
                self._totals.append(0)
            for _ in range(3):
                # In the second and third the files of the first are no longer FOLDED, and the inode comes again.
                self._fold()
            time.sleep(self._random.random() * 2 * self.seconds)

    def _fold(self) -> None:
        chosen = [self._waiting.pop(0) for _ in range(2) if self._waiting]
        self._totals[-1] += sum(value for _, value in chosen)
        numbers = [number for number, _ in chosen]
        counts = _files.counter("hits", self._totals[-1])
        place = len(self._totals)
        self._replace(f"kit-{place}.archive.mmstats", archive(2**32 + place, counts, folded=numbers))
        for number in numbers:
            (self._directory / f"w{number}.mmstats").unlink()

    def _replace(self, name: str, content: bytes) -> None:
        path, before, spare = (self._directory / one for one in (name, f".{name}.before", f".{name}.spare"))
        if not _unused(before):
            before.unlink(missing_ok=True)
        before.write_bytes(content)
        if path.exists():
            os.link(path, spare)
        before.rename(path)
        if spare.exists():
            spare.rename(before)


def _never_at_rest(program: Program, directory: Path) -> None:
    """Where archives are replaced all the time, a pass is the last complete one, and marked; at rest it is not."""
    files = dict.fromkeys(
        (f"{number}.mmstats" for number in range(_MANY)), file1(field("hits", "Q", bytes(8), struct.pack("<Q", 1)))
    )
    archives = [archive(_MANY, _files.counter("hits", 5), folded=[], created=number) for number in range(2)]
    put(directory, {**files, "a.archive.mmstats": archives[0]})
    whole = [hits(_MANY + 5)]
    ended = threading.Event()

    def replace() -> None:
        for number in itertools.count():
            if ended.is_set():
                return
            put(directory, {"a.archive.mmstats": archives[number % 2]})

    thread = threading.Thread(target=replace)
    marked = 0
    end = time.monotonic() + program.seconds
    with program.start("--poll", directory) as talk:
        found = polled(talk)
        expect_totals(found["families"], whole)
        expect(found["complete"], True, "whether a pass is complete where nobody folds")
        thread.start()
        try:
            while marked < _MARKED and time.monotonic() < end:
                found = polled(talk)
                expect_totals(found["families"], whole)
                marked += found["complete"] is False
        finally:
            ended.set()
            thread.join()
        if marked < _MARKED:
            raise talk.failure("it marked no passes beside archives that are replaced all the time")
        found = polled(talk)
        expect_totals(found["families"], whole)
        expect(found["complete"], True, "whether a pass is complete after the last fold")
        talk.end()


def _unused(path: Path) -> bool:
    """Whether a file is there that nobody has open; whoever may open it does not know its name."""
    try:
        with path.open("r+b") as content:
            fcntl.fcntl(content.fileno(), fcntl.F_SETLEASE, fcntl.F_WRLCK)
            fcntl.fcntl(content.fileno(), fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return True
    except OSError:
        return False


def cases() -> Cases:
    """All tests of passes."""
    return [
        Case("combiner/v2/no-regular-file", ("V1-R1", "V2-R1"), _unreadable),
        Case("combiner/v2/replaced", ("V2-R9",), _replaced),
        Case("combiner/v2/updated", ("V2-R3", "V2-C2"), _updated),
        Case("combiner/v2/never-dropped", ("V2-R5",), _never_dropped),
        Case("combiner/v2/beside-a-folder", ("V2-F2", "V2-F4"), _folding),
        Case("combiner/v2/archives-never-at-rest", ("V2-F4",), _never_at_rest),
    ]
