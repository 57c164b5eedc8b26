"""Who writes: what a header of version 2 says of the process (FORMAT.md 3.3, R8).

Rule 1: what the system does not tell is zero, which means unknown.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time

from mmstats_format import system

from ._records import Identity

#: Machines that keep stores in order, so that the fences of V2-W2 are nothing (V2-W7).
_ORDERED = {"x86_64", "amd64", "s390x"}


def identity(app: str) -> Identity:
    """The calling thread's, now, with a writer id of its own."""
    start = 0
    with contextlib.suppress(OSError, ValueError):
        start = system.process()[2]
    return Identity(
        app=app,
        host=os.uname().nodename,
        writer_id=os.urandom(16),
        created=time.time_ns(),
        pid=os.getpid(),
        process_start=start,
        boot_id=system.boot_id(),
        pid_namespace=system.pid_namespace(),
        thread_id=threading.get_native_id(),
    )


def ordered() -> bool:
    """Whether this machine keeps stores in order."""
    return os.uname().machine.lower() in _ORDERED
