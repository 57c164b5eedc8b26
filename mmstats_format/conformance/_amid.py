"""Tests of folders at any moment: several at once, stopped and killed, and beside writers that die.

Rule 1: a folder is stopped and killed at moments that it does not choose; whatever stands there then is counted.
"""

from __future__ import annotations

import contextlib
import os
import random
import struct
import time
from collections.abc import Iterable
from pathlib import Path

from . import _files
from ._case import Case, Cases
from ._directories import file, put
from ._files import counter
from ._folded import expect_names, fold, lock_name, total
from ._folds import ARCHIVE, dead
from ._liveness import process
from ._locks import lock_of
from ._program import Failure, Program, Talk
from ._reading import expect

#: Files that are folded while the folder is stopped and killed, and how often that is done.
_MANY, _KILLS = 40, 20
#: Files whose writer dies meanwhile, and how often one does.
_DYING, _DEATHS = 100, 12
#: How often it is stopped at most, and the most seconds between two stops once there is something to see.
_STOPS, _BETWEEN = 15, 2e-4


def _together(program: Program, directory: Path) -> None:
    """Several folders at once count nothing twice and lose nothing."""
    wanted = 0
    for turn in range(3):
        numbers = range(turn * _MANY, (turn + 1) * _MANY)
        put(directory, {f"{number}.mmstats": dead(number, counter("hits", number + 1)) for number in numbers})
        wanted += sum(number + 1 for number in numbers)
        with contextlib.ExitStack() as stack:
            talks = [stack.enter_context(program.start(directory)) for _ in range(4)]
            for talk in talks:
                talk.end()  # one that gives up says so with status 1
        fold(program, directory)
        expect(total(directory), wanted, f"the total after {turn + 1} folds by several at once")
    expect_names(directory, {ARCHIVE})


def _killed(program: Program, directory: Path) -> None:
    """Stopped and killed wherever it is, it has counted everything once; the next fold goes on, and clears up."""
    numbers = random.Random(3)
    count = wanted = 0
    seconds = 0.0
    for turn in range(_KILLS):
        there = sum(name[0] != "." for name in os.listdir(directory))
        for _ in range(max(_MANY - there, 1)):
            count += 1
            wanted += 2 * count
            put(directory, {f"{count}.mmstats": dead(count, counter("hits", 2 * count))})
        with program.start(directory) as talk:
            # The first is not disturbed; of the others every second is from when something shows in the directory.
            if turn:
                _wait(talk, directory, silently=turn % 2 == 1)
                stops = numbers.randrange(_STOPS) if turn % 4 else 0
                _disturb(
                    talk,
                    directory,
                    wanted,
                    [numbers.random() * (seconds if turn % 2 else _BETWEEN) for _ in range(stops)],
                )
            else:
                _wait(talk, directory, silently=True)
                begun = time.monotonic()
                talk.end()
                seconds = 2 * (time.monotonic() - begun) / _STOPS
        expect(total(directory), wanted, "the total after a kill")
    put(directory, {"last.mmstats": dead(0, counter("hits", 1))})
    fold(program, directory)
    expect(total(directory), wanted + 1, "the total after the last fold")
    expect_names(directory, {ARCHIVE})


def _wait(talk: Talk, directory: Path, silently: bool) -> None:
    """Until a folder begins: where it may be silent, with its lock; else with what others see."""
    lock = directory / lock_name()
    before = _state(directory)
    while talk.alive() and _state(directory) == before and not (silently and lock.exists() and lock_of(lock)):
        pass


def _disturb(talk: Talk, directory: Path, wanted: int, pauses: Iterable[float]) -> None:
    """Stop a folder again and again, after these seconds; in the end kill it."""
    lock = directory / lock_name()
    for pause in pauses:
        time.sleep(pause)
        if not talk.alive():
            return
        try:
            with talk.stopped():
                found = total(directory)
                names = {*os.listdir(directory)}
                held = lock_of(lock) if lock.exists() else None
        except Failure as failure:
            if talk.alive():
                raise
            # It had ended before it could be stopped, with the status 0.
            if "status 0" in str(failure):
                return
            raise
        if found != wanted:
            raise talk.failure(f"amid a fold the total is {found:,}, not {wanted:,}; there are {sorted(names)}")
        temporary = sorted(name for name in names if name[0] == "." and name != lock.name)
        if temporary and talk.alive() and (held is None or held.kind != "open file description"):
            raise talk.failure(f"{temporary} are there, and {lock.name} is not locked as it should be")
    talk.kill()
    talk.wait()


def _state(directory: Path) -> tuple[int, list[str], int]:
    """What a fold changes: how many files there are, which are hidden, and which archive is there."""
    names = os.listdir(directory)
    try:
        changed_at = (directory / ARCHIVE).stat().st_mtime_ns
    except FileNotFoundError:
        changed_at = 0
    return len(names), sorted(name for name in names if name[0] == "." and name != lock_name()), changed_at


def _duration(program: Program, directory: Path) -> float:
    """How long a fold takes, from its start to its end."""
    put(directory, {f"{number}.mmstats": dead(number, counter("hits", number)) for number in range(_MANY)})
    begun = time.monotonic()
    fold(program, directory)
    return time.monotonic() - begun


def _dying(program: Program, directory: Path) -> None:
    """A writer dies meanwhile: what its files say is read after that is known, or stays."""
    numbers = random.Random(4)
    seconds = _duration(program, directory)
    for turn in range(_DEATHS):
        inside = directory / str(turn)
        inside.mkdir()
        with process("sleep", directory) as there:
            names = [f"{number}.mmstats" for number in range(_DYING)]
            put(inside, {name: file(number, counter("hits", 1), **there.said) for number, name in enumerate(names)})
            (place,) = _files.places((inside / names[0]).read_bytes())
            opened = [os.open(inside / name, os.O_RDWR) for name in names]
            try:
                with program.start(inside) as talk:
                    time.sleep(seconds * numbers.uniform(0.2, 1.0))
                    value = 1
                    with contextlib.suppress(Failure), talk.stopped():  # else it has ended
                        value = 1000
                        for descriptor in opened:
                            os.pwrite(descriptor, struct.pack("<Q", value), place.offset)
                        there.end()
                    talk.end()
            finally:
                for descriptor in opened:
                    os.close(descriptor)
        expect(total(inside), value * _DYING, "the total after the writer's last updates and its death amid a fold")


def cases() -> Cases:
    """All tests of folders that are disturbed, or are not alone."""
    return [
        Case("folder/v2/several-at-once", ("V2-F3",), _together),
        Case("folder/v2/stopped-and-killed", ("V2-F2", "V2-F3"), _killed),
        Case("folder/v2/writers-that-die-meanwhile", ("V2-F3",), _dying),
    ]
