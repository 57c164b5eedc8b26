"""From a file's name to a snapshot; and version 1's copies, confirmed by further copies (FORMAT.md 2.6).

Rule 1: a file of version 1 is copied by reading, never mapped: one that is truncated meanwhile is an error, not a
        signal (V1-R1).
Rule 2: nothing is opened that could block or act when opened, and nothing is ever written or locked.
"""

from __future__ import annotations

import errno
import os
import stat

from mmstats_format import FormatError, layout
from mmstats_format.errors import fault

from . import _file2
from ._file2 import File2
from ._parse1 import Fields, Value, parse
from ._snapshot import Snapshot, snapshot_of, snapshot_of_fields

#: Copies made at most to confirm the values of one file.
MOST_COPIES = 10

#: A larger file is refused unread: statistics fill some pages, and a huge sparse file is an attack. (Version 2's, which
#: hold more, and are not read whole, have a limit of their own.)
LARGEST_FILE = 8 << 20

# Without O_NONBLOCK the opening of a named pipe waits for a writer.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


class Reader:
    """Reads one file again and again, and keeps what it learnt of it, but neither descriptor nor mapping.

    One thread uses a reader; several readers may read one file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read from `path`; nothing is opened before the first `poll`."""
        self.path = os.fspath(path)
        self._known = File2()
        self._identity: tuple[int, int] | None = None

    def poll(self) -> Snapshot:
        """The file's values now.

        Raises:
            FormatError: the file is malformed (its ``filename`` says which file).
            OSError: it is not there, no regular file, or cannot be read.
        """
        fd, status = open_regular(self.path)
        try:
            if version_of(fd) != layout.V2_VERSION:
                return snapshot_of_fields(self.path, *confirmed(fd))
            if self._identity != (identity := identity_of(status)):
                self._known, self._identity = File2(), identity  # V2-R9
            return snapshot_of(self.path, self._known.poll(fd))
        except (FormatError, OSError) as error:
            error.filename = self.path
            raise
        finally:
            os.close(fd)


def read(path: str | os.PathLike[str]) -> Snapshot:
    """Read one file once; see `Reader.poll`."""
    return Reader(path).poll()


def version_of(fd: int) -> int | None:
    """The version byte of an open file; None for an empty one."""
    os.lseek(fd, 0, os.SEEK_SET)
    first = os.read(fd, layout.V1_VERSION_SIZE)
    return first[0] if first else None


def identity_of(status: os.stat_result) -> tuple[int, int]:
    """What tells a file from every other that is there: device and inode."""
    return status.st_dev, status.st_ino


def _open(path: str) -> int:
    return open_regular(path)[0]


def open_regular(path: str, regular: bool = False) -> tuple[int, os.stat_result]:
    """A descriptor of a regular file, for reading; and what it is.

    Args:
        path: of the file.
        regular: whether it is known already to be one.

    Raises:
        OSError: it cannot be opened, is no regular file, or too large.
    """
    if not regular:
        check(os.stat(path), path)  # opening alone makes some devices act, and lets a named pipe's writer go on
    fd = os.open(path, _FLAGS)
    try:
        status = os.fstat(fd)
        check(status, path)  # it may be another file by now
    except OSError:
        os.close(fd)
        raise
    return fd, status


def check(status: os.stat_result, path: str | None = None, largest: int = _file2.LARGEST_FILE) -> None:
    """Refuse what is no statistics file by its looks."""
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    if status.st_size > largest:
        raise OSError(errno.EFBIG, f"{status.st_size} bytes are more than a statistics file has", path)


def _copy(fd: int) -> bytes:
    """The file's bytes as they are now."""
    status = os.fstat(fd)
    check(status, largest=LARGEST_FILE)  # it may be another file by now, or have grown
    size = status.st_size
    os.lseek(fd, 0, os.SEEK_SET)
    copy = os.read(fd, size)
    while len(copy) < size and (more := os.read(fd, size - len(copy))):
        copy += more
    return copy


def _fields(fd: int, copy: bytes) -> tuple[bytes, Fields]:
    """A copy and its fields; one that is malformed is made once more: the file may just be coming to be (V1-R4)."""
    try:
        return copy, _parse(copy)
    except FormatError:
        copy = _copy(fd)
        return copy, _parse(copy)


def _parse(copy: bytes) -> Fields:
    if not copy:
        raise fault("truncated", "the file is empty", 0, "version", rule="G-1")
    if copy[0] != layout.V1_VERSION:
        raise fault("unsupported-version", f"version byte {copy[0]:#04x} is not known", 0, "version")
    return parse(copy)


def confirmed(fd: int) -> tuple[Fields, list[int]]:
    """The fields, each as two successive copies agree on it, and the places of those on which none agreed (V1-R2)."""
    copy, fields = _fields(fd, _copy(fd))
    pending = list(range(len(fields.labels)))
    for _ in range(MOST_COPIES - 1):
        again = _copy(fd)
        if again == copy:
            return fields, []
        copy, latest = _fields(fd, again)
        if latest.heads != fields.heads:
            # The original empties a file that it opens anew: it is another set of fields.
            fields, pending = latest, list(range(len(latest.labels)))
            continue
        still = []
        indexes, values = bytearray(fields.indexes), fields.values
        for place in pending:
            if indexes[place] == latest.indexes[place] and _same(values[place], latest.values[place]):
                continue
            still.append(place)
            indexes[place], values[place] = latest.indexes[place], latest.values[place]
        pending = still
        fields = fields._replace(indexes=bytes(indexes))
        if not pending:
            break
    return fields, pending


def _same(one: Value, other: Value) -> bool:
    if one != other:
        return one != one and other != other  # a NaN equals nothing
    return bool(one) or str(one) == str(other)  # 0.0 and -0.0 are equal
