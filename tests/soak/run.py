"""Everything at once: servers that come and go, cleaners that fold behind them, and a reader that looks at it all.

    servers ── workers ── threads      end cleanly, at once, or are killed
    cleaners                           ``cleanstats --fold``, killed and started again
    this process                       polls, kills, and in the end compares what was done with what is counted

Rule 1: what a killed server leaves behind becomes this process's child, so that the end of all of them is known.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmstats_testing.running import environment

from mmstats_reader import clean
from proofs import processes

from . import accounts
from .model import COUNTING
from .watch import Watch

#: How many there are at a time, and the longest life of each in seconds.
_SERVERS, _CLEANERS, _LIFE = 2, 2, 6.0
#: Of servers, the share that is killed.
_KILLED = 0.5
#: The longest pause between two looks, in seconds.
_PAUSE = 0.01

#: Faults that can be had, to show that they are seen.
PLANTS = ("lost", "torn", "unreadable")

_PR_SET_CHILD_SUBREAPER = 36


class _Child(NamedTuple):
    """A program that was started.

    Attributes:
        kind: ``"servers"`` or ``"cleaners"``.
        moment: when it is to be killed.
        words: a server's accounts; of a cleaner none.
    """

    kind: str
    moment: float
    words: accounts.Words


def run(minutes: float, seed: int, plant: str = "") -> dict[str, Any]:
    """Have it all run for so long; gives what was done and counted, and whether it `holds`."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    begin = time.monotonic()
    with processes.directory() as place:
        soak = _Soak(place, random.Random(seed), plant)
        try:
            soak.run(begin + 60 * minutes)
            seen = soak.figures()
        finally:
            soak.end()
    return {"minutes": minutes, "seed": seed, "seconds": round(time.monotonic() - begin, 1)} | seen


class _Soak:
    def __init__(self, place: Path, chance: random.Random, plant: str) -> None:
        self._chance, self._plant = chance, plant
        self._directory, self._ledgers, self._told = place / "stats", place / "ledgers", place / "told"
        for made in (self._directory, self._ledgers, self._told):
            made.mkdir()
        if plant == "unreadable":
            (self._directory / "planted.mmstats").write_bytes(b"\x02MMSTATS")
        self._watch = Watch(self._directory, chance)
        self._children: dict[int, _Child] = {}
        self._done: Counter[str] = Counter()

    def run(self, until: float) -> None:
        """All of it, to the last fold."""
        while time.monotonic() < until or self._running("servers"):
            for kind, many in (("servers", _SERVERS), ("cleaners", _CLEANERS)):
                while self._running(kind) < many and time.monotonic() < until:
                    self._start(kind, until)
            self._go_on(time.monotonic())
        while self._go_on(float("inf")):  # the cleaners', and what killed servers have left behind
            pass
        for cleaned in clean(self._directory, fold=self._plant != "lost"):
            if cleaned.action == "failed":
                self._watch.fault("complaints", f"the last fold: {cleaned.path}: {cleaned.reason}")

    def end(self) -> None:
        """Leave no program behind, whatever has happened."""
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def figures(self) -> dict[str, Any]:
        """What was done, what is counted, and what was wrong."""
        ledgers = [accounts.opened(path) for path in self._ledgers.iterdir()]

        def done(what: int) -> int:
            return sum(accounts.total(ledger, what) for ledger in ledgers)

        made = dict(zip(COUNTING, map(done, (accounts.REQUESTS, accounts.SIZES, accounts.LATENCY)), strict=True))
        counted = self._watch.last()
        for name in self._left():
            self._watch.fault("left", name)
        for path in sorted(self._told.glob("*.err")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                self._watch.fault("complaints", f"{path.stem}: {line}")
        folds = [files for files in self._folds() if files]
        faults = self._watch.faults
        return {
            "updates_made": sum(made.values()),
            "updates_counted": sum(map(min, counted.values())),
            "totals_down": faults["down"],
            "unreadable": faults["unreadable"],
            "torn": faults["torn"],
            "complaints": faults["complaints"],
            "files_left": faults["left"],
            "made": made,
            "counted": {name: sorted(totals) for name, totals in counted.items()},
            "servers": self._done["servers"],
            "servers_killed": self._done["servers_killed"],
            "workers": done(accounts.FORKS),
            "workers_killed": done(accounts.KILLS),
            "threads": done(accounts.THREADS),
            "cleaners": self._done["cleaners"],
            "cleaners_killed": self._done["cleaners_killed"],
            "folds": len(folds),
            "files_folded": sum(folds),
            **self._watch.seen,
            "faults": dict(self._watch.words),
            "holds": not faults and all(made.values()) and all(counted[name] == {made[name]} for name in COUNTING),
        }

    def _running(self, kind: str) -> int:
        return sum(child.kind == kind for child in self._children.values())

    def _start(self, kind: str, until: float) -> None:
        now, life = time.monotonic(), self._chance.uniform(0, _LIFE)
        if kind == "cleaners":
            fold = () if self._plant == "lost" else ("--fold",)
            cleaner = ("mmstats_reader.cleanstats", "--json", *fold, "--every", "0.2", self._directory)
            return self._spawn(kind, cleaner, now + life, memoryview(b""))
        life = min(life, until - now)
        moment = now + self._chance.uniform(0, life) if self._chance.random() < _KILLED else float("inf")
        ledger = self._ledgers / str(self._done[kind])
        accounts.make(ledger)
        torn = "torn" if self._plant == "torn" else ""
        server = ("tests.soak.server", self._directory, ledger, self._chance.getrandbits(32), life, torn)
        self._spawn(kind, server, moment, accounts.opened(ledger))

    def _spawn(self, kind: str, module: Iterable[object], moment: float, words: accounts.Words) -> None:
        # 3.12 and later warn of every fork in a process with threads; forking there is what this is about.
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", *map(str, module)]
        told = self._told / f"{kind}-{self._done[kind]}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        outputs = [(os.POSIX_SPAWN_OPEN, fd, f"{told}.{name}", flags, 0o600) for fd, name in ((1, "out"), (2, "err"))]
        pid = os.posix_spawn(command[0], command, environment(), file_actions=outputs)
        self._children[pid] = _Child(kind, moment, words)
        self._done[kind] += 1

    def _go_on(self, now: float) -> bool:
        """Look, kill those whose moment has come, and wait for those that have ended; whether there are any more."""
        self._watch.look()
        for pid, child in list(self._children.items()):
            if child.moment <= now:
                self._judge(pid, accounts.kill(pid, accounts.of_process(child.words, 0)))
        time.sleep(self._chance.uniform(0, _PAUSE))
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                self._judge(ended[0], os.waitstatus_to_exitcode(ended[1]))
        except ChildProcessError:
            return False
        return True

    def _judge(self, pid: int, status: int) -> None:
        """Take note of how a child has ended, or what was a killed server's."""
        kind = self._children.pop(pid).kind if pid in self._children else "workers"
        if status == accounts.KILLED and kind != "workers":
            self._done[f"{kind}_killed"] += 1
        elif status:
            self._watch.fault("complaints", f"one of the {kind}: status {status}")

    def _folds(self) -> Iterator[int]:
        """How many files each round of a cleaner folded; what a killed one wrote last may be cut short."""
        for path in self._told.glob("cleaners-*.out"):
            for line in path.read_bytes().splitlines(keepends=True):
                if line.endswith(b"]}\n"):
                    yield sum(file["action"] == "folded" for file in json.loads(line)["files"])

    def _left(self) -> list[str]:
        """What is in the directory in the end beside archives and the lock."""
        lock = f".mmstats-{os.geteuid()}.fold"
        return sorted(
            name for name in os.listdir(self._directory) if name != lock and not name.endswith(".archive.mmstats")
        )
