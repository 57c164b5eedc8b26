"""Foreign programs: called, talked to, and limited.

Rule 1: what a program does wrong is a `Failure` with its reason: a wrong status, a signal, no end, no JSON, a flood.
Rule 2: no program outlives the test that started it, nor do the processes that it has started.
Rule 3: a program that has hung several times is not called again: else a kit of hundreds of tests would hang too.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

#: What a program may print before it is read, and the part of its standard error that is shown.
OUTPUT_BYTES = 64 << 20
COMPLAINT_BYTES = 2000
#: How often a program may hang before it is not called again.
HANGS = 3
#: Refused, and cannot (CONFORMANCE.md P-2).
REFUSED, CANNOT = 1, 3


class Failure(Exception):
    """A program does not do what it should; the text is the reason."""

    def __init__(self, reason: str, complaint: str = "") -> None:
        super().__init__(reason)
        self.complaint = complaint


class Cannot(Exception):
    """The program says that it cannot do this by its nature; the text is its reason."""


class Program:
    """A test program, by its command line; `seconds` it may take for an answer."""

    def __init__(self, command: str, seconds: float = 20.0) -> None:
        self.command = shlex.split(command)
        self.seconds = seconds
        self._hangs = 0

    def start(self, *arguments: str | Path, before: Callable[[], None] | None = None) -> Talk:
        """Start it to talk to it; `before` runs in its process before it does."""
        if self._hangs >= HANGS:
            raise Failure(f"not called: it hung {HANGS} times before")
        return Talk(self, arguments, before)

    def hung(self) -> None:
        """Note that it gave no answer."""
        self._hangs += 1

    def answer(self, *arguments: str | Path, before: Callable[[], None] | None = None) -> tuple[int, list[Any]]:
        """Call it, and give its status, 0 or 1, and the lines that it printed, as JSON values.

        Raises:
            Failure: it did anything else.
            Cannot: it says so, with status 3.
        """
        with self.start(*arguments, before=before) as talk:
            return talk.end()

    def one(self, *arguments: str | Path) -> tuple[int, Any]:
        """Call it as `answer` does; it has to print one line."""
        with self.start(*arguments) as talk:
            status, lines = talk.end()
            if len(lines) != 1:
                raise talk.failure(f"printed {len(lines)} lines, not one")
            return status, lines[0]


class Talk:
    """A program that runs: lines of JSON from it, lines to it, signals. A context manager, which ends it."""

    def __init__(
        self, program: Program, arguments: Sequence[str | Path], before: Callable[[], None] | None = None
    ) -> None:
        self._program = program
        try:
            self._process = subprocess.Popen(
                [*program.command, *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=before,
            )
        except OSError as error:
            raise Failure(f"cannot be started: {program.command[0]}: {error.strerror}") from error
        self.pid = self._process.pid
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._complaint = bytearray()
        self._lock = threading.Lock()
        self._unread = 0
        self._flooded = False
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._threads = [
            threading.Thread(target=self._take_lines, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._take_complaint, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _take_lines(self, output: BinaryIO) -> None:
        # A line without an end must not fill the memory either.
        while line := output.readline(OUTPUT_BYTES + 1):
            with self._lock:
                self._unread += len(line)
                self._flooded = self._unread > OUTPUT_BYTES
            if self._flooded:
                self.kill()
                break
            self._lines.put(line)
        self._lines.put(None)

    def _take_complaint(self, output: BinaryIO) -> None:
        while some := os.read(output.fileno(), 65536):
            self._complaint += some
            del self._complaint[:-COMPLAINT_BYTES]

    def failure(self, reason: str) -> Failure:
        """A failure of the program, with what it said on standard error."""
        return Failure(reason, self._complaint.decode(errors="replace"))

    def say(self, lines: int = 1) -> None:
        """Send it empty lines."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: which the answer tells
            self._process.stdin.write(b"\n" * lines)
            self._process.stdin.flush()

    def line(self) -> Any:
        """The JSON value of the next line.

        Raises:
            Failure: none comes in time, or it is no JSON.
            Cannot: it says so.
        """
        line = self._next(time.monotonic() + self._program.seconds)
        if line is None:
            status = self._status()
            raise self.failure(f"ended with {told(status)} where a line was expected")
        with self._lock:
            self._unread -= len(line)
        value = self._value(line)
        if isinstance(value, dict) and value.keys() == {"cannot"}:
            raise Cannot(str(value["cannot"]))
        return value

    def ask(self) -> Any:
        """Send an empty line, and give the JSON value of the line that answers it."""
        self.say()
        return self.line()

    def expect(self, key: str) -> Any:
        """The next line has to be an object with this key alone; its value."""
        value = self.line()
        if not isinstance(value, dict) or value.keys() != {key}:
            raise self.failure(f"printed {shown(value)} where {{{key!r}: …}} was expected")
        return value[key]

    def rest(self) -> tuple[int, list[bytes]]:
        """Close its input, wait for its end, and give its status, and the rest of its lines as they are."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        deadline = time.monotonic() + self._program.seconds
        lines = []
        while (line := self._next(deadline)) is not None:
            lines.append(line)
        return self._status(), lines

    def end(self) -> tuple[int, list[Any]]:
        """As `rest`, but the status is 0 or 1, and the lines are JSON."""
        status, lines = self.rest()
        values = [self._value(line) for line in lines]
        if status == CANNOT and values and isinstance(values[-1], dict) and values[-1].keys() == {"cannot"}:
            raise Cannot(str(values[-1]["cannot"]))
        if status not in (0, REFUSED):
            raise self.failure(f"ended with {told(status)}")
        return status, values

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """It stands still meanwhile, wherever it was."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            # The signal is sent, but the process stands only when the system says so.
            info = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            if info is None or info.si_code != os.CLD_STOPPED:
                raise self.failure(f"ended with {told(self._status())}")
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Wait until it has ended."""
        self._status()

    def _next(self, deadline: float) -> bytes | None:
        try:
            line = self._lines.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            self._program.hung()
            raise self.failure(f"gave no answer in {self._program.seconds:g} seconds") from None
        if line is None and self._flooded:
            raise self.failure(f"printed more than {OUTPUT_BYTES >> 20} MiB")
        return line

    def _status(self) -> int:
        try:
            return self._process.wait(self._program.seconds)
        except subprocess.TimeoutExpired:
            self._program.hung()
            raise self.failure(f"closed its output, but did not end in {self._program.seconds:g} seconds") from None

    def _value(self, line: bytes) -> Any:
        try:
            return json.loads(line.decode())
        except (ValueError, RecursionError):
            raise self.failure(f"printed what is no JSON: {shown(line.decode(errors='replace'))}") from None

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *exception: object) -> None:
        # Of its session, the process whose number it is may be gone; the others are still found by it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        for thread in self._threads:
            thread.join(1)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()


def told(status: int) -> str:
    """A status in words."""
    if status >= 0:
        return f"status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def shown(value: object) -> str:
    """A value for a reason: short."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}…"
