"""From a file's name to a snapshot: copies, confirmed by further copies (FORMAT.md 2.6).

Rule 1: a file is copied by reading, never mapped: one that is truncated meanwhile is an error, not a signal (V1-R1).
Rule 2: nothing is opened that could block or act when opened, and nothing is ever written or locked.
"""

from __future__ import annotations

import errno
import os
import stat

from mmstats_format import FormatError, layout
from mmstats_format.errors import fault

from ._parse1 import RawField, decode, parse
from ._snapshot import Snapshot, Stat

#: Copies made at most to confirm the values of one file.
MOST_COPIES = 10

#: A larger file is refused unread: statistics fill some pages, and a huge sparse file is an attack.
LARGEST_FILE = 64 << 20


class Reader:
    """Reads one file again and again.

    One thread uses a reader; several readers may read one file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read from `path`; nothing is opened before the first `poll`."""
        self.path = os.fspath(path)

    def poll(self) -> Snapshot:
        """The file's values now.

        Raises:
            FormatError: the file is malformed (its ``filename`` says which file).
            OSError: it is not there, no regular file, or cannot be read.
        """
        fd = _open(self.path)
        try:
            fields, unconfirmed = _confirmed(fd)
        except FormatError as error:
            error.filename = self.path
            raise
        finally:
            os.close(fd)
        stats = tuple(Stat(*decode(field)) for field in fields)
        return Snapshot(self.path, layout.V1_VERSION, stats, frozenset(stats[place].label for place in unconfirmed))


def read(path: str | os.PathLike[str]) -> Snapshot:
    """Read one file once; see `Reader.poll`."""
    return Reader(path).poll()


def _open(path: str) -> int:
    # Without O_NONBLOCK the opening of a named pipe waits for a writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    fd = os.open(path, flags)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if status.st_size > LARGEST_FILE:
            raise OSError(errno.EFBIG, f"{status.st_size} bytes are more than a statistics file has", path)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _copy(fd: int) -> bytes:
    """The file's bytes as they are now."""
    size = os.fstat(fd).st_size
    copy = os.pread(fd, size, 0)
    while len(copy) < size and (more := os.pread(fd, size - len(copy), len(copy))):
        copy += more
    return copy


def _parse(copy: bytes) -> list[RawField]:
    if not copy:
        raise fault("truncated", "the file is empty", 0, "version", rule="G-1")
    if copy[0] != layout.V1_VERSION:
        raise fault("unsupported-version", f"version byte {copy[0]:#04x} is not known", 0, "version")
    return parse(copy)


def _confirmed(fd: int) -> tuple[list[RawField], list[int]]:
    """The fields, each as two successive copies agree on it, and the places of those on which none agreed (V1-R2)."""
    copy = _copy(fd)
    try:
        fields = _parse(copy)
    except FormatError:  # perhaps it was not complete yet (V1-R4)
        copy = _copy(fd)
        fields = _parse(copy)
    pending = list(range(len(fields)))
    for _ in range(MOST_COPIES - 1):
        before, copy = copy, _copy(fd)
        if copy == before:
            return fields, []
        latest = _parse(copy)
        if [field[:2] for field in latest] != [field[:2] for field in fields]:
            # The original empties a file that it opens anew: another set of fields.
            fields, pending = latest, list(range(len(latest)))
            continue
        still = [place for place in pending if latest[place] != fields[place]]
        for place in still:
            fields[place] = latest[place]
        pending = still
        if not pending:
            break
    return fields, pending
