"""Models: classes whose instances publish their fields, a file for each thread.

Rule 1: an instance is a `threading.local`: ``__init__`` runs in every thread that touches it, with the same arguments,
        and what it keeps is that thread's alone.
Rule 2: all that can be wrong with a declaration is found before anything is on disk (V1-W8).
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from weakref import ref

from mmstats_format import DeclarationError, settings

from .._create import check_host
from .._given import refusal, template
from .._naming import expand, words
from .fields import (
    Field,
    PlainField,
    StaticDoubleField,
    StaticInt64Field,
    StaticTextField,
    StaticUInt64Field,
    StaticUIntField,
)
from .file import File
from .state import State


class BaseMmStats(threading.local):
    """Subclass it, give it fields, and make an instance; `MmStats` has the usual fields about the process besides.

    Every thread that uses the instance gets a file of its own, whose values begin at zero. A forked child gets one
    with its first update.
    """

    # Until __init__ has run, in each thread.
    _setters: Mapping[str, Callable[[Any], None]] = {}
    _states: Mapping[str, State] = {}
    _file: File

    #: What ``{APP}`` stands for; None for what ``MMSTATS_APP`` says.
    _app: str | None = None
    _on_exit: str = "keep"

    #: Whether one label may occur twice in a file.
    _duplicates = False

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        filename: str | os.PathLike[str] | None = None,
        prefix: str = "",
    ) -> None:
        """Make the calling thread's file.

        Args:
            path: directory of the file; by default ``MMSTATS_PATH``, else the temporary directory.
            filename: its name in there; an absolute one is taken as it is. By default ``MMSTATS_FILES``, else
                ``{CMD}-{PID}-{TID}.mmstats``. In both, ``{CMD}``, ``{PID}``, ``{TID}`` and ``{CLASS}`` are filled in.
                Where the name is taken, ``-1``, ``-2``, … goes before its extension.
            prefix: goes before every field's name.

        Raises:
            DeclarationError: a label, text, template or name that cannot be used.
            TypeError: an argument, or a static field's value, is of the wrong type.
            OSError: the file cannot be made; nothing of it is left on disk.
            UnsupportedHost: this machine cannot write mmstats files.
        """
        check_host()
        path_template = template(settings.stats_path() if path is None else path, "path")
        file_template = template(settings.stats_filename() if filename is None else filename, "filename")
        if not isinstance(prefix, str):
            raise TypeError(f"a prefix is text, not {type(prefix).__name__}")
        kind = type(self)
        # A template that tells processes and threads apart has a file in each thread; they are removed together.
        together = "{PID}" in file_template and "{TID}" in file_template
        family = (kind, path_template, file_template) if together else None
        app = settings.app() if self._app is None else self._app
        file = File(lambda: expand(path_template, file_template, words(kind.__name__, app)), family, self._on_exit)

        states: dict[str, State] = {}
        setters: dict[str, Callable[[Any], None]] = {}
        metrics: dict[str, Any] = {}
        for name, field in _fields(kind).items():
            state = states[name] = file.declare(field, prefix + (field.name or name))
            if field.metric is not None:
                metric = metrics[name] = field.metric(state)
                state.metric = _reference(metric)
            setter = getattr(type(field), "__set__", None)
            if setter is None:
                setters[name] = refusal(name, field)
            elif setter is PlainField.__set__:
                setters[name] = state.set  # the same without a look-up
        if not self._duplicates:
            _check_labels(states)
        file.open()
        self.__dict__.update(metrics, _file=file, _states=states, _setters=setters, _prefix=prefix)

    def __setattr__(self, name: str, value: Any) -> None:
        if (setter := self._setters.get(name)) is not None:
            setter(value)
        elif not self._states and isinstance(getattr(type(self), name, None), Field):
            raise AttributeError(f"{name!r} is a field and can be assigned to after BaseMmStats.__init__", name=name)
        else:
            super().__setattr__(name, value)

    @property
    def filename(self) -> str:
        """The path of the calling thread's file."""
        return self._file.path

    @property
    def size(self) -> int | None:
        """The size of the calling thread's file in bytes, a multiple of the page; None after `remove`."""
        return self._file.size

    def flush(self, *, wait: bool = True) -> None:
        """Have the calling thread's values written to disk, so that they outlive the machine.

        Args:
            wait: return when they are written; else at once, and the kernel writes in its own time.

        Raises:
            ClosedError: after `remove`.
            OSError: they could not be written.
        """
        self._file.flush(wait)

    def remove(self) -> None:
        """Give up the calling thread's file and take it from the disk; a second call does nothing.

        Where the file's template has both ``{PID}`` and ``{TID}``, the files that other threads of this process made
        from the same class and templates are taken from the disk as well; those threads' values go on unseen. Any
        further use of a field in the calling thread is a `ClosedError`.
        """
        self._file.remove()


class MmStats(BaseMmStats):
    """`BaseMmStats` with constants about the process, by which tools know the writer.

    They are ``sys.pid``, ``sys.tid``, ``sys.uid``, ``sys.gid``, ``org.python.version`` and ``sys.created``, the latter
    in seconds since 1970.
    """

    pid = StaticUIntField("sys.pid", value=os.getpid)
    tid = StaticInt64Field("sys.tid", value=threading.get_native_id)
    uid = StaticUInt64Field("sys.uid", value=lambda: os.getuid())
    gid = StaticUInt64Field("sys.gid", value=lambda: os.getgid())
    python_version = StaticTextField("org.python.version", value=lambda: sys.version.replace("\n", "")[:256])
    created = StaticDoubleField("sys.created", value=time.time)


def _fields(kind: type[BaseMmStats]) -> dict[str, Field[Any]]:
    """The fields of a class and its bases in the order of declaration; an overridden one keeps its place."""
    fields: dict[str, Field[Any]] = {}
    for base in reversed(kind.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Field):
                fields[name] = value
            else:
                fields.pop(name, None)
    for name, field in fields.items():
        if field.key not in (None, name):
            raise DeclarationError("shared-field", name, f"its field is that of {field.key!r}; declare one for each")
        field.key = name
    return fields


def _check_labels(states: dict[str, State]) -> None:
    names: dict[str, str] = {}
    for name, state in states.items():
        other = names.setdefault(state.label, name)
        if other != name:
            raise DeclarationError("duplicate-label", state.label, f"both {other!r} and {name!r} have this label")


def _reference(metric: Any) -> Callable[[], Any]:
    try:
        return ref(metric)
    except TypeError:  # a class with slots
        return lambda: metric
