"""What every metric does: an update that is the thread's own, whole, and in the right file.

    update ──► my turn? ──► take it ──► store ──► give it back ──► anything put off meanwhile?
                  │ no
                  ▼
              elsewhere:  another thread's   ──► this thread's metric of the same series
                          one is under way   ──► put this one off to its end
                          there is no file   ──► make it, or go on in private memory

Rule 1: a metric is one series in the file of one thread. Its turn is a lock object that this thread holds for good;
        nobody ever waits for it, it is only asked whose it is.
Rule 2: an update may be interrupted by another one, or broken off, at any instruction (signal handler, finaliser,
        trace hook). What the file says is the truth: whatever a metric keeps beside it is taken from there again.
Rule 3: a store to the file is one instruction: through `memoryview`, one word or one whole buffer. `struct.pack_into`
        writes zeros first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from mmstats_format import UpdateError

from ._threads import RLock

if TYPE_CHECKING:
    from ._family import Family
    from ._file2 import File

#: In the place of a turn: nobody's, since an update is under way; nobody's, since there is no file.
BUSY: Any = RLock()
NOBODY: Any = RLock()

_Update = TypeVar("_Update", bound=Callable[..., None])
_updates: set[CodeType] = set()


def update(function: _Update) -> _Update:
    """Mark a method that takes the turn: when it is up the stack, an update is under way."""
    _updates.add(function.__code__)
    return function


class Metric:
    """What an attribute of an instance gives. Any thread may use it: each updates its own file.

    A metric with label names has no value; its children have, which `labels` gives.
    """

    __slots__ = (
        "__weakref__",
        "_catching_up",
        "_family",
        "_file",
        "_late",
        "_number",
        "_put_off",
        "_slot",
        "_threads",
        "_turn",
    )

    _slot: memoryview

    def __init__(self, family: Family, number: int = -1, file: File | None = None) -> None:
        self._family, self._file, self._number = family, file, number
        self._threads: Any = family.publisher.threads
        self._turn = NOBODY
        if file is not None:
            self._reset()

    @property
    def name(self) -> str:
        """The full name, with the instance's prefix."""
        return self._family.declared.name

    def labels(self, **labels: object) -> Self:
        """The child with these label values, made at the first call. Keep it where its updates shall be fast.

        Args:
            labels: a value for each of the label names; what is no text is taken as `str` gives it.

        Raises:
            UpdateError: other label names than the metric's.
        """
        return self._family.child(labels)  # type: ignore[return-value]  # a family makes one class of metric

    def _reset(self) -> None:
        """Stand at the first value, in private memory; the first update makes the file."""
        self._put_off: list[list[Any]] = []
        self._late = self._catching_up = False
        self._slot = memoryview(bytearray(self._family.first))
        self._publish_in(self._slot, NOBODY)

    def _begin(self) -> None:
        """Take the first value that the field gives, if it gives one; before anything is published."""

    def _forget(self) -> None:
        """Become unset, where the value was that of the thread before (V2-W13)."""

    def _give_turn(self, turn: Any) -> None:
        """Let the thread that holds `turn` update this metric."""
        self._turn = turn

    @update
    def _publish_in(self, slot: memoryview, turn: Any) -> None:
        """Publish from now on in `slot`, beginning with what is published now; updates are the turn's holder's."""
        self._turn = BUSY
        slot[:] = self._slot
        self._slot = slot
        self._bind(slot)
        self._restore()
        self._turn = turn
        if self._late:
            self._catch_up()

    def _image(self) -> bytes:
        """The bytes of the slot as they are now."""
        return bytes(self._slot)

    def _bind(self, slot: memoryview) -> None:
        """Make windows on the parts of the slot."""
        raise NotImplementedError

    def _restore(self) -> None:
        """Take what is kept beside the published value from there."""
        raise NotImplementedError

    def _token(self) -> object:
        """What is another one after every update that changes something."""
        raise NotImplementedError

    def _here(self) -> Self:
        """This series in the calling thread's file.

        Raises:
            UpdateError: it has label names, and so children in place of a value.
            ClosedError: the file was removed.
        """
        if self._number < 0:
            names = ", ".join(self._family.declared.labels)
            raise UpdateError("no-labels", self.name, f"it has the labels {names}; update what labels() gives")
        return self._family.publisher.here().metric(self._number, self._family)  # type: ignore[return-value]

    @update
    def _run(self, store: Callable[[Any, Any], None], argument: Any) -> None:
        """An update: `store` is called with `argument` in its turn."""
        turn = self._turn
        if not turn._is_owned():
            return self._elsewhere(_run_again, (store, argument))
        try:
            self._turn = BUSY
            store(self, argument)
            self._turn = turn
            if self._late:
                self._catch_up()
        except BaseException:
            self._broken_off(turn)
            raise

    def _elsewhere(self, update: Callable[[Any, Any], None], argument: Any) -> None:
        """Do an update that could not be done straight ahead."""
        try:
            metric = self._threads.metrics[self._number]
        except (AttributeError, KeyError):  # the thread's first update of anything, or of this
            metric = self._here()
        if metric._turn._is_owned():
            return update(metric, argument)
        file = metric._file
        if metric._turn is NOBODY:
            file.prepare()
        if metric._turn is BUSY:
            if _under_way(metric, sys._getframe(1)):
                metric._put_off.append([update, argument, None])
                metric._late = True
                return
            metric._broken_off(file.turn)
        if metric._turn is not NOBODY:
            return update(metric, argument)
        metric._turn = file.turn
        try:
            update(metric, argument)
        finally:
            metric._turn = NOBODY

    def _broken_off(self, turn: Any) -> None:
        """Bring the metric into order after an update that did not come to its end."""
        self._restore()
        self._turn = turn
        self._catching_up = False
        if self._late:
            self._catch_up()

    def _catch_up(self) -> None:
        """Do what was put off, each once, even where that is broken off as well."""
        if self._catching_up:
            return  # an update below this one
        self._catching_up = True
        while self._late:
            self._late = False
            while self._put_off:
                entry = self._put_off[0]
                update, argument, before = entry
                if before is None:
                    entry[2] = before = (self._token(),)
                # Otherwise it was begun already, and broken off before its end or after it.
                if before[0] == self._token():
                    update(self, argument)
                del self._put_off[0]
        self._catching_up = False


def _run_again(metric: Metric, job: tuple[Callable[[Any, Any], None], Any]) -> None:
    metric._run(*job)


def _under_way(metric: Metric, frame: FrameType | None) -> bool:
    """Whether an update of `metric` stands further up the stack than the one in `frame`: it was interrupted."""
    while frame is not None and (frame := frame.f_back) is not None:
        if frame.f_code in _updates and frame.f_locals.get("self") is metric:
            return True
    return False
