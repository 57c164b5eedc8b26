"""What one instance publishes: its families, their series, and a file for each thread that updates them.

    families ── series, numbered ──┬── file of thread 1: metric 0, 1, 2, …
                                   └── file of thread 2: metric 0, 2, …      those that it touched

Rule 1: what all threads share changes only where something is declared or a thread is new, and by one instruction: no
        lock that a fork or a signal handler could find taken. An update does not come here but for a thread's first.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from weakref import WeakSet

from mmstats_format import ClosedError, DeclarationError, settings
from mmstats_format.declaration import Declaration

from . import _file
from ._family import Behaviour, Family
from ._file2 import File
from ._given import template
from ._metric import NOBODY, Metric
from ._naming import expand, words
from ._threads import local


class Publisher:
    """The families of one instance, and where they are published."""

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        filename: str | os.PathLike[str] | None,
        app: str | None,
        class_name: str,
        on_exit: str = "keep",
    ) -> None:
        """Look at the templates; see `mmstats_writer.BaseMmStats`."""
        self._path = template(settings.stats_path() if path is None else path, "path")
        self._filename = template(settings.stats_filename("{APP}") if filename is None else filename, "filename")
        self._app = template(settings.app() if app is None else app, "app")
        self._class, self.on_exit = class_name, on_exit
        self.disabled = settings.disabled()
        self._families: dict[str, Family] = {}
        self._series: dict[int, tuple[Family, Sequence[bytes]]] = {}
        self._counter = itertools.count()
        self._idle: list[File] = []
        self._files: WeakSet[File] = WeakSet()
        #: Files that could not be made, or could not grow, and have values in private memory.
        self.wanting: set[File] = set()
        #: What each thread has: its file, and the metrics in it.
        self.threads = local()
        #: False until the instance is made: then nothing fails any more.
        self.opened = False
        self._removed = False
        self.wanted()  # the templates' errors, now

    def declare(self, declared: Declaration, behaviour: Behaviour) -> Metric:
        """One more family; gives its metric, or the parent of its children.

        Raises:
            DeclarationError: no file can hold it, or its name is taken.
            ClosedError: the files were removed.
        """
        if self._removed:
            raise ClosedError("the instance's files were removed; make a new one")
        if declared.name in self._families:
            raise DeclarationError("duplicate-name", declared.name, "another metric of this instance has this name")
        family = Family(self, declared, behaviour)
        # Another thread may have been faster.
        if self._families.setdefault(declared.name, family) is not family:
            return self.declare(declared, behaviour)
        try:
            return family.begin()
        except DeclarationError as error:  # from a field, which does not know its attribute
            raise DeclarationError(error.code, error.name or declared.name, error.args[2]) from None

    def add(self, family: Family, values: Sequence[bytes]) -> int:
        """One more series; gives its number."""
        number = next(self._counter)
        self._series[number] = family, values
        return number

    def metric(self, number: int) -> Metric:
        """The metric of a series in the calling thread's file, in which there is room for it if that can be had."""
        file = self.here()
        metric = file.metric(number, self._series[number][0])
        if self.opened and metric._home is NOBODY:
            file.prepare()
        return metric

    def open(self) -> None:
        """Make the calling thread's file.

        Raises:
            OSError: it cannot be made.
        """
        file = self.here()
        if self.disabled:
            file.prepare()
        else:
            file.open()
        self.opened = True

    def here(self) -> File:
        """The calling thread's file, which may not be made yet."""
        try:
            file: File = self.threads.file
            return file
        except AttributeError:
            return self._arrive()

    def families(self) -> list[Family]:
        """All families, in the order of their declaration."""
        return list(self._families.values())

    def labels(self, number: int) -> Sequence[bytes]:
        """The label values of a series."""
        return self._series[number][1]

    def name(self, number: int) -> str:
        """The name of a series' family."""
        return self._series[number][0].declared.name

    @property
    def path(self) -> str:
        """Where the calling thread's file is, or was; where statistics are disabled, where it would be."""
        return self.wanted() if self.disabled else self.here().path

    @property
    def size(self) -> int | None:
        """Bytes of the calling thread's file; None once it is removed, or where statistics are disabled."""
        return None if self.disabled or self._removed else self.here().size

    def flush(self, wait: bool) -> None:
        """Have the values of all threads written to disk; the calling thread's file is made if it is not.

        Raises:
            ClosedError: the files were removed.
            OSError: the kernel could not write.
        """
        if self.disabled:
            return
        here = self.here()
        here.flush(wait)
        for file in _file.known(self._files):
            if file is not here and file.made:
                file.flush(wait)

    def remove(self) -> None:
        """Give up the files of all threads, and take them from the disk."""
        self._removed = True
        for file in _file.known(self._files):
            file.remove()

    def app(self) -> str:
        """The application's name."""
        return str(self._words()["APP"])

    def wanted(self) -> str:
        """The path under which the calling thread's file is to be made."""
        return expand(self._path, self._filename, self._words())

    def _words(self) -> dict[str, str | int]:
        return words(self._class, self._app)

    def _arrive(self) -> File:
        """A file for a thread that is new here: one that another thread left, or one of its own."""
        if self._removed:
            raise ClosedError("the instance's files were removed; make a new one")
        try:
            file = self._idle.pop()
        except IndexError:
            file = File(self)
            self._files.add(file)
            if self._removed:
                file.remove()  # type: ignore[unreachable]  # another thread, or what interrupts this, removes
        else:
            file.hand_over()
        file.own()
        mine = vars(self.threads)
        # What interrupts this may have arrived too; the first counts, and the other's file is idle again.
        leaving: _Leaving = mine.setdefault("leaving", _Leaving(self._idle, file))
        file = leaving.file
        mine["metrics"], mine["file"] = file.metrics, file
        for number in list(self._series):  # of keys alone, which other threads cannot get in between
            family = self._series[number][0]
            if not family.declared.labels:
                file.metric(number, family)
        return file


class _Leaving:
    """Lives as long as its thread, and then passes the thread's file on."""

    def __init__(self, idle: list[File], file: File) -> None:
        self._idle, self.file = idle, file

    def __del__(self) -> None:
        self.file.disown()
        self._idle.append(self.file)
