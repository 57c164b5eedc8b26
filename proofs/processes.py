"""Children that are forked, so that a thousand of them take no time to start, and are killed in the end."""

from __future__ import annotations

import mmap
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def told() -> memoryview:
    """Numbers of 64 bits in memory that a child shares; a kill loses none."""
    return memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")


def fork(function: Callable[[], None]) -> int:
    """Run a function that does not end in a child, and give its process id."""
    pid = os.fork()
    if not pid:
        try:
            function()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return pid


def kill(pid: int) -> bool:
    """Kill a child; whether it still ran."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@contextmanager
def running(function: Callable[[], None], ready: Callable[[], object]) -> Iterator[None]:
    """A child that runs a function in the meantime, and is waited for until it is ready.

    Raises:
        RuntimeError: it has ended by itself.
    """
    pid = fork(function)
    try:
        while not ready() and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.0001)
        yield
    finally:
        if not kill(pid):
            raise RuntimeError("the writer ended")


def stay_apart(number: int) -> None:
    """Keep this process on the processor of this number, where the system lets one choose.

    On one processor two processes never run at the same time, and the system may leave them there for a while.
    """
    if hasattr(os, "sched_setaffinity"):
        processors = sorted(_PROCESSORS)
        os.sched_setaffinity(0, {processors[number % len(processors)]})


_PROCESSORS = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


@contextmanager
def directory() -> Iterator[Path]:
    """A directory in memory, so that no disk is waited for, or the usual temporary one."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="mmstats-proofs-", dir=place) as made:
        yield Path(made)
