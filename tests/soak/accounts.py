"""Accounts: what every thread of a soak intends and has done, told beside the statistics, and kills by them.

    intent ── update ── done

Rule 1: a word is stored before an update, and one after it. A process is killed only while it is stopped and all its
        threads have done what they intended: at any moment, but never amid an update that may count or not.
Rule 2: a word has one writer, a thread; its successor in the same place goes on with it.
"""

from __future__ import annotations

import mmap
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

Words: TypeAlias = memoryview

#: The words of a thread: what it intends; what it has done, by sort; threads that had the place; and of a server's
#: main thread, children forked and killed.
INTENT, REQUESTS, SIZES, LATENCY, OTHER, THREADS, FORKS, KILLS = range(8)
_WIDTH = 8
_DONE = range(REQUESTS, OTHER + 1)

#: How a child ends that is killed.
KILLED = -signal.SIGKILL

#: Threads at a time of a process, and processes of a server with itself, at most.
PLACES, PROCESSES = 3, 500

#: Seconds until a process is stopped again that was amid an update.
_MOMENT = 0.0005


def make(path: Path) -> None:
    """The accounts of a server and its workers to be."""
    path.write_bytes(bytes(8 * _WIDTH * PLACES * PROCESSES))


def opened(path: Path) -> Words:
    """Such accounts, shared."""
    with open(path, "r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")


def of_process(words: Words, number: int) -> Words:
    """Those of a process: 0 is the server."""
    size = _WIDTH * PLACES
    return words[number * size :][:size]


def of_thread(process: Words, place: int) -> Words:
    """That of a thread: 0 is the main one."""
    return process[place * _WIDTH :][:_WIDTH]


def total(words: Words, what: int) -> int:
    """One of the words, of all threads."""
    return sum(words[what::_WIDTH])


def do(account: Words, what: int, function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function, amid which nobody kills this process."""
    account[INTENT] += 1
    function(*arguments)
    account[what] += 1


def kill(pid: int, process: Words) -> int:
    """Kill a child at a moment when it is amid nothing, and wait for it.

    Returns:
        How it ended: `KILLED`, or its status where it was faster.
    """
    while True:
        os.kill(pid, signal.SIGSTOP)
        status = os.waitpid(pid, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        if total(process, INTENT) == sum(total(process, what) for what in _DONE):
            os.kill(pid, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.kill(pid, signal.SIGCONT)
        time.sleep(_MOMENT)
