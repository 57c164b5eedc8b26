"""Who writes: what a header of version 2 says of the process (FORMAT.md 3.3, R8).

Rule 1: what the system does not tell is zero, which means unknown.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time

from ._records import Identity

#: Machines that keep stores in order, so that the fences of V2-W2 are nothing (V2-W7).
_ORDERED = {"x86_64", "amd64", "s390x"}


def identity(app: str) -> Identity:
    """The calling thread's, now, with a writer id of its own."""
    return Identity(
        app=app,
        host=os.uname().nodename,
        writer_id=os.urandom(16),
        created=time.time_ns(),
        pid=os.getpid(),
        process_start=_process_start(),
        boot_id=_boot_id(),
        pid_namespace=_pid_namespace(),
        thread_id=threading.get_native_id(),
    )


def ordered() -> bool:
    """Whether this machine keeps stores in order."""
    return os.uname().machine.lower() in _ORDERED


def _process_start() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/stat", "rb") as file:
        # The second element is the command in parentheses, and may hold anything; the start is the 22nd.
        return int(file.read().rpartition(b")")[2].split()[19])
    return 0


def _boot_id() -> bytes:
    with contextlib.suppress(OSError, ValueError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return bytes.fromhex(file.read().strip().replace("-", ""))
    return bytes(16)


def _pid_namespace() -> int:
    with contextlib.suppress(OSError):
        return os.stat("/proc/self/ns/pid").st_ino
    return 0
