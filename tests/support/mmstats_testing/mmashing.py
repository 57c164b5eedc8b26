"""``mmash``, as a server in a process of its own, on a port that the system gives, or as an application without one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from .running import HANG_SECONDS, environment


class Mmash:
    """A server that runs.

    Attributes:
        port: where it listens.
        pid: its process.
        said: the line with which it began.
    """

    def __init__(self, process: subprocess.Popen[str], said: str) -> None:
        self.said, self.pid, self._process = said, process.pid, process
        found = re.search(r":(\d+)/$", said.strip())
        assert found, said
        self.port = int(found[1])

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it by a signal to end, and wait until it has; its status."""
        self._process.send_signal(number)
        return self._process.wait(HANG_SECONDS)


@contextlib.contextmanager
def mmash(*arguments: str | Path, directory: Path | None = None, **changes: str) -> Iterator[Mmash]:
    """Run a server; it is killed at the end.

    Args:
        arguments: of the command, beside the port.
        directory: where it runs.
        changes: of the environment.
    """
    command = [sys.executable, "-m", "mmstats_reader.mmash", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, cwd=directory, env=environment(**changes)
    ) as process:
        try:
            assert process.stdout is not None
            yield Mmash(process, process.stdout.readline())
        finally:
            process.kill()


class Answer(NamedTuple):
    """What an application answers."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, in strict JSON."""
        return json.loads(self.body, parse_constant=lambda name: 1 / 0)


class Connection:
    """A connection to an ASGI application, without a server; in an event loop.

    Attributes:
        taking: cleared while nothing that is sent is taken, as by a browser that reads slowly.
        sent: of the body so far, in the pieces in which it was sent.
    """

    def __init__(self, path: str, *, method: str = "GET", host: str = "localhost", **headers: str) -> None:
        path, _, query = path.partition("?")
        given = {"host": host, **headers}
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
        }
        self.start: Any = None
        self.sent: list[bytes] = []
        self.taking = asyncio.Event()
        self.taking.set()
        self._gone, self._asked, self._some = asyncio.Event(), False, asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        """What the application is told: the request, and at last that the other side has gone."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """What the application tells."""
        if message["type"] == "http.response.start":
            self.start = message
            return
        self.sent.append(message.get("body", b""))
        self._some.set()
        await self.taking.wait()

    def leave(self) -> None:
        """Go away."""
        self._gone.set()

    @property
    def answer(self) -> Answer:
        """What was answered."""
        headers = {name.decode(): value.decode() for name, value in self.start["headers"]}
        return Answer(self.start["status"], headers, b"".join(self.sent))

    async def pieces(self, number: int) -> list[bytes]:
        """Wait until so many events were sent since the last call, and forget them."""
        async with asyncio.timeout(HANG_SECONDS):
            while len(found := [piece for piece in self.sent if piece.startswith(b"data: ")]) < number:
                self._some.clear()
                await self._some.wait()
        self.sent.clear()
        return found

    async def events(self, number: int) -> list[Any]:
        """The same, and what they say."""
        return [json.loads(event[6:], parse_constant=lambda name: 1 / 0) for event in await self.pieces(number)]


async def ask(application: Any, path: str, **more: str) -> Answer:
    """Ask an application; `more` is as of a `Connection`."""
    connection = Connection(path, **more)
    await application(connection.scope, connection.receive, connection.send)
    return connection.answer


def answer(application: Any, path: str, **more: str) -> Answer:
    """The same, outside an event loop."""
    return asyncio.run(ask(application, path, **more))
