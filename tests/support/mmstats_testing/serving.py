"""Real web servers in processes of their own, and load for them over loopback.

Rule 1: the test listens and hands the socket over; so no port is guessed, and nobody has to wait for a server: what
        comes early waits in the socket's queue.
Rule 2: every load is bounded, and so is every wait.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from .running import HANG_SECONDS, environment

HOST = "127.0.0.1"

#: More requests than are made before a test stops its server.
ENDLESS = 100_000

#: Where this package is, which the applications use too.
_SHARED = str(Path(__file__).parents[1])


class Load:
    """Requests by several threads at once, each over a connection of its own, until there are enough or no server.

    Attributes:
        answers: what was answered, and how often.
        lost: requests that were sent and not answered.
    """

    def __init__(self, port: int, requests: int, threads: int = 8) -> None:
        """Begin.

        Args:
            port: of the server on this machine.
            requests: how many in all, at most.
            threads: how many at once.
        """
        self.answers: Counter[str] = Counter()
        self.lost = 0
        self._port, self._numbers = port, itertools.count()
        self._requests = requests
        self._changed, self._asking = threading.Condition(), threads
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def reach(self, answers: int) -> Self:
        """Wait until there are that many answers."""
        with self._changed:
            self._changed.wait_for(lambda: self.answers.total() >= answers or not self._asking, HANG_SECONDS)
            assert self.answers.total() >= answers, f"{self.answers.total()} answers, {self.lost} lost"
        return self

    def reach_writers(self, writers: int) -> set[str]:
        """Wait until that many have answered, and give their answers."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.answers) >= writers or not self._asking, HANG_SECONDS)
            assert len(self.answers) >= writers, f"only {set(self.answers)} answered"
            return set(self.answers)

    def wait(self) -> Self:
        """Wait until it is over."""
        for thread in self._threads:
            thread.join()
        return self

    def _ask(self) -> None:
        connected = True
        while connected and next(self._numbers) < self._requests:
            connection = http.client.HTTPConnection(HOST, self._port, timeout=HANG_SECONDS)
            connected, answer = False, None
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
                connection.connect()
                connected = True
                connection.request("GET", "/")
                response = connection.getresponse()
                answer = response.read().decode() if response.status == http.client.OK else None
            with self._changed:
                if answer is not None:
                    self.answers[answer] += 1
                elif connected:
                    self.lost += 1
                self._changed.notify_all()
        with self._changed:
            self._asking -= 1
            self._changed.notify_all()


class Server:
    """A server that runs.

    Attributes:
        port: where it listens.
        pid: of its first process, which is the parent of its workers.
    """

    def __init__(self, port: int, process: subprocess.Popen[bytes], output: Path) -> None:
        self.port, self.pid = port, process.pid
        self._process, self._output = process, output

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it by a signal to end, and wait until it has."""
        self._process.send_signal(number)
        self._process.wait(HANG_SECONDS)

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def served(command: Sequence[str | Path], output: Path, directory: Path, **changes: str) -> Iterator[Server]:
    """Run a server; what is left of it and its workers at the end is killed.

    Args:
        command: its command line; ``{fd}`` stands for the descriptor of the socket that it is to serve.
        output: a file for what it says.
        directory: where it runs, and finds its application.
        changes: of the environment.
    """
    with socket.create_server((HOST, 0), backlog=128) as listening, output.open("wb") as log:
        fd, port = listening.fileno(), listening.getsockname()[1]
        process = subprocess.Popen(
            [str(part).replace("{fd}", str(fd)) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=environment(PYTHONPATH=_SHARED, **changes),
            pass_fds=[fd],
            start_new_session=True,
        )
    try:
        yield Server(port, process, output)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(HANG_SECONDS)
