"""What every metric does: an update that is the thread's own, whole, and in the right file.

    update ──► my turn? ──► take it ──► store ──► give it back ──► anything put off meanwhile?
                  │ no
                  ▼
              elsewhere:  another thread's   ──► this thread's metric of the same series
                          there is no file   ──► make it, or go on in private memory
                          one is under way   ──► leave this one to its end

Rule 1: a metric is one series in the file of one thread. Its turn is a lock object that this thread holds for good;
        nobody ever waits for it, it is only asked whose it is.
Rule 2: an update may be interrupted by another one, or broken off, at any instruction (signal handler, finaliser,
        trace hook). It counts from the one store on that publishes it. What the slot says is the truth: whatever a
        metric keeps beside it is taken from there again.
Rule 3: a store to the file is one instruction: through `memoryview`, one word or one whole buffer. `struct.pack_into`
        writes zeros first.
Rule 4: what is put off was checked before, and cannot fail.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from mmstats_format import UpdateError

from ._threads import RLock

if TYPE_CHECKING:
    from ._family import Family
    from ._file2 import File

#: In the place of a turn: nobody's, since an update is under way; nobody's, since there is no file.
BUSY: Any = RLock()
NOBODY: Any = RLock()

_Update = TypeVar("_Update", bound=Callable[..., Any])
_updates: set[CodeType] = set()

#: The method that does an update, one that gives for its argument what can be put off, and what does that in its turn
#: and publishes by its last store.
Way: TypeAlias = tuple[Callable[[Any, Any], None], Callable[[Any, Any], Any], Callable[[Any, Any], None]]


def update(function: _Update) -> _Update:
    """Mark a method that takes the turn: when it is up the stack, an update is under way."""
    _updates.add(function.__code__)
    return function


def foreign(error: BaseException) -> bool:
    """Whether `error` comes from a function that the instruction called, or that interrupted it."""
    trace = error.__traceback__
    return trace is not None and trace.tb_next is not None


def under_way(whose: object, frame: FrameType) -> bool:
    """Whether an update of `whose` stands further up the stack than `frame`: it was interrupted."""
    above = frame.f_back
    while above is not None:
        if above.f_code in _updates and above.f_locals.get("self") is whose:
            return True
        above = above.f_back
    return False


class Metric:
    """What an attribute of an instance gives. Any thread may use it: each updates its own file.

    A metric with label names has no value; its children have, which `labels` gives.
    """

    __slots__ = (
        "__weakref__",
        "_family",
        "_file",
        "_home",
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
        #: Updates that came while another one was under way: what to call, its argument, the slot's token before.
        self._put_off: list[list[Any]] = []
        #: Whether there may be any.
        self._late = False
        #: Whose turn it is when nothing is under way.
        self._home = self._turn = NOBODY
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
        self._home = self._turn = NOBODY
        self._put_off.clear()
        self._slot = memoryview(bytearray(self._family.first))
        self._restore()

    def _begin(self) -> None:
        """Take the first value that the field gives, if it gives one; before anything is published."""

    def _forget(self) -> None:
        """Become unset, where the value was that of the thread before (V2-W13)."""

    def _give_turn(self, turn: Any) -> None:
        """Let the thread that holds `turn` update this metric."""
        self._home = turn
        if self._turn is not BUSY:  # broken off, then, and brought into order by the next update
            self._turn = turn

    def _is_quiet(self) -> bool:
        """Whether no update of it was interrupted by what is done now."""
        return self._turn is not BUSY or not under_way(self, sys._getframe())

    @update
    def _publish_in(self, slot: memoryview, turn: Any) -> None:
        """Publish from now on in `slot`, beginning with what is published now; updates are the turn's holder's."""
        try:
            self._turn = BUSY
            self._bring_up_to_date(slot)
            self._slot = slot
            self._home = turn
            self._catch_up()
        except BaseException:
            self._catch_up()
            raise

    def _bring_up_to_date(self, slot: memoryview) -> None:
        """Publish in `slot`, an older image of this metric's that readers may see already, what is published now."""
        slot[:] = self._slot

    def _image(self) -> bytes:
        """The bytes of the slot as they are now."""
        return bytes(self._slot)

    def _restore(self) -> None:
        """Make windows on the parts of the slot, and take what is kept beside them from there."""
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
        """An update: `store` is called with the checked `argument` in its turn, and publishes by its last store."""
        turn = self._turn
        if not turn._is_owned():
            return self._elsewhere((_run_again, _argument, store), (store, argument))
        try:
            self._turn = BUSY
            store(self, argument)
            self._turn = turn
            if self._late:
                self._catch_up()
        except BaseException:
            self._catch_up()
            raise

    def _elsewhere(self, way: Way, argument: Any) -> None:
        """Do an update that could not be done straight ahead; called by the method that was to do it."""
        try:
            metric = self._threads.metrics[self._number]
        except (AttributeError, KeyError) as error:  # the thread's first update of anything, or of this
            if foreign(error):
                raise
            metric = self._here()
        if metric._turn._is_owned():
            return way[0](metric, argument)
        checked = way[1](metric, argument)
        if metric._home is NOBODY:
            metric._file.prepare()
        metric._late = True
        metric._put_off.append([way[2], checked, None])
        if metric._turn is not BUSY or not under_way(metric, sys._getframe(1)):
            metric._catch_up()

    @update
    def _catch_up(self) -> None:
        """Bring the metric into order, do what was put off, and give the turn back."""
        try:
            self._settle()
        except BaseException:
            self._settle()
            raise

    def _settle(self) -> None:
        waiting = self._put_off
        while True:
            self._turn = BUSY
            self._late = False
            self._restore()
            while entries := waiting[:1]:  # `remove` in another thread may empty it at any time
                (entry,) = entries
                if entry[2] is None:
                    entry[2] = self._token()
                # Otherwise it was begun already, and broken off before it was published or after.
                if entry[2] == self._token():
                    entry[0](self, entry[1])
                if waiting[:1] == entries:
                    del waiting[:1]
            self._turn = self._home
            if not waiting:
                return


def _run_again(metric: Metric, job: tuple[Callable[[Any, Any], None], Any]) -> None:
    metric._run(*job)


def _argument(metric: Metric, job: tuple[Callable[[Any, Any], None], Any]) -> Any:
    return job[1]
