"""A server as applications are: it makes a model once, and forks workers that update through what they inherit.

It is a program of its own; its arguments are the directory, its accounts, a seed, how many seconds it serves, and
whether its texts are torn.

Rule 1: a worker ends cleanly, at once (``os._exit``), or is killed by its server, which alone waits for it. A server
        ends cleanly or at once, or is killed by who started it; its workers live on without it.
Rule 2: the main thread's updates go into its own file; so do those of short-lived others, one after another.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from . import accounts
from .accounts import Words
from .model import Stats, update

#: Workers at a time.
_WORKERS = 3
#: The longest life of a worker, bursts of updates in that of a thread at most, and the longest pause between two.
_LIFE, _BURSTS, _PAUSE = 1.0, 10, 0.02
#: Of workers the share that is to be killed, and of all that are not the share that ends at once.
_KILLED, _AT_ONCE = 0.5, 0.3


class _Worker(NamedTuple):
    """A child: its accounts, and when it is to be killed."""

    process: Words
    moment: float


def main() -> None:
    """Serve; in a forked child, work."""
    directory, ledger, seed, seconds, torn = sys.argv[1:]
    words = accounts.opened(Path(ledger))
    mine = accounts.of_process(words, 0)
    account = accounts.of_thread(mine, 0)
    chance = random.Random(int(seed))
    stats = Stats(path=directory, app="soak", on_exit=chance.choice(["keep", "fold"]))
    workers: dict[int, _Worker] = {}
    for _ in _work(stats, mine, float(seconds), chance, bool(torn)):
        if len(workers) < _WORKERS and account[accounts.FORKS] < accounts.PROCESSES - 1:
            account[accounts.FORKS] += 1
            process = accounts.of_process(words, account[accounts.FORKS])
            fate, life = random.Random(chance.random()), chance.uniform(0, _LIFE)
            moment = time.monotonic() + life * 1.2 * chance.random() if chance.random() < _KILLED else float("inf")
            pid = os.fork()
            if not pid:
                for _ in _work(stats, process, life, fate, bool(torn)):
                    pass
                return _end(fate)
            workers[pid] = _Worker(process, moment)
        _look_after(workers, account)
    if chance.random() >= _AT_ONCE:
        while workers:
            _look_after(workers, account)
            time.sleep(_PAUSE)
    return _end(chance)


def _work(stats: Stats, process: Words, seconds: float, chance: random.Random, torn: bool) -> Iterator[None]:
    """Update for so long, in this thread and in short-lived others; gives time for other things in between."""
    others: dict[int, threading.Thread] = {}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        update(stats, accounts.of_thread(process, 0), chance, torn)
        for place in range(1, accounts.PLACES):
            if place not in others or not others[place].is_alive():
                account = accounts.of_thread(process, place)
                others[place] = threading.Thread(target=_pass_by, args=(stats, account, chance, torn))
                others[place].start()
        yield
        time.sleep(chance.uniform(0, _PAUSE))
    for other in others.values():
        other.join()


def _pass_by(stats: Stats, account: Words, chance: random.Random, torn: bool) -> None:
    """The life of a short-lived thread."""
    account[accounts.THREADS] += 1
    if chance.random() < 0.5:
        _ = stats.filename  # has the file made here, and not amid an update
    for _ in range(chance.randint(1, _BURSTS)):
        update(stats, account, chance, torn)
        time.sleep(chance.uniform(0, _PAUSE))


def _look_after(workers: dict[int, _Worker], account: Words) -> None:
    """Kill the workers whose moment has come, and wait for those that have ended."""
    for pid, worker in list(workers.items()):
        if time.monotonic() >= worker.moment:
            # As an update: who kills this process meanwhile would leave its child stopped.
            accounts.do(account, accounts.OTHER, _kill, pid, worker, account)
        else:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            _judge(os.waitstatus_to_exitcode(status))
        del workers[pid]


def _kill(pid: int, worker: _Worker, account: Words) -> None:
    status = accounts.kill(pid, worker.process)
    if status == accounts.KILLED:
        account[accounts.KILLS] += 1
    else:
        _judge(status)


def _judge(status: int) -> None:
    if status:
        print(f"a worker ended with status {status}", file=sys.stderr)


def _end(chance: random.Random) -> None:
    """Be at the end of the program, which is a clean one, or no further."""
    if chance.random() < _AT_ONCE:
        os._exit(0)


if __name__ == "__main__":
    main()
