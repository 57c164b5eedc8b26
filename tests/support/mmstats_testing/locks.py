"""Looking at a file's lock without taking one (FORMAT.md V1-W6, V2-L1)."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

_FLOCK = struct.Struct("hhqqi4x")


def locked(path: str | Path) -> bool:
    """Whether somebody holds a lock that keeps others from reading the file."""
    fd = os.open(path, os.O_RDONLY)
    try:
        asked = _FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, asked)
    finally:
        os.close(fd)
    return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)
