"""What the system says of processes, locks and directories, once for those who write it down and those who compare.

Rule 1: what the system does not tell is zero or empty, which means unknown (FORMAT.md 3.3).
"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import struct

#: struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid; for locks of open file descriptions the kernel
#: wants a pid of 0.
FLOCK = struct.Struct("hhqqi4x")

# Where state, number of threads and start are among what proc_pid_stat(5) has after the command: 3, 20 and 22 of all.
_STATE, _THREADS, _START = 3 - 3, 20 - 3, 22 - 3
_LARGEST = 4096


def exposed(status: os.stat_result) -> bool:
    """Whether everybody may replace the files of a directory (FORMAT.md V2-W9): all may write, and no bit is sticky."""
    return bool(status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX)


def process(pid: int | str = "self") -> tuple[str, int, int]:
    """Of a process its state (a letter), its number of threads, and its start in clock ticks since boot.

    Raises:
        OSError: it is not there, or is not shown.
    """
    fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    try:
        # The command, in parentheses, may have blanks and parentheses itself.
        parts = os.read(fd, _LARGEST).rpartition(b")")[2].split()
    finally:
        os.close(fd)
    if len(parts) <= _START:
        raise ProcessLookupError(f"process {pid} ended meanwhile")
    return parts[_STATE].decode(), int(parts[_THREADS]), int(parts[_START])


def boot_id() -> bytes:
    """The id of this boot, 16 bytes; zeros where it is not told."""
    with contextlib.suppress(OSError, ValueError):
        return _boot_id()
    return bytes(16)


@functools.cache
def _boot_id() -> bytes:
    # A failure is not kept: there may be no descriptor just now. Read as bytes, for which nothing has to be loaded.
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        return bytes.fromhex(file.read().strip().replace(b"-", b"").decode())


def pid_namespace() -> int:
    """The inode number of this process's pid namespace; 0 where it is not told."""
    return _namespace_of(os.getpid())


@functools.lru_cache(maxsize=1)
def _namespace_of(pid: int) -> int:
    # A forked child, which can be in another one, has another pid.
    with contextlib.suppress(OSError):
        return os.stat("/proc/self/ns/pid").st_ino
    return 0
