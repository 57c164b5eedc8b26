"""Removing what dead writers left, or folding it into archives first (FORMAT.md 3.11, 3.12).

    look at every file ──► dead? ──► under its owner's lock: look again ──► read ──► fold ──► remove

Rule 1: a file is read for the last time after its writer is known to be dead.
Rule 2: of others' files only the superuser removes any, and nobody folds them; where counts are to be folded, only
        version 1's, which cannot be, are lost.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from mmstats_format import FormatError, layout
from mmstats_format import folding as steps
from mmstats_format.archive import Metric, Source

from ._file2 import UNORDERED, Reading
from ._finding import statistics_files
from ._kept import Kept
from ._reader import identity_of
from ._records import Plan


class Cleaned(NamedTuple):
    """What was found of a file, and done with it.

    Attributes:
        path: of the file.
        state: of its writer: ``"live"``, ``"dead"`` or ``"unknown"``; of an archive ``"archive"``.
        reason: why, in a sentence; where something failed, the error.
        action: ``"kept"``, ``"removed"``, ``"folded"``; ``"gone"`` where another cleaner was faster, ``"failed"``
            where it cannot be read or removed. In a dry run what would be done.
        archive: path of the archive that has its counts, where it was folded; else empty.
    """

    path: str
    state: str
    reason: str
    action: str = "kept"
    archive: str = ""


def clean(*where: str | os.PathLike[str], fold: bool = False, dry_run: bool = False) -> list[Cleaned]:
    """Remove the files of dead writers.

    Args:
        where: directories, or files; by default what ``MMSTATS_GLOB`` says, as for every tool.
        fold: add the counts of version 2 files to their applications' archives before they go.
        dry_run: only say what would be done.

    Returns:
        What was found and done, file by file. What cannot be done is said there; nothing of it is raised.
    """
    given = [os.fspath(path) for path in where]
    found: dict[str, Cleaned] = {}
    removals: dict[tuple[str, int], list[str]] = {}
    folds: dict[str, list[Cleaned]] = {}
    for path in statistics_files(given)[0]:
        try:
            judged, owner, unfinished = _judged(path, fold)
        except FileNotFoundError as error:
            if path in given:  # else it went while this looked around
                found[path] = _failed(path, error)
            continue
        except (FormatError, OSError) as error:
            judged, owner, unfinished = _failed(path, error), -1, False
        found[path] = judged
        directory = os.path.dirname(path) or os.curdir
        if judged.action == "removed":
            removals.setdefault((directory, owner), []).append(path)
        elif judged.action == "folded":
            folds.setdefault(directory, []).append(judged)
        elif fold and unfinished:
            folds.setdefault(directory, [])
    if not dry_run:
        for (directory, owner), paths in removals.items():
            found |= _remove(directory, owner, paths)
        for directory, those in folds.items():
            found |= _fold(directory, those)
    return list(found.values())


def clean_every(
    seconds: float,
    *where: str | os.PathLike[str],
    fold: bool = False,
    report: Callable[[list[Cleaned]], None] | None = None,
) -> Callable[[], None]:
    """Call `clean` again and again, in a thread of its own that ends with the program.

    Args:
        seconds: from one beginning to the next.
        where: as of `clean`.
        fold: as of `clean`.
        report: is called with what each call gave.

    Returns:
        What ends it, and waits for a call that is being made.
    """
    ended = threading.Event()

    def run() -> None:
        for done in rounds(seconds, lambda: clean(*where, fold=fold), ended.wait):
            if report is not None:
                report(done)

    thread = threading.Thread(target=run, name="mmstats-clean", daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    return end


def rounds(
    seconds: float, once: Callable[[], list[Cleaned]], wait: Callable[[float], object] = time.sleep
) -> Iterator[list[Cleaned]]:
    """What `once` gives, again and again in time, until `wait` gives a true value; who is late does not catch up."""
    begun = time.monotonic()
    while True:
        yield once()
        now = time.monotonic()
        begun = max(begun + seconds, now)
        if wait(begun - now):
            return


def _judged(path: str, fold: bool) -> tuple[Cleaned, int, bool]:
    """What is to be done with a file, whose it is, and whether it is an archive of which a fold was broken off."""
    me = os.geteuid()
    if os.path.islink(path):
        return Cleaned(path, "unknown", "it is a link"), -1, False
    file = Kept(path, False, False)
    try:
        reading = file.poll()
        if file.archive:
            unfinished = isinstance(reading, Reading) and bool(reading.plan.folded) and file.owner == me
            return Cleaned(path, "archive", "it has the counts of the dead"), file.owner, unfinished
        process = file.process(reading)
    finally:
        file.close()
    judged = Cleaned(path, process.state, process.reason)
    if process.state == "dead" and me in (0, file.owner):
        if not fold or process.version == layout.V1_VERSION:
            judged = judged._replace(action="removed")
        elif me == file.owner:
            judged = judged._replace(action="folded")
    if process.state == "dead" and judged.action == "kept":
        judged = judged._replace(reason=f"{judged.reason}, but it is user {file.owner}'s")
    return judged, file.owner, False


def _remove(directory: str, owner: int, paths: Sequence[str]) -> dict[str, Cleaned]:
    """Remove files of one owner."""
    done: dict[str, Cleaned] = {}
    try:
        with steps.locked(directory, owner) as place:
            for path in paths:
                done[path] = _removed(path, place)
    except OSError as error:
        done |= {path: _failed(path, error) for path in paths if path not in done}
    return done


def _removed(path: str, place: int) -> Cleaned:
    try:
        status = os.lstat(path)
        judged, _, _ = _judged(path, fold=False)
        if judged.action != "removed" or steps.unlink(os.path.basename(path), identity_of(status), place):
            return judged
        os.lstat(path)
        return judged._replace(action="failed", reason="it cannot be removed")
    except FileNotFoundError:
        return Cleaned(path, "dead", "another cleaner was faster", "gone")
    except (FormatError, OSError) as error:
        return _failed(path, error)


def _fold(directory: str, judged: Sequence[Cleaned]) -> dict[str, Cleaned]:
    """Fold files of the calling user."""
    wanted = {os.path.basename(cleaned.path): cleaned for cleaned in judged}
    done: dict[str, Cleaned] = {}
    plans: dict[Plan, list[Metric]] = {}

    def choose(listed: Sequence[str]) -> Iterator[Source]:
        for name in listed:
            if name in wanted:
                found = _source(wanted[name], plans)
                if isinstance(found, Source):
                    yield found
                elif found is not None:
                    done[found.path] = found

    removed: dict[str, str] = {}
    failure: FormatError | OSError = OSError("its counts are in the archive, but it cannot be removed")
    try:
        removed = steps.fold(directory, choose)
    except (FormatError, OSError) as error:
        failure = error
    for name, cleaned in wanted.items():
        if name in removed:
            done[cleaned.path] = cleaned._replace(archive=os.path.join(directory, removed[name]))
        elif not os.path.lexists(cleaned.path):
            done[cleaned.path] = cleaned._replace(action="gone", reason="another cleaner was faster")
        elif cleaned.path not in done:
            done[cleaned.path] = _failed(cleaned.path, failure)
    return done


def _source(cleaned: Cleaned, plans: dict[Plan, list[Metric]]) -> Source | Cleaned | None:
    """A file to be folded; or why it is not, by now."""
    try:
        file = Kept(cleaned.path, False, False)
        try:
            process = file.process(file.poll())
            reading = file.poll()
        finally:
            file.close()
    except FileNotFoundError:
        return None
    except (FormatError, OSError) as error:
        return _failed(cleaned.path, error)
    if process.state != "dead" or file.archive or not isinstance(reading, Reading):
        return cleaned._replace(state=process.state, reason=process.reason, action="kept")
    if reading.missing or (reading.unconfirmed and not reading.header.compatible & UNORDERED):
        return cleaned._replace(reason="its values change, though its writer is dead", action="failed")
    plan = reading.plan
    if plan not in plans:
        families = plan.families
        lasting = [series for series in plan.series if families[series.family].lasting]
        plans[plan] = [Metric(families[series.family], series.values, series.at) for series in lasting]
    header = reading.header
    name = os.path.basename(cleaned.path)
    return Source(name, header.writer_id, plan.origin[0], header.created, plans[plan], reading.row)


def _failed(path: str, error: FormatError | OSError) -> Cleaned:
    where = f"{error.filename}: " if error.filename not in (None, path) else ""
    error.filename = None
    reason = str(error) if isinstance(error, FormatError) else error.strerror or str(error)
    return Cleaned(path, "unknown", where + reason, "failed")
