"""A file of version 1: fields, one behind the other, of which all are known when it is made.

Rule 1: a file knows its states weakly: a thread's instance goes, and its descriptors with it, when the thread does.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from weakref import ref

from mmstats_format import layout, settings
from mmstats_format.system import exposed

from .. import _file
from .._create import NOWHERE, Made, private
from . import state as _state

if TYPE_CHECKING:
    from .fields import Field


#: Directories of which it was said that everybody may replace files there.
_told: set[str] = set()


class File(_file.File):
    """The version 1 file of one instance in one thread."""

    _careful = False  # the original's users have such directories

    def __init__(self, wanted: Callable[[], str], family: object, on_exit: str) -> None:
        super().__init__(wanted, family, on_exit)
        self._declared: list[tuple[Field[Any], str, ref[_state.State]]] = []
        self._places: list[tuple[_state.State, int]] = []

    def declare(self, field: Field[Any], label: str) -> _state.State:
        """The state of one more field; all are declared before the file is opened."""
        state = _state.make(field, label, self)
        self._declared.append((field, label, ref(state)))
        return state

    def open(self) -> Made:
        """Make the file, unless it is made; see `_file.File.open`."""
        is_new = not self.made
        made = super().open()
        if is_new and made.identity != NOWHERE:
            directory = os.path.dirname(made.path)
            with contextlib.suppress(OSError):
                if directory not in _told and exposed(os.stat(directory)):
                    _told.add(directory)
                    _file.warn("everybody may replace the files in %r; set its sticky bit (chmod +t)", directory)
        return made

    def _content(self) -> bytes:
        content = bytearray([layout.V1_VERSION])
        places = []
        # A field whose state is gone (its instance went with another thread's memory) stays in the file.
        for state in [known() or _state.make(field, label, self) for field, label, known in self._declared]:
            places.append((state, len(content)))
            content += state.image()
        self._places = places
        return bytes(content + bytes(-len(content) % mmap.PAGESIZE))

    def _create(self, path: str, content: bytes, tried: list[Made]) -> Made:
        if settings.disabled():
            return private(path, content)
        return super()._create(path, content, tried)

    def _attach(self, made: Made) -> None:
        view = memoryview(made.map)
        for state, place in self._places:
            state.attach(view[place : place + state.size])
        self._places = []

    def _wait(self) -> None:
        for state in self._states():
            state.wait()

    def renew(self) -> None:
        """In a forked child, when all files are left: have metrics begin anew."""
        for state in self._states():
            # An object of the application's own that cannot, keeps what it has; its windows are the child's by now.
            with contextlib.suppress(Exception):
                state.renew()

    def _close(self) -> None:
        for state in self._states():
            state.close()

    def _states(self) -> Iterable[_state.State]:
        return [state for _, _, known in self._declared if (state := known()) is not None]
