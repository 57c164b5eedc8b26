"""A file of version 2: one thread's metrics; it grows while it is read (FORMAT.md 3.4, V2-W3, V2-W4).

    header │ extent: head │ records │ room │ slots │ room │ extent …     each extent has a mapping of its own

Rule 1: a metric always has a slot: in the file, or in private memory while there is none to be had. What is counted
        there goes along into the file.
Rule 2: only the instance's making may fail for want of a file; an update never does (`prepare`).
"""

from __future__ import annotations

import atexit
import contextlib
import mmap
import threading
import time
from typing import TYPE_CHECKING, Any

from mmstats_format import ClosedError, layout

from . import _file, _records
from ._create import Made, extend
from ._identity import identity, ordered
from ._metric import NOBODY, Metric
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

    def __init__(self, view: memoryview, records: int, slots: int, metadata: int) -> None:
        self.view = view
        self.records = layout.V2_EXTENT_SIZE
        self.values = self.records + metadata
        self.record_at, self.slot_at = self.records + records, self.values + slots
        self._used = _word(view, layout.V2_EXTENT_AT_METADATA_USED)
        self._next = _word(view, layout.V2_EXTENT_AT_NEXT)

    def fits(self, records: int, slot: int) -> bool:
        """Whether so many bytes of records and of their slot have room."""
        return self.record_at + records <= self.values and self.slot_at + slot <= len(self.view)

    def publish(self, records: bytes, slot: bytes) -> memoryview:
        """Add records and their slot (V2-W3); gives the slot."""
        place = self.view[self.slot_at : self.slot_at + len(slot)]
        place[:] = slot  # W3.1
        end = self.record_at + len(records)
        self.view[self.record_at : end] = records  # W3.2
        self._used[()] = _records.control((end - self.records) // layout.V2_UNIT)  # W3.4
        self.record_at, self.slot_at = end, self.slot_at + len(slot)
        return place

    def lead_to(self, offset: int) -> None:
        """Say where the next extent is (W4.4)."""
        self._next[()] = _records.control(offset // layout.V2_UNIT)


class File(_file.File):
    """The version 2 file of one instance in one thread."""

    def __init__(self, publisher: Publisher) -> None:
        super().__init__(publisher.wanted, None)
        self._publisher = publisher
        #: The metrics of this file, by the numbers of their series.
        self.metrics: dict[int, Metric] = {}
        self._numbers: dict[Family, int] = {}
        self._places: list[tuple[Metric, int]] = []
        self._unpublished: list[Metric] = []
        self._extents: list[_Extent] = []
        self._maps: list[mmap.mmap] = []
        self._header: memoryview | None = None
        self._preparing = self._left = False
        self._again, self._delay = 0.0, _SOON
        #: Held for good by the thread that writes the file.
        self.turn: Any = NOBODY
        _file._live.add(self)  # what it counts without a file is not a forked child's either

    def open(self) -> Made:
        """Make the file, unless it is made; see `_file.File.open`. What interrupts it counts in private memory."""
        preparing, self._preparing = self._preparing, True
        try:
            return super().open()
        finally:
            self._preparing = preparing

    def metric(self, number: int, family: Family) -> Metric:
        """The metric of a series in this file, which the file need not hold yet.

        Raises:
            ClosedError: the file was removed.
        """
        if self._removed:
            raise ClosedError(f"{family.declared.name!r}: its file was removed; make a new instance")
        if self._left:  # the field's own functions are called now, and not while the process forks
            self._left = False
            for known in self.metrics.values():
                self._begin(known)
        metric = self.metrics.get(number)
        if metric is None:
            metric = self.metrics[number] = family.make(number, self)
            self._begin(metric)
            self._unpublished.append(metric)
        return metric

    def own(self) -> None:
        """Be the calling thread's from now on."""
        self.turn = RLock()
        self.turn.acquire()
        if self._made is not None:
            unpublished = set(self._unpublished)
            for metric in self.metrics.values():
                if metric not in unpublished:
                    metric._give_turn(self.turn)

    def hand_over(self) -> None:
        """Go on as the file of the calling thread, after the one that wrote it has ended (V2-W13)."""
        for metric in self.metrics.values():
            metric._forget()
        if self._header is not None:
            word = _word(self._header, layout.V2_HEADER_AT_THREAD_ID)
            word[()] = _records.control(threading.get_native_id() % 2**32)

    def disown(self) -> None:
        """Be no thread's: the one that wrote it has ended."""
        self.turn = NOBODY
        for metric in list(self.metrics.values()):
            metric._give_turn(NOBODY)

    def prepare(self) -> None:
        """Have room for every metric, if that can be had now.

        Raises:
            ClosedError: the file was removed.
        """
        if self._removed:
            raise ClosedError("the statistics file was removed; make a new instance")
        if self._preparing or time.monotonic() < self._again:
            return
        self._preparing = True
        try:
            if self._publisher.disabled:
                for metric in self.metrics.values():
                    metric._give_turn(self.turn)
            elif self._made is None:
                self.open()
            else:
                self._publish(self._made)
            self._again, self._delay = 0.0, _SOON
        except ClosedError:
            raise
        except Exception as error:  # an OSError, or what a field's own function raises
            if self._delay == _SOON:
                _file.warn("statistics stay in private memory for now: %s", error)
            self._again = time.monotonic() + self._delay
            self._delay = min(2 * self._delay, _LATE)
        finally:
            self._preparing = False

    def end(self) -> None:
        """Say that this was all (V2-W11); what comes still goes to private memory."""
        header, self._header = self._header, None
        if header is not None and self._made is not None:
            for metric in list(self.metrics.values()):
                metric._publish_in(memoryview(bytearray(metric._image())), self.turn)
            _word(header, layout.V2_HEADER_AT_STATE)[()] = _records.control(layout.V2_STATES["closed"])

    def _begin(self, metric: Metric) -> None:
        """Ask the field for its first value. Only the instance's making may fail for that."""
        try:
            metric._begin()
        except Exception as error:
            if not self._publisher.opened:
                raise
            _file.warn("no first value for %r: %s", metric.name, error)

    def _content(self) -> bytes:
        who = identity(self._publisher.app())
        records = _records.origin(who)
        slots = b""
        self._numbers, self._places = {}, []
        metrics: dict[Family, list[Metric]] = {}
        for metric in self.metrics.values():
            metrics.setdefault(metric._family, []).append(metric)
        for family in self._publisher.families():
            self._numbers[family] = len(self._numbers)
            records += family.record
            for metric in metrics.get(family, ()):
                records += self._series(metric)
                self._places.append((metric, len(slots)))
                slots += metric._image()
        used = layout.V2_HEADER_SIZE + layout.V2_EXTENT_SIZE + len(records) + len(slots)
        room = -used % mmap.PAGESIZE
        values = len(slots) + room // _FOR_VALUES // layout.V2_UNIT * layout.V2_UNIT
        metadata = len(records) + room - (values - len(slots))
        features = 0 if ordered() else 1 << layout.V2_COMPATIBLE["unordered"]
        self._first = len(records), len(slots), metadata
        return _records.header(who, features) + _records.extent(records, slots, metadata, values)

    def _attach(self, made: Made) -> None:
        view = memoryview(made.map)
        self._header = view[: layout.V2_HEADER_SIZE]
        extent = _Extent(view[layout.V2_HEADER_SIZE :], *self._first)
        self._extents, self._maps = [extent], [made.map]
        places, self._places = self._places, []
        published = {metric for metric, _ in places}
        self._unpublished = [metric for metric in self.metrics.values() if metric not in published]
        for metric, place in places:
            at = extent.values + place
            metric._publish_in(extent.view[at : at + len(metric._image())], self.turn)

    def _publish(self, made: Made) -> None:
        """Add the metrics that the file does not hold yet, each with its family where that is new."""
        while self._unpublished:
            metric = self._unpublished[0]
            family = metric._family
            records = b""
            if family not in self._numbers:
                records = family.record
                self._numbers[family] = len(self._numbers)
            records += self._series(metric)
            slot = metric._image()
            try:
                if not self._extents[-1].fits(len(records), len(slot)):
                    self._grow(made, len(records), len(slot))
            except OSError:
                if records.startswith(family.record):
                    del self._numbers[family]
                raise
            metric._publish_in(self._extents[-1].publish(records, slot), self.turn)
            del self._unpublished[0]

    def _grow(self, made: Made, records: int, slot: int) -> None:
        """Add an extent with room for so much, as large as all before it together (V2-W4, V2-W8)."""
        begins = sum(map(len, self._maps))
        size = max(begins, layout.V2_EXTENT_SIZE + records + slot)
        size += -size % mmap.PAGESIZE
        room = size - layout.V2_EXTENT_SIZE
        values = max(slot, min(room // _FOR_VALUES // layout.V2_UNIT * layout.V2_UNIT, room - records))
        content = _records.extent(b"", b"", room - values, values)
        with _file._guard:
            mapping = extend(made, begins, content)  # W4.1, W4.2
        extent = _Extent(memoryview(mapping), 0, 0, room - values)
        self._extents[-1].lead_to(begins)
        self._extents.append(extent)
        self._maps.append(mapping)

    def _series(self, metric: Metric) -> bytes:
        return _records.series(
            self._numbers[metric._family], self._publisher.labels(metric._number), len(metric._image())
        )

    def _wait(self) -> None:
        self._extents, self._maps, self._header = [], [], None
        self._unpublished = list(self.metrics.values())
        self._again, self._delay = 0.0, _SOON
        self._preparing, self._left = False, True
        for metric in self._unpublished:
            metric._reset()

    def _close(self) -> None:
        for metric in self.metrics.values():
            metric._reset()
        self._extents, self._header = [], None
        for mapping in self._maps[1:]:
            with contextlib.suppress(BufferError):
                mapping.close()
        self._maps = []

    def _size(self, made: Made) -> int:
        return sum(map(len, self._maps))

    def _flush(self, made: Made) -> None:
        for mapping in self._maps:
            mapping.flush()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.end()
        super().__del__()


def _word(view: memoryview, place: int) -> Any:
    return view[place : place + layout.V2_UNIT].cast("Q", ())


@atexit.register
def _end() -> None:
    for file in list(_file._live):
        file.end()
