"""A file of version 2: one thread's metrics; it grows while it is read (FORMAT.md 3.4, V2-W3, V2-W4).

    header │ extent: head │ records │ room │ slots │ room │ extent …     each extent has a mapping of its own

Rule 1: a metric always has a slot: in the file, or in private memory while there is none to be had. What is counted
        there goes along into the file.
Rule 2: only the instance's making may fail for want of a file; an update never does (`prepare`).
"""

from __future__ import annotations

import contextlib
import mmap
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mmstats_format import ClosedError, layout

from . import _file, _records
from ._create import Made, extend
from ._identity import identity, ordered
from ._metric import NOBODY, Metric, under_way, update
from ._threads import RLock

if TYPE_CHECKING:
    from ._family import Family
    from ._publisher import Publisher

#: Seconds until a file that could not be made, or could not grow, is tried again: the first time, and at most.
_SOON, _LATE = 0.1, 60.0

#: Of the room that is left over in an extent, the part for values: a slot is smaller than its record.
_FOR_VALUES = 4


class _Extent:
    """An extent in its mapping: what of it is used, as far as this writer knows."""

    def __init__(self, map: mmap.mmap, begins: int, records: int, slots: int, metadata: int) -> None:
        self.map = map
        self.view = view = memoryview(map)[begins:]
        self.records = layout.V2_EXTENT_SIZE
        self.values = self.records + metadata
        self.record_at, self.slot_at = self.records + records, self.values + slots
        self._used = _word(view, layout.V2_EXTENT_AT_METADATA_USED)
        self._next = _word(view, layout.V2_EXTENT_AT_NEXT)

    def fits(self, records: int, slot: int) -> bool:
        """Whether so many bytes of records and of their slot have room."""
        return self.record_at + records <= self.values and self.slot_at + slot <= len(self.view)

    def write(self, records: bytes, slot: bytes) -> _Addition:
        """Store records and their slot where nothing is published yet (W3.1, W3.2)."""
        added = _Addition(self, slice(self.slot_at, self.slot_at + len(slot)), self.record_at + len(records))
        self.view[added.slot] = slot
        self.view[self.record_at : added.end] = records
        return added

    def publish(self, added: _Addition) -> None:
        """W3.4."""
        self._used[()] = self._control(added)

    def take_note(self, added: _Addition) -> bool:
        """Whether it was published, and its room is taken."""
        if self._used[()] != self._control(added):
            return False
        self.record_at, self.slot_at = added.end, added.slot.stop
        return True

    def _control(self, added: _Addition) -> int:
        return _records.control((added.end - self.records) // layout.V2_UNIT)

    def lead_to(self, offset: int) -> None:
        """Say where the next extent is (W4.4)."""
        self._next[()] = _records.control(offset // layout.V2_UNIT)


class _Addition(NamedTuple):
    """Records and their slot at the end of what an extent holds."""

    extent: _Extent
    slot: slice
    end: int


class File(_file.File):
    """The version 2 file of one instance in one thread."""

    def __init__(self, publisher: Publisher) -> None:
        super().__init__(publisher.wanted, None, publisher.on_exit)
        self._publisher = publisher
        #: The metrics by the numbers of their series; those not in the file yet, and those without a first value.
        self.metrics: dict[int, Metric] = {}
        self._unpublished: dict[int, None] = {}
        self._new: dict[int, None] = {}
        self._numbers: dict[Family, int] = {}
        self._places: list[tuple[int, int]] = []
        self._extents: list[_Extent] = []
        self._adding: tuple[int, _Addition] | None = None
        self._header: memoryview | None = None
        self._preparing = False
        self._again, self._delay = 0.0, _SOON
        #: Held for good by the thread that writes the file.
        self.turn: Any = NOBODY
        _file._live.add(self)  # what it counts without a file is not a forked child's either

    @update
    def open(self) -> Made:
        """Make the file, unless it is made; see `_file.File.open`. What interrupts it counts in private memory."""
        if self._made is not None and not self._removed:
            return self._made
        preparing, self._preparing = self._preparing, True
        free = not _file._guard._is_owned()
        try:
            return super().open()
        finally:
            _file.let_go(free)
            self._preparing = preparing

    def metric(self, number: int, family: Family) -> Metric:
        """The metric of a series in this file, which the file need not hold yet.

        Raises:
            ClosedError: the file was removed.
        """
        if self._removed:
            raise ClosedError(f"{family.declared.name!r}: its file was removed; make a new instance")
        metric = self.metrics.get(number)
        if metric is None:
            made = family.make(number, self)
            # What interrupts this may have made one too; the first counts.
            self._unpublished[number] = self._new[number] = None
            metric = self.metrics.setdefault(number, made)
        if number in self._new:
            self._begin(number)
        return metric

    def own(self) -> None:
        """Be the calling thread's from now on."""
        self.turn = RLock()
        self.turn.acquire()
        if self._made is not None:
            for number, metric in list(self.metrics.items()):
                if number not in self._unpublished:
                    metric._give_turn(self.turn)

    def hand_over(self) -> None:
        """Go on as the file of the calling thread, after the one that wrote it has ended (V2-W13)."""
        for metric in list(self.metrics.values()):
            if not metric._family.declared.kept:
                metric._forget()
        if self._header is not None:
            word = _word(self._header, layout.V2_HEADER_AT_THREAD_ID)
            word[()] = _records.control(threading.get_native_id() & layout.V2_CONTROL_MASK)

    def disown(self) -> None:
        """Be no thread's: the one that wrote it has ended."""
        self.turn = NOBODY
        for metric in list(self.metrics.values()):
            metric._give_turn(NOBODY)

    @update
    def prepare(self) -> None:
        """Have room for every metric, if that can be had now.

        Raises:
            ClosedError: the file was removed.
        """
        if self._removed:
            raise ClosedError("the statistics file was removed; make a new instance")
        if self._preparing and under_way(self, sys._getframe()):
            return  # it was interrupted by this
        free = not _file._guard._is_owned()
        try:
            self._preparing = True
            for number in list(self._new):
                self._begin(number)
            if self._publisher.disabled or _file.ended:
                for metric in list(self.metrics.values()):
                    metric._give_turn(self.turn)
            elif time.monotonic() >= self._again:
                if self._made is not None:
                    self._publish(self._made)
                elif all(metric._is_quiet() for metric in list(self.metrics.values())):
                    super().open()
                self._again, self._delay = 0.0, _SOON
                self._publisher.wanting.discard(self)
        except ClosedError:
            raise
        except Exception as error:  # an OSError
            if self._removed:  # by what interrupted this
                raise ClosedError("the statistics file was removed; make a new instance") from None
            self._tell(error)
            self._again = time.monotonic() + self._delay
            self._delay = min(2 * self._delay, _LATE)
        finally:
            _file.let_go(free)
            self._preparing = False

    def _tell(self, error: Exception) -> None:
        """Log the trouble, unless another file of the instance is in it already."""
        wanting = self._publisher.wanting
        if self not in wanting and not _file.ended:
            told = bool(wanting)
            wanting.add(self)
            if not told and not _file.warn("statistics stay in private memory for now: %s", error):
                wanting.discard(self)

    def settle(self) -> None:
        """Before the end: have in the file what waits for one, unless another thread may be at it."""
        if self in self._publisher.wanting and (self.turn is NOBODY or self.turn._is_owned()):
            self._again = 0.0
            with contextlib.suppress(ClosedError):
                self.prepare()

    def end(self) -> None:
        """Say that this was all (V2-W11); what comes still goes to private memory."""
        header, self._header = self._header, None
        if header is not None and self._made is not None:
            for metric in list(self.metrics.values()):
                metric._publish_in(memoryview(bytearray(metric._image())), self.turn)
            _word(header, layout.V2_HEADER_AT_STATE)[()] = _records.control(layout.V2_STATES["closed"])

    def _begin(self, number: int) -> None:
        """Ask the field for its first value. Only the instance's making may fail for that."""
        metric = self.metrics.get(number)
        try:
            if metric is not None:
                metric._begin()
        except Exception as error:
            if not self._publisher.opened:
                raise
            _file.warn("no first value for %r: %s", self._publisher.name(number), error)
        self._new.pop(number, None)

    def _content(self) -> bytes:
        who = identity(self._publisher.app())
        records = _records.origin(who)
        slots = b""
        self._numbers, self._places = {}, []
        metrics: dict[Family, list[Metric]] = {}
        for metric in list(self.metrics.values()):
            metrics.setdefault(metric._family, []).append(metric)
        for family in self._publisher.families():
            self._numbers[family] = len(self._numbers)
            records += family.record
            for metric in metrics.get(family, ()):
                records += self._series(metric)
                self._places.append((metric._number, len(slots)))
                slots += metric._image()
        used = layout.V2_HEADER_SIZE + layout.V2_EXTENT_SIZE + len(records) + len(slots)
        room = -used % mmap.PAGESIZE
        values = len(slots) + room // _FOR_VALUES // layout.V2_UNIT * layout.V2_UNIT
        metadata = len(records) + room - (values - len(slots))
        self._first, self._who = (len(records), len(slots), metadata), who
        return self._head() + _records.extent(records, slots, metadata, values)

    def _head(self, *features: str) -> bytes:
        features += () if ordered() else ("unordered",)
        return _records.header(self._who, sum(1 << layout.V2_COMPATIBLE[feature] for feature in features))

    def _unlocked(self, content: bytes) -> bytes:
        return self._head("no lock") + content[layout.V2_HEADER_SIZE :]  # V2-W10

    def _attach(self, made: Made) -> None:
        extent = _Extent(made.map, layout.V2_HEADER_SIZE, *self._first)
        self._header = memoryview(made.map)[: layout.V2_HEADER_SIZE]
        self._extents = [extent]
        for number, place in self._places:
            metric = self.metrics[number]
            at = extent.values + place
            metric._publish_in(extent.view[at : at + len(metric._image())], self.turn)
            self._unpublished.pop(number, None)

    def _detach(self) -> None:
        self._header, self._extents = None, []
        for number, metric in list(self.metrics.items()):
            metric._give_turn(NOBODY)
            self._unpublished[number] = None

    def _publish(self, made: Made) -> None:
        """Add the metrics that the file does not hold yet, each with its family where that is new."""
        self._lead()
        self._take_note()
        for number in list(self._unpublished):
            metric = self.metrics.get(number)
            if metric is None or metric._home is not NOBODY:  # broken off before it was there, or after
                self._unpublished.pop(number, None)
                continue
            if not metric._is_quiet():
                continue
            family = metric._family
            records = self._series(metric)
            if family not in self._numbers:
                records = family.record + records
            slot = metric._image()
            if not self._extents[-1].fits(len(records), len(slot)):
                self._grow(made, len(records), len(slot))
            added = self._extents[-1].write(records, slot)
            self._adding = number, added
            added.extent.publish(added)
            self._take_note()

    def _take_note(self) -> None:
        """Go by what was published last, which may have been broken off."""
        if self._adding is None:
            return
        number, added = self._adding
        metric = self.metrics[number]
        if added.extent.take_note(added):
            self._numbers.setdefault(metric._family, len(self._numbers))
            metric._publish_in(added.extent.view[added.slot], self.turn)
            self._unpublished.pop(number, None)
        self._adding = None

    def _grow(self, made: Made, records: int, slot: int) -> None:
        """Add an extent with room for so much, as large as all before it together (V2-W4, V2-W8)."""
        begins = self._size(made)
        size = max(begins, layout.V2_EXTENT_SIZE + records + slot)
        size += -size % mmap.PAGESIZE
        room = size - layout.V2_EXTENT_SIZE
        # As records and slot of what needs it; more of the same kind will follow.
        share = room * slot // (records + slot) // layout.V2_UNIT * layout.V2_UNIT
        values = max(slot, min(share, room - records))
        content = _records.extent(b"", b"", room - values, values)
        with _file._guard:
            mapping = extend(made, begins, content)  # W4.1, W4.2
        self._extents.append(_Extent(mapping, 0, 0, 0, room - values))
        self._lead()

    def _lead(self) -> None:
        """Have the last extent but one lead to the last (W4.4)."""
        if len(self._extents) > 1:
            self._extents[-2].lead_to(sum(len(extent.map) for extent in self._extents[:-1]))

    def _series(self, metric: Metric) -> bytes:
        number = self._numbers.get(metric._family, len(self._numbers))
        return _records.series(number, self._publisher.labels(metric._number), len(metric._image()))

    def _wait(self) -> None:
        self._extents, self._header, self._adding = [], None, None
        self._unpublished, self._new = dict.fromkeys(self.metrics), dict.fromkeys(self.metrics)
        self._again, self._delay = 0.0, _SOON
        self._preparing = False
        self._publisher.wanting.discard(self)
        # An update that the fork interrupted gives back the turn that it took: it must be worth nothing.
        if self.turn._is_owned():
            self.turn.release()
            self.own()
        for metric in list(self.metrics.values()):
            metric._reset()

    def _close(self) -> None:
        for metric in list(self.metrics.values()):
            metric._reset()
        extents, self._extents, self._header = self._extents, [], None
        for extent in extents[1:]:
            with contextlib.suppress(BufferError):
                extent.map.close()

    def _size(self, made: Made) -> int:
        return sum(len(extent.map) for extent in self._extents)

    def _flush(self, made: Made) -> None:
        for extent in self._extents:
            extent.map.flush()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            if _file.is_ours():
                self.end()
        super().__del__()


def _word(view: memoryview, place: int) -> Any:
    return view[place : place + layout.V2_UNIT].cast(layout.V2_CONTROL[1:], ())  # type: ignore[call-overload]
