"""Who locks a file (FORMAT.md V1-W6, V2-W10, V2-L1): asked, never tried."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import NamedTuple

#: The system's numbers for open-file-description locks, and its structure of a lock.
GET, SET = 36, 37
_FLOCK = struct.Struct("hhqqixxxx")


class Lock(NamedTuple):
    """A lock that would keep others from a read lock; `pid` is 0 for an open-file-description lock."""

    kind: str
    start: int
    length: int
    pid: int


def lock_of(path: Path) -> Lock | None:
    """The exclusive lock on a file, or None."""
    with path.open("rb") as file:
        kind, _, start, length, pid = _FLOCK.unpack(
            fcntl.fcntl(file.fileno(), GET, _FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0))
        )
    if kind == fcntl.F_UNLCK:
        return None
    return Lock("record" if pid > 0 else "open file description", start, length, max(pid, 0))


def take(descriptor: int, kind: int = fcntl.F_WRLCK) -> None:
    """Take a lock of this kind on the whole file, for as long as the descriptor is open.

    Raises:
        OSError: another has one.
    """
    fcntl.fcntl(descriptor, SET, _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0))
