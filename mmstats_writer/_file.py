"""A file of one instance in one thread, through its life: made, used, left behind by a fork, removed.

    open ──► in use ──► removed
      ▲         │ fork, in the child
      │         ▼
      └────  waiting        the first update opens a file of the child's own (V1-W7, V2-W12)

Rule 1: what is in the file is its subclasses' business, one for each version of the format.
Rule 2: what a forked child inherits it lets go of at once, and never unlocks (V1-W6). So no descriptor comes or goes
        while another thread forks: all of that happens under one guard, which a fork takes too.
Rule 3: no code of the application runs under the guard.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from mmstats_format import ClosedError

from ._create import Made, create, discard

#: The identity of every file that this process made, by its path, by its family.
_families: dict[object, dict[str, tuple[int, int]]] = {}
_live: WeakSet[File] = WeakSet()
_guard: Any = threading.RLock()
#: How many forks lie between this process and the one that imported this.
forks = 0


class File:
    """What files of both versions have in common."""

    def __init__(self, wanted: Callable[[], str], family: object) -> None:
        """Make nothing yet.

        Args:
            wanted: gives the path to make the file under, as things are when it is made.
            family: what files have in common that are removed together; None for a file that is removed alone.
        """
        self._wanted, self._family = wanted, family
        self._made: Made | None = None
        self._lock = -1
        self._removed = False

    @property
    def path(self) -> str:
        """Where the file is, or was. A forked child that asks has it made."""
        return self.open().path if self._made is None else self._made.path

    @property
    def made(self) -> bool:
        """Whether there is a file."""
        return self._made is not None and not self._removed

    @property
    def size(self) -> int | None:
        """Bytes of the file; None once it is removed."""
        return None if self._removed else self._size(self.open())

    def open(self) -> Made:
        """Make the file, unless it is made, and publish in it from now on.

        Raises:
            ClosedError: the file was removed.
            OSError: it cannot be made.
        """
        if self._made is not None and not self._removed:
            return self._made
        content = self._content()
        path = self._wanted()
        with _guard:
            if self._removed:
                raise ClosedError("the file was removed; make a new instance")
            if self._made is not None:
                return self._made
            tried: list[Made] = []
            try:
                made = self._create(path, content, tried)
                if self._family is not None:
                    _families.setdefault(self._family, {})[made.path] = made.identity
                _live.add(self)
                self._attach(made)
                self._made = made
                self._lock = made.lock
                if self._is_removed():  # by what interrupted this
                    if self._lock == made.lock:  # before there was anything to remove
                        self._made = None
                    raise ClosedError("the file was removed; make a new instance")
            except BaseException as error:
                # A signal handler or the like broke it off.
                if self._made is None and tried:
                    self._detach()
                    self._lock = -1
                    discard(tried.pop())
                elif tried and not self._is_removed():
                    self._lock = tried[0].lock
                if self._is_removed() and isinstance(error, Exception):
                    raise ClosedError("the file was removed; make a new instance") from None
                raise
            return made

    def _is_removed(self) -> bool:
        return self._removed

    def flush(self, wait: bool) -> None:
        """Have the values written to disk.

        Raises:
            ClosedError: the file was removed.
            OSError: the kernel could not write.
        """
        made = self.open()
        # On Linux there is nothing to start where nobody waits: the kernel writes dirty pages by itself.
        if wait:
            self._flush(made)

    def remove(self) -> None:
        """Give the file up, and take it and its family's others from the disk. A second call does nothing."""
        with _guard:
            if self._removed:
                return
            self._removed = True
            self._close()
            gone = _families.pop(self._family, {})
            if self._made is not None:
                gone[self._made.path] = self._made.identity
                # Another thread that uses this instance's metrics may be amid an update; its window goes with it.
                with contextlib.suppress(BufferError):
                    self._made.map.close()
            self._unlock()
            for path, identity in gone.items():
                with contextlib.suppress(OSError):
                    status = os.lstat(path)
                    if (status.st_dev, status.st_ino) == identity:
                        os.unlink(path)

    def leave(self) -> None:
        """In a forked child: let go of the parent's file."""
        self._unlock()
        self._made = None
        self._wait()

    def renew(self) -> None:
        """In a forked child, when all files are left: have what depends on the file begin anew."""

    def end(self) -> None:
        """At the interpreter's exit: say that nothing follows, where the format has words for it."""

    def _content(self) -> bytes:
        """All bytes of the file as it is made."""
        raise NotImplementedError

    def _create(self, path: str, content: bytes, tried: list[Made]) -> Made:
        """Make the file; see `create`."""
        return create(path, content, self._unlocked(content), tried)

    def _unlocked(self, content: bytes) -> bytes:
        """`content` for a file without a lock."""
        return content

    def _attach(self, made: Made) -> None:
        """Publish in the file's mapping from now on."""
        raise NotImplementedError

    def _detach(self) -> None:
        """Publish in private memory again: the file is given up."""
        raise NotImplementedError

    def _wait(self) -> None:
        """Publish nowhere until the first update, which calls `open`."""
        raise NotImplementedError

    def _close(self) -> None:
        """Refuse every further use."""
        raise NotImplementedError

    def _size(self, made: Made) -> int:
        return len(made.map)

    def _flush(self, made: Made) -> None:
        made.map.flush()

    def _unlock(self) -> None:
        with _guard:
            lock, self._lock = self._lock, -1
            if lock >= 0:
                os.close(lock)

    def __del__(self) -> None:
        self._unlock()


def warn(message: str, *details: object) -> None:
    """Log what an update cannot raise."""
    import logging  # as much to load as all the rest

    logging.getLogger("mmstats").warning(message, *details)


def let_go(free: bool) -> None:
    """Where the guard was free before, have it free again: a trace hook can break a ``with`` off at its very end."""
    while free and _guard._is_owned():
        _guard.release()


def _before_fork() -> None:
    _guard.acquire()


def _after_fork_in_parent() -> None:
    _guard.release()


def _after_fork_in_child() -> None:
    global _guard, forks
    forks += 1
    try:
        _guard.release()
    except RuntimeError:  # a fork in C, which called Python afterwards only: a thread that is gone may hold it
        _guard = threading.RLock()
    _families.clear()
    inherited = [file for file in _live if not file._removed]
    _live.clear()
    for file in inherited:
        file.leave()
    for file in inherited:
        file.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
