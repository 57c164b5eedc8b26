"""Requests, errors and durations of any ASGI application, in one file to copy: ``app = Statistics(app)``.

Run it to see it at work: it answers some requests at once, and shows what was counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mmstats_reader import read
from mmstats_writer import CounterField, GaugeField, MmStats, TimerField

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

#: Whoever sends another method does not get a series of his own.
METHODS = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))


class WebStats(MmStats):
    """What is published."""

    requests = CounterField("http.requests", help="Requests answered", labelnames=("method", "status"))
    errors = CounterField("http.errors", help="Requests that ended with an exception")
    inflight = GaugeField("http.inflight", help="Requests being answered now", combine="sum")
    duration = TimerField("http.duration", help="From the request to the end of its answer")


class Statistics:
    """An application that counts another's requests; what is no request, such as a web socket, goes through."""

    def __init__(self, application: Application, app: str = "web", **where: Any) -> None:
        self._application = application
        # Made before the server forks: each child's own file appears with its first request.
        self.stats = WebStats(app=app, **where)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request; the time runs until the whole answer is sent."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        status = "500"

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        stats = self.stats
        stats.inflight.inc()
        try:
            # Each use has a time of its own: tasks may overlap.
            with stats.duration.time():
                await self._application(scope, receive, sent)
        except Exception:
            stats.errors.inc()
            raise
        finally:
            stats.inflight.dec()
            method = scope["method"] if scope["method"] in METHODS else "other"
            stats.requests.labels(method=method, status=status).inc()


async def _application(scope: Message, receive: Receive, send: Send) -> None:
    await asyncio.sleep(0.01)
    if scope["path"] == "/broken":
        raise RuntimeError("what was asked for is broken")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello\n"})


async def ask(application: Application, path: str) -> None:
    """A request, as a server makes it."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(_: Message) -> None:
        pass

    with contextlib.suppress(RuntimeError):
        await application({"type": "http", "method": "GET", "path": path, "headers": []}, receive, send)


async def main() -> None:
    """Answer five requests at once, one of them broken, and show the statistics."""
    with tempfile.TemporaryDirectory() as directory:
        application = Statistics(_application, path=directory)
        await asyncio.gather(*(ask(application, path) for path in ("/", "/", "/", "/broken", "/")))
        for label, value in read(application.stats.filename):
            print(label, value)
        application.stats.remove()


if __name__ == "__main__":
    asyncio.run(main())
