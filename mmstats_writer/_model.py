"""Models: classes whose instances publish their fields, and the writer that does the same without a class.

Rule 1: an instance's class is one made of the declared one, with a place of its own for each metric: what lies there is
        found at once. For version 1 it is made of version 1's model too.
Rule 2: all that can be wrong with a declaration is found before anything is on disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from mmstats_format import DeclarationError, settings

from ._create import check_host
from ._fields import (
    AverageField,
    CounterField,
    Field,
    GaugeField,
    HistogramField,
    MovingAverageField,
    StateField,
    SummaryField,
    TextField,
    TimerField,
)
from ._file import ON_EXIT
from ._given import refusal
from ._publisher import Publisher

_P = ParamSpec("_P")
_T = TypeVar("_T")

_VERSIONS = (1, 2)


class BaseMmStats:
    """Subclass it, give it fields, and make an instance.

    Every thread that updates the instance gets a file of its own, whose counts begin at zero; a forked child gets one
    with its first update. A class attribute ``format = 1`` has its instances write version 1. The class of an instance
    is one derived from the declared one.
    """

    #: The version that instances write; None for what ``MMSTATS_FORMAT`` says, and 2 where that says nothing.
    format: int | None = None
    #: What becomes of the files of instances at the end of their process, where the call does not say it.
    on_exit: str = "keep"

    _setters: Mapping[str, Callable[[Any], None]] = {}
    _metrics: Mapping[str, Any] = {}
    _version1: Any = None
    _file: Any
    _prefix: str

    def __new__(cls, *arguments: object, **named: Any) -> Self:
        format = named.get("format")
        if format is None and not isinstance(cls.format, Field):
            format = cls.format
        if format is None:
            format = settings.format_version(2)
        if format not in _VERSIONS:
            raise ValueError(f"a format is 1 or 2, not {format!r}")
        made = _instance_class(cls, format)
        # Version 1's models are `threading.local`, which makes each thread's part anew with these arguments.
        new: Any = super(BaseMmStats, made).__new__
        instance: Self = new(made, *arguments, **named) if format == 1 else new(made)
        return instance

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        filename: str | os.PathLike[str] | None = None,
        prefix: str = "",
        *,
        app: str | None = None,
        format: int | None = None,
        on_exit: str | None = None,
    ) -> None:
        """Make the calling thread's file.

        Args:
            path: directory of the file; by default ``MMSTATS_PATH``, else the temporary directory.
            filename: its name in there; an absolute one is taken as it is. By default ``MMSTATS_FILES``, else
                ``{APP}-{PID}-{TID}.mmstats``. In both, ``{APP}``, ``{CMD}``, ``{PID}``, ``{TID}`` and ``{CLASS}`` are
                filled in. Where the name is taken, ``-1``, ``-2``, … goes before its extension.
            prefix: goes before every metric's name.
            app: the application's name; by default ``MMSTATS_APP``, else ``{CMD}``.
            format: version of the format to write, 1 or 2; by default the class's, then ``MMSTATS_FORMAT``, then 2.
            on_exit: what becomes of the files of all threads when the process that made them ends cleanly: ``"keep"``
                leaves them, ``"fold"`` adds their counts to the application's archive and removes them (FORMAT.md
                3.12; not in version 1), ``"discard"`` removes them, counts and all. By default the class's.

        Raises:
            DeclarationError: a name, label, text, template or bound that cannot be used, or a field or an `on_exit`
                that version 1 does not know.
            TypeError: an argument, or a static field's value, is of the wrong type.
            ValueError: a format other than 1 and 2, or another `on_exit`.
            OSError: the file cannot be made; nothing of it is left on disk.
            UnsupportedHost: this machine cannot write mmstats files.
        """
        if format is not None and format != (2 if self._version1 is None else 1):
            raise ValueError("format= came too late; give it to the call of the class, or to the class")
        fields = _fields(type(self))
        if on_exit is None:
            on_exit = "keep" if "on_exit" in fields else self.on_exit
        _check_on_exit(on_exit)
        if self._version1 is not None:
            if on_exit == "fold":
                raise DeclarationError("not-in-version-1", "on_exit", "version 1 cannot be folded; keep or discard it")
            self.__dict__.update(_app=app, _on_exit=on_exit)
            self._version1.__init__(self, path, filename, prefix)
            return
        check_host()
        if not isinstance(prefix, str):
            raise TypeError(f"a prefix is text, not {type(prefix).__name__}")
        publisher = Publisher(path, filename, app, type(self).__name__, on_exit)
        setters: dict[str, Callable[[Any], None]] = {}
        metrics: dict[str, Any] = {}
        for key, field in fields.items():
            name = prefix + (field.name or key)
            metrics[key] = publisher.declare(field.declared(name), field.behaviour())
            setters[key] = _setter(key, field, metrics[key])
        publisher.open()
        place = object.__setattr__
        for key, metric in metrics.items():
            if not fields[key].plain:
                place(self, key, metric)
        for key, value in (("_file", publisher), ("_metrics", metrics), ("_prefix", prefix), ("_setters", setters)):
            place(self, key, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if (setter := self._setters.get(name)) is not None:
            setter(value)
        elif not self._metrics and name in _fields(type(self)):
            raise AttributeError(f"{name!r} is a field and can be assigned to after BaseMmStats.__init__", name=name)
        else:
            super().__setattr__(name, value)

    def declare(self, key: str, field: Field[_T]) -> _T:
        """Add a metric while running; from now on it is the attribute `key`.

        Args:
            key: the attribute's name, and the metric's where the field has none.
            field: what it is; not a plain value, which has no object to update.

        Returns:
            What the attribute gives.

        Raises:
            DeclarationError: no file can hold it, its name is taken, or the instance writes version 1, which cannot
                grow.
        """
        if self._version1 is not None:
            raise DeclarationError("not-in-version-1", key, "a file of version 1 cannot grow; declare it in the class")
        if field.plain:
            raise DeclarationError("plain-field", key, "a plain value is declared in the class; take a gauge or text")
        metric = self._file.declare(field.declared(self._prefix + (field.name or key)), field.behaviour())
        object.__setattr__(self, key, metric)
        self._setters[key] = _setter(key, field, metric)  # type: ignore[index]  # its own by now
        return metric  # type: ignore[no-any-return]

    @property
    def filename(self) -> str:
        """The path of the calling thread's file."""
        path: str = self._file.path
        return path

    @property
    def size(self) -> int | None:
        """The size of the calling thread's file in bytes, a multiple of the page; None after `remove`."""
        size: int | None = self._file.size
        return size

    def flush(self, *, wait: bool = True) -> None:
        """Have the values written to disk, so that they outlive the machine: of all threads, in version 2.

        Args:
            wait: return when they are written; else at once, and the kernel writes in its own time.

        Raises:
            ClosedError: after `remove`.
            OSError: they could not be written.
        """
        self._file.flush(wait)

    def remove(self) -> None:
        """Give up the instance's files and take them from the disk; a second call does nothing.

        Any further use of a field is a `ClosedError`. In version 1 that holds for the calling thread; the files of
        other threads are taken from the disk where the template has ``{PID}`` and ``{TID}``.
        """
        self._file.remove()


class MmStats(BaseMmStats):
    """`BaseMmStats`; in version 1 with constants about the process, which version 2 has in every file."""


def _declaring(kind: Callable[_P, Field[_T]]) -> Callable[Concatenate[Writer, _P], _T]:
    @wraps(kind)
    def declare(self: Writer, /, *arguments: _P.args, **named: _P.kwargs) -> _T:
        field = kind(*arguments, **named)
        if not field.name:
            raise DeclarationError("bad-name", "", "a metric without an attribute needs a name")
        metric: _T = self._file.declare(field.declared(self._prefix + field.name), field.behaviour())  # type: ignore[assignment]
        return metric

    return declare


class Writer:
    """Publishes metrics that are declared by calls. Version 2 only: version 1 cannot grow.

    Each method takes the arguments of the field of its name, the metric's name first, and gives what is updated.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        filename: str | os.PathLike[str] | None = None,
        prefix: str = "",
        *,
        app: str | None = None,
        on_exit: str = "keep",
    ) -> None:
        """Make the calling thread's file; see `BaseMmStats`."""
        check_host()
        _check_on_exit(on_exit)
        if not isinstance(prefix, str):
            raise TypeError(f"a prefix is text, not {type(prefix).__name__}")
        self._prefix = prefix
        self._file = Publisher(path, filename, app, type(self).__name__, on_exit)
        self._file.open()

    counter = _declaring(CounterField)
    gauge = _declaring(GaugeField)
    moving_average = _declaring(MovingAverageField)
    average = _declaring(AverageField)
    summary = _declaring(SummaryField)
    histogram = _declaring(HistogramField)
    timer = _declaring(TimerField)
    state = _declaring(StateField)
    text = _declaring(TextField)

    @property
    def filename(self) -> str:
        """The path of the calling thread's file."""
        return self._file.path

    @property
    def size(self) -> int | None:
        """The size of the calling thread's file in bytes; None after `remove`."""
        return self._file.size

    def flush(self, *, wait: bool = True) -> None:
        """Have the values of all threads written to disk; see `BaseMmStats.flush`."""
        self._file.flush(wait)

    def remove(self) -> None:
        """Give up the files and take them from the disk; see `BaseMmStats.remove`."""
        self._file.remove()


class _Quiet:
    """Comes first among the bases of an instance's class, of which the application's own hooks know nothing."""

    __slots__ = ()

    def __init_subclass__(cls, **_: object) -> None:
        pass


def _instance_class(kind: type[Any], version: int) -> type[Any]:
    """The class of instances of `kind` that write `version`."""
    known: dict[int, type[Any]] = vars(kind).get("_instance_classes") or {}
    if not known:
        kind._instance_classes = known
    if version in known:
        return known[version]
    fields = _fields(kind)
    space: dict[str, Any] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    bases: tuple[type[Any], ...] = (_Quiet, kind)
    if version == 1:
        from . import _version1

        base = _version1.MmStats if issubclass(kind, MmStats) else _version1.BaseMmStats
        bases, space["_version1"] = (_Quiet, kind, base), base
        space |= {key: _in_version1(key, field) for key, field in fields.items()}
    else:
        space |= {key: _value(key) for key, field in fields.items() if field.plain}
        space["__slots__"] = tuple(key for key, field in fields.items() if not field.plain)
    metaclass: Any = type(kind)
    made: type[Any] = metaclass(kind.__name__, bases, space)
    made._declared = fields
    known[version] = made
    return made


def _fields(kind: type[Any]) -> dict[str, Field[Any]]:
    """The fields of a class and its bases in the order of declaration; an overridden one keeps its place."""
    if (declared := vars(kind).get("_declared")) is not None:
        return declared  # type: ignore[no-any-return]
    fields: dict[str, Field[Any]] = {}
    for base in reversed(kind.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Field):
                fields[name] = value
            else:
                fields.pop(name, None)
    return fields


def _check_on_exit(on_exit: object) -> None:
    if on_exit not in ON_EXIT:
        raise ValueError(f"on_exit is one of {', '.join(map(repr, ON_EXIT))}, not {on_exit!r}")


def _in_version1(key: str, field: Field[Any]) -> Any:
    counterpart = field.version1()
    if counterpart is None:
        raise DeclarationError("not-in-version-1", key, f"version 1 cannot carry this {type(field).__name__}")
    return counterpart


def _value(key: str) -> property:
    return property(lambda self: self._metrics[key].value)


def _setter(key: str, field: Field[Any], metric: Any) -> Callable[[Any], Any]:
    if getattr(type(field), "__set__", True) is not None and hasattr(metric, "set") and not field.labelnames:
        return metric.set  # type: ignore[no-any-return]
    return refusal(key, field)
