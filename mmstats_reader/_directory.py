"""From a directory to one view of all its files (FORMAT.md 3.10, 3.12).

    list ── archives ── files ── list again ──► the archives as before? ──► a view
      ▲                                              │ no
      └──────────────────────────────────────────────┘

Rule 1: a file counts once: by its writer id (V2-R8), and not beside an archive that has its counts (V2-F2). Both hold
        among files of one owner: nobody hides what others count.
Rule 2: files that come, grow, vanish, are replaced or malformed meanwhile are normal; what cannot be read is in the
        view's errors, and everything else goes on.
"""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeAlias

from mmstats_format import FormatError, settings

from ._combine import Group, Group1
from ._families import check_names
from ._file2 import Reading
from ._growth import key_of
from ._kept import Kept, Reading1
from ._reader import identity_of
from ._records import Plan
from ._snapshot import Snapshot
from ._version1 import Kinds, Plan1
from ._view import Index, Pass, View, index_of, snapshot_of_reading

#: Passes made at most while archives appear, vanish or are replaced (V2-F4).
MOST_PASSES = 5

_SUFFIX = ".mmstats"

_Reading: TypeAlias = tuple[Kept, Reading | Reading1]


class Directory:
    """Reads the statistics files of a directory again and again, or those of several, or chosen ones.

    Descriptors are kept from poll to poll, and given up by `close` or at the end of a ``with`` block. One thread uses
    it.

    Attributes:
        where: what was named, or the pattern that stands for it.
    """

    def __init__(
        self,
        *where: str | os.PathLike[str],
        mapped: bool = False,
        rate: Iterable[str] = (),
        value: Iterable[str] = (),
        only: Callable[[Snapshot], bool] | None = None,
    ) -> None:
        """Read from somewhere; nothing is opened before the first `poll`.

        Args:
            where: directories, of which the ``*.mmstats`` files are meant and not those of subdirectories; files,
                whatever their names; and patterns of files. By default what ``MMSTATS_GLOB`` says, as for every tool.
            mapped: read version 2 files of the reader's own user through mappings, which is faster. Whoever makes such
                a file shorter while it is read kills this program; no writer does.
            rate: patterns of version 1 labels whose numbers are counters, whatever `kind_of` takes them for.
            value: patterns of those that are of unknown kind; they go before.
            only: says of what a file says whether it counts, at each poll.
        """
        self.where = tuple([os.fspath(place) for place in where]) or (settings.stats_glob(),)
        self._only = only
        self._mapped, self._kinds = mapped, Kinds(tuple(rate), tuple(value))
        self._identities: list[tuple[int, int]] = []
        self._files: dict[str, Kept] = {}
        self._failed: dict[str, tuple[int, Exception]] = {}
        self._indexed: tuple[list[Any], Index] = ([], {})
        self._last: tuple[Pass, Pass | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up all descriptors; a later poll opens the files anew."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def poll(self) -> View:
        """All files' values now, combined.

        Raises:
            OSError: nothing of what was named is there, or can be looked into. Where something is, what is not is in
                the view's errors.
        """
        before = self._last[0] if self._last else None
        for _ in range(MOST_PASSES):
            now, settled = self._pass()
            if settled:
                self._last = now, before
                return View(now, before)
        if self._last is None:  # there is no complete pass to give instead
            return View(now, None, complete=False)
        return View(*self._last, complete=False)

    def _pass(self) -> tuple[Pass, bool]:
        """What a pass has found, and whether the archives were the same before and after it (V2-F4)."""
        wall, monotonic = time.time_ns(), time.monotonic()
        listing, errors = self._list()  # F4.1
        self._open(listing)
        archives = [file for file in self._files.values() if file.archive]
        errors |= {path: error for path, (_, error) in self._failed.items()}
        readings = _read(archives, errors)  # F4.2
        readings += _read([file for file in self._files.values() if not file.archive], errors)  # F4.3
        if archives:
            readings = self._still_there(readings)
        settled = self._settled(listing, archives)  # F4.4
        groups = _grouped(readings, self._only)
        plans = [group.plan for group in groups]
        if self._indexed[0] != plans:
            self._indexed = plans, index_of(groups)
        now = Pass(groups, self._indexed[1], errors, monotonic, wall)
        for group in groups:
            if not all(family.lasting for family in group.plan.families):
                now.counting(group)
        return now, settled

    def _still_there(self, readings: list[_Reading]) -> list[_Reading]:
        """Without files that were removed before the archives were read, which may have their counts (F4.3)."""
        listing = self._list()[0]
        return [
            (file, reading)
            for file, reading in readings
            if file.archive
            or ((entry := listing.get(file.path)) is not None and entry.inode() == file.identity[1])
            or file.same()
        ]

    def _settled(self, listing: _Listing, archives: list[Kept]) -> bool:
        """Whether the archives that are there now are those that were read; what is new is opened to see what it is."""
        again = self._list()[0]
        if not listing.keys() >= again.keys():
            self._open(again, again=True)
        return archives == [file for file in self._files.values() if file.archive and file.same()]

    def _list(self) -> tuple[_Listing, dict[str, Exception]]:
        """All files that are meant, by path, and the errors of what cannot be looked into."""
        listing: _Listing = {}
        errors: dict[str, Exception] = {}
        identities = []
        for place in self.where:
            try:
                status = os.stat(place)
                if not stat.S_ISDIR(status.st_mode):
                    listing[place] = _Entry(place)
                    continue
                with os.scandir(place) as entries:
                    found = {
                        entry.path: entry for entry in entries if entry.name.endswith(_SUFFIX) and entry.name[0] != "."
                    }
                listing |= found
                identities.append(identity_of(status))
            except OSError as error:
                if glob.has_magic(place):
                    listing |= _matching(place)
                else:
                    error.filename = place
                    errors[place] = error.with_traceback(None)
        if len(errors) == len(self.where):
            raise next(iter(errors.values()))
        if identities != self._identities:
            self.close()
            self._identities = identities
        return listing, errors

    def _open(self, listing: _Listing, *, again: bool = False) -> None:
        """Have those files that are listed: V2-R9.

        The inode in a directory is usually the file's own. Where it is not (a link, some file systems), the path is
        looked at.
        """
        files, failed, changed = self._files, {}, False
        for path in files.keys() - listing.keys():
            files.pop(path).close()
        for path, entry in listing.items():
            file, inode = files.get(path), entry.inode()
            if file is not None and (file.identity[1] == inode or file.same()):
                continue
            if file is not None:
                files.pop(path).close()
            if again and self._failed.get(path, (None,))[0] == inode:
                failed[path] = self._failed[path]
                continue
            try:
                if entry.is_dir():  # an error where a link leads to itself, or where one may not go
                    continue
                files[path] = Kept(path, self._mapped, entry.is_file(follow_symlinks=False), self._kinds)
                changed = True
            except FileNotFoundError:
                pass  # it vanished after it was listed, or is a link to nowhere
            except (FormatError, OSError) as error:
                failed[path] = inode, error.with_traceback(None)
        self._failed = failed
        if changed:
            self._files = dict(sorted(files.items()))


class _Entry:
    """A file by its path, as `os.scandir` gives those of a directory."""

    def __init__(self, path: str) -> None:
        self._path, self._status = path, os.lstat(path)

    def inode(self) -> int:
        """The number of its inode, or of the link's."""
        return self._status.st_ino

    def is_dir(self) -> bool:
        """Whether it is a directory, or leads to one."""
        return stat.S_ISDIR(os.stat(self._path).st_mode)

    def is_file(self, *, follow_symlinks: bool) -> bool:
        """Whether it is a regular file itself."""
        return stat.S_ISREG(self._status.st_mode)


_Listing: TypeAlias = "dict[str, os.DirEntry[str] | _Entry]"


def _matching(pattern: str) -> _Listing:
    """The files that a pattern matches, sorted."""
    found: _Listing = {}
    for path in sorted(glob.glob(pattern)):
        with contextlib.suppress(FileNotFoundError):  # it vanished meanwhile
            found[path] = _Entry(path)
    return found


def _read(files: list[Kept], errors: dict[str, Exception]) -> list[_Reading]:
    """What the files say now; of those that do not, the errors."""
    readings = []
    for file in files:
        try:
            reading = file.poll()
            if isinstance(reading, Reading):
                check_names(reading.plan)
            readings.append((file, reading))
        except FileNotFoundError:
            pass
        except (FormatError, OSError) as error:
            errors[file.path] = error.with_traceback(None)
    return readings


def _grouped(readings: list[_Reading], only: Callable[[Snapshot], bool] | None) -> list[Group | Group1]:
    """The files that count, by their plans."""
    folded = {
        (file.owner, writer)
        for file, reading in readings
        if file.archive
        for writer in (reading.plan.folded if isinstance(reading, Reading) else ())
    }
    seen = set()
    groups: dict[Plan | Plan1, Group | Group1] = {}
    for file, reading in readings:
        key = key_of(file, reading)
        if key in seen or (key in folded and not file.archive):
            continue
        seen.add(key)
        if only is not None and not only(snapshot_of_reading(file.path, reading)):
            continue
        group = groups.get(reading.plan)
        if group is None:
            group = Group1(reading.plan) if isinstance(reading, Reading1) else Group(reading.plan)
            groups[reading.plan] = group
        group.files.append(file)
        group.readings.append(reading)
    return list(groups.values())
