"""Tests of folders: what is in a directory before, and what has to be there afterwards."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .. import layout
from . import _amid
from ._archives import beside_others
from ._case import Case, Cases
from ._directories import Files, archive, changed, file, file1, give_away, hits, put, who, with_features
from ._files import counter
from ._folded import check, expect_names, fold, lock_name, total
from ._folds import ANOTHER, ARCHIVE, Archive, Fold, broken, dead, folds
from ._liveness import process
from ._locks import take
from ._program import Failure, Program
from ._reading import expect, field
from ._scenarios import expect_families, said

#: For how long a folder that has to wait is looked at.
_WAITING = 1.0


def cases() -> Cases:
    """All tests of folders."""
    found = [Case(f"folder/v2/{one.name}", one.rules, partial(_folds, one)) for one in (*folds(), *beside_others())]
    found += [Case(f"folder/{name}", rules, run) for name, rules, run in _OTHERS]
    return [*found, *_amid.cases()]


def _folds(one: Fold, program: Program, directory: Path) -> None:
    put(directory, one.before)
    for name in one.strangers:
        give_away(directory / name)
    fold(program, directory)
    check(directory, one)


def _refuses(archives: Files, program: Program, directory: Path) -> None:
    """What an archive that cannot be read holds would be folded again."""
    before = {"a.mmstats": dead(1, counter("hits", 1)), **archives}
    put(directory, before)
    _stays(program, directory, before)


def _stays(program: Program, directory: Path, before: Files) -> None:
    program.answer(directory)
    expect_names(directory, {*before})
    for name, content in before.items():
        if (directory / name).read_bytes() != content:
            raise Failure(f"{name} is not what it was")


_ARCHIVED = archive(9, counter("hits", 10), folded=(1,))
_MALFORMED = {
    "malformed-archive": {ARCHIVE: broken(_ARCHIVED)},
    "malformed-archive/of-another-name": {"b.mmstats": broken(_ARCHIVED)},
    "malformed-archive/bad-crc": {ARCHIVE: changed(_ARCHIVED, layout.V2_HEADER_AT_CRC, b"!!!!")},
    "malformed-archive/cut": {ARCHIVE: _ARCHIVED[:300]},
    "malformed-archive/unknown-feature": {ARCHIVE: with_features(_ARCHIVED, 3)},
    "malformed-archive/of-another-application": {"shop.archive.mmstats": broken(archive(9, app="shop"))},
}


def _exposed(program: Program, directory: Path) -> None:
    """Into a directory that everybody may write to a folder does not go, unless it is sticky."""
    before = {"a.mmstats": dead(1, counter("hits", 1))}
    put(directory, before)
    directory.chmod(0o777)
    _stays(program, directory, before)
    directory.chmod(0o1777)
    fold(program, directory)
    check(directory, Fold("", (), before, {ARCHIVE: Archive(1, [hits(1)])}))


def _waits(program: Program, directory: Path) -> None:
    """While another folds it does nothing; it may wait or give up."""
    before = {"a.mmstats": dead(1, counter("hits", 1))}
    put(directory, before)
    lock = directory / lock_name()
    lock.touch(0o600)
    with lock.open("r+b") as held:
        take(held.fileno())
        with program.start(directory) as talk:
            end = time.monotonic() + _WAITING
            while time.monotonic() < end:
                if sorted(os.listdir(directory)) != sorted([lock.name, *before]):
                    raise talk.failure(f"it folds while another has {lock.name}")
                time.sleep(0.02)
            held.close()
            with contextlib.suppress(Failure):  # it gave up: that is for it to say as it likes
                talk.end()
    fold(program, directory)
    check(directory, Fold("", (), before, {ARCHIVE: Archive(1, [hits(1)])}))


def _locks(program: Program, directory: Path) -> None:
    """The lock's file has its name and mode, and stays the same for ever."""
    umask = os.umask(0)
    os.umask(umask)
    numbers = set()
    for number in range(3):
        put(directory, {"a.mmstats": dead(number, counter("hits", 1))})
        fold(program, directory)
        try:
            status = (directory / lock_name()).lstat()
        except FileNotFoundError:
            raise Failure(f"there is no {lock_name()} after a fold") from None
        if status.st_mode != stat.S_IFREG | 0o600:
            raise Failure(f"the mode of {lock_name()} is {status.st_mode:o}")
        numbers.add(status.st_ino)
    if len(numbers) > 1:
        raise Failure(f"{lock_name()} was made anew")


def _again(program: Program, directory: Path) -> None:
    """Counts go into one archive, and writers are FOLDED no longer than their files are there."""
    for number in range(4):
        before = {f"{turn}.mmstats": dead(turn, counter("hits", 10**number)) for turn in (2 * number, 2 * number + 1)}
        put(directory, before)
        fold(program, directory)
        wanted = Archive(2 * number + 1, [hits(2 * int("1" * (number + 1)))])
        check(directory, Fold("", (), before, {ARCHIVE: wanted}))


def _names(program: Program, directory: Path) -> None:
    """Whatever the application is called, its archive has a name that readers find."""
    apps = ("", ".", "..", ".hidden", "a/b", "/etc/x", "a_b", "ä" * 200, "x" * 1000, "a\nb", "*", " ", "-")
    put(
        directory,
        {f"{number}.mmstats": dead(number, counter("hits", 2**number), app=app) for number, app in enumerate(apps)},
    )
    wanted = total(directory)
    fold(program, directory)
    names = {*os.listdir(directory)} - {lock_name()}
    found = sorted(said(directory / name)["writer"]["app"] for name in names)
    if found != sorted(apps) or not all(name.endswith(".archive.mmstats") and name[0] != "." for name in names):
        raise Failure(f"the archives of {sorted(apps)} are {sorted(names)}")
    expect(total(directory), wanted, "the total")
    if "-.archive.mmstats" not in names or "a_b.archive.mmstats" not in names:
        raise Failure(f"archives do not have the names of their applications where files can: {sorted(names)}")


def _links(program: Program, directory: Path) -> None:
    """A link in the archive's place is passed by, and so are a pipe and a directory."""
    outside, inside = directory / "outside", directory / "inside"
    outside.mkdir()
    inside.mkdir()
    put(outside, {"x": b"x"})
    (inside / ARCHIVE).symlink_to(outside / "x")
    (inside / ANOTHER).symlink_to(outside / "none")
    os.mkfifo(inside / "kit-2.archive.mmstats")
    (inside / "kit-3.archive.mmstats").mkdir()
    put(inside, {"a.mmstats": dead(1, counter("hits", 1))})
    fold(program, inside)
    if os.listdir(outside) != ["x"] or (outside / "x").read_bytes() != b"x":
        raise Failure("it wrote to where a link in the archive's place leads")
    taken = {name for name in os.listdir(inside) if name.startswith("kit-") or name == ARCHIVE}
    expect(sorted(taken), sorted([ARCHIVE, *(f"kit-{number}.archive.mmstats" for number in (1, 2, 3, 4))]), "archives")
    expect_families(said(inside / "kit-4.archive.mmstats"), [hits(1)])


def _unopened(program: Program, directory: Path) -> None:
    """A file that cannot be opened may be one whose writer is FOLDED: all of these stay."""
    hit = partial(counter, "hits")
    put(
        directory,
        {ARCHIVE: archive(9, hit(10), folded=(7, 8)), "a.mmstats": dead(1, hit(1)), "b.mmstats": dead(7, hit(5))},
    )
    (directory / "b.mmstats").chmod(0)
    fold(program, directory, before=_as_anybody)
    (directory / "b.mmstats").chmod(0o644)
    found = said(directory / ARCHIVE)
    if not {who(7).hex(), who(8).hex()} <= {*found["folded"]}:
        raise Failure(f"a file could not be opened, and of the writers FOLDED before only {found['folded']} still are")
    expect(total(directory), 11, "the total")
    fold(program, directory)
    expect(total(directory), 11, "the total")


def _as_anybody() -> None:
    """Without the superuser's right to open every file; others have none."""
    drop, override, search = 24, 1, 2
    library = ctypes.CDLL(None)
    for right in (override, search):
        library.prctl(drop, right, 0, 0, 0)


def _left_alone1(program: Program, directory: Path) -> None:
    """Version 1 has no writer id that could be FOLDED: its counts stay in its files."""
    with process("gone", directory) as there:
        content = file1(
            field("hits", "Q", bytes(8), struct.pack("<Q", 3)),
            field("sys.pid", "I", struct.pack("<I", there.said["pid"])),
            field("sys.created", "d", struct.pack("<d", time.time())),
        )
        before = {"a.mmstats": content, "b.mmstats": dead(1, counter("hits", 1))}
        put(directory, before)
        fold(program, directory)
        check(directory, Fold("", (), before, {ARCHIVE: Archive(1, [hits(1)])}, ["a.mmstats"]))


def _processes(program: Program, directory: Path) -> None:
    """Dead is who is gone; who lives, or began anew, is told by the rules of 3.11."""
    hit = partial(counter, "hits")
    with process("gone", directory) as gone, process("here", directory) as here:
        before = {
            "a.mmstats": file(1, hit(1), **gone.said),
            "b.mmstats": file(2, hit(10), **here.said),
            "c.mmstats": file(3, hit(100), **here.said | {"process_start": 1}),
            "d.mmstats": file(4, hit(1000), **gone.said | {"boot_id": bytes(16)}),
        }
        put(directory, before)
        fold(program, directory)
        check(directory, Fold("", (), before, {ARCHIVE: Archive(3, [hits(101)])}, ["b.mmstats", "d.mmstats"]))


_OTHERS: list[tuple[str, tuple[str, ...], Callable[[Program, Path], None]]] = [
    ("v1/left-alone", ("V2-F1", "V2-F3"), _left_alone1),
    *[(f"v2/{name}", ("V2-F3",), partial(_refuses, files)) for name, files in _MALFORMED.items()],
    ("v2/directory-of-everybody", ("V2-F3",), _exposed),
    ("v2/lock/held", ("V2-F3",), _waits),
    ("v2/lock/file", ("V2-F3",), _locks),
    ("v2/again", ("V2-F3", "V2-F6"), _again),
    ("v2/names-of-applications", ("V2-F1",), _names),
    ("v2/links-in-the-way", ("V2-F1", "V1-R1"), _links),
    ("v2/file-that-cannot-be-opened", ("V2-F3",), _unopened),
    ("v2/of-processes", ("V2-F3", "V2-L3", "V2-L4"), _processes),
]
