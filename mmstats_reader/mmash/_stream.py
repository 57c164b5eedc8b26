"""Event streams: what is published now, again and again, to everybody who looks.

    Statistics ──view──► _Channel (one an interval) ──event──► _Viewer (one a connection) ──► browser

Rule 1: an event is made once for all viewers who follow the same metrics at the same interval.
Rule 2: a viewer holds one event at most. Who reads slowly misses events, and neither keeps others waiting nor takes
        more memory.
Rule 3: a channel begins with its first viewer and ends with its last.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .. import Family, View
from .._json import json_value
from ._documents import kinds_of, reason, series_of
from ._statistics import Statistics, encoded

#: Intervals are multiples of it, so that what is read for one serves for others.
STEP_SECONDS = 0.5
LONGEST_SECONDS = 60.0
#: A connection says something as often as this, so that nobody takes it for dead.
_ALIVE_SECONDS = 15.0
_ALIVE = b":\n\n"
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


class Streams:
    """All event streams of an application."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._channels: dict[float, _Channel] = {}

    def stream(self, interval: float, metrics: Iterable[str]) -> Response:
        """A response that is a stream of events.

        Args:
            interval: between them, in seconds; multiples of `STEP_SECONDS` up to `LONGEST_SECONDS`.
            metrics: names of families; none for all that are no text.
        """
        return _EventStream(lambda viewer: self._watching(interval, viewer), _Viewer(metrics))

    def end(self) -> None:
        """End all streams that are open."""
        for channel in self._channels.values():
            channel.end()

    @contextmanager
    def _watching(self, interval: float, viewer: _Viewer) -> Iterator[None]:
        channel = self._channels.get(interval)
        if channel is None or channel.ended:
            channel = self._channels[interval] = _Channel(self._statistics, interval)
        channel.join(viewer)
        try:
            yield
        finally:
            channel.leave(viewer)
            if channel.ended and self._channels.get(interval) is channel:
                del self._channels[interval]


class _Viewer:
    """Somebody who looks.

    Attributes:
        metrics: the names of families that are followed, sorted; none for all that are no text.
        ended: whether the stream is over.
    """

    def __init__(self, metrics: Iterable[str]) -> None:
        self.metrics = tuple(sorted(set(metrics)))
        self.ended = False
        self._event: bytes | None = None
        self._wake = asyncio.Event()

    def offer(self, event: bytes) -> None:
        """Have it sent next; one that was offered before and is not sent yet is dropped."""
        self._event = event
        self._wake.set()

    def keep_alive(self) -> None:
        """Have something sent, if there is nothing."""
        if self._event is None:
            self.offer(_ALIVE)

    def end(self) -> None:
        """Let nothing more be sent."""
        self.ended = True
        self._wake.set()

    async def next(self) -> bytes | None:
        """Wait for something to be sent; None at the end."""
        await self._wake.wait()
        self._wake.clear()
        event, self._event = self._event, None
        return None if self.ended else event


class _EventStream(Response):
    """The response to a viewer."""

    media_type = "text/event-stream"

    def __init__(self, watching: Callable[[_Viewer], AbstractContextManager[None]], viewer: _Viewer) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._watching, self._viewer = watching, viewer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "GET":
            left = asyncio.create_task(self._left(receive))
            try:
                with self._watching(self._viewer):
                    while (event := await self._viewer.next()) is not None:
                        await send({"type": "http.response.body", "body": event, "more_body": True})
            finally:
                left.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._viewer.end()


class _Channel:
    """Reads at an interval for some viewers.

    Attributes:
        ended: whether it does no more.
    """

    def __init__(self, statistics: Statistics, interval: float) -> None:
        self.ended = False
        self._statistics, self._interval = statistics, interval
        self._viewers: set[_Viewer] = set()
        self._new: set[_Viewer] = set()
        self._joined = asyncio.Event()
        self._sample: _Sample | None = None
        self._task = asyncio.create_task(self._run())

    def join(self, viewer: _Viewer) -> None:
        """Have a viewer; there will be an event for it at once."""
        self._viewers.add(viewer)
        self._new.add(viewer)
        self._joined.set()

    def leave(self, viewer: _Viewer) -> None:
        """Have it no more."""
        self._viewers.discard(viewer)
        self._new.discard(viewer)
        if not self._viewers:
            self._task.cancel()
            self.ended = True

    def end(self) -> None:
        """Let all viewers' streams end."""
        for viewer in self._viewers:
            viewer.end()

    async def _run(self) -> None:
        due = 0.0
        try:
            while True:
                again = time.monotonic() >= due
                waiting = set(self._viewers) if again else self._new
                self._new = set()
                events = await self._statistics.run(
                    partial(self._events, again, {viewer.metrics for viewer in waiting})
                )
                for viewer in waiting:
                    viewer.offer(events[viewer.metrics])
                if again:
                    due = self._after(time.monotonic())
                await self._pause(due)
        finally:  # viewers whose channel fails come again
            self.ended = True
            self.end()

    def _after(self, now: float) -> float:
        """When to read next: at the same times as other channels, so that one reading serves for all."""
        return math.ceil(now / self._interval + 0.5) * self._interval

    async def _pause(self, due: float) -> None:
        """Wait until it is time, or until somebody joins."""
        while not self._new and (left := due - time.monotonic()) > 0:
            self._joined.clear()
            try:
                async with asyncio.timeout(min(left, _ALIVE_SECONDS)):
                    await self._joined.wait()
            except TimeoutError:
                if left > _ALIVE_SECONDS:
                    for viewer in self._viewers:
                        viewer.keep_alive()

    def _events(self, again: bool, wanted: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], bytes]:
        """The events for some selections of metrics: of now, or where that is not due, of the last reading."""
        if again or self._sample is None:
            try:
                view = self._statistics.view()
            except OSError as error:
                self._sample = None
                event = _event(encoded({"time": time.time(), "error": f"{error.filename}: {reason(error)}"}))
                return dict.fromkeys(wanted, event)
            # The first has nothing that it could have grown since but itself.
            self._sample = _Sample(view.since(self._sample.view if self._sample else view))
        return {metrics: self._sample.event(metrics) for metrics in wanted}


class _Sample:
    """What is told of one view, whoever follows what of it.

    Attributes:
        view: what was read.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self._parts: dict[str, bytes] = {}
        self._rest = {
            "time": view.time,
            "seconds": json_value(view.seconds) if view.seconds > 0 else None,
            "processes": kinds_of(view.processes),
        }

    @cached_property
    def _all(self) -> list[str]:
        return sorted({family.name for family in self.view if family.kind != "text"})

    def event(self, metrics: tuple[str, ...]) -> bytes:
        """The event for who follows these metrics; all that are no text if there are none."""
        parts = [self._part(name) for name in metrics or self._all if name in self.view]
        told = encoded(self._rest)[:-1] + b',"metrics":{' + b",".join(filter(None, parts)) + b"}}"
        return _event(told)

    def _part(self, name: str) -> bytes:
        """The members of a family's series; made once."""
        if name not in self._parts:
            family = self.view[name]
            told = {full: self._told(family, labels, value) for _, full, labels, value in series_of(family)}
            self._parts[name] = encoded(told)[1:-1]
        return self._parts[name]

    def _told(self, family: Family, labels: dict[str, str], value: Any) -> dict[str, object]:
        match family.kind:
            case "counter":
                return {"rate": self._rate(self.view.growth(family.name, **labels)), "value": json_value(value)}
            case "summary" | "histogram":
                grown: Any = self.view.growth(family.name, **labels)
                told = {"rate": self._rate(grown.count), "mean": None, "count": value.count if value else 0}
                quantiles = _QUANTILES if family.kind == "histogram" else {}
                if grown.count <= 0:
                    return told | dict.fromkeys(quantiles)
                told["mean"] = _number(grown.sum / grown.count)
                return told | {name: _number(grown.quantile(q)) for name, q in quantiles.items()}
        return {"state" if family.kind == "state set" else "value": json_value(value)}

    def _rate(self, grown: Any) -> float | None:
        return _number(grown / self.view.seconds) if self.view.seconds > 0 else None


def _number(value: float) -> float | None:
    """A number that can be drawn."""
    return value if math.isfinite(value) else None


def _event(told: bytes) -> bytes:
    return b"data: " + told + b"\n\n"
