"""The statistics of a directory for Prometheus, by `prometheus_client` (FORMAT.md 3.13).

``REGISTRY.register(Collector("/dev/shm/mmstats"))`` adds what all processes count to a page that is already served:
whichever process answers, it gives the totals of all. Beside them are ``mmstats_files``, ``mmstats_errors``, and for
each live process what Prometheus usually knows of one, with the labels ``app`` and ``pid``.

Rule 1: every page is valid: a name has one meaning, in the default registry also beside those of others.
Rule 2: what cannot be read never keeps the rest from the page; it is in ``mmstats_errors``.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from types import SimpleNamespace

import psutil
from prometheus_client import REGISTRY, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.samples import Sample

from mmstats_format import layout, system

from ._directory import Directory
from ._families import Process
from ._openmetrics import SUFFIXES, metrics
from ._view import View


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


#: Of a live process: name, type, help, and the value.
_OF_A_PROCESS: list[tuple[str, str, str, Callable[[psutil.Process], float]]] = [
    ("process_cpu_seconds", "counter", "CPU time of the process, user's and system's.", _cpu_seconds),
    ("process_resident_memory_bytes", "gauge", "Resident memory of the process.", lambda one: one.memory_info().rss),
    ("process_open_fds", "gauge", "File descriptors that the process has open.", lambda one: one.num_fds()),
    ("process_start_time_seconds", "gauge", "When the process began, Unix time.", lambda one: one.create_time()),
]
_FILES, _ERRORS = "mmstats_files", "mmstats_errors"
#: What no metric of a file is called, with all that samples may have behind it.
_OWN = {
    name + suffix
    for name, type_ in [(_FILES, "gauge"), (_ERRORS, "gauge"), *(entry[:2] for entry in _OF_A_PROCESS)]
    for suffix in ("", *SUFFIXES.get(type_, ()))
}

#: Clocks are set meanwhile: so many seconds after it made a file a process may seem to have begun.
_SLACK_SECONDS = 10


class Collector:
    """Gives a registry of `prometheus_client` the totals over the statistics files of some places, read at each scrape.

    Nothing is read before the first scrape, and the places need not be there. Any thread may collect, and any process
    that was forked since. One collector takes all places: two in one registry would use the same names.

    In the default registry the names of everybody else are theirs. As `prometheus_client` has there what it knows of
    the process that answers, that of the live processes is left out until somebody calls
    ``REGISTRY.unregister(PROCESS_COLLECTOR)``.
    """

    def __init__(
        self,
        *where: str | os.PathLike[str],
        mapped: bool = False,
        rate: Iterable[str] = (),
        value: Iterable[str] = (),
    ) -> None:
        """Collect from somewhere.

        Args:
            where: directories, files and patterns, as for a `Directory`.
            mapped: whether to read through mappings, likewise.
            rate: patterns of version 1 labels whose numbers are counters, likewise.
            value: patterns of those that are of unknown kind, likewise.
        """
        self._where, self._mapped = where, mapped
        self._rate, self._value = tuple(rate), tuple(value)
        self._own = self._begun()

    def _begun(self) -> tuple[int, threading.Lock, Directory]:
        """What this process reads with. Of another one its lock may be held for ever, and its poll be half done."""
        directory = Directory(*self._where, mapped=self._mapped, rate=self._rate, value=self._value)
        return os.getpid(), threading.Lock(), directory

    def describe(self) -> list[Metric]:
        """Nothing: names are known when files are read, which a registration does not do."""
        return []

    def collect(self) -> list[Metric]:
        """All metrics as they are now."""
        own = self._own
        if own[0] != os.getpid():
            own = self._own = self._begun()
        _, lock, directory = own
        with lock:
            try:
                view = directory.poll()
            except OSError:
                return [unreadable(len(directory.where))]
            return collected(view, taken=self._others())

    def _others(self) -> Collection[str]:
        """The names of everything else in the default registry, if this is in it."""
        return list(REGISTRY._names_to_collectors) if self in REGISTRY._collector_to_names else ()


def collected(view: View, *, taken: Collection[str] = (), processes: bool = True) -> list[Metric]:
    """What a view says, as metrics of `prometheus_client`.

    Args:
        view: what was read; not to be used by another thread meanwhile.
        taken: names that others have on the same page, with their suffixes.
        processes: whether live processes are told of.
    """
    files = Counter(process.state for process in view.processes)
    states = _metric(_FILES, "gauge", "Statistics files that count, by whether their writers live.")
    states.samples = [Sample(_FILES, {"state": state}, files[state]) for state in ("live", "dead", "unknown")]
    found = [states, unreadable(len(view.errors))]
    if processes:
        found += _of_processes(view.processes, taken)
    for name, type_, unit, help_, samples in metrics(view, _OWN.union(taken)):
        metric = _metric(name, type_, help_, unit)
        metric.samples = [Sample(name + suffix, labels, value) for suffix, labels, value in samples]
        found.append(metric)
    return found


def textfile(found: Sequence[Metric]) -> bytes:
    """A page that is valid in OpenMetrics and in the Prometheus text format.

    It says only types that both know: what is an info or a state set is a gauge, and the unknown is so without words.
    To the text format a counter's type is that of a name without samples, and those of its samples are not known. Only
    one of the two may, and must, escape quotes in help: they become single ones.

    Args:
        found: the metrics, which are changed.
    """
    for metric in found:
        metric.documentation = metric.documentation.replace('"', "'")
        if metric.type == "info":
            metric.name += "_info"
        if metric.type in ("info", "stateset"):
            metric.type = "gauge"
    page: bytes = generate_latest(SimpleNamespace(collect=lambda: found))  # type: ignore[no-untyped-call]
    return re.sub(rb"^# TYPE \S+ unknown\n", b"", page, flags=re.MULTILINE)


def _metric(name: str, type_: str, help_: str, unit: str = "") -> Metric:
    return Metric(name, help_, type_, unit)


def unreadable(number: int) -> Metric:
    """How many files and directories could not be read."""
    metric = _metric(_ERRORS, "gauge", "Statistics files and directories that could not be read.")
    metric.samples = [Sample(_ERRORS, {}, number)]
    return metric


def _of_processes(processes: Iterable[Process], taken: Collection[str]) -> Iterator[Metric]:
    """What Prometheus usually knows of a process, of each live one whose files these are."""
    found = [(_metric(name, type_, help_), value) for name, type_, help_, value in _OF_A_PROCESS if name not in taken]
    if not found:
        return
    for process in _once(processes):
        labels = {"app": process.app, "pid": str(process.pid)}
        with contextlib.suppress(psutil.Error):
            there = psutil.Process(process.pid)
            if not process.start and there.create_time() > process.created / 10**9 + _SLACK_SECONDS:
                continue  # another one by now
            for metric, value in found:
                suffix = "_total" if metric.type == "counter" else ""
                with contextlib.suppress(psutil.Error):
                    metric.samples.append(Sample(metric.name + suffix, labels, value(there)))
    for metric, _ in found:
        yield metric


def _once(processes: Iterable[Process]) -> Iterable[Process]:
    """Of each live process of this pid namespace one file, its first."""
    here = system.pid_namespace()
    found: dict[int, Process] = {}
    for process in sorted(processes, key=lambda one: (one.created, one.path)):
        mine = process.version == layout.V1_VERSION or process.namespace == here
        if process.state == "live" and process.pid and mine:
            found.setdefault(process.pid, process)
    return found.values()
