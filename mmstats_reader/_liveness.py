"""Whether the writer of a file still lives (FORMAT.md 3.11).

Rule 1: nothing is locked, signalled or written to find out (V2-L1).
Rule 2: dead is said of what is certainly dead; what cannot be known is unknown, and counts as alive (V2-L5).
Rule 3: where two rules of 3.11 meet, what is certain of the process beats the lock: a child that it forked can have it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time
from collections.abc import Callable
from typing import TypeAlias

from mmstats_format import layout, system

from ._families import Process

if os.name != "nt":
    import fcntl

_NO_LOCK = 1 << layout.V2_COMPATIBLE["no lock"]
_RECORD_LOCK = 1 << layout.V2_COMPATIBLE["record lock"]

#: File systems that only this machine writes, and through which locks reach. Others may be shared.
_LOCAL = frozenset(
    [
        *("bcachefs", "btrfs", "devtmpfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hugetlbfs", "jfs", "nilfs2"),
        *("ntfs3", "ramfs", "reiserfs", "rootfs", "tmpfs", "ubifs", "vfat", "xfs", "zfs"),
    ]
)

#: A process that began so many seconds after a version 1 file was made did not make it: clocks are set meanwhile.
_SLACK_SECONDS = 10

#: What is to be said where a version 1 writer is dead by its pid alone.
_BY_PID = ", or in another container: version 1 cannot tell"

#: What is seen of a process: it is there, it is certainly not, or its start or existence is not shown.
_THERE, _GONE, _HIDDEN = "there", "gone", "hidden"


#: From a process id to what is seen of that process, and its start.
Look: TypeAlias = Callable[[int], tuple[str, int]]


def look(pid: int) -> tuple[str, int]:
    """What is seen of a process of this pid namespace, and its start in clock ticks since boot."""
    try:
        # Number 0 is no signal, and -1 and 0 would mean others: this only asks whether the process is there.
        os.kill(pid if pid > 0 else 1 << 64, 0)
    except (ProcessLookupError, OverflowError):
        return _GONE, 0
    except PermissionError:
        pass
    try:
        state, threads, start = system.process(pid)
    except (OSError, ValueError):  # perhaps it ended meanwhile
        return _HIDDEN, 0
    if state in ("Z", "X") and threads <= 1:
        return _GONE, 0
    return (_HIDDEN, 0) if _clocks_differ() else (_THERE, start)


def liveness(process: Process, compatible: int, fd: int, look: Look = look) -> tuple[str, str]:
    """Whether the writer of a file lives: ``"live"``, ``"dead"`` or ``"unknown"``, and why in a sentence.

    A process that has ended and that nobody has waited for (a zombie) is gone.

    Args:
        process: who writes it, by its own words.
        compatible: the compatible-feature bits; 0 for version 1.
        fd: a descriptor of the file.
        look: what is seen of a process; who asks of many files looks at each process once.
    """
    if process.version == layout.V1_VERSION:
        return _liveness1(process, fd, look)
    if process.state == "closed":
        return "dead", "the writer closed the file"
    lock = locked(fd)
    boot = system.boot_id()
    if not any(boot) or not process.boot.strip("0"):
        return _by_lock(lock, "the boot in which it began is not known")
    if process.boot != boot.hex():
        if is_local(fd):
            return "dead", "it began before this machine was started again"
        return "unknown", "it began in another boot, perhaps of another machine"
    namespace = system.pid_namespace()
    if not namespace or not process.namespace:
        return _by_lock(lock, "its pid namespace is not known")
    if process.namespace != namespace:
        holds = not compatible & (_NO_LOCK | _RECORD_LOCK)
        if lock is False and holds and is_local(fd):
            return "dead", "its lock is free, and it is in another pid namespace"
        return _by_lock(lock, "it is in another pid namespace")
    if not process.pid:
        return _by_lock(lock, "its process id is not known")
    seen, start = look(process.pid)
    if seen == _GONE:
        return "dead", f"process {process.pid} is gone"
    if seen == _HIDDEN or not process.start:
        return _by_lock(lock, f"process {process.pid} is there, but perhaps another one")
    if start != process.start:
        return "dead", f"process {process.pid} is another one by now"
    return "live", f"process {process.pid} runs"


def _by_lock(lock: bool | None, otherwise: str) -> tuple[str, str]:
    return ("live", "it holds its lock") if lock else ("unknown", otherwise)


def _liveness1(process: Process, fd: int, look: Look) -> tuple[str, str]:
    """V2-L6."""
    if locked(fd):
        return "live", "it holds its lock"
    if not process.pid or not process.created:
        return "unknown", "the file says neither process nor time of creation"
    if not is_local(fd):
        return "unknown", "the file may be another machine's"
    seen, start = look(process.pid)
    if seen == _GONE:
        return "dead", f"process {process.pid} is gone{_BY_PID}"
    if seen == _HIDDEN or not hasattr(time, "CLOCK_BOOTTIME"):
        return "unknown", f"process {process.pid} is there, but perhaps another one"
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - start / os.sysconf("SC_CLK_TCK")
    if time.time() - age > process.created / 10**9 + _SLACK_SECONDS:
        return "dead", f"process {process.pid} is another one by now{_BY_PID}"
    return "live", f"process {process.pid} runs"


def locked(fd: int) -> bool | None:
    """Whether somebody holds a lock that keeps others from a read lock on the whole file; None where it is not told."""
    command = getattr(fcntl, "F_OFD_GETLK", None) if sys.platform == "linux" else None
    if command is None:
        return None
    try:
        answer = fcntl.fcntl(fd, command, system.FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0))
    except OSError:
        return None
    return bool(system.FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)


@functools.cache
def _clocks_differ() -> bool:
    """Whether this process is in a time namespace, where starts are not what they are elsewhere."""
    with contextlib.suppress(OSError), open("/proc/self/timens_offsets", encoding="ascii") as file:
        return any(line.split()[1:] not in ([], ["0", "0"]) for line in file if line.startswith("boottime"))
    return False


def is_local(fd: int) -> bool:
    """Whether a file is on a file system of this machine, through which locks reach."""
    return file_system(fd) in _LOCAL


_file_systems: dict[int, str] = {}


def file_system(fd: int) -> str:
    """The type of the file system of an open file or directory; empty where it is not told."""
    device = os.fstat(fd).st_dev
    if device not in _file_systems:
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as file:
                mount = next(line.split()[1] for line in file if line.startswith("mnt_id:"))
            with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
                found = [line for line in file if line.split(" ", 1)[0] == mount]
            _file_systems[device] = found[0].partition(" - ")[2].split()[0]
    return _file_systems.get(device, "")
