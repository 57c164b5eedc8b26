"""Folding: the counts of dead writers into archives, and their files away (FORMAT.md 3.12).

    lock ── list, read archives ── choose ── temporary archive ── synchronise ── its name ── remove what is folded
              ▲                                                                                        │
              └─────────────────────────── until nothing was removed ──────────────────────────────────┘

Rule 1: the steps are those of V2-F3, in their order: after a kill between any two of them every reader counts right.
Rule 2: which writers are dead is the caller's to say; what it gives was read after that was known.
Rule 3: files are removed under their owner's lock only, so that no two folders or cleaners take a name twice.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from . import layout
from ._codec import build, parse
from ._document2 import Document2
from .archive import Archive, Source, is_archive, source_of
from .errors import FormatError
from .system import FLOCK, exposed

if os.name != "nt":
    import fcntl

#: Seconds that are waited for who holds the lock, unless told otherwise, and between two tries.
PATIENCE = 10.0
_PAUSE = 0.02
#: Files folded at once at most: each has a record in the archive until it is gone.
BATCH = 10_000

_SUFFIX, _ARCHIVE_SUFFIX = ".mmstats", ".archive.mmstats"
#: Bytes of an application's name in an archive's at most.
_LONGEST_NAME = 200
_MODE, _PRIVATE = 0o644, 0o600
_ARCHIVE = 1 << layout.V2_INCOMPATIBLE["archive"]
_CLOSED = layout.V2_STATES["closed"]
#: What cannot be opened for these reasons is gone, or no file of its own.
_NO_FILE = (errno.ENOENT, errno.ELOOP, errno.ENXIO)

#: Gives those of the named files whose writers are dead.
Choose: TypeAlias = Callable[[Sequence[str]], Iterable[Source]]
#: Locks that this process holds.
_held: set[int] = set()
#: Device and inode.
Identity: TypeAlias = tuple[int, int]


@dataclass
class _Kept:
    """An archive and its file; before it is written, it has none."""

    archive: Archive
    name: str = ""
    identity: Identity = (0, 0)


@dataclass
class _Listed:
    """The calling user's files: writer ids and identities by name, archives, and whether all could be read."""

    writers: dict[str, bytes] = field(default_factory=dict)
    identities: dict[str, Identity] = field(default_factory=dict)
    archives: list[_Kept] = field(default_factory=list)
    complete: bool = True


def fold(directory: str, choose: Choose, *, wait: float = PATIENCE) -> dict[str, str]:
    """Fold dead writers' files of the calling user, by the steps of V2-F3.

    Args:
        directory: where they are.
        choose: is called with the names of the user's version 2 files that are neither archives nor folded already.
        wait: seconds to wait for another folder.

    Returns:
        The names of the files that were removed, each with that of the archive which has its counts.

    Raises:
        FormatError: an archive of the user's is malformed (``filename`` says which); then nothing is folded, since it
            may hold what would be folded again.
        OSError: the directory cannot be used, another folder does not end, or an archive cannot be read or written.
    """
    removed: dict[str, str] = {}
    listed = _Listed()
    sources: Iterator[Source] | None = None
    with locked(directory, os.geteuid(), wait) as place:  # F3.1
        while True:
            os.fsync(place)  # F3.2
            listed = _list(place, directory, listed.archives)
            writers, archives = listed.writers, listed.archives
            folded = {writer: kept for kept in archives for writer in kept.archive.folded}
            homes = {name: folded[writer] for name, writer in writers.items() if writer in folded}
            if sources is None:
                sources = iter(choose([name for name in writers if name not in homes]))
            batch = list(itertools.islice(sources, BATCH))  # F3.3
            # Of several files of one writer the first by name counts (V2-R8); in this order they come.
            first = {source.writer_id: source for source in reversed(batch) if source.writer_id not in folded}
            for source in sorted(first.values(), key=lambda source: source.created):
                folded[source.writer_id] = _home(archives, source)
                folded[source.writer_id].archive.add(source)
            homes |= {source.name: folded[source.writer_id] for source in batch}
            there: Set[bytes] = frozenset(writers.values()) if listed.complete else folded.keys()
            for kept in archives:
                if kept.archive.changes(there):
                    _write(place, kept, there)  # F3.4 to F3.6
            gone = [name for name in homes if unlink(name, listed.identities[name], place)]  # F3.7
            _remove_temporary(place)
            removed |= {name: homes[name].name for name in gone}
            if not gone:
                return removed


def fold_closed(paths: Iterable[str]) -> None:
    """Fold files of the calling user's that their writers have closed; what is not closed, or gone, is left.

    Args:
        paths: of version 2 files.

    Raises:
        FormatError: as of `fold`, or one of the files is malformed.
        OSError: as of `fold`.
    """
    directories: dict[str, set[str]] = {}
    for path in paths:
        directory, name = os.path.split(path)
        directories.setdefault(directory or os.curdir, set()).add(name)
    for directory, names in directories.items():
        fold(directory, _closed(directory, names))


@contextlib.contextmanager
def locked(directory: str, owner: int, wait: float = PATIENCE) -> Iterator[int]:
    """Hold the lock under which files of an owner are folded and removed (F3.1); gives a descriptor of the directory.

    Args:
        directory: where they are.
        owner: the user whose files they are.
        wait: seconds to wait for who holds it.

    Raises:
        OSError: nothing can be removed there, everybody could do it, or another folder does not end.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "this system has no open-file-description locks; nothing is folded", directory)
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if exposed(os.fstat(place)):
            detail = "everybody may replace files here; set the directory's sticky bit (chmod +t), or take another"
            raise PermissionError(errno.EPERM, detail, directory)
        name = f".mmstats-{owner}.fold"
        until = time.monotonic() + wait
        try:
            while (fd := _lock(place, name, owner)) < 0:
                if time.monotonic() >= until:
                    raise TimeoutError(errno.ETIMEDOUT, f"another folder has the lock for {wait:g} seconds")
                time.sleep(_PAUSE)
        except OSError as error:
            error.filename = os.path.join(directory, name)
            raise
        try:
            yield place
        finally:
            # A child that another thread forked meanwhile has the description too; the lock ends all the same.
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, 0, 0, 0))
            _held.discard(fd)
            os.close(fd)
    finally:
        os.close(place)


def unlink(name: str, identity: Identity, place: int) -> bool:
    """Remove a file of the directory `place` whose lock is held, unless its name is another's by now; say whether."""
    with contextlib.suppress(OSError):
        if _identity(os.stat(name, dir_fd=place, follow_symlinks=False)) == identity:
            os.unlink(name, dir_fd=place)
            return True
    return False


def _lock(place: int, name: str, owner: int) -> int:
    """A descriptor that holds the lock; -1 where another has it, or its file has just come or gone."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(name, flags, dir_fd=place)
    except FileNotFoundError:
        # In two steps, since in a directory of all, systems refuse to open others' files with O_CREAT.
        with contextlib.suppress(FileExistsError):
            fd = os.open(name, flags | os.O_CREAT | os.O_EXCL, _PRIVATE, dir_fd=place)
            try:
                os.fchown(fd, owner, -1)
            finally:
                os.close(fd)
        return -1
    _held.add(fd)
    locked = False
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != owner:
            raise PermissionError(errno.EPERM, "it is no file of the owner's; remove it")
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        locked = _identity(os.stat(name, dir_fd=place, follow_symlinks=False)) == _identity(status)
    except (BlockingIOError, FileNotFoundError):
        pass
    finally:
        if not locked:
            _held.discard(fd)
            os.close(fd)
    return fd if locked else -1


def _let_go() -> None:
    """In a forked child: what the parent has locked is not this process's to hold."""
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _list(place: int, directory: str, before: Sequence[_Kept]) -> _Listed:
    """What there is now; archives that were there before are not read again."""
    found = _Listed()
    known = {kept.identity: kept for kept in before}
    for name in sorted(os.listdir(place)):
        if not name.endswith(_SUFFIX) or name.startswith("."):
            continue
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=place)
        except OSError as error:
            found.complete = found.complete and error.errno in _NO_FILE
            continue
        try:
            status = os.fstat(fd)
            head = os.pread(fd, layout.V2_HEADER_SIZE, 0) if _is_own(status) else b""
            if len(head) < layout.V2_HEADER_SIZE or not head.startswith(layout.V2_MAGIC):
                continue
            features = int.from_bytes(head[layout.V2_HEADER_AT_INCOMPATIBLE : layout.V2_HEADER_AT_COMPATIBLE], "little")
            if features & _ARCHIVE or name.endswith(_ARCHIVE_SUFFIX):
                kept = known.get(_identity(status))
                if kept is None and is_archive(document := _parsed(fd, os.path.join(directory, name))):
                    kept = _Kept(Archive.of(document), name, _identity(status))
                if kept is not None:
                    found.archives.append(kept)
                    continue
            found.writers[name] = head[layout.V2_HEADER_AT_WRITER_ID : layout.V2_HEADER_AT_CREATED]
            found.identities[name] = _identity(status)
        finally:
            os.close(fd)
    return found


def _home(archives: list[_Kept], source: Source) -> _Kept:
    """The archive that the source goes into: the first that admits it, or a new one (V2-F6)."""
    for kept in archives:
        if kept.archive.admits(source):
            return kept
    archives.append(_Kept(Archive(source.app)))
    return archives[-1]


def _write(place: int, kept: _Kept, there: Set[bytes]) -> None:
    """Have the archive as it is to become under its name, or the first that is free: F3.4 to F3.6."""
    content = memoryview(build(kept.archive.document(there)))
    _remove_temporary(place)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    fd = os.open(_temporary(), flags, _MODE, dir_fd=place)
    try:
        while content:
            content = content[os.write(fd, content) :]
        os.fsync(fd)
        kept.identity = _identity(os.fstat(fd))
        if kept.name:
            os.rename(_temporary(), kept.name, src_dir_fd=place, dst_dir_fd=place)
        else:
            kept.name = _link(place, kept.archive.app)
    finally:
        os.close(fd)
        _remove_temporary(place)
    os.fsync(place)


def _link(place: int, app: str) -> str:
    """Give the temporary archive a name that nothing has."""
    stem = app.replace(os.sep, "_").replace("\0", "_").encode()[:_LONGEST_NAME].decode(errors="ignore")
    if not stem or stem.startswith("."):
        stem = f"_{stem[1:]}"
    for number in itertools.count():
        name = f"{stem}-{number}{_ARCHIVE_SUFFIX}" if number else stem + _ARCHIVE_SUFFIX
        with contextlib.suppress(FileExistsError):
            os.link(_temporary(), name, src_dir_fd=place, dst_dir_fd=place, follow_symlinks=False)
            return name
    raise AssertionError("unreachable: the names do not end")


def _temporary() -> str:
    return f".mmstats-{os.geteuid()}.fold.new"


def _remove_temporary(place: int) -> None:
    """Take away what a killed folder left, or the second name of what was linked."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_temporary(), dir_fd=place)


def _closed(directory: str, names: Set[str]) -> Choose:
    def choose(listed: Sequence[str]) -> Iterator[Source]:
        for name in listed:
            if name in names:
                path = os.path.join(directory, name)
                fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    document = _parsed(fd, path)
                finally:
                    os.close(fd)
                if document.header.state == _CLOSED:
                    yield source_of(name, document)

    return choose


def _parsed(fd: int, path: str) -> Document2:
    """What an open version 2 file says."""
    with open(fd, "rb", closefd=False) as file:
        content = file.read()
    try:
        document = parse(content)
    except FormatError as error:
        error.filename = path
        raise
    assert isinstance(document, Document2), "it has version 2's magic"  # noqa: S101
    return document


def _is_own(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino
