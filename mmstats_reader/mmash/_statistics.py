"""One reading for all who look.

Rule 1: nothing is read unless somebody asks, and what is young enough is not read again.
Rule 2: all work with what was read is done in a thread, and by one at a time: a `Directory` is used by one thread, and
        values are looked at when they are asked for.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from .. import Directory, View
from .._view import Pass

#: Who asks so soon after a reading gets the same.
FRESH_SECONDS = 0.1
#: Nobody has asked for so long: the files are closed. A stream asks each minute at least.
IDLE_SECONDS = 75.0

_T = TypeVar("_T")


class Statistics:
    """A directory, read for many.

    Attributes:
        looked: where it looks, in words.
    """

    def __init__(self, directory: Directory) -> None:
        self.looked = ", ".join(directory.where)
        self._directory, self._lock = directory, threading.Lock()
        self._view: View | None = None
        self._read = 0.0
        self._answers: dict[Callable[[View], object], bytes] = {}
        self._closing: asyncio.TimerHandle | None = None

    async def run(self, work: Callable[[], _T]) -> _T:
        """Do some work with a view in a thread; nobody else does any meanwhile."""
        try:
            return await asyncio.to_thread(self._alone, work)
        finally:
            self._close_later()

    async def answer(self, document: Callable[[View], object]) -> bytes:
        """A JSON document about what is published now.

        Args:
            document: what makes it of a view. Of a function that stays the same, so does the answer while the view is
                fresh.
        """
        return await self.run(lambda: self._answer(document))

    def view(self) -> View:
        """What is published now; to be called in `run`.

        Raises:
            OSError: nothing of what is meant is there, or can be looked into.
        """
        if self._view is None or time.monotonic() - self._read > FRESH_SECONDS:
            self._answers.clear()
            self._view = None
            self._view, self._read = self._directory.poll(), time.monotonic()
        return self._view

    def view_or_nothing(self) -> View:
        """The same; where nothing can be looked into, a view of nothing with the error."""
        try:
            return self.view()
        except OSError as error:
            return View(Pass([], {}, {str(error.filename): error}, time.monotonic(), time.time_ns()), None)

    def _alone(self, work: Callable[[], _T]) -> _T:
        with self._lock:
            return work()

    def _answer(self, document: Callable[[View], object]) -> bytes:
        view = self.view_or_nothing()
        if document not in self._answers:
            self._answers[document] = encoded(document(view))
        return self._answers[document]

    def _close_later(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._closing = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close)

    def _close(self) -> None:
        if self._lock.acquire(blocking=False):  # who has it closes later
            self._view = None
            self._answers.clear()
            self._directory.close()
            self._lock.release()


def encoded(document: object) -> bytes:
    """A document in strict JSON, in one line. Paths may hold what is no UTF-8; JSON's escapes can say it."""
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode("ascii")
