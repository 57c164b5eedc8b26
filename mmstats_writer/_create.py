"""Bringing a file into the world: whole, reserved, locked, and only then named (FORMAT.md V1-W4 to V1-W6).

    no name ── reserve ── write ── lock ── link to the first free name ── map

Rule 1: nothing here knows what the bytes mean.
Rule 2: whatever fails, fails here as an `OSError`, and leaves nothing on disk.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

from mmstats_format import UnsupportedHost
from mmstats_format.system import FLOCK, exposed

if os.name != "nt":  # refused below
    import fcntl

MODE = 0o644

# What file systems say that have no unnamed files, no reservation, or no locks.
_NO_TMPFILE = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}
_NO_RESERVATION = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}
_NO_LOCKS = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENOLCK}


#: The identity of what is no file.
NOWHERE = (0, 0)


class Made(NamedTuple):
    """A file that is there.

    Attributes:
        path: its name.
        map: its bytes, shared.
        lock: the descriptor that holds its lock; -1 for none.
        identity: device and inode, by which it is known from another file of this name.
    """

    path: str
    map: mmap.mmap
    lock: int
    identity: tuple[int, int]


def check_host() -> None:
    """Refuse a machine on which stores to a mapping would not be the format's.

    Raises:
        UnsupportedHost: on Windows, and on big-endian or 32-bit machines.
    """
    if os.name == "nt" or sys.byteorder != "little" or struct.calcsize("P") != 8:
        raise UnsupportedHost(
            errno.ENOTSUP,
            "mmstats files are written on 64-bit little-endian Unix systems only; reading works everywhere",
        )


def create(path: str, content: bytes, unlocked: bytes, tried: list[Made], careful: bool) -> Made:
    """Make a file of `content` that nobody sees before it is whole, under `path` or the first free name beside it.

    Args:
        path: the name wanted; where it is taken, ``-1``, ``-2``, … goes before the extension.
        content: all bytes of the file.
        unlocked: the same where no lock can be had.
        tried: gets the file before it gets its name, so that a caller who is interrupted can `discard` it.
        careful: refuse a directory in which everybody may replace the file.

    Returns:
        The file, mapped shared, its lock held where the system has such locks. Its path is an absolute one.

    Raises:
        OSError: it cannot be made: no such directory, no space, no permission.
    """
    try:
        return _create(path, content, unlocked, tried, careful)
    except OSError as error:
        # Which of the steps failed says the error; that it is about this file it may not.
        error.filename = path
        del error.filename2  # of a link; None would be shown
        raise


def private(path: str, content: bytes) -> Made:
    """What is used as a file of this path, of which nothing is on disk."""
    mapping = mmap.mmap(-1, len(content))
    mapping[:] = content
    return Made(path, mapping, -1, NOWHERE)


def discard(made: Made) -> None:
    """Take a file back that was made in vain, if it has its name already."""
    unlink(made.path, made.identity)
    if made.lock >= 0:
        os.close(made.lock)
    with contextlib.suppress(BufferError):  # metrics that were interrupted on their way in
        made.map.close()


def unlink(path: str, identity: tuple[int, int]) -> None:
    """Take a file from the disk, unless its name is another's by now."""
    with contextlib.suppress(OSError):
        status = os.lstat(path)
        if (status.st_dev, status.st_ino) == identity:
            os.unlink(path)


def extend(made: Made, size: int, content: bytes) -> mmap.mmap:
    """Add `content` to the end of a file and map it; what is mapped already stays as it is.

    Args:
        made: the file.
        size: its size until now, a multiple of the page's.
        content: all bytes of what is added, likewise.

    Returns:
        The mapping of what was added.

    Raises:
        OSError: there is no space, or the file is not under its name any more.
    """
    fd = os.open(made.path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        status = os.fstat(fd)
        if (status.st_dev, status.st_ino) != made.identity:
            raise FileNotFoundError(errno.ENOENT, "another file has its name", made.path)
        _fill(fd, content, size)
        return mmap.mmap(fd, len(content), offset=size)
    finally:
        os.close(fd)


def _create(path: str, content: bytes, unlocked: bytes, tried: list[Made], careful: bool) -> Made:
    directory, name = os.path.split(path)
    if not os.path.isabs(directory):
        directory = os.path.realpath(directory)  # the program may change its working directory
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if careful and exposed(os.fstat(place)):
            detail = f"everybody may replace the files in {directory!r}; set its sticky bit (chmod +t), or take another"
            raise PermissionError(errno.EPERM, detail)
        fd, temporary = _open_temporary(place)
        lock = -1
        try:
            _fill(fd, content)
            lock = _lock(fd, temporary, place)
            if lock < 0 and unlocked != content:
                _fill(fd, unlocked)
            status = os.fstat(fd)
            mapping = mmap.mmap(fd, len(content))
            for candidate in _candidates(name):
                made = Made(os.path.join(directory, candidate), mapping, lock, (status.st_dev, status.st_ino))
                tried[:] = [made]
                if _link(fd, temporary, place, candidate):
                    return made
        except BaseException:
            if tried:
                discard(tried.pop())
            elif lock >= 0:
                os.close(lock)
            raise
        finally:
            os.close(fd)
            if temporary is not None:
                os.unlink(temporary, dir_fd=place)
    finally:
        os.close(place)
    raise AssertionError("unreachable: the names do not end")


def _open_temporary(place: int) -> tuple[int, str | None]:
    """An empty file in the directory `place`: without a name where there is such a thing, else under a dotted one."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
        try:
            return os.open(".", os.O_TMPFILE | os.O_RDWR, MODE, dir_fd=place), None
        except OSError as error:
            if error.errno not in _NO_TMPFILE:
                raise
    temporary = f".{os.urandom(8).hex()}"
    return os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_RDWR, MODE, dir_fd=place), temporary


def _fill(fd: int, content: bytes, offset: int = 0) -> None:
    """Reserve the space for real, so that a full disk is an error now and not a signal at some later store."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, offset, len(content))
        except OSError as error:
            if error.errno not in _NO_RESERVATION:
                raise
    rest = memoryview(content)
    os.lseek(fd, offset, os.SEEK_SET)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _lock(fd: int, temporary: str | None, place: int) -> int:
    """Lock the file through a description of its own: a mapping keeps the one that it was made from alive (V1-W6)."""
    if not hasattr(fcntl, "F_OFD_SETLK"):
        return -1
    if temporary is None:
        lock = os.open(f"/proc/self/fd/{fd}", os.O_RDWR)
    else:
        lock = os.open(temporary, os.O_RDWR | os.O_NOFOLLOW, dir_fd=place)
    try:
        fcntl.fcntl(lock, fcntl.F_OFD_SETLK, FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except OSError as error:
        os.close(lock)
        if error.errno not in _NO_LOCKS:
            raise
        return -1
    return lock


def _link(fd: int, temporary: str | None, place: int, name: str) -> bool:
    """Give the file a name, unless it is taken. `link` fails where a name exists; `rename` would take it."""
    try:
        if temporary is None:
            # With a directory descriptor Python calls linkat(), which alone follows the link in /proc.
            os.link(f"/proc/self/fd/{fd}", name, src_dir_fd=place, dst_dir_fd=place, follow_symlinks=True)
        else:
            os.link(temporary, name, src_dir_fd=place, dst_dir_fd=place, follow_symlinks=False)
    except FileExistsError:
        return False
    return True


def _candidates(name: str) -> Iterator[str]:
    yield name
    stem, extension = os.path.splitext(name)
    number = 0
    while True:
        number += 1
        yield f"{stem}-{number}{extension}"
