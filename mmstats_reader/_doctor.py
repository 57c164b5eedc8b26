"""``slurpstats --doctor``: what is wrong with statistics files and their directories, and what helps.

Rule 1: a question is a function, and stands in a table under the name of what it finds.
Rule 2: it is asked as any reader asks: nothing is written or locked, and nothing but regular files is opened.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import stat
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mmstats_format import FormatError, UnsupportedVersion, layout, settings, system

from ._directory import Directory
from ._families import Process, names_of
from ._file2 import UNORDERED, Reading
from ._kept import Kept, Reading1
from ._liveness import file_system

#: File systems that have no disk.
_IN_MEMORY = ("devtmpfs", "ramfs", "tmpfs")

#: What writers and folders call a file that is not complete yet (FORMAT.md V1-W5, V2-F3).
_TEMPORARY = re.compile(r"\.([0-9a-f]{16}|mmstats-\d+\.fold\.new|.*\.mmstats)")

#: Seconds after which nobody is at work on such a file any more.
_ABANDONED = 60

_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
}


class Finding(NamedTuple):
    """Something that is wrong.

    Attributes:
        path: of the file or directory.
        problem: a short and stable name of it.
        what: what is wrong.
        remedy: what helps.
    """

    path: str
    problem: str
    what: str
    remedy: str


class _File(NamedTuple):
    """What was seen of a file; None where it could not be seen."""

    path: str
    status: os.stat_result | None = None
    error: FormatError | OSError | None = None
    archive: bool = False
    owner: int = -1
    reading: Reading | Reading1 | None = None
    process: Process | None = None


class _Place(NamedTuple):
    """A directory, the names in it, and its statistics files."""

    path: str
    status: os.stat_result
    names: Sequence[str]
    files: Sequence[_File]


#: What is wrong, and what helps; of a directory also where.
_Said = Iterator[tuple[str, str]]
_SaidWhere = Iterator[tuple[str, str, str]]


def examine(arguments: Sequence[str]) -> tuple[list[Finding], int]:
    """Look for what is wrong.

    Args:
        arguments: directories, or files, which are looked at by themselves; by default the directories in which
            ``MMSTATS_GLOB`` looks.

    Returns:
        What was found, and the number of files that are fine.
    """
    findings: list[Finding] = []
    looked: set[str] = set()
    if not arguments:
        pattern = os.path.dirname(settings.stats_glob()) or os.curdir
        arguments = sorted(filter(os.path.isdir, glob.glob(pattern)))
        if not arguments:
            remedy = "make it, and name it to writers and readers by MMSTATS_PATH"
            findings.append(Finding(pattern, "missing", "there is no such directory", remedy))
    for argument in arguments:
        if os.path.isdir(argument):
            found, files = _directory(argument)
            findings += found
        else:
            files = [_look(argument)]
        findings += _asked(files)
        looked.update(file.path for file in files)
    return findings, len(looked - {finding.path for finding in findings})


def _directory(path: str) -> tuple[list[Finding], list[_File]]:
    try:
        names = sorted(os.listdir(path))
        status = os.stat(path)
        paths = [os.path.join(path, name) for name in names if name.endswith(".mmstats") and name[0] != "."]
        files = [file for file in map(_look, paths) if not _vanished(file)]
        place = _Place(path, status, names, files)
        asked = _OF_DIRECTORIES.items()
        found = [Finding(where, name, what, helps) for name, ask in asked for where, what, helps in ask(place)]
    except OSError as error:
        return [Finding(path, "unreadable", f"it cannot be read: {error.strerror}", _access(error))], []
    return found, files


def _look(path: str) -> _File:
    """A file, as far as it can be seen."""
    status = None
    try:
        status = os.lstat(path)
        regular = stat.S_ISREG(status.st_mode)
        if not regular and not stat.S_ISLNK(status.st_mode):
            return _File(path, status)
        kept = Kept(path, False, regular)
        try:
            reading = kept.poll()
            return _File(path, status, None, kept.archive, kept.owner, reading, kept.process(reading))
        finally:
            kept.close()
    except (FormatError, OSError) as error:
        return _File(path, status, error)


def _vanished(file: _File) -> bool:
    is_link = file.status is not None and stat.S_ISLNK(file.status.st_mode)  # if so, it leads nowhere
    return isinstance(file.error, FileNotFoundError) and not is_link


def _asked(files: Iterable[_File]) -> list[Finding]:
    asked = _OF_FILES.items()
    return [Finding(file.path, name, *said) for file in files for name, ask in asked for said in ask(file)]


# --- Of a file.


def _no_file(file: _File) -> _Said:
    if file.status is not None and (kind := _KINDS.get(stat.S_IFMT(file.status.st_mode))):
        yield f"it is {kind} under the name of a statistics file", "remove it, or give it another name"


def _unreadable(file: _File) -> _Said:
    if isinstance(file.error, OSError):
        yield f"it cannot be read: {file.error.strerror}", _access(file.error)


def _access(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "let readers read it (chmod a+r, of a directory a+rx), or look as its owner"
    return "see whether it is what was meant; if it is of no use, remove it"


def _malformed(file: _File) -> _Said:
    if isinstance(file.error, FormatError):
        file.error.filename = None  # it is said already
        newer = isinstance(file.error, UnsupportedVersion)
        remedy = "read it with a newer version of this software" if newer else "keep a copy for its program's makers"
        yield str(file.error), f"{remedy}, or remove it"


def _writable(file: _File) -> _Said:
    if file.status is not None and stat.S_ISREG(file.status.st_mode) and file.status.st_mode & 0o022:
        yield f"others than its owner may write it (mode {_octal(file.status)})", "chmod go-w"


def _stale(file: _File) -> _Said:
    if file.process is not None and not file.archive and file.process.state == "dead":
        kept = ", with --fold it keeps the counts" if file.process.version == layout.V2_VERSION else ""
        yield f"its writer is dead: {file.process.reason}", f"cleanstats removes it{kept}"


def _unknown(file: _File) -> _Said:
    if file.process is not None and not file.archive and file.process.state == "unknown":
        remedy = "it counts as alive, and cleanstats keeps it: if you know better, remove it"
        yield f"whether its writer lives is not known: {file.process.reason}", remedy


def _marked(file: _File) -> _Said:
    if file.reading is None or not file.reading.unconfirmed:
        return
    number, place = len(file.reading.unconfirmed), min(file.reading.unconfirmed)
    remedy = "its writer updates them all the time: look again"
    if isinstance(file.reading, Reading):
        first = names_of(file.reading.plan)[place]
        if file.reading.header.compatible & UNORDERED:
            remedy = "its machine may reorder stores, and so they always are (FORMAT.md V2-R6): count on other metrics"
    else:
        first = file.reading.plan.families[place].name
    yield f"{number} of its values could not be confirmed, {first!r} first", remedy


# --- Of a directory.


def _no_files(place: _Place) -> _SaidWhere:
    if not place.files:
        yield place.path, "no statistics files are here", "see which MMSTATS_PATH the programs have"


def _replaceable(place: _Place) -> _SaidWhere:
    if system.exposed(place.status):
        yield place.path, f"everybody may replace and remove files (mode {_octal(place.status)})", "chmod +t"


def _on_disk(place: _Place) -> _SaidWhere:
    fd = os.open(place.path, os.O_RDONLY)
    try:
        kind = file_system(fd)
    finally:
        os.close(fd)
    if kind and kind not in _IN_MEMORY:
        what = f"it is on {kind}: a page that is written back to disk can keep a writer waiting"
        yield place.path, what, "use one on tmpfs, such as /dev/shm/mmstats, and name it by MMSTATS_PATH"


def _both_versions(place: _Place) -> _SaidWhere:
    versions = Counter(file.process.version for file in place.files if file.process and not file.archive)
    if len(versions) > 1:
        of = [f"{number} of version {version}" for version, number in sorted(versions.items())]
        what = f"there are files of both versions, {' and '.join(of)}"
        lacks = "version 1 has no kinds, units or labels, and cannot tell containers apart"
        yield place.path, what, f"{lacks}: let its programs write version 2"


def _conflicts(place: _Place) -> _SaidWhere:
    with Directory(place.path) as directory:
        for name, differs, (one, other) in directory.poll().conflicts:
            remedy = "their values stay apart: declare it alike, or give one another name"
            yield one, f"{name!r} has another {differs} here than in {other}", remedy


def _strangers_archives(place: _Place) -> _SaidWhere:
    for file in place.files:
        if file.archive and file.owner not in (os.geteuid(), place.status.st_uid):
            what = f"it is user {file.owner}'s archive, and counts for that user's files alone"
            yield file.path, what, "if that user has no statistics here, remove it"


def _leftovers(place: _Place) -> _SaidWhere:
    for name in filter(_TEMPORARY.fullmatch, place.names):
        path = os.path.join(place.path, name)
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > _ABANDONED:
            yield path, "a writer or folder that was killed left it, incomplete", "remove it"


def _octal(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"


_OF_FILES = {
    "not-a-file": _no_file,
    "unreadable": _unreadable,
    "malformed": _malformed,
    "writable": _writable,
    "stale": _stale,
    "unknown": _unknown,
    "unconfirmed": _marked,
}
_OF_DIRECTORIES = {
    "no-files": _no_files,
    "replaceable": _replaceable,
    "on-disk": _on_disk,
    "both-versions": _both_versions,
    "conflict": _conflicts,
    "foreign-archive": _strangers_archives,
    "leftover": _leftovers,
}
