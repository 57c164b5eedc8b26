"""A file of one instance in one thread, through its life: made, used, left behind by a fork, removed or ended.

    open ──► in use ──► removed, or at the end of the process ended, and then kept, folded or discarded
      ▲         │ fork, in the child
      │         ▼
      └────  waiting        the first update opens a file of the child's own (V1-W7, V2-W12)

Rule 1: what is in the file is its subclasses' business, one for each version of the format.
Rule 2: what a forked child inherits it lets go of at once, and never unlocks (V1-W6). So no descriptor comes or goes
        while another thread forks: all of that happens under one guard, which a fork takes too.
Rule 3: no code of the application runs under the guard.
Rule 4: after the end no file is made any more, private memory stands for it; and nobody waits for the guard without
        need: a thread may have been stopped for good that held it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakSet

from mmstats_format import ClosedError

from ._create import NOWHERE, Made, create, discard, private, unlink
from ._threads import RLock

#: What can become of files at the end of the process that made them.
ON_EXIT = ("keep", "fold", "discard")

#: Later than what multiprocessing and programs have a child do at its end.
_LAST = -1_000_000

_Item = TypeVar("_Item")

#: The identity of every file that this process made, by its path, by its family.
_families: dict[object, dict[str, tuple[int, int]]] = {}
#: What becomes of those that are not to be kept, and their paths, by their identities.
_passing: dict[tuple[int, int], tuple[str, str]] = {}
_live: WeakSet[File] = WeakSet()
_guard: Any = RLock()
#: Whether the process is at its end.
ended = False
#: Whether what is asked to end the files is `multiprocessing` for this child, or for children to come; None for nobody.
_asked: bool | None = None
#: How many forks lie between this process and the one that imported this.
forks = 0
_process = os.getpid()


class File:
    """What files of both versions have in common."""

    #: Whether a directory in which everybody may replace the file is refused.
    _careful = True

    def __init__(self, wanted: Callable[[], str], family: object, on_exit: str) -> None:
        """Make nothing yet.

        Args:
            wanted: gives the path to make the file under, as things are when it is made.
            family: what files have in common that are removed together; None for a file that is removed alone.
            on_exit: what becomes of it at the end of the process.
        """
        self._wanted, self._family, self._on_exit = wanted, family, on_exit
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
                if self._family is not None and made.identity != NOWHERE:
                    _families.setdefault(self._family, {})[made.path] = made.identity
                if self._on_exit != "keep" and made.identity != NOWHERE:
                    _passing[made.identity] = self._on_exit, made.path
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
                    _passing.pop(tried[0].identity, None)
                    discard(tried.pop())
                elif tried and not self._is_removed():
                    self._lock = tried[0].lock
                if self._is_removed() and isinstance(error, Exception):
                    raise ClosedError("the file was removed; make a new instance") from None
                raise
        _ask_multiprocessing()
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
                _passing.pop(identity, None)
                unlink(path, identity)

    def leave(self) -> None:
        """In a forked child: let go of the parent's file."""
        self._unlock()
        self._made = None
        self._wait()

    def renew(self) -> None:
        """In a forked child, when all files are left: have what depends on the file begin anew."""

    def settle(self) -> None:
        """Before the end: have in the file what waits for one, if that can be had now."""

    def end(self) -> None:
        """At the end of the process: say that nothing follows, where the format has words for it."""

    def _content(self) -> bytes:
        """All bytes of the file as it is made."""
        raise NotImplementedError

    def _create(self, path: str, content: bytes, tried: list[Made]) -> Made:
        """Make the file; see `create`."""
        if ended:
            return private(path, content)
        return create(path, content, self._unlocked(content), tried, self._careful)

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
        if not ended:
            self._unlock()


def warn(message: str, *details: object) -> bool:
    """Log what an update cannot raise, and say whether that worked: there may be no descriptor for it either."""
    with contextlib.suppress(Exception):
        import logging  # as much to load as all the rest

        logging.getLogger("mmstats").warning(message, *details)
        return True
    return False


def known(items: WeakSet[_Item]) -> list[_Item]:
    """What is in a set that other threads may add to meanwhile."""
    while True:
        with contextlib.suppress(RuntimeError):
            return list(items)


def let_go(free: bool) -> None:
    """Where the guard was free before, have it free again: a trace hook can break a ``with`` off at its very end."""
    while free and _guard._is_owned():
        _guard.release()


def after_fork() -> None:
    """Begin anew in a forked child, where the fork was made in C and Python was not told of it (FORMAT.md V2-W12).

    Call it in the child before the first update: a server that forks in this way has a hook for it, such as uWSGI's
    `postfork`. Forks by `os.fork` and `multiprocessing` are seen without it. Where there is nothing to do, it does
    nothing: in a process that was not forked, in a child that was seen, and a second time.
    """
    if os.getpid() != _process:
        _after_fork_in_child()


def is_ours() -> bool:
    """Whether the files are this process's, and not those of a parent that forked in C, unseen."""
    return os.getpid() == _process


def _before_fork() -> None:
    _guard.acquire()


def _after_fork_in_parent() -> None:
    _guard.release()


def _after_fork_in_child() -> None:
    global _asked, _guard, _process, forks
    forks += 1
    _process = os.getpid()
    try:
        _guard.release()
    except RuntimeError:  # a fork in C, which called Python afterwards only: a thread that is gone may hold it
        _guard = RLock()
    _families.clear()
    _passing.clear()
    _asked = None
    inherited = [file for file in _live if not file._removed]
    _live.clear()
    for file in inherited:
        file.leave()
    for file in inherited:
        file.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


@atexit.register
def _end() -> None:
    """Say of every file that nothing follows, then fold or remove what is not to be kept."""
    global ended
    if not is_ours():
        return
    for file in known(_live):
        file.settle()
    with _guard:  # never amid the making of one
        ended = True
    for file in known(_live):
        file.end()
    folded: dict[str, list[str]] = {}
    while _passing:
        identity, (on_exit, path) = _passing.popitem()
        if on_exit == "discard":
            unlink(path, identity)
        else:
            folded.setdefault(os.path.dirname(path), []).append(path)
    for directory, paths in folded.items():
        try:
            from mmstats_format.folding import fold_closed

            fold_closed(paths)
        except Exception as error:
            warn("statistics files in %r are kept, since they cannot be folded: %s", directory, error)
    # What was loaded has CPython forget that the program ends by an interrupt, which its status tells.
    if folded and getattr(sys, "last_type", None) is KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102


def _ask_multiprocessing(_: object = None) -> None:
    """Have its children end their files: they exit past the interpreter's end."""
    global _asked
    util: Any = sys.modules.get("multiprocessing.util")
    if util is None:
        return
    is_child = util.process.parent_process() is not None
    if _asked is is_child:
        return
    _asked = is_child
    if is_child:
        util.Finalize(None, _end_child, exitpriority=_LAST)
    else:  # a child that is not begun yet may make files too
        util.register_after_fork(_ask_multiprocessing, _ask_multiprocessing)


def _end_child() -> None:
    threading._shutdown()  # type: ignore[attr-defined]  # what multiprocessing does next: until then its threads count
    _end()
